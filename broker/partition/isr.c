/* Who should be in the ISR, and agreeing on it with the controller (KIP-497). */
#include "broker/partition/partition.h"

#include "broker/partition/private.h"

bool partition_can_join(const struct partition *p, const struct partition_remote *remote,
                        const struct partition_eligibility *may_join)
{
    int64_t broker_epoch;
    return remote->log_end_offset >= 0 && remote->log_end_offset >= p->high_watermark &&
           remote->log_end_offset >= p->epoch_start_offset &&
           may_join->check(may_join->arg, remote->id, &broker_epoch) &&
           (remote->broker_epoch < 0 || remote->broker_epoch == broker_epoch);
}

/* Whether a member must leave: it lacks what we have and has lacked it for the whole lag time. */
static bool lags(const struct partition *p, const struct partition_remote *remote, int64_t now_ms)
{
    return partition_in_isr(p, remote->id) && !partition_caught_up(p, remote, now_ms);
}

static bool wants_change(const struct partition *p, int64_t now_ms,
                         const struct partition_eligibility *may_join)
{
    for (int i = 0; i < p->remotes_count; i++) {
        const struct partition_remote *remote = &p->remotes[i];
        if (lags(p, remote, now_ms) ||
            (!partition_in_isr(p, remote->id) && partition_can_join(p, remote, may_join))) {
            return true;
        }
    }
    return false;
}

void partition_check_lag(struct partition *p, int64_t now_ms,
                         const struct partition_eligibility *may_join,
                         struct partition_effects *effects)
{
    *effects = (struct partition_effects){0};
    if (p->role != PARTITION_ROLE_LEADER || p->proposal_in_flight) {
        return;
    }
    /* A follower that held the high watermark back may have become too slow to wait for. */
    partition_maybe_advance(p, now_ms, may_join, effects);
    effects->isr_wanted = wants_change(p, now_ms, may_join);
}

static void add_member(struct partition_proposal *proposal, int32_t id, int64_t broker_epoch)
{
    proposal->isr[proposal->isr_count] = id;
    proposal->broker_epochs[proposal->isr_count] = broker_epoch;
    proposal->isr_count++;
}

bool partition_propose_isr(struct partition *p, int64_t now_ms,
                           const struct partition_eligibility *may_join,
                           struct partition_proposal *out)
{
    if (p->role != PARTITION_ROLE_LEADER || p->proposal_in_flight ||
        !wants_change(p, now_ms, may_join)) {
        return false;
    }
    struct partition_proposal *proposal = &p->proposal;
    *proposal = (struct partition_proposal){.leader_epoch = p->state.leader_epoch,
                                            .partition_epoch = p->state.partition_epoch};
    add_member(proposal, p->local_id, p->local_broker_epoch);
    for (int i = 0; i < p->remotes_count; i++) {
        const struct partition_remote *remote = &p->remotes[i];
        bool member = partition_in_isr(p, remote->id);
        bool joins = !member && partition_can_join(p, remote, may_join);
        if (joins || (member && !lags(p, remote, now_ms))) {
            add_member(proposal, remote->id, remote->broker_epoch);
        }
    }
    p->proposal_in_flight = true;
    p->proposal_unanswered = false;
    p->withdrawing = false;
    *out = *proposal;
    return true;
}

void partition_repeat_proposal(const struct partition *p, struct partition_proposal *out)
{
    ASSERT(p->proposal_in_flight);
    *out = p->proposal;
    if (p->withdrawing) {
        out->isr_count = 0;
        for (int i = 0; i < p->state.isr_count; i++) {
            add_member(out, p->state.isr[i], -1);
        }
    }
}

/* Takes over the state that the controller answered; its record may have arrived before. */
static enum partition_isr_outcome apply_answer(struct partition *p,
                                               const struct partition_state *state, int64_t now_ms,
                                               struct partition_effects *effects)
{
    if (state->partition_epoch < p->state.partition_epoch) {
        return PARTITION_ISR_DROPPED;
    }
    if (state->leader_epoch != p->state.leader_epoch || state->leader != p->local_id) {
        /* A reassignment finished and moved the leader: the metadata log brings the rest. */
        p->proposal_in_flight = true;
        return PARTITION_ISR_WAIT;
    }
    if (state->partition_epoch > p->state.partition_epoch) {
        partition_apply(p, state, now_ms, effects);
    }
    return PARTITION_ISR_APPLIED;
}

/* This copy was refused for who is in it. If no other can come, its members count no longer.
 *
 * One that was never answered can: a member that is fenced now is unfenced later, without a change
 * of the partition; the copy then arrives, its partition epoch is still the newest, and the member
 * is in the ISR without what was acknowledged meanwhile. So the proposal counts until the
 * controller has given the partition a newer epoch, which we ask for: every copy is refused then,
 * or one was accepted before, and we are told that our epoch is old. */
static enum partition_isr_outcome refused(struct partition *p, int64_t now_ms,
                                          struct partition_effects *effects)
{
    if (p->proposal_unanswered) {
        p->proposal_in_flight = true;
        p->withdrawing = true;
        return PARTITION_ISR_RETRY;
    }
    partition_maybe_advance(p, now_ms, NULL, effects);
    return PARTITION_ISR_DROPPED;
}

enum partition_isr_outcome partition_isr_answered(struct partition *p, enum err error,
                                                  const struct partition_state *state,
                                                  int64_t now_ms, struct partition_effects *effects)
{
    *effects = (struct partition_effects){0};
    if (p->role != PARTITION_ROLE_LEADER || !p->proposal_in_flight) {
        return PARTITION_ISR_DROPPED; /* a newer state arrived in the meantime */
    }
    p->proposal_in_flight = false;
    switch ((int)error) {
    case ERR_NONE:
        ASSERT(state != NULL);
        p->withdrawing = false;
        return apply_answer(p, state, now_ms, effects);
    case ERR_INELIGIBLE_REPLICA:
    case ERR_OPERATION_NOT_ATTEMPTED:
        return refused(p, now_ms, effects);
    case ERR_FENCED_LEADER_EPOCH:
    case ERR_INVALID_UPDATE_VERSION:
    case ERR_UNKNOWN_TOPIC_OR_PARTITION:
    case ERR_UNKNOWN_TOPIC_ID:
    case ERR_NEW_LEADER_ELECTED:
    case ERR_INVALID_REQUEST:
        /* Our state is old. Keep the proposal in place so that it still counts for the high
         * watermark (it may have been committed) until the metadata log says what is so. */
        p->proposal_in_flight = true;
        return PARTITION_ISR_WAIT;
    default:
        p->proposal_in_flight = true;
        p->proposal_unanswered = true;
        return PARTITION_ISR_RETRY;
    }
}
