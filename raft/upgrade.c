/* kraft.version 0 to 1: static voters become records of the log (KIP-853, KAFKA-16538).
 *
 * The voters stay who they are; what changes is that each is bound to its disk. Before, whoever has
 * the id votes and counts; afterwards only the replica with the directory id that the record says.
 * So what the leader has counted of a voter until now must be from that directory. */
#include "raft/private.h"

/* The voter's log is known, and stands in that directory. */
static bool follows_from(const struct raft *raft, struct raft_key voter)
{
    if (voter.id == raft->options.self.id) {
        return uuid_eq(voter.directory_id, raft->options.self.directory_id);
    }
    const struct raft_progress *replica = raft_progress_find(&raft->lead.replicas, voter);
    return replica != NULL && uuid_eq(replica->directory_id, voter.directory_id);
}

static enum err check_voters(const struct raft *raft, const struct raft_voter_set *voters,
                             const char **why)
{
    const struct raft_voter_set *fixed = raft_voters(raft);
    bool same = voters->count == fixed->count;
    for (int i = 0; i < fixed->count && same; i++) {
        same = raft_voter_set_find(voters, fixed->voters[i]) >= 0;
    }
    if (!same) {
        *why = "the voters are not those of controller.quorum.voters";
        return ERR_INVALID_REQUEST;
    }
    for (int i = 0; i < voters->count; i++) {
        if (uuid_is_zero(voters->voters[i].directory_id)) {
            *why = "the directory id of a voter is not known";
            return ERR_INVALID_REQUEST;
        }
        if (!follows_from(raft, voters->voters[i])) {
            *why = "a voter does not follow the metadata log from the directory that it has "
                   "reported; try again when it does";
            return ERR_REQUEST_TIMED_OUT;
        }
    }
    return ERR_NONE;
}

enum err raft_check_upgrade(const struct raft *raft, const struct raft_voter_set *voters,
                            int64_t now_ms, const char **why)
{
    int64_t offset;
    *why = NULL;
    if (raft->role != RAFT_ROLE_LEADER) {
        *why = "this controller does not lead the quorum";
        return ERR_NOT_LEADER_OR_FOLLOWER;
    }
    if (raft_voters_offset(raft, &offset)) {
        *why = "the voters are records of the log already";
        return ERR_DUPLICATE_VOTER;
    }
    if (raft->high_watermark <= raft->lead.epoch_start) {
        *why = "the leader is new and has not committed a record of its epoch yet; try again";
        return ERR_REQUEST_TIMED_OUT;
    }
    TRY(check_voters(raft, voters, why));
    if (!raft_has_live_majority(raft, voters, now_ms)) {
        *why = "no majority of the voters fetches";
        return ERR_INVALID_REQUEST;
    }
    return ERR_NONE;
}

void raft_on_upgrade(struct raft *raft, const struct raft_voter_set *voters)
{
    struct raft_update *update = raft->update;
    update->error = raft_check_upgrade(raft, voters, raft->now_ms, &update->why);
    if (update->error != ERR_NONE) {
        return;
    }
    log_info(raft->options.log, "raft", "voters become records",
             "node=%d voters=%d offset=%" PRId64, raft->options.self.id, voters->count,
             raft->log_end);
    raft_append_voters(raft, RAFT_APPEND_UPGRADE, voters);
}
