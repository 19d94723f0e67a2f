/* MonotonicEpoch: a node's epoch never goes back, and what it has saved survives a restart. */
#include "tests/sim/raft/check.h"

void check_monotonic_epoch(struct sim_node *node)
{
    int32_t epoch = raft_epoch(node->raft);
    int32_t before = node->seen_epoch > node->saved.epoch ? node->seen_epoch : node->saved.epoch;
    if (epoch < before) {
        sim_fail(node->world, "MonotonicEpoch: node %d went from epoch %d to %d", node->index,
                 before, epoch);
    }
}
