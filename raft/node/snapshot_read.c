/* Reading a snapshot file batch by batch: every CRC, the order of the offsets, header and footer.
 */
#include <stdarg.h>
#include <stdio.h>

#include "base/mem.h"
#include "raft/node/private.h"
#include "raft/node/snapshot.h"

/* Far above what anybody writes (8 MiB, as in the log): a length beyond it is damage. */
enum { BATCH_BYTES_MAX = 32 << 20 };

struct node_snapshot_reader {
    const struct store_fs *fs;
    int fd;
    char path[NODE_PATH_MAX];
    uint64_t size;
    uint64_t position; /* of the next batch */
    int64_t next_offset;
    int32_t epoch;
    bool footer; /* seen */
    int64_t timestamp_ms;
    struct raft_voter_set voters; /* empty: none */
    struct buf voters_value;
    struct buf bytes; /* of the batch given out */
    struct arena arena;
    char problem[STORE_ERROR_MAX];
};

static enum err corrupt(struct node_snapshot_reader *reader, const char *fmt, ...)
    PRINTF_LIKE(2, 3);

static enum err corrupt(struct node_snapshot_reader *reader, const char *fmt, ...)
{
    char what[200];
    va_list args;
    va_start(args, fmt);
    vsnprintf(what, sizeof what, fmt, args);
    va_end(args);
    snprintf(reader->problem, sizeof reader->problem, "%.400s: at byte %" PRIu64 ": %s",
             reader->path, reader->position, what);
    return ERR_CORRUPT;
}

enum err node_snapshot_open(const struct store_fs *fs, const char *path,
                            struct node_snapshot_reader **out, struct store_error *why)
{
    *out = NULL;
    struct node_snapshot_reader *reader = MEM_NEW(struct node_snapshot_reader);
    reader->fs = fs;
    reader->fd = -1;
    reader->timestamp_ms = -1;
    snprintf(reader->path, sizeof reader->path, "%s", path);
    enum err e = store_fs_open(fs, path, STORE_OPEN_READ, &reader->fd);
    if (e == ERR_NONE) {
        e = store_fs_size(fs, reader->fd, &reader->size);
    }
    if (e != ERR_NONE) {
        e = store_fail_errno(why, e, "open the snapshot", path);
        node_snapshot_close(reader);
        return e;
    }
    *out = reader;
    return ERR_NONE;
}

void node_snapshot_close(struct node_snapshot_reader *reader)
{
    if (reader == NULL) {
        return;
    }
    if (reader->fd >= 0) {
        store_fs_close(reader->fs, reader->fd);
    }
    buf_fini(&reader->voters_value);
    buf_fini(&reader->bytes);
    arena_fini(&reader->arena);
    mem_free(reader);
}

/* ---- batches ---- */

static enum err read_bytes(struct node_snapshot_reader *reader, size_t count)
{
    size_t got = 0;
    buf_reset(&reader->bytes);
    uint8_t *room = buf_room(&reader->bytes, count);
    enum err e =
        store_fs_pread(reader->fs, reader->fd, store_room(room, count), reader->position, &got);
    if (e != ERR_NONE) {
        snprintf(reader->problem, sizeof reader->problem, "%.400s: cannot be read", reader->path);
        return e;
    }
    reader->bytes.len = got;
    return got == count ? ERR_NONE : corrupt(reader, "the file ends in a batch");
}

static enum err read_batch(struct node_snapshot_reader *reader, struct wire_batch *batch)
{
    uint64_t left = reader->size - reader->position;
    if (left < WIRE_BATCH_HEADER) {
        return corrupt(reader, "%" PRIu64 " bytes are too few for a batch", left);
    }
    TRY(read_bytes(reader, WIRE_BATCH_PREFIX));
    size_t size = wire_batch_size(buf_slice(&reader->bytes));
    if (size == 0 || size > BATCH_BYTES_MAX || size > left) {
        return corrupt(reader, "a batch of that length does not fit: the file is torn or damaged");
    }
    TRY(read_bytes(reader, size));
    enum err e = wire_batch_parse(buf_slice(&reader->bytes), batch);
    if (e == ERR_NONE) {
        e = wire_batch_check_crc(batch); /* KAFKA-14104 */
    }
    if (e != ERR_NONE) {
        return corrupt(reader, "not a record batch, or its CRC is wrong");
    }
    if (batch->base_offset != reader->next_offset) {
        return corrupt(reader, "a batch begins at offset %" PRId64 ", not %" PRId64,
                       batch->base_offset, reader->next_offset);
    }
    /* Not under the CRC, but the same everywhere: that of the last record contained. */
    if (reader->position > 0 && batch->leader_epoch != reader->epoch) {
        return corrupt(reader, "a batch is of epoch %d, not %d", batch->leader_epoch,
                       reader->epoch);
    }
    reader->epoch = batch->leader_epoch;
    return ERR_NONE;
}

/* ---- control records ---- */

static enum err see_record(struct node_snapshot_reader *reader, const struct wire_record *record,
                           bool first)
{
    int16_t type = -1;
    if (wire_control_key_decode(record->key, &type) != ERR_NONE) {
        return corrupt(reader, "a control record has no type");
    }
    if (first != (type == WIRE_CONTROL_SNAPSHOT_HEADER)) {
        return corrupt(reader, first ? "a snapshot must begin with its header" : "a second header");
    }
    struct wire_snapshot_header_record header;
    if (first) {
        if (wire_decode(&wire_msg_snapshot_header_record, 0, record->value, &reader->arena,
                        &header) != ERR_NONE) {
            return corrupt(reader, "the header cannot be decoded");
        }
        reader->timestamp_ms = header.last_contained_log_timestamp;
    }
    reader->footer = type == WIRE_CONTROL_SNAPSHOT_FOOTER;
    return ERR_NONE;
}

static enum err see_control(struct node_snapshot_reader *reader, const struct wire_batch *batch)
{
    struct wire_records records;
    if (wire_records_open(&records, batch, BATCH_BYTES_MAX, &reader->arena) != ERR_NONE) {
        return corrupt(reader, "a control batch cannot be read");
    }
    for (bool first = reader->position == 0;; first = false) {
        struct wire_record record;
        bool got;
        if (wire_record_next(&records, &record, &got) != ERR_NONE) {
            return corrupt(reader, "a control record cannot be read");
        }
        if (!got) {
            break;
        }
        TRY(see_record(reader, &record, first));
    }
    struct raft_voters_at voters;
    struct slice value;
    enum err e = node_voters_find(batch, &voters, &value, &reader->arena);
    if (e == ERR_UNSUPPORTED) {
        snprintf(reader->problem, sizeof reader->problem, "%.400s: %s", reader->path, NODE_TOO_NEW);
        return e;
    }
    if (e != ERR_NONE) {
        return corrupt(reader, "the voters cannot be decoded");
    }
    if (!slice_is_null(value)) {
        reader->voters = voters.set;
        buf_reset(&reader->voters_value);
        buf_put_slice(&reader->voters_value, value);
    }
    return ERR_NONE;
}

enum err node_snapshot_next(struct node_snapshot_reader *reader, struct node_batch *batch,
                            bool *got)
{
    *got = false;
    if (reader->position == reader->size) {
        return reader->footer ? ERR_NONE : corrupt(reader, "the footer is missing: it is torn");
    }
    if (reader->footer) {
        return corrupt(reader, "there is something behind the footer");
    }
    struct wire_batch wire;
    arena_fini(&reader->arena);
    TRY(read_batch(reader, &wire));
    if (wire_batch_has(&wire, WIRE_BATCH_CONTROL)) {
        TRY(see_control(reader, &wire));
    } else if (reader->position == 0) {
        return corrupt(reader, "a snapshot must begin with its header");
    }
    if (node_batch_describe(&wire, &reader->arena, batch) != ERR_NONE) {
        return corrupt(reader, "a record cannot be read");
    }
    reader->position += wire.bytes.len;
    reader->next_offset = wire_batch_last_offset(&wire) + 1;
    *got = true;
    return ERR_NONE;
}

const char *node_snapshot_problem(const struct node_snapshot_reader *reader)
{
    return reader->problem;
}

int64_t node_snapshot_timestamp_ms(const struct node_snapshot_reader *reader)
{
    return reader->timestamp_ms;
}

const struct raft_voter_set *node_snapshot_voters(const struct node_snapshot_reader *reader)
{
    return reader->voters.count > 0 ? &reader->voters : NULL;
}

struct slice node_snapshot_voters_value(const struct node_snapshot_reader *reader)
{
    return reader->voters.count > 0 ? buf_slice(&reader->voters_value) : SLICE_NULL;
}

int64_t node_snapshot_size(const struct node_snapshot_reader *reader)
{
    return (int64_t)reader->size;
}

enum err node_snapshot_read_all(struct node_snapshot_reader *reader)
{
    bool got = true;
    while (got) {
        struct node_batch batch;
        TRY(node_snapshot_next(reader, &batch, &got));
    }
    return ERR_NONE;
}
