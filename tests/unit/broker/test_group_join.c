/* JoinGroup: refusals, ids, the phases of a rebalance. */
#include "tests/unit/broker/test_group_fixture.h"

static int join_error(struct fix *f, struct fix_join a)
{
    const struct wire_join_group_response *r = fix_joined(f, fix_join_now(f, a));
    ck_assert_ptr_nonnull(r);
    return r->error_code;
}

START_TEST(refuses_bad_requests)
{
    struct fix *f = fix_new();
    ck_assert_int_eq(join_error(f, (struct fix_join){.group = ""}), ERR_INVALID_GROUP_ID);
    ck_assert_int_eq(join_error(f, (struct fix_join){.session_ms = 5999}),
                     ERR_INVALID_SESSION_TIMEOUT);
    ck_assert_int_eq(join_error(f, (struct fix_join){.session_ms = 1800001}),
                     ERR_INVALID_SESSION_TIMEOUT);
    ck_assert_int_eq(join_error(f, (struct fix_join){.group = "", .session_ms = 1}),
                     ERR_INVALID_GROUP_ID);
    ck_assert_int_eq(join_error(f, (struct fix_join){.member = "ghost"}), ERR_UNKNOWN_MEMBER_ID);
    ck_assert_int_eq(join_error(f, (struct fix_join){.protocols = ""}),
                     ERR_INCONSISTENT_GROUP_PROTOCOL);
    ck_assert_int_eq(join_error(f, (struct fix_join){.type = ""}), ERR_INCONSISTENT_GROUP_PROTOCOL);
    struct group_shard_stats stats;
    group_shard_stats(f->shard, &stats);
    ck_assert_msg(stats.groups == 0, "a refused join must not leave a group behind");
    fix_free(f);
}
END_TEST

START_TEST(refuses_other_protocols)
{
    struct fix *f = fix_new();
    const char *id = fix_stable_member(f, "g");
    ck_assert_int_eq(join_error(f, (struct fix_join){.type = "connect"}),
                     ERR_INCONSISTENT_GROUP_PROTOCOL);
    ck_assert_int_eq(join_error(f, (struct fix_join){.protocols = "roundrobin"}),
                     ERR_INCONSISTENT_GROUP_PROTOCOL);
    ck_assert_int_eq(join_error(f, (struct fix_join){.member = id, .protocols = "sticky"}),
                     ERR_INCONSISTENT_GROUP_PROTOCOL);
    ck_assert_int_eq(join_error(f, (struct fix_join){.member = "ghost"}), ERR_UNKNOWN_MEMBER_ID);
    ck_assert_int_eq(join_error(f, (struct fix_join){.member = id, .instance = "i"}),
                     ERR_UNKNOWN_MEMBER_ID);
    fix_free(f);
}
END_TEST

START_TEST(loading_shard_sends_away)
{
    struct fix *f = fix_raw();
    f->shard = group_shard_new(&f->config, NULL);
    ck_assert_int_eq(join_error(f, (struct fix_join){0}), ERR_COORDINATOR_LOAD_IN_PROGRESS);
    struct fix_who who = {.member = "m", .generation = 1};
    ck_assert_int_eq(fix_heartbeat(f, who), ERR_NONE);
    ck_assert_int_eq(fix_leave(f, who), ERR_COORDINATOR_LOAD_IN_PROGRESS);
    ck_assert_int_eq(fix_commit(f, (struct fix_commit){.who = who}),
                     ERR_COORDINATOR_LOAD_IN_PROGRESS);
    ck_assert_int_eq(fix_synced(f, fix_sync(f, who, NULL))->error_code,
                     ERR_COORDINATOR_LOAD_IN_PROGRESS);
    ck_assert_int_eq(fix_fetch(f, "g", "t", 0, false), -1000 - ERR_COORDINATOR_LOAD_IN_PROGRESS);
    fix_free(f);
}
END_TEST

START_TEST(unloaded_shard_is_no_coordinator)
{
    struct fix *f = fix_new();
    f->config.initial_rebalance_delay_ms = 3000;
    fix_failover(f);
    size_t parked = fix_join_now(f, (struct fix_join){.version = 3});
    ck_assert_ptr_null(fix_joined(f, parked));
    group_shard_unload(f->shard, &f->out);
    fix_absorb(f);
    ck_assert_int_eq(fix_joined(f, parked)->error_code, ERR_NOT_COORDINATOR);
    ck_assert_int_eq(join_error(f, (struct fix_join){0}), ERR_NOT_COORDINATOR);
    ck_assert_int_eq(group_shard_deadline(f->shard), INT64_MAX);
    fix_free(f);
}
END_TEST

START_TEST(old_clients_need_no_member_id)
{
    for (int version = 0; version <= 3; version++) {
        struct fix *f = fix_new();
        struct fix_join join = {.version = version, .version_0 = version == 0};
        const struct wire_join_group_response *r = fix_joined(f, fix_join_now(f, join));
        ck_assert_ptr_nonnull(r);
        ck_assert_int_eq(r->error_code, 0);
        ck_assert_int_eq(r->generation_id, 1);
        ck_assert(slice_eq(r->leader, r->member_id));
        ck_assert_int_eq(r->members_count, 1);
        ck_assert(slice_eq_str(r->protocol_name, "range"));
        ck_assert_msg(strncmp((const char *)r->member_id.data, "client-", 7) == 0,
                      "the id begins with the client's");
        ck_assert_uint_eq(r->member_id.len, strlen("client-") + 36);
        fix_free(f);
    }
}
END_TEST

START_TEST(pending_id_lives_for_a_session)
{
    struct fix *f = fix_new();
    const char *id = fix_member_id(f, "g");
    fix_pass(f, 9999);
    ck_assert_str_eq(fix_state(f, "g"), "Empty");
    fix_pass(f, 1);
    ck_assert_str_eq(fix_state(f, "g"), "Dead");
    ck_assert_int_eq(join_error(f, (struct fix_join){.member = id}), ERR_UNKNOWN_MEMBER_ID);
    fix_free(f);
}
END_TEST

START_TEST(group_is_full)
{
    struct fix *f = fix_raw();
    f->config.max_size = 1;
    fix_start(f);
    const char *late = fix_member_id(f, "g");
    const char *id = fix_stable_member(f, "other");
    ck_assert_int_eq(join_error(f, (struct fix_join){.group = "other"}),
                     ERR_GROUP_MAX_SIZE_REACHED);
    ck_assert_int_eq(fix_heartbeat(f, (struct fix_who){"other", id, NULL, 1}), ERR_NONE);
    /* Two ids were given out; the second to join finds the place taken. */
    const char *first = fix_member_id(f, "g");
    size_t token = fix_join_now(f, (struct fix_join){.member = first});
    ck_assert_int_eq(join_error(f, (struct fix_join){.member = late}), ERR_GROUP_MAX_SIZE_REACHED);
    ck_assert_ptr_nonnull(fix_joined(f, token));
    ck_assert_int_eq(fix_joined(f, token)->error_code, 0);
    fix_free(f);
}
END_TEST

START_TEST(initial_delay_is_extended_by_newcomers)
{
    struct fix *f = fix_raw();
    f->config.initial_rebalance_delay_ms = 3000;
    fix_start(f);
    struct fix_join join = {.version = 3, .rebalance_ms = 7000};
    size_t first = fix_join_now(f, join);
    fix_pass(f, 2999);
    size_t second = fix_join_now(f, join);
    fix_pass(f, 1); /* 3000: somebody came, 3000 more */
    ck_assert_ptr_null(fix_joined(f, first));
    fix_pass(f, 2000);
    size_t third = fix_join_now(f, join);
    fix_pass(f, 1000); /* 6000: 1000 are left of the rebalance timeout */
    ck_assert_ptr_null(fix_joined(f, first));
    fix_pass(f, 999);
    ck_assert_ptr_null(fix_joined(f, first));
    fix_pass(f, 1);
    ck_assert_ptr_nonnull(fix_joined(f, first));
    ck_assert_int_eq(fix_joined(f, first)->members_count, 3);
    ck_assert_int_eq(fix_joined(f, second)->members_count, 0);
    ck_assert(slice_eq(fix_joined(f, third)->leader, fix_joined(f, first)->member_id));
    fix_free(f);
}
END_TEST

START_TEST(initial_delay_ends_when_nobody_comes)
{
    struct fix *f = fix_raw();
    f->config.initial_rebalance_delay_ms = 3000;
    fix_start(f);
    size_t first = fix_join_now(f, (struct fix_join){.version = 3});
    fix_pass(f, 2999);
    ck_assert_ptr_null(fix_joined(f, first));
    fix_pass(f, 1);
    ck_assert_int_eq(fix_joined(f, first)->generation_id, 1);
    fix_free(f);
}
END_TEST

START_TEST(two_members_rebalance)
{
    struct fix *f = fix_new();
    const char *a = fix_stable_member(f, "g");
    const char *b = fix_member_id(f, "g");
    ck_assert_str_eq(fix_state(f, "g"), "Stable");
    size_t join_b = fix_join_now(f, (struct fix_join){.member = b});
    ck_assert_ptr_null(fix_joined(f, join_b));
    ck_assert_str_eq(fix_state(f, "g"), "PreparingRebalance");
    struct fix_who who_a = {.member = a, .generation = 1};
    ck_assert_int_eq(fix_heartbeat(f, who_a), ERR_REBALANCE_IN_PROGRESS);
    ck_assert_int_eq(fix_synced(f, fix_sync(f, who_a, NULL))->error_code,
                     ERR_REBALANCE_IN_PROGRESS);
    /* The old generation may commit what it has done until it joins again. */
    ck_assert_int_eq(fix_commit(f, (struct fix_commit){.who = who_a, .offset = 5}), ERR_NONE);
    size_t join_a = fix_join_now(f, (struct fix_join){.member = a});
    const struct wire_join_group_response *ra = fix_joined(f, join_a);
    const struct wire_join_group_response *rb = fix_joined(f, join_b);
    ck_assert_ptr_nonnull(ra);
    ck_assert_ptr_nonnull(rb);
    ck_assert_int_eq(ra->generation_id, 2);
    ck_assert_int_eq(rb->generation_id, 2);
    ck_assert(slice_eq_str(rb->leader, a));
    ck_assert_int_eq(ra->members_count, 2);
    ck_assert_int_eq(rb->members_count, 0);
    ck_assert(slice_eq_str(ra->protocol_type, "consumer"));
    ck_assert_str_eq(fix_state(f, "g"), "CompletingRebalance");
    fix_free(f);
}
END_TEST

START_TEST(absent_member_is_left_behind)
{
    struct fix *f = fix_new();
    const char *a = fix_stable_member(f, "g");
    const char *b = fix_member_id(f, "g");
    size_t join_b =
        fix_join_now(f, (struct fix_join){.member = b, .rebalance_ms = 5000, .session_ms = 6000});
    /* The slowest member decides: a has 60 s, but its session ends after 10. */
    fix_pass(f, 9999);
    ck_assert_ptr_null(fix_joined(f, join_b));
    fix_pass(f, 1);
    ck_assert_ptr_nonnull(fix_joined(f, join_b));
    ck_assert(slice_eq_str(fix_joined(f, join_b)->leader, b));
    ck_assert_int_eq(fix_heartbeat(f, (struct fix_who){NULL, a, NULL, 1}), ERR_UNKNOWN_MEMBER_ID);
    fix_free(f);
}
END_TEST

START_TEST(rebalance_timeout_ends_the_join_phase)
{
    struct fix *f = fix_new();
    const char *a = fix_stable_member(f, "g");
    const char *b = fix_member_id(f, "g");
    size_t join_b = fix_join_now(f, (struct fix_join){.member = b});
    for (int i = 0; i < 11; i++) {
        fix_pass(f, 5000);
        ck_assert_int_eq(fix_heartbeat(f, (struct fix_who){NULL, a, NULL, 1}),
                         ERR_REBALANCE_IN_PROGRESS);
    }
    ck_assert_ptr_null(fix_joined(f, join_b));
    fix_pass(f, 5000); /* 60 s: the heartbeats of a do not help it */
    ck_assert_ptr_nonnull(fix_joined(f, join_b));
    ck_assert_int_eq(fix_joined(f, join_b)->generation_id, 2);
    ck_assert_int_eq(fix_joined(f, join_b)->members_count, 1);
    fix_free(f);
}
END_TEST

START_TEST(new_member_does_not_wait_for_ever)
{
    struct fix *f = fix_raw();
    f->config.max_session_timeout_ms = INT32_MAX;
    fix_start(f);
    const char *a = fix_stable_member(f, "g");
    size_t token = fix_join_now(
        f, (struct fix_join){
               .member = a, .rebalance_ms = INT32_MAX, .session_ms = INT32_MAX, .topics = "u"});
    ck_assert_int_eq(fix_joined(f, token)->generation_id, 2);
    size_t join_b = fix_join_now(f, (struct fix_join){.version = 3});
    fix_pass(f, 5 * 60 * 1000 - 1);
    ck_assert_ptr_null(fix_joined(f, join_b));
    fix_pass(f, 1);
    ck_assert_int_eq(fix_joined(f, join_b)->error_code, ERR_UNKNOWN_MEMBER_ID);
    fix_free(f);
}
END_TEST

START_TEST(vote_goes_to_the_common_protocol)
{
    struct fix *f = fix_raw();
    f->config.initial_rebalance_delay_ms = 3000;
    fix_start(f);
    struct fix_join join = {.version = 3, .protocols = "x,y,z"};
    size_t a = fix_join_now(f, join);
    join.protocols = "y,z";
    size_t b = fix_join_now(f, join);
    join.protocols = "z,y,w";
    size_t c = fix_join_now(f, join);
    fix_pass(f, 60000);
    ck_assert(slice_eq_str(fix_joined(f, a)->protocol_name, "y"));
    ck_assert(slice_eq_str(fix_joined(f, b)->protocol_name, "y"));
    ck_assert(slice_eq_str(fix_joined(f, c)->protocol_name, "y"));
    fix_free(f);
}
END_TEST

START_TEST(rejoining_follower_gets_the_same_answer)
{
    struct fix *f = fix_new();
    const char *a = fix_stable_member(f, "g");
    const char *b = fix_member_id(f, "g");
    fix_join_now(f, (struct fix_join){.member = b});
    fix_join_now(f, (struct fix_join){.member = a});
    /* CompletingRebalance: both may have missed their answers. */
    size_t again_a = fix_join_now(f, (struct fix_join){.member = a});
    size_t again_b = fix_join_now(f, (struct fix_join){.member = b});
    ck_assert_int_eq(fix_joined(f, again_a)->generation_id, 2);
    ck_assert_int_eq(fix_joined(f, again_a)->members_count, 2);
    ck_assert_int_eq(fix_joined(f, again_b)->members_count, 0);
    fix_sync(f, (struct fix_who){.member = a, .generation = 2}, NULL);
    ck_assert_str_eq(fix_state(f, "g"), "Stable");
    /* Stable: a follower with the same subscription changes nothing … */
    again_b = fix_join_now(f, (struct fix_join){.member = b});
    ck_assert_int_eq(fix_joined(f, again_b)->generation_id, 2);
    ck_assert_str_eq(fix_state(f, "g"), "Stable");
    /* … with another one it does, and so does the leader. */
    again_b = fix_join_now(f, (struct fix_join){.member = b, .topics = "u"});
    ck_assert_ptr_null(fix_joined(f, again_b));
    again_a = fix_join_now(f, (struct fix_join){.member = a});
    ck_assert_int_eq(fix_joined(f, again_a)->generation_id, 3);
    ck_assert_int_eq(fix_joined(f, again_b)->generation_id, 3);
    fix_free(f);
}
END_TEST

START_TEST(second_question_supersedes_the_first)
{
    struct fix *f = fix_new();
    fix_stable_member(f, "g");
    const char *b = fix_member_id(f, "g");
    size_t first = fix_join_now(f, (struct fix_join){.member = b});
    size_t second = fix_join_now(f, (struct fix_join){.member = b});
    ck_assert_int_eq(fix_joined(f, first)->error_code, ERR_REBALANCE_IN_PROGRESS);
    ck_assert_ptr_null(fix_joined(f, second));
    fix_free(f);
}
END_TEST

START_TEST(long_client_id_makes_no_endless_member_id)
{
    struct fix *f = fix_new();
    char *client = mem_alloc(32767);
    memset(client, 'c', 32767);
    struct wire_join_group_request body;
    wire_init(&wire_msg_join_group_request, &body);
    body.group_id = slice_str("g");
    body.member_id = slice_str("");
    body.protocol_type = slice_str("consumer");
    body.session_timeout_ms = 10000;
    struct wire_join_group_request_protocols p = {slice_str("range"), slice_str("")};
    body.protocols = &p;
    body.protocols_count = 1;
    struct group_request rq = {.token = (void *)1,
                               .api_key = WIRE_API_JOIN_GROUP,
                               .version = 3,
                               .client_id = slice_of(client, 32767),
                               .client_host = slice_str("/h"),
                               .body = &body};
    f->tokens = 2;
    group_shard_request(f->shard, &rq, f->now, &f->out);
    fix_absorb(f);
    ck_assert_uint_eq(fix_joined(f, 1)->member_id.len, 32767);
    mem_free(client);
    fix_free(f);
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("join");
    tcase_add_test(tc, refuses_bad_requests);
    tcase_add_test(tc, refuses_other_protocols);
    tcase_add_test(tc, loading_shard_sends_away);
    tcase_add_test(tc, unloaded_shard_is_no_coordinator);
    tcase_add_test(tc, old_clients_need_no_member_id);
    tcase_add_test(tc, pending_id_lives_for_a_session);
    tcase_add_test(tc, group_is_full);
    tcase_add_test(tc, initial_delay_is_extended_by_newcomers);
    tcase_add_test(tc, initial_delay_ends_when_nobody_comes);
    tcase_add_test(tc, two_members_rebalance);
    tcase_add_test(tc, absent_member_is_left_behind);
    tcase_add_test(tc, rebalance_timeout_ends_the_join_phase);
    tcase_add_test(tc, new_member_does_not_wait_for_ever);
    tcase_add_test(tc, vote_goes_to_the_common_protocol);
    tcase_add_test(tc, rejoining_follower_gets_the_same_answer);
    tcase_add_test(tc, second_question_supersedes_the_first);
    tcase_add_test(tc, long_client_id_makes_no_endless_member_id);
    return fix_run(tc);
}
