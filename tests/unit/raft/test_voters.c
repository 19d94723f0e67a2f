/* Voters that change: what the leader refuses, what it appends, whom it counts (raft/change.c). */
#include "tests/unit/raft/core.h"

enum { NEW = 9 };

/* Leader of epoch 6 whose voters are records. `core_commit` must follow before voters change. */
static void boot_leader(struct core *core, int voters)
{
    core_init(core, voters);
    struct raft_voters_at first = {-1, core->options.static_voters};
    core->boot.voters = &first;
    core->boot.voters_count = 1;
    core->options.static_voters.count = 0;
    core_log(core, 2, (struct raft_epoch_start[]){{2, 0}, {4, 6}}, 10);
    core->boot.hard_state.epoch = 5;
    core_boot(core);
    core_elect(core);
}

static void commit(struct core *core, int voters)
{
    core_flushed(core);
    for (int id = 2; id <= voters; id++) {
        core_fetched(core, key_of(id));
    }
    ck_assert_int_eq(raft_high_watermark(core->raft), raft_log_end(core->raft));
}

static enum err change(struct core *core, enum raft_change_kind kind, struct raft_key voter)
{
    core_step(core, (struct raft_event){.type = RAFT_EVENT_CHANGE, .u.change = {kind, voter}});
    bool taken = core->update.error == ERR_NONE;
    ck_assert_int_eq(core->update.append.kind, taken ? RAFT_APPEND_VOTERS : RAFT_APPEND_NOTHING);
    ck_assert(taken == (core->update.why == NULL));
    return core->update.error;
}

/* ---- refused ---- */

START_TEST(test_only_a_leader_changes_voters)
{
    struct core core;
    boot_leader(&core, 3);
    core_ask(&core, begin_request(2, 7));
    ck_assert_int_eq(change(&core, RAFT_CHANGE_REMOVE, key_of(3)), ERR_NOT_LEADER_OR_FOLLOWER);
    core_fini(&core);
}
END_TEST

START_TEST(test_static_voters_stay)
{
    struct core core;
    core_init(&core, 3);
    core_boot(&core);
    core_elect(&core);
    core_flushed(&core);
    ck_assert_int_eq(change(&core, RAFT_CHANGE_REMOVE, key_of(3)), ERR_UNSUPPORTED_VERSION);
    core_fini(&core);
}
END_TEST

/* The leader of a new epoch does not know whether a change of the epoch before is committed. */
START_TEST(test_not_before_the_own_epoch_is_committed)
{
    struct core core;
    boot_leader(&core, 3);
    ck_assert_int_eq(change(&core, RAFT_CHANGE_REMOVE, key_of(3)), ERR_REQUEST_TIMED_OUT);
    core_flushed(&core);
    ck_assert_int_eq(change(&core, RAFT_CHANGE_REMOVE, key_of(3)), ERR_REQUEST_TIMED_OUT);
    core_fetched(&core, key_of(2));
    ck_assert_int_eq(change(&core, RAFT_CHANGE_REMOVE, key_of(3)), ERR_NONE);
    core_fini(&core);
}
END_TEST

START_TEST(test_one_change_at_a_time)
{
    struct core core;
    boot_leader(&core, 5);
    commit(&core, 5);
    core_fetched(&core, key_of(NEW));
    ck_assert_int_eq(change(&core, RAFT_CHANGE_REMOVE, key_of(5)), ERR_NONE);
    ck_assert_int_eq(change(&core, RAFT_CHANGE_REMOVE, key_of(4)), ERR_REQUEST_TIMED_OUT);
    ck_assert_int_eq(change(&core, RAFT_CHANGE_ADD, key_of(NEW)), ERR_REQUEST_TIMED_OUT);
    ck_assert_int_eq(change(&core, RAFT_CHANGE_UPDATE, key_of(2)), ERR_REQUEST_TIMED_OUT);
    commit(&core, 4);
    core_fetched(&core, key_of(NEW));
    ck_assert_int_eq(change(&core, RAFT_CHANGE_ADD, key_of(NEW)), ERR_NONE);
    core_fini(&core);
}
END_TEST

START_TEST(test_voters_that_are_and_are_not)
{
    struct core core;
    boot_leader(&core, 3);
    commit(&core, 3);
    struct raft_key other_disk = {3, {77, 77}};
    struct raft_key no_disk = {NEW, UUID_ZERO};
    ck_assert_int_eq(change(&core, RAFT_CHANGE_ADD, key_of(3)), ERR_DUPLICATE_VOTER);
    ck_assert_int_eq(change(&core, RAFT_CHANGE_ADD, other_disk), ERR_DUPLICATE_VOTER);
    ck_assert_int_eq(change(&core, RAFT_CHANGE_ADD, no_disk), ERR_INVALID_REQUEST);
    ck_assert_int_eq(change(&core, RAFT_CHANGE_REMOVE, other_disk), ERR_VOTER_NOT_FOUND);
    ck_assert_int_eq(change(&core, RAFT_CHANGE_REMOVE, (struct raft_key){3, UUID_ZERO}),
                     ERR_VOTER_NOT_FOUND);
    ck_assert_int_eq(change(&core, RAFT_CHANGE_REMOVE, key_of(NEW)), ERR_VOTER_NOT_FOUND);
    ck_assert_int_eq(change(&core, RAFT_CHANGE_UPDATE, other_disk), ERR_VOTER_NOT_FOUND);
    core_fini(&core);
}
END_TEST

START_TEST(test_the_last_voter_stays)
{
    struct core core;
    boot_leader(&core, 2);
    commit(&core, 2);
    ck_assert_int_eq(change(&core, RAFT_CHANGE_REMOVE, key_of(2)), ERR_NONE);
    core_flushed(&core);
    ck_assert_int_eq(raft_high_watermark(core.raft), raft_log_end(core.raft));
    ck_assert_int_eq(change(&core, RAFT_CHANGE_REMOVE, key_of(SELF)), ERR_INVALID_REQUEST);
    core_fini(&core);
}
END_TEST

START_TEST(test_too_many_voters)
{
    struct core core;
    boot_leader(&core, RAFT_VOTERS_MAX);
    commit(&core, RAFT_VOTERS_MAX);
    core_fetched(&core, key_of(RAFT_VOTERS_MAX + 1));
    ck_assert_int_eq(change(&core, RAFT_CHANGE_ADD, key_of(RAFT_VOTERS_MAX + 1)),
                     ERR_INVALID_REQUEST);
    core_fini(&core);
}
END_TEST

/* Before it is a voter, it has the log. */
START_TEST(test_new_voters_have_caught_up)
{
    struct core core;
    boot_leader(&core, 3);
    commit(&core, 3);
    ck_assert_int_eq(change(&core, RAFT_CHANGE_ADD, key_of(NEW)), ERR_REQUEST_TIMED_OUT);
    struct raft_request behind = fetch_request(NEW, 6, 4, 8);
    core_ask(&core, behind);
    ck_assert_int_eq(change(&core, RAFT_CHANGE_ADD, key_of(NEW)), ERR_REQUEST_TIMED_OUT);
    core_fetched(&core, key_of(NEW));
    core.now_ms += FETCH_MS * 3 / 2 + 1;
    core_fetched(&core, key_of(2));
    core_fetched(&core, key_of(3));
    ck_assert_int_eq(change(&core, RAFT_CHANGE_ADD, key_of(NEW)), ERR_REQUEST_TIMED_OUT);
    core_fetched(&core, key_of(NEW));
    ck_assert_int_eq(change(&core, RAFT_CHANGE_ADD, key_of(NEW)), ERR_NONE);
    core_fini(&core);
}
END_TEST

/* Of three voters one is silent: only the silent one can go. */
START_TEST(test_a_majority_must_live)
{
    struct core core;
    boot_leader(&core, 3);
    commit(&core, 3);
    core.now_ms += FETCH_MS;
    core_fetched(&core, key_of(2));
    core.now_ms += FETCH_MS;
    core_fetched(&core, key_of(2));
    ck_assert_int_eq(raft_role(core.raft), RAFT_ROLE_LEADER);
    ck_assert_int_eq(change(&core, RAFT_CHANGE_REMOVE, key_of(2)), ERR_INVALID_REQUEST);
    ck_assert_int_eq(change(&core, RAFT_CHANGE_REMOVE, key_of(SELF)), ERR_INVALID_REQUEST);
    ck_assert_int_eq(change(&core, RAFT_CHANGE_REMOVE, key_of(3)), ERR_NONE);
    core_fini(&core);
}
END_TEST

/* ---- done ---- */

START_TEST(test_a_new_voter_counts_at_once)
{
    struct core core;
    boot_leader(&core, 3);
    commit(&core, 3);
    core_fetched(&core, key_of(NEW));
    int64_t end = raft_log_end(core.raft);
    ck_assert_int_eq(change(&core, RAFT_CHANGE_ADD, key_of(NEW)), ERR_NONE);
    ck_assert_ptr_nonnull(core_sent(&core, NEW, RAFT_RPC_BEGIN_EPOCH));
    ck_assert_int_eq(core.update.append.base_offset, end);
    ck_assert_int_eq(core.update.append.end_offset, end + 1);
    ck_assert_int_eq(core.update.append.voters.count, 4);
    ck_assert_int_eq(raft_voters(core.raft)->count, 4);
    int64_t offset;
    ck_assert(raft_voters_offset(core.raft, &offset));
    ck_assert_int_eq(offset, end);

    core_flushed(&core);
    core_fetched(&core, key_of(2));
    ck_assert_int_eq(raft_high_watermark(core.raft), end); /* two of four */
    core_fetched(&core, key_of(NEW));
    ck_assert_int_eq(raft_high_watermark(core.raft), end + 1);

    struct raft_replica replica;
    bool voter;
    int voters = 0;
    for (int i = 0; raft_replica_at(core.raft, i, &replica, &voter); i++) {
        voters += voter;
    }
    ck_assert_int_eq(voters, 4);
    core_fini(&core);
}
END_TEST

/* Check-quorum is skipped for a single voter, and begins with the second (KAFKA-16531). */
START_TEST(test_the_first_follower_of_a_single_voter)
{
    struct core core;
    core_init(&core, 1);
    struct raft_voters_at first = {-1, core.options.static_voters};
    core.boot.voters = &first;
    core.boot.voters_count = 1;
    core_boot(&core);
    core_wait_for(&core, RAFT_ROLE_LEADER);
    core_flushed(&core);
    core.now_ms += 100 * FETCH_MS; /* check-quorum did not matter */
    struct raft_request fetch = fetch_request(NEW, 1, 1, raft_log_end(core.raft));
    fetch.u.fetch.wait_ms_max = 0;
    core_ask(&core, fetch);
    ck_assert_int_eq(change(&core, RAFT_CHANGE_ADD, key_of(NEW)), ERR_NONE);
    ck_assert_int_eq(raft_role(core.raft), RAFT_ROLE_LEADER);
    core.now_ms += FETCH_MS * 3 / 2 - 1;
    core_tick(&core);
    ck_assert_int_eq(raft_role(core.raft), RAFT_ROLE_LEADER);
    core.now_ms += 1; /* it matters now */
    core_tick(&core);
    ck_assert_int_eq(raft_role(core.raft), RAFT_ROLE_RESIGNED);
    core_fini(&core);
}
END_TEST

/* Removing a slow voter makes those that are left the majority. */
START_TEST(test_a_removed_voter_does_not_count)
{
    struct core core;
    boot_leader(&core, 3);
    commit(&core, 3);
    ck_assert_int_eq(change(&core, RAFT_CHANGE_REMOVE, key_of(3)), ERR_NONE);
    int64_t before = raft_high_watermark(core.raft);
    core_flushed(&core);
    core_fetched(&core, key_of(3)); /* it follows as an observer */
    ck_assert_int_eq(raft_high_watermark(core.raft), before);
    core_fetched(&core, key_of(2));
    ck_assert_int_eq(raft_high_watermark(core.raft), before + 1);
    core.now_ms += FETCH_MS / 2;
    core_tick(&core);
    ck_assert_ptr_null(core_sent(&core, 3, RAFT_RPC_BEGIN_EPOCH));
    core_fini(&core);
}
END_TEST

/* It does not count itself, and hands over when it is committed (KAFKA-16530, KAFKA-16531). */
START_TEST(test_a_removed_leader_leads_until_the_commit)
{
    struct core core;
    boot_leader(&core, 3);
    commit(&core, 3);
    ck_assert_int_eq(change(&core, RAFT_CHANGE_REMOVE, key_of(SELF)), ERR_NONE);
    int64_t before = raft_high_watermark(core.raft);
    core_flushed(&core);
    core_fetched(&core, key_of(2));
    ck_assert_int_eq(raft_high_watermark(core.raft), before); /* one of two */
    ck_assert_int_eq(raft_role(core.raft), RAFT_ROLE_LEADER);
    ck_assert_int_eq(change(&core, RAFT_CHANGE_ADD, key_of(SELF)), ERR_REQUEST_TIMED_OUT);
    core_fetched(&core, key_of(3));
    ck_assert_int_eq(raft_high_watermark(core.raft), before + 1);
    ck_assert_int_eq(raft_role(core.raft), RAFT_ROLE_RESIGNED);
    ck_assert_ptr_nonnull(core_sent(&core, 2, RAFT_RPC_END_EPOCH));
    ck_assert_ptr_nonnull(core_sent(&core, 3, RAFT_RPC_END_EPOCH));
    core_wait_for(&core, RAFT_ROLE_UNATTACHED);
    for (int i = 0; i < 100; i++) {
        core_wait(&core); /* it looks for a leader, and does not want to be one */
        ck_assert_int_eq(raft_role(core.raft), RAFT_ROLE_UNATTACHED);
    }
    core_fini(&core);
}
END_TEST

START_TEST(test_an_update_leaves_the_set)
{
    struct core core;
    boot_leader(&core, 3);
    commit(&core, 3);
    ck_assert_int_eq(change(&core, RAFT_CHANGE_UPDATE, key_of(2)), ERR_NONE);
    ck_assert_int_eq(core.update.append.voters.count, 3);
    ck_assert_int_eq(raft_voters(core.raft)->count, 3);
    core_fini(&core);
}
END_TEST

/* ---- followers ---- */

static void receive(struct core *core, const struct raft_voter_set *set)
{
    int64_t end = raft_log_end(core->raft);
    const struct raft_message *fetch = core_sent(core, 2, RAFT_RPC_FETCH);
    ck_assert_ptr_nonnull(fetch);
    struct raft_batch batch = {end, end, 6, set, end};
    struct raft_response response = fetch_response(2, 6, -1);
    response.u.fetch.batches = &batch;
    response.u.fetch.batch_count = 1;
    core_respond(core, 2, fetch->id, response);
}

/* Removed by a record that may never be committed: the vote of this node may be needed, and its log
 * may be the only one that can win (Raft thesis §4.2.2). */
START_TEST(test_a_removal_in_doubt)
{
    struct core core;
    core_init(&core, 3);
    struct raft_voters_at first = {-1, core.options.static_voters};
    core.boot.voters = &first;
    core.boot.voters_count = 1;
    core_boot(&core);
    core_follow(&core, 2, 6);
    struct raft_voter_set left = {2, {key_of(2), key_of(3)}};
    receive(&core, &left);
    ck_assert(!raft_is_voter(core.raft));
    core_flushed(&core);
    core_wait_for(&core, RAFT_ROLE_PROSPECTIVE);
    const struct raft_message *ask = core_sent(&core, 3, RAFT_RPC_VOTE);
    ck_assert_ptr_nonnull(ask);
    core_respond(&core, 3, ask->id, vote_response(6, true));
    ck_assert_int_eq(raft_role(core.raft), RAFT_ROLE_PROSPECTIVE); /* one of two, without its own */
    core_fini(&core);
}
END_TEST

/* Only a voter becomes a candidate (KAFKA-16842). */
START_TEST(test_a_removal_without_doubt)
{
    struct core core;
    core_init(&core, 3);
    struct raft_voters_at first = {-1, core.options.static_voters};
    core.boot.voters = &first;
    core.boot.voters_count = 1;
    core_boot(&core);
    core_follow(&core, 2, 6);
    struct raft_voter_set left = {2, {key_of(2), key_of(3)}};
    receive(&core, &left);
    core_flushed(&core);
    const struct raft_message *fetch = core_sent(&core, 2, RAFT_RPC_FETCH);
    core_respond(&core, 2, fetch->id, fetch_response(2, 6, 1)); /* committed */
    for (int i = 0; i < 100; i++) {
        core_wait(&core);
        ck_assert_int_eq(raft_role(core.raft), RAFT_ROLE_FOLLOWER);
    }
    core_fini(&core);
}
END_TEST

START_TEST(test_misplaced_voters_do_not_fit)
{
    struct core core;
    core_init(&core, 3);
    core_boot(&core);
    core_follow(&core, 2, 6);
    struct raft_voter_set set = {1, {key_of(2)}};
    const struct raft_message *fetch = core_sent(&core, 2, RAFT_RPC_FETCH);
    struct raft_batch batch = {0, 0, 6, &set, 5};
    struct raft_response response = fetch_response(2, 6, -1);
    response.u.fetch.batches = &batch;
    response.u.fetch.batch_count = 1;
    core_respond(&core, 2, fetch->id, response);
    ck_assert_int_eq(raft_log_end(core.raft), 0);
    core_fini(&core);
}
END_TEST

RUN_SUITE("voters", test_only_a_leader_changes_voters, test_static_voters_stay,
          test_not_before_the_own_epoch_is_committed, test_one_change_at_a_time,
          test_voters_that_are_and_are_not, test_the_last_voter_stays, test_too_many_voters,
          test_new_voters_have_caught_up, test_a_majority_must_live,
          test_a_new_voter_counts_at_once, test_the_first_follower_of_a_single_voter,
          test_a_removed_voter_does_not_count, test_a_removed_leader_leads_until_the_commit,
          test_an_update_leaves_the_set, test_a_removal_in_doubt, test_a_removal_without_doubt,
          test_misplaced_voters_do_not_fit)
