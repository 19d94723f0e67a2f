/* MonotonicHighWatermark; OwnEpochCommitted: a leader moves it only past the leader-change record
 * of its epoch (KAFKA-12619); MajorityReachedHighWatermark: what a leader calls committed is on the
 * synced disks of a majority of the voters in its log. */
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

/* The voter's disk holds `batch` and would after a crash, or did when it was lost. */
static bool is_synced(const struct sim_world *world, struct raft_key voter,
                      const struct sim_batch *batch)
{
    const struct sim_ghost *ghost = &world->ghosts[sim_disk_of(voter)];
    const struct sim_node *node = &world->nodes[voter.id];
    bool alive = sim_is_alive(world, voter);
    const struct sim_log *log = alive ? &node->log : &ghost->log;
    int64_t synced = alive ? node->synced : ghost->synced;
    int at = sim_log_find(log, batch->base_offset);
    if (batch->last_offset < log->start.offset) {
        return true; /* in a snapshot */
    }
    return batch->last_offset < synced && at < log->count && log->items[at].prefix == batch->prefix;
}

/* The set that decides is the newest in the leader's log. */
static struct raft_voter_set voters_of_log(const struct sim_node *node)
{
    struct raft_voter_set set = *raft_voters(node->raft);
    const struct sim_voters *written = sim_log_voters(node->world, &node->log);
    return written == NULL ? set : written->set;
}

void check_majority_reached_high_watermark(struct sim_node *node)
{
    struct sim_world *world = node->world;
    int64_t high_watermark = raft_high_watermark(node->raft);
    bool led = node->seen_leading == raft_epoch(node->raft); /* it may have resigned just now */
    if (high_watermark <= max_i64(node->seen_high_watermark, node->log.start.offset) ||
        (raft_role(node->raft) != RAFT_ROLE_LEADER && !led)) {
        return;
    }
    const struct sim_batch *last = &node->log.items[sim_log_find(&node->log, high_watermark - 1)];
    struct raft_voter_set voters = voters_of_log(node);
    int holders = 0;
    for (int i = 0; i < voters.count; i++) {
        holders += is_synced(world, voters.voters[i], last);
    }
    if (holders * 2 <= voters.count) {
        sim_fail(world,
                 "MajorityReachedHighWatermark: node %d commits %" PRId64 ", synced on %d of %d",
                 node->index, high_watermark, holders, voters.count);
    }
}
