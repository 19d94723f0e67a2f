/* ConsistentCommittedData: nobody disagrees about a committed record, ever; LeaderCompleteness: a
 * leader has all that earlier epochs committed; and nobody cuts it off again. */
#include "tests/sim/raft/check.h"

#include "base/mem.h"

static void commit(struct sim_node *node, const struct sim_batch *batch)
{
    struct check_state *checks = node->world->checks;
    sim_log_append(&checks->committed, *batch);
    int count = checks->committed.count;
    if (count > checks->commit_epoch_cap) {
        checks->commit_epoch_cap = count * 2 + 64;
        checks->commit_epochs =
            mem_realloc(checks->commit_epochs, (size_t)checks->commit_epoch_cap * sizeof(int32_t));
    }
    checks->commit_epochs[count - 1] = raft_epoch(node->raft);
    node->world->stats.commits += batch->last_offset - batch->base_offset + 1;
}

void check_consistent_committed_data(struct sim_node *node)
{
    struct check_state *checks = node->world->checks;
    const struct sim_log *committed = &checks->committed;
    int64_t high_watermark = raft_high_watermark(node->raft);
    int64_t from = max_i64(max_i64(node->seen_high_watermark, 0), node->log.start.offset);
    for (int i = sim_log_find(&node->log, from);
         i < node->log.count && node->log.items[i].base_offset < high_watermark; i++) {
        const struct sim_batch *batch = &node->log.items[i];
        if (batch->last_offset >= high_watermark) {
            sim_fail(node->world, "BatchCommit: node %d has %" PRId64 " inside of a batch",
                     node->index, high_watermark);
            return;
        }
        if (batch->base_offset == sim_log_end(committed)) {
            commit(node, batch);
        }
        int at = sim_log_find(committed, batch->base_offset);
        if (at >= committed->count || committed->items[at].prefix != batch->prefix) {
            sim_fail(node->world, "ConsistentCommittedData: node %d has another record at %" PRId64,
                     node->index, batch->base_offset);
            return;
        }
    }
}

/* How many committed batches were committed in an epoch before `epoch`. */
static int committed_before(const struct check_state *checks, int32_t epoch)
{
    int count = checks->committed.count;
    while (count > 0 && checks->commit_epochs[count - 1] >= epoch) {
        count--;
    }
    return count;
}

/* What is before the beginning of its log, the node has in a snapshot. */
static bool has_batch(const struct sim_node *node, const struct sim_batch *batch)
{
    int at = sim_log_find(&node->log, batch->base_offset);
    return batch->last_offset < node->log.start.offset ||
           (at < node->log.count && node->log.items[at].prefix == batch->prefix);
}

void check_leader_completeness(struct sim_node *node)
{
    const struct check_state *checks = node->world->checks;
    int count = committed_before(checks, raft_epoch(node->raft));
    if (count > 0 && !has_batch(node, &checks->committed.items[count - 1])) {
        sim_fail(node->world, "LeaderCompleteness: leader %d of epoch %d lacks %" PRId64,
                 node->index, raft_epoch(node->raft),
                 checks->committed.items[count - 1].last_offset);
    }
}

void check_truncate(struct sim_node *node, int64_t to)
{
    const struct check_state *checks = node->world->checks;
    if (to < node->seen_high_watermark) {
        sim_fail(node->world, "TruncateBelowHighWatermark: node %d cuts at %" PRId64, node->index,
                 to);
    }
    int count = committed_before(checks, raft_epoch(node->raft) + 1);
    int at = sim_log_find(&checks->committed, to);
    if (at < count && has_batch(node, &checks->committed.items[at])) {
        sim_fail(node->world, "CommittedIsKept: node %d cuts off %" PRId64, node->index,
                 checks->committed.items[at].base_offset);
    }
}
