/* Linearizable reads (raft/read.c): what confirms one, and what does not. */
#include "tests/unit/raft/core.h"

/* Leader of epoch 6, elected with a log of epochs 2 and 4 that ends at 10; 10 is the epoch's own
 * record. */
static void boot_leader(struct core *core, int voters)
{
    core_init(core, voters);
    core_log(core, 2, (struct raft_epoch_start[]){{2, 0}, {4, 6}}, 10);
    core->boot.hard_state.epoch = 5;
    core_boot(core);
    core_elect(core);
}

/* Its first heartbeats are answered, and the epoch's own record is committed. */
static void settle(struct core *core)
{
    uint64_t ids[] = {core_sent(core, 2, RAFT_RPC_BEGIN_EPOCH)->id,
                      core_sent(core, 3, RAFT_RPC_BEGIN_EPOCH)->id};
    core_flushed(core);
    for (int32_t id = 2; id <= 3; id++) {
        core_respond(core, id, ids[id - 2],
                     (struct raft_response){
                         .rpc = RAFT_RPC_BEGIN_EPOCH, .leader_epoch = 6, .leader_id = SELF});
    }
    core_ask(core, fetch_request(2, 6, 6, 11));
    ck_assert_int_eq(raft_high_watermark(core->raft), 11);
}

static void ask_to_read(struct core *core, uint64_t token)
{
    core_step(core, (struct raft_event){.type = RAFT_EVENT_READ, .u.read = {.token = token}});
}

static void acknowledge(struct core *core, int32_t from, uint64_t id)
{
    core_respond(
        core, from, id,
        (struct raft_response){.rpc = RAFT_RPC_BEGIN_EPOCH, .leader_epoch = 6, .leader_id = SELF});
}

/* The only verdict of the last step. */
static void check_verdict(const struct core *core, uint64_t token, enum err error, int64_t offset)
{
    ck_assert_int_eq(core->update.read_count, 1);
    ck_assert_uint_eq(core->update.reads[0].token, token);
    ck_assert_int_eq(core->update.reads[0].error, error);
    ck_assert_int_eq(core->update.reads[0].offset, offset);
}

START_TEST(test_only_leaders_confirm)
{
    struct core core;
    core_init(&core, 3);
    core_boot(&core);
    ask_to_read(&core, 9);
    check_verdict(&core, 9, ERR_NOT_CONTROLLER, -1);
    core_fini(&core);
}
END_TEST

START_TEST(test_a_majority_confirms)
{
    struct core core;
    boot_leader(&core, 3);
    settle(&core);
    ask_to_read(&core, 9);
    ck_assert_int_eq(core.update.read_count, 0);
    const struct raft_message *begin = core_sent(&core, 3, RAFT_RPC_BEGIN_EPOCH);
    ck_assert_ptr_nonnull(begin);
    ck_assert_ptr_nonnull(core_sent(&core, 2, RAFT_RPC_BEGIN_EPOCH));
    acknowledge(&core, 3, begin->id);
    check_verdict(&core, 9, ERR_NONE, 11);
    core_fini(&core);
}
END_TEST

START_TEST(test_fetches_do_not_confirm)
{
    struct core core;
    boot_leader(&core, 3);
    settle(&core);
    ask_to_read(&core, 9);
    for (int32_t id = 2; id <= 3; id++) { /* on their way since before, perhaps */
        core_ask(&core, fetch_request(id, 6, 6, 11));
        ck_assert_int_eq(core.update.read_count, 0);
    }
    core_fini(&core);
}
END_TEST

START_TEST(test_older_heartbeats_do_not_confirm)
{
    struct core core;
    boot_leader(&core, 3);
    settle(&core);
    ask_to_read(&core, 1);
    uint64_t old = core_sent(&core, 2, RAFT_RPC_BEGIN_EPOCH)->id;
    ask_to_read(&core, 2);
    ck_assert_ptr_null(core_sent(&core, 2, RAFT_RPC_BEGIN_EPOCH)); /* one at a time */
    acknowledge(&core, 2, old);
    check_verdict(&core, 1, ERR_NONE, 11);
    const struct raft_message *next = core_sent(&core, 2, RAFT_RPC_BEGIN_EPOCH);
    ck_assert_ptr_nonnull(next); /* at once, for the second */
    acknowledge(&core, 2, next->id);
    check_verdict(&core, 2, ERR_NONE, 11);
    core_fini(&core);
}
END_TEST

START_TEST(test_one_round_is_enough_for_many)
{
    struct core core;
    boot_leader(&core, 3);
    settle(&core);
    ask_to_read(&core, 1);
    uint64_t first = core_sent(&core, 2, RAFT_RPC_BEGIN_EPOCH)->id;
    for (uint64_t token = 2; token <= 100; token++) {
        ask_to_read(&core, token);
        ck_assert_int_eq(core.update.message_count, 0);
    }
    acknowledge(&core, 2, first);
    check_verdict(&core, 1, ERR_NONE, 11);
    acknowledge(&core, 2, core_sent(&core, 2, RAFT_RPC_BEGIN_EPOCH)->id);
    ck_assert_int_eq(core.update.read_count, 99);
    for (int i = 0; i < 99; i++) {
        ck_assert_uint_eq(core.update.reads[i].token, (uint64_t)i + 2);
    }
    core_fini(&core);
}
END_TEST

START_TEST(test_a_later_commit_confirms)
{
    struct core core;
    boot_leader(&core, 3);
    settle(&core);
    core_step(&core, (struct raft_event){.type = RAFT_EVENT_APPEND, .u.append = {6, 1}});
    ask_to_read(&core, 9);
    core_step(&core, (struct raft_event){.type = RAFT_EVENT_APPEND, .u.append = {6, 1}});
    core_flushed(&core);
    core_ask(&core, fetch_request(2, 6, 6, 12));
    ck_assert_int_eq(raft_high_watermark(core.raft), 12);
    ck_assert_int_eq(core.update.read_count, 0); /* that record is older than the question */
    core_ask(&core, fetch_request(2, 6, 6, 13));
    check_verdict(&core, 9, ERR_NONE, 13);
    core_fini(&core);
}
END_TEST

START_TEST(test_the_epoch_must_have_committed)
{
    struct core core;
    boot_leader(&core, 3);
    uint64_t begin = core_sent(&core, 2, RAFT_RPC_BEGIN_EPOCH)->id;
    ask_to_read(&core, 9);
    acknowledge(&core, 2, begin);
    acknowledge(&core, 2, core_sent(&core, 2, RAFT_RPC_BEGIN_EPOCH)->id);
    ck_assert_int_eq(core.update.read_count, 0);
    core_flushed(&core);
    core_ask(&core, fetch_request(2, 6, 6, 11));
    check_verdict(&core, 9, ERR_NONE, 11);
    core_fini(&core);
}
END_TEST

START_TEST(test_the_only_voter_needs_nobody)
{
    struct core core;
    core_init(&core, 1);
    core_boot(&core);
    core_wait_for(&core, RAFT_ROLE_LEADER);
    core_flushed(&core);
    ask_to_read(&core, 9);
    check_verdict(&core, 9, ERR_NONE, 1);
    core_fini(&core);
}
END_TEST

START_TEST(test_a_failed_heartbeat_is_sent_again)
{
    struct core core;
    boot_leader(&core, 3);
    settle(&core);
    ask_to_read(&core, 9);
    core_failed(&core, 2, core_sent(&core, 2, RAFT_RPC_BEGIN_EPOCH)->id, true);
    int64_t until_ms = core.now_ms + 200;
    while (core_sent(&core, 2, RAFT_RPC_BEGIN_EPOCH) == NULL) {
        ck_assert_int_lt(core.now_ms, until_ms);
        core_wait(&core);
    }
    acknowledge(&core, 2, core_sent(&core, 2, RAFT_RPC_BEGIN_EPOCH)->id);
    check_verdict(&core, 9, ERR_NONE, 11);
    core_fini(&core);
}
END_TEST

START_TEST(test_who_leads_no_more_refuses)
{
    struct core core;
    boot_leader(&core, 3);
    settle(&core);
    ask_to_read(&core, 9);
    uint64_t begin = core_sent(&core, 2, RAFT_RPC_BEGIN_EPOCH)->id;
    core_ask(&core, begin_request(3, 7));
    check_verdict(&core, 9, ERR_NOT_CONTROLLER, -1);
    acknowledge(&core, 2, begin);
    ck_assert_int_eq(core.update.read_count, 0);

    core_fini(&core);
    boot_leader(&core, 3); /* nobody answers: check-quorum */
    settle(&core);
    ask_to_read(&core, 9);
    while (core.update.read_count == 0) {
        core_wait(&core);
    }
    ck_assert_int_eq(raft_role(core.raft), RAFT_ROLE_RESIGNED);
    check_verdict(&core, 9, ERR_NOT_CONTROLLER, -1);
    core_fini(&core);
}
END_TEST

RUN_SUITE("read", test_only_leaders_confirm, test_a_majority_confirms, test_fetches_do_not_confirm,
          test_older_heartbeats_do_not_confirm, test_one_round_is_enough_for_many,
          test_a_later_commit_confirms, test_the_epoch_must_have_committed,
          test_the_only_voter_needs_nobody, test_a_failed_heartbeat_is_sent_again,
          test_who_leads_no_more_refuses)
