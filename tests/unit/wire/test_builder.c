/* Building batches, and control records; against bytes of Apache Kafka. */
#include "wire/batch.h"

#include <check.h>
#include <stdlib.h>

#include "tests/unit/wire/batches.h"
#include "tests/unit/wire/hex.h"
#include "wire/wire.h"

static struct arena arena;
static struct buf out;

static void setup(void)
{
    arena = (struct arena){0};
    out = (struct buf){0};
}

static void teardown(void)
{
    arena_fini(&arena);
    buf_fini(&out);
}

START_TEST(builds_what_kafka_builds)
{
    struct buf headers = {0};
    wire_record_header_put(&headers, slice_str("h"), slice_str("1"));
    wire_record_header_put(&headers, slice_str("n"), SLICE_NULL);
    char value[121];
    for (size_t i = 0; i < 120; i++) {
        value[i] = "value "[i % 6];
    }
    const struct wire_record records[] = {
        {0, 1000, slice_str("k0"), slice_str("v0"), buf_slice(&headers), 2},
        {0, 1005, SLICE_NULL, slice_of(value, 120), SLICE_NULL, 0},
        {0, 990, slice_str(""), SLICE_NULL, SLICE_NULL, 0},
    };
    for (int codec = 0; codec <= WIRE_COMPRESSION_ZSTD; codec++) {
        struct wire_builder_options options = {WIRE_BUILDER_DEFAULTS};
        options.base_offset = 5;
        options.leader_epoch = 6;
        options.producer_id = 1234;
        options.producer_epoch = 3;
        options.base_sequence = 10;
        options.attributes = WIRE_BATCH_TRANSACTIONAL;
        options.compression = (enum wire_compression)codec;
        buf_reset(&out);
        buf_put_str(&out, "before");
        struct wire_builder b;
        wire_builder_init(&b, &options, &out);
        for (size_t i = 0; i < ARRAY_LEN(records); i++) {
            wire_builder_add(&b, &records[i]);
        }
        struct slice made = wire_builder_finish(&b);
        ck_assert_uint_eq(made.len, out.len - 6);
        struct wire_batch batch;
        ck_assert_int_eq(wire_batch_parse(made, &batch), ERR_NONE);
        ck_assert_uint_eq(batch.bytes.len, made.len);
        check_records(&arena, &batch);
        if (codec == WIRE_COMPRESSION_NONE || codec == WIRE_COMPRESSION_SNAPPY) {
            ck_assert(slice_eq(made, unhex(&arena, kafka_batches[codec])));
        }
    }
    buf_fini(&headers);
}
END_TEST

START_TEST(compaction_keeps_offsets)
{
    struct wire_builder_options options = {WIRE_BUILDER_DEFAULTS};
    options.base_offset = 100;
    options.delete_horizon_ms = 5000;
    options.compression = WIRE_COMPRESSION_LZ4;
    struct wire_builder b;
    wire_builder_init(&b, &options, &out);
    struct wire_record r = {.offset = 103, .timestamp = 990, .key = slice_str("k")};
    wire_builder_add_at(&b, &r);
    wire_builder_set_last_offset(&b, 109);
    struct wire_batch batch;
    ck_assert_int_eq(wire_batch_parse(wire_builder_finish(&b), &batch), ERR_NONE);
    ck_assert_int_eq(wire_batch_last_offset(&batch), 109);
    ck_assert_int_eq(batch.record_count, 1);
    ck_assert(wire_batch_has(&batch, WIRE_BATCH_DELETE_HORIZON));
    ck_assert_int_eq(batch.base_timestamp, 5000);
    ck_assert_int_eq(batch.max_timestamp, 990);
    struct wire_records it;
    struct wire_record back;
    bool got;
    ck_assert_int_eq(wire_records_open(&it, &batch, BYTES_MAX, &arena), ERR_NONE);
    ck_assert_int_eq(wire_record_next(&it, &back, &got), ERR_NONE);
    ck_assert_int_eq(back.offset, 103);
    ck_assert_int_eq(back.timestamp, 990);
}
END_TEST

START_TEST(a_batch_may_be_empty)
{
    struct wire_builder_options options = {WIRE_BUILDER_DEFAULTS};
    options.compression = WIRE_COMPRESSION_ZSTD;
    struct wire_builder b;
    wire_builder_init(&b, &options, &out);
    wire_builder_set_last_offset(&b, 9);
    wire_builder_set_timestamps(&b, 70, 80);
    struct wire_batch batch;
    ck_assert_int_eq(wire_batch_parse(wire_builder_finish(&b), &batch), ERR_NONE);
    ck_assert_uint_eq(batch.bytes.len, WIRE_BATCH_HEADER);
    ck_assert_int_eq(batch.max_timestamp, 80);
    struct wire_records it;
    struct wire_record r;
    bool got;
    ck_assert_int_eq(wire_records_open(&it, &batch, BYTES_MAX, &arena), ERR_NONE);
    ck_assert_int_eq(wire_record_next(&it, &r, &got), ERR_NONE);
    ck_assert(!got);
}
END_TEST

/* ---- control records ---- */

static struct wire_record control_record(const char *hex, struct wire_batch *batch)
{
    struct wire_records it;
    struct wire_record r;
    bool got;
    ck_assert_int_eq(wire_batch_parse(unhex(&arena, hex), batch), ERR_NONE);
    ck_assert_int_eq(wire_batch_check_crc(batch), ERR_NONE);
    ck_assert(wire_batch_has(batch, WIRE_BATCH_CONTROL));
    ck_assert_int_eq(wire_records_open(&it, batch, BYTES_MAX, &arena), ERR_NONE);
    ck_assert_int_eq(wire_record_next(&it, &r, &got), ERR_NONE);
    ck_assert(got);
    return r;
}

START_TEST(reads_control_records_of_kafka)
{
    struct wire_batch batch;
    int16_t type;
    int32_t epoch;
    struct wire_record r = control_record(kafka_marker, &batch);
    ck_assert_int_eq(wire_control_key_decode(r.key, &type), ERR_NONE);
    ck_assert_int_eq(type, WIRE_CONTROL_COMMIT);
    ck_assert_int_eq(wire_txn_marker_decode(r.value, &epoch), ERR_NONE);
    ck_assert_int_eq(epoch, 9);
    r = control_record(kafka_leader_change, &batch);
    ck_assert_int_eq(wire_control_key_decode(r.key, &type), ERR_NONE);
    ck_assert_int_eq(type, WIRE_CONTROL_LEADER_CHANGE);
    struct wire_leader_change_message change;
    enum err e = wire_decode(&wire_msg_leader_change_message, 0, r.value, &arena, &change);
    ck_assert_int_eq(e, ERR_NONE);
    ck_assert_int_eq(change.leader_id, 2);
    ck_assert_int_eq(change.granting_voters_count, 1);
    ck_assert_int_eq(wire_control_key_decode(slice_of("\0\0\0", 3), &type), ERR_INVALID_RECORD);
    ck_assert_int_eq(wire_control_key_decode(SLICE_NULL, &type), ERR_INVALID_RECORD);
    ck_assert_int_eq(wire_txn_marker_decode(slice_of("\0\0\0\0\0", 5), &epoch), ERR_INVALID_RECORD);
}
END_TEST

START_TEST(builds_the_marker_that_kafka_builds)
{
    struct buf key = {0};
    struct buf value = {0};
    wire_control_key_encode(WIRE_CONTROL_COMMIT, &key);
    wire_txn_marker_encode(9, &value);
    struct wire_builder_options options = {WIRE_BUILDER_DEFAULTS};
    options.base_offset = 42;
    options.leader_epoch = 7;
    options.producer_id = 1234;
    options.producer_epoch = 3;
    options.attributes = WIRE_BATCH_TRANSACTIONAL | WIRE_BATCH_CONTROL;
    struct wire_builder b;
    wire_builder_init(&b, &options, &out);
    wire_builder_add(&b, &(struct wire_record){.timestamp = 1000,
                                               .key = buf_slice(&key),
                                               .value = buf_slice(&value)});
    ck_assert(slice_eq(wire_builder_finish(&b), unhex(&arena, kafka_marker)));
    buf_fini(&key);
    buf_fini(&value);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("builder");
    TCase *tc = tcase_create("builder");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, builds_what_kafka_builds);
    tcase_add_test(tc, compaction_keeps_offsets);
    tcase_add_test(tc, a_batch_may_be_empty);
    tcase_add_test(tc, reads_control_records_of_kafka);
    tcase_add_test(tc, builds_the_marker_that_kafka_builds);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
