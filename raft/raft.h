/* KRaft consensus as a pure state machine: an event in, the effects out.
 *
 *     raft_new(&options, &boot, &raft);
 *     for (;;) {
 *         wait for a message, a completed fdatasync, a client, or until raft_deadline(raft);
 *         raft_step(raft, &event, &update);
 *         obey `update`, in the order of its fields;
 *     }
 *
 * The core has no clock, no I/O and no globals: time comes with the event, chance from a generator
 * inside the structure. It knows the log only as metadata: where it ends, up to where it is
 * synced, and which epoch begins where. Bytes stay with the caller.
 *
 * Protocol: KIP-595 (pull replication; followers fetch), KIP-853 (voters are records of the log,
 * vote fields carry directory ids), KIP-996 (pre-vote), KIP-1166 (the fetch tells the follower's
 * high watermark), KIP-630 (snapshots; what is in them is the caller's). The history of voter sets
 * is keyed by offset and truncated with the log.
 *
 * Invariants (raft_verify() checks what one node can see, the simulator the rest):
 *   - An epoch has at most one leader; a node leads an epoch at most once in all its lives.
 *   - A node votes at most once in an epoch, in all its lives.
 *   - A fetch at offset O promises that everything before O is synced on that node.
 *   - A read is confirmed only by a node that nobody has replaced since the read came.
 *   - The high watermark moves only to what a majority has synced, only past the leader-change
 *     record of the leader's own epoch, and never back; the log is never cut below it.
 *   - A snapshot holds committed records only. A log that does not begin at offset 0 begins at the
 *     end of a snapshot, or before it.
 *   - A leader changes the voter set by one voter at a time, after it has committed a record of its
 *     own epoch and the set before; the new set counts as soon as it stands in the log. The first
 *     set of static voters that become records has the same ids.
 *
 * Ownership: events are borrowed for the step; an update belongs to the caller and is valid until
 * it is used for the next step. */
#ifndef RAFT_RAFT_H
#define RAFT_RAFT_H

#include "base/err.h"
#include "base/log.h"
#include "base/uuid.h"

struct raft;

enum {
    RAFT_NOBODY = -1,          /* no leader, no vote */
    RAFT_VOTERS_MAX = 15,      /* a larger quorum only slows every commit down */
    RAFT_BOOTSTRAP_MAX = 32,   /* addresses to find the quorum by */
    RAFT_BOOTSTRAP_FIRST = -2, /* the first such address as a destination, then −3, −4, … */
    RAFT_OBSERVERS_MAX = 4096, /* brokers that a leader keeps track of */
    RAFT_FETCH_WAIT_MS = 500,  /* how long a leader parks a fetch that has nothing to give */
};

/* A replica is a node together with its disk: with a new directory it has forgotten its votes. A
 * zero directory id means unknown and equals any. */
struct raft_key {
    int32_t id;
    struct uuid directory_id;
};

bool raft_key_matches(struct raft_key a, struct raft_key b);

struct raft_voter_set {
    int count;
    struct raft_key voters[RAFT_VOTERS_MAX];
};

/* A place in the log between two records: everything before `offset` has been there, the last of
 * it in `epoch`. {0, 0} is the very beginning. A snapshot is named by its place: it holds the state
 * after all records before `offset` (KIP-630). */
struct raft_position {
    int64_t offset;
    int32_t epoch;
};

static inline bool raft_position_eq(struct raft_position a, struct raft_position b)
{
    return a.offset == b.offset && a.epoch == b.epoch;
}

/* The index of the voter that matches `key`, or −1. */
int raft_voter_set_find(const struct raft_voter_set *set, struct raft_key key);

enum raft_role {
    RAFT_ROLE_UNATTACHED,  /* knows an epoch but not its leader; may have voted in it */
    RAFT_ROLE_PROSPECTIVE, /* asks whether an election would be won, changes no epoch */
    RAFT_ROLE_CANDIDATE,   /* campaigns for its epoch */
    RAFT_ROLE_LEADER,
    RAFT_ROLE_RESIGNED, /* led this epoch, in this life or the one before, and does not any more */
    RAFT_ROLE_FOLLOWER, /* fetches from the leader; a voter, or an observer */
};

/* "leader", "follower", … */
const char *raft_role_name(enum raft_role role);

/* ---- messages ---- */

enum raft_rpc {
    RAFT_RPC_VOTE,
    RAFT_RPC_BEGIN_EPOCH,
    RAFT_RPC_END_EPOCH,
    RAFT_RPC_FETCH,
    RAFT_RPC_FETCH_SNAPSHOT,
};

struct raft_vote_request {
    struct raft_key candidate;
    struct raft_key voter; /* who is asked; id −1 from callers that do not say */
    int64_t last_offset;   /* the candidate's log end offset */
    int32_t last_epoch;    /* of its last record, 0 with an empty log */
    bool pre_vote;
};

struct raft_begin_epoch_request {
    struct raft_key voter;
};

struct raft_end_epoch_request {
    struct raft_key successors[RAFT_VOTERS_MAX]; /* best first */
    int successor_count;
};

struct raft_fetch_request {
    struct raft_key replica; /* id −1: a reader that is no replica */
    int64_t offset;
    int32_t last_epoch;     /* of the record before `offset`, 0 if there is none */
    int64_t high_watermark; /* the follower's; INT64_MAX from callers that do not say */
    int32_t wait_ms_max;
};

struct raft_fetch_snapshot_request {
    struct raft_key replica;
    struct raft_position snapshot;
    int64_t position; /* of the first byte wanted */
};

struct raft_request {
    enum raft_rpc rpc;
    int32_t epoch;     /* of the sender; of the candidate, for a vote */
    int32_t leader_id; /* BEGIN_EPOCH, END_EPOCH: the sender */
    union {
        struct raft_vote_request vote;
        struct raft_begin_epoch_request begin;
        struct raft_end_epoch_request end;
        struct raft_fetch_request fetch;
        struct raft_fetch_snapshot_request fetch_snapshot;
    } u;
};

/* A received batch: bytes are the caller's business. */
struct raft_batch {
    int64_t base_offset;
    int64_t last_offset;
    int32_t epoch;
    const struct raft_voter_set *voters; /* of the KRaftVoters record in it, or NULL */
    int64_t voters_offset;               /* that record's offset */
};

struct raft_fetch_response {
    int64_t high_watermark; /* −1: not known */
    bool diverging;         /* the follower's log is not a prefix of the leader's: */
    int32_t diverging_epoch;
    int64_t diverging_end; /* where the leader's log has the end of `diverging_epoch` */
    bool offers_snapshot;  /* what the follower lacks is not in the leader's log any more: */
    struct raft_position snapshot; /* load this, then go on after it */
    /* Given by the leader: send batches from `from`, as many as fit, up to `to` (none if equal). */
    int64_t from;
    int64_t to;
    /* Received by a follower. */
    const struct raft_batch *batches;
    int batch_count;
};

/* A piece of a snapshot's file. The core of the leader gives name and position; `size` and the
 * bytes are the driver's, and so are SNAPSHOT_NOT_FOUND and POSITION_OUT_OF_RANGE. */
struct raft_fetch_snapshot_response {
    struct raft_position snapshot;
    int64_t position;
    int64_t size;   /* of the file */
    int64_t length; /* received: how many bytes came */
};

struct raft_response {
    enum raft_rpc rpc;
    enum err error;
    int32_t leader_epoch;
    int32_t leader_id;
    union {
        struct {
            bool granted;
        } vote;
        struct raft_fetch_response fetch;
        struct raft_fetch_snapshot_response fetch_snapshot;
    } u;
};

/* ---- events ---- */

/* What an operator wants of the voter set (KIP-853). */
enum raft_change_kind {
    RAFT_CHANGE_ADD,
    RAFT_CHANGE_REMOVE,
    RAFT_CHANGE_UPDATE, /* the set stays, what the record tells of the voter changes: addresses */
};

struct raft_change {
    enum raft_change_kind kind;
    struct raft_key voter; /* with its directory id */
};

enum raft_event_type {
    RAFT_EVENT_TICK,            /* raft_deadline() has come, or nothing at all */
    RAFT_EVENT_REQUEST,         /* a peer asks; answered once through update.answers */
    RAFT_EVENT_RESPONSE,        /* a peer's answer to message `id` */
    RAFT_EVENT_FAILED,          /* message `id` will not be answered */
    RAFT_EVENT_CONNECTION_LOST, /* a hint: the connection to `peer` dropped */
    RAFT_EVENT_FLUSHED,         /* the log is synced */
    RAFT_EVENT_APPEND,          /* a client's batch; the verdict is update.append or update.error */
    RAFT_EVENT_CHANGE,          /* of the voters; the same verdict as for APPEND */
    RAFT_EVENT_UPGRADE,         /* static voters become records (KIP-853, KAFKA-16538); likewise */
    RAFT_EVENT_READ,            /* may the state be read? answered once through update.reads */
    RAFT_EVENT_RESIGN,          /* the state machine cannot lead `epoch` */
    RAFT_EVENT_SHUTDOWN,        /* leave in order; update.shutdown_done when that is through */
    RAFT_EVENT_SNAPSHOT_CHECKED, /* the downloaded snapshot is synced and whole, or it is not */
    RAFT_EVENT_SNAPSHOT_TAKEN,   /* a snapshot of this node's own state is durable */
    RAFT_EVENT_TRIM,             /* the log before a snapshot that is here is not wanted any more */
};

struct raft_event {
    enum raft_event_type type;
    int64_t now_ms; /* any clock that does not go back */
    union {
        struct {
            uint64_t token; /* the caller's name for the request */
            const struct raft_request *request;
        } request;
        struct {
            int32_t peer;
            uint64_t id;
            const struct raft_response *response;
        } response;
        struct {
            int32_t peer;
            uint64_t id;
            bool closed; /* refused or closed, as by a process that is gone; not a timeout */
        } failed;
        struct {
            int32_t peer;
        } lost;
        struct {
            int64_t offset; /* everything before it is synced */
        } flushed;
        struct {
            int32_t epoch;
            int count; /* records, ≥ 1 */
        } append;
        struct raft_change change;
        struct {
            const struct raft_voter_set *voters; /* with their directory ids */
        } upgrade;
        struct {
            uint64_t token; /* the caller's name for the read */
        } read;
        struct {
            int32_t epoch;
        } resign;
        struct {
            int64_t wait_ms_max;
        } shutdown;
        struct {
            struct raft_position snapshot;
            enum err error;                      /* NONE: it is whole */
            const struct raft_voter_set *voters; /* that it holds; NULL: none */
        } checked;
        struct {
            struct raft_position snapshot; /* raft_check_snapshot() said NONE when it was begun */
        } taken;
        struct {
            struct raft_position to;
        } trim;
    } u;
};

/* ---- effects ---- */

/* What must survive: Kafka's quorum-state. */
struct raft_hard_state {
    int32_t epoch;
    int32_t leader_id;     /* RAFT_NOBODY: not known */
    struct raft_key voted; /* id RAFT_NOBODY: none; kept beside the leader so that a follower that
                            * falls back cannot vote twice */
};

enum raft_append_kind {
    RAFT_APPEND_NOTHING,
    RAFT_APPEND_LEADER_CHANGE, /* one control batch: LeaderChange [KRaftVersion, KRaftVoters] */
    RAFT_APPEND_CLIENT,        /* the batch of the APPEND event */
    RAFT_APPEND_VOTERS,        /* one control batch with one record: KRaftVoters */
    RAFT_APPEND_UPGRADE,       /* one control batch with two records: KRaftVersion, KRaftVoters */
    RAFT_APPEND_RECEIVED, /* the first `batch_count` batches of the fetch response, as they are */
};

struct raft_append {
    enum raft_append_kind kind;
    int64_t base_offset;
    int64_t end_offset; /* exclusive */
    int32_t epoch;      /* of a batch made here */
    int batch_count;
    /* VOTERS, UPGRADE: the new set. LEADER_CHANGE: the voters, who granted, and whether the voters
     * become records. */
    struct raft_voter_set voters;
    uint32_t granted; /* bit i: voters.voters[i] granted */
    bool with_voters;
};

/* What becomes of the snapshot that a follower gets from its leader. It is gathered in a place of
 * its own and is no snapshot before it is installed. */
enum raft_download_kind {
    RAFT_DOWNLOAD_NOTHING,
    RAFT_DOWNLOAD_WRITE,
    RAFT_DOWNLOAD_DROP, /* throw away what has come; a check under way counts for nothing */
};

struct raft_download {
    enum raft_download_kind kind;
    struct raft_position snapshot;
    int64_t position; /* of the piece in the event's response; 0: begin a new file */
    int64_t length;
    bool last; /* this was all: sync and check it, then say SNAPSHOT_CHECKED */
};

struct raft_message {
    int32_t to;  /* a node id, or RAFT_BOOTSTRAP_FIRST − i */
    uint64_t id; /* to be told with RESPONSE or FAILED */
    struct raft_request request;
};

struct raft_answer {
    uint64_t token;
    struct raft_response response;
};

/* The verdict on a READ. ERR_NONE: this node was the leader, and nobody else had committed
 * anything, at some time after the READ; whoever has applied all records before `offset` may
 * answer. ERR_NOT_CONTROLLER: this node does not lead, or does not any more. There is a verdict
 * when a majority has answered or this node has given up leading, which it does when too few fetch.
 */
struct raft_read_answer {
    uint64_t token;
    enum err error;
    int64_t offset;
};

/* The fields stand in the order in which they must be obeyed. Effects of one step come before those
 * of the next. */
struct raft_update {
    /* 1. Make `hard_state` durable BEFORE anything below, of this step or a later one, can be seen
     *    from outside. Steps may go on meanwhile. */
    bool save;
    struct raft_hard_state hard_state;

    /* 2. The snapshot that was downloaded takes the place of the log: give it its name, durably,
     *    BEFORE anything below; then empty the log, which goes on at the snapshot's end. (After a
     *    crash in between, the snapshot is found ahead of the log, which must be emptied then.) */
    bool install;
    struct raft_position installed;

    /* 3. Cut the log: records from `truncate_to` on go. */
    bool truncate;
    int64_t truncate_to;

    /* 4. Append, then sync; FLUSHED tells when, in the order of the appends (an observer, which
     *    promises nothing, may be told without a sync). The records may be sent and read before
     *    that, but neither the fetch that acknowledges them nor the leader's own count is earlier.
     */
    struct raft_append append;

    /* 5. The piece of a snapshot that came with the event. */
    struct raft_download download;

    /* 6. Send. Every message ends with one RESPONSE or FAILED, sooner or later; late ones are known
     *    by their id and ignored. */
    struct raft_message *messages;
    int message_count;

    /* 7. Answer. Data ranges are of the log after the steps above. */
    struct raft_answer *answers;
    int answer_count;

    /* 8. Records before `trim_to` may be removed; snapshots that end before it, too. */
    bool trim;
    int64_t trim_to;

    /* 9. The high watermark moved: records before raft_high_watermark() are committed. */
    bool high_watermark_moved;

    /* 10. Tell who asked to read. */
    struct raft_read_answer *reads;
    int read_count;

    /* 11. The role, or the leader that this node believes in, or the epoch changed. */
    bool changed;

    /* 12. SHUTDOWN is through. */
    bool shutdown_done;

    /* APPEND, CHANGE or UPGRADE was refused with this; nothing was appended. `why` is a clause for
     * people, a constant text; NULL after an APPEND. */
    enum err error;
    const char *why;

    int message_cap;
    int answer_cap;
    int read_cap;
};

void raft_update_init(struct raft_update *update);
void raft_update_fini(struct raft_update *update);

/* ---- the machine ---- */

struct raft_options {
    struct raft_key self;
    /* The voter set while the log has none (kraft.version 0); empty: learn it. */
    struct raft_voter_set static_voters;
    int bootstrap_count; /* addresses RAFT_BOOTSTRAP_FIRST … that can be asked for the leader */
    int32_t election_timeout_ms;
    int32_t fetch_timeout_ms;
    int32_t request_timeout_ms;
    int32_t retry_backoff_ms;
    int32_t election_backoff_max_ms;
    uint64_t seed;
    struct log *log; /* borrowed */
};

/* An entry of the offset→epoch map (Kafka's leader-epoch cache). */
struct raft_epoch_start {
    int32_t epoch;
    int64_t start;
};

/* A voter set and the offset of the record that holds it, −1 for the bootstrap snapshot's. */
struct raft_voters_at {
    int64_t offset;
    struct raft_voter_set set;
};

/* What was found on disk. Everything up to `log_end` must be synced. */
struct raft_boot {
    int64_t now_ms;
    struct raft_hard_state hard_state; /* epoch 0, nobody, nobody for a new node */
    /* Where the log begins: {0, 0}, or the name of a snapshot that is here. */
    struct raft_position log_start;
    int64_t log_end;
    struct raft_position snapshot;         /* the newest; {0, 0}: none */
    const struct raft_epoch_start *epochs; /* ascending; the first begins at the log's start */
    int epoch_count;
    const struct raft_voters_at *voters; /* ascending; a snapshot's count as of its last record */
    int voters_count;
};

/* A replica as the leader sees it. */
struct raft_replica {
    struct raft_key key;
    int64_t end_offset; /* −1: not known */
    int64_t last_fetch_ms;
    int64_t last_caught_up_ms; /* −1: never */
};

/* Errors: CORRUPT (what was found cannot have come from this code; the log says what). A node that
 * was leader begins as RESIGNED (KAFKA-10527), one that knew its leader as FOLLOWER, any other as
 * UNATTACHED. The first step, any event, sets things going. */
enum err raft_new(const struct raft_options *options, const struct raft_boot *boot,
                  struct raft **out) MUST_USE;
void raft_free(struct raft *raft);

/* Errors: UNKNOWN_SERVER_ERROR: an invariant of the protocol is broken by this node or a peer
 * (truncation below the high watermark, two leaders of one epoch). Nothing of the update may be
 * obeyed, the process must stop, and further steps fail the same way. */
enum err raft_step(struct raft *raft, const struct raft_event *event,
                   struct raft_update *update) MUST_USE;

/* Step with TICK at this time if nothing happens earlier; always later than the last step. */
int64_t raft_deadline(const struct raft *raft);

enum raft_role raft_role(const struct raft *raft);
int32_t raft_epoch(const struct raft *raft);
int32_t raft_leader(const struct raft *raft);         /* RAFT_NOBODY, or maybe this node */
int64_t raft_high_watermark(const struct raft *raft); /* −1: not known */
int64_t raft_log_end(const struct raft *raft);
int64_t raft_flushed(const struct raft *raft);

/* The offset of the leader-change record of the epoch that this node leads (asserted). */
int64_t raft_epoch_start(const struct raft *raft);

/* The voter set in force, of the newest record even if it is not committed. */
const struct raft_voter_set *raft_voters(const struct raft *raft);
bool raft_is_voter(const struct raft *raft);

/* Where the record of the set in force stands; −1: in the bootstrap snapshot. False: there is no
 * record, the voters are static (kraft.version 0). */
bool raft_voters_offset(const struct raft *raft, int64_t *offset);

/* Would CHANGE be taken at this time? Nothing changes. Errors, as of AddRaftVoter and the like:
 * NOT_LEADER_OR_FOLLOWER, UNSUPPORTED_VERSION (the voters are static), REQUEST_TIMED_OUT (not now:
 * another change is not committed, the leader is new, the new voter lags), DUPLICATE_VOTER,
 * VOTER_NOT_FOUND, INVALID_REQUEST (the last voter, too many, or the new set would have no majority
 * that fetches). `*why` is a clause for people, a constant text. */
enum err raft_check_change(const struct raft *raft, const struct raft_change *change,
                           int64_t now_ms, const char **why) MUST_USE;

/* Would UPGRADE be taken at this time? Nothing changes. `voters` are the static voters, each with
 * the directory from which it follows the log. Errors: NOT_LEADER_OR_FOLLOWER, DUPLICATE_VOTER (the
 * voters are records already), INVALID_REQUEST (other voters, one without a directory id, or no
 * majority that fetches), REQUEST_TIMED_OUT (not now: the leader is new, or a voter has not fetched
 * from that directory yet). */
enum err raft_check_upgrade(const struct raft *raft, const struct raft_voter_set *voters,
                            int64_t now_ms, const char **why) MUST_USE;

/* Where the log begins: what was before it is in a snapshot. {0, 0} while it is whole. */
struct raft_position raft_log_start(const struct raft *raft);

/* The newest snapshot here, {0, 0} if there is none. */
struct raft_position raft_snapshot(const struct raft *raft);

/* May the state after the records before `snapshot` be written as a snapshot? Errors: EXISTS (this
 * one or a newer one is here), OFFSET_OUT_OF_RANGE (beyond the high watermark, before the log's
 * beginning, or the log has no such epoch there). */
enum err raft_check_snapshot(const struct raft *raft, struct raft_position snapshot) MUST_USE;

/* The voters that a snapshot at `end` must hold: those of the newest record before it. NULL: there
 * is no such record. */
const struct raft_voter_set *raft_voters_before(const struct raft *raft, int64_t end);

/* The epoch of the record at `offset`, −1 if there is none. */
int32_t raft_epoch_at(const struct raft *raft, int64_t offset);

/* The replicas that the leader tracks, itself included if it is a voter. False past the end. */
bool raft_replica_at(const struct raft *raft, int index, struct raft_replica *out, bool *voter);

/* Asserts the invariants that this node can see; O(replicas + epochs). */
void raft_verify(const struct raft *raft);

#endif
