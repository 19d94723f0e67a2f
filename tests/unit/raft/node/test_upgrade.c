/* Static voters become records, with real nodes: they report themselves to each leader, and it
 * refuses until all have (raft/node/upgrade.c). */
#include "tests/unit/raft/node/ask.h"
#include "tests/unit/raft/node/take.h"

/* `voters` static ones, the first `running` of them started; a spare controller beside them. */
static void open_static(struct quorum *q, int voters, int running)
{
    quorum_open(q, voters, 1, false);
    q->controllers = voters + 1;
    for (int i = 0; i < running; i++) {
        start(&q->members[i]);
    }
    commit(q, "a");
}

static enum err raise_level(struct quorum *q, bool dry_run, int64_t *offset, struct buf *why)
{
    struct member *member = leader(q);
    buf_reset(why);
    enum err e = member == NULL ? ERR_NOT_CONTROLLER
                                : node_raise_kraft_version(member->node, member->claimed, dry_run,
                                                           offset, why);
    buf_put(why, "", 1);
    ck_assert_msg((e == ERR_INVALID_UPDATE_VERSION) == (why->len > 1), "%s: %s", err_name(e),
                  (const char *)why->data);
    return e;
}

static void must_raise(struct quorum *q)
{
    struct buf why = {0};
    int64_t offset = -1;
    UNTIL(q, raise_level(q, true, &offset, &why) == ERR_NONE);
    ck_assert_int_eq(offset, -1);
    ck_assert_int_eq(node_kraft_version(leader(q)->node), 0);
    ck_assert_int_eq(raise_level(q, false, &offset, &why), ERR_NONE);
    ck_assert(offset > 0);
    UNTIL(q, all_have(q, offset));
    ck_assert_int_eq(raise_level(q, false, &offset, &why), ERR_EXISTS);
    buf_fini(&why);
}

static void must_say(struct quorum *q, const char *said)
{
    struct buf why = {0};
    int64_t offset;
    UNTIL(q, raise_level(q, true, &offset, &why) == ERR_INVALID_UPDATE_VERSION &&
                 strstr((const char *)why.data, said) != NULL);
    ck_assert_int_eq(raise_level(q, false, &offset, &why), ERR_INVALID_UPDATE_VERSION);
    ck_assert_int_eq(node_kraft_version(leader(q)->node), 0);
    buf_fini(&why);
}

START_TEST(test_static_voters_become_records)
{
    struct quorum q;
    open_static(&q, 3, 4);
    must_raise(&q);
    for (int i = 0; i < 4; i++) {
        const struct node_voter *voters;
        ck_assert_int_eq(node_kraft_version(q.members[i].node), 1);
        ck_assert_int_eq(node_voters(q.members[i].node, &voters), 3);
        for (int k = 0; k < 3; k++) {
            const struct node_voter *self = &q.members[voters[k].id - 1].self;
            ck_assert(uuid_eq(voters[k].directory_id, self->directory_id));
            ck_assert_int_eq(voters[k].port, self->port);
        }
    }
    /* So they can change, and the settings do not matter any more. */
    must_add(&q, &q.members[3].self);
    UNTIL(&q, all_count(&q, 4));
    struct answer answer;
    struct member *follower = a_follower(&q);
    begin_remove(leader(&q), &follower->self, "quorum-test", &answer);
    expect(&q, &answer, ERR_NONE, NULL);
    for (int i = 0; i < 4; i++) {
        drop(&q.members[i]);
    }
    for (int i = 0; i < 4; i++) {
        start(&q.members[i]);
    }
    commit(&q, "b");
    UNTIL(&q, all_count(&q, 3));
    quorum_close(&q);
}
END_TEST

/* The record is in the snapshot that takes its place, for those who start and those who come. */
START_TEST(test_the_record_is_in_snapshots)
{
    struct quorum q;
    quorum_open(&q, 3, 1, false);
    q.controllers = 4;
    q.retention = (struct node_retention){.bytes = 1}; /* two snapshots, and the first is gone */
    for (int i = 0; i < 3; i++) {
        start(&q.members[i]);
    }
    commit(&q, "a");
    take(leader(&q)); /* without a record */
    must_raise(&q);
    commit(&q, "b");
    take(leader(&q));
    commit(&q, "c");
    int64_t end = take(leader(&q));
    struct node_state state;
    node_describe(leader(&q)->node, &state);
    ck_assert_int_eq(state.log_start_offset, end);
    start(&q.members[3]);
    UNTIL(&q, q.members[3].loads == 1);
    ck_assert_int_eq(node_kraft_version(q.members[3].node), 1);
    for (int i = 0; i < 4; i++) {
        drop(&q.members[i]);
    }
    for (int i = 0; i < 4; i++) {
        start(&q.members[i]);
        ck_assert_int_eq(node_kraft_version(q.members[i].node), 1);
    }
    commit(&q, "d");
    UNTIL(&q, all_count(&q, 3));
    quorum_close(&q);
}
END_TEST

START_TEST(test_a_single_voter_reports_to_itself)
{
    struct quorum q;
    open_static(&q, 1, 2);
    must_raise(&q);
    must_add(&q, &q.members[1].self);
    UNTIL(&q, all_count(&q, 2));
    quorum_close(&q);
}
END_TEST

START_TEST(test_all_must_have_reported)
{
    struct quorum q;
    open_static(&q, 3, 2);
    must_say(&q, "voter 3 has not told this leader");
    start(&q.members[2]);
    must_raise(&q);
    quorum_close(&q);
}
END_TEST

/* What one leader was told, the next one was not. */
START_TEST(test_each_leader_is_told)
{
    struct quorum q;
    open_static(&q, 3, 3);
    struct buf why = {0};
    int64_t offset;
    UNTIL(&q, raise_level(&q, true, &offset, &why) == ERR_NONE);
    struct member *old = leader(&q);
    drop(old);
    UNTIL(&q, leader(&q) != NULL && leader(&q) != old);
    buf_fini(&why);
    char said[64];
    snprintf(said, sizeof said, "voter %d has not told this leader", old->self.id);
    must_say(&q, said);
    start(old);
    must_raise(&q);
    quorum_close(&q);
}
END_TEST

/* A voter that has lost its disk reports itself anew under its new directory. */
START_TEST(test_the_directory_is_the_newest)
{
    struct quorum q;
    open_static(&q, 3, 3);
    struct buf why = {0};
    int64_t offset;
    UNTIL(&q, raise_level(&q, true, &offset, &why) == ERR_NONE);
    struct member *follower = a_follower(&q);
    wipe(follower);
    start(follower);
    UNTIL(&q, all_have(&q, 0));
    buf_fini(&why);
    must_raise(&q);
    const struct node_voter *voters;
    int count = node_voters(leader(&q)->node, &voters);
    for (int i = 0; i < count; i++) {
        ck_assert(uuid_eq(voters[i].directory_id, q.members[voters[i].id - 1].self.directory_id));
    }
    quorum_close(&q);
}
END_TEST

START_TEST(test_only_the_leader_of_the_epoch)
{
    struct quorum q;
    open_static(&q, 2, 2);
    struct member *follower = a_follower(&q);
    struct buf why = {0};
    int64_t offset;
    int32_t epoch = leader(&q)->claimed;
    ck_assert_int_eq(node_raise_kraft_version(follower->node, epoch, true, &offset, &why),
                     ERR_NOT_CONTROLLER);
    ck_assert_int_eq(node_raise_kraft_version(leader(&q)->node, epoch - 1, true, &offset, &why),
                     ERR_NOT_CONTROLLER);
    buf_fini(&why);
    quorum_close(&q);
}
END_TEST

/* ---- reports ---- */

struct report {
    const char *cluster_id;
    int32_t epoch_more;
    int32_t id;
    struct uuid directory_id;
    const char *listener;
    int16_t min;
    int16_t max;
};

static void reported(void *arg, const void *response, enum err e)
{
    const struct wire_update_raft_voter_response *update = response;
    ck_assert_int_eq(update->error_code, err_wire(e));
    *(enum err *)arg = e;
}

static enum err report(struct quorum *q, const struct report *what)
{
    struct arena arena = {0};
    enum err error = ERR_UNKNOWN_SERVER_ERROR;
    struct wire_update_raft_voter_request *wire =
        wire_new(&wire_msg_update_raft_voter_request, &arena);
    wire->cluster_id = slice_str(what->cluster_id);
    wire->current_leader_epoch = leader(q)->claimed + what->epoch_more;
    wire->voter_id = what->id;
    wire->voter_directory_id = what->directory_id;
    wire->listeners = wire_new_array(&wire_msg_update_raft_voter_request_listeners, &arena, 1);
    wire->listeners_count = what->listener != NULL;
    wire->listeners[0].name = slice_str(what->listener == NULL ? "" : what->listener);
    wire->listeners[0].host = slice_str("127.0.0.1");
    wire->listeners[0].port = 9;
    wire->kraft_version_feature.min_supported_version = what->min;
    wire->kraft_version_feature.max_supported_version = what->max;
    node_change(leader(q)->node, &(struct node_change_call){WIRE_API_UPDATE_RAFT_VOTER, wire,
                                                            &arena, reported, &error, NULL});
    arena_fini(&arena);
    return error;
}

START_TEST(test_reports_that_are_refused)
{
    const struct uuid disk = {4, 4};
    const struct uuid none = {0, 0};
    const struct {
        struct report report;
        enum err expected;
    } cases[] = {
        {{"another", 0, 2, disk, "CONTROLLER", 0, 1}, ERR_INCONSISTENT_CLUSTER_ID},
        {{"quorum-test", -1, 2, disk, "CONTROLLER", 0, 1}, ERR_FENCED_LEADER_EPOCH},
        {{"quorum-test", 1, 2, disk, "CONTROLLER", 0, 1}, ERR_UNKNOWN_LEADER_EPOCH},
        {{"quorum-test", 0, 7, disk, "CONTROLLER", 0, 1}, ERR_VOTER_NOT_FOUND},
        {{"quorum-test", 0, 2, none, "CONTROLLER", 0, 1}, ERR_INVALID_REQUEST},
        {{"quorum-test", 0, 2, disk, NULL, 0, 1}, ERR_INVALID_REQUEST},
        {{"quorum-test", 0, 2, disk, "OTHER", 0, 1}, ERR_INVALID_REQUEST},
        {{"quorum-test", 0, 2, disk, "CONTROLLER", 1, 2}, ERR_INVALID_REQUEST}, /* not our 0 */
        {{"quorum-test", 0, 2, disk, "CONTROLLER", 0, 0}, ERR_NONE},
    };
    struct quorum q;
    open_static(&q, 2, 2);
    struct buf why = {0};
    int64_t offset;
    UNTIL(&q, raise_level(&q, true, &offset, &why) == ERR_NONE); /* it has reported itself */
    buf_fini(&why);
    int32_t follower_id = leader(&q) == &q.members[0] ? 2 : 1;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct report one = cases[i].report;
        one.id = one.id == 2 ? follower_id : one.id;
        enum err e = report(&q, &one);
        ck_assert_msg(e == cases[i].expected, "case %zu: %s", i, err_name(e));
    }
    char said[64];
    snprintf(said, sizeof said, "voter %d supports kraft.version 0 to 0", follower_id);
    must_say(&q, said);
    /* Of another disk than the one that fetches. */
    struct report stale = {"quorum-test", 0, follower_id, disk, "CONTROLLER", 0, 1};
    ck_assert_int_eq(report(&q, &stale), ERR_NONE);
    must_say(&q, "from the directory that it has reported");
    quorum_close(&q);
}
END_TEST

/* Behind the member's log, which ends at `base`: a level that comes with a later release. */
static void append_later_level(const struct member *member, int64_t base)
{
    const struct store_fs *fs = store_fs_posix();
    char path[400];
    uint64_t size;
    int fd;
    struct buf key = {0};
    struct buf value = {0};
    struct buf bytes = {0};
    struct wire_kraft_version_record record = {.kraft_version = NODE_KRAFT_VERSION_MAX + 1};
    ck_assert_int_eq(wire_encode(&wire_msg_kraft_version_record, 0, &record, &value), ERR_NONE);
    wire_control_key_encode(WIRE_CONTROL_KRAFT_VERSION, &key);
    struct wire_builder_options options = {.base_offset = base, WIRE_BUILDER_DEFAULTS};
    options.leader_epoch = 1;
    options.attributes = WIRE_BATCH_CONTROL;
    struct wire_builder builder;
    wire_builder_init(&builder, &options, &bytes);
    wire_builder_add(&builder,
                     &(struct wire_record){.key = buf_slice(&key), .value = buf_slice(&value)});
    wire_builder_finish(&builder);
    snprintf(path, sizeof path, "%s/__cluster_metadata-0/00000000000000000000.log", member->dir);
    ck_assert_int_eq(store_fs_open(fs, path, STORE_OPEN_WRITE, &fd), ERR_NONE);
    ck_assert_int_eq(store_fs_size(fs, fd, &size), ERR_NONE);
    ck_assert_int_eq(store_fs_pwrite(fs, fd, buf_slice(&bytes), size), ERR_NONE);
    store_fs_close(fs, fd);
    buf_fini(&key);
    buf_fini(&value);
    buf_fini(&bytes);
}

START_TEST(test_a_level_of_a_later_release_stops_the_node)
{
    struct quorum q;
    quorum_open(&q, 1, 0, true);
    struct member *member = &q.members[0];
    format(&q, 0);
    start(member);
    commit(&q, "a");
    struct node_state state;
    node_describe(member->node, &state);
    int64_t end = state.log_end_offset;
    ck_assert_int_eq(state.epoch, 1);
    drop(member);
    append_later_level(member, end);
    ck_assert_int_eq(try_start(member), ERR_UNSUPPORTED);
    quorum_close(&q);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("upgrade");
    TCase *tc = tcase_create("upgrade");
    tcase_set_timeout(tc, 90);
    tcase_add_test(tc, test_static_voters_become_records);
    tcase_add_test(tc, test_the_record_is_in_snapshots);
    tcase_add_test(tc, test_a_single_voter_reports_to_itself);
    tcase_add_test(tc, test_all_must_have_reported);
    tcase_add_test(tc, test_each_leader_is_told);
    tcase_add_test(tc, test_the_directory_is_the_newest);
    tcase_add_test(tc, test_only_the_leader_of_the_epoch);
    tcase_add_test(tc, test_reports_that_are_refused);
    tcase_add_test(tc, test_a_level_of_a_later_release_stops_the_node);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
