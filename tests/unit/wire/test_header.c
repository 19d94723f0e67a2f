/* Headers of requests and responses, the list of APIs, and the printer. */
#include "wire/wire.h"

#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/unit/wire/hex.h"

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

START_TEST(refuses_headers_that_are_cut)
{
    static const char *const headers[] = {"00030001000001020003636c69",
                                          "0003000c000001020003636c6900",
                                          "00120063000001020003636c69010203616263"};
    for (size_t i = 0; i < ARRAY_LEN(headers); i++) {
        struct slice bytes = unhex(&arena, headers[i]);
        for (size_t len = 0; len < bytes.len; len++) {
            struct reader r = reader_of(slice_of(bytes.data, len));
            struct wire_header header;
            ck_assert_int_eq(wire_header_decode(&r, &header), ERR_MALFORMED);
        }
        struct reader r = reader_of(bytes);
        struct wire_header header;
        ck_assert_int_eq(wire_header_decode(&r, &header), ERR_NONE);
        ck_assert_uint_eq(reader_left(&r), 0);
        ck_assert_int_eq(header.correlation_id, 258);
        ck_assert(slice_eq_str(header.client_id, "cli"));
    }
}
END_TEST

START_TEST(an_unknown_api_still_tells_who_asked)
{
    struct reader r = reader_of(unhex(&arena, "0fff0001000001020003636c69"));
    struct wire_header header;
    ck_assert_int_eq(wire_header_decode(&r, &header), ERR_UNSUPPORTED_VERSION);
    ck_assert_int_eq(header.api_key, 0xfff);
    ck_assert_int_eq(header.api_version, 1);
    ck_assert_int_eq(header.correlation_id, 258);
    ck_assert(slice_is_null(header.client_id));
    ck_assert_int_eq(wire_header_encode(&header, &out), ERR_UNSUPPORTED_VERSION);
}
END_TEST

START_TEST(headers_round_trip)
{
    for (int slot = 0; slot < WIRE_API_SLOTS; slot++) {
        const struct wire_api_info *api = wire_api_at(slot);
        int16_t key = api->key;
        for (int16_t version = 0; version <= api->version_max; version++) {
            buf_reset(&out);
            struct wire_header in = {key, version, -7, SLICE_NULL};
            ck_assert_int_eq(wire_header_encode(&in, &out), ERR_NONE);
            ck_assert_uint_eq(out.len, version >= api->flexible ? 11 : 10);
            wire_response_header_encode(key, version, -8, &out);
            struct reader r = reader_of(buf_slice(&out));
            struct wire_header back;
            ck_assert_int_eq(wire_header_decode(&r, &back), ERR_NONE);
            ck_assert_int_eq(back.api_key, key);
            ck_assert_int_eq(back.api_version, version);
            ck_assert(slice_is_null(back.client_id));
            size_t expected = version >= api->flexible && key != WIRE_API_API_VERSIONS ? 5 : 4;
            ck_assert_uint_eq(reader_left(&r), expected);
            int32_t id;
            ck_assert_int_eq(wire_response_header_decode(&r, key, version, &id), ERR_NONE);
            ck_assert_int_eq(id, -8);
        }
    }
}
END_TEST

START_TEST(every_api_has_its_messages)
{
    int ours = 0;
    for (int slot = 0; slot < WIRE_API_SLOTS; slot++) {
        const struct wire_api_info *api = wire_api_at(slot);
        int16_t key = api->key;
        ours += key >= WIRE_API_OURS;
        ck_assert_int_eq(wire_api_slot(key), slot);
        ck_assert_ptr_eq(wire_api(key), api);
        ck_assert_int_eq(wire_version_max(wire_request(key)), api->version_max);
        ck_assert_int_eq(wire_version_max(wire_response(key)), api->version_max);
        ck_assert_int_eq(wire_version_min(wire_request(key)), api->version_min);
        ck_assert_ptr_nonnull(strstr(wire_name(wire_response(key)), api->name));
    }
    ck_assert_int_eq(WIRE_API_SLOTS - ours, 75);
    static const int16_t unknown[] = {-32768, -1, 4, 7, WIRE_API_OURS, 32767};
    for (size_t i = 0; i < ARRAY_LEN(unknown); i++) {
        ck_assert_int_eq(wire_api_slot(unknown[i]), -1);
        ck_assert_ptr_null(wire_api(unknown[i]));
    }
    ck_assert_str_eq(wire_api(WIRE_API_FETCH)->name, "Fetch");
    ck_assert_int_eq(wire_api(WIRE_API_PRODUCE)->version_max, 13);
}
END_TEST

START_TEST(numbers_are_as_java_writes_them)
{
    static const struct {
        double value;
        const char *text;
    } rows[] = {
        {0, "0.0"},
        {1, "1.0"},
        {-2.5, "-2.5"},
        {0.001, "0.001"},
        {0.00099, "9.9E-4"},
        {1e-10, "1.0E-10"},
        {9999999, "9999999.0"},
        {1e7, "1.0E7"},
        {0.1, "0.1"},
        {12.34, "12.34"},
        {1.5e300, "1.5E300"},
        {100, "100.0"},
        {0.0125, "0.0125"},
        {1.0 / 3, "0.3333333333333333"},
        {NAN, "\"NaN\""},
        {-INFINITY, "\"-Infinity\""},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct wire_client_quota_record quota = {.key = slice_str("k"), .value = rows[i].value};
        char expected[128];
        snprintf(expected, sizeof expected,
                 "{\"entity\":[],\"key\":\"k\",\"value\":%s,\"remove\":false}", rows[i].text);
        buf_reset(&out);
        wire_print_json(&wire_msg_client_quota_record, 0, &quota, &out);
        ck_assert_msg(slice_eq_str(buf_slice(&out), expected), "%.*s, not %s",
                      SLICE_ARG(buf_slice(&out)), expected);
    }
}
END_TEST

/* Kafka's converters leave tagged fields out that say nothing; the order is the schema's, in which
 * the tags of this record do not ascend. */
START_TEST(tagged_fields_that_are_default_are_left_out)
{
    struct wire_partition_change_record change;
    wire_init(&wire_msg_partition_change_record, &change);
    wire_print_json(&wire_msg_partition_change_record, 2, &change, &out);
    ck_assert(slice_eq_str(buf_slice(&out), "{\"partitionId\":-1,"
                                            "\"topicId\":\"AAAAAAAAAAAAAAAAAAAAAA\"}"));
    buf_reset(&out);
    int32_t elr = 3;
    struct uuid dir = {0, 1};
    change.leader = -1;
    change.directories = &dir;
    change.eligible_leader_replicas = &elr;
    change.directories_count = change.eligible_leader_replicas_count = 1;
    wire_print_json(&wire_msg_partition_change_record, 2, &change, &out);
    ck_assert(slice_eq_str(
        buf_slice(&out),
        "{\"partitionId\":-1,\"topicId\":\"AAAAAAAAAAAAAAAAAAAAAA\",\"leader\":-1,"
        "\"directories\":[\"AAAAAAAAAAAAAAAAAAAAAQ\"],\"eligibleLeaderReplicas\":[3]}"));
}
END_TEST

START_TEST(record_types_are_found)
{
    const struct wire_record_type *row = wire_record_type_find(wire_metadata_records, 20);
    ck_assert_str_eq(row->name, "NO_OP_RECORD");
    ck_assert_ptr_null(row->key);
    ck_assert_ptr_null(wire_record_type_find(wire_metadata_records, 6));
    row = wire_record_type_find(wire_group_records, 1);
    ck_assert_str_eq(row->name, "OFFSET_COMMIT");
    ck_assert_ptr_eq(row->key, &wire_msg_offset_commit_key);
    ck_assert_ptr_eq(row->value, &wire_msg_offset_commit_value);
    ck_assert_str_eq(wire_record_type_find(wire_transaction_records, 0)->name, "TRANSACTION_LOG");
    ck_assert_str_eq(wire_record_type_find(wire_share_records, 1)->name, "SHARE_UPDATE");
}
END_TEST

START_TEST(json_is_what_kafka_prints)
{
    struct wire_sasl_authenticate_request secret = {.auth_bytes = slice_str("password")};
    wire_print_json(&wire_msg_sasl_authenticate_request, 2, &secret, &out);
    wire_print(&wire_msg_sasl_authenticate_request, 2, &secret, &out);
    ck_assert(slice_eq_str(buf_slice(&out), "{\"authBytes\":\"***\"}{AuthBytes=***}"));
    buf_reset(&out);
    struct wire_join_group_request_protocols protocol = {slice_str("a\"\\\n\xc3\xa4\xff"),
                                                         slice_str("ab")};
    wire_print_json(&wire_msg_join_group_request_protocols, 0, &protocol, &out);
    ck_assert(slice_eq_str(buf_slice(&out),
                           "{\"name\":\"a\\\"\\\\\\n\xc3\xa4\\ufffd\",\"metadata\":\"YWI=\"}"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("header");
    TCase *tc = tcase_create("header");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, refuses_headers_that_are_cut);
    tcase_add_test(tc, an_unknown_api_still_tells_who_asked);
    tcase_add_test(tc, headers_round_trip);
    tcase_add_test(tc, every_api_has_its_messages);
    tcase_add_test(tc, json_is_what_kafka_prints);
    tcase_add_test(tc, numbers_are_as_java_writes_them);
    tcase_add_test(tc, tagged_fields_that_are_default_are_left_out);
    tcase_add_test(tc, record_types_are_found);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
