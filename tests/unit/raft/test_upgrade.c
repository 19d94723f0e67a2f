/* Static voters become records: what the leader refuses, what it appends, whom it counts afterwards
 * (raft/upgrade.c). */
#include "tests/unit/raft/core.h"

static const struct raft_key other_disk = {3, {77, 77}};

/* Leader of epoch 6 of voters without directory ids. */
static void boot_leader(struct core *core, int voters)
{
    core_init(core, voters);
    for (int i = 0; i < voters; i++) {
        core->options.static_voters.voters[i].directory_id = UUID_ZERO;
    }
    core_log(core, 2, (struct raft_epoch_start[]){{2, 0}, {4, 6}}, 10);
    core->boot.hard_state.epoch = 5;
    core_boot(core);
    core_elect(core);
    core_flushed(core);
}

/* Of three, and the others have all that it has. */
static void boot_followed_leader(struct core *core)
{
    boot_leader(core, 3);
    core_fetched(core, key_of(2));
    core_fetched(core, key_of(3));
}

static struct raft_voter_set voters_of(int count)
{
    struct raft_voter_set set = {.count = count};
    for (int i = 0; i < count; i++) {
        set.voters[i] = key_of(i + 1);
    }
    return set;
}

static enum err upgrade(struct core *core, const struct raft_voter_set *set)
{
    core_step(core, (struct raft_event){.type = RAFT_EVENT_UPGRADE, .u.upgrade = {set}});
    bool taken = core->update.error == ERR_NONE;
    ck_assert_int_eq(core->update.append.kind, taken ? RAFT_APPEND_UPGRADE : RAFT_APPEND_NOTHING);
    ck_assert(taken == (core->update.why == NULL));
    return core->update.error;
}

START_TEST(test_only_a_leader_upgrades)
{
    struct core core;
    boot_leader(&core, 3);
    struct raft_voter_set set = voters_of(3);
    core_ask(&core, begin_request(2, 7));
    ck_assert_int_eq(upgrade(&core, &set), ERR_NOT_LEADER_OR_FOLLOWER);
    core_fini(&core);
}
END_TEST

START_TEST(test_not_before_the_own_epoch_is_committed)
{
    struct core core;
    boot_leader(&core, 3);
    struct raft_voter_set set = voters_of(3);
    ck_assert_int_eq(upgrade(&core, &set), ERR_REQUEST_TIMED_OUT);
    ck_assert_int_eq(raft_high_watermark(core.raft), -1);
    core_fetched(&core, key_of(2));
    core_fetched(&core, key_of(3));
    ck_assert_int_eq(upgrade(&core, &set), ERR_NONE);
    core_fini(&core);
}
END_TEST

START_TEST(test_the_same_voters)
{
    struct core core;
    boot_followed_leader(&core);
    struct raft_voter_set less = voters_of(2);
    struct raft_voter_set more = voters_of(4);
    struct raft_voter_set twice = voters_of(3);
    struct raft_voter_set no_disk = voters_of(3);
    twice.voters[2] = twice.voters[1];
    no_disk.voters[1].directory_id = UUID_ZERO;
    ck_assert_int_eq(upgrade(&core, &less), ERR_INVALID_REQUEST);
    ck_assert_int_eq(upgrade(&core, &more), ERR_INVALID_REQUEST);
    ck_assert_int_eq(upgrade(&core, &twice), ERR_INVALID_REQUEST);
    ck_assert_int_eq(upgrade(&core, &no_disk), ERR_INVALID_REQUEST);
    core_fini(&core);
}
END_TEST

/* What was counted of a voter must stand in the directory that will be its. */
START_TEST(test_every_voter_follows_from_its_directory)
{
    struct core core;
    boot_leader(&core, 3);
    struct raft_voter_set set = voters_of(3);
    core_fetched(&core, key_of(2));
    ck_assert_int_eq(upgrade(&core, &set), ERR_REQUEST_TIMED_OUT); /* 3 has not fetched */
    core_fetched(&core, other_disk);
    ck_assert_int_eq(upgrade(&core, &set), ERR_REQUEST_TIMED_OUT);
    core_fetched(&core, (struct raft_key){3, UUID_ZERO}); /* does not say from where */
    ck_assert_int_eq(upgrade(&core, &set), ERR_REQUEST_TIMED_OUT);
    core_fetched(&core, key_of(3));
    set.voters[0].directory_id.lo++; /* the leader's own */
    ck_assert_int_eq(upgrade(&core, &set), ERR_REQUEST_TIMED_OUT);
    set.voters[0] = key_of(1);
    ck_assert_int_eq(upgrade(&core, &set), ERR_NONE);
    core_fini(&core);
}
END_TEST

START_TEST(test_a_majority_must_live)
{
    struct core core;
    boot_leader(&core, 5);
    struct raft_voter_set set = voters_of(5);
    for (int id = 2; id <= 5; id++) {
        core_fetched(&core, key_of(id));
    }
    core.now_ms += FETCH_MS;
    core_fetched(&core, key_of(2));
    core_fetched(&core, key_of(3));
    core.now_ms += FETCH_MS;
    core_fetched(&core, key_of(2));
    const char *why;
    ck_assert_int_eq(raft_check_upgrade(core.raft, &set, core.now_ms + FETCH_MS + 1, &why),
                     ERR_INVALID_REQUEST);
    ck_assert_int_eq(upgrade(&core, &set), ERR_NONE); /* 4 and 5 are silent */
    core_fini(&core);
}
END_TEST

START_TEST(test_then_they_are_records)
{
    struct core core;
    boot_followed_leader(&core);
    struct raft_voter_set set = voters_of(3);
    int64_t end = raft_log_end(core.raft);
    int64_t offset;
    ck_assert(!raft_voters_offset(core.raft, &offset));
    ck_assert_int_eq(upgrade(&core, &set), ERR_NONE);
    ck_assert_int_eq(core.update.append.base_offset, end);
    ck_assert_int_eq(core.update.append.end_offset, end + 2);
    ck_assert(raft_voters_offset(core.raft, &offset));
    ck_assert_int_eq(offset, end + 1);
    ck_assert_int_eq(upgrade(&core, &set), ERR_DUPLICATE_VOTER);
    /* One change at a time. */
    core_step(&core, (struct raft_event){.type = RAFT_EVENT_CHANGE,
                                         .u.change = {RAFT_CHANGE_REMOVE, key_of(3)}});
    ck_assert_int_eq(core.update.error, ERR_REQUEST_TIMED_OUT);
    core_flushed(&core);
    core_fetched(&core, key_of(2));
    ck_assert_int_eq(raft_high_watermark(core.raft), end + 2);
    core_step(&core, (struct raft_event){.type = RAFT_EVENT_CHANGE,
                                         .u.change = {RAFT_CHANGE_REMOVE, key_of(3)}});
    ck_assert_int_eq(core.update.error, ERR_NONE);
    core_fini(&core);
}
END_TEST

/* Whoever has the id counted before; now its disk decides. */
START_TEST(test_another_disk_does_not_count_any_more)
{
    struct core core;
    boot_followed_leader(&core);
    struct raft_voter_set set = voters_of(3);
    ck_assert_int_eq(upgrade(&core, &set), ERR_NONE);
    int64_t committed = raft_high_watermark(core.raft);
    core_flushed(&core);
    core_fetched(&core, other_disk);
    ck_assert_int_eq(raft_high_watermark(core.raft), committed);
    core_fetched(&core, key_of(3));
    ck_assert_int_eq(raft_high_watermark(core.raft), raft_log_end(core.raft));
    core_fini(&core);
}
END_TEST

/* A log that is cut before the record has static voters again. */
START_TEST(test_an_upgrade_that_is_cut)
{
    struct core core;
    boot_followed_leader(&core);
    struct raft_voter_set set = voters_of(3);
    ck_assert_int_eq(upgrade(&core, &set), ERR_NONE);
    core_flushed(&core);
    core_ask(&core, begin_request(2, 7));
    core_tick(&core);
    core_wait_for(&core, RAFT_ROLE_FOLLOWER);
    const struct raft_message *fetch = core_sent(&core, 2, RAFT_RPC_FETCH);
    while (fetch == NULL) {
        core_wait(&core);
        fetch = core_sent(&core, 2, RAFT_RPC_FETCH);
    }
    struct raft_response response = fetch_response(2, 7, -1);
    response.u.fetch.diverging = true;
    response.u.fetch.diverging_epoch = 6;
    response.u.fetch.diverging_end = raft_log_end(core.raft) - 2;
    core_respond(&core, 2, fetch->id, response);
    int64_t offset;
    ck_assert(core.update.truncate);
    ck_assert(!raft_voters_offset(core.raft, &offset));
    ck_assert(raft_is_voter(core.raft));
    ck_assert(uuid_is_zero(raft_voters(core.raft)->voters[1].directory_id));
    core_fini(&core);
}
END_TEST

/* One that has lost its disk between its report and the record is no voter, and does not campaign:
 * what it has may be less than it promised as the one that it was. */
START_TEST(test_the_lost_disk_is_the_voter)
{
    struct core core;
    core_init(&core, 3);
    core_boot(&core);
    core_follow(&core, 2, 6);
    struct raft_voter_set set = voters_of(3);
    set.voters[0].directory_id.lo = 99;
    const struct raft_message *fetch = core_sent(&core, 2, RAFT_RPC_FETCH);
    struct raft_batch batch = {0, 1, 6, &set, 1};
    struct raft_response response = fetch_response(2, 6, -1);
    response.u.fetch.batches = &batch;
    response.u.fetch.batch_count = 1;
    core_respond(&core, 2, fetch->id, response);
    core_flushed(&core);
    ck_assert(!raft_is_voter(core.raft));
    for (int i = 0; i < 50; i++) {
        core_wait(&core);
        ck_assert_int_eq(raft_role(core.raft), RAFT_ROLE_FOLLOWER);
    }
    core_fini(&core);
}
END_TEST

RUN_SUITE("upgrade", test_only_a_leader_upgrades, test_not_before_the_own_epoch_is_committed,
          test_the_same_voters, test_every_voter_follows_from_its_directory,
          test_a_majority_must_live, test_then_they_are_records,
          test_another_disk_does_not_count_any_more, test_an_upgrade_that_is_cut,
          test_the_lost_disk_is_the_voter)
