/* The small structures: trail, voters, quorum, progress, peers. */
#include "tests/unit/raft/core.h"

#include "base/prng.h"
#include "raft/peers.h"
#include "raft/progress.h"
#include "raft/quorum.h"
#include "raft/trail.h"
#include "raft/voters.h"

START_TEST(test_trail)
{
    struct raft_trail trail = {0};
    ck_assert_int_eq(raft_trail_last_epoch(&trail), 0);
    ck_assert_int_eq(raft_trail_epoch_at(&trail, 0), -1);
    ck_assert_int_eq(raft_trail_end_of(&trail, 9, 0).epoch, 0);
    for (int i = 0; i < 40; i++) {
        raft_trail_assign(&trail, 2 * i + 1, 10 * i);
        raft_trail_assign(&trail, 2 * i + 1, 10 * i + 5); /* the same epoch goes on */
    }
    ck_assert_int_eq(raft_trail_epoch_at(&trail, 15), 3);
    ck_assert_int_eq(raft_trail_epoch_at(&trail, 10), 3);
    ck_assert_int_eq(raft_trail_epoch_at(&trail, 9), 1);
    struct raft_position position = raft_trail_end_of(&trail, 4, 400);
    ck_assert_int_eq(position.epoch, 3);
    ck_assert_int_eq(position.offset, 20);
    position = raft_trail_end_of(&trail, 1000, 400);
    ck_assert_int_eq(position.epoch, 79);
    ck_assert_int_eq(position.offset, 400);
    raft_trail_truncate(&trail, 20);
    ck_assert_int_eq(raft_trail_last_epoch(&trail), 3);
    raft_trail_truncate(&trail, 11);
    ck_assert_int_eq(raft_trail_last_epoch(&trail), 3);
    raft_trail_truncate(&trail, 0);
    ck_assert_int_eq(raft_trail_last_epoch(&trail), 0);
    raft_trail_fini(&trail);
}
END_TEST

START_TEST(test_voters)
{
    struct raft_voters voters = {.fixed = {1, {key_of(1)}}};
    ck_assert_int_eq(raft_voters_latest(&voters)->count, 1);
    ck_assert(!raft_voters_unwritten(&voters)); /* static ones are never written */
    struct raft_voter_set set = {2, {key_of(1), key_of(2)}};
    raft_voters_add(&voters, -1, &set);
    ck_assert(raft_voters_unwritten(&voters));
    for (int i = 0; i < 20; i++) {
        raft_voters_add(&voters, 10 * i, raft_voters_latest(&voters));
    }
    ck_assert(!raft_voters_unwritten(&voters));
    raft_voters_truncate(&voters, 0);
    ck_assert(raft_voters_unwritten(&voters));
    ck_assert_int_eq(raft_voters_latest(&voters)->count, 2);

    struct raft_key other_disk = {2, {5, 77}};
    struct raft_key unknown_disk = {2, UUID_ZERO};
    ck_assert_int_eq(raft_voter_set_find(&set, other_disk), -1);
    ck_assert_int_eq(raft_voter_set_find(&set, unknown_disk), 1);
    raft_voters_fini(&voters);
}
END_TEST

START_TEST(test_quorum_offset)
{
    struct prng prng;
    prng_init(&prng, 3);
    for (int round = 0; round < 2000; round++) {
        int64_t offsets[RAFT_VOTERS_MAX];
        int n = (int)prng_range(&prng, 1, RAFT_VOTERS_MAX);
        for (int i = 0; i < n; i++) {
            offsets[i] = prng_range(&prng, -1, 5);
        }
        int64_t best = -2; /* by the definition: the largest that a majority has */
        for (int64_t candidate = -1; candidate <= 5; candidate++) {
            int have = 0;
            for (int i = 0; i < n; i++) {
                have += offsets[i] >= candidate;
            }
            best = have * 2 > n ? candidate : best;
        }
        ck_assert_int_eq(raft_quorum_offset(offsets, n), best);
    }
}
END_TEST

START_TEST(test_ballot)
{
    for (int n = 1; n <= RAFT_VOTERS_MAX; n++) {
        for (int granted = 0; granted <= n; granted++) {
            for (int rejected = 0; rejected + granted <= n; rejected++) {
                struct raft_ballot ballot = {.voters = {.count = n},
                                             .granted = (1u << granted) - 1,
                                             .rejected = ((1u << rejected) - 1) << granted};
                enum raft_verdict verdict = granted * 2 > n     ? RAFT_VERDICT_WON
                                            : rejected * 2 >= n ? RAFT_VERDICT_LOST
                                                                : RAFT_VERDICT_OPEN;
                ck_assert_int_eq(raft_ballot_verdict(&ballot), verdict);
            }
        }
    }
}
END_TEST

START_TEST(test_progress)
{
    struct raft_progress_table table = {0};
    struct raft_voter_set set = {3, {key_of(3), key_of(1), key_of(2)}};
    raft_progress_reset(&table, &set);
    ck_assert_int_eq(table.items[0].key.id, 1);
    for (int32_t id = RAFT_OBSERVERS_MAX + RAFT_VOTERS_MAX - 3 + 100; id > 100; id--) {
        struct raft_progress *entry = raft_progress_track(&table, key_of(id));
        ck_assert_ptr_nonnull(entry);
        entry->last_fetch_ms = id;
    }
    ck_assert_ptr_null(raft_progress_track(&table, key_of(50000))); /* a limit */
    ck_assert_ptr_null(raft_progress_find(&table, key_of(50000)));
    ck_assert_int_eq(raft_progress_find(&table, key_of(700))->last_fetch_ms, 700);
    ck_assert(raft_progress_find(&table, key_of(2))->voter);
    raft_progress_forget(&table, 700);
    ck_assert_ptr_null(raft_progress_find(&table, key_of(699)));
    ck_assert_ptr_nonnull(raft_progress_find(&table, key_of(700)));
    ck_assert_ptr_nonnull(raft_progress_find(&table, key_of(1)));
    /* Two disks under one id are two replicas. */
    raft_progress_track(&table, (struct raft_key){700, {5, 1}});
    ck_assert_int_eq(raft_progress_find(&table, key_of(700))->last_fetch_ms, 700);
    raft_progress_fini(&table);
}
END_TEST

START_TEST(test_peers)
{
    struct raft_peers peers = {.request_timeout_ms = 100, .backoff_ms = 20, .backoff_max_ms = 90};
    ck_assert_int_le(raft_peers_ready_ms(&peers, 2, 1000), 1000);
    uint64_t id = raft_peers_sent(&peers, 2, RAFT_RPC_VOTE, 1000);
    ck_assert_int_eq(raft_peers_ready_ms(&peers, 2, 1050), 1100);
    ck_assert(!raft_peers_succeeded(&peers, 2, id + 1));
    ck_assert(!raft_peers_succeeded(&peers, 2, 0));
    ck_assert_int_eq(raft_peers_ready_ms(&peers, 2, 1100), 1120); /* timed out, backs off */
    ck_assert(!raft_peers_succeeded(&peers, 2, id));              /* too late */
    int64_t now_ms = 2000;
    static const int waits[] = {40, 80, 90, 90};
    for (size_t i = 0; i < ARRAY_LEN(waits); i++) {
        id = raft_peers_sent(&peers, 2, RAFT_RPC_VOTE, now_ms);
        ck_assert(raft_peers_failed(&peers, 2, id, now_ms));
        ck_assert_int_eq(raft_peers_ready_ms(&peers, 2, now_ms), now_ms + waits[i]);
        now_ms += 1000;
    }
    id = raft_peers_sent(&peers, 2, RAFT_RPC_VOTE, now_ms);
    ck_assert(raft_peers_succeeded(&peers, 2, id));
    ck_assert_int_eq(raft_peers_get(&peers, 2)->failures, 0);
    for (int32_t other = 3; other < 3 + 2 * RAFT_PEERS_MAX; other++) {
        raft_peers_sent(&peers, other, RAFT_RPC_FETCH, now_ms++);
    }
    ck_assert_int_eq(peers.count, RAFT_PEERS_MAX);
}
END_TEST

RUN_SUITE("parts", test_trail, test_voters, test_quorum_offset, test_ballot, test_progress,
          test_peers)
