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

int main(void)
{
    Suite *suite = suite_create("node disk");
    TCase *tcase = tcase_create("disk");
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, test_failed_sync_of_the_log);
    tcase_add_test(tcase, test_failed_save_of_the_vote);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
