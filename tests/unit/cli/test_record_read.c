/* JSON lines as records: what record_print() writes comes back. */
#include "cli/record_read.h"

#include "base/prng.h"
#include "cli/record_print.h"
#include "tests/unit/unit.h"

START_TEST(wrong_lines)
{
    static const struct {
        const char *line;
        const char *said;
    } wrong[] = {
        {"", "JSON"},
        {"{", "JSON"},
        {"{} x", "JSON"},
        {"[]", "object"},
        {"7", "JSON"},
        {"{\"key\": 7}", "\"key\""},
        {"{\"value\": {\"base64\": \"a\"}}", "\"value\""},
        {"{\"value\": {\"base64\": \"a=bc\"}}", "\"value\""},
        {"{\"value\": {\"base64\": \"====\"}}", "\"value\""},
        {"{\"value\": {\"hex\": \"00\"}}", "\"value\""},
        {"{\"headers\": {}}", "\"headers\""},
        {"{\"headers\": [7]}", "\"headers\""},
        {"{\"headers\": [{\"value\": \"x\"}]}", "\"headers\""},
        {"{\"timestamp\": \"now\"}", "\"timestamp\""},
        {"{\"timestamp\": -2}", "\"timestamp\""},
        {"{\"partition\": 2147483648}", "\"partition\""},
        {"{\"partition\": 0.5}", "\"partition\""},
    };
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        struct arena arena = {0};
        struct buf why = {0};
        struct record_read found;
        ck_assert_msg(record_read_json(slice_str(wrong[i].line), &arena, &found, &why) ==
                          ERR_INVALID_REQUEST,
                      "%s", wrong[i].line);
        unit_says(&why, wrong[i].said);
        buf_fini(&why);
        arena_fini(&arena);
    }
}
END_TEST

START_TEST(what_is_missing)
{
    struct arena arena = {0};
    struct record_read found;
    ck_assert_int_eq(record_read_json(slice_str(" {\"offset\": 7}\r"), &arena, &found, NULL),
                     ERR_NONE);
    ck_assert(slice_is_null(found.record.key) && slice_is_null(found.record.value));
    ck_assert_int_eq(found.record.header_count, 0);
    ck_assert_int_eq(found.record.timestamp, -1);
    ck_assert_int_eq(found.partition, -1);
    arena_fini(&arena);
}
END_TEST

/* Bytes of any kind, null now and then. */
static struct slice random_bytes(struct prng *prng, struct arena *arena)
{
    size_t len = prng_below(prng, 12);
    bool is_text = prng_below(prng, 2) == 0;
    uint8_t *bytes = arena_alloc(arena, len + 1);
    for (size_t i = 0; i < len; i++) {
        bytes[i] = (uint8_t)prng_below(prng, is_text ? 128 : 256);
    }
    return prng_below(prng, 5) == 0 ? SLICE_NULL : slice_of(bytes, len);
}

static void check_same(struct slice a, struct slice b)
{
    ck_assert(slice_is_null(a) == slice_is_null(b) && slice_eq(a, b));
}

START_TEST(what_is_printed_comes_back)
{
    struct prng prng;
    prng_init(&prng, (uint64_t)_i);
    struct arena arena = {0};
    struct buf headers = {0};
    struct buf line = {0};
    struct puller_record printed = {.topic = slice_str("t"),
                                    .partition = (int32_t)prng_below(&prng, 100)};
    printed.record.timestamp = (int64_t)prng_below(&prng, 1ULL << 41);
    printed.record.key = random_bytes(&prng, &arena);
    printed.record.value = random_bytes(&prng, &arena);
    printed.record.header_count = (int32_t)prng_below(&prng, 3);
    for (int32_t i = 0; i < printed.record.header_count; i++) {
        wire_record_header_put(&headers, slice_str("h"), random_bytes(&prng, &arena));
    }
    printed.record.headers = buf_slice(&headers);
    record_print(&(struct record_format){.format = TABLE_JSON}, &printed, &line);
    struct record_read found;
    ck_assert_int_eq(record_read_json(buf_slice(&line), &arena, &found, NULL), ERR_NONE);
    check_same(found.record.key, printed.record.key);
    check_same(found.record.value, printed.record.value);
    check_same(found.record.headers, printed.record.headers);
    ck_assert_int_eq(found.record.header_count, printed.record.header_count);
    ck_assert_int_eq(found.record.timestamp, printed.record.timestamp);
    ck_assert_int_eq(found.partition, printed.partition);
    buf_fini(&line);
    buf_fini(&headers);
    arena_fini(&arena);
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("record_read");
    tcase_add_test(tc, wrong_lines);
    tcase_add_test(tc, what_is_missing);
    tcase_add_loop_test(tc, what_is_printed_comes_back, 0, 500);
    return unit_run(suite_create("record_read"), tc);
}
