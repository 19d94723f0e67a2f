/* Opening and closing a log, and its simple getters. */
#include "store/log_private.h"

#include <errno.h>
#include <stdio.h>

#include "base/mem.h"
#include "store/dir.h"

enum err log_go_offline(struct store_log *log, const char *what, enum err e)
{
    log_error(log->log, "store", "log offline", "dir=%s while=\"%s\" error=%s", log->dir, what,
              err_name(e));
    log->offline = true;
    return ERR_IO;
}

static void free_log(struct store_log *log)
{
    for (uint32_t i = 0; i < log->segment_count; i++) {
        segment_fini(&log->segments[i]);
    }
    store_trash_empty(store_log_take_trash(log));
    epochs_fini(&log->epochs);
    mem_free(log->segments);
    mem_free((char *)(uintptr_t)log->dir);
    mem_free(log);
}

static struct store_log *new_log(const struct store_log_options *options)
{
    struct store_log *log = MEM_NEW(struct store_log);
    log->files = options->files;
    log->fs = store_files_fs(options->files);
    log->dir = mem_strdup(options->dir);
    log->log = options->log;
    log->on_roll = options->on_roll;
    log->arg = options->arg;
    log->config = options->config;
    log->gapless = options->gapless;
    log->promised_end = options->promised_end;
    log->recovery.cut_offset = -1;
    return log;
}

/* Below the log start nothing counts; a log that ends before its start begins anew there. */
static enum err settle_start(struct store_log *log, const struct store_log_options *options)
{
    log->start = max_i64(options->log_start_offset, log->segments[0].base);
    if (log->end >= log->start) {
        return ERR_NONE;
    }
    log_warn(log->log, "store", "log ends before its start",
             "dir=%s end=%" PRId64 " start=%" PRId64, log->dir, log->end, log->start);
    return store_log_truncate_fully(log, log->start);
}

static enum err open_existing(struct store_log *log, const struct store_log_options *options,
                              struct store_error *why)
{
    enum err e = epochs_read(&log->epochs, log->fs, log->dir);
    /* Recovery from the first segment on finds all epochs anyway. */
    bool whole = !options->clean && log_segment_floor(log, options->recovery_point) == 0;
    bool epochs_lost = !whole && (e == ERR_CORRUPT || (!options->clean && log->epochs.count == 0));
    if (e != ERR_NONE && e != ERR_CORRUPT) {
        return store_fail_errno(why, e, "read the leader epochs in", log->dir);
    }
    /* A crash of the process leaves in the page cache what was never synced: the recovery point
     * does not move until a flush, and names may want a sync. */
    log->recovery_point = options->clean ? INT64_MAX : options->recovery_point;
    log->parent_synced = options->clean && log->size > 0;
    log->dir_version += log->parent_synced ? 0 : 1;
    e = options->clean ? log_trust(log) : log_recover(log, options->recovery_point);
    if (e == ERR_NONE && epochs_lost && log->size > 0) {
        e = log_rebuild_epochs(log);
    }
    if (e == ERR_NONE) {
        e = settle_start(log, options);
    }
    if (e == ERR_CORRUPT && log->recovery.reason != NULL && log->end < log->promised_end) {
        return store_fail(why, e,
                          "%s cannot be read from offset %" PRId64 " on: %s. Nothing was cut",
                          log->dir, log->end, log->recovery.reason);
    }
    if (e == ERR_CORRUPT) {
        return store_fail(why, e,
                          "%s: a segment below the recovery point %" PRId64
                          " has bytes that are no record batch; remove the directory to fetch the "
                          "partition again from its leader",
                          log->dir, options->recovery_point);
    }
    return e == ERR_NONE ? e : store_fail_errno(why, e, "recover the log in", log->dir);
}

static enum err open_dir(struct store_log *log, const struct store_log_options *options,
                         struct store_error *why)
{
    enum err e = store_fs_mkdir(log->fs, log->dir);
    if (e == ERR_EXISTS) {
        e = log_load_files(log);
    }
    if (e != ERR_NONE) {
        return store_fail_errno(why, e, "open the partition directory", log->dir);
    }
    if (log->segment_count > 0) {
        return open_existing(log, options, why);
    }
    e = segment_create(log, options->log_start_offset, options->now_ms);
    if (e != ERR_NONE) {
        return store_fail_errno(why, e, "create a segment in", log->dir);
    }
    log->start = options->log_start_offset;
    log->end = options->log_start_offset;
    return ERR_NONE;
}

enum err store_log_open(const struct store_log_options *options, struct store_log **out,
                        struct store_error *why)
{
    *out = NULL;
    errno = 0;
    struct store_log *log = new_log(options);
    enum err e = open_dir(log, options, why);
    if (e != ERR_NONE) {
        free_log(log);
        return e;
    }
    log->recovery_point = min_i64(log->recovery_point, log->end);
    epochs_cut_end(&log->epochs, log->end);
    epochs_cut_start(&log->epochs, log->start);
    if (!options->clean && log->config.flush_messages < INT64_MAX && log->size > 0) {
        uint64_t max = options->unsynced_bytes_max;
        e = log_write_again(log, max > 0 ? max : UINT64_MAX);
        if (e != ERR_NONE) {
            (void)store_fail_errno(why, e, "sync", log->dir);
            free_log(log);
            return e;
        }
    }
    if (log->recovery.segments_scanned > 0) {
        log_debug(log->log, "store", "recovered",
                  "dir=%s segments=%" PRIu32 " bytes=%" PRIu64 " start=%" PRId64 " end=%" PRId64,
                  log->dir, log->recovery.segments_scanned, log->recovery.bytes_scanned, log->start,
                  log->end);
    }
    *out = log;
    return ERR_NONE;
}

static enum err close_clean(struct store_log *log)
{
    if (log->offline) {
        return ERR_IO;
    }
    TRY(segment_cut_ahead(log, log_active(log)));
    TRY(segment_finish(log_active(log)));
    return store_log_flush(log);
}

enum err store_log_close(struct store_log *log)
{
    enum err e = close_clean(log);
    free_log(log);
    return e;
}

void store_log_abandon(struct store_log *log)
{
    if (log != NULL) {
        free_log(log);
    }
}

enum err store_log_delete(struct store_log *log, struct uuid unique, char **path)
{
    const char *slash = strrchr(log->dir, '/');
    size_t root = slash == NULL ? 0 : (size_t)(slash - log->dir) + 1;
    struct store_dir_name name;
    store_dir_parse(log->dir + root, &name);
    struct store_dir_text text = store_dir_format_as(&name, STORE_DIR_DELETE, unique);
    struct buf to = {0};
    buf_put(&to, log->dir, root);
    buf_put(&to, text.text, strlen(text.text) + 1);
    enum err e = store_fs_rename(log->fs, log->dir, (const char *)to.data);
    *path = e == ERR_NONE ? (char *)to.data : NULL;
    if (e != ERR_NONE) {
        buf_fini(&to);
    }
    free_log(log);
    return e;
}

int64_t store_log_start_offset(const struct store_log *log)
{
    return log->start;
}

int64_t store_log_base_offset(const struct store_log *log)
{
    return log->segments[0].base;
}

int64_t store_log_end_offset(const struct store_log *log)
{
    return log->end;
}

int64_t store_log_recovery_point(const struct store_log *log)
{
    return log->recovery_point;
}

int64_t store_log_active_base(const struct store_log *log)
{
    return log->segments[log->segment_count - 1].base;
}

uint64_t store_log_size(const struct store_log *log)
{
    return log->size;
}

uint32_t store_log_segment_count(const struct store_log *log)
{
    return log->segment_count;
}

const char *store_log_dir(const struct store_log *log)
{
    return log->dir;
}

bool store_log_is_offline(const struct store_log *log)
{
    return log->offline;
}

const struct store_recovery *store_log_recovery(const struct store_log *log)
{
    return &log->recovery;
}

void store_log_configure(struct store_log *log, const struct store_log_config *config)
{
    log->config = *config;
}

size_t store_log_memory(const struct store_log *log)
{
    size_t bytes = sizeof *log + strlen(log->dir) + 1;
    bytes += log->segment_cap * sizeof *log->segments + log->epochs.cap * sizeof *log->epochs.at;
    for (uint32_t i = 0; i < log->segment_count; i++) {
        const struct segment *seg = &log->segments[i];
        bytes += 3 * store_file_memory();
        bytes += (size_t)seg->offsets.tail_cap * seg->offsets.entry_size;
        bytes += (size_t)seg->times.tail_cap * seg->times.entry_size;
    }
    return bytes;
}

int32_t store_log_latest_epoch(const struct store_log *log)
{
    return log->epochs.count == 0 ? -1 : log->epochs.at[log->epochs.count - 1].epoch;
}

int32_t store_log_epoch_at(const struct store_log *log, int64_t offset)
{
    for (uint32_t i = log->epochs.count; i > 0; i--) {
        if (log->epochs.at[i - 1].start <= offset) {
            return log->epochs.at[i - 1].epoch;
        }
    }
    return -1;
}

struct store_epoch_end store_log_epoch_end(const struct store_log *log, int32_t epoch)
{
    const struct epochs *x = &log->epochs;
    if (epoch < 0 || x->count == 0 || epoch > x->at[x->count - 1].epoch) {
        return (struct store_epoch_end){-1, -1};
    }
    if (epoch == x->at[x->count - 1].epoch) {
        return (struct store_epoch_end){epoch, log->end};
    }
    if (epoch < x->at[0].epoch) {
        return (struct store_epoch_end){epoch, x->at[0].start};
    }
    uint32_t i = x->count - 1;
    while (x->at[i].epoch > epoch) {
        i--;
    }
    return (struct store_epoch_end){x->at[i].epoch, x->at[i + 1].start};
}

void store_log_assign_epoch(struct store_log *log, int32_t epoch)
{
    epochs_assign_pending(&log->epochs, epoch, log->end);
}

uint32_t store_log_epoch_count(const struct store_log *log)
{
    return log->epochs.count;
}

void store_log_epoch_get(const struct store_log *log, uint32_t i, int32_t *epoch, int64_t *start)
{
    ASSERT(i < log->epochs.count);
    *epoch = log->epochs.at[i].epoch;
    *start = log->epochs.at[i].start;
}
