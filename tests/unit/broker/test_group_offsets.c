/* OffsetCommit, OffsetFetch, OffsetDelete, retention, topics that are gone. */
#include "tests/unit/broker/test_group_fixture.h"

static const struct fix_who SIMPLE = {.generation = -1};

START_TEST(refuses_who_does_not_belong)
{
    struct fix *f = fix_new();
    struct fix_commit c = {.who = {.member = "m", .generation = 1}};
    ck_assert_int_eq(fix_commit(f, c), ERR_GROUP_ID_NOT_FOUND);
    c.version = 8;
    ck_assert_int_eq(fix_commit(f, c), ERR_ILLEGAL_GENERATION);
    const char *a = fix_stable_member(f, "g");
    ck_assert_int_eq(fix_commit(f, c), ERR_UNKNOWN_MEMBER_ID);
    c.who.member = a;
    c.who.generation = 2;
    ck_assert_int_eq(fix_commit(f, c), ERR_ILLEGAL_GENERATION);
    c.who = SIMPLE; /* an outsider, while the group has members */
    ck_assert_int_eq(fix_commit(f, c), ERR_UNKNOWN_MEMBER_ID);
    c.who = (struct fix_who){.member = a, .generation = -1};
    ck_assert_int_eq(fix_commit(f, c), ERR_ILLEGAL_GENERATION);
    ck_assert_int_eq(fix_fetch(f, "g", "t", 0, false), -1);
    fix_free(f);
}
END_TEST

START_TEST(metadata_has_a_limit)
{
    struct fix *f = fix_new();
    char text[4098];
    memset(text, 'm', sizeof text);
    text[4097] = '\0';
    struct fix_commit c = {.who = SIMPLE, .metadata = text, .offset = 1};
    ck_assert_int_eq(fix_commit(f, c), ERR_OFFSET_METADATA_TOO_LARGE);
    ck_assert_uint_eq(f->written_count, 0);
    ck_assert_str_eq(fix_state(f, "g"), "Dead");
    text[4096] = '\0';
    ck_assert_int_eq(fix_commit(f, c), ERR_NONE);
    ck_assert_int_eq(fix_fetch(f, "g", "t", 0, false), 1);
    fix_free(f);
}
END_TEST

START_TEST(all_versions_commit)
{
    for (int version = 1; version <= 9; version++) {
        struct fix *f = fix_new();
        struct fix_commit c = {.who = SIMPLE, .offset = 40 + version, .version = version};
        ck_assert_int_eq(fix_commit(f, c), ERR_NONE);
        ck_assert_int_eq(fix_fetch(f, "g", "t", 0, false), 40 + version);
        ck_assert_str_eq(fix_state(f, "g"), "Empty");
        fix_failover(f);
        ck_assert_int_eq(fix_fetch(f, "g", "t", 0, false), 40 + version);
        fix_free(f);
    }
}
END_TEST

START_TEST(nothing_is_true_before_it_is_committed)
{
    struct fix *f = fix_new();
    ck_assert_int_eq(fix_commit(f, (struct fix_commit){.who = SIMPLE, .offset = 1}), ERR_NONE);
    f->hold = true;
    size_t t = fix_commit_send(f, (struct fix_commit){.who = SIMPLE, .offset = 2});
    ck_assert_int_eq(fix_commit_error(f, t), 999);
    ck_assert_int_eq(fix_fetch(f, "g", "t", 0, false), 1);
    ck_assert_int_eq(fix_fetch(f, "g", "t", 0, true), -1000 - ERR_UNSTABLE_OFFSET_COMMIT);
    ck_assert_int_eq(fix_fetch(f, "g", "t", 1, true), -1);
    fix_decide(f, ERR_NONE);
    ck_assert_int_eq(fix_commit_error(f, t), ERR_NONE);
    ck_assert_int_eq(fix_fetch(f, "g", "t", 0, true), 2);
    fix_free(f);
}
END_TEST

START_TEST(failed_commit_changes_nothing)
{
    struct fix *f = fix_new();
    f->hold = true;
    size_t t = fix_commit_send(f, (struct fix_commit){.who = SIMPLE, .offset = 2});
    fix_decide(f, ERR_NOT_ENOUGH_REPLICAS);
    ck_assert_int_eq(fix_commit_error(f, t), ERR_COORDINATOR_NOT_AVAILABLE);
    ck_assert_int_eq(fix_fetch(f, "g", "t", 0, true), -1);
    ck_assert_msg(strcmp(fix_state(f, "g"), "Dead") == 0, "no group came of it");
    fix_free(f);
}
END_TEST

START_TEST(slow_commit_is_refused_and_counts_later)
{
    struct fix *f = fix_new();
    f->hold = true;
    size_t t = fix_commit_send(f, (struct fix_commit){.who = SIMPLE, .offset = 2});
    fix_pass(f, 5000);
    ck_assert_int_eq(fix_commit_error(f, t), ERR_COORDINATOR_NOT_AVAILABLE);
    ck_assert_int_eq(fix_fetch(f, "g", "t", 0, false), -1);
    ck_assert_int_eq(fix_fetch(f, "g", "t", 0, true), -1000 - ERR_UNSTABLE_OFFSET_COMMIT);
    fix_decide(f, ERR_NONE);
    ck_assert_int_eq(fix_fetch(f, "g", "t", 0, true), 2);
    fix_free(f);
}
END_TEST

START_TEST(unload_answers_and_the_log_decides)
{
    struct fix *f = fix_new();
    f->hold = true;
    size_t t = fix_commit_send(f, (struct fix_commit){.who = SIMPLE, .offset = 2});
    fix_failover(f);
    ck_assert_int_eq(fix_commit_error(f, t), ERR_NOT_COORDINATOR);
    ck_assert_int_eq(fix_fetch(f, "g", "t", 0, false), 2);
    group_shard_append_done(f->shard, 12345, ERR_NONE, f->now, &f->out); /* of a former life */
    fix_absorb(f);
    fix_free(f);
}
END_TEST

/* A log without followers commits at once: the fate of an append is known while the driver still
 * walks through the effects that brought it. */
START_TEST(fate_may_be_known_inside_the_loop)
{
    for (int same = 0; same < 2; same++) {
        struct fix *f = fix_new();
        for (int i = 0; i < 1500; i++) {
            fix_commit(f, (struct fix_commit){.who = SIMPLE, .partition = i, .offset = i});
        }
        struct slice gone = slice_str("t");
        group_shard_topics_deleted(f->shard, &gone, 1, f->now, &f->out);
        size_t records = 0;
        for (const struct group_append *a = f->out.appends; a != NULL; a = a->next) {
            struct group_effects inner = {0};
            group_shard_append_done(f->shard, a->id, ERR_NONE, f->now, same ? &f->out : &inner);
            ck_assert_ptr_null(inner.appends);
            group_effects_clear(&inner);
            records += a->records_count;
            ck_assert_uint_gt(a->records[a->records_count - 1].key.len, 0);
        }
        ck_assert_uint_eq(records, 1500);
        group_effects_clear(&f->out);
        ck_assert_str_eq(fix_state(f, "g"), "Dead");
        fix_free(f);
    }
}
END_TEST

START_TEST(fetch_all_lists_what_is_committed)
{
    struct fix *f = fix_new();
    fix_commit(f,
               (struct fix_commit){
                   .who = SIMPLE, .topic = "a", .partition = 3, .offset = 30, .metadata = "note"});
    fix_commit(f, (struct fix_commit){.who = SIMPLE, .topic = "a", .partition = 1, .offset = 10});
    fix_commit(f, (struct fix_commit){.who = SIMPLE, .topic = "b", .partition = 0, .offset = 7});
    f->hold = true;
    fix_commit_send(f, (struct fix_commit){.who = SIMPLE, .topic = "c", .offset = 1});
    struct wire_offset_fetch_request_groups all = {.group_id = slice_str("g"), .topics_count = -1};
    struct wire_offset_fetch_response_groups r;
    group_shard_offset_fetch(f->shard, &all, false, &f->arena, &r);
    ck_assert_int_eq(r.error_code, 0);
    ck_assert_int_eq(r.topics_count, 2);
    ck_assert_int_eq(r.topics[0].partitions_count, 2);
    ck_assert_int_eq(r.topics[0].partitions[0].committed_offset, 30);
    ck_assert_int_eq(r.topics[0].partitions[0].committed_leader_epoch, -1);
    ck_assert(slice_eq_str(r.topics[0].partitions[0].metadata, "note"));
    ck_assert_int_eq(r.topics[1].partitions[0].committed_offset, 7);
    group_shard_offset_fetch(f->shard, &all, true, &f->arena, &r);
    ck_assert_int_eq(r.topics_count, 3);
    ck_assert_int_eq(r.topics[2].partitions[0].error_code, ERR_UNSTABLE_OFFSET_COMMIT);
    all.group_id = slice_str("none");
    group_shard_offset_fetch(f->shard, &all, false, &f->arena, &r);
    ck_assert_int_eq(r.error_code, 0);
    ck_assert_int_eq(r.topics_count, 0);
    fix_free(f);
}
END_TEST

/* What a client of `version` reads for partition 0 of "t" and group "g". */
static const struct wire_offset_fetch_response *old_fetch(struct fix *f, int16_t version, bool all)
{
    int32_t partition = 0;
    struct wire_offset_fetch_request_topics t = {slice_str("t"), &partition, 1};
    struct wire_offset_fetch_request rq;
    wire_init(&wire_msg_offset_fetch_request, &rq);
    rq.group_id = slice_str("g");
    rq.topics = all ? NULL : &t;
    rq.topics_count = all ? -1 : 1;
    struct wire_offset_fetch_request_groups up;
    group_offset_fetch_upgrade(&rq, &f->arena, &up);
    struct wire_offset_fetch_response_groups answer;
    group_shard_offset_fetch(f->shard, &up, false, &f->arena, &answer);
    struct wire_offset_fetch_response down;
    group_offset_fetch_downgrade(&up, &answer, version, &f->arena, &down);
    struct buf bytes = {0};
    ck_assert_int_eq(wire_encode(&wire_msg_offset_fetch_response, version, &down, &bytes),
                     ERR_NONE);
    struct slice copy = arena_dup(&f->arena, buf_slice(&bytes));
    buf_fini(&bytes);
    struct wire_offset_fetch_response *r = wire_new(&wire_msg_offset_fetch_response, &f->arena);
    ck_assert_int_eq(wire_decode(&wire_msg_offset_fetch_response, version, copy, &f->arena, r),
                     ERR_NONE);
    return r;
}

START_TEST(old_versions_fetch_one_group)
{
    for (int16_t version = 0; version <= 7; version++) {
        struct fix *f = fix_raw();
        f->shard = group_shard_new(&f->config, NULL);
        const struct wire_offset_fetch_response *r = old_fetch(f, version, false);
        if (version < 2) {
            ck_assert_int_eq(r->topics[0].partitions[0].error_code,
                             ERR_COORDINATOR_LOAD_IN_PROGRESS);
            ck_assert_int_eq(r->topics[0].partitions[0].committed_offset, -1);
        } else {
            ck_assert_int_eq(r->error_code, ERR_COORDINATOR_LOAD_IN_PROGRESS);
        }
        group_shard_loaded(f->shard, f->now, &f->out);
        r = old_fetch(f, version, false);
        ck_assert_int_eq(r->topics[0].partitions[0].committed_offset, -1);
        ck_assert_int_eq(r->topics[0].partitions[0].error_code, 0);
        fix_commit(f, (struct fix_commit){.who = SIMPLE, .offset = 5});
        r = old_fetch(f, version, version >= 2);
        ck_assert_int_eq(r->topics_count, 1);
        ck_assert_int_eq(r->topics[0].partitions[0].committed_offset, 5);
        fix_free(f);
    }
}
END_TEST

START_TEST(topic_ids_come_back)
{
    struct fix *f = fix_new();
    struct wire_offset_commit_request_topics_partitions p;
    wire_init(&wire_msg_offset_commit_request_topics_partitions, &p);
    p.committed_offset = 3;
    struct wire_offset_commit_request_topics t = {
        .name = slice_str("t"), .topic_id = {7, 8}, .partitions = &p, .partitions_count = 1};
    struct wire_offset_commit_request body;
    wire_init(&wire_msg_offset_commit_request, &body);
    body.group_id = slice_str("g");
    body.topics = &t;
    body.topics_count = 1;
    struct group_request rq = {.token = (void *)1,
                               .api_key = WIRE_API_OFFSET_COMMIT,
                               .version = 10,
                               .client_host = slice_str("/h"),
                               .body = &body};
    f->tokens = 2;
    group_shard_request(f->shard, &rq, f->now, &f->out);
    fix_absorb(f);
    const struct wire_offset_commit_response *r = fix_reply(f, 1, WIRE_API_OFFSET_COMMIT);
    ck_assert(uuid_eq(r->topics[0].topic_id, (struct uuid){7, 8}));
    ck_assert_int_eq(fix_fetch(f, "g", "t", 0, false), 3);
    fix_free(f);
}
END_TEST

/* ---- retention ---- */

static const int64_t DAY_MS = INT64_C(86400000);

START_TEST(simple_offsets_expire_by_their_commit)
{
    struct fix *f = fix_new();
    fix_commit(f, (struct fix_commit){.who = SIMPLE, .offset = 1});
    fix_pass(f, 3 * DAY_MS);
    fix_commit(f, (struct fix_commit){.who = SIMPLE, .partition = 1, .offset = 2});
    fix_pass(f, 4 * DAY_MS + 600000);
    ck_assert_int_eq(fix_fetch(f, "g", "t", 0, false), -1);
    ck_assert_int_eq(fix_fetch(f, "g", "t", 1, false), 2);
    fix_pass(f, 3 * DAY_MS);
    ck_assert_str_eq(fix_state(f, "g"), "Dead");
    fix_failover(f);
    ck_assert_str_eq(fix_state(f, "g"), "Dead");
    fix_free(f);
}
END_TEST

START_TEST(explicit_retention_counts)
{
    struct fix *f = fix_new();
    fix_commit(
        f, (struct fix_commit){.who = SIMPLE, .offset = 1, .retention_ms = DAY_MS, .version = 3});
    fix_failover(f);
    fix_pass(f, DAY_MS - 1);
    ck_assert_int_eq(fix_fetch(f, "g", "t", 0, false), 1);
    fix_pass(f, 600000);
    ck_assert_int_eq(fix_fetch(f, "g", "t", 0, false), -1);
    fix_free(f);
}
END_TEST

START_TEST(longest_retention_is_for_ever)
{
    struct fix *f = fix_new();
    struct fix_commit c = {.who = SIMPLE, .offset = 1, .retention_ms = INT64_MAX, .version = 3};
    ck_assert_int_eq(fix_commit(f, c), ERR_NONE);
    fix_pass(f, 30 * DAY_MS);
    ck_assert_int_eq(fix_fetch(f, "g", "t", 0, false), 1);
    fix_free(f);
}
END_TEST

START_TEST(offsets_of_members_stay)
{
    struct fix *f = fix_raw();
    f->config.max_session_timeout_ms = INT32_MAX;
    fix_start(f);
    const char *id = fix_member_id(f, "g");
    fix_join_now(f, (struct fix_join){.member = id, .session_ms = INT32_MAX, .topics = "t"});
    struct fix_who who = {.member = id, .generation = 1};
    fix_sync(f, who, NULL);
    fix_commit(f, (struct fix_commit){.who = who, .offset = 1, .topic = "t"});
    fix_commit(f, (struct fix_commit){.who = who, .offset = 2, .topic = "not-subscribed"});
    fix_pass(f, 7 * DAY_MS + 600000);
    ck_assert_int_eq(fix_fetch(f, "g", "t", 0, false), 1);
    ck_assert_int_eq(fix_fetch(f, "g", "not-subscribed", 0, false), -1);
    /* Then the group is empty: the time counts from there, not from the commit. */
    fix_leave(f, (struct fix_who){.member = id});
    fix_pass(f, 7 * DAY_MS - 1200000);
    ck_assert_int_eq(fix_fetch(f, "g", "t", 0, false), 1);
    fix_failover(f);
    fix_pass(f, 1800000);
    ck_assert_str_eq(fix_state(f, "g"), "Dead");
    fix_free(f);
}
END_TEST

START_TEST(undecided_commit_keeps_the_offset)
{
    struct fix *f = fix_new();
    fix_commit(f, (struct fix_commit){.who = SIMPLE, .offset = 1});
    fix_pass(f, 7 * DAY_MS - 600000);
    f->hold = true;
    fix_commit_send(f, (struct fix_commit){.who = SIMPLE, .offset = 2});
    fix_pass(f, 1200000);
    fix_decide(f, ERR_NONE);
    ck_assert_int_eq(fix_fetch(f, "g", "t", 0, false), 2);
    fix_free(f);
}
END_TEST

START_TEST(failed_expiry_comes_again)
{
    struct fix *f = fix_new();
    fix_commit(f, (struct fix_commit){.who = SIMPLE, .offset = 1});
    f->hold = true;
    fix_pass(f, 7 * DAY_MS);
    ck_assert_str_eq(fix_state(f, "g"), "Dead");
    ck_assert_int_eq(fix_commit(f, (struct fix_commit){.who = SIMPLE, .offset = 2}),
                     ERR_COORDINATOR_NOT_AVAILABLE);
    fix_decide(f, ERR_NOT_ENOUGH_REPLICAS);
    ck_assert_str_eq(fix_state(f, "g"), "Empty");
    ck_assert_int_eq(fix_fetch(f, "g", "t", 0, true), 1);
    f->hold = false;
    fix_pass(f, 600000);
    ck_assert_str_eq(fix_state(f, "g"), "Dead");
    fix_free(f);
}
END_TEST

START_TEST(wall_clock_may_jump)
{
    struct fix *f = fix_new();
    const char *a = fix_stable_member(f, "g");
    f->now.wall_ms += 365 * DAY_MS;
    fix_pass(f, 1);
    ck_assert_int_eq(fix_heartbeat(f, (struct fix_who){.member = a, .generation = 1}), ERR_NONE);
    fix_free(f);
}
END_TEST

/* ---- deletions ---- */

static int delete_offset(struct fix *f, const char *group, const char *topic, int16_t *top)
{
    struct wire_offset_delete_request_topics_partitions p = {.partition_index = 0};
    struct wire_offset_delete_request_topics t = {slice_str(topic), &p, 1};
    struct wire_offset_delete_request body;
    wire_init(&wire_msg_offset_delete_request, &body);
    body.group_id = slice_str(group);
    body.topics = &t;
    body.topics_count = 1;
    const struct wire_offset_delete_response *r =
        fix_reply(f, fix_send(f, WIRE_API_OFFSET_DELETE, 0, &body), WIRE_API_OFFSET_DELETE);
    ck_assert_ptr_nonnull(r);
    *top = r->error_code;
    return r->topics_count > 0 ? r->topics[0].partitions[0].error_code : 0;
}

START_TEST(offset_delete)
{
    struct fix *f = fix_new();
    int16_t top;
    delete_offset(f, "", "t", &top);
    ck_assert_int_eq(top, ERR_INVALID_GROUP_ID);
    delete_offset(f, "none", "t", &top);
    ck_assert_int_eq(top, ERR_GROUP_ID_NOT_FOUND);
    const char *a = fix_stable_member(f, "g");
    struct fix_who who = {.member = a, .generation = 1};
    fix_commit(f, (struct fix_commit){.who = who, .topic = "t", .offset = 1});
    fix_commit(f, (struct fix_commit){.who = who, .topic = "u", .offset = 2});
    ck_assert_int_eq(delete_offset(f, "g", "t", &top), ERR_GROUP_SUBSCRIBED_TO_TOPIC);
    ck_assert_int_eq(top, 0);
    ck_assert_int_eq(delete_offset(f, "g", "u", &top), 0);
    ck_assert_int_eq(fix_fetch(f, "g", "u", 0, false), -1);
    ck_assert_int_eq(fix_fetch(f, "g", "t", 0, false), 1);
    size_t written = f->written_count;
    ck_assert_int_eq(delete_offset(f, "g", "never", &top), 0);
    ck_assert_uint_eq(f->written_count, written);
    size_t t = fix_join_now(f, (struct fix_join){.group = "c", .type = "connect", .version = 3});
    ck_assert_ptr_nonnull(fix_joined(f, t));
    delete_offset(f, "c", "t", &top);
    ck_assert_int_eq(top, ERR_NON_EMPTY_GROUP);
    fix_failover(f);
    ck_assert_int_eq(fix_fetch(f, "g", "u", 0, false), -1);
    fix_free(f);
}
END_TEST

START_TEST(deleted_topics_lose_their_offsets)
{
    struct fix *f = fix_new();
    fix_commit(f, (struct fix_commit){.who = SIMPLE, .topic = "t", .offset = 1});
    fix_commit(f, (struct fix_commit){.who = SIMPLE, .topic = "u", .offset = 2});
    fix_commit(f, (struct fix_commit){.who = {.group = "h", .generation = -1}, .topic = "t"});
    f->hold = true;
    fix_commit_send(f, (struct fix_commit){.who = SIMPLE, .topic = "t", .partition = 1});
    f->hold = false;
    struct slice gone[] = {slice_str("t"), slice_str("unknown")};
    group_shard_topics_deleted(f->shard, gone, 2, f->now, &f->out);
    fix_absorb(f);
    ck_assert_int_eq(fix_fetch(f, "g", "t", 0, false), -1);
    ck_assert_int_eq(fix_fetch(f, "g", "t", 1, true), -1);
    ck_assert_int_eq(fix_fetch(f, "g", "u", 0, false), 2);
    ck_assert_str_eq(fix_state(f, "h"), "Dead");
    fix_failover(f);
    ck_assert_int_eq(fix_fetch(f, "g", "t", 1, false), -1);
    ck_assert_int_eq(fix_fetch(f, "g", "u", 0, false), 2);
    fix_free(f);
}
END_TEST

START_TEST(many_tombstones_take_several_appends)
{
    struct fix *f = fix_new();
    for (int i = 0; i < 1500; i++) {
        struct fix_commit c = {.who = SIMPLE, .partition = i, .offset = i};
        ck_assert_int_eq(fix_commit(f, c), ERR_NONE);
    }
    struct slice gone = slice_str("t");
    size_t before = f->appends_count;
    group_shard_topics_deleted(f->shard, &gone, 1, f->now, &f->out);
    fix_absorb(f);
    ck_assert_uint_eq(f->appends_count - before, 2);
    ck_assert_str_eq(fix_state(f, "g"), "Dead");
    fix_free(f);
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("offsets");
    tcase_add_test(tc, refuses_who_does_not_belong);
    tcase_add_test(tc, metadata_has_a_limit);
    tcase_add_test(tc, all_versions_commit);
    tcase_add_test(tc, nothing_is_true_before_it_is_committed);
    tcase_add_test(tc, failed_commit_changes_nothing);
    tcase_add_test(tc, slow_commit_is_refused_and_counts_later);
    tcase_add_test(tc, unload_answers_and_the_log_decides);
    tcase_add_test(tc, fate_may_be_known_inside_the_loop);
    tcase_add_test(tc, fetch_all_lists_what_is_committed);
    tcase_add_test(tc, old_versions_fetch_one_group);
    tcase_add_test(tc, topic_ids_come_back);
    tcase_add_test(tc, simple_offsets_expire_by_their_commit);
    tcase_add_test(tc, explicit_retention_counts);
    tcase_add_test(tc, longest_retention_is_for_ever);
    tcase_add_test(tc, offsets_of_members_stay);
    tcase_add_test(tc, undecided_commit_keeps_the_offset);
    tcase_add_test(tc, failed_expiry_comes_again);
    tcase_add_test(tc, wall_clock_may_jump);
    tcase_add_test(tc, offset_delete);
    tcase_add_test(tc, deleted_topics_lose_their_offsets);
    tcase_add_test(tc, many_tombstones_take_several_appends);
    return fix_run(tc);
}
