/* Where replicas should live: spread over brokers and racks, with as few of them moved as can be.
 * Pure.
 *
 *     struct move_plan plan = {brokers, …, partitions, …};
 *     TRY(move_plan_make(&plan, &arena, &why));            plan.partitions[i].target
 */
#ifndef CLI_MOVE_PLAN_H
#define CLI_MOVE_PLAN_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

struct move_broker {
    int32_t id;
    struct slice rack; /* null: none */
};

struct move_partition {
    struct slice topic;
    int32_t partition;
    const int32_t *replicas; /* now, the preferred leader first */
    int32_t replica_count;
    int32_t *target; /* the answer */
    int32_t target_count;
};

struct move_plan {
    const struct move_broker *brokers; /* where replicas may live; different ids */
    int32_t broker_count;
    struct move_partition *partitions;
    int32_t partition_count;
    int32_t replication_factor; /* 0: as many as each partition has now */
};

/* Replicas stay where they are, if their broker may have them and is not overloaded. The others go
 * where there are fewest, and to racks that the partition is not in, if there are such. Brokers
 * that have more than their share give some away; leaders are spread, too. The same input gives the
 * same answer. Errors: INVALID_REQUEST with a sentence in `why`: fewer brokers than replicas. */
enum err move_plan_make(struct move_plan *plan, struct arena *arena, struct buf *why) MUST_USE;

/* How many replicas of a partition are copied: they were not there before. */
int32_t move_plan_copies(const struct move_partition *partition);

#endif
