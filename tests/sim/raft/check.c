/* The list of invariants, and the moments at which each is looked at. */
#include "tests/sim/raft/check.h"

#include "base/mem.h"

void check_init(struct sim_world *world)
{
    world->checks = MEM_NEW(struct check_state);
}

void check_fini(struct sim_world *world)
{
    struct check_state *checks = world->checks;
    mem_free(checks->leaders);
    mem_free(checks->votes);
    mem_free(checks->commit_epochs);
    mem_free(checks->batches);
    sim_log_fini(&checks->committed);
    mem_free(checks);
}

/* What can be seen from outside, now that all effects are obeyed: before that, a crash undoes it.
 */
static void check_visible(struct sim_node *node)
{
    check_log_agrees(node);
    check_majority_reached_high_watermark(node);
    check_voters_in_force(node);
    check_consistent_committed_data(node);
    node->seen_high_watermark = raft_high_watermark(node->raft);
    if (raft_role(node->raft) == RAFT_ROLE_LEADER && node->seen_leading != raft_epoch(node->raft)) {
        check_single_leader(node);
        check_elected_by_majority(node);
        check_leader_completeness(node);
        node->seen_leading = raft_epoch(node->raft);
    }
}

void check_step(struct sim_node *node)
{
    if (node->raft == NULL || node->world->failed) {
        return;
    }
    check_monotonic_epoch(node);
    check_monotonic_high_watermark(node);
    check_leader_is_voter(node);
    check_leader_has_contact(node);
    check_not_busy(node);
    node->seen_epoch = raft_epoch(node->raft);
    node->seen_role = raft_role(node->raft);
    if (list_empty(&node->effects)) {
        check_visible(node);
    }
}

void check_boot(struct sim_node *node)
{
    node->seen_epoch = 0; /* what it had not saved is gone */
    check_monotonic_epoch(node);
    node->seen_role = RAFT_ROLE_UNATTACHED;
    node->seen_high_watermark = -1;
    node->step_high_watermark = -1;
    node->seen_leading = 0;
    node->seen_voters = -1;
}

void check_appended(struct sim_node *node, const struct sim_batch *batch)
{
    check_log_matching(node, batch);
}

void check_message(struct sim_node *node, const struct raft_message *message)
{
    const struct raft_request *request = &message->request;
    if (request->rpc == RAFT_RPC_VOTE && !request->u.vote.pre_vote) {
        check_vote_once(node, node->disk, request->epoch); /* it votes for itself */
    }
    if (request->rpc == RAFT_RPC_FETCH) {
        check_fetch_is_synced(node, &request->u.fetch);
    }
}
