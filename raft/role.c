/* Changes of role.
 *
 *              higher epoch, vote                   majority of        majority
 *   UNATTACHED ----------------> UNATTACHED         pre-votes          of votes
 *   UNATTACHED --- timer -----> PROSPECTIVE -----------------> CANDIDATE -------> LEADER
 *   FOLLOWER   --- timer, or leader gone -> PROSPECTIVE            |                 |
 *   PROSPECTIVE -- refused --> FOLLOWER if the leader is known,    | refused,        | no quorum,
 *                              else UNATTACHED                     | timer           | shutdown
 *   CANDIDATE  ------------------------------------> PROSPECTIVE <-+                 v
 *   any        --- a leader of this or a later epoch -> FOLLOWER        UNATTACHED <- RESIGNED
 *                                                                       (epoch + 1)
 *
 * Only a voter campaigns (KAFKA-16842), or one that may still be needed; only a PROSPECTIVE becomes
 * CANDIDATE (KIP-996); a leader never returns to the epoch it led (KAFKA-10527). Every change gives
 * up the requests in flight, so that an answer never counts for another role than the one that
 * asked. */
#include "raft/private.h"

const char *raft_role_name(enum raft_role role)
{
    switch (role) {
    case RAFT_ROLE_UNATTACHED:
        return "unattached";
    case RAFT_ROLE_PROSPECTIVE:
        return "prospective";
    case RAFT_ROLE_CANDIDATE:
        return "candidate";
    case RAFT_ROLE_LEADER:
        return "leader";
    case RAFT_ROLE_RESIGNED:
        return "resigned";
    case RAFT_ROLE_FOLLOWER:
        return "follower";
    }
    UNREACHABLE();
}

int64_t raft_draw_election_ms(struct raft *raft)
{
    int64_t timeout_ms = raft->options.election_timeout_ms;
    return raft->now_ms + prng_range(&raft->prng, timeout_ms, 2 * timeout_ms - 1);
}

/* The common part. `hard` is the new one: whoever waits for the old leader is told of it. */
static void change_role(struct raft *raft, enum raft_role role, struct raft_hard_state hard)
{
    ASSERT(hard.epoch >= raft->hard.epoch);
    bool was_leader = raft->role == RAFT_ROLE_LEADER;
    if (hard.epoch != raft->hard.epoch) {
        raft_drop_download(raft);
        raft->loading = (struct raft_loading){0};
    }
    bool same = role == raft->role && hard.epoch == raft->hard.epoch &&
                hard.leader_id == raft->hard.leader_id;
    raft->role = role;
    raft->hard = hard;
    raft->backing_off = false;
    raft->discoveries = 0;
    raft_peers_give_up(&raft->peers);
    if (was_leader) {
        raft_serve_parked(raft, true);
        raft_fail_reads(raft);
    }
    if (same) {
        return; /* a vote */
    }
    log_info(raft->options.log, "raft", "became", "node=%d role=%s epoch=%d leader=%d end=%" PRId64,
             raft->options.self.id, raft_role_name(role), hard.epoch, hard.leader_id,
             raft->log_end);
}

void raft_become_unattached(struct raft *raft, int32_t epoch)
{
    /* The timer runs on from a role that has one: a stream of higher epochs must not keep everybody
     * from ever campaigning. */
    bool timed = raft->role == RAFT_ROLE_UNATTACHED || raft->role == RAFT_ROLE_CANDIDATE ||
                 raft->role == RAFT_ROLE_PROSPECTIVE;
    struct raft_hard_state hard = raft->hard;
    if (epoch > hard.epoch) {
        hard = (struct raft_hard_state){epoch, RAFT_NOBODY, {RAFT_NOBODY, UUID_ZERO}};
    }
    change_role(raft, RAFT_ROLE_UNATTACHED, hard);
    if (!timed || raft->election_ms <= raft->now_ms) {
        raft->election_ms = raft_draw_election_ms(raft);
    }
    raft->discover_ms = raft->now_ms;
}

void raft_become_follower(struct raft *raft, int32_t epoch, int32_t leader_id)
{
    ASSERT(leader_id >= 0);
    ASSERT(leader_id != raft->options.self.id);
    struct raft_hard_state hard = raft->hard;
    if (epoch > hard.epoch) {
        hard.voted = (struct raft_key){RAFT_NOBODY, UUID_ZERO};
    }
    bool same = epoch == hard.epoch && leader_id == hard.leader_id;
    hard.epoch = epoch;
    hard.leader_id = leader_id;
    change_role(raft, RAFT_ROLE_FOLLOWER, hard);
    raft->follow = (struct raft_follow){
        .fetch_deadline_ms = raft->now_ms + raft->options.fetch_timeout_ms,
        .rush_ms = RAFT_NEVER,
        /* After a lost campaign it is the same leader, as good or bad as before. */
        .fetched = same && raft->follow.fetched,
        .leader_lost = same && raft->follow.leader_lost,
    };
    if (!same) {
        raft_peers_hurry(&raft->peers, leader_id);
    }
}

/* With the own vote, if it counts. */
static struct raft_ballot open_ballot(const struct raft *raft)
{
    const struct raft_voter_set *voters = raft_voters(raft);
    int self = raft_voter_set_find(voters, raft->options.self);
    return (struct raft_ballot){.voters = *voters, .granted = self < 0 ? 0 : 1u << self};
}

void raft_become_prospective(struct raft *raft)
{
    ASSERT(raft->role == RAFT_ROLE_UNATTACHED || raft->role == RAFT_ROLE_FOLLOWER ||
           raft->role == RAFT_ROLE_CANDIDATE);
    ASSERT(raft_may_campaign(raft));
    ASSERT(!raft_shutting_down(raft));
    change_role(raft, RAFT_ROLE_PROSPECTIVE, raft->hard);
    raft->ballot = open_ballot(raft);
    raft->election_ms = raft_draw_election_ms(raft);
}

void raft_become_candidate(struct raft *raft)
{
    ASSERT(raft->role == RAFT_ROLE_PROSPECTIVE);
    ASSERT(raft->hard.epoch < INT32_MAX);
    struct raft_hard_state hard = {raft->hard.epoch + 1, RAFT_NOBODY, raft->options.self};
    change_role(raft, RAFT_ROLE_CANDIDATE, hard);
    raft->ballot = open_ballot(raft);
    raft->election_ms = raft_draw_election_ms(raft);
}

void raft_become_leader(struct raft *raft)
{
    ASSERT(raft->role == RAFT_ROLE_CANDIDATE);
    ASSERT(raft->hard.voted.id == raft->options.self.id);
    struct raft_hard_state hard = raft->hard;
    hard.leader_id = raft->options.self.id;
    change_role(raft, RAFT_ROLE_LEADER, hard);
    raft->losses = 0;
    raft_lead_init(raft);
}

void raft_become_resigned(struct raft *raft, const char *why)
{
    ASSERT(raft->role == RAFT_ROLE_LEADER);
    log_info(raft->options.log, "raft", "resigns", "node=%d epoch=%d reason=\"%s\"",
             raft->options.self.id, raft->hard.epoch, why);
    raft_order_successors(raft);
    change_role(raft, RAFT_ROLE_RESIGNED, raft->hard);
    raft->election_ms = raft_draw_election_ms(raft);
}

void raft_give_up_campaign(struct raft *raft)
{
    ASSERT(raft->role == RAFT_ROLE_PROSPECTIVE);
    raft->losses++;
    int32_t leader_id = raft->hard.leader_id;
    if (leader_id >= 0 && leader_id != raft->options.self.id) {
        raft_become_follower(raft, raft->hard.epoch, leader_id);
        return;
    }
    raft->election_ms = raft->now_ms;
    raft_become_unattached(raft, raft->hard.epoch);
}

void raft_withdraw_campaign(struct raft *raft, int64_t until_ms)
{
    raft_give_up_campaign(raft);
    raft->losses--;
    if (raft->role == RAFT_ROLE_FOLLOWER) {
        raft->follow.rush_ms = until_ms;
    } else {
        raft->election_ms = until_ms;
    }
}

void raft_cast_vote(struct raft *raft, struct raft_key candidate)
{
    ASSERT(raft->role == RAFT_ROLE_UNATTACHED || raft->role == RAFT_ROLE_PROSPECTIVE);
    ASSERT(raft->hard.leader_id == RAFT_NOBODY);
    ASSERT(raft->hard.voted.id == RAFT_NOBODY || raft->hard.voted.id == candidate.id);
    struct raft_hard_state hard = raft->hard;
    hard.voted = candidate;
    change_role(raft, RAFT_ROLE_UNATTACHED, hard);
    raft->election_ms = raft_draw_election_ms(raft);
    raft->discover_ms = raft->now_ms + RAFT_DISCOVER_MS;
}

bool raft_learn(struct raft *raft, int32_t epoch, int32_t leader_id)
{
    if (leader_id == raft->options.self.id && epoch > raft->hard.epoch) {
        /* We led that epoch and do not know it any more: our disk was lost. */
        log_warn(raft->options.log, "raft", "is named leader of an epoch it does not know",
                 "node=%d epoch=%d", leader_id, epoch);
        raft_become_unattached(raft, epoch);
        return true;
    }
    if (epoch > raft->hard.epoch) {
        if (leader_id >= 0) {
            raft_become_follower(raft, epoch, leader_id);
        } else {
            raft_become_unattached(raft, epoch);
        }
        return true;
    }
    if (epoch < raft->hard.epoch || leader_id < 0 || leader_id == raft->options.self.id) {
        return true;
    }
    if (raft->hard.leader_id == RAFT_NOBODY) {
        raft_become_follower(raft, epoch, leader_id);
        return true;
    }
    return raft->hard.leader_id == leader_id;
}
