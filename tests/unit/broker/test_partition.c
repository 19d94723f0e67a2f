/* The rules at the head of broker/partition/partition.h: states, high watermark, fetches,
 * following. The ISR has test_partition_isr.c. */
#include "tests/unit/broker/test_partition_fixture.h"

/* ---- states ---- */

START_TEST(older_states_are_ignored)
{
    struct partition p;
    lead(&p, 1, 10, 0, "123");
    ck_assert_int_eq(apply(&p, state_with(F2, 6, 9, "23"), 0), PARTITION_CHANGE_NONE);
    ck_assert_int_eq(apply(&p, state_with(ME, 5, 10, "1"), 0), PARTITION_CHANGE_NONE);
    ck_assert_int_eq(p.state.leader, ME);
    ck_assert_int_eq(p.state.isr_count, 3);
    ck_assert_int_eq(apply(&p, state_with(ME, 5, 11, "12"), 0), PARTITION_CHANGE_SAME_EPOCH);
    ck_assert_int_eq(apply(&p, state_with(F2, 6, 12, "12"), 0), PARTITION_CHANGE_NEW_FOLLOWER);
    ck_assert_int_eq(apply(&p, state_with(F2, 6, 13, "2"), 0), PARTITION_CHANGE_SAME_EPOCH);
    ck_assert_int_eq(apply(&p, state_with(F3, 7, 14, "23"), 0), PARTITION_CHANGE_NEW_FOLLOWER);
    ck_assert_int_eq(apply(&p, state_with(-1, 8, 15, "3"), 0), PARTITION_CHANGE_OFFLINE);
    ck_assert_int_eq(p.role, PARTITION_ROLE_OFFLINE);
    /* An image may be many states ahead; the same leader may lead again. */
    ck_assert_int_eq(apply(&p, state_with(ME, 12, 30, "1"), 0), PARTITION_CHANGE_NEW_LEADER);
    ck_assert_int_eq(apply(&p, state_with(ME, 13, 31, "1"), 0), PARTITION_CHANGE_NEW_LEADER);
}
END_TEST

START_TEST(leader_epochs_of_requests_are_fenced)
{
    struct partition p;
    lead(&p, 1, 10, 0, "123");
    ck_assert_int_eq(partition_check_epoch(&p, -1), ERR_NONE);
    ck_assert_int_eq(partition_check_epoch(&p, 5), ERR_NONE);
    ck_assert_int_eq(partition_check_epoch(&p, 4), ERR_FENCED_LEADER_EPOCH);
    ck_assert_int_eq(partition_check_epoch(&p, -2), ERR_FENCED_LEADER_EPOCH);
    ck_assert_int_eq(partition_check_epoch(&p, 6), ERR_UNKNOWN_LEADER_EPOCH);
}
END_TEST

START_TEST(the_high_watermark_is_clamped_into_the_log)
{
    struct partition p;
    struct partition_config config = {1, LAG_MS};
    partition_init(&p, ME, &config);
    partition_set_log(&p, 5, 10, 99);
    ck_assert_int_eq(p.high_watermark, 10);
    partition_set_log(&p, 5, 10, 0);
    ck_assert_int_eq(p.high_watermark, 5);
}
END_TEST

/* What followers had under an epoch that is over says nothing: they may have cut it since. */
START_TEST(a_new_epoch_forgets_followers)
{
    struct partition p;
    lead(&p, 2, 10, 0, "123");
    fetch(&p, F2, 10, 1);
    apply(&p, state_with(F2, 6, 11, "123"), 2);
    apply(&p, state_with(ME, 7, 12, "123"), 3);
    ck_assert_int_eq(p.high_watermark, 0);
    fetch(&p, F3, 10, 4);
    ck_assert_int_eq(p.high_watermark, 0);
    fetch(&p, F2, 7, 5);
    ck_assert_int_eq(p.high_watermark, 7);

    /* Within the epoch it is kept, also when the replicas change. */
    apply(&p, state_with(ME, 7, 13, "13"), 6);
    ck_assert_int_eq(p.high_watermark, 10);
}
END_TEST

/* ---- the high watermark ---- */

START_TEST(the_high_watermark_waits_for_the_isr)
{
    struct partition p;
    lead(&p, 1, 10, 0, "123");
    ck_assert_int_eq(p.high_watermark, 0);
    ck_assert(!fetch(&p, F2, 10, 1).high_watermark_moved);
    ck_assert(fetch(&p, F3, 4, 1).high_watermark_moved);
    ck_assert_int_eq(p.high_watermark, 4);
    ck_assert(!append(&p, 12, 2).high_watermark_moved);
    fetch(&p, F3, 10, 3);
    ck_assert_int_eq(p.high_watermark, 10);
    /* A member that restarted with less is no reason to go back. */
    ck_assert(!fetch(&p, F2, 6, 4).high_watermark_moved);
    ck_assert_int_eq(p.high_watermark, 10);
}
END_TEST

START_TEST(a_leader_alone_needs_nobody)
{
    struct partition p;
    lead(&p, 1, 10, 3, "1");
    ck_assert_int_eq(p.high_watermark, 10);
    ck_assert(append(&p, 11, 1).high_watermark_moved);
    ck_assert_int_eq(p.high_watermark, 11);
    ck_assert_int_eq(partition_acked(&p, 11), PARTITION_ACK_DONE);
}
END_TEST

START_TEST(the_high_watermark_stands_below_min_insync_replicas)
{
    struct partition p;
    lead(&p, 2, 10, 3, "1");
    ck_assert_int_eq(p.high_watermark, 3);
    ck_assert(!append(&p, 11, 1).high_watermark_moved);
    ck_assert_int_eq(partition_check_min_isr(&p), ERR_NOT_ENOUGH_REPLICAS);
    ck_assert_int_eq(partition_acked(&p, 3), PARTITION_ACK_NOT_ENOUGH_REPLICAS);
    ck_assert_int_eq(partition_acked(&p, 11), PARTITION_ACK_WAIT);
    apply(&p, state_with(ME, 5, 11, "12"), 2);
    ck_assert_int_eq(partition_check_min_isr(&p), ERR_NONE);
    fetch(&p, F2, 11, 3);
    ck_assert_int_eq(partition_acked(&p, 11), PARTITION_ACK_DONE);
}
END_TEST

START_TEST(min_insync_replicas_never_exceeds_the_replicas)
{
    struct partition p;
    lead(&p, 9, 0, 0, "123");
    ck_assert_int_eq(partition_check_min_isr(&p), ERR_NONE);
    append(&p, 1, 1);
    fetch(&p, F2, 1, 1);
    fetch(&p, F3, 1, 1);
    ck_assert_int_eq(partition_acked(&p, 1), PARTITION_ACK_DONE);
    apply(&p, state_with(ME, 5, 11, "12"), 2);
    ck_assert_int_eq(partition_check_min_isr(&p), ERR_NOT_ENOUGH_REPLICAS);
}
END_TEST

/* A follower that has kept up but is not a member yet is waited for, so that it can join. */
START_TEST(who_may_join_holds_the_high_watermark_back)
{
    struct partition p;
    lead(&p, 1, 10, 0, "12");
    fetch(&p, F2, 10, 0);
    ck_assert_int_eq(p.high_watermark, 10);
    fetch(&p, F3, 10, 1);
    append(&p, 12, 2);
    fetch(&p, F2, 12, 2);
    ck_assert_int_eq(p.high_watermark, 10);
    /* Not for ever: once it has not kept up for the lag time the others go on. */
    ck_assert(check_lag(&p, 1 + LAG_MS + 1).high_watermark_moved);
    ck_assert_int_eq(p.high_watermark, 12);
}
END_TEST

START_TEST(who_may_not_join_does_not_hold_back)
{
    struct partition p;
    lead(&p, 1, 10, 0, "12");
    fetch(&p, F2, 10, 0);
    fetch(&p, F3, 10, 1);
    struct image image = {.inactive[F3] = true};
    struct partition_eligibility may_join = by(&image);
    struct partition_effects effects;
    partition_appended(&p, 12, 2, &may_join, &effects);
    struct partition_fetch f = {.replica_id = F2, .broker_epoch = 102, .fetch_offset = 12};
    ck_assert_int_eq(partition_fetched(&p, &f, 2, &may_join, &effects), ERR_NONE);
    ck_assert_int_eq(p.high_watermark, 12);
}
END_TEST

/* ---- fetches ---- */

START_TEST(fetches_that_do_not_count)
{
    struct partition p;
    lead(&p, 1, 10, 0, "12");
    struct partition_fetch stranger = {.replica_id = 7, .broker_epoch = 107, .fetch_offset = 1};
    fetch_as(&p, &stranger, 1, ERR_NOT_LEADER_OR_FOLLOWER);
    stranger.replica_id = ME;
    fetch_as(&p, &stranger, 1, ERR_NOT_LEADER_OR_FOLLOWER);
    struct partition_fetch beyond = {.replica_id = F2, .broker_epoch = 102, .fetch_offset = 11};
    fetch_as(&p, &beyond, 1, ERR_OFFSET_OUT_OF_RANGE);
    beyond.fetch_offset = -1;
    fetch_as(&p, &beyond, 1, ERR_OFFSET_OUT_OF_RANGE);
    ck_assert_int_eq(p.high_watermark, 0);
}
END_TEST

/* KAFKA-14617. */
START_TEST(a_dead_incarnation_does_not_count)
{
    struct partition p;
    lead(&p, 1, 10, 0, "12");
    struct partition_fetch reborn = {.replica_id = F2, .broker_epoch = 500, .fetch_offset = 3};
    fetch_as(&p, &reborn, 1, ERR_NONE);
    struct partition_fetch late = {.replica_id = F2, .broker_epoch = 102, .fetch_offset = 10};
    fetch_as(&p, &late, 2, ERR_NOT_LEADER_OR_FOLLOWER);
    ck_assert_int_eq(p.high_watermark, 3);
    /* Nor may it join before the image has its epoch. */
    struct partition_fetch outsider = {.replica_id = F3, .broker_epoch = 99, .fetch_offset = 10};
    ck_assert(!fetch_as(&p, &outsider, 3, ERR_NONE).isr_wanted);
    struct partition_eligibility may_join = by(&all_active);
    struct partition_proposal proposal;
    ck_assert(!partition_propose_isr(&p, 3, &may_join, &proposal));
    outsider.broker_epoch = 103;
    ck_assert(fetch_as(&p, &outsider, 4, ERR_NONE).isr_wanted);
}
END_TEST

/* ---- consumers ---- */

START_TEST(offsets_are_known_from_the_start_of_the_epoch_on)
{
    struct partition p;
    lead(&p, 1, 10, 4, "12");
    ck_assert(!partition_offsets_known(&p));
    fetch(&p, F2, 9, 1);
    ck_assert(!partition_offsets_known(&p));
    fetch(&p, F2, 10, 2);
    ck_assert(partition_offsets_known(&p));
    apply(&p, state_with(F2, 6, 11, "12"), 3);
    ck_assert(!partition_offsets_known(&p));
}
END_TEST

/* ---- following ---- */

static void follow(struct partition *p, int64_t start, int64_t end, int64_t hw)
{
    struct partition_config config = {1, LAG_MS};
    partition_init(p, ME, &config);
    partition_set_log(p, start, end, hw);
    ck_assert_int_eq(apply(p, state_with(F2, 5, 10, "12"), 0), PARTITION_CHANGE_NEW_FOLLOWER);
}

START_TEST(a_follower_s_high_watermark)
{
    struct partition p;
    struct partition_effects effects;
    follow(&p, 0, 10, 5);
    partition_follower_appended(&p, 10, 8, &effects);
    ck_assert(effects.high_watermark_moved);
    ck_assert_int_eq(p.high_watermark, 8);
    partition_follower_appended(&p, 12, 20, &effects); /* the leader is ahead of our log */
    ck_assert_int_eq(p.high_watermark, 12);
    partition_follower_appended(&p, 14, 3, &effects); /* a new leader's is old */
    ck_assert(!effects.high_watermark_moved);
    ck_assert_int_eq(p.high_watermark, 12);
    partition_follower_appended(&p, 14, -1, &effects);
    ck_assert_int_eq(p.high_watermark, 12);
}
END_TEST

/* KAFKA-9491: after a full truncation nothing of the old high watermark is left. */
START_TEST(truncation_takes_the_high_watermark_along)
{
    struct partition p;
    follow(&p, 0, 10, 8);
    partition_truncated(&p, 0, 9);
    ck_assert_int_eq(p.high_watermark, 8);
    partition_truncated(&p, 0, 6);
    ck_assert_int_eq(p.high_watermark, 6);
    partition_truncated(&p, 50, 50);
    ck_assert_int_eq(p.high_watermark, 50);
    partition_truncated(&p, 20, 20);
    ck_assert_int_eq(p.high_watermark, 20);
}
END_TEST

static void assert_cut(const struct partition *p, struct partition_truncation cut, int64_t offset,
                       bool again)
{
    (void)p;
    ck_assert_int_eq(cut.offset, offset);
    ck_assert_int_eq(cut.again, again);
}

START_TEST(where_a_diverging_log_is_cut)
{
    struct partition p;
    follow(&p, 0, 20, 15);
    /* We know the epoch: where it ends at the one of us that has less of it. */
    assert_cut(&p, partition_diverged(&p, 3, 12, 3, 20), 12, false);
    assert_cut(&p, partition_diverged(&p, 3, 18, 3, 16), 16, false);
    /* Below the high watermark too: a leader elected uncleanly has less. */
    assert_cut(&p, partition_diverged(&p, 3, 5, 3, 20), 5, false);
    /* We have an older epoch instead: behind it everything goes, and the next fetch asks anew
     * (KIP-279). */
    assert_cut(&p, partition_diverged(&p, 3, 18, 2, 7), 7, true);
    assert_cut(&p, partition_diverged(&p, 3, 4, 2, 7), 7, true);
    /* All of ours are newer. */
    assert_cut(&p, partition_diverged(&p, 3, 2, -1, 0), 0, false);
    assert_cut(&p, partition_diverged(&p, 3, 9, -1, 4), 4, false);
    /* The leader knows no epoch that old: the high watermark is the last safe ground. */
    assert_cut(&p, partition_diverged(&p, -1, 0, -1, 20), 15, false);
    /* Never beyond our end. */
    assert_cut(&p, partition_diverged(&p, 3, 30, 3, 30), 20, false);
}
END_TEST

START_TEST(the_low_watermark_is_of_all_live_replicas)
{
    struct partition p;
    struct image image = {0};
    struct partition_eligibility alive = by(&image);
    lead(&p, 1, 10, 10, "1"); /* the others are not in the ISR, and count all the same */
    p.log_start_offset = 7;
    ck_assert_int_eq(partition_low_watermark(&p, &alive), -1);
    struct partition_fetch f = {
        .replica_id = F2, .broker_epoch = 102, .fetch_offset = 10, .log_start_offset = 4};
    ck_assert(fetch_as(&p, &f, 0, ERR_NONE).log_starts_moved);
    ck_assert(!fetch_as(&p, &f, 0, ERR_NONE).log_starts_moved);
    ck_assert_int_eq(partition_low_watermark(&p, &alive), -1);
    image.inactive[F3] = true;
    ck_assert_int_eq(partition_low_watermark(&p, &alive), 4);
    f.log_start_offset = 7;
    ck_assert(fetch_as(&p, &f, 0, ERR_NONE).log_starts_moved);
    ck_assert_int_eq(partition_low_watermark(&p, &alive), 7);
    f.log_start_offset = 9; /* it has removed more than its leader */
    ck_assert(fetch_as(&p, &f, 0, ERR_NONE).log_starts_moved);
    ck_assert_int_eq(partition_low_watermark(&p, &alive), 7);
    image.inactive[F3] = false;
    ck_assert_int_eq(partition_low_watermark(&p, &alive), -1);
}
END_TEST

/* ---- what only a bug of the caller can do ---- */

START_TEST(a_follower_appends_nothing_as_leader)
{
    struct partition p;
    follow(&p, 0, 10, 5);
    append(&p, 11, 0);
}
END_TEST

START_TEST(a_leader_s_log_does_not_shrink)
{
    struct partition p;
    lead(&p, 1, 10, 0, "1");
    append(&p, 9, 0);
}
END_TEST

START_TEST(a_leader_does_not_truncate)
{
    struct partition p;
    lead(&p, 1, 10, 0, "1");
    partition_truncated(&p, 0, 5);
}
END_TEST

UNIT_MAIN_ABORTS("partition",
                 (a_follower_appends_nothing_as_leader, a_leader_s_log_does_not_shrink,
                  a_leader_does_not_truncate),
                 older_states_are_ignored, leader_epochs_of_requests_are_fenced,
                 the_high_watermark_is_clamped_into_the_log, a_new_epoch_forgets_followers,
                 the_high_watermark_waits_for_the_isr, a_leader_alone_needs_nobody,
                 the_high_watermark_stands_below_min_insync_replicas,
                 min_insync_replicas_never_exceeds_the_replicas,
                 who_may_join_holds_the_high_watermark_back, who_may_not_join_does_not_hold_back,
                 fetches_that_do_not_count, a_dead_incarnation_does_not_count,
                 offsets_are_known_from_the_start_of_the_epoch_on, a_follower_s_high_watermark,
                 truncation_takes_the_high_watermark_along, where_a_diverging_log_is_cut,
                 the_low_watermark_is_of_all_live_replicas)
