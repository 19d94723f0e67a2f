/* Faults, then healing and what must come of it: agreement, a commit, quiet, no disturbance by one
 * that was cut off, a quick failover. */
#include "tests/sim/raft/phases.h"

enum {
    CONVERGE_MS = 20 * 1000, /* from anything at all to a cluster that commits */
    FAILOVER_MS = 500,       /* from the death of the leader to the next one's first commit */
    HEALED_LATENCY_US = 2 * SIM_MS,
    HEALED_DISK_US = 5 * SIM_MS,
};

static void mend_everything(struct sim_world *world)
{
    struct sim_swarm *swarm = &world->swarm;
    world->healed = true;
    sim_heal(world);
    swarm->loss_per_mille = 0;
    swarm->duplicate_per_mille = 0;
    swarm->silent_percent = 0;
    swarm->latency_max_us = min_i64(swarm->latency_max_us, HEALED_LATENCY_US);
    swarm->latency_min_us = min_i64(swarm->latency_min_us, swarm->latency_max_us);
    swarm->disk_max_us = min_i64(swarm->disk_max_us, HEALED_DISK_US);
    swarm->disk_min_us = min_i64(swarm->disk_min_us, swarm->disk_max_us);
    for (int i = 0; i < world->count; i++) {
        world->nodes[i].paused_us = 0;
        world->nodes[i].slow_disk_us = 0;
        sim_schedule(world, 0, SIM_EVENT_START, i);
    }
}

/* ---- agreement ---- */

bool sim_all_follow(struct sim_world *world)
{
    const struct sim_node *leader = sim_leader(world);
    if (leader == NULL) {
        return false;
    }
    for (int i = 0; i < world->count; i++) {
        const struct raft *raft = world->nodes[i].raft;
        if (raft == NULL || raft_leader(raft) != leader->index ||
            raft_epoch(raft) != raft_epoch(leader->raft)) {
            return false;
        }
    }
    return true;
}

bool sim_all_committed(struct sim_world *world)
{
    if (!sim_all_follow(world)) {
        return false;
    }
    int64_t end = raft_log_end(sim_leader(world)->raft);
    for (int i = 0; i < world->count; i++) {
        const struct raft *raft = world->nodes[i].raft;
        if (raft_log_end(raft) != end || raft_high_watermark(raft) != end) {
            return false;
        }
    }
    return true;
}

void sim_show_nodes(struct sim_world *world)
{
    for (int i = 0; i < world->count; i++) {
        const struct raft *raft = world->nodes[i].raft;
        if (raft == NULL) {
            sim_say(world, "node %d is down", i);
            continue;
        }
        sim_say(world,
                "node %d %s epoch=%d leader=%d end=%" PRId64 " synced=%" PRId64 " hw=%" PRId64, i,
                raft_role_name(raft_role(raft)), raft_epoch(raft), raft_leader(raft),
                raft_log_end(raft), raft_flushed(raft), raft_high_watermark(raft));
    }
}

/* Appends a record under the present leader; true when it is committed everywhere. False if another
 * leader came in between, who may not have it, or the time is up. */
static bool commit_one(struct sim_world *world, int64_t until_us)
{
    struct sim_node *leader = sim_leader(world);
    int32_t epoch = raft_epoch(leader->raft);
    struct raft_event event = {.type = RAFT_EVENT_APPEND, .u.append = {.epoch = epoch, .count = 1}};
    sim_node_step(leader, &event, NULL);
    return sim_run_until(world, until_us, sim_all_committed) &&
           raft_epoch(sim_leader(world)->raft) == epoch;
}

void sim_converge(struct sim_world *world)
{
    int64_t until_us = world->now_us + (int64_t)CONVERGE_MS * SIM_MS;
    do {
        if (!sim_run_until(world, until_us, sim_all_follow)) {
            sim_show_nodes(world);
            sim_fail(world, "Liveness: no agreement on a leader within %d ms", CONVERGE_MS);
            return;
        }
        if (commit_one(world, until_us) && sim_read_through(world, until_us)) {
            return;
        }
    } while (world->now_us < until_us && !world->failed);
    sim_show_nodes(world);
    sim_fail(world, "Liveness: a new record is not committed everywhere and read within %d ms",
             CONVERGE_MS);
}

/* ---- quiet ---- */

static void be_quiet(struct sim_world *world)
{
    int32_t epoch = raft_epoch(sim_leader(world)->raft);
    int64_t steps = world->stats.steps;
    int64_t ms = 3 * (int64_t)world->swarm.fetch_timeout_ms;
    sim_run_until(world, world->now_us + ms * SIM_MS, NULL);
    if (!sim_all_committed(world) || raft_epoch(sim_leader(world)->raft) != epoch) {
        sim_show_nodes(world);
        sim_fail(world, "Stability: a healthy cluster changed its leader");
    }
    /* Two fetches a second of each follower, a few heartbeats: a step each for both ends. */
    int64_t allowed = (ms / 1000 + 2) * world->count * 20;
    if (world->stats.steps - steps > allowed) {
        sim_fail(world, "Stability: %" PRId64 " steps in %" PRId64 " ms of doing nothing",
                 world->stats.steps - steps, ms);
    }
}

/* Is there a majority without one of the voters, too? */
static bool can_lose_one(const struct sim_world *world, const struct raft_voter_set *voters)
{
    int alive = 0;
    for (int i = 0; i < voters->count; i++) {
        alive += sim_is_alive(world, voters->voters[i]);
    }
    return (alive - 1) * 2 > voters->count;
}

/* A voter that does not lead, or NULL. */
static struct sim_node *some_follower(struct sim_world *world, const struct sim_node *leader)
{
    const struct raft_voter_set *voters = raft_voters(leader->raft);
    for (int i = 0; i < voters->count; i++) {
        struct raft_key voter = voters->voters[i];
        if (voter.id != leader->index && sim_is_alive(world, voter)) {
            return &world->nodes[voter.id];
        }
    }
    return NULL;
}

/* A voter that was cut off for long comes back and disturbs nobody: that is what pre-votes are for
 * (KIP-996). */
static void cut_one_off(struct sim_world *world)
{
    const struct sim_node *leader = sim_leader(world);
    const struct sim_node *follower = some_follower(world, leader);
    if (follower == NULL || !can_lose_one(world, raft_voters(leader->raft))) {
        return;
    }
    int victim = follower->index;
    int32_t epoch = raft_epoch(leader->raft);
    sim_say(world, "node %d is cut off", victim);
    for (int i = 0; i < world->count; i++) {
        world->cut[i][victim] = world->cut[victim][i] = i != victim;
    }
    int64_t us = 4 * (int64_t)world->swarm.fetch_timeout_ms * SIM_MS;
    sim_run_until(world, world->now_us + us, NULL);
    sim_heal(world);
    sim_run_until(world, world->now_us + us, NULL);
    if (!sim_all_committed(world) || raft_epoch(sim_leader(world)->raft) != epoch) {
        sim_show_nodes(world);
        sim_fail(world, "Stability: the return of node %d changed the leader", victim);
    }
}

/* ---- failover ---- */

/* A new leader, and it has committed. */
bool sim_is_led_again(struct sim_world *world)
{
    const struct sim_node *leader = sim_leader(world);
    return leader != NULL && raft_high_watermark(leader->raft) > raft_epoch_start(leader->raft);
}

static void fail_over(struct sim_world *world)
{
    struct sim_node *old = sim_leader(world);
    if (!can_lose_one(world, raft_voters(old->raft))) {
        return;
    }
    int64_t start_us = world->now_us;
    sim_node_crash(old, false);
    if (!sim_run_until(world, start_us + (int64_t)FAILOVER_MS * SIM_MS, sim_is_led_again)) {
        sim_show_nodes(world);
        sim_fail(world, "Failover: no commit under a new leader within %d ms", FAILOVER_MS);
        return;
    }
    int64_t took_ms = (world->now_us - start_us) / SIM_MS;
    world->stats.failovers++;
    world->stats.failover_ms_sum += took_ms;
    world->stats.failover_ms_max = max_i64(world->stats.failover_ms_max, took_ms);
    sim_node_start(old);
}

void sim_phases(struct sim_world *world)
{
    sim_schedule(world, 0, SIM_EVENT_APPEND, 0);
    sim_schedule(world, 0, SIM_EVENT_READ, 0);
    sim_schedule(world, world->swarm.fault_every_us, SIM_EVENT_NEMESIS, 0);
    if (world->swarm.change_every_us > 0) {
        sim_schedule(world, world->swarm.change_every_us, SIM_EVENT_CHANGE, 0);
    }
    if (world->swarm.snapshot_every_us > 0) {
        sim_schedule(world, world->swarm.snapshot_every_us, SIM_EVENT_SNAPSHOT, 0);
    }
    sim_run_until(world, world->swarm.fault_phase_us, NULL);
    void (*const phases[])(struct sim_world *) = {mend_everything,  sim_converge, be_quiet,
                                                  cut_one_off,      fail_over,    sim_converge,
                                                  sim_change_phase, sim_converge};
    for (size_t i = 0; i < ARRAY_LEN(phases) && !world->failed; i++) {
        phases[i](world);
    }
}
