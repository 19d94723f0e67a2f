/* CreateTopics, DeleteTopics, CreatePartitions. */
#include "tests/unit/controller/world.h"

#include "controller/decide/names.h"
#include "controller/decide/partitions.h"

struct request {
    const char *name;
    int32_t partitions;
    int16_t factor;
    const char *config; /* name, or NULL */
    const char *value;
    bool validate_only;
};

static const struct wire_create_topics_response *
create_all(struct world *w, const struct request *wanted, int32_t count)
{
    static struct wire_create_topics_request_topics topics[16];
    static struct wire_create_topics_request_topics_configs configs[16];
    struct wire_create_topics_request request = {.topics = topics, .topics_count = count};
    for (int32_t i = 0; i < count; i++) {
        configs[i] = (struct wire_create_topics_request_topics_configs){slice_str(wanted[i].config),
                                                                        slice_str(wanted[i].value)};
        topics[i] = (struct wire_create_topics_request_topics){
            .name = slice_str(wanted[i].name),
            .num_partitions = wanted[i].partitions,
            .replication_factor = wanted[i].factor,
            .configs = &configs[i],
            .configs_count = wanted[i].config == NULL ? 0 : 1,
        };
        request.validate_only = request.validate_only || wanted[i].validate_only;
    }
    struct decision *out = world_begin(w);
    struct decide_input in = world_input(w);
    decide_create_topics(&in, &request, out);
    world_apply(w);
    return out->response;
}

static int create(struct world *w, struct request wanted)
{
    const struct wire_create_topics_response *response = create_all(w, &wanted, 1);
    ck_assert_int_eq(response->topics_count, 1);
    if (response->topics[0].error_code != 0) {
        ck_assert_uint_eq(w->decision.count, 0);
    }
    return response->topics[0].error_code;
}

static void two_brokers(struct world *w)
{
    world_init(w, 7);
    world_broker(w, 1, NULL);
    world_broker(w, 2, NULL);
}

START_TEST(refuses_names)
{
    struct world w;
    char longest[DECIDE_NAME_BYTES_MAX + 2];
    memset(longest, 'n', sizeof longest);
    longest[DECIDE_NAME_BYTES_MAX + 1] = '\0';
    two_brokers(&w);
    const char *bad[] = {"", ".", "..", "a b", "a/b", "\xc3\xa4", "a\nb", longest};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        ck_assert_int_eq(create(&w, (struct request){bad[i], 1, 1, NULL, NULL, false}),
                         ERR_INVALID_TOPIC_EXCEPTION);
    }
    ck_assert_int_eq(create(&w, (struct request){"__cluster_metadata", 1, 1, NULL, NULL, false}),
                     ERR_INVALID_REQUEST);
    ck_assert_int_eq(create(&w, (struct request){longest + 1, 1, 1, NULL, NULL, false}), 0);
    world_fini(&w);
}
END_TEST

START_TEST(refuses_names_that_collide)
{
    struct world w;
    two_brokers(&w);
    ck_assert_int_eq(create(&w, (struct request){"a.b_c", 1, 1, NULL, NULL, false}), 0);
    ck_assert_int_eq(create(&w, (struct request){"a.b_c", 1, 1, NULL, NULL, false}),
                     ERR_TOPIC_ALREADY_EXISTS);
    const char *bad[] = {"a_b_c", "a.b.c", "a_b.c"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        ck_assert_int_eq(create(&w, (struct request){bad[i], 1, 1, NULL, NULL, false}),
                         ERR_INVALID_TOPIC_EXCEPTION);
    }
    const char *good[] = {"a-b_c", "a.b", "a_b_c_", "_a.b_c", "abc"};
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        ck_assert_int_eq(create(&w, (struct request){good[i], 1, 1, NULL, NULL, false}), 0);
    }
    struct request both[] = {{"x.y", 1, 1, NULL, NULL, false}, {"x_y", 1, 1, NULL, NULL, false}};
    const struct wire_create_topics_response *response = create_all(&w, both, 2);
    ck_assert_int_eq(response->topics[0].error_code, 0);
    ck_assert_int_eq(response->topics[1].error_code, ERR_INVALID_TOPIC_EXCEPTION);
    world_fini(&w);
}
END_TEST

/* Collisions by brute force over all pairs of short names. */
START_TEST(collisions_are_those_of_the_normal_names)
{
    struct world w;
    struct prng prng;
    prng_init(&prng, 11);
    two_brokers(&w);
    for (int i = 0; i < 200; i++) {
        char name[8] = {0};
        size_t len = prng_below(&prng, 6) + 3;
        for (size_t k = 0; k < len && k < 7; k++) {
            name[k] = "a._"[prng_below(&prng, 3)];
        }
        bool exists = metadata_topic_by_name(w.image, slice_str(name)) != NULL;
        bool collides = false;
        struct metadata_iter it = metadata_topics(w.image);
        const struct metadata_topic *topic;
        struct arena arena = {0};
        while ((topic = metadata_topic_next(&it)) != NULL) {
            collides = collides || slice_eq(decide_name_normal(topic->name, &arena),
                                            decide_name_normal(slice_str(name), &arena));
        }
        arena_fini(&arena);
        int expected = exists     ? ERR_TOPIC_ALREADY_EXISTS
                       : collides ? ERR_INVALID_TOPIC_EXCEPTION
                                  : 0;
        ck_assert_int_eq(create(&w, (struct request){name, 1, 1, NULL, NULL, false}), expected);
    }
    world_fini(&w);
}
END_TEST

START_TEST(refuses_numbers)
{
    struct world w;
    two_brokers(&w);
    ck_assert_int_eq(create(&w, (struct request){"t", 0, 1, NULL, NULL, false}),
                     ERR_INVALID_PARTITIONS);
    ck_assert_int_eq(create(&w, (struct request){"t", -2, 1, NULL, NULL, false}),
                     ERR_INVALID_PARTITIONS);
    ck_assert_int_eq(create(&w, (struct request){"t", 1, 0, NULL, NULL, false}),
                     ERR_INVALID_REPLICATION_FACTOR);
    ck_assert_int_eq(create(&w, (struct request){"t", 1, -2, NULL, NULL, false}),
                     ERR_INVALID_REPLICATION_FACTOR);
    ck_assert_int_eq(create(&w, (struct request){"t", 1, 3, NULL, NULL, false}),
                     ERR_INVALID_REPLICATION_FACTOR);
    ck_assert_int_eq(create(&w, (struct request){"t", 10001, 1, NULL, NULL, false}),
                     ERR_POLICY_VIOLATION);
    ck_assert_int_eq(create(&w, (struct request){"t", INT32_MAX, 1, NULL, NULL, false}),
                     ERR_POLICY_VIOLATION);
    world_fence(&w, 1);
    world_fence(&w, 2);
    ck_assert_int_eq(create(&w, (struct request){"t", 1, 1, NULL, NULL, false}),
                     ERR_INVALID_REPLICATION_FACTOR);
    world_fini(&w);
}
END_TEST

START_TEST(refuses_configs)
{
    struct world w;
    two_brokers(&w);
    ck_assert_int_eq(create(&w, (struct request){"t", 1, 1, "no.such", "1", false}),
                     ERR_INVALID_CONFIG);
    ck_assert_int_eq(create(&w, (struct request){"t", 1, 1, "retention.ms", "soon", false}),
                     ERR_INVALID_CONFIG);
    ck_assert_int_eq(create(&w, (struct request){"t", 1, 1, "retention.ms", NULL, false}),
                     ERR_INVALID_CONFIG);
    world_fini(&w);
}
END_TEST

START_TEST(one_refused_topic_leaves_the_others)
{
    struct world w;
    two_brokers(&w);
    struct request wanted[] = {{"a", 1, 1, NULL, NULL, false},
                               {"b", 1, 5, NULL, NULL, false},
                               {"twice", 1, 1, NULL, NULL, false},
                               {"c", 2, 2, "retention.ms", "5", false},
                               {"twice", 1, 1, NULL, NULL, false}};
    const struct wire_create_topics_response *response = create_all(&w, wanted, 5);
    ck_assert_int_eq(response->topics_count, 4);
    ck_assert_int_eq(response->topics[0].error_code, 0);
    ck_assert_int_eq(response->topics[1].error_code, ERR_INVALID_REPLICATION_FACTOR);
    ck_assert_int_eq(response->topics[1].num_partitions, -1);
    ck_assert_int_eq(response->topics[2].error_code, ERR_INVALID_REQUEST);
    ck_assert_int_eq(response->topics[3].error_code, 0);
    ck_assert_int_eq(response->topics[3].num_partitions, 2);
    ck_assert_int_eq(response->topics[3].replication_factor, 2);
    /* Topic, configuration, partitions; each topic one batch. */
    const enum metadata_record_type types[] = {
        METADATA_RECORD_TOPIC,  METADATA_RECORD_PARTITION, METADATA_RECORD_TOPIC,
        METADATA_RECORD_CONFIG, METADATA_RECORD_PARTITION, METADATA_RECORD_PARTITION};
    const bool joined[] = {false, true, false, true, true, true};
    ck_assert_uint_eq(w.decision.count, ARRAY_LEN(types));
    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        ck_assert_int_eq(w.decision.records[i].type, types[i]);
        ck_assert_int_eq(w.decision.joined[i], joined[i]);
    }
    ck_assert(metadata_topic_by_name(w.image, slice_str("b")) == NULL);
    world_fini(&w);
}
END_TEST

START_TEST(defaults_and_effective_configs)
{
    struct world w;
    two_brokers(&w);
    world_set(&w, "num.partitions=3");
    world_set(&w, "default.replication.factor=2");
    world_set(&w, "log.retention.hours=1");
    struct request wanted[] = {{"plain", -1, -1, NULL, NULL, false},
                               {"own", 1, 1, "cleanup.policy", "compact", false}};
    const struct wire_create_topics_response *response = create_all(&w, wanted, 2);
    ck_assert_int_eq(response->topics[0].num_partitions, 3);
    ck_assert_int_eq(response->topics[0].replication_factor, 2);
    int seen = 0;
    for (int32_t i = 0; i < response->topics[1].configs_count; i++) {
        const struct wire_create_topics_response_topics_configs *c =
            &response->topics[1].configs[i];
        if (slice_eq_str(c->name, "cleanup.policy")) {
            ck_assert(slice_eq_str(c->value, "compact"));
            ck_assert_int_eq(c->config_source, SETTINGS_SOURCE_TOPIC);
            seen++;
        }
        if (slice_eq_str(c->name, "retention.ms")) {
            ck_assert(slice_eq_str(c->value, "3600000"));
            ck_assert_int_eq(c->config_source, SETTINGS_SOURCE_STATIC);
            seen++;
        }
    }
    ck_assert_int_eq(seen, 2);
    world_fini(&w);
}
END_TEST

START_TEST(validate_only_creates_nothing)
{
    struct world w;
    two_brokers(&w);
    const struct wire_create_topics_response *response =
        create_all(&w, &(struct request){"t", 2, 2, NULL, NULL, true}, 1);
    ck_assert_int_eq(response->topics[0].error_code, 0);
    ck_assert_int_eq(response->topics[0].num_partitions, 2);
    ck_assert_uint_eq(w.decision.count, 0);
    world_fini(&w);
}
END_TEST

START_TEST(ten_thousand_partitions_in_one_request)
{
    struct world w;
    two_brokers(&w);
    ck_assert_int_eq(create(&w, (struct request){"big", 10000, 2, NULL, NULL, false}), 0);
    ck_assert_uint_eq(metadata_partition_count(w.image), 10000);
    world_fini(&w);
}
END_TEST

/* ---- manual assignments ---- */

static int assign(struct world *w, struct wire_create_topics_request_topics_assignments *a,
                  int32_t count)
{
    struct wire_create_topics_request_topics topic = {.name = slice_str("t"),
                                                      .num_partitions = -1,
                                                      .replication_factor = -1,
                                                      .assignments = a,
                                                      .assignments_count = count};
    struct wire_create_topics_request request = {.topics = &topic, .topics_count = 1};
    struct decision *out = world_begin(w);
    struct decide_input in = world_input(w);
    decide_create_topics(&in, &request, out);
    world_apply(w);
    return ((struct wire_create_topics_response *)out->response)->topics[0].error_code;
}

START_TEST(manual_assignments)
{
    struct world w;
    int32_t one_two[] = {1, 2};
    int32_t one_nine[] = {1, 9};
    int32_t one_one[] = {1, 1};
    int32_t one[] = {1};
    struct wire_create_topics_request_topics_assignments a[] = {{0, one_two, 2}, {1, one_two, 2}};
    two_brokers(&w);
    a[0].broker_ids_count = 0;
    ck_assert_int_eq(assign(&w, a, 2), ERR_INVALID_REPLICA_ASSIGNMENT);
    a[0] = (struct wire_create_topics_request_topics_assignments){0, one_nine, 2};
    ck_assert_int_eq(assign(&w, a, 2), ERR_INVALID_REPLICA_ASSIGNMENT);
    a[0] = (struct wire_create_topics_request_topics_assignments){0, one_one, 2};
    ck_assert_int_eq(assign(&w, a, 2), ERR_INVALID_REPLICA_ASSIGNMENT);
    a[0] = (struct wire_create_topics_request_topics_assignments){0, one, 1};
    ck_assert_int_eq(assign(&w, a, 2), ERR_INVALID_REPLICA_ASSIGNMENT);
    a[0] = (struct wire_create_topics_request_topics_assignments){2, one_two, 2};
    ck_assert_int_eq(assign(&w, a, 2), ERR_INVALID_REPLICA_ASSIGNMENT);
    world_fence(&w, 1);
    a[0] = (struct wire_create_topics_request_topics_assignments){0, one, 1};
    ck_assert_int_eq(assign(&w, a, 1), ERR_INVALID_REPLICA_ASSIGNMENT);
    /* Out of order, a fenced replica: it is not in sync, the active one leads. */
    a[0] = (struct wire_create_topics_request_topics_assignments){1, one_two, 2};
    a[1] = (struct wire_create_topics_request_topics_assignments){0, one_two, 2};
    ck_assert_int_eq(assign(&w, a, 2), 0);
    const struct metadata_topic *topic = metadata_topic_by_name(w.image, slice_str("t"));
    ck_assert_str_eq(world_show(&w, topic->id, 0), "2/0/0 isr=2");
    ck_assert_uint_eq(metadata_replicas(metadata_partition(topic, 1)).count, 2);
    world_fini(&w);
}
END_TEST

/* ---- DeleteTopics ---- */

static int delete_topic(struct world *w, const char *name, struct uuid id)
{
    struct wire_delete_topics_request_topics topic = {slice_str(name), id};
    struct wire_delete_topics_request request = {.topics = &topic, .topics_count = 1};
    struct decision *out = world_begin(w);
    struct decide_input in = world_input(w);
    in.api_version = 6;
    decide_delete_topics(&in, &request, out);
    world_apply(w);
    return ((struct wire_delete_topics_response *)out->response)->responses[0].error_code;
}

START_TEST(deletes_topics)
{
    struct world w;
    two_brokers(&w);
    struct uuid a = world_topic(&w, "a", "1,2");
    struct uuid b = world_topic(&w, "b", "1,2");
    world_config(&w, "a", "retention.ms", "5");
    ck_assert_int_eq(delete_topic(&w, "a", a), ERR_INVALID_REQUEST);
    ck_assert_int_eq(delete_topic(&w, NULL, UUID_ZERO), ERR_INVALID_REQUEST);
    ck_assert_int_eq(delete_topic(&w, "x", UUID_ZERO), ERR_UNKNOWN_TOPIC_OR_PARTITION);
    ck_assert_int_eq(delete_topic(&w, NULL, (struct uuid){9, 9}), ERR_UNKNOWN_TOPIC_ID);
    ck_assert_int_eq(delete_topic(&w, "a", UUID_ZERO), 0);
    ck_assert_int_eq(delete_topic(&w, NULL, b), 0);
    const struct wire_delete_topics_response *response = w.decision.response;
    ck_assert_msg(slice_eq_str(response->responses[0].name, "b"), "tells the name");
    ck_assert_uint_eq(metadata_topic_count(w.image), 0);
    ck_assert(slice_is_null(metadata_config_get(w.image, METADATA_CONFIG_TOPIC, slice_str("a"),
                                                slice_str("retention.ms"))));
    world_fini(&w);
}
END_TEST

START_TEST(deletes_nothing_when_it_is_forbidden_or_asked_twice)
{
    struct world w;
    two_brokers(&w);
    world_topic(&w, "a", "1,2");
    struct slice names[] = {slice_str("a"), slice_str("a")};
    struct wire_delete_topics_request request = {.topic_names = names, .topic_names_count = 2};
    struct decision *out = world_begin(&w);
    struct decide_input in = world_input(&w);
    in.api_version = 3;
    decide_delete_topics(&in, &request, out);
    const struct wire_delete_topics_response *response = out->response;
    ck_assert_uint_eq(out->count, 1);
    ck_assert_int_eq(response->responses[0].error_code, 0);
    ck_assert_int_eq(response->responses[1].error_code, ERR_INVALID_REQUEST);
    world_set(&w, "delete.topic.enable=false");
    ck_assert_int_eq(delete_topic(&w, "a", UUID_ZERO), ERR_TOPIC_DELETION_DISABLED);
    world_fini(&w);
}
END_TEST

/* ---- CreatePartitions ---- */

static int grow(struct world *w, const char *name, int32_t count, const char *replicas)
{
    int32_t ids[4];
    struct wire_create_partitions_request_topics_assignments a = {ids, 0};
    for (const char *at = replicas; at != NULL && *at != '\0'; at += *at == ',' ? 1 : 0) {
        ids[a.broker_ids_count++] = (int32_t)strtol(at, (char **)&at, 10);
    }
    struct wire_create_partitions_request_topics topic = {.name = slice_str(name),
                                                          .count = count,
                                                          .assignments = &a,
                                                          .assignments_count =
                                                              replicas == NULL ? -1 : 1};
    struct wire_create_partitions_request request = {.topics = &topic, .topics_count = 1};
    struct decision *out = world_begin(w);
    struct decide_input in = world_input(w);
    decide_create_partitions(&in, &request, out);
    world_apply(w);
    return ((struct wire_create_partitions_response *)out->response)->results[0].error_code;
}

START_TEST(adds_partitions)
{
    struct world w;
    two_brokers(&w);
    struct uuid t = world_topic(&w, "t", "1,2;2,1");
    ck_assert_int_eq(grow(&w, "x", 3, NULL), ERR_UNKNOWN_TOPIC_OR_PARTITION);
    ck_assert_int_eq(grow(&w, "t", 2, NULL), ERR_INVALID_PARTITIONS);
    ck_assert_int_eq(grow(&w, "t", 1, NULL), ERR_INVALID_PARTITIONS);
    ck_assert_int_eq(grow(&w, "t", -1, NULL), ERR_INVALID_PARTITIONS);
    ck_assert_int_eq(grow(&w, "t", 20000, NULL), ERR_POLICY_VIOLATION);
    ck_assert_int_eq(grow(&w, "t", 4, "1,2"), ERR_INVALID_REPLICA_ASSIGNMENT);
    ck_assert_int_eq(grow(&w, "t", 3, "1"), ERR_INVALID_REPLICA_ASSIGNMENT);
    ck_assert_int_eq(grow(&w, "t", 3, "2,1"), 0);
    ck_assert_str_eq(world_show(&w, t, 2), "2/0/0 isr=2,1");
    ck_assert_int_eq(grow(&w, "t", 9, NULL), 0);
    ck_assert_int_eq(metadata_topic_by_id(w.image, t)->partition_count, 9);
    ck_assert_uint_eq(metadata_replicas(partition_of(w.image, t, 8)).count, 2);
    world_fence(&w, 2);
    ck_assert_int_eq(grow(&w, "t", 10, "2,1"), 0);
    ck_assert_str_eq(world_show(&w, t, 9), "1/0/0 isr=1");
    world_fini(&w);
}
END_TEST

UNIT_MAIN("topics", refuses_names, refuses_names_that_collide,
          collisions_are_those_of_the_normal_names, refuses_numbers, refuses_configs,
          one_refused_topic_leaves_the_others, defaults_and_effective_configs,
          validate_only_creates_nothing, ten_thousand_partitions_in_one_request, manual_assignments,
          deletes_topics, deletes_nothing_when_it_is_forbidden_or_asked_twice, adds_partitions)
