/* A simulated process around a core: obeys its updates in their order. */
#include "tests/sim/raft/check.h"

#include "base/mem.h"

int64_t sim_node_ms(const struct sim_node *node)
{
    return node->clock_offset_ms + node->world->now_us * node->clock_percent / (100 * SIM_MS);
}

/* The first microsecond at which the node's clock shows `ms`. */
static int64_t when_us(const struct sim_node *node, int64_t ms)
{
    if (ms == INT64_MAX) {
        return SIM_NEVER;
    }
    int64_t scaled = (ms - node->clock_offset_ms) * 100 * SIM_MS;
    return (scaled + node->clock_percent - 1) / node->clock_percent;
}

static void free_effect(struct sim_effect *effect)
{
    list_remove(&effect->node);
    sim_log_fini(&effect->append);
    mem_free(effect->messages);
    mem_free(effect->answers);
    mem_free(effect->reads);
    mem_free(effect);
}

/* ---- life ---- */

static struct raft_options make_options(const struct sim_node *node)
{
    const struct sim_swarm *swarm = &node->world->swarm;
    return (struct raft_options){
        .self = node->key,
        .static_voters = sim_static_voters(node),
        .bootstrap_count = swarm->bootstrap,
        .election_timeout_ms = swarm->election_timeout_ms,
        .fetch_timeout_ms = swarm->fetch_timeout_ms,
        .request_timeout_ms = swarm->request_timeout_ms,
        .retry_backoff_ms = 20,
        .election_backoff_max_ms = 1000,
        .seed = node->world->seed * 1000 + (uint64_t)node->index * 100 + node->life,
        .log = (struct log *)&node->trace,
    };
}

void sim_node_start(struct sim_node *node)
{
    if (node->raft != NULL) {
        return;
    }
    node->life++;
    node->clock_offset_ms = sim_draw(node->world, 0, 100000);
    struct raft_options options = make_options(node);
    enum err e = sim_disk_boot(node, &options);
    if (e != ERR_NONE) {
        sim_fail(node->world, "Boot: node %d does not start: %s", node->index, err_name(e));
        return;
    }
    node->tick_us = node->world->now_us;
    check_boot(node);
}

void sim_node_crash(struct sim_node *node, bool silent)
{
    ASSERT(node->raft != NULL);
    node->world->stats.crashes++;
    sim_say(node->world, "node %d crashes%s", node->index, silent ? " silently" : "");
    sim_disk_crash(node);
    raft_free(node->raft);
    node->raft = NULL;
    node->paused_us = 0;
    node->life++; /* what is under way to the old one does not reach the next */
    LIST_EACH(at, &node->effects)
    {
        free_effect(LIST_ENTRY(at, struct sim_effect, node));
    }
    sim_net_crashed(node, silent);
}

struct sim_node *sim_leader(struct sim_world *world)
{
    struct sim_node *leader = NULL;
    for (int i = 0; i < world->count; i++) {
        struct sim_node *node = &world->nodes[i];
        if (node->raft != NULL && raft_role(node->raft) == RAFT_ROLE_LEADER &&
            (leader == NULL || raft_epoch(node->raft) > raft_epoch(leader->raft))) {
            leader = node;
        }
    }
    return leader;
}

/* ---- effects ---- */

static void *copy(const void *items, int count, size_t size)
{
    if (count == 0) {
        return NULL;
    }
    void *dup = mem_alloc((size_t)count * size);
    memcpy(dup, items, (size_t)count * size);
    return dup;
}

static void copy_append(struct sim_node *node, const struct raft_append *append,
                        const struct sim_log *received, struct sim_log *out)
{
    if (append->kind == RAFT_APPEND_RECEIVED) {
        for (int i = 0; i < append->batch_count; i++) {
            sim_log_append(out, received->items[i]);
        }
    } else if (append->kind != RAFT_APPEND_NOTHING) {
        bool voters = append->kind == RAFT_APPEND_VOTERS || append->kind == RAFT_APPEND_UPGRADE ||
                      append->with_voters;
        sim_log_append(out, (struct sim_batch){
                                .base_offset = append->base_offset,
                                .last_offset = append->end_offset - 1,
                                .epoch = append->epoch,
                                .value = ++node->world->values,
                                .voters = voters ? sim_set_add(node->world, &append->voters,
                                                               append->end_offset - 1)
                                                 : 0,
                                .made_us = node->world->now_us,
                            });
    }
}

static void take_update(struct sim_node *node, const struct sim_log *received)
{
    const struct raft_update *update = &node->update;
    if (!update->save && !update->truncate && !update->install && !update->trim &&
        update->download.kind == RAFT_DOWNLOAD_NOTHING &&
        update->append.kind == RAFT_APPEND_NOTHING && update->message_count == 0 &&
        update->answer_count == 0 && update->read_count == 0) {
        return;
    }
    struct sim_effect *effect = MEM_NEW(struct sim_effect);
    effect->save = update->save;
    effect->hard_state = update->hard_state;
    effect->truncate = update->truncate;
    effect->truncate_to = update->truncate_to;
    effect->install = update->install;
    effect->download = update->download;
    effect->piece = node->incoming;
    effect->trim = update->trim;
    effect->trim_to = update->trim_to;
    copy_append(node, &update->append, received, &effect->append);
    effect->message_count = update->message_count;
    effect->messages = copy(update->messages, update->message_count, sizeof *update->messages);
    effect->answer_count = update->answer_count;
    effect->answers = copy(update->answers, update->answer_count, sizeof *update->answers);
    effect->read_count = update->read_count;
    effect->reads = copy(update->reads, update->read_count, sizeof *update->reads);
    list_add_tail(&node->effects, &effect->node);
}

/* Everything whose turn it is; a save makes the rest wait. */
static void execute(struct sim_node *node)
{
    while (!list_empty(&node->effects)) {
        struct sim_effect *effect = LIST_ENTRY(node->effects.next, struct sim_effect, node);
        if (effect->save && !effect->saved) {
            if (!node->saving) {
                sim_disk_save(node);
            }
            return;
        }
        if (effect->install && !effect->installed) {
            if (!node->installing) {
                sim_snapshot_install(node);
            }
            return;
        }
        sim_disk_obey(node, effect);
        for (int i = 0; i < effect->message_count; i++) {
            sim_net_send(node, &effect->messages[i]);
        }
        for (int i = 0; i < effect->answer_count; i++) {
            sim_net_answer(node, &effect->answers[i]);
        }
        for (int i = 0; i < effect->read_count; i++) {
            sim_read_answered(node, &effect->reads[i]);
        }
        free_effect(effect);
    }
}

static void note_step(struct sim_node *node, const struct raft_event *event)
{
    struct sim_world *world = node->world;
    world->stats.steps++;
    sim_hash(world, (uint64_t)world->now_us);
    sim_hash(world, (uint64_t)node->index << 32 | (uint64_t)event->type << 8 |
                        (uint64_t)raft_role(node->raft));
    sim_hash(world, (uint64_t)raft_epoch(node->raft) << 32 | (uint64_t)raft_log_end(node->raft));
    sim_hash(world, (uint64_t)raft_high_watermark(node->raft));
}

void sim_node_step(struct sim_node *node, struct raft_event *event, const struct sim_log *received)
{
    event->now_ms = sim_node_ms(node);
    enum err e = raft_step(node->raft, event, &node->update);
    if (e != ERR_NONE) {
        sim_fail(node->world, "Step: node %d is broken", node->index);
        return;
    }
    note_step(node, event);
    if (node->update.append.kind == RAFT_APPEND_VOTERS) {
        check_change(node, &node->update.append.voters);
    } else if (node->update.append.kind == RAFT_APPEND_UPGRADE) {
        check_upgrade(node, &node->update.append.voters);
    }
    node->tick_us = when_us(node, raft_deadline(node->raft));
    bool through = node->update.shutdown_done;
    take_update(node, received);
    execute(node);
    check_step(node);
    if (through && !node->world->failed) {
        sim_node_crash(node, false);
        sim_schedule(node->world, sim_draw(node->world, 10 * SIM_MS, 2000 * SIM_MS),
                     SIM_EVENT_START, node->index);
    }
}

void sim_node_tick(struct sim_node *node)
{
    struct raft_event event = {.type = RAFT_EVENT_TICK};
    sim_node_step(node, &event, NULL);
}

void sim_node_resume(struct sim_node *node)
{
    execute(node);
}
