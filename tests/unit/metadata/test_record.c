/* Records: bad bytes, the frame as Kafka's decoders read it, round trips, text. */
#include "random_records.h"

#include "metadata/record.h"

#include <stdio.h>

static struct slice bytes(struct arena *a, const char *hex)
{
    size_t len = 0;
    uint8_t *data = arena_alloc(a, strlen(hex) / 2 + 1);
    for (; *hex != '\0'; hex++) {
        unsigned v;
        if (*hex == ' ') {
            continue;
        }
        ck_assert_int_eq(sscanf(hex, "%2x", &v), 1);
        data[len++] = (uint8_t)v;
        hex++;
    }
    return slice_of(data, len);
}

static enum err decode_hex(const char *hex, struct buf *why)
{
    struct arena a = {0};
    struct metadata_record r;
    buf_reset(why);
    enum err err = metadata_record_decode(bytes(&a, hex), &a, &r, why);
    arena_fini(&a);
    return err;
}

START_TEST(broken_bytes_are_refused)
{
    static const struct {
        const char *hex;
        enum err err;
        const char *why;
    } cases[] = {
        {"", ERR_CORRUPT, "the frame ends too early"},
        {"01", ERR_CORRUPT, "the frame ends too early"},
        {"011400", ERR_CORRUPT, "the frame ends too early"},
        {"01140001", ERR_CORRUPT, "the frame ends too early"},
        {"011400010c05aabb", ERR_CORRUPT, "the frame ends too early"},
        {"0114000000", ERR_CORRUPT, "bytes follow the frame"},
        {"ffffffffff14", ERR_CORRUPT, "the frame ends too early"},
        {"01140001 0c 00", ERR_CORRUPT, "the message holds no record"},
        {"01140001 0c 02 ffff", ERR_CORRUPT, "broken protobuf"},
        /* topic{topic_id = 3 bytes} */
        {"01140001 0c 07 1a05 1203 010203", ERR_CORRUPT,
         "a list of 128-bit ids has a length that is no multiple of 16"},
        /* feature_level{level = 40000} */
        {"01140001 0c 06 6a04 10c0b802", ERR_CORRUPT, "a number is out of the range of its field"},
        /* partition_change{leader = -3} */
        {"01140001 0c 04 3202 1805", ERR_CORRUPT, "a number is out of the range of its field"},
        /* a kind of the future: field 29 */
        {"01140001 0c 03 ea0100", ERR_UNSUPPORTED,
         "record kind 28 is not known to this version; upgrade it"},
        /* Apache Kafka's own: TopicRecord v0 */
        {"010200 00", ERR_UNSUPPORTED, NULL},
        {"021400 00", ERR_UNSUPPORTED, NULL},
    };
    struct buf why = {0};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        enum err err = decode_hex(cases[i].hex, &why);
        buf_put(&why, "", 1);
        ck_assert_msg(err == cases[i].err, "%s: %s %s", cases[i].hex, err_name(err), why.data);
        if (cases[i].why != NULL) {
            ck_assert_str_eq((char *)why.data, cases[i].why);
        }
    }
    ck_assert_int_eq(decode_hex("010200 00", &why), ERR_UNSUPPORTED);
    buf_put(&why, "", 1);
    ck_assert_ptr_nonnull(strstr((char *)why.data, "frame 1, type 2, version 0"));
    buf_fini(&why);
}
END_TEST

START_TEST(every_cut_and_flip_is_survived)
{
    struct prng rng;
    prng_init(&rng, 0xf11b);
    struct metadata_image *image = metadata_image_new(slice_str("c"));
    for (int round = 0; round < 300; round++) {
        struct arena a = {0};
        struct buf b = {0};
        struct metadata_record r = random_register_broker(&rng, &a, image);
        struct metadata_record back;
        metadata_record_encode(&r, &b);
        for (size_t cut = 0; cut < b.len; cut++) {
            enum err err = metadata_record_decode(slice_of(b.data, cut), &a, &back, NULL);
            ck_assert_int_eq(err, ERR_CORRUPT);
        }
        for (int flip = 0; flip < 50; flip++) {
            b.data[prng_below(&rng, b.len)] ^= (uint8_t)(1u << prng_below(&rng, 8));
            enum err err = metadata_record_decode(buf_slice(&b), &a, &back, NULL);
            if (err == ERR_NONE) { /* what decodes must print and encode, too */
                struct buf out = {0};
                metadata_record_print(&back, &out);
                metadata_record_print_json(&back, &out);
                metadata_record_encode(&back, &out);
                buf_fini(&out);
            }
        }
        buf_fini(&b);
        arena_fini(&a);
    }
    metadata_image_unref(image);
}
END_TEST

START_TEST(frame_is_a_no_op_record_to_kafka)
{
    struct metadata_record r = {.type = METADATA_RECORD_TOPIC,
                                .topic = {.name = slice_str("hello"),
                                          .topic_id = {0x0102030405060708, 0x090a0b0c0d0e0f10}}};
    struct buf b = {0};
    metadata_record_encode(&r, &b);

    /* MetadataRecordSerde: unsigned varints frame version, apiKey, version; then the body of a
     * flexible message without fields: the number of tagged fields, and each as tag, size, bytes.
     */
    struct reader in = reader_of(buf_slice(&b));
    ck_assert_uint_eq(reader_uvarint(&in), 1);
    ck_assert_uint_eq(reader_uvarint(&in), 20);
    ck_assert_uint_eq(reader_uvarint(&in), 0);
    ck_assert_uint_eq(reader_uvarint(&in), 1);
    ck_assert_uint_eq(reader_uvarint(&in), METADATA_RECORD_TAG);
    size_t size = reader_uvarint(&in);
    ck_assert_uint_eq(size, reader_left(&in));
    ck_assert(!in.bad);

    /* And the very bytes, which must never change: topic{name, id}. */
    static const uint8_t expected[] = {0x01, 0x14, 0x00, 0x01, 0x0c, 0x1b, 0x1a, 0x19, 0x0a,
                                       0x05, 'h',  'e',  'l',  'l',  'o',  0x12, 0x10, 0x01,
                                       0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0a,
                                       0x0b, 0x0c, 0x0d, 0x0e, 0x0f, 0x10};
    ck_assert_uint_eq(b.len, sizeof expected);
    ck_assert_mem_eq(b.data, expected, sizeof expected);

    buf_reset(&b);
    r.type = METADATA_RECORD_NO_OP;
    metadata_record_encode(&r, &b);
    ck_assert_uint_eq(b.len, 4);
    ck_assert_mem_eq(b.data, "\x01\x14\x00\x00", 4);
    buf_fini(&b);
}
END_TEST

START_TEST(foreign_tags_are_skipped)
{
    struct arena a = {0};
    struct metadata_record r;
    ck_assert_int_eq(metadata_record_decode(bytes(&a, "01140000"), &a, &r, NULL), ERR_NONE);
    ck_assert_int_eq(r.type, METADATA_RECORD_NO_OP);
    ck_assert_int_eq(metadata_record_decode(bytes(&a, "01140001 05 02 aabb"), &a, &r, NULL),
                     ERR_NONE);
    ck_assert_int_eq(r.type, METADATA_RECORD_NO_OP);
    /* feature_level{name "f", level 3} between two foreign tags */
    struct slice v = bytes(&a, "01140003 01 01 aa 0c 07 6a05 0a0166 1003 10 00");
    ck_assert_int_eq(metadata_record_decode(v, &a, &r, NULL), ERR_NONE);
    ck_assert_int_eq(r.type, METADATA_RECORD_FEATURE_LEVEL);
    ck_assert_int_eq(r.feature_level.level, 3);
    arena_fini(&a);
}
END_TEST

static void expect_round_trip(const struct metadata_record *r, struct arena *a)
{
    struct buf first = {0};
    struct buf second = {0};
    struct buf text = {0};
    struct buf text_back = {0};
    struct buf why = {0};
    struct metadata_record back;
    metadata_record_encode(r, &first);
    enum err err = metadata_record_decode(buf_slice(&first), a, &back, &why);
    ck_assert_msg(err == ERR_NONE, "%.*s", (int)why.len, (char *)why.data);
    ck_assert_int_eq(back.type, r->type);
    metadata_record_encode(&back, &second);
    ck_assert(slice_eq(buf_slice(&first), buf_slice(&second)));
    metadata_record_print_json(r, &text);
    metadata_record_print_json(&back, &text_back);
    ck_assert_msg(slice_eq(buf_slice(&text), buf_slice(&text_back)), "%.*s\n%.*s", (int)text.len,
                  (char *)text.data, (int)text_back.len, (char *)text_back.data);
    buf_fini(&first);
    buf_fini(&second);
    buf_fini(&text);
    buf_fini(&text_back);
    buf_fini(&why);
}

START_TEST(records_round_trip)
{
    uint64_t seed = 0x5eed + (uint64_t)_i;
    printf("seed %" PRIu64 "\n", seed);
    struct prng rng;
    prng_init(&rng, seed);
    struct metadata_image *image = metadata_image_new(slice_str("c"));
    struct metadata_delta *d = metadata_delta_begin(image);
    for (int64_t i = 0; i < 3000; i++) {
        struct arena a = {0};
        struct metadata_record r = random_record(&rng, &a, metadata_delta_image(d));
        expect_round_trip(&r, &a);
        must_replay(d, i, &r);
        arena_fini(&a);
    }
    struct arena a = {0};
    struct metadata_record markers[] = {
        {.type = METADATA_RECORD_BEGIN_TRANSACTION, .begin_transaction = {slice_str("import")}},
        {.type = METADATA_RECORD_BEGIN_TRANSACTION, .begin_transaction = {SLICE_NULL}},
        {.type = METADATA_RECORD_END_TRANSACTION},
        {.type = METADATA_RECORD_ABORT_TRANSACTION, .abort_transaction = {slice_str("failover")}},
        {.type = METADATA_RECORD_ABORT_TRANSACTION, .abort_transaction = {SLICE_NULL}},
        {.type = METADATA_RECORD_NO_OP},
    };
    for (size_t i = 0; i < ARRAY_LEN(markers); i++) {
        expect_round_trip(&markers[i], &a);
    }
    arena_fini(&a);
    metadata_delta_drop(d);
    metadata_image_unref(image);
}
END_TEST

/* "No change" and "change to the empty list" are different things. */
START_TEST(absent_and_empty_lists_differ)
{
    struct arena a = {0};
    struct buf b = {0};
    struct metadata_record r = {.type = METADATA_RECORD_PARTITION_CHANGE};
    struct metadata_record back;
    r.partition_change = METADATA_PARTITION_CHANGE(((struct uuid){1, 2}), 0);
    metadata_record_encode(&r, &b);
    ck_assert_int_eq(metadata_record_decode(buf_slice(&b), &a, &back, NULL), ERR_NONE);
    ck_assert(!back.partition_change.has_isr && !back.partition_change.has_directories);
    ck_assert_int_eq(back.partition_change.leader, METADATA_LEADER_UNCHANGED);
    ck_assert_int_eq(back.partition_change.leader_recovery, METADATA_RECOVERY_UNCHANGED);
    r.partition_change.has_isr = true;
    r.partition_change.has_directories = true;
    r.partition_change.leader = 0;
    r.partition_change.leader_recovery = METADATA_RECOVERED;
    buf_reset(&b);
    metadata_record_encode(&r, &b);
    ck_assert_int_eq(metadata_record_decode(buf_slice(&b), &a, &back, NULL), ERR_NONE);
    ck_assert(back.partition_change.has_isr && back.partition_change.isr.count == 0);
    ck_assert(back.partition_change.has_directories);
    ck_assert_int_eq(back.partition_change.leader, 0);
    ck_assert_int_eq(back.partition_change.leader_recovery, METADATA_RECOVERED);
    struct metadata_record config = {
        .type = METADATA_RECORD_CONFIG,
        .config = {.resource_type = 2, .name = slice_str("k"), .value = slice_str("")}};
    buf_reset(&b);
    metadata_record_encode(&config, &b);
    ck_assert_int_eq(metadata_record_decode(buf_slice(&b), &a, &back, NULL), ERR_NONE);
    ck_assert(!slice_is_null(back.config.value) && back.config.value.len == 0);
    buf_fini(&b);
    arena_fini(&a);
}
END_TEST

static void expect_text(const struct metadata_record *r, const char *line, const char *json)
{
    struct buf out = {0};
    metadata_record_print(r, &out);
    buf_put(&out, "", 1);
    ck_assert_str_eq((char *)out.data, line);
    buf_reset(&out);
    metadata_record_print_json(r, &out);
    buf_put(&out, "", 1);
    ck_assert_str_eq((char *)out.data, json);
    buf_fini(&out);
}

/* Print, read, print: the same line; encoded: the same bytes. */
static void check_line_is_read(const struct metadata_record *r)
{
    struct arena arena = {0};
    struct buf line = {0};
    struct buf again = {0};
    struct buf why = {0};
    struct buf bytes = {0};
    struct buf bytes_again = {0};
    struct metadata_record back;
    metadata_record_print(r, &line);
    enum err e = metadata_record_parse(buf_slice(&line), &arena, &back, &why);
    ck_assert_msg(e == ERR_NONE, "%.*s\n%.*s", SLICE_ARG(buf_slice(&why)),
                  SLICE_ARG(buf_slice(&line)));
    metadata_record_print(&back, &again);
    ck_assert(slice_eq(buf_slice(&line), buf_slice(&again)));
    metadata_record_encode(r, &bytes);
    metadata_record_encode(&back, &bytes_again);
    ck_assert_msg(slice_eq(buf_slice(&bytes), buf_slice(&bytes_again)), "%.*s",
                  SLICE_ARG(buf_slice(&line)));
    for (size_t cut = 0; cut < line.len; cut++) {
        (void)!metadata_record_parse(slice_of(line.data, cut), &arena, &back, NULL);
    }
    buf_fini(&bytes_again);
    buf_fini(&bytes);
    buf_fini(&why);
    buf_fini(&again);
    buf_fini(&line);
    arena_fini(&arena);
}

/* The image after the record, if it can be replayed. */
static struct metadata_image *grown(struct metadata_image *image, const struct metadata_record *r)
{
    struct metadata_delta *delta = metadata_delta_begin(image);
    if (metadata_delta_replay(delta, metadata_image_offset(image) + 1, r) != ERR_NONE) {
        metadata_delta_drop(delta);
        return image;
    }
    metadata_image_unref(image);
    return metadata_delta_finish(delta);
}

START_TEST(lines_are_read_back)
{
    struct prng rng;
    struct metadata_image *image = metadata_image_new(slice_str("c"));
    prng_init(&rng, 0x11e5);
    for (int round = 0; round < 2000; round++) {
        struct arena a = {0};
        struct metadata_record r = random_record(&rng, &a, image);
        struct metadata_since since = {7, metadata_cause_of(METADATA_EVENT_SESSION_ENDED, 3)};
        check_line_is_read(&r);
        image = grown(image, &r);
        r = random_register_broker(&rng, &a, image);
        since.cause.reason = random_text(&rng, &a, 20);
        since.cause.event = (enum metadata_event)prng_range(&rng, -1, 50);
        since.cause.api_key = (int16_t)prng_range(&rng, 0, 99);
        since.cause.correlation_id = (int32_t)prng_range(&rng, -5, 99);
        r.register_broker.since = prng_chance(&rng, 1, 2) ? &since : NULL;
        check_line_is_read(&r);
        arena_fini(&a);
    }
    metadata_image_unref(image);
}
END_TEST

START_TEST(lines_that_are_wrong_are_refused)
{
    static const struct {
        const char *line;
        const char *why;
    } wrong[] = {
        {"", "no kind of record"},
        {"TOPIC", "no kind of record"},
        {"TOPIC_RECORD", "the field is missing \"name\""},
        {"TOPIC_RECORD topicId=AAAAAAAAAAAAAAAAAAAAAQ name=x", "missing \"name\""},
        {"TOPIC_RECORD name=x", "missing \"topicId\""},
        {"TOPIC_RECORD name=x topicId=AAAA", "topicId \"AAAA\""},
        {"TOPIC_RECORD name=x topicId=AAAAAAAAAAAAAAAAAAAAAQ ", "behind the last field"},
        {"TOPIC_RECORD name=x topicId=AAAAAAAAAAAAAAAAAAAAAQ leader=1", "behind the last field"},
        {"TOPIC_RECORD  name=x topicId=AAAAAAAAAAAAAAAAAAAAAQ", "no field NAME=VALUE"},
        {"TOPIC_RECORD name=\"x topicId=AAAAAAAAAAAAAAAAAAAAAQ", "name"},
        {"FEATURE_LEVEL_RECORD name=x featureLevel=32768", "featureLevel"},
        {"FEATURE_LEVEL_RECORD name=x featureLevel=1x", "featureLevel"},
        {"FEATURE_LEVEL_RECORD name=x featureLevel=", "featureLevel"},
        {"PRODUCER_IDS_RECORD brokerId=1 brokerEpoch=1 nextProducerId=9223372036854775808",
         "nextProducerId"},
        {"NO_OP_RECORD x=1", "behind the last field"},
    };
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        struct arena arena = {0};
        struct buf why = {0};
        struct metadata_record r;
        ck_assert_int_eq(metadata_record_parse(slice_str(wrong[i].line), &arena, &r, &why),
                         ERR_MALFORMED);
        buf_put(&why, "", 1);
        ck_assert_msg(strstr((const char *)why.data, wrong[i].why) != NULL, "%s: %s", wrong[i].line,
                      (const char *)why.data);
        buf_fini(&why);
        arena_fini(&arena);
    }
}
END_TEST

START_TEST(text_is_stable)
{
    struct metadata_record r = {.type = METADATA_RECORD_PARTITION_CHANGE};
    r.partition_change = METADATA_PARTITION_CHANGE(UUID_METADATA_TOPIC, 3);
    r.partition_change.leader = 2;
    r.partition_change.has_isr = true;
    r.partition_change.isr = (struct metadata_ids){(int32_t[]){2, 3}, 2};
    expect_text(&r,
                "PARTITION_CHANGE_RECORD topicId=AAAAAAAAAAAAAAAAAAAAAQ partitionId=3 leader=2 "
                "isr=[2,3]",
                "{\"type\":\"PARTITION_CHANGE_RECORD\",\"data\":{\"topicId\":"
                "\"AAAAAAAAAAAAAAAAAAAAAQ\",\"partitionId\":3,\"leader\":2,\"isr\":[2,3]}}");
    r = (struct metadata_record){.type = METADATA_RECORD_CONFIG,
                                 .config = {.resource_type = 4,
                                            .resource_name = slice_str(""),
                                            .name = slice_str("a b\"\n"),
                                            .value = SLICE_NULL}};
    expect_text(&r,
                "CONFIG_RECORD resourceType=4 resourceName=\"\" name=\"a b\\\"\\u000a\" value=null",
                "{\"type\":\"CONFIG_RECORD\",\"data\":{\"resourceType\":4,\"resourceName\":\"\","
                "\"name\":\"a b\\\"\\u000a\",\"value\":null}}");
    r = (struct metadata_record){.type = METADATA_RECORD_NO_OP};
    expect_text(&r, "NO_OP_RECORD", "{\"type\":\"NO_OP_RECORD\",\"data\":{}}");
}
END_TEST

static void fill(TCase *tc)
{
    tcase_add_test(tc, broken_bytes_are_refused);
    tcase_add_test(tc, every_cut_and_flip_is_survived);
    tcase_add_test(tc, frame_is_a_no_op_record_to_kafka);
    tcase_add_test(tc, foreign_tags_are_skipped);
    tcase_add_test(tc, absent_and_empty_lists_differ);
    tcase_add_loop_test(tc, records_round_trip, 0, 3);
    tcase_add_test(tc, text_is_stable);
    tcase_add_test(tc, lines_are_read_back);
    tcase_add_test(tc, lines_that_are_wrong_are_refused);
}

int main(void)
{
    return run_suite("record", fill);
}
