/* Votes and pre-votes given (raft/vote.c) and campaigns (raft/election.c). */
#include "tests/unit/raft/core.h"

/* A voter in epoch 5 whose log ends at 10 with a record of epoch 4. */
static void boot_voter(struct core *core)
{
    core_init(core, 3);
    core_log(core, 2, (struct raft_epoch_start[]){{2, 0}, {4, 6}}, 10);
    core->boot.hard_state.epoch = 5;
    core_boot(core);
    core_tick(core);
}

/* ---- refused ---- */

START_TEST(test_requests_that_cannot_be)
{
    struct core core;
    boot_voter(&core);
    struct raft_request request = vote_request(2, 6, 4, -1);
    ck_assert_int_eq(core_ask(&core, request)->error, ERR_INVALID_REQUEST);
    request = vote_request(2, 6, -1, 10);
    ck_assert_int_eq(core_ask(&core, request)->error, ERR_INVALID_REQUEST);
    request = vote_request(2, 6, 6, 10); /* a record of the epoch it wants to begin */
    ck_assert_int_eq(core_ask(&core, request)->error, ERR_INVALID_REQUEST);
    request = pre_vote_request(2, 5, 6, 10);
    ck_assert_int_eq(core_ask(&core, request)->error, ERR_INVALID_REQUEST);
    request = vote_request(SELF, 6, 4, 10); /* two nodes with one id */
    ck_assert_int_eq(core_ask(&core, request)->error, ERR_INVALID_REQUEST);
    ck_assert_int_eq(raft_epoch(core.raft), 5);
    ck_assert_int_eq(core_ask(&core, vote_request(2, 4, 3, 10))->error, ERR_FENCED_LEADER_EPOCH);

    request = vote_request(2, 6, 4, 10);
    request.u.vote.voter.directory_id.lo++; /* for my predecessor's disk */
    ck_assert_int_eq(core_ask(&core, request)->error, ERR_INVALID_VOTER_KEY);
    ck_assert_int_eq(raft_epoch(core.raft), 6); /* but the epoch is a fact */
    core_fini(&core);
}
END_TEST

START_TEST(test_worse_logs_get_no_vote)
{
    struct core core;
    boot_voter(&core);
    ck_assert(!core_ask(&core, vote_request(2, 6, 4, 9))->u.vote.granted);
    ck_assert(!core_ask(&core, vote_request(2, 6, 3, 99))->u.vote.granted);
    ck_assert(!core_ask(&core, pre_vote_request(2, 6, 4, 9))->u.vote.granted);
    ck_assert(core_ask(&core, vote_request(2, 6, 5, 1))->u.vote.granted);
    core_fini(&core);
}
END_TEST

START_TEST(test_one_vote_in_an_epoch)
{
    struct core core;
    boot_voter(&core);
    ck_assert(core_ask(&core, vote_request(2, 6, 4, 10))->u.vote.granted);
    ck_assert(core.update.save);
    ck_assert_int_eq(core.update.hard_state.voted.id, 2);
    ck_assert(!core_ask(&core, vote_request(3, 6, 5, 99))->u.vote.granted);
    ck_assert(core_ask(&core, vote_request(2, 6, 4, 10))->u.vote.granted);
    ck_assert(!core.update.save);
    struct raft_hard_state saved = core.update.hard_state;
    core_fini(&core);

    core_init(&core, 3); /* after a restart, too */
    core_log(&core, 1, (struct raft_epoch_start[]){{2, 0}}, 10);
    core.boot.hard_state = saved;
    core_boot(&core);
    ck_assert(!core_ask(&core, vote_request(3, 6, 5, 99))->u.vote.granted);
    struct raft_request other_disk = vote_request(2, 6, 4, 10);
    other_disk.u.vote.candidate.directory_id.lo++;
    ck_assert(!core_ask(&core, other_disk)->u.vote.granted);
    ck_assert(core_ask(&core, vote_request(2, 6, 4, 10))->u.vote.granted);
    core_fini(&core);
}
END_TEST

START_TEST(test_follower_keeps_its_vote)
{
    struct core core;
    boot_voter(&core);
    ck_assert(core_ask(&core, vote_request(2, 6, 4, 10))->u.vote.granted);
    core_follow(&core, 2, 6);
    ck_assert_int_eq(core.update.hard_state.voted.id, 2);
    ck_assert(!core_ask(&core, vote_request(3, 6, 5, 99))->u.vote.granted);
    core_fini(&core);
}
END_TEST

START_TEST(test_follower_protects_a_live_leader)
{
    struct core core;
    boot_voter(&core);
    ck_assert_int_eq(core_ask(&core, begin_request(2, 6))->error, ERR_NONE);
    const struct raft_message *fetch = core_sent(&core, 2, RAFT_RPC_FETCH);
    uint64_t id = fetch->id;
    /* Not heard from it as a leader yet: it may be gone already. */
    ck_assert(core_ask(&core, pre_vote_request(3, 6, 6, 11))->u.vote.granted);
    core_respond(&core, 2, id, fetch_response(2, 6, -1));
    id = core_sent(&core, 2, RAFT_RPC_FETCH)->id;
    ck_assert(!core_ask(&core, pre_vote_request(3, 6, 6, 11))->u.vote.granted);
    ck_assert(!core_ask(&core, vote_request(3, 6, 5, 11))->u.vote.granted);

    /* The connection dropped: maybe it is gone. A fetch that works says that it is not. */
    core_step(&core, (struct raft_event){.type = RAFT_EVENT_CONNECTION_LOST, .u.lost = {2}});
    ck_assert(core_ask(&core, pre_vote_request(3, 6, 6, 11))->u.vote.granted);
    core_respond(&core, 2, id, fetch_response(2, 6, -1));
    ck_assert(!core_ask(&core, pre_vote_request(3, 6, 6, 11))->u.vote.granted);
    core_fini(&core);
}
END_TEST

START_TEST(test_pre_votes_promise_nothing)
{
    struct core core;
    boot_voter(&core);
    int64_t deadline_ms = raft_deadline(core.raft);
    ck_assert(core_ask(&core, pre_vote_request(2, 5, 4, 10))->u.vote.granted);
    ck_assert(core_ask(&core, pre_vote_request(3, 5, 5, 11))->u.vote.granted);
    ck_assert(!core.update.save);
    ck_assert_int_eq(raft_deadline(core.raft), deadline_ms); /* nor is the timer put back */
    /* A vote already cast does not matter. */
    ck_assert(core_ask(&core, vote_request(2, 6, 4, 10))->u.vote.granted);
    ck_assert(core_ask(&core, pre_vote_request(3, 6, 4, 10))->u.vote.granted);
    core_fini(&core);
}
END_TEST

START_TEST(test_leader_and_candidate_refuse)
{
    struct core core;
    boot_voter(&core);
    core_elect(&core);
    ck_assert_int_eq(raft_epoch(core.raft), 6);
    ck_assert(!core_ask(&core, vote_request(2, 6, 5, 99))->u.vote.granted);
    ck_assert(!core_ask(&core, pre_vote_request(2, 6, 6, 99))->u.vote.granted);
    ck_assert_int_eq(raft_role(core.raft), RAFT_ROLE_LEADER);
    /* A higher epoch ends it, vote or not. */
    ck_assert(!core_ask(&core, vote_request(2, 7, 2, 1))->u.vote.granted);
    ck_assert_int_eq(raft_role(core.raft), RAFT_ROLE_UNATTACHED);
    core_fini(&core);
}
END_TEST

/* ---- campaigns ---- */

START_TEST(test_observers_do_not_campaign)
{
    struct core core;
    core_init(&core, 3);
    core.options.self = key_of(9); /* KAFKA-16842 */
    core_boot(&core);
    for (int i = 0; i < 500; i++) {
        core_wait(&core);
        ck_assert_int_eq(raft_role(core.raft), RAFT_ROLE_UNATTACHED);
    }
    core.options.self = key_of(SELF); /* the id of a voter, but another disk */
    core.options.self.directory_id.lo = 99;
    core_fini(&core);
    raft_update_init(&core.update);
    core_boot(&core);
    for (int i = 0; i < 500; i++) {
        core_wait(&core);
        ck_assert_int_eq(raft_role(core.raft), RAFT_ROLE_UNATTACHED);
    }
    core_fini(&core);
}
END_TEST

START_TEST(test_pre_votes_change_no_epoch)
{
    struct core core;
    boot_voter(&core);
    for (int i = 0; i < 200; i++) {
        core_wait(&core);
        ck_assert_int_eq(raft_epoch(core.raft), 5); /* KIP-996: partitioned, it inflates nothing */
        ck_assert(!core.update.save);
    }
    core_fini(&core);
}
END_TEST

START_TEST(test_late_pre_votes_are_no_votes)
{
    struct core core;
    boot_voter(&core);
    core.now_ms += 60000;
    core_tick(&core);
    ck_assert_int_eq(raft_role(core.raft), RAFT_ROLE_PROSPECTIVE);
    uint64_t first = core_sent(&core, 2, RAFT_RPC_VOTE)->id;
    uint64_t second = core_sent(&core, 3, RAFT_RPC_VOTE)->id;
    core_respond(&core, 2, first, vote_response(5, true));
    ck_assert_int_eq(raft_role(core.raft), RAFT_ROLE_CANDIDATE);
    ck_assert_int_eq(raft_epoch(core.raft), 6);
    ck_assert(core.update.save);
    ck_assert_int_eq(core.update.hard_state.voted.id, SELF);
    core_respond(&core, 3, second, vote_response(5, true));
    core_respond(&core, 2, first, vote_response(6, true));
    ck_assert_int_eq(raft_role(core.raft), RAFT_ROLE_CANDIDATE);
    core_fini(&core);
}
END_TEST

START_TEST(test_voter_without_pre_vote)
{
    struct core core;
    boot_voter(&core);
    core_wait_for(&core, RAFT_ROLE_PROSPECTIVE);
    struct raft_response response = vote_response(-1, false);
    response.error = ERR_UNSUPPORTED_VERSION;
    core_respond(&core, 2, core_sent(&core, 2, RAFT_RPC_VOTE)->id, response);
    ck_assert_int_eq(raft_role(core.raft), RAFT_ROLE_CANDIDATE);
    core_fini(&core);
}
END_TEST

START_TEST(test_lost_election_backs_off)
{
    struct core core;
    boot_voter(&core);
    core_wait_for(&core, RAFT_ROLE_PROSPECTIVE);
    core_respond(&core, 2, core_sent(&core, 2, RAFT_RPC_VOTE)->id, vote_response(5, true));
    uint64_t ids[] = {core_sent(&core, 2, RAFT_RPC_VOTE)->id,
                      core_sent(&core, 3, RAFT_RPC_VOTE)->id};
    core_respond(&core, 2, ids[0], vote_response(6, false));
    core_respond(&core, 3, ids[1], vote_response(6, false));
    ck_assert_int_eq(raft_role(core.raft), RAFT_ROLE_CANDIDATE);
    ck_assert_int_eq(core.update.message_count, 0);
    int64_t wait_ms = raft_deadline(core.raft) - core.now_ms;
    ck_assert(wait_ms >= 30 && wait_ms <= 200);
    core_wait(&core);
    ck_assert_int_eq(raft_role(core.raft), RAFT_ROLE_PROSPECTIVE);
    core_fini(&core);
}
END_TEST

START_TEST(test_two_campaigns_do_not_collide)
{
    struct core core;
    boot_voter(&core);
    core_wait_for(&core, RAFT_ROLE_PROSPECTIVE);
    /* SELF has the lowest id: with an equal log it goes on. */
    ck_assert(core_ask(&core, pre_vote_request(2, 5, 4, 10))->u.vote.granted);
    ck_assert_int_eq(raft_role(core.raft), RAFT_ROLE_PROSPECTIVE);
    /* A better log goes first. */
    ck_assert(core_ask(&core, pre_vote_request(2, 5, 4, 11))->u.vote.granted);
    ck_assert_int_eq(raft_role(core.raft), RAFT_ROLE_UNATTACHED);
    core_wait_for(&core, RAFT_ROLE_PROSPECTIVE); /* but not forever */
    core_fini(&core);
}
END_TEST

START_TEST(test_alone_leads_at_once)
{
    struct core core;
    core_init(&core, 1);
    core_boot(&core);
    core_tick(&core);
    ck_assert_int_eq(raft_role(core.raft), RAFT_ROLE_LEADER);
    ck_assert_int_eq(raft_epoch(core.raft), 1);
    ck_assert_int_eq(core.update.hard_state.leader_id, SELF);
    ck_assert_int_eq(core.update.append.kind, RAFT_APPEND_LEADER_CHANGE);
    ck_assert_int_eq(raft_high_watermark(core.raft), -1);
    core_flushed(&core);
    ck_assert_int_eq(raft_high_watermark(core.raft), 1);
    core.now_ms += 600000; /* no check-quorum for one (KAFKA-16144) */
    core_tick(&core);
    ck_assert_int_eq(raft_role(core.raft), RAFT_ROLE_LEADER);
    core_fini(&core);
}
END_TEST

RUN_SUITE("vote", test_requests_that_cannot_be, test_worse_logs_get_no_vote,
          test_one_vote_in_an_epoch, test_follower_keeps_its_vote,
          test_follower_protects_a_live_leader, test_pre_votes_promise_nothing,
          test_leader_and_candidate_refuse, test_observers_do_not_campaign,
          test_pre_votes_change_no_epoch, test_late_pre_votes_are_no_votes,
          test_voter_without_pre_vote, test_lost_election_backs_off,
          test_two_campaigns_do_not_collide, test_alone_leads_at_once)
