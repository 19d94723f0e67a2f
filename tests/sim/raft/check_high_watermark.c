/* MonotonicHighWatermark; OwnEpochCommitted: a leader moves it only past the leader-change record
 * of its epoch (KAFKA-12619); MajorityReachedHighWatermark: what anybody calls committed is on the
 * synced disks of a majority. */
#include "tests/sim/raft/check.h"

void check_monotonic_high_watermark(struct sim_node *node)
{
    struct sim_world *world = node->world;
    int64_t before = node->step_high_watermark;
    int64_t now = raft_high_watermark(node->raft);
    if (now < before) {
        sim_fail(world, "MonotonicHighWatermark: node %d went from %" PRId64 " to %" PRId64,
                 node->index, before, now);
    }
    if (now > raft_log_end(node->raft)) {
        sim_fail(world, "HighWatermarkInLog: node %d has %" PRId64 " of %" PRId64, node->index, now,
                 raft_log_end(node->raft));
    }
    bool leads = raft_role(node->raft) == RAFT_ROLE_LEADER && node->seen_role == RAFT_ROLE_LEADER;
    if (leads && now > before && now <= raft_epoch_start(node->raft)) {
        sim_fail(world, "OwnEpochCommitted: leader %d moves to %" PRId64 " below its start",
                 node->index, now);
    }
    node->step_high_watermark = now;
}

/* The node's disk holds `batch` and would after a crash. */
static bool is_synced(const struct sim_node *node, const struct sim_batch *batch)
{
    int at = sim_log_find(&node->log, batch->base_offset);
    return batch->last_offset < node->synced && at < node->log.count &&
           node->log.items[at].prefix == batch->prefix;
}

void check_majority_reached_high_watermark(struct sim_node *node)
{
    struct sim_world *world = node->world;
    int64_t high_watermark = raft_high_watermark(node->raft);
    if (high_watermark <= node->seen_high_watermark) {
        return;
    }
    const struct sim_batch *last = &node->log.items[sim_log_find(&node->log, high_watermark - 1)];
    int holders = 0;
    for (int i = 0; i < world->swarm.voters; i++) {
        holders += is_synced(&world->nodes[i], last);
    }
    if (holders * 2 <= world->swarm.voters) {
        sim_fail(world,
                 "MajorityReachedHighWatermark: node %d commits %" PRId64 ", synced on %d of %d",
                 node->index, high_watermark, holders, world->swarm.voters);
    }
}
