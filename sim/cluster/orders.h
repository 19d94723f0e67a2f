/* Orders: what a line `at TIME …` of a scenario can be.
 *
 *     crash M kill|power [within N]     now, or in the N-th change of its disk from now; a
 *                                       supervisor starts it again. hold M: not before `start`
 *     hold M · start M · stop M         stop leaves in order
 *     pause M · resume M                SIGSTOP
 *     cut MM -> MM · cut MM - MM        nothing arrives; mend … as before
 *     link MM - MM WHAT VALUE…          loss PPM, delay TIMES, tail PPM TIME, clog TIME,
 *                                       clogging TIME-PER-SECOND MAX, rate BYTES-PER-SECOND,
 *                                       default. Also with ->
 *     reset MM - MM · stall MM - MM     connections end, or one of them carries nothing any more
 *     dns M down · dns M up             no name resolves there
 *     accept M fail N                   N connections are not accepted, for want of descriptors
 *     slow M TIME                       what a turn of its loop takes
 *     work M TIMES                      what a job of its threads takes
 *     clock M jump MS · clock M drift PPM
 *     disk M fail OPS ERROR TIMES [after N] [path TEXT]     OPS: write+sync+…; ERROR: io, full
 *     disk M full BYTES · disk M slow TIMES · disk M heal · disk M writeback
 *     disk M rot TEXT [at BYTE]         a bit of a file whose path holds TEXT flips; without BYTE,
 *                                       only where it can be noticed
 *     disk M spoil TEXT                 4 KiB of it cannot be read until they are written
 *     disk M swap                       kills it, and it begins again with a new disk
 *     disk M replace                    takes it down; it comes back with a new disk when it may
 *     load CLIENT KIND …                load.h
 *     quiet                             clients finish what they have begun
 *     heal                              all faults end, damaged disks are replaced, clients become
 *                                       quiet, all must converge
 *     note …                            nothing: a word for the trace
 *
 * Rot, bad pages and new disks strike only where others have everything (replace.c).
 *
 * M is a machine, or by its role at that moment: `active` (the controller that leads), `leader-of
 * TOPIC-N` written leader-of:TOPIC-N, `follower-of:TOPIC-N`. MM is a list of them with commas, or
 * all, controllers, brokers, clients, others (all but those of the other side). Private to
 * sim/cluster/. */
#ifndef SIM_CLUSTER_ORDERS_H
#define SIM_CLUSTER_ORDERS_H

#include "sim/cluster/world.h"

struct sim_machines {
    struct sim_machine *at[SIM_MACHINES_MAX];
    int count;
};

/* A row of the table in orders.c. */
struct sim_order_kind {
    const char *name;
    int argc_min; /* with the name */
    int argc_max;
    void (*obey)(struct sim_world *world, const struct sim_order *order);
};

/* The machine that a word names now; NULL: there is none (a role that nobody has). */
struct sim_machine *sim_word_machine(struct sim_world *world, const char *word);

/* The machines of a list; `others` are all that `besides` does not have. */
void sim_word_machines(struct sim_world *world, const char *word,
                       const struct sim_machines *besides, struct sim_machines *out);

/* orders_net.c */
void sim_order_cut(struct sim_world *world, const struct sim_order *order);
void sim_order_mend(struct sim_world *world, const struct sim_order *order);
void sim_order_link(struct sim_world *world, const struct sim_order *order);
void sim_order_reset(struct sim_world *world, const struct sim_order *order);
void sim_order_stall(struct sim_world *world, const struct sim_order *order);
void sim_heal_net(struct sim_world *world);

/* orders_disk.c */
void sim_order_disk(struct sim_world *world, const struct sim_order *order);

#endif
