/* Votes given to others.
 *
 * A vote is granted only by a node without a leader that has not voted for anybody else in the
 * epoch, and only to a log at least as good as its own (Raft thesis §3.6.1). The voter set of the
 * candidate's choosing is not checked: this node may not have the newest one yet (KIP-853). */
#include "raft/private.h"

/* Another node with this node's id is a mistake of configuration; no vote for it. */
static bool is_valid(const struct raft *raft, const struct raft_request *request)
{
    const struct raft_vote_request *vote = &request->u.vote;
    if (request->epoch < 0 || vote->candidate.id < 0 || vote->last_offset < 0 ||
        vote->last_epoch < 0 || vote->candidate.id == raft->options.self.id) {
        return false;
    }
    /* A candidate's epoch is new; a pre-vote is asked for in an epoch that may have records. */
    return vote->pre_vote ? vote->last_epoch <= request->epoch : vote->last_epoch < request->epoch;
}

/* The candidate's log ends in a later epoch, or in the same one and is not shorter. */
static bool is_up_to_date(const struct raft *raft, const struct raft_vote_request *vote)
{
    int32_t last_epoch = raft_trail_last_epoch(&raft->trail);
    return vote->last_epoch > last_epoch ||
           (vote->last_epoch == last_epoch && vote->last_offset >= raft->log_end);
}

/* Whether this node, too, could do with a new leader. Votes already cast do not matter, and nothing
 * is promised: several pre-votes may be granted. */
static bool grants_pre_vote(const struct raft *raft, const struct raft_vote_request *vote)
{
    switch (raft->role) {
    case RAFT_ROLE_LEADER:
        return false;
    case RAFT_ROLE_FOLLOWER:
        /* One that hears from its leader protects it from who does not. */
        if (raft->follow.fetched && !raft->follow.leader_lost) {
            return false;
        }
        break;
    case RAFT_ROLE_UNATTACHED:
    case RAFT_ROLE_PROSPECTIVE:
    case RAFT_ROLE_CANDIDATE:
    case RAFT_ROLE_RESIGNED:
        break;
    }
    return is_up_to_date(raft, vote);
}

static bool grants_vote(const struct raft *raft, const struct raft_vote_request *vote)
{
    if (raft->role != RAFT_ROLE_UNATTACHED && raft->role != RAFT_ROLE_PROSPECTIVE) {
        return false;
    }
    if (raft->hard.leader_id != RAFT_NOBODY) {
        return false;
    }
    if (raft->hard.voted.id != RAFT_NOBODY) {
        return raft_key_matches(raft->hard.voted, vote->candidate);
    }
    return is_up_to_date(raft, vote);
}

/* Two that campaign at the same time take votes from each other; the one with the worse log, or the
 * higher id, lets the other go first. A moment later it tries again, whatever became of that. */
static void maybe_yield(struct raft *raft, const struct raft_vote_request *vote)
{
    int64_t until_ms = raft->now_ms + prng_range(&raft->prng, RAFT_YIELD_MS / 2, RAFT_YIELD_MS);
    if (raft->role == RAFT_ROLE_PROSPECTIVE) {
        bool equal = vote->last_epoch == raft_trail_last_epoch(&raft->trail) &&
                     vote->last_offset == raft->log_end;
        if (!equal || vote->candidate.id < raft->options.self.id) {
            raft_withdraw_campaign(raft, until_ms);
        }
    } else if (raft->role == RAFT_ROLE_FOLLOWER && raft->follow.rush_ms != RAFT_NEVER) {
        raft->follow.rush_ms = max_i64(raft->follow.rush_ms, until_ms);
    }
}

static void decide_pre_vote(struct raft *raft, uint64_t token, const struct raft_vote_request *vote)
{
    bool granted = grants_pre_vote(raft, vote);
    raft_answer(raft, token, RAFT_RPC_VOTE, ERR_NONE)->u.vote.granted = granted;
    if (granted) {
        maybe_yield(raft, vote);
    }
}

void raft_on_vote_request(struct raft *raft, uint64_t token, const struct raft_request *request)
{
    const struct raft_vote_request *vote = &request->u.vote;
    if (!is_valid(raft, request)) {
        raft_answer(raft, token, RAFT_RPC_VOTE, ERR_INVALID_REQUEST);
        return;
    }
    if (request->epoch < raft->hard.epoch) {
        raft_answer(raft, token, RAFT_RPC_VOTE, ERR_FENCED_LEADER_EPOCH);
        return;
    }
    if (request->epoch > raft->hard.epoch) {
        raft_become_unattached(raft, request->epoch);
    }
    if (vote->voter.id >= 0 && !raft_key_matches(vote->voter, raft->options.self)) {
        raft_answer(raft, token, RAFT_RPC_VOTE, ERR_INVALID_VOTER_KEY);
        return;
    }
    raft_peers_hurry(&raft->peers, vote->candidate.id);
    if (vote->pre_vote) {
        decide_pre_vote(raft, token, vote);
        return;
    }
    bool granted = grants_vote(raft, vote);
    log_debug(raft->options.log, "raft", granted ? "votes for" : "does not vote for",
              "node=%d candidate=%d epoch=%d", raft->options.self.id, vote->candidate.id,
              raft->hard.epoch);
    if (granted) {
        raft_cast_vote(raft, vote->candidate);
    }
    raft_answer(raft, token, RAFT_RPC_VOTE, ERR_NONE)->u.vote.granted = granted;
}
