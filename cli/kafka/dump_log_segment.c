/* kafka-dump-log: segments and snapshots; see dump_log.h. */
#include <stdio.h>

#include "cli/kafka/dump_log.h"
#include "cli/segment.h"

enum { FLUSH_BYTES = 1 << 20, RECORDS_BYTES_MAX = 1 << 30, LEAST_SIZE = 14 };

/* ---- records ---- */

static const char *time_type(const struct wire_batch *batch)
{
    return wire_batch_has(batch, WIRE_BATCH_LOG_APPEND_TIME) ? "LogAppendTime" : "CreateTime";
}

static void put_header_keys(struct buf *out, const struct wire_record *record)
{
    struct reader r = reader_of(record->headers);
    buf_put_str(out, "[");
    for (int32_t i = 0; i < record->header_count; i++) {
        buf_put_str(out, i == 0 ? "" : ",");
        buf_put_slice(out, wire_record_header_next(&r).key);
    }
    buf_put_str(out, "]");
}

static int64_t size_of(struct slice bytes)
{
    return slice_is_null(bytes) ? -1 : (int64_t)bytes.len;
}

static bool put_metadata(struct dump_log *dump, const struct wire_batch *batch,
                         const struct wire_record *record)
{
    int64_t delta = record->offset - batch->base_offset;
    int32_t sequence =
        batch->base_sequence < 0
            ? -1
            : (int32_t)(((uint32_t)batch->base_sequence + (uint32_t)delta) & INT32_MAX);
    buf_printf(&dump->out,
               "| offset: %" PRId64 " %s: %" PRId64 " keySize: %" PRId64 " valueSize: %" PRId64
               " sequence: %" PRId32 " headerKeys: ",
               record->offset, time_type(batch), record->timestamp, size_of(record->key),
               size_of(record->value), sequence);
    put_header_keys(&dump->out, record);
    return !wire_batch_has(batch, WIRE_BATCH_CONTROL) || dump_log_put_control(&dump->out, record);
}

static bool put_contents(struct dump_log *dump, const struct wire_record *record)
{
    struct dump_log_text text = {0};
    bool is_good;
    if (dump->decode != NULL) {
        is_good = dump->decode(record, &text);
    } else {
        is_good = slice_is_null(record->key) || dump->decode_key(record, &text);
        is_good = is_good && (slice_is_null(record->value) || dump->decode_value(record, &text));
    }
    if (!is_good) {
        buf_put_str(&dump->out, "\n");
        (void)dump_log_fail(dump, "%.*s", SLICE_ARG(buf_slice(&text.payload)));
    }
    if (is_good && text.has_key) {
        buf_printf(&dump->out, "%skey: ", dump->skips_record_metadata ? "| " : " ");
        buf_put_slice(&dump->out, buf_slice(&text.key));
    }
    if (is_good && text.has_payload) {
        buf_put_str(&dump->out, " payload: ");
        buf_put_slice(&dump->out, buf_slice(&text.payload));
    }
    buf_fini(&text.key);
    buf_fini(&text.payload);
    return is_good;
}

static void note_gap(struct dump_log *dump, int64_t last, int64_t offset)
{
    if (dump->gaps.len == 0) {
        buf_printf(&dump->gaps, "Non-consecutive offsets in %s\n", dump_log_absolute(dump));
    }
    buf_printf(&dump->gaps, "  %" PRId64 " is followed by %" PRId64 "\n", last, offset);
}

static bool put_record(struct dump_log *dump, const struct wire_batch *batch,
                       const struct wire_record *record, int64_t *last_offset)
{
    if (*last_offset >= 0 && record->offset != *last_offset + 1) {
        note_gap(dump, *last_offset, record->offset);
    }
    *last_offset = record->offset;
    if (!dump->skips_record_metadata && !put_metadata(dump, batch, record)) {
        buf_put_str(&dump->out, "\n");
        return dump_log_fail(dump, "%s: the control record at offset %" PRId64 " cannot be read",
                             dump->path, record->offset);
    }
    if (dump->prints_records && !wire_batch_has(batch, WIRE_BATCH_CONTROL) &&
        !put_contents(dump, record)) {
        return false;
    }
    buf_put_str(&dump->out, "\n");
    return true;
}

static bool put_records(struct dump_log *dump, const struct wire_batch *batch, int64_t *last_offset)
{
    struct arena arena = {0};
    struct wire_records it;
    bool is_good = true;
    bool got = true;
    enum err e = wire_records_open(&it, batch, RECORDS_BYTES_MAX, &arena);
    while (e == ERR_NONE && is_good && got) {
        struct wire_record record;
        e = wire_record_next(&it, &record, &got);
        if (e == ERR_NONE && got) {
            is_good = put_record(dump, batch, &record, last_offset);
        }
    }
    arena_fini(&arena);
    return e == ERR_NONE
               ? is_good
               : dump_log_fail(dump, "%s: the records of the batch at offset %" PRId64 ": %s",
                               dump->path, batch->base_offset, err_text(e));
}

/* ---- batches ---- */

static void put_batch(struct dump_log *dump, const struct segment *segment,
                      const struct wire_batch *batch)
{
    struct buf *out = &dump->out;
    bool has_horizon = wire_batch_has(batch, WIRE_BATCH_DELETE_HORIZON);
    buf_printf(out,
               "baseOffset: %" PRId64 " lastOffset: %" PRId64 " count: %" PRId32
               " baseSequence: %" PRId32 " lastSequence: %" PRId32 " producerId: %" PRId64
               " producerEpoch: %d partitionLeaderEpoch: %" PRId32
               " isTransactional: %s isControl: %s deleteHorizonMs: OptionalLong",
               batch->base_offset, wire_batch_last_offset(batch), batch->record_count,
               batch->base_sequence, wire_batch_last_sequence(batch), batch->producer_id,
               batch->producer_epoch, batch->leader_epoch,
               wire_batch_has(batch, WIRE_BATCH_TRANSACTIONAL) ? "true" : "false",
               wire_batch_has(batch, WIRE_BATCH_CONTROL) ? "true" : "false");
    if (has_horizon) {
        buf_printf(out, "[%" PRId64 "]", batch->base_timestamp);
    } else {
        buf_put_str(out, ".empty");
    }
    buf_printf(out,
               " position: %" PRIu64 " %s: %" PRId64 " size: %zu magic: %d compresscodec: %s "
               "crc: %" PRIu32 " isvalid: %s\n",
               segment->position, time_type(batch), batch->max_timestamp, segment->size,
               WIRE_BATCH_MAGIC, wire_compression_name(wire_batch_compression(batch)), batch->crc,
               wire_batch_check_crc(batch) == ERR_NONE ? "true" : "false");
}

static bool dump_batch(struct dump_log *dump, const struct segment *segment, int64_t *last_offset)
{
    struct wire_batch batch;
    enum err e = segment->head.magic < WIRE_BATCH_MAGIC
                     ? ERR_UNSUPPORTED_FOR_MESSAGE_FORMAT
                     : wire_batch_parse(buf_slice(&segment->bytes), &batch);
    if (e != ERR_NONE) {
        return dump_log_fail(dump, "%s: the batch at byte %" PRIu64 ": %s", dump->path,
                             segment->position,
                             e == ERR_UNSUPPORTED_FOR_MESSAGE_FORMAT
                                 ? "formats 0 and 1, of Kafka before 0.11, are not supported"
                                 : err_text(e));
    }
    put_batch(dump, segment, &batch);
    return (!dump->is_deep || put_records(dump, &batch, last_offset)) &&
           (dump->out.len < FLUSH_BYTES || cli_put(&dump->out));
}

/* What stands behind the last whole batch. */
static bool dump_tail(struct dump_log *dump, const struct segment *segment,
                      enum segment_found found)
{
    const char *slash = strrchr(dump->path, '/');
    uint64_t left = segment->end - segment->position;
    if (found == SEGMENT_UNREADABLE) {
        return dump_log_fail(dump, "%s: %s", dump->path, err_text(segment->error));
    }
    bool has_size = left > WIRE_BATCH_CRC_AT; /* else Kafka does not look at it */
    bool too_small = found == SEGMENT_BAD || (found == SEGMENT_AHEAD && segment->size == 0);
    if (too_small && has_size) {
        size_t size = segment->size;
        return dump_log_fail(dump,
                             "Found record size %zu smaller than minimum record overhead (%d) in "
                             "file %s.",
                             size < WIRE_BATCH_PREFIX ? size : size - WIRE_BATCH_PREFIX, LEAST_SIZE,
                             dump->path);
    }
    if (left > 0 && dump->bytes_max == INT32_MAX) {
        buf_printf(&dump->out, "Found %" PRIu64 " invalid bytes at the end of %s\n", left,
                   slash == NULL ? dump->path : slash + 1);
    }
    return true;
}

/* ---- files ---- */

static bool put_title(struct dump_log *dump)
{
    const char *slash = strrchr(dump->path, '/');
    const char *name = slash == NULL ? dump->path : slash + 1;
    int64_t offset;
    if (strcmp(name, "bootstrap.checkpoint") == 0) {
        buf_put_str(&dump->out, "KRaft bootstrap snapshot\n");
        return true;
    }
    size_t len = strlen(name);
    if (len >= 4 && strcmp(name + len - 4, ".log") == 0) {
        if (!dump_log_base_offset(dump, &offset)) {
            return false;
        }
        buf_printf(&dump->out, "Log starting offset: %" PRId64 "\n", offset);
        return true;
    }
    struct slice rest = slice_of(name, len - strlen(".checkpoint"));
    struct slice digits;
    struct slice epoch_digits;
    int64_t epoch;
    if (!args_item(&rest, '-', &digits) || !args_parse_number(digits, &offset) ||
        !args_item(&rest, '-', &epoch_digits) || !args_parse_number(epoch_digits, &epoch)) {
        return dump_log_fail(dump, "%s: the name of a snapshot is OFFSET-EPOCH.checkpoint",
                             dump->path);
    }
    buf_printf(&dump->out, "Snapshot end offset: %" PRId64 ", epoch: %" PRId64 "\n", offset, epoch);
    return true;
}

bool dump_log_segment(struct dump_log *dump)
{
    struct segment segment;
    if (!put_title(dump)) {
        return false;
    }
    bool is_good;
    enum err e = segment_open(&segment, dump->fs, dump->path);
    if (e != ERR_NONE) {
        struct store_error why;
        (void)store_fail_errno(&why, e, "open", dump->path);
        is_good = dump_log_fail(dump, "%s", why.text);
    } else {
        int64_t last_offset = -1;
        enum segment_found found = SEGMENT_BATCH;
        segment.end =
            segment.end < (uint64_t)dump->bytes_max ? segment.end : (uint64_t)dump->bytes_max;
        is_good = true;
        while (is_good && (found = segment_next(&segment)) == SEGMENT_BATCH) {
            is_good = dump_batch(dump, &segment, &last_offset);
        }
        is_good = is_good && dump_tail(dump, &segment, found);
    }
    segment_close(&segment);
    return is_good;
}
