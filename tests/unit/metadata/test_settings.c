/* Settings: files that are wrong, the tables, typed values, values in effect. */
#include "random_records.h"

#include <stdio.h>

#include "metadata/settings.h"

/* Reads `text` as server.properties; returns the message, to be freed. */
static char *parse(struct settings *s, const char *text, enum err expected)
{
    struct buf message = {0};
    enum err err = settings_parse(s, slice_str(text), "server.properties", &message);
    buf_put(&message, "", 1);
    ck_assert_msg(err == expected, "%s: %s", err_name(err), (char *)message.data);
    return (char *)message.data;
}

static void expect_refused(const char *text, const char *why)
{
    struct settings *s = settings_new();
    char *message = parse(s, text, ERR_CONFIG);
    ck_assert_str_eq(message, why);
    free(message);
    settings_free(s);
}

START_TEST(wrong_values_are_refused)
{
    expect_refused("num.partitions=abc", "server.properties:1: num.partitions = abc is wrong: it "
                                         "must be a whole number of at least 1");
    expect_refused("\n# x\nnum.partitions = 0",
                   "server.properties:3: num.partitions = 0 is wrong: it must be a whole number "
                   "of at least 1");
    expect_refused("node.id=2147483648", "server.properties:1: node.id = 2147483648 is wrong: it "
                                         "must be a whole number from -2147483648 to 2147483647");
    expect_refused("node.id=", "server.properties:1: node.id =  is wrong: it must be a whole "
                               "number from -2147483648 to 2147483647");
    expect_refused("node.id=1 2", "server.properties:1: node.id = 1 2 is wrong: it must be a whole "
                                  "number from -2147483648 to 2147483647");
    expect_refused("compression.gzip.level=0",
                   "server.properties:1: compression.gzip.level = 0 is wrong: it must be -1 or a "
                   "whole number from 1 to 9");
    expect_refused("log.cleaner.min.cleanable.ratio=1.01",
                   "server.properties:1: log.cleaner.min.cleanable.ratio = 1.01 is wrong: it must "
                   "be a number from 0 to 1");
    expect_refused("log.cleaner.io.max.bytes.per.second=nan",
                   "server.properties:1: log.cleaner.io.max.bytes.per.second = nan is wrong: it "
                   "must be a number");
    expect_refused("delete.topic.enable=yes", "server.properties:1: delete.topic.enable = yes is "
                                              "wrong: it must be true or false");
    expect_refused("compression.type=lzma",
                   "server.properties:1: compression.type = lzma is wrong: it must be one of "
                   "uncompressed, zstd, lz4, snappy, gzip, producer");
    expect_refused("log.cleanup.policy=delete,shrink",
                   "server.properties:1: log.cleanup.policy = delete,shrink is wrong: it must be "
                   "a list of any of compact, delete");
    expect_refused("controller.quorum.voters=1@h:9093,2@h",
                   "server.properties:1: controller.quorum.voters = 1@h:9093,2@h is wrong: it "
                   "must be a list of id@host:port");
    expect_refused("controller.quorum.bootstrap.servers=h:99999",
                   "server.properties:1: controller.quorum.bootstrap.servers = h:99999 is wrong: "
                   "it must be a list of host:port");
    expect_refused("listener.name.ext.max.connections=-1",
                   "server.properties:1: max.connections = -1 is wrong: it must be a whole number "
                   "of at least 0");
}
END_TEST

START_TEST(wrong_syntax_is_refused)
{
    const char *why = "server.properties:2: a NUL, or a \\u that is not followed by the four "
                      "hexadecimal digits of a character";
    expect_refused("a=b\nlog.dir=\\u12", why);
    expect_refused("a=b\nlog.dir=\\u12g4", why);
    expect_refused("a=b\nlog.dir=\\ud800", why);
    expect_refused("a=b\nlog.dir=\\ud800\\u0041", why);
    expect_refused("a=b\nlog.dir=\\udc00", why);
    expect_refused("a=b\nlog.dir=\\u0000", why);
    expect_refused("a=b\n\\uzzzz", why);
    struct settings *s = settings_new();
    struct buf message = {0};
    ck_assert_int_eq(settings_parse(s, slice_of("log.dir=a\0b", 11), "server.properties", &message),
                     ERR_CONFIG);
    ck_assert_int_eq(settings_set_pair(s, "node.id", &message), ERR_CONFIG);
    ck_assert_int_eq(settings_set_pair(s, "=1", &message), ERR_CONFIG);
    buf_reset(&message);
    ck_assert_int_eq(settings_set_pair(s, "node.id=x", &message), ERR_CONFIG);
    buf_put(&message, "", 1);
    ck_assert_str_eq((char *)message.data, "--override: node.id = x is wrong: it must be a whole "
                                           "number from -2147483648 to 2147483647");
    buf_fini(&message);
    settings_free(s);
}
END_TEST

START_TEST(passwords_are_not_shown)
{
    struct settings *s = settings_new();
    struct buf message = {0};
    struct slice secret = slice_of("sec\0ret", 7);
    ck_assert_int_eq(settings_set(s, slice_str("ssl.key.password"), secret, "test", &message),
                     ERR_CONFIG);
    ck_assert_ptr_null(memmem(message.data, message.len, "sec", 3));
    buf_fini(&message);
    settings_free(s);
}
END_TEST

START_TEST(properties_syntax)
{
    struct settings *s = settings_new();
    char *message = parse(s,
                          "# comment\r\n"
                          "  ! comment \\\n"
                          "node.id=1\n"
                          "  num.partitions : 3  \r"
                          "default.replication.factor\t5\n"
                          "broker.rack=a\\tb\\u00e9\\ud83d\\ude00\\:\n"
                          "log.dirs=/a,\\\n"
                          "    /b,\\\r\n"
                          "    /c\n"
                          "log.dir=C:\\\\x=y\n"
                          "advertised.listeners\n"
                          "delete.topic.enable = TRUE\n"
                          "message.max.bytes=+100",
                          ERR_NONE);
    ck_assert_str_eq(message, "");
    free(message);
    struct arena a = {0};
    ck_assert_int_eq(settings_int(s, "node.id"), 1);
    ck_assert_int_eq(settings_int(s, "num.partitions"), 3);
    ck_assert_int_eq(settings_int(s, "default.replication.factor"), 5);
    ck_assert_str_eq(settings_str(s, "broker.rack"), "a\tb\u00e9\U0001f600:");
    char **dirs = settings_list(s, "log.dirs", &a);
    ck_assert_str_eq(dirs[0], "/a");
    ck_assert_str_eq(dirs[1], "/b");
    ck_assert_str_eq(dirs[2], "/c");
    ck_assert_ptr_null(dirs[3]);
    ck_assert_str_eq(settings_str(s, "log.dir"), "C:\\x=y");
    ck_assert_str_eq(settings_str(s, "advertised.listeners"), "");
    ck_assert(settings_bool(s, "delete.topic.enable"));
    ck_assert_int_eq(settings_int(s, "message.max.bytes"), 100);
    ck_assert_uint_eq(settings_notes(s).len, 0);
    arena_fini(&a);
    settings_free(s);
}
END_TEST

START_TEST(notes_for_the_operator)
{
    struct settings *s = settings_new();
    free(parse(s,
               "lisners=PLAINTEXT://:1\n"
               "node.id=1\n"
               "num.io.threads=4\n"
               "node.id=2\n"
               "my.own.plugin.thing=3\n",
               ERR_NONE));
    struct buf message = {0};
    ck_assert_int_eq(settings_set_pair(s, "node.id=3", &message), ERR_NONE);
    buf_fini(&message);
    char *notes = slice_dup_str(settings_notes(s));
    ck_assert_str_eq(
        notes,
        "server.properties:1: lisners is not a known setting and is ignored; did you mean "
        "listeners?\n"
        "server.properties:3: num.io.threads is a setting of Apache Kafka that has no effect "
        "here\n"
        "server.properties:4: node.id is set again; the last value counts\n"
        "server.properties:5: my.own.plugin.thing is not a known setting and is ignored\n");
    ck_assert_int_eq(settings_int(s, "node.id"), 3);
    free(notes);
    settings_free(s);
}
END_TEST

START_TEST(settings_of_one_listener)
{
    struct settings *s = settings_new();
    free(parse(s,
               "listener.name.external.ssl.keystore.location=/e\n"
               "listener.name.external.scram-sha-256.sasl.jaas.config=user\n"
               "ssl.keystore.location=/all\n"
               "listener.name.external.nonsense=1\n",
               ERR_NONE));
    ck_assert_str_eq(settings_listener_str(s, "EXTERNAL", "ssl.keystore.location"), "/e");
    ck_assert_str_eq(settings_listener_str(s, "INTERNAL", "ssl.keystore.location"), "/all");
    ck_assert_str_eq(settings_listener_str(s, "External", "scram-sha-256.sasl.jaas.config"),
                     "user");
    ck_assert_ptr_null(settings_listener_str(s, "INTERNAL", "scram-sha-256.sasl.jaas.config"));
    ck_assert_ptr_nonnull(memmem(settings_notes(s).data, settings_notes(s).len, "nonsense", 8));
    settings_free(s);
}
END_TEST

START_TEST(defaults_and_fallbacks)
{
    struct settings *s = settings_new();
    ck_assert_int_eq(settings_int(s, "num.partitions"), 1);
    ck_assert_ptr_null(settings_str(s, "advertised.listeners"));
    ck_assert(!settings_is_set(s, "node.id"));
    ck_assert_int_eq(settings_long(s, "log.retention.ms"), 604800000);
    ck_assert_int_eq(settings_long(s, "log.roll.ms"), 604800000);
    ck_assert_int_eq(settings_int(s, "craft.broker.disconnect.grace.ms"), 1000);
    ck_assert_str_eq(settings_str(s, "log.cleaner.min.cleanable.ratio"), "0.5");
    ck_assert_str_eq(settings_str(s, "log.dirs"), "/tmp/kafka-logs");
    struct arena a = {0};
    ck_assert_ptr_null(settings_list(s, "controller.quorum.voters", &a)[0]);
    arena_fini(&a);
    free(parse(s, "broker.id=7\nlog.retention.hours=1\nlog.retention.minutes=2", ERR_NONE));
    ck_assert(settings_is_set(s, "node.id"));
    ck_assert_int_eq(settings_int(s, "node.id"), 7);
    ck_assert_int_eq(settings_long(s, "log.retention.ms"), 120000);
    free(parse(s, "node.id=8\nlog.retention.minutes=-1", ERR_NONE));
    ck_assert_int_eq(settings_int(s, "node.id"), 8);
    ck_assert_int_eq(settings_long(s, "log.retention.ms"), -1);
    settings_free(s);
}
END_TEST

START_TEST(tables_are_sound)
{
    struct buf message = {0};
    for (int scope = SETTINGS_SERVER; scope <= SETTINGS_GROUP; scope++) {
        size_t at = 0;
        const char *last = "";
        size_t count = 0;
        for (const struct setting *row; (row = settings_next((enum settings_scope)scope, &at));) {
            ck_assert_msg(strcmp(last, row->name) < 0, "%s", row->name);
            last = row->name;
            count++;
            ck_assert_ptr_eq(settings_find((enum settings_scope)scope, slice_str(row->name)), row);
            ck_assert_msg(!row->has_effect || row->doc[0] != '\0', "%s", row->name);
            if (row->default_text != NULL && row->default_text[0] != '\0') {
                ck_assert_msg(settings_validate((enum settings_scope)scope, slice_str(row->name),
                                                slice_str(row->default_text), &message) == ERR_NONE,
                              "%s", row->name);
            }
            if (row->fallback != NULL) {
                ck_assert_ptr_nonnull(settings_find(SETTINGS_SERVER, slice_str(row->fallback)));
            }
            buf_reset(&message); /* describing every range must not trip over the table */
            enum err err = settings_validate((enum settings_scope)scope, slice_str(row->name),
                                             slice_of("\0", 1), &message);
            ck_assert_int_eq(err, ERR_INVALID_CONFIG);
        }
        ck_assert_uint_ge(count, scope == SETTINGS_SERVER ? 339 : scope == SETTINGS_TOPIC ? 36 : 5);
    }
    buf_fini(&message);
}
END_TEST

static void expect_invalid(enum settings_scope scope, const char *name, const char *value,
                           const char *why)
{
    struct buf message = {0};
    ck_assert_int_eq(settings_validate(scope, slice_str(name), slice_str(value), &message),
                     ERR_INVALID_CONFIG);
    buf_put(&message, "", 1);
    ck_assert_str_eq((char *)message.data, why);
    buf_fini(&message);
}

START_TEST(values_from_clients)
{
    struct buf m = {0};
    expect_invalid(SETTINGS_TOPIC, "retention.ms", "-2",
                   "Invalid value -2 for configuration retention.ms: must be a whole number of at "
                   "least -1");
    expect_invalid(SETTINGS_TOPIC, "rentention.ms", "1",
                   "Unknown topic config name: rentention.ms; did you mean retention.ms?");
    expect_invalid(SETTINGS_GROUP, "x", "1", "Unknown group config name: x");
    expect_invalid(SETTINGS_SERVER, "max.connections.per.ip.overrides", "10.0.0.1:5,10.0.0.2",
                   "Invalid value 10.0.0.1:5,10.0.0.2 for configuration "
                   "max.connections.per.ip.overrides: must be a list of address:number");
    expect_invalid(SETTINGS_TOPIC, "leader.replication.throttled.replicas", "1:2,3",
                   "Invalid value 1:2,3 for configuration leader.replication.throttled.replicas: "
                   "must be * or a list of partition:broker");
    ck_assert_int_eq(settings_validate(SETTINGS_TOPIC,
                                       slice_str("leader.replication.throttled.replicas"),
                                       slice_str("0:1, 1:2"), &m),
                     ERR_NONE);
    ck_assert_int_eq(settings_validate(SETTINGS_TOPIC,
                                       slice_str("follower.replication.throttled.replicas"),
                                       slice_str("*"), &m),
                     ERR_NONE);
    ck_assert_int_eq(settings_validate(SETTINGS_TOPIC, slice_str("cleanup.policy"),
                                       slice_str("compact, delete"), &m),
                     ERR_NONE);
    buf_fini(&m);
}
END_TEST

/* ---- values in effect ---- */

static void put_config(struct metadata_image **image, int8_t type, const char *resource,
                       const char *name, const char *value)
{
    struct metadata_delta *d = metadata_delta_begin(*image);
    struct metadata_record r = {.type = METADATA_RECORD_CONFIG,
                                .config = {.resource_type = type,
                                           .resource_name = slice_str(resource),
                                           .name = slice_str(name),
                                           .value = slice_str(value)}};
    must_replay(d, metadata_image_offset(*image) + 1, &r);
    metadata_image_unref(*image);
    *image = metadata_delta_finish(d);
}

static void expect_topic(const struct settings_view *view, const char *name, const char *value,
                         enum settings_source source, const char *source_name)
{
    struct arena a = {0};
    struct settings_effective e = settings_topic_effective(view, slice_str("t"), name, &a);
    ck_assert_str_eq(e.value, value);
    ck_assert_int_eq(e.source, source);
    ck_assert_str_eq(e.source_name, source_name);
    arena_fini(&a);
}

static struct settings_effective strongest(const struct settings_view *view,
                                           enum settings_scope scope, struct slice resource,
                                           const char *name, struct arena *a)
{
    return settings_chain(view, scope, resource, name, a).links[0];
}

START_TEST(the_strongest_value_counts)
{
    struct settings *s = settings_new();
    struct metadata_image *image = metadata_image_new(slice_str("c"));
    struct settings_view view = {.settings = s, .image = image, .broker_id = 1};
    expect_topic(&view, "retention.ms", "604800000", SETTINGS_SOURCE_DEFAULT,
                 "log.retention.hours");
    expect_topic(&view, "flush.ms", "9223372036854775807", SETTINGS_SOURCE_DEFAULT,
                 "log.flush.scheduler.interval.ms");
    expect_topic(&view, "remote.storage.enable", "false", SETTINGS_SOURCE_DEFAULT,
                 "remote.storage.enable");
    free(parse(s, "log.retention.hours=2", ERR_NONE));
    expect_topic(&view, "retention.ms", "7200000", SETTINGS_SOURCE_STATIC, "log.retention.hours");
    free(parse(s, "log.retention.minutes=1", ERR_NONE));
    expect_topic(&view, "retention.ms", "60000", SETTINGS_SOURCE_STATIC, "log.retention.minutes");
    put_config(&image, METADATA_CONFIG_BROKER, "", "log.retention.ms", "5000");
    view.image = image;
    expect_topic(&view, "retention.ms", "5000", SETTINGS_SOURCE_CLUSTER, "log.retention.ms");
    put_config(&image, METADATA_CONFIG_BROKER, "1", "log.retention.ms", "4000");
    put_config(&image, METADATA_CONFIG_BROKER, "2", "log.retention.ms", "3000");
    view.image = image;
    expect_topic(&view, "retention.ms", "4000", SETTINGS_SOURCE_BROKER, "log.retention.ms");
    put_config(&image, METADATA_CONFIG_TOPIC, "t", "retention.ms", "-5");
    view.image = image; /* not allowed: as if it were not there */
    expect_topic(&view, "retention.ms", "4000", SETTINGS_SOURCE_BROKER, "log.retention.ms");
    put_config(&image, METADATA_CONFIG_TOPIC, "t", "retention.ms", " 2000 ");
    put_config(&image, METADATA_CONFIG_TOPIC, "t", "cleanup.policy", "compact,delete");
    view.image = image;
    expect_topic(&view, "retention.ms", "2000", SETTINGS_SOURCE_TOPIC, "retention.ms");
    ck_assert_int_eq(settings_topic_long(&view, slice_str("t"), "retention.ms"), 2000);
    ck_assert_int_eq(settings_topic_long(&view, slice_str("u"), "retention.ms"), 4000);
    ck_assert(settings_topic_has(&view, slice_str("t"), "cleanup.policy", "compact"));
    ck_assert(!settings_topic_has(&view, slice_str("u"), "cleanup.policy", "compact"));
    ck_assert(!settings_topic_bool(&view, slice_str("t"), "unclean.leader.election.enable"));
    expect_topic(&view, "min.cleanable.dirty.ratio", "0.5", SETTINGS_SOURCE_DEFAULT,
                 "log.cleaner.min.cleanable.ratio");

    struct arena a = {0};
    struct settings_chain chain =
        settings_chain(&view, SETTINGS_TOPIC, slice_str("t"), "retention.ms", &a);
    static const char *const names[] = {"retention.ms",        "log.retention.ms",
                                        "log.retention.ms",    "log.retention.minutes",
                                        "log.retention.hours", "log.retention.hours"};
    static const char *const texts[] = {"2000", "4000", "5000", "1", "2", "168"};
    ck_assert_uint_eq(chain.count, ARRAY_LEN(names));
    for (size_t i = 0; i < chain.count; i++) {
        ck_assert_str_eq(chain.links[i].source_name, names[i]);
        ck_assert_str_eq(chain.links[i].source_text, texts[i]);
    }
    struct settings_effective e =
        strongest(&view, SETTINGS_SERVER, SLICE_NULL, "log.retention.ms", &a);
    ck_assert_str_eq(e.value, "4000");
    e = strongest(&view, SETTINGS_SERVER, SLICE_NULL, "advertised.listeners", &a);
    ck_assert_ptr_null(e.value);
    ck_assert_int_eq(e.source, SETTINGS_SOURCE_DEFAULT);
    put_config(&image, METADATA_CONFIG_GROUP, "g", "consumer.session.timeout.ms", "50000");
    view.image = image;
    e = strongest(&view, SETTINGS_GROUP, slice_str("g"), "consumer.session.timeout.ms", &a);
    ck_assert_str_eq(e.value, "50000");
    ck_assert_int_eq(e.source, SETTINGS_SOURCE_GROUP);
    e = strongest(&view, SETTINGS_GROUP, slice_str("h"), "consumer.session.timeout.ms", &a);
    ck_assert_str_eq(e.value, "45000");
    arena_fini(&a);
    metadata_image_unref(image);
    settings_free(s);
}
END_TEST

START_TEST(dynamic_values_over_the_file)
{
    struct settings *given = settings_new();
    struct metadata_image *image = metadata_image_new(slice_str("c"));
    struct buf m = {0};
    ck_assert_int_eq(settings_set_pair(given, "max.connections=10", &m), ERR_NONE);
    ck_assert_int_eq(settings_set_pair(given, "num.partitions=7", &m), ERR_NONE);
    ck_assert_int_eq(settings_set_pair(given, "listener.name.internal.max.connections=9", &m),
                     ERR_NONE);
    put_config(&image, METADATA_CONFIG_BROKER, "", "max.connections", "20");
    put_config(&image, METADATA_CONFIG_BROKER, "", "message.max.bytes", " 2000 ");
    put_config(&image, METADATA_CONFIG_BROKER, "", "listeners", "A://of-all:1");
    put_config(&image, METADATA_CONFIG_BROKER, "1", "max.connections", "30");
    put_config(&image, METADATA_CONFIG_BROKER, "1", "max.connections.per.ip", "many");
    put_config(&image, METADATA_CONFIG_BROKER, "1", "num.partitions", "8");
    put_config(&image, METADATA_CONFIG_BROKER, "1", "nobody.knows", "8");
    put_config(&image, METADATA_CONFIG_BROKER, "1", "listener.name.internal.max.connections", "5");
    put_config(&image, METADATA_CONFIG_BROKER, "2", "max.connections", "40");
    struct settings *s = settings_in_effect(given, image, 1);
    ck_assert_int_eq(settings_int(s, "max.connections"), 30);
    ck_assert_int_eq(settings_int(s, "message.max.bytes"), 2000);
    ck_assert_str_eq(settings_str(s, "listeners"), "PLAINTEXT://:9092");    /* per broker only */
    ck_assert_int_eq(settings_int(s, "max.connections.per.ip"), INT32_MAX); /* wrong value */
    ck_assert_int_eq(settings_int(s, "num.partitions"), 7);                 /* read only */
    ck_assert_str_eq(settings_listener_str(s, "INTERNAL", "max.connections"), "5");
    ck_assert_int_eq(settings_int(given, "max.connections"), 10);
    ck_assert_str_eq(settings_listener_str(given, "INTERNAL", "max.connections"), "9");
    settings_free(s);
    s = settings_in_effect(given, image, 3);
    ck_assert_int_eq(settings_int(s, "max.connections"), 20);
    settings_free(s);
    settings_free(given);
    metadata_image_unref(image);
    buf_fini(&m);
}
END_TEST

START_TEST(random_text_is_survived)
{
    static const char alphabet[] = "ab=: \t\\\n\r#!u0041d8.,";
    struct prng rng;
    prng_init(&rng, 0x5e7);
    for (int i = 0; i < 5000; i++) {
        char text[40];
        size_t len = prng_below(&rng, sizeof text);
        for (size_t j = 0; j < len; j++) {
            text[j] = alphabet[prng_below(&rng, sizeof alphabet - 1)];
        }
        struct settings *s = settings_new();
        struct buf message = {0};
        enum err err = settings_parse(s, slice_of(text, len), "f", &message);
        ck_assert(err == ERR_NONE || message.len > 0);
        buf_fini(&message);
        settings_free(s);
    }
}
END_TEST

static void fill(TCase *tc)
{
    tcase_add_test(tc, wrong_values_are_refused);
    tcase_add_test(tc, wrong_syntax_is_refused);
    tcase_add_test(tc, passwords_are_not_shown);
    tcase_add_test(tc, random_text_is_survived);
    tcase_add_test(tc, properties_syntax);
    tcase_add_test(tc, notes_for_the_operator);
    tcase_add_test(tc, settings_of_one_listener);
    tcase_add_test(tc, defaults_and_fallbacks);
    tcase_add_test(tc, tables_are_sound);
    tcase_add_test(tc, values_from_clients);
    tcase_add_test(tc, the_strongest_value_counts);
    tcase_add_test(tc, dynamic_values_over_the_file);
}

int main(void)
{
    return run_suite("settings", fill);
}
