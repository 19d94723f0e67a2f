/* FetchIsSynced: a controller's fetch at offset O promises that everything before O survives a
 * crash (KAFKA-10533). */
#include "tests/sim/raft/check.h"

void check_fetch_is_synced(struct sim_node *node, const struct raft_fetch_request *fetch)
{
    if (sim_is_controller(node) && fetch->offset > node->synced) {
        sim_fail(node->world, "FetchIsSynced: node %d fetches at %" PRId64 ", synced %" PRId64,
                 node->index, fetch->offset, node->synced);
    }
}
