/* Causes beside records: what goes in comes out, and nobody who does not know them is disturbed. */
#include "tests/unit/unit.h"

#include "metadata/metadata.h"

static void check_text(struct slice got, struct slice want)
{
    ck_assert_msg(slice_eq(got, want), "%.*s, not %.*s", SLICE_ARG(got), SLICE_ARG(want));
}

static struct metadata_cause a_request(void)
{
    return (struct metadata_cause){.event = METADATA_EVENT_REQUEST,
                                   .controller = 0,
                                   .node = 0,
                                   .api_key = 19,
                                   .api_version = 7,
                                   .correlation_id = -3,
                                   .client_id = slice_str("kcat"),
                                   .via = slice_str("broker-2-controller"),
                                   .principal = slice_str("User:alice"),
                                   .host = slice_str("10.0.0.7"),
                                   .reason = slice_str("why not")};
}

static void encode(const struct metadata_record *record, const struct metadata_cause *cause,
                   struct buf *out)
{
    struct buf value = {0};
    struct buf bytes = {0};
    metadata_record_encode(record, &value);
    metadata_cause_encode(cause, &bytes);
    metadata_cause_attach(buf_slice(&value), buf_slice(&bytes), out);
    buf_fini(&bytes);
    buf_fini(&value);
}

static struct metadata_record a_topic(void)
{
    return (struct metadata_record){.type = METADATA_RECORD_TOPIC,
                                    .topic = {.name = slice_str("t"), .topic_id = {1, 2}}};
}

START_TEST(a_cause_comes_back_and_the_record_too)
{
    struct arena arena = {0};
    struct buf b = {0};
    struct metadata_record topic = a_topic();
    struct metadata_record no_op = {.type = METADATA_RECORD_NO_OP};
    const struct metadata_record *records[] = {&topic, &no_op};
    for (size_t i = 0; i < ARRAY_LEN(records); i++) {
        struct metadata_cause want = a_request();
        struct metadata_cause cause;
        struct metadata_record record;
        bool got;
        buf_reset(&b);
        encode(records[i], &want, &b);
        ck_assert_int_eq(metadata_cause_find(buf_slice(&b), &arena, &cause, &got), ERR_NONE);
        ck_assert(got);
        ck_assert_int_eq(cause.event, want.event);
        ck_assert_int_eq(cause.controller, 0);
        ck_assert_int_eq(cause.node, 0);
        ck_assert_int_eq(cause.api_key, 19);
        ck_assert_int_eq(cause.api_version, 7);
        ck_assert_int_eq(cause.correlation_id, -3);
        check_text(cause.client_id, want.client_id);
        check_text(cause.via, want.via);
        check_text(cause.principal, want.principal);
        check_text(cause.host, want.host);
        check_text(cause.reason, want.reason);
        ck_assert_int_eq(metadata_record_decode(buf_slice(&b), &arena, &record, NULL), ERR_NONE);
        ck_assert_int_eq(record.type, records[i]->type);
    }
    buf_fini(&b);
    arena_fini(&arena);
}
END_TEST

START_TEST(what_is_not_there_stays_absent)
{
    struct arena arena = {0};
    struct buf b = {0};
    struct metadata_record topic = a_topic();
    struct metadata_cause want = metadata_cause_of(METADATA_EVENT_IDLE, -1);
    struct metadata_cause cause;
    bool got;
    metadata_record_encode(&topic, &b);
    ck_assert_int_eq(metadata_cause_find(buf_slice(&b), &arena, &cause, &got), ERR_NONE);
    ck_assert(!got);
    size_t bare = b.len;
    buf_reset(&b);
    encode(&topic, &want, &b);
    ck_assert_msg(b.len <= bare + 4, "an event costs 2 bytes, and tag and length 2 more");
    ck_assert_int_eq(metadata_cause_find(buf_slice(&b), &arena, &cause, &got), ERR_NONE);
    ck_assert(got);
    ck_assert_int_eq(cause.event, METADATA_EVENT_IDLE);
    ck_assert_int_eq(cause.controller, -1);
    ck_assert_int_eq(cause.node, -1);
    ck_assert(slice_is_null(cause.client_id));
    ck_assert(slice_is_null(cause.principal));
    buf_fini(&b);
    arena_fini(&arena);
}
END_TEST

START_TEST(kafka_sees_a_no_op_with_two_unknown_fields)
{
    struct buf b = {0};
    struct metadata_record topic = a_topic();
    struct metadata_cause cause = metadata_cause_of(METADATA_EVENT_SESSION_ENDED, 3);
    encode(&topic, &cause, &b);
    struct reader in = reader_of(buf_slice(&b));
    ck_assert_uint_eq(reader_uvarint(&in), 1);
    ck_assert_uint_eq(reader_uvarint(&in), 20);
    ck_assert_uint_eq(reader_uvarint(&in), 0);
    ck_assert_uint_eq(reader_uvarint(&in), 2);
    ck_assert_uint_eq(reader_uvarint(&in), METADATA_RECORD_TAG);
    (void)reader_bytes(&in, reader_uvarint(&in));
    ck_assert_uint_eq(reader_uvarint(&in), METADATA_CAUSE_TAG);
    /* event 3, node 3: these bytes must never mean anything else. */
    check_text(reader_bytes(&in, reader_uvarint(&in)), slice_of("\x08\x03\x18\x03", 4));
    ck_assert(!in.bad);
    ck_assert_uint_eq(reader_left(&in), 0);
    buf_fini(&b);
}
END_TEST

START_TEST(long_texts_are_cut)
{
    struct arena arena = {0};
    struct buf b = {0};
    char name[4 * METADATA_CAUSE_TEXT_MAX];
    memset(name, 'x', sizeof name);
    struct metadata_record topic = a_topic();
    struct metadata_cause cause = a_request();
    bool got;
    cause.client_id = slice_of(name, sizeof name);
    encode(&topic, &cause, &b);
    ck_assert_int_eq(metadata_cause_find(buf_slice(&b), &arena, &cause, &got), ERR_NONE);
    ck_assert_uint_eq(cause.client_id.len, METADATA_CAUSE_TEXT_MAX);
    buf_fini(&b);
    arena_fini(&arena);
}
END_TEST

START_TEST(broken_causes_are_refused)
{
    static const uint8_t broken[] = {0x01, 0x14, 0x00, 0x01, METADATA_CAUSE_TAG, 0x02, 0x3a, 0x7f};
    struct arena arena = {0};
    struct metadata_cause cause;
    bool got;
    for (size_t cut = 0; cut <= sizeof broken; cut++) {
        ck_assert_int_eq(metadata_cause_find(slice_of(broken, cut), &arena, &cause, &got),
                         ERR_CORRUPT);
        ck_assert(!got);
    }
    arena_fini(&arena);
}
END_TEST

static void check_line(const struct metadata_cause *cause, const char *want)
{
    struct buf out = {0};
    metadata_cause_print(cause, &out);
    check_text(buf_slice(&out), slice_str(want));
    buf_fini(&out);
}

START_TEST(causes_are_told_to_people)
{
    struct metadata_cause cause = a_request();
    check_line(&cause, "CreateTopics of node 0 from 10.0.0.7 (client \"kcat\", User:alice), "
                       "correlation -3, through broker-2-controller: why not");
    cause = metadata_cause_of(METADATA_EVENT_CONNECTION_LOST, 3);
    check_line(&cause, "broker 3: its heartbeat connection closed");
    cause = metadata_cause_of((enum metadata_event)4711, 3);
    check_line(&cause, "event 4711, which this version does not know");
}
END_TEST

START_TEST(causes_are_told_to_programs)
{
    struct buf out = {0};
    struct metadata_cause cause = metadata_cause_of(METADATA_EVENT_SESSION_ENDED, 3);
    cause.controller = 9;
    metadata_cause_print_json(&cause, &out);
    check_text(buf_slice(&out),
               slice_str("{\"event\":\"session-ended\",\"node\":3,\"controller\":9}"));
    buf_reset(&out);
    cause = metadata_cause_of(METADATA_EVENT_REQUEST, -1);
    cause.api_key = 19;
    cause.client_id = slice_str("a\"b");
    metadata_cause_print_json(&cause, &out);
    check_text(buf_slice(&out),
               slice_str("{\"event\":\"request\",\"api\":\"CreateTopics\",\"apiKey\":19,"
                         "\"apiVersion\":0,\"correlationId\":0,\"clientId\":\"a\\\"b\","
                         "\"principal\":\"User:ANONYMOUS\"}"));
    buf_fini(&out);
}
END_TEST

UNIT_MAIN("cause", a_cause_comes_back_and_the_record_too, what_is_not_there_stays_absent,
          kafka_sees_a_no_op_with_two_unknown_fields, long_texts_are_cut, broken_causes_are_refused,
          causes_are_told_to_people, causes_are_told_to_programs)
