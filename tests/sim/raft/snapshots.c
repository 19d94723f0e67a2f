/* Snapshots on simulated disks: taken of what is committed, served in pieces, gathered, checked,
 * installed in two steps (the name, then the log) between which a crash may fall. */
#include "tests/sim/raft/check.h"

#include "base/mem.h"

static int64_t access_us(struct sim_node *node)
{
    const struct sim_swarm *swarm = &node->world->swarm;
    return node->slow_disk_us + sim_draw(node->world, swarm->disk_min_us, swarm->disk_max_us);
}

static struct raft_position newest(const struct sim_node *node)
{
    int count = node->snapshot_count;
    return count == 0 ? (struct raft_position){0, 0} : node->snapshots[count - 1].place;
}

/* Those before `offset` go. */
static void forget_before(struct sim_node *node, int64_t offset)
{
    int gone = 0;
    while (gone < node->snapshot_count && node->snapshots[gone].place.offset < offset) {
        gone++;
    }
    node->snapshot_count -= gone;
    memmove(node->snapshots, node->snapshots + gone,
            (size_t)node->snapshot_count * sizeof node->snapshots[0]);
}

static void add(struct sim_node *node, const struct sim_snapshot *snapshot)
{
    if (snapshot->place.offset <= newest(node).offset) {
        return; /* one that was loaded has overtaken it */
    }
    if (node->snapshot_count == SIM_SNAPSHOTS_MAX) {
        forget_before(node, snapshot->place.offset);
    }
    node->snapshots[node->snapshot_count++] = *snapshot;
}

/* ---- taking ---- */

/* At the end of any batch; the core has to refuse those that are not committed, and a name that is
 * not that of the place. */
static bool choose(struct sim_node *node, struct sim_snapshot *out)
{
    struct sim_world *world = node->world;
    int first = sim_log_find(&node->log, newest(node).offset);
    int last = sim_log_find(&node->log, node->seen_high_watermark);
    last = sim_chance(world, 1, 8) ? node->log.count : last;
    if (first >= last) {
        return false;
    }
    int at = sim_chance(world, 1, 2) ? last - 1 : (int)sim_draw(world, first, last - 1);
    const struct sim_batch *batch = &node->log.items[at];
    int64_t wrong = sim_chance(world, 1, 20) ? sim_draw(world, -1, 1) : 0;
    *out = (struct sim_snapshot){.place = {batch->last_offset + 1, batch->epoch + (int32_t)wrong},
                                 .prefix = batch->prefix};
    return raft_check_snapshot(node->raft, out->place) == ERR_NONE;
}

/* The newest set before the place. */
static int voters_at(const struct sim_node *node, int64_t end)
{
    int voters = node->log.start_voters;
    for (int i = 0; i < node->log.count && node->log.items[i].last_offset < end; i++) {
        voters = node->log.items[i].voters > 0 ? node->log.items[i].voters : voters;
    }
    return voters;
}

static void take(struct sim_node *node)
{
    struct sim_snapshot snapshot;
    bool busy = node->taking.place.offset != 0 || node->snapshot_count == SIM_SNAPSHOTS_MAX;
    if (busy || !choose(node, &snapshot)) {
        return;
    }
    snapshot.voters = voters_at(node, snapshot.place.offset);
    check_voters_before(node, &snapshot);
    node->taking = snapshot;
    sim_schedule(node->world, 5 * access_us(node), SIM_EVENT_TAKEN, node->index)->life = node->life;
}

void sim_snapshot_taken(struct sim_node *node)
{
    struct sim_snapshot snapshot = node->taking;
    node->taking.place.offset = 0;
    node->world->stats.snapshots++;
    add(node, &snapshot);
    check_snapshot(node, &snapshot);
    struct raft_event event = {.type = RAFT_EVENT_SNAPSHOT_TAKEN,
                               .u.taken = {.snapshot = snapshot.place}};
    sim_node_step(node, &event, NULL);
}

static void trim(struct sim_node *node)
{
    if (node->snapshot_count > 0 && !node->installing) {
        int last = node->snapshot_count - 1;
        int keep = sim_chance(node->world, 2, 3) ? last : (int)sim_draw(node->world, 0, last);
        struct raft_event event = {.type = RAFT_EVENT_TRIM,
                                   .u.trim = {.to = node->snapshots[keep].place}};
        sim_node_step(node, &event, NULL);
    }
}

void sim_snapshot_event(struct sim_world *world)
{
    struct sim_node *node = &world->nodes[sim_draw(world, 0, world->count - 1)];
    struct sim_node *leader = sim_leader(world);
    if (leader != NULL && sim_chance(world, 1, 2)) {
        node = leader; /* what it has no more, the others must load */
    }
    /* A state machine knows of what is committed when everything before that is done. */
    if (node->raft == NULL || node->paused_us > world->now_us || !list_empty(&node->effects)) {
        return;
    }
    if (sim_chance(world, 1, 3)) {
        trim(node);
    } else {
        take(node);
    }
}

/* ---- serving ---- */

static int64_t size_of(const struct sim_node *node, struct raft_position place)
{
    uint64_t hash = (uint64_t)place.offset * 0x9e3779b97f4a7c15u + (uint64_t)node->index * 77;
    return 1 + (int64_t)((hash >> 33) % (uint64_t)node->world->swarm.snapshot_size_max);
}

void sim_snapshot_serve(const struct sim_node *from, struct raft_response *response,
                        struct sim_piece *piece)
{
    struct raft_fetch_snapshot_response *answer = &response->u.fetch_snapshot;
    struct sim_world *world = from->world;
    for (int i = 0; i < from->snapshot_count; i++) {
        if (!raft_position_eq(from->snapshots[i].place, answer->snapshot)) {
            continue;
        }
        answer->size = size_of(from, answer->snapshot);
        if (answer->position < 0 || answer->position >= answer->size) {
            response->error = ERR_POSITION_OUT_OF_RANGE;
            return;
        }
        answer->length = min_i64(answer->size - answer->position, world->swarm.snapshot_piece_max);
        *piece = (struct sim_piece){
            .of = from->snapshots[i],
            .source = from->index,
            .damaged = !world->healed && sim_chance(world, world->swarm.damaged_per_mille, 1000),
        };
        return;
    }
    response->error = ERR_SNAPSHOT_NOT_FOUND;
}

/* ---- getting ---- */

static void write_piece(struct sim_node *node, const struct sim_effect *effect)
{
    const struct raft_download *download = &effect->download;
    struct sim_part *part = &node->part;
    if (download->position == 0) {
        *part = (struct sim_part){
            .open = true, .first = effect->piece, .generation = part->generation + 1};
    }
    check_piece(node, &effect->piece, download);
    part->position += download->length;
    part->damaged |= effect->piece.damaged;
    if (download->last) {
        struct sim_event *event =
            sim_schedule(node->world, 3 * access_us(node), SIM_EVENT_CHECKED, node->index);
        event->life = node->life;
        event->id = part->generation;
    }
}

void sim_snapshot_obey(struct sim_node *node, const struct sim_effect *effect)
{
    switch (effect->download.kind) {
    case RAFT_DOWNLOAD_NOTHING:
        break;
    case RAFT_DOWNLOAD_WRITE:
        write_piece(node, effect);
        break;
    case RAFT_DOWNLOAD_DROP:
        node->part.open = false;
        node->part.generation++;
        break;
    }
    if (effect->trim) {
        node->world->stats.trims++;
        sim_log_trim(&node->log, effect->trim_to);
        forget_before(node, effect->trim_to);
        check_log_start(node);
    }
}

void sim_snapshot_checked(struct sim_node *node, uint64_t generation)
{
    struct sim_part *part = &node->part;
    if (!part->open || part->generation != generation) {
        return;
    }
    int voters = part->first.of.voters;
    struct raft_event event = {
        .type = RAFT_EVENT_SNAPSHOT_CHECKED,
        .u.checked = {.snapshot = part->first.of.place,
                      .error = part->damaged ? ERR_CORRUPT : ERR_NONE,
                      .voters = voters > 0 ? &sim_set(node->world, voters)->set : NULL}};
    sim_node_step(node, &event, NULL);
}

/* ---- installing ---- */

void sim_snapshot_install(struct sim_node *node)
{
    ASSERT(!node->installing);
    node->installing = true;
    sim_schedule(node->world, 2 * access_us(node), SIM_EVENT_INSTALLED, node->index)->life =
        node->life;
}

static void name_part(struct sim_node *node)
{
    ASSERT(node->part.open);
    node->part.open = false;
    node->world->stats.installs++;
    check_snapshot(node, &node->part.first.of);
    add(node, &node->part.first.of);
}

static void empty_log(struct sim_node *node, const struct sim_snapshot *snapshot)
{
    sim_log_reset(&node->log, snapshot);
    node->synced = snapshot->place.offset;
    node->undone.count = 0;
    forget_before(node, snapshot->place.offset);
    check_log_start(node);
}

void sim_snapshot_installed(struct sim_node *node)
{
    struct sim_effect *effect = LIST_ENTRY(node->effects.next, struct sim_effect, node);
    ASSERT(node->installing);
    ASSERT(effect->install);
    ASSERT(!node->flushing);
    node->installing = false;
    effect->installed = true;
    check_install(node, &node->part.first.of);
    name_part(node);
    sim_log_fini(&node->replaced);
    node->replaced = node->log;
    node->log = (struct sim_log){0};
    empty_log(node, &node->snapshots[node->snapshot_count - 1]);
}

/* ---- crash and boot ---- */

void sim_snapshot_crash(struct sim_node *node)
{
    struct sim_world *world = node->world;
    world->stats.torn += node->part.open;
    if (node->installing && sim_chance(world, 1, 2)) {
        name_part(node); /* but the log is as it was */
    } else if (node->replaced.count > 0 && sim_chance(world, 1, 2)) {
        sim_log_fini(&node->log);
        node->log = node->replaced;
        node->replaced = (struct sim_log){0};
        node->synced = node->log.start.offset;
    }
    sim_log_fini(&node->replaced);
    node->installing = false;
    node->part.open = false;
    node->part.generation++;
    node->taking.place.offset = 0;
}

/* The place `offset` in the log, epoch 0 if it does not reach there. */
static struct raft_position place_in_log(const struct sim_log *log, int64_t offset)
{
    if (offset == log->start.offset) {
        return log->start;
    }
    int at = sim_log_find(log, offset - 1);
    return (struct raft_position){
        offset, offset > log->start.offset && at < log->count ? log->items[at].epoch : 0};
}

void sim_snapshot_boot(struct sim_node *node)
{
    struct sim_world *world = node->world;
    /* The newest may be damaged; the one before serves as well, if the log goes on from there. */
    int count = node->snapshot_count;
    if (count > 1 && node->snapshots[count - 2].place.offset >= node->log.start.offset &&
        !world->healed && sim_chance(world, 1, 10)) {
        node->snapshot_count--;
    }
    if (node->snapshot_count == 0) {
        return;
    }
    const struct sim_snapshot *snapshot = &node->snapshots[node->snapshot_count - 1];
    if (!raft_position_eq(snapshot->place, place_in_log(&node->log, snapshot->place.offset))) {
        sim_say(world, "node %d empties its log: the snapshot is ahead", node->index);
        empty_log(node, snapshot);
    }
}
