/* The dispatcher: events to those who handle them, then what is due by the clock, then what has
 * changed. */
#include "raft/private.h"

/* A role polled may become another, which is polled then; the longest chain is that of the only
 * voter: unattached, prospective, candidate, leader. */
enum { POLLS_MAX = 8 };

/* ---- events ---- */

void raft_break(struct raft *raft, const char *why)
{
    raft->broken = why;
    log_error(raft->options.log, "raft", "cannot go on", "node=%d epoch=%d reason=\"%s\"",
              raft->options.self.id, raft->hard.epoch, why);
}

static void on_request(struct raft *raft, uint64_t token, const struct raft_request *request)
{
    switch (request->rpc) {
    case RAFT_RPC_VOTE:
        raft_on_vote_request(raft, token, request);
        break;
    case RAFT_RPC_BEGIN_EPOCH:
        raft_on_begin_request(raft, token, request);
        break;
    case RAFT_RPC_END_EPOCH:
        raft_on_end_request(raft, token, request);
        break;
    case RAFT_RPC_FETCH:
        raft_on_fetch_request(raft, token, request);
        break;
    case RAFT_RPC_FETCH_SNAPSHOT:
        raft_on_fetch_snapshot_request(raft, token, request);
        break;
    }
}

static void on_response(struct raft *raft, int32_t peer, uint64_t id,
                        const struct raft_response *response)
{
    bool expected = raft_peers_succeeded(&raft->peers, peer, id);
    enum raft_role role = raft->role;
    int32_t epoch = raft->hard.epoch;
    /* Epochs and leaders are facts, however late they come. */
    if (!raft_learn(raft, response->leader_epoch, response->leader_id)) {
        raft_break(raft, "two leaders of one epoch");
        return;
    }
    bool same = role == raft->role && epoch == raft->hard.epoch;
    if (!expected) {
        return;
    }
    switch (response->rpc) {
    case RAFT_RPC_FETCH: /* may be what made this node a follower */
        raft_on_fetch_response(raft, peer, response);
        break;
    case RAFT_RPC_FETCH_SNAPSHOT:
        raft_on_fetch_snapshot_response(raft, peer, response);
        break;
    case RAFT_RPC_VOTE:
        if (same) {
            raft_on_vote_response(raft, peer, response);
        }
        break;
    case RAFT_RPC_BEGIN_EPOCH:
        if (same) {
            raft_on_begin_response(raft, peer, response);
        }
        break;
    case RAFT_RPC_END_EPOCH:
        if (same) {
            raft_on_end_response(raft, peer, response);
        }
        break;
    }
}

static void on_failed(struct raft *raft, int32_t peer, uint64_t id, bool closed)
{
    if (!raft_peers_failed(&raft->peers, peer, id, raft->now_ms)) {
        return;
    }
    switch (raft_peers_get(&raft->peers, peer)->rpc) {
    case RAFT_RPC_VOTE:
        raft_on_vote_failed(raft, peer, closed);
        break;
    case RAFT_RPC_BEGIN_EPOCH:
        raft_on_begin_failed(raft, peer);
        break;
    case RAFT_RPC_END_EPOCH:
        break; /* told again after the backoff */
    case RAFT_RPC_FETCH:
    case RAFT_RPC_FETCH_SNAPSHOT:
        raft_on_fetch_failed(raft, peer, closed);
        break;
    }
}

static void on_flushed(struct raft *raft, int64_t offset)
{
    ASSERT(offset <= raft->log_end);
    raft->flushed = max_i64(raft->flushed, offset);
    if (raft->role == RAFT_ROLE_LEADER) {
        raft_advance_high_watermark(raft);
    }
}

static void on_shutdown(struct raft *raft, int64_t wait_ms_max)
{
    raft->shutdown_ms = raft->now_ms + wait_ms_max;
    int others = raft_voters(raft)->count - (raft_is_voter(raft) ? 1 : 0);
    raft->shutdown_waits =
        (raft->role == RAFT_ROLE_LEADER || raft->role == RAFT_ROLE_RESIGNED) && others > 0;
    if (raft->role == RAFT_ROLE_LEADER) {
        raft_become_resigned(raft, "shutting down");
    } else if (raft->role == RAFT_ROLE_PROSPECTIVE) {
        raft_give_up_campaign(raft);
    } else if (raft->role == RAFT_ROLE_CANDIDATE) {
        raft_become_unattached(raft, raft->hard.epoch);
    }
}

static void dispatch(struct raft *raft, const struct raft_event *event)
{
    switch (event->type) {
    case RAFT_EVENT_TICK:
        break;
    case RAFT_EVENT_REQUEST:
        on_request(raft, event->u.request.token, event->u.request.request);
        break;
    case RAFT_EVENT_RESPONSE:
        on_response(raft, event->u.response.peer, event->u.response.id, event->u.response.response);
        break;
    case RAFT_EVENT_FAILED:
        on_failed(raft, event->u.failed.peer, event->u.failed.id, event->u.failed.closed);
        break;
    case RAFT_EVENT_CONNECTION_LOST:
        raft_on_connection_lost(raft, event->u.lost.peer);
        break;
    case RAFT_EVENT_FLUSHED:
        on_flushed(raft, event->u.flushed.offset);
        break;
    case RAFT_EVENT_APPEND:
        raft_on_append(raft, event->u.append.epoch, event->u.append.count);
        break;
    case RAFT_EVENT_CHANGE:
        raft_on_change(raft, &event->u.change);
        break;
    case RAFT_EVENT_UPGRADE:
        raft_on_upgrade(raft, event->u.upgrade.voters);
        break;
    case RAFT_EVENT_READ:
        raft_on_read(raft, event->u.read.token);
        break;
    case RAFT_EVENT_RESIGN:
        if (raft->role == RAFT_ROLE_LEADER && event->u.resign.epoch == raft->hard.epoch) {
            raft_become_resigned(raft, "asked to");
        }
        break;
    case RAFT_EVENT_SHUTDOWN:
        on_shutdown(raft, event->u.shutdown.wait_ms_max);
        break;
    case RAFT_EVENT_SNAPSHOT_CHECKED:
        raft_on_snapshot_checked(raft, event);
        break;
    case RAFT_EVENT_SNAPSHOT_TAKEN:
        raft_on_snapshot_taken(raft, event->u.taken.snapshot);
        break;
    case RAFT_EVENT_TRIM:
        raft_on_trim(raft, event->u.trim.to);
        break;
    }
}

/* ---- the step ---- */

static int64_t poll_role(struct raft *raft)
{
    switch (raft->role) {
    case RAFT_ROLE_UNATTACHED:
        return raft_poll_unattached(raft);
    case RAFT_ROLE_PROSPECTIVE:
    case RAFT_ROLE_CANDIDATE:
        return raft_poll_campaign(raft);
    case RAFT_ROLE_LEADER:
        return raft_poll_leader(raft);
    case RAFT_ROLE_RESIGNED:
        return raft_poll_resigned(raft);
    case RAFT_ROLE_FOLLOWER:
        return raft_poll_follower(raft);
    }
    UNREACHABLE();
}

/* Does what is due; a change of role calls for another look. */
static void poll(struct raft *raft)
{
    enum raft_role role;
    int32_t epoch;
    int polls = 0;
    do {
        ASSERT(polls++ < POLLS_MAX);
        role = raft->role;
        epoch = raft->hard.epoch;
        raft->deadline_ms = poll_role(raft);
    } while (role != raft->role || epoch != raft->hard.epoch);
    if (raft->shutdown_waits) {
        raft->deadline_ms = min_i64(raft->deadline_ms, raft->shutdown_ms);
    }
    /* Time that stands still must not make the caller spin (KAFKA-17751). */
    raft->deadline_ms = max_i64(raft->deadline_ms, raft->now_ms + 1);
}

static bool hard_state_eq(const struct raft_hard_state *a, const struct raft_hard_state *b)
{
    return a->epoch == b->epoch && a->leader_id == b->leader_id && a->voted.id == b->voted.id &&
           uuid_eq(a->voted.directory_id, b->voted.directory_id);
}

static void finish_shutdown(struct raft *raft)
{
    bool through = !raft->shutdown_waits || raft->role == RAFT_ROLE_FOLLOWER ||
                   raft->now_ms >= raft->shutdown_ms;
    raft->update->shutdown_done = raft_shutting_down(raft) && through;
}

enum err raft_step(struct raft *raft, const struct raft_event *event, struct raft_update *update)
{
    raft_update_reset(update);
    if (raft->broken != NULL) {
        return ERR_UNKNOWN_SERVER_ERROR;
    }
    raft->update = update;
    raft->now_ms = max_i64(raft->now_ms, event->now_ms);
    struct raft_hard_state hard = raft->hard;
    enum raft_role role = raft->role;
    int32_t leader_id = raft_leader(raft);
    int64_t high_watermark = raft->high_watermark;

    dispatch(raft, event);
    if (raft->broken != NULL) {
        return ERR_UNKNOWN_SERVER_ERROR;
    }
    poll(raft);

    update->save = raft->unsaved || !hard_state_eq(&hard, &raft->hard);
    raft->unsaved = false;
    update->hard_state = raft->hard;
    update->high_watermark_moved = high_watermark != raft->high_watermark;
    update->changed =
        role != raft->role || leader_id != raft_leader(raft) || hard.epoch != raft->hard.epoch;
    finish_shutdown(raft);
    raft->update = NULL;
#ifdef CRAFT_VERIFY
    raft_verify(raft);
#endif
    return ERR_NONE;
}

int64_t raft_deadline(const struct raft *raft)
{
    return raft->deadline_ms;
}
