/* AssignReplicasToDirs: what brokers tell of their log directories. */
#include "controller/decide/dirs.h"
#include "tests/unit/controller/world.h"

static const struct uuid first = {5, 5001};
static const struct uuid second = {5, 5002};
static const struct uuid unregistered = {5, 5003};

/* Brokers 1 (with two directories) to 4; the topic t. */
static struct uuid set_up(struct world *w)
{
    struct uuid dirs[] = {first, second};
    struct wire_broker_registration_request_features features[] = WORLD_FEATURES;
    struct wire_broker_registration_request request;
    struct slice why;
    world_init(w, 1);
    wire_init(&wire_msg_broker_registration_request, &request);
    request.broker_id = 1;
    request.cluster_id = slice_str(CLUSTER_ID);
    request.features = features;
    request.features_count = ARRAY_LEN(features);
    request.log_dirs = dirs;
    request.log_dirs_count = 2;
    struct decision *out = world_begin(w);
    struct decide_input in = world_input(w);
    in.api_version = 4;
    decide_register_broker(&in, &request, false, out, &why);
    world_apply(w);
    world_beat(w, 1, (struct beat){0});
    for (int32_t id = 2; id <= 4; id++) {
        world_broker(w, id, NULL);
    }
    return world_topic(w, "t", "1,2,3;2,3,4");
}

struct telling {
    int32_t broker;
    int64_t epoch_off;
    struct uuid dir;
    struct uuid topic;
    int32_t partition;
};

/* The error of the partition; how many records were written is left in the decision. */
static int tell(struct world *w, struct telling t)
{
    struct wire_assign_replicas_to_dirs_request_directories_topics_partitions partition = {
        t.partition};
    struct wire_assign_replicas_to_dirs_request_directories_topics topic = {
        .topic_id = t.topic, .partitions = &partition, .partitions_count = 1};
    struct wire_assign_replicas_to_dirs_request_directories dir = {
        .id = t.dir, .topics = &topic, .topics_count = 1};
    const struct metadata_broker *broker = metadata_broker(w->image, t.broker);
    struct wire_assign_replicas_to_dirs_request request = {
        .broker_id = t.broker,
        .broker_epoch = (broker == NULL ? 0 : broker->epoch) + t.epoch_off,
        .directories = &dir,
        .directories_count = 1};
    struct decision *out = world_begin(w);
    struct decide_input in = world_input(w);
    decide_assign_replicas_to_dirs(&in, &request, out);
    world_apply(w);
    const struct wire_assign_replicas_to_dirs_response *response = out->response;
    if (response->error_code != ERR_NONE) {
        ck_assert_int_eq(response->directories_count, 0);
        return response->error_code;
    }
    ck_assert(uuid_eq(response->directories[0].id, t.dir));
    ck_assert(uuid_eq(response->directories[0].topics[0].topic_id, t.topic));
    return response->directories[0].topics[0].partitions[0].error_code;
}

static struct uuid dir_of(const struct world *w, struct uuid topic, int32_t broker)
{
    return metadata_directory_of(w->image, partition_of(w->image, topic, 0), broker);
}

START_TEST(refuses_what_it_does_not_know)
{
    struct world w;
    struct uuid t = set_up(&w);
    ck_assert_int_eq(tell(&w, (struct telling){9, 0, first, t, 0}), ERR_STALE_BROKER_EPOCH);
    ck_assert_int_eq(tell(&w, (struct telling){1, 1, first, t, 0}), ERR_STALE_BROKER_EPOCH);
    ck_assert_int_eq(tell(&w, (struct telling){1, 0, first, {4, 4}, 0}), ERR_UNKNOWN_TOPIC_ID);
    ck_assert_int_eq(tell(&w, (struct telling){1, 0, first, t, 7}), ERR_UNKNOWN_TOPIC_OR_PARTITION);
    ck_assert_int_eq(tell(&w, (struct telling){1, 0, first, t, 1}), ERR_NOT_LEADER_OR_FOLLOWER);
    ck_assert_uint_eq(w.decision.count, 0);
    world_fini(&w);
}
END_TEST

START_TEST(the_directory_changes_and_nothing_else)
{
    struct world w;
    struct uuid t = set_up(&w);
    ck_assert(uuid_eq(dir_of(&w, t, 1), METADATA_DIR_UNASSIGNED));
    struct uuid of_2 = dir_of(&w, t, 2);
    ck_assert_int_eq(tell(&w, (struct telling){1, 0, first, t, 0}), ERR_NONE);
    ck_assert_uint_eq(w.decision.count, 1);
    ck_assert(uuid_eq(dir_of(&w, t, 1), first));
    ck_assert(uuid_eq(dir_of(&w, t, 2), of_2));
    ck_assert_str_eq(world_show(&w, t, 0), "1/0/1 isr=1,2,3");
    /* Told again: nothing new. */
    ck_assert_int_eq(tell(&w, (struct telling){1, 0, first, t, 0}), ERR_NONE);
    ck_assert_uint_eq(w.decision.count, 0);
    ck_assert_int_eq(tell(&w, (struct telling){1, 0, second, t, 0}), ERR_NONE);
    ck_assert(uuid_eq(dir_of(&w, t, 1), second));
    world_fini(&w);
}
END_TEST

START_TEST(a_replica_in_a_directory_that_is_gone_leaves_the_isr)
{
    struct world w;
    struct uuid t = set_up(&w);
    ck_assert_int_eq(tell(&w, (struct telling){1, 0, unregistered, t, 0}), ERR_NONE);
    ck_assert(uuid_eq(dir_of(&w, t, 1), unregistered));
    ck_assert_str_eq(world_show(&w, t, 0), "2/1/1 isr=2,3");
    world_fini(&w);
}
END_TEST

UNIT_MAIN("dirs", refuses_what_it_does_not_know, the_directory_changes_and_nothing_else,
          a_replica_in_a_directory_that_is_gone_leaves_the_isr)
