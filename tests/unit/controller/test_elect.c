/* Elections, fencing, unfencing, and the builder of partition changes. */
#include "tests/unit/controller/world.h"

#include "controller/decide/leaders.h"

static void three_brokers(struct world *w)
{
    world_init(w, 1);
    for (int32_t id = 1; id <= 3; id++) {
        world_broker(w, id, NULL);
    }
}

START_TEST(nothing_wanted_is_no_record)
{
    struct world w;
    three_brokers(&w);
    struct uuid t = world_topic(&w, "t", "1,2,3");
    struct decision *out = world_begin(&w);
    struct decide_input in = world_input(&w);
    const struct metadata_topic *topic = metadata_topic_by_id(w.image, t);
    struct decide_change change = decide_change_begin(topic, 0, metadata_partition(topic, 0));
    ck_assert_ptr_null(decide_change_build(&in, &change, out));
    ck_assert_uint_eq(out->count, 0);
    world_fini(&w);
}
END_TEST

START_TEST(fencing_moves_leadership_then_marks_the_broker)
{
    struct world w;
    three_brokers(&w);
    struct uuid t = world_topic(&w, "t", "1,2,3;2,3,1;3,1,2");
    struct uuid u = world_topic(&w, "u", "2,3");
    ck_assert_str_eq(world_show(&w, t, 0), "1/0/0 isr=1,2,3");
    world_fence(&w, 1);
    ck_assert_str_eq(world_show(&w, t, 0), "2/1/1 isr=2,3");
    ck_assert_str_eq(world_show(&w, t, 1), "2/0/1 isr=2,3");
    ck_assert_str_eq(world_show(&w, t, 2), "3/0/1 isr=3,2");
    ck_assert_str_eq(world_show(&w, u, 0), "2/0/0 isr=2,3");
    ck_assert_uint_eq(w.decision.count, 4);
    ck_assert_int_eq(w.decision.records[3].type, METADATA_RECORD_BROKER_REGISTRATION_CHANGE);
    world_fence(&w, 1);
    ck_assert_uint_eq(w.decision.count, 0);
    world_fini(&w);
}
END_TEST

START_TEST(the_last_of_an_isr_stays_in_it_without_a_leader)
{
    struct world w;
    three_brokers(&w);
    struct uuid t = world_topic(&w, "t", "1,2");
    world_fence(&w, 2);
    world_fence(&w, 1);
    ck_assert_str_eq(world_show(&w, t, 0), "-1/1/2 isr=1");
    /* Who was not in sync does not lead. */
    world_beat(&w, 2, (struct beat){0});
    ck_assert_str_eq(world_show(&w, t, 0), "-1/1/2 isr=1");
    /* The one who was leads when it is unfenced, which is written first. */
    world_beat(&w, 1, (struct beat){0});
    ck_assert_str_eq(world_show(&w, t, 0), "1/2/3 isr=1");
    ck_assert_int_eq(w.decision.records[0].type, METADATA_RECORD_BROKER_REGISTRATION_CHANGE);
    ck_assert_int_eq(w.decision.records[1].type, METADATA_RECORD_PARTITION_CHANGE);
    world_fini(&w);
}
END_TEST

START_TEST(unclean_election_only_where_the_topic_allows_it)
{
    struct world w;
    three_brokers(&w);
    struct uuid safe = world_topic(&w, "safe", "1,2");
    struct uuid loose = world_topic(&w, "loose", "1,2");
    world_config(&w, "loose", "unclean.leader.election.enable", "true");
    world_fence(&w, 2);
    world_beat(&w, 2, (struct beat){0});
    world_fence(&w, 1);
    ck_assert_str_eq(world_show(&w, safe, 0), "-1/1/2 isr=1");
    ck_assert_str_eq(world_show(&w, loose, 0), "2/1/2 isr=2 recovering");
    world_fini(&w);
}
END_TEST

START_TEST(unclean_election_when_it_is_allowed_later)
{
    struct world w;
    three_brokers(&w);
    struct uuid t = world_topic(&w, "t", "1,2");
    world_fence(&w, 2);
    world_beat(&w, 2, (struct beat){0});
    world_fence(&w, 1);
    struct decision *out = world_begin(&w);
    struct decide_input in = world_input(&w);
    decide_elect_unled(&in, out);
    ck_assert_uint_eq(out->count, 0);
    world_config(&w, "t", "unclean.leader.election.enable", "true");
    out = world_begin(&w);
    in = world_input(&w);
    decide_elect_unled(&in, out);
    world_apply(&w);
    ck_assert_str_eq(world_show(&w, t, 0), "2/2/3 isr=2 recovering");
    world_fini(&w);
}
END_TEST

START_TEST(preferred_leaders_come_back)
{
    struct world w;
    three_brokers(&w);
    struct uuid t = world_topic(&w, "t", "1,2,3;1,3,2");
    world_fence(&w, 1);
    world_beat(&w, 1, (struct beat){0});
    struct decision *out = world_begin(&w);
    struct decide_input in = world_input(&w);
    decide_balance_leaders(&in, out);
    ck_assert_msg(out->count == 0, "not in sync yet");
    /* Broker 1 catches up in partition 0. */
    out = world_begin(&w);
    in = world_input(&w);
    const struct metadata_topic *topic = metadata_topic_by_id(w.image, t);
    struct decide_change change = decide_change_begin(topic, 0, metadata_partition(topic, 0));
    int32_t isr[] = {2, 3, 1};
    change.isr = (struct metadata_ids){isr, 3};
    ck_assert_ptr_nonnull(decide_change_build(&in, &change, out));
    world_apply(&w);
    ck_assert_str_eq(world_show(&w, t, 0), "2/1/2 isr=2,3,1");
    out = world_begin(&w);
    in = world_input(&w);
    decide_balance_leaders(&in, out);
    world_apply(&w);
    ck_assert_str_eq(world_show(&w, t, 0), "1/2/3 isr=2,3,1");
    ck_assert_str_eq(world_show(&w, t, 1), "3/1/1 isr=3,2");
    world_fini(&w);
}
END_TEST

static int16_t elect(struct world *w, int8_t type, const char *name, int32_t index)
{
    struct wire_elect_leaders_request_topic_partitions topic = {slice_str(name), &index, 1};
    struct wire_elect_leaders_request request = {
        .election_type = type, .topic_partitions = &topic, .topic_partitions_count = 1};
    struct decision *out = world_begin(w);
    struct decide_input in = world_input(w);
    decide_elect_leaders(&in, &request, out);
    world_apply(w);
    const struct wire_elect_leaders_response *response = out->response;
    if (response->error_code != 0) {
        return response->error_code;
    }
    return response->replica_election_results[0].partition_result[0].error_code;
}

START_TEST(elect_leaders)
{
    struct world w;
    three_brokers(&w);
    struct uuid t = world_topic(&w, "t", "1,2");
    ck_assert_int_eq(elect(&w, 7, "t", 0), ERR_INVALID_REQUEST);
    ck_assert_int_eq(elect(&w, 0, "u", 0), ERR_UNKNOWN_TOPIC_OR_PARTITION);
    ck_assert_int_eq(elect(&w, 0, "t", 1), ERR_UNKNOWN_TOPIC_OR_PARTITION);
    ck_assert_int_eq(elect(&w, 0, "t", 0), ERR_ELECTION_NOT_NEEDED);
    ck_assert_int_eq(elect(&w, 1, "t", 0), ERR_ELECTION_NOT_NEEDED);
    world_fence(&w, 1);
    ck_assert_int_eq(elect(&w, 0, "t", 0), ERR_PREFERRED_LEADER_NOT_AVAILABLE);
    world_fence(&w, 2);
    ck_assert_int_eq(elect(&w, 1, "t", 0), ERR_ELIGIBLE_LEADERS_NOT_AVAILABLE);
    world_beat(&w, 1, (struct beat){0});
    ck_assert_str_eq(world_show(&w, t, 0), "-1/2/2 isr=2");
    ck_assert_int_eq(elect(&w, 1, "t", 0), 0);
    ck_assert_str_eq(world_show(&w, t, 0), "1/3/3 isr=1 recovering");
    world_fini(&w);
}
END_TEST

/* A reassignment from 1,2 to 2,3 under way: replicas 2,3,1, adding 3, removing 1. */
static struct uuid reassigning(struct world *w)
{
    struct uuid t = world_topic(w, "t", "1,2");
    struct decision *out = world_begin(w);
    struct decide_input in = world_input(w);
    const struct metadata_topic *topic = metadata_topic_by_id(w->image, t);
    struct decide_change change = decide_change_begin(topic, 0, metadata_partition(topic, 0));
    static const int32_t replicas[] = {2, 3, 1};
    change.replicas = (struct metadata_ids){replicas, 3};
    change.adding = (struct metadata_ids){&replicas[1], 1};
    change.removing = (struct metadata_ids){&replicas[2], 1};
    ck_assert_ptr_nonnull(decide_change_build(&in, &change, out));
    world_apply(w);
    return t;
}

START_TEST(a_reassignment_ends_when_the_new_replicas_are_in_sync)
{
    struct world w;
    three_brokers(&w);
    struct uuid t = reassigning(&w);
    ck_assert_str_eq(world_show(&w, t, 0), "1/0/1 isr=1,2");
    struct decision *out = world_begin(&w);
    struct decide_input in = world_input(&w);
    const struct metadata_topic *topic = metadata_topic_by_id(w.image, t);
    struct decide_change change = decide_change_begin(topic, 0, metadata_partition(topic, 0));
    static const int32_t isr[] = {1, 2, 3};
    change.isr = (struct metadata_ids){isr, 3};
    ck_assert_ptr_nonnull(decide_change_build(&in, &change, out));
    world_apply(&w);
    /* The leader was among those removed: another one leads. */
    ck_assert_str_eq(world_show(&w, t, 0), "2/1/2 isr=2,3");
    const struct metadata_partition *p = partition_of(w.image, t, 0);
    ck_assert_uint_eq(metadata_replicas(p).count, 2);
    ck_assert_uint_eq(metadata_adding_replicas(p).count, 0);
    ck_assert_uint_eq(metadata_removing_replicas(p).count, 0);
    world_fini(&w);
}
END_TEST

START_TEST(a_dropped_replica_raises_the_leader_epoch_though_the_leader_stays)
{
    struct world w;
    three_brokers(&w);
    struct uuid t = reassigning(&w);
    world_fence(&w, 1);
    ck_assert_str_eq(world_show(&w, t, 0), "2/1/2 isr=2");
    struct decision *out = world_begin(&w);
    struct decide_input in = world_input(&w);
    const struct metadata_topic *topic = metadata_topic_by_id(w.image, t);
    struct decide_change change = decide_change_begin(topic, 0, metadata_partition(topic, 0));
    static const int32_t isr[] = {2, 3};
    change.isr = (struct metadata_ids){isr, 2};
    decide_change_build(&in, &change, out);
    world_apply(&w);
    ck_assert_str_eq(world_show(&w, t, 0), "2/2/3 isr=2,3");
    world_fini(&w);
}
END_TEST

/* The table of elections, against a definition by counting. Target ISR, who is alive, which kind:
 * all combinations of three replicas. */
START_TEST(all_elections_of_three_replicas)
{
    for (int alive = 0; alive < 8; alive++) {
        struct world w;
        three_brokers(&w);
        struct uuid t = world_topic(&w, "t", "1,2,3");
        for (int32_t id = 1; id <= 3; id++) {
            if (((alive >> (id - 1)) & 1) == 0) {
                world_fence(&w, id);
            }
        }
        const struct metadata_topic *topic = metadata_topic_by_id(w.image, t);
        const struct metadata_partition *p = metadata_partition(topic, 0);
        for (int in_isr = 1; in_isr < 8; in_isr++) {
            for (int kind = DECIDE_ELECT_ONLINE; kind <= DECIDE_ELECT_UNCLEAN; kind++) {
                int32_t isr[3];
                size_t count = 0;
                int32_t first_valid = -1;
                int32_t first_alive = -1;
                for (int32_t id = 3; id >= 1; id--) {
                    bool is_alive = ((alive >> (id - 1)) & 1) != 0;
                    bool is_member = ((in_isr >> (id - 1)) & 1) != 0;
                    first_alive = is_alive ? id : first_alive;
                    first_valid = is_alive && is_member ? id : first_valid;
                    if (is_member) {
                        isr[count++] = id;
                    }
                }
                bool keeps = p->leader >= 0 && ((in_isr >> (p->leader - 1)) & 1) != 0 &&
                             ((alive >> (p->leader - 1)) & 1) != 0;
                int32_t expected = keeps && kind != DECIDE_ELECT_PREFERRED ? p->leader
                                   : kind == DECIDE_ELECT_PREFERRED && first_valid != 1 && keeps
                                       ? p->leader
                                       : first_valid;
                bool unclean = expected < 0 && kind == DECIDE_ELECT_UNCLEAN && first_alive > 0;
                expected = unclean ? first_alive : expected;
                struct decision *out = world_begin(&w);
                struct decide_input in = world_input(&w);
                struct decide_change change = decide_change_begin(topic, 0, p);
                change.isr = (struct metadata_ids){isr, count};
                change.election = (enum decide_election)kind;
                struct decide_state state =
                    decide_state_after(p, decide_change_build(&in, &change, out));
                ck_assert_msg(state.leader == expected, "alive=%d isr=%d kind=%d: %d, not %d",
                              alive, in_isr, kind, state.leader, expected);
                ck_assert_int_eq(state.recovery, unclean ? METADATA_RECOVERING : p->recovering);
                ck_assert_msg(!unclean || (state.isr.count == 1 && state.isr.items[0] == expected),
                              "alone");
            }
        }
        world_fini(&w);
    }
}
END_TEST

START_TEST(old_metadata_versions_raise_the_leader_epoch_when_the_isr_shrinks)
{
    struct world w;
    world_init(&w, 1);
    for (int32_t id = 1; id <= 2; id++) {
        world_broker(&w, id, NULL);
    }
    struct uuid t = world_topic(&w, "t", "1,2");
    world_fence(&w, 2);
    ck_assert_str_eq(world_show(&w, t, 0), "1/0/1 isr=1");
    struct decision *out = world_begin(&w);
    decision_add(out, METADATA_RECORD_FEATURE_LEVEL)->feature_level =
        (struct metadata_feature_level){slice_str("metadata.version"), 11};
    world_apply(&w);
    struct uuid u = world_topic(&w, "u", "1,2");
    ck_assert_str_eq(world_show(&w, u, 0), "1/0/0 isr=1");
    world_beat(&w, 2, (struct beat){0});
    struct uuid v = world_topic(&w, "v", "1,2");
    world_fence(&w, 2);
    ck_assert_str_eq(world_show(&w, v, 0), "1/1/1 isr=1");
    world_fini(&w);
}
END_TEST

UNIT_MAIN("elect", nothing_wanted_is_no_record, fencing_moves_leadership_then_marks_the_broker,
          the_last_of_an_isr_stays_in_it_without_a_leader,
          unclean_election_only_where_the_topic_allows_it,
          unclean_election_when_it_is_allowed_later, preferred_leaders_come_back, elect_leaders,
          a_reassignment_ends_when_the_new_replicas_are_in_sync,
          a_dropped_replica_raises_the_leader_epoch_though_the_leader_stays,
          all_elections_of_three_replicas,
          old_metadata_versions_raise_the_leader_epoch_when_the_isr_shrinks)
