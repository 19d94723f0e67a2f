/* Record batches that other implementations made. */
#ifndef TESTS_UNIT_WIRE_BATCHES_H
#define TESTS_UNIT_WIRE_BATCHES_H

#include <check.h>

#include "wire/batch.h"

enum { BYTES_MAX = 1 << 20 }; /* of decompressed records */

/* By Apache Kafka 4.1.0, one per codec: offset 5, epoch 6, producer 1234/3, sequence 10,
 * transactional, three records: ("k0", "v0", h=1, n=null) at 1000, (null, "value " × 20) at 1005,
 * ("", null) at 990. */
static const char *const kafka_batches[] = {
    /* not compressed */
    "0000000000000005000000cb0000000602d64b940e00100000000200000000000003e800000000000003ed00"
    "000000000004d200030000000a0000000322000000046b300476300402680231026e01fe01000a0201f00176"
    "616c75652076616c75652076616c75652076616c75652076616c75652076616c75652076616c75652076616c"
    "75652076616c75652076616c75652076616c75652076616c75652076616c75652076616c75652076616c7565"
    "2076616c75652076616c75652076616c75652076616c75652076616c756520000c001304000100",
    /* gzip */
    "00000000000000050000006f0000000602c24c0a8400110000000200000000000003e800000000000003ed00"
    "000000000004d200030000000a000000031f8b08000000000000ff5362606060c9366029336061ca603264ca"
    "63fcc7c8c0c5c4f881b12c31a7345581fe24030f83300b0323030011a60b2e9a000000",
    /* snappy */
    "0000000000000005000000770000000602bbf5ed7c00120000000200000000000003e800000000000003ed00"
    "000000000004d200030000000a0000000382534e41505059000000000100000001000000329a017c22000000"
    "046b300476300402680231026e01fe01000a0201f00176616c756520fe0600c606001c000c001304000100",
    /* LZ4 */
    "00000000000000050000006e00000006026789fbe000130000000200000000000003e800000000000003ed00"
    "000000000004d200030000000a0000000304224d186040822e000000ff1122000000046b3004763004026802"
    "31026e01fe01000a0201f00176616c75652006005f80000c00130400010000000000",
    /* Zstandard */
    "00000000000000050000006d0000000602fad4ab1200140000000200000000000003e800000000000003ed00"
    "000000000004d200030000000a0000000328b52ffd0058840100840222000000046b30047630040268023102"
    "6e01fe01000a0201f00176616c756520000c00130400010001007849cb13010000",
};

/* The same records by kafka-python 2.0.2, at offset 0 without a producer. */
static const char *const python_batches[] = {
    /* not compressed */
    "0000000000000000000000cb0000000002bc22f0d400000000000200000000000003e800000000000003edff"
    "ffffffffffffffffffffffffff0000000322000000046b300476300402680231026e01fe01000a0201f00176"
    "616c75652076616c75652076616c75652076616c75652076616c75652076616c75652076616c75652076616c"
    "75652076616c75652076616c75652076616c75652076616c75652076616c75652076616c75652076616c7565"
    "2076616c75652076616c75652076616c75652076616c75652076616c756520000c001304000100",
    /* gzip */
    "00000000000000000000006f0000000002d733a52900010000000200000000000003e800000000000003edff"
    "ffffffffffffffffffffffffff000000031f8b08006bab016b02ff5362606060c9366029336061ca603264ca"
    "63fcc7c8c0c5c4f881b12c31a7345581fe24030f83300b0323030011a60b2e9a000000",
    /* snappy */
    "000000000000000000000077000000000254262aeb00020000000200000000000003e800000000000003edff"
    "ffffffffffffffffffffffffff0000000382534e41505059000000000100000001000000329a017c22000000"
    "046b300476300402680231026e01fe01000a0201f00176616c756520fe0600c606001c000c001304000100",
    /* LZ4 */
    "000000000000000000000076000000000266cdfb0b00030000000200000000000003e800000000000003edff"
    "ffffffffffffffffffffffffff0000000304224d1868409a00000000000000eb2e000000ff1122000000046b"
    "300476300402680231026e01fe01000a0201f00176616c75652006005f80000c00130400010000000000",
};

/* By Apache Kafka: COMMIT of producer 1234/3 at offset 42 in epoch 7, coordinator epoch 9. */
static const char kafka_marker[] =
    "000000000000002a000000420000000702ca06beb300300000000000000000000003e800000000000003e800"
    "000000000004d20003ffffffff000000012000000008000000010c00000000000900";

/* By Apache Kafka: voter 2 becomes leader at offset 11 in epoch 4. */
static const char kafka_leader_change[] =
    "000000000000000b0000004f0000000402b98cc69900200000000000000000000003e800000000000003e8ff"
    "ffffffffffffffffffffffffff000000013a0000000800000002260000000000020200000002000200000002"
    "000000";

/* The batch has the three records. */
static inline void check_records(struct arena *arena, const struct wire_batch *batch)
{
    struct wire_records it;
    struct wire_record r;
    bool got;
    ck_assert_int_eq(wire_batch_check_crc(batch), ERR_NONE);
    ck_assert_int_eq(wire_records_open(&it, batch, BYTES_MAX, arena), ERR_NONE);
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

#endif
