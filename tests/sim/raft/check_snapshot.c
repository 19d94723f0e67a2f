/* SnapshotIsCommitted: a snapshot never holds what is not committed, and stands for the same
 * records on every node. SnapshotAtLogStart: a log begins at offset 0 or at the end of a snapshot
 * that is there. LeaderNeverLoadSnapshot. SnapshotOfOneFile: what is put together was one file.
 * SnapshotIsWhole: what is damaged is not installed. SnapshotReplacesLog: an installed one is news,
 * and the core and the disk agree about what is left. SnapshotHoldsVoters: the set of a snapshot
 * is that of the last record before it (VotersInForce, what becomes of it). */
#include "tests/sim/raft/check.h"

void check_snapshot(struct sim_node *node, const struct sim_snapshot *snapshot)
{
    const struct sim_log *committed = &node->world->checks->committed;
    int64_t last = snapshot->place.offset - 1;
    int at = sim_log_find(committed, last);
    if (at >= committed->count) {
        sim_fail(node->world,
                 "SnapshotIsCommitted: node %d has one at %" PRId64 ", committed %" PRId64,
                 node->index, snapshot->place.offset, sim_log_end(committed));
        return;
    }
    const struct sim_batch *batch = &committed->items[at];
    if (batch->last_offset != last || batch->epoch != snapshot->place.epoch ||
        batch->prefix != snapshot->prefix) {
        sim_fail(node->world,
                 "SnapshotIsCommitted: node %d has another state at %" PRId64 ", epoch %d",
                 node->index, snapshot->place.offset, snapshot->place.epoch);
    }
}

void check_log_start(struct sim_node *node)
{
    struct raft_position start = node->log.start;
    bool found = start.offset == 0;
    for (int i = 0; i < node->snapshot_count; i++) {
        found |= raft_position_eq(node->snapshots[i].place, start);
    }
    if (!found) {
        sim_fail(node->world, "SnapshotAtLogStart: the log of node %d begins at %" PRId64,
                 node->index, start.offset);
    }
}

void check_piece(struct sim_node *node, const struct sim_piece *piece,
                 const struct raft_download *download)
{
    const struct sim_part *part = &node->part;
    if (!part->open || part->first.source != piece->source ||
        part->position != download->position ||
        !raft_position_eq(part->first.of.place, piece->of.place)) {
        sim_fail(node->world,
                 "SnapshotOfOneFile: node %d puts %" PRId64 " of %d behind %" PRId64 " of %d",
                 node->index, download->position, piece->source, part->position,
                 part->first.source);
    }
}

void check_install(struct sim_node *node, const struct sim_snapshot *snapshot)
{
    if (raft_role(node->raft) == RAFT_ROLE_LEADER) {
        sim_fail(node->world, "LeaderNeverLoadSnapshot: node %d", node->index);
    }
    if (node->part.damaged) {
        sim_fail(node->world, "SnapshotIsWhole: node %d installs what is damaged", node->index);
    }
    if (snapshot->place.offset < node->seen_high_watermark) {
        sim_fail(node->world, "SnapshotReplacesLog: node %d goes back from %" PRId64 " to %" PRId64,
                 node->index, node->seen_high_watermark, snapshot->place.offset);
    }
}

void check_log_agrees(struct sim_node *node)
{
    if (!raft_position_eq(raft_log_start(node->raft), node->log.start) ||
        raft_log_end(node->raft) != sim_log_end(&node->log)) {
        sim_fail(node->world,
                 "SnapshotReplacesLog: node %d believes in %" PRId64 " to %" PRId64 ", has %" PRId64
                 " to %" PRId64,
                 node->index, raft_log_start(node->raft).offset, raft_log_end(node->raft),
                 node->log.start.offset, sim_log_end(&node->log));
    }
}

void check_voters_before(struct sim_node *node, const struct sim_snapshot *snapshot)
{
    const struct raft_voter_set *set = raft_voters_before(node->raft, snapshot->place.offset);
    const struct raft_voter_set *expected =
        snapshot->voters > 0 ? &sim_set(node->world, snapshot->voters)->set : NULL;
    bool same = (set == NULL) == (expected == NULL);
    for (int i = 0; same && set != NULL && i < expected->count; i++) {
        same = set->count == expected->count && raft_voter_set_find(set, expected->voters[i]) >= 0;
    }
    if (!same) {
        sim_fail(node->world, "SnapshotHoldsVoters: node %d has others at %" PRId64, node->index,
                 snapshot->place.offset);
    }
}

void check_offer(struct sim_node *node, const struct raft_fetch_response *fetch)
{
    /* The answer may have waited for the disk, while the next snapshot was taken. */
    struct raft_position newest = raft_snapshot(node->raft);
    bool had = fetch->snapshot.offset < newest.offset || raft_position_eq(fetch->snapshot, newest);
    if (fetch->offers_snapshot && (fetch->snapshot.offset == 0 || !had)) {
        sim_fail(node->world,
                 "SnapshotIsCommitted: node %d offers %" PRId64 ", which it does not have",
                 node->index, fetch->snapshot.offset);
    }
    if (!fetch->offers_snapshot && fetch->from < node->log.start.offset) {
        sim_fail(node->world,
                 "SnapshotAtLogStart: node %d gives records from %" PRId64 " on, has %" PRId64,
                 node->index, fetch->from, node->log.start.offset);
    }
}
