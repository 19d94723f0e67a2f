/* Writing a snapshot of the owner's state, slice by slice on a worker thread.
 *
 * The header, with the voters, is made on the loop; the records come from the owner's source. The
 * file is a `.part` until it is synced, so that nothing torn ever has a snapshot's name.
 *
 * A sync of the log has to wait while the disk writes something else. So every slice is small and
 * synced by itself, and the disk is left alone for several times as long as the slice took: commits
 * hardly notice, and a large snapshot takes some seconds, for which nobody waits. */
#include <stdio.h>

#include "base/mem.h"
#include "raft/node/private.h"
#include "raft/node/snapshot.h"

enum {
    SLICE_BYTES = 256 << 10, /* one batch */
    PAUSE_RATIO = 4,         /* of a slice's time */
    PAUSE_MS_MIN = 2,
    PAUSE_MS_MAX = 200, /* a disk that is so slow is not waited for forever */
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
    struct net_timer pause;
    int64_t slice_ms; /* when the slice was begun */
    /* The worker's, while a slice is being written. */
    struct buf bytes; /* begins as the header batch */
    int64_t next_offset;
    int fd;
    uint64_t size;
    bool more; /* of the source */
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

static struct wire_builder begin_batch(struct node_snapshot_job *job, bool control)
{
    struct raft_position at = {job->next_offset, job->place.epoch};
    return node_snapshot_begin_batch(&job->bytes, at, control, job->now_ms);
}

/* One batch of the source's records, if it has any more. */
static void add_records(struct node_snapshot_job *job)
{
    struct slice value;
    job->more = job->source.next(job->source.arg, &value);
    if (!job->more) {
        return;
    }
    struct wire_builder builder = begin_batch(job, false);
    while (job->more) {
        wire_builder_add(
            &builder,
            &(struct wire_record){.timestamp = job->now_ms, .key = SLICE_NULL, .value = value});
        job->next_offset++;
        if (wire_builder_size(&builder) >= SLICE_BYTES) {
            break;
        }
        job->more = job->source.next(job->source.arg, &value);
    }
    wire_builder_finish(&builder);
}

static enum err write_slice(struct node_snapshot_job *job)
{
    if (job->fd < 0) {
        uint32_t flags = STORE_OPEN_WRITE | STORE_OPEN_CREATE | STORE_OPEN_TRUNCATE;
        TRY(store_fs_open(job->fs, job->part, flags, &job->fd));
    }
    add_records(job);
    if (!job->more) {
        struct raft_position at = {job->next_offset, job->place.epoch};
        node_snapshot_add_footer(&job->bytes, at, job->now_ms);
    }
    TRY(store_fs_pwrite(job->fs, job->fd, buf_slice(&job->bytes), job->size));
    job->size += job->bytes.len;
    buf_reset(&job->bytes);
    return store_fs_sync(job->fs, job->fd);
}

/* Closed before the rename (KAFKA-14273). */
static void end_file(struct node_snapshot_job *job)
{
    if (job->fd >= 0) {
        store_fs_close(job->fs, job->fd);
        job->fd = -1;
    }
    if (job->result == ERR_NONE) {
        job->result = node_snapshot_name_part(job->fs, job->dir, job->part, job->path);
    }
    if (job->result != ERR_NONE) {
        (void)!store_fs_unlink(job->fs, job->part);
    }
    job->source.close(job->source.arg);
}

static void run_slice(void *arg)
{
    struct node_snapshot_job *job = arg;
    job->result = write_slice(job);
    if (job->result != ERR_NONE || !job->more) {
        job->more = false;
        end_file(job);
    }
}

/* ---- on the loop ---- */

static void finish_slice(void *arg);

static void next_slice(void *arg)
{
    struct node_snapshot_job *job = arg;
    job->slice_ms = net_now_ms(job->node->options.loop);
    node_ref(job->node);
    net_work_on(job->node->snapshots.queue, run_slice, finish_slice, job);
}

static void free_job(struct node_snapshot_job *job)
{
    buf_fini(&job->bytes);
    mem_free(job);
}

/* The snapshot is there, or not. */
static void finish(struct node_snapshot_job *job)
{
    struct node *node = job->node;
    node->snapshots.writing = NULL;
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
        job->source.done(job->source.owner, job->result);
    }
    free_job(job);
}

static void finish_slice(void *arg)
{
    struct node_snapshot_job *job = arg;
    struct node *node = job->node;
    if (node->closed) {
        /* It waits no more, but for this. */
        if (job->more) {
            job->result = ERR_CLOSED;
            end_file(job);
        }
        free_job(job);
    } else if (!job->more) {
        finish(job);
    } else {
        int64_t took_ms = net_now_ms(node->options.loop) - job->slice_ms;
        int64_t pause_ms = max_i64(PAUSE_RATIO * took_ms, PAUSE_MS_MIN);
        net_timer_set(&job->pause, min_i64(pause_ms, PAUSE_MS_MAX));
    }
    node_unref(node);
}

void node_snapshot_cancel(struct node *node)
{
    struct node_snapshot_job *job = node->snapshots.writing;
    node->snapshots.writing = NULL;
    /* Without the timer a slice is under way, whose end ends it all. */
    if (job != NULL && net_timer_is_set(&job->pause)) {
        net_timer_stop(&job->pause);
        job->result = ERR_CLOSED;
        end_file(job);
        free_job(job);
    }
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
                                      .source = *source,
                                      .fd = -1};
    snprintf(job->dir, sizeof job->dir, "%s", node->log_dir);
    node_snapshot_path(node, place, job->path, job->part);
    make_header(node, job);
    node->snapshots.writing = job;
    net_timer_init(&job->pause, node->options.loop, next_slice, job);
    next_slice(job);
    return ERR_NONE;
}
