/* VoteOnce: a replica (a node with its disk) votes for at most one candidate in an epoch, in all
 * its lives; and ElectedByMajority: whoever leads has the votes of a majority of its voters,
 * pre-votes do not count. */
#include "tests/sim/raft/check.h"

#include "base/mem.h"

void check_vote_once(struct sim_node *node, int candidate, int32_t epoch)
{
    struct check_state *checks = node->world->checks;
    for (int i = checks->vote_count - 1; i >= 0; i--) {
        const struct check_vote *vote = &checks->votes[i];
        if (vote->epoch == epoch && vote->voter == node->disk) {
            if (vote->candidate != candidate) {
                sim_fail(node->world, "VoteOnce: disk %d votes for %d and %d in epoch %d",
                         node->disk, vote->candidate, candidate, epoch);
            }
            return;
        }
    }
    if (checks->vote_count == checks->vote_cap) {
        checks->vote_cap = checks->vote_cap == 0 ? 64 : checks->vote_cap * 2;
        checks->votes =
            mem_realloc(checks->votes, (size_t)checks->vote_cap * sizeof *checks->votes);
    }
    checks->votes[checks->vote_count++] = (struct check_vote){epoch, node->disk, candidate};
}

void check_answer(struct sim_node *node, const struct sim_token *token,
                  const struct raft_answer *answer)
{
    const struct raft_response *response = &answer->response;
    if (response->rpc == RAFT_RPC_FETCH && response->error == ERR_NONE) {
        check_offer(node, &response->u.fetch);
    }
    if (response->rpc == RAFT_RPC_VOTE && response->error == ERR_NONE && response->u.vote.granted &&
        !token->pre_vote) {
        check_vote_once(node, token->candidate, token->epoch);
    }
}

void check_elected_by_majority(struct sim_node *node)
{
    const struct check_state *checks = node->world->checks;
    const struct raft_voter_set *voters = raft_voters(node->raft);
    int32_t epoch = raft_epoch(node->raft);
    int votes = 0;
    for (int i = 0; i < checks->vote_count && voters->count > 1; i++) {
        const struct check_vote *vote = &checks->votes[i];
        for (int k = 0; k < voters->count; k++) {
            votes += vote->epoch == epoch && vote->candidate == node->disk &&
                     vote->voter == sim_disk_of(voters->voters[k]);
        }
    }
    if (voters->count > 1 && votes * 2 <= voters->count) {
        sim_fail(node->world, "ElectedByMajority: node %d leads epoch %d with %d votes of %d",
                 node->index, epoch, votes, voters->count);
    }
}
