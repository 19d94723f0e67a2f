/* Writing a snapshot of the owner's state, on a worker thread.
 *
 * The header, with the voters, is made on the loop; the records come from the owner's source. The
 * file is a `.part` until it is synced, so that nothing torn ever has a snapshot's name. */
#include <stdatomic.h>
#include <stdio.h>

#include "base/mem.h"
#include "raft/node/private.h"
#include "raft/node/snapshot.h"

enum {
    BATCH_BYTES = 256 << 10,
    /* So much is written between two syncs: what the disk has to take at once is what a sync of the
     * log may have to wait for. */
    SYNC_BYTES = 1 << 20,
};

struct node_snapshot_job {
    struct node *node;
    const struct store_fs *fs;
    struct raft_position place;
    int64_t log_timestamp_ms; /* of the last record contained */
    int64_t now_ms;
    struct node_snapshot_source source;
    char dir[NODE_PATH_MAX];
    char path[NODE_PATH_MAX];
    char part[NODE_PATH_MAX];
    atomic_bool cancelled;
    /* The worker's. */
    struct buf bytes; /* begins as the header batch */
    int64_t next_offset;
    int fd;
    uint64_t size;
    uint64_t synced;
    enum err result;
};

/* ---- the frame ---- */

struct wire_builder node_snapshot_begin_batch(struct buf *out, struct raft_position at,
                                              bool control, int64_t now_ms)
{
    struct wire_builder_options options = {.base_offset = at.offset, WIRE_BUILDER_DEFAULTS};
    options.leader_epoch = at.epoch;
    options.attributes = control ? WIRE_BATCH_CONTROL : 0;
    struct wire_builder builder;
    wire_builder_init(&builder, &options, out);
    wire_builder_set_timestamps(&builder, now_ms, now_ms);
    return builder;
}

void node_snapshot_add_header(struct wire_builder *builder, int64_t log_timestamp_ms)
{
    struct wire_snapshot_header_record header = {.last_contained_log_timestamp = log_timestamp_ms};
    node_control_add(builder, WIRE_CONTROL_SNAPSHOT_HEADER, &wire_msg_snapshot_header_record,
                     &header);
}

void node_snapshot_add_footer(struct buf *out, struct raft_position at, int64_t now_ms)
{
    struct wire_builder builder = node_snapshot_begin_batch(out, at, true, now_ms);
    struct wire_snapshot_footer_record footer = {0};
    node_control_add(&builder, WIRE_CONTROL_SNAPSHOT_FOOTER, &wire_msg_snapshot_footer_record,
                     &footer);
    wire_builder_finish(&builder);
}

/* ---- on the worker ---- */

static enum err put_bytes(struct node_snapshot_job *job)
{
    TRY(store_fs_pwrite(job->fs, job->fd, buf_slice(&job->bytes), job->size));
    job->size += job->bytes.len;
    buf_reset(&job->bytes);
    if (job->size - job->synced >= SYNC_BYTES) {
        TRY(store_fs_sync(job->fs, job->fd));
        job->synced = job->size;
    }
    return ERR_NONE;
}

static struct wire_builder begin_batch(struct node_snapshot_job *job, bool control)
{
    struct raft_position at = {job->next_offset, job->place.epoch};
    return node_snapshot_begin_batch(&job->bytes, at, control, job->now_ms);
}

/* One batch of the source's records; `*more` false when there are no more. */
static enum err put_records(struct node_snapshot_job *job, bool *more)
{
    struct slice value;
    *more = job->source.next(job->source.arg, &value);
    if (!*more) {
        return ERR_NONE;
    }
    struct wire_builder builder = begin_batch(job, false);
    while (*more) {
        wire_builder_add(
            &builder,
            &(struct wire_record){.timestamp = job->now_ms, .key = SLICE_NULL, .value = value});
        job->next_offset++;
        if (wire_builder_size(&builder) >= BATCH_BYTES) {
            break;
        }
        *more = job->source.next(job->source.arg, &value);
    }
    wire_builder_finish(&builder);
    return put_bytes(job);
}

static enum err put_footer(struct node_snapshot_job *job)
{
    struct raft_position at = {job->next_offset, job->place.epoch};
    node_snapshot_add_footer(&job->bytes, at, job->now_ms);
    TRY(put_bytes(job));
    return store_fs_sync(job->fs, job->fd);
}

static enum err write_file(struct node_snapshot_job *job)
{
    TRY(put_bytes(job)); /* the header */
    bool more = true;
    while (more) {
        if (atomic_load(&job->cancelled)) {
            return ERR_CLOSED;
        }
        TRY(put_records(job, &more));
    }
    return put_footer(job);
}

static void run_write(void *arg)
{
    struct node_snapshot_job *job = arg;
    uint32_t flags = STORE_OPEN_WRITE | STORE_OPEN_CREATE | STORE_OPEN_TRUNCATE;
    enum err e = store_fs_open(job->fs, job->part, flags, &job->fd);
    if (e == ERR_NONE) {
        e = write_file(job);
        store_fs_close(job->fs, job->fd); /* KAFKA-14273: before the rename */
        if (e == ERR_NONE) {
            e = node_snapshot_name_part(job->fs, job->dir, job->part, job->path);
        } else {
            (void)!store_fs_unlink(job->fs, job->part);
        }
    }
    job->source.close(job->source.arg);
    job->result = e;
}

/* ---- on the loop ---- */

static void finish_write(void *arg)
{
    struct node_snapshot_job *job = arg;
    struct node *node = job->node;
    node->snapshots.writing = NULL;
    if (!node->closed) {
        if (job->result == ERR_NONE) {
            log_info(node->options.log, "raft", "snapshot taken",
                     "node=%d end=%" PRId64 " epoch=%d bytes=%" PRIu64 " records=%" PRId64,
                     node->options.node_id, job->place.offset, job->place.epoch, job->size,
                     job->next_offset);
            node_snapshots_add(node, &(struct node_kept){.place = job->place,
                                                         .bytes = (int64_t)job->size,
                                                         .timestamp_ms = job->log_timestamp_ms});
        } else {
            log_error(node->options.log, "raft", "snapshot could not be written",
                      "node=%d file=%s error=%s", node->options.node_id, job->part,
                      err_name(job->result));
        }
        if (job->source.done != NULL) {
            job->source.done(job->source.arg, job->result);
        }
    }
    buf_fini(&job->bytes);
    mem_free(job);
    node_unref(node);
}

/* The place must be between two batches, as a log can begin only there. */
static bool is_edge(struct node *node, int64_t offset)
{
    struct store_read_query query = {
        .offset = offset, .end_offset = INT64_MAX, .max_bytes = 1, .min_one = true};
    struct store_read read;
    if (offset == store_log_end_offset(node->log.store)) {
        return true;
    }
    if (store_log_read(node->log.store, &query, &read) != ERR_NONE) {
        return false;
    }
    bool edge = read.base_offset == offset;
    store_read_done(&read);
    return edge;
}

static enum err check_place(struct node *node, struct raft_position place)
{
    if (node->snapshots.writing != NULL || node->broken || !node->started ||
        node->shutdown_done != NULL || node_snapshots_loading(node)) {
        return ERR_BUSY;
    }
    TRY(raft_check_snapshot(node->raft, place));
    bool known = place.offset <= node->delivered && is_edge(node, place.offset);
    return known ? ERR_NONE : ERR_OFFSET_OUT_OF_RANGE;
}

static void make_header(struct node *node, struct node_snapshot_job *job)
{
    struct wire_builder builder = begin_batch(job, true);
    node_snapshot_add_header(&builder, job->log_timestamp_ms);
    job->next_offset = 1;
    struct slice voters = node_voters_value(&node->voter_records, job->place.offset);
    if (!slice_is_null(voters)) {
        node_control_repeat_voters(&builder, voters);
        job->next_offset += 2;
    }
    wire_builder_finish(&builder);
}

enum err node_snapshot_write(struct node *node, const struct node_snapshot_place *at,
                             const struct node_snapshot_source *source)
{
    struct raft_position place = {at->end_offset, at->epoch};
    TRY(check_place(node, place));
    struct node_snapshot_job *job = MEM_NEW(struct node_snapshot_job);
    *job = (struct node_snapshot_job){.node = node,
                                      .fs = node->options.fs,
                                      .place = place,
                                      .log_timestamp_ms = at->append_timestamp_ms,
                                      .now_ms = net_wall_ms(node->options.loop),
                                      .source = *source};
    snprintf(job->dir, sizeof job->dir, "%s", node->log_dir);
    node_snapshot_path(node, place, job->path, job->part);
    make_header(node, job);
    node->snapshots.writing = job;
    node_ref(node);
    net_work_on(node->snapshots.queue, run_write, finish_write, job);
    return ERR_NONE;
}

void node_snapshot_cancel(struct node *node)
{
    if (node->snapshots.writing != NULL) {
        atomic_store(&node->snapshots.writing->cancelled, true);
    }
}
