/* Moving partitions: targets, cancellation, what ends a move, what is refused. */
#include "tests/unit/controller/world.h"

#include "controller/decide/reassign.h"

static struct uuid topic_id;

static void set_up(struct world *w, const char *replicas)
{
    world_init(w, 5);
    for (int32_t id = 1; id <= 6; id++) {
        world_broker(w, id, NULL);
    }
    topic_id = world_topic(w, "t", replicas);
}

/* One partition of one topic; `target` "4,5", or NULL to cancel. The partition's error code. */
struct request {
    const char *topic;
    int32_t partition;
    const char *target;
    bool factor_stays;
};

static int ask(struct world *w, struct request r)
{
    int32_t ids[40];
    struct wire_alter_partition_reassignments_request_topics_partitions partition = {
        .partition_index = r.partition, .replicas = ids, .replicas_count = -1};
    if (r.target != NULL) {
        partition.replicas_count = (int32_t)world_ids(r.target, ids);
    }
    struct wire_alter_partition_reassignments_request_topics topic = {
        .name = slice_str(r.topic == NULL ? "t" : r.topic),
        .partitions = &partition,
        .partitions_count = 1};
    struct wire_alter_partition_reassignments_request request = {
        .allow_replication_factor_change = !r.factor_stays, .topics = &topic, .topics_count = 1};
    struct decision *out = world_begin(w);
    struct decide_input in = world_input(w);
    decide_alter_reassignments(&in, &request, out);
    world_apply(w);
    const struct wire_alter_partition_reassignments_response *response = out->response;
    ck_assert_int_eq(response->error_code, 0);
    ck_assert_int_eq(response->allow_replication_factor_change, !r.factor_stays);
    int code = response->responses[0].partitions[0].error_code;
    bool explained = !slice_is_null(response->responses[0].partitions[0].error_message);
    ck_assert_msg(code == 0 || (out->count == 0 && explained), "a refusal changes nothing");
    ck_assert_int_eq(response->responses[0].partitions[0].partition_index, r.partition);
    return code;
}

static int move(struct world *w, const char *target)
{
    return ask(w, (struct request){.target = target});
}

static int cancel(struct world *w)
{
    return ask(w, (struct request){0});
}

/* "1/0/0 isr=1,2 replicas=1,2 adding= removing=" */
static const char *show(struct world *w)
{
    const struct metadata_partition *p = partition_of(w->image, topic_id, 0);
    struct buf text = {0};
    const char *state = world_show(w, topic_id, 0);
    buf_put_str(&text, state);
    buf_put_str(&text, " replicas=");
    world_put_ids(&text, metadata_replicas(p));
    if (p->adding_count + p->removing_count > 0) {
        buf_put_str(&text, " adding=");
        world_put_ids(&text, metadata_adding_replicas(p));
        buf_put_str(&text, " removing=");
        world_put_ids(&text, metadata_removing_replicas(p));
    }
    char *shown = arena_str(&w->arena, buf_slice(&text));
    buf_fini(&text);
    return shown;
}

START_TEST(refusals)
{
    struct world w;
    set_up(&w, "1,2,3");
    ck_assert_int_eq(ask(&w, (struct request){.topic = "x", .target = "1"}),
                     ERR_UNKNOWN_TOPIC_OR_PARTITION);
    ck_assert_int_eq(ask(&w, (struct request){.topic = "x"}), ERR_UNKNOWN_TOPIC_OR_PARTITION);
    ck_assert_int_eq(ask(&w, (struct request){.partition = 1, .target = "1"}),
                     ERR_UNKNOWN_TOPIC_OR_PARTITION);
    ck_assert_int_eq(ask(&w, (struct request){.partition = -1, .target = "1"}),
                     ERR_UNKNOWN_TOPIC_OR_PARTITION);
    ck_assert_int_eq(move(&w, ""), ERR_INVALID_REPLICA_ASSIGNMENT);
    ck_assert_int_eq(move(&w, "1,2,2"), ERR_INVALID_REPLICA_ASSIGNMENT);
    ck_assert_int_eq(move(&w, "1,2,77"), ERR_INVALID_REPLICA_ASSIGNMENT);
    ck_assert_int_eq(move(&w, "1,2,-1"), ERR_INVALID_REPLICA_ASSIGNMENT);
    ck_assert_int_eq(ask(&w, (struct request){.target = "1,2", .factor_stays = true}),
                     ERR_INVALID_REPLICATION_FACTOR);
    ck_assert_int_eq(cancel(&w), ERR_NO_REASSIGNMENT_IN_PROGRESS);
    ck_assert_str_eq(show(&w), "1/0/0 isr=1,2,3 replicas=1,2,3");
    world_fini(&w);
}
END_TEST

START_TEST(a_partition_named_twice_is_moved_once)
{
    struct world w;
    set_up(&w, "1,2,3");
    int32_t ids[] = {1, 2, 4};
    struct wire_alter_partition_reassignments_request_topics_partitions twice[] = {
        {.replicas = ids, .replicas_count = 3}, {.replicas = ids, .replicas_count = 2}};
    struct wire_alter_partition_reassignments_request_topics topic = {
        .name = slice_str("t"), .partitions = twice, .partitions_count = 2};
    struct wire_alter_partition_reassignments_request request = {
        .allow_replication_factor_change = true, .topics = &topic, .topics_count = 1};
    struct decision *out = world_begin(&w);
    struct decide_input in = world_input(&w);
    decide_alter_reassignments(&in, &request, out);
    ck_assert_uint_eq(world_apply(&w), 1);
    const struct wire_alter_partition_reassignments_response *response = out->response;
    ck_assert_int_eq(response->responses[0].partitions[0].error_code, 0);
    ck_assert_int_eq(response->responses[0].partitions[1].error_code, ERR_INVALID_REQUEST);
    world_fini(&w);
}
END_TEST

START_TEST(too_many_partitions_are_refused_as_a_whole)
{
    struct world w;
    set_up(&w, "1,2,3");
    struct wire_alter_partition_reassignments_request_topics topic = {
        .name = slice_str("t"), .partitions_count = DECIDE_RECORDS_MAX + 1};
    struct wire_alter_partition_reassignments_request request = {.topics = &topic,
                                                                 .topics_count = 1};
    struct decision *out = world_begin(&w);
    struct decide_input in = world_input(&w);
    decide_alter_reassignments(&in, &request, out);
    const struct wire_alter_partition_reassignments_response *response = out->response;
    ck_assert_int_eq(response->error_code, ERR_POLICY_VIOLATION);
    ck_assert_uint_eq(out->count, 0);
    world_fini(&w);
}
END_TEST

START_TEST(more_replicas_than_fit_are_refused)
{
    struct world w;
    set_up(&w, "1,2,3");
    char target[200] = "";
    for (int32_t id = 7; id <= 6 + METADATA_REPLICAS_MAX; id++) {
        world_broker(&w, id, NULL);
        size_t at = strlen(target);
        snprintf(target + at, sizeof target - at, "%s%d", at == 0 ? "" : ",", id);
    }
    ck_assert_int_eq(move(&w, target), ERR_INVALID_REPLICA_ASSIGNMENT);
    world_fini(&w);
}
END_TEST

START_TEST(another_order_is_taken_at_once)
{
    struct world w;
    set_up(&w, "1,2,3");
    ck_assert_int_eq(ask(&w, (struct request){.target = "3,1,2", .factor_stays = true}), 0);
    ck_assert_str_eq(show(&w), "1/0/1 isr=1,2,3 replicas=3,1,2");
    ck_assert_int_eq(move(&w, "3,1,2"), 0);
    ck_assert_uint_eq(w.decision.count, 0);
    world_fini(&w);
}
END_TEST

START_TEST(grows_when_the_new_replica_is_in_sync)
{
    struct world w;
    set_up(&w, "1,2");
    ck_assert_int_eq(move(&w, "1,2,5"), 0);
    ck_assert_str_eq(show(&w), "1/0/1 isr=1,2 replicas=1,2,5 adding=5 removing=");
    ck_assert_int_eq(world_alter_isr(&w, topic_id, 0, "1,2,5"), 0);
    ck_assert_str_eq(show(&w), "1/0/2 isr=1,2,5 replicas=1,2,5");
    world_fini(&w);
}
END_TEST

START_TEST(shrinks_at_once_and_the_leader_moves)
{
    struct world w;
    set_up(&w, "1,2,3");
    ck_assert_int_eq(move(&w, "3,2"), 0);
    ck_assert_str_eq(show(&w), "3/1/1 isr=2,3 replicas=3,2");
    world_fini(&w);
}
END_TEST

START_TEST(does_not_shrink_to_what_is_not_in_sync)
{
    struct world w;
    set_up(&w, "1,2,3");
    ck_assert_int_eq(world_alter_isr(&w, topic_id, 0, "1,2"), 0);
    ck_assert_int_eq(move(&w, "3"), 0);
    ck_assert_str_eq(show(&w), "1/0/2 isr=1,2 replicas=3,1,2 adding= removing=1,2");
    ck_assert_int_eq(world_alter_isr(&w, topic_id, 0, "1,2,3"), ERR_NEW_LEADER_ELECTED);
    ck_assert_str_eq(show(&w), "3/1/3 isr=3 replicas=3");
    world_fini(&w);
}
END_TEST

START_TEST(moves_to_other_brokers)
{
    struct world w;
    set_up(&w, "1,2,3");
    ck_assert_int_eq(ask(&w, (struct request){.target = "6,5,4", .factor_stays = true}), 0);
    ck_assert_str_eq(show(&w), "1/0/1 isr=1,2,3 replicas=6,5,4,1,2,3 adding=4,5,6 removing=1,2,3");
    ck_assert_int_eq(world_alter_isr(&w, topic_id, 0, "1,2,3,4,5"), 0);
    ck_assert_str_eq(show(&w),
                     "1/0/2 isr=1,2,3,4,5 replicas=6,5,4,1,2,3 adding=4,5,6 removing=1,2,3");
    ck_assert_int_eq(world_alter_isr(&w, topic_id, 0, "1,2,3,4,5,6"), ERR_NEW_LEADER_ELECTED);
    ck_assert_str_eq(show(&w), "6/1/3 isr=4,5,6 replicas=6,5,4");
    world_fini(&w);
}
END_TEST

START_TEST(a_leader_that_stays_gets_a_new_epoch)
{
    struct world w;
    set_up(&w, "1,2,3");
    ck_assert_int_eq(move(&w, "4,1,2"), 0);
    ck_assert_int_eq(world_alter_isr(&w, topic_id, 0, "1,2,3,4"), 0);
    ck_assert_str_eq(show(&w), "1/1/2 isr=1,2,4 replicas=4,1,2");
    world_fini(&w);
}
END_TEST

START_TEST(cancelling_restores_what_was)
{
    struct world w;
    set_up(&w, "1,2,3");
    ck_assert_int_eq(move(&w, "1,4,5"), 0);
    ck_assert_int_eq(world_alter_isr(&w, topic_id, 0, "1,2,4"), 0);
    ck_assert_int_eq(cancel(&w), 0);
    ck_assert_str_eq(show(&w), "1/1/3 isr=1,2 replicas=1,2,3");
    ck_assert_int_eq(cancel(&w), ERR_NO_REASSIGNMENT_IN_PROGRESS);
    world_fini(&w);
}
END_TEST

START_TEST(cancelling_takes_the_lead_from_an_added_replica)
{
    struct world w;
    set_up(&w, "1,2,3");
    ck_assert_int_eq(move(&w, "4,5"), 0);
    ck_assert_int_eq(world_alter_isr(&w, topic_id, 0, "1,2,4"), 0);
    world_fence(&w, 1);
    ck_assert_str_eq(show(&w), "4/1/3 isr=2,4 replicas=4,5,1,2,3 adding=4,5 removing=1,2,3");
    ck_assert_int_eq(cancel(&w), 0);
    ck_assert_str_eq(show(&w), "2/2/4 isr=2 replicas=1,2,3");
    world_fini(&w);
}
END_TEST

/* 4 is all that is in sync of 1 → 4, 5. */
static void only_the_added_one_is_in_sync(struct world *w)
{
    set_up(w, "1");
    ck_assert_int_eq(move(w, "4,5"), 0);
    ck_assert_int_eq(world_alter_isr(w, topic_id, 0, "1,4"), 0);
    world_fence(w, 1);
    world_beat(w, 1, (struct beat){0});
    ck_assert_str_eq(show(w), "4/1/3 isr=4 replicas=4,5,1 adding=4,5 removing=1");
}

START_TEST(what_would_lose_records_is_refused)
{
    struct world w;
    only_the_added_one_is_in_sync(&w);
    ck_assert_int_eq(cancel(&w), ERR_INVALID_REPLICA_ASSIGNMENT);
    ck_assert_int_eq(move(&w, "1,6"), ERR_INVALID_REPLICA_ASSIGNMENT);
    ck_assert_str_eq(show(&w), "4/1/3 isr=4 replicas=4,5,1 adding=4,5 removing=1");
    world_fini(&w);
}
END_TEST

START_TEST(unless_the_topic_allows_it)
{
    struct world w;
    only_the_added_one_is_in_sync(&w);
    world_config(&w, "t", "unclean.leader.election.enable", "true");
    ck_assert_int_eq(cancel(&w), 0);
    ck_assert_str_eq(show(&w), "1/2/4 isr=1 recovering replicas=1");
    world_fini(&w);
    /* But not to somebody who is not there. */
    only_the_added_one_is_in_sync(&w);
    world_config(&w, "t", "unclean.leader.election.enable", "true");
    world_fence(&w, 1);
    ck_assert_int_eq(cancel(&w), ERR_INVALID_REPLICA_ASSIGNMENT);
    ck_assert_str_eq(show(&w), "4/1/3 isr=4 replicas=4,5,1 adding=4,5 removing=1");
    world_fini(&w);
}
END_TEST

START_TEST(an_unclean_election_of_the_target_ends_the_move)
{
    struct world w;
    set_up(&w, "1");
    world_config(&w, "t", "unclean.leader.election.enable", "true");
    ck_assert_int_eq(move(&w, "4"), 0);
    world_fence(&w, 1);
    ck_assert_str_eq(show(&w), "4/1/2 isr=4 recovering replicas=4");
    world_fini(&w);
}
END_TEST

START_TEST(a_new_target_replaces_the_old_one)
{
    struct world w;
    set_up(&w, "1,2,3");
    ck_assert_int_eq(move(&w, "4,5,6"), 0);
    ck_assert_int_eq(world_alter_isr(&w, topic_id, 0, "1,2,3,4,5"), 0);
    ck_assert_int_eq(ask(&w, (struct request){.target = "4,1,2", .factor_stays = true}), 0);
    /* 4 had caught up already, so that this ends here; 5 and 6 were never wanted. */
    ck_assert_str_eq(show(&w), "1/1/3 isr=1,2,4 replicas=4,1,2");
    ck_assert_int_eq(move(&w, "5,6,1"), 0);
    ck_assert_int_eq(move(&w, "3,5,1"), 0);
    ck_assert_str_eq(show(&w), "1/2/5 isr=1,2,4 replicas=3,5,1,2,4 adding=3,5 removing=2,4");
    /* Back to where it was: nothing is left to do. */
    ck_assert_int_eq(move(&w, "4,1,2"), 0);
    ck_assert_str_eq(show(&w), "1/3/6 isr=1,2,4 replicas=4,1,2");
    world_fini(&w);
}
END_TEST

START_TEST(a_fenced_target_is_waited_for)
{
    struct world w;
    set_up(&w, "1,2,3");
    world_fence(&w, 4);
    ck_assert_int_eq(move(&w, "4"), 0);
    ck_assert_int_eq(world_alter_isr(&w, topic_id, 0, "1,2,3,4"), ERR_INELIGIBLE_REPLICA);
    world_beat(&w, 4, (struct beat){0});
    ck_assert_int_eq(world_alter_isr(&w, topic_id, 0, "1,2,3,4"), ERR_NEW_LEADER_ELECTED);
    ck_assert_str_eq(show(&w), "4/1/2 isr=4 replicas=4");
    world_fini(&w);
}
END_TEST

START_TEST(the_last_one_that_lagged_dies_and_the_move_ends)
{
    struct world w;
    set_up(&w, "1,2,3");
    ck_assert_int_eq(move(&w, "4,2"), 0);
    ck_assert_int_eq(world_alter_isr(&w, topic_id, 0, "1,3,4"), 0);
    world_fence(&w, 1);
    ck_assert_str_eq(show(&w), "4/1/3 isr=3,4 replicas=4,2,1,3 adding=4 removing=1,3");
    world_fini(&w);
}
END_TEST

START_TEST(a_broker_that_shuts_down_leads_no_target)
{
    struct world w;
    set_up(&w, "1,2,3");
    world_topic(&w, "u", "4");
    ck_assert_int_eq(move(&w, "4,5"), 0);
    world_beat(&w, 4, (struct beat){.want_shut_down = true, .lowest_active_offset = -1});
    ck_assert_int_eq(world_alter_isr(&w, topic_id, 0, "1,2,3,4,5"), ERR_INELIGIBLE_REPLICA);
    ck_assert_int_eq(world_alter_isr(&w, topic_id, 0, "1,2,3,5"), 0);
    ck_assert_str_eq(show(&w), "1/0/2 isr=1,2,3,5 replicas=4,5,1,2,3 adding=4,5 removing=1,2,3");
    world_fini(&w);
}
END_TEST

/* ---- ListPartitionReassignments ---- */

static const struct wire_list_partition_reassignments_response *
list(struct world *w, const char *name, const int32_t *indexes, int32_t count)
{
    struct wire_list_partition_reassignments_request_topics topic = {
        .name = slice_str(name),
        .partition_indexes = (int32_t *)(uintptr_t)indexes,
        .partition_indexes_count = count};
    struct wire_list_partition_reassignments_request request = {
        .topics = &topic, .topics_count = name == NULL ? -1 : 1};
    struct decision *out = world_begin(w);
    struct decide_input in = world_input(w);
    decide_list_reassignments(&in, &request, out);
    ck_assert_uint_eq(out->count, 0);
    return out->response;
}

START_TEST(what_moves_is_listed)
{
    struct world w;
    set_up(&w, "1,2;2,3;3,1");
    world_topic(&w, "u", "1,2");
    static const int32_t all[] = {2, 7, 1, 0};
    ck_assert_int_eq(list(&w, NULL, NULL, 0)->topics_count, 0);
    ck_assert_int_eq(list(&w, "t", all, 4)->topics_count, 0);
    ck_assert_int_eq(ask(&w, (struct request){.partition = 2, .target = "4,3"}), 0);
    ck_assert_int_eq(ask(&w, (struct request){.partition = 0, .target = "1,5"}), 0);
    ck_assert_int_eq(ask(&w, (struct request){.topic = "u", .target = "6"}), 0);

    const struct wire_list_partition_reassignments_response *answer = list(&w, NULL, NULL, 0);
    ck_assert_int_eq(answer->error_code, 0);
    ck_assert_int_eq(answer->topics_count, 2);
    ck_assert(slice_eq_str(answer->topics[0].name, "t"));
    ck_assert_int_eq(answer->topics[0].partitions_count, 2);
    ck_assert(slice_eq_str(answer->topics[1].name, "u"));
    ck_assert_int_eq(answer->topics[1].partitions_count, 1);

    answer = list(&w, "t", all, 4);
    ck_assert_int_eq(answer->topics_count, 1);
    ck_assert_int_eq(answer->topics[0].partitions_count, 2);
    const struct wire_list_partition_reassignments_response_topics_partitions *p =
        &answer->topics[0].partitions[0];
    ck_assert_int_eq(p->partition_index, 2);
    ck_assert_int_eq(p->replicas_count, 3);
    ck_assert_int_eq(p->replicas[0], 4);
    ck_assert_int_eq(p->adding_replicas_count, 1);
    ck_assert_int_eq(p->adding_replicas[0], 4);
    ck_assert_int_eq(p->removing_replicas_count, 1);
    ck_assert_int_eq(p->removing_replicas[0], 1);

    ck_assert_int_eq(list(&w, "x", all, 4)->topics_count, 0);
    ck_assert_int_eq(list(&w, "t", all, 1)->topics_count, 1);
    ck_assert_int_eq(list(&w, "t", all, 0)->topics_count, 0);
    world_fini(&w);
}
END_TEST

UNIT_MAIN("reassign", refusals, a_partition_named_twice_is_moved_once,
          too_many_partitions_are_refused_as_a_whole, more_replicas_than_fit_are_refused,
          another_order_is_taken_at_once, grows_when_the_new_replica_is_in_sync,
          shrinks_at_once_and_the_leader_moves, does_not_shrink_to_what_is_not_in_sync,
          moves_to_other_brokers, a_leader_that_stays_gets_a_new_epoch,
          cancelling_restores_what_was, cancelling_takes_the_lead_from_an_added_replica,
          what_would_lose_records_is_refused, unless_the_topic_allows_it,
          an_unclean_election_of_the_target_ends_the_move, a_new_target_replaces_the_old_one,
          a_fenced_target_is_waited_for, the_last_one_that_lagged_dies_and_the_move_ends,
          a_broker_that_shuts_down_leads_no_target, what_moves_is_listed)
