/* Producer snapshot files: see snapshot.h. */
#include "store/snapshot.h"

#include <stdio.h>

#include "base/crc32c.h"
#include "base/mem.h"
#include "store/files_private.h"

enum {
    SNAPSHOT_VERSION = 1,
    SNAPSHOT_CRC_AT = 2,
    SNAPSHOT_BODY_AT = 6, /* what the checksum covers */
    SNAPSHOT_HEADER = 10,
    SNAPSHOT_ENTRY = 46,
    SNAPSHOT_FILE_MAX = 1 << 30,
};

#define SNAPSHOT_SUFFIX ".snapshot"

static void put_entry(struct buf *b, const struct store_producer_entry *entry)
{
    buf_put_i64(b, entry->producer_id);
    buf_put_i16(b, entry->producer_epoch);
    buf_put_i32(b, entry->last_sequence);
    buf_put_i64(b, entry->last_offset);
    buf_put_i32(b, entry->offset_delta);
    buf_put_i64(b, entry->timestamp);
    buf_put_i32(b, entry->coordinator_epoch);
    buf_put_i64(b, entry->txn_first_offset);
}

enum err store_snapshot_write(const struct store_fs *fs, const char *dir, int64_t offset,
                              const struct store_producer_entry *entries, size_t count)
{
    char path[STORE_PATH_MAX];
    struct buf b = {0};
    buf_put_i16(&b, SNAPSHOT_VERSION);
    buf_put_u32(&b, 0);
    buf_put_i32(&b, (int32_t)count);
    for (size_t i = 0; i < count; i++) {
        put_entry(&b, &entries[i]);
    }
    uint32_t crc = crc32c(0, b.data + SNAPSHOT_BODY_AT, b.len - SNAPSHOT_BODY_AT);
    store_u32(b.data + SNAPSHOT_CRC_AT, crc);
    store_segment_path(path, dir, offset, SNAPSHOT_SUFFIX);
    enum err e = store_fs_write_file(fs, path, buf_slice(&b), false);
    buf_fini(&b);
    return e;
}

static void read_entry(struct reader *r, struct store_producer_entry *out)
{
    out->producer_id = reader_i64(r);
    out->producer_epoch = reader_i16(r);
    out->last_sequence = reader_i32(r);
    out->last_offset = reader_i64(r);
    out->offset_delta = reader_i32(r);
    out->timestamp = reader_i64(r);
    out->coordinator_epoch = reader_i32(r);
    out->txn_first_offset = reader_i64(r);
}

static enum err parse(struct slice content, struct store_producer_entry **entries, size_t *count)
{
    struct reader r = reader_of(content);
    int16_t version = reader_i16(&r);
    uint32_t crc = reader_u32(&r);
    int32_t n = reader_i32(&r);
    if (r.bad || version != SNAPSHOT_VERSION || n < 0 ||
        reader_left(&r) != (size_t)n * SNAPSHOT_ENTRY ||
        crc != crc32c(0, content.data + SNAPSHOT_BODY_AT, content.len - SNAPSHOT_BODY_AT)) {
        return ERR_CORRUPT;
    }
    *count = (size_t)n;
    *entries = mem_zalloc(max_size(*count, 1), sizeof **entries);
    for (size_t i = 0; i < *count; i++) {
        read_entry(&r, &(*entries)[i]);
    }
    return ERR_NONE;
}

enum err store_snapshot_read(const struct store_fs *fs, const char *dir, int64_t offset,
                             struct store_producer_entry **entries, size_t *count)
{
    char path[STORE_PATH_MAX];
    struct buf content = {0};
    *entries = NULL;
    *count = 0;
    store_segment_path(path, dir, offset, SNAPSHOT_SUFFIX);
    enum err e = store_fs_read_file(fs, path, SNAPSHOT_FILE_MAX, &content);
    if (e == ERR_NONE) {
        e = parse(buf_slice(&content), entries, count);
    }
    buf_fini(&content);
    return e;
}

/* The offsets of the snapshots in a directory. */
struct offsets {
    int64_t *at;
    size_t count;
};

static void gather(void *arg, const char *name)
{
    struct offsets *offsets = arg;
    int64_t offset = 0;
    int digits = 0;
    if (sscanf(name, "%20" SCNd64 "%n", &offset, &digits) != 1 || digits != 20 ||
        strcmp(name + digits, SNAPSHOT_SUFFIX) != 0) {
        return;
    }
    offsets->at = mem_realloc(offsets->at, (offsets->count + 1) * sizeof *offsets->at);
    offsets->at[offsets->count++] = offset;
}

static enum err remove_at(const struct store_fs *fs, const char *dir, int64_t offset)
{
    char path[STORE_PATH_MAX];
    store_segment_path(path, dir, offset, SNAPSHOT_SUFFIX);
    enum err e = store_fs_unlink(fs, path);
    return e == ERR_NOT_FOUND ? ERR_NONE : e;
}

enum err store_snapshot_remove(const struct store_fs *fs, const char *dir, int64_t from, int64_t to)
{
    struct offsets offsets = {0};
    enum err e = store_fs_list(fs, dir, gather, &offsets);
    for (size_t i = 0; i < offsets.count && e == ERR_NONE; i++) {
        if (offsets.at[i] >= from && offsets.at[i] < to) {
            e = remove_at(fs, dir, offsets.at[i]);
        }
    }
    mem_free(offsets.at);
    return e;
}

/* The largest that is ≤ `max`, −1: none. */
static int64_t newest(const struct offsets *offsets, int64_t max)
{
    int64_t best = -1;
    for (size_t i = 0; i < offsets->count; i++) {
        if (offsets->at[i] <= max) {
            best = max_i64(best, offsets->at[i]);
        }
    }
    return best;
}

enum err store_snapshot_load(const struct store_fs *fs, const char *dir, int64_t max_offset,
                             struct store_snapshot *out)
{
    struct offsets offsets = {0};
    *out = (struct store_snapshot){.offset = -1};
    enum err e = store_fs_list(fs, dir, gather, &offsets);
    int64_t at = max_offset;
    while (e == ERR_NONE && (at = newest(&offsets, at)) >= 0) {
        e = store_snapshot_read(fs, dir, at, &out->entries, &out->count);
        if (e != ERR_CORRUPT) {
            break;
        }
        e = remove_at(fs, dir, at);
        at--;
    }
    out->offset = e == ERR_NONE ? at : -1;
    mem_free(offsets.at);
    return e;
}
