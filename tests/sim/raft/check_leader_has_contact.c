/* LeaderHasContact: a leader that a majority does not fetch from gives up (check-quorum,
 * KAFKA-15489), so that its clients look for another. A majority must fetch in every window of 1.5
 * fetch timeouts; at worst each does so at the beginning of one and never again, which is known at
 * the end of the next. */
#include "tests/sim/raft/check.h"

void check_leader_has_contact(struct sim_node *node)
{
    struct sim_world *world = node->world;
    const struct raft_voter_set *voters = raft_voters(node->raft);
    int64_t offset;
    raft_voters_offset(node->raft, &offset);
    if (raft_role(node->raft) != RAFT_ROLE_LEADER) {
        return;
    }
    if (node->seen_role != RAFT_ROLE_LEADER || node->seen_voters != offset) {
        for (int i = 0; i < SIM_DISKS_MAX; i++) {
            node->contact_us[i] = world->now_us; /* the election, or other voters */
        }
        node->seen_voters = offset;
        return;
    }
    int64_t limit_us =
        (int64_t)world->swarm.fetch_timeout_ms * 3 * SIM_MS * 100 / node->clock_percent;
    int64_t since_us = world->now_us - limit_us - 2 * SIM_MS;
    int contacts = 0;
    for (int i = 0; i < voters->count; i++) {
        int disk = sim_disk_of(voters->voters[i]);
        contacts += disk == node->disk || node->contact_us[disk] >= since_us;
    }
    if (contacts * 2 <= voters->count) {
        sim_fail(world, "LeaderHasContact: %d still leads epoch %d with %d contacts", node->index,
                 raft_epoch(node->raft), contacts);
    }
}
