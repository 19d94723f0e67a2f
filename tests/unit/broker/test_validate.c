/* What a client may append, and what its batch becomes under compression.type. */
#include "tests/unit/unit.h"

#include "base/crc32c.h"
#include "broker/validate.h"

enum { NOW_MS = 1700000000 };

static struct replica replica_with(struct replica_config config)
{
    if (config.max_message_bytes == 0) {
        config.max_message_bytes = 1 << 20;
    }
    config.timestamp_before_max_ms = INT64_MAX;
    config.timestamp_after_max_ms = 1000;
    return (struct replica){.config = config};
}

static const struct replica_config plain = {.compression = -1};

/* Three records with keys, all at `timestamp`. */
static struct buf batch_with(struct wire_builder_options options, int64_t timestamp)
{
    struct buf out = {0};
    struct wire_builder builder;
    wire_builder_init(&builder, &options, &out);
    for (int i = 0; i < 3; i++) {
        struct wire_record record = {
            .timestamp = timestamp, .key = slice_str("key"), .value = slice_str("value value")};
        wire_builder_add(&builder, &record);
    }
    (void)wire_builder_finish(&builder);
    return out;
}

static struct buf good_batch(void)
{
    return batch_with((struct wire_builder_options){WIRE_BUILDER_DEFAULTS}, NOW_MS);
}

/* Patches a header field and mends the CRC. */
static void seal(struct buf *bytes)
{
    uint32_t crc = crc32c(0, bytes->data + WIRE_BATCH_CRC_FROM, bytes->len - WIRE_BATCH_CRC_FROM);
    store_u32(bytes->data + WIRE_BATCH_CRC_AT, crc);
}

static enum err validate(const struct replica *r, struct slice records, const char **message)
{
    struct wire_batch batch;
    return broker_validate_client_batch(r, records, NOW_MS, &batch, message);
}

static void refused(const struct replica *r, struct buf *bytes, enum err wanted)
{
    const char *message = NULL;
    ck_assert_int_eq(validate(r, buf_slice(bytes), &message), wanted);
    ck_assert_ptr_nonnull(message);
    buf_fini(bytes);
}

static void accepted(const struct replica *r, struct buf *bytes)
{
    const char *message = "left over";
    ck_assert_int_eq(validate(r, buf_slice(bytes), &message), ERR_NONE);
    ck_assert_ptr_null(message);
    buf_fini(bytes);
}

START_TEST(a_plain_batch_is_taken)
{
    struct replica r = replica_with(plain);
    struct buf bytes = good_batch();
    struct wire_batch batch;
    const char *message;
    ck_assert_int_eq(broker_validate_client_batch(&r, buf_slice(&bytes), NOW_MS, &batch, &message),
                     ERR_NONE);
    ck_assert_int_eq(batch.record_count, 3);
    ck_assert_uint_eq(batch.bytes.len, bytes.len);
    buf_fini(&bytes);
}
END_TEST

START_TEST(no_records_are_refused)
{
    struct replica r = replica_with(plain);
    const char *message;
    ck_assert_int_eq(validate(&r, SLICE_NULL, &message), ERR_INVALID_RECORD);
    ck_assert_int_eq(validate(&r, slice_str(""), &message), ERR_INVALID_RECORD);
    struct buf empty = good_batch(); /* a batch that says it has none */
    store_u32(empty.data + 57, 0);
    store_u32(empty.data + 23, (uint32_t)-1);
    seal(&empty);
    ck_assert_int_ne(validate(&r, buf_slice(&empty), &message), ERR_NONE);
    buf_fini(&empty);
}
END_TEST

/* Every truncation and every changed byte is refused or harmless: never a crash. */
START_TEST(damaged_bytes_are_refused)
{
    struct replica r = replica_with(plain);
    struct buf bytes = good_batch();
    const char *message;
    for (size_t len = 0; len < bytes.len; len++) {
        ck_assert_int_ne(validate(&r, slice_of(bytes.data, len), &message), ERR_NONE);
    }
    for (size_t at = WIRE_BATCH_CRC_AT; at < bytes.len; at++) {
        bytes.data[at] ^= 0x10;
        ck_assert_int_ne(validate(&r, buf_slice(&bytes), &message), ERR_NONE);
        bytes.data[at] ^= 0x10;
    }
    ck_assert_int_eq(validate(&r, buf_slice(&bytes), &message), ERR_NONE);
    bytes.data[bytes.len - 1] ^= 1;
    refused(&r, &bytes, ERR_CORRUPT_MESSAGE);
}
END_TEST

START_TEST(old_formats_are_refused)
{
    struct replica r = replica_with(plain);
    for (uint8_t magic = 0; magic < 2; magic++) {
        struct buf bytes = good_batch();
        bytes.data[16] = magic;
        refused(&r, &bytes, ERR_UNSUPPORTED_FOR_MESSAGE_FORMAT);
    }
}
END_TEST

START_TEST(two_batches_are_one_too_many)
{
    struct replica r = replica_with(plain);
    struct buf two = good_batch();
    struct buf second = good_batch();
    buf_put_slice(&two, buf_slice(&second));
    buf_fini(&second);
    refused(&r, &two, ERR_INVALID_RECORD);
}
END_TEST

START_TEST(size_is_limited)
{
    struct buf bytes = good_batch();
    struct replica exact = replica_with(
        (struct replica_config){.max_message_bytes = (int32_t)bytes.len, .compression = -1});
    struct replica smaller = replica_with(
        (struct replica_config){.max_message_bytes = (int32_t)bytes.len - 1, .compression = -1});
    const char *message;
    ck_assert_int_eq(validate(&exact, buf_slice(&bytes), &message), ERR_NONE);
    refused(&smaller, &bytes, ERR_MESSAGE_TOO_LARGE);
}
END_TEST

START_TEST(what_only_brokers_write_is_refused)
{
    struct replica r = replica_with(plain);
    struct wire_builder_options control = {WIRE_BUILDER_DEFAULTS, .attributes = WIRE_BATCH_CONTROL};
    struct buf bytes = batch_with(control, NOW_MS);
    refused(&r, &bytes, ERR_INVALID_RECORD);
    struct wire_builder_options horizon = {WIRE_BUILDER_DEFAULTS};
    horizon.delete_horizon_ms = NOW_MS;
    bytes = batch_with(horizon, NOW_MS);
    refused(&r, &bytes, ERR_INVALID_RECORD);
}
END_TEST

START_TEST(transactions_are_refused)
{
    struct replica r = replica_with(plain);
    struct wire_builder_options options = {WIRE_BUILDER_DEFAULTS,
                                           .attributes = WIRE_BATCH_TRANSACTIONAL};
    options.producer_id = 7;
    options.producer_epoch = 0;
    options.base_sequence = 0;
    struct buf bytes = batch_with(options, NOW_MS);
    refused(&r, &bytes, ERR_UNSUPPORTED_VERSION);
}
END_TEST

START_TEST(counts_must_agree)
{
    struct replica r = replica_with(plain);
    struct buf fewer = good_batch();
    store_u32(fewer.data + 57, 2);
    seal(&fewer);
    refused(&r, &fewer, ERR_INVALID_RECORD);
    struct buf longer = good_batch();
    store_u32(longer.data + 23, 9);
    seal(&longer);
    refused(&r, &longer, ERR_INVALID_RECORD);
}
END_TEST

START_TEST(an_idempotent_batch_needs_epoch_and_sequence)
{
    struct replica r = replica_with(plain);
    struct wire_builder_options options = {WIRE_BUILDER_DEFAULTS};
    options.producer_id = 7;
    options.producer_epoch = 0;
    struct buf bytes = batch_with(options, NOW_MS);
    refused(&r, &bytes, ERR_INVALID_RECORD);
    options.base_sequence = 0;
    options.producer_epoch = -1;
    bytes = batch_with(options, NOW_MS);
    refused(&r, &bytes, ERR_INVALID_RECORD);
    options.producer_epoch = 0;
    bytes = batch_with(options, NOW_MS);
    accepted(&r, &bytes);
}
END_TEST

START_TEST(timestamps_have_a_window)
{
    struct replica r = replica_with(plain);
    struct wire_builder_options options = {WIRE_BUILDER_DEFAULTS};
    struct buf bytes = batch_with(options, NOW_MS + 1000);
    accepted(&r, &bytes);
    bytes = batch_with(options, NOW_MS + 1001);
    refused(&r, &bytes, ERR_INVALID_TIMESTAMP);
    bytes = batch_with(options, INT64_MAX);
    refused(&r, &bytes, ERR_INVALID_TIMESTAMP);
    bytes = batch_with(options, 0);
    accepted(&r, &bytes); /* as old as it likes */
    bytes = batch_with(options, -1);
    accepted(&r, &bytes); /* none */
    r.config.timestamp_before_max_ms = 5000;
    bytes = batch_with(options, NOW_MS - 5000);
    accepted(&r, &bytes);
    bytes = batch_with(options, NOW_MS - 5001);
    refused(&r, &bytes, ERR_INVALID_TIMESTAMP);
    /* The broker's own clock counts: what the client says does not matter. */
    r.config.log_append_time = true;
    bytes = batch_with(options, NOW_MS - 5001);
    accepted(&r, &bytes);
}
END_TEST

START_TEST(a_producer_does_not_set_log_append_time)
{
    struct replica r = replica_with(plain);
    struct buf bytes = good_batch();
    bytes.data[WIRE_BATCH_CRC_FROM + 1] |= WIRE_BATCH_LOG_APPEND_TIME;
    seal(&bytes);
    refused(&r, &bytes, ERR_INVALID_TIMESTAMP);
}
END_TEST

static struct buf without_key(enum wire_compression compression)
{
    struct buf out = {0};
    struct wire_builder builder;
    struct wire_builder_options options = {WIRE_BUILDER_DEFAULTS, .compression = compression};
    wire_builder_init(&builder, &options, &out);
    struct wire_record record = {
        .timestamp = NOW_MS, .key = slice_str("k"), .value = slice_str("v")};
    wire_builder_add(&builder, &record);
    record.key = SLICE_NULL;
    wire_builder_add(&builder, &record);
    (void)wire_builder_finish(&builder);
    return out;
}

START_TEST(a_compacted_topic_needs_keys)
{
    struct replica compacted =
        replica_with((struct replica_config){.compact = true, .compression = -1});
    struct replica r = replica_with(plain);
    for (int c = WIRE_COMPRESSION_NONE; c <= WIRE_COMPRESSION_ZSTD; c++) {
        struct buf bytes = without_key((enum wire_compression)c);
        const char *message;
        ck_assert_int_eq(validate(&r, buf_slice(&bytes), &message), ERR_NONE);
        refused(&compacted, &bytes, ERR_INVALID_RECORD);
    }
    struct buf bytes = good_batch();
    accepted(&compacted, &bytes);
    /* A header that claims more records than there are is found out when the batch is opened. */
    bytes = good_batch();
    store_u32(bytes.data + 57, 4);
    store_u32(bytes.data + 23, 3);
    seal(&bytes);
    const char *message;
    ck_assert_int_eq(validate(&compacted, buf_slice(&bytes), &message), ERR_INVALID_RECORD);
    buf_fini(&bytes);
}
END_TEST

/* ---- compression.type ---- */

START_TEST(another_codec_means_writing_anew)
{
    struct replica r = replica_with((struct replica_config){.compression = WIRE_COMPRESSION_LZ4});
    struct wire_builder_options options = {WIRE_BUILDER_DEFAULTS,
                                           .compression = WIRE_COMPRESSION_GZIP};
    options.producer_id = 7;
    options.producer_epoch = 3;
    options.base_sequence = 40;
    struct buf bytes = batch_with(options, NOW_MS);
    struct wire_batch batch;
    ck_assert_int_eq(wire_batch_parse(buf_slice(&bytes), &batch), ERR_NONE);
    ck_assert(broker_needs_recompression(&r, &batch));
    struct buf out = {0};
    ck_assert_int_eq(broker_recompress(&r, &batch, &out), ERR_NONE);
    ck_assert(!broker_needs_recompression(&r, &batch));
    ck_assert_int_eq(wire_batch_check_crc(&batch), ERR_NONE);
    ck_assert_int_eq(wire_batch_compression(&batch), WIRE_COMPRESSION_LZ4);
    ck_assert_int_eq(batch.record_count, 3);
    ck_assert_int_eq(batch.producer_id, 7);
    ck_assert_int_eq(batch.producer_epoch, 3);
    ck_assert_int_eq(batch.base_sequence, 40);
    ck_assert_int_eq(batch.max_timestamp, NOW_MS);
    buf_fini(&out);
    buf_fini(&bytes);
}
END_TEST

START_TEST(the_producer_s_codec_is_kept)
{
    struct replica r = replica_with(plain);
    struct wire_builder_options options = {WIRE_BUILDER_DEFAULTS,
                                           .compression = WIRE_COMPRESSION_SNAPPY};
    struct buf bytes = batch_with(options, NOW_MS);
    struct wire_batch batch;
    ck_assert_int_eq(wire_batch_parse(buf_slice(&bytes), &batch), ERR_NONE);
    ck_assert(!broker_needs_recompression(&r, &batch));
    r.config.compression = WIRE_COMPRESSION_NONE;
    ck_assert(broker_needs_recompression(&r, &batch));
    buf_fini(&bytes);
}
END_TEST

START_TEST(what_unfolds_too_large_is_refused)
{
    struct replica r = replica_with(
        (struct replica_config){.compression = WIRE_COMPRESSION_NONE, .max_message_bytes = 500});
    uint8_t zeros[4000] = {0};
    struct buf bytes = {0};
    struct wire_builder builder;
    struct wire_builder_options options = {WIRE_BUILDER_DEFAULTS,
                                           .compression = WIRE_COMPRESSION_ZSTD};
    wire_builder_init(&builder, &options, &bytes);
    struct wire_record record = {.timestamp = NOW_MS, .value = slice_of(zeros, sizeof zeros)};
    wire_builder_add(&builder, &record);
    (void)wire_builder_finish(&builder);
    struct wire_batch batch;
    const char *message;
    ck_assert_int_eq(broker_validate_client_batch(&r, buf_slice(&bytes), NOW_MS, &batch, &message),
                     ERR_NONE);
    struct buf out = {0};
    ck_assert_int_eq(broker_recompress(&r, &batch, &out), ERR_MESSAGE_TOO_LARGE);
    buf_fini(&out);
    buf_fini(&bytes);
}
END_TEST

/* A compressed block that is not what it says. */
START_TEST(a_broken_block_is_refused)
{
    struct replica r = replica_with((struct replica_config){.compression = WIRE_COMPRESSION_LZ4});
    for (int c = WIRE_COMPRESSION_GZIP; c <= WIRE_COMPRESSION_ZSTD; c++) {
        struct wire_builder_options options = {WIRE_BUILDER_DEFAULTS,
                                               .compression = (enum wire_compression)c};
        struct buf bytes = batch_with(options, NOW_MS);
        memset(bytes.data + WIRE_BATCH_HEADER, 0xee, bytes.len - WIRE_BATCH_HEADER);
        seal(&bytes);
        struct wire_batch batch;
        const char *message;
        ck_assert_int_eq(
            broker_validate_client_batch(&r, buf_slice(&bytes), NOW_MS, &batch, &message),
            ERR_NONE);
        struct buf out = {0};
        ck_assert_int_ne(broker_recompress(&r, &batch, &out), ERR_NONE);
        buf_fini(&out);
        buf_fini(&bytes);
    }
}
END_TEST

UNIT_MAIN("validate", a_plain_batch_is_taken, no_records_are_refused, damaged_bytes_are_refused,
          old_formats_are_refused, two_batches_are_one_too_many, size_is_limited,
          what_only_brokers_write_is_refused, transactions_are_refused, counts_must_agree,
          an_idempotent_batch_needs_epoch_and_sequence, timestamps_have_a_window,
          a_producer_does_not_set_log_append_time, a_compacted_topic_needs_keys,
          another_codec_means_writing_anew, the_producer_s_codec_is_kept,
          what_unfolds_too_large_is_refused, a_broken_block_is_refused)
