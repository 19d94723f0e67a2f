/* One segment: its files, what an append notes in its indexes, how it is cut. */
#include "store/log_private.h"

#include "base/mem.h"

struct segment *segment_push(struct store_log *log, int64_t base)
{
    if (log->segment_count == log->segment_cap) {
        log->segment_cap = log->segment_cap == 0 ? 1 : log->segment_cap * 2;
        log->segments = mem_realloc(log->segments, log->segment_cap * sizeof *log->segments);
    }
    struct segment *seg = &log->segments[log->segment_count++];
    *seg = (struct segment){.base = base, .first_timestamp = TIMESTAMP_UNKNOWN};
    seg->file = store_file_new(log->files, &log->dir, base, SEGMENT_LOG);
    index_init(&seg->offsets, store_file_new(log->files, &log->dir, base, SEGMENT_INDEX),
               INDEX_OFFSET_ENTRY);
    index_init(&seg->times, store_file_new(log->files, &log->dir, base, SEGMENT_TIMEINDEX),
               INDEX_TIME_ENTRY);
    seg->max_timestamp = -1;
    seg->max_timestamp_offset = base;
    seg->last_time = -1;
    seg->index_synced = true;
    seg->cut_synced = true;
    seg->txn_index_synced = true;
    return seg;
}

void segment_fini(struct segment *seg)
{
    store_file_drop(seg->file);
    index_fini(&seg->offsets);
    index_fini(&seg->times);
}

enum err segment_create(struct store_log *log, int64_t base, int64_t now_ms)
{
    struct segment *seg = segment_push(log, base);
    enum err e =
        store_file_pin(seg->file, STORE_OPEN_WRITE | STORE_OPEN_CREATE | STORE_OPEN_TRUNCATE);
    if (e != ERR_NONE) {
        segment_fini(seg);
        log->segment_count--;
        return e;
    }
    store_file_unpin(seg->file);
    index_clear(&seg->offsets);
    index_clear(&seg->times);
    seg->loaded = true;
    seg->index_synced = false;
    seg->created_ms = now_ms;
    log->dir_version++;
    return ERR_NONE;
}

/* Entries as they are in the file. */
static void add_offset(struct segment *seg, int64_t offset, uint32_t position)
{
    uint8_t entry[INDEX_OFFSET_ENTRY];
    store_u32(entry, (uint32_t)(offset - seg->base));
    store_u32(entry + 4, position);
    index_add(&seg->offsets, entry);
}

/* Kafka adds only what is newer than the last entry, so that timestamps rise strictly. */
static void maybe_add_time(struct segment *seg)
{
    if (seg->max_timestamp <= seg->last_time) {
        return;
    }
    uint8_t entry[INDEX_TIME_ENTRY];
    store_u64(entry, (uint64_t)seg->max_timestamp);
    store_u32(entry + 8, (uint32_t)(seg->max_timestamp_offset - seg->base));
    index_add(&seg->times, entry);
    seg->last_time = seg->max_timestamp;
}

void segment_note(const struct store_log *log, struct segment *seg, const struct store_batch *batch,
                  uint32_t position)
{
    ASSERT(seg->loaded);
    if (position == 0) {
        seg->first_timestamp = batch->max_timestamp;
    }
    if (batch->max_timestamp > seg->max_timestamp) {
        seg->max_timestamp = batch->max_timestamp;
        seg->max_timestamp_offset = batch->last_offset;
    }
    if (seg->bytes_since_index > (uint32_t)log->config.index_interval_bytes) {
        add_offset(seg, batch->last_offset, position);
        maybe_add_time(seg);
        seg->bytes_since_index = 0;
    }
    seg->bytes_since_index += batch->size;
}

enum err segment_finish(struct segment *seg)
{
    if (!seg->loaded) {
        return ERR_NONE;
    }
    maybe_add_time(seg);
    if (!seg->offsets.exact || !seg->times.exact) {
        seg->index_synced = seg->size == 0;
    }
    TRY(index_finish(&seg->offsets));
    return index_finish(&seg->times);
}

/* Takes the largest timestamp from the last entry of the time index and the batches behind it. */
static enum err load_max_timestamp(struct store_log *log, struct segment *seg, bool look_behind)
{
    seg->max_timestamp = -1;
    seg->max_timestamp_offset = seg->base;
    uint32_t count = index_count(&seg->times);
    if (count > 0) {
        uint8_t entry[INDEX_TIME_ENTRY];
        TRY(index_get(&seg->times, count - 1, entry));
        seg->max_timestamp = (int64_t)load_u64(entry);
        seg->max_timestamp_offset = seg->base + (int32_t)load_u32(entry + 8);
    }
    seg->last_time = seg->max_timestamp;
    if (!look_behind) {
        return ERR_NONE;
    }
    uint32_t from = 0;
    TRY(segment_position_floor(log, seg, seg->max_timestamp_offset, &from));
    struct walk walk;
    struct store_batch batch;
    bool got = false;
    TRY(walk_begin(&walk, seg->file, from, seg->size));
    enum err e;
    while ((e = walk_next(&walk, &batch, &got)) == ERR_NONE && got) {
        if (batch.max_timestamp > seg->max_timestamp) {
            seg->max_timestamp = batch.max_timestamp;
            seg->max_timestamp_offset = batch.last_offset;
        }
    }
    walk_end(&walk);
    return e;
}

/* The last entry must lie inside the segment. */
static enum err check_offsets(struct segment *seg)
{
    uint8_t entry[INDEX_OFFSET_ENTRY];
    uint32_t count = index_count(&seg->offsets);
    if (count == 0) {
        return ERR_NONE;
    }
    TRY(index_get(&seg->offsets, count - 1, entry));
    return load_u32(entry + 4) < seg->size && (int32_t)load_u32(entry) >= 0 ? ERR_NONE
                                                                            : ERR_CORRUPT;
}

static enum err load_indexes(struct store_log *log, struct segment *seg)
{
    TRY(index_load(&seg->offsets));
    TRY(check_offsets(seg));
    TRY(index_load(&seg->times));
    return load_max_timestamp(log, seg, false);
}

static enum err rebuild(struct store_log *log, struct segment *seg)
{
    struct segment_scan scan = {.epoch = -1};
    enum err e = segment_scan(log, seg, false, &scan);
    if (e == ERR_NONE && scan.reason != NULL) {
        e = ERR_CORRUPT;
    }
    if (e != ERR_NONE) {
        seg->offsets.loaded = false;
        seg->times.loaded = false;
        return e;
    }
    log->recovery.indexes_rebuilt++;
    log_warn(log->log, "store", "rebuilt indexes", "dir=%s segment=%" PRId64, log->dir, seg->base);
    return seg == log_active(log) ? ERR_NONE : segment_finish(seg);
}

enum err segment_load(struct store_log *log, struct segment *seg)
{
    if (seg->loaded) {
        return ERR_NONE;
    }
    enum err e = load_indexes(log, seg);
    if (e == ERR_NOT_FOUND || e == ERR_CORRUPT) {
        e = rebuild(log, seg);
    }
    seg->loaded = e == ERR_NONE;
    return e;
}

enum err segment_first_timestamp(struct segment *seg, int64_t *out)
{
    if (seg->first_timestamp == TIMESTAMP_UNKNOWN) {
        struct walk walk;
        struct store_batch batch = {.max_timestamp = -1};
        bool got = false;
        TRY(walk_begin(&walk, seg->file, 0, seg->size));
        enum err e = walk_next(&walk, &batch, &got);
        walk_end(&walk);
        TRY(e);
        seg->first_timestamp = got ? batch.max_timestamp : TIMESTAMP_UNKNOWN;
        *out = got ? batch.max_timestamp : -1;
        return ERR_NONE;
    }
    *out = seg->first_timestamp;
    return ERR_NONE;
}

/* Forgets index entries at or behind `offset`. */
static enum err truncate_indexes(struct segment *seg, int64_t offset)
{
    int64_t slot = -1;
    TRY(index_floor(&seg->offsets, offset - seg->base - 1, &slot));
    index_truncate(&seg->offsets, (uint32_t)(slot + 1));
    uint32_t count = index_count(&seg->times);
    while (count > 0) {
        uint8_t entry[INDEX_TIME_ENTRY];
        TRY(index_get(&seg->times, count - 1, entry));
        if (seg->base + (int32_t)load_u32(entry + 8) < offset) {
            break;
        }
        count--;
    }
    index_truncate(&seg->times, count);
    return ERR_NONE;
}

enum err segment_cut(struct store_log *log, struct segment *seg, uint32_t size)
{
    TRY(store_file_pin(seg->file, STORE_OPEN_WRITE));
    enum err e = store_fs_truncate(log->fs, store_file_fd(seg->file), size);
    store_file_unpin(seg->file);
    TRY(e);
    log->size -= seg->size - size;
    seg->size = size;
    seg->file_size = size;
    return ERR_NONE;
}

enum err segment_truncate(struct store_log *log, struct segment *seg, int64_t offset, int64_t *end)
{
    struct place place;
    bool found = false;
    *end = offset;
    TRY(segment_load(log, seg));
    TRY(segment_locate(log, (uint32_t)(seg - log->segments), offset, &place, &found));
    TRY(truncate_indexes(seg, offset));
    if (found) {
        *end = min_i64(offset, place.base_offset);
        TRY(segment_cut(log, seg, place.position));
    }
    seg->bytes_since_index = 0;
    seg->first_timestamp = TIMESTAMP_UNKNOWN;
    seg->index_synced = false;
    return load_max_timestamp(log, seg, true);
}

static enum err unlink_one(struct store_log *log, int64_t base, const char *suffix)
{
    char path[STORE_PATH_MAX];
    store_segment_path(path, log->dir, base, suffix);
    enum err e = store_fs_unlink(log->fs, path);
    return e == ERR_NOT_FOUND ? ERR_NONE : e;
}

enum err segment_unlink(struct store_log *log, int64_t base)
{
    /* The .log first: what is left of an unlink that was cut short has no log and is swept at the
     * next start. */
    TRY(unlink_one(log, base, SEGMENT_LOG));
    TRY(unlink_one(log, base, SEGMENT_INDEX));
    TRY(unlink_one(log, base, SEGMENT_TIMEINDEX));
    TRY(unlink_one(log, base, SEGMENT_TXNINDEX));
    return unlink_one(log, base, SEGMENT_SNAPSHOT);
}
