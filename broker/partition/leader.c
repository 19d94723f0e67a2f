/* The leader's side: followers' progress and the high watermark. */
#include "broker/partition/partition.h"

#include "broker/partition/private.h"

bool partition_caught_up(const struct partition *p, const struct partition_remote *remote,
                         int64_t now_ms)
{
    return remote->log_end_offset == p->log_end_offset ||
           now_ms - remote->last_caught_up_ms <= p->config.replica_lag_time_max_ms;
}

/* Members of the committed ISR and of a proposal in flight: a proposed expansion counts at once, a
 * proposed shrink does not count yet. */
static bool in_maximal_isr(const struct partition *p, int32_t id)
{
    return partition_in_isr(p, id) ||
           (p->proposal_in_flight &&
            partition_ids_contain(p->proposal.isr, p->proposal.isr_count, id));
}

static int maximal_isr_size(const struct partition *p)
{
    int size = p->state.isr_count;
    for (int i = 0; p->proposal_in_flight && i < p->proposal.isr_count; i++) {
        size += !partition_in_isr(p, p->proposal.isr[i]);
    }
    return size;
}

/* min.insync.replicas cannot ask for more than there are replicas. */
static int effective_min_isr(const struct partition *p)
{
    return (int)min_i64(p->config.min_insync_replicas, p->state.replicas_count);
}

/* A follower that has kept up but is not in the ISR yet holds the high watermark back, so that it
 * can join: otherwise a fast producer could keep it out for ever. */
static bool holds_back(const struct partition *p, const struct partition_remote *remote,
                       int64_t now_ms, const struct partition_eligibility *may_join)
{
    if (in_maximal_isr(p, remote->id)) {
        return true;
    }
    int64_t broker_epoch;
    return may_join != NULL && remote->log_end_offset >= p->high_watermark &&
           remote->log_end_offset >= 0 && partition_caught_up(p, remote, now_ms) &&
           may_join->check(may_join->arg, remote->id, &broker_epoch) &&
           (remote->broker_epoch < 0 || remote->broker_epoch == broker_epoch);
}

void partition_maybe_advance(struct partition *p, int64_t now_ms,
                             const struct partition_eligibility *may_join,
                             struct partition_effects *effects)
{
    ASSERT(p->role == PARTITION_ROLE_LEADER);
    if (maximal_isr_size(p) < effective_min_isr(p)) {
        return;
    }
    int64_t lowest = p->log_end_offset;
    for (int i = 0; i < p->remotes_count; i++) {
        if (holds_back(p, &p->remotes[i], now_ms, may_join)) {
            lowest = min_i64(lowest, p->remotes[i].log_end_offset);
        }
    }
    if (lowest > p->high_watermark) {
        p->high_watermark = lowest;
        effects->high_watermark_moved = true;
    }
}

void partition_appended(struct partition *p, int64_t log_end, int64_t now_ms,
                        const struct partition_eligibility *may_join,
                        struct partition_effects *effects)
{
    *effects = (struct partition_effects){0};
    ASSERT(p->role == PARTITION_ROLE_LEADER);
    ASSERT(log_end >= p->log_end_offset);
    p->log_end_offset = log_end;
    partition_maybe_advance(p, now_ms, may_join, effects);
}

/* A follower is caught up now if it asks for our end, and was at its previous fetch if it asks for
 * what was our end then. */
static void note_fetch(struct partition *p, struct partition_remote *remote,
                       const struct partition_fetch *fetch, int64_t now_ms)
{
    if (fetch->fetch_offset >= p->log_end_offset) {
        remote->last_caught_up_ms = max_i64(remote->last_caught_up_ms, now_ms);
    } else if (remote->log_end_offset >= 0 &&
               fetch->fetch_offset >= remote->last_fetch_leader_leo) {
        remote->last_caught_up_ms = max_i64(remote->last_caught_up_ms, remote->last_fetch_ms);
    }
    remote->broker_epoch = fetch->broker_epoch;
    remote->log_end_offset = fetch->fetch_offset;
    remote->log_start_offset = fetch->log_start_offset;
    remote->last_fetch_leader_leo = p->log_end_offset;
    remote->last_fetch_ms = now_ms;
}

enum err partition_fetched(struct partition *p, const struct partition_fetch *fetch, int64_t now_ms,
                           const struct partition_eligibility *may_join,
                           struct partition_effects *effects)
{
    *effects = (struct partition_effects){0};
    ASSERT(p->role == PARTITION_ROLE_LEADER);
    struct partition_remote *remote = partition_remote_find(p, fetch->replica_id);
    if (remote == NULL ||
        (fetch->broker_epoch >= 0 && fetch->broker_epoch < remote->broker_epoch)) {
        return ERR_NOT_LEADER_OR_FOLLOWER;
    }
    if (fetch->fetch_offset > p->log_end_offset || fetch->fetch_offset < 0) {
        return ERR_OFFSET_OUT_OF_RANGE;
    }
    effects->log_starts_moved = fetch->log_start_offset != remote->log_start_offset;
    note_fetch(p, remote, fetch, now_ms);
    partition_maybe_advance(p, now_ms, may_join, effects);
    effects->isr_wanted = !p->proposal_in_flight && !partition_in_isr(p, remote->id) &&
                          partition_can_join(p, remote, may_join);
    return ERR_NONE;
}

void partition_stayed(struct partition *p, int32_t replica_id, int64_t until_ms)
{
    struct partition_remote *remote = partition_remote_find(p, replica_id);
    if (remote != NULL && remote->log_end_offset >= 0) {
        remote->last_fetch_ms = max_i64(remote->last_fetch_ms, until_ms);
        remote->last_caught_up_ms = max_i64(remote->last_caught_up_ms, until_ms);
    }
}

enum err partition_check_min_isr(const struct partition *p)
{
    return p->state.isr_count < effective_min_isr(p) ? ERR_NOT_ENOUGH_REPLICAS : ERR_NONE;
}

enum partition_ack partition_acked(const struct partition *p, int64_t required_offset)
{
    if (p->high_watermark < required_offset) {
        return PARTITION_ACK_WAIT;
    }
    return maximal_isr_size(p) < effective_min_isr(p) ? PARTITION_ACK_NOT_ENOUGH_REPLICAS
                                                      : PARTITION_ACK_DONE;
}

int64_t partition_low_watermark(const struct partition *p,
                                const struct partition_eligibility *alive)
{
    int64_t lowest = p->log_start_offset;
    for (int i = 0; i < p->remotes_count; i++) {
        int64_t broker_epoch;
        if (alive->check(alive->arg, p->remotes[i].id, &broker_epoch)) {
            lowest = min_i64(lowest, p->remotes[i].log_start_offset);
        }
    }
    return lowest;
}

bool partition_offsets_known(const struct partition *p)
{
    return p->role == PARTITION_ROLE_LEADER && p->high_watermark >= p->epoch_start_offset;
}
