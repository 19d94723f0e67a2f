/* The growing buffer, and that the reader takes back what it was given. */
#include "base/buf.h"

#include "tests/unit/unit.h"

START_TEST(patch_before_there_are_four_bytes)
{
    struct buf b = {0};
    buf_put_i16(&b, 1);
    buf_patch_i32(&b, 0, 1);
}
END_TEST

START_TEST(patch_beyond_the_end)
{
    struct buf b = {0};
    buf_put_i64(&b, 1);
    buf_patch_i32(&b, 5, 1);
}
END_TEST

START_TEST(room_for_the_impossible)
{
    struct buf b = {0};
    buf_room(&b, SIZE_MAX / 2);
}
END_TEST

START_TEST(empty_is_not_null)
{
    struct buf b = {0};
    ck_assert(!slice_is_null(buf_slice(&b)));
    ck_assert_uint_eq(buf_slice(&b).len, 0);
    buf_put(&b, NULL, 0);
    buf_put_slice(&b, SLICE_NULL);
    buf_put_str(&b, "");
    ck_assert_uint_eq(b.len, 0);
    buf_fini(&b);
    buf_fini(&b);
    ck_assert_ptr_null(b.data);
}
END_TEST

START_TEST(integers_are_big_endian)
{
    struct buf b = {0};
    buf_put_i8(&b, -2);
    buf_put_i16(&b, -2);
    buf_put_u16(&b, 0x0102);
    buf_put_i32(&b, INT32_MIN);
    buf_put_u32(&b, 0x01020304);
    buf_put_i64(&b, -2);
    buf_put_u64(&b, 0x0102030405060708);
    static const uint8_t expected[] = {0xfe, 0xff, 0xfe, 1,    2,    0x80, 0,    0,    0,    1,
                                       2,    3,    4,    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                       0xfe, 1,    2,    3,    4,    5,    6,    7,    8};
    ck_assert(slice_eq(buf_slice(&b), slice_of(expected, sizeof expected)));
    buf_fini(&b);
}
END_TEST

START_TEST(varints_have_kafkas_form)
{
    static const struct {
        int64_t value;
        uint8_t size;
        uint8_t bytes[10];
    } cases[] = {
        {0, 1, {0}},
        {-1, 1, {1}},
        {1, 1, {2}},
        {63, 1, {0x7e}},
        {-64, 1, {0x7f}},
        {64, 2, {0x80, 0x01}},
        {-65, 2, {0x81, 0x01}},
        {INT32_MAX, 5, {0xfe, 0xff, 0xff, 0xff, 0x0f}},
        {INT32_MIN, 5, {0xff, 0xff, 0xff, 0xff, 0x0f}},
        {INT64_MAX, 10, {0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01}},
        {INT64_MIN, 10, {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01}},
    };
    struct buf b = {0};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct slice expected = slice_of(cases[i].bytes, cases[i].size);
        buf_reset(&b);
        buf_put_varlong(&b, cases[i].value);
        ck_assert_msg(slice_eq(buf_slice(&b), expected), "case %zu as varlong", i);
        if (cases[i].size <= 5) {
            buf_reset(&b);
            buf_put_varint(&b, (int32_t)cases[i].value);
            ck_assert_msg(slice_eq(buf_slice(&b), expected), "case %zu as varint", i);
        }
    }
    buf_fini(&b);
}
END_TEST

START_TEST(uvarint_size_is_what_is_written)
{
    struct buf b = {0};
    for (unsigned bit = 0; bit < 32; bit++) {
        for (int64_t near = -1; near <= 1; near++) {
            uint32_t v = (uint32_t)((INT64_C(1) << bit) + near);
            buf_reset(&b);
            buf_put_uvarint(&b, v);
            ck_assert_uint_eq(b.len, uvarint_size(v));
            struct reader r = reader_of(buf_slice(&b));
            ck_assert_uint_eq(reader_uvarint(&r), v);
            ck_assert(!r.bad);
            ck_assert_uint_eq(reader_left(&r), 0);
        }
    }
    buf_fini(&b);
}
END_TEST

START_TEST(grows_and_keeps_what_it_has)
{
    struct buf b = {0};
    for (int32_t i = 0; i < 100000; i++) {
        buf_put_i32(&b, i);
    }
    ck_assert_uint_eq(b.len, 400000);
    ck_assert_uint_le(b.cap, 2 * b.len);
    struct reader r = reader_of(buf_slice(&b));
    for (int32_t i = 0; i < 100000; i++) {
        ck_assert_int_eq(reader_i32(&r), i);
    }
    uint8_t *memory = b.data;
    buf_reset(&b);
    buf_put_i32(&b, 7);
    ck_assert_ptr_eq(b.data, memory);
    buf_fini(&b);
}
END_TEST

START_TEST(room_leaves_the_length_alone)
{
    struct buf b = {0};
    buf_put_str(&b, "ab");
    uint8_t *at = buf_room(&b, 1000);
    ck_assert_uint_eq(b.len, 2);
    ck_assert_ptr_eq(at, b.data + 2);
    memset(at, 'x', 1000);
    ck_assert_ptr_eq(buf_extend(&b, 1000), at);
    ck_assert_uint_eq(b.len, 1002);
    ck_assert_int_eq(b.data[1001], 'x');
    buf_fini(&b);
}
END_TEST

START_TEST(printf_appends_without_a_nul)
{
    struct buf b = {0};
    buf_printf(&b, "%s", "");
    ck_assert_uint_eq(b.len, 0);
    for (int i = 0; i < 200; i++) {
        buf_printf(&b, "%d,", i % 10);
    }
    ck_assert_uint_eq(b.len, 400);
    ck_assert(slice_eq_str(slice_of(b.data, 10), "0,1,2,3,4,"));
    buf_fini(&b);
}
END_TEST

START_TEST(patch_overwrites_four_bytes)
{
    struct buf b = {0};
    buf_put_i32(&b, 0);
    buf_put_str(&b, "abc");
    buf_patch_i32(&b, 0, (int32_t)b.len - 4);
    ck_assert(slice_eq(buf_slice(&b), slice_of("\0\0\0\3abc", 7)));
    buf_patch_i32(&b, 3, -1);
    ck_assert(slice_eq(buf_slice(&b), slice_of("\0\0\0\xff\xff\xff\xff", 7)));
    buf_fini(&b);
}
END_TEST

UNIT_MAIN_ABORTS("buf",
                 (patch_before_there_are_four_bytes, patch_beyond_the_end, room_for_the_impossible),
                 empty_is_not_null, integers_are_big_endian, varints_have_kafkas_form,
                 uvarint_size_is_what_is_written, grows_and_keeps_what_it_has,
                 room_leaves_the_length_alone, printf_appends_without_a_nul,
                 patch_overwrites_four_bytes)
