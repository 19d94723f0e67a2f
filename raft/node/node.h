/* A member of the metadata quorum: the Raft core (raft/raft.h) with a log, a clock and peers.
 *
 * A controller is a voter (or waits to be one); a broker is an observer that only follows the log.
 * Both use the same calls:
 *
 *     struct node_options options = {.loop = loop, .fs = fs, .dir = "/data/meta", ...};
 *     TRY(node_new(&options, &node));      opens and re-validates the log; nothing is sent yet
 *     node_start(node);                    from now on the listener is called
 *     TRY(node_append(node, epoch, &records, &base));    leader only; commit shows as on_commit
 *     TRY(node_snapshot_write(node, &place, &source));   the owner's state, in the background
 *     node_shutdown(node, done, arg);      a leader hands over first
 *     node_free(node);                     after `done`, or at any time to simulate a crash
 *
 * Threading: everything, callbacks included, happens on `loop`. Writes and fdatasync run through
 * the loop's workers, so that no call here waits for the disk once the node is started.
 *
 * Durability: a voter answers and asks only for what it has fdatasync'ed; quorum-state is replaced
 * (write, fsync, rename, fsync of the directory) before anything that depends on it is sent. A
 * failed write or fsync ends in on_fatal: the process must stop.
 *
 * Files, all of Kafka's form (KIP-595, KIP-630, KIP-853):
 *     <dir>/.lock                      held while the node lives (KAFKA-14557)
 *     <dir>/bootstrap.checkpoint       the first records of the cluster (feature levels), and
 *     <dir>/__cluster_metadata-0/00000000000000000000-0000000000.checkpoint
 *                                      its first voters; both are written by node_format()
 *     <dir>/__cluster_metadata-0/      the log, quorum-state beside it, and snapshots, named by
 *                                      the place in the log: <end offset>-<epoch>.checkpoint
 *
 * Snapshots (KIP-630): the owner writes its state now and then; what the log has before it may go
 * then (metadata.max.retention.*). A node that starts, and one that has fallen behind the beginning
 * of its leader's log, loads the newest one in place of what it lacks. snapshot.h and log_reader.h
 * read the files of a node that does not run. */
#ifndef RAFT_NODE_NODE_H
#define RAFT_NODE_NODE_H

#include "base/err.h"
#include "base/log.h"
#include "base/slice.h"
#include "base/uuid.h"

struct net_loop;
struct net_request;
struct node;
struct store_fs;
struct store_log;

/* A voter, or (id −1) an address where somebody of the quorum can be asked. */
struct node_voter {
    int32_t id;
    struct uuid directory_id; /* zero: not known (kraft.version 0) */
    const char *host;
    uint16_t port;
};

enum {
    NODE_VOTERS_MAX = 15,            /* larger quorums only slow every commit down */
    NODE_APPEND_BYTES_MAX = 8 << 20, /* one batch, as in Kafka */
};

/* Committed records, in order and without gaps of offsets. Everything is borrowed for the call. */
struct node_batch {
    int64_t base_offset;
    int64_t last_offset;
    int32_t epoch;
    int64_t append_timestamp_ms;
    uint32_t bytes;                    /* in the log */
    bool control;                      /* a control batch: `count` is 0, the offsets count */
    const struct slice *record_values; /* a null slice for a record without value */
    int count;
};

/* Which snapshot: the state after all records of the log before `end_offset`. {0, 0}: what was
 * there before the log began, as `craft format` left it. */
struct node_snapshot_place {
    int64_t end_offset;
    int32_t epoch;               /* of the record before `end_offset` */
    int64_t append_timestamp_ms; /* of that record */
};

/* What the owner of the node hears. Every pointer may be NULL. Calls into the node are allowed from
 * inside a callback, node_free() excepted. */
struct node_listener {
    void *arg;

    /* A whole state that takes the place of everything delivered before: begin, batches, end, maybe
     * over several turns of the loop, with other callbacks (but no on_commit) in between; a begin
     * without the end of the one before replaces that one, too. It comes at the start of the node
     * (with place {0, 0}: the bootstrap snapshot, if it has records), and later if the node has
     * fallen behind what its leader still has; never while it leads. The offsets of the batches are
     * 0-based inside the snapshot and say nothing about the log's. After the end, the next
     * on_commit begins at place->end_offset. */
    void (*on_snapshot_begin)(void *arg, const struct node_snapshot_place *place);
    void (*on_snapshot)(void *arg, const struct node_batch *batch);
    void (*on_snapshot_end)(void *arg, const struct node_snapshot_place *place);

    /* Every committed batch of the log, control batches included, from offset 0 or from the end of
     * the snapshot delivered before. */
    void (*on_commit)(void *arg, const struct node_batch *batch);

    /* The leader is known (id ≥ 0), or not any more (id −1). `host` is NULL while its address is
     * not known; the call is repeated when it becomes known. */
    void (*on_leader)(void *arg, int32_t leader_id, int32_t epoch, const char *host, uint16_t port);

    /* This node leads `epoch` and everything before `next_offset`, the epoch's leader-change record
     * included, has been delivered (KAFKA-15345): the first node_append() gets `next_offset`. */
    void (*on_claim)(void *arg, int32_t epoch, int64_t next_offset);

    /* This node does not lead `epoch` any more; only after on_claim of the same epoch. Appends that
     * were not committed may or may not survive: what on_commit shows later is the truth. */
    void (*on_resign)(void *arg, int32_t epoch);

    /* The node cannot go on (disk failure, broken invariant); it does nothing any more. */
    void (*on_fatal)(void *arg, enum err error, const char *what);
};

/* The settings controller.quorum.*; 0 takes Kafka's default, in brackets. */
struct node_timers {
    int32_t election_timeout_ms; /* [1000] a voter without a leader campaigns after 1 to 2 × */
    int32_t fetch_timeout_ms;    /* [2000] a follower without a fetch from its leader campaigns */
    int32_t request_timeout_ms;  /* [2000] */
    int32_t retry_backoff_ms;    /* [20] */
    int32_t election_backoff_max_ms; /* [1000] */
};

/* How much of the past is kept; Kafka's settings, 0 takes their default. */
struct node_retention {
    int64_t bytes;         /* metadata.max.retention.bytes [100 MiB]; < 0: no limit. Of the log and
                              its snapshots together; the newest snapshot always stays */
    int64_t ms;            /* metadata.max.retention.ms [7 days]; < 0: no limit */
    int32_t segment_bytes; /* metadata.log.segment.bytes [1 GiB] */
    int64_t segment_ms;    /* metadata.log.segment.ms [7 days] */
};

/* Strings and arrays are copied; `loop`, `fs` and `log` must outlive the node. */
struct node_options {
    struct net_loop *loop;
    const struct store_fs *fs;
    const char *dir; /* metadata.log.dir; must exist */
    bool dir_locked; /* the caller holds its .lock already, as it has other logs there */
    int32_t node_id;
    struct uuid directory_id;
    const char *cluster_id;
    bool is_controller; /* may vote and lead if the voter set holds it; always syncs its log */
    bool auto_join;     /* a controller that is no voter asks to become one (change.h) */
    const char *listener_name; /* of the controllers' listener in voter records; NULL: CONTROLLER */
    /* controller.quorum.voters (ids ≥ 0) or controller.quorum.bootstrap.servers (ids −1). Voters
     * given here are the voter set as long as neither the log nor the bootstrap snapshot has one.
     */
    const struct node_voter *voters;
    int voter_count;
    struct node_timers timers;
    struct node_retention retention;
    uint64_t seed; /* of the timers' randomness; must differ between nodes */
    struct log *log;
    struct node_listener listener;
};

/* Locks `dir`, recovers the log (every batch is checked, a torn tail is cut), reads quorum-state
 * and bootstrap.checkpoint. May take long with a long log: call it before the loop serves. Errors:
 * LOCKED, IO, NO_SPACE, CORRUPT, CONFIG (no voters known at all and none to ask). The log says what
 * is wrong and how to mend it. */
enum err node_new(const struct node_options *options, struct node **out) MUST_USE;

/* Begins to take part. */
void node_start(struct node *node);

/* Leaves in order: a leader resigns and names its successors, then waits until another leads, at
 * most 5 s. `done` is called once, on the loop, maybe before this returns. Appends fail from here
 * on, requests are still answered. */
void node_shutdown(struct node *node, void (*done)(void *arg), void *arg);

/* Closes the files and connections without ado and frees. Requests parked here are answered with
 * BROKER_NOT_AVAILABLE. Waits for a disk write that is under way. NULL is allowed. */
void node_free(struct node *node);

/* What is appended; borrowed. */
struct node_records {
    const struct slice *values;
    int count;            /* ≥ 1 */
    int64_t timestamp_ms; /* of the batch, wall clock */
};

/* Appends one atomic batch under `epoch`; the first record has offset *base_offset, the others
 * follow. The values are copied. Committed when on_commit delivers them; lost for sure only when
 * on_commit delivers another batch at their offset.
 * Errors: NOT_CONTROLLER (on_claim(epoch) has not been called, or it is over), MESSAGE_TOO_LARGE,
 * BUSY (too many bytes wait for the disk; try again after a commit). Nothing is appended on error.
 */
enum err node_append(struct node *node, int32_t epoch, const struct node_records *records,
                     int64_t *base_offset) MUST_USE;

/* May the owner answer from its state, as of all that on_commit has delivered? For reads that must
 * not be older than anything anybody has been told was committed when the read began. `done` is
 * called once, never before this returns: ERR_NONE (now, and until the loop turns), or
 * NOT_CONTROLLER (this node does not lead, or does not any more; it ends so within one and a half
 * fetch timeouts when a majority cannot be reached). node_free() ends it the same way. */
void node_read(struct node *node, void (*done)(void *arg, enum err e), void *arg);

/* Gives up leadership of `epoch` if this node has it, e.g. when its state machine failed. */
void node_resign(struct node *node, int32_t epoch);

/* ---- snapshots of the owner's state ---- */

/* Where the records of a snapshot come from. `next` and `close` are called on a worker thread, one
 * call at a time: the state behind them must not change. */
struct node_snapshot_source {
    void *arg;
    /* The value of the next record, valid until the next call; false at the end. */
    bool (*next)(void *arg, struct slice *value);
    /* Lets go of the state; once, after the last `next`. */
    void (*close)(void *arg);
    /* On the loop, once, after `close`: NONE when the snapshot is durable under its name. Not
     * called any more after node_free(). May be NULL. */
    void (*done)(void *owner, enum err error);
    void *owner;
};

/* Writes the state after the records before place->end_offset (which on_commit has delivered, up to
 * the end of a batch) as a snapshot, in the background, while requests go on. Takes the source over
 * if it returns NONE.
 * Errors: BUSY (one is being written or loaded, or the node is not running), EXISTS (there is one
 * at this place or after it), OFFSET_OUT_OF_RANGE (not delivered yet, no such place in the log, or
 * before its beginning). A failed write does not stop the node; the log is kept, and the next one
 * may succeed. */
enum err node_snapshot_write(struct node *node, const struct node_snapshot_place *place,
                             const struct node_snapshot_source *source) MUST_USE;

/* Serves Vote, BeginQuorumEpoch, EndQuorumEpoch, Fetch of __cluster_metadata, FetchSnapshot and
 * DescribeQuorum. Takes over the request: it is answered now or later, exactly once. The caller has
 * checked authorization and that node_handles() the API. */
void node_handle(struct node *node, struct net_request *request);

/* True for the APIs that node_handle() serves. */
bool node_handles(int16_t api_key);

/* The connection to a peer dropped (any connection of this process): a hint that it died. A
 * follower asks its leader at once instead of waiting for a timeout. */
void node_connection_lost(struct node *node, int32_t id);

/* ---- what `craft quorum status` shows ---- */

struct node_replica_state {
    int32_t id;
    struct uuid directory_id;
    int64_t log_end_offset;    /* −1: not known */
    int64_t last_fetch_ms;     /* wall clock; −1: never */
    int64_t last_caught_up_ms; /* wall clock; −1: never */
};

struct node_state {
    const char *role;  /* "leader", "follower", "candidate", "prospective", "unattached", ... */
    int32_t leader_id; /* −1: none known */
    int32_t epoch;
    int64_t high_watermark; /* −1: not known */
    int64_t log_end_offset;
    int64_t flushed_offset;
    int64_t log_start_offset;
    int64_t snapshot_offset; /* where the newest snapshot ends; 0: there is none */
    /* Leader only, else empty; borrowed until the next call into the node. */
    const struct node_replica_state *voters;
    int voter_count;
    const struct node_replica_state *observers;
    int observer_count;
};

void node_describe(struct node *node, struct node_state *out);

/* A look at the node that costs next to nothing and changes nothing, for simulations. */
struct node_glance {
    bool leads;
    int32_t leader_id; /* −1: none known */
    int32_t epoch;
    int64_t high_watermark; /* −1: not known; what it holds has been delivered, or may be */
    int64_t log_end_offset; /* of the log on disk: what waits to be appended is not in it */
    int64_t flushed_offset; /* everything before it survives a power cut */
    int64_t wanted_end;     /* of the log as it should be: lower, when a cut of it has failed */
    struct store_log *log;  /* to be read only */
    /* quorum-state as it is on the disk. A vote is told to nobody before it is there. */
    int32_t saved_epoch;
    int32_t saved_vote; /* −1: none in that epoch */
    struct uuid directory_id;
    /* The newest snapshot: its end and the epoch of the last record in it; 0: none. */
    int64_t snapshot_offset;
    int32_t snapshot_epoch;
};

void node_glance(const struct node *node, struct node_glance *out);

/* The voter set in force with the addresses known (host NULL if not). Borrowed until the loop
 * turns; returns how many. */
int node_voters(struct node *node, const struct node_voter **out);

/* ---- craft format ---- */

struct node_format_options {
    const struct store_fs *fs;
    const char *dir;           /* metadata.log.dir; must exist */
    const char *listener_name; /* NULL: CONTROLLER */
    /* The first voters with their directory ids; 0 voters: a static quorum (kraft.version 0), or an
     * observer that learns the voters from the log. */
    const struct node_voter *voters;
    int voter_count;
    const struct slice *records; /* metadata record values of the bootstrap snapshot */
    int record_count;
    int64_t now_ms; /* wall clock */
};

/* Writes the bootstrap snapshots (header, voters or records, footer: KIP-630, KAFKA-14183), synced.
 * Errors: EXISTS, IO, NO_SPACE. Every first controller must be given the same voters. */
enum err node_format(const struct node_format_options *options) MUST_USE;

#endif
