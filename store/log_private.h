/* The log from inside: segments, how batches are found in them, and who may change what. */
#ifndef STORE_LOG_PRIVATE_H
#define STORE_LOG_PRIVATE_H

#include "store/epochs.h"
#include "store/index.h"
#include "store/log.h"

#define SEGMENT_LOG ".log"
#define SEGMENT_INDEX ".index"
#define SEGMENT_TIMEINDEX ".timeindex"
#define SEGMENT_TXNINDEX ".txnindex"
#define SEGMENT_SNAPSHOT ".snapshot"
#define SUFFIX_DELETED ".deleted"
#define SUFFIX_CLEANED ".cleaned"
#define SUFFIX_SWAP ".swap"

/* first_timestamp of a segment whose first batch was not looked at yet. */
#define TIMESTAMP_UNKNOWN INT64_MIN

struct segment {
    int64_t base;
    uint32_t size;      /* bytes of whole batches */
    uint32_t file_size; /* ≥ size: with the room that was written ahead */
    uint32_t bytes_since_index;
    struct store_file *file;
    struct index offsets;
    struct index times;
    int64_t first_timestamp; /* what segment.ms counts from; −1: none */
    int64_t created_ms;
    /* Known when `loaded`; −1: no batch has a timestamp. */
    int64_t max_timestamp;
    int64_t max_timestamp_offset;
    int64_t last_time; /* of the time index */
    bool loaded;
    bool index_synced;
    bool cut_synced; /* that room was taken away */
    bool has_txn_index;
    bool txn_index_synced;
};

/* The last batches that were appended: who reads at the end of the log, as followers and most
 * consumers do, finds his place without a look at the disk. */
enum { RECENT_MAX = 16 };

struct recent_batch {
    int64_t base;
    uint32_t delta; /* last offset − base */
    uint32_t position;
};

struct store_log {
    struct store_files *files;
    const struct store_fs *fs;
    const char *dir; /* owned */
    const struct log *log;
    void (*on_roll)(void *arg, int64_t base_offset);
    void *arg;
    struct store_log_config config;
    struct segment *segments; /* in order of base; the last one is active; never none */
    uint32_t segment_count;
    uint32_t segment_cap;
    int64_t start;
    int64_t end;
    int64_t recovery_point;
    int64_t promised_end;
    uint64_t size;
    uint64_t generation;  /* of truncations */
    uint32_t dir_version; /* counts names made in the directory */
    uint32_t dir_synced;  /* the version that is durable */
    uint32_t flushes;     /* under way */
    bool offline;
    bool gapless;
    bool no_ahead;      /* writing ahead has failed */
    bool parent_synced; /* the directory's own name is durable */
    uint8_t recent_count;
    uint8_t recent_next;
    struct recent_batch recent[RECENT_MAX]; /* a ring, all in the active segment */
    struct epochs epochs;
    struct store_recovery recovery;
    struct store_trash *trash;
};

static inline struct segment *log_active(struct store_log *log)
{
    return &log->segments[log->segment_count - 1];
}

/* The offset behind the i-th segment. */
static inline int64_t log_segment_end(const struct store_log *log, uint32_t i)
{
    return i + 1 < log->segment_count ? log->segments[i + 1].base : log->end;
}

/* The last segment whose base is ≤ `offset`, or the first one. */
uint32_t log_segment_floor(const struct store_log *log, int64_t offset);

/* Refuses everything from now on; returns ERR_IO. */
enum err log_go_offline(struct store_log *log, const char *what, enum err e);

/* ---- segment.c ---- */

/* Makes the structure, no file. The pointer is valid until the next call. */
struct segment *segment_push(struct store_log *log, int64_t base);
void segment_fini(struct segment *seg);

/* Makes an empty active segment with its .log file. */
enum err segment_create(struct store_log *log, int64_t base, int64_t now_ms) MUST_USE;

/* Reads the sizes and ends of the indexes; rebuilds them if they are missing or broken. */
enum err segment_load(struct store_log *log, struct segment *seg) MUST_USE;

/* Enters a batch at `position` into the indexes; the segment is loaded. */
void segment_note(const struct store_log *log, struct segment *seg, const struct store_batch *batch,
                  uint32_t position);

/* Gives the indexes the form that they have in a closed segment. */
enum err segment_finish(struct segment *seg) MUST_USE;

/* Makes the file end at `size`, which is at most what it has. Not synced. */
enum err segment_cut(struct store_log *log, struct segment *seg, uint32_t size) MUST_USE;

/* Cuts batches whose last offset is ≥ `offset`. `*end`: the base of the batch that `offset` lay
 * inside of, else `offset`. */
enum err segment_truncate(struct store_log *log, struct segment *seg, int64_t offset,
                          int64_t *end) MUST_USE;

/* Timestamp of the first batch, −1: none. */
enum err segment_first_timestamp(struct segment *seg, int64_t *out) MUST_USE;

/* Removes the files of a segment that is not in the list any more. */
enum err segment_unlink(struct store_log *log, int64_t base) MUST_USE;

/* ---- ahead.c ---- */

/* Writes parts of `bytes` in all behind the segment's size, and room behind them. The file is
 * pinned. After an error anything may be behind the size. */
enum err segment_write(struct store_log *log, struct segment *seg, const struct slice *parts,
                       size_t count, uint32_t bytes) MUST_USE;

/* Writes no room any more; false: it did not before. */
bool segment_give_up_room(struct store_log *log);

/* The file ends with its last batch. */
enum err segment_cut_ahead(struct store_log *log, struct segment *seg) MUST_USE;

/* ---- walk.c: batch headers one after the other ---- */

enum { WALK_CHUNK = 4096 };

struct walk {
    struct store_file *file; /* pinned */
    uint32_t position;       /* of the next batch */
    uint32_t end;
    uint32_t chunk_at;
    uint32_t chunk_len;
    uint32_t want; /* how much to read at once */
    uint8_t chunk[WALK_CHUNK];
};

enum err walk_begin(struct walk *walk, struct store_file *file, uint32_t position,
                    uint32_t end) MUST_USE;
void walk_end(struct walk *walk);

/* `*got` false: the end. ERR_CORRUPT: no whole batch at the position. */
enum err walk_next(struct walk *walk, struct store_batch *batch, bool *got) MUST_USE;

/* ---- locate.c ---- */

struct place {
    uint32_t segment;
    uint32_t position;
    int64_t base_offset;
    int64_t last_offset;
    uint32_t size;
};

/* The first batch whose last offset is ≥ `offset`; `*found` false: there is none. */
enum err log_locate(struct store_log *log, int64_t offset, struct place *out, bool *found) MUST_USE;

/* The same inside of one segment. */
enum err segment_locate(struct store_log *log, uint32_t i, int64_t offset, struct place *out,
                        bool *found) MUST_USE;

/* Where in the segment to begin looking for `offset`: the position of the index entry below it. */
enum err segment_position_floor(struct store_log *log, struct segment *seg, int64_t offset,
                                uint32_t *position) MUST_USE;

void log_recent_add(struct store_log *log, const struct store_batch *batch, uint32_t position);
void log_recent_clear(struct store_log *log);

/* ---- append.c ---- */

/* Begins a segment at `base`, which is ≥ LEO. */
enum err log_roll(struct store_log *log, int64_t base, int64_t now_ms) MUST_USE;

/* ---- scan.c: whole segments, for recovery and to rebuild indexes ---- */

struct segment_scan {
    int32_t epoch;        /* in and out: the largest leader epoch seen so far, −1: none */
    int64_t limit;        /* in: the next segment's base */
    int64_t next_offset;  /* behind the last good batch; the base if there is none */
    uint32_t valid_bytes; /* where the good batches end */
    const char *reason;   /* why they end before the file does, NULL */
    bool ahead;           /* as the rest was written ahead, which is no reason */
};

/* Builds the indexes anew from the batches, which begin at or behind the segment's base. With
 * `log_epochs` the epoch list too; with `check_crc` every byte is checked. Stops at the first bad
 * batch, which is no error. */
enum err segment_scan(struct store_log *log, struct segment *seg, bool check_crc,
                      struct segment_scan *out) MUST_USE;

/* ---- recover.c ---- */

/* Checks everything from the segment of `recovery_point` on; finds LEO. */
enum err log_recover(struct store_log *log, int64_t recovery_point) MUST_USE;

/* Believes the indexes; finds LEO. Recovers the active segment if its end is no batch all the same.
 */
enum err log_trust(struct store_log *log) MUST_USE;

/* Builds the epoch list from all batch headers. */
enum err log_rebuild_epochs(struct store_log *log) MUST_USE;

/* ---- again.c ---- */

/* Makes durable what is behind the recovery point, at most the last `bytes_max` bytes of it. */
enum err log_write_again(struct store_log *log, uint64_t bytes_max) MUST_USE;

/* ---- load.c ---- */

/* The first look at a directory: finishes or undoes what was under way (.deleted, .cleaned, .swap,
 * indexes without a log), and pushes its segments in order. */
enum err log_load_files(struct store_log *log) MUST_USE;

/* ---- txn_index.c ---- */

/* Forgets aborted transactions whose marker lies at or behind `offset`. */
enum err txn_index_truncate(struct store_log *log, struct segment *seg, int64_t offset) MUST_USE;

/* ---- retain.c ---- */

/* Removes the first `count` segments; at least one stays. */
enum err log_drop_oldest(struct store_log *log, uint32_t count) MUST_USE;

#endif
