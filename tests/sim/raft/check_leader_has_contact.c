/* LeaderHasContact: a leader that a majority does not fetch from gives up (check-quorum,
 * KAFKA-15489), so that its clients look for another. A majority must fetch in every window of 1.5
 * fetch timeouts; at worst each does so at the beginning of one and never again, which is known at
 * the end of the next. */
#include "tests/sim/raft/check.h"

void check_leader_has_contact(struct sim_node *node)
{
    struct sim_world *world = node->world;
    if (raft_role(node->raft) != RAFT_ROLE_LEADER || world->swarm.voters == 1) {
        return;
    }
    if (node->seen_role != RAFT_ROLE_LEADER) {
        for (int i = 0; i < world->count; i++) {
            node->contact_us[i] = world->now_us; /* the election */
        }
        return;
    }
    int64_t limit_us =
        (int64_t)world->swarm.fetch_timeout_ms * 3 * SIM_MS * 100 / node->clock_percent;
    int64_t since_us = world->now_us - limit_us - 2 * SIM_MS;
    int contacts = 0;
    for (int i = 0; i < world->swarm.voters; i++) {
        contacts += i == node->index || node->contact_us[i] >= since_us;
    }
    if (contacts * 2 <= world->swarm.voters) {
        sim_fail(world, "LeaderHasContact: %d still leads epoch %d with %d contacts", node->index,
                 raft_epoch(node->raft), contacts);
    }
}
