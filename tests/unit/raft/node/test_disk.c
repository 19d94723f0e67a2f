/* Disks that fail: the node stops at once, promises nothing more, and is whole again afterwards. */
#include <stdatomic.h>

#include "tests/unit/raft/node/quorum.h"

/* The real file system, but syncs fail when told to. */
struct sick_fs {
    struct store_fs fs;
    struct store_fs_ops ops;
    atomic_bool fails; /* read by the worker */
};

static enum err sick_sync(void *state, int fd)
{
    struct sick_fs *sick = state;
    const struct store_fs *real = store_fs_posix();
    return atomic_load(&sick->fails) ? ERR_IO : real->ops->sync(real->state, fd);
}

static void sick_init(struct sick_fs *sick)
{
    const struct store_fs *real = store_fs_posix();
    ck_assert_ptr_null(real->state); /* so that its calls do not look at ours */
    sick->ops = *real->ops;
    sick->ops.sync = sick_sync;
    sick->fs = (struct store_fs){&sick->ops, sick};
    atomic_init(&sick->fails, false);
}

static void restart(struct quorum *q, struct sick_fs *sick)
{
    ck_assert_int_eq(q->members[0].fatal, 1);
    q->members[0].fatal = 0;
    drop(&q->members[0]);
    atomic_store(&sick->fails, false);
    start(&q->members[0]);
}

START_TEST(test_failed_sync_of_the_log)
{
    struct quorum q;
    struct sick_fs sick;
    quorum_open(&q, 1, 0, false);
    sick_init(&sick);
    q.fs = &sick.fs;
    struct member *member = &q.members[0];
    start(member);
    commit(&q, "a");
    int64_t next = member->next;

    atomic_store(&sick.fails, true);
    int64_t offset;
    ck_assert_int_eq(append_text(member, member->claimed, "b", &offset), ERR_NONE);
    UNTIL(&q, member->fatal == 1);
    ck_assert_int_eq(member->next, next); /* nothing of it counts */
    ck_assert_int_eq(member->claimed, 0);
    atomic_store(&sick.fails, false); /* a sync that works now proves nothing */
    ck_assert_int_eq(append_text(member, 1, "b", &offset), ERR_NOT_CONTROLLER);

    restart(&q, &sick);
    commit(&q, "c");
    ck_assert(slice_eq_str(buf_slice(&member->committed), "a\nc\n") ||
              slice_eq_str(buf_slice(&member->committed), "a\nb\nc\n"));
    quorum_close(&q);
}
END_TEST

START_TEST(test_failed_save_of_the_vote)
{
    struct quorum q;
    struct sick_fs sick;
    quorum_open(&q, 1, 0, false);
    sick_init(&sick);
    q.fs = &sick.fs;
    struct member *member = &q.members[0];
    start(member);
    commit(&q, "a");
    drop(member);
    start(member);
    atomic_store(&sick.fails, true); /* before the election of this life */
    UNTIL(&q, member->fatal == 1);
    ck_assert_int_eq(member->claims, 1);
    restart(&q, &sick);
    commit(&q, "b");
    ck_assert(slice_eq_str(buf_slice(&member->committed), "a\nb\n"));
    quorum_close(&q);
}
END_TEST

/* ---- damage ---- */

static void path_in_log(const struct member *member, const char *name, char path[512])
{
    snprintf(path, 512, "%s/__cluster_metadata-0/%s", member->dir, name);
}

/* A node that was killed after it noted how far its log is synced. */
static void run_until_noted(struct quorum *q, struct member *member)
{
    char path[512];
    path_in_log(member, "recovery-point-offset-checkpoint", path);
    commit(q, "a");
    commit(q, "b");
    UNTIL(q, store_fs_exists(q->fs, path));
    drop(member);
}

static void flip(const struct member *member, uint64_t at)
{
    char path[512];
    int fd = -1;
    uint8_t byte;
    size_t got;
    path_in_log(member, "00000000000000000000.log", path);
    const struct store_fs *fs = store_fs_posix();
    ck_assert_int_eq(store_fs_open(fs, path, STORE_OPEN_WRITE, &fd), ERR_NONE);
    ck_assert_int_eq(store_fs_pread(fs, fd, store_room(&byte, 1), at, &got), ERR_NONE);
    byte ^= 4;
    ck_assert_int_eq(store_fs_pwrite(fs, fd, slice_of(&byte, 1), at), ERR_NONE);
    store_fs_close(fs, fd);
}

/* It would vote with less than it promised. */
START_TEST(test_damage_of_what_was_synced)
{
    struct quorum q;
    quorum_open(&q, 1, 0, false);
    struct member *member = &q.members[0];
    start(member);
    run_until_noted(&q, member);
    flip(member, 50);
    listen_as(member);
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(try_start(member), ERR_CORRUPT);
    }
    /* Nothing was cut: with the bit as it was all is there. */
    flip(member, 50);
    start(member);
    commit(&q, "c");
    ck_assert(slice_eq_str(buf_slice(&member->committed), "a\nb\nc\n"));
    quorum_close(&q);
}
END_TEST

/* Rot behind the back of a process that has opened its log: what it must replay is not what was
 * committed, and a bit of it may make another record of it that can be read. */
START_TEST(test_rot_after_the_start)
{
    enum { IN_BASE_OFFSET = 7, UNDER_THE_CRC = 50 };
    static const uint64_t places[] = {UNDER_THE_CRC, IN_BASE_OFFSET};
    for (size_t i = 0; i < ARRAY_LEN(places); i++) {
        struct quorum q;
        quorum_open(&q, 1, 0, false);
        struct member *member = &q.members[0];
        start(member);
        run_until_noted(&q, member);
        start(member);
        flip(member, places[i]);
        UNTIL(&q, member->fatal == 1);
        ck_assert_int_eq(member->next, 0);
        ck_assert_uint_eq(member->committed.len, 0);
        ck_assert_int_eq(member->claimed, 0);
        member->fatal = 0;
        drop(member);
        flip(member, places[i]);
        start(member);
        commit(&q, "c");
        ck_assert(slice_eq_str(buf_slice(&member->committed), "a\nb\nc\n"));
        quorum_close(&q);
    }
}
END_TEST

/* Bytes that a power cut left behind the synced end are nothing. */
START_TEST(test_a_torn_end)
{
    struct quorum q;
    quorum_open(&q, 1, 0, false);
    struct member *member = &q.members[0];
    start(member);
    run_until_noted(&q, member);
    char path[512];
    int fd = -1;
    uint64_t size = 0;
    const struct store_fs *fs = store_fs_posix();
    path_in_log(member, "00000000000000000000.log", path);
    ck_assert_int_eq(store_fs_open(fs, path, STORE_OPEN_WRITE, &fd), ERR_NONE);
    ck_assert_int_eq(store_fs_size(fs, fd, &size), ERR_NONE);
    ck_assert_int_eq(store_fs_pwrite(fs, fd, slice_str("torn"), size), ERR_NONE);
    store_fs_close(fs, fd);
    start(member);
    commit(&q, "c");
    ck_assert(slice_eq_str(buf_slice(&member->committed), "a\nb\nc\n"));
    quorum_close(&q);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("node disk");
    TCase *tcase = tcase_create("disk");
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, test_failed_sync_of_the_log);
    tcase_add_test(tcase, test_failed_save_of_the_vote);
    tcase_add_test(tcase, test_damage_of_what_was_synced);
    tcase_add_test(tcase, test_rot_after_the_start);
    tcase_add_test(tcase, test_a_torn_end);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
