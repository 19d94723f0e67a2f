/* Disks: what is synced survives a crash, the rest maybe.
 *
 * Beyond what is synced a crash keeps any number of batches, as a page cache would. A truncation,
 * too, is only safe with the next sync: until then a crash may bring the cut tail back.
 * Quorum-state is replaced at once or not at all. A broker promises nothing: it says that it has
 * synced when it has not. */
#include "tests/sim/raft/check.h"

#include "base/mem.h"

static int64_t access_us(struct sim_node *node)
{
    const struct sim_swarm *swarm = &node->world->swarm;
    return node->slow_disk_us + sim_draw(node->world, swarm->disk_min_us, swarm->disk_max_us);
}

/* ---- quorum-state ---- */

void sim_disk_save(struct sim_node *node)
{
    ASSERT(!node->saving);
    node->saving = true;
    sim_schedule(node->world, access_us(node), SIM_EVENT_SAVED, node->index)->life = node->life;
}

void sim_disk_saved(struct sim_node *node)
{
    struct sim_effect *effect = LIST_ENTRY(node->effects.next, struct sim_effect, node);
    ASSERT(node->saving);
    ASSERT(effect->save);
    node->saving = false;
    node->saved = effect->hard_state;
    effect->saved = true;
}

/* ---- the log ---- */

static void start_flush(struct sim_node *node)
{
    if (node->flushing || node->synced == sim_log_end(&node->log)) {
        return;
    }
    node->flushing = true;
    node->flushing_to = sim_log_end(&node->log);
    int64_t delay_us = sim_is_controller(node) ? access_us(node) : 0;
    sim_schedule(node->world, delay_us, SIM_EVENT_FLUSHED, node->index)->life = node->life;
}

static void truncate(struct sim_node *node, int64_t to)
{
    check_truncate(node, to);
    ASSERT(!node->flushing);
    node->world->stats.truncations++;
    /* Only the oldest state of the disk can come back. */
    if (node->undone.count == 0) {
        for (int i = sim_log_find(&node->log, to); i < node->log.count; i++) {
            sim_log_append(&node->undone, node->log.items[i]);
        }
    } else if (to < node->undone.items[0].base_offset) {
        node->undone.count = 0; /* two cuts: too rare to follow */
    }
    sim_log_truncate(&node->log, to);
    ASSERT(sim_log_end(&node->log) == to);
    node->synced = min_i64(node->synced, to);
}

void sim_disk_obey(struct sim_node *node, struct sim_effect *effect)
{
    if (effect->truncate) {
        truncate(node, effect->truncate_to);
    }
    for (int i = 0; i < effect->append.count; i++) {
        ASSERT(effect->append.items[i].base_offset == sim_log_end(&node->log));
        sim_log_append(&node->log, effect->append.items[i]);
        check_appended(node, &node->log.items[node->log.count - 1]);
    }
    sim_snapshot_obey(node, effect);
    start_flush(node);
}

void sim_disk_flushed(struct sim_node *node, int64_t offset)
{
    node->flushing = false;
    node->synced = offset;
    node->undone.count = 0;
    sim_log_fini(&node->replaced);
    struct raft_event event = {.type = RAFT_EVENT_FLUSHED, .u.flushed = {.offset = offset}};
    sim_node_step(node, &event, NULL);
    if (node->raft != NULL) {
        start_flush(node);
    }
}

/* ---- crash and boot ---- */

static void crash_log(struct sim_node *node)
{
    struct sim_world *world = node->world;
    bool comes_back = node->undone.count > 0 && sim_chance(world, 1, 2);
    int kept = sim_log_find(&node->log, node->synced);
    if (!sim_is_controller(node)) {
        kept = (int)sim_draw(world, 0, node->log.count);
        comes_back = false;
    } else if (comes_back) {
        kept = sim_log_find(&node->log, node->undone.items[0].base_offset);
    } else {
        kept = (int)sim_draw(world, kept, node->log.count);
    }
    node->log.count = kept;
    for (int i = 0; comes_back && i < node->undone.count; i++) {
        sim_log_append(&node->log, node->undone.items[i]);
    }
    node->undone.count = 0;
    node->flushing = false;
}

void sim_disk_crash(struct sim_node *node)
{
    if (node->saving && sim_chance(node->world, 1, 2)) {
        sim_disk_saved(node);
    }
    node->saving = false;
    sim_snapshot_crash(node);
    crash_log(node);
}

void sim_disk_wipe(struct sim_node *node)
{
    struct sim_world *world = node->world;
    ASSERT(node->raft == NULL);
    ASSERT(world->disks < SIM_DISKS_MAX);
    world->ghosts[node->disk] = (struct sim_ghost){node->log, node->synced};
    node->log = (struct sim_log){0};
    node->synced = 0;
    node->saved = (struct raft_hard_state){0, RAFT_NOBODY, {RAFT_NOBODY, UUID_ZERO}};
    node->snapshot_count = 0;
    node->disk = world->disks++;
    node->key.directory_id.lo = (uint64_t)node->disk + 1;
}

static int collect_epochs(const struct sim_log *log, struct raft_epoch_start *epochs)
{
    int count = 0;
    for (int i = 0; i < log->count; i++) {
        if (count == 0 || epochs[count - 1].epoch != log->items[i].epoch) {
            epochs[count++] =
                (struct raft_epoch_start){log->items[i].epoch, log->items[i].base_offset};
        }
    }
    return count;
}

/* The bootstrap snapshot's voters, those of the newest snapshot, and those of the log after it. */
static int collect_voters(const struct sim_node *node, struct raft_voters_at *voters)
{
    struct raft_voter_set first = sim_first_voters(node->world, node->disk);
    int count = 0;
    if (first.count > 0) {
        voters[count++] = (struct raft_voters_at){-1, first};
    }
    int64_t from = 0;
    if (node->snapshot_count > 0) {
        const struct sim_snapshot *snapshot = &node->snapshots[node->snapshot_count - 1];
        from = snapshot->place.offset;
        if (snapshot->voters > 0) {
            voters[count++] =
                (struct raft_voters_at){from - 1, sim_set(node->world, snapshot->voters)->set};
        }
    }
    for (int i = sim_log_find(&node->log, from); i < node->log.count; i++) {
        if (node->log.items[i].voters > 0) {
            voters[count++] =
                (struct raft_voters_at){node->log.items[i].last_offset,
                                        sim_set(node->world, node->log.items[i].voters)->set};
        }
    }
    return count;
}

enum err sim_disk_boot(struct sim_node *node, const struct raft_options *options)
{
    sim_snapshot_boot(node);
    size_t room = (size_t)node->log.count + 2;
    struct raft_epoch_start *epochs = mem_zalloc(room, sizeof *epochs);
    struct raft_voters_at *voters = mem_zalloc(room, sizeof *voters);
    struct raft_boot boot = {
        .now_ms = sim_node_ms(node),
        .hard_state = node->saved,
        .log_start = node->log.start,
        .log_end = sim_log_end(&node->log),
        .epochs = epochs,
        .epoch_count = collect_epochs(&node->log, epochs),
        .voters = voters,
        .voters_count = collect_voters(node, voters),
    };
    if (node->snapshot_count > 0) {
        boot.snapshot = node->snapshots[node->snapshot_count - 1].place;
    }
    node->synced = boot.log_end; /* a driver syncs what it finds */
    enum err e = raft_new(options, &boot, &node->raft);
    mem_free(epochs);
    mem_free(voters);
    return e;
}
