/* Campaigns: pre-votes (KIP-996) to learn whether an election would be won, then the election
 * (Raft thesis §3.4, §9.6). */
#include "raft/private.h"

int64_t raft_poll_unattached(struct raft *raft)
{
    bool may_campaign = raft_may_campaign(raft) && !raft_shutting_down(raft);
    /* The only voter has nobody to wait for. */
    bool alone = raft_is_voter(raft) && raft_voters(raft)->count == 1;
    if (may_campaign && (alone || raft->now_ms >= raft->election_ms)) {
        raft_become_prospective(raft);
        return RAFT_NEVER;
    }
    int64_t discover_ms = raft_poll_discover(raft);
    return may_campaign ? min_i64(discover_ms, raft->election_ms) : discover_ms;
}

/* Asks the voters whose vote is open. Returns when to look again. */
static int64_t ask_for_votes(struct raft *raft)
{
    const struct raft_ballot *ballot = &raft->ballot;
    int64_t wake_ms = RAFT_NEVER;
    for (int i = 0; i < ballot->voters.count; i++) {
        if (((ballot->granted | ballot->rejected) >> i & 1) != 0) {
            continue;
        }
        struct raft_key voter = ballot->voters.voters[i];
        int64_t ready_ms = raft_peers_ready_ms(&raft->peers, voter.id, raft->now_ms);
        if (ready_ms > raft->now_ms) {
            wake_ms = min_i64(wake_ms, ready_ms);
            continue;
        }
        struct raft_request request = {
            .rpc = RAFT_RPC_VOTE,
            .epoch = raft->hard.epoch,
            .u.vote = {.candidate = raft->options.self,
                       .voter = voter,
                       .last_offset = raft->log_end,
                       .last_epoch = raft_trail_last_epoch(&raft->trail),
                       .pre_vote = raft->role == RAFT_ROLE_PROSPECTIVE},
        };
        raft_send(raft, voter.id, &request);
        wake_ms = min_i64(wake_ms, raft->now_ms + raft->options.request_timeout_ms);
    }
    return wake_ms;
}

/* Waits a while after a lost election, longer after every further one, so that two candidates do
 * not take the majority from each other forever. */
static void back_off(struct raft *raft)
{
    raft->losses++;
    raft->backing_off = true;
    int64_t cap_ms = (int64_t)RAFT_ELECTION_BACKOFF_MS << (raft->losses < 10 ? raft->losses : 10);
    cap_ms = min_i64(cap_ms, raft->options.election_backoff_max_ms);
    int64_t wait_ms = prng_range(&raft->prng, min_i64(RAFT_RUSH_MS, cap_ms), cap_ms);
    raft->election_ms = min_i64(raft->election_ms, raft->now_ms + wait_ms);
}

int64_t raft_poll_campaign(struct raft *raft)
{
    if (!raft_may_campaign(raft)) {
        raft_become_unattached(raft, raft->hard.epoch);
        return RAFT_NEVER;
    }
    enum raft_verdict verdict = raft_ballot_verdict(&raft->ballot);
    bool expired = raft->now_ms >= raft->election_ms;
    if (raft->role == RAFT_ROLE_PROSPECTIVE) {
        if (verdict == RAFT_VERDICT_WON) {
            raft_become_candidate(raft);
            return RAFT_NEVER;
        }
        if (verdict == RAFT_VERDICT_LOST || expired) {
            raft_give_up_campaign(raft);
            return RAFT_NEVER;
        }
        return min_i64(raft->election_ms, ask_for_votes(raft));
    }
    if (verdict == RAFT_VERDICT_WON) {
        raft_become_leader(raft);
        return RAFT_NEVER;
    }
    if (expired) {
        raft_become_prospective(raft);
        return RAFT_NEVER;
    }
    if (verdict == RAFT_VERDICT_LOST) {
        if (!raft->backing_off) {
            back_off(raft);
        }
        return raft->election_ms;
    }
    return min_i64(raft->election_ms, ask_for_votes(raft));
}

/* The bit of the voter with this id, 0 if there is none. */
static uint32_t ballot_bit(const struct raft_ballot *ballot, int32_t id)
{
    for (int i = 0; i < ballot->voters.count; i++) {
        if (ballot->voters.voters[i].id == id) {
            return 1u << i;
        }
    }
    return 0;
}

void raft_on_vote_response(struct raft *raft, int32_t from, const struct raft_response *response)
{
    /* A change of role gives up what is in flight, so this is the answer to what we now ask. */
    ASSERT(raft->role == RAFT_ROLE_PROSPECTIVE || raft->role == RAFT_ROLE_CANDIDATE);
    struct raft_ballot *ballot = &raft->ballot;
    if (response->error == ERR_UNSUPPORTED_VERSION && raft->role == RAFT_ROLE_PROSPECTIVE) {
        /* A voter from before KIP-996 cannot be asked for a pre-vote: campaign as it would. */
        raft_become_candidate(raft);
        return;
    }
    if (response->error != ERR_NONE) {
        raft_peers_back_off(&raft->peers, from, raft->now_ms);
        return;
    }
    uint32_t bit = ballot_bit(ballot, from);
    bool granted = response->u.vote.granted;
    if (((ballot->granted | ballot->rejected) & bit) == 0) {
        *(granted ? &ballot->granted : &ballot->rejected) |= bit;
    }
    log_debug(raft->options.log, "raft", granted ? "has the vote" : "lacks the vote",
              "node=%d from=%d epoch=%d pre=%d", raft->options.self.id, from, raft->hard.epoch,
              raft->role == RAFT_ROLE_PROSPECTIVE);
}

void raft_on_vote_failed(struct raft *raft, int32_t peer, bool closed)
{
    /* A voter that is not there will not vote in this round; knowing early that the round cannot be
     * won lets the next one come sooner. */
    uint32_t bit = closed ? ballot_bit(&raft->ballot, peer) : 0;
    if ((raft->ballot.granted & bit) == 0) {
        raft->ballot.rejected |= bit;
    }
}
