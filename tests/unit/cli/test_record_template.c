/* Records printed as a template says. */
#include "cli/record_template.h"

#include "tests/unit/unit.h"

static void check(const char *text, const struct puller_record *record, const char *want,
                  size_t len)
{
    struct arena arena = {0};
    struct buf why = {0};
    struct buf out = {0};
    struct record_template *t = record_template_new(text, slice_str("-"), &arena, &why);
    ck_assert_ptr_nonnull(t);
    record_template_print(t, record, &out);
    ck_assert_uint_eq(out.len, len);
    ck_assert(len == 0 || memcmp(out.data, want, len) == 0);
    buf_fini(&out);
    arena_fini(&arena);
}

static struct puller_record whole(struct buf *headers)
{
    wire_record_header_put(headers, slice_str("a"), slice_str("1"));
    wire_record_header_put(headers, slice_str("b"), SLICE_NULL);
    return (struct puller_record){.topic = slice_str("orders"),
                                  .partition = 3,
                                  .record = {.offset = 42,
                                             .timestamp = 1700000000000,
                                             .key = slice_str("k"),
                                             .value = slice_str("value"),
                                             .headers = buf_slice(headers),
                                             .header_count = 2}};
}

START_TEST(wrong_templates)
{
    static const char *const wrong[] = {"%", "%s%", "%x", "a%Z", "\\", "\\q", "%s\\x4"};
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        struct arena arena = {0};
        struct buf why = {0};
        ck_assert_ptr_null(record_template_new(wrong[i], SLICE_NULL, &arena, &why));
        ck_assert_uint_gt(why.len, 0);
        buf_fini(&why);
        arena_fini(&arena);
    }
}
END_TEST

#define CHECK(text, record, want) check(text, record, want, sizeof want - 1)

START_TEST(every_field)
{
    struct buf headers = {0};
    struct puller_record record = whole(&headers);
    CHECK("", &record, "");
    CHECK("%t[%p]@%o %T", &record, "orders[3]@42 1700000000000");
    CHECK("%k(%K)=%s(%S)\\n", &record, "k(1)=value(5)\n");
    CHECK("%h", &record, "a=1,b=-");
    CHECK("%R%s\\x00", &record, "\0\0\0\5value\0");
    CHECK("100%%\\t%%s", &record, "100%\t%s");
    buf_fini(&headers);
}
END_TEST

START_TEST(nulls)
{
    struct puller_record record = {.topic = slice_str("t"),
                                   .record = {.key = SLICE_NULL, .value = SLICE_NULL}};
    CHECK("%k %K %s %S %h|", &record, "- -1 - -1 |");
    CHECK("%R", &record, "\xff\xff\xff\xff");
}
END_TEST

UNIT_MAIN("record_template", wrong_templates, every_field, nulls)
