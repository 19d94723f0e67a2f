/* Cutting the end of a log. */
#include "store/log_private.h"
#include "store/snapshot.h"

/* Removes segments from the end until `keep` are left. Immediately, not by way of .deleted: what
 * was truncated must not come back. */
static enum err drop_newest(struct store_log *log, uint32_t keep)
{
    while (log->segment_count > keep) {
        int64_t base = log_active(log)->base;
        log->size -= log_active(log)->size;
        segment_fini(log_active(log));
        log->segment_count--;
        TRY(segment_unlink(log, base));
    }
    return ERR_NONE;
}

/* The recovery point goes back to the base of the segment that was cut, not only to its new end:
 * that the file is shorter now is not durable before the next flush, and what was cut must be found
 * by recovery should it come back. */
static void cut_state(struct store_log *log, int64_t end)
{
    log->generation++;
    log->end = end;
    log->start = min_i64(log->start, end);
    log->recovery_point = min_i64(log->recovery_point, log_active(log)->base);
    epochs_cut_end(&log->epochs, end);
}

/* The epoch file is written at once, durably: the next leader may assign other epochs to these
 * offsets, and a crash must not bring the old ones back. */
static enum err write_state(struct store_log *log)
{
    if (log->epochs.unsynced) {
        TRY(epochs_write(&log->epochs, log->fs, log->dir, true));
    }
    return store_snapshot_remove(log->fs, log->dir, log->end + 1, INT64_MAX);
}

static enum err truncate_inside(struct store_log *log, int64_t offset)
{
    uint32_t i = log_segment_floor(log, offset);
    log_recent_clear(log);
    TRY(drop_newest(log, i + 1));
    int64_t end = offset;
    TRY(segment_truncate(log, &log->segments[i], offset, &end));
    TRY(txn_index_truncate(log, &log->segments[i], offset));
    cut_state(log, end);
    return write_state(log);
}

enum err store_log_truncate_to(struct store_log *log, int64_t offset)
{
    if (log->offline) {
        return ERR_IO;
    }
    if (offset >= log->end) {
        return ERR_NONE;
    }
    if (offset < log->segments[0].base) {
        return store_log_truncate_fully(log, offset);
    }
    log_info(log->log, "store", "truncating", "dir=%s from=%" PRId64 " to=%" PRId64, log->dir,
             log->end, offset);
    enum err e = truncate_inside(log, offset);
    return e == ERR_NONE ? e : log_go_offline(log, "truncate", e);
}

static enum err begin_anew(struct store_log *log, int64_t offset)
{
    int64_t created_ms = log_active(log)->created_ms;
    log_recent_clear(log);
    enum err e = drop_newest(log, 0);
    if (e == ERR_NONE) {
        e = segment_create(log, offset, created_ms);
    }
    if (e != ERR_NONE) {
        /* An offline log has a segment too, if only in name. */
        segment_push(log, offset);
        return e;
    }
    cut_state(log, offset);
    log->start = offset;
    epochs_cut_end(&log->epochs, 0);
    TRY(write_state(log));
    return store_snapshot_remove(log->fs, log->dir, 0, INT64_MAX);
}

enum err store_log_truncate_fully(struct store_log *log, int64_t offset)
{
    if (log->offline) {
        return ERR_IO;
    }
    log_info(log->log, "store", "truncating fully",
             "dir=%s start=%" PRId64 " end=%" PRId64 " to=%" PRId64, log->dir, log->start, log->end,
             offset);
    enum err e = begin_anew(log, offset);
    return e == ERR_NONE ? e : log_go_offline(log, "truncate", e);
}
