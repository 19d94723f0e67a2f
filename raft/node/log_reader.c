/* Reading the segments of a metadata log; see log_reader.h. */
#include "raft/node/log_reader.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "raft/node/private.h"
#include "store/ahead.h"

enum {
    BATCH_BYTES_MAX = 32 << 20, /* far above what anybody writes: a length beyond it is damage */
    SEGMENT_DIGITS = 20,
};

struct node_log_reader {
    const struct store_fs *fs;
    char dir[NODE_PATH_MAX];
    int64_t *segments; /* base offsets, ascending */
    size_t count;
    size_t cap;
    size_t current; /* the segment that is being read; `count`: the end */
    int fd;         /* of it; -1: not opened yet */
    uint64_t size;
    uint64_t position;   /* of the next batch */
    int64_t next_offset; /* that it must have; -1: any */
    int64_t from;        /* batches before it are passed over */
    struct buf bytes;
    struct arena arena;
    char problem[STORE_ERROR_MAX];
};

static enum err corrupt(struct node_log_reader *reader, const char *fmt, ...) PRINTF_LIKE(2, 3);

static enum err corrupt(struct node_log_reader *reader, const char *fmt, ...)
{
    char what[200];
    va_list args;
    va_start(args, fmt);
    vsnprintf(what, sizeof what, fmt, args);
    va_end(args);
    snprintf(reader->problem, sizeof reader->problem,
             "%.400s/%020" PRId64 ".log: at byte %" PRIu64 ": %s", reader->dir,
             reader->segments[reader->current], reader->position, what);
    return ERR_CORRUPT;
}

/* ---- segments ---- */

static void see_file(void *arg, const char *name)
{
    struct node_log_reader *reader = arg;
    char *end;
    long long base = strtoll(name, &end, 10);
    if (end != name + SEGMENT_DIGITS || strcmp(end, ".log") != 0 || base < 0) {
        return;
    }
    if (reader->count == reader->cap) {
        reader->cap = reader->cap == 0 ? 16 : 2 * reader->cap;
        reader->segments = mem_realloc(reader->segments, reader->cap * sizeof *reader->segments);
    }
    reader->segments[reader->count++] = base;
}

static int compare_offsets(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a;
    int64_t y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

enum err node_log_reader_open(const struct store_fs *fs, const char *dir,
                              struct node_log_reader **out, struct store_error *why)
{
    *out = NULL;
    struct node_log_reader *reader = MEM_NEW(struct node_log_reader);
    reader->fs = fs;
    reader->fd = -1;
    snprintf(reader->dir, sizeof reader->dir, "%s", dir);
    enum err e = store_fs_list(fs, dir, see_file, reader);
    if (e != ERR_NONE) {
        e = store_fail_errno(why, e, "list the metadata log", dir);
        node_log_reader_close(reader);
        return e;
    }
    if (reader->count > 1) {
        qsort(reader->segments, reader->count, sizeof *reader->segments, compare_offsets);
    }
    node_log_reader_seek(reader, 0);
    *out = reader;
    return ERR_NONE;
}

static void leave_segment(struct node_log_reader *reader)
{
    if (reader->fd >= 0) {
        store_fs_close(reader->fs, reader->fd);
        reader->fd = -1;
    }
}

void node_log_reader_close(struct node_log_reader *reader)
{
    if (reader == NULL) {
        return;
    }
    leave_segment(reader);
    mem_free(reader->segments);
    buf_fini(&reader->bytes);
    arena_fini(&reader->arena);
    mem_free(reader);
}

int64_t node_log_reader_start(const struct node_log_reader *reader)
{
    return reader->count == 0 ? -1 : reader->segments[0];
}

void node_log_reader_seek(struct node_log_reader *reader, int64_t offset)
{
    leave_segment(reader);
    reader->current = 0;
    while (reader->current + 1 < reader->count && reader->segments[reader->current + 1] <= offset) {
        reader->current++;
    }
    reader->from = offset;
    reader->next_offset = -1;
}

static enum err enter_segment(struct node_log_reader *reader)
{
    char path[NODE_PATH_MAX + 32];
    struct store_error why = {""};
    int64_t base = reader->segments[reader->current];
    snprintf(path, sizeof path, "%s/%020" PRId64 ".log", reader->dir, base);
    enum err e = store_fs_open(reader->fs, path, STORE_OPEN_READ, &reader->fd);
    if (e == ERR_NONE) {
        e = store_fs_size(reader->fs, reader->fd, &reader->size);
    }
    if (e != ERR_NONE) {
        e = store_fail_errno(&why, e, "open", path);
        snprintf(reader->problem, sizeof reader->problem, "%s", why.text);
        return e;
    }
    reader->position = 0;
    if (reader->next_offset >= 0 && base != reader->next_offset) {
        return corrupt(reader, "the records from %" PRId64 " to %" PRId64 " are missing",
                       reader->next_offset, base - 1);
    }
    return ERR_NONE;
}

/* ---- batches ---- */

static enum err read_bytes(struct node_log_reader *reader, size_t count)
{
    size_t got = 0;
    buf_reset(&reader->bytes);
    uint8_t *room = buf_room(&reader->bytes, count);
    enum err e =
        store_fs_pread(reader->fs, reader->fd, store_room(room, count), reader->position, &got);
    reader->bytes.len = got;
    if (e != ERR_NONE || got < count) {
        snprintf(reader->problem, sizeof reader->problem, "%.400s: cannot be read", reader->dir);
        return ERR_IO;
    }
    return ERR_NONE;
}

/* A batch that is not whole, at the end of the log. */
static bool is_torn(const struct node_log_reader *reader, size_t size)
{
    bool last = reader->current + 1 == reader->count;
    return last && size > reader->size - reader->position;
}

static enum err read_batch(struct node_log_reader *reader, struct wire_batch *batch, bool *got)
{
    uint64_t left = reader->size - reader->position;
    *got = false;
    if (left < WIRE_BATCH_PREFIX) {
        return left == 0 || is_torn(reader, WIRE_BATCH_PREFIX)
                   ? ERR_NONE
                   : corrupt(reader, "the segment ends in a batch");
    }
    TRY(read_bytes(reader, WIRE_BATCH_PREFIX));
    if (store_is_ahead(buf_slice(&reader->bytes))) {
        return ERR_NONE;
    }
    size_t size = wire_batch_size(buf_slice(&reader->bytes));
    if (is_torn(reader, size)) {
        return ERR_NONE;
    }
    if (size == 0 || size > BATCH_BYTES_MAX || size > left) {
        return corrupt(reader, "there is no batch");
    }
    TRY(read_bytes(reader, size));
    enum err e = wire_batch_parse(buf_slice(&reader->bytes), batch);
    if (e == ERR_NONE) {
        e = wire_batch_check_crc(batch);
    }
    if (e != ERR_NONE) {
        return corrupt(reader, "not a record batch, or its CRC is wrong");
    }
    if (reader->next_offset >= 0 && batch->base_offset != reader->next_offset) {
        return corrupt(reader, "a batch begins at offset %" PRId64 ", not %" PRId64,
                       batch->base_offset, reader->next_offset);
    }
    reader->position += size;
    reader->next_offset = wire_batch_last_offset(batch) + 1;
    *got = true;
    return ERR_NONE;
}

enum err node_log_reader_next(struct node_log_reader *reader, struct node_batch *batch, bool *got)
{
    struct wire_batch wire;
    *got = false;
    arena_fini(&reader->arena);
    while (reader->current < reader->count) {
        if (reader->fd < 0) {
            TRY(enter_segment(reader));
        }
        bool found;
        TRY(read_batch(reader, &wire, &found));
        if (!found) {
            leave_segment(reader);
            reader->current++;
        } else if (wire_batch_last_offset(&wire) >= reader->from) {
            if (node_batch_describe(&wire, &reader->arena, batch) != ERR_NONE) {
                return corrupt(reader, "a record cannot be read");
            }
            *got = true;
            return ERR_NONE;
        }
    }
    return ERR_NONE;
}

const char *node_log_reader_problem(const struct node_log_reader *reader)
{
    return reader->problem;
}
