/* A client process of a simulated cluster: connections, metadata, and the workers that load it.
 *
 * One client knows brokers and topics; workers (load.h) do one thing each: produce to a topic, read
 * it, be a member of a group. Small on purpose, but over the real net/client.h, so that what a
 * client of Kafka does to a broker is done here. Private to sim/cluster/. */
#ifndef SIM_CLUSTER_CLIENT_H
#define SIM_CLUSTER_CLIENT_H

#include "sim/cluster/world.h"

enum { SIM_PEERS_MAX = 16, SIM_CALL_MS = 6000 };

struct sim_peer {
    int32_t id; /* negative: an address to begin with */
    struct net_client *net;
};

/* Who leads a partition by the newest epoch that anybody has said: a broker that was cut off tells
 * of older ones, and must not be believed (KIP-320). */
struct sim_known_leader {
    struct uuid topic_id;
    int32_t partition;
    int32_t leader;
    int32_t epoch;
};

struct sim_client {
    struct sim_machine *machine;
    struct sim_world *world;
    struct net_loop *loop;
    struct prng prng;
    struct sim_peer peers[SIM_PEERS_MAX];
    int peer_count;
    struct net_kept *kept;                         /* what `metadata` lies in */
    const struct wire_metadata_response *metadata; /* NULL: not known yet */
    struct net_timer refresh;
    struct sim_known_leader *leaders;
    int leader_count;
    bool asking;         /* a request is under way */
    bool soon;           /* one is wanted at once */
    struct list workers; /* struct sim_worker */
};

/* On its machine. Workers for all loads of the machine are made, and start with it. */
struct sim_client *sim_client_new(struct sim_machine *m, uint64_t seed);
void sim_client_start(struct sim_client *c);

/* NULL is allowed. */
void sim_client_free(struct sim_client *c);

/* A broker by its id; NULL: not known. */
struct net_client *sim_client_node(struct sim_client *c, int32_t id);

/* A connection to the broker of one's own. */
struct net_client *sim_client_dial(struct sim_client *c, int32_t id);

/* Any broker. */
struct net_client *sim_client_any(struct sim_client *c);

/* Asks for metadata soon. */
void sim_client_refresh(struct sim_client *c);

/* NULL: not known. */
const struct wire_metadata_response_topics *sim_client_topic(const struct sim_client *c,
                                                             const char *name);

struct sim_leader {
    int32_t id;
    int32_t epoch;
    struct uuid topic_id;
    struct net_client *net;
};

/* False: not known; metadata is asked for. */
bool sim_client_leader(struct sim_client *c, const char *topic, int32_t partition,
                       struct sim_leader *out);

/* A call to be made: `done` as of struct net_call_args. */
struct sim_ask {
    int16_t api;
    int16_t version;
    const void *request;
    net_call_done *done;
    void *arg;
};

/* With the client's usual timeout. */
struct net_call *sim_client_ask(struct net_client *to, const struct sim_ask *ask);

#endif
