/* The metadata log over store/: appends and reads on the loop (they meet the page cache), syncs on
 * a worker, all that has come meanwhile in one. */
#include "raft/node/private.h"

#include <stdio.h>

#include "base/mem.h"

/* Each commit waits for a sync. */
enum { AHEAD_BYTES = 256 << 10 };

/* What an earlier process may have left in the page cache only: batches of its own, and those of a
 * fetch on top. */
enum { UNSYNCED_BYTES_MAX = NODE_UNSYNCED_BYTES_MAX + NODE_FETCH_BYTES_MAX };

/* Kafka opens this log as one never closed cleanly, from recovery point 0: every batch is checked.
 */
enum err node_log_open(struct node *node, int64_t snapshot_end, struct store_error *why)
{
    struct node_log *log = &node->log;
    const struct store_fs *fs = node->options.fs;
    log->files = store_files_new(fs, 64);
    struct store_log_options options = {
        .files = log->files,
        .dir = node->log_dir,
        .config = STORE_LOG_CONFIG_DEFAULT,
        .gapless = true,
        .now_ms = net_wall_ms(node->options.loop),
        .log = node->options.log,
        /* What a snapshot has too is not lost with the log. */
        .promised_end = node->log.noted > snapshot_end ? node->log.noted : 0,
    };
    options.config.segment_bytes = node->options.retention.segment_bytes;
    options.config.segment_ms = node->options.retention.segment_ms;
    /* What is read now counts as synced from now on, though it may be in the page cache only. */
    options.config.flush_messages = node->options.is_controller ? 1 : INT64_MAX;
    options.config.ahead_bytes = node->options.is_controller ? AHEAD_BYTES : 0;
    options.unsynced_bytes_max = UNSYNCED_BYTES_MAX;
    struct store_error damage = {""};
    enum err e = store_log_open(&options, &log->store, &damage);
    if (e == ERR_CORRUPT && options.promised_end > 0) {
        return node_synced_refuse(node, damage.text, why);
    }
    if (e != ERR_NONE) {
        return store_fail(why, e, "%s", damage.text);
    }
    e = store_partition_meta_write(fs, node->log_dir, UUID_METADATA_TOPIC);
    if (e != ERR_NONE) {
        return store_fail_errno(why, e, "write partition.metadata in", node->log_dir);
    }
    e = store_log_flush(log->store);
    if (e != ERR_NONE) {
        return store_fail_errno(why, e, "sync", node->log_dir);
    }
    log->synced = store_log_end_offset(log->store);
    log->queue = net_work_queue_new(node->options.loop, "raft-disk", 1);
    return ERR_NONE;
}

void node_log_close(struct node *node)
{
    struct node_log *log = &node->log;
    net_work_queue_free(log->queue);
    log->queue = NULL;
    if (log->store != NULL) {
        if (!node->broken && store_log_cut_ahead(log->store) != ERR_NONE) {
            log_warn(node->options.log, "raft", "room behind the log stays", "dir=%s",
                     node->log_dir);
        }
        store_log_abandon(log->store);
        log->store = NULL;
    }
    buf_fini(&log->bytes);
}

void node_log_append(struct node *node, struct slice batches)
{
    enum err e = store_log_append(node->log.store, &batches, 1, net_wall_ms(node->options.loop));
    if (e != ERR_NONE) {
        node_break(node, e, "the metadata log cannot be written");
    }
    node->log.unsynced_bytes += (int64_t)batches.len;
}

void node_log_truncate(struct node *node, int64_t to)
{
    ASSERT(!node->log.flushing);
    enum err e = node_synced_lower(node, to);
    if (e == ERR_NONE) {
        e = store_log_truncate_to(node->log.store, to);
    }
    if (e != ERR_NONE) {
        node_break(node, e, "the metadata log cannot be cut");
        return;
    }
    ASSERT(store_log_end_offset(node->log.store) == to);
    node->log.synced = min_i64(node->log.synced, to);
}

static void run_empty_trash(void *arg)
{
    store_trash_empty(arg);
}

/* To unlink a large file takes long. */
static void empty_trash(struct node *node)
{
    struct store_trash *trash = store_log_take_trash(node->log.store);
    if (trash != NULL) {
        net_work_on(node->snapshots.queue, run_empty_trash, NULL, trash);
    }
}

void node_log_replace(struct node *node, int64_t start)
{
    ASSERT(!node->log.flushing);
    enum err e = store_log_truncate_fully(node->log.store, start);
    if (e != ERR_NONE) {
        node_break(node, e, "the metadata log cannot be emptied");
        return;
    }
    node->log.synced = start;
}

void node_log_trim(struct node *node, int64_t start)
{
    enum err e = store_log_set_start(node->log.store, start);
    if (e != ERR_NONE) {
        node_break(node, e, "the metadata log cannot be trimmed");
        return;
    }
    empty_trash(node);
}

void node_log_roll(struct node *node)
{
    enum err e =
        node->broken ? ERR_NONE : store_log_roll(node->log.store, net_wall_ms(node->options.loop));
    if (e != ERR_NONE) {
        node_break(node, e, "a segment of the metadata log cannot be begun");
    }
}

/* ---- reading ---- */

struct slice node_whole_batches(struct slice bytes, int64_t to)
{
    size_t end = 0;
    while (bytes.len - end >= WIRE_BATCH_HEADER) {
        struct wire_batch batch;
        size_t size;
        struct slice head = slice_of(bytes.data + end, bytes.len - end);
        if (wire_batch_peek(head, &batch, &size) != ERR_NONE || size > bytes.len - end ||
            wire_batch_last_offset(&batch) >= to) {
            break;
        }
        end += size;
    }
    return slice_of(bytes.data, end);
}

enum err node_log_read(struct node *node, int64_t from, int64_t to, uint32_t bytes_max,
                       struct slice *out)
{
    struct buf *bytes = &node->log.bytes;
    buf_reset(bytes);
    *out = buf_slice(bytes);
    if (from >= to) {
        return ERR_NONE;
    }
    struct store_read_query query = {
        .offset = from, .end_offset = to, .max_bytes = bytes_max, .min_one = true};
    struct store_read read;
    TRY(store_log_read(node->log.store, &query, &read));
    enum err e = ERR_NONE;
    if (read.length > 0) {
        e = store_read_copy(&read, buf_extend(bytes, read.length));
    }
    store_read_done(&read);
    if (e == ERR_NONE) {
        *out = node_whole_batches(buf_slice(bytes), to);
    }
    return e;
}

/* ---- syncing ---- */

bool node_disk_busy(const struct node *node)
{
    return node->saving || node->log.flushing;
}

struct sync {
    struct node *node;
    struct store_flush flush;
    struct node_synced_note note;
};

static void run_sync(void *arg)
{
    struct sync *sync = arg;
    store_flush_run(&sync->flush);
    if (sync->flush.result == ERR_NONE) {
        node_synced_run(&sync->note, sync->flush.offset);
    }
}

static void finish_sync(void *arg)
{
    struct sync *sync = arg;
    struct node *node = sync->node;
    node->log.flushing = false;
    if (node->closed) {
        store_flush_drop(&sync->flush);
    } else {
        int64_t offset = sync->flush.offset;
        enum err e = store_log_flush_done(node->log.store, &sync->flush);
        if (e != ERR_NONE) {
            node_break(node, e, "the metadata log cannot be synced");
        } else {
            node->log.synced = max_i64(node->log.synced, offset);
            node->log.unsynced_bytes -= node->log.flushing_bytes;
            node_synced_done(node, &sync->note);
            struct raft_event event = {.type = RAFT_EVENT_FLUSHED,
                                       .u.flushed = {.offset = node->log.synced}};
            node_step(node, &event, SLICE_NULL);
            node_log_sync(node);
        }
    }
    mem_free(sync);
    node_unref(node);
}

void node_log_sync(struct node *node)
{
    struct node_log *log = &node->log;
    if (log->flushing || node->broken || log->synced == store_log_end_offset(log->store)) {
        return;
    }
    struct sync *sync = MEM_NEW(struct sync);
    enum err e = store_log_flush_begin(log->store, &sync->flush);
    if (e != ERR_NONE) {
        mem_free(sync);
        node_break(node, e, "the metadata log cannot be synced");
        return;
    }
    sync->node = node;
    node_synced_begin(node, &sync->note);
    log->flushing = true;
    log->flushing_bytes = log->unsynced_bytes;
    node_ref(node);
    net_work_on(log->queue, run_sync, finish_sync, sync);
}
