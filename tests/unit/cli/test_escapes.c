/* Escapes of the command line. */
#include "cli/escapes.h"

#include "tests/unit/unit.h"

static void check(const char *text, const char *want, size_t len)
{
    struct arena arena = {0};
    struct buf why = {0};
    struct slice got;
    ck_assert_int_eq(escapes_resolve(slice_str(text), &arena, &got, &why), ERR_NONE);
    ck_assert_uint_eq(got.len, len);
    ck_assert_int_eq(memcmp(got.data, want, len), 0);
    ck_assert_int_eq(got.data[len], '\0');
    ck_assert_uint_eq(why.len, 0);
    arena_fini(&arena);
}

START_TEST(wrong_ones)
{
    static const char *const wrong[] = {"\\",   "a\\",   "\\q",   "\\x",
                                        "\\x4", "\\x4g", "\\xg4", "\\X41"};
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        struct arena arena = {0};
        struct buf why = {0};
        struct slice got;
        ck_assert_int_eq(escapes_resolve(slice_str(wrong[i]), &arena, &got, &why),
                         ERR_INVALID_REQUEST);
        unit_says(&why, wrong[i]);
        buf_fini(&why);
        arena_fini(&arena);
    }
}
END_TEST

START_TEST(right_ones)
{
    check("", "", 0);
    check("plain", "plain", 5);
    check("\\n\\r\\t\\0\\\\", "\n\r\t\0\\", 5);
    check("\\x00\\x41\\xfF\\x7ex", "\0A\xff~x", 5);
    check("\\\\n", "\\n", 2);
    struct slice got = slice_str("x");
    ck_assert_int_eq(escapes_resolve(SLICE_NULL, NULL, &got, NULL), ERR_NONE);
    ck_assert(slice_is_null(got));
}
END_TEST

UNIT_MAIN("escapes", wrong_ones, right_ones)
