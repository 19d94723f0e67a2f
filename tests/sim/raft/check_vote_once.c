/* VoteOnce: a node votes for at most one candidate in an epoch, in all its lives; and
 * ElectedByMajority: whoever leads has the votes of a majority, pre-votes do not count. */
#include "tests/sim/raft/check.h"

#include "base/mem.h"

void check_vote_once(struct sim_node *node, int candidate, int32_t epoch)
{
    struct check_state *checks = node->world->checks;
    for (int i = checks->vote_count - 1; i >= 0; i--) {
        const struct check_vote *vote = &checks->votes[i];
        if (vote->epoch == epoch && vote->voter == node->index) {
            if (vote->candidate != candidate) {
                sim_fail(node->world, "VoteOnce: node %d votes for %d and %d in epoch %d",
                         node->index, vote->candidate, candidate, epoch);
            }
            return;
        }
    }
    if (checks->vote_count == checks->vote_cap) {
        checks->vote_cap = checks->vote_cap == 0 ? 64 : checks->vote_cap * 2;
        checks->votes =
            mem_realloc(checks->votes, (size_t)checks->vote_cap * sizeof *checks->votes);
    }
    checks->votes[checks->vote_count++] = (struct check_vote){epoch, node->index, candidate};
}

void check_answer(struct sim_node *node, const struct sim_token *token,
                  const struct raft_answer *answer)
{
    const struct raft_response *response = &answer->response;
    if (response->rpc == RAFT_RPC_VOTE && response->error == ERR_NONE && response->u.vote.granted &&
        !token->pre_vote) {
        check_vote_once(node, token->asker, token->epoch);
    }
}

int check_votes_for(const struct sim_world *world, int candidate, int32_t epoch)
{
    int votes = 0;
    for (int i = 0; i < world->checks->vote_count; i++) {
        const struct check_vote *vote = &world->checks->votes[i];
        votes += vote->epoch == epoch && vote->candidate == candidate &&
                 vote->voter < world->swarm.voters;
    }
    return votes;
}

void check_elected_by_majority(struct sim_node *node)
{
    if (node->world->swarm.voters == 1) {
        return;
    }
    int votes = check_votes_for(node->world, node->index, raft_epoch(node->raft));
    if (votes * 2 <= node->world->swarm.voters) {
        sim_fail(node->world, "ElectedByMajority: node %d leads epoch %d with %d votes",
                 node->index, raft_epoch(node->raft), votes);
    }
}
