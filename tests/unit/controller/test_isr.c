/* AlterPartition: every check, in order. */
#include "tests/unit/controller/world.h"

struct alter {
    int32_t sender;
    int64_t sender_epoch; /* 0: the right one */
    bool wrong_topic;
    int32_t partition;
    int32_t leader_epoch_off; /* added to the right one */
    int32_t partition_epoch_off;
    int8_t recovery;
    const char *isr;      /* "1,2" */
    int32_t stale_member; /* this member's epoch is wrong */
};

static struct uuid topic_id;

static int alter(struct world *w, struct alter a)
{
    struct wire_alter_partition_request_topics_partitions_new_isr_with_epochs members[8];
    int32_t ids[8];
    const struct metadata_partition *p = partition_of(w->image, topic_id, 0);
    const struct metadata_broker *sender = metadata_broker(w->image, a.sender);
    struct wire_alter_partition_request_topics_partitions partition = {
        .partition_index = a.partition,
        .leader_epoch = p->leader_epoch + a.leader_epoch_off,
        .new_isr = ids,
        .new_isr_with_epochs = members,
        .leader_recovery_state = a.recovery,
        .partition_epoch = p->partition_epoch + a.partition_epoch_off,
    };
    for (const char *at = a.isr; *at != '\0'; at += *at == ',' ? 1 : 0) {
        int32_t id = (int32_t)strtol(at, (char **)&at, 10);
        const struct metadata_broker *member = metadata_broker(w->image, id);
        int64_t epoch = member == NULL ? -1 : member->epoch;
        ids[partition.new_isr_count++] = id;
        members[partition.new_isr_with_epochs_count].broker_id = id;
        members[partition.new_isr_with_epochs_count++].broker_epoch =
            id == a.stale_member ? epoch + 1 : epoch;
    }
    struct wire_alter_partition_request_topics topic = {
        .topic_id = a.wrong_topic ? (struct uuid){4, 4} : topic_id,
        .topic_name = slice_str(a.wrong_topic ? "x" : "t"),
        .partitions = &partition,
        .partitions_count = 1};
    struct wire_alter_partition_request request = {
        .broker_id = a.sender,
        .broker_epoch = a.sender_epoch != 0 || sender == NULL ? a.sender_epoch : sender->epoch,
        .topics = &topic,
        .topics_count = 1};
    struct decision *out = world_begin(w);
    struct decide_input in = world_input(w);
    decide_alter_partition(&in, &request, out);
    world_apply(w);
    const struct wire_alter_partition_response *response = out->response;
    if (response->error_code != 0) {
        return response->error_code;
    }
    int code = response->topics[0].partitions[0].error_code;
    bool writes = code == 0 || code == ERR_NEW_LEADER_ELECTED;
    ck_assert_msg(writes || out->count == 0, "a refusal changes nothing");
    return code;
}

static void set_up(struct world *w, int16_t version)
{
    world_init(w, 3);
    for (int32_t id = 1; id <= 4; id++) {
        world_broker(w, id, NULL);
    }
    topic_id = world_topic(w, "t", "1,2,3");
    w->api_version = version;
}

START_TEST(refuses_in_order)
{
    struct world w;
    set_up(&w, 3);
    /* Each request has the faults of all that follow. */
    struct alter a = {.sender = 2,
                      .sender_epoch = 99,
                      .wrong_topic = true,
                      .partition = 5,
                      .leader_epoch_off = 1,
                      .partition_epoch_off = -1,
                      .isr = "1,9"};
    ck_assert_int_eq(alter(&w, a), ERR_STALE_BROKER_EPOCH);
    a.sender = 77;
    ck_assert_int_eq(alter(&w, a), ERR_STALE_BROKER_EPOCH);
    a.sender = 2;
    a.sender_epoch = 0;
    ck_assert_int_eq(alter(&w, a), ERR_UNKNOWN_TOPIC_ID);
    a.wrong_topic = false;
    ck_assert_int_eq(alter(&w, a), ERR_UNKNOWN_TOPIC_OR_PARTITION);
    a.partition = 0;
    ck_assert_int_eq(alter(&w, a), ERR_NOT_CONTROLLER);
    a.leader_epoch_off = -1;
    a.partition_epoch_off = 1;
    ck_assert_int_eq(alter(&w, a), ERR_NOT_CONTROLLER);
    a.partition_epoch_off = -1;
    ck_assert_int_eq(alter(&w, a), ERR_FENCED_LEADER_EPOCH);
    a.leader_epoch_off = 0;
    ck_assert_int_eq(alter(&w, a), ERR_INVALID_REQUEST);
    a.sender = 1;
    ck_assert_int_eq(alter(&w, a), ERR_INVALID_UPDATE_VERSION);
    a.partition_epoch_off = 0;
    ck_assert_int_eq(alter(&w, a), ERR_INVALID_REQUEST);
    a.isr = "1,2";
    a.stale_member = 2;
    ck_assert_int_eq(alter(&w, a), ERR_INELIGIBLE_REPLICA);
    a.stale_member = 0;
    ck_assert_int_eq(alter(&w, a), 0);
    ck_assert_str_eq(world_show(&w, topic_id, 0), "1/0/1 isr=1,2");
    world_fini(&w);
}
END_TEST

START_TEST(refuses_impossible_isrs)
{
    struct world w;
    set_up(&w, 3);
    const char *bad[] = {"", "2,3", "1,4", "1,1", "1,2,2", "1,2,3,4"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        ck_assert_int_eq(alter(&w, (struct alter){.sender = 1, .isr = bad[i]}),
                         ERR_INVALID_REQUEST);
    }
    ck_assert_int_eq(alter(&w, (struct alter){.sender = 1, .isr = "1", .recovery = 1}),
                     ERR_INVALID_REQUEST);
    ck_assert_int_eq(alter(&w, (struct alter){.sender = 1, .isr = "1", .recovery = 2}),
                     ERR_INVALID_REQUEST);
    world_fini(&w);
}
END_TEST

START_TEST(refuses_brokers_that_are_not_active)
{
    struct world w;
    set_up(&w, 3);
    world_fence(&w, 2);
    ck_assert_int_eq(alter(&w, (struct alter){.sender = 1, .isr = "1,2,3"}),
                     ERR_INELIGIBLE_REPLICA);
    world_topic(&w, "u", "3");
    w.api_version = 3;
    world_beat(&w, 3, (struct beat){.want_shut_down = true});
    ck_assert_int_eq(alter(&w, (struct alter){.sender = 1, .isr = "1,3"}), ERR_INELIGIBLE_REPLICA);
    w.api_version = 1;
    ck_assert_int_eq(alter(&w, (struct alter){.sender = 1, .isr = "1,3"}),
                     ERR_OPERATION_NOT_ATTEMPTED);
    ck_assert_int_eq(alter(&w, (struct alter){.sender = 1, .wrong_topic = true, .isr = "1"}),
                     ERR_UNKNOWN_TOPIC_OR_PARTITION);
    world_fini(&w);
}
END_TEST

START_TEST(isr_shrinks_and_grows_without_a_new_leader_epoch)
{
    struct world w;
    set_up(&w, 3);
    ck_assert_int_eq(alter(&w, (struct alter){.sender = 1, .isr = "1"}), 0);
    ck_assert_str_eq(world_show(&w, topic_id, 0), "1/0/1 isr=1");
    ck_assert_int_eq(alter(&w, (struct alter){.sender = 1, .isr = "1,3"}), 0);
    ck_assert_str_eq(world_show(&w, topic_id, 0), "1/0/2 isr=1,3");
    const struct wire_alter_partition_response *response = w.decision.response;
    ck_assert_int_eq(response->topics[0].partitions[0].partition_epoch, 2);
    ck_assert_int_eq(response->topics[0].partitions[0].leader_id, 1);
    ck_assert_int_eq(response->topics[0].partitions[0].isr_count, 2);
    ck_assert_int_eq(response->topics[0].partitions[0].isr[1], 3);
    /* What is so already takes the epoch away from requests that come late. */
    ck_assert_int_eq(alter(&w, (struct alter){.sender = 1, .isr = "1,3"}), 0);
    ck_assert_str_eq(world_show(&w, topic_id, 0), "1/0/3 isr=1,3");
    response = w.decision.response;
    ck_assert_int_eq(response->topics[0].partitions[0].partition_epoch, 3);
    struct alter late = {.sender = 1, .isr = "1,2,3", .partition_epoch_off = -1};
    ck_assert_int_eq(alter(&w, late), ERR_INVALID_UPDATE_VERSION);
    world_fini(&w);
}
END_TEST

START_TEST(a_recovering_leader_reports_when_it_has_recovered)
{
    struct world w;
    set_up(&w, 3);
    world_config(&w, "t", "unclean.leader.election.enable", "true");
    ck_assert_int_eq(alter(&w, (struct alter){.sender = 1, .isr = "1"}), 0);
    world_fence(&w, 1);
    ck_assert_str_eq(world_show(&w, topic_id, 0), "2/1/2 isr=2 recovering");
    ck_assert_int_eq(alter(&w, (struct alter){.sender = 2, .isr = "2,3", .recovery = 1}),
                     ERR_INVALID_REQUEST);
    ck_assert_int_eq(alter(&w, (struct alter){.sender = 2, .isr = "2", .recovery = 1}), 0);
    ck_assert_int_eq(alter(&w, (struct alter){.sender = 2, .isr = "2,3"}), 0);
    ck_assert_str_eq(world_show(&w, topic_id, 0), "2/1/4 isr=2,3");
    world_fini(&w);
}
END_TEST

START_TEST(a_leader_that_ends_its_own_reassignment_hears_of_it)
{
    struct world w;
    set_up(&w, 3);
    struct decision *out = world_begin(&w);
    struct decide_input in = world_input(&w);
    const struct metadata_topic *topic = metadata_topic_by_id(w.image, topic_id);
    struct decide_change change = decide_change_begin(topic, 0, metadata_partition(topic, 0));
    static const int32_t replicas[] = {4, 2, 3, 1};
    change.replicas = (struct metadata_ids){replicas, 4};
    change.adding = (struct metadata_ids){replicas, 1};
    change.removing = (struct metadata_ids){&replicas[3], 1};
    decide_change_build(&in, &change, out);
    world_apply(&w);
    ck_assert_int_eq(alter(&w, (struct alter){.sender = 1, .isr = "1,2,3,4"}),
                     ERR_NEW_LEADER_ELECTED);
    ck_assert_str_eq(world_show(&w, topic_id, 0), "4/1/2 isr=2,3,4");
    world_fini(&w);
}
END_TEST

UNIT_MAIN("isr", refuses_in_order, refuses_impossible_isrs, refuses_brokers_that_are_not_active,
          isr_shrinks_and_grows_without_a_new_leader_epoch,
          a_recovering_leader_reports_when_it_has_recovered,
          a_leader_that_ends_its_own_reassignment_hears_of_it)
