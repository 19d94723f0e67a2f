/* Flushing: what to sync is gathered on the owner's thread, synced on any, noted on the owner's. */
#include "store/log_private.h"

#include "base/mem.h"
#include "store/meta.h"

bool store_log_flush_due(const struct store_log *log)
{
    return log->end - log->recovery_point >= log->config.flush_messages;
}

static enum err pin_for(struct store_flush *flush, struct store_file *file)
{
    TRY(store_file_pin(file, STORE_OPEN_WRITE));
    if (flush->count % 8 == 0) {
        flush->files = mem_realloc(flush->files, (flush->count + 8) * sizeof(struct store_file *));
    }
    flush->files[flush->count++] = file;
    return ERR_NONE;
}

/* The indexes of the active segment are only worth a sync when close has finished them: after a
 * crash they are built anew. */
static bool indexes_want_sync(const struct segment *seg)
{
    return !seg->index_synced && seg->loaded && seg->offsets.exact && seg->times.exact;
}

/* A transaction index is opened for the sync alone. */
static enum err pin_txn_index(struct store_log *log, struct store_flush *flush,
                              const struct segment *seg)
{
    struct store_file *file = store_file_new(log->files, &log->dir, seg->base, SEGMENT_TXNINDEX);
    enum err e = pin_for(flush, file);
    store_file_drop(file);
    return e;
}

static enum err gather(struct store_log *log, struct store_flush *flush)
{
    for (uint32_t i = 0; i < log->segment_count; i++) {
        struct segment *seg = &log->segments[i];
        bool is_new = log_segment_end(log, i) > log->recovery_point && seg->size > 0;
        if (is_new || !seg->cut_synced) {
            TRY(pin_for(flush, seg->file));
        }
        if (indexes_want_sync(seg)) {
            TRY(pin_for(flush, seg->offsets.file));
            TRY(pin_for(flush, seg->times.file));
        }
        if (!seg->txn_index_synced) {
            TRY(pin_txn_index(log, flush, seg));
        }
    }
    /* Only now, as a failure above leaves nothing pending. If a sync fails the log goes offline, so
     * that this is true or does not matter. */
    for (uint32_t i = 0; i < log->segment_count; i++) {
        struct segment *seg = &log->segments[i];
        seg->index_synced = seg->index_synced || indexes_want_sync(seg);
        seg->txn_index_synced = true;
        seg->cut_synced = true;
    }
    return ERR_NONE;
}

/* The epochs of what lies below the recovery point cannot be found by recovery any more, so that
 * the file must be durable before the point moves. */
static enum err prepare_epochs(struct store_log *log, struct store_flush *flush)
{
    if (!log->epochs.unsynced) {
        return ERR_NONE;
    }
    if (log->epochs.unwritten) {
        TRY(epochs_write(&log->epochs, log->fs, log->dir, false));
    }
    log->dir_version++;
    log->epochs.unsynced = false;
    flush->sync_epochs = true;
    return ERR_NONE;
}

enum err store_log_flush_begin(struct store_log *log, struct store_flush *flush)
{
    *flush = (struct store_flush){.offset = log->end, .generation = log->generation, .fs = log->fs};
    if (log->offline) {
        return ERR_IO;
    }
    enum err e = prepare_epochs(log, flush);
    if (e == ERR_NONE) {
        e = gather(log, flush);
    }
    if (e != ERR_NONE) {
        log->epochs.unsynced = log->epochs.unsynced || flush->sync_epochs;
        store_flush_drop(flush);
        return e;
    }
    flush->alone = log->flushes == 0;
    log->flushes++;
    flush->dir_version = log->dir_version;
    flush->sync_dir = log->dir_version != log->dir_synced;
    flush->sync_parent = flush->sync_dir && !log->parent_synced;
    if (flush->sync_dir || flush->sync_epochs) {
        flush->dir = mem_strdup(log->dir);
    }
    return ERR_NONE;
}

/* The file may be a newer one by now, which is as good. */
static enum err sync_file(const struct store_fs *fs, const char *dir, const char *name)
{
    struct buf path = {0};
    int fd = -1;
    buf_printf(&path, "%s/%s", dir, name);
    buf_put(&path, "", 1);
    enum err e = store_fs_open(fs, (const char *)path.data, STORE_OPEN_WRITE, &fd);
    if (e == ERR_NONE) {
        e = store_fs_sync(fs, fd);
        store_fs_close(fs, fd);
    }
    buf_fini(&path);
    return e;
}

static enum err sync_parent(const struct store_fs *fs, const char *dir)
{
    const char *slash = strrchr(dir, '/');
    if (slash == NULL || slash == dir) {
        return store_fs_sync_dir(fs, slash == NULL ? "." : "/");
    }
    char *parent = slice_dup_str(slice_of(dir, (size_t)(slash - dir)));
    enum err e = store_fs_sync_dir(fs, parent);
    mem_free(parent);
    return e;
}

static enum err run(const struct store_flush *flush)
{
    for (uint32_t i = 0; i < flush->count; i++) {
        TRY(store_fs_sync(flush->fs, store_file_fd(flush->files[i])));
    }
    if (flush->sync_epochs) {
        TRY(sync_file(flush->fs, flush->dir, EPOCHS_FILE));
    }
    if (flush->sync_parent) {
        /* Records that nobody knows the topic of are lost. Directories of old have no such file. */
        enum err e = sync_file(flush->fs, flush->dir, STORE_PARTITION_META_FILE);
        if (e != ERR_NONE && e != ERR_NOT_FOUND) {
            return e;
        }
    }
    if (flush->sync_dir) {
        TRY(store_fs_sync_dir(flush->fs, flush->dir));
    }
    return flush->sync_parent ? sync_parent(flush->fs, flush->dir) : ERR_NONE;
}

void store_flush_run(struct store_flush *flush)
{
    flush->result = run(flush);
}

void store_flush_drop(struct store_flush *flush)
{
    for (uint32_t i = 0; i < flush->count; i++) {
        store_file_unpin(flush->files[i]);
    }
    mem_free(flush->files);
    mem_free(flush->dir);
    flush->files = NULL;
    flush->dir = NULL;
    flush->count = 0;
}

enum err store_log_flush_done(struct store_log *log, struct store_flush *flush)
{
    store_flush_drop(flush);
    log->flushes--;
    if (flush->result == ERR_BUSY) {
        /* No descriptor to open the epochs or the directory with, after the data were synced. */
        log->epochs.unsynced = log->epochs.unsynced || flush->sync_epochs;
        return ERR_BUSY;
    }
    if (flush->result != ERR_NONE) {
        return log_go_offline(log, "flush", flush->result);
    }
    if (log->offline) {
        return ERR_IO;
    }
    if (flush->sync_dir) {
        log->dir_synced = flush->dir_version;
        log->parent_synced = log->parent_synced || flush->sync_parent;
    }
    /* After a truncation, `offset` may be of other records than those that were synced. And an
     * index that an earlier flush took upon itself is durable only when that one is done. */
    bool first = flush->alone || log->flushes == 0;
    if (first && flush->generation == log->generation) {
        log->recovery_point = max_i64(log->recovery_point, flush->offset);
    }
    return ERR_NONE;
}

enum err store_log_flush(struct store_log *log)
{
    struct store_flush flush;
    TRY(store_log_flush_begin(log, &flush));
    store_flush_run(&flush);
    return store_log_flush_done(log, &flush);
}
