/* Snapshots: written, found, loaded, sent to those who lag, and what becomes of files that should
 * not be there, or are not as they should be. */
#include <sys/stat.h>

#include "tests/unit/raft/node/take.h"

/* ---- files ---- */

static void remove_segments(const struct member *member)
{
    remove_ending(member, ".log", 0);
    remove_ending(member, ".index", 0);
    remove_ending(member, ".timeindex", 0);
}

static void write_text(const char *path, const char *text)
{
    FILE *file = fopen(path, "wb");
    ck_assert_ptr_nonnull(file);
    fputs(text, file);
    fclose(file);
}

/* ---- a single node ---- */

static struct member *open_single(struct quorum *q)
{
    quorum_open(q, 1, 0, true);
    format(q, 0);
    start(&q->members[0]);
    commit(q, "a");
    commit(q, "b");
    return &q->members[0];
}

START_TEST(test_names)
{
    static const char *const bad[] = {"00000000000000000500-0000000003.checkpoint.part",
                                      "0500-3.checkpoint",
                                      "quorum-state",
                                      "99999999999999999999-0000000003.checkpoint",
                                      "00000000000000000500-9999999999.checkpoint",
                                      "00000000000000000500_0000000003.checkpoint",
                                      "0000000000000000050x-0000000003.checkpoint"};
    char name[NODE_SNAPSHOT_NAME_MAX];
    struct raft_position place;
    node_snapshot_name((struct raft_position){500, 3}, name);
    ck_assert_str_eq(name, "00000000000000000500-0000000003.checkpoint");
    ck_assert(node_snapshot_parse_name(name, &place));
    ck_assert_int_eq(place.offset, 500);
    ck_assert_int_eq(place.epoch, 3);
    node_snapshot_name((struct raft_position){INT64_MAX, INT32_MAX}, name);
    ck_assert(node_snapshot_parse_name(name, &place));
    ck_assert(place.offset == INT64_MAX);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        ck_assert_msg(!node_snapshot_parse_name(bad[i], &place), "%s", bad[i]);
    }
}
END_TEST

START_TEST(test_what_is_refused)
{
    struct quorum q;
    struct state state;
    struct state other;
    struct member *member = open_single(&q);
    struct node_snapshot_place place = place_of(member);

    place.end_offset++; /* not there yet */
    ck_assert_int_eq(begin_at(member, place, &state), ERR_OFFSET_OUT_OF_RANGE);
    place.end_offset = 2; /* inside of the batch of the leader change and the voters */
    ck_assert_int_eq(begin_at(member, place, &state), ERR_OFFSET_OUT_OF_RANGE);
    place = place_of(member);
    place.epoch++; /* no such place */
    ck_assert_int_eq(begin_at(member, place, &state), ERR_OFFSET_OUT_OF_RANGE);
    place = place_of(member);
    ck_assert_int_eq(begin_at(member, place, &state), ERR_NONE);
    ck_assert_int_eq(begin_at(member, place, &other), ERR_BUSY);
    UNTIL(&q, state.done);
    ck_assert_int_eq(state.result, ERR_NONE);
    ck_assert_int_eq(begin_at(member, place, &state), ERR_EXISTS);
    quorum_close(&q);
}
END_TEST

START_TEST(test_what_is_in_the_file)
{
    struct quorum q;
    char path[512];
    struct node_snapshot_reader *reader;
    struct node_batch batch;
    bool got;
    struct member *member = open_single(&q);
    int64_t end = take(member);
    snapshot_path(member, end, member->last_epoch, path);
    ck_assert_int_eq(node_snapshot_open(store_fs_posix(), path, &reader, NULL), ERR_NONE);
    ck_assert_int_eq(node_snapshot_next(reader, &batch, &got), ERR_NONE);
    ck_assert(got && batch.control);
    ck_assert_int_eq(batch.base_offset, 0);
    ck_assert_int_eq(batch.last_offset, 2); /* header, KRaftVersion, KRaftVoters */
    ck_assert_int_eq(batch.epoch, member->last_epoch);
    ck_assert(node_snapshot_timestamp_ms(reader) == member->last_append_ms);
    const struct raft_voter_set *voters = node_snapshot_voters(reader);
    ck_assert_ptr_nonnull(voters);
    ck_assert_int_eq(voters->count, 1);
    ck_assert_int_eq(voters->voters[0].id, 1);
    ck_assert(uuid_eq(voters->voters[0].directory_id, member->self.directory_id));
    ck_assert_int_eq(node_snapshot_next(reader, &batch, &got), ERR_NONE);
    ck_assert(got && !batch.control);
    ck_assert_int_eq(batch.count, 2);
    ck_assert_int_eq(batch.base_offset, 3);
    ck_assert(slice_eq_str(batch.record_values[1], "b"));
    ck_assert_int_eq(node_snapshot_next(reader, &batch, &got), ERR_NONE);
    ck_assert(got && batch.control);
    ck_assert_int_eq(batch.base_offset, 5);
    ck_assert_int_eq(node_snapshot_next(reader, &batch, &got), ERR_NONE);
    ck_assert(!got);
    node_snapshot_close(reader);
    quorum_close(&q);
}
END_TEST

static enum err read_snapshot(const char *path, struct store_error *why)
{
    struct node_snapshot_reader *reader;
    TRY(node_snapshot_open(store_fs_posix(), path, &reader, why));
    enum err e = ERR_NONE;
    for (bool got = true; e == ERR_NONE && got;) {
        struct node_batch batch;
        e = node_snapshot_next(reader, &batch, &got);
    }
    if (e != ERR_NONE) {
        e = store_fail(why, e, "%s", node_snapshot_problem(reader));
    }
    node_snapshot_close(reader);
    return e;
}

/* Any byte changed, and the file cut anywhere, is found. */
START_TEST(test_damage_is_found)
{
    struct quorum q;
    char path[512];
    struct store_error why;
    struct stat st;
    struct member *member = open_single(&q);
    snapshot_path(member, take(member), member->last_epoch, path);
    ck_assert_int_eq(read_snapshot(path, &why), ERR_NONE);
    ck_assert_int_eq(stat(path, &st), 0);
    for (long at = 0; at < st.st_size; at++) {
        flip_byte(path, at);
        enum err e = read_snapshot(path, &why);
        ck_assert_msg(e == ERR_CORRUPT, "byte %ld", at);
        ck_assert_ptr_nonnull(strstr(why.text, path));
        flip_byte(path, at);
    }
    ck_assert_int_eq(read_snapshot(path, &why), ERR_NONE);
    for (off_t size = st.st_size - 1; size >= 0; size -= 7) {
        ck_assert_int_eq(truncate(path, size), 0);
        ck_assert_int_eq(read_snapshot(path, &why), ERR_CORRUPT);
    }
    ck_assert_int_eq(read_snapshot("/nonexistent", &why), ERR_NOT_FOUND);
    ck_assert_int_eq(unlink(path), 0);
    quorum_close(&q);
}
END_TEST

/* ---- a disk that does not take it ---- */

/* The real file system, but what is called ….part cannot be opened, or not be renamed. */
struct sick_fs {
    struct store_fs fs;
    struct store_fs_ops ops;
    bool opens;
};

static bool is_part(const char *path)
{
    size_t length = strlen(path);
    return length > 5 && strcmp(path + length - 5, ".part") == 0;
}

static enum err sick_open(void *state, const char *path, uint32_t flags, int *fd)
{
    const struct store_fs *real = store_fs_posix();
    bool refuses = !((struct sick_fs *)state)->opens && is_part(path);
    return refuses ? ERR_NO_SPACE : real->ops->open(real->state, path, flags, fd);
}

static enum err sick_rename(void *state, const char *from, const char *to)
{
    (void)state;
    const struct store_fs *real = store_fs_posix();
    return is_part(from) ? ERR_IO : real->ops->rename(real->state, from, to);
}

/* The node goes on, and the next one may succeed. */
START_TEST(test_write_that_fails)
{
    struct quorum q;
    struct state state;
    struct member *member = open_single(&q);
    drop(member);
    struct sick_fs sick = {.ops = *store_fs_posix()->ops, .opens = _i == 1};
    sick.ops.open = sick_open;
    sick.ops.rename = sick_rename;
    sick.fs = (struct store_fs){&sick.ops, &sick};
    q.fs = &sick.fs;
    start(member);
    commit(&q, "c");
    ck_assert_int_eq(begin_at(member, place_of(member), &state), ERR_NONE);
    UNTIL(&q, state.done);
    ck_assert_int_eq(state.result, _i == 1 ? ERR_IO : ERR_NO_SPACE);
    ck_assert_int_eq(member->fatal, 0);
    ck_assert_int_eq(list_ending(member, ".part").count, 0);
    ck_assert_int_eq(count_snapshots(member), 0);
    sick.opens = true;
    sick.ops.rename = store_fs_posix()->ops->rename;
    commit(&q, "d");
    take(member);
    quorum_close(&q);
}
END_TEST

/* ---- starting ---- */

START_TEST(test_start_from_a_snapshot)
{
    struct quorum q;
    struct member *member = open_single(&q);
    int64_t end = take(member);
    commit(&q, "c");
    int64_t next = member->next;
    drop(member);
    start(member);
    UNTIL(&q, member->claimed > 0);
    ck_assert_int_eq(member->loads, 1);
    ck_assert_int_eq(member->snapshot_records, 0); /* the bootstrap's are in it */
    ck_assert_int_gt(member->next, next);
    ck_assert_int_lt(end, next);
    ck_assert(slice_eq_str(buf_slice(&member->committed), "a\nb\nc\n"));
    quorum_close(&q);
}
END_TEST

START_TEST(test_only_a_snapshot)
{
    struct quorum q;
    struct member *member = open_single(&q);
    int64_t end = take(member);
    drop(member);
    remove_segments(member);
    if (_i == 1) { /* not even the vote is left, and the epoch must come from the snapshot */
        char path[512];
        path_in(member, "quorum-state", path);
        ck_assert_int_eq(unlink(path), 0);
        path_in(member, "leader-epoch-checkpoint", path);
        ck_assert_int_eq(unlink(path), 0);
    }
    start(member);
    UNTIL(&q, member->claimed > 1); /* a later epoch than any before */
    ck_assert_int_eq(member->loads, 1);
    ck_assert(slice_eq_str(buf_slice(&member->committed), "a\nb\n"));
    struct node_state state;
    node_describe(member->node, &state);
    ck_assert_int_eq(state.log_start_offset, end);
    const struct node_voter *voters;
    ck_assert_int_eq(node_voters(member->node, &voters), 1);
    commit(&q, "c");
    drop(member);
    start(member);
    UNTIL(&q, member->claimed > 0);
    ck_assert(slice_eq_str(buf_slice(&member->committed), "a\nb\nc\n"));
    quorum_close(&q);
}
END_TEST

/* A crash between the name of a loaded snapshot and the emptying of the log. */
START_TEST(test_snapshot_ahead_of_the_log)
{
    struct quorum q;
    char path[512];
    struct member *member = open_single(&q);
    take(member); /* begins a segment, which is what the log is cut to */
    commit(&q, "c");
    int64_t end = take(member);
    drop(member);
    remove_ending(member, ".log", 1);
    start(member);
    UNTIL(&q, member->claimed > 0);
    ck_assert(slice_eq_str(buf_slice(&member->committed), "a\nb\nc\n"));
    struct node_state state;
    node_describe(member->node, &state);
    ck_assert_int_eq(state.log_start_offset, end);
    snapshot_path(member, end, 1, path);
    ck_assert_int_eq(access(path, F_OK), 0);
    quorum_close(&q);
}
END_TEST

/* The segment that a snapshot begins was not begun, and everything before the last one is gone: the
 * log is empty, but its files are not. */
START_TEST(test_log_that_ends_with_its_snapshot)
{
    struct quorum q;
    char path[512];
    struct member *member = open_single(&q);
    int64_t first = take(member);
    commit(&q, "c");
    int64_t end = take(member);
    drop(member);
    snapshot_path(member, first, 1, path);
    ck_assert_int_eq(unlink(path), 0);
    for (int i = 0; i < 2; i++) {
        char name[64];
        snprintf(name, sizeof name, "%020" PRId64 ".log", i == 0 ? 0 : end);
        path_in(member, name, path);
        ck_assert_int_eq(unlink(path), 0);
    }
    start(member);
    UNTIL(&q, member->claimed > 0);
    ck_assert(slice_eq_str(buf_slice(&member->committed), "a\nb\nc\n"));
    commit(&q, "d");
    quorum_close(&q);
}
END_TEST

START_TEST(test_leftovers_go)
{
    struct quorum q;
    char path[512];
    struct member *member = open_single(&q);
    drop(member);
    path_in(member, "00000000000000000099-0000000001.checkpoint-7.part", path);
    write_text(path, "torn");
    path_in(member, "00000000000000000098-0000000001.checkpoint.part", path);
    write_text(path, "");
    path_in(member, "00000000000000000097-0000000001.checkpoint.deleted", path);
    write_text(path, "torn");
    start(member);
    UNTIL(&q, member->claimed > 0);
    ck_assert_int_eq(member->loads, 0);
    ck_assert(!is_there(member, "00000000000000000099-0000000001.checkpoint-7.part"));
    ck_assert(!is_there(member, "00000000000000000098-0000000001.checkpoint.part"));
    ck_assert(!is_there(member, "00000000000000000097-0000000001.checkpoint.deleted"));
    ck_assert(slice_eq_str(buf_slice(&member->committed), "a\nb\n"));
    quorum_close(&q);
}
END_TEST

START_TEST(test_damaged_newest)
{
    struct quorum q;
    char path[512];
    char aside[600];
    struct member *member = open_single(&q);
    take(member);
    commit(&q, "c");
    int64_t end = take(member);
    ck_assert_int_eq(count_snapshots(member), 2);
    drop(member);
    snapshot_path(member, end, 1, path);
    flip_byte(path, -10);
    start(member);
    UNTIL(&q, member->claimed > 0);
    ck_assert_int_eq(member->loads, 1); /* the one before, and the log behind it */
    ck_assert(slice_eq_str(buf_slice(&member->committed), "a\nb\nc\n"));
    ck_assert_int_eq(access(path, F_OK), -1);
    snprintf(aside, sizeof aside, "%s.corrupt", path);
    ck_assert_int_eq(access(aside, F_OK), 0);
    commit(&q, "d");
    take(member);
    quorum_close(&q);
}
END_TEST

/* No log says that something is missing, as after `craft metadata import`: the node must not begin
 * with nothing, neither now nor when it is started once more. */
START_TEST(test_damaged_and_no_log)
{
    struct quorum q;
    char path[512];
    char aside[600];
    struct member *member = open_single(&q);
    int64_t end = take(member);
    drop(member);
    remove_segments(member);
    path_in(member, "recovery-point-offset-checkpoint", path);
    (void)unlink(path);
    snapshot_path(member, end, 1, path);
    flip_byte(path, -10);
    listen_as(member);
    ck_assert_int_eq(try_start(member), ERR_CORRUPT);
    ck_assert_int_eq(try_start(member), ERR_CORRUPT);
    snprintf(aside, sizeof aside, "%s.corrupt", path);
    flip_byte(aside, -10); /* a whole copy */
    ck_assert_int_eq(rename(aside, path), 0);
    start(member);
    UNTIL(&q, member->claimed > 0);
    ck_assert_int_eq(member->loads, 1);
    quorum_close(&q);
}
END_TEST

/* The log was trimmed to the only snapshot, which is damaged. */
START_TEST(test_gap)
{
    struct quorum q;
    struct member *member = open_single(&q);
    drop(member);
    q.retention = (struct node_retention){.bytes = 1};
    start(member);
    UNTIL(&q, member->claimed > 0);
    commit(&q, "x");
    char path[512];
    take(member);
    commit(&q, "c");
    int64_t end = take(member);
    struct node_state state;
    node_describe(member->node, &state);
    ck_assert_int_eq(state.log_start_offset, end);
    UNTIL(&q, count_snapshots(member) == 1);
    int32_t epoch = member->last_epoch;
    drop(member);
    snapshot_path(member, end, epoch, path);
    flip_byte(path, -10);
    listen_as(member);
    ck_assert_int_eq(try_start(member), ERR_CORRUPT);
    /* The way out that the message names. */
    char aside[600];
    snprintf(aside, sizeof aside, "%s.corrupt", path);
    flip_byte(aside, -10);
    ck_assert_int_eq(rename(aside, path), 0);
    start(member);
    UNTIL(&q, member->claimed > 0);
    ck_assert(slice_eq_str(buf_slice(&member->committed), "a\nb\nx\nc\n"));
    quorum_close(&q);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("snapshots");
    TCase *tcase = tcase_create("snapshots");
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, test_names);
    tcase_add_test(tcase, test_what_is_refused);
    tcase_add_test(tcase, test_what_is_in_the_file);
    tcase_add_test(tcase, test_damage_is_found);
    tcase_add_loop_test(tcase, test_write_that_fails, 0, 2);
    tcase_add_test(tcase, test_start_from_a_snapshot);
    tcase_add_loop_test(tcase, test_only_a_snapshot, 0, 2);
    tcase_add_test(tcase, test_snapshot_ahead_of_the_log);
    tcase_add_test(tcase, test_log_that_ends_with_its_snapshot);
    tcase_add_test(tcase, test_leftovers_go);
    tcase_add_test(tcase, test_damaged_newest);
    tcase_add_test(tcase, test_damaged_and_no_log);
    tcase_add_test(tcase, test_gap);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
