/* Records as text. */
#include "cli/record_print.h"

#include "tests/unit/unit.h"

static struct puller_record record_of(struct slice key, struct slice value, struct slice headers,
                                      int32_t header_count)
{
    return (struct puller_record){
        .topic = slice_str("t"),
        .partition = 2,
        .record = {.offset = 7,
                   .timestamp = 1000,
                   .key = key,
                   .value = value,
                   .headers = headers,
                   .header_count = header_count},
    };
}

static void check(const struct record_format *format, const struct puller_record *record,
                  const char *want)
{
    struct buf out = {0};
    record_print(format, record, &out);
    buf_put(&out, "", 1);
    ck_assert_str_eq((char *)out.data, want);
    buf_fini(&out);
}

START_TEST(for_people)
{
    struct record_format format = {.key_separator = SLICE_NULL};
    struct puller_record record = record_of(slice_str("k"), slice_str("v\t\xff"), slice_str(""), 0);
    check(&format, &record, "v\t\xff\n");
    format.key_separator = slice_str("=>");
    check(&format, &record, "k=>v\t\xff\n");
    record = record_of(SLICE_NULL, SLICE_NULL, slice_str(""), 0);
    check(&format, &record, "=>\n");
    format.null_text = slice_str("NULL");
    check(&format, &record, "NULL=>NULL\n");
}
END_TEST

START_TEST(as_tsv)
{
    struct record_format format = {.format = TABLE_TSV};
    struct puller_record record = record_of(slice_str("k\n"), slice_str("v\tw"), slice_str(""), 0);
    check(&format, &record, "2\t7\t1000\tk\\n\tv\\tw\tt\n");
    struct buf head = {0};
    record_print_head(&format, &head);
    ck_assert(slice_eq_str(buf_slice(&head), "partition\toffset\ttimestamp\tkey\tvalue\ttopic\n"));
    buf_fini(&head);
}
END_TEST

START_TEST(as_json)
{
    struct record_format format = {.format = TABLE_JSON};
    struct buf headers = {0};
    wire_record_header_put(&headers, slice_str("h"), slice_str("1"));
    wire_record_header_put(&headers, slice_str("h"), SLICE_NULL);
    struct puller_record record = record_of(SLICE_NULL, slice_str("v\"\n"), buf_slice(&headers), 2);
    check(&format, &record,
          "{\"topic\":\"t\",\"partition\":2,\"offset\":7,\"timestamp\":1000,"
          "\"timestampType\":\"CreateTime\",\"key\":null,\"value\":\"v\\\"\\n\","
          "\"headers\":[{\"key\":\"h\",\"value\":\"1\"},{\"key\":\"h\",\"value\":null}]}\n");
    buf_fini(&headers);
}
END_TEST

START_TEST(bytes_that_are_no_text)
{
    static const struct {
        const char *bytes;
        const char *want;
    } cases[] = {{"\xff", "/w=="}, {"\xff\xfe", "//4="}, {"\xff\xfe\xfd", "//79"}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        json_t *json = record_json_bytes(slice_str(cases[i].bytes));
        ck_assert_str_eq(json_string_value(json_object_get(json, "base64")), cases[i].want);
        json_decref(json);
    }
}
END_TEST

UNIT_MAIN("record_print", for_people, as_tsv, as_json, bytes_that_are_no_text)
