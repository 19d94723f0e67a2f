/* A simulated cluster: real controllers, real brokers and clients on simulated machines.
 *
 * Private to sim/cluster/; the manual is cluster.h. Files: scenario.c what happens; draw.c draws it
 * from a seed; world.c lets it happen; machine.c lives and deaths of processes; orders*.c carry out
 * the lines of a scenario; client.c and what stands on it is the load; ledger.c remembers what
 * clients were told; check_*.c look for what must not be; converge.c waits until all is well. */
#ifndef SIM_CLUSTER_WORLD_H
#define SIM_CLUSTER_WORLD_H

#include "base/list.h"
#include "base/prng.h"
#include "broker/server.h"
#include "controller/server.h"
#include "metadata/metadata.h"
#include "net/net.h"
#include "sim/cluster/cluster.h"
#include "sim/cluster/scenario.h"
#include "sim/fs/sim_fs.h"
#include "sim/net/sim_net.h"

struct sim_client;
struct sim_checks;
struct sim_ledger;

enum {
    SIM_MACHINES_MAX = 18,
    SIM_CONTROLLER_ID_FIRST = 3001,
    SIM_CONTROLLER_PORT = 9093,
    SIM_BROKER_PORT = 9092,
    SIM_NAME_MAX = 24,
};

#define SIM_CLUSTER_ID "simsimsimsimsimsimsimA"
#define SIM_MS INT64_C(1000) /* the world counts in microseconds */
#define SIM_S INT64_C(1000000)

enum sim_kind { SIM_CONTROLLER, SIM_BROKER, SIM_CLIENT };

/* Why a process has to go at the end of the event. */
enum sim_end {
    SIM_END_NOT,
    SIM_END_STOPPED, /* in order */
    SIM_END_FAILED,  /* it could not go on */
    SIM_END_KILLED,  /* in the middle of a change of its disk */
    SIM_END_POWER,
};

/* A machine with at most one process. */
struct sim_machine {
    struct sim_world *world;
    char name[SIM_NAME_MAX];
    enum sim_kind kind;
    int index; /* in world->machines */
    int32_t node_id;
    struct sim_host *host;
    struct sim_disk *disk;
    struct settings *settings;
    struct log log;
    uint32_t life; /* counts the processes */

    /* The process; `loop` NULL: there is none. */
    struct net_loop *loop;
    struct controller_server *controller;
    struct broker_server *broker;
    struct sim_client *client;
    enum sim_end end;
    enum sim_crash halt_how; /* what a halt within a change of the disk will be */
    bool paused;
    bool stopping;

    int32_t epoch; /* of the quorum, when its last process ended */

    bool held;          /* nobody starts it again but a scenario, or the end of all faults */
    int64_t restart_us; /* when its supervisor starts it again; INT64_MAX: not */
    bool doomed;        /* it will lose its power in a change of its disk to come */
    bool tainted;   /* a broker: lost what it had not synced, and is not in all its ISRs since */
    bool unsound;   /* bits of it have rotted, or cannot be read: it may refuse to start */
    bool replacing; /* it stays down until it may be given a new disk */
    struct uuid old_directory; /* a voter: that of its disk before; zero: it was none */
    bool renewed;        /* its disk is new, and it has not got everything from the others yet */
    const char *refused; /* why the last start failed, NULL: it did not */
};

struct sim_world {
    const struct sim_scenario *scenario;
    const struct sim_cluster_options *options;
    struct sim_net *net;
    struct sim_fs *fs;
    struct prng prng; /* of the world's own decisions */
    struct sim_machine machines[SIM_MACHINES_MAX];
    int count;
    struct list loads; /* struct sim_load */
    int load_count;
    bool flushed; /* every append is synced: power cuts of all machines are survived */

    struct sim_ledger *ledger;
    struct sim_checks *checks;
    int64_t healed_us; /* when all faults ended; −1: they have not */
    bool quiet;        /* clients finish what they have begun */
    bool reading;      /* it has converged; everything is being read back */
    bool done;
    int64_t refused_starts;

    struct sim_cluster_report *report;
    bool failed;
};

/* Ends the run: an invariant (by its name) is broken. The first one is told. */
void sim_fail(struct sim_world *world, const char *invariant, const char *fmt, ...)
    PRINTF_LIKE(3, 4);

int64_t sim_now_us(const struct sim_world *world);

/* ---- machines: machine.c ---- */

void sim_machine_init(struct sim_machine *m, struct sim_world *world, enum sim_kind kind,
                      int number);
void sim_machine_fini(struct sim_machine *m);

/* Formats its disk as `craft format` does. */
enum err sim_machine_format(struct sim_machine *m, struct buf *why) MUST_USE;

static inline bool sim_machine_is_up(const struct sim_machine *m)
{
    return m->loop != NULL;
}

/* Starts a process; a failure is noted in `refused` and tried again later. */
void sim_machine_start(struct sim_machine *m);

/* Ends the process now, between events. */
void sim_machine_crash(struct sim_machine *m, enum sim_crash how);

/* Asks it to leave in order. */
void sim_machine_stop(struct sim_machine *m);

/* Its supervisor starts it again in a while, unless it is held. */
void sim_machine_restart_later(struct sim_machine *m);

/* After an event of its: a process that has to go goes. */
void sim_machine_settle(struct sim_machine *m);

/* NULL: no such machine. */
struct sim_machine *sim_machine_find(struct sim_world *world, const char *name);
struct sim_machine *sim_machine_of_node(struct sim_world *world, int32_t node_id);

/* The controller that leads the quorum's highest epoch, or NULL. */
struct sim_machine *sim_active_controller(struct sim_world *world);

/* ---- who may lose what: replace.c ---- */

/* May it lose what it has not synced, or cannot any more? Faults that take data away strike a
 * minority of each kind only, one broker at a time, until it is whole again. */
bool sim_may_lose(const struct sim_machine *m);

/* The same, and others are in sync with all that it has. */
bool sim_may_be_damaged(struct sim_machine *m);

/* May its disk be replaced by an empty one? As a careful operator sees it: others have everything,
 * and nobody relies on it meanwhile. `hurried`: it suffices that others are in sync. */
bool sim_may_be_new(struct sim_machine *m, bool hurried);

/* Are at least so many others in the ISR of each partition of the broker? */
bool sim_others_in_sync(struct sim_machine *m, size_t others);

/* Kills it and gives it a new disk at once, if it may have one so soon. */
void sim_machine_swap_disk(struct sim_machine *m);

/* A machine that is down and is needed by nobody starts with a new disk; else with its old one. */
void sim_machine_join(struct sim_machine *m);

/* Takes it down; it comes back with a new disk as soon as it may. */
void sim_machine_replace(struct sim_machine *m);

/* Ten times a second: replaces what is to be replaced, and after the faults what is damaged. */
void sim_replace_all(struct sim_world *world);

/* After a change of the partition's committed state. When damaged or new disks are all that is left
 * of an ISR, acknowledged records may be lost, as in Kafka: the run is given up, and counted. */
void sim_look_at_isr(struct sim_world *world, const char *partition, struct metadata_ids isr);

/* ---- the rest ---- */

/* Checks all lines before the first is carried out. ERR_CONFIG: `why`. */
enum err sim_orders_check(struct sim_world *world, struct buf *why) MUST_USE;
void sim_order_obey(struct sim_world *world, const struct sim_order *order);

/* All faults end; whoever is down is started. */
void sim_heal(struct sim_world *world);

/* Now and then once the faults have ended: has the cluster converged, has everything been read
 * back? Ends the run when the time is over. */
void sim_converge(struct sim_world *world);

#endif
