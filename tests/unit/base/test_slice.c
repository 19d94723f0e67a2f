/* Borrowed bytes, and the cursor that never reads past their end. */
#include "base/slice.h"

#include "base/mem.h"
#include "base/prng.h"
#include "tests/unit/unit.h"

START_TEST(every_read_stops_at_the_end)
{
    static const uint8_t bytes[7] = {1, 2, 3, 4, 5, 6, 7};
    for (size_t len = 0; len <= sizeof bytes; len++) {
        struct reader r = reader_of(slice_of(bytes, len));
        ck_assert_uint_eq(reader_u64(&r), 0);
        ck_assert(r.bad);
        ck_assert_msg(reader_i8(&r) == 0, "bad stays bad");
        ck_assert(slice_is_null(reader_bytes(&r, 0)));
    }
    struct reader one = reader_of(slice_of(bytes, 1));
    ck_assert_uint_eq(reader_u16(&one), 0);
    ck_assert(one.bad);
    struct reader three = reader_of(slice_of(bytes, 3));
    ck_assert_int_eq(reader_i32(&three), 0);
    ck_assert(three.bad);
}
END_TEST

START_TEST(a_length_beyond_the_end_is_bad)
{
    struct reader r = reader_of(slice_str("abc"));
    ck_assert(slice_is_null(reader_bytes(&r, SIZE_MAX)));
    ck_assert(r.bad);
    r = reader_of(slice_str("abc"));
    ck_assert(slice_is_null(reader_bytes(&r, 4)));
    ck_assert(r.bad);
}
END_TEST

START_TEST(the_null_slice_has_nothing_to_read)
{
    struct reader r = reader_of(SLICE_NULL);
    ck_assert_uint_eq(reader_left(&r), 0);
    ck_assert(!slice_is_null(reader_bytes(&r, 0)));
    ck_assert(!r.bad);
    ck_assert_int_eq(reader_i8(&r), 0);
    ck_assert(r.bad);
}
END_TEST

static bool bad_uvarint(const char *bytes, size_t len)
{
    struct reader r = reader_of(slice_of(bytes, len));
    return reader_uvarint(&r) == 0 && r.bad;
}

static bool bad_varlong(const char *bytes, size_t len)
{
    struct reader r = reader_of(slice_of(bytes, len));
    return reader_varlong(&r) == 0 && r.bad;
}

START_TEST(malformed_varints_are_bad)
{
    ck_assert(bad_uvarint("", 0));
    ck_assert_msg(bad_uvarint("\x80", 1), "cut short");
    ck_assert_msg(bad_uvarint("\xff\xff\xff\xff", 4), "cut short");
    ck_assert_msg(bad_uvarint("\xff\xff\xff\xff\xff\x01", 6), "six bytes");
    ck_assert_msg(bad_uvarint("\xff\xff\xff\xff\x1f", 5), "33 bits");
    ck_assert_msg(bad_varlong("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 10), "65 bits");
    ck_assert_msg(bad_varlong("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11), "eleven bytes");
}
END_TEST

START_TEST(extreme_varints_are_read)
{
    struct reader r = reader_of(slice_of("\xff\xff\xff\xff\x0f", 5));
    ck_assert_uint_eq(reader_uvarint(&r), UINT32_MAX);
    r = reader_of(slice_of("\xff\xff\xff\xff\x0f", 5));
    ck_assert_int_eq(reader_varint(&r), INT32_MIN);
    r = reader_of(slice_of("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 10));
    ck_assert(reader_varlong(&r) == INT64_MIN);
    ck_assert(!r.bad);
    r = reader_of(slice_of("\x80\x00", 2));
    ck_assert_msg(reader_uvarint(&r) == 0 && !r.bad, "a longer form than needed is allowed");
}
END_TEST

START_TEST(random_bytes_never_lead_astray)
{
    struct prng p;
    prng_init(&p, 7);
    for (int round = 0; round < 20000; round++) {
        size_t len = (size_t)prng_below(&p, 24);
        uint8_t *bytes = mem_alloc(len); /* exactly so long: a sanitizer guards its end */
        for (size_t i = 0; i < len; i++) {
            bytes[i] = (uint8_t)prng_next(&p);
        }
        struct reader r = reader_of(slice_of(bytes, len));
        while (!r.bad) {
            switch (prng_below(&p, 7)) {
            case 0:
                reader_i8(&r);
                break;
            case 1:
                reader_u16(&r);
                break;
            case 2:
                reader_i32(&r);
                break;
            case 3:
                reader_i64(&r);
                break;
            case 4:
                reader_varint(&r);
                break;
            case 5:
                reader_varlong(&r);
                break;
            default:
                reader_bytes(&r, (size_t)prng_below(&p, 30));
            }
            ck_assert_uint_le(reader_left(&r), len);
        }
        mem_free(bytes);
    }
}
END_TEST

START_TEST(null_equals_only_null)
{
    struct slice empty = slice_of("", 0);
    ck_assert(slice_eq(SLICE_NULL, SLICE_NULL));
    ck_assert(!slice_eq(SLICE_NULL, empty));
    ck_assert(!slice_eq(empty, SLICE_NULL));
    ck_assert(slice_eq(empty, slice_str("")));
    ck_assert(slice_eq_str(SLICE_NULL, NULL));
    ck_assert(!slice_eq_str(SLICE_NULL, ""));
    ck_assert(!slice_eq_str(slice_str("ab"), "a"));
    ck_assert(!slice_eq_str(slice_str("a"), "b"));
    ck_assert(slice_eq(slice_of("a\0b", 3), slice_of("a\0b", 3)));
    ck_assert(!slice_eq(slice_of("a\0b", 3), slice_of("a\0c", 3)));
}
END_TEST

START_TEST(order_is_by_bytes_then_length_null_first)
{
    struct slice sorted[] = {SLICE_NULL,          slice_of("", 0),     slice_of("\0", 1),
                             slice_str("a"),      slice_str("ab"),     slice_str("b"),
                             slice_of("\x7f", 1), slice_of("\x80", 1), slice_of("\xff", 1)};
    for (size_t i = 0; i < ARRAY_LEN(sorted); i++) {
        for (size_t j = 0; j < ARRAY_LEN(sorted); j++) {
            int order = slice_cmp(sorted[i], sorted[j]);
            int sign = (order > 0) - (order < 0);
            ck_assert_int_eq(sign, (i > j) - (i < j));
        }
    }
}
END_TEST

START_TEST(copies_end_with_a_nul)
{
    ck_assert_ptr_null(slice_dup_str(SLICE_NULL));
    char *empty = slice_dup_str(slice_of("", 0));
    ck_assert_str_eq(empty, "");
    char *text = slice_dup_str(slice_of("abc", 2));
    ck_assert_str_eq(text, "ab");
    mem_free(empty);
    mem_free(text);
}
END_TEST

START_TEST(loads_and_stores_agree)
{
    uint8_t bytes[9] = {0};
    store_u16(bytes + 1, 0xfffe);
    ck_assert_uint_eq(load_u16(bytes + 1), 0xfffe);
    store_u32(bytes + 1, 0x80000001);
    ck_assert_uint_eq(load_u32(bytes + 1), 0x80000001);
    ck_assert_uint_eq(bytes[1], 0x80);
    store_u64(bytes + 1, 0x8000000000000001);
    ck_assert(load_u64(bytes + 1) == 0x8000000000000001);
    ck_assert_uint_eq(bytes[8], 1);
}
END_TEST

UNIT_MAIN("slice", every_read_stops_at_the_end, a_length_beyond_the_end_is_bad,
          the_null_slice_has_nothing_to_read, malformed_varints_are_bad, extreme_varints_are_read,
          random_bytes_never_lead_astray, null_equals_only_null,
          order_is_by_bytes_then_length_null_first, copies_end_with_a_nul, loads_and_stores_agree)
