/* Replay: what it refuses, what each record does, transactions. */
#include "random_records.h"

#include <stdio.h>

static const struct uuid topic_a = {0xa, 0xa};
static const struct uuid topic_b = {0xb, 0xb};
static const struct uuid incarnation = {7, 7};

#define IDS(...) \
    ((struct metadata_ids){(int32_t[]){__VA_ARGS__}, sizeof((int32_t[]){__VA_ARGS__}) / 4})
#define DIRS(...) \
    ((struct metadata_dirs){(struct uuid[]){__VA_ARGS__}, \
                            sizeof((struct uuid[]){__VA_ARGS__}) / sizeof(struct uuid)})

static struct metadata_record topic_record(const char *name, struct uuid id)
{
    return (struct metadata_record){.type = METADATA_RECORD_TOPIC,
                                    .topic = {.name = slice_str(name), .topic_id = id}};
}

/* Replicas and ISR 1, 2, 3, led by 1. */
static struct metadata_record partition_record(struct uuid topic, int32_t index)
{
    static const int32_t replicas[] = {1, 2, 3};
    return (struct metadata_record){.type = METADATA_RECORD_PARTITION,
                                    .partition = {.partition_id = index,
                                                  .topic_id = topic,
                                                  .replicas = {replicas, 3},
                                                  .isr = {replicas, 3},
                                                  .leader = 1}};
}

static struct metadata_record change_record(struct uuid topic, int32_t index)
{
    return (struct metadata_record){.type = METADATA_RECORD_PARTITION_CHANGE,
                                    .partition_change = METADATA_PARTITION_CHANGE(topic, index)};
}

static struct metadata_record broker_record(int32_t id, int64_t epoch)
{
    return (struct metadata_record){.type = METADATA_RECORD_REGISTER_BROKER,
                                    .register_broker = {.broker_id = id,
                                                        .broker_epoch = epoch,
                                                        .incarnation_id = incarnation,
                                                        .rack = SLICE_NULL,
                                                        .fenced = true}};
}

static struct metadata_record broker_change(int32_t id, int64_t epoch, int8_t fenced)
{
    return (struct metadata_record){
        .type = METADATA_RECORD_BROKER_REGISTRATION_CHANGE,
        .broker_registration_change = {.broker_id = id, .broker_epoch = epoch, .fenced = fenced}};
}

static struct metadata_record config_record(int8_t type, const char *resource, const char *name,
                                            const char *value)
{
    return (struct metadata_record){.type = METADATA_RECORD_CONFIG,
                                    .config = {.resource_type = type,
                                               .resource_name = slice_str(resource),
                                               .name = slice_str(name),
                                               .value = slice_str(value)}};
}

/* Topic "a" with two partitions, topic "b" with none, broker 1 in epoch 10, next producer id 1000.
 */
static struct metadata_image *small_image(void)
{
    struct metadata_image *empty = metadata_image_new(slice_str("cluster"));
    struct metadata_delta *d = metadata_delta_begin(empty);
    struct metadata_record records[] = {
        topic_record("a", topic_a),
        partition_record(topic_a, 0),
        partition_record(topic_a, 1),
        topic_record("b", topic_b),
        broker_record(1, 10),
        {.type = METADATA_RECORD_PRODUCER_IDS, .producer_ids = {.next_producer_id = 1000}},
    };
    for (size_t i = 0; i < ARRAY_LEN(records); i++) {
        must_replay(d, (int64_t)i, &records[i]);
    }
    metadata_image_unref(empty);
    return metadata_delta_finish(d);
}

/* The record cannot be replayed, and the sentence says `why`. */
static void refused(struct metadata_record record, enum err expected, const char *why)
{
    struct metadata_image *image = small_image();
    struct metadata_delta *d = metadata_delta_begin(image);
    enum err err = metadata_delta_replay(d, 100, &record);
    ck_assert_msg(err == expected, "%s instead of: %s", err_name(err), why);
    ck_assert_str_eq(metadata_delta_error(d), why);
    metadata_delta_drop(d);
    metadata_image_unref(image);
}

START_TEST(contradictions_of_topics_are_refused)
{
    struct uuid unknown = {9, 9};
    refused(topic_record("a", unknown), ERR_CORRUPT, "topic \"a\" is created, but exists");
    refused(topic_record("c", topic_a), ERR_CORRUPT,
            "topic id AAAAAAAAAAoAAAAAAAAACg of \"c\" is in use already");
    refused(topic_record("", unknown), ERR_CORRUPT, "a topic without a name or with a reserved id");
    refused(topic_record("c", UUID_METADATA_TOPIC), ERR_CORRUPT,
            "a topic without a name or with a reserved id");
    refused(
        (struct metadata_record){.type = METADATA_RECORD_REMOVE_TOPIC, .remove_topic = {unknown}},
        ERR_CORRUPT, "topic id AAAAAAAAAAkAAAAAAAAACQ is removed, but there is none");
    refused(partition_record(unknown, 0), ERR_CORRUPT,
            "partition 0 of unknown topic id AAAAAAAAAAkAAAAAAAAACQ");
    refused(partition_record(topic_a, 3), ERR_CORRUPT,
            "partition a-3: it is created before the partitions in front of it");
    refused(partition_record(topic_a, -1), ERR_CORRUPT,
            "partition a--1: it is created before the partitions in front of it");
    refused(change_record(topic_a, 2), ERR_CORRUPT,
            "partition a-2: it is changed, but there is none");
}
END_TEST

START_TEST(impossible_partitions_are_refused)
{
    struct metadata_record r = partition_record(topic_a, 2);
    struct metadata_record bad = r;
    bad.partition.replicas.count = 0;
    refused(bad, ERR_CORRUPT,
            "partition a-2: its replicas are none, too many, negative or doubled");
    bad.partition.replicas = IDS(1, 2, 1);
    refused(bad, ERR_CORRUPT,
            "partition a-2: its replicas are none, too many, negative or doubled");
    bad.partition.replicas = IDS(1, 2, -5);
    refused(bad, ERR_CORRUPT,
            "partition a-2: its replicas are none, too many, negative or doubled");
    int32_t many[METADATA_REPLICAS_MAX + 1];
    for (int32_t i = 0; i <= METADATA_REPLICAS_MAX; i++) {
        many[i] = i;
    }
    bad.partition.replicas = (struct metadata_ids){many, METADATA_REPLICAS_MAX + 1};
    refused(bad, ERR_CORRUPT,
            "partition a-2: its replicas are none, too many, negative or doubled");
    bad = r;
    bad.partition.isr = IDS(1, 4);
    refused(bad, ERR_CORRUPT, "partition a-2: its ISR is no set of its replicas");
    bad = r;
    bad.partition.adding_replicas = IDS(4);
    refused(bad, ERR_CORRUPT,
            "partition a-2: its adding or removing replicas are no set of its replicas");
    bad = r;
    bad.partition.elr = IDS(4, 4);
    refused(bad, ERR_CORRUPT,
            "partition a-2: its eligible leader replicas are too many, negative or doubled");
    bad = r;
    bad.partition.isr = IDS(2, 3);
    refused(bad, ERR_CORRUPT, "partition a-2: its leader is not in its ISR");
    bad = r;
    bad.partition.leader_epoch = -1;
    refused(bad, ERR_CORRUPT, "partition a-2: an epoch is negative");
    bad = r;
    bad.partition.directories = DIRS({200, 1});
    refused(bad, ERR_CORRUPT, "partition a-2: it has not one directory per replica");
    bad = change_record(topic_a, 0);
    bad.partition_change.has_isr = true;
    bad.partition_change.isr = IDS(2, 3);
    refused(bad, ERR_CORRUPT, "partition a-0: its leader is not in its ISR");
}
END_TEST

START_TEST(contradictions_of_brokers_and_others_are_refused)
{
    refused(broker_record(1, 9), ERR_CORRUPT, "broker 1 is registered with epoch 9, but has 10");
    refused(broker_record(-1, 9), ERR_CORRUPT, "broker id -1 is registered");
    refused(broker_change(2, 10, 1), ERR_CORRUPT, "broker 2 is changed, but not known");
    refused(broker_change(1, 11, 1), ERR_CORRUPT, "broker 1 is changed in epoch 11, but has 10");
    refused(broker_change(1, 10, 2), ERR_CORRUPT, "broker 1 is changed to an unknown state");
    refused((struct metadata_record){.type = METADATA_RECORD_UNREGISTER_BROKER,
                                     .unregister_broker = {1, 9}},
            ERR_CORRUPT, "broker 1 is changed in epoch 9, but has 10");
    refused((struct metadata_record){.type = METADATA_RECORD_REGISTER_CONTROLLER,
                                     .register_controller = {.controller_id = -1}},
            ERR_CORRUPT, "controller id -1 is registered");
    refused((struct metadata_record){.type = METADATA_RECORD_PRODUCER_IDS,
                                     .producer_ids = {.next_producer_id = 1000}},
            ERR_CORRUPT, "the next producer id goes back from 1000 to 1000");
    refused(config_record(99, "x", "k", "v"), ERR_UNSUPPORTED,
            "configuration of resource type 99 is not known to this version; upgrade it");
    refused((struct metadata_record){.type = METADATA_RECORD_FEATURE_LEVEL,
                                     .feature_level = {slice_str("f"), -1}},
            ERR_CORRUPT, "feature \"f\" gets level -1");
    refused((struct metadata_record){.type = METADATA_RECORD_END_TRANSACTION}, ERR_CORRUPT,
            "a metadata transaction ends that never began");
    refused((struct metadata_record){.type = METADATA_RECORD_ABORT_TRANSACTION}, ERR_CORRUPT,
            "a metadata transaction is aborted that never began");
}
END_TEST

/* Applies one record to the small image; the old image must not change. */
static struct metadata_image *after(struct metadata_image *before, struct metadata_record record)
{
    struct metadata_delta *d = metadata_delta_begin(before);
    must_replay(d, metadata_image_offset(before) + 1, &record);
    struct metadata_image *image = metadata_delta_finish(d);
    metadata_image_unref(before);
    return image;
}

START_TEST(topics_and_partitions)
{
    struct metadata_image *image = small_image();
    const struct metadata_topic *a = metadata_topic_by_name(image, slice_str("a"));
    ck_assert_ptr_nonnull(a);
    ck_assert_ptr_eq(a, metadata_topic_by_id(image, topic_a));
    ck_assert_int_eq(a->partition_count, 2);
    ck_assert(slice_eq_str(a->name, "a"));
    ck_assert_ptr_null(metadata_partition(a, 2));
    ck_assert_ptr_null(metadata_partition(a, -1));
    ck_assert_ptr_null(metadata_topic_by_name(image, slice_str("aa")));
    const struct metadata_partition *p = metadata_partition(a, 1);
    ck_assert_int_eq(p->leader, 1);
    ck_assert(metadata_ids_equal(metadata_isr(p), IDS(1, 2, 3)));
    ck_assert(uuid_eq(metadata_directory(image, p, 0), METADATA_DIR_UNASSIGNED));
    ck_assert_uint_eq(metadata_topic_count(image), 2);
    ck_assert_uint_eq(metadata_partition_count(image), 2);
    ck_assert_int_eq(metadata_image_offset(image), 5);
    struct metadata_iter it = metadata_topics_from(image, slice_str("aa"));
    ck_assert(slice_eq_str(metadata_topic_next(&it)->name, "b"));
    ck_assert_ptr_null(metadata_topic_next(&it));

    image = after(image, config_record(METADATA_CONFIG_TOPIC, "a", "retention.ms", "5"));
    image = after(image, (struct metadata_record){.type = METADATA_RECORD_REMOVE_TOPIC,
                                                  .remove_topic = {topic_a}});
    ck_assert_ptr_null(metadata_topic_by_name(image, slice_str("a")));
    ck_assert_uint_eq(metadata_partition_count(image), 0);
    ck_assert_ptr_null(metadata_config_resource(image, METADATA_CONFIG_TOPIC, slice_str("a")));
    ck_assert_uint_eq(metadata_partition_set_count(image, METADATA_SET_BROKER(1)), 0);
    image = after(image, topic_record("a", (struct uuid){0xc, 0xc}));
    ck_assert_int_eq(metadata_topic_by_name(image, slice_str("a"))->partition_count, 0);
    metadata_image_unref(image);
}
END_TEST

START_TEST(partition_changes_and_their_epochs)
{
    struct metadata_image *image = small_image();
    struct metadata_record r = change_record(topic_a, 0);
    image = after(image, r);
    const struct metadata_partition *p =
        metadata_partition(metadata_topic_by_id(image, topic_a), 0);
    ck_assert_int_eq(p->partition_epoch, 1);
    ck_assert_int_eq(p->leader_epoch, 0);

    r.partition_change.leader = 1; /* the same, but named: a new leader epoch */
    image = after(image, r);
    p = metadata_partition(metadata_topic_by_id(image, topic_a), 0);
    ck_assert_int_eq(p->partition_epoch, 2);
    ck_assert_int_eq(p->leader_epoch, 1);

    r = change_record(topic_a, 0);
    r.partition_change.has_directories = true;
    r.partition_change.directories = DIRS({0x100, 1}, {0x100, 2}, {0x100, 3});
    image = after(image, r);
    p = metadata_partition(metadata_topic_by_id(image, topic_a), 0);
    ck_assert(uuid_eq(metadata_directory(image, p, 2), (struct uuid){0x100, 3}));

    /* New replicas without directories: who stays keeps its own. */
    r = change_record(topic_a, 0);
    r.partition_change.has_replicas = true;
    r.partition_change.replicas = IDS(4, 3, 1);
    r.partition_change.has_isr = true;
    r.partition_change.isr = IDS(3, 1);
    r.partition_change.has_adding_replicas = true;
    r.partition_change.adding_replicas = IDS(4);
    r.partition_change.leader_recovery = METADATA_RECOVERING;
    image = after(image, r);
    p = metadata_partition(metadata_topic_by_id(image, topic_a), 0);
    ck_assert(metadata_ids_equal(metadata_replicas(p), IDS(4, 3, 1)));
    ck_assert(metadata_ids_equal(metadata_isr(p), IDS(3, 1)));
    ck_assert(metadata_ids_equal(metadata_adding_replicas(p), IDS(4)));
    ck_assert(uuid_eq(metadata_directory(image, p, 0), METADATA_DIR_UNASSIGNED));
    ck_assert(uuid_eq(metadata_directory(image, p, 1), (struct uuid){0x100, 3}));
    ck_assert(uuid_eq(metadata_directory(image, p, 2), (struct uuid){0x100, 1}));
    ck_assert_int_eq(p->recovering, 1);
    ck_assert_int_eq(p->leader_epoch, 1);
    ck_assert_uint_eq(metadata_partition_set_count(image, METADATA_SET_REASSIGNING), 1);
    ck_assert_uint_eq(metadata_partition_set_count(image, METADATA_SET_NOT_PREFERRED), 1);

    /* The last replica goes: nobody leads, ELR and the last leader are remembered. */
    r = change_record(topic_a, 0);
    r.partition_change.leader = METADATA_NO_LEADER;
    r.partition_change.has_isr = true;
    r.partition_change.has_elr = true;
    r.partition_change.elr = IDS(3);
    r.partition_change.has_last_known_elr = true;
    r.partition_change.last_known_elr = IDS(1);
    image = after(image, r);
    p = metadata_partition(metadata_topic_by_id(image, topic_a), 0);
    ck_assert_int_eq(p->leader, METADATA_NO_LEADER);
    ck_assert_uint_eq(metadata_isr(p).count, 0);
    ck_assert(metadata_ids_equal(metadata_elr(p), IDS(3)));
    ck_assert(metadata_ids_equal(metadata_last_known_elr(p), IDS(1)));
    ck_assert_uint_eq(metadata_partition_set_count(image, METADATA_SET_NO_LEADER), 1);
    ck_assert_uint_eq(metadata_partition_set_count(image, METADATA_SET_NOT_PREFERRED), 0);
    metadata_image_unref(image);
}
END_TEST

START_TEST(brokers_and_controllers)
{
    struct metadata_image *image = small_image();
    ck_assert(metadata_broker(image, 1)->fenced);
    ck_assert_int_eq(metadata_broker(image, 1)->registration_offset, 4);
    image = after(image, broker_change(1, 10, -1));
    ck_assert(metadata_broker_is_active(metadata_broker(image, 1)));
    struct metadata_record r = broker_change(1, 10, 0);
    r.broker_registration_change.in_controlled_shutdown = 1;
    r.broker_registration_change.has_log_dirs = true;
    r.broker_registration_change.log_dirs = DIRS({0x100, 2}, {0x100, 1});
    image = after(image, r);
    const struct metadata_broker *b = metadata_broker(image, 1);
    ck_assert(!b->fenced && b->in_controlled_shutdown && !metadata_broker_is_active(b));
    ck_assert(uuid_eq(b->log_dirs.items[0], (struct uuid){0x100, 1}));
    ck_assert(metadata_broker_dir_online(b, (struct uuid){0x100, 2}));
    ck_assert(metadata_broker_dir_online(b, METADATA_DIR_UNASSIGNED));
    ck_assert(metadata_broker_dir_online(b, METADATA_DIR_MIGRATING));
    ck_assert(!metadata_broker_dir_online(b, METADATA_DIR_LOST));
    ck_assert(!metadata_broker_dir_online(b, (struct uuid){0x100, 3}));
    r = broker_record(1, 20);
    struct metadata_endpoint endpoint = {slice_str("EXT"), slice_str("h"), 9, METADATA_SSL};
    r.register_broker.endpoints = (struct metadata_endpoints){&endpoint, 1};
    image = after(image, r);
    b = metadata_broker(image, 1);
    ck_assert(b->fenced && !b->in_controlled_shutdown && b->epoch == 20);
    ck_assert_int_eq(metadata_endpoint_find(b->endpoints, slice_str("EXT"))->port, 9);
    ck_assert_ptr_null(metadata_endpoint_find(b->endpoints, slice_str("INT")));
    image = after(image, (struct metadata_record){.type = METADATA_RECORD_REGISTER_CONTROLLER,
                                                  .register_controller = {.controller_id = 3}});
    ck_assert_int_eq(metadata_controller(image, 3)->id, 3);
    ck_assert_ptr_null(metadata_controller(image, 4));
    image = after(image, (struct metadata_record){.type = METADATA_RECORD_UNREGISTER_BROKER,
                                                  .unregister_broker = {1, 20}});
    ck_assert_uint_eq(metadata_broker_count(image), 0);
    metadata_image_unref(image);
}
END_TEST

START_TEST(configs_and_features)
{
    struct metadata_image *image = small_image();
    int8_t type = METADATA_CONFIG_BROKER;
    image = after(image, config_record(type, "", "b", "2"));
    image = after(image, config_record(type, "", "c", "3"));
    image = after(image, config_record(type, "", "a", "1"));
    image = after(image, config_record(type, "", "b", "two"));
    image = after(image, config_record(type, "1", "b", ""));
    struct slice none = slice_str("");
    ck_assert(slice_eq_str(metadata_config_get(image, type, none, slice_str("a")), "1"));
    ck_assert(slice_eq_str(metadata_config_get(image, type, none, slice_str("b")), "two"));
    ck_assert(slice_eq_str(metadata_config_get(image, type, none, slice_str("c")), "3"));
    ck_assert(slice_is_null(metadata_config_get(image, type, none, slice_str("d"))));
    ck_assert(slice_eq_str(metadata_config_get(image, type, slice_str("1"), slice_str("b")), ""));
    image = after(image, config_record(type, "", "nothing", NULL));
    image = after(image, config_record(type, "", "b", NULL));
    ck_assert_uint_eq(metadata_config_resource(image, type, none)->count, 2);
    image = after(image, config_record(type, "1", "b", NULL));
    ck_assert_ptr_null(metadata_config_resource(image, type, slice_str("1")));

    struct metadata_record r = {.type = METADATA_RECORD_FEATURE_LEVEL,
                                .feature_level = {slice_str("group.version"), 1}};
    image = after(image, r);
    ck_assert_int_eq(metadata_feature_level(image, slice_str("group.version")), 1);
    r.feature_level.level = 0;
    image = after(image, r);
    ck_assert_int_eq(metadata_feature_level(image, slice_str("group.version")), 0);
    /* Of the quorum; Kafka 4.0 has written such a record (KAFKA-18979). */
    r.feature_level = (struct metadata_feature_level){slice_str("kraft.version"), 1};
    image = after(image, r);
    struct metadata_iter it = metadata_features(image);
    ck_assert_ptr_null(metadata_feature_next(&it));
    metadata_image_unref(image);
}
END_TEST

START_TEST(transactions_are_all_or_nothing)
{
    struct metadata_record begin = {.type = METADATA_RECORD_BEGIN_TRANSACTION};
    struct metadata_record end = {.type = METADATA_RECORD_END_TRANSACTION};
    struct metadata_record abort = {.type = METADATA_RECORD_ABORT_TRANSACTION};
    struct metadata_image *image = small_image();
    image = after(image, begin);
    image = after(image, topic_record("c", (struct uuid){0xc, 0xc}));
    ck_assert(metadata_image_in_transaction(image));
    ck_assert_ptr_nonnull(metadata_topic_by_name(image, slice_str("c")));
    const struct metadata_image *stable = metadata_image_stable(image);
    ck_assert_ptr_null(metadata_topic_by_name(stable, slice_str("c")));
    ck_assert_int_eq(metadata_image_offset(stable), 5);
    ck_assert_int_eq(metadata_image_offset(image), 7);

    image = after(image, abort);
    ck_assert(!metadata_image_in_transaction(image));
    ck_assert_ptr_null(metadata_topic_by_name(image, slice_str("c")));
    ck_assert_int_eq(metadata_image_offset(image), 8);
    ck_assert_ptr_eq(metadata_image_stable(image), image);

    image = after(image, begin);
    image = after(image, topic_record("c", (struct uuid){0xc, 0xc}));
    image = after(image, end);
    ck_assert_ptr_nonnull(metadata_topic_by_name(image, slice_str("c")));
    ck_assert_ptr_eq(metadata_image_stable(image), image);

    image = after(image, begin);
    struct metadata_delta *d = metadata_delta_begin(image);
    ck_assert_int_eq(metadata_delta_replay(d, 50, &begin), ERR_CORRUPT);
    ck_assert_str_eq(metadata_delta_error(d), "a metadata transaction begins inside another one");
    metadata_delta_drop(d);
    metadata_image_unref(image);
}
END_TEST

/* Partitions stored in a transaction that is aborted do not show, though their topic was at hand.
 */
START_TEST(partitions_do_not_leak_out_of_a_transaction)
{
    struct metadata_image *base = small_image();
    struct metadata_delta *d = metadata_delta_begin(base);
    struct metadata_record records[] = {
        partition_record(topic_a, 2), /* from here on topic "a" is at hand */
        {.type = METADATA_RECORD_BEGIN_TRANSACTION},
        partition_record(topic_a, 3),
        partition_record(topic_a, 4),
        {.type = METADATA_RECORD_ABORT_TRANSACTION},
        partition_record(topic_a, 3),
    };
    for (size_t i = 0; i < ARRAY_LEN(records); i++) {
        must_replay(d, 10 + (int64_t)i, &records[i]);
    }
    struct metadata_image *image = metadata_delta_finish(d);
    ck_assert_int_eq(metadata_topic_by_id(image, topic_a)->partition_count, 4);
    ck_assert_int_eq(metadata_topic_by_id(base, topic_a)->partition_count, 2);
    ck_assert_uint_eq(metadata_partition_count(image), 4);
    metadata_image_unref(image);
    metadata_image_unref(base);
}
END_TEST

/* A topic that goes and comes again under its id is another one. */
START_TEST(a_removed_topic_is_not_at_hand_any_more)
{
    struct metadata_image *base = small_image();
    struct metadata_delta *d = metadata_delta_begin(base);
    struct metadata_record records[] = {
        partition_record(topic_a, 2),
        {.type = METADATA_RECORD_REMOVE_TOPIC, .remove_topic = {topic_a}},
        topic_record("c", topic_a),
        partition_record(topic_a, 0),
    };
    for (size_t i = 0; i < ARRAY_LEN(records); i++) {
        must_replay(d, 10 + (int64_t)i, &records[i]);
    }
    struct metadata_image *image = metadata_delta_finish(d);
    ck_assert_int_eq(metadata_topic_by_id(image, topic_a)->partition_count, 1);
    ck_assert_uint_eq(metadata_partition_count(image), 1);
    metadata_image_unref(image);
    metadata_image_unref(base);
}
END_TEST

START_TEST(position_advances)
{
    struct metadata_image *image = metadata_image_new(slice_str("my cluster"));
    ck_assert_int_eq(metadata_image_offset(image), -1);
    struct metadata_delta *d = metadata_delta_begin(image);
    metadata_delta_advance(d, 10, 3, 1000);
    metadata_delta_advance(d, 12, 3, 900); /* clocks may differ */
    struct metadata_image *next = metadata_delta_finish(d);
    ck_assert_int_eq(metadata_image_offset(next), 12);
    ck_assert_int_eq(metadata_image_epoch(next), 3);
    ck_assert_int_eq(metadata_image_timestamp_ms(next), 1000);
    ck_assert(slice_eq_str(metadata_image_cluster_id(next), "my cluster"));
    metadata_image_unref(image);
    metadata_image_unref(next);
}
END_TEST

static void fill(TCase *tc)
{
    tcase_add_test(tc, contradictions_of_topics_are_refused);
    tcase_add_test(tc, impossible_partitions_are_refused);
    tcase_add_test(tc, contradictions_of_brokers_and_others_are_refused);
    tcase_add_test(tc, topics_and_partitions);
    tcase_add_test(tc, partition_changes_and_their_epochs);
    tcase_add_test(tc, brokers_and_controllers);
    tcase_add_test(tc, configs_and_features);
    tcase_add_test(tc, transactions_are_all_or_nothing);
    tcase_add_test(tc, partitions_do_not_leak_out_of_a_transaction);
    tcase_add_test(tc, a_removed_topic_is_not_at_hand_any_more);
    tcase_add_test(tc, position_advances);
}

int main(void)
{
    return run_suite("replay", fill);
}
