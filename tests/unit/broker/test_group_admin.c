/* DescribeGroups, ListGroups, DeleteGroups, refusals of the driver, numbers. */
#include "tests/unit/broker/test_group_fixture.h"

static const struct fix_who SIMPLE = {.generation = -1};

START_TEST(missing_group_by_version)
{
    struct fix *f = fix_new();
    for (int16_t version = 0; version <= 6; version++) {
        struct wire_describe_groups_response_groups d;
        group_shard_describe(f->shard, slice_str("none"), version, &f->arena, &d);
        ck_assert(slice_eq_str(d.group_state, "Dead"));
        ck_assert_int_eq(d.error_code, version >= 6 ? ERR_GROUP_ID_NOT_FOUND : 0);
        ck_assert_int_eq(d.authorized_operations, INT32_MIN);
        struct wire_describe_groups_response r;
        wire_init(&wire_msg_describe_groups_response, &r);
        r.groups = &d;
        r.groups_count = 1;
        struct buf bytes = {0};
        ck_assert_int_eq(wire_encode(&wire_msg_describe_groups_response, version, &r, &bytes),
                         ERR_NONE);
        buf_fini(&bytes);
    }
    fix_free(f);
}
END_TEST

START_TEST(describes_members)
{
    struct fix *f = fix_new();
    const char *a = fix_stable_member(f, "g");
    struct wire_describe_groups_response_groups d;
    group_shard_describe(f->shard, slice_str("g"), 6, &f->arena, &d);
    ck_assert_int_eq(d.error_code, 0);
    ck_assert(slice_eq_str(d.group_state, "Stable"));
    ck_assert(slice_eq_str(d.protocol_type, "consumer"));
    ck_assert(slice_eq_str(d.protocol_data, "range"));
    ck_assert_int_eq(d.members_count, 1);
    ck_assert(slice_eq_str(d.members[0].member_id, a));
    ck_assert(slice_is_null(d.members[0].group_instance_id));
    ck_assert(slice_eq_str(d.members[0].client_id, "client"));
    ck_assert(slice_eq_str(d.members[0].client_host, "/127.0.0.1"));
    ck_assert(slice_eq_str(d.members[0].member_assignment, "A"));
    ck_assert(slice_eq(d.members[0].member_metadata, fix_subscription(f, "t")));
    /* Between generations the metadata is not shown. */
    fix_join_now(f, (struct fix_join){.member = fix_member_id(f, "g")});
    group_shard_describe(f->shard, slice_str("g"), 6, &f->arena, &d);
    ck_assert(slice_eq_str(d.group_state, "PreparingRebalance"));
    ck_assert_int_eq(d.members_count, 2);
    ck_assert_uint_eq(d.members[0].member_metadata.len, 0);
    ck_assert_uint_eq(d.protocol_data.len, 0);
    fix_free(f);
}
END_TEST

static size_t list(struct fix *f, const char *state, const char *type)
{
    struct slice states[] = {slice_str(state)};
    struct slice types[] = {slice_str(type)};
    struct wire_list_groups_request rq = {.states_filter = states,
                                          .states_filter_count = state != NULL,
                                          .types_filter = types,
                                          .types_filter_count = type != NULL};
    struct wire_list_groups_response_groups *groups;
    size_t count;
    ck_assert_int_eq(group_shard_list(f->shard, &rq, &f->arena, &groups, &count), ERR_NONE);
    for (size_t i = 0; i < count; i++) {
        ck_assert(slice_eq_str(groups[i].group_type, "classic"));
        ck_assert_uint_gt(groups[i].group_state.len, 0);
    }
    return count;
}

START_TEST(lists_with_filters)
{
    struct fix *f = fix_new();
    ck_assert_uint_eq(list(f, NULL, NULL), 0);
    fix_stable_member(f, "g");
    fix_commit(f, (struct fix_commit){.who = {.group = "h", .generation = -1}});
    ck_assert_uint_eq(list(f, NULL, NULL), 2);
    ck_assert_uint_eq(list(f, "Stable", NULL), 1);
    ck_assert_uint_eq(list(f, " stable ", NULL), 1);
    ck_assert_uint_eq(list(f, "empty", "Classic"), 1);
    ck_assert_uint_eq(list(f, "nonsense", NULL), 0);
    ck_assert_uint_eq(list(f, NULL, "consumer"), 0);
    ck_assert_uint_eq(list(f, NULL, "CLASSIC"), 2);
    fix_free(f);
}
END_TEST

START_TEST(list_while_loading_fails)
{
    struct fix *f = fix_raw();
    f->shard = group_shard_new(&f->config, NULL);
    struct wire_list_groups_request rq = {0};
    struct wire_list_groups_response_groups *groups;
    size_t count = 7;
    ck_assert_int_eq(group_shard_list(f->shard, &rq, &f->arena, &groups, &count),
                     ERR_COORDINATOR_LOAD_IN_PROGRESS);
    ck_assert_uint_eq(count, 0);
    fix_free(f);
}
END_TEST

static size_t delete_send(struct fix *f, struct slice *names, int32_t count)
{
    struct wire_delete_groups_request body = {names, count};
    return fix_send(f, WIRE_API_DELETE_GROUPS, 2, &body);
}

static const struct wire_delete_groups_response *deleted(struct fix *f, size_t token)
{
    return fix_reply(f, token, WIRE_API_DELETE_GROUPS);
}

START_TEST(deletes_only_empty_groups)
{
    struct fix *f = fix_new();
    fix_stable_member(f, "busy");
    fix_commit(f, (struct fix_commit){.who = SIMPLE, .offset = 1});
    struct slice names[] = {slice_str("none"), slice_str("busy"), slice_str("g")};
    size_t t = delete_send(f, names, 3);
    ck_assert_int_eq(deleted(f, t)->results_count, 3);
    ck_assert_int_eq(deleted(f, t)->results[0].error_code, ERR_GROUP_ID_NOT_FOUND);
    ck_assert_int_eq(deleted(f, t)->results[1].error_code, ERR_NON_EMPTY_GROUP);
    ck_assert_int_eq(deleted(f, t)->results[2].error_code, 0);
    ck_assert_str_eq(fix_state(f, "g"), "Dead");
    ck_assert_int_eq(fix_fetch(f, "g", "t", 0, false), -1);
    t = delete_send(f, names, 2);
    ck_assert_ptr_nonnull(deleted(f, t));
    fix_failover(f);
    ck_assert_str_eq(fix_state(f, "g"), "Dead");
    ck_assert_str_eq(fix_state(f, "busy"), "Stable");
    fix_free(f);
}
END_TEST

START_TEST(group_is_dead_until_its_tombstone_is_decided)
{
    struct fix *f = fix_new();
    const char *a = fix_stable_member(f, "g");
    fix_commit(f, (struct fix_commit){.who = {.member = a, .generation = 1}, .offset = 4});
    fix_leave(f, (struct fix_who){.member = a});
    f->hold = true;
    struct slice name = slice_str("g");
    size_t t = delete_send(f, &name, 1);
    ck_assert_ptr_null(deleted(f, t));
    ck_assert_str_eq(fix_state(f, "g"), "Dead");
    struct fix_who w = {.member = a, .generation = 1};
    ck_assert_int_eq(fix_heartbeat(f, w), ERR_COORDINATOR_NOT_AVAILABLE);
    ck_assert_int_eq(fix_synced(f, fix_sync(f, w, NULL))->error_code,
                     ERR_COORDINATOR_NOT_AVAILABLE);
    ck_assert_int_eq(fix_leave(f, w), ERR_COORDINATOR_NOT_AVAILABLE);
    ck_assert_int_eq(fix_joined(f, fix_join_now(f, (struct fix_join){0}))->error_code,
                     ERR_COORDINATOR_NOT_AVAILABLE);
    ck_assert_int_eq(fix_fetch(f, "g", "t", 0, false), -1);
    size_t again = delete_send(f, &name, 1);
    ck_assert_int_eq(deleted(f, again)->results[0].error_code, ERR_GROUP_ID_NOT_FOUND);
    fix_decide(f, ERR_NOT_ENOUGH_REPLICAS);
    ck_assert_int_eq(deleted(f, t)->results[0].error_code, ERR_COORDINATOR_NOT_AVAILABLE);
    ck_assert_str_eq(fix_state(f, "g"), "Empty");
    ck_assert_int_eq(fix_fetch(f, "g", "t", 0, false), 4);
    f->hold = false;
    t = delete_send(f, &name, 1);
    ck_assert_int_eq(deleted(f, t)->results[0].error_code, 0);
    /* A new group of that name begins at the beginning. */
    const char *b = fix_member_id(f, "g");
    size_t join = fix_join_now(f, (struct fix_join){.member = b});
    ck_assert_int_eq(fix_joined(f, join)->generation_id, 1);
    fix_free(f);
}
END_TEST

START_TEST(commit_on_its_way_is_deleted_too)
{
    struct fix *f = fix_new();
    fix_commit(f, (struct fix_commit){.who = SIMPLE, .offset = 1});
    f->hold = true;
    size_t c = fix_commit_send(f, (struct fix_commit){.who = SIMPLE, .partition = 9});
    struct slice name = slice_str("g");
    size_t t = delete_send(f, &name, 1);
    fix_decide(f, ERR_NONE);
    ck_assert_int_eq(fix_commit_error(f, c), ERR_NONE);
    ck_assert_int_eq(deleted(f, t)->results[0].error_code, 0);
    ck_assert_str_eq(fix_state(f, "g"), "Dead");
    fix_failover(f);
    ck_assert_str_eq(fix_state(f, "g"), "Dead");
    fix_free(f);
}
END_TEST

START_TEST(refusal_has_the_form_of_the_version)
{
    struct fix *f = fix_new();
    struct wire_offset_commit_request_topics_partitions p = {.partition_index = 5};
    struct wire_offset_commit_request_topics t = {
        .name = slice_str("t"), .partitions = &p, .partitions_count = 1};
    struct wire_offset_commit_request commit = {
        .group_id = slice_str("g"), .topics = &t, .topics_count = 1};
    struct wire_join_group_request join;
    wire_init(&wire_msg_join_group_request, &join);
    struct slice names[] = {slice_str("g")};
    struct wire_delete_groups_request delete = {names, 1};
    struct wire_txn_offset_commit_request txn = {0};
    struct wire_sync_group_request sync = {0};
    struct wire_heartbeat_request heartbeat = {0};
    struct wire_leave_group_request leave = {0};
    struct wire_offset_delete_request offsets = {0};
    const struct {
        enum wire_api api;
        const void *body;
    } CASES[] = {{WIRE_API_OFFSET_COMMIT, &commit}, {WIRE_API_JOIN_GROUP, &join},
                 {WIRE_API_DELETE_GROUPS, &delete}, {WIRE_API_TXN_OFFSET_COMMIT, &txn},
                 {WIRE_API_SYNC_GROUP, &sync},      {WIRE_API_HEARTBEAT, &heartbeat},
                 {WIRE_API_LEAVE_GROUP, &leave},    {WIRE_API_OFFSET_DELETE, &offsets}};
    for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
        const struct wire_api_info *info = wire_api((int16_t)CASES[i].api);
        for (int16_t v = info->version_min; v <= info->version_max; v++) {
            size_t token = f->tokens++;
            struct group_request rq = {.token = (void *)(uintptr_t)token,
                                       .api_key = (int16_t)CASES[i].api,
                                       .version = v,
                                       .body = CASES[i].body};
            group_refuse(&rq, ERR_NOT_COORDINATOR, &f->out);
            fix_absorb(f); /* encodes at the version */
            ck_assert_ptr_nonnull(f->replies[token]);
        }
    }
    fix_free(f);
}
END_TEST

START_TEST(numbers)
{
    struct fix *f = fix_new();
    fix_stable_member(f, "g");
    fix_commit(f, (struct fix_commit){.who = {.group = "h", .generation = -1}});
    struct group_shard_stats s;
    group_shard_stats(f->shard, &s);
    ck_assert_uint_eq(s.groups, 2);
    ck_assert_uint_eq(s.members, 1);
    ck_assert_uint_eq(s.offsets, 1);
    ck_assert_uint_eq(s.offset_commits, 1);
    ck_assert_uint_eq(s.rebalances, 1);
    ck_assert_uint_eq(s.parked, 0);
    ck_assert_uint_eq(s.groups_by_state[0], 1);
    ck_assert_uint_eq(s.groups_by_state[3], 1);
    fix_free(f);
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("admin");
    tcase_add_test(tc, missing_group_by_version);
    tcase_add_test(tc, describes_members);
    tcase_add_test(tc, lists_with_filters);
    tcase_add_test(tc, list_while_loading_fails);
    tcase_add_test(tc, deletes_only_empty_groups);
    tcase_add_test(tc, group_is_dead_until_its_tombstone_is_decided);
    tcase_add_test(tc, commit_on_its_way_is_deleted_too);
    tcase_add_test(tc, refusal_has_the_form_of_the_version);
    tcase_add_test(tc, numbers);
    return fix_run(tc);
}
