/* Removing old segments: log start offset, retention, and the files that wait for an unlink. */
#include "store/log_private.h"

#include "base/mem.h"

struct store_trash {
    const struct store_fs *fs;
    char **paths;
    uint32_t count;
};

static void trash_add(struct store_log *log, const char *path)
{
    if (log->trash == NULL) {
        log->trash = MEM_NEW(struct store_trash);
        log->trash->fs = log->fs;
    }
    struct store_trash *trash = log->trash;
    trash->paths = mem_realloc(trash->paths, (trash->count + 1) * sizeof *trash->paths);
    trash->paths[trash->count++] = mem_strdup(path);
}

struct store_trash *store_log_take_trash(struct store_log *log)
{
    struct store_trash *trash = log->trash;
    log->trash = NULL;
    return trash;
}

void store_trash_empty(struct store_trash *trash)
{
    for (uint32_t i = 0; trash != NULL && i < trash->count; i++) {
        /* What stays is removed at the next start. */
        (void)!store_fs_unlink(trash->fs, trash->paths[i]);
    }
    store_trash_drop(trash);
}

void store_trash_drop(struct store_trash *trash)
{
    if (trash == NULL) {
        return;
    }
    for (uint32_t i = 0; i < trash->count; i++) {
        mem_free(trash->paths[i]);
    }
    mem_free(trash->paths);
    mem_free(trash);
}

static enum err trash_file(struct store_log *log, int64_t base, const char *suffix)
{
    char from[STORE_PATH_MAX];
    char to[STORE_PATH_MAX + sizeof SUFFIX_DELETED];
    store_segment_path(from, log->dir, base, suffix);
    size_t len = strlen(from);
    memcpy(to, from, len);
    memcpy(to + len, SUFFIX_DELETED, sizeof SUFFIX_DELETED);
    enum err e = store_fs_rename(log->fs, from, to);
    if (e == ERR_NONE) {
        trash_add(log, to);
    }
    return e == ERR_NOT_FOUND ? ERR_NONE : e;
}

static enum err trash_segment(struct store_log *log, int64_t base)
{
    static const char *const suffixes[] = {SEGMENT_LOG, SEGMENT_INDEX, SEGMENT_TIMEINDEX,
                                           SEGMENT_TXNINDEX, SEGMENT_SNAPSHOT};
    for (size_t i = 0; i < ARRAY_LEN(suffixes); i++) {
        TRY(trash_file(log, base, suffixes[i]));
    }
    return ERR_NONE;
}

enum err log_drop_oldest(struct store_log *log, uint32_t count)
{
    ASSERT(count < log->segment_count);
    for (uint32_t i = 0; i < count; i++) {
        int64_t base = log->segments[0].base;
        TRY(trash_segment(log, base));
        log->size -= log->segments[0].size;
        segment_fini(&log->segments[0]);
        log->segment_count--;
        memmove(log->segments, log->segments + 1, log->segment_count * sizeof *log->segments);
        log_info(log->log, "store", "removed segment", "dir=%s base=%" PRId64, log->dir, base);
    }
    return ERR_NONE;
}

enum err store_log_set_start(struct store_log *log, int64_t offset)
{
    if (log->offline) {
        return ERR_IO;
    }
    if (offset <= log->start) {
        return ERR_NONE;
    }
    if (offset > log->end) {
        return ERR_OFFSET_OUT_OF_RANGE;
    }
    log->start = offset;
    epochs_cut_start(&log->epochs, offset);
    uint32_t below = 0;
    while (below + 1 < log->segment_count && log->segments[below + 1].base <= offset) {
        below++;
    }
    enum err e = log_drop_oldest(log, below);
    return e == ERR_NONE ? e : log_go_offline(log, "remove old segments", e);
}

/* Has the newest record of the segment gone past its time? */
static enum err is_expired(struct store_log *log, struct segment *seg,
                           const struct store_retention *r, bool *out)
{
    *out = false;
    if (r->ms < 0) {
        return ERR_NONE;
    }
    TRY(segment_load(log, seg));
    int64_t newest = seg->max_timestamp >= 0 ? seg->max_timestamp : seg->created_ms;
    *out = r->now_ms - newest > r->ms;
    return ERR_NONE;
}

/* How many of the oldest segments may go. */
static enum err count_removable(struct store_log *log, const struct store_retention *r,
                                uint32_t *out)
{
    uint64_t over = 0; /* bytes that the size limit wants gone */
    if (r->bytes >= 0 && log->size > (uint64_t)r->bytes) {
        over = log->size - (uint64_t)r->bytes;
    }
    bool by_size = true;
    *out = 0;
    for (uint32_t i = 0; i < log->segment_count; i++) {
        struct segment *seg = &log->segments[i];
        bool last_and_empty = i + 1 == log->segment_count && seg->size == 0;
        if (last_and_empty || log_segment_end(log, i) > r->high_watermark) {
            break;
        }
        by_size = by_size && over >= seg->size && over > 0;
        bool expired = false;
        if (by_size) {
            over -= seg->size;
        } else {
            TRY(is_expired(log, seg, r, &expired));
        }
        if (!by_size && !expired) {
            break;
        }
        *out = i + 1;
    }
    return ERR_NONE;
}

enum err store_log_retain(struct store_log *log, const struct store_retention *retention,
                          uint32_t *removed)
{
    if (removed != NULL) {
        *removed = 0;
    }
    if (log->offline) {
        return ERR_IO;
    }
    uint32_t count = 0;
    TRY(count_removable(log, retention, &count));
    if (count == 0) {
        return ERR_NONE;
    }
    if (count == log->segment_count) {
        TRY(log_roll(log, log->end, retention->now_ms));
    }
    TRY(store_log_set_start(log, log->segments[count].base));
    if (removed != NULL) {
        *removed = count;
    }
    return ERR_NONE;
}
