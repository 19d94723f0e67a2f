/* VotersInForce: the voters are those of the newest set in the log, committed or not. A leader that
 * appends another set keeps OneChangeAtATime (one voter more or less than in the set before, which
 * is committed), ChangeAfterOwnEpoch (by a leader that has committed a record of its epoch),
 * NewVoterIsCaughtUp and ChangeKeepsMajority (voters that live and fetch). UpgradeKeepsVoters:
 * static voters become records only once, and the same ones with their disks. LeaderIsVoter: a
 * leader leads on without being a voter only until that is committed. */
#include "tests/sim/raft/check.h"

static bool same_sets(const struct raft_voter_set *a, const struct raft_voter_set *b)
{
    bool same = a->count == b->count;
    for (int i = 0; i < a->count && same; i++) {
        int at = raft_voter_set_find(b, a->voters[i]);
        same = at >= 0 && sim_disk_of(a->voters[i]) == sim_disk_of(b->voters[at]);
    }
    return same;
}

void check_voters_in_force(struct sim_node *node)
{
    const struct sim_voters *written = sim_log_voters(node->world, &node->log);
    struct raft_voter_set first = node->world->swarm.static_voters
                                      ? sim_static_voters(node)
                                      : sim_first_voters(node->world, node->disk);
    if (!same_sets(raft_voters(node->raft), written == NULL ? &first : &written->set)) {
        sim_fail(node->world, "VotersInForce: node %d has %d voters, its log %d", node->index,
                 raft_voters(node->raft)->count,
                 written == NULL ? first.count : written->set.count);
    }
}

/* ---- a change ---- */

/* The newest set of the log with what waits for the disk. */
static const struct sim_voters *set_before(const struct sim_node *node)
{
    const struct sim_voters *newest = sim_log_voters(node->world, &node->log);
    LIST_EACH(at, &node->effects)
    {
        const struct sim_effect *effect = LIST_ENTRY(at, struct sim_effect, node);
        const struct sim_voters *waiting = sim_log_voters(node->world, &effect->append);
        newest = waiting == NULL ? newest : waiting;
    }
    return newest;
}

static int64_t patience_us(const struct sim_node *node)
{
    int64_t fetch_ms = node->world->swarm.fetch_timeout_ms;
    return fetch_ms * 3 / 2 * SIM_MS * 100 / node->clock_percent + 2 * SIM_MS;
}

static bool has_disk(const struct raft_voter_set *set, int disk)
{
    bool has = false;
    for (int i = 0; i < set->count; i++) {
        has |= sim_disk_of(set->voters[i]) == disk;
    }
    return has;
}

/* A new voter's log holds what the leader had when it was last caught up. */
static void check_caught_up(const struct sim_node *leader, struct raft_key voter)
{
    const struct sim_world *world = leader->world;
    bool alive = sim_is_alive(world, voter);
    int64_t end =
        sim_log_end(alive ? &world->nodes[voter.id].log : &world->ghosts[sim_disk_of(voter)].log);
    int64_t before_us = world->now_us - patience_us(leader);
    for (int i = leader->log.count - 1; i >= 0; i--) {
        const struct sim_batch *batch = &leader->log.items[i];
        if (batch->made_us < before_us && batch->last_offset >= end) {
            sim_fail(leader->world, "NewVoterIsCaughtUp: node %d ends at %" PRId64 " of %" PRId64,
                     voter.id, end, raft_log_end(leader->raft));
            return;
        }
    }
}

static void check_keeps_majority(struct sim_node *leader, const struct raft_voter_set *set)
{
    int live = 0;
    int64_t since_us = leader->world->now_us - patience_us(leader);
    for (int i = 0; i < set->count; i++) {
        int disk = sim_disk_of(set->voters[i]);
        live += disk == leader->disk || leader->contact_us[disk] >= since_us;
    }
    if (live * 2 <= set->count) {
        sim_fail(leader->world, "ChangeKeepsMajority: leader %d changes to %d voters, %d live",
                 leader->index, set->count, live);
    }
}

void check_change(struct sim_node *node, const struct raft_voter_set *set)
{
    struct sim_world *world = node->world;
    const struct sim_voters *before = set_before(node);
    int64_t high_watermark = raft_high_watermark(node->raft);
    if (before == NULL || before->offset >= high_watermark) {
        sim_fail(world, "OneChangeAtATime: leader %d changes a set that is not committed",
                 node->index);
        return;
    }
    if (high_watermark <= raft_epoch_start(node->raft)) {
        sim_fail(world, "ChangeAfterOwnEpoch: leader %d of epoch %d has committed up to %" PRId64,
                 node->index, raft_epoch(node->raft), high_watermark);
    }
    int changes = 0;
    for (int i = 0; i < before->set.count; i++) {
        changes += !has_disk(set, sim_disk_of(before->set.voters[i]));
    }
    for (int i = 0; i < set->count; i++) {
        if (!has_disk(&before->set, sim_disk_of(set->voters[i]))) {
            changes++;
            check_caught_up(node, set->voters[i]);
        }
    }
    if (changes > 1) {
        sim_fail(world, "OneChangeAtATime: leader %d changes %d voters", node->index, changes);
    }
    if (changes > 0) {
        check_keeps_majority(node, set);
    }
    world->stats.changes++;
}

void check_upgrade(struct sim_node *node, const struct raft_voter_set *set)
{
    struct raft_voter_set fixed = sim_static_voters(node);
    if (set_before(node) != NULL || !same_sets(set, &fixed)) {
        sim_fail(node->world, "UpgradeKeepsVoters: leader %d makes records of %d voters, static %d",
                 node->index, set->count, fixed.count);
    }
    if (raft_high_watermark(node->raft) <= raft_epoch_start(node->raft)) {
        sim_fail(node->world, "ChangeAfterOwnEpoch: leader %d of epoch %d makes records of voters",
                 node->index, raft_epoch(node->raft));
    }
    check_keeps_majority(node, set);
    node->world->stats.upgrades++;
}

void check_leader_is_voter(struct sim_node *node)
{
    int64_t offset;
    if (raft_role(node->raft) == RAFT_ROLE_LEADER && !raft_is_voter(node->raft) &&
        raft_voters_offset(node->raft, &offset) && offset < raft_high_watermark(node->raft)) {
        sim_fail(node->world, "LeaderIsVoter: node %d leads epoch %d and is no voter", node->index,
                 raft_epoch(node->raft));
    }
}
