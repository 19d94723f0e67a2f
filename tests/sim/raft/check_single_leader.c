/* SingleLeader: an epoch has one leader, in one of its lives (NeverTwoLeadersInSameEpoch;
 * KAFKA-10527 is the same node leading the same epoch again). */
#include "tests/sim/raft/check.h"

#include "base/mem.h"

void check_single_leader(struct sim_node *node)
{
    struct check_state *checks = node->world->checks;
    int epoch = raft_epoch(node->raft);
    if (epoch >= checks->leader_cap) {
        int cap = epoch * 2 + 64;
        checks->leaders = mem_realloc(checks->leaders, (size_t)cap * sizeof(int));
        memset(checks->leaders + checks->leader_cap, 0,
               (size_t)(cap - checks->leader_cap) * sizeof(int));
        checks->leader_cap = cap;
    }
    if (checks->leaders[epoch] == 0) {
        checks->leaders[epoch] = node->disk + 1;
        node->world->stats.leaders++;
        return;
    }
    int other = checks->leaders[epoch] - 1;
    sim_fail(node->world, "SingleLeader: disks %d and %d lead epoch %d", other, node->disk, epoch);
}
