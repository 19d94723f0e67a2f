/* Loads: what the clients of a simulated cluster do.
 *
 * A line `at 2s load client-1 produce topic=a every=20ms..50ms` declares a load for the life of
 * the world; each process of that client makes a worker for it. A kind of load is a row of the
 * table in load.c, with a file of its own:
 *
 *     topic    topic=NAME partitions=N [replicas=N] [CONFIG=VALUE…]   makes sure that it exists
 *     produce  topic=NAME [every=TIMES] [batch=N] [size=N]       idempotent, acks=all, 5 in flight
 *     consume  topic=NAME                                 reads all partitions from their leaders
 *     group    topic=NAME group=NAME [every=TIMES]     a member of a group, commits what it reads
 *     cgroup   topic=NAME group=NAME [every=TIMES]     the same by the new protocol (KIP-848)
 *     admin    prefix=NAME [every=TIMES]       topics come, grow, change their settings and go
 *     trim     topic=NAME [every=TIMES]    deletes records from the beginning of partitions
 *     reassign [every=TIMES]               replicas move; in the end no move may be under way
 *     retire   broker=NAME [away=TIMES]    its replicas move away, it is unregistered, and a new
 *              one with its id joins
 *     quorum   [every=TIMES] [churn=PERCENT]   voters whose disks are new are replaced, others
 *              come and go; in the end every controller must be a voter
 *
 * Private to sim/cluster/. */
#ifndef SIM_CLUSTER_LOAD_H
#define SIM_CLUSTER_LOAD_H

#include "sim/cluster/client.h"

struct sim_load;
struct sim_worker;

struct sim_load_kind {
    const char *name;
    const char *const *options; /* names it takes; NULL ends. A first "*": any */
    size_t size;                /* of its own structure, which begins with struct sim_worker */
    void (*start)(struct sim_worker *w); /* what is not zero; sets the timer */
    void (*tick)(void *w);               /* the timer has run out */
    /* The client is to be quiet: has everything that was begun come to an end? NULL: when no call
     * is under way. */
    bool (*is_idle)(const struct sim_worker *w);
    /* Frees what it holds; the timer and the call are over by then. May be NULL. */
    void (*fini)(struct sim_worker *w);
    /* At the end: does the committed metadata hold what was promised? May be NULL. */
    void (*check)(const struct sim_load *load, const struct metadata_image *image);
};

/* What one process of a client does for a load: the first member of each kind's own structure. */
struct sim_worker {
    struct list link; /* in client->workers */
    struct sim_client *client;
    struct sim_load *load;
    struct net_timer timer; /* calls kind->tick() */
    struct net_call
        *call; /* under way, which whoever answers it sets to NULL; cancelled in the end */
};

struct sim_load {
    struct list link; /* in world->loads */
    const struct sim_load_kind *kind;
    struct sim_machine *machine;
    int argc; /* words KEY=VALUE of the order */
    char *const *argv;
    int number;   /* unique in the world */
    void *memory; /* of the kind, across processes; freed with mem_free() */
    char *own[1]; /* words of a load that no order declared */
};

/* ERR_CONFIG: `why`. */
enum err sim_load_check(const struct sim_order *order, struct buf *why) MUST_USE;

/* Declares it; a client that runs begins at once. */
void sim_load_begin(struct sim_world *world, const struct sim_order *order);
/* A new reader for each topic that somebody produces to. */
void sim_loads_read_back(struct sim_world *world);
void sim_loads_check(struct sim_world *world, const struct metadata_image *image);
void sim_loads_free(struct sim_world *world);

/* The workers of a process that begins, and of one that ends. */
void sim_load_workers(struct sim_client *client);
void sim_load_workers_free(struct sim_client *client);
bool sim_load_is_idle(const struct sim_worker *w);

/* The text behind KEY=, or `otherwise`. */
const char *sim_load_str(const struct sim_load *load, const char *key, const char *otherwise);
int64_t sim_load_int(const struct sim_load *load, const char *key, int64_t otherwise);

/* A random time of KEY=LOW..HIGH, in ms, at least 1. */
int64_t sim_load_draw_ms(struct sim_worker *w, const char *key, const char *otherwise);

extern const struct sim_load_kind sim_load_topic;
extern const struct sim_load_kind sim_load_produce;
extern const struct sim_load_kind sim_load_consume;
extern const struct sim_load_kind sim_load_group;
extern const struct sim_load_kind sim_load_cgroup;
extern const struct sim_load_kind sim_load_admin;
extern const struct sim_load_kind sim_load_quorum;
extern const struct sim_load_kind sim_load_reassign;
extern const struct sim_load_kind sim_load_retire;
extern const struct sim_load_kind sim_load_trim;

/* A move of one partition; `count` −1 calls one off. */
struct sim_reassignment {
    const char *topic;
    int32_t partition;
    const int32_t *replicas;
    int32_t count;
};

enum { SIM_TOPIC_MAX = 64 };

struct net_call *sim_ask_reassignment(struct sim_client *c, const struct sim_reassignment *r,
                                      net_call_done *done, void *arg);

#endif
