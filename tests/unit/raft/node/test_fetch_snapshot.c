/* Those who lag behind the beginning of their leader's log get its snapshot. */
#include "base/prng.h"
#include "tests/unit/raft/node/take.h"

/* Keeps next to nothing: two snapshots and the first is gone, with the log before the second. */
static const struct node_retention tight = {.bytes = 1};

static void open_quorum(struct quorum *q, int voters, int observers)
{
    quorum_open(q, voters, observers, true);
    q->retention = tight;
    for (int i = 0; i < q->count; i++) {
        if (i < voters) {
            format(q, i);
        }
        start(&q->members[i]);
    }
    commit(q, "a");
}

/* Somebody who is not the leader. */
static struct member *follower_of(struct quorum *q, int skip)
{
    for (int i = 0; i < q->voters; i++) {
        if (&q->members[i] != leader(q) && q->members[i].node != NULL && skip-- == 0) {
            return &q->members[i];
        }
    }
    ck_abort_msg("no follower");
}

/* The log of the leader begins after all that was committed before. */
static void trim_leader(struct quorum *q)
{
    struct node_state state;
    commit(q, "before");
    take(leader(q));
    commit(q, "between");
    int64_t end = take(leader(q));
    node_describe(leader(q)->node, &state);
    ck_assert_int_eq(state.log_start_offset, end);
}

static bool same_lines(const struct member *a, const struct member *b)
{
    return slice_eq(buf_slice(&a->committed), buf_slice(&b->committed));
}

static void expect_loaded(struct quorum *q, struct member *member, int loads)
{
    commit(q, "after");
    UNTIL(q, member->next == leader(q)->next);
    ck_assert_int_eq(member->loads, loads);
    ck_assert(same_lines(member, leader(q)));
}

START_TEST(test_follower_that_was_away)
{
    struct quorum q;
    open_quorum(&q, 3, 0);
    struct member *away = follower_of(&q, 0);
    drop(away);
    trim_leader(&q);
    start(away);
    expect_loaded(&q, away, 1);
    ck_assert(!is_there(away, "00000000000000000000.log"));

    /* It has what a voter has: with another gone, it is needed for a majority, and may lead. */
    drop(leader(&q));
    commit(&q, "without the old leader");
    drop(away);
    start(away);
    commit(&q, "once more");
    UNTIL(&q, away->next == leader(&q)->next);
    ck_assert(same_lines(away, leader(&q)));
    quorum_close(&q);
}
END_TEST

START_TEST(test_disk_was_replaced)
{
    struct quorum q;
    open_quorum(&q, 3, 0);
    struct member *fresh = follower_of(&q, 0);
    drop(fresh);
    trim_leader(&q);
    ck_assert_int_eq(store_fs_remove_tree(store_fs_posix(), fresh->dir), ERR_NONE);
    ck_assert_int_eq(store_fs_mkdir(store_fs_posix(), fresh->dir), ERR_NONE);
    fresh->self.directory_id.lo += 100;
    start(fresh);
    expect_loaded(&q, fresh, 1);
    const struct node_voter *voters;
    ck_assert_int_eq(node_voters(fresh->node, &voters), 3); /* from the snapshot */
    quorum_close(&q);
}
END_TEST

START_TEST(test_observer)
{
    struct quorum q;
    open_quorum(&q, 3, 1);
    struct member *broker = &q.members[3];
    drop(broker);
    trim_leader(&q);
    start(broker);
    expect_loaded(&q, broker, 1);
    /* It has the snapshot itself now, and begins with it. */
    drop(broker);
    start(broker);
    expect_loaded(&q, broker, 1);
    ck_assert_int_eq(count_snapshots(broker), 1);
    quorum_close(&q);
}
END_TEST

/* A broker without what is between its snapshot and its log copies everything anew. */
START_TEST(test_gap_of_an_observer)
{
    struct quorum q;
    char path[512];
    open_quorum(&q, 1, 1);
    struct member *broker = &q.members[1];
    UNTIL(&q, broker->next == q.members[0].next);
    take(broker);
    commit(&q, "b");
    UNTIL(&q, broker->next == q.members[0].next);
    int64_t end = take(broker);
    commit(&q, "c");
    UNTIL(&q, count_snapshots(broker) == 1);
    drop(broker);
    snapshot_path(broker, end, 1, path);
    flip_byte(path, -10);
    start(broker);
    expect_loaded(&q, broker, 0);
    quorum_close(&q);
}
END_TEST

/* ---- many pieces ---- */

enum { LINES = 40, LINE_BYTES = 100 * 1000 };

/* Several pieces of 1 MiB, in many batches. */
static void fill(struct quorum *q)
{
    struct prng prng;
    prng_init(&prng, 5);
    char *line = mem_alloc(LINE_BYTES + 1);
    line[LINE_BYTES] = '\0';
    for (int i = 0; i < LINES; i++) {
        for (int k = 0; k < LINE_BYTES; k++) {
            line[k] = (char)prng_range(&prng, 'a', 'z');
        }
        commit(q, line);
    }
    mem_free(line);
}

static bool has_part(const struct member *member)
{
    return list_ending(member, ".part").count > 0;
}

START_TEST(test_large)
{
    struct quorum q;
    open_quorum(&q, 3, 1);
    struct member *away = follower_of(&q, 0);
    drop(away);
    fill(&q);
    trim_leader(&q);
    start(away);
    expect_loaded(&q, away, 1);
    ck_assert_uint_gt(away->committed.len, LINES * LINE_BYTES);
    ck_assert(!has_part(away));
    quorum_close(&q);
}
END_TEST

/* The leader dies in the middle of it: the next one's snapshot is another file. */
START_TEST(test_leader_dies_meanwhile)
{
    struct quorum q;
    open_quorum(&q, 3, 0);
    struct member *away = follower_of(&q, 0);
    struct member *other = follower_of(&q, 1);
    struct member *first = leader(&q);
    drop(away);
    fill(&q);
    trim_leader(&q);
    UNTIL(&q, other->next == first->next);
    take(other);
    commit(&q, "so that the other trims, too");
    UNTIL(&q, other->next == first->next);
    take(other);
    start(away);
    UNTIL(&q, has_part(away));
    drop(first);
    expect_loaded(&q, away, 1);
    ck_assert(!has_part(away));
    quorum_close(&q);
}
END_TEST

/* The one who gets it dies in the middle: the part is not resumed, and does no harm. */
START_TEST(test_follower_dies_meanwhile)
{
    struct quorum q;
    open_quorum(&q, 3, 0);
    struct member *away = follower_of(&q, 0);
    drop(away);
    fill(&q);
    trim_leader(&q);
    for (int i = 0; i < 3; i++) {
        start(away);
        UNTIL(&q, has_part(away) || away->loads > 0);
        drop(away);
    }
    start(away);
    expect_loaded(&q, away, 1);
    ck_assert(!has_part(away));
    quorum_close(&q);
}
END_TEST

/* What comes is checked before it becomes a snapshot; a later one that is whole is taken. */
START_TEST(test_damaged_at_the_leader)
{
    struct quorum q;
    char path[512];
    open_quorum(&q, 3, 0);
    struct member *away = follower_of(&q, 0);
    drop(away);
    trim_leader(&q);
    struct node_state state;
    node_describe(leader(&q)->node, &state);
    snapshot_path(leader(&q), state.snapshot_offset, leader(&q)->last_epoch, path);
    flip_byte(path, -10);
    start(away);
    UNTIL(&q, has_part(away));
    UNTIL(&q, !has_part(away));
    ck_assert_int_eq(away->loads, 0);
    ck_assert_int_eq(count_snapshots(away), 0);
    int64_t offset = append(&q, "news");
    UNTIL(&q, leader(&q)->next > offset);
    take(leader(&q));
    expect_loaded(&q, away, 1);
    quorum_close(&q);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("fetch_snapshot");
    TCase *tcase = tcase_create("fetch_snapshot");
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, test_follower_that_was_away);
    tcase_add_test(tcase, test_disk_was_replaced);
    tcase_add_test(tcase, test_observer);
    tcase_add_test(tcase, test_gap_of_an_observer);
    tcase_add_test(tcase, test_large);
    tcase_add_test(tcase, test_leader_dies_meanwhile);
    tcase_add_test(tcase, test_follower_dies_meanwhile);
    tcase_add_test(tcase, test_damaged_at_the_leader);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
