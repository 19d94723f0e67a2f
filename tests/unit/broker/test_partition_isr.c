/* Who joins and leaves the ISR, and what the controller answers. */
#include "tests/unit/broker/test_partition_fixture.h"

static void assert_ids(const int32_t *ids, int count, const char *wanted)
{
    ck_assert_int_eq(count, (int)strlen(wanted));
    for (int i = 0; i < count; i++) {
        ck_assert_int_eq(ids[i], wanted[i] - '0');
    }
}

static struct partition_proposal propose(struct partition *p, int64_t now_ms, const char *isr)
{
    struct partition_eligibility may_join = by(&all_active);
    struct partition_proposal proposal;
    ck_assert(partition_propose_isr(p, now_ms, &may_join, &proposal));
    assert_ids(proposal.isr, proposal.isr_count, isr);
    partition_verify(p);
    return proposal;
}

static enum partition_isr_outcome answer(struct partition *p, enum err e,
                                         const struct partition_state *state)
{
    struct partition_effects effects;
    enum partition_isr_outcome outcome = partition_isr_answered(p, e, state, 0, &effects);
    partition_verify(p);
    return outcome;
}

/* ---- joining ---- */

START_TEST(joining_needs_the_high_watermark)
{
    struct partition p;
    lead(&p, 1, 10, 0, "12");
    fetch(&p, F2, 10, 0);
    append(&p, 20, 1);
    fetch(&p, F2, 20, 1);
    ck_assert_int_eq(p.high_watermark, 20);
    ck_assert(!fetch(&p, F3, 19, 2).isr_wanted);
    ck_assert(fetch(&p, F3, 20, 3).isr_wanted);
    struct partition_proposal proposal = propose(&p, 3, "123");
    ck_assert_int_eq(proposal.leader_epoch, 5);
    ck_assert_int_eq(proposal.partition_epoch, 10);
    ck_assert_int_eq(proposal.broker_epochs[0], 101);
    ck_assert_int_eq(proposal.broker_epochs[2], 103);
}
END_TEST

/* A new leader's high watermark may be far behind what was committed: the start of its epoch is
 * what is certain. */
START_TEST(joining_needs_the_start_of_the_epoch)
{
    struct partition p;
    lead(&p, 1, 10, 4, "12");
    ck_assert(!fetch(&p, F3, 9, 1).isr_wanted);
    ck_assert(fetch(&p, F3, 10, 2).isr_wanted);
}
END_TEST

START_TEST(fenced_brokers_do_not_join)
{
    struct partition p;
    lead(&p, 1, 10, 10, "1");
    struct image image = {.inactive[F2] = true};
    struct partition_eligibility may_join = by(&image);
    struct partition_effects effects;
    struct partition_fetch f = {.replica_id = F2, .broker_epoch = 102, .fetch_offset = 10};
    ck_assert_int_eq(partition_fetched(&p, &f, 1, &may_join, &effects), ERR_NONE);
    ck_assert(!effects.isr_wanted);
    struct partition_proposal proposal;
    ck_assert(!partition_propose_isr(&p, 1, &may_join, &proposal));
    image.inactive[F2] = false;
    ck_assert(partition_propose_isr(&p, 1, &may_join, &proposal));
}
END_TEST

START_TEST(a_proposed_member_counts_at_once)
{
    struct partition p;
    lead(&p, 1, 10, 10, "1");
    fetch(&p, F2, 10, 0);
    propose(&p, 0, "12");
    append(&p, 12, 5);
    ck_assert_int_eq(p.high_watermark, 10);
    /* However slow it is: the controller may have made it a member. */
    check_lag(&p, 50 * LAG_MS);
    append(&p, 13, 50 * LAG_MS);
    ck_assert_int_eq(p.high_watermark, 10);
    fetch(&p, F2, 12, 50 * LAG_MS);
    ck_assert_int_eq(p.high_watermark, 12);
}
END_TEST

START_TEST(one_proposal_at_a_time)
{
    struct partition p;
    lead(&p, 1, 10, 10, "1");
    fetch(&p, F2, 10, 0);
    propose(&p, 0, "12");
    ck_assert(!fetch(&p, F3, 10, 1).isr_wanted);
    struct partition_eligibility may_join = by(&all_active);
    struct partition_proposal proposal;
    ck_assert(!partition_propose_isr(&p, 1, &may_join, &proposal));
    struct partition_state committed = state_with(ME, 5, 11, "12");
    ck_assert_int_eq(answer(&p, ERR_NONE, &committed), PARTITION_ISR_APPLIED);
    ck_assert(partition_in_isr(&p, F2));
    propose(&p, 1, "123");
}
END_TEST

/* ---- leaving ---- */

START_TEST(a_laggard_is_proposed_to_leave)
{
    struct partition p;
    lead(&p, 1, 10, 10, "123");
    fetch(&p, F2, 10, 0);
    fetch(&p, F3, 10, 0);
    append(&p, 12, 500);
    fetch(&p, F2, 12, 600);
    ck_assert(!check_lag(&p, LAG_MS).isr_wanted);
    ck_assert(check_lag(&p, LAG_MS + 1).isr_wanted);
    propose(&p, LAG_MS + 1, "12");
}
END_TEST

/* Without new records nobody lags, however long it has not fetched. */
START_TEST(silence_without_records_is_no_lag)
{
    struct partition p;
    lead(&p, 1, 10, 10, "123");
    fetch(&p, F2, 10, 0);
    fetch(&p, F3, 10, 0);
    ck_assert(!check_lag(&p, 100 * LAG_MS).isr_wanted);
}
END_TEST

/* Always a little behind is not lagging: it had at each fetch what was there at the one before. */
START_TEST(a_follower_that_runs_along_does_not_lag)
{
    struct partition p;
    lead(&p, 1, 10, 10, "12");
    fetch(&p, F2, 10, 0);
    for (int64_t t = 100; t < 20 * LAG_MS; t += 100) {
        int64_t end_before = p.log_end_offset;
        append(&p, end_before + 5, t);
        fetch(&p, F2, end_before, t);
        ck_assert(!check_lag(&p, t).isr_wanted);
    }
    ck_assert_int_eq(p.high_watermark, p.log_end_offset - 5);
}
END_TEST

START_TEST(members_of_a_new_leader_have_the_lag_time)
{
    struct partition p;
    lead(&p, 1, 10, 0, "123");
    ck_assert(!check_lag(&p, LAG_MS).isr_wanted);
    ck_assert(check_lag(&p, LAG_MS + 1).isr_wanted);
    propose(&p, LAG_MS + 1, "1");
}
END_TEST

START_TEST(a_shrink_counts_when_it_is_committed)
{
    struct partition p;
    lead(&p, 1, 10, 0, "12");
    append(&p, 12, 1);
    propose(&p, LAG_MS + 2, "1");
    ck_assert_int_eq(p.high_watermark, 0);
    append(&p, 13, LAG_MS + 3);
    ck_assert_int_eq(p.high_watermark, 0);
    struct partition_state committed = state_with(ME, 5, 11, "1");
    struct partition_effects effects;
    ck_assert_int_eq(partition_isr_answered(&p, ERR_NONE, &committed, 0, &effects),
                     PARTITION_ISR_APPLIED);
    ck_assert(effects.high_watermark_moved);
    ck_assert_int_eq(p.high_watermark, 13);
}
END_TEST

/* ---- answers ---- */

START_TEST(an_ineligible_member_is_taken_back)
{
    struct partition p;
    lead(&p, 1, 10, 10, "1");
    fetch(&p, F2, 10, 0);
    propose(&p, 0, "12");
    append(&p, 12, 1);
    ck_assert_int_eq(p.high_watermark, 10);
    struct partition_effects effects;
    ck_assert_int_eq(partition_isr_answered(&p, ERR_INELIGIBLE_REPLICA, NULL, 2, &effects),
                     PARTITION_ISR_DROPPED);
    ck_assert(effects.high_watermark_moved);
    ck_assert_int_eq(p.high_watermark, 12);
    ck_assert(!p.proposal_in_flight);
    ck_assert(fetch(&p, F2, 12, 3).isr_wanted);
}
END_TEST

static void assert_withdrawn(const struct partition *p)
{
    struct partition_proposal proposal;
    partition_repeat_proposal(p, &proposal);
    ck_assert_int_eq(proposal.leader_epoch, p->state.leader_epoch);
    ck_assert_int_eq(proposal.partition_epoch, p->state.partition_epoch);
    assert_ids(proposal.isr, proposal.isr_count, "1");
    ck_assert_int_eq(proposal.broker_epochs[0], -1);
}

/* The copy that was not answered may be accepted when the member is unfenced: the proposal counts
 * until the partition has a newer epoch. */
START_TEST(a_refusal_says_nothing_of_another_copy)
{
    struct partition p;
    lead(&p, 1, 10, 10, "1");
    fetch(&p, F2, 10, 0);
    struct partition_proposal first = propose(&p, 0, "12");
    append(&p, 12, 1);
    ck_assert_int_eq(answer(&p, ERR_TIMED_OUT, NULL), PARTITION_ISR_RETRY);
    struct partition_proposal again;
    partition_repeat_proposal(&p, &again);
    assert_ids(again.isr, again.isr_count, "12");
    ck_assert_int_eq(again.broker_epochs[1], first.broker_epochs[1]);
    const enum err errors[] = {ERR_INELIGIBLE_REPLICA, ERR_TIMED_OUT, ERR_INELIGIBLE_REPLICA};
    for (size_t i = 0; i < ARRAY_LEN(errors); i++) {
        ck_assert_int_eq(answer(&p, errors[i], NULL), PARTITION_ISR_RETRY);
        assert_withdrawn(&p);
        ck_assert_int_eq(p.high_watermark, 10);
    }
    struct partition_state newer = state_with(ME, 5, 11, "1");
    ck_assert_int_eq(answer(&p, ERR_NONE, &newer), PARTITION_ISR_APPLIED);
    ck_assert_int_eq(p.high_watermark, 12);
    ck_assert(!p.proposal_in_flight);
    /* The next one was sent once only. */
    fetch(&p, F2, 12, 3);
    propose(&p, 3, "12");
    ck_assert_int_eq(answer(&p, ERR_INELIGIBLE_REPLICA, NULL), PARTITION_ISR_DROPPED);
}
END_TEST

/* A copy was accepted before the withdrawal came: the metadata log tells. */
START_TEST(a_withdrawal_may_come_too_late)
{
    struct partition p;
    lead(&p, 1, 10, 10, "1");
    fetch(&p, F2, 10, 0);
    propose(&p, 0, "12");
    append(&p, 12, 1);
    ck_assert_int_eq(answer(&p, ERR_CLOSED, NULL), PARTITION_ISR_RETRY);
    ck_assert_int_eq(answer(&p, ERR_INELIGIBLE_REPLICA, NULL), PARTITION_ISR_RETRY);
    ck_assert_int_eq(answer(&p, ERR_INVALID_UPDATE_VERSION, NULL), PARTITION_ISR_WAIT);
    ck_assert_int_eq(p.high_watermark, 10);
    ck_assert_int_eq(apply(&p, state_with(ME, 5, 11, "12"), 3), PARTITION_CHANGE_SAME_EPOCH);
    ck_assert(!p.proposal_in_flight);
    ck_assert_int_eq(p.high_watermark, 10);
    fetch(&p, F2, 12, 4);
    ck_assert_int_eq(p.high_watermark, 12);
}
END_TEST

/* Our state is old: what we proposed may be committed, so it goes on counting. */
START_TEST(old_states_wait_for_the_metadata)
{
    const enum err errors[] = {ERR_FENCED_LEADER_EPOCH,        ERR_INVALID_UPDATE_VERSION,
                               ERR_UNKNOWN_TOPIC_OR_PARTITION, ERR_UNKNOWN_TOPIC_ID,
                               ERR_NEW_LEADER_ELECTED,         ERR_INVALID_REQUEST};
    for (size_t i = 0; i < ARRAY_LEN(errors); i++) {
        struct partition p;
        lead(&p, 1, 10, 10, "1");
        fetch(&p, F2, 10, 0);
        propose(&p, 0, "12");
        ck_assert_int_eq(answer(&p, errors[i], NULL), PARTITION_ISR_WAIT);
        append(&p, 12, 1);
        ck_assert_int_eq(p.high_watermark, 10);
        ck_assert(!fetch(&p, F3, 12, 2).isr_wanted);
        ck_assert_int_eq(apply(&p, state_with(ME, 5, 11, "1"), 3), PARTITION_CHANGE_SAME_EPOCH);
        ck_assert_int_eq(p.high_watermark, 12);
        ck_assert(fetch(&p, F3, 12, 4).isr_wanted);
    }
}
END_TEST

START_TEST(other_errors_are_tried_again)
{
    const enum err errors[] = {ERR_TIMED_OUT, ERR_NOT_CONTROLLER, ERR_STALE_BROKER_EPOCH,
                               ERR_UNKNOWN_SERVER_ERROR, ERR_CLOSED};
    struct partition p;
    lead(&p, 1, 10, 10, "1");
    fetch(&p, F2, 10, 0);
    struct partition_proposal proposal = propose(&p, 0, "12");
    for (size_t i = 0; i < ARRAY_LEN(errors); i++) {
        ck_assert_int_eq(answer(&p, errors[i], NULL), PARTITION_ISR_RETRY);
        ck_assert(p.proposal_in_flight);
        ck_assert_int_eq(p.proposal.partition_epoch, proposal.partition_epoch);
    }
}
END_TEST

START_TEST(the_metadata_may_come_before_the_answer)
{
    struct partition p;
    lead(&p, 1, 10, 10, "1");
    fetch(&p, F2, 10, 0);
    propose(&p, 0, "12");
    struct partition_state committed = state_with(ME, 5, 11, "12");
    ck_assert_int_eq(apply(&p, committed, 1), PARTITION_CHANGE_SAME_EPOCH);
    ck_assert_int_eq(answer(&p, ERR_NONE, &committed), PARTITION_ISR_DROPPED);
    ck_assert(partition_in_isr(&p, F2));
    /* And the answer before the metadata. */
    fetch(&p, F3, 10, 2);
    propose(&p, 2, "123");
    committed = state_with(ME, 5, 12, "123");
    ck_assert_int_eq(answer(&p, ERR_NONE, &committed), PARTITION_ISR_APPLIED);
    ck_assert_int_eq(apply(&p, committed, 3), PARTITION_CHANGE_NONE);
    ck_assert(partition_in_isr(&p, F3));
}
END_TEST

/* The change completed a reassignment: the metadata log brings the new epoch. */
START_TEST(an_answer_of_another_epoch_waits)
{
    struct partition p;
    lead(&p, 1, 10, 10, "1");
    fetch(&p, F2, 10, 0);
    propose(&p, 0, "12");
    struct partition_state moved = state_with(F2, 6, 11, "12");
    ck_assert_int_eq(answer(&p, ERR_NONE, &moved), PARTITION_ISR_WAIT);
    ck_assert_int_eq(p.role, PARTITION_ROLE_LEADER);
    ck_assert_int_eq(apply(&p, moved, 1), PARTITION_CHANGE_NEW_FOLLOWER);
    ck_assert_int_eq(answer(&p, ERR_NONE, &moved), PARTITION_ISR_DROPPED);
}
END_TEST

UNIT_MAIN("partition_isr", joining_needs_the_high_watermark, joining_needs_the_start_of_the_epoch,
          fenced_brokers_do_not_join, a_proposed_member_counts_at_once, one_proposal_at_a_time,
          a_laggard_is_proposed_to_leave, silence_without_records_is_no_lag,
          a_follower_that_runs_along_does_not_lag, members_of_a_new_leader_have_the_lag_time,
          a_shrink_counts_when_it_is_committed, an_ineligible_member_is_taken_back,
          a_refusal_says_nothing_of_another_copy, a_withdrawal_may_come_too_late,
          old_states_wait_for_the_metadata, other_errors_are_tried_again,
          the_metadata_may_come_before_the_answer, an_answer_of_another_epoch_waits)
