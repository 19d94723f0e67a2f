/* The inside of a quorum member.
 *
 * node.c steps the core and keeps the queue of effects; execute.c obeys them in order; log.c and
 * quorum_state.c are the disk; peers.c calls other members, serve.c answers them, both through
 * codec.c; deliver.c tells the owner; address.c knows where everybody is, voters.c what the log
 * says of the voters, which change.c changes (after probe.c has called the new one) and own_entry.c
 * keeps up to date; upgrade.c makes records of static ones; control.c writes control records,
 * bootstrap.c what formatting leaves.
 *
 * Snapshots: snapshots_boot.c finds them, snapshots.c keeps them, snapshot_write.c makes one,
 * download.c gets one from the leader, snapshot_read.c reads one. */
#ifndef RAFT_NODE_PRIVATE_H
#define RAFT_NODE_PRIVATE_H

#include "base/arena.h"
#include "base/list.h"
#include "base/map.h"
#include "net/net.h"
#include "raft/node/node.h"
#include "raft/raft.h"
#include "store/store.h"

#define NODE_TOPIC "__cluster_metadata"
#define NODE_LOG_DIR NODE_TOPIC "-0"

enum {
    NODE_PATH_MAX = 4096,
    NODE_HOST_MAX = 255, /* of a DNS name */
    /* More is not read into memory at once, for a fetch or for the owner; a larger batch is, alone.
     */
    NODE_READ_BYTES = 1 << 20,
    /* Appended here but not synced yet; more is refused with BUSY. */
    NODE_UNSYNCED_BYTES_MAX = 64 << 20,
    NODE_FETCH_BYTES_MAX = 8 << 20,
    NODE_SHUTDOWN_MS = 5000,
    NODE_NAME_MAX = 256, /* of a file */
};

/* ---- addresses ---- */

struct node_address {
    int32_t id;
    char host[NODE_HOST_MAX + 1];
    uint16_t port;
};

/* Where members are, as far as anybody has said; grows with members only. */
struct node_addresses {
    struct node_address *items;
    int count;
    int cap;
};

/* NULL: not known. Valid until the next change. */
const struct node_address *node_address_find(const struct node_addresses *addresses, int32_t id);

/* Takes note; true if that is news. Addresses that cannot be are ignored. */
bool node_address_learn(struct node_addresses *addresses, int32_t id, struct slice host,
                        int32_t port);
void node_addresses_fini(struct node_addresses *addresses);

/* ---- voters ---- */

/* A KRaftVoters record: its value as it stands in the log. */
struct node_voters_at {
    int64_t offset; /* −1: in the bootstrap snapshot */
    void *value;    /* owned */
    size_t len;
};

/* Those of the log, ascending; what the core has as sets (raft/voters.h), with addresses. */
struct node_voters {
    struct node_voters_at *items;
    int count;
    int cap;
};

/* What a static voter has told its leader of itself. */
struct node_report {
    struct arena arena;
    struct wire_voters_record_voters entry; /* its strings are in `arena` */
};

struct node_reports {
    int32_t epoch; /* of that leader */
    struct node_report items[RAFT_VOTERS_MAX];
    int count;
};

/* ---- the log ---- */

struct node_log {
    struct store_files *files;
    struct store_log *store;
    struct net_work_queue *queue; /* one thread: syncs and saves keep their order */
    struct buf bytes;             /* what was read last */
    int64_t synced;               /* everything before it is durable */
    bool flushing;
    int64_t unsynced_bytes; /* appended since the last sync began, or being synced */
    int64_t flushing_bytes;
    int64_t noted;    /* the highest end that may stand in synced.c's file */
    int64_t noted_ms; /* when that was written last */
};

/* ---- effects ---- */

/* What the owner may know once the effects up to here are obeyed. */
struct node_view {
    enum raft_role role;
    int32_t leader_id;
    int32_t epoch;
    int64_t high_watermark;
    int64_t epoch_start; /* leader only */
};

/* The effects of a step that have to wait for those before. */
struct node_effect {
    struct list node;
    struct raft_update update; /* its vectors */
    struct slice given;        /* bytes to append; of the caller, or in */
    struct buf bytes;          /* a copy, if they had to wait */
    bool named;                /* the snapshot to install has its name */
    struct node_view view;
};

/* ---- snapshots ---- */

/* One that is there. */
struct node_kept {
    struct raft_position place;
    int64_t bytes;
    int64_t timestamp_ms; /* append time of the last record contained; −1: not known */
};

/* One that comes from the leader. */
struct node_download {
    bool open;
    int fd; /* −1: a worker has it, or nobody */
    uint64_t number;
    struct raft_position place;
    char part[NODE_PATH_MAX];
    struct node_kept kept; /* what it will be, once it is checked */
    struct buf voters;     /* the KRaftVoters record in it */
};

struct node_snapshot_job;
struct node_snapshot_reader;

struct node_snapshots {
    struct net_work_queue *queue; /* one thread: writes, checks and removals keep their order */
    struct node_kept *kept;       /* oldest first */
    int count;
    int cap;
    struct node_snapshot_job *writing; /* NULL: none */
    struct node_download download;
    bool naming;
    struct net_timer clean;
    /* What the owner gets in place of the log before it. */
    bool load_wanted;
    struct raft_position load_place; /* {0, 0}: the bootstrap snapshot */
    struct node_snapshot_reader *reader;
    struct node_snapshot_place loading;
};

/* ---- peers ---- */

/* One destination of the core. A parked fetch would hold up a vote behind it: two connections. */
struct node_peer {
    struct node *node;
    int32_t id;
    struct net_client *fetch;
    struct net_client *other;
    bool configured;   /* dialled where the settings say, not the log */
    struct list calls; /* struct node_call */
};

struct node_peers {
    struct node_peer **items;
    int count;
    int cap;
};

/* ---- requests ---- */

/* A request that the core has to answer. */
struct node_parked {
    uint64_t token;
    struct net_request *request;
    int32_t bytes_max; /* of a fetch */
};

/* ---- the node ---- */

struct node {
    struct node_options options; /* strings are in `arena` */
    struct arena arena;
    char log_dir[NODE_PATH_MAX];
    int lock_fd;
    int refs;    /* jobs under way, and the owner */
    bool closed; /* freed by the owner */
    bool started;
    bool broken; /* on_fatal was called, or is to be called */
    enum err broken_error;
    const char *broken_why;

    struct raft *raft;
    struct raft_update update;
    struct net_timer timer;  /* the core's */
    struct net_timer notify; /* set while there is something to tell */
    struct list effects;
    bool saving;
    struct raft_hard_state saved; /* on the disk */
    bool obeying;
    /* Messages that failed at once, to be told to the core when it is not busy. */
    struct raft_event *failed;
    int failed_count;
    int failed_cap;

    struct node_log log;
    struct node_snapshots snapshots;
    struct node_addresses addresses;
    struct node_voters voter_records;
    struct node_reports reports;
    struct node_voter *bootstrap; /* addresses without a name */
    int bootstrap_count;
    struct node_peers peers;
    struct map parked;
    struct list reads; /* struct node_read, in the order in which they came */
    uint64_t last_token;

    /* Of the last CHANGE. */
    enum err verdict;
    const char *verdict_why;
    struct node_change_op *change;    /* under way; NULL: none */
    struct node_own_entry *own_entry; /* NULL: node_advertise() was not called */

    /* What the owner has been told. */
    struct node_view view;
    int64_t delivered;
    int32_t told_leader;
    int32_t told_epoch;
    bool told_address;
    int32_t claimed; /* the epoch, 0: none */

    void (*shutdown_done)(void *arg);
    void *shutdown_arg;
    bool shutdown_through; /* the core has said so */
    bool shutdown_told;

    /* Lent by node_describe() and node_voters(). */
    struct node_replica_state *replicas;
    struct node_voter voters[RAFT_VOTERS_MAX];
};

/* ---- node.c ---- */

void node_ref(struct node *node);
void node_unref(struct node *node);

/* Steps the core and obeys what comes of it. `received` are the bytes of the batches in the event.
 */
void node_step(struct node *node, struct raft_event *event, struct slice received);

/* Obeys what can be obeyed now, and tells the core what came of it. */
void node_pump(struct node *node);

/* Nothing goes any more. `why` is a constant text. */
void node_break(struct node *node, enum err error, const char *why);

/* ---- execute.c ---- */

/* Obeys the effects that need not wait for a save. */
void node_execute(struct node *node);
void node_effect_free(struct node_effect *effect);

/* The snapshot of the effect that waits has its name. */
void node_effects_installed(struct node *node);

/* ---- log.c ---- */

/* After node_synced_read(). `snapshot_end`: the newest snapshot's, 0: there is none. ERR_CORRUPT:
 * the log is damaged below what it once promised; it is as it was. */
enum err node_log_open(struct node *node, int64_t snapshot_end, struct store_error *why) MUST_USE;
void node_log_close(struct node *node);
void node_log_append(struct node *node, struct slice batches);
void node_log_truncate(struct node *node, int64_t to);

/* A snapshot takes its place: it is empty and begins at `start`. */
void node_log_replace(struct node *node, int64_t start);

/* Records before `start` are not wanted any more. */
void node_log_trim(struct node *node, int64_t start);

/* Begins a new segment, so that what is before it can be removed some day. */
void node_log_roll(struct node *node);

/* Whole batches of [from, to), as many as fit, at least one; in node->log.bytes. */
enum err node_log_read(struct node *node, int64_t from, int64_t to, uint32_t bytes_max,
                       struct slice *out) MUST_USE;

/* The batches at the start of `bytes` that are whole and lie below `to`. */
struct slice node_whole_batches(struct slice bytes, int64_t to);

/* Syncs what is not, unless that is under way. */
void node_log_sync(struct node *node);

/* Is anything under way on the disk? */
bool node_disk_busy(const struct node *node);

/* ---- synced.c ---- */

/* Reads how far the log was once synced, before it is opened. */
enum err node_synced_read(struct node *node, struct store_error *why) MUST_USE;

/* ERR_CORRUPT: the log ends before that. */
enum err node_synced_check(const struct node *node, struct store_error *why) MUST_USE;

/* Says so, with `what` as a sentence of its own, and returns ERR_CORRUPT. */
enum err node_synced_refuse(const struct node *node, const char *what, struct store_error *why);

/* Part of a sync: begin on the loop, run on the worker once the sync has succeeded, done on the
 * loop. */
struct node_synced_note {
    const struct store_fs *fs;
    bool wanted;
    int64_t offset;
    enum err result;
    char path[NODE_PATH_MAX];
};
void node_synced_begin(struct node *node, struct node_synced_note *note);
void node_synced_run(struct node_synced_note *note, int64_t offset);
void node_synced_done(struct node *node, const struct node_synced_note *note);

/* Durably, before the log is cut there. */
enum err node_synced_lower(struct node *node, int64_t offset) MUST_USE;

/* ---- quorum_state.c ---- */

/* `*out` is that of a new node if there is no file. */
enum err node_state_read(struct node *node, struct raft_hard_state *out,
                         struct store_error *why) MUST_USE;
enum err node_state_write(struct node *node, const struct raft_hard_state *state) MUST_USE;

/* Writes it on a worker; then the effects go on. */
void node_state_save(struct node *node, const struct raft_hard_state *state);

/* ---- bootstrap.c ---- */

struct node_boot {
    struct raft_boot boot;
    struct raft_epoch_start *epochs;
    struct raft_voters_at *voters;
    int voters_cap;
    struct raft_voter_set snapshot_voters; /* of the newest snapshot; empty: it has none */
    struct buf snapshot_voters_value;      /* their record */
    enum err error;                        /* of the scan */
    int64_t damaged_end; /* where the newest snapshot that cannot be read ends; 0: there is none */
};

/* Reads bootstrap.checkpoint and the voters' snapshot, if they are there: the voters into `boot`.
 * Without a newer snapshot the records of the first will be delivered. */
enum err node_bootstrap_read(struct node *node, struct node_boot *boot,
                             struct store_error *why) MUST_USE;
/* Its file. */
void node_bootstrap_path(const struct node *node, char path[NODE_PATH_MAX]);

/* Fills `boot` from the log. */
enum err node_boot_scan(struct node *node, struct node_boot *boot,
                        struct store_error *why) MUST_USE;

/* ---- snapshots.c ---- */

void node_snapshots_init(struct node *node);
void node_snapshots_close(struct node *node);

/* Adds one to the list. */
void node_snapshots_insert(struct node_snapshots *snapshots, const struct node_kept *kept);

/* One of this node's own is durable. */
void node_snapshots_add(struct node *node, const struct node_kept *kept);

/* The one downloaded has its name. */
void node_snapshots_installed(struct node *node);

/* Removes those that end before `before`. */
void node_snapshots_forget(struct node *node, int64_t before);

/* Removes what is too much or too old, now and again in a while. */
void node_snapshots_clean(struct node *node);

/* `part` may be NULL. */
void node_snapshot_path(const struct node *node, struct raft_position place,
                        char path[NODE_PATH_MAX], char *part);

/* Gives a synced file its name, durably. Any thread. */
enum err node_snapshot_name_part(const struct store_fs *fs, const char *dir, const char *part,
                                 const char *path) MUST_USE;

/* ---- snapshots_boot.c ---- */

/* Which there are; the newest that is whole goes into `boot`. */
enum err node_snapshots_find(struct node *node, struct node_boot *boot,
                             struct store_error *why) MUST_USE;

/* Makes the log, which is open, go with them. */
enum err node_snapshots_fit_log(struct node *node, struct node_boot *boot,
                                struct store_error *why) MUST_USE;

/* ---- snapshot_read.c ---- */

/* The value of its KRaftVoters record, after the first batch; the null slice if there is none. */
struct slice node_snapshot_voters_value(const struct node_snapshot_reader *reader);

/* The rest of it. */
enum err node_snapshot_read_all(struct node_snapshot_reader *reader) MUST_USE;

/* ---- snapshot_write.c ---- */

/* Gives up the one that is being written. */
void node_snapshot_cancel(struct node *node);

/* The frame of every snapshot: a batch of it, the header record, the footer batch. */
struct wire_builder node_snapshot_begin_batch(struct buf *out, struct raft_position at,
                                              bool control, int64_t now_ms);
void node_snapshot_add_header(struct wire_builder *builder, int64_t log_timestamp_ms);
void node_snapshot_add_footer(struct buf *out, struct raft_position at, int64_t now_ms);

/* ---- download.c ---- */

void node_download_obey(struct node *node, const struct raft_download *download,
                        struct slice bytes);
void node_download_name(struct node *node);
void node_download_close(struct node *node);

/* Removes a file behind what the worker is doing. */
void node_snapshots_unlink(struct node *node, const char *path);

/* ---- control.c ---- */

/* The leader's first batch of an epoch. */
void node_control_leader_change(struct node *node, const struct raft_append *append,
                                struct buf *out);

/* Those that the core orders: a change of the voters; the first record of them. */
void node_control_voters(struct node *node, const struct raft_append *append, struct buf *out);
void node_control_upgrade(struct node *node, const struct raft_append *append, struct buf *out);

/* Appends control records to a builder of a control batch. */
void node_control_add(struct wire_builder *builder, enum wire_control_type type,
                      const struct wire_message *message, const void *value);
/* KRaftVersion, and the KRaftVoters record as it stood in the log. */
void node_control_repeat_voters(struct wire_builder *builder, struct slice value);
void node_control_add_voters(struct wire_builder *builder, const struct node_voter *voters,
                             int count, const char *listener_name);

/* ---- voters.c ---- */

void node_voters_fini(struct node_voters *voters);

/* A record at `offset`, in place of what stands there or behind it. The value is copied; it has
 * been decoded. */
void node_voters_put(struct node_voters *voters, int64_t offset, struct slice value);

/* Forgets what stands at `end` or behind it. */
void node_voters_truncate(struct node_voters *voters, int64_t end);

/* The value of the newest record before `end`, as it belongs into a snapshot that ends there; null:
 * there is none. Borrowed until the next change. */
struct slice node_voters_value(const struct node_voters *voters, int64_t end);

/* The newest record; NULL: there is none. Strings borrow from it. */
struct wire_voters_record *node_voters_newest(const struct node_voters *voters,
                                              struct arena *arena);

/* What the record (may be NULL) says of a voter; NULL: nothing. */
struct wire_voters_record_voters *node_voters_entry(const struct wire_voters_record *record,
                                                    struct raft_key key);

/* Where others reach the voter: at the listener of this name, else at its first; NULL: nowhere. */
const struct wire_voters_record_voters_endpoints *
node_voters_endpoint(const struct wire_voters_record_voters *voter, const char *listener_name);

/* The listener of this name of an entry that somebody asks to be written; NULL: it has none, or
 * something in the entry cannot be. */
const struct wire_voters_record_voters_endpoints *
node_voters_listener(const struct wire_voters_record_voters *voter, const char *listener_name);

#define NODE_TOO_NEW \
    "the quorum uses a level of kraft.version that this release does not know; start a newer " \
    "release of this node"

/* Looks for a KRaftVoters record in a batch: its set, offset and value, which is null if there is
 * none. Errors: UNSUPPORTED (the batch raises kraft.version beyond what we know: the node must end
 * before it has the batch, and says NODE_TOO_NEW), CORRUPT_MESSAGE, INVALID_RECORD and what a batch
 * may be wrong by. */
enum err node_voters_find(const struct wire_batch *batch, struct raft_voters_at *out,
                          struct slice *value, struct arena *arena) MUST_USE;

/* A record that node_voters_find() has found belongs to the log now, or to the snapshot that it
 * begins with (`offset` −1): takes note of it and of the addresses in it. */
void node_voters_take(struct node *node, int64_t offset, struct slice value);

/* The same for all in batches that have been appended. */
void node_voters_appended(struct node *node, struct slice batches);

/* The value of a record with this set: what the change under way, the newest record, or else the
 * voter itself says of each. */
void node_voters_build(struct node *node, const struct raft_voter_set *set, struct buf *out);

/* ---- change.c ---- */

/* What the change under way wants the record to say of this voter; NULL: nothing. */
const struct wire_voters_record_voters *node_change_entry(const struct node *node,
                                                          struct raft_key key);

/* Its record has been appended. */
void node_change_appended(struct node *node, int64_t offset, int32_t epoch);

/* Answers if it is through. */
void node_change_tell(struct node *node);
void node_change_fini(struct node *node);

/* Is it a voter of which the newest record says something else? */
bool node_change_is_news(const struct node *node, const struct wire_voters_record_voters *entry);

/* ---- upgrade.c ---- */

void node_reports_fini(struct node_reports *reports);

/* What the voter has reported; NULL: nothing. */
const struct wire_voters_record_voters *node_report_find(const struct node_reports *reports,
                                                         struct raft_key key);

/* A static voter tells this leader of itself. Copied. Errors: VOTER_NOT_FOUND, INVALID_REQUEST (no
 * directory id, no address for the controllers' listener). */
enum err node_report_take(struct node *node,
                          const struct wire_voters_record_voters *entry) MUST_USE;

/* ---- probe.c ---- */

enum { NODE_PROBE_WHY_MAX = 256 };

struct node_probe_result {
    int16_t kraft_version_min;
    int16_t kraft_version_max;
    char why[NODE_PROBE_WHY_MAX]; /* a clause for people */
};

struct node_probe;
typedef void node_probe_done(void *arg, enum err e, const struct node_probe_result *result);

/* Calls the voter at this address; `done` comes later, once, and ends the probe. Errors:
 * REQUEST_TIMED_OUT (nobody answers), INVALID_REQUEST (not who is meant, or not able). */
struct node_probe *node_probe_start(struct node *node, struct raft_key key,
                                    const struct wire_voters_record_voters_endpoints *at,
                                    node_probe_done *done, void *arg);

/* `done` will not be called. NULL is allowed. */
void node_probe_cancel(struct node_probe *probe);

/* ---- own_entry.c ---- */

/* The leader or the voters may have changed: looks soon. */
void node_own_entry_poke(struct node *node);

/* What the record of the voters should say of this node; false: node_advertise() was not called. */
bool node_own_entry(const struct node *node, struct wire_voters_record_voters *out,
                    struct arena *arena);
void node_own_entry_fini(struct node *node);

/* ---- codec.c ---- */

/* A request of the core as its wire structure for `version`; all in the arena. */
const void *node_encode_request(struct node *node, const struct raft_request *request,
                                int16_t version, struct arena *arena);
int16_t node_rpc_api(enum raft_rpc rpc);
int16_t node_rpc_version_max(enum raft_rpc rpc);

/* Decodes an answer; learns the addresses in it. The records of a fetch are left in `*records`. */
void node_decode_response(struct node *node, enum raft_rpc rpc, const void *wire,
                          struct raft_response *out, struct slice *records);

/* Decodes a request of a peer. On an error, which belongs at the top of the answer, it is not for
 * the core. */
enum err node_decode_request(struct node *node, const struct net_request *request,
                             struct raft_request *out, int32_t *bytes_max) MUST_USE;

/* Answers: an answer of the core with the records of a fetch, or an error at the top. */
void node_reply(struct node *node, struct net_request *request,
                const struct raft_response *response, struct slice records);
void node_reply_error(struct net_request *request, enum err error);

/* ---- serve.c, describe.c ---- */

void node_answer(struct node *node, const struct raft_answer *answer);
void node_serve_describe(struct node *node, struct net_request *request);

/* ---- read.c ---- */

/* The core's verdict. */
void node_read_answer(struct node *node, const struct raft_read_answer *answer);

/* Tells the owner which reads are through; all of them when the node is at its end. */
void node_tell_reads(struct node *node);

/* ---- peers.c ---- */

void node_send(struct node *node, const struct raft_message *message);
void node_peers_fini(struct node *node);

/* Learns an address, for calls and for the owner. */
void node_learn_address(struct node *node, int32_t id, struct slice host, int32_t port);

/* ---- deliver.c ---- */

/* The values of the batch's records in the arena; a control batch has none. */
enum err node_batch_describe(const struct wire_batch *batch, struct arena *arena,
                             struct node_batch *out) MUST_USE;

/* The owner is to get this snapshot in place of the log before it. */
void node_load_wanted(struct node *node, struct raft_position place);
bool node_snapshots_loading(const struct node *node);

/* Arranges for the owner to be told what has become visible. */
void node_notify(struct node *node);

/* Of the timer. */
void node_tell(void *arg);

#endif
