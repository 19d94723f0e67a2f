/* Partitions that move to other brokers (KIP-455): asked for, changed, given up. */
#ifndef CLI_REASSIGNMENTS_H
#define CLI_REASSIGNMENTS_H

#include "cli/admin.h"
#include "cli/cluster.h"

/* Those under way, of all topics. Errors: of admin_call(), or the answer's. */
enum err reassignments_list(struct client *client,
                            const struct wire_list_partition_reassignments_response **out) MUST_USE;

/* A move under way. */
struct reassignment_move {
    struct broker_ids replicas; /* all, those that leave included */
    struct broker_ids adding;
    struct broker_ids removing;
};

/* False: the partition does not move. `response` may be NULL: none does. */
bool reassignments_find(const struct wire_list_partition_reassignments_response *response,
                        struct slice topic, int32_t partition, struct reassignment_move *out);

/* A partition, and where it shall live. */
struct reassignment {
    struct slice topic;
    int32_t partition;
    const int32_t *replicas; /* NULL: its move is given up */
    int32_t replica_count;
    struct admin_result result; /* the answer */
};

/* Begins moves, or gives them up. `may_resize`: the number of replicas may change. Errors: of
 * admin_call(), or the answer's as a whole; else each row has its own. */
enum err reassignments_alter(struct client *client, struct reassignment *rows, int32_t count,
                             bool may_resize) MUST_USE;

#endif
