/* Tables in their three forms. */
#include "cli/table.h"

#include "tests/unit/unit.h"

static const struct table_column columns[] = {
    {"NAME", "name", TABLE_TEXT},
    {"COUNT", "count", TABLE_NUMBER},
    {"GOOD", "good", TABLE_BOOL},
    {"IDS", "ids", TABLE_LIST},
};

static void fill(struct table *t)
{
    table_init(t, columns, ARRAY_LEN(columns));
    table_text(t, slice_str("b\tc\n\\"));
    table_number(t, -5);
    table_bool(t, true);
    table_list(t, (int32_t[]){3, 1}, 2);
    table_text(t, slice_str("a\xc3\xa9"));
    table_number(t, 12345678901);
    table_bool(t, false);
    table_list(t, NULL, 0);
    table_null(t);
    table_null(t);
    table_null(t);
    table_null(t);
}

static void check(struct table *t, enum table_format format, const char *want)
{
    struct buf out = {0};
    table_print(t, format, &out);
    buf_put(&out, "", 1);
    ck_assert_str_eq((char *)out.data, want);
    buf_fini(&out);
}

START_TEST(for_people)
{
    struct table t;
    fill(&t);
    check(&t, TABLE_FOR_PEOPLE,
          "NAME            COUNT  GOOD  IDS\n"
          "b\\tc\\n\\\\           -5  yes   3,1\n"
          "a\xc3\xa9        12345678901  no    -\n"
          "-                   -  -     -\n");
    table_fini(&t);
}
END_TEST

START_TEST(as_tsv)
{
    struct table t;
    fill(&t);
    check(&t, TABLE_TSV,
          "name\tcount\tgood\tids\n"
          "b\\tc\\n\\\\\t-5\ttrue\t3,1\n"
          "a\xc3\xa9\t12345678901\tfalse\t\n"
          "\t\t\t\n");
    table_fini(&t);
}
END_TEST

START_TEST(as_json)
{
    struct table t;
    fill(&t);
    json_t *rows = table_json(&t);
    ck_assert_uint_eq(json_array_size(rows), 3);
    json_t *first = json_array_get(rows, 0);
    ck_assert_str_eq(json_string_value(json_object_get(first, "name")), "b\tc\n\\");
    ck_assert_int_eq(json_integer_value(json_object_get(first, "count")), -5);
    ck_assert(json_is_true(json_object_get(first, "good")));
    ck_assert_int_eq(json_integer_value(json_array_get(json_object_get(first, "ids"), 0)), 3);
    ck_assert(json_is_null(json_object_get(json_array_get(rows, 2), "name")));
    json_decref(rows);
    table_fini(&t);
}
END_TEST

START_TEST(no_rows)
{
    struct table t;
    table_init(&t, columns, ARRAY_LEN(columns));
    table_sort(&t);
    check(&t, TABLE_FOR_PEOPLE, "NAME  COUNT  GOOD  IDS\n");
    check(&t, TABLE_JSON, "[]\n");
    check(&t, TABLE_TSV, "name\tcount\tgood\tids\n");
    table_fini(&t);
}
END_TEST

START_TEST(rows_in_order)
{
    struct table t;
    static const struct table_column two[] = {{"A", "a", TABLE_TEXT}, {"B", "b", TABLE_NUMBER}};
    table_init(&t, two, ARRAY_LEN(two));
    static const int numbers[] = {10, 9, 100};
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        table_text(&t, slice_str("same"));
        table_number(&t, numbers[i]);
    }
    table_text(&t, slice_str("first"));
    table_number(&t, 1000);
    table_sort(&t);
    check(&t, TABLE_TSV, "a\tb\nfirst\t1000\nsame\t9\nsame\t10\nsame\t100\n");
    table_fini(&t);
}
END_TEST

START_TEST(text_that_is_no_utf8)
{
    static const char *const bad[] = {"\xff",
                                      "\xc3",
                                      "\xc0\x80",
                                      "\xed\xa0\x80",
                                      "\xe0\x80\x80",
                                      "\xf0\x80\x80\x80",
                                      "\xf4\x90\x80\x80",
                                      "\xf5\x80\x80\x80",
                                      "\x80"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        ck_assert(!table_is_utf8(slice_str(bad[i])));
        json_t *json = table_json_text(slice_str(bad[i]));
        ck_assert_int_eq(strncmp(json_string_value(json), "\xef\xbf\xbd", 3), 0);
        json_decref(json);
    }
    static const char *const good[] = {"", "a", "\xc2\x80", "\xed\x9f\xbf", "\xf4\x8f\xbf\xbf"};
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        ck_assert(table_is_utf8(slice_str(good[i])));
        json_t *json = table_json_text(slice_str(good[i]));
        ck_assert_str_eq(json_string_value(json), good[i]);
        json_decref(json);
    }
    json_t *zero = table_json_text(slice_of("a\0b", 3));
    ck_assert_uint_eq(json_string_length(zero), 3);
    json_decref(zero);
}
END_TEST

START_TEST(formats)
{
    enum table_format format;
    ck_assert(!table_format_parse("", &format));
    ck_assert(!table_format_parse("JSON", &format));
    ck_assert(table_format_parse("json", &format) && format == TABLE_JSON);
    ck_assert(table_format_parse("tsv", &format) && format == TABLE_TSV);
    ck_assert(table_format_parse("table", &format) && format == TABLE_FOR_PEOPLE);
}
END_TEST

START_TEST(a_cell_of_another_kind)
{
    struct table t;
    table_init(&t, columns, ARRAY_LEN(columns));
    table_number(&t, 1);
}
END_TEST

UNIT_MAIN_ABORTS("table", (a_cell_of_another_kind), for_people, as_tsv, as_json, no_rows,
                 rows_in_order, text_that_is_no_utf8, formats)
