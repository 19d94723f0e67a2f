/* Changes of the voter set, one voter at a time (KIP-853; Raft thesis §4.1 and the author's
 * correction of it: not before a record of the own epoch is committed).
 *
 * Majorities of two sets that differ by one voter have a voter in common. That is all the safety
 * there is, so a second change waits for the commit of the first, and a replacement is a removal
 * and an addition. */
#include "raft/private.h"

/* Directory ids, too: who is asked to go must not be confused with who took its place. */
static int find_exactly(const struct raft_voter_set *set, struct raft_key key)
{
    int at = raft_voter_set_find(set, key);
    bool exact = at >= 0 && uuid_eq(set->voters[at].directory_id, key.directory_id);
    return exact ? at : -1;
}

static int find_id(const struct raft_voter_set *set, int32_t id)
{
    return raft_voter_set_find(set, (struct raft_key){id, UUID_ZERO});
}

static struct raft_voter_set apply(const struct raft_voter_set *set,
                                   const struct raft_change *change)
{
    struct raft_voter_set out = {0};
    for (int i = 0; i < set->count; i++) {
        bool goes = change->kind == RAFT_CHANGE_REMOVE && set->voters[i].id == change->voter.id;
        if (!goes) {
            out.voters[out.count++] = set->voters[i];
        }
    }
    if (change->kind == RAFT_CHANGE_ADD) {
        out.voters[out.count++] = change->voter;
    }
    return out;
}

/* ---- may it be? ---- */

/* Silence that a leader tolerates of its voters, see check-quorum. */
static int64_t patience_ms(const struct raft *raft)
{
    return raft->options.fetch_timeout_ms * 3 / 2;
}

static bool is_live(const struct raft *raft, struct raft_key key, int64_t now_ms)
{
    if (raft_key_matches(key, raft->options.self)) {
        return true;
    }
    const struct raft_progress *replica = raft_progress_find(&raft->lead.replicas, key);
    return replica != NULL && replica->last_fetch_ms >= 0 &&
           now_ms - replica->last_fetch_ms <= patience_ms(raft);
}

bool raft_has_live_majority(const struct raft *raft, const struct raft_voter_set *set,
                            int64_t now_ms)
{
    int live = 0;
    for (int i = 0; i < set->count; i++) {
        live += is_live(raft, set->voters[i], now_ms);
    }
    return live >= raft_quorum_majority(set->count);
}

static bool is_caught_up(const struct raft *raft, struct raft_key key, int64_t now_ms)
{
    const struct raft_progress *replica = raft_progress_find(&raft->lead.replicas, key);
    return replica != NULL && replica->last_caught_up_ms >= 0 &&
           now_ms - replica->last_caught_up_ms <= patience_ms(raft);
}

static enum err check_leader(const struct raft *raft, const char **why)
{
    if (raft->role != RAFT_ROLE_LEADER) {
        *why = "this controller does not lead the quorum";
        return ERR_NOT_LEADER_OR_FOLLOWER;
    }
    int64_t offset;
    if (!raft_voters_offset(raft, &offset)) {
        *why = "the voters are static, set by controller.quorum.voters (kraft.version 0); raise "
               "kraft.version to 1 first";
        return ERR_UNSUPPORTED_VERSION;
    }
    if (raft->high_watermark <= raft->lead.epoch_start) {
        *why = "the leader is new and has not committed a record of its epoch yet; try again";
        return ERR_REQUEST_TIMED_OUT;
    }
    if (raft->high_watermark <= offset) {
        *why = "the previous change of the voters is not committed yet; try again";
        return ERR_REQUEST_TIMED_OUT;
    }
    return ERR_NONE;
}

static enum err check_add(const struct raft *raft, struct raft_key key, int64_t now_ms,
                          const char **why)
{
    const struct raft_voter_set *voters = raft_voters(raft);
    if (key.id < 0 || uuid_is_zero(key.directory_id)) {
        *why = "a voter has an id of 0 or more and a directory id";
        return ERR_INVALID_REQUEST;
    }
    if (find_exactly(voters, key) >= 0) {
        *why = "it is a voter already";
        return ERR_DUPLICATE_VOTER;
    }
    if (find_id(voters, key.id) >= 0) {
        *why = "a voter has this id under another directory id; remove that one first";
        return ERR_DUPLICATE_VOTER;
    }
    if (voters->count == RAFT_VOTERS_MAX) {
        *why = "there are as many voters as a quorum can have";
        return ERR_INVALID_REQUEST;
    }
    if (!is_caught_up(raft, key, now_ms)) {
        *why = "it does not follow the metadata log, or has not caught up with it; try again when "
               "it has";
        return ERR_REQUEST_TIMED_OUT;
    }
    return ERR_NONE;
}

static enum err check_remove(const struct raft *raft, struct raft_key key, const char **why)
{
    const struct raft_voter_set *voters = raft_voters(raft);
    if (find_exactly(voters, key) < 0) {
        *why = find_id(voters, key.id) < 0 ? "it is not a voter"
                                           : "the voter of this id has another directory id";
        return ERR_VOTER_NOT_FOUND;
    }
    if (voters->count == 1) {
        *why = "it is the only voter";
        return ERR_INVALID_REQUEST;
    }
    return ERR_NONE;
}

enum err raft_check_change(const struct raft *raft, const struct raft_change *change,
                           int64_t now_ms, const char **why)
{
    *why = NULL;
    TRY(check_leader(raft, why));
    switch (change->kind) {
    case RAFT_CHANGE_ADD:
        TRY(check_add(raft, change->voter, now_ms, why));
        break;
    case RAFT_CHANGE_REMOVE:
        TRY(check_remove(raft, change->voter, why));
        break;
    case RAFT_CHANGE_UPDATE:
        if (find_exactly(raft_voters(raft), change->voter) < 0) {
            *why = "it is not a voter";
            return ERR_VOTER_NOT_FOUND;
        }
        return ERR_NONE;
    }
    struct raft_voter_set set = apply(raft_voters(raft), change);
    if (!raft_has_live_majority(raft, &set, now_ms)) {
        *why = "the voters that would be left do not have a majority that fetches; bring silent "
               "voters back, or remove them first";
        return ERR_INVALID_REQUEST;
    }
    return ERR_NONE;
}

/* ---- the change ---- */

void raft_append_voters(struct raft *raft, enum raft_append_kind kind,
                        const struct raft_voter_set *set)
{
    int64_t base = raft->log_end;
    raft->log_end += kind == RAFT_APPEND_UPGRADE ? 2 : 1;
    raft_trail_assign(&raft->trail, raft->hard.epoch, base); /* the log may be empty by a trim */
    raft->update->append = (struct raft_append){
        .kind = kind,
        .base_offset = base,
        .end_offset = raft->log_end,
        .epoch = raft->hard.epoch,
        .batch_count = 1,
        .voters = *set,
    };
    raft_voters_add(&raft->voters, raft->log_end - 1, set);
    raft_progress_set_voters(&raft->lead.replicas, set);
    /* Another majority must show up from now on, and may have more of the log. */
    raft_reset_check_quorum(raft);
    raft_advance_high_watermark(raft);
    raft_serve_parked(raft, false);
    raft_serve_reads(raft);
}

void raft_on_change(struct raft *raft, const struct raft_change *change)
{
    struct raft_update *update = raft->update;
    update->error = raft_check_change(raft, change, raft->now_ms, &update->why);
    if (update->error != ERR_NONE) {
        return;
    }
    struct raft_voter_set set = apply(raft_voters(raft), change);
    log_info(raft->options.log, "raft", "voters change",
             "node=%d voter=%d directory=%s voters=%d offset=%" PRId64, raft->options.self.id,
             change->voter.id, uuid_text(change->voter.directory_id).text, set.count,
             raft->log_end);
    raft_append_voters(raft, RAFT_APPEND_VOTERS, &set);
}

bool raft_may_campaign(const struct raft *raft)
{
    const struct raft_voters *voters = &raft->voters;
    if (raft_is_voter(raft)) {
        return true;
    }
    /* Only the newest set can be open. */
    int open = voters->count - 1;
    return open >= 1 && voters->history[open].offset >= raft->high_watermark &&
           raft_voter_set_find(&voters->history[open - 1].set, raft->options.self) >= 0;
}

bool raft_is_removed(const struct raft *raft)
{
    int64_t offset;
    return !raft_is_voter(raft) && raft_voters_offset(raft, &offset) &&
           offset < raft->high_watermark;
}
