/* Record batches: headers, records, building; against bytes of Apache Kafka and kafka-python. */
#include "wire/batch.h"

#include <check.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/prng.h"
#include "tests/unit/wire/hex.h"
#include "wire/messages.h"
#include "wire/wire.h"

enum { BYTES_MAX = 1 << 20, SEED = 42 };

/* Offset 5, epoch 6, producer 1234/3, sequence 10, transactional, three records:
 * ("k0", "v0", h=1, n=null) at 1000, (null, "value " × 20) at 1005, ("", null) at 990. */
#define HEAD(length) "0000000000000005" length "0000000602"
#define FIELDS "0000000200000000000003e800000000000003ed00000000000004d200030000000a00000003"
#define VALUES \
    "76616c75652076616c75652076616c75652076616c75652076616c75652076616c75652076616c75652076616c75" \
    "65" \
    "2076616c75652076616c75652076616c75652076616c75652076616c75652076616c75652076616c75652076616c" \
    "75" \
    "652076616c75652076616c75652076616c75652076616c756520"
#define PLAIN \
    HEAD("000000cb") \
    "d64b940e0010" FIELDS "22000000046b300476300402680231026e01fe01000a0201f001" VALUES \
    "000c001304000100"

static const char *const kafka_batches[] = {
    PLAIN,
    HEAD("0000006f") "c24c0a840011" FIELDS
                     "1f8b08000000000000ff5362606060c9366029336061ca603264ca63fcc7c8c0c5c4f881b12c3"
                     "1a7345581fe24030f83300b0323030011a60b2e9a000000",
    HEAD("00000077") "bbf5ed7c0012" FIELDS "82534e41505059000000000100000001000000329a017c220000000"
                                           "46b300476300402680231026"
                     "e01fe01000a0201f00176616c756520fe0600c606001c000c001304000100",
    HEAD("0000006e") "6789fbe00013" FIELDS "04224d186040822e000000ff1122000000046b30047630040268023"
                                           "1026e01fe01000a0201f0017"
                     "6616c75652006005f80000c00130400010000000000",
    HEAD("0000006d") "fad4ab120014" FIELDS "28b52ffd0058840100840222000000046b300476300402680231026"
                                           "e01fe01000a0201f00176616"
                     "c756520000c00130400010001007849cb13010000",
};

/* The same records by kafka-python with its own forms of gzip, snappy and LZ4. */
#define PY_HEAD(length) "0000000000000000" length "0000000002"
#define PY_FIELDS "0000000200000000000003e800000000000003edffffffffffffffffffffffffffff00000003"
static const char *const python_batches[] = {
    PY_HEAD("000000cb") "bc22f0d40000" PY_FIELDS
                        "22000000046b300476300402680231026e01fe01000a0201f001" VALUES
                        "000c001304000100",
    PY_HEAD(
        "0000006f") "b03070440001" PY_FIELDS
                    "1f8b080016a9016b02ff5362606060c9366029336061ca603264ca63fcc7c8c0c5c4f881b12"
                    "c31a7345581fe24030f83300b0323030011a60b2e9a000000",
    PY_HEAD("00000077") "54262aeb0002" PY_FIELDS
                        "82534e41505059000000000100000001000000329a017c22000000046b3004763004026802"
                        "31026e01fe01000a0201f00176616c756520fe0600c606001c000c001304000100",
    PY_HEAD(
        "00000076") "66cdfb0b0003" PY_FIELDS
                    "04224d1868409a00000000000000eb2e000000ff1122000000046b300476300402680231026"
                    "e01fe01000a0201f00176616c75652006005f80000c00130400010000000000",
};

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
    return unhex(&arena, PLAIN);
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

static void check_records(const struct wire_batch *batch)
{
    struct wire_records it;
    struct wire_record r;
    bool got;
    ck_assert_int_eq(wire_batch_check_crc(batch), ERR_NONE);
    ck_assert_int_eq(wire_records_open(&it, batch, BYTES_MAX, &arena), ERR_NONE);
    ck_assert_int_eq(wire_record_next(&it, &r, &got), ERR_NONE);
    ck_assert(got);
    ck_assert_int_eq(r.offset, batch->base_offset);
    ck_assert_int_eq(r.timestamp, 1000);
    ck_assert(slice_eq_str(r.key, "k0"));
    ck_assert(slice_eq_str(r.value, "v0"));
    ck_assert_int_eq(r.header_count, 2);
    struct reader headers = reader_of(r.headers);
    struct wire_record_header h = wire_record_header_next(&headers);
    ck_assert(slice_eq_str(h.key, "h"));
    ck_assert(slice_eq_str(h.value, "1"));
    h = wire_record_header_next(&headers);
    ck_assert(slice_eq_str(h.key, "n"));
    ck_assert(slice_is_null(h.value));
    ck_assert_int_eq(wire_record_next(&it, &r, &got), ERR_NONE);
    ck_assert(got);
    ck_assert_int_eq(r.timestamp, 1005);
    ck_assert(slice_is_null(r.key));
    ck_assert_uint_eq(r.value.len, 120);
    ck_assert_int_eq(wire_record_next(&it, &r, &got), ERR_NONE);
    ck_assert(got);
    ck_assert_int_eq(r.offset, batch->base_offset + 2);
    ck_assert_int_eq(r.timestamp, 990);
    ck_assert(slice_eq_str(r.key, ""));
    ck_assert(slice_is_null(r.value));
    ck_assert_int_eq(r.header_count, 0);
    ck_assert_int_eq(wire_record_next(&it, &r, &got), ERR_NONE);
    ck_assert(!got);
}

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
        check_records(&b);
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
        check_records(&b);
    }
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
    check_records(&b);
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

/* ---- building ---- */

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
        check_records(&batch);
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
    int32_t count;
    ck_assert_int_eq(read_all(batch.bytes, &count), ERR_NONE);
    ck_assert_int_eq(count, 0);
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

#define MARKER \
    "000000000000002a000000420000000702ca06beb300300000000000000000000003e800000000000003e80000" \
    "0000000004d20003ffffffff000000012000000008000000010c00000000000900"
#define LEADER_CHANGE \
    "000000000000000b0000004f0000000402b98cc69900200000000000000000000003e800000000000003e8fffff" \
    "fffffffffffffffffffffff000000013a0000000800000002260000000000020200000002000200000002000000"

START_TEST(reads_control_records_of_kafka)
{
    struct wire_batch batch;
    int16_t type;
    int32_t epoch;
    struct wire_record r = control_record(MARKER, &batch);
    ck_assert_int_eq(wire_control_key_decode(r.key, &type), ERR_NONE);
    ck_assert_int_eq(type, WIRE_CONTROL_COMMIT);
    ck_assert_int_eq(wire_txn_marker_decode(r.value, &epoch), ERR_NONE);
    ck_assert_int_eq(epoch, 9);
    r = control_record(LEADER_CHANGE, &batch);
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
    ck_assert(slice_eq(wire_builder_finish(&b), unhex(&arena, MARKER)));
    buf_fini(&key);
    buf_fini(&value);
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
    tcase_add_test(tc, sequences_wrap);
    tcase_add_test(tc, stamps_offset_and_epoch_outside_of_the_crc);
    tcase_add_test(tc, stamps_log_append_time);
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
