/* Groups that change their protocol while they run: classic members and consumer members together
 * (KIP-848, "Migration"). */
#include "tests/unit/broker/test_group_consumer_fixture.h"

static const struct fix_topic T4[] = {{"t", 1, 4}};

/* A member of the classic protocol, as its client knows it. */
struct old {
    struct fix *f;
    const char *id;
    int32_t generation;
    int owned; /* partitions of "t" */
    int error;
};

static struct fix *start(void)
{
    struct fix *f = fix_new();
    fix_topics(f, T4, 1);
    return f;
}

/* The assignment of a lone classic member of partitions 0..3 of "t". */
static struct slice assignment_of_all(struct fix *f)
{
    int32_t partitions[] = {0, 1, 2, 3};
    struct wire_consumer_protocol_assignment_assigned_partitions t = {slice_str("t"), partitions,
                                                                      4};
    struct wire_consumer_protocol_assignment a;
    wire_init(&wire_msg_consumer_protocol_assignment, &a);
    a.assigned_partitions = &t;
    a.assigned_partitions_count = 1;
    struct buf bytes = {0};
    buf_put_i16(&bytes, 1);
    ck_assert_int_eq(wire_encode(&wire_msg_consumer_protocol_assignment, 1, &a, &bytes), ERR_NONE);
    struct slice copy = arena_dup(&f->arena, buf_slice(&bytes));
    buf_fini(&bytes);
    return copy;
}

static int partitions_in(struct fix *f, struct slice assignment)
{
    if (assignment.len == 0) {
        return 0;
    }
    struct reader r = reader_of(assignment);
    int16_t version = reader_i16(&r);
    struct wire_consumer_protocol_assignment a;
    ck_assert_int_eq(
        wire_decode_prefix(&wire_msg_consumer_protocol_assignment, version, &r, &f->arena, &a),
        ERR_NONE);
    int count = 0;
    for (int32_t i = 0; i < a.assigned_partitions_count; i++) {
        count += a.assigned_partitions[i].partitions_count;
    }
    return count;
}

/* JoinGroup, then SyncGroup; as the eager protocol has it, everything is given up before. */
static void old_join(struct old *o)
{
    size_t token = fix_join_now(o->f, (struct fix_join){.member = o->id});
    const struct wire_join_group_response *r = fix_joined(o->f, token);
    ck_assert_ptr_nonnull(r);
    if (r->error_code == ERR_MEMBER_ID_REQUIRED) {
        o->id = fix_str(o->f, r->member_id);
        r = fix_joined(o->f, fix_join_now(o->f, (struct fix_join){.member = o->id}));
        ck_assert_ptr_nonnull(r);
    }
    o->error = r->error_code;
    o->generation = r->generation_id;
    o->owned = 0;
}

static void old_sync(struct old *o, bool leads)
{
    struct wire_sync_group_request body;
    wire_init(&wire_msg_sync_group_request, &body);
    body.group_id = slice_str("g");
    body.member_id = slice_str(o->id);
    body.generation_id = o->generation;
    body.protocol_type = slice_str("consumer");
    body.protocol_name = slice_str("range");
    struct wire_sync_group_request_assignments all = {slice_str(o->id), SLICE_NULL};
    if (leads) {
        all.assignment = assignment_of_all(o->f);
        body.assignments = &all;
        body.assignments_count = 1;
    }
    const struct wire_sync_group_response *r =
        fix_synced(o->f, fix_send(o->f, WIRE_API_SYNC_GROUP, 5, &body));
    ck_assert_ptr_nonnull(r);
    o->error = r->error_code;
    if (r->error_code == 0) {
        o->owned = partitions_in(o->f, r->assignment);
    }
}

/* A heartbeat, and a rejoin if that is asked for. */
static void old_beat(struct old *o)
{
    o->error = fix_heartbeat(o->f, (struct fix_who){.member = o->id, .generation = o->generation});
    if (o->error == ERR_REBALANCE_IN_PROGRESS) {
        old_join(o);
        ck_assert_int_eq(o->error, 0);
        old_sync(o, false);
    }
}

static void settle(struct old *old, size_t olds, struct fix_consumer *c, size_t count)
{
    for (int round = 0; round < 12; round++) {
        for (size_t i = 0; i < olds; i++) {
            old_beat(&old[i]);
        }
        for (size_t i = 0; i < count; i++) {
            if (!c[i].left) {
                ck_assert_int_eq(fix_beat(&c[i]), 0);
            }
        }
    }
}

/* A classic group of one member that has all four partitions. */
static struct old lone(struct fix *f)
{
    struct old o = {.f = f, .id = ""};
    old_join(&o);
    ck_assert_int_eq(o.error, 0);
    old_sync(&o, true);
    ck_assert_int_eq(o.error, 0);
    ck_assert_int_eq(o.owned, 4);
    return o;
}

START_TEST(up_with_the_first_consumer_member)
{
    struct fix *f = start();
    struct old o = lone(f);
    ck_assert_int_eq(
        fix_commit(f, (struct fix_commit){.who = {.member = o.id, .generation = o.generation},
                                          .offset = 5}),
        0);
    struct fix_consumer c = {.f = f, .id = "new", .topics = {"t"}};
    ck_assert_int_eq(fix_beat(&c), 0);
    ck_assert_msg(c.owned_count == 0, "the classic member still reads everything");
    fix_failover_same(f, T4, 1);
    settle(&o, 1, &c, 1);
    ck_assert_int_eq(o.owned, 2);
    ck_assert_uint_eq(c.owned_count, 2);
    ck_assert_int_eq(fix_describe(f)->members_count, 2);
    ck_assert_int_eq(fix_describe(f)->members[0].member_type, 0);
    ck_assert_int_eq(fix_describe(f)->members[1].member_type, 1);
    ck_assert_msg(fix_fetch(f, "g", "t", 0, true) == 5, "offsets stay");
    fix_failover_same(f, T4, 1);
    fix_free(f);
}
END_TEST

START_TEST(down_with_the_last_one)
{
    struct fix *f = start();
    struct old o = lone(f);
    struct fix_consumer c = {.f = f, .id = "new", .topics = {"t"}};
    fix_beat(&c);
    settle(&o, 1, &c, 1);
    ck_assert_int_eq(fix_depart(&c, -1), 0);
    ck_assert_str_eq(fix_state(f, "g"), "PreparingRebalance");
    ck_assert_int_eq(fix_heartbeat(f, (struct fix_who){.member = o.id, .generation = o.generation}),
                     ERR_REBALANCE_IN_PROGRESS);
    old_join(&o);
    ck_assert_int_eq(o.error, 0);
    old_sync(&o, true);
    ck_assert_int_eq(o.owned, 4);
    ck_assert_str_eq(fix_state(f, "g"), "Stable");
    fix_failover_same(f, T4, 1);
    fix_free(f);
}
END_TEST

/* The batch that takes the group down is lost: what it removed is still in the log. */
START_TEST(down_is_written_again)
{
    struct fix *f = start();
    struct old o = lone(f);
    struct fix_consumer c = {.f = f, .id = "new", .topics = {"t"}};
    fix_beat(&c);
    settle(&o, 1, &c, 1);
    f->hold = true;
    c.epoch = -1;
    size_t token = fix_beat_send(&c);
    fix_decide(f, ERR_NOT_ENOUGH_REPLICAS);
    fix_beat_answer(&c, token);
    ck_assert_int_eq(c.error, ERR_COORDINATOR_NOT_AVAILABLE);
    f->hold = false;
    old_join(&o);
    ck_assert_int_eq(o.error, 0);
    old_sync(&o, true);
    ck_assert_int_eq(o.owned, 4);
    fix_failover_same(f, T4, 1);
    fix_free(f);
}
END_TEST

START_TEST(the_last_classic_member_takes_the_new_protocol)
{
    struct fix *f = start();
    struct old o = lone(f);
    struct fix_consumer c[2] = {{.f = f, .id = "new", .topics = {"t"}},
                                {.f = f, .id = "newer", .topics = {"t"}}};
    fix_beat(&c[0]);
    settle(&o, 1, c, 1);
    ck_assert_int_eq(fix_leave(f, (struct fix_who){.member = o.id}), 0);
    ck_assert_int_eq(fix_beat(&c[1]), 0);
    settle(NULL, 0, c, 2);
    ck_assert_uint_eq(c[0].owned_count, 2);
    ck_assert_uint_eq(c[1].owned_count, 2);
    fix_failover_same(f, T4, 1);
    fix_free(f);
}
END_TEST

START_TEST(a_classic_member_joins_consumers)
{
    struct fix *f = start();
    struct fix_consumer c = {.f = f, .id = "new", .topics = {"t"}};
    fix_beat(&c);
    struct old o = {.f = f, .id = ""};
    old_join(&o);
    ck_assert_int_eq(o.error, 0);
    old_sync(&o, false);
    ck_assert_int_eq(o.error, 0);
    settle(&o, 1, &c, 1);
    ck_assert_int_eq(o.owned, 2);
    ck_assert_uint_eq(c.owned_count, 2);
    ck_assert_msg(fix_join_now(f, (struct fix_join){.type = "connect"}) > 0 &&
                      fix_joined(f, f->tokens - 1)->error_code == ERR_INCONSISTENT_GROUP_PROTOCOL,
                  "only consumers may");
    fix_free(f);
}
END_TEST

START_TEST(groups_without_members_change_at_once)
{
    struct fix *f = start();
    struct old o = lone(f);
    ck_assert_int_eq(fix_leave(f, (struct fix_who){.member = o.id}), 0);
    struct fix_consumer c = {.f = f, .id = "new", .topics = {"t"}};
    ck_assert_int_eq(fix_beat(&c), 0);
    ck_assert_uint_eq(c.owned_count, 4);
    fix_failover_same(f, T4, 1);
    ck_assert_int_eq(fix_depart(&c, -1), 0);
    o = lone(f);
    fix_failover_same(f, T4, 1);
    fix_free(f);
}
END_TEST

START_TEST(the_policy_decides)
{
    struct fix *f = fix_raw();
    f->config.consumer_upgrade = false;
    fix_start(f);
    fix_topics(f, T4, 1);
    struct old o = lone(f);
    struct fix_consumer c = {.f = f, .id = "new", .topics = {"t"}};
    ck_assert_int_eq(fix_beat(&c), ERR_GROUP_ID_NOT_FOUND);
    old_beat(&o);
    ck_assert_msg(o.error == 0, "nothing has changed");
    fix_free(f);
}
END_TEST

START_TEST(who_waits_is_sent_to_join_again)
{
    struct fix *f = start();
    struct old o = lone(f);
    const char *second = fix_member_id(f, "g");
    size_t join = fix_join_now(f, (struct fix_join){.member = second}); /* waits for the first */
    ck_assert_ptr_null(fix_joined(f, join));
    struct fix_consumer c = {.f = f, .id = "new", .topics = {"t"}};
    ck_assert_int_eq(fix_beat(&c), 0);
    ck_assert_ptr_nonnull(fix_joined(f, join));
    ck_assert_int_eq(fix_joined(f, join)->error_code, ERR_REBALANCE_IN_PROGRESS);
    struct old both[2] = {o, {.f = f, .id = second}};
    old_join(&both[1]);
    old_sync(&both[1], false);
    settle(both, 2, &c, 1);
    ck_assert_int_eq(both[0].owned + both[1].owned + (int)c.owned_count, 4);
    fix_free(f);
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("migrate");
    tcase_add_test(tc, up_with_the_first_consumer_member);
    tcase_add_test(tc, down_with_the_last_one);
    tcase_add_test(tc, down_is_written_again);
    tcase_add_test(tc, the_last_classic_member_takes_the_new_protocol);
    tcase_add_test(tc, a_classic_member_joins_consumers);
    tcase_add_test(tc, groups_without_members_change_at_once);
    tcase_add_test(tc, the_policy_decides);
    tcase_add_test(tc, who_waits_is_sent_to_join_again);
    return fix_run(tc);
}
