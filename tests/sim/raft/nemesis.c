/* What goes wrong, and how it is mended. */
#include "tests/sim/raft/world.h"

static struct sim_node *draw_node(struct sim_world *world)
{
    return &world->nodes[prng_below(&world->prng, (uint64_t)world->count)];
}

static void heal_after(struct sim_world *world, int64_t low_us, int64_t high_us)
{
    sim_schedule(world, sim_draw(world, low_us, high_us), SIM_EVENT_HEAL, 0);
}

/* Somebody who is just loading a snapshot, if there is one. */
static struct sim_node *find_loading(struct sim_world *world)
{
    for (int i = 0; i < world->count; i++) {
        if (world->nodes[i].part.open) {
            return &world->nodes[i];
        }
    }
    return NULL;
}

static void crash(struct sim_world *world)
{
    struct sim_node *leader = sim_leader(world);
    struct sim_node *loading = find_loading(world);
    struct sim_node *node = leader != NULL && sim_chance(world, 1, 2) ? leader : draw_node(world);
    if (loading != NULL && sim_chance(world, 2, 3)) {
        node = loading;
    }
    bool all = sim_chance(world, 1, 12);
    for (int i = 0; i < world->count; i++) {
        struct sim_node *victim = &world->nodes[i];
        if (victim->raft != NULL && (all || victim == node)) {
            sim_node_crash(victim, sim_chance(world, world->swarm.silent_percent, 100));
            int64_t down_us = sim_chance(world, 1, 3) ? 5 * SIM_MS : 4000 * SIM_MS;
            sim_schedule(world, sim_draw(world, 1 * SIM_MS, down_us), SIM_EVENT_START, i);
        }
    }
}

void sim_nemesis_crash(struct sim_node *node)
{
    if (node->raft != NULL && !node->world->healed) {
        sim_node_crash(node, false);
        sim_schedule(node->world, sim_draw(node->world, SIM_MS, 30 * SIM_MS), SIM_EVENT_START,
                     node->index);
    }
}

void sim_nemesis_voted(struct sim_node *node, int candidate)
{
    struct sim_world *world = node->world;
    if (!world->swarm.faults[SIM_CRASH_VOTED] || world->healed || !sim_chance(world, 1, 6)) {
        return;
    }
    world->stats.faults++;
    sim_schedule(world, sim_draw(world, 0, SIM_MS), SIM_EVENT_CRASH, node->index);
    if (sim_chance(world, 2, 3)) {
        sim_schedule(world, sim_draw(world, 0, SIM_MS), SIM_EVENT_CRASH, candidate);
    }
}

static void pause_node(struct sim_world *world)
{
    struct sim_node *leader = sim_leader(world);
    struct sim_node *node = leader != NULL && sim_chance(world, 1, 2) ? leader : draw_node(world);
    if (node->raft != NULL) {
        int64_t us = sim_draw(world, 10 * SIM_MS, 5000 * SIM_MS);
        node->paused_us = world->now_us + us;
        for (int i = 0; i < world->disks; i++) {
            node->contact_us[i] += us; /* who was not awake could not notice */
        }
        sim_say(world, "node %d pauses for %" PRId64 " ms", node->index, us / SIM_MS);
    }
}

/* Two sides that do not hear each other; with luck, a majority is on one of them. */
static void partition(struct sim_world *world)
{
    uint64_t side = prng_next(&world->prng);
    for (int i = 0; i < world->count; i++) {
        for (int j = 0; j < world->count; j++) {
            world->cut[i][j] = (side >> i & 1) != (side >> j & 1);
        }
    }
    sim_say(world, "partition %02x", (unsigned)(side & ((1u << world->count) - 1)));
    heal_after(world, 100 * SIM_MS, 6000 * SIM_MS);
}

static void cut_one_way(struct sim_world *world)
{
    int from = draw_node(world)->index;
    int to = draw_node(world)->index;
    world->cut[from][to] = from != to;
    sim_say(world, "%d does not reach %d", from, to);
    if (sim_chance(world, 1, 3)) {
        heal_after(world, 100 * SIM_MS, 6000 * SIM_MS);
    }
}

static void isolate_leader(struct sim_world *world)
{
    struct sim_node *leader = sim_leader(world);
    if (leader == NULL) {
        return;
    }
    bool in = sim_chance(world, 2, 3);
    bool out = !in || sim_chance(world, 1, 2);
    for (int i = 0; i < world->count; i++) {
        world->cut[leader->index][i] = out && i != leader->index;
        world->cut[i][leader->index] = in && i != leader->index;
    }
    sim_say(world, "leader %d is isolated, in=%d out=%d", leader->index, in, out);
    heal_after(world, 500 * SIM_MS, 7000 * SIM_MS);
}

static void blip(struct sim_world *world)
{
    int at = draw_node(world)->index;
    for (int i = 0; i < world->count; i++) {
        if (i != at && sim_chance(world, 2, 3)) {
            struct sim_event *event = sim_schedule(world, 0, SIM_EVENT_LOST, i);
            event->life = world->nodes[i].life;
            event->peer = at;
        }
    }
    sim_say(world, "connections to %d drop", at);
}

static void resign(struct sim_world *world)
{
    struct sim_node *node = sim_leader(world);
    if (sim_chance(world, 1, 4)) {
        node = draw_node(world);
    }
    if (node == NULL || node->raft == NULL || node->paused_us > world->now_us) {
        return;
    }
    bool shutdown = sim_chance(world, 1, 2);
    struct raft_event event = {.type = RAFT_EVENT_RESIGN,
                               .u.resign = {.epoch = raft_epoch(node->raft)}};
    if (shutdown) {
        event =
            (struct raft_event){.type = RAFT_EVENT_SHUTDOWN, .u.shutdown = {.wait_ms_max = 1000}};
    }
    sim_say(world, "node %d is asked to %s", node->index, shutdown ? "shut down" : "resign");
    sim_node_step(node, &event, NULL);
}

static void slow_disk(struct sim_world *world)
{
    struct sim_node *node = draw_node(world);
    node->slow_disk_us = sim_chance(world, 1, 2) ? 0 : sim_draw(world, SIM_MS, 700 * SIM_MS);
    sim_say(world, "disk of %d is slower by %" PRId64 " ms", node->index,
            node->slow_disk_us / SIM_MS);
}

/* A controller loses its disk and comes back with an empty one. */
static void wipe(struct sim_world *world)
{
    struct sim_node *node = draw_node(world);
    if (world->swarm.change_every_us == 0 || world->disks == SIM_DISKS_MAX ||
        !sim_is_controller(node) || !sim_may_wipe(world, node->disk)) {
        return;
    }
    if (node->raft != NULL) {
        sim_node_crash(node, sim_chance(world, world->swarm.silent_percent, 100));
        sim_schedule(world, sim_draw(world, 1 * SIM_MS, 4000 * SIM_MS), SIM_EVENT_START,
                     node->index);
    }
    world->stats.wipes++;
    sim_say(world, "node %d loses disk %d", node->index, node->disk);
    sim_disk_wipe(node);
}

/* Late, not lost: what was said long ago arrives when nobody counts on it any more. */
static void clog_links(struct sim_world *world)
{
    struct sim_node *leader = sim_leader(world);
    struct sim_node *node = leader != NULL && sim_chance(world, 2, 3) ? leader : draw_node(world);
    int64_t us = sim_draw(world, 100 * SIM_MS, 5000 * SIM_MS);
    bool in = sim_chance(world, 2, 3);
    for (int i = 0; i < world->count; i++) {
        if (in) {
            world->clog_us[i][node->index] = us;
        } else {
            world->clog_us[node->index][i] = us;
        }
    }
    sim_say(world, "links %s %d clog, up to %" PRId64 " ms", in ? "to" : "from", node->index,
            us / SIM_MS);
    heal_after(world, 500 * SIM_MS, 7000 * SIM_MS);
}

void sim_nemesis(struct sim_world *world)
{
    static void (*const faults[SIM_FAULTS])(struct sim_world *) = {
        [SIM_CRASH] = crash,
        [SIM_PAUSE] = pause_node,
        [SIM_PARTITION] = partition,
        [SIM_ONE_WAY] = cut_one_way,
        [SIM_ISOLATE_LEADER] = isolate_leader,
        [SIM_BLIP] = blip,
        [SIM_RESIGN] = resign,
        [SIM_SLOW_DISK] = slow_disk,
        [SIM_WIPE] = wipe,
        [SIM_CLOG] = clog_links,
    };
    int fault = (int)sim_draw(world, 0, SIM_FAULTS - 1);
    if (world->swarm.faults[fault] && faults[fault] != NULL) {
        world->stats.faults++;
        faults[fault](world);
    }
}

void sim_heal(struct sim_world *world)
{
    memset(world->cut, 0, sizeof world->cut);
    memset(world->clog_us, 0, sizeof world->clog_us);
    sim_say(world, "links are mended");
}
