/* Reading the metadata log of a node that does not run. */
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "raft/node/private.h"
#include "raft/node/recover.h"
#include "raft/node/snapshot.h"
#include "store/ahead.h"

/* A length beyond this is taken for damage. */
enum { BATCH_BYTES_MAX = 1 << 30, SEGMENT_NAME = 24 };

struct survey {
    const struct store_fs *fs;
    const struct node_survey_visitor *visitor;
    struct node_survey *out;
    char path[NODE_PATH_MAX];
    struct buf bytes;
    bool damaged; /* what follows is behind a hole */
};

/* "00000000000000000120.log" → 120; −1: another file. */
static int64_t base_of(const char *name)
{
    char *end;
    if (strlen(name) != SEGMENT_NAME || name[0] < '0' || name[0] > '9') {
        return -1;
    }
    int64_t base = strtoll(name, &end, 10);
    return strcmp(end, ".log") == 0 ? base : -1;
}

static int ascending(const void *a, const void *b)
{
    int64_t one = *(const int64_t *)a;
    int64_t other = *(const int64_t *)b;
    return one < other ? -1 : one > other;
}

struct names {
    int64_t *bases;
    int count;
    int cap;
};

static void add_name(void *arg, const char *name)
{
    struct names *names = arg;
    int64_t base = base_of(name);
    if (base < 0) {
        return;
    }
    if (names->count == names->cap) {
        names->cap = names->cap == 0 ? 8 : names->cap * 2;
        names->bases = mem_realloc(names->bases, (size_t)names->cap * sizeof *names->bases);
    }
    names->bases[names->count++] = base;
}

static bool read_bytes(struct survey *survey, int fd, uint64_t position, size_t len)
{
    size_t got = 0;
    buf_reset(&survey->bytes);
    uint8_t *room = buf_extend(&survey->bytes, len);
    enum err e = store_fs_pread(survey->fs, fd, store_room(room, len), position, &got);
    return e == ERR_NONE && got == len;
}

static bool is_ahead(struct survey *survey, int fd, uint64_t position, uint64_t size)
{
    size_t len = min_size(size - position, STORE_AHEAD_MARK);
    return read_bytes(survey, fd, position, len) && store_is_ahead(buf_slice(&survey->bytes));
}

/* The batch at `position`, whole and with its CRC right; false: there is none. */
static bool read_batch(struct survey *survey, int fd, uint64_t position, uint64_t size,
                       struct wire_batch *batch)
{
    struct buf *bytes = &survey->bytes;
    uint64_t left = size - position;
    if (left < WIRE_BATCH_HEADER) {
        return false;
    }
    if (!read_bytes(survey, fd, position, WIRE_BATCH_HEADER)) {
        return false;
    }
    size_t len = wire_batch_size(buf_slice(bytes));
    if (len < WIRE_BATCH_HEADER || len > left || len > BATCH_BYTES_MAX) {
        return false;
    }
    return read_bytes(survey, fd, position, len) &&
           wire_batch_parse(buf_slice(bytes), batch) == ERR_NONE &&
           wire_batch_check_crc(batch) == ERR_NONE;
}

static enum err read_segment(struct survey *survey)
{
    struct node_survey *out = survey->out;
    int fd;
    uint64_t size = 0;
    TRY(store_fs_open(survey->fs, survey->path, STORE_OPEN_READ, &fd));
    enum err e = store_fs_size(survey->fs, fd, &size);
    uint64_t position = 0;
    struct wire_batch batch;
    while (e == ERR_NONE && position < size && !is_ahead(survey, fd, position, size)) {
        if (!read_batch(survey, fd, position, size, &batch) ||
            batch.base_offset < out->end_offset) {
            survey->damaged = true;
            out->unread_bytes = size - position;
            break;
        }
        if (survey->visitor != NULL) {
            survey->visitor->each(survey->visitor->arg, &batch, survey->path, (int64_t)position);
        }
        out->end_offset = wire_batch_last_offset(&batch) + 1;
        out->last_epoch = batch.leader_epoch;
        out->last_timestamp_ms = batch.max_timestamp;
        position += survey->bytes.len;
    }
    store_fs_close(survey->fs, fd);
    return e;
}

static enum err find_snapshot(struct survey *survey, const char *log_dir)
{
    struct node_snapshot_list list = {0};
    TRY(node_snapshot_list(survey->fs, log_dir, &list));
    if (list.count > 0) {
        survey->out->snapshot = list.items[list.count - 1];
    }
    node_snapshot_list_fini(&list);
    return ERR_NONE;
}

enum err node_survey_log(const struct store_fs *fs, const char *log_dir,
                         const struct node_survey_visitor *visitor, struct node_survey *out,
                         struct store_error *why)
{
    struct survey survey = {.fs = fs, .visitor = visitor, .out = out};
    struct names names = {0};
    *out = (struct node_survey){.last_timestamp_ms = -1};
    enum err e = store_fs_list(fs, log_dir, add_name, &names);
    if (e == ERR_NONE) {
        e = find_snapshot(&survey, log_dir);
    }
    if (e == ERR_NONE && names.count == 0) {
        e = ERR_NOT_FOUND;
    }
    if (e == ERR_NONE) {
        qsort(names.bases, (size_t)names.count, sizeof *names.bases, ascending);
        out->start_offset = out->end_offset = names.bases[0];
    }
    for (int i = 0; i < names.count && e == ERR_NONE && !survey.damaged; i++) {
        if (names.bases[i] != out->end_offset) {
            break; /* behind a hole */
        }
        snprintf(survey.path, sizeof survey.path, "%.*s/%020" PRId64 ".log", NODE_PATH_MAX - 64,
                 log_dir, names.bases[i]);
        e = read_segment(&survey);
    }
    buf_fini(&survey.bytes);
    mem_free(names.bases);
    return e == ERR_NONE ? e : store_fail_errno(why, e, "read the log in", log_dir);
}
