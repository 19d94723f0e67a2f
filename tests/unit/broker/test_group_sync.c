/* SyncGroup, Heartbeat, LeaveGroup: errors, the leader's assignment, members that vanish. */
#include "tests/unit/broker/test_group_fixture.h"

static int sync_error(struct fix *f, struct fix_who w)
{
    const struct wire_sync_group_response *r = fix_synced(f, fix_sync(f, w, NULL));
    ck_assert_ptr_nonnull(r);
    return r->error_code;
}

/* Two members in CompletingRebalance of generation 2; `a` leads. */
static void two_joined(struct fix *f, const char **a, const char **b)
{
    *a = fix_stable_member(f, "g");
    *b = fix_member_id(f, "g");
    size_t join_b = fix_join_now(f, (struct fix_join){.member = *b});
    size_t join_a = fix_join_now(f, (struct fix_join){.member = *a});
    ck_assert_ptr_nonnull(fix_joined(f, join_a));
    ck_assert_int_eq(fix_joined(f, join_b)->generation_id, 2);
}

START_TEST(refuses_strangers)
{
    struct fix *f = fix_new();
    ck_assert_int_eq(sync_error(f, (struct fix_who){"", "m", NULL, 1}), ERR_INVALID_GROUP_ID);
    ck_assert_int_eq(sync_error(f, (struct fix_who){"none", "m", NULL, 1}), ERR_UNKNOWN_MEMBER_ID);
    const char *id = fix_member_id(f, "g");
    ck_assert_int_eq(sync_error(f, (struct fix_who){NULL, id, NULL, 0}), ERR_UNKNOWN_MEMBER_ID);
    const char *a = fix_stable_member(f, "h");
    ck_assert_int_eq(sync_error(f, (struct fix_who){"h", "m", NULL, 1}), ERR_UNKNOWN_MEMBER_ID);
    ck_assert_int_eq(sync_error(f, (struct fix_who){"h", a, NULL, 2}), ERR_ILLEGAL_GENERATION);
    ck_assert_int_eq(sync_error(f, (struct fix_who){"h", a, "i", 1}), ERR_UNKNOWN_MEMBER_ID);
    ck_assert_int_eq(fix_heartbeat(f, (struct fix_who){"", a, NULL, 1}), ERR_INVALID_GROUP_ID);
    ck_assert_int_eq(fix_heartbeat(f, (struct fix_who){"x", a, NULL, 1}), ERR_UNKNOWN_MEMBER_ID);
    ck_assert_int_eq(fix_heartbeat(f, (struct fix_who){"g", id, NULL, 0}), ERR_UNKNOWN_MEMBER_ID);
    ck_assert_int_eq(fix_heartbeat(f, (struct fix_who){"h", a, NULL, 0}), ERR_ILLEGAL_GENERATION);
    ck_assert_int_eq(fix_leave(f, (struct fix_who){"", a, NULL, 0}), ERR_INVALID_GROUP_ID);
    ck_assert_int_eq(fix_leave(f, (struct fix_who){"x", a, NULL, 0}), ERR_UNKNOWN_MEMBER_ID);
    ck_assert_int_eq(fix_leave(f, (struct fix_who){"h", "m", NULL, 0}), ERR_UNKNOWN_MEMBER_ID);
    ck_assert_int_eq(fix_leave(f, (struct fix_who){"h", "", "i", 0}), ERR_UNKNOWN_MEMBER_ID);
    fix_free(f);
}
END_TEST

START_TEST(protocol_must_be_the_chosen_one)
{
    struct fix *f = fix_new();
    const char *a = fix_stable_member(f, "g");
    struct wire_sync_group_request body;
    wire_init(&wire_msg_sync_group_request, &body);
    body.group_id = slice_str("g");
    body.member_id = slice_str(a);
    body.generation_id = 1;
    /* Below version 5 nobody is asked. */
    size_t t = fix_send(f, WIRE_API_SYNC_GROUP, 4, &body);
    ck_assert_int_eq(fix_synced(f, t)->error_code, 0);
    t = fix_send(f, WIRE_API_SYNC_GROUP, 5, &body);
    ck_assert_int_eq(fix_synced(f, t)->error_code, ERR_INCONSISTENT_GROUP_PROTOCOL);
    body.protocol_type = slice_str("consumer");
    body.protocol_name = slice_str("roundrobin");
    t = fix_send(f, WIRE_API_SYNC_GROUP, 5, &body);
    ck_assert_int_eq(fix_synced(f, t)->error_code, ERR_INCONSISTENT_GROUP_PROTOCOL);
    body.protocol_name = slice_str("range");
    t = fix_send(f, WIRE_API_SYNC_GROUP, 5, &body);
    ck_assert_int_eq(fix_synced(f, t)->error_code, 0);
    ck_assert(slice_eq_str(fix_synced(f, t)->assignment, "A"));
    ck_assert(slice_eq_str(fix_synced(f, t)->protocol_name, "range"));
    fix_free(f);
}
END_TEST

START_TEST(followers_wait_for_the_leader)
{
    struct fix *f = fix_new();
    const char *a;
    const char *b;
    two_joined(f, &a, &b);
    size_t sync_b = fix_sync(f, (struct fix_who){NULL, b, NULL, 2}, NULL);
    ck_assert_ptr_null(fix_synced(f, sync_b));
    ck_assert_int_eq(fix_heartbeat(f, (struct fix_who){NULL, b, NULL, 2}), ERR_NONE);
    struct fix_commit c = {.who = {NULL, b, NULL, 2}};
    ck_assert_int_eq(fix_commit(f, c), ERR_REBALANCE_IN_PROGRESS);
    f->hold = true;
    const char *assignment[] = {a, "X", b, "Y", NULL};
    size_t sync_a = fix_sync(f, (struct fix_who){NULL, a, NULL, 2}, assignment);
    ck_assert_msg(fix_synced(f, sync_a) == NULL, "not before the record is committed");
    ck_assert_str_eq(fix_state(f, "g"), "CompletingRebalance");
    fix_decide(f, ERR_NONE);
    ck_assert(slice_eq_str(fix_synced(f, sync_a)->assignment, "X"));
    ck_assert(slice_eq_str(fix_synced(f, sync_b)->assignment, "Y"));
    ck_assert_str_eq(fix_state(f, "g"), "Stable");
    fix_free(f);
}
END_TEST

START_TEST(forgotten_member_gets_nothing)
{
    struct fix *f = fix_new();
    const char *a;
    const char *b;
    two_joined(f, &a, &b);
    const char *assignment[] = {a, "X", "stranger", "Z", NULL};
    fix_sync(f, (struct fix_who){NULL, a, NULL, 2}, assignment);
    size_t sync_b = fix_sync(f, (struct fix_who){NULL, b, NULL, 2}, NULL);
    ck_assert_int_eq(fix_synced(f, sync_b)->error_code, 0);
    ck_assert_uint_eq(fix_synced(f, sync_b)->assignment.len, 0);
    fix_free(f);
}
END_TEST

START_TEST(failed_append_makes_all_join_again)
{
    static const struct {
        enum err append;
        int client;
    } CASES[] = {{ERR_NOT_ENOUGH_REPLICAS, ERR_COORDINATOR_NOT_AVAILABLE},
                 {ERR_REQUEST_TIMED_OUT, ERR_COORDINATOR_NOT_AVAILABLE},
                 {ERR_NOT_LEADER_OR_FOLLOWER, ERR_NOT_COORDINATOR},
                 {ERR_IO, ERR_NOT_COORDINATOR},
                 {ERR_MESSAGE_TOO_LARGE, ERR_UNKNOWN_SERVER_ERROR}};
    for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
        struct fix *f = fix_new();
        const char *a;
        const char *b;
        two_joined(f, &a, &b);
        f->hold = true;
        size_t sync_b = fix_sync(f, (struct fix_who){NULL, b, NULL, 2}, NULL);
        size_t sync_a = fix_sync(f, (struct fix_who){NULL, a, NULL, 2}, NULL);
        fix_decide(f, CASES[i].append);
        ck_assert_int_eq(fix_synced(f, sync_a)->error_code, CASES[i].client);
        ck_assert_int_eq(fix_synced(f, sync_b)->error_code, CASES[i].client);
        ck_assert_str_eq(fix_state(f, "g"), "PreparingRebalance");
        f->hold = false;
        fix_join_now(f, (struct fix_join){.member = a});
        size_t join_b = fix_join_now(f, (struct fix_join){.member = b});
        ck_assert_int_eq(fix_joined(f, join_b)->generation_id, 3);
        fix_free(f);
    }
}
END_TEST

START_TEST(slow_append_is_answered_in_time)
{
    struct fix *f = fix_new();
    const char *a;
    const char *b;
    two_joined(f, &a, &b);
    f->hold = true;
    size_t sync_a = fix_sync(f, (struct fix_who){NULL, a, NULL, 2}, NULL);
    fix_pass(f, 4999);
    ck_assert_ptr_null(fix_synced(f, sync_a));
    fix_pass(f, 1);
    ck_assert_int_eq(fix_synced(f, sync_a)->error_code, ERR_COORDINATOR_NOT_AVAILABLE);
    ck_assert_str_eq(fix_state(f, "g"), "PreparingRebalance");
    fix_decide(f, ERR_NONE); /* late, and for nothing */
    ck_assert_str_eq(fix_state(f, "g"), "PreparingRebalance");
    fix_free(f);
}
END_TEST

START_TEST(one_assignment_for_a_generation)
{
    struct fix *f = fix_new();
    const char *a;
    const char *b;
    two_joined(f, &a, &b);
    f->hold = true;
    const char *first[] = {a, "X", b, "Y", NULL};
    const char *second[] = {a, "P", b, "Q", NULL};
    size_t sync_1 = fix_sync(f, (struct fix_who){NULL, a, NULL, 2}, first);
    size_t appends = f->appends_count;
    size_t sync_2 = fix_sync(f, (struct fix_who){NULL, a, NULL, 2}, second);
    ck_assert_uint_eq(f->appends_count, appends);
    ck_assert_int_eq(fix_synced(f, sync_1)->error_code, ERR_REBALANCE_IN_PROGRESS);
    fix_decide(f, ERR_NONE);
    ck_assert(slice_eq_str(fix_synced(f, sync_2)->assignment, "X"));
    fix_free(f);
}
END_TEST

START_TEST(leader_dies_before_it_assigns)
{
    struct fix *f = fix_new();
    const char *a;
    const char *b;
    two_joined(f, &a, &b);
    size_t sync_b = fix_sync(f, (struct fix_who){NULL, b, NULL, 2}, NULL);
    fix_pass(f, 10000); /* the session of a; b waits for us and cannot expire */
    ck_assert_int_eq(fix_synced(f, sync_b)->error_code, ERR_REBALANCE_IN_PROGRESS);
    size_t join_b = fix_join_now(f, (struct fix_join){.member = b});
    ck_assert_int_eq(fix_joined(f, join_b)->generation_id, 3);
    ck_assert(slice_eq_str(fix_joined(f, join_b)->leader, b));
    fix_free(f);
}
END_TEST

START_TEST(leader_dies_while_it_is_stored)
{
    struct fix *f = fix_new();
    const char *a;
    const char *b;
    two_joined(f, &a, &b);
    f->hold = true;
    size_t sync_a = fix_sync(f, (struct fix_who){NULL, a, NULL, 2}, NULL);
    ck_assert_int_eq(fix_leave(f, (struct fix_who){.member = a}), ERR_NONE);
    ck_assert_int_eq(fix_synced(f, sync_a)->error_code, ERR_UNKNOWN_MEMBER_ID);
    fix_decide(f, ERR_NONE);
    ck_assert_str_eq(fix_state(f, "g"), "PreparingRebalance");
    fix_free(f);
}
END_TEST

START_TEST(silent_member_is_removed_after_the_sync_phase)
{
    struct fix *f = fix_new();
    const char *a;
    const char *b;
    two_joined(f, &a, &b);
    fix_sync(f, (struct fix_who){NULL, a, NULL, 2}, NULL);
    ck_assert_str_eq(fix_state(f, "g"), "Stable");
    for (int i = 0; i < 12; i++) { /* b lives, but never asks for its assignment */
        fix_pass(f, 5000);
        int expected = i < 11 ? ERR_NONE : ERR_UNKNOWN_MEMBER_ID;
        ck_assert_int_eq(fix_heartbeat(f, (struct fix_who){NULL, b, NULL, 2}), expected);
        expected = i < 11 ? ERR_NONE : ERR_REBALANCE_IN_PROGRESS;
        ck_assert_int_eq(fix_heartbeat(f, (struct fix_who){NULL, a, NULL, 2}), expected);
    }
    fix_free(f);
}
END_TEST

START_TEST(rebalance_interrupts_those_who_wait)
{
    struct fix *f = fix_new();
    const char *a;
    const char *b;
    two_joined(f, &a, &b);
    size_t sync_b = fix_sync(f, (struct fix_who){NULL, b, NULL, 2}, NULL);
    fix_join_now(f, (struct fix_join){.member = fix_member_id(f, "g")});
    ck_assert_int_eq(fix_synced(f, sync_b)->error_code, ERR_REBALANCE_IN_PROGRESS);
    fix_free(f);
}
END_TEST

START_TEST(session_ends_without_heartbeats)
{
    struct fix *f = fix_new();
    const char *a = fix_stable_member(f, "g");
    fix_pass(f, 9999);
    ck_assert_int_eq(fix_heartbeat(f, (struct fix_who){NULL, a, NULL, 1}), ERR_NONE);
    fix_pass(f, 9999);
    /* A commit is as good as a heartbeat. */
    ck_assert_int_eq(fix_commit(f, (struct fix_commit){.who = {NULL, a, NULL, 1}}), ERR_NONE);
    fix_pass(f, 9999);
    ck_assert_str_eq(fix_state(f, "g"), "Stable");
    fix_pass(f, 1);
    ck_assert_str_eq(fix_state(f, "g"), "Empty");
    ck_assert_int_eq(fix_heartbeat(f, (struct fix_who){NULL, a, NULL, 1}), ERR_UNKNOWN_MEMBER_ID);
    fix_free(f);
}
END_TEST

START_TEST(last_one_out_empties_the_group)
{
    struct fix *f = fix_new();
    const char *a = fix_stable_member(f, "g");
    ck_assert_int_eq(fix_leave(f, (struct fix_who){.member = a}), ERR_NONE);
    ck_assert_str_eq(fix_state(f, "g"), "Empty");
    fix_failover(f);
    ck_assert_str_eq(fix_state(f, "g"), "Empty");
    const char *b = fix_member_id(f, "g");
    size_t join = fix_join_now(f, (struct fix_join){.member = b});
    ck_assert_int_eq(fix_joined(f, join)->generation_id, 3);
    fix_free(f);
}
END_TEST

START_TEST(pending_member_may_leave)
{
    struct fix *f = fix_new();
    const char *id = fix_member_id(f, "g");
    ck_assert_int_eq(fix_leave(f, (struct fix_who){.member = id}), ERR_NONE);
    ck_assert_str_eq(fix_state(f, "g"), "Dead");
    fix_free(f);
}
END_TEST

START_TEST(several_leave_at_once)
{
    struct fix *f = fix_new();
    const char *a;
    const char *b;
    two_joined(f, &a, &b);
    struct wire_leave_group_request body;
    wire_init(&wire_msg_leave_group_request, &body);
    body.group_id = slice_str("g");
    struct wire_leave_group_request_members who[] = {
        {slice_str(b), SLICE_NULL, SLICE_NULL},
        {slice_str("ghost"), SLICE_NULL, SLICE_NULL},
        {slice_str(""), slice_str("nobody"), SLICE_NULL},
        {slice_str(a), SLICE_NULL, SLICE_NULL},
    };
    body.members = who;
    body.members_count = ARRAY_LEN(who);
    const struct wire_leave_group_response *r =
        fix_reply(f, fix_send(f, WIRE_API_LEAVE_GROUP, 3, &body), WIRE_API_LEAVE_GROUP);
    ck_assert_int_eq(r->error_code, 0);
    ck_assert_int_eq(r->members_count, 4);
    ck_assert_int_eq(r->members[0].error_code, 0);
    ck_assert_int_eq(r->members[1].error_code, ERR_UNKNOWN_MEMBER_ID);
    ck_assert_int_eq(r->members[2].error_code, ERR_UNKNOWN_MEMBER_ID);
    ck_assert(slice_eq_str(r->members[2].group_instance_id, "nobody"));
    ck_assert_int_eq(r->members[3].error_code, 0);
    ck_assert_str_eq(fix_state(f, "g"), "Empty");
    fix_free(f);
}
END_TEST

START_TEST(old_leave_answers_at_the_top)
{
    struct fix *f = fix_new();
    const char *a = fix_stable_member(f, "g");
    struct wire_leave_group_request body;
    wire_init(&wire_msg_leave_group_request, &body);
    body.group_id = slice_str("g");
    body.member_id = slice_str("ghost");
    const struct wire_leave_group_response *r =
        fix_reply(f, fix_send(f, WIRE_API_LEAVE_GROUP, 2, &body), WIRE_API_LEAVE_GROUP);
    ck_assert_int_eq(r->error_code, ERR_UNKNOWN_MEMBER_ID);
    body.member_id = slice_str(a);
    r = fix_reply(f, fix_send(f, WIRE_API_LEAVE_GROUP, 0, &body), WIRE_API_LEAVE_GROUP);
    ck_assert_int_eq(r->error_code, 0);
    ck_assert_str_eq(fix_state(f, "g"), "Empty");
    fix_free(f);
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("sync");
    tcase_add_test(tc, refuses_strangers);
    tcase_add_test(tc, protocol_must_be_the_chosen_one);
    tcase_add_test(tc, followers_wait_for_the_leader);
    tcase_add_test(tc, forgotten_member_gets_nothing);
    tcase_add_test(tc, failed_append_makes_all_join_again);
    tcase_add_test(tc, slow_append_is_answered_in_time);
    tcase_add_test(tc, one_assignment_for_a_generation);
    tcase_add_test(tc, leader_dies_before_it_assigns);
    tcase_add_test(tc, leader_dies_while_it_is_stored);
    tcase_add_test(tc, silent_member_is_removed_after_the_sync_phase);
    tcase_add_test(tc, rebalance_interrupts_those_who_wait);
    tcase_add_test(tc, session_ends_without_heartbeats);
    tcase_add_test(tc, last_one_out_empties_the_group);
    tcase_add_test(tc, pending_member_may_leave);
    tcase_add_test(tc, several_leave_at_once);
    tcase_add_test(tc, old_leave_answers_at_the_top);
    return fix_run(tc);
}
