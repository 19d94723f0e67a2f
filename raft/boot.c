/* How a core comes to life: what the disk remembers decides the first role. */
#include "raft/private.h"

#include "base/mem.h"

/* Requests that fail again and again are repeated this seldom. */
enum { PEER_BACKOFF_MAX_MS = 1000 };

/* The newest snapshot is a place of the log, and a log that begins later than 0 begins at one. */
static enum err load_snapshot(struct raft *raft, const struct raft_boot *boot)
{
    struct raft_position start = boot->log_start;
    struct raft_position snapshot = boot->snapshot;
    bool whole = start.offset == 0 && start.epoch == 0;
    bool fits = snapshot.offset == 0
                    ? snapshot.epoch == 0 && whole
                    : snapshot.offset >= start.offset && snapshot.offset <= boot->log_end;
    if (!fits || (!whole && (start.offset < 1 || start.epoch < 1)) ||
        !raft_position_eq(snapshot, raft_trail_place(&raft->trail, snapshot.offset))) {
        log_error(raft->options.log, "raft", "snapshot is not of this log",
                  "node=%d start=%" PRId64 " start_epoch=%d end=%" PRId64 " snapshot=%" PRId64
                  " snapshot_epoch=%d",
                  raft->options.self.id, start.offset, start.epoch, boot->log_end, snapshot.offset,
                  snapshot.epoch);
        return ERR_CORRUPT;
    }
    raft->snapshot = snapshot;
    if (snapshot.offset > 0) {
        raft->high_watermark = snapshot.offset;
    }
    return ERR_NONE;
}

static enum err load_log(struct raft *raft, const struct raft_boot *boot)
{
    raft_trail_reset(&raft->trail, boot->log_start);
    for (int i = 0; i < boot->epoch_count; i++) {
        const struct raft_epoch_start *entry = &boot->epochs[i];
        bool ascends = i == 0 ? entry->start == boot->log_start.offset && entry->epoch >= 1 &&
                                    entry->epoch >= boot->log_start.epoch
                              : entry->start > boot->epochs[i - 1].start &&
                                    entry->epoch > boot->epochs[i - 1].epoch;
        if (!ascends || entry->start >= boot->log_end) {
            log_error(raft->options.log, "raft", "epochs of the log do not ascend",
                      "node=%d epoch=%d start=%" PRId64, raft->options.self.id, entry->epoch,
                      entry->start);
            return ERR_CORRUPT;
        }
        raft_trail_assign(&raft->trail, entry->epoch, entry->start);
    }
    if (boot->log_end < boot->log_start.offset ||
        (boot->log_end > boot->log_start.offset) != (boot->epoch_count > 0)) {
        log_error(raft->options.log, "raft", "log has no epochs", "node=%d end=%" PRId64,
                  raft->options.self.id, boot->log_end);
        return ERR_CORRUPT;
    }
    for (int i = 0; i < boot->voters_count; i++) {
        const struct raft_voters_at *entry = &boot->voters[i];
        if (entry->set.count < 1 || entry->set.count > RAFT_VOTERS_MAX || entry->offset < -1 ||
            entry->offset >= boot->log_end + (entry->offset < 0) ||
            (i > 0 && entry->offset <= boot->voters[i - 1].offset)) {
            log_error(raft->options.log, "raft", "voter sets of the log do not ascend",
                      "node=%d offset=%" PRId64, raft->options.self.id, entry->offset);
            return ERR_CORRUPT;
        }
        raft_voters_add(&raft->voters, entry->offset, &entry->set);
    }
    raft->log_end = boot->log_end;
    raft->flushed = boot->log_end;
    return load_snapshot(raft, boot);
}

static void load_role(struct raft *raft, const struct raft_boot *boot)
{
    struct raft_hard_state hard = boot->hard_state;
    int32_t last_epoch = raft_trail_last_epoch(&raft->trail);
    if (last_epoch > hard.epoch) {
        /* quorum-state is older than the log, as after its loss. */
        hard = (struct raft_hard_state){last_epoch, RAFT_NOBODY, {RAFT_NOBODY, UUID_ZERO}};
        raft->unsaved = true;
    }
    raft->hard = hard;
    raft->role = RAFT_ROLE_UNATTACHED;
    /* Sooner than later elections: whoever has a leader refuses the pre-vote, and a cluster that is
     * switched on should not wait. */
    int64_t timeout_ms = raft->options.election_timeout_ms;
    raft->election_ms = raft->now_ms + prng_range(&raft->prng, timeout_ms / 5, timeout_ms / 2);
    if (hard.leader_id == raft->options.self.id) {
        raft->role = RAFT_ROLE_RESIGNED;
        raft->election_ms = raft_draw_election_ms(raft);
        raft_order_successors(raft);
    } else if (hard.leader_id >= 0) {
        raft_become_follower(raft, hard.epoch, hard.leader_id);
    }
}

enum err raft_new(const struct raft_options *options, const struct raft_boot *boot,
                  struct raft **out)
{
    *out = NULL;
    struct raft *raft = MEM_NEW(struct raft);
    raft->options = *options;
    raft->voters.fixed = options->static_voters;
    raft->now_ms = boot->now_ms;
    raft->deadline_ms = boot->now_ms;
    raft->high_watermark = -1;
    raft->shutdown_ms = RAFT_NEVER;
    raft->peers.request_timeout_ms = options->request_timeout_ms;
    raft->peers.backoff_ms = options->retry_backoff_ms;
    raft->peers.backoff_max_ms = PEER_BACKOFF_MAX_MS;
    prng_init(&raft->prng, options->seed);
    enum err e = load_log(raft, boot);
    if (e != ERR_NONE) {
        raft_free(raft);
        return e;
    }
    load_role(raft, boot);
    raft_verify(raft);
    *out = raft;
    return ERR_NONE;
}

void raft_free(struct raft *raft)
{
    if (raft != NULL) {
        raft_trail_fini(&raft->trail);
        raft_voters_fini(&raft->voters);
        raft_progress_fini(&raft->lead.replicas);
        mem_free(raft->lead.reads);
        mem_free(raft);
    }
}
