/* The first look at a partition's directory: which segments are there, and what a crash left half
 * done is finished or undone, in the order in which Kafka does it. */
#include "store/log_private.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"

enum kind { KIND_LOG, KIND_INDEX, KIND_TIMEINDEX, KIND_TXNINDEX, KIND_SNAPSHOT, KIND_COUNT };
enum state { STATE_LIVE, STATE_DELETED, STATE_CLEANED, STATE_SWAP, STATE_GONE };

static const char *const kind_suffix[KIND_COUNT] = {SEGMENT_LOG, SEGMENT_INDEX, SEGMENT_TIMEINDEX,
                                                    SEGMENT_TXNINDEX, SEGMENT_SNAPSHOT};
static const char *const state_suffix[STATE_GONE] = {"", SUFFIX_DELETED, SUFFIX_CLEANED,
                                                     SUFFIX_SWAP};

struct found {
    int64_t base;
    enum kind kind;
    enum state state;
};

struct found_list {
    struct found *at;
    size_t count;
};

/* "00000000000000000042" */
static bool parse_base(const char *name, int64_t *base)
{
    *base = 0;
    for (int i = 0; i < 20; i++) {
        if (name[i] < '0' || name[i] > '9' || __builtin_mul_overflow(*base, 10, base) ||
            __builtin_add_overflow(*base, name[i] - '0', base)) {
            return false;
        }
    }
    return true;
}

static bool parse_name(const char *name, struct found *out)
{
    if (!parse_base(name, &out->base)) {
        return false;
    }
    for (int k = 0; k < KIND_COUNT; k++) {
        size_t len = strlen(kind_suffix[k]);
        if (strncmp(name + 20, kind_suffix[k], len) != 0) {
            continue;
        }
        for (int s = STATE_LIVE; s < STATE_GONE; s++) {
            if (strcmp(name + 20 + len, state_suffix[s]) == 0) {
                out->kind = (enum kind)k;
                out->state = (enum state)s;
                return true;
            }
        }
    }
    return false;
}

static void gather(void *arg, const char *name)
{
    struct found_list *list = arg;
    struct found f;
    if (parse_name(name, &f)) {
        list->at = mem_realloc(list->at, (list->count + 1) * sizeof *list->at);
        list->at[list->count++] = f;
    }
}

/* By base, then kind: .log first. */
static int compare(const void *a, const void *b)
{
    const struct found *x = a;
    const struct found *y = b;
    if (x->base != y->base) {
        return x->base < y->base ? -1 : 1;
    }
    return x->kind == y->kind ? (int)x->state - (int)y->state : (int)x->kind - (int)y->kind;
}

static void path_of(const struct store_log *log, const struct found *f, char out[STORE_PATH_MAX])
{
    char suffix[32];
    snprintf(suffix, sizeof suffix, "%s%s", kind_suffix[f->kind], state_suffix[f->state]);
    store_segment_path(out, log->dir, f->base, suffix);
}

static enum err discard(struct store_log *log, struct found *f)
{
    char path[STORE_PATH_MAX];
    path_of(log, f, path);
    enum err e = store_fs_unlink(log->fs, path);
    f->state = STATE_GONE;
    return e == ERR_NOT_FOUND ? ERR_NONE : e;
}

/* Removes .deleted and .cleaned, and swap files of a split that had not finished: those at or
 * behind the first .cleaned (KAFKA-6264). */
static enum err discard_leftovers(struct store_log *log, struct found_list *list)
{
    int64_t cleaned_min = INT64_MAX;
    for (size_t i = 0; i < list->count; i++) {
        if (list->at[i].state == STATE_CLEANED) {
            cleaned_min = min_i64(cleaned_min, list->at[i].base);
        }
    }
    for (size_t i = 0; i < list->count; i++) {
        struct found *f = &list->at[i];
        if (f->state == STATE_DELETED || f->state == STATE_CLEANED ||
            (f->state == STATE_SWAP && f->base >= cleaned_min)) {
            TRY(discard(log, f));
        }
    }
    return ERR_NONE;
}

/* Where the batches of a .log.swap end. */
static enum err swap_end(struct store_log *log, const struct found *f, int64_t *end)
{
    struct store_file *file =
        store_file_new(log->files, &log->dir, f->base, SEGMENT_LOG SUFFIX_SWAP);
    struct walk walk;
    struct store_batch batch;
    uint64_t size = 0;
    bool got = false;
    *end = f->base;
    enum err e = store_file_pin(file, STORE_OPEN_WRITE);
    if (e == ERR_NONE) {
        e = store_file_size(file, &size);
        store_file_unpin(file);
    }
    if (e == ERR_NONE) {
        e = walk_begin(&walk, file, 0, (uint32_t)min_size(size, INT32_MAX));
    }
    if (e == ERR_NONE) {
        while ((e = walk_next(&walk, &batch, &got)) == ERR_NONE && got) {
            *end = batch.last_offset + 1;
        }
        walk_end(&walk);
    }
    store_file_drop(file);
    return e == ERR_CORRUPT ? ERR_NONE : e;
}

static enum err replace_by_swap(struct store_log *log, struct found_list *list,
                                const struct found *swap)
{
    int64_t end = 0;
    TRY(swap_end(log, swap, &end));
    for (size_t i = 0; i < list->count; i++) {
        struct found *f = &list->at[i];
        bool inside = f->base == swap->base || (f->base > swap->base && f->base < end);
        if (f->state == STATE_LIVE && f->kind != KIND_SNAPSHOT && inside) {
            TRY(discard(log, f));
        }
    }
    log_info(log->log, "store", "finished swap", "dir=%s segment=%" PRId64 " end=%" PRId64,
             log->dir, swap->base, end);
    return ERR_NONE;
}

/* What compaction had made ready: the segments that it replaces go, then it takes their place. */
static enum err finish_swaps(struct store_log *log, struct found_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        if (list->at[i].state == STATE_SWAP && list->at[i].kind == KIND_LOG) {
            TRY(replace_by_swap(log, list, &list->at[i]));
        }
    }
    for (size_t i = 0; i < list->count; i++) {
        struct found *f = &list->at[i];
        if (f->state == STATE_SWAP) {
            char from[STORE_PATH_MAX];
            char to[STORE_PATH_MAX];
            path_of(log, f, from);
            f->state = STATE_LIVE;
            path_of(log, f, to);
            TRY(store_fs_rename(log->fs, from, to));
        }
    }
    return ERR_NONE;
}

static enum err push_segment(struct store_log *log, int64_t base)
{
    char path[STORE_PATH_MAX];
    struct store_stat st;
    store_segment_path(path, log->dir, base, SEGMENT_LOG);
    TRY(store_fs_stat(log->fs, path, &st));
    if (st.size > INT32_MAX) {
        return ERR_CORRUPT;
    }
    struct segment *seg = segment_push(log, base);
    seg->size = (uint32_t)st.size;
    seg->file_size = seg->size;
    seg->created_ms = st.modified_ms;
    log->size += st.size;
    return ERR_NONE;
}

/* Segments in order; index files that have no .log go. A missing index is found by segment_load().
 */
static enum err push_segments(struct store_log *log, struct found_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        struct found *f = &list->at[i];
        bool has_log = log->segment_count > 0 && log_active(log)->base == f->base;
        if (f->state != STATE_LIVE || f->kind == KIND_SNAPSHOT) {
            continue;
        }
        if (f->kind == KIND_LOG) {
            TRY(push_segment(log, f->base));
        } else if (!has_log) {
            log_warn(log->log, "store", "removed index without log", "dir=%s segment=%" PRId64,
                     log->dir, f->base);
            TRY(discard(log, f));
        } else if (f->kind == KIND_TXNINDEX) {
            log_active(log)->has_txn_index = true;
        }
    }
    return ERR_NONE;
}

enum err log_load_files(struct store_log *log)
{
    struct found_list list = {0};
    enum err e = store_fs_list(log->fs, log->dir, gather, &list);
    if (e == ERR_NONE) {
        e = discard_leftovers(log, &list);
    }
    if (e == ERR_NONE) {
        e = finish_swaps(log, &list);
    }
    if (e == ERR_NONE && list.count > 0) {
        qsort(list.at, list.count, sizeof *list.at, compare);
        e = push_segments(log, &list);
    }
    mem_free(list.at);
    return e;
}
