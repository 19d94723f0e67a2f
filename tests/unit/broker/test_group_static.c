/* Static membership (KIP-345, KIP-814): replaced without a rebalance, fenced, persisted. */
#include "tests/unit/broker/test_group_fixture.h"

/* Two static members, i1 (leads) and i2, in a Stable generation; their ids. */
static int32_t two_static(struct fix *f, const char **a, const char **b)
{
    size_t ja = fix_join_now(f, (struct fix_join){.instance = "i1"});
    ck_assert_int_eq(fix_joined(f, ja)->error_code, 0);
    *a = fix_str(f, fix_joined(f, ja)->member_id);
    fix_sync(f, (struct fix_who){NULL, *a, "i1", 1}, NULL);
    size_t jb = fix_join_now(f, (struct fix_join){.instance = "i2"});
    ja = fix_join_now(f, (struct fix_join){.member = *a, .instance = "i1"});
    ck_assert_int_eq(fix_joined(f, ja)->generation_id, 2);
    *b = fix_str(f, fix_joined(f, jb)->member_id);
    const char *assignment[] = {*a, "X", *b, "Y", NULL};
    fix_sync(f, (struct fix_who){NULL, *a, "i1", 2}, assignment);
    fix_sync(f, (struct fix_who){NULL, *b, "i2", 2}, NULL);
    ck_assert_str_eq(fix_state(f, "g"), "Stable");
    return 2;
}

START_TEST(id_begins_with_the_instance)
{
    struct fix *f = fix_new();
    size_t t = fix_join_now(f, (struct fix_join){.instance = "rack-7"});
    ck_assert_msg(fix_joined(f, t)->error_code == 0, "no MEMBER_ID_REQUIRED for static members");
    ck_assert(strncmp((const char *)fix_joined(f, t)->member_id.data, "rack-7-", 7) == 0);
    fix_free(f);
}
END_TEST

START_TEST(wrong_id_is_fenced_everywhere)
{
    struct fix *f = fix_new();
    const char *a;
    const char *b;
    two_static(f, &a, &b);
    struct fix_who wrong = {NULL, a, "i2", 2};
    ck_assert_int_eq(fix_heartbeat(f, wrong), ERR_FENCED_INSTANCE_ID);
    ck_assert_int_eq(fix_synced(f, fix_sync(f, wrong, NULL))->error_code, ERR_FENCED_INSTANCE_ID);
    ck_assert_int_eq(fix_leave(f, wrong), ERR_FENCED_INSTANCE_ID);
    ck_assert_int_eq(fix_commit(f, (struct fix_commit){.who = wrong}), ERR_FENCED_INSTANCE_ID);
    size_t t = fix_join_now(f, (struct fix_join){.member = a, .instance = "i2"});
    ck_assert_int_eq(fix_joined(f, t)->error_code, ERR_FENCED_INSTANCE_ID);
    struct fix_who nobody = {NULL, a, "i3", 2};
    ck_assert_int_eq(fix_heartbeat(f, nobody), ERR_UNKNOWN_MEMBER_ID);
    fix_free(f);
}
END_TEST

START_TEST(restart_needs_no_rebalance)
{
    struct fix *f = fix_new();
    const char *a;
    const char *b;
    two_static(f, &a, &b);
    f->hold = true;
    size_t t = fix_join_now(f, (struct fix_join){.instance = "i2"});
    ck_assert_msg(fix_joined(f, t) == NULL, "not before the new id is in the log");
    fix_decide(f, ERR_NONE);
    const struct wire_join_group_response *r = fix_joined(f, t);
    ck_assert_int_eq(r->error_code, 0);
    ck_assert_int_eq(r->generation_id, 2);
    ck_assert(!slice_eq_str(r->member_id, b));
    ck_assert(slice_eq_str(r->leader, a));
    ck_assert(!r->skip_assignment);
    const char *b2 = fix_str(f, r->member_id);
    f->hold = false;
    ck_assert_str_eq(fix_state(f, "g"), "Stable");
    size_t s = fix_sync(f, (struct fix_who){NULL, b2, "i2", 2}, NULL);
    ck_assert(slice_eq_str(fix_synced(f, s)->assignment, "Y"));
    ck_assert_int_eq(fix_heartbeat(f, (struct fix_who){NULL, b, "i2", 2}), ERR_FENCED_INSTANCE_ID);
    ck_assert_int_eq(fix_heartbeat(f, (struct fix_who){NULL, b, NULL, 2}), ERR_UNKNOWN_MEMBER_ID);
    /* The next coordinator knows it too. */
    fix_failover(f);
    ck_assert_int_eq(fix_heartbeat(f, (struct fix_who){NULL, b2, "i2", 2}), ERR_NONE);
    ck_assert_int_eq(fix_heartbeat(f, (struct fix_who){NULL, b, "i2", 2}), ERR_FENCED_INSTANCE_ID);
    fix_free(f);
}
END_TEST

START_TEST(leader_that_returns_skips_the_assignment)
{
    for (int version = 5; version <= 9; version += 4) {
        struct fix *f = fix_new();
        const char *a;
        const char *b;
        two_static(f, &a, &b);
        size_t t = fix_join_now(f, (struct fix_join){.instance = "i1", .version = version});
        const struct wire_join_group_response *r = fix_joined(f, t);
        ck_assert_int_eq(r->error_code, 0);
        if (version >= 9) {
            ck_assert(r->skip_assignment);
            ck_assert(slice_eq(r->leader, r->member_id));
            ck_assert_int_eq(r->members_count, 2);
        } else {
            ck_assert_msg(slice_eq_str(r->leader, a), "an old client must think it follows");
            ck_assert_int_eq(r->members_count, 0);
        }
        fix_free(f);
    }
}
END_TEST

START_TEST(failed_record_brings_the_old_id_back)
{
    struct fix *f = fix_new();
    const char *a;
    const char *b;
    two_static(f, &a, &b);
    f->hold = true;
    size_t t = fix_join_now(f, (struct fix_join){.instance = "i2", .topics = "u"});
    fix_decide(f, ERR_NOT_ENOUGH_REPLICAS);
    ck_assert_int_eq(fix_joined(f, t)->error_code, ERR_COORDINATOR_NOT_AVAILABLE);
    f->hold = false;
    ck_assert_int_eq(fix_heartbeat(f, (struct fix_who){NULL, b, "i2", 2}), ERR_NONE);
    ck_assert_str_eq(fix_state(f, "g"), "Stable");
    struct buf before = {0};
    struct buf after = {0};
    group_shard_dump(f->shard, &before);
    fix_failover(f);
    group_shard_dump(f->shard, &after);
    ck_assert(slice_eq(buf_slice(&before), buf_slice(&after)));
    buf_fini(&before);
    buf_fini(&after);
    fix_free(f);
}
END_TEST

START_TEST(replaced_twice_fences_the_first)
{
    struct fix *f = fix_new();
    const char *a;
    const char *b;
    two_static(f, &a, &b);
    f->hold = true;
    size_t first = fix_join_now(f, (struct fix_join){.instance = "i2"});
    size_t second = fix_join_now(f, (struct fix_join){.instance = "i2"});
    ck_assert_int_eq(fix_joined(f, first)->error_code, ERR_FENCED_INSTANCE_ID);
    fix_decide(f, ERR_NONE);
    ck_assert_int_eq(fix_joined(f, second)->error_code, 0);
    fix_free(f);
}
END_TEST

START_TEST(rebalance_while_it_is_stored_takes_the_member_along)
{
    struct fix *f = fix_new();
    const char *a;
    const char *b;
    two_static(f, &a, &b);
    f->hold = true;
    size_t t = fix_join_now(f, (struct fix_join){.instance = "i2"});
    size_t ja = fix_join_now(f, (struct fix_join){.member = a, .instance = "i1"});
    ck_assert_int_eq(fix_joined(f, ja)->generation_id, 3);
    ck_assert_int_eq(fix_joined(f, t)->generation_id, 3);
    fix_decide(f, ERR_NOT_ENOUGH_REPLICAS); /* nothing depends on it any more */
    ck_assert_str_eq(fix_state(f, "g"), "CompletingRebalance");
    fix_free(f);
}
END_TEST

START_TEST(other_vote_rebalances)
{
    struct fix *f = fix_new();
    size_t ja = fix_join_now(f, (struct fix_join){.instance = "i1", .protocols = "range,sticky"});
    const char *a = fix_str(f, fix_joined(f, ja)->member_id);
    fix_sync(f, (struct fix_who){NULL, a, "i1", 1}, NULL);
    size_t t = fix_join_now(f, (struct fix_join){.instance = "i1", .protocols = "sticky,range"});
    ck_assert_int_eq(fix_joined(f, t)->generation_id, 2);
    ck_assert(slice_eq_str(fix_joined(f, t)->protocol_name, "sticky"));
    fix_free(f);
}
END_TEST

START_TEST(replaced_while_the_leader_assigns_rebalances)
{
    struct fix *f = fix_new();
    const char *a;
    const char *b;
    two_static(f, &a, &b);
    size_t ja = fix_join_now(f, (struct fix_join){.member = a, .instance = "i1"});
    fix_join_now(f, (struct fix_join){.member = b, .instance = "i2"});
    ck_assert_int_eq(fix_joined(f, ja)->generation_id, 3);
    ck_assert_str_eq(fix_state(f, "g"), "CompletingRebalance");
    size_t t = fix_join_now(f, (struct fix_join){.instance = "i2"});
    ck_assert_ptr_null(fix_joined(f, t));
    ck_assert_str_eq(fix_state(f, "g"), "PreparingRebalance");
    ja = fix_join_now(f, (struct fix_join){.member = a, .instance = "i1"});
    ck_assert_int_eq(fix_joined(f, ja)->generation_id, 4);
    ck_assert_int_eq(fix_joined(f, t)->generation_id, 4);
    fix_free(f);
}
END_TEST

START_TEST(replaced_while_members_join)
{
    struct fix *f = fix_new();
    const char *a;
    const char *b;
    two_static(f, &a, &b);
    size_t ja = fix_join_now(f, (struct fix_join){.member = a, .instance = "i1"});
    ck_assert_ptr_null(fix_joined(f, ja));
    size_t t = fix_join_now(f, (struct fix_join){.instance = "i2"});
    ck_assert_int_eq(fix_joined(f, ja)->generation_id, 3);
    ck_assert_int_eq(fix_joined(f, t)->generation_id, 3);
    fix_free(f);
}
END_TEST

START_TEST(absent_static_member_keeps_its_place)
{
    struct fix *f = fix_raw();
    f->config.min_session_timeout_ms = 1;
    fix_start(f);
    size_t ja = fix_join_now(
        f, (struct fix_join){.instance = "i1", .session_ms = 300000, .rebalance_ms = 1000});
    const char *a = fix_str(f, fix_joined(f, ja)->member_id);
    fix_sync(f, (struct fix_who){NULL, a, "i1", 1}, NULL);
    /* i1 is down; a rebalance goes on without removing it. */
    size_t jb = fix_join_now(f, (struct fix_join){.version = 3, .rebalance_ms = 1000});
    fix_pass(f, 1000);
    ck_assert_int_eq(fix_joined(f, jb)->generation_id, 2);
    ck_assert_int_eq(fix_joined(f, jb)->members_count, 2);
    ck_assert(slice_eq(fix_joined(f, jb)->leader, fix_joined(f, jb)->member_id));
    fix_free(f);
}
END_TEST

START_TEST(nobody_rejoins_until_one_comes_back)
{
    struct fix *f = fix_new();
    size_t ja = fix_join_now(
        f, (struct fix_join){.instance = "i1", .session_ms = 300000, .rebalance_ms = 1000});
    const char *a = fix_str(f, fix_joined(f, ja)->member_id);
    fix_sync(f, (struct fix_who){NULL, a, "i1", 1}, NULL);
    size_t jb = fix_join_now(f, (struct fix_join){.version = 3, .rebalance_ms = 1000});
    /* The newcomer leaves again: only i1, who is absent, is left. */
    fix_pass(f, 500);
    struct group_shard_stats stats;
    group_shard_stats(f->shard, &stats);
    ck_assert_uint_eq(stats.members, 2);
    ck_assert_ptr_null(fix_joined(f, jb));
    fix_pass(f, 500);
    const char *b = fix_str(f, fix_joined(f, jb)->member_id);
    ck_assert_int_eq(fix_leave(f, (struct fix_who){.member = b}), ERR_NONE);
    fix_pass(f, 5000);
    ck_assert_str_eq(fix_state(f, "g"), "PreparingRebalance");
    size_t back = fix_join_now(f, (struct fix_join){.instance = "i1"});
    ck_assert_int_eq(fix_joined(f, back)->generation_id, 3);
    fix_free(f);
}
END_TEST

START_TEST(administrator_removes_by_instance)
{
    struct fix *f = fix_new();
    const char *a;
    const char *b;
    two_static(f, &a, &b);
    ck_assert_int_eq(fix_leave(f, (struct fix_who){.member = "", .instance = "i2"}), ERR_NONE);
    ck_assert_int_eq(fix_heartbeat(f, (struct fix_who){NULL, a, "i1", 2}),
                     ERR_REBALANCE_IN_PROGRESS);
    ck_assert_int_eq(fix_heartbeat(f, (struct fix_who){NULL, b, "i2", 2}), ERR_UNKNOWN_MEMBER_ID);
    fix_free(f);
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("static");
    tcase_add_test(tc, id_begins_with_the_instance);
    tcase_add_test(tc, wrong_id_is_fenced_everywhere);
    tcase_add_test(tc, restart_needs_no_rebalance);
    tcase_add_test(tc, leader_that_returns_skips_the_assignment);
    tcase_add_test(tc, failed_record_brings_the_old_id_back);
    tcase_add_test(tc, replaced_twice_fences_the_first);
    tcase_add_test(tc, rebalance_while_it_is_stored_takes_the_member_along);
    tcase_add_test(tc, other_vote_rebalances);
    tcase_add_test(tc, replaced_while_the_leader_assigns_rebalances);
    tcase_add_test(tc, replaced_while_members_join);
    tcase_add_test(tc, absent_static_member_keeps_its_place);
    tcase_add_test(tc, nobody_rejoins_until_one_comes_back);
    tcase_add_test(tc, administrator_removes_by_instance);
    return fix_run(tc);
}
