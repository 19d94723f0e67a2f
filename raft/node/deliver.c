/* What the owner hears: never from within a step, always in the order in which it became true. */
#include "base/mem.h"
#include "raft/node/private.h"
#include "raft/node/snapshot.h"

/* ---- batches ---- */

/* Collects the values of the records of a batch that is not a control batch. */
static enum err collect_values(const struct wire_batch *batch, struct arena *arena,
                               struct slice **values, int *count)
{
    struct wire_records records;
    TRY(wire_records_open(&records, batch, NODE_FETCH_BYTES_MAX, arena));
    struct slice *list = ARENA_ARRAY(arena, (size_t)batch->record_count + 1, struct slice);
    int n = 0;
    for (;;) {
        struct wire_record record;
        bool got;
        TRY(wire_record_next(&records, &record, &got));
        if (!got) {
            break;
        }
        ASSERT(n < batch->record_count);
        list[n++] = record.value;
    }
    *values = list;
    *count = n;
    return ERR_NONE;
}

enum err node_batch_describe(const struct wire_batch *batch, struct arena *arena,
                             struct node_batch *out)
{
    *out = (struct node_batch){
        .base_offset = batch->base_offset,
        .last_offset = wire_batch_last_offset(batch),
        .epoch = batch->leader_epoch,
        .append_timestamp_ms = batch->max_timestamp,
        .bytes = (uint32_t)batch->bytes.len,
        .control = wire_batch_has(batch, WIRE_BATCH_CONTROL),
    };
    if (out->control) {
        return ERR_NONE;
    }
    struct slice *values;
    TRY(collect_values(batch, arena, &values, &out->count));
    out->record_values = values;
    return ERR_NONE;
}

static void deliver_commit(struct node *node, const struct node_batch *batch)
{
    ASSERT(batch->base_offset == node->delivered);
    node->delivered = batch->last_offset + 1;
    const struct node_listener *listener = &node->options.listener;
    if (listener->on_commit != NULL) {
        listener->on_commit(listener->arg, batch);
    }
}

/* Is it what was appended at that place? Rot in a page shows here, and nowhere else in a process
 * that stays up; the base offset is under no checksum (KAFKA-14104). */
static enum err check_read(const struct node *node, const struct wire_batch *batch)
{
    return batch->base_offset == node->delivered ? wire_batch_check_crc(batch) : ERR_CORRUPT;
}

/* Returns the first error of what should be whole. */
static enum err deliver_batches(struct node *node, struct slice bytes)
{
    struct wire_batches it = wire_batches_of(bytes);
    struct arena arena = {0};
    enum err e = ERR_NONE;
    for (;;) {
        struct wire_batch batch;
        struct node_batch view;
        bool got;
        e = wire_batch_next(&it, &batch, &got);
        if (e != ERR_NONE || !got) {
            break;
        }
        e = check_read(node, &batch);
        e = e == ERR_NONE ? node_batch_describe(&batch, &arena, &view) : e;
        if (e != ERR_NONE) {
            break;
        }
        deliver_commit(node, &view);
        arena_fini(&arena);
    }
    arena_fini(&arena);
    return e;
}

/* ---- snapshots ---- */

void node_load_wanted(struct node *node, struct raft_position place)
{
    node->snapshots.load_wanted = true;
    node->snapshots.load_place = place;
}

bool node_snapshots_loading(const struct node *node)
{
    const struct node_snapshots *snapshots = &node->snapshots;
    return snapshots->load_wanted || snapshots->reader != NULL || snapshots->download.open;
}

/* Opens the one that is wanted, in place of what was being read. The owner is told with the first
 * batch, the header, which says of which time the state is. */
static enum err begin_load(struct node *node, struct store_error *why)
{
    struct node_snapshots *snapshots = &node->snapshots;
    char path[NODE_PATH_MAX];
    if (snapshots->load_place.offset == 0) {
        node_bootstrap_path(node, path);
    } else {
        node_snapshot_path(node, snapshots->load_place, path, NULL);
    }
    node_snapshot_close(snapshots->reader);
    snapshots->reader = NULL;
    snapshots->load_wanted = false;
    TRY(node_snapshot_open(node->options.fs, path, &snapshots->reader, why));
    struct node_batch header;
    bool got;
    enum err e = node_snapshot_next(snapshots->reader, &header, &got);
    if (e != ERR_NONE) {
        return store_fail(why, e, "%s", node_snapshot_problem(snapshots->reader));
    }
    snapshots->loading = (struct node_snapshot_place){
        .end_offset = snapshots->load_place.offset,
        .epoch = snapshots->load_place.epoch,
        .append_timestamp_ms = node_snapshot_timestamp_ms(snapshots->reader),
    };
    const struct node_listener *listener = &node->options.listener;
    if (listener->on_snapshot_begin != NULL) {
        listener->on_snapshot_begin(listener->arg, &snapshots->loading);
    }
    return ERR_NONE;
}

static void end_load(struct node *node)
{
    struct node_snapshots *snapshots = &node->snapshots;
    const struct node_listener *listener = &node->options.listener;
    node_snapshot_close(snapshots->reader);
    snapshots->reader = NULL;
    ASSERT(node->delivered <= snapshots->loading.end_offset);
    node->delivered = snapshots->loading.end_offset;
    log_info(node->options.log, "raft", "loaded a snapshot", "node=%d end=%" PRId64 " epoch=%d",
             node->options.node_id, snapshots->loading.end_offset, snapshots->loading.epoch);
    if (listener->on_snapshot_end != NULL) {
        listener->on_snapshot_end(listener->arg, &snapshots->loading);
    }
}

/* One batch; ends with the last. */
static enum err load_batch(struct node *node, uint32_t *bytes, struct store_error *why)
{
    struct node_snapshots *snapshots = &node->snapshots;
    const struct node_listener *listener = &node->options.listener;
    struct node_batch batch;
    bool got;
    enum err e = node_snapshot_next(snapshots->reader, &batch, &got);
    if (e != ERR_NONE) {
        return store_fail(why, e, "%s", node_snapshot_problem(snapshots->reader));
    }
    if (!got) {
        end_load(node);
        return ERR_NONE;
    }
    *bytes += batch.bytes;
    if (!batch.control && listener->on_snapshot != NULL) {
        listener->on_snapshot(listener->arg, &batch);
    }
    return ERR_NONE;
}

/* A piece of the snapshot that the owner needs; false when there is nothing more. */
static bool tell_snapshot(struct node *node)
{
    struct node_snapshots *snapshots = &node->snapshots;
    struct store_error why = {{0}};
    uint32_t bytes = 0;
    enum err e = snapshots->load_wanted ? begin_load(node, &why) : ERR_NONE;
    while (e == ERR_NONE && snapshots->reader != NULL && bytes < NODE_READ_BYTES) {
        e = load_batch(node, &bytes, &why);
    }
    if (e != ERR_NONE) {
        log_error(node->options.log, "raft", "a snapshot cannot be loaded", "node=%d reason=\"%s\"",
                  node->options.node_id, why.text);
        node_break(node, e, "a snapshot cannot be loaded");
        return false;
    }
    return snapshots->reader != NULL;
}

/* ---- the rest ---- */

static void tell_resign(struct node *node)
{
    const struct node_listener *listener = &node->options.listener;
    bool leads = node->view.role == RAFT_ROLE_LEADER && node->view.epoch == node->claimed;
    if (node->claimed != 0 && (!leads || node->broken)) {
        int32_t epoch = node->claimed;
        node->claimed = 0;
        if (listener->on_resign != NULL) {
            listener->on_resign(listener->arg, epoch);
        }
    }
}

static void tell_leader(struct node *node)
{
    const struct node_listener *listener = &node->options.listener;
    int32_t leader_id = node->view.leader_id;
    int32_t epoch = node->view.epoch;
    const struct node_address *address =
        leader_id < 0 ? NULL : node_address_find(&node->addresses, leader_id);
    /* An epoch without a leader is no news to somebody who knows that there is none. */
    bool same = leader_id == node->told_leader && (leader_id < 0 || epoch == node->told_epoch) &&
                (address != NULL) == node->told_address;
    if (same) {
        return;
    }
    node->told_leader = leader_id;
    node->told_epoch = epoch;
    node->told_address = address != NULL;
    node_own_entry_poke(node);
    if (listener->on_leader != NULL) {
        listener->on_leader(listener->arg, leader_id, epoch, address == NULL ? NULL : address->host,
                            address == NULL ? 0 : address->port);
    }
}

/* One piece of the log; false when there is nothing more. */
static bool tell_commits(struct node *node)
{
    int64_t to = node->view.high_watermark;
    if (node->delivered >= to) {
        return false;
    }
    struct slice bytes;
    enum err e = node_log_read(node, node->delivered, to, NODE_READ_BYTES, &bytes);
    if (e == ERR_NONE) {
        e = bytes.len == 0 ? ERR_CORRUPT : ERR_NONE;
    }
    if (e == ERR_NONE) {
        /* The callbacks may append and answer, which reads: the bytes must stay. */
        struct buf piece = node->log.bytes;
        node->log.bytes = (struct buf){0};
        e = deliver_batches(node, bytes);
        buf_fini(&piece);
    }
    if (e != ERR_NONE) {
        log_error(node->options.log, "raft", "a committed batch cannot be read",
                  "node=%d dir=%s offset=%" PRId64 " error=%s", node->options.node_id,
                  node->log_dir, node->delivered, err_name(e));
        node_break(node, e, "the committed log cannot be read");
        return false;
    }
    return node->delivered < to;
}

static void tell_claim(struct node *node)
{
    const struct node_listener *listener = &node->options.listener;
    const struct node_view *view = &node->view;
    /* Still so in the core, or the end of it is on its way here. */
    bool leads = view->role == RAFT_ROLE_LEADER && raft_role(node->raft) == RAFT_ROLE_LEADER &&
                 raft_epoch(node->raft) == view->epoch;
    if (!leads || node->claimed == view->epoch || node->delivered <= view->epoch_start) {
        return;
    }
    ASSERT(node->delivered == raft_log_end(node->raft));
    node->claimed = view->epoch;
    if (listener->on_claim != NULL) {
        listener->on_claim(listener->arg, view->epoch, node->delivered);
    }
}

static void tell_fatal(struct node *node)
{
    const struct node_listener *listener = &node->options.listener;
    if (node->broken && node->broken_why != NULL) {
        const char *why = node->broken_why;
        node->broken_why = NULL;
        if (listener->on_fatal != NULL) {
            listener->on_fatal(listener->arg, node->broken_error, why);
        }
    }
}

static void tell_shutdown(struct node *node)
{
    bool through = node->shutdown_through || node->broken;
    if (node->shutdown_done != NULL && through && !node_disk_busy(node) && !node->shutdown_told) {
        node->shutdown_told = true;
        node->shutdown_done(node->shutdown_arg);
    }
}

void node_tell(void *arg)
{
    struct node *node = arg;
    bool more = false;
    if (node->started) {
        tell_resign(node);
        tell_leader(node);
        more = !node->broken && tell_snapshot(node);
        more = more || (!node->broken && tell_commits(node));
        if (!node->broken && !more) {
            tell_claim(node);
        }
        node_change_tell(node);
        tell_fatal(node);
    }
    node_tell_reads(node);
    tell_shutdown(node);
    if (more) {
        node_notify(node);
    }
}

void node_notify(struct node *node)
{
    if (!node->closed && !net_timer_is_set(&node->notify)) {
        net_timer_set(&node->notify, 0);
    }
}
