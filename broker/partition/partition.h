/* The replication state of one partition on one broker: epochs, ISR, high watermark.
 *
 * Pure: events in, effects out; no log, no clock, no socket. The driver (broker/replica.c) owns the
 * log and tells this machine what happened to it; every function that may move the high watermark
 * or want a new ISR says so in its `struct partition_effects`, and the driver obeys:
 *
 *     leader:   append to the log → partition_appended() → wake fetches, complete produces
 *               follower's Fetch  → partition_fetched()  → complete produces, send AlterPartition
 *               timer             → partition_check_lag()→ send AlterPartition
 *               answer            → partition_isr_answered()
 *     follower: leader's Fetch response appended → partition_follower_appended()
 *
 * Rules (KIP-101, KIP-279, KIP-320, KIP-497, KIP-903, KIP-966):
 * - A state with an older partition epoch than the known one is ignored.
 * - high watermark = lowest log end offset over the maximal ISR (committed ∪ proposed) and over
 *   the replicas that are caught up and may join; it never goes back while leading, and stands
 *   still while the ISR is smaller than min.insync.replicas.
 * - A proposed expansion counts for the high watermark at once, a proposed shrink only when the
 *   controller has committed it. One proposal is in flight at a time.
 * - A proposal counts until no copy of it can be accepted any more. When one copy was refused and
 *   another was never answered, it is withdrawn: the ISR as it is becomes a newer partition epoch.
 * - A replica joins the ISR when its log end offset has reached the high watermark and the start
 *   of this leader epoch, in its current incarnation (broker epoch, KAFKA-14617).
 * - A consumer may not see this leader's offsets before its high watermark has reached the start
 *   of its epoch.
 *
 * Threading: one owner at a time. */
#ifndef BROKER_PARTITION_PARTITION_H
#define BROKER_PARTITION_PARTITION_H

#include "base/err.h"
#include "base/uuid.h"

enum {
    PARTITION_REPLICAS_MAX = 32, /* far above any sane replication factor; bounds our arrays */
    PARTITION_NO_LEADER = -1
};

enum partition_role { PARTITION_ROLE_OFFLINE, PARTITION_ROLE_LEADER, PARTITION_ROLE_FOLLOWER };

/* What the controller decided, from the metadata image or an AlterPartition answer. */
struct partition_state {
    int32_t leader; /* PARTITION_NO_LEADER: none */
    int32_t leader_epoch;
    int32_t partition_epoch;
    bool recovering; /* LeaderRecoveryState RECOVERING: elected uncleanly */
    int32_t replicas[PARTITION_REPLICAS_MAX];
    int replicas_count;
    int32_t isr[PARTITION_REPLICAS_MAX];
    int isr_count;
};

struct partition_config {
    int32_t min_insync_replicas;
    int64_t replica_lag_time_max_ms;
};

/* What the driver has to do now. */
struct partition_effects {
    bool high_watermark_moved; /* complete parked produces, wake fetches that wait for it */
    bool isr_wanted;           /* call partition_propose_isr() and send AlterPartition */
    bool log_starts_moved;     /* a follower's did: the low watermark may be another */
};

/* A follower as its leader sees it. */
struct partition_remote {
    int32_t id;
    int64_t broker_epoch;   /* of its last fetch; −1 unknown */
    int64_t log_end_offset; /* its fetch offset; −1 before its first fetch in this epoch */
    int64_t log_start_offset;
    int64_t last_fetch_ms;
    int64_t last_fetch_leader_leo; /* our log end offset when it fetched last */
    int64_t last_caught_up_ms;
};

/* The ISR as it would be, offered to the controller, always with LeaderRecoveryState RECOVERED: a
 * leader elected uncleanly has nothing to recover beyond its own log (KIP-704). */
struct partition_proposal {
    int32_t leader_epoch;
    int32_t partition_epoch;
    int32_t isr[PARTITION_REPLICAS_MAX];
    int64_t broker_epochs[PARTITION_REPLICAS_MAX]; /* −1: unknown */
    int isr_count;
};

/* Whether a broker may be in an ISR now, by the metadata image. */
struct partition_eligibility {
    /* False when the broker is unknown, fenced or shutting down. `broker_epoch` is its epoch by
     * the image. */
    bool (*check)(void *arg, int32_t broker_id, int64_t *broker_epoch);
    void *arg;
};

struct partition {
    struct partition_config config;
    int32_t local_id;
    int64_t local_broker_epoch;
    enum partition_role role;
    struct partition_state state; /* the newest committed state */
    bool known;                   /* a state was applied at least once */

    int64_t log_start_offset;
    int64_t log_end_offset;
    int64_t high_watermark;     /* log_start_offset ≤ it ≤ log_end_offset */
    int64_t epoch_start_offset; /* leader: log end offset when its epoch began */

    struct partition_remote remotes[PARTITION_REPLICAS_MAX]; /* leader: all replicas but me */
    int remotes_count;

    bool proposal_in_flight;
    bool proposal_unanswered; /* once or more: a copy of it may still be on its way */
    bool withdrawing;         /* it was refused, but such a copy might be accepted */
    struct partition_proposal proposal;
};

/* A partition that is not served yet, with the offsets its log has.
 * `high_watermark` is clamped into [log start, log end]. */
void partition_init(struct partition *p, int32_t local_id, const struct partition_config *config);
void partition_set_log(struct partition *p, int64_t log_start, int64_t log_end,
                       int64_t high_watermark);

/* ---- controller decisions (broker/partition/partition.c) ---- */

enum partition_change {
    PARTITION_CHANGE_NONE,         /* older or equal partition epoch: ignored */
    PARTITION_CHANGE_SAME_EPOCH,   /* ISR or replicas changed, leader epoch as before */
    PARTITION_CHANGE_NEW_LEADER,   /* a new epoch of mine: note the epoch's start in the log */
    PARTITION_CHANGE_NEW_FOLLOWER, /* follow the leader of a new epoch */
    PARTITION_CHANGE_OFFLINE       /* no leader: serve nothing */
};

/* Applies a committed state. As a new leader: remotes are reset, the epoch starts at the log end.
 * `effects` may ask for completion of waiters. */
enum partition_change partition_apply(struct partition *p, const struct partition_state *state,
                                      int64_t now_ms, struct partition_effects *effects);

/* ---- leader (broker/partition/leader.c) ---- */

/* The leader's log grew to `log_end`. */
void partition_appended(struct partition *p, int64_t log_end, int64_t now_ms,
                        const struct partition_eligibility *may_join,
                        struct partition_effects *effects);

struct partition_fetch {
    int32_t replica_id;
    int64_t broker_epoch; /* −1: an old follower that does not say */
    int64_t fetch_offset; /* everything below it is in the follower's log */
    int64_t log_start_offset;
};

/* A follower fetched. UNKNOWN_LEADER… checks are the caller's; an id that is not a replica gives
 * ERR_NOT_LEADER_OR_FOLLOWER, a smaller broker epoch than seen ERR_NOT_LEADER_OR_FOLLOWER too
 * (a fetch that a dead incarnation sent). */
enum err partition_fetched(struct partition *p, const struct partition_fetch *fetch, int64_t now_ms,
                           const struct partition_eligibility *may_join,
                           struct partition_effects *effects) MUST_USE;

/* A follower whose last fetch had everything (it asked for our end) went on to fetch the same until
 * `until_ms`, without our being told each time: a fetch session names only what changed. To be
 * called before its next fetch counts, and when the log has grown. */
void partition_stayed(struct partition *p, int32_t replica_id, int64_t until_ms);

/* Asks for a shrink when a member of the ISR has lagged for replica.lag.time.max.ms. */
void partition_check_lag(struct partition *p, int64_t now_ms,
                         const struct partition_eligibility *may_join,
                         struct partition_effects *effects);

/* Whether acks=all may append now: ERR_NOT_ENOUGH_REPLICAS while the ISR is too small. */
enum err partition_check_min_isr(const struct partition *p) MUST_USE;

/* State of an acks=all write whose last offset is below `required_offset`. */
enum partition_ack { PARTITION_ACK_WAIT, PARTITION_ACK_DONE, PARTITION_ACK_NOT_ENOUGH_REPLICAS };
enum partition_ack partition_acked(const struct partition *p, int64_t required_offset);

/* Checks the leader epoch that a request carries (KIP-320): −1 skips; older →
 * ERR_FENCED_LEADER_EPOCH, newer → ERR_UNKNOWN_LEADER_EPOCH. */
enum err partition_check_epoch(const struct partition *p, int32_t current_leader_epoch) MUST_USE;

/* The lowest log start offset over me and all replicas that `alive` lets count, in the ISR or not
 * (KIP-107): −1 while one of them has not fetched in this epoch. */
int64_t partition_low_watermark(const struct partition *p,
                                const struct partition_eligibility *alive);

/* Whether consumers may be told a latest offset (OFFSET_NOT_AVAILABLE before). */
bool partition_offsets_known(const struct partition *p);

/* ---- ISR proposals (broker/partition/isr.c) ---- */

/* Builds the ISR that should be and marks it in flight. False: nothing to propose (any more). */
bool partition_propose_isr(struct partition *p, int64_t now_ms,
                           const struct partition_eligibility *may_join,
                           struct partition_proposal *out);

/* What to send again of the proposal in flight: itself, or what withdraws it. */
void partition_repeat_proposal(const struct partition *p, struct partition_proposal *out);

enum partition_isr_outcome {
    PARTITION_ISR_APPLIED, /* the committed state was taken over */
    PARTITION_ISR_DROPPED, /* reverted; a later fetch or check may ask again */
    PARTITION_ISR_WAIT,    /* wait for the metadata log to tell */
    PARTITION_ISR_RETRY    /* partition_repeat_proposal() */
};

/* The controller's answer to the proposal in flight, to be told of every copy that was sent, also
 * when none came (any error of the connection); `state` is its partition state on success, else
 * NULL. */
enum partition_isr_outcome partition_isr_answered(struct partition *p, enum err error,
                                                  const struct partition_state *state,
                                                  int64_t now_ms,
                                                  struct partition_effects *effects);

/* ---- follower (broker/partition/follower.c) ---- */

/* Batches from the leader were appended; `leader_hw` and `leader_log_start` are from its response.
 * The follower's high watermark = min(leader's, own log end offset). */
void partition_follower_appended(struct partition *p, int64_t log_end, int64_t leader_hw,
                                 struct partition_effects *effects);

/* The log was cut (or restarted) so that it now spans [log_start, log_end). */
void partition_truncated(struct partition *p, int64_t log_start, int64_t log_end);

/* Where a follower cuts its log when its leader reports a diverging epoch (KIP-595 style answer in
 * Fetch v12+). `own_epoch`/`own_end` is the local end of the largest epoch ≤ the leader's epoch;
 * if all local epochs are larger, own_epoch is −1 and own_end is where the first of them begins.
 * `again`: the epochs differ, so the next fetch must ask anew.
 * Only for the answer to the newest fetch: an older answer to the same offset may be about a log
 * that was cut and has grown again since, and would cut what is committed. */
struct partition_truncation {
    int64_t offset;
    bool again;
};
struct partition_truncation partition_diverged(const struct partition *p, int32_t leader_epoch,
                                               int64_t leader_end, int32_t own_epoch,
                                               int64_t own_end);

/* ---- shared ---- */

bool partition_in_isr(const struct partition *p, int32_t id);

/* Asserts every invariant of the head of this file; O(replicas). */
void partition_verify(const struct partition *p);

#endif
