/* Snapshots of this node, and what a leader does with them: followers whose log ends before its own
 * begins are sent to the newest one (KIP-630). */
#include "raft/private.h"

/* ---- the leader ---- */

/* Nothing at all, or something of which the records here cannot tell whether it belongs to this
 * log. Who has nothing loads the state instead of all that led to it (KAFKA-15078). */
static bool needs_snapshot(const struct raft *raft, const struct raft_fetch_request *fetch)
{
    struct raft_position start = raft->trail.base;
    if (raft->snapshot.offset == 0) {
        return false;
    }
    return fetch->offset == 0 || fetch->offset < start.offset || fetch->last_epoch < start.epoch ||
           (fetch->offset == start.offset && fetch->last_epoch != start.epoch);
}

bool raft_answer_offer(struct raft *raft, uint64_t token, const struct raft_fetch_request *fetch)
{
    if (!needs_snapshot(raft, fetch)) {
        return false;
    }
    struct raft_fetch_response *answer =
        &raft_answer(raft, token, RAFT_RPC_FETCH, ERR_NONE)->u.fetch;
    answer->high_watermark = raft->high_watermark;
    answer->offers_snapshot = true;
    answer->snapshot = raft->snapshot;
    answer->from = answer->to = fetch->offset;
    return true;
}

void raft_on_fetch_snapshot_request(struct raft *raft, uint64_t token,
                                    const struct raft_request *request)
{
    const struct raft_fetch_snapshot_request *fetch = &request->u.fetch_snapshot;
    enum err error = raft_check_fetch_epoch(raft, request->epoch);
    if (fetch->replica.id == raft->options.self.id) {
        error = ERR_INVALID_REQUEST;
    }
    if (error == ERR_NONE && fetch->replica.id >= 0) {
        struct raft_progress *replica = raft_progress_track(&raft->lead.replicas, fetch->replica);
        if (replica == NULL) {
            error = ERR_BROKER_NOT_AVAILABLE;
        } else {
            raft_note_contact(raft, replica);
            raft_note_seen(raft, replica);
        }
    }
    struct raft_fetch_snapshot_response *answer =
        &raft_answer(raft, token, RAFT_RPC_FETCH_SNAPSHOT, error)->u.fetch_snapshot;
    answer->snapshot = fetch->snapshot;
    answer->position = fetch->position;
}

/* ---- this node's own ---- */

enum err raft_check_snapshot(const struct raft *raft, struct raft_position snapshot)
{
    if (snapshot.offset <= raft->snapshot.offset) {
        return ERR_EXISTS;
    }
    if (snapshot.offset > raft->high_watermark || snapshot.offset < raft->trail.base.offset ||
        !raft_position_eq(snapshot, raft_trail_place(&raft->trail, snapshot.offset))) {
        return ERR_OFFSET_OUT_OF_RANGE;
    }
    return ERR_NONE;
}

void raft_on_snapshot_taken(struct raft *raft, struct raft_position snapshot)
{
    ASSERT(snapshot.offset <= raft->high_watermark);
    /* It took long, and a newer one may have been loaded meanwhile. */
    if (snapshot.offset > raft->snapshot.offset) {
        raft->snapshot = snapshot;
    }
}

void raft_on_trim(struct raft *raft, struct raft_position to)
{
    if (to.offset <= raft->trail.base.offset) {
        return;
    }
    ASSERT(to.offset <= raft->snapshot.offset);
    raft_trail_trim(&raft->trail, to, raft->log_end);
    raft_voters_trim(&raft->voters, to.offset);
    /* A majority without this node may have committed it before it was synced here; now it is in
     * the snapshot, which is. */
    raft->flushed = max_i64(raft->flushed, to.offset);
    raft->update->trim = true;
    raft->update->trim_to = to.offset;
}
