/* A quorum that has lost its majority: logs are looked at, one voter is made the only one
 * (raft/node/recover.c, survey.c). */
#include "raft/node/recover.h"

#include "tests/unit/raft/node/quorum.h"

static void log_dir_of(const struct member *member, char out[300])
{
    snprintf(out, 300, "%s/__cluster_metadata-0", member->dir);
}

static struct node_survey survey(const struct member *member)
{
    char dir[300];
    struct node_survey out;
    struct store_error why = {{0}};
    log_dir_of(member, dir);
    enum err e = node_survey_log(store_fs_posix(), dir, NULL, &out, &why);
    ck_assert_msg(e == ERR_NONE, "%s", why.text);
    return out;
}

/* Three voters with three records, all stopped. */
static void open_and_stop(struct quorum *q, bool dynamic)
{
    quorum_open(q, 3, 0, dynamic);
    for (int i = 0; i < 3; i++) {
        if (dynamic) {
            format(q, i);
        }
        start(&q->members[i]);
    }
    commit(q, "a");
    commit(q, "b");
    commit(q, "c");
    for (int i = 0; i < 3; i++) {
        drop(&q->members[i]);
    }
}

static enum err force(struct member *member, struct store_error *why)
{
    struct node_voter voters[MEMBERS_MAX];
    struct node_options options = options_of(member, voters);
    ck_assert_int_eq(node_new(&options, &member->node), ERR_NONE);
    struct node_advertised self = {"CONTROLLER", member->self.host, member->self.port};
    struct slice records[] = {slice_str("who and why")};
    struct node_forced forced = {&self, 1, records, 1};
    enum err e = node_force_voter(member->node, &forced, why);
    node_free(member->node);
    member->node = NULL;
    return e;
}

START_TEST(test_one_is_left)
{
    struct quorum q;
    open_and_stop(&q, true);
    struct member *left = &q.members[1];
    struct node_survey before = survey(left);
    struct store_error why = {{0}};
    ck_assert_int_eq(force(left, &why), ERR_NONE);
    struct node_survey after = survey(left);
    ck_assert_int_eq(after.end_offset, before.end_offset + 4);
    ck_assert_int_ge(after.last_epoch, before.last_epoch + NODE_FORCED_EPOCHS);

    start(left); /* it leads without anybody */
    commit(&q, "d");
    ck_assert(slice_eq_str(buf_slice(&left->committed), "a\nb\nc\nwho and why\nd\n"));
    const struct node_voter *voters;
    ck_assert_int_eq(node_voters(left->node, &voters), 1);
    ck_assert_int_eq(voters[0].port, left->self.port);

    /* One that begins anew follows it. */
    struct member *other = &q.members[0];
    ck_assert_int_eq(store_fs_remove_tree(store_fs_posix(), other->dir), ERR_NONE);
    ck_assert_int_eq(store_fs_mkdir(store_fs_posix(), other->dir), ERR_NONE);
    other->self.directory_id.hi++;
    start(other);
    commit(&q, "e");
    ck_assert(same_commits(other, left));
    quorum_close(&q);
}
END_TEST

/* A voter that comes back with its old log becomes an observer of the new quorum. */
START_TEST(test_an_old_voter_comes_back)
{
    struct quorum q;
    open_and_stop(&q, true);
    struct store_error why = {{0}};
    ck_assert_int_eq(force(&q.members[1], &why), ERR_NONE);
    start(&q.members[0]);
    start(&q.members[1]);
    commit(&q, "d");
    const struct node_voter *voters;
    ck_assert_int_eq(node_voters(q.members[0].node, &voters), 1);
    ck_assert(same_commits(&q.members[0], &q.members[1]));
    quorum_close(&q);
}
END_TEST

START_TEST(test_static_voters_are_not_forced)
{
    struct quorum q;
    open_and_stop(&q, false);
    struct node_survey before = survey(&q.members[1]);
    struct store_error why = {{0}};
    ck_assert_int_eq(force(&q.members[1], &why), ERR_UNSUPPORTED);
    ck_assert(strstr(why.text, "controller.quorum.voters") != NULL);
    ck_assert_int_eq(survey(&q.members[1]).end_offset, before.end_offset);
    quorum_close(&q);
}
END_TEST

/* ---- looking ---- */

static void count_batch(void *arg, const struct wire_batch *batch, const char *path,
                        int64_t position)
{
    int *count = arg;
    ck_assert(strstr(path, ".log") != NULL);
    ck_assert_int_ge(position, 0);
    *count += batch->record_count;
}

START_TEST(test_a_survey_changes_nothing)
{
    struct quorum q;
    open_and_stop(&q, true);
    char dir[300];
    char path[400];
    struct node_survey out;
    struct store_error why = {{0}};
    log_dir_of(&q.members[0], dir);
    struct node_survey whole = survey(&q.members[0]);
    ck_assert_int_eq(whole.start_offset, 0);
    ck_assert_int_gt(whole.last_timestamp_ms, 0);

    /* A torn batch at the end: it ends before, and the bytes stay. */
    const struct store_fs *fs = store_fs_posix();
    snprintf(path, sizeof path, "%s/00000000000000000000.log", dir);
    int fd;
    uint64_t size;
    uint64_t size_after;
    ck_assert_int_eq(store_fs_open(fs, path, STORE_OPEN_WRITE, &fd), ERR_NONE);
    ck_assert_int_eq(store_fs_size(fs, fd, &size), ERR_NONE);
    ck_assert_int_eq(store_fs_truncate(fs, fd, size - 3), ERR_NONE);
    int records = 0;
    struct node_survey_visitor visitor = {count_batch, &records};
    ck_assert_int_eq(node_survey_log(fs, dir, &visitor, &out, &why), ERR_NONE);
    ck_assert_int_lt(out.end_offset, whole.end_offset);
    ck_assert_int_eq(records, out.end_offset);
    ck_assert_int_eq(store_fs_size(fs, fd, &size_after), ERR_NONE);
    ck_assert_uint_eq(size_after, size - 3);
    ck_assert_uint_eq(whole.unread_bytes, 0);
    ck_assert_uint_gt(out.unread_bytes, 0);
    store_fs_close(fs, fd);

    ck_assert_int_eq(node_survey_log(fs, "/nonexistent", NULL, &out, &why), ERR_NOT_FOUND);
    ck_assert_int_eq(node_survey_log(fs, q.dir, NULL, &out, &why), ERR_NOT_FOUND);
    quorum_close(&q);
}
END_TEST

/* By the newest record, which a snapshot may have alone. */
START_TEST(test_voters_of_a_log_as_it_lies_there)
{
    struct quorum q;
    open_and_stop(&q, true);
    char dir[300];
    char path[400];
    struct store_error why = {{0}};
    struct arena arena = {0};
    struct node_survey_voters voters;
    const struct store_fs *fs = store_fs_posix();
    log_dir_of(&q.members[1], dir);
    ck_assert_int_eq(node_survey_read_voters(fs, dir, "CONTROLLER", &arena, &voters), ERR_NONE);
    ck_assert_int_eq(voters.count, 3);
    ck_assert_int_eq(voters.items[2].id, q.members[2].self.id);
    ck_assert_int_eq(voters.items[2].port, q.members[2].self.port);
    ck_assert(uuid_eq(voters.items[2].directory_id, q.members[2].self.directory_id));
    ck_assert_int_eq(force(&q.members[1], &why), ERR_NONE);
    ck_assert_int_eq(node_survey_read_voters(fs, dir, "CONTROLLER", &arena, &voters), ERR_NONE);
    ck_assert_int_eq(voters.count, 1);
    ck_assert_int_eq(voters.items[0].id, q.members[1].self.id);

    /* The records of the log are gone: those of the snapshot that formatting made are left. */
    int fd;
    snprintf(path, sizeof path, "%s/00000000000000000000.log", dir);
    ck_assert_int_eq(store_fs_open(fs, path, STORE_OPEN_WRITE, &fd), ERR_NONE);
    ck_assert_int_eq(store_fs_truncate(fs, fd, 0), ERR_NONE);
    store_fs_close(fs, fd);
    ck_assert_int_eq(node_survey_read_voters(fs, dir, "CONTROLLER", &arena, &voters), ERR_NONE);
    ck_assert_int_eq(voters.count, 3);
    arena_fini(&arena);
    quorum_close(&q);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("recovery of a quorum");
    TCase *tc = tcase_create("recover");
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, test_one_is_left);
    tcase_add_test(tc, test_an_old_voter_comes_back);
    tcase_add_test(tc, test_static_voters_are_not_forced);
    tcase_add_test(tc, test_a_survey_changes_nothing);
    tcase_add_test(tc, test_voters_of_a_log_as_it_lies_there);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
