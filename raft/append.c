/* The follower: fetches from its leader, cuts what diverges, appends what comes (KIP-595); where it
 * is sent to a snapshot, download.c takes over. */
#include "raft/private.h"

/* A fetch claims that everything before its offset is synced, so there is none until it is. */
static bool may_fetch(const struct raft *raft)
{
    return raft->flushed == raft->log_end;
}

/* How long the leader may keep the fetch when it has nothing. Not at all as long as it is not sure
 * that it leads and lives: the answer is what is wanted then. Else a long poll, but not one that
 * outlasts the patience for its answer. */
static int32_t fetch_wait_ms(const struct raft *raft)
{
    const struct raft_follow *follow = &raft->follow;
    if (raft->role != RAFT_ROLE_FOLLOWER || !follow->fetched || follow->leader_lost) {
        return 0;
    }
    const struct raft_options *options = &raft->options;
    int64_t patience_ms = min_i64(options->request_timeout_ms, options->fetch_timeout_ms) / 2;
    return (int32_t)min_i64(RAFT_FETCH_WAIT_MS, patience_ms);
}

static void send_fetch(struct raft *raft, int32_t to)
{
    struct raft_request request = {
        .rpc = RAFT_RPC_FETCH,
        .epoch = raft->hard.epoch,
        .u.fetch = {.replica = raft->options.self,
                    .offset = raft->log_end,
                    .last_epoch = raft_trail_last_epoch(&raft->trail),
                    .high_watermark = raft->high_watermark,
                    .wait_ms_max = fetch_wait_ms(raft)},
    };
    raft_send(raft, to, &request);
}

/* Who can be asked for the leader, by number: voters, other than the leader that does not answer,
 * and bootstrap addresses. False past the end. */
static bool target_at(const struct raft *raft, int index, int32_t *id)
{
    const struct raft_voter_set *voters = raft_voters(raft);
    for (int i = 0; i < voters->count; i++) {
        int32_t voter_id = voters->voters[i].id;
        bool other = voter_id != raft->options.self.id && voter_id != raft->hard.leader_id;
        if (other && index-- == 0) {
            *id = voters->voters[i].id;
            return true;
        }
    }
    *id = RAFT_BOOTSTRAP_FIRST - index;
    return index < raft->options.bootstrap_count;
}

/* Asks somebody at random who leads: the answer to a fetch tells it, whoever gives it. */
int64_t raft_poll_discover(struct raft *raft)
{
    if (!may_fetch(raft)) {
        return RAFT_NEVER;
    }
    if (raft->now_ms < raft->discover_ms) {
        return raft->discover_ms;
    }
    int count = 0;
    int32_t id;
    while (target_at(raft, count, &id)) {
        count++;
    }
    int64_t pause_ms = min_i64((int64_t)RAFT_DISCOVER_MS << min_i64(raft->discoveries++, 10),
                               RAFT_DISCOVER_MAX_MS);
    raft->discover_ms = raft->now_ms + prng_range(&raft->prng, pause_ms, 2 * pause_ms);
    if (count == 0) {
        return RAFT_NEVER;
    }
    bool found = target_at(raft, (int)prng_below(&raft->prng, (uint64_t)count), &id);
    ASSERT(found);
    if (raft_peers_ready_ms(&raft->peers, id, raft->now_ms) <= raft->now_ms) {
        send_fetch(raft, id);
    }
    return raft->discover_ms;
}

int64_t raft_poll_follower(struct raft *raft)
{
    struct raft_follow *follow = &raft->follow;
    bool may_campaign = raft_may_campaign(raft) && !raft_shutting_down(raft);
    int64_t campaign_ms = min_i64(follow->fetch_deadline_ms, follow->rush_ms);
    if (may_campaign && raft->now_ms >= campaign_ms) {
        raft_become_prospective(raft);
        return RAFT_NEVER;
    }
    int64_t wake_ms = may_campaign ? campaign_ms : RAFT_NEVER;
    if (!may_fetch(raft)) {
        return wake_ms;
    }
    int32_t leader_id = raft->hard.leader_id;
    int64_t ready_ms = raft_peers_ready_ms(&raft->peers, leader_id, raft->now_ms);
    ready_ms = max_i64(ready_ms, raft->loading.keep_off_ms);
    if (ready_ms <= raft->now_ms) {
        if (raft->loading.active && !raft->loading.checking) {
            raft_send_fetch_snapshot(raft);
        } else {
            send_fetch(raft, leader_id);
        }
        ready_ms = raft->now_ms + raft->options.request_timeout_ms;
    }
    wake_ms = min_i64(wake_ms, ready_ms);
    /* A leader that does not answer may have a successor that somebody else knows. */
    if (raft_peers_get(&raft->peers, leader_id)->failures > 0 || follow->leader_lost) {
        wake_ms = min_i64(wake_ms, raft_poll_discover(raft));
    }
    return wake_ms;
}

/* ---- the leader may be gone ---- */

/* Campaigns soon: at once but for a small random delay, later after every campaign lost in vain. */
static void rush(struct raft *raft)
{
    if (raft->follow.rush_ms != RAFT_NEVER) {
        return;
    }
    int64_t cap_ms = (int64_t)RAFT_RUSH_MS << (raft->losses < 10 ? raft->losses : 10);
    cap_ms = min_i64(cap_ms, raft->options.election_backoff_max_ms);
    raft->follow.rush_ms = raft->now_ms + prng_range(&raft->prng, 0, cap_ms);
    log_debug(raft->options.log, "raft", "leader is gone", "node=%d leader=%d epoch=%d",
              raft->options.self.id, raft->hard.leader_id, raft->hard.epoch);
}

/* The first sign makes it ask again at once, on a new connection; the second makes it campaign. */
static void suspect_leader(struct raft *raft)
{
    if (raft->follow.leader_lost) {
        rush(raft);
        return;
    }
    raft->follow.leader_lost = true;
    raft->discoveries = 0;
    raft->discover_ms = raft->now_ms + RAFT_DISCOVER_MS;
    raft_peers_hurry(&raft->peers, raft->hard.leader_id);
}

void raft_on_connection_lost(struct raft *raft, int32_t peer)
{
    if (raft->role == RAFT_ROLE_FOLLOWER && peer == raft->hard.leader_id &&
        !raft->follow.leader_lost) {
        suspect_leader(raft);
    }
}

void raft_on_fetch_failed(struct raft *raft, int32_t peer, bool closed)
{
    if (closed && raft->role == RAFT_ROLE_FOLLOWER && peer == raft->hard.leader_id) {
        suspect_leader(raft);
    }
}

/* ---- what the leader gave ---- */

/* Cuts the log to its largest common prefix with the leader's that can be known from the answer. */
static void truncate_diverging(struct raft *raft, const struct raft_fetch_response *fetch)
{
    struct raft_position local =
        raft_trail_end_of(&raft->trail, fetch->diverging_epoch, raft->log_end);
    int64_t end = local.offset;
    if (local.epoch == fetch->diverging_epoch) {
        end = min_i64(end, fetch->diverging_end);
    }
    if (end < raft->high_watermark) {
        raft_break(raft, "the leader's log lacks records that are committed here (KAFKA-12460); "
                         "a voter must have lost its disk");
        return;
    }
    if (end >= raft->log_end) {
        log_warn(raft->options.log, "raft", "diverging answer does not shorten the log",
                 "node=%d epoch=%d end=%" PRId64, raft->options.self.id, fetch->diverging_epoch,
                 fetch->diverging_end);
        raft_peers_back_off(&raft->peers, raft->hard.leader_id, raft->now_ms);
        return;
    }
    log_info(raft->options.log, "raft", "truncates", "node=%d from=%" PRId64 " to=%" PRId64,
             raft->options.self.id, raft->log_end, end);
    ASSERT(raft->flushed == raft->log_end);
    raft->log_end = end;
    raft->flushed = end;
    raft_trail_truncate(&raft->trail, end);
    raft_voters_truncate(&raft->voters, end);
    raft->update->truncate = true;
    raft->update->truncate_to = end;
}

/* How many of the batches continue the log. Less than all means a broken leader or driver. */
static int count_fitting(const struct raft *raft, const struct raft_fetch_response *fetch)
{
    int64_t end = raft->log_end;
    int32_t epoch = raft_trail_last_epoch(&raft->trail);
    for (int i = 0; i < fetch->batch_count; i++) {
        const struct raft_batch *batch = &fetch->batches[i];
        bool misplaced = batch->voters != NULL && (batch->voters_offset < batch->base_offset ||
                                                   batch->voters_offset > batch->last_offset);
        if (batch->base_offset != end || batch->last_offset < end || batch->epoch < epoch ||
            batch->epoch < 1 || batch->epoch > raft->hard.epoch || misplaced) {
            log_warn(raft->options.log, "raft", "batch does not fit",
                     "node=%d end=%" PRId64 " base=%" PRId64 " last=%" PRId64 " epoch=%d",
                     raft->options.self.id, end, batch->base_offset, batch->last_offset,
                     batch->epoch);
            return i;
        }
        end = batch->last_offset + 1;
        epoch = batch->epoch;
    }
    return fetch->batch_count;
}

static void append_received(struct raft *raft, const struct raft_fetch_response *fetch)
{
    int count = count_fitting(raft, fetch);
    if (count < fetch->batch_count) {
        raft_peers_back_off(&raft->peers, raft->hard.leader_id, raft->now_ms);
    }
    if (count == 0) {
        return;
    }
    int64_t base = raft->log_end;
    for (int i = 0; i < count; i++) {
        const struct raft_batch *batch = &fetch->batches[i];
        raft_trail_assign(&raft->trail, batch->epoch, batch->base_offset);
        if (batch->voters != NULL) {
            raft_voters_add(&raft->voters, batch->voters_offset, batch->voters);
        }
        raft->log_end = batch->last_offset + 1;
    }
    raft->update->append = (struct raft_append){
        .kind = RAFT_APPEND_RECEIVED,
        .base_offset = base,
        .end_offset = raft->log_end,
        .epoch = raft_trail_last_epoch(&raft->trail),
        .batch_count = count,
    };
}

void raft_note_fetched(struct raft *raft)
{
    struct raft_follow *follow = &raft->follow;
    follow->fetch_deadline_ms = raft->now_ms + raft->options.fetch_timeout_ms;
    follow->rush_ms = RAFT_NEVER;
    follow->fetched = true;
    follow->leader_lost = false;
    raft->losses = 0;
}

bool raft_is_leaders_answer(struct raft *raft, int32_t from, const struct raft_response *response)
{
    bool of_leader = raft->role == RAFT_ROLE_FOLLOWER && from == raft->hard.leader_id &&
                     response->leader_epoch == raft->hard.epoch;
    if (response->error != ERR_NONE) {
        raft_peers_back_off(&raft->peers, from, raft->now_ms);
        if (of_leader && response->error == ERR_NOT_LEADER_OR_FOLLOWER) {
            /* The process lives, but it has resigned or was restarted. */
            raft->follow.leader_lost = true;
            rush(raft);
        }
        return false;
    }
    /* What somebody else gave was only asked for to find the leader. */
    return of_leader && response->leader_id == from;
}

void raft_on_fetch_response(struct raft *raft, int32_t from, const struct raft_response *response)
{
    const struct raft_fetch_response *fetch = &response->u.fetch;
    if (!raft_is_leaders_answer(raft, from, response)) {
        return;
    }
    raft_note_fetched(raft);
    if (fetch->offers_snapshot || raft->loading.active) {
        raft_on_offer(raft, fetch->snapshot);
        return;
    }
    if (fetch->diverging) {
        truncate_diverging(raft, fetch);
        return;
    }
    append_received(raft, fetch);
    /* Never beyond what is here: the rest of what is committed comes with the next fetch. */
    int64_t high_watermark = min_i64(fetch->high_watermark, raft->log_end);
    raft->high_watermark = max_i64(raft->high_watermark, high_watermark);
}

/* ---- what a leader tells unasked ---- */

/* The epoch of a request of a leader or former leader: learns from it, or answers with an error and
 * returns false. */
static bool check_leader(struct raft *raft, uint64_t token, const struct raft_request *request)
{
    if (request->epoch < 1 || request->leader_id < 0 ||
        request->leader_id == raft->options.self.id) {
        raft_answer(raft, token, request->rpc, ERR_INVALID_REQUEST);
        return false;
    }
    if (request->epoch < raft->hard.epoch) {
        raft_answer(raft, token, request->rpc, ERR_FENCED_LEADER_EPOCH);
        return false;
    }
    if (!raft_learn(raft, request->epoch, request->leader_id)) {
        log_error(raft->options.log, "raft", "refuses a second leader of the epoch",
                  "node=%d epoch=%d leader=%d other=%d", raft->options.self.id, request->epoch,
                  raft->hard.leader_id, request->leader_id);
        raft_answer(raft, token, request->rpc, ERR_INVALID_REQUEST);
        return false;
    }
    return true;
}

void raft_on_begin_request(struct raft *raft, uint64_t token, const struct raft_request *request)
{
    const struct raft_key voter = request->u.begin.voter;
    if (!check_leader(raft, token, request)) {
        return;
    }
    if (voter.id >= 0 && !raft_key_matches(voter, raft->options.self)) {
        raft_answer(raft, token, request->rpc, ERR_INVALID_VOTER_KEY);
        return;
    }
    /* It lives: no need to wait with the fetch, if we had given it up. */
    raft_peers_hurry(&raft->peers, request->leader_id);
    raft_answer(raft, token, request->rpc, ERR_NONE);
}

/* How long the successor at `position` of `count` lets those before it try (KIP-595). */
static int64_t successor_wait_ms(const struct raft *raft, int position, int count)
{
    int64_t max_ms = raft->options.election_backoff_max_ms;
    if (position < 0) {
        return max_ms;
    }
    if (position == 0) {
        return 0;
    }
    return min_i64(max_ms, (max_ms >> (count - 1)) << (position - 1));
}

void raft_on_end_request(struct raft *raft, uint64_t token, const struct raft_request *request)
{
    if (!check_leader(raft, token, request)) {
        return;
    }
    if (raft->role == RAFT_ROLE_FOLLOWER && raft->hard.leader_id == request->leader_id) {
        const struct raft_end_epoch_request *end = &request->u.end;
        int position = -1;
        for (int i = 0; i < end->successor_count && position < 0; i++) {
            position = raft_key_matches(end->successors[i], raft->options.self) ? i : -1;
        }
        int64_t wait_ms = successor_wait_ms(raft, position, end->successor_count);
        /* Grant pre-votes to the others: the leader does not live any more (KAFKA-20895). */
        raft->follow.leader_lost = true;
        raft->follow.rush_ms = min_i64(raft->follow.rush_ms, raft->now_ms + wait_ms);
    }
    raft_answer(raft, token, request->rpc, ERR_NONE);
}
