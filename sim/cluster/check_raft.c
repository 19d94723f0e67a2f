/* Invariants of the metadata quorum. */
#include "base/mem.h"
#include "sim/cluster/check_state.h"

void check_raft_begin(struct sim_checks *checks, struct sim_machine *m)
{
    struct check_node *n = &checks->nodes[m->index];
    n->fresh = true;
    n->epoch = -1;
    n->high_watermark = -1;
    n->checked_to = 0;
    n->image_us = 0;
    n->snapshot = 0;
}

/* ---- roles and epochs ---- */

/* The votes that are in the quorum-state of voters. Who has gone on to another epoch, or has a new
 * disk, may have voted before. */
static void check_elected(struct sim_checks *checks, const struct sim_machine *m, int32_t epoch)
{
    const struct node_voter *voters;
    int count = node_voters(sim_machine_quorum_node(m), &voters);
    int votes = 0;
    for (int i = 0; i < count; i++) {
        const struct sim_machine *voter = sim_machine_of_node(checks->world, voters[i].id);
        const struct check_node *n = voter == NULL ? NULL : &checks->nodes[voter->index];
        votes += n != NULL && (n->saved_epoch > epoch || voter->unsound || voter->renewed ||
                               (n->saved_epoch == epoch && n->saved_vote == m->node_id));
    }
    if (votes < count / 2 + 1) {
        sim_fail(checks->world, "ElectedByMajority", "%s leads epoch %d with %d votes of %d",
                 m->name, epoch, votes, count);
    }
}

/* A leader is elected by a majority, and every majority has what is committed. */
static void check_new_leader(struct sim_checks *checks, const struct sim_machine *m,
                             const struct node_glance *glance)
{
    check_elected(checks, m, glance->epoch);
    if (m->kind != SIM_CONTROLLER || glance->leader_id != m->node_id) {
        sim_fail(checks->world, "StatesMatchRoles", "%s leads epoch %d and knows %d as the leader",
                 m->name, glance->epoch, glance->leader_id);
    }
    if (glance->log_end_offset < checks->log.end) {
        sim_fail(checks->world, "LeaderCompleteness: a new leader lacks committed records",
                 "%s epoch %d log end %" PRId64 ", committed %" PRId64, m->name, glance->epoch,
                 glance->log_end_offset, checks->log.end);
    }
}

static void check_leads(struct sim_checks *checks, const struct sim_machine *m,
                        const struct node_glance *glance)
{
    int32_t epoch = glance->epoch;
    if (epoch >= checks->leader_count && epoch < CHECK_EPOCHS_MAX) {
        int32_t count = epoch + 64;
        checks->leaders = mem_realloc(checks->leaders, (size_t)count * sizeof *checks->leaders);
        memset(checks->leaders + checks->leader_count, 0,
               (size_t)(count - checks->leader_count) * sizeof *checks->leaders);
        checks->leader_count = count;
    }
    struct check_leader *leader = &checks->leaders[epoch];
    if (leader->node_id == 0) {
        *leader = (struct check_leader){m->node_id, m->life};
        sim_tally(checks->world->report, "quorum leaders", 1);
        check_new_leader(checks, m, glance);
    } else if (leader->node_id != m->node_id) {
        sim_fail(checks->world, "NeverTwoLeadersInSameEpoch", "epoch %d: %d and %d", epoch,
                 leader->node_id, m->node_id);
    } else if (leader->life != m->life) {
        sim_fail(checks->world, "NeverTwoLeadersInSameEpoch",
                 "node %d leads epoch %d again after a restart", m->node_id, epoch);
    }
}

/* What quorum-state says was promised to others: it never goes back, and in an epoch there is one
 * vote, whatever happens to the process or the power. A new directory is another voter (KIP-853).
 */
static void check_vote_once(struct sim_checks *checks, const struct sim_machine *m,
                            struct check_node *n, const struct node_glance *glance)
{
    if (n->saved_epoch == glance->saved_epoch && n->saved_vote == glance->saved_vote) {
        return;
    }
    bool known = uuid_eq(n->directory_id, glance->directory_id) && !m->unsound;
    bool is_older = glance->saved_epoch < n->saved_epoch;
    bool is_another = glance->saved_epoch == n->saved_epoch && n->saved_vote >= 0 &&
                      glance->saved_vote != n->saved_vote;
    if (known && (is_older || is_another)) {
        sim_fail(checks->world, is_older ? "MonotonicEpoch: a saved epoch is gone" : "VoteOnce",
                 "%s voted for %d in epoch %d, and now for %d in epoch %d", m->name, n->saved_vote,
                 n->saved_epoch, glance->saved_vote, glance->saved_epoch);
    }
    n->directory_id = glance->directory_id;
    n->saved_epoch = glance->saved_epoch;
    n->saved_vote = glance->saved_vote;
}

/* What it said to be synced is there after a crash. */
static void check_first_look(struct sim_checks *checks, const struct sim_machine *m,
                             struct check_node *n, const struct node_glance *glance)
{
    n->fresh = false;
    if (m->kind == SIM_CONTROLLER && n->keeps_flushed && !m->unsound && !m->renewed &&
        glance->log_end_offset < n->flushed) {
        sim_fail(checks->world, "AckedValueNotLost",
                 "%s had synced its log up to %" PRId64 " and has it up to %" PRId64
                 " after a restart",
                 m->name, n->flushed, glance->log_end_offset);
    }
    n->flushed = glance->flushed_offset;
    n->keeps_flushed = true;
}

/* The records that the leader calls committed are on the disks of a majority. */
static void check_majority(struct sim_checks *checks, struct sim_machine *m,
                           const struct node_glance *glance)
{
    const struct node_voter *voters;
    int count = node_voters(sim_machine_quorum_node(m), &voters);
    int have = 0;
    for (int i = 0; i < count; i++) {
        const struct sim_machine *voter = sim_machine_of_node(checks->world, voters[i].id);
        /* What stood on a disk before it was lost has counted. */
        have += voter != NULL && (voter->renewed || voter->replacing ||
                                  checks->nodes[voter->index].flushed >= glance->high_watermark);
    }
    if (have < count / 2 + 1) {
        sim_fail(checks->world, "LeaderHasAllAckedValues: committed without a majority of disks",
                 "%s epoch %d high watermark %" PRId64 ": %d of %d voters have synced it", m->name,
                 glance->epoch, glance->high_watermark, have, count);
    }
}

/* ---- what is committed ---- */

struct reading {
    struct sim_checks *checks;
    struct sim_machine *m;
    struct check_node *node;
    int64_t to;
    struct buf bytes;
};

/* A batch that nobody has called committed before. */
static void commit_batch(struct reading *r, const struct store_batch *batch,
                         const struct check_batch *b)
{
    struct wire_batch whole;
    enum err e = check_read_batch(batch, &r->bytes, &whole);
    if (e != ERR_NONE) {
        sim_fail(r->checks->world, "LogMatching: a committed batch cannot be read",
                 "%s offset %" PRId64 ": %s", r->m->name, batch->base_offset, err_name(e));
        return;
    }
    check_log_add(&r->checks->log, b);
    check_metadata_commit(r->checks, &whole);
}

static bool each_batch(void *arg, const struct store_batch *batch)
{
    struct reading *r = arg;
    struct sim_checks *checks = r->checks;
    struct check_batch b = {batch->base_offset, batch->last_offset, batch->leader_epoch,
                            batch->crc};
    if (b.base_offset >= r->to) {
        return false;
    }
    if (b.base_offset == checks->log.end) {
        commit_batch(r, batch, &b);
    } else if (!check_log_has(&checks->log, &b)) {
        sim_fail(checks->world, "LogMatching: what is committed differs",
                 "%s has a batch of epoch %d at offset %" PRId64, r->m->name, b.epoch,
                 b.base_offset);
    }
    r->node->checked_to = b.last_offset + 1;
    return !checks->world->failed;
}

static void check_committed(struct sim_checks *checks, struct sim_machine *m,
                            const struct node_glance *glance)
{
    struct check_node *n = &checks->nodes[m->index];
    struct reading r = {.checks = checks, .m = m, .node = n, .to = glance->high_watermark};
    /* What a snapshot took the place of was compared before, on the node that wrote it. */
    n->checked_to = max_i64(n->checked_to, store_log_start_offset(glance->log));
    if (n->checked_to >= r.to || m->unsound) {
        return;
    }
    check_look(m);
    enum err e = store_log_scan(glance->log, n->checked_to, each_batch, &r);
    check_look_done(m);
    buf_fini(&r.bytes);
    if (e != ERR_NONE && !store_log_is_offline(glance->log)) {
        sim_fail(checks->world, "LogMatching: committed records cannot be read",
                 "%s from offset %" PRId64 ": %s", m->name, n->checked_to, err_name(e));
    }
}

/* ---- after an event ---- */

/* A snapshot ends with a committed batch, and the log begins at one or before it. */
static void check_snapshot(struct sim_checks *checks, const struct sim_machine *m,
                           struct check_node *n, const struct node_glance *glance)
{
    int64_t end = glance->snapshot_offset;
    if (m->unsound) {
        return;
    }
    if (store_log_start_offset(glance->log) > end) {
        sim_fail(checks->world, "SnapshotAtLogStart",
                 "%s: the log begins at %" PRId64 ", the newest snapshot ends at %" PRId64, m->name,
                 store_log_start_offset(glance->log), end);
    }
    if (end == n->snapshot || end == 0) {
        return;
    }
    n->snapshot = end;
    const struct check_batch *last = check_log_find(&checks->log, end - 1);
    if (last == NULL || last->last_offset != end - 1 || last->epoch != glance->snapshot_epoch) {
        sim_fail(checks->world, "SnapshotIsCommitted",
                 "%s has a snapshot up to %" PRId64 " of epoch %d, committed are %" PRId64, m->name,
                 end, glance->snapshot_epoch, checks->log.end);
    }
}

static void check_epochs(struct sim_checks *checks, const struct sim_machine *m,
                         const struct node_glance *glance)
{
    int64_t start;
    if (!check_epochs_within(glance->log, true, &start)) {
        sim_fail(checks->world, "EpochsWithinLog",
                 "%s knows of an epoch from offset %" PRId64 " on, its log ends at %" PRId64,
                 m->name, start, glance->log_end_offset);
    }
}

static void check_high_watermark(struct sim_checks *checks, struct sim_machine *m,
                                 struct check_node *n, const struct node_glance *glance)
{
    if (glance->high_watermark == n->high_watermark) {
        return;
    }
    if (glance->high_watermark < n->high_watermark) {
        sim_fail(checks->world, "MonotonicHighWatermark", "%s: from %" PRId64 " to %" PRId64,
                 m->name, n->high_watermark, glance->high_watermark);
    }
    if (glance->high_watermark > glance->log_end_offset) {
        sim_fail(checks->world, "HighWatermarkWithinLog", "%s: %" PRId64 " of %" PRId64, m->name,
                 glance->high_watermark, glance->log_end_offset);
    }
    n->high_watermark = glance->high_watermark;
    if (glance->leads) {
        check_majority(checks, m, glance);
    }
    check_committed(checks, m, glance);
}

void check_raft_event(struct sim_checks *checks, struct sim_machine *m)
{
    struct check_node *n = &checks->nodes[m->index];
    struct node_glance glance;
    node_glance(sim_machine_quorum_node(m), &glance);
    if (n->fresh) {
        check_first_look(checks, m, n, &glance);
    }
    n->flushed = glance.flushed_offset;
    check_vote_once(checks, m, n, &glance);
    if (store_log_start_offset(glance.log) > n->log_start) {
        n->log_start = store_log_start_offset(glance.log);
        sim_tally(checks->world->report, "metadata logs trimmed", 1);
    }
    if (glance.epoch < n->epoch) {
        sim_fail(checks->world, "MonotonicEpoch", "%s: from %d to %d", m->name, n->epoch,
                 glance.epoch);
    }
    if (glance.epoch > n->epoch || glance.leads) {
        n->epoch = glance.epoch;
        if (glance.leads) {
            check_leads(checks, m, &glance);
        }
    }
    check_epochs(checks, m, &glance);
    check_high_watermark(checks, m, n, &glance);
    check_snapshot(checks, m, n, &glance);
}

void check_raft_dying(struct sim_checks *checks, const struct sim_machine *m)
{
    struct check_node *n = &checks->nodes[m->index];
    struct node_glance glance;
    node_glance(sim_machine_quorum_node(m), &glance);
    n->flushed = min_i64(n->flushed, min_i64(glance.flushed_offset, glance.wanted_end));
    check_vote_once(checks, m, n, &glance); /* the vote may have gone out before that */
}

/* Every log, from its beginning. */
void check_raft_end(struct sim_checks *checks)
{
    for (int i = 0; i < checks->world->count; i++) {
        struct sim_machine *m = &checks->world->machines[i];
        struct node_glance glance;
        if (sim_machine_quorum_node(m) != NULL) {
            node_glance(sim_machine_quorum_node(m), &glance);
            checks->nodes[i].checked_to = 0;
            check_committed(checks, m, &glance);
        }
    }
}
