/* The replicas of new partitions: given by the user or placed by us, and what follows from them. */
#ifndef CONTROLLER_DECIDE_ASSIGNMENT_H
#define CONTROLLER_DECIDE_ASSIGNMENT_H

#include "controller/decide/decision.h"

/* Are these replicas a possible assignment: at least one, registered, no broker twice, and as many
 * as `replication_factor` (-1: any number)? Errors: ERR_INVALID_REPLICA_ASSIGNMENT. */
enum err MUST_USE decide_assignment_check(const struct decide_input *in,
                                          struct metadata_ids replicas, int64_t replication_factor,
                                          struct slice *why);

struct decide_new_partition {
    struct uuid topic_id;
    int32_t index;
    struct metadata_ids replicas;
};

/* Adds the record of a new partition: the active replicas are in sync, the first of them leads.
 * Errors: ERR_INVALID_REPLICA_ASSIGNMENT when none is active; nothing is added then. */
enum err MUST_USE decide_add_partition(const struct decide_input *in,
                                       const struct decide_new_partition *wanted,
                                       struct decision *out, struct slice *why);

#endif
