/* Snapshots in the core: which a leader offers, which this node may take, a log that begins at one
 * (raft/snapshot.c, raft/boot.c). The KAFKA numbers are the bugs that Kafka had. */
#include "tests/unit/raft/core.h"

#include "raft/trail.h"
#include "raft/voters.h"

/* A log that begins at 10 behind records of epoch 3, has epochs 3 from 10, 5 from 14, and ends at
 * 20; snapshots end at 10 and 16. */
static void begin_late(struct core *core)
{
    core_init(core, 3);
    core_log(core, 2, (struct raft_epoch_start[]){{3, 10}, {5, 14}}, 20);
    core->boot.log_start = (struct raft_position){10, 3};
    core->boot.snapshot = (struct raft_position){16, 5};
    core->boot.hard_state.epoch = 6;
}

static struct raft_position place(int64_t offset, int32_t epoch)
{
    return (struct raft_position){offset, epoch};
}

/* ---- boot ---- */

static void assert_refused(struct core *core)
{
    struct raft *raft;
    ck_assert_int_eq(raft_new(&core->options, &core->boot, &raft), ERR_CORRUPT);
    ck_assert_ptr_null(raft);
    raft_update_fini(&core->update);
}

START_TEST(test_boot_refuses)
{
    struct core core;
    begin_late(&core);
    core.boot.snapshot = place(0, 0); /* what was before 10? */
    assert_refused(&core);
    begin_late(&core);
    core.boot.snapshot = place(21, 5); /* ahead of the log: the driver must have emptied it */
    assert_refused(&core);
    begin_late(&core);
    core.boot.snapshot = place(16, 4); /* the log says epoch 5 */
    assert_refused(&core);
    begin_late(&core);
    core.boot.snapshot = place(9, 3);
    assert_refused(&core);
    begin_late(&core);
    core.boot.log_start = place(10, 4); /* but a record of epoch 3 comes after it */
    assert_refused(&core);
    begin_late(&core);
    core.boot.log_start = place(9, 3);
    assert_refused(&core);
    begin_late(&core);
    core.boot.log_end = 9;
    assert_refused(&core);
}
END_TEST

START_TEST(test_boot_knows_what_is_committed)
{
    struct core core;
    begin_late(&core);
    core_boot(&core);
    ck_assert_int_eq(raft_high_watermark(core.raft), 16);
    ck_assert(raft_position_eq(raft_log_start(core.raft), place(10, 3)));
    ck_assert(raft_position_eq(raft_snapshot(core.raft), place(16, 5)));
    ck_assert_int_eq(raft_epoch_at(core.raft, 9), -1);
    ck_assert_int_eq(raft_epoch_at(core.raft, 13), 3);
    core_fini(&core);
}
END_TEST

/* A snapshot alone: its epoch is that of the last record there ever was. */
START_TEST(test_boot_with_only_a_snapshot)
{
    struct core core;
    core_init(&core, 3);
    core.boot.log_start = core.boot.snapshot = place(16, 5);
    core.boot.log_end = 16;
    core_boot(&core);
    ck_assert_int_eq(raft_epoch(core.raft), 5);
    ck_assert_int_eq(raft_log_end(core.raft), 16);
    ck_assert(!core_ask(&core, vote_request(2, 6, 4, 100))->u.vote.granted);
    ck_assert(core_ask(&core, vote_request(2, 7, 5, 16))->u.vote.granted);
    core_fini(&core);
}
END_TEST

/* ---- the leader ---- */

static void assert_offered(struct core *core, int32_t last_epoch, int64_t offset)
{
    const struct raft_response *response = core_ask(core, fetch_request(2, 7, last_epoch, offset));
    ck_assert_ptr_nonnull(response);
    ck_assert_int_eq(response->error, ERR_NONE);
    ck_assert(response->u.fetch.offers_snapshot);
    ck_assert(raft_position_eq(response->u.fetch.snapshot, place(16, 5)));
    ck_assert_int_eq(response->u.fetch.from, response->u.fetch.to);
}

START_TEST(test_who_is_offered_a_snapshot)
{
    struct core core;
    begin_late(&core);
    core_boot(&core);
    core_elect(&core);
    assert_offered(&core, 0, 0);  /* KAFKA-15078 */
    assert_offered(&core, 3, 9);  /* below the log's beginning */
    assert_offered(&core, 2, 10); /* at it, but another record before it */
    assert_offered(&core, 4, 10);
    assert_offered(&core, 2, 15); /* of an epoch from before it */
    assert_offered(&core, 0, 30);

    const struct raft_response *response = core_ask(&core, fetch_request(2, 7, 3, 10));
    ck_assert(!response->u.fetch.offers_snapshot);
    ck_assert(!response->u.fetch.diverging);
    ck_assert_int_eq(response->u.fetch.from, 10);
    response = core_ask(&core, fetch_request(2, 7, 3, 18)); /* ends at 14 here */
    ck_assert(!response->u.fetch.offers_snapshot);
    ck_assert(response->u.fetch.diverging);
    ck_assert_int_eq(response->u.fetch.diverging_end, 14);
    core_fini(&core);
}
END_TEST

/* Who has nothing does without what led to the state, even where the log is whole. */
START_TEST(test_whole_log_with_a_snapshot)
{
    struct core core;
    core_init(&core, 3);
    core_log(&core, 2, (struct raft_epoch_start[]){{3, 0}, {5, 14}}, 20);
    core.boot.snapshot = place(16, 5);
    core.boot.hard_state.epoch = 6;
    core_boot(&core);
    core_elect(&core);
    assert_offered(&core, 0, 0);
    ck_assert(!core_ask(&core, fetch_request(2, 7, 3, 4))->u.fetch.offers_snapshot);
    core_fini(&core);
}
END_TEST

static struct raft_request piece_request(int32_t from, int32_t epoch, int64_t position)
{
    return (struct raft_request){
        .rpc = RAFT_RPC_FETCH_SNAPSHOT,
        .epoch = epoch,
        .u.fetch_snapshot = {.replica = key_of(from), .snapshot = {16, 5}, .position = position}};
}

START_TEST(test_pieces_are_asked_for)
{
    struct core core;
    begin_late(&core);
    core_boot(&core);
    ck_assert_int_eq(core_ask(&core, piece_request(2, 6, 0))->error, ERR_NOT_LEADER_OR_FOLLOWER);
    core_elect(&core);
    ck_assert_int_eq(core_ask(&core, piece_request(2, 6, 0))->error, ERR_FENCED_LEADER_EPOCH);
    ck_assert_int_eq(core_ask(&core, piece_request(2, 8, 0))->error, ERR_UNKNOWN_LEADER_EPOCH);
    ck_assert_int_eq(core_ask(&core, piece_request(SELF, 7, 0))->error, ERR_INVALID_REQUEST);
    int64_t far = (INT64_C(1) << 40) + 7; /* beyond 2 GiB, and beyond 4 */
    const struct raft_response *response = core_ask(&core, piece_request(2, 7, far));
    ck_assert_int_eq(response->error, ERR_NONE);
    ck_assert_int_eq(response->u.fetch_snapshot.position, far);
    ck_assert(raft_position_eq(response->u.fetch_snapshot.snapshot, place(16, 5)));
    core_fini(&core);
}
END_TEST

/* Whoever loads is in contact: the leader need not give up (check-quorum). */
START_TEST(test_pieces_are_contact)
{
    struct core core;
    begin_late(&core);
    core_boot(&core);
    core_elect(&core);
    int64_t until_ms = core.now_ms + 5 * FETCH_MS;
    for (int64_t position = 0; core.now_ms < until_ms; position++) {
        core.now_ms += FETCH_MS / 2;
        core_ask(&core, piece_request(2, 7, position));
        ck_assert_int_eq(raft_role(core.raft), RAFT_ROLE_LEADER);
    }
    core_wait_for(&core, RAFT_ROLE_RESIGNED);
    core_fini(&core);
}
END_TEST

/* ---- this node's own ---- */

static void taken(struct core *core, struct raft_position snapshot)
{
    core_step(core, (struct raft_event){.type = RAFT_EVENT_SNAPSHOT_TAKEN,
                                        .u.taken = {.snapshot = snapshot}});
}

START_TEST(test_which_may_be_taken)
{
    struct core core;
    begin_late(&core);
    core.options.static_voters.count = 1;
    core_boot(&core);
    core_wait_for(&core, RAFT_ROLE_LEADER);
    ck_assert_int_eq(raft_check_snapshot(core.raft, place(17, 5)), ERR_OFFSET_OUT_OF_RANGE);
    core_flushed(&core);
    ck_assert_int_eq(raft_high_watermark(core.raft), 21);
    ck_assert_int_eq(raft_check_snapshot(core.raft, place(16, 5)), ERR_EXISTS);
    ck_assert_int_eq(raft_check_snapshot(core.raft, place(12, 3)), ERR_EXISTS);
    ck_assert_int_eq(raft_check_snapshot(core.raft, place(17, 3)), ERR_OFFSET_OUT_OF_RANGE);
    ck_assert_int_eq(raft_check_snapshot(core.raft, place(22, 7)), ERR_OFFSET_OUT_OF_RANGE);
    ck_assert_int_eq(raft_check_snapshot(core.raft, place(21, 7)), ERR_NONE);
    ck_assert_int_eq(raft_check_snapshot(core.raft, place(20, 5)), ERR_NONE);
    taken(&core, place(20, 5));
    ck_assert(raft_position_eq(raft_snapshot(core.raft), place(20, 5)));
    taken(&core, place(18, 5)); /* overtaken */
    ck_assert(raft_position_eq(raft_snapshot(core.raft), place(20, 5)));
    core_fini(&core);
}
END_TEST

static void trim(struct core *core, struct raft_position to)
{
    core_step(core, (struct raft_event){.type = RAFT_EVENT_TRIM, .u.trim = {.to = to}});
}

START_TEST(test_trim)
{
    struct core core;
    begin_late(&core);
    core.options.static_voters.count = 1;
    core_boot(&core);
    core_wait_for(&core, RAFT_ROLE_LEADER);
    trim(&core, place(10, 3)); /* is there already */
    ck_assert(!core.update.trim);
    trim(&core, place(16, 5)); /* before its own record is synced */
    ck_assert(core.update.trim);
    ck_assert_int_eq(core.update.trim_to, 16);
    ck_assert(raft_position_eq(raft_log_start(core.raft), place(16, 5)));
    core_flushed(&core);

    /* All of it; the epoch goes on. */
    taken(&core, place(21, 7));
    trim(&core, place(21, 7));
    ck_assert_int_eq(raft_log_start(core.raft).offset, raft_log_end(core.raft));
    core_step(&core, (struct raft_event){.type = RAFT_EVENT_APPEND, .u.append = {7, 2}});
    ck_assert_int_eq(core.update.append.base_offset, 21);
    ck_assert_int_eq(raft_epoch_at(core.raft, 21), 7);
    core_fini(&core);
}
END_TEST

/* A majority without this node may commit what is not synced here yet. */
START_TEST(test_trim_beyond_what_is_synced)
{
    struct core core;
    core_init(&core, 3);
    core.boot.hard_state.epoch = 5;
    core_boot(&core);
    core_elect(&core);
    core_ask(&core, fetch_request(2, 6, 6, 1));
    core_ask(&core, fetch_request(3, 6, 6, 1));
    ck_assert_int_eq(raft_high_watermark(core.raft), 1);
    ck_assert_int_eq(raft_flushed(core.raft), 0);
    ck_assert_int_eq(raft_check_snapshot(core.raft, place(1, 6)), ERR_NONE);
    taken(&core, place(1, 6));
    trim(&core, place(1, 6));
    ck_assert_int_eq(raft_flushed(core.raft), 1); /* the snapshot is */
    core_flushed(&core);
    core_fini(&core);
}
END_TEST

/* ---- the parts ---- */

START_TEST(test_trail_with_a_base)
{
    struct raft_trail trail = {0};
    raft_trail_assign(&trail, 2, 0);
    raft_trail_assign(&trail, 4, 6);
    raft_trail_assign(&trail, 5, 10);
    raft_trail_trim(&trail, place(8, 4), 12);
    ck_assert_int_eq(trail.count, 2);
    ck_assert_int_eq(raft_trail_epoch_at(&trail, 7), -1);
    ck_assert_int_eq(raft_trail_epoch_at(&trail, 8), 4);
    ck_assert(raft_position_eq(raft_trail_place(&trail, 8), place(8, 4)));
    ck_assert(raft_position_eq(raft_trail_end_of(&trail, 3, 12), place(8, 4)));
    raft_trail_trim(&trail, place(10, 4), 12);
    ck_assert_int_eq(trail.count, 1);
    ck_assert_int_eq(raft_trail_last_epoch(&trail), 5);
    raft_trail_truncate(&trail, 10);
    ck_assert_int_eq(raft_trail_last_epoch(&trail), 4);
    ck_assert(raft_position_eq(raft_trail_end_of(&trail, 9, 10), place(10, 4)));
    raft_trail_reset(&trail, place(40, 7));
    ck_assert_int_eq(raft_trail_last_epoch(&trail), 7);
    raft_trail_assign(&trail, 7, 40);
    ck_assert_int_eq(raft_trail_epoch_at(&trail, 40), 7);
    raft_trail_fini(&trail);
}
END_TEST

START_TEST(test_voters_with_a_snapshot)
{
    struct raft_voters voters = {.fixed = {1, {key_of(1)}}};
    struct raft_voter_set two = {2, {key_of(1), key_of(2)}};
    struct raft_voter_set three = {3, {key_of(1), key_of(2), key_of(3)}};
    ck_assert_ptr_null(raft_voters_find(&voters, 100)); /* static ones are no records */
    raft_voters_add(&voters, -1, &two);
    raft_voters_add(&voters, 10, &three);
    raft_voters_add(&voters, 20, &two);
    ck_assert_int_eq(raft_voters_find(&voters, 10)->count, 2);
    ck_assert_int_eq(raft_voters_find(&voters, 11)->count, 3);
    raft_voters_trim(&voters, 15); /* the set in force at 15 stays */
    ck_assert_int_eq(voters.count, 2);
    ck_assert_int_eq(raft_voters_find(&voters, 15)->count, 3);
    raft_voters_trim(&voters, 100);
    ck_assert_int_eq(voters.count, 1);
    ck_assert_int_eq(raft_voters_latest(&voters)->count, 2);
    raft_voters_reset(&voters, 200, &three);
    ck_assert_int_eq(voters.history[0].offset, 199);
    ck_assert_int_eq(raft_voters_latest(&voters)->count, 3);
    ck_assert(!raft_voters_unwritten(&voters));
    raft_voters_reset(&voters, 300, NULL);
    ck_assert_int_eq(raft_voters_latest(&voters)->count, 1);
    raft_voters_fini(&voters);
}
END_TEST

RUN_SUITE("snapshot", test_boot_refuses, test_boot_knows_what_is_committed,
          test_boot_with_only_a_snapshot, test_who_is_offered_a_snapshot,
          test_whole_log_with_a_snapshot, test_pieces_are_asked_for, test_pieces_are_contact,
          test_which_may_be_taken, test_trim, test_trim_beyond_what_is_synced,
          test_trail_with_a_base, test_voters_with_a_snapshot)
