/* A partition's log: Kafka's segments, indexes and leader-epoch checkpoint in one directory.
 *
 *     struct store_log *log;
 *     TRY(store_log_open(&options, &log, &why));
 *     TRY(store_log_append(log, &batches, 1, now_ms));       // stamped: offsets and leader epoch
 *     TRY(store_log_read(log, &(struct store_read_query){...}, &read));
 *     … send read.length bytes of read.file from read.position …
 *     store_read_done(&read);
 *     TRY(store_log_close(log));                             // then the clean-shutdown marker
 *
 * Threads: no lock inside; one owner at a time calls these functions. What was handed out pinned
 * (struct store_read, struct store_flush) may be used and given back on any thread.
 *
 * Errors: ERR_NO_SPACE and ERR_IO from the disk, with the log as it was before the call. When that
 * cannot be had (a failed fsync, a write that could not be taken back) the log goes offline: every
 * later call but close returns ERR_IO and nothing of it is retried. ERR_CORRUPT: bytes in the
 * middle of the log are not a batch.
 *
 * An idle log holds no file descriptor and about 1 KiB of memory plus some 400 bytes a segment. */
#ifndef STORE_LOG_H
#define STORE_LOG_H

#include "base/log.h"
#include "base/uuid.h"
#include "store/batch_header.h"
#include "store/files.h"

struct store_log;

/* Settings that may change while the log is open; Kafka's names and defaults. */
struct store_log_config {
    int64_t segment_ms;           /* segment.ms: 7 days */
    int64_t segment_jitter_ms;    /* already drawn, taken off segment_ms: 0 */
    int32_t segment_bytes;        /* segment.bytes: 1 GiB */
    int32_t index_interval_bytes; /* index.interval.bytes: 4096 */
    int32_t index_bytes_max;      /* segment.index.bytes: 10 MiB */
    int64_t flush_messages;       /* flush.messages: INT64_MAX; see store_log_flush_due() */
    int32_t ahead_bytes;          /* room written ahead (ahead.h), at most 256 KiB: 0, none */
};

#define STORE_LOG_CONFIG_DEFAULT \
    ((struct store_log_config){.segment_ms = 604800000, \
                               .segment_bytes = 1 << 30, \
                               .index_interval_bytes = 4096, \
                               .index_bytes_max = 10 << 20, \
                               .flush_messages = INT64_MAX})

struct store_log_options {
    struct store_files *files; /* must outlive the log */
    const char *dir;           /* the partition's directory; made if it is not there */
    struct store_log_config config;
    /* Of the checkpoints; 0 when unknown. They only matter to a directory that exists. */
    int64_t recovery_point;
    int64_t log_start_offset;
    /* The directory was closed cleanly: trust it. Otherwise it is recovered. */
    bool clean;
    /* No offset was ever left out, as only compaction does: neither cleanup.policy has "compact"
     * nor had it lately. Then recovery takes a gap between two segments for what it is: a power cut
     * that lost the end of one and kept the next. (With gaps allowed, as in Kafka, such a hole
     * stays.) */
    bool gapless;
    /* With flush_messages, what was appended counts when it is synced. Then a directory that was
     * not closed cleanly is made durable from the recovery point on, as the process before may have
     * died of a sync that failed; at most so many bytes at its end, 0: all. */
    uint64_t unsynced_bytes_max;
    /* Recovery does not cut below this offset: when it would have to, the open fails with
     * ERR_CORRUPT and every batch is still in its place. 0: it may cut anywhere. */
    int64_t promised_end;
    int64_t now_ms;
    const struct log *log; /* NULL: silent */
    /* After a roll: a new segment begins at `base_offset`, and nothing is in it yet. Here the owner
     * writes its producer snapshot and arranges for a flush. May be NULL. */
    void (*on_roll)(void *arg, int64_t base_offset);
    void *arg;
};

/* What opening had to mend. */
struct store_recovery {
    uint32_t segments_scanned; /* read whole, every CRC checked */
    uint32_t segments_deleted; /* behind the cut */
    uint32_t indexes_rebuilt;
    uint64_t bytes_scanned;
    uint64_t bytes_cut;
    int64_t cut_offset; /* the log ends here since, −1: nothing was cut */
    const char *reason; /* why it was cut; a constant text, NULL */
};

/* Opens or creates. `why` says what is wrong and how to mend it. */
enum err store_log_open(const struct store_log_options *options, struct store_log **out,
                        struct store_error *why) MUST_USE;

/* Flushes, trims the indexes, frees the log. An error means that the directory is not clean (no
 * marker may be written); the log is freed all the same. */
enum err store_log_close(struct store_log *log) MUST_USE;

/* Renames the directory; the log goes on in it. Nothing may be flushed in the background meanwhile
 * (asserted). The new name is durable with the next flush. On an error nothing has changed. */
enum err store_log_rename(struct store_log *log, const char *dir) MUST_USE;

/* Another owner takes over: replaces on_roll and its argument of the options. */
void store_log_set_owner(struct store_log *log, void (*on_roll)(void *arg, int64_t base_offset),
                         void *arg);

/* Takes the room away that was written ahead, for a stop without a close. Not synced. */
enum err store_log_cut_ahead(struct store_log *log) MUST_USE;

/* Frees the log without a write: for a directory that is offline, or a crash in a test. */
void store_log_abandon(struct store_log *log);

/* Closes without a flush, renames the directory to Kafka's "<topic>-<n>.<hex>-delete" and frees the
 * log, also on an error. `*path` (mem_free()) is what store_fs_remove_tree() has to remove, on any
 * thread. */
enum err store_log_delete(struct store_log *log, struct uuid unique, char **path) MUST_USE;

/* ---- state ---- */

int64_t store_log_start_offset(const struct store_log *log);
/* Where the first segment begins: what lies between here and the start is deleted but still there.
 */
int64_t store_log_base_offset(const struct store_log *log);
int64_t store_log_end_offset(const struct store_log *log); /* LEO: of the next record */
int64_t store_log_recovery_point(const struct store_log *log);
int64_t store_log_active_base(const struct store_log *log);
uint64_t store_log_size(const struct store_log *log); /* bytes of all .log files */
uint32_t store_log_segment_count(const struct store_log *log);
const char *store_log_dir(const struct store_log *log);
bool store_log_is_offline(const struct store_log *log);
const struct store_recovery *store_log_recovery(const struct store_log *log);
void store_log_configure(struct store_log *log, const struct store_log_config *config);
size_t store_log_memory(const struct store_log *log); /* bytes on the heap, about */

/* ---- writing ---- */

/* Appends whole v2 batches that have their offsets and leader epoch (CRCs are not checked again).
 * No batch lies across two parts. All in one pwritev unless the segment rolls in between. Base
 * offsets must rise and be ≥ LEO; gaps are allowed (compaction).
 * Errors: ERR_CORRUPT_MESSAGE (not v2 batches), ERR_OFFSET_OUT_OF_RANGE (below LEO),
 * ERR_RECORD_LIST_TOO_LARGE, ERR_NO_SPACE, ERR_IO; LEO is unchanged then. */
enum err store_log_append(struct store_log *log, const struct slice *parts, size_t count,
                          int64_t now_ms) MUST_USE;

/* Begins a new segment at LEO if the active one has anything in it. */
enum err store_log_roll(struct store_log *log, int64_t now_ms) MUST_USE;

/* Removes every batch whose last offset is ≥ `offset`. LEO becomes `offset`, or the base of the
 * batch that `offset` lay inside of. Nothing happens if `offset` ≥ LEO. The recovery point goes
 * back to the base of the segment that was cut: write its checkpoint before the next append, else
 * what was cut may come back after a power cut. */
enum err store_log_truncate_to(struct store_log *log, int64_t offset) MUST_USE;

/* Removes everything; the log is empty and begins at `offset`. */
enum err store_log_truncate_fully(struct store_log *log, int64_t offset) MUST_USE;

/* Raises the log start offset (never lowers it; at most LEO) and removes segments wholly below it.
 * The active segment stays. The caller writes the checkpoint. */
enum err store_log_set_start(struct store_log *log, int64_t offset) MUST_USE;

struct store_retention {
    int64_t bytes;          /* retention.bytes, −1: no limit */
    int64_t ms;             /* retention.ms, −1: no limit */
    int64_t high_watermark; /* segments that end above it stay */
    int64_t now_ms;
};

/* Removes old segments as cleanup.policy=delete does and raises the log start offset with it; rolls
 * the active segment first when it has expired too. `*removed` may be NULL. */
enum err store_log_retain(struct store_log *log, const struct store_retention *retention,
                          uint32_t *removed) MUST_USE;

/* Files of removed segments, renamed to "….deleted", as to unlink a large file takes long. Take
 * them after set_start and retain and empty them on any thread; what was not taken, close removes.
 */
struct store_trash;
struct store_trash *store_log_take_trash(struct store_log *log); /* NULL: nothing there */
void store_trash_empty(struct store_trash *trash);               /* frees it too; NULL allowed */

/* Frees it; the files stay until the log is opened again. NULL is allowed. */
void store_trash_drop(struct store_trash *trash);

/* ---- durability ---- */

/* Are flush_messages or more records behind the recovery point? */
bool store_log_flush_due(const struct store_log *log);

/* begin and done on the owner's thread, run on any: it syncs files and nothing else. Until `done`,
 * the log can be used as usual. Several flushes may be under way; one that overtakes an earlier one
 * leaves the recovery point to a later one. */
struct store_flush {
    int64_t offset; /* everything below it is durable after done */
    enum err result;
    /* The rest is private. */
    uint64_t generation;       /* of truncations, to find out that one came in between */
    struct store_file **files; /* pinned */
    uint32_t count;
    uint32_t dir_version;
    char *dir;
    bool sync_epochs; /* the leader epochs of what is below `offset` */
    bool sync_dir;    /* names that were made in the directory */
    bool sync_parent; /* the directory's own name */
    bool alone;       /* no other was under way at begin */
    const struct store_fs *fs;
};
enum err store_log_flush_begin(struct store_log *log, struct store_flush *flush) MUST_USE;
void store_flush_run(struct store_flush *flush);

/* Advances the recovery point, or puts the log offline if a sync failed (ERR_IO). ERR_BUSY: the
 * process is out of descriptors; nothing has changed, flush again. */
enum err store_log_flush_done(struct store_log *log, struct store_flush *flush) MUST_USE;

/* For a flush whose log is gone. */
void store_flush_drop(struct store_flush *flush);

/* All three at once. */
enum err store_log_flush(struct store_log *log) MUST_USE;

/* ---- reading ---- */

struct store_read_query {
    int64_t offset;     /* the first wanted; in [log start, LEO] */
    int64_t end_offset; /* only batches wholly below: high watermark, last stable offset or LEO */
    uint32_t max_bytes;
    bool min_one; /* the first batch comes whole even if it is larger than max_bytes */
};

/* A piece of one segment file. It begins with the batch that contains the offset (or the next one,
 * if compaction took it) and may end inside a batch, which readers ignore; it never reaches into
 * the next segment: ask again with the next offset. */
struct store_read {
    struct store_file *file; /* pinned; NULL when there is nothing */
    uint64_t position;
    uint32_t length;
    int64_t base_offset; /* of the first batch; the query's offset when there is nothing */
};

/* Copies no byte. Nothing to read, or a first batch that does not fit without min_one: ERR_NONE
 * and length 0. ERR_OFFSET_OUT_OF_RANGE: below log start or above LEO. */
enum err store_log_read(struct store_log *log, const struct store_read_query *query,
                        struct store_read *out) MUST_USE;
void store_read_done(struct store_read *read);

/* Copies the bytes into `into`, which has read->length bytes of room. Any thread. */
enum err store_read_copy(const struct store_read *read, uint8_t *into) MUST_USE;

/* Calls `each` for every batch header from the one that contains `offset` to LEO; ends early when
 * it returns false. For the body: store_file_pread(batch->file, …, batch->position). */
typedef bool store_batch_fn(void *arg, const struct store_batch *batch);
enum err store_log_scan(struct store_log *log, int64_t offset, store_batch_fn *each,
                        void *arg) MUST_USE;

/* The first batch with a timestamp ≥ `timestamp`, from the log start offset on; the caller opens it
 * to find the record. `*found` false: none. The batch comes as a pinned piece: store_read_done().
 */
enum err store_log_find_timestamp(struct store_log *log, int64_t timestamp,
                                  struct store_batch *batch, struct store_read *read,
                                  bool *found) MUST_USE;

/* The batch with the largest timestamp of the log (the first of several). */
enum err store_log_find_max_timestamp(struct store_log *log, struct store_batch *batch,
                                      struct store_read *read, bool *found) MUST_USE;

/* ---- aborted transactions: the .txnindex files ---- */

struct store_aborted_txn {
    int64_t producer_id;
    int64_t first_offset;
    int64_t last_offset; /* of the abort marker */
    int64_t last_stable_offset;
};

/* Notes an aborted transaction; to be called in the order of markers. One that is noted already is
 * left alone, so that the owner may replay what recovery made it forget. */
enum err store_log_add_aborted(struct store_log *log, const struct store_aborted_txn *txn) MUST_USE;

/* Calls `each` for the aborted transactions that overlap [from, to): what a read_committed Fetch of
 * these offsets has to tell. */
typedef void store_aborted_fn(void *arg, const struct store_aborted_txn *txn);
enum err store_log_aborted(struct store_log *log, int64_t from, int64_t to, store_aborted_fn *each,
                           void *arg) MUST_USE;

/* ---- leader epochs (KIP-101, KIP-279, KIP-595) ---- */

struct store_epoch_end {
    int32_t epoch;      /* the largest known epoch ≤ the asked one, −1: undefined */
    int64_t end_offset; /* where the next epoch starts, or LEO; −1: undefined */
};

/* −1: none. */
int32_t store_log_latest_epoch(const struct store_log *log);

/* The epoch of a record at `offset`, −1 if unknown. */
int32_t store_log_epoch_at(const struct store_log *log, int64_t offset);

/* asked == latest → LEO; asked > latest → undefined; below the first → {asked, first start}; else
 * {floor epoch, start of the next}. */
struct store_epoch_end store_log_epoch_end(const struct store_log *log, int32_t epoch);

/* A new leader's epoch begins at LEO. (Appends do this by themselves.) Nothing is written until
 * there is a batch of that epoch: without one, nobody can ask for it. */
void store_log_assign_epoch(struct store_log *log, int32_t epoch);

uint32_t store_log_epoch_count(const struct store_log *log);
/* The i-th oldest. */
void store_log_epoch_get(const struct store_log *log, uint32_t i, int32_t *epoch, int64_t *start);

#endif
