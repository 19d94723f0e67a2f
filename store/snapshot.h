/* Producer snapshots: "%020d.snapshot", the state of the idempotent producers at an offset
 * (version 1: CRC-32C, count, 46 bytes a producer). */
#ifndef STORE_SNAPSHOT_H
#define STORE_SNAPSHOT_H

#include "store/fs.h"

/* Only the last batch of a producer is kept in a snapshot. */
struct store_producer_entry {
    int64_t producer_id;
    int64_t last_offset;
    int64_t timestamp;
    int64_t txn_first_offset; /* −1: no transaction open */
    int32_t last_sequence;
    int32_t offset_delta;
    int32_t coordinator_epoch; /* −1: none */
    int16_t producer_epoch;
};

/* Replaces the snapshot at `offset`. Not synced: what a crash breaks is noticed by its checksum,
 * and the state is rebuilt from the log. */
enum err store_snapshot_write(const struct store_fs *fs, const char *dir, int64_t offset,
                              const struct store_producer_entry *entries, size_t count) MUST_USE;

/* `*entries` (mem_free()). ERR_NOT_FOUND; ERR_CORRUPT: remove it and use an older one. */
enum err store_snapshot_read(const struct store_fs *fs, const char *dir, int64_t offset,
                             struct store_producer_entry **entries, size_t *count) MUST_USE;

struct store_snapshot {
    int64_t offset;                       /* −1: none, replay from the start of the log */
    struct store_producer_entry *entries; /* mem_free() */
    size_t count;
};

/* Reads the newest snapshot that is whole and at most at `max_offset`; broken ones on the way are
 * removed. */
enum err store_snapshot_load(const struct store_fs *fs, const char *dir, int64_t max_offset,
                             struct store_snapshot *out) MUST_USE;

/* Removes those with from ≤ offset < to. (The log does it by itself for segments that it removes
 * and when it is truncated.) */
enum err store_snapshot_remove(const struct store_fs *fs, const char *dir, int64_t from,
                               int64_t to) MUST_USE;

#endif
