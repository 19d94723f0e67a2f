/* Random records that fit the image they are made for, shared by the tests of metadata/. */
#ifndef TESTS_RANDOM_RECORDS_H
#define TESTS_RANDOM_RECORDS_H

#include "base/prng.h"
#include "metadata/metadata.h"

#include <check.h>
#include <stdlib.h>

#define UNUSED __attribute__((unused))

static inline struct uuid random_uuid(struct prng *rng)
{
    struct uuid id;
    while (!uuid_from_random(prng_next(rng), prng_next(rng), &id)) {
    }
    return id;
}

/* Few different ones, so that they meet again. */
static inline struct uuid dir_of(int32_t broker, uint64_t n)
{
    return (struct uuid){0x1000u + (uint64_t)broker, 0x1000 + n};
}

enum { RANDOM_BROKERS = 8, RANDOM_TOPICS = 12 };

static UNUSED struct slice random_text(struct prng *rng, struct arena *a, uint64_t max_len)
{
    size_t len = prng_below(rng, max_len + 1);
    uint8_t *data = arena_alloc(a, len + 1);
    for (size_t i = 0; i < len; i++) {
        data[i] = (uint8_t)prng_below(rng, 256);
    }
    return slice_of(data, len);
}

static UNUSED struct slice topic_name(struct arena *a, uint64_t n)
{
    return slice_str(arena_printf(a, "topic-%" PRIu64, n));
}

/* A random subset of `from` in its order; at least `least` of them. */
static UNUSED struct metadata_ids random_subset(struct prng *rng, struct arena *a,
                                                struct metadata_ids from, size_t least)
{
    int32_t *items = ARENA_ARRAY(a, from.count, int32_t);
    size_t n = 0;
    for (size_t i = 0; i < from.count; i++) {
        if (from.count - i + n <= least || prng_chance(rng, 1, 2)) {
            items[n++] = from.items[i];
        }
    }
    return (struct metadata_ids){.items = items, .count = n};
}

static UNUSED struct metadata_ids random_replicas(struct prng *rng, struct arena *a)
{
    size_t count = 1 + prng_below(rng, 4);
    int32_t *items = ARENA_ARRAY(a, count, int32_t);
    int32_t first = (int32_t)prng_below(rng, RANDOM_BROKERS);
    for (size_t i = 0; i < count; i++) {
        items[i] = (first + (int32_t)i) % RANDOM_BROKERS;
    }
    return (struct metadata_ids){.items = items, .count = count};
}

static UNUSED struct metadata_dirs random_dirs(struct prng *rng, struct arena *a,
                                               struct metadata_ids replicas)
{
    struct uuid *items = ARENA_ARRAY(a, replicas.count, struct uuid);
    for (size_t i = 0; i < replicas.count; i++) {
        uint64_t n = prng_below(rng, 5);
        items[i] = n < 2    ? dir_of(replicas.items[i], n)
                   : n == 2 ? METADATA_DIR_LOST
                   : n == 3 ? METADATA_DIR_MIGRATING
                            : METADATA_DIR_UNASSIGNED;
    }
    return (struct metadata_dirs){.items = items, .count = replicas.count};
}

static UNUSED struct metadata_endpoints random_endpoints(struct prng *rng, struct arena *a)
{
    size_t count = prng_below(rng, 4);
    struct metadata_endpoint *items = ARENA_ARRAY(a, count, struct metadata_endpoint);
    for (size_t i = 0; i < count; i++) {
        items[i].name = slice_str(arena_printf(a, "LISTENER%zu", i));
        items[i].host = random_text(rng, a, 12);
        items[i].port = (uint16_t)prng_next(rng);
        items[i].security_protocol = (int16_t)prng_below(rng, 4);
    }
    return (struct metadata_endpoints){.items = items, .count = count};
}

static UNUSED struct metadata_feature_ranges random_features(struct prng *rng, struct arena *a)
{
    size_t count = prng_below(rng, 4);
    struct metadata_feature_range *items = ARENA_ARRAY(a, count, struct metadata_feature_range);
    for (size_t i = 0; i < count; i++) {
        items[i].name = slice_str(arena_printf(a, "feature.%zu", i));
        items[i].min_version = (int16_t)prng_below(rng, 3);
        items[i].max_version = (int16_t)(items[i].min_version + (int16_t)prng_below(rng, 30000));
    }
    return (struct metadata_feature_ranges){.items = items, .count = count};
}

static UNUSED struct metadata_record random_register_broker(struct prng *rng, struct arena *a,
                                                            const struct metadata_image *image)
{
    int32_t id = (int32_t)prng_below(rng, RANDOM_BROKERS);
    const struct metadata_broker *old = metadata_broker(image, id);
    struct metadata_ids twice = {.items = (int32_t[]){id, id}, .count = prng_below(rng, 3)};
    struct metadata_dirs dirs = random_dirs(rng, a, twice);
    return (struct metadata_record){
        .type = METADATA_RECORD_REGISTER_BROKER,
        .register_broker = {
            .broker_id = id,
            .is_migrating_zk_broker = prng_chance(rng, 1, 9),
            .incarnation_id = random_uuid(rng),
            .broker_epoch = (old == NULL ? 0 : old->epoch) + (int64_t)prng_below(rng, 100),
            .endpoints = random_endpoints(rng, a),
            .features = random_features(rng, a),
            .rack = prng_chance(rng, 1, 2) ? SLICE_NULL : random_text(rng, a, 5),
            .fenced = prng_chance(rng, 1, 2),
            .in_controlled_shutdown = prng_chance(rng, 1, 9),
            .log_dirs = dirs,
        }};
}

static UNUSED struct metadata_record random_partition(struct prng *rng, struct arena *a,
                                                      const struct metadata_topic *topic)
{
    struct metadata_ids replicas = random_replicas(rng, a);
    struct metadata_ids isr = random_subset(rng, a, replicas, 0);
    bool led = isr.count > 0 && prng_chance(rng, 4, 5);
    return (struct metadata_record){
        .type = METADATA_RECORD_PARTITION,
        .partition = {
            .partition_id = topic->partition_count,
            .topic_id = topic->id,
            .replicas = replicas,
            .isr = isr,
            .removing_replicas = random_subset(rng, a, replicas, 0),
            .adding_replicas = random_subset(rng, a, replicas, 0),
            .leader = led ? isr.items[prng_below(rng, isr.count)] : METADATA_NO_LEADER,
            .leader_recovery = prng_chance(rng, 1, 9) ? METADATA_RECOVERING : METADATA_RECOVERED,
            .leader_epoch = (int32_t)prng_below(rng, 1000),
            .partition_epoch = (int32_t)prng_below(rng, 1000),
            .directories =
                prng_chance(rng, 1, 4) ? (struct metadata_dirs){0} : random_dirs(rng, a, replicas),
            .elr = prng_chance(rng, 1, 5) ? random_subset(rng, a, replicas, 0)
                                          : (struct metadata_ids){0},
            .last_known_elr = prng_chance(rng, 1, 9) ? random_subset(rng, a, replicas, 0)
                                                     : (struct metadata_ids){0},
        }};
}

static UNUSED struct metadata_record random_change(struct prng *rng, struct arena *a,
                                                   const struct metadata_topic *topic)
{
    int32_t index = (int32_t)prng_below(rng, (uint64_t)topic->partition_count);
    const struct metadata_partition *p = metadata_partition(topic, index);
    struct metadata_record r = {.type = METADATA_RECORD_PARTITION_CHANGE};
    struct metadata_partition_change *c = &r.partition_change;
    *c = METADATA_PARTITION_CHANGE(topic->id, index);
    struct metadata_ids replicas = metadata_replicas(p);
    if (prng_chance(rng, 1, 3)) {
        c->has_replicas = c->has_isr = c->has_adding_replicas = c->has_removing_replicas = true;
        c->replicas = replicas = random_replicas(rng, a);
        c->adding_replicas = random_subset(rng, a, replicas, 0);
        c->removing_replicas = random_subset(rng, a, replicas, 0);
        c->isr = random_subset(rng, a, replicas, 1);
        c->leader = c->isr.items[0];
    } else if (prng_chance(rng, 1, 2)) {
        c->has_isr = true;
        c->isr = random_subset(rng, a, replicas, 1);
        c->leader = c->isr.items[prng_below(rng, c->isr.count)];
    } else if (prng_chance(rng, 1, 2)) {
        c->leader = METADATA_NO_LEADER;
        c->has_elr = true;
        c->elr = random_subset(rng, a, replicas, 0);
        c->has_last_known_elr = prng_chance(rng, 1, 2);
        c->last_known_elr = random_subset(rng, a, replicas, 0);
    }
    if (prng_chance(rng, 1, 4)) {
        c->has_directories = true;
        c->directories = random_dirs(rng, a, replicas);
    }
    if (prng_chance(rng, 1, 4)) {
        c->leader_recovery = prng_chance(rng, 1, 2) ? METADATA_RECOVERED : METADATA_RECOVERING;
    }
    return r;
}

static UNUSED struct metadata_record random_config(struct prng *rng, struct arena *a)
{
    static const int8_t types[] = {METADATA_CONFIG_TOPIC, METADATA_CONFIG_BROKER,
                                   METADATA_CONFIG_GROUP, METADATA_CONFIG_CLIENT_METRICS};
    int8_t type = types[prng_below(rng, ARRAY_LEN(types))];
    return (struct metadata_record){
        .type = METADATA_RECORD_CONFIG,
        .config = {
            .resource_type = type,
            .resource_name = prng_chance(rng, 1, 5) ? slice_str("")
                                                    : topic_name(a, prng_below(rng, RANDOM_TOPICS)),
            .name = slice_str(arena_printf(a, "key.%" PRIu64, prng_below(rng, 6))),
            .value = prng_chance(rng, 1, 3) ? SLICE_NULL : random_text(rng, a, 20),
        }};
}

/* A record that can be replayed onto `image`; no transaction markers. */
static UNUSED struct metadata_record random_record(struct prng *rng, struct arena *a,
                                                   const struct metadata_image *image)
{
    struct metadata_record r = {.type = METADATA_RECORD_NO_OP};
    struct slice name = topic_name(a, prng_below(rng, RANDOM_TOPICS));
    const struct metadata_topic *topic = metadata_topic_by_name(image, name);
    int32_t id = (int32_t)prng_below(rng, RANDOM_BROKERS);
    const struct metadata_broker *broker = metadata_broker(image, id);
    uint64_t kind = prng_below(rng, 100);
    if (kind < 50) {
        if (topic == NULL) {
            r.type = METADATA_RECORD_TOPIC;
            r.topic.name = name;
            r.topic.topic_id = random_uuid(rng);
        } else if (topic->partition_count == 0 || prng_chance(rng, 1, 2)) {
            r = random_partition(rng, a, topic);
        } else {
            r = random_change(rng, a, topic);
        }
    } else if (kind < 52 && topic != NULL) {
        r.type = METADATA_RECORD_REMOVE_TOPIC;
        r.remove_topic.topic_id = topic->id;
    } else if (kind < 60) {
        r = random_register_broker(rng, a, image);
    } else if (kind < 62 && broker != NULL) {
        r.type = METADATA_RECORD_UNREGISTER_BROKER;
        r.unregister_broker.broker_id = id;
        r.unregister_broker.broker_epoch = broker->epoch;
    } else if (kind < 70 && broker != NULL) {
        r.type = METADATA_RECORD_BROKER_REGISTRATION_CHANGE;
        r.broker_registration_change.broker_id = id;
        r.broker_registration_change.broker_epoch = broker->epoch;
        r.broker_registration_change.fenced = (int8_t)prng_range(rng, -1, 1);
        r.broker_registration_change.in_controlled_shutdown = (int8_t)prng_range(rng, 0, 1);
        r.broker_registration_change.has_log_dirs = prng_chance(rng, 1, 2);
    } else if (kind < 85) {
        r = random_config(rng, a);
    } else if (kind < 90) {
        r.type = METADATA_RECORD_FEATURE_LEVEL;
        r.feature_level.name = prng_chance(rng, 1, 2)
                                   ? slice_str("metadata.version")
                                   : slice_str(arena_printf(a, "f%" PRIu64, prng_below(rng, 5)));
        r.feature_level.level = (int16_t)prng_below(rng, 4);
    } else if (kind < 93) {
        r.type = METADATA_RECORD_PRODUCER_IDS;
        r.producer_ids.broker_id = id;
        r.producer_ids.broker_epoch = 7;
        r.producer_ids.next_producer_id = metadata_next_producer_id(image) + 1000;
    } else if (kind < 97) {
        r.type = METADATA_RECORD_REGISTER_CONTROLLER;
        r.register_controller.controller_id = 3000 + id;
        r.register_controller.incarnation_id = random_uuid(rng);
        r.register_controller.zk_migration_ready = prng_chance(rng, 1, 2);
        r.register_controller.endpoints = random_endpoints(rng, a);
        r.register_controller.features = random_features(rng, a);
    }
    return r;
}

/* A delta that takes `r` or fails the test with its sentence. */
static UNUSED void must_replay(struct metadata_delta *d, int64_t offset,
                               const struct metadata_record *r)
{
    enum err err = metadata_delta_replay(d, offset, r);
    ck_assert_msg(err == ERR_NONE, "%s: %s", metadata_record_type_name(r->type),
                  metadata_delta_error(d));
}

/* Counts what a difference calls. */
struct diff_count {
    size_t features, controllers, brokers, topics, partitions, configs, producer_ids;
};

static UNUSED void count_feature(void *arg, const struct metadata_feature *a,
                                 const struct metadata_feature *b)
{
    (void)a, (void)b;
    ((struct diff_count *)arg)->features++;
}

static UNUSED void count_controller(void *arg, const struct metadata_controller *a,
                                    const struct metadata_controller *b)
{
    (void)a, (void)b;
    ((struct diff_count *)arg)->controllers++;
}

static UNUSED void count_broker(void *arg, const struct metadata_broker *a,
                                const struct metadata_broker *b)
{
    (void)a, (void)b;
    ((struct diff_count *)arg)->brokers++;
}

static UNUSED void count_topic(void *arg, const struct metadata_topic *a,
                               const struct metadata_topic *b)
{
    (void)a, (void)b;
    ((struct diff_count *)arg)->topics++;
}

static UNUSED void count_partition(void *arg, const struct metadata_partition_diff *diff)
{
    (void)diff;
    ((struct diff_count *)arg)->partitions++;
}

static UNUSED void count_config(void *arg, const struct metadata_config_resource *a,
                                const struct metadata_config_resource *b)
{
    (void)a, (void)b;
    ((struct diff_count *)arg)->configs++;
}

static UNUSED void count_producer_ids(void *arg, int64_t a, int64_t b)
{
    (void)a, (void)b;
    ((struct diff_count *)arg)->producer_ids++;
}

static UNUSED struct diff_count diff_counts(const struct metadata_image *before,
                                            const struct metadata_image *after)
{
    struct diff_count c = {0};
    struct metadata_visitor v = {.arg = &c,
                                 .feature = count_feature,
                                 .controller = count_controller,
                                 .broker = count_broker,
                                 .topic = count_topic,
                                 .partition = count_partition,
                                 .config = count_config,
                                 .producer_ids = count_producer_ids};
    metadata_diff(before, after, &v);
    return c;
}

static UNUSED bool images_equal(const struct metadata_image *a, const struct metadata_image *b)
{
    struct diff_count c = diff_counts(a, b);
    return c.features + c.controllers + c.brokers + c.topics + c.partitions + c.configs +
               c.producer_ids ==
           0;
}

/* main() of a test program. */
static UNUSED int run_suite(const char *name, void (*fill)(TCase *tc))
{
    Suite *suite = suite_create(name);
    TCase *tc = tcase_create(name);
    tcase_set_timeout(tc, 60);
    fill(tc);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

#endif
