/* Checking a client's batch at the leader. */
#include "broker/validate.h"

/* What a batch of max.message.bytes may unfold to: bounds the memory that a hostile one takes. */
enum { UNFOLDED_BYTES_MAX = 128 << 20 };

static enum err fail(const char **message, enum err e, const char *why)
{
    *message = why;
    return e;
}

static enum err check_form(const struct replica *r, struct slice records, struct wire_batch *batch,
                           const char **message)
{
    if (slice_is_null(records) || records.len == 0) {
        return fail(message, ERR_INVALID_RECORD, "a partition's records are empty");
    }
    enum err e = wire_batch_parse(records, batch);
    if (e != ERR_NONE) {
        return fail(message, e, "the bytes are not a record batch of magic 2");
    }
    if (batch->bytes.len != records.len) {
        return fail(message, ERR_INVALID_RECORD,
                    "a partition takes exactly one record batch in a request");
    }
    if (records.len > (size_t)r->config.max_message_bytes) {
        return fail(message, ERR_MESSAGE_TOO_LARGE,
                    "the record batch is larger than max.message.bytes");
    }
    if (wire_batch_check_crc(batch) != ERR_NONE) {
        return fail(message, ERR_CORRUPT_MESSAGE, "the record batch's CRC is wrong");
    }
    return ERR_NONE;
}

static enum err check_header(const struct wire_batch *batch, const char **message)
{
    if (wire_batch_has(batch, WIRE_BATCH_CONTROL)) {
        return fail(message, ERR_INVALID_RECORD, "clients may not write control batches");
    }
    if (wire_batch_has(batch, WIRE_BATCH_TRANSACTIONAL)) {
        return fail(message, ERR_UNSUPPORTED_VERSION, "transactions are not supported");
    }
    if (wire_batch_has(batch, WIRE_BATCH_DELETE_HORIZON)) {
        return fail(message, ERR_INVALID_RECORD, "only compaction sets a delete horizon");
    }
    if (batch->record_count <= 0 || batch->last_offset_delta != batch->record_count - 1) {
        return fail(message, ERR_INVALID_RECORD,
                    "the batch's record count and last offset do not agree");
    }
    if (batch->producer_id >= 0 && (batch->base_sequence < 0 || batch->producer_epoch < 0)) {
        return fail(message, ERR_INVALID_RECORD,
                    "a producer id needs an epoch and a sequence number");
    }
    return ERR_NONE;
}

static enum err check_timestamps(const struct replica *r, const struct wire_batch *batch,
                                 int64_t now_ms, const char **message)
{
    if (r->config.log_append_time) {
        return ERR_NONE;
    }
    if (wire_batch_has(batch, WIRE_BATCH_LOG_APPEND_TIME)) {
        return fail(message, ERR_INVALID_TIMESTAMP, "a producer cannot set LogAppendTime");
    }
    if (batch->max_timestamp < 0) {
        return ERR_NONE;
    }
    if (batch->max_timestamp - now_ms > r->config.timestamp_after_max_ms) {
        return fail(message, ERR_INVALID_TIMESTAMP,
                    "a timestamp is beyond message.timestamp.after.max.ms");
    }
    if (batch->base_timestamp >= 0 &&
        now_ms - batch->base_timestamp > r->config.timestamp_before_max_ms) {
        return fail(message, ERR_INVALID_TIMESTAMP,
                    "a timestamp is older than message.timestamp.before.max.ms");
    }
    return ERR_NONE;
}

static enum err check_keys(const struct wire_batch *batch, const char **message)
{
    struct arena arena = {0};
    struct wire_records records;
    struct wire_record record;
    bool got = true;
    enum err e = wire_records_open(&records, batch, UNFOLDED_BYTES_MAX, &arena);
    while (e == ERR_NONE && got) {
        e = wire_record_next(&records, &record, &got);
        if (e == ERR_NONE && got && slice_is_null(record.key)) {
            e = fail(message, ERR_INVALID_RECORD, "a compacted topic takes no record without key");
        }
    }
    arena_fini(&arena);
    return e;
}

enum err broker_validate_client_batch(const struct replica *r, struct slice records,
                                      int64_t now_wall_ms, struct wire_batch *batch,
                                      const char **message)
{
    *message = NULL;
    TRY(check_form(r, records, batch, message));
    TRY(check_header(batch, message));
    TRY(check_timestamps(r, batch, now_wall_ms, message));
    return r->config.compact ? check_keys(batch, message) : ERR_NONE;
}

bool broker_needs_recompression(const struct replica *r, const struct wire_batch *batch)
{
    return r->config.compression >= 0 &&
           r->config.compression != (int)wire_batch_compression(batch);
}

static enum err copy_records(const struct wire_batch *batch, struct wire_builder *builder,
                             struct arena *arena)
{
    struct wire_records records;
    struct wire_record record;
    bool got = true;
    TRY(wire_records_open(&records, batch, UNFOLDED_BYTES_MAX, arena));
    for (;;) {
        TRY(wire_record_next(&records, &record, &got));
        if (!got) {
            return ERR_NONE;
        }
        wire_builder_add(builder, &record);
    }
}

enum err broker_recompress(const struct replica *r, struct wire_batch *batch, struct buf *out)
{
    struct wire_builder_options options = {
        WIRE_BUILDER_DEFAULTS, .compression = (enum wire_compression)r->config.compression};
    options.producer_id = batch->producer_id;
    options.producer_epoch = batch->producer_epoch;
    options.base_sequence = batch->base_sequence;
    options.attributes = (int16_t)(batch->attributes & ~WIRE_BATCH_CODEC_MASK);
    struct wire_builder builder;
    struct arena arena = {0};
    wire_builder_init(&builder, &options, out);
    enum err e = copy_records(batch, &builder, &arena);
    if (e == ERR_NONE) {
        struct slice written = wire_builder_finish(&builder);
        e = wire_batch_parse(written, batch);
    }
    if (e == ERR_NONE && batch->bytes.len > (size_t)r->config.max_message_bytes) {
        e = ERR_MESSAGE_TOO_LARGE;
    }
    arena_fini(&arena);
    return e;
}
