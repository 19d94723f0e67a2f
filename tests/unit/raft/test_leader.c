/* The leader: appends, fetches, high watermark, check-quorum, farewell (raft/replicate.c, beat.c).
 */
#include "tests/unit/raft/core.h"

/* Leader of epoch 6, elected with a log of epochs 2 and 4 that ends at 10. */
static void boot_leader(struct core *core, int voters)
{
    core_init(core, voters);
    core_log(core, 2, (struct raft_epoch_start[]){{2, 0}, {4, 6}}, 10);
    core->boot.hard_state.epoch = 5;
    core_boot(core);
    core_elect(core);
}

static int64_t append(struct core *core, int count)
{
    core_step(core,
              (struct raft_event){.type = RAFT_EVENT_APPEND,
                                  .u.append = {.epoch = raft_epoch(core->raft), .count = count}});
    ck_assert_int_eq(core->update.error, ERR_NONE);
    return core->update.append.base_offset;
}

/* ---- refused ---- */

START_TEST(test_appends_of_another_epoch)
{
    struct core core;
    boot_leader(&core, 3);
    core_step(&core, (struct raft_event){.type = RAFT_EVENT_APPEND, .u.append = {5, 1}});
    ck_assert_int_eq(core.update.error, ERR_NOT_CONTROLLER);
    ck_assert_int_eq(core.update.append.kind, RAFT_APPEND_NOTHING);
    core_ask(&core, begin_request(2, 7));
    core_step(&core, (struct raft_event){.type = RAFT_EVENT_APPEND, .u.append = {7, 1}});
    ck_assert_int_eq(core.update.error, ERR_NOT_CONTROLLER);
    core_fini(&core);
}
END_TEST

START_TEST(test_fetches_that_cannot_be)
{
    struct core core;
    boot_leader(&core, 3);
    ck_assert_int_eq(core_ask(&core, fetch_request(2, 6, 4, -1))->error, ERR_INVALID_REQUEST);
    ck_assert_int_eq(core_ask(&core, fetch_request(2, 6, -1, 1))->error, ERR_INVALID_REQUEST);
    ck_assert_int_eq(core_ask(&core, fetch_request(2, 6, 7, 1))->error, ERR_INVALID_REQUEST);
    ck_assert_int_eq(core_ask(&core, fetch_request(SELF, 6, 4, 10))->error, ERR_INVALID_REQUEST);
    ck_assert_int_eq(core_ask(&core, fetch_request(2, 5, 4, 10))->error, ERR_FENCED_LEADER_EPOCH);
    const struct raft_response *response = core_ask(&core, fetch_request(2, 7, 4, 10));
    ck_assert_int_eq(response->error, ERR_UNKNOWN_LEADER_EPOCH);
    ck_assert_int_eq(response->leader_id, SELF);
    ck_assert_int_eq(response->leader_epoch, 6);

    core_ask(&core, begin_request(3, 7));
    response = core_ask(&core, fetch_request(2, 7, 4, 10));
    ck_assert_int_eq(response->error, ERR_NOT_LEADER_OR_FOLLOWER);
    ck_assert_int_eq(response->leader_id, 3); /* how others find it */
    core_fini(&core);
}
END_TEST

/* ---- positions ---- */

static void assert_diverging(struct core *core, int32_t last_epoch, int64_t offset,
                             struct raft_epoch_start expected)
{
    const struct raft_response *response = core_ask(core, fetch_request(2, 6, last_epoch, offset));
    ck_assert_ptr_nonnull(response);
    ck_assert_int_eq(response->error, ERR_NONE);
    ck_assert(response->u.fetch.diverging);
    ck_assert_int_eq(response->u.fetch.diverging_epoch, expected.epoch);
    ck_assert_int_eq(response->u.fetch.diverging_end, expected.start);
    ck_assert_int_eq(response->u.fetch.to, response->u.fetch.from);
}

START_TEST(test_diverging_logs)
{
    struct core core;
    boot_leader(&core, 3); /* 2: 0–5, 4: 6–9, 6: 10 */
    assert_diverging(&core, 2, 7, (struct raft_epoch_start){2, 6});
    assert_diverging(&core, 3, 6, (struct raft_epoch_start){2, 6});
    assert_diverging(&core, 4, 11, (struct raft_epoch_start){4, 10});
    assert_diverging(&core, 5, 12, (struct raft_epoch_start){4, 10});
    assert_diverging(&core, 1, 3, (struct raft_epoch_start){0, 0});
    assert_diverging(&core, 6, 12, (struct raft_epoch_start){6, 11});
    core_flushed(&core);
    ck_assert_int_eq(raft_high_watermark(core.raft), -1); /* and nothing of it counted */
    const struct raft_response *response = core_ask(&core, fetch_request(2, 6, 0, 0));
    ck_assert(!response->u.fetch.diverging);
    ck_assert_int_eq(response->u.fetch.from, 0);
    ck_assert_int_eq(response->u.fetch.to, 11);
    core_fini(&core);
}
END_TEST

/* ---- the high watermark ---- */

START_TEST(test_only_past_the_own_epoch)
{
    struct core core;
    boot_leader(&core, 3);
    core_flushed(&core);
    core_ask(&core, fetch_request(2, 6, 4, 10));          /* a majority has 10, of older epochs */
    ck_assert_int_eq(raft_high_watermark(core.raft), -1); /* KAFKA-12619 */
    ck_assert_ptr_null(core_ask(&core, fetch_request(2, 6, 6, 11)));
    ck_assert_int_eq(raft_high_watermark(core.raft), 11);
    ck_assert(core.update.high_watermark_moved);
    core_fini(&core);
}
END_TEST

START_TEST(test_own_log_counts_when_synced)
{
    struct core core;
    boot_leader(&core, 3);
    core_ask(&core, fetch_request(2, 6, 6, 11));
    ck_assert_int_eq(raft_high_watermark(core.raft), -1);
    core_flushed(&core);
    ck_assert_int_eq(raft_high_watermark(core.raft), 11);
    append(&core, 3);
    ck_assert_int_eq(core_ask(&core, fetch_request(2, 6, 6, 11))->u.fetch.to, 14);
    core_ask(&core, fetch_request(2, 6, 6, 14));
    ck_assert_int_eq(raft_high_watermark(core.raft), 11);
    core_ask(&core, fetch_request(3, 6, 6, 14)); /* two others are a majority, too */
    ck_assert_int_eq(raft_high_watermark(core.raft), 14);
    core_fini(&core);
}
END_TEST

START_TEST(test_observers_do_not_count)
{
    struct core core;
    boot_leader(&core, 3);
    core_flushed(&core);
    core_ask(&core, fetch_request(8, 6, 6, 11));
    core_ask(&core, fetch_request(9, 6, 6, 11));
    struct raft_request other_disk = fetch_request(2, 6, 6, 11);
    other_disk.u.fetch.replica.directory_id.lo++;
    core_ask(&core, other_disk);
    ck_assert_int_eq(raft_high_watermark(core.raft), -1);
    core_fini(&core);
}
END_TEST

START_TEST(test_replica_may_go_back)
{
    struct core core;
    boot_leader(&core, 3);
    core_flushed(&core);
    core_ask(&core, fetch_request(2, 6, 6, 11));
    const struct raft_response *response = core_ask(&core, fetch_request(2, 6, 2, 3));
    ck_assert_int_eq(response->error, ERR_NONE); /* KAFKA-12181 */
    ck_assert_int_eq(response->u.fetch.from, 3);
    ck_assert_int_eq(raft_high_watermark(core.raft), 11);
    core_fini(&core);
}
END_TEST

/* ---- parked fetches ---- */

START_TEST(test_parked_fetch_gets_records)
{
    struct core core;
    boot_leader(&core, 3);
    ck_assert_ptr_null(core_ask(&core, fetch_request(2, 6, 6, 11)));
    uint64_t token = core.token;
    append(&core, 2);
    ck_assert_int_eq(core.update.answer_count, 1);
    ck_assert_int_eq(core.update.answers[0].token, token);
    ck_assert_int_eq(core.update.answers[0].response.u.fetch.from, 11);
    ck_assert_int_eq(core.update.answers[0].response.u.fetch.to, 13);
    core_fini(&core);
}
END_TEST

START_TEST(test_parked_fetch_hears_of_commits)
{
    struct core core;
    boot_leader(&core, 3);
    struct raft_request observer = fetch_request(9, 6, 6, 11);
    observer.u.fetch.high_watermark = 3;
    ck_assert_ptr_null(core_ask(&core, observer));
    uint64_t token = core.token;
    core_flushed(&core);
    core_ask(&core, fetch_request(2, 6, 6, 11));
    ck_assert_int_eq(core.update.answer_count, 1);
    ck_assert_int_eq(core.update.answers[0].token, token);
    ck_assert_int_eq(core.update.answers[0].response.u.fetch.high_watermark, 11);
    core_fini(&core);
}
END_TEST

static void check_observer_waits(bool says_high_watermark)
{
    struct core core;
    boot_leader(&core, 3);
    core_flushed(&core);
    ck_assert_ptr_null(core_ask(&core, fetch_request(2, 6, 6, 11)));
    uint64_t voter = core.token;
    struct raft_request observer = fetch_request(9, 6, 6, 11);
    if (says_high_watermark) { /* KIP-1166 */
        observer.u.fetch.high_watermark = 11;
    }
    ck_assert_ptr_null(core_ask(&core, observer));
    uint64_t token = core.token;
    append(&core, 2);
    ck_assert_int_eq(core.update.answer_count, 1);
    ck_assert_int_eq(core.update.answers[0].token, voter);
    core_flushed(&core);
    ck_assert_int_eq(core.update.answer_count, 0);
    core_ask(&core, fetch_request(2, 6, 6, 13)); /* the commit */
    ck_assert_int_eq(core.update.answer_count, 1);
    ck_assert_int_eq(core.update.answers[0].token, token);
    ck_assert_int_eq(core.update.answers[0].response.u.fetch.from, 11);
    ck_assert_int_eq(core.update.answers[0].response.u.fetch.to, 13);
    ck_assert_int_eq(core.update.answers[0].response.u.fetch.high_watermark, 13);
    core_fini(&core);
}

START_TEST(test_observers_get_what_is_committed)
{
    check_observer_waits(false);
    check_observer_waits(true);
}
END_TEST

START_TEST(test_parked_fetch_ends)
{
    struct core core;
    boot_leader(&core, 3);
    ck_assert_ptr_null(core_ask(&core, fetch_request(2, 6, 6, 11)));
    uint64_t token = core.token;
    core.now_ms += 500;
    core_tick(&core);
    ck_assert_int_eq(core.update.answer_count, 1);
    ck_assert_int_eq(core.update.answers[0].token, token);

    struct raft_request at_once = fetch_request(2, 6, 6, 11);
    at_once.u.fetch.wait_ms_max = 0;
    ck_assert_ptr_nonnull(core_ask(&core, at_once));

    ck_assert_ptr_null(core_ask(&core, fetch_request(2, 6, 6, 11)));
    token = core.token;
    ck_assert_ptr_null(core_ask(&core, fetch_request(2, 6, 6, 11))); /* it asked again */
    ck_assert_int_eq(core.update.answer_count, 1);
    ck_assert_int_eq(core.update.answers[0].token, token);

    token = core.token; /* KAFKA-10677 */
    core_step(&core, (struct raft_event){.type = RAFT_EVENT_RESIGN, .u.resign = {6}});
    ck_assert_int_eq(core.update.answer_count, 1);
    ck_assert_int_eq(core.update.answers[0].token, token);
    ck_assert_int_eq(core.update.answers[0].response.error, ERR_NOT_LEADER_OR_FOLLOWER);
    ck_assert_int_eq(core.update.answers[0].response.leader_id, RAFT_NOBODY);
    core_fini(&core);
}
END_TEST

START_TEST(test_reader_sees_what_is_committed)
{
    struct core core;
    boot_leader(&core, 3);
    struct raft_request reader = fetch_request(-1, 6, 0, 0);
    ck_assert_int_eq(core_ask(&core, reader)->u.fetch.to, 0);
    core_flushed(&core);
    core_ask(&core, fetch_request(2, 6, 6, 11));
    append(&core, 5);
    ck_assert_int_eq(core_ask(&core, reader)->u.fetch.to, 11);
    core_fini(&core);
}
END_TEST

/* ---- by the clock ---- */

START_TEST(test_heartbeats)
{
    struct core core;
    boot_leader(&core, 3);
    for (int round = 0; round < 3; round++) { /* KAFKA-16536 */
        for (int32_t id = 2; id <= 3; id++) {
            const struct raft_message *begin = core_sent(&core, id, RAFT_RPC_BEGIN_EPOCH);
            ck_assert_ptr_nonnull(begin);
            ck_assert_int_eq(begin->request.epoch, 6);
            ck_assert(raft_key_matches(begin->request.u.begin.voter, key_of(id)));
        }
        uint64_t ids[] = {core_sent(&core, 2, RAFT_RPC_BEGIN_EPOCH)->id,
                          core_sent(&core, 3, RAFT_RPC_BEGIN_EPOCH)->id};
        for (int32_t id = 2; id <= 3; id++) {
            core_respond(&core, id, ids[id - 2],
                         (struct raft_response){
                             .rpc = RAFT_RPC_BEGIN_EPOCH, .leader_epoch = 6, .leader_id = SELF});
        }
        core_ask(&core, fetch_request(2, 6, 4, 10));
        core.now_ms += FETCH_MS / 2;
        core_tick(&core);
    }
    core_fini(&core);
}
END_TEST

START_TEST(test_check_quorum)
{
    struct core core;
    boot_leader(&core, 5);
    for (int i = 0; i < 10; i++) { /* two of the four others keep it */
        core.now_ms += FETCH_MS;
        core_ask(&core, fetch_request(2, 6, 4, 10));
        core_ask(&core, fetch_request(4, 6, 4, 10));
        ck_assert_int_eq(raft_role(core.raft), RAFT_ROLE_LEADER);
    }
    for (int i = 0; i < 3; i++) { /* one, however often, does not; nor do observers */
        core.now_ms += FETCH_MS / 2;
        core_ask(&core, fetch_request(2, 6, 4, 10));
        if (raft_role(core.raft) == RAFT_ROLE_LEADER) {
            core_ask(&core, fetch_request(9, 6, 4, 10));
        }
    }
    ck_assert_int_eq(raft_role(core.raft), RAFT_ROLE_RESIGNED);
    core_fini(&core);
}
END_TEST

START_TEST(test_resigns_in_favour_of_the_best)
{
    struct core core;
    boot_leader(&core, 5);
    core_ask(&core, fetch_request(4, 6, 6, 11));
    core_ask(&core, fetch_request(2, 6, 4, 10));
    core_step(&core, (struct raft_event){.type = RAFT_EVENT_SHUTDOWN,
                                         .u.shutdown = {.wait_ms_max = 5000}});
    ck_assert(!core.update.shutdown_done);
    ck_assert_int_eq(raft_leader(core.raft), RAFT_NOBODY);
    const struct raft_message *end = core_sent(&core, 3, RAFT_RPC_END_EPOCH);
    ck_assert_ptr_nonnull(end);
    ck_assert_int_eq(end->request.u.end.successor_count, 4);
    ck_assert_int_eq(end->request.u.end.successors[0].id, 4);
    ck_assert_int_eq(end->request.u.end.successors[1].id, 2);
    /* It helps the successor, and is through when there is one (KAFKA-20895). */
    ck_assert(core_ask(&core, pre_vote_request(4, 6, 6, 11))->u.vote.granted);
    ck_assert(core_ask(&core, vote_request(4, 7, 6, 11))->u.vote.granted);
    ck_assert(!core.update.shutdown_done);
    core_ask(&core, begin_request(4, 7));
    ck_assert(core.update.shutdown_done);
    core_fini(&core);
}
END_TEST

START_TEST(test_resigned_never_leads_its_epoch_again)
{
    struct core core;
    boot_leader(&core, 3);
    core_step(&core, (struct raft_event){.type = RAFT_EVENT_RESIGN, .u.resign = {6}});
    ck_assert(!core.update.save); /* KAFKA-18389: leader and vote stay on disk */
    ck_assert_int_eq(core.update.hard_state.voted.id, SELF);
    core_wait_for(&core, RAFT_ROLE_UNATTACHED);
    ck_assert_int_eq(raft_epoch(core.raft), 7);
    core_elect(&core);
    ck_assert_int_eq(raft_epoch(core.raft), 8);
    core_fini(&core);
}
END_TEST

/* ---- voters as records ---- */

START_TEST(test_first_leader_writes_the_voters)
{
    struct core core;
    core_init(&core, 3);
    struct raft_voters_at bootstrap = {-1, core.options.static_voters};
    core.options.static_voters.count = 0;
    core.boot.voters = &bootstrap;
    core.boot.voters_count = 1;
    core_boot(&core);
    core_elect(&core);
    ck_assert(core.update.append.with_voters);
    ck_assert_int_eq(core.update.append.base_offset, 0);
    ck_assert_int_eq(core.update.append.end_offset, 3);
    ck_assert_int_eq(__builtin_popcount(core.update.append.granted), 2);
    /* The next one does not. */
    core_step(&core, (struct raft_event){.type = RAFT_EVENT_RESIGN, .u.resign = {1}});
    core_elect(&core);
    ck_assert(!core.update.append.with_voters);
    ck_assert_int_eq(core.update.append.base_offset, 3);
    ck_assert_int_eq(core.update.append.end_offset, 4);
    core_fini(&core);
}
END_TEST

RUN_SUITE("leader", test_appends_of_another_epoch, test_fetches_that_cannot_be, test_diverging_logs,
          test_only_past_the_own_epoch, test_own_log_counts_when_synced,
          test_observers_do_not_count, test_replica_may_go_back, test_parked_fetch_gets_records,
          test_parked_fetch_hears_of_commits, test_observers_get_what_is_committed,
          test_parked_fetch_ends, test_reader_sees_what_is_committed, test_heartbeats,
          test_check_quorum, test_resigns_in_favour_of_the_best,
          test_resigned_never_leads_its_epoch_again, test_first_leader_writes_the_voters)
