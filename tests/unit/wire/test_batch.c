/* Record batches: headers, records, stamping; against bytes of Apache Kafka and kafka-python. */
#include "wire/batch.h"

#include <check.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/prng.h"
#include "tests/unit/wire/batches.h"
#include "tests/unit/wire/hex.h"

enum { SEED = 42 };

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

static uint8_t *copy_of(struct slice s)
{
    return (uint8_t *)(uintptr_t)arena_dup(&arena, s).data;
}

static struct slice plain(void)
{
    return unhex(&arena, kafka_batches[0]);
}

/* Reads everything; the first error. */
static enum err read_all(struct slice bytes, int32_t *count)
{
    struct arena own = {0};
    struct wire_batches it = wire_batches_of(bytes);
    struct wire_batch batch;
    struct wire_records records;
    struct wire_record record;
    bool got = true;
    enum err e = ERR_NONE;
    *count = 0;
    while (e == ERR_NONE && (e = wire_batch_next(&it, &batch, &got)) == ERR_NONE && got) {
        e = wire_records_open(&records, &batch, BYTES_MAX, &own);
        while (e == ERR_NONE && (e = wire_record_next(&records, &record, &got)) == ERR_NONE &&
               got) {
            *count += 1;
            struct reader r = reader_of(record.headers);
            for (int32_t i = 0; i < record.header_count; i++) {
                struct wire_record_header h = wire_record_header_next(&r);
                ck_assert_ptr_nonnull(h.key.data);
            }
            ck_assert(!r.bad);
            ck_assert_uint_eq(reader_left(&r), 0);
        }
    }
    arena_fini(&own);
    return e;
}

/* ---- refusals ---- */

START_TEST(refuses_every_truncation)
{
    struct slice bytes = plain();
    struct wire_batch batch;
    for (size_t len = 0; len < bytes.len; len++) {
        struct slice cut = slice_of(mem_alloc(len), len);
        memcpy((void *)(uintptr_t)cut.data, bytes.data, len);
        ck_assert_int_eq(wire_batch_parse(cut, &batch), ERR_CORRUPT_MESSAGE);
        struct wire_batches it = wire_batches_of(cut);
        bool got;
        ck_assert_int_eq(wire_batch_next(&it, &batch, &got), ERR_NONE);
        ck_assert(!got);
        ck_assert_uint_eq(it.rest.len, len);
        mem_free((void *)(uintptr_t)cut.data);
    }
}
END_TEST

START_TEST(refuses_headers_that_cannot_be)
{
    static const struct {
        int at;
        const char *hex;
        enum err e;
    } cases[] = {
        {0, "ffffffffffffffff", ERR_CORRUPT_MESSAGE},   /* base offset -1 */
        {0, "7fffffffffffffff", ERR_CORRUPT_MESSAGE},   /* the offsets overflow */
        {8, "00000030", ERR_CORRUPT_MESSAGE},           /* shorter than a header */
        {8, "ffffffff", ERR_CORRUPT_MESSAGE},           /* -1 bytes */
        {16, "00", ERR_UNSUPPORTED_FOR_MESSAGE_FORMAT}, /* magic 0 */
        {16, "01", ERR_UNSUPPORTED_FOR_MESSAGE_FORMAT}, /* magic 1 */
        {16, "03", ERR_CORRUPT_MESSAGE},                /* magic of the future */
        {21, "0005", ERR_UNSUPPORTED_COMPRESSION_TYPE}, /* codec 5 */
        {23, "ffffffff", ERR_CORRUPT_MESSAGE},          /* last offset delta -1 */
        {23, "00000001", ERR_CORRUPT_MESSAGE},          /* three records, two offsets */
        {57, "ffffffff", ERR_CORRUPT_MESSAGE},          /* -1 records */
        {57, "7fffffff", ERR_CORRUPT_MESSAGE},          /* more records than bytes */
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct slice bytes = plain();
        struct slice patch = unhex(&arena, cases[i].hex);
        uint8_t *copy = copy_of(bytes);
        memcpy(copy + cases[i].at, patch.data, patch.len);
        struct wire_batch batch;
        ck_assert_msg(wire_batch_parse(slice_of(copy, bytes.len), &batch) == cases[i].e, "case %zu",
                      i);
        struct wire_batches it = wire_batches_of(slice_of(copy, bytes.len));
        bool got;
        ck_assert_int_eq(wire_batch_next(&it, &batch, &got), cases[i].e);
        ck_assert(!got);
    }
}
END_TEST

START_TEST(the_crc_sees_every_bit_that_it_covers)
{
    struct slice bytes = plain();
    for (size_t at = WIRE_BATCH_CRC_FROM; at < bytes.len; at++) {
        uint8_t *copy = copy_of(bytes);
        copy[at] ^= (uint8_t)(1 << (at % 8));
        struct wire_batch batch;
        if (wire_batch_parse(slice_of(copy, bytes.len), &batch) == ERR_NONE) {
            ck_assert_int_eq(wire_batch_check_crc(&batch), ERR_CORRUPT_MESSAGE);
        }
    }
}
END_TEST

/* Records in a batch of two offsets whose bytes are `hex`. */
static enum err read_records(const char *hex, int32_t count)
{
    buf_reset(&out);
    struct wire_builder_options options = {WIRE_BUILDER_DEFAULTS};
    struct wire_builder b;
    wire_builder_init(&b, &options, &out);
    wire_builder_set_last_offset(&b, 1);
    b.count = count;
    buf_put_slice(&out, unhex(&arena, hex));
    wire_builder_finish(&b);
    int32_t seen;
    return read_all(buf_slice(&out), &seen);
}

START_TEST(refuses_records_that_cannot_be)
{
    ck_assert_int_eq(read_records("0c000000010100", 1), ERR_NONE);
    ck_assert_int_eq(read_records("0c000000010100"
                                  "0c000002010100",
                                  2),
                     ERR_NONE);
    ck_assert_int_eq(read_records("0c000000010100", 0), ERR_INVALID_RECORD);   /* one too many */
    ck_assert_int_eq(read_records("0e00000001010000", 1), ERR_INVALID_RECORD); /* a byte behind */
    ck_assert_int_eq(read_records("0a000000010100", 1), ERR_INVALID_RECORD);   /* too short */
    ck_assert_int_eq(read_records("01000000010100", 1), ERR_INVALID_RECORD);   /* -1 bytes */
    ck_assert_int_eq(read_records("0c000004010100", 1), ERR_INVALID_RECORD);   /* offset 2 */
    ck_assert_int_eq(read_records("0c000001010100", 1), ERR_INVALID_RECORD);   /* offset -1 */
    ck_assert_int_eq(read_records("0c000000030100", 1), ERR_INVALID_RECORD);   /* key of -2 */
    ck_assert_int_eq(read_records("0c000000010101", 1), ERR_INVALID_RECORD);   /* -1 headers */
    ck_assert_int_eq(read_records("0c000000010102", 1), ERR_INVALID_RECORD);   /* no header */
    ck_assert_int_eq(read_records("1000000001010201"
                                  "00",
                                  1),
                     ERR_INVALID_RECORD); /* null key */
    ck_assert_int_eq(read_records("0c000002010100"
                                  "0c000002010100",
                                  2),
                     ERR_INVALID_RECORD);
    ck_assert_int_eq(read_records("0c000002010100"
                                  "0c000000010100",
                                  2),
                     ERR_INVALID_RECORD);
}
END_TEST

START_TEST(refuses_too_many_plain_bytes)
{
    for (size_t i = 0; i < ARRAY_LEN(kafka_batches); i++) {
        struct wire_batch batch;
        struct wire_records records;
        ck_assert_int_eq(wire_batch_parse(unhex(&arena, kafka_batches[i]), &batch), ERR_NONE);
        ck_assert_int_eq(wire_records_open(&records, &batch, 153, &arena), ERR_MESSAGE_TOO_LARGE);
        ck_assert_int_eq(wire_records_open(&records, &batch, 154, &arena), ERR_NONE);
    }
}
END_TEST

START_TEST(survives_any_flipped_byte)
{
    struct prng prng;
    prng_init(&prng, SEED);
    for (size_t i = 0; i < ARRAY_LEN(kafka_batches); i++) {
        struct slice bytes = unhex(&arena, kafka_batches[i]);
        for (size_t at = 0; at < bytes.len; at++) {
            for (int round = 0; round < 4; round++) {
                uint8_t *copy = mem_alloc(bytes.len);
                memcpy(copy, bytes.data, bytes.len);
                copy[at] = (uint8_t)prng_next(&prng);
                int32_t count;
                (void)!read_all(slice_of(copy, bytes.len), &count);
                mem_free(copy);
            }
        }
    }
}
END_TEST

/* ---- reading ---- */

START_TEST(reads_batches_of_kafka)
{
    for (size_t i = 0; i < ARRAY_LEN(kafka_batches); i++) {
        buf_put_slice(&out, unhex(&arena, kafka_batches[i]));
    }
    buf_put(&out, "half a batch, cut", 17);
    out.data[out.len - 1] = WIRE_BATCH_MAGIC;
    struct wire_batches it = wire_batches_of(buf_slice(&out));
    struct wire_batch b;
    bool got;
    for (size_t i = 0; i < ARRAY_LEN(kafka_batches); i++) {
        ck_assert_int_eq(wire_batch_next(&it, &b, &got), ERR_NONE);
        ck_assert(got);
        ck_assert_int_eq(b.base_offset, 5);
        ck_assert_int_eq(wire_batch_last_offset(&b), 7);
        ck_assert_int_eq(b.leader_epoch, 6);
        ck_assert_int_eq(b.producer_id, 1234);
        ck_assert_int_eq(b.producer_epoch, 3);
        ck_assert_int_eq(b.base_sequence, 10);
        ck_assert_int_eq(wire_batch_last_sequence(&b), 12);
        ck_assert_int_eq(b.base_timestamp, 1000);
        ck_assert_int_eq(b.max_timestamp, 1005);
        ck_assert_int_eq(wire_batch_compression(&b), i);
        ck_assert(wire_batch_has(&b, WIRE_BATCH_TRANSACTIONAL));
        ck_assert(!wire_batch_has(&b, WIRE_BATCH_CONTROL));
        check_records(&arena, &b);
    }
    ck_assert_int_eq(wire_batch_next(&it, &b, &got), ERR_NONE);
    ck_assert(!got);
    ck_assert_uint_eq(it.rest.len, 17);
}
END_TEST

START_TEST(reads_batches_of_kafka_python)
{
    for (size_t i = 0; i < ARRAY_LEN(python_batches); i++) {
        struct wire_batch b;
        ck_assert_int_eq(wire_batch_parse(unhex(&arena, python_batches[i]), &b), ERR_NONE);
        ck_assert_int_eq(b.producer_id, -1);
        ck_assert_int_eq(wire_batch_last_sequence(&b), -1);
        check_records(&arena, &b);
    }
}
END_TEST

START_TEST(peeks_at_a_header_alone)
{
    struct slice bytes = plain();
    uint8_t *head = mem_alloc(WIRE_BATCH_HEADER);
    memcpy(head, bytes.data, WIRE_BATCH_HEADER);
    struct wire_batch b;
    size_t size = 0;
    for (size_t len = 0; len < WIRE_BATCH_HEADER; len++) {
        ck_assert_int_eq(wire_batch_peek(slice_of(head, len), &b, &size), ERR_CORRUPT_MESSAGE);
    }
    ck_assert_int_eq(wire_batch_peek(slice_of(head, WIRE_BATCH_HEADER), &b, &size), ERR_NONE);
    ck_assert_uint_eq(size, bytes.len);
    ck_assert_uint_eq(b.bytes.len, WIRE_BATCH_HEADER);
    ck_assert_int_eq(wire_batch_last_offset(&b), 7);
    head[22] = 7; /* a codec of the future */
    ck_assert_int_eq(wire_batch_peek(slice_of(head, WIRE_BATCH_HEADER), &b, &size), ERR_NONE);
    head[16] = 1;
    ck_assert_int_eq(wire_batch_peek(slice_of(head, WIRE_BATCH_HEADER), &b, &size),
                     ERR_UNSUPPORTED_FOR_MESSAGE_FORMAT);
    mem_free(head);
}
END_TEST

START_TEST(sequences_wrap)
{
    struct wire_batch b = {.base_sequence = INT32_MAX - 1, .last_offset_delta = 2};
    ck_assert_int_eq(wire_batch_last_sequence(&b), 0);
}
END_TEST

/* ---- stamping ---- */

START_TEST(stamps_offset_and_epoch_outside_of_the_crc)
{
    struct slice bytes = plain();
    uint8_t *copy = copy_of(bytes);
    wire_batch_stamp(copy, 1LL << 40, 77);
    struct wire_batch b;
    ck_assert_int_eq(wire_batch_parse(slice_of(copy, bytes.len), &b), ERR_NONE);
    ck_assert_int_eq(b.base_offset, 1LL << 40);
    ck_assert_int_eq(b.leader_epoch, 77);
    check_records(&arena, &b);
}
END_TEST

START_TEST(stamps_log_append_time)
{
    struct slice bytes = plain();
    uint8_t *copy = copy_of(bytes);
    wire_batch_stamp_time(copy, 123456);
    struct wire_batch b;
    ck_assert_int_eq(wire_batch_parse(slice_of(copy, bytes.len), &b), ERR_NONE);
    ck_assert_int_eq(wire_batch_check_crc(&b), ERR_NONE);
    ck_assert(wire_batch_has(&b, WIRE_BATCH_LOG_APPEND_TIME));
    ck_assert(wire_batch_has(&b, WIRE_BATCH_TRANSACTIONAL));
    struct wire_records it;
    struct wire_record r;
    bool got;
    ck_assert_int_eq(wire_records_open(&it, &b, BYTES_MAX, &arena), ERR_NONE);
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(wire_record_next(&it, &r, &got), ERR_NONE);
        ck_assert_int_eq(r.timestamp, 123456);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("batch");
    TCase *tc = tcase_create("batch");
    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, refuses_every_truncation);
    tcase_add_test(tc, refuses_headers_that_cannot_be);
    tcase_add_test(tc, the_crc_sees_every_bit_that_it_covers);
    tcase_add_test(tc, refuses_records_that_cannot_be);
    tcase_add_test(tc, refuses_too_many_plain_bytes);
    tcase_add_test(tc, survives_any_flipped_byte);
    tcase_add_test(tc, reads_batches_of_kafka);
    tcase_add_test(tc, reads_batches_of_kafka_python);
    tcase_add_test(tc, peeks_at_a_header_alone);
    tcase_add_test(tc, sequences_wrap);
    tcase_add_test(tc, stamps_offset_and_epoch_outside_of_the_crc);
    tcase_add_test(tc, stamps_log_append_time);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
