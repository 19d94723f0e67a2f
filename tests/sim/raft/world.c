/* The world's clock: the next event or the next timer, whichever comes first. */
#include "tests/sim/raft/check.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/mem.h"
#include "tests/sim/raft/phases.h"

bool sim_chance(struct sim_world *world, int num, int den)
{
    return num > 0 && prng_chance(&world->prng, (uint64_t)num, (uint64_t)den);
}

int64_t sim_draw(struct sim_world *world, int64_t low, int64_t high)
{
    return prng_range(&world->prng, low, high);
}

/* ---- the trace ---- */

void sim_hash(struct sim_world *world, uint64_t value)
{
    uint64_t hash = (world->trace_hash ^ value) * 0x9e3779b97f4a7c15u;
    world->trace_hash = hash ^ (hash >> 31);
}

/* Stamps a line that has been printed into `line` with the time; hashes, keeps and shows it. */
static void put_line(struct sim_world *world, const char *text)
{
    char *line = world->lines[world->line_count++ % SIM_LINES_KEPT];
    snprintf(line, SIM_LINE_MAX, "[%9.3f] %s", (double)world->now_us / SIM_MS, text);
    for (const char *p = line; *p != '\0'; p++) {
        sim_hash(world, (uint64_t)(unsigned char)*p);
    }
    if (world->verbose) {
        puts(line);
    }
}

void sim_say(struct sim_world *world, const char *fmt, ...)
{
    char text[SIM_LINE_MAX];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    put_line(world, text);
}

void sim_fail(struct sim_world *world, const char *fmt, ...)
{
    if (world->failed) {
        return;
    }
    va_list args;
    va_start(args, fmt);
    vsnprintf(world->failure, sizeof world->failure, fmt, args);
    va_end(args);
    world->failed = true;
    put_line(world, world->failure);
}

static void write_trace(void *arg, enum log_level level, const char *line)
{
    (void)level;
    put_line(arg, line);
}

/* ---- events ---- */

struct sim_event *sim_schedule(struct sim_world *world, int64_t delay_us, enum sim_event_kind kind,
                               int node)
{
    struct sim_event *event = MEM_NEW(struct sim_event);
    event->at_us = world->now_us + delay_us;
    event->kind = kind;
    event->node = node;
    sim_queue_push(&world->queue, event);
    return event;
}

static void append(struct sim_world *world)
{
    struct sim_node *node = &world->nodes[sim_draw(world, 0, world->count - 1)];
    if (sim_chance(world, 3, 4)) {
        node = sim_leader(world);
    }
    if (node != NULL && node->raft != NULL && node->paused_us <= world->now_us) {
        struct raft_event event = {
            .type = RAFT_EVENT_APPEND,
            .u.append = {.epoch = raft_epoch(node->raft), .count = (int)sim_draw(world, 1, 5)}};
        sim_node_step(node, &event, NULL);
    }
}

static bool is_for_running_node(enum sim_event_kind kind)
{
    return kind == SIM_EVENT_REQUEST || kind == SIM_EVENT_RESPONSE || kind == SIM_EVENT_FAILED ||
           kind == SIM_EVENT_LOST || kind == SIM_EVENT_FLUSHED || kind == SIM_EVENT_SAVED ||
           kind == SIM_EVENT_TAKEN || kind == SIM_EVENT_CHECKED || kind == SIM_EVENT_INSTALLED;
}

static void on_disk_event(struct sim_world *world, const struct sim_event *event)
{
    struct sim_node *node = &world->nodes[event->node];
    if (node->raft == NULL || node->life != event->life) {
        return;
    }
    if (event->kind == SIM_EVENT_FLUSHED) {
        sim_disk_flushed(node, node->flushing_to);
    } else if (event->kind == SIM_EVENT_TAKEN) {
        sim_snapshot_taken(node);
    } else if (event->kind == SIM_EVENT_CHECKED) {
        sim_snapshot_checked(node, event->id);
    } else if (event->kind == SIM_EVENT_INSTALLED) {
        sim_snapshot_installed(node);
        sim_node_resume(node);
    } else {
        sim_disk_saved(node);
        sim_node_resume(node);
    }
}

static void dispatch(struct sim_world *world, struct sim_event *event)
{
    switch (event->kind) {
    case SIM_EVENT_REQUEST:
    case SIM_EVENT_RESPONSE:
    case SIM_EVENT_FAILED:
    case SIM_EVENT_LOST:
        sim_net_deliver(world, event);
        break;
    case SIM_EVENT_FLUSHED:
    case SIM_EVENT_SAVED:
    case SIM_EVENT_TAKEN:
    case SIM_EVENT_CHECKED:
    case SIM_EVENT_INSTALLED:
        on_disk_event(world, event);
        break;
    case SIM_EVENT_SNAPSHOT:
        if (!world->healed) {
            sim_snapshot_event(world);
            sim_schedule(world, sim_draw(world, 0, 2 * world->swarm.snapshot_every_us),
                         SIM_EVENT_SNAPSHOT, 0);
        }
        break;
    case SIM_EVENT_APPEND:
        if (!world->healed) {
            append(world);
            sim_schedule(world, sim_draw(world, 0, 2 * world->swarm.append_every_us),
                         SIM_EVENT_APPEND, 0);
        }
        break;
    case SIM_EVENT_CHANGE:
        if (!world->healed) {
            sim_change(world);
            sim_schedule(world, sim_draw(world, 0, 2 * world->swarm.change_every_us),
                         SIM_EVENT_CHANGE, 0);
        }
        break;
    case SIM_EVENT_READ:
        if (!world->healed) {
            sim_read_someone(world);
            sim_schedule(world, sim_draw(world, 0, 2 * world->swarm.read_every_us), SIM_EVENT_READ,
                         0);
        }
        break;
    case SIM_EVENT_NEMESIS:
        if (!world->healed) {
            sim_nemesis(world);
            sim_schedule(world, sim_draw(world, 0, 2 * world->swarm.fault_every_us),
                         SIM_EVENT_NEMESIS, 0);
        }
        break;
    case SIM_EVENT_CRASH:
        sim_nemesis_crash(&world->nodes[event->node]);
        break;
    case SIM_EVENT_START:
        sim_node_start(&world->nodes[event->node]);
        break;
    case SIM_EVENT_HEAL:
        sim_heal(world);
        break;
    }
}

/* The node whose timer is next, and when. */
static struct sim_node *next_tick(struct sim_world *world, int64_t *at_us)
{
    struct sim_node *first = NULL;
    *at_us = SIM_NEVER;
    for (int i = 0; i < world->count; i++) {
        struct sim_node *node = &world->nodes[i];
        int64_t node_us = max_i64(node->tick_us, node->paused_us);
        if (node->raft != NULL && node_us < *at_us) {
            first = node;
            *at_us = node_us;
        }
    }
    return first;
}

bool sim_run_until(struct sim_world *world, int64_t until_us, bool (*done)(struct sim_world *))
{
    while (!world->failed) {
        if (done != NULL && done(world)) {
            return true;
        }
        int64_t tick_us;
        struct sim_node *node = next_tick(world, &tick_us);
        int64_t event_us = world->queue.count > 0 ? world->queue.heap[0]->at_us : SIM_NEVER;
        int64_t next_us = min_i64(tick_us, event_us);
        if (next_us > until_us) {
            world->now_us = until_us;
            return false;
        }
        world->now_us = max_i64(world->now_us, next_us);
        if (tick_us < event_us) {
            sim_node_tick(node);
            continue;
        }
        struct sim_event *event = sim_queue_pop(&world->queue);
        int64_t paused_us = world->nodes[event->node].paused_us;
        if (is_for_running_node(event->kind) && paused_us > world->now_us) {
            event->at_us = paused_us;
            sim_queue_push(&world->queue, event);
            continue;
        }
        dispatch(world, event);
        sim_log_fini(&event->batches);
        mem_free(event);
    }
    return false;
}

/* ---- birth and end ---- */

static void init_node(struct sim_world *world, int index)
{
    struct sim_node *node = &world->nodes[index];
    node->world = world;
    node->index = index;
    node->disk = world->disks++;
    node->key = (struct raft_key){index, {7, (uint64_t)node->disk + 1}};
    node->clock_percent =
        100 + (int)sim_draw(world, -world->swarm.drift_percent, world->swarm.drift_percent);
    node->saved = (struct raft_hard_state){0, RAFT_NOBODY, {RAFT_NOBODY, UUID_ZERO}};
    node->trace = (struct log){LOG_DEBUG, write_trace, world};
    list_init(&node->effects);
    raft_update_init(&node->update);
    sim_schedule(world, sim_draw(world, 0, 200 * SIM_MS), SIM_EVENT_START, index);
}

bool sim_run(struct sim_world *world, uint64_t seed, bool verbose)
{
    *world = (struct sim_world){.seed = seed, .verbose = verbose};
    prng_init(&world->prng, seed);
    check_init(world);
    sim_draw_swarm(world);
    world->count = world->swarm.controllers + world->swarm.brokers;
    for (int i = 0; i < world->count; i++) {
        init_node(world, i);
    }
    sim_phases(world);
    return !world->failed;
}

void sim_fini(struct sim_world *world)
{
    for (int i = 0; i < world->count; i++) {
        struct sim_node *node = &world->nodes[i];
        if (node->raft != NULL) {
            sim_node_crash(node, true);
        }
        raft_update_fini(&node->update);
        sim_log_fini(&node->log);
        sim_log_fini(&node->undone);
        sim_log_fini(&node->replaced);
    }
    for (int i = 0; i < world->disks; i++) {
        sim_log_fini(&world->ghosts[i].log);
    }
    sim_queue_fini(&world->queue);
    mem_free(world->tokens);
    mem_free(world->sets);
    mem_free(world->reads);
    check_fini(world);
}
