/* What opening a log that was not closed cleanly does: every batch from the recovery point's
 * segment on is read and checked; at the first bad one the log ends. */
#include "store/log_private.h"

/* Removes the segments behind the first `keep`, the last one first, so that a crash in between
 * leaves no hole. */
static enum err remove_from(struct store_log *log, uint32_t keep)
{
    while (log->segment_count > keep) {
        struct segment *seg = log_active(log);
        int64_t base = seg->base;
        log->size -= seg->size;
        segment_fini(seg);
        log->segment_count--;
        log->recovery.segments_deleted++;
        TRY(segment_unlink(log, base));
    }
    return ERR_NONE;
}

/* Durable at once: the recovery point on disk may be the very offset of the cut, so that another
 * crash would not look at this segment again. */
static enum err cut_file(struct store_log *log, struct segment *seg, uint32_t size)
{
    log->recovery.bytes_cut += seg->size - size;
    TRY(segment_cut(log, seg, size));
    TRY(store_file_pin(seg->file, STORE_OPEN_WRITE));
    enum err e = store_fs_sync(log->fs, store_file_fd(seg->file));
    store_file_unpin(seg->file);
    return e;
}

/* Room is no part of the log. Should it come back after a crash it is taken away again. */
static enum err cut_ahead(struct store_log *log, struct segment *seg, uint32_t size)
{
    log->size -= seg->size - size;
    seg->size = size;
    return segment_cut_ahead(log, seg);
}

static enum err cut(struct store_log *log, uint32_t i, const struct segment_scan *scan)
{
    for (uint32_t k = i + 1; k < log->segment_count; k++) {
        log->recovery.bytes_cut += log->segments[k].size;
    }
    TRY(remove_from(log, i + 1));
    struct segment *seg = &log->segments[i];
    log->recovery.cut_offset = scan->next_offset;
    log->recovery.reason = scan->reason;
    TRY(cut_file(log, seg, scan->valid_bytes));
    TRY(store_fs_sync_dir(log->fs, log->dir));
    log_warn(log->log, "store", "cut log",
             "dir=%s offset=%" PRId64 " position=%" PRIu32 " bytes=%" PRIu64
             " segments_deleted=%" PRIu32 " reason=\"%s\"",
             log->dir, scan->next_offset, scan->valid_bytes, log->recovery.bytes_cut,
             log->recovery.segments_deleted, scan->reason);
    return ERR_NONE;
}

/* Reads the i-th segment whole; `*stop` when the log was cut there. */
static enum err recover_segment(struct store_log *log, uint32_t i, int32_t *epoch, bool *stop)
{
    bool is_last = i + 1 == log->segment_count;
    struct segment_scan scan = {.epoch = *epoch,
                                .limit = is_last ? INT64_MAX : log->segments[i + 1].base};
    TRY(segment_scan(log, &log->segments[i], true, &scan));
    *epoch = scan.epoch;
    log->recovery.segments_scanned++;
    log->recovery.indexes_rebuilt++;
    log->end = scan.next_offset;
    if (scan.ahead) {
        TRY(cut_ahead(log, &log->segments[i], scan.valid_bytes));
    }
    if (scan.reason == NULL && log->gapless && !is_last && scan.next_offset < scan.limit) {
        scan.reason = "offsets are missing behind the segment";
    }
    *stop = scan.reason != NULL;
    if (*stop && scan.next_offset < log->promised_end) {
        log->recovery.reason = scan.reason;
        return ERR_CORRUPT;
    }
    if (*stop) {
        TRY(cut(log, i, &scan));
    }
    return i + 1 < log->segment_count ? segment_finish(&log->segments[i]) : ERR_NONE;
}

static enum err remove_txn_index(struct store_log *log, struct segment *seg)
{
    char path[STORE_PATH_MAX];
    store_segment_path(path, log->dir, seg->base, SEGMENT_TXNINDEX);
    enum err e = store_fs_unlink(log->fs, path);
    seg->has_txn_index = false;
    return e == ERR_NOT_FOUND ? ERR_NONE : e;
}

enum err log_recover(struct store_log *log, int64_t recovery_point)
{
    /* Room behind a segment that ends at the recovery point may be back. */
    int64_t from = recovery_point - (log->config.ahead_bytes > 0 ? 1 : 0);
    uint32_t first = log_segment_floor(log, from);
    bool stop = false;
    int32_t epoch = -1;
    epochs_cut_end(&log->epochs, log->segments[first].base);
    for (uint32_t i = first; i < log->segment_count && !stop; i++) {
        TRY(remove_txn_index(log, &log->segments[i]));
        TRY(recover_segment(log, i, &epoch, &stop));
    }
    return ERR_NONE;
}

/* The end of a log that was closed cleanly: behind the last batch of the active segment. */
static enum err find_end(struct store_log *log)
{
    struct segment *seg = log_active(log);
    log->end = seg->base;
    if (seg->size == 0) {
        return ERR_NONE;
    }
    uint32_t from = 0;
    struct walk walk;
    struct store_batch batch;
    bool got = false;
    TRY(segment_position_floor(log, seg, INT64_MAX, &from));
    TRY(walk_begin(&walk, seg->file, from, seg->size));
    enum err e;
    while ((e = walk_next(&walk, &batch, &got)) == ERR_NONE && got) {
        log->end = max_i64(log->end, batch.last_offset + 1);
    }
    walk_end(&walk);
    return e;
}

enum err log_trust(struct store_log *log)
{
    enum err e = find_end(log);
    if (e != ERR_CORRUPT) {
        return e;
    }
    log_warn(log->log, "store", "not as clean as it says", "dir=%s", log->dir);
    return log_recover(log, log_active(log)->base);
}

/* The epoch list from all batches, when its file cannot be read. */
static bool assign_epoch_of(void *arg, const struct store_batch *batch)
{
    struct store_log *log = arg;
    if (batch->leader_epoch >= 0) {
        epochs_assign(&log->epochs, batch->leader_epoch, batch->base_offset);
    }
    return true;
}

enum err log_rebuild_epochs(struct store_log *log)
{
    log_warn(log->log, "store", "rebuilding leader epochs", "dir=%s", log->dir);
    log->epochs.count = 0;
    log->epochs.unwritten = true;
    log->epochs.unsynced = true;
    return store_log_scan(log, log->segments[0].base, assign_epoch_of, log);
}
