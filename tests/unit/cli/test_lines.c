/* Lines of input as records. */
#include "cli/lines.h"

#include <stdio.h>

#include "base/prng.h"
#include "tests/unit/unit.h"

START_TEST(lines_come_when_complete)
{
    struct lines lines = {.end = slice_str("\n")};
    struct slice line;
    ck_assert(!lines_next(&lines, &line));
    ck_assert(!lines_last(&lines, &line));
    lines_put(&lines, slice_str("on"));
    ck_assert(!lines_next(&lines, &line));
    lines_put(&lines, slice_str("e\n\ntw"));
    ck_assert(lines_next(&lines, &line) && slice_eq_str(line, "one"));
    ck_assert(lines_next(&lines, &line) && slice_eq_str(line, ""));
    ck_assert(!lines_next(&lines, &line));
    ck_assert_uint_eq(lines_pending(&lines), 2);
    lines_put(&lines, slice_str("o"));
    ck_assert(!lines_next(&lines, &line));
    ck_assert(lines_last(&lines, &line) && slice_eq_str(line, "two"));
    ck_assert(!lines_last(&lines, &line));
    lines_fini(&lines);
}
END_TEST

/* However the input is cut into pieces, the lines are the same. */
START_TEST(pieces_of_any_size)
{
    struct prng prng;
    prng_init(&prng, (uint64_t)_i);
    struct buf text = {0};
    for (int i = 0; i < 500; i++) {
        buf_printf(&text, "%d", i);
        for (uint64_t k = prng_below(&prng, 40); k > 0; k--) {
            buf_put_str(&text, "x");
        }
        buf_put_str(&text, "\n");
    }
    struct lines lines = {.end = slice_str("\n")};
    struct slice line;
    int next = 0;
    size_t at = 0;
    while (at < text.len) {
        size_t piece = min_size(1 + prng_below(&prng, 97), text.len - at);
        lines_put(&lines, slice_of(text.data + at, piece));
        at += piece;
        while (lines_next(&lines, &line)) {
            char want[16];
            int len = snprintf(want, sizeof want, "%d", next++);
            ck_assert_int_eq(memcmp(line.data, want, (size_t)len), 0);
            ck_assert(line.len == (size_t)len || line.data[len] == 'x');
        }
    }
    ck_assert_int_eq(next, 500);
    ck_assert_uint_eq(lines_pending(&lines), 0);
    lines_fini(&lines);
    buf_fini(&text);
}
END_TEST

/* An end of several bytes, whose first bytes come alone. */
START_TEST(ends_of_several_bytes)
{
    struct lines lines = {.end = slice_str("--;")};
    struct slice line;
    lines_put(&lines, slice_str("one-"));
    ck_assert(!lines_next(&lines, &line));
    lines_put(&lines, slice_str("-"));
    ck_assert(!lines_next(&lines, &line));
    lines_put(&lines, slice_str(";\n---;--"));
    ck_assert(lines_next(&lines, &line) && slice_eq_str(line, "one"));
    ck_assert(lines_next(&lines, &line) && slice_eq_str(line, "\n-"));
    ck_assert(!lines_next(&lines, &line));
    ck_assert(lines_last(&lines, &line) && slice_eq_str(line, "--"));
    lines_fini(&lines);
}
END_TEST

START_TEST(keys_and_values)
{
    struct slice key;
    struct slice value;
    struct lines_format plain = {SLICE_NULL, SLICE_NULL};
    ck_assert(lines_split(&plain, slice_str("a:b"), &key, &value));
    ck_assert(slice_is_null(key) && slice_eq_str(value, "a:b"));
    struct lines_format keyed = {slice_str("::"), slice_str("NULL")};
    ck_assert(!lines_split(&keyed, slice_str(""), &key, &value));
    ck_assert(!lines_split(&keyed, slice_str("a:b"), &key, &value));
    ck_assert(lines_split(&keyed, slice_str("a::b::c"), &key, &value));
    ck_assert(slice_eq_str(key, "a") && slice_eq_str(value, "b::c"));
    ck_assert(lines_split(&keyed, slice_str("::"), &key, &value));
    ck_assert(slice_eq_str(key, "") && slice_eq_str(value, ""));
    ck_assert(lines_split(&keyed, slice_str("a::NULL"), &key, &value));
    ck_assert(slice_is_null(value));
    ck_assert(lines_split(&keyed, slice_str("NULL::a"), &key, &value));
    ck_assert(slice_is_null(key));
}
END_TEST

/* Partitions of 100 as kafka-python's port of the Java client computes them. */
START_TEST(partitions_are_those_of_java)
{
    static const struct {
        const char *key;
        int32_t partition;
    } known[] = {{"", 81},    {"a", 24},  {"ab", 34},     {"abc", 7},
                 {"abcd", 0}, {"21", 40}, {"foobar", 66}, {"a-little-bit-long-string", 12}};
    for (size_t i = 0; i < ARRAY_LEN(known); i++) {
        ck_assert_int_eq(lines_partition(slice_str(known[i].key), 100), known[i].partition);
    }
    ck_assert_int_eq(lines_partition(slice_str("anything"), 1), 0);
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("lines");
    tcase_add_test(tc, lines_come_when_complete);
    tcase_add_loop_test(tc, pieces_of_any_size, 0, 50);
    tcase_add_test(tc, ends_of_several_bytes);
    tcase_add_test(tc, keys_and_values);
    tcase_add_test(tc, partitions_are_those_of_java);
    return unit_run(suite_create("lines"), tc);
}
