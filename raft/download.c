/* A follower that needs what its leader's log has no more: gets the leader's newest snapshot, piece
 * by piece, and puts it in the place of its log (KIP-630).
 *
 *     Fetch -> "load this"      on_offer        FetchSnapshot at position 0
 *     a piece                   on_..._response WRITE it; FetchSnapshot at the next position
 *     the last piece            checking        the driver syncs and checks; a Fetch now and then
 *                                               shows that both sides live
 *     SNAPSHOT_CHECKED          install         the log is empty and goes on at the snapshot's end
 *
 * A request that fails is repeated at the same position. */
#include "raft/private.h"

/* So many times within the fetch timeout a follower that checks a snapshot, or waits for a better
 * one, says that it lives. */
enum { SIGNS_PER_TIMEOUT = 4 };

static int64_t sign_of_life_ms(const struct raft *raft)
{
    return raft->now_ms + max_i64(1, raft->options.fetch_timeout_ms / SIGNS_PER_TIMEOUT);
}

void raft_drop_download(struct raft *raft)
{
    struct raft_loading *loading = &raft->loading;
    if (!loading->active) {
        return;
    }
    raft->update->download =
        (struct raft_download){.kind = RAFT_DOWNLOAD_DROP, .snapshot = loading->snapshot};
    loading->active = false;
}

/* It cannot be used; the leader may have a better one in a while. */
static void give_up(struct raft *raft, const char *why)
{
    struct raft_loading *loading = &raft->loading;
    int64_t pause_ms = min_i64((int64_t)RAFT_LOAD_BACKOFF_MS << min_i64(loading->failures, 20),
                               RAFT_LOAD_BACKOFF_MAX_MS);
    log_warn(raft->options.log, "raft", "gives up a snapshot",
             "node=%d leader=%d end=%" PRId64 " epoch=%d reason=\"%s\" again_in_ms=%" PRId64,
             raft->options.self.id, raft->hard.leader_id, loading->snapshot.offset,
             loading->snapshot.epoch, why, pause_ms);
    raft_drop_download(raft);
    loading->failures++;
    loading->again_ms = raft->now_ms + pause_ms;
    loading->keep_off_ms = sign_of_life_ms(raft);
}

/* What is committed here must be in it, and more: else this node would not need it. */
static bool offer_fits(const struct raft *raft, struct raft_position snapshot)
{
    return snapshot.offset > max_i64(raft->high_watermark, 0) && snapshot.epoch >= 1 &&
           snapshot.epoch <= raft->hard.epoch && snapshot.epoch >= raft->trail.base.epoch;
}

void raft_on_offer(struct raft *raft, struct raft_position snapshot)
{
    struct raft_loading *loading = &raft->loading;
    if (loading->active || raft->now_ms < loading->again_ms) {
        loading->keep_off_ms = sign_of_life_ms(raft);
        return;
    }
    loading->snapshot = snapshot;
    if (!offer_fits(raft, snapshot)) {
        give_up(raft, "it has less than what is committed here, or an epoch that cannot be");
        return;
    }
    log_info(raft->options.log, "raft", "loads a snapshot",
             "node=%d leader=%d end=%" PRId64 " epoch=%d log_end=%" PRId64, raft->options.self.id,
             raft->hard.leader_id, snapshot.offset, snapshot.epoch, raft->log_end);
    *loading = (struct raft_loading){
        .active = true, .snapshot = snapshot, .size = -1, .failures = loading->failures};
}

void raft_send_fetch_snapshot(struct raft *raft)
{
    ASSERT(raft->loading.active);
    struct raft_request request = {
        .rpc = RAFT_RPC_FETCH_SNAPSHOT,
        .epoch = raft->hard.epoch,
        .u.fetch_snapshot = {.replica = raft->options.self,
                             .snapshot = raft->loading.snapshot,
                             .position = raft->loading.position},
    };
    raft_send(raft, raft->hard.leader_id, &request);
}

static bool piece_fits(const struct raft_loading *loading,
                       const struct raft_fetch_snapshot_response *piece)
{
    return raft_position_eq(piece->snapshot, loading->snapshot) &&
           piece->position == loading->position && piece->length > 0 &&
           (loading->size < 0 || piece->size == loading->size) &&
           piece->length <= piece->size - piece->position;
}

void raft_on_fetch_snapshot_response(struct raft *raft, int32_t from,
                                     const struct raft_response *response)
{
    struct raft_loading *loading = &raft->loading;
    const struct raft_fetch_snapshot_response *piece = &response->u.fetch_snapshot;
    bool wanted = loading->active && !loading->checking && raft->role == RAFT_ROLE_FOLLOWER &&
                  from == raft->hard.leader_id;
    if (wanted && (response->error == ERR_SNAPSHOT_NOT_FOUND ||
                   response->error == ERR_POSITION_OUT_OF_RANGE)) {
        /* It has a newer one then. */
        raft_drop_download(raft);
        raft_peers_back_off(&raft->peers, from, raft->now_ms);
        return;
    }
    if (!raft_is_leaders_answer(raft, from, response) || !wanted) {
        return;
    }
    raft_note_fetched(raft);
    if (!piece_fits(loading, piece)) {
        give_up(raft, "the pieces do not fit");
        return;
    }
    loading->size = piece->size;
    loading->position += piece->length;
    loading->checking = loading->position == loading->size;
    if (loading->checking) {
        loading->keep_off_ms = sign_of_life_ms(raft);
    }
    raft->update->download = (struct raft_download){
        .kind = RAFT_DOWNLOAD_WRITE,
        .snapshot = loading->snapshot,
        .position = piece->position,
        .length = piece->length,
        .last = loading->checking,
    };
}

/* From here on this node is one that has everything before the end of the snapshot. */
static void install(struct raft *raft, const struct raft_voter_set *voters)
{
    struct raft_position snapshot = raft->loading.snapshot;
    raft->loading = (struct raft_loading){0};
    log_info(raft->options.log, "raft", "goes on from a snapshot",
             "node=%d end=%" PRId64 " epoch=%d log_end=%" PRId64, raft->options.self.id,
             snapshot.offset, snapshot.epoch, raft->log_end);
    ASSERT(raft->flushed == raft->log_end);
    ASSERT(snapshot.offset > raft->high_watermark);
    raft_trail_reset(&raft->trail, snapshot);
    raft_voters_reset(&raft->voters, snapshot.offset, voters);
    raft->snapshot = snapshot;
    raft->log_end = snapshot.offset;
    raft->flushed = snapshot.offset;
    raft->high_watermark = snapshot.offset; /* only what is committed is in a snapshot */
    raft->update->install = true;
    raft->update->installed = snapshot;
}

void raft_on_snapshot_checked(struct raft *raft, const struct raft_event *event)
{
    const struct raft_loading *loading = &raft->loading;
    if (!loading->active || !loading->checking ||
        !raft_position_eq(loading->snapshot, event->u.checked.snapshot)) {
        return; /* dropped meanwhile */
    }
    if (event->u.checked.error != ERR_NONE) {
        give_up(raft, "what came is damaged");
        return;
    }
    install(raft, event->u.checked.voters);
}
