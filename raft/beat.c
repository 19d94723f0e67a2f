/* What a leader does by the clock: heartbeats (KAFKA-16536), check-quorum (KAFKA-15489), and the
 * farewell of one that has resigned. */
#include "raft/private.h"

/* ---- check-quorum ---- */

/* How many other voters must keep fetching. */
static int needed_contacts(const struct raft *raft)
{
    return raft_quorum_majority(raft_voters(raft)->count) - (raft_is_voter(raft) ? 1 : 0);
}

void raft_reset_check_quorum(struct raft *raft)
{
    struct raft_lead *lead = &raft->lead;
    for (int i = 0; i < lead->replicas.count; i++) {
        lead->replicas.items[i].contacted = false;
    }
    lead->check_quorum_ms = raft->now_ms + raft->options.fetch_timeout_ms * 3 / 2;
}

void raft_note_contact(struct raft *raft, struct raft_progress *replica)
{
    ASSERT(raft->role == RAFT_ROLE_LEADER);
    raft_peers_hurry(&raft->peers, replica->key.id);
    if (!replica->voter || replica->contacted) {
        return;
    }
    replica->contacted = true;
    int contacts = 0;
    for (int i = 0; i < raft->lead.replicas.count; i++) {
        contacts += raft->lead.replicas.items[i].contacted;
    }
    if (contacts >= needed_contacts(raft)) {
        raft_reset_check_quorum(raft);
    }
}

void raft_note_seen(struct raft *raft, struct raft_progress *replica)
{
    replica->last_fetch_ms = raft->now_ms;
    replica->log_end_at_fetch = raft->log_end;
}

/* ---- heartbeats ---- */

static int64_t send_heartbeats(struct raft *raft)
{
    struct raft_lead *lead = &raft->lead;
    int64_t wake_ms = RAFT_NEVER;
    for (int i = 0; i < lead->replicas.count; i++) {
        struct raft_progress *replica = &lead->replicas.items[i];
        if (!replica->begin_due) {
            continue;
        }
        int64_t ready_ms = raft_peers_ready_ms(&raft->peers, replica->key.id, raft->now_ms);
        if (ready_ms > raft->now_ms) {
            wake_ms = min_i64(wake_ms, ready_ms);
            continue;
        }
        struct raft_request request = {
            .rpc = RAFT_RPC_BEGIN_EPOCH,
            .epoch = raft->hard.epoch,
            .leader_id = raft->options.self.id,
            .u.begin = {.voter = replica->key},
        };
        raft_send(raft, replica->key.id, &request);
        raft_note_read_asked(raft, replica);
        replica->begin_due = false;
    }
    return wake_ms;
}

static void make_heartbeats_due(struct raft *raft)
{
    struct raft_lead *lead = &raft->lead;
    for (int i = 0; i < lead->replicas.count; i++) {
        struct raft_progress *replica = &lead->replicas.items[i];
        replica->begin_due = replica->voter && replica->key.id != raft->options.self.id;
    }
    lead->heartbeat_ms = raft->now_ms + raft->options.fetch_timeout_ms / 2;
}

int64_t raft_poll_leader(struct raft *raft)
{
    struct raft_lead *lead = &raft->lead;
    if (raft_is_removed(raft)) {
        raft_become_resigned(raft, "no voter any more");
        return RAFT_NEVER;
    }
    bool alone = needed_contacts(raft) <= 0;
    if (!alone && raft->now_ms >= lead->check_quorum_ms) {
        raft_become_resigned(raft, "a majority does not fetch");
        return RAFT_NEVER;
    }
    if (raft->now_ms >= lead->heartbeat_ms) {
        make_heartbeats_due(raft);
    }
    if (raft->now_ms >= lead->forget_ms) {
        raft_progress_forget(&lead->replicas, raft->now_ms - RAFT_OBSERVER_TTL_MS);
        lead->forget_ms = raft->now_ms + RAFT_OBSERVER_TTL_MS;
    }
    int64_t wake_ms = min_i64(send_heartbeats(raft), raft_poll_parked(raft));
    wake_ms = min_i64(wake_ms, min_i64(lead->heartbeat_ms, lead->forget_ms));
    return alone ? wake_ms : min_i64(wake_ms, lead->check_quorum_ms);
}

void raft_on_begin_response(struct raft *raft, int32_t from, const struct raft_response *response)
{
    if (response->error != ERR_NONE) {
        log_debug(raft->options.log, "raft", "leadership is not acknowledged",
                  "node=%d by=%d error=%s", raft->options.self.id, from, err_name(response->error));
        raft_peers_back_off(&raft->peers, from, raft->now_ms);
        return;
    }
    for (int i = 0; i < raft->lead.replicas.count; i++) {
        struct raft_progress *replica = &raft->lead.replicas.items[i];
        if (replica->voter && replica->key.id == from) {
            raft_note_read_confirmed(raft, replica);
        }
    }
}

void raft_on_begin_failed(struct raft *raft, int32_t peer)
{
    ASSERT(raft->role == RAFT_ROLE_LEADER);
    for (int i = 0; i < raft->lead.replicas.count; i++) {
        struct raft_progress *replica = &raft->lead.replicas.items[i];
        if (replica->voter && replica->key.id == peer) {
            replica->begin_due = true;
        }
    }
}

/* ---- resigned ---- */

static int64_t known_end(const struct raft *raft, struct raft_key voter)
{
    const struct raft_progress *replica = raft_progress_find(&raft->lead.replicas, voter);
    return replica == NULL ? -1 : replica->end_offset;
}

void raft_order_successors(struct raft *raft)
{
    struct raft_resign *resign = &raft->resign;
    const struct raft_voter_set *voters = raft_voters(raft);
    *resign = (struct raft_resign){0};
    for (int i = 0; i < voters->count; i++) {
        struct raft_key voter = voters->voters[i];
        if (voter.id == raft->options.self.id) {
            continue;
        }
        resign->voters.voters[resign->voters.count++] = voter;
        int at = resign->successor_count++;
        for (; at > 0 && known_end(raft, resign->successors[at - 1]) < known_end(raft, voter);
             at--) {
            resign->successors[at] = resign->successors[at - 1];
        }
        resign->successors[at] = voter;
    }
}

int64_t raft_poll_resigned(struct raft *raft)
{
    struct raft_resign *resign = &raft->resign;
    if (raft->now_ms >= raft->election_ms) {
        /* Into an epoch that this node has not led. */
        ASSERT(raft->hard.epoch < INT32_MAX);
        raft_become_unattached(raft, raft->hard.epoch + 1);
        return RAFT_NEVER;
    }
    int64_t wake_ms = raft->election_ms;
    for (int i = 0; i < resign->voters.count; i++) {
        int32_t id = resign->voters.voters[i].id;
        if ((resign->told >> i & 1) != 0) {
            continue;
        }
        int64_t ready_ms = raft_peers_ready_ms(&raft->peers, id, raft->now_ms);
        if (ready_ms > raft->now_ms) {
            wake_ms = min_i64(wake_ms, ready_ms);
            continue;
        }
        struct raft_request request = {
            .rpc = RAFT_RPC_END_EPOCH,
            .epoch = raft->hard.epoch,
            .leader_id = raft->options.self.id,
            .u.end = {.successor_count = resign->successor_count},
        };
        memcpy(request.u.end.successors, resign->successors, sizeof resign->successors);
        raft_send(raft, id, &request);
    }
    return wake_ms;
}

void raft_on_end_response(struct raft *raft, int32_t from, const struct raft_response *response)
{
    ASSERT(raft->role == RAFT_ROLE_RESIGNED);
    if (response->error != ERR_NONE) {
        raft_peers_back_off(&raft->peers, from, raft->now_ms);
        return;
    }
    for (int i = 0; i < raft->resign.voters.count; i++) {
        if (raft->resign.voters.voters[i].id == from) {
            raft->resign.told |= 1u << i;
        }
    }
}
