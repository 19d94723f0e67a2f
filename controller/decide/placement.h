/* Where replicas of new partitions go: striped over racks and brokers (Kafka's
 * StripedReplicaPlacer).
 *
 * Racks in order of name, from a random one on; partition p takes the rack (start + p + i) for its
 * replica i. Inside a rack brokers take turns, from a random one on, which moves by one with each
 * partition. (It moves by one more each time racks and brokers have come round together: with three
 * racks of three brokers, the same broker of a rack would lead whenever the rack does.) Fenced
 * brokers are used only when the rack has no unfenced one left; replica 0 is never fenced. Brokers
 * in controlled shutdown are not used.
 *
 *     struct decide_placer placer;
 *     enum err e = decide_placer_init(&placer, in, replication_factor, &why);
 *     for each partition: struct metadata_ids replicas = decide_place(&placer, in->arena); */
#ifndef CONTROLLER_DECIDE_PLACEMENT_H
#define CONTROLLER_DECIDE_PLACEMENT_H

#include "controller/decide/decision.h"

/* Brokers that take turns. */
struct decide_ring {
    int32_t *brokers;
    size_t count;
    size_t start; /* whose turn is first for this partition */
    size_t taken; /* how many this partition took */
    size_t turns; /* partitions since racks and brokers came round together */
};

struct decide_rack {
    struct slice name; /* null: brokers without a rack are one rack */
    struct decide_ring unfenced;
    struct decide_ring fenced;
};

struct decide_placer {
    struct decide_rack *racks;
    size_t rack_count;
    size_t start; /* rack of replica 0 of the next partition */
    size_t replication_factor;
};

/* Errors: ERR_INVALID_REPLICATION_FACTOR, with a sentence in *why. */
enum err MUST_USE decide_placer_init(struct decide_placer *placer, const struct decide_input *in,
                                     int32_t replication_factor, struct slice *why);

/* The replicas of the next partition, from `arena`. */
struct metadata_ids decide_place(struct decide_placer *placer, struct arena *arena);

#endif
