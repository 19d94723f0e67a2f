/* Three controllers and a broker on one loop: elections, commits, crashes, restarts. */
#include "tests/unit/raft/node/quorum.h"

#include "base/prng.h"

/* ---- what is refused ---- */

START_TEST(test_open_refuses)
{
    struct quorum q;
    quorum_open(&q, 1, 1, false);
    struct member *broker = &q.members[1];
    struct node_voter voters[MEMBERS_MAX];
    struct node_options options = options_of(broker, voters);
    struct node *node;

    options.voter_count = 0;
    ck_assert_int_eq(node_new(&options, &node), ERR_CONFIG); /* nobody to ask */
    ck_assert_ptr_null(node);
    options.voter_count = 1;
    options.node_id = voters[0].id;
    ck_assert_int_eq(node_new(&options, &node), ERR_CONFIG); /* a broker with a voter's id */

    options.node_id = 7;
    ck_assert_int_eq(node_new(&options, &node), ERR_NONE);
    struct node *second;
    ck_assert_int_eq(node_new(&options, &second), ERR_LOCKED);
    int64_t base;
    struct slice value = slice_str("x");
    struct node_records records = {.values = &value, .count = 1};
    ck_assert_int_eq(node_append(node, 1, &records, &base), ERR_NOT_CONTROLLER);
    node_free(node);
    quorum_close(&q);
}
END_TEST

static void write_file(const struct member *member, const char *name, const char *text)
{
    char path[512];
    snprintf(path, sizeof path, "%s/__cluster_metadata-0/%s", member->dir, name);
    ck_assert_int_eq(store_fs_write_file(store_fs_posix(), path, slice_str(text), false), ERR_NONE);
}

static void read_state(const struct member *member, struct buf *out)
{
    char path[512];
    snprintf(path, sizeof path, "%s/__cluster_metadata-0/quorum-state", member->dir);
    buf_reset(out);
    ck_assert_int_eq(store_fs_read_file(store_fs_posix(), path, 4096, out), ERR_NONE);
    buf_put_i8(out, 0);
}

START_TEST(test_quorum_state_that_is_wrong)
{
    static const char *const wrong[] = {
        "",
        "[]",
        "{\"leaderId\":1,\"leaderEpoch\":5,\"votedId\":-1,\"data_version\":2}",
        "{\"leaderId\":1,\"leaderEpoch\":5,\"votedId\":-1,\"data_version\":1}",
        "{\"leaderId\":1,\"leaderEpoch\":-5,\"votedId\":-1,\"data_version\":0}",
        "{\"leaderId\":\"1\",\"leaderEpoch\":5,\"votedId\":-1,\"data_version\":0}",
    };
    struct quorum q;
    quorum_open(&q, 1, 0, false);
    q.log.level = LOG_ERROR + 1;
    struct member *member = &q.members[0];
    start(member); /* makes the directory */
    drop(member);
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        write_file(member, "quorum-state", wrong[i]);
        ck_assert_int_eq(try_start(member), ERR_CORRUPT);
    }
    write_file(member, "quorum-state",
               "{\"clusterId\":\"\",\"leaderId\":2,\"leaderEpoch\":5,\"votedId\":-1,"
               "\"appliedOffset\":0,\"currentVoters\":[{\"voterId\":1}],\"data_version\":0}");
    start(member); /* Kafka's version 0 is read, and the epoch goes on from there */
    UNTIL(&q, member->claimed > 5);
    quorum_close(&q);
}
END_TEST

START_TEST(test_wrong_cluster_is_refused)
{
    struct quorum q;
    quorum_open(&q, 1, 1, false);
    start(&q.members[0]);
    int64_t offset = append(&q, "a");
    UNTIL(&q, q.members[0].next > offset);

    struct member *stranger = &q.members[1];
    struct node_voter voters[MEMBERS_MAX];
    struct node_options options = options_of(stranger, voters);
    options.cluster_id = "another";
    stranger->leader_id = -1;
    ck_assert_int_eq(node_new(&options, &stranger->node), ERR_NONE);
    node_start(stranger->node);
    int64_t until_ms = net_now_ms(q.loop) + 300;
    while (net_now_ms(q.loop) < until_ms) {
        net_loop_step(q.loop, 10);
    }
    ck_assert_int_eq(stranger->next, 0);
    ck_assert_int_eq(stranger->leader_id, -1);
    quorum_close(&q);
}
END_TEST

/* ---- what works ---- */

START_TEST(test_alone)
{
    struct quorum q;
    quorum_open(&q, 1, 0, false);
    struct member *member = &q.members[0];
    start(member);
    int64_t offset = append(&q, "one");
    UNTIL(&q, member->next > offset);
    ck_assert_int_eq(offset, 1); /* behind the leader-change record */
    struct buf state = {0};
    read_state(member, &state);
    ck_assert_str_eq((const char *)state.data,
                     "{\"leaderId\":1,\"leaderEpoch\":1,\"votedId\":1,\"votedDirectoryId\":"
                     "\"AAAAAAAAAAkAAAAAAAAAAQ\",\"data_version\":1}");
    buf_fini(&state);

    drop(member);
    start(member); /* never again in epoch 1 */
    UNTIL(&q, member->claimed > 1);
    ck_assert(slice_eq_str(buf_slice(&member->committed), "one\n"));
    quorum_close(&q);
}
END_TEST

START_TEST(test_quorum)
{
    struct quorum q;
    quorum_open(&q, 3, 1, _i == 1);
    for (int i = 0; i < q.count; i++) {
        if (q.dynamic && i < q.voters) {
            format(&q, i);
        }
        start(&q.members[i]);
    }
    append(&q, "a");
    int64_t offset = append(&q, "b");
    UNTIL(&q, all_have(&q, offset));
    for (int i = 0; i < q.count; i++) {
        ck_assert(slice_eq_str(buf_slice(&q.members[i].committed), "a\nb\n"));
        ck_assert_int_eq(q.members[i].snapshot_records, q.dynamic && i < q.voters ? 2 : 0);
    }

    struct member *old = leader(&q);
    UNTIL(&q, q.members[3].leader_id == old->self.id);
    drop(old);
    offset = append(&q, "c");
    UNTIL(&q, all_have(&q, offset));
    ck_assert_ptr_ne(leader(&q), old);

    start(old);
    offset = append(&q, "d");
    UNTIL(&q, all_have(&q, offset));
    for (int i = 0; i < q.count; i++) {
        ck_assert(same_commits(&q.members[0], &q.members[i]));
        ck_assert_int_eq(q.members[i].leader_id, leader(&q)->self.id);
    }

    const struct node_voter *voters;
    ck_assert_int_eq(node_voters(q.members[3].node, &voters), 3);
    ck_assert_int_eq(voters[2].port, q.members[2].self.port);
    ck_assert(uuid_is_zero(voters[2].directory_id) == !q.dynamic);
    quorum_close(&q);
}
END_TEST

START_TEST(test_failover_is_quick)
{
    struct quorum q;
    quorum_open(&q, 3, 1, false);
    q.timers = (struct node_timers){0}; /* Kafka's: 1 s and 2 s */
    for (int i = 0; i < q.count; i++) {
        start(&q.members[i]);
    }
    commit(&q, "a");
    int64_t worst_ms = 0;
    for (int round = 0; round < 3; round++) {
        struct member *old = leader(&q);
        int64_t start_ms = net_now_ms(q.loop);
        drop(old);
        int64_t offset = append(&q, "b");
        UNTIL(&q, all_have(&q, offset));
        worst_ms = max_i64(worst_ms, net_now_ms(q.loop) - start_ms);
        start(old);
        commit(&q, "c");
    }
    /* Below 100 ms on an idle machine; the limit leaves room for a busy one. */
    ck_assert_msg(worst_ms < 900, "failover took %" PRId64 " ms", worst_ms);
    fprintf(stderr, "failover, observer included: at most %" PRId64 " ms\n", worst_ms);
    quorum_close(&q);
}
END_TEST

START_TEST(test_shutdown_hands_over)
{
    struct quorum q;
    quorum_open(&q, 3, 0, false);
    for (int i = 0; i < q.count; i++) {
        start(&q.members[i]);
    }
    commit(&q, "a");
    struct member *old = leader(&q);
    int64_t start_ms = net_now_ms(q.loop);
    node_shutdown(old->node, heard_shutdown, old);
    UNTIL(&q, old->shut);
    ck_assert_int_eq(old->claimed, 0);
    ck_assert(old->leader_id > 0);
    ck_assert(net_now_ms(q.loop) - start_ms < 1000);
    drop(old);
    commit(&q, "b");
    quorum_close(&q);
}
END_TEST

START_TEST(test_torn_tail_is_cut)
{
    struct quorum q;
    quorum_open(&q, 3, 0, false);
    for (int i = 0; i < q.count; i++) {
        start(&q.members[i]);
    }
    int64_t offset = append(&q, "a");
    UNTIL(&q, all_have(&q, offset));
    struct member *follower = a_follower(&q);
    drop(follower);
    char path[512];
    snprintf(path, sizeof path, "%s/__cluster_metadata-0/00000000000000000000.log", follower->dir);
    FILE *file = fopen(path, "ab");
    ck_assert_ptr_nonnull(file);
    fwrite("\0\0\0\0\0\0\0\7torn", 1, 12, file);
    fclose(file);
    append(&q, "b");
    start(follower);
    commit(&q, "c");
    ck_assert(slice_eq_str(buf_slice(&follower->committed), "a\nb\nc\n"));
    quorum_close(&q);
}
END_TEST

/* A leader that was cut off wrote what nobody else has: it goes when it comes back. */
START_TEST(test_uncommitted_tail_is_replaced)
{
    struct quorum q;
    quorum_open(&q, 3, 0, false);
    for (int i = 0; i < q.count; i++) {
        start(&q.members[i]);
    }
    int64_t offset = append(&q, "a");
    UNTIL(&q, all_have(&q, offset));
    struct member *old = leader(&q);
    for (int i = 0; i < q.count; i++) {
        if (&q.members[i] != old) {
            drop(&q.members[i]);
        }
    }
    ck_assert_int_eq(append_text(old, old->claimed, "lost", &offset), ERR_NONE);
    struct node_state state;
    do {
        net_loop_step(q.loop, 10);
        node_describe(old->node, &state);
    } while (state.flushed_offset <= offset);
    ck_assert_int_le(state.high_watermark, offset);
    drop(old);
    for (int i = 0; i < q.count; i++) {
        if (&q.members[i] != old) {
            start(&q.members[i]);
        }
    }
    commit(&q, "b");
    start(old);
    commit(&q, "c");
    ck_assert(slice_eq_str(buf_slice(&old->committed), "a\nb\nc\n"));
    quorum_close(&q);
}
END_TEST

START_TEST(test_many_appends)
{
    enum { APPENDS = 2000 };
    struct quorum q;
    quorum_open(&q, 3, 1, false);
    for (int i = 0; i < q.count; i++) {
        start(&q.members[i]);
    }
    append(&q, "first");
    struct member *member = leader(&q);
    uint8_t big[2000] = {0};
    struct slice values[] = {slice_of(big, sizeof big), slice_str("small")};
    struct node_records records = {.values = values, .count = 2, .timestamp_ms = 1};
    int64_t offset = -1;
    for (int i = 0; i < APPENDS; i++) {
        enum err e = node_append(member->node, member->claimed, &records, &offset);
        ck_assert_int_eq(e, ERR_NONE);
        if (i % 50 == 0) {
            net_loop_step(q.loop, 0);
        }
    }
    UNTIL(&q, all_have(&q, offset));
    struct node_state state;
    node_describe(member->node, &state);
    ck_assert_str_eq(state.role, "leader");
    ck_assert_int_eq(state.voter_count, 3);
    ck_assert_int_eq(state.observer_count, 1);
    ck_assert_int_eq(state.high_watermark, offset + 2);
    ck_assert_int_eq(state.observers[0].id, 4);
    quorum_close(&q);
}
END_TEST

static bool holds_line(const struct buf *lines, const char *text)
{
    char line[64];
    int n = snprintf(line, sizeof line, "%s\n", text);
    return memmem(lines->data, lines->len, line, (size_t)n) != NULL;
}

/* Members die and come back at random while values are appended; what was seen committed stays. */
START_TEST(test_storm)
{
    enum { ROUNDS = 60, PER_ROUND = 5 };
    struct quorum q;
    struct prng prng;
    prng_init(&prng, 11);
    quorum_open(&q, 3, 1, true);
    for (int i = 0; i < q.count; i++) {
        if (i < q.voters) {
            format(&q, i);
        }
        start(&q.members[i]);
    }
    char acked[ROUNDS * PER_ROUND][32];
    int count = 0;
    for (int round = 0; round < ROUNDS; round++) {
        struct member *victim = &q.members[prng_below(&prng, (uint64_t)q.count)];
        if (prng_chance(&prng, 1, 3) && leader(&q) != NULL) {
            victim = leader(&q);
        }
        drop(victim);
        for (int i = 0; i < PER_ROUND; i++) {
            snprintf(acked[count], sizeof acked[count], "value-%d", count);
            int64_t offset = append(&q, acked[count]);
            struct member *member = leader(&q);
            int32_t epoch = member->claimed;
            UNTIL(&q, member->next > offset || member->claimed != epoch);
            count += member->next > offset && member->claimed == epoch;
            if (i == (int)prng_below(&prng, PER_ROUND)) {
                net_loop_step(q.loop, 0);
            }
        }
        start(victim);
    }
    commit(&q, "end");
    for (int i = 0; i < q.count; i++) {
        ck_assert(same_commits(&q.members[0], &q.members[i]));
    }
    ck_assert_int_gt(count, ROUNDS);
    for (int i = 0; i < count; i++) {
        ck_assert_msg(holds_line(&q.members[0].committed, acked[i]), "%s is lost", acked[i]);
    }
    quorum_close(&q);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("node");
    TCase *wrong = tcase_create("wrong");
    tcase_set_timeout(wrong, 60);
    tcase_add_test(wrong, test_open_refuses);
    tcase_add_test(wrong, test_quorum_state_that_is_wrong);
    tcase_add_test(wrong, test_wrong_cluster_is_refused);
    suite_add_tcase(suite, wrong);
    TCase *right = tcase_create("right");
    tcase_set_timeout(right, 60);
    tcase_add_test(right, test_alone);
    tcase_add_loop_test(right, test_quorum, 0, 2);
    tcase_add_test(right, test_failover_is_quick);
    tcase_add_test(right, test_shutdown_hands_over);
    tcase_add_test(right, test_torn_tail_is_cut);
    tcase_add_test(right, test_uncommitted_tail_is_replaced);
    tcase_add_test(right, test_many_appends);
    tcase_add_test(right, test_storm);
    suite_add_tcase(suite, right);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
