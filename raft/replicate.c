/* The leader's log: appends, the fetches of the others, the high watermark (KIP-595). */
#include "raft/private.h"

/* ---- appends ---- */

void raft_lead_init(struct raft *raft)
{
    struct raft_lead *lead = &raft->lead;
    ASSERT(lead->parked == 0);
    ASSERT(lead->read_count == 0);
    bool with_voters = raft_voters_unwritten(&raft->voters);
    int64_t base = raft->log_end;
    /* LeaderChange; and KRaftVersion, KRaftVoters if only the bootstrap snapshot has them. */
    raft->log_end += with_voters ? 3 : 1;
    raft_trail_assign(&raft->trail, raft->hard.epoch, base);
    raft->update->append = (struct raft_append){
        .kind = RAFT_APPEND_LEADER_CHANGE,
        .base_offset = base,
        .end_offset = raft->log_end,
        .epoch = raft->hard.epoch,
        .batch_count = 1,
        .voters = raft->ballot.voters,
        .granted = raft->ballot.granted,
        .with_voters = with_voters,
    };
    if (with_voters) {
        raft_voters_add(&raft->voters, base + 2, raft_voters(raft));
    }
    raft_progress_reset(&lead->replicas, raft_voters(raft));
    lead->epoch_start = base;
    lead->last_read = 0;
    lead->check_quorum_ms = raft->now_ms + raft->options.fetch_timeout_ms * 3 / 2;
    lead->heartbeat_ms = raft->now_ms;
    lead->forget_ms = raft->now_ms + RAFT_OBSERVER_TTL_MS;
}

void raft_on_append(struct raft *raft, int32_t epoch, int count)
{
    ASSERT(count > 0);
    if (raft->role != RAFT_ROLE_LEADER || epoch != raft->hard.epoch) {
        raft->update->error = ERR_NOT_CONTROLLER;
        return;
    }
    raft->update->append = (struct raft_append){
        .kind = RAFT_APPEND_CLIENT,
        .base_offset = raft->log_end,
        .end_offset = raft->log_end + count,
        .epoch = epoch,
        .batch_count = 1,
    };
    raft_trail_assign(&raft->trail, epoch, raft->log_end); /* the log may be empty by a trim */
    raft->log_end += count;
    raft_serve_parked(raft, false);
}

/* ---- the high watermark ---- */

void raft_advance_high_watermark(struct raft *raft)
{
    ASSERT(raft->role == RAFT_ROLE_LEADER);
    const struct raft_voter_set *voters = raft_voters(raft);
    int64_t offsets[RAFT_VOTERS_MAX];
    for (int i = 0; i < voters->count; i++) {
        /* This node counts as what it is: up to where its disk has the log, if it is a voter. */
        if (raft_key_matches(voters->voters[i], raft->options.self)) {
            offsets[i] = raft->flushed;
            continue;
        }
        const struct raft_progress *replica =
            raft_progress_find(&raft->lead.replicas, voters->voters[i]);
        offsets[i] = replica == NULL ? -1 : replica->end_offset;
    }
    int64_t high_watermark = raft_quorum_offset(offsets, voters->count);
    /* A record of an older epoch is committed only by one of this epoch above it (Raft thesis
     * §3.6.2, KAFKA-12619). */
    if (high_watermark <= raft->lead.epoch_start || high_watermark <= raft->high_watermark) {
        return;
    }
    raft->high_watermark = high_watermark;
    raft_serve_parked(raft, false);
    raft_serve_reads(raft);
}

/* ---- fetches ---- */

static void answer_data(struct raft *raft, uint64_t token, int64_t from, int64_t to)
{
    struct raft_fetch_response *fetch =
        &raft_answer(raft, token, RAFT_RPC_FETCH, ERR_NONE)->u.fetch;
    fetch->high_watermark = raft->high_watermark;
    fetch->from = from;
    fetch->to = to;
}

/* Ends the parked fetch of the replica with what there is now. */
static void unpark(struct raft *raft, struct raft_progress *replica)
{
    ASSERT(replica->parked);
    replica->parked = false;
    raft->lead.parked--;
    if (raft->role == RAFT_ROLE_LEADER) {
        answer_data(raft, replica->token, replica->end_offset, raft->log_end);
    } else {
        raft_answer(raft, replica->token, RAFT_RPC_FETCH, ERR_NOT_LEADER_OR_FOLLOWER);
    }
}

/* Records, or news of the high watermark: without the latter, a follower would learn of a commit
 * only with the next append (KIP-1166). */
static bool has_news(const struct raft *raft, int64_t end, int64_t offset,
                     int64_t known_high_watermark)
{
    return offset < end || known_high_watermark < raft->high_watermark;
}

/* A commit waits for the voters, so they get records at once. To an observer a record is of no use
 * before it is committed: it gets both in one answer, and costs the commit nothing. */
static bool is_due(const struct raft *raft, const struct raft_progress *replica)
{
    int64_t end = replica->voter ? raft->log_end : raft->high_watermark;
    return has_news(raft, end, replica->end_offset, replica->parked_high_watermark);
}

void raft_serve_parked(struct raft *raft, bool all)
{
    struct raft_lead *lead = &raft->lead;
    for (int i = 0; i < lead->replicas.count && lead->parked > 0; i++) {
        struct raft_progress *replica = &lead->replicas.items[i];
        if (replica->parked && (all || is_due(raft, replica))) {
            unpark(raft, replica);
        }
    }
}

int64_t raft_poll_parked(struct raft *raft)
{
    struct raft_lead *lead = &raft->lead;
    int64_t wake_ms = RAFT_NEVER;
    for (int i = 0; i < lead->replicas.count && lead->parked > 0; i++) {
        struct raft_progress *replica = &lead->replicas.items[i];
        if (!replica->parked) {
            continue;
        }
        if (replica->parked_until_ms <= raft->now_ms) {
            unpark(raft, replica);
        } else {
            wake_ms = min_i64(wake_ms, replica->parked_until_ms);
        }
    }
    return wake_ms;
}

enum err raft_check_fetch_epoch(const struct raft *raft, int32_t epoch)
{
    if (epoch < raft->hard.epoch) {
        return ERR_FENCED_LEADER_EPOCH;
    }
    if (epoch > raft->hard.epoch) {
        return ERR_UNKNOWN_LEADER_EPOCH;
    }
    return raft->role == RAFT_ROLE_LEADER ? ERR_NONE : ERR_NOT_LEADER_OR_FOLLOWER;
}

static enum err check_fetch(const struct raft *raft, const struct raft_request *request)
{
    const struct raft_fetch_request *fetch = &request->u.fetch;
    if (fetch->offset < 0 || fetch->last_epoch < 0 || fetch->last_epoch > request->epoch ||
        fetch->replica.id == raft->options.self.id) {
        return ERR_INVALID_REQUEST;
    }
    return raft_check_fetch_epoch(raft, request->epoch);
}

/* The replica's log is a prefix of ours up to fetch->offset, and synced. */
static void note_progress(struct raft *raft, struct raft_progress *replica,
                          const struct raft_fetch_request *fetch)
{
    if (fetch->offset < replica->end_offset) {
        /* An old request come late, or a disk that was lost: believe what it says now, since
         * counting too little is safe (KAFKA-12181). */
        log_warn(raft->options.log, "raft", "replica went back",
                 "node=%d replica=%d from=%" PRId64 " to=%" PRId64, raft->options.self.id,
                 fetch->replica.id, replica->end_offset, fetch->offset);
    }
    if (fetch->offset >= raft->log_end) {
        replica->last_caught_up_ms = raft->now_ms;
    } else if (replica->log_end_at_fetch >= 0 && fetch->offset >= replica->log_end_at_fetch) {
        replica->last_caught_up_ms = replica->last_fetch_ms;
    }
    replica->end_offset = fetch->offset;
    replica->directory_id = fetch->replica.directory_id;
    replica->last_fetch_ms = raft->now_ms;
    replica->log_end_at_fetch = raft->log_end;
}

/* True if the follower's log is not a prefix of ours; then it has been told where to cut. */
static bool answer_diverging(struct raft *raft, uint64_t token,
                             const struct raft_fetch_request *fetch)
{
    struct raft_position position =
        raft_trail_end_of(&raft->trail, fetch->last_epoch, raft->log_end);
    if (fetch->offset == 0 ||
        (position.epoch == fetch->last_epoch && position.offset >= fetch->offset)) {
        return false;
    }
    struct raft_fetch_response *answer =
        &raft_answer(raft, token, RAFT_RPC_FETCH, ERR_NONE)->u.fetch;
    answer->high_watermark = raft->high_watermark;
    answer->diverging = true;
    answer->diverging_epoch = position.epoch;
    answer->diverging_end = position.offset;
    answer->from = answer->to = fetch->offset;
    return true;
}

void raft_on_fetch_request(struct raft *raft, uint64_t token, const struct raft_request *request)
{
    const struct raft_fetch_request *fetch = &request->u.fetch;
    enum err error = check_fetch(raft, request);
    struct raft_progress *replica = NULL;
    if (error == ERR_NONE && fetch->replica.id >= 0) {
        replica = raft_progress_track(&raft->lead.replicas, fetch->replica);
        error = replica == NULL ? ERR_BROKER_NOT_AVAILABLE : ERR_NONE;
    }
    if (error != ERR_NONE) {
        raft_answer(raft, token, RAFT_RPC_FETCH, error);
        return;
    }
    if (replica != NULL) {
        if (replica->parked) {
            unpark(raft, replica); /* it has asked again: nobody waits for that answer any more */
        }
        raft_note_contact(raft, replica);
    }
    if (raft_answer_offer(raft, token, fetch) || answer_diverging(raft, token, fetch)) {
        if (replica != NULL) {
            raft_note_seen(raft, replica);
        }
        return;
    }
    if (replica != NULL) {
        note_progress(raft, replica, fetch);
        if (replica->voter) {
            raft_advance_high_watermark(raft);
        }
    }
    if (replica == NULL) {
        /* A reader that is no replica gets what is committed, and is not waited with. */
        answer_data(raft, token, fetch->offset,
                    max_i64(fetch->offset, min_i64(raft->high_watermark, raft->log_end)));
        return;
    }
    if (fetch->wait_ms_max <= 0 ||
        has_news(raft, raft->log_end, fetch->offset, fetch->high_watermark)) {
        answer_data(raft, token, fetch->offset, raft->log_end);
        return;
    }
    replica->parked = true;
    replica->token = token;
    replica->parked_high_watermark = fetch->high_watermark;
    replica->parked_until_ms = raft->now_ms + min_i64(fetch->wait_ms_max, RAFT_FETCH_WAIT_MS);
    raft->lead.parked++;
}
