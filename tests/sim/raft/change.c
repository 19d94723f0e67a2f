/* Operators: they add, remove and replace voters, at any time and not always wisely. */
#include "tests/sim/raft/check.h"
#include "tests/sim/raft/phases.h"

enum {
    CHANGE_MS = 8000,  /* from asking to a commit everywhere, in a cluster that is well */
    HANDOVER_MS = 500, /* from the commit of the leader's removal to its successor's first */
    RETRY_US = 50 * SIM_MS,
};

static struct raft_voter_set without(const struct raft_voter_set *set, struct raft_key voter)
{
    struct raft_voter_set out = {0};
    for (int i = 0; i < set->count; i++) {
        if (sim_disk_of(set->voters[i]) != sim_disk_of(voter)) {
            out.voters[out.count++] = set->voters[i];
        }
    }
    return out;
}

/* The leader's verdict. */
static enum err ask(struct sim_node *node, enum raft_change_kind kind, struct raft_key voter)
{
    struct raft_event event = {.type = RAFT_EVENT_CHANGE, .u.change = {kind, voter}};
    struct raft_change change = {kind, voter};
    const char *why;
    enum err e = raft_check_change(node->raft, &change, sim_node_ms(node), &why);
    static const char *const verbs[] = {"add", "remove", "update"};
    sim_say(node->world, "node %d is to %s voter %d (disk %d): %s", node->index, verbs[kind],
            voter.id, sim_disk_of(voter), e == ERR_NONE ? "it will" : why);
    sim_node_step(node, &event, NULL);
    return e;
}

/* ---- static voters become records ---- */

static bool is_static(const struct sim_node *node)
{
    int64_t offset;
    return !raft_voters_offset(node->raft, &offset);
}

/* The static voters with their disks, as they would report themselves. */
static struct raft_voter_set reported(const struct sim_world *world)
{
    struct raft_voter_set set = {0};
    for (int i = 0; i < world->swarm.voters; i++) {
        set.voters[set.count++] = world->nodes[i].key;
    }
    return set;
}

static enum err upgrade(struct sim_node *node, const struct raft_voter_set *set)
{
    struct raft_event event = {.type = RAFT_EVENT_UPGRADE, .u.upgrade = {set}};
    const char *why;
    enum err e = raft_check_upgrade(node->raft, set, sim_node_ms(node), &why);
    sim_say(node->world, "node %d is to make records of %d voters: %s", node->index, set->count,
            e == ERR_NONE ? "it will" : why);
    sim_node_step(node, &event, NULL);
    return e;
}

/* Sometimes with what is not, or not any more, true. */
static void try_upgrade(struct sim_node *node)
{
    struct sim_world *world = node->world;
    struct raft_voter_set set = reported(world);
    int at = (int)sim_draw(world, 0, set.count - 1);
    switch (sim_draw(world, 0, 5)) {
    case 0:
        set.voters[at].directory_id = UUID_ZERO;
        break;
    case 1:
        set.voters[at].directory_id.lo = SIM_DISKS_MAX; /* nobody's disk */
        break;
    case 2:
        set.voters[at] = set.voters[--set.count];
        break;
    default:
        break;
    }
    upgrade(node, &set);
}

static struct raft_key draw_voter(struct sim_world *world, const struct raft_voter_set *set)
{
    return set->voters[prng_below(&world->prng, (uint64_t)set->count)];
}

void sim_change(struct sim_world *world)
{
    struct sim_node *node = sim_leader(world);
    if (sim_chance(world, 1, 10)) {
        node = &world->nodes[sim_draw(world, 0, world->count - 1)];
    }
    if (node == NULL || node->raft == NULL || node->paused_us > world->now_us) {
        return;
    }
    if (is_static(node) && sim_chance(world, 2, 3)) {
        try_upgrade(node);
        return;
    }
    const struct raft_voter_set *voters = raft_voters(node->raft);
    int what = (int)sim_draw(world, 0, 9);
    if (what == 0 && voters->count > 0) {
        ask(node, RAFT_CHANGE_UPDATE, draw_voter(world, voters));
    } else if (what <= 3 && voters->count > 0) {
        struct raft_key voter = draw_voter(world, voters);
        struct raft_voter_set left = without(voters, voter);
        /* The leader cannot know of a disk that was lost just now; who removes a voter, should. */
        if (left.count == 0 || sim_has_majority(world, &left)) {
            ask(node, RAFT_CHANGE_REMOVE, voter);
        }
    } else {
        struct raft_key voter = world->nodes[sim_draw(world, 0, world->swarm.controllers - 1)].key;
        ask(node, RAFT_CHANGE_ADD, voter);
    }
}

/* ---- when all is well ---- */

/* Asks until it is taken, then waits for the commit. */
static void must_change(struct sim_world *world, enum raft_change_kind kind, struct raft_key voter)
{
    int64_t until_us = world->now_us + (int64_t)CHANGE_MS * SIM_MS;
    while (ask(sim_leader(world), kind, voter) != ERR_NONE && !world->failed) {
        if (world->now_us >= until_us) {
            sim_show_nodes(world);
            sim_fail(world, "Liveness: a change of the voters is not taken within %d ms",
                     CHANGE_MS);
            return;
        }
        sim_run_until(world, world->now_us + RETRY_US, NULL);
    }
    if (!sim_run_until(world, until_us, sim_all_committed)) {
        sim_show_nodes(world);
        sim_fail(world, "Liveness: a change of the voters is not committed within %d ms",
                 CHANGE_MS);
    }
}

/* The same, by which the leader must not change. */
static void change_quietly(struct sim_world *world, enum raft_change_kind kind,
                           struct raft_key voter)
{
    int32_t epoch = raft_epoch(sim_leader(world)->raft);
    must_change(world, kind, voter);
    if (!world->failed && raft_epoch(sim_leader(world)->raft) != epoch) {
        sim_fail(world, "Stability: a change of the voters changed the leader");
    }
}

static void upgrade_all(struct sim_world *world)
{
    int64_t until_us = world->now_us + (int64_t)CHANGE_MS * SIM_MS;
    int32_t epoch = raft_epoch(sim_leader(world)->raft);
    struct raft_voter_set set = reported(world);
    if (!is_static(sim_leader(world))) {
        return;
    }
    while (upgrade(sim_leader(world), &set) != ERR_NONE && !world->failed) {
        if (world->now_us >= until_us) {
            sim_fail(world, "Liveness: voters do not become records within %d ms", CHANGE_MS);
            return;
        }
        sim_run_until(world, world->now_us + RETRY_US, NULL);
    }
    if (!sim_run_until(world, until_us, sim_all_committed) ||
        raft_epoch(sim_leader(world)->raft) != epoch) {
        sim_fail(world, "Liveness: voters that become records are not committed by their leader");
    }
}

static bool has_id(const struct raft_voter_set *set, int32_t id)
{
    return raft_voter_set_find(set, (struct raft_key){id, UUID_ZERO}) >= 0;
}

static void remove_the_dead(struct sim_world *world)
{
    struct raft_voter_set voters = *raft_voters(sim_leader(world)->raft);
    for (int i = 0; i < voters.count && !world->failed; i++) {
        if (!sim_is_alive(world, voters.voters[i])) {
            change_quietly(world, RAFT_CHANGE_REMOVE, voters.voters[i]);
        }
    }
}

static void add_all(struct sim_world *world)
{
    for (int i = 0; i < world->swarm.controllers && !world->failed; i++) {
        if (!has_id(raft_voters(sim_leader(world)->raft), i)) {
            change_quietly(world, RAFT_CHANGE_ADD, world->nodes[i].key);
        }
    }
}

/* The others go on without it; it goes on following, and may come back. */
static void remove_the_leader(struct sim_world *world)
{
    struct sim_node *old = sim_leader(world);
    if (raft_voters(old->raft)->count < 2) {
        return;
    }
    int32_t epoch = raft_epoch(old->raft);
    int64_t until_us = world->now_us + (int64_t)HANDOVER_MS * SIM_MS;
    if (ask(old, RAFT_CHANGE_REMOVE, old->key) != ERR_NONE) {
        sim_fail(world, "Liveness: the leader is not removed");
        return;
    }
    while (!sim_run_until(world, until_us, sim_is_led_again) ||
           raft_epoch(sim_leader(world)->raft) == epoch) {
        if (world->failed || world->now_us >= until_us) {
            sim_show_nodes(world);
            sim_fail(world, "Handover: no commit under another leader within %d ms", HANDOVER_MS);
            return;
        }
        sim_run_until(world, world->now_us + SIM_MS, NULL);
    }
    if (has_id(raft_voters(sim_leader(world)->raft), old->index)) {
        sim_fail(world, "Handover: the removal of the leader was lost");
    }
}

void sim_change_phase(struct sim_world *world)
{
    if (world->swarm.change_every_us == 0) {
        return;
    }
    sim_say(world, "voters change");
    void (*const steps[])(struct sim_world *) = {upgrade_all,       remove_the_dead, add_all,
                                                 remove_the_leader, sim_converge,    add_all};
    for (size_t i = 0; i < ARRAY_LEN(steps) && !world->failed; i++) {
        steps[i](world);
    }
}
