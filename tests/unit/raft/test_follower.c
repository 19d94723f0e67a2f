/* The follower: fetching, truncation, a leader that goes away, the first moments (raft/append.c,
 * raft/boot.c). */
#include "tests/unit/raft/core.h"

/* Follower of 2 in epoch 6 with a log of epochs 2, 4 and 5 that ends at 12; its fetch is in flight.
 */
static uint64_t boot_follower(struct core *core)
{
    core_init(core, 3);
    core_log(core, 3, (struct raft_epoch_start[]){{2, 0}, {4, 6}, {5, 10}}, 12);
    core->boot.hard_state = (struct raft_hard_state){6, 2, {3, UUID_ZERO}};
    core_boot(core);
    core_tick(core);
    ck_assert_int_eq(raft_role(core->raft), RAFT_ROLE_FOLLOWER);
    const struct raft_message *fetch = core_sent(core, 2, RAFT_RPC_FETCH);
    ck_assert_ptr_nonnull(fetch);
    ck_assert_int_eq(fetch->request.u.fetch.offset, 12);
    ck_assert_int_eq(fetch->request.u.fetch.last_epoch, 5);
    return fetch->id;
}

static enum err respond(struct core *core, uint64_t id, struct raft_response response)
{
    struct raft_event event = {
        .type = RAFT_EVENT_RESPONSE, .now_ms = core->now_ms, .u.response = {2, id, &response}};
    return raft_step(core->raft, &event, &core->update);
}

static struct raft_response diverging(int32_t epoch, int64_t end)
{
    struct raft_response response = fetch_response(2, 6, -1);
    response.u.fetch.diverging = true;
    response.u.fetch.diverging_epoch = epoch;
    response.u.fetch.diverging_end = end;
    return response;
}

/* ---- boot ---- */

START_TEST(test_boot_refuses)
{
    struct core core;
    core_init(&core, 3);
    struct raft *raft;
    core_log(&core, 1, (struct raft_epoch_start[]){{2, 3}}, 10); /* what is before 3? */
    ck_assert_int_eq(raft_new(&core.options, &core.boot, &raft), ERR_CORRUPT);
    core_log(&core, 2, (struct raft_epoch_start[]){{4, 0}, {2, 6}}, 10);
    ck_assert_int_eq(raft_new(&core.options, &core.boot, &raft), ERR_CORRUPT);
    core_log(&core, 2, (struct raft_epoch_start[]){{2, 0}, {4, 10}}, 10);
    ck_assert_int_eq(raft_new(&core.options, &core.boot, &raft), ERR_CORRUPT);
    core_log(&core, 0, NULL, 10);
    ck_assert_int_eq(raft_new(&core.options, &core.boot, &raft), ERR_CORRUPT);
    ck_assert_ptr_null(raft);
    raft_update_fini(&core.update);
}
END_TEST

START_TEST(test_boot_of_a_leader)
{
    struct core core;
    core_init(&core, 3);
    core_log(&core, 1, (struct raft_epoch_start[]){{4, 0}}, 3);
    core.boot.hard_state = (struct raft_hard_state){4, SELF, key_of(SELF)};
    core_boot(&core);
    core_tick(&core);
    ck_assert_int_eq(raft_role(core.raft), RAFT_ROLE_RESIGNED); /* KAFKA-10527 */
    ck_assert_ptr_nonnull(core_sent(&core, 2, RAFT_RPC_END_EPOCH));
    ck_assert_int_eq(core_ask(&core, fetch_request(2, 4, 4, 3))->error, ERR_NOT_LEADER_OR_FOLLOWER);
    core_elect(&core);
    ck_assert_int_gt(raft_epoch(core.raft), 4);
    core_fini(&core);
}
END_TEST

START_TEST(test_boot_with_an_older_quorum_state)
{
    struct core core;
    core_init(&core, 3);
    core_log(&core, 1, (struct raft_epoch_start[]){{4, 0}}, 3);
    core.boot.hard_state = (struct raft_hard_state){2, SELF, key_of(SELF)};
    core_boot(&core);
    ck_assert_int_eq(raft_epoch(core.raft), 4);
    ck_assert_int_eq(raft_role(core.raft), RAFT_ROLE_UNATTACHED);
    core_tick(&core);
    ck_assert(core.update.save);
    ck_assert_int_eq(core.update.hard_state.epoch, 4);
    core_fini(&core);
}
END_TEST

/* ---- truncation ---- */

START_TEST(test_never_below_the_high_watermark)
{
    struct core core;
    uint64_t id = boot_follower(&core);
    core_respond(&core, 2, id, fetch_response(2, 6, 11));
    ck_assert_int_eq(raft_high_watermark(core.raft), 11);
    id = core_sent(&core, 2, RAFT_RPC_FETCH)->id;
    ck_assert_int_eq(respond(&core, id, diverging(4, 10)), ERR_UNKNOWN_SERVER_ERROR);
    struct raft_event tick = {.type = RAFT_EVENT_TICK, .now_ms = core.now_ms};
    ck_assert_int_eq(raft_step(core.raft, &tick, &core.update), ERR_UNKNOWN_SERVER_ERROR);
    core_fini(&core);
}
END_TEST

START_TEST(test_two_leaders_of_one_epoch)
{
    struct core core;
    uint64_t id = boot_follower(&core);
    ck_assert_int_eq(core_ask(&core, begin_request(3, 6))->error, ERR_INVALID_REQUEST);
    ck_assert_int_eq(raft_leader(core.raft), 2);
    ck_assert_int_eq(respond(&core, id, fetch_response(3, 6, 1)), ERR_UNKNOWN_SERVER_ERROR);
    core_fini(&core);
}
END_TEST

static void assert_truncates(struct raft_epoch_start leader, int64_t expected)
{
    struct core core;
    uint64_t id = boot_follower(&core); /* 2: 0–5, 4: 6–9, 5: 10–11 */
    ck_assert_int_eq(respond(&core, id, diverging(leader.epoch, leader.start)), ERR_NONE);
    raft_verify(core.raft);
    ck_assert(core.update.truncate);
    ck_assert_int_eq(core.update.truncate_to, expected);
    ck_assert_int_eq(raft_log_end(core.raft), expected);
    ck_assert_int_eq(core_sent(&core, 2, RAFT_RPC_FETCH)->request.u.fetch.offset, expected);
    core_fini(&core);
}

START_TEST(test_truncates_where_the_epochs_part)
{
    assert_truncates((struct raft_epoch_start){5, 11}, 11);
    assert_truncates((struct raft_epoch_start){4, 10}, 10);
    assert_truncates((struct raft_epoch_start){4, 8}, 8);
    assert_truncates((struct raft_epoch_start){4, 99}, 10); /* ours ends before */
    assert_truncates((struct raft_epoch_start){3, 7}, 6);   /* an epoch that we have not */
    assert_truncates((struct raft_epoch_start){0, 0}, 0);
}
END_TEST

START_TEST(test_voters_are_truncated_with_the_log)
{
    struct core core;
    core_init(&core, 3);
    struct raft_voters_at sets[] = {{-1, core.options.static_voters},
                                    {2, core.options.static_voters},
                                    {11, core.options.static_voters}};
    sets[2].set.count = 2;
    core_log(&core, 2, (struct raft_epoch_start[]){{2, 0}, {5, 10}}, 12);
    core.boot.voters = sets;
    core.boot.voters_count = 3;
    core.boot.hard_state = (struct raft_hard_state){6, 2, {RAFT_NOBODY, UUID_ZERO}};
    core_boot(&core);
    core_tick(&core);
    ck_assert_int_eq(raft_voters(core.raft)->count, 2); /* in force though not committed */
    core_respond(&core, 2, core_sent(&core, 2, RAFT_RPC_FETCH)->id, diverging(2, 10));
    ck_assert_int_eq(raft_voters(core.raft)->count, 3);
    core_fini(&core);
}
END_TEST

/* ---- appends ---- */

START_TEST(test_no_fetch_before_the_sync)
{
    struct core core;
    uint64_t id = boot_follower(&core);
    struct raft_batch batches[] = {{12, 13, 6, NULL, 0}, {14, 14, 6, NULL, 0}};
    struct raft_response response = fetch_response(2, 6, 99);
    response.u.fetch.batches = batches;
    response.u.fetch.batch_count = 2;
    core_respond(&core, 2, id, response);
    ck_assert_int_eq(core.update.append.kind, RAFT_APPEND_RECEIVED);
    ck_assert_int_eq(core.update.append.batch_count, 2);
    ck_assert_int_eq(core.update.append.end_offset, 15);
    ck_assert_int_eq(raft_high_watermark(core.raft), 15); /* not beyond what is here */
    ck_assert_int_eq(core.update.message_count, 0);       /* KAFKA-10533 */
    core.now_ms += 100;
    core_tick(&core);
    ck_assert_int_eq(core.update.message_count, 0);
    core_flushed(&core);
    const struct raft_message *fetch = core_sent(&core, 2, RAFT_RPC_FETCH);
    ck_assert_int_eq(fetch->request.u.fetch.offset, 15);
    ck_assert_int_eq(fetch->request.u.fetch.high_watermark, 15);
    core_fini(&core);
}
END_TEST

START_TEST(test_batches_that_do_not_fit)
{
    static const struct raft_batch wrong[] = {
        {13, 13, 6, NULL, 0}, {11, 12, 6, NULL, 0}, {12, 11, 6, NULL, 0},
        {12, 12, 7, NULL, 0}, {12, 12, 4, NULL, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        struct core core;
        uint64_t id = boot_follower(&core);
        struct raft_response response = fetch_response(2, 6, 5);
        response.u.fetch.batches = &wrong[i];
        response.u.fetch.batch_count = 1;
        core_respond(&core, 2, id, response);
        ck_assert_int_eq(core.update.append.kind, RAFT_APPEND_NOTHING);
        ck_assert_int_eq(raft_log_end(core.raft), 12);
        core_fini(&core);
    }
}
END_TEST

START_TEST(test_high_watermark_never_goes_back)
{
    struct core core;
    uint64_t id = boot_follower(&core);
    core_respond(&core, 2, id, fetch_response(2, 6, 9));
    core_respond(&core, 2, core_sent(&core, 2, RAFT_RPC_FETCH)->id, fetch_response(2, 6, 5));
    ck_assert_int_eq(raft_high_watermark(core.raft), 9);
    core_respond(&core, 2, core_sent(&core, 2, RAFT_RPC_FETCH)->id, fetch_response(2, 6, -1));
    ck_assert_int_eq(raft_high_watermark(core.raft), 9);
    core_fini(&core);
}
END_TEST

/* ---- a leader that goes away ---- */

START_TEST(test_closed_connection_is_a_hint)
{
    struct core core;
    uint64_t id = boot_follower(&core);
    core_respond(&core, 2, id, fetch_response(2, 6, -1));
    id = core_sent(&core, 2, RAFT_RPC_FETCH)->id;
    core_failed(&core, 2, id, true); /* asks again at once */
    id = core_sent(&core, 2, RAFT_RPC_FETCH)->id;
    ck_assert_int_eq(raft_role(core.raft), RAFT_ROLE_FOLLOWER);
    core_failed(&core, 2, id, true); /* refused */
    int64_t start_ms = core.now_ms;
    core_wait_for(&core, RAFT_ROLE_PROSPECTIVE);
    ck_assert_int_lt(core.now_ms - start_ms, 100);
    core_fini(&core);
}
END_TEST

START_TEST(test_hint_that_was_wrong)
{
    struct core core;
    uint64_t id = boot_follower(&core);
    core_respond(&core, 2, id, fetch_response(2, 6, -1));
    core_failed(&core, 2, core_sent(&core, 2, RAFT_RPC_FETCH)->id, true);
    id = core_sent(&core, 2, RAFT_RPC_FETCH)->id;
    core_respond(&core, 2, id, fetch_response(2, 6, -1)); /* only the connection broke */
    ck_assert(!core_ask(&core, pre_vote_request(3, 6, 6, 99))->u.vote.granted);
    core.now_ms += FETCH_MS - 1;
    core_tick(&core);
    ck_assert_int_eq(raft_role(core.raft), RAFT_ROLE_FOLLOWER);
    core_fini(&core);
}
END_TEST

START_TEST(test_timeouts_are_no_hint)
{
    struct core core;
    uint64_t id = boot_follower(&core);
    core_respond(&core, 2, id, fetch_response(2, 6, -1));
    int64_t start_ms = core.now_ms;
    core_failed(&core, 2, core_sent(&core, 2, RAFT_RPC_FETCH)->id, false);
    core_wait_for(&core, RAFT_ROLE_PROSPECTIVE);
    ck_assert_int_ge(core.now_ms - start_ms, FETCH_MS);
    core_fini(&core);
}
END_TEST

START_TEST(test_farewell_of_the_leader)
{
    struct core core;
    uint64_t id = boot_follower(&core);
    core_respond(&core, 2, id, fetch_response(2, 6, -1));
    struct raft_request end = {
        .rpc = RAFT_RPC_END_EPOCH,
        .epoch = 6,
        .leader_id = 2,
        .u.end = {.successor_count = 2, .successors = {key_of(3), key_of(SELF)}}};
    ck_assert_int_eq(core_ask(&core, end)->error, ERR_NONE);
    ck_assert_int_eq(raft_role(core.raft), RAFT_ROLE_FOLLOWER);
    ck_assert(core_ask(&core, pre_vote_request(3, 6, 6, 99))->u.vote.granted); /* KAFKA-20895 */
    int64_t start_ms = core.now_ms;
    core_wait_for(&core, RAFT_ROLE_PROSPECTIVE);
    ck_assert_int_le(core.now_ms - start_ms, 1000);
    core_fini(&core);

    id = boot_follower(&core); /* the first in the list does not wait */
    end.u.end.successors[0] = key_of(SELF);
    core_ask(&core, end);
    ck_assert_int_eq(raft_role(core.raft), RAFT_ROLE_PROSPECTIVE);
    core_fini(&core);
}
END_TEST

START_TEST(test_restarted_leader_says_so)
{
    struct core core;
    uint64_t id = boot_follower(&core);
    core_respond(&core, 2, id, fetch_response(2, 6, -1));
    struct raft_response response = fetch_response(RAFT_NOBODY, 6, -1);
    response.error = ERR_NOT_LEADER_OR_FOLLOWER;
    core_respond(&core, 2, core_sent(&core, 2, RAFT_RPC_FETCH)->id, response);
    int64_t start_ms = core.now_ms;
    core_wait_for(&core, RAFT_ROLE_PROSPECTIVE);
    ck_assert_int_lt(core.now_ms - start_ms, 100);
    core_fini(&core);
}
END_TEST

START_TEST(test_observer_looks_for_the_next_leader)
{
    struct core core;
    core_init(&core, 3);
    core.options.self = key_of(9);
    core_boot(&core);
    int asked = 0;
    for (int i = 0; i < 50; i++) {
        core_wait(&core);
        asked += core.update.message_count;
        for (int32_t id = 1; id <= 3; id++) {
            const struct raft_message *fetch = core_sent(&core, id, RAFT_RPC_FETCH);
            if (fetch != NULL) {
                struct raft_response response = fetch_response(RAFT_NOBODY, 4, -1);
                response.error = ERR_FENCED_LEADER_EPOCH;
                core_respond(&core, id, fetch->id, response);
            }
        }
    }
    ck_assert_int_gt(asked, 10);
    core_follow(&core, 3, 4);
    ck_assert_int_eq(raft_leader(core.raft), 3);
    core_fini(&core);
}
END_TEST

RUN_SUITE("follower", test_boot_refuses, test_boot_of_a_leader,
          test_boot_with_an_older_quorum_state, test_never_below_the_high_watermark,
          test_two_leaders_of_one_epoch, test_truncates_where_the_epochs_part,
          test_voters_are_truncated_with_the_log, test_no_fetch_before_the_sync,
          test_batches_that_do_not_fit, test_high_watermark_never_goes_back,
          test_closed_connection_is_a_hint, test_hint_that_was_wrong, test_timeouts_are_no_hint,
          test_farewell_of_the_leader, test_restarted_leader_says_so,
          test_observer_looks_for_the_next_leader)
