/* Consumer groups (KIP-848): joining, reconciling, leaving, static members, expressions, failover.
 */
#include "tests/unit/broker/test_group_consumer_fixture.h"

static const struct fix_topic T6[] = {{"t", 1, 6}};
static const struct fix_topic T8[] = {{"t", 1, 8}};
static const struct fix_topic TWO[] = {{"t", 1, 6}, {"logs-a", 2, 2}, {"logs-b", 3, 2}};

static struct fix *start(const struct fix_topic *topics, size_t count)
{
    struct fix *f = fix_new();
    fix_topics(f, topics, count);
    return f;
}

#define START(topics) start(topics, ARRAY_LEN(topics))

static void consumers(struct fix *f, struct fix_consumer *c, size_t count)
{
    static const char *const IDS[] = {"a", "b", "c", "d", "e"};
    for (size_t i = 0; i < count; i++) {
        c[i] = (struct fix_consumer){.f = f, .id = IDS[i], .topics = {"t"}};
    }
}

START_TEST(one_member_gets_everything)
{
    struct fix *f = START(T6);
    struct fix_consumer c;
    consumers(f, &c, 1);
    ck_assert_int_eq(fix_beat(&c), 0);
    ck_assert_int_eq(c.epoch, 1);
    ck_assert_uint_eq(c.owned_count, 6);
    ck_assert_str_eq(fix_str(f, fix_describe(f)->group_state), "Stable");
    size_t written = f->written_count;
    ck_assert_int_eq(fix_beat(&c), 0);
    ck_assert_msg(f->written_count == written, "a heartbeat that changes nothing writes nothing");
    fix_free(f);
}
END_TEST

START_TEST(a_second_member_waits_until_the_first_gives_up)
{
    struct fix *f = START(T6);
    struct fix_consumer c[2];
    consumers(f, c, 2);
    fix_beat(&c[0]);
    ck_assert_int_eq(fix_beat(&c[1]), 0);
    ck_assert_int_eq(c[1].epoch, 2);
    ck_assert_msg(c[1].owned_count == 0, "all partitions are still read by the first member");
    ck_assert_int_eq(fix_beat(&c[0]), 0); /* is told to give up three */
    ck_assert_uint_eq(c[0].owned_count, 3);
    ck_assert_msg(c[0].epoch == 1, "it has not confirmed yet");
    ck_assert_int_eq(fix_beat(&c[1]), 0);
    ck_assert_uint_eq(c[1].owned_count, 0);
    ck_assert_int_eq(fix_beat(&c[0]), 0); /* confirms */
    ck_assert_int_eq(c[0].epoch, 2);
    ck_assert_int_eq(fix_beat(&c[1]), 0);
    ck_assert_uint_eq(c[1].owned_count, 3);
    for (size_t i = 0; i < 3; i++) {
        ck_assert(!fix_owns(&c[1], c[0].owned[i]));
    }
    ck_assert_str_eq(fix_str(f, fix_describe(f)->group_state), "Stable");
    fix_free(f);
}
END_TEST

START_TEST(who_leaves_is_replaced)
{
    struct fix *f = START(T6);
    struct fix_consumer c[3];
    consumers(f, c, 3);
    fix_settle_consumers(c, 3);
    ck_assert_uint_eq(c[0].owned_count, 2);
    ck_assert_uint_eq(c[1].owned_count, 2);
    ck_assert_uint_eq(c[2].owned_count, 2);
    ck_assert_int_eq(fix_depart(&c[1], -1), 0);
    fix_settle_consumers(c, 3);
    ck_assert_uint_eq(c[0].owned_count, 3);
    ck_assert_uint_eq(c[2].owned_count, 3);
    ck_assert_int_eq(fix_depart(&c[0], -1), 0);
    ck_assert_int_eq(fix_depart(&c[2], -1), 0);
    ck_assert_str_eq(fix_str(f, fix_describe(f)->group_state), "Empty");
    fix_free(f);
}
END_TEST

START_TEST(the_silent_are_expelled)
{
    struct fix *f = START(T6);
    struct fix_consumer c[2];
    consumers(f, c, 2);
    fix_settle_consumers(c, 2);
    for (int i = 0; i < 10; i++) {
        fix_pass(f, 5000);
        fix_beat(&c[0]);
    }
    ck_assert_uint_eq(c[0].owned_count, 6);
    ck_assert_int_eq(fix_beat(&c[1]), ERR_UNKNOWN_MEMBER_ID);
    fix_free(f);
}
END_TEST

START_TEST(who_does_not_give_up_is_expelled)
{
    struct fix *f = START(T6);
    struct fix_consumer c[2];
    consumers(f, c, 2);
    fix_beat(&c[0]);
    fix_beat(&c[1]);
    fix_beat(&c[0]);
    c[0].tell = false; /* hears, but never confirms */
    for (int i = 0; i < 13; i++) {
        fix_pass(f, 5000);
        fix_beat(&c[1]);
        if (c[0].error == 0) {
            fix_beat(&c[0]);
        }
    }
    ck_assert_int_eq(c[0].error, ERR_UNKNOWN_MEMBER_ID);
    ck_assert_uint_eq(c[1].owned_count, 6);
    fix_free(f);
}
END_TEST

START_TEST(epochs_are_checked)
{
    struct fix *f = START(T6);
    struct fix_consumer c[2];
    consumers(f, c, 2);
    ck_assert_int_eq(fix_beat(&c[0]), 0);
    c[1].epoch = 3;
    ck_assert_msg(fix_beat(&c[1]) == ERR_UNKNOWN_MEMBER_ID, "it never joined");
    c[0].epoch = 9;
    ck_assert_int_eq(fix_beat(&c[0]), ERR_FENCED_MEMBER_EPOCH);
    ck_assert_msg(fix_beat(&c[0]) == 0, "it may join again under its id");
    ck_assert_uint_eq(c[0].owned_count, 6);
    fix_free(f);
}
END_TEST

START_TEST(a_lost_answer_is_forgiven)
{
    struct fix *f = START(T6);
    struct fix_consumer c[2];
    consumers(f, c, 2);
    fix_settle_consumers(c, 2);
    struct fix_consumer before = c[0];
    fix_depart(&c[1], -1);
    fix_beat(&c[0]); /* epoch moves; the client never sees it */
    ck_assert_int_ne(c[0].epoch, before.epoch);
    c[0] = before;
    c[0].tell = true;
    ck_assert_int_eq(fix_beat(&c[0]), 0);
    fix_free(f);
}
END_TEST

START_TEST(bad_requests_are_refused)
{
    struct fix *f = START(T6);
    struct fix_consumer c;
    consumers(f, &c, 1);
    c.assignor = "random";
    ck_assert_int_eq(fix_beat(&c), ERR_UNSUPPORTED_ASSIGNOR);
    c.assignor = NULL;
    c.regex = "(";
    ck_assert_int_eq(fix_beat(&c), ERR_INVALID_REGULAR_EXPRESSION);
    c.regex = NULL;
    c.epoch = 5;
    ck_assert_int_eq(fix_beat(&c), ERR_GROUP_ID_NOT_FOUND);
    c.epoch = -3;
    ck_assert_int_eq(fix_beat(&c), ERR_INVALID_REQUEST);
    c.id = "";
    ck_assert_int_eq(fix_beat(&c), ERR_INVALID_REQUEST);
    struct group_shard_stats stats;
    group_shard_stats(f->shard, &stats);
    ck_assert_msg(stats.groups == 0, "nothing is left of it");
    fix_free(f);
}
END_TEST

START_TEST(the_group_has_room_for_so_many)
{
    struct fix *f = fix_raw();
    f->config.consumer_max_size = 1;
    fix_start(f);
    fix_topics(f, T6, 1);
    struct fix_consumer c[2];
    consumers(f, c, 2);
    ck_assert_int_eq(fix_beat(&c[0]), 0);
    ck_assert_int_eq(fix_beat(&c[1]), ERR_GROUP_MAX_SIZE_REACHED);
    fix_free(f);
}
END_TEST

/* ---- what is subscribed to ---- */

START_TEST(expressions_find_topics_as_they_come)
{
    struct fix *f = START(TWO);
    struct fix_consumer c = {.f = f, .id = "a", .topics = {NULL}, .regex = "logs-.*"};
    ck_assert_int_eq(fix_beat(&c), 0);
    ck_assert_uint_eq(c.owned_count, 4);
    static const struct fix_topic more[] = {{"logs-a", 2, 2}, {"logs-b", 3, 5}, {"xlogs-c", 4, 9}};
    fix_topics(f, more, ARRAY_LEN(more));
    ck_assert_int_eq(fix_beat(&c), 0);
    ck_assert_uint_eq(c.owned_count, 7);
    fix_free(f);
}
END_TEST

/* Every record of the metadata makes an image, twice a second at least: most change no topic. */
START_TEST(images_are_looked_at_when_topics_changed)
{
    struct fix *f = fix_new();
    fix_image(f, TWO, ARRAY_LEN(TWO), false); /* the first one counts in any case */
    struct fix_consumer c = {.f = f, .id = "a", .topics = {"t"}, .regex = "logs-.*"};
    ck_assert_int_eq(fix_beat(&c), 0);
    ck_assert_uint_eq(c.owned_count, 10);
    fix_image(f, T6, 1, false);
    ck_assert_int_eq(fix_beat(&c), 0);
    ck_assert_msg(c.owned_count == 10, "said not to have changed, so nobody looked");
    fix_image(f, T6, 1, true);
    ck_assert_int_eq(fix_beat(&c), 0);
    ck_assert_uint_eq(c.owned_count, 6);
    fix_free(f);
}
END_TEST

START_TEST(members_may_read_different_topics)
{
    struct fix *f = START(TWO);
    struct fix_consumer c[2] = {{.f = f, .id = "a", .topics = {"t", "logs-a"}},
                                {.f = f, .id = "b", .topics = {"logs-a", "logs-b"}}};
    fix_settle_consumers(c, 2);
    ck_assert_uint_eq(c[0].owned_count, 6);
    ck_assert_uint_eq(c[1].owned_count, 4);
    for (size_t i = 0; i < 6; i++) {
        ck_assert_uint_eq(c[0].owned[i] / 1000, 1);
    }
    fix_free(f);
}
END_TEST

START_TEST(range_gives_runs)
{
    struct fix *f = START(T8);
    struct fix_consumer c[3];
    consumers(f, c, 3);
    for (size_t i = 0; i < 3; i++) {
        c[i].assignor = "range";
    }
    fix_settle_consumers(c, 3);
    ck_assert_uint_eq(c[0].owned_count, 3);
    ck_assert_uint_eq(c[1].owned_count, 3);
    ck_assert_uint_eq(c[2].owned_count, 2);
    ck_assert_uint_eq(c[1].owned[0], 1003);
    ck_assert_uint_eq(c[2].owned[1], 1007);
    ck_assert_str_eq(fix_str(f, fix_describe(f)->assignor_name), "range");
    fix_free(f);
}
END_TEST

START_TEST(a_topic_that_is_gone_is_given_up)
{
    struct fix *f = START(TWO);
    struct fix_consumer c = {.f = f, .id = "a", .topics = {"t", "logs-a"}};
    fix_settle_consumers(&c, 1);
    ck_assert_uint_eq(c.owned_count, 8);
    fix_topics(f, T6, 1);
    fix_settle_consumers(&c, 1);
    ck_assert_uint_eq(c.owned_count, 6);
    fix_free(f);
}
END_TEST

/* ---- static members ---- */

START_TEST(a_static_member_comes_back_to_what_it_had)
{
    struct fix *f = START(T6);
    struct fix_consumer c[2];
    consumers(f, c, 2);
    c[0].instance = "i";
    fix_settle_consumers(c, 2);
    struct fix_consumer had = c[0];
    struct fix_consumer thief = {.f = f, .id = "thief", .instance = "i", .topics = {"t"}};
    ck_assert_int_eq(fix_beat(&thief), ERR_UNRELEASED_INSTANCE_ID);
    ck_assert_int_eq(fix_depart(&c[0], -2), 0);
    fix_settle_consumers(c, 2);
    ck_assert_msg(c[1].owned_count == 3, "its partitions wait for it");
    struct fix_consumer back = {.f = f, .id = "a2", .instance = "i", .topics = {"t"}};
    ck_assert_int_eq(fix_beat(&back), 0);
    ck_assert_uint_eq(back.owned_count, 3);
    for (size_t i = 0; i < 3; i++) {
        ck_assert(fix_owns(&had, back.owned[i]));
    }
    had.left = false;
    ck_assert_msg(fix_beat(&had) == ERR_FENCED_INSTANCE_ID, "the old life is over");
    fix_free(f);
}
END_TEST

START_TEST(a_member_id_is_not_borrowed)
{
    struct fix *f = START(T6);
    struct fix_consumer c[2];
    consumers(f, c, 2);
    c[1].instance = "i";
    fix_settle_consumers(c, 2);
    struct fix_consumer same_id = {.f = f, .id = "a", .instance = "other", .topics = {"t"}};
    ck_assert_int_eq(fix_beat(&same_id), ERR_INVALID_REQUEST);
    ck_assert_int_eq(fix_depart(&c[1], -2), 0);
    struct fix_consumer in_its_place = {.f = f, .id = "a", .instance = "i", .topics = {"t"}};
    ck_assert_int_eq(fix_beat(&in_its_place), ERR_INVALID_REQUEST);
    ck_assert_int_eq(fix_beat(&c[0]), 0);
    fix_free(f);
}
END_TEST

/* ---- offsets ---- */

START_TEST(offsets_need_the_epoch)
{
    struct fix *f = START(T6);
    struct fix_consumer c;
    consumers(f, &c, 1);
    fix_beat(&c);
    struct fix_commit commit = {.who = {.member = "a", .generation = 1}, .offset = 7};
    ck_assert_int_eq(fix_commit(f, commit), 0);
    ck_assert_int_eq(fix_fetch(f, "g", "t", 0, true), 7);
    commit.who.generation = 0;
    ck_assert_int_eq(fix_commit(f, commit), ERR_STALE_MEMBER_EPOCH);
    commit.who = (struct fix_who){.member = "x", .generation = 1};
    ck_assert_int_eq(fix_commit(f, commit), ERR_UNKNOWN_MEMBER_ID);
    commit.who = (struct fix_who){.generation = -1};
    ck_assert_msg(fix_commit(f, commit) == ERR_UNKNOWN_MEMBER_ID, "administrators must wait");
    fix_depart(&c, -1);
    ck_assert_int_eq(fix_commit(f, commit), 0);
    fix_free(f);
}
END_TEST

/* ---- the log ---- */

START_TEST(another_coordinator_goes_on)
{
    struct fix *f = START(T6);
    struct fix_consumer c[3];
    consumers(f, c, 3);
    c[2].instance = "i";
    for (size_t i = 0; i < 3; i++) {
        fix_beat(&c[i]);
        fix_failover_same(f, T6, 1);
    }
    fix_settle_consumers(c, 3);
    fix_failover_same(f, T6, 1);
    size_t written = f->written_count;
    fix_settle_consumers(c, 3);
    ck_assert_msg(f->written_count == written, "nothing changes by the failover alone");
    fix_depart(&c[1], -1);
    fix_failover_same(f, T6, 1);
    fix_free(f);
}
END_TEST

START_TEST(answers_wait_for_the_log)
{
    struct fix *f = START(T6);
    struct fix_consumer c[2];
    consumers(f, c, 2);
    f->hold = true;
    size_t first = fix_beat_send(&c[0]);
    size_t second = fix_beat_send(&c[1]);
    ck_assert_ptr_null(fix_reply(f, first, WIRE_API_CONSUMER_GROUP_HEARTBEAT));
    ck_assert_ptr_null(fix_reply(f, second, WIRE_API_CONSUMER_GROUP_HEARTBEAT));
    fix_decide(f, ERR_NONE);
    fix_beat_answer(&c[0], first);
    fix_beat_answer(&c[1], second);
    ck_assert_int_eq(c[0].epoch, 1);
    ck_assert_int_eq(c[1].epoch, 2);
    first = fix_beat_send(&c[0]);
    size_t again = fix_beat_send(&c[1]);
    ck_assert_msg(fix_reply(f, again, WIRE_API_CONSUMER_GROUP_HEARTBEAT) == NULL,
                  "it may tell what is not committed yet");
    fix_decide(f, ERR_NONE);
    fix_beat_answer(&c[0], first);
    fix_beat_answer(&c[1], again);
    fix_free(f);
}
END_TEST

START_TEST(a_lost_batch_is_written_again)
{
    struct fix *f = START(T6);
    struct fix_consumer c[2];
    consumers(f, c, 2);
    fix_beat(&c[0]);
    f->hold = true;
    size_t token = fix_beat_send(&c[1]);
    fix_decide(f, ERR_NOT_ENOUGH_REPLICAS);
    fix_beat_answer(&c[1], token);
    ck_assert_int_eq(c[1].error, ERR_COORDINATOR_NOT_AVAILABLE);
    f->hold = false;
    fix_settle_consumers(c, 2);
    fix_failover_same(f, T6, 1);
    fix_free(f);
}
END_TEST

/* Two batches of the first member are lost: that the other was expelled, and what it gets by that.
 * Its next heartbeat changes nothing, and is still no reason to tell it of either. */
START_TEST(what_was_lost_is_told_to_nobody)
{
    struct fix *f = START(T6);
    struct fix_consumer c[2];
    consumers(f, c, 2);
    fix_settle_consumers(c, 2);
    int32_t epoch = c[0].epoch;
    fix_pass(f, f->config.consumer_session_timeout_ms - 1000);
    ck_assert_int_eq(fix_beat(&c[0]), 0);
    f->hold = true;
    fix_pass(f, 2000);
    fix_decide(f, ERR_NOT_ENOUGH_REPLICAS);
    for (int round = 0; round < 3; round++) {
        struct fix_consumer before = c[0];
        before.full = true;
        size_t token = fix_beat_send(&c[0]);
        fix_decide(f, ERR_NOT_ENOUGH_REPLICAS);
        fix_beat_answer(&c[0], token);
        ck_assert_int_eq(c[0].error, ERR_COORDINATOR_NOT_AVAILABLE);
        c[0] = before;
    }
    f->hold = false;
    fix_failover(f);
    fix_topics(f, T6, 1);
    ck_assert_int_eq(fix_beat(&c[1]), 0);
    ck_assert_int_eq(c[1].epoch, epoch);
    ck_assert_int_eq(fix_beat(&c[0]), 0);
    ck_assert_int_eq(c[0].epoch, epoch);
    fix_free(f);
}
END_TEST

START_TEST(a_group_is_deleted_when_nobody_is_in_it)
{
    struct fix *f = START(T6);
    struct fix_consumer c;
    consumers(f, &c, 1);
    fix_beat(&c);
    struct slice name = slice_str("g");
    struct wire_delete_groups_request body = {.groups_names = &name, .groups_names_count = 1};
    const struct wire_delete_groups_response *r =
        fix_reply(f, fix_send(f, WIRE_API_DELETE_GROUPS, 2, &body), WIRE_API_DELETE_GROUPS);
    ck_assert_int_eq(r->results[0].error_code, ERR_NON_EMPTY_GROUP);
    fix_depart(&c, -1);
    r = fix_reply(f, fix_send(f, WIRE_API_DELETE_GROUPS, 2, &body), WIRE_API_DELETE_GROUPS);
    ck_assert_int_eq(r->results[0].error_code, 0);
    struct group_shard_stats stats;
    group_shard_stats(f->shard, &stats);
    ck_assert_uint_eq(stats.groups, 0);
    fix_failover_same(f, T6, 1);
    fix_free(f);
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("consumer");
    tcase_add_test(tc, one_member_gets_everything);
    tcase_add_test(tc, a_second_member_waits_until_the_first_gives_up);
    tcase_add_test(tc, who_leaves_is_replaced);
    tcase_add_test(tc, the_silent_are_expelled);
    tcase_add_test(tc, who_does_not_give_up_is_expelled);
    tcase_add_test(tc, epochs_are_checked);
    tcase_add_test(tc, a_lost_answer_is_forgiven);
    tcase_add_test(tc, bad_requests_are_refused);
    tcase_add_test(tc, the_group_has_room_for_so_many);
    tcase_add_test(tc, expressions_find_topics_as_they_come);
    tcase_add_test(tc, images_are_looked_at_when_topics_changed);
    tcase_add_test(tc, members_may_read_different_topics);
    tcase_add_test(tc, range_gives_runs);
    tcase_add_test(tc, a_topic_that_is_gone_is_given_up);
    tcase_add_test(tc, a_static_member_comes_back_to_what_it_had);
    tcase_add_test(tc, a_member_id_is_not_borrowed);
    tcase_add_test(tc, offsets_need_the_epoch);
    tcase_add_test(tc, another_coordinator_goes_on);
    tcase_add_test(tc, answers_wait_for_the_log);
    tcase_add_test(tc, a_lost_batch_is_written_again);
    tcase_add_test(tc, what_was_lost_is_told_to_nobody);
    tcase_add_test(tc, a_group_is_deleted_when_nobody_is_in_it);
    return fix_run(tc);
}
