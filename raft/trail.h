/* Which epoch begins at which offset of the log: Kafka's leader-epoch cache.
 *
 * Both ascend strictly; the first epoch begins where the log does. `struct raft_trail t = {0};` …
 * fini: a log that begins at offset 0. */
#ifndef RAFT_TRAIL_H
#define RAFT_TRAIL_H

#include "raft/raft.h"

struct raft_trail {
    struct raft_position base; /* where the log begins */
    struct raft_epoch_start *starts;
    int count;
    int cap;
};

void raft_trail_fini(struct raft_trail *trail);

/* Records from `start` on are of `epoch`. The last epoch again is allowed and changes nothing. */
void raft_trail_assign(struct raft_trail *trail, int32_t epoch, int64_t start);

/* Forgets what begins at `end` or later. */
void raft_trail_truncate(struct raft_trail *trail, int64_t end);

/* The log begins at `base`, and is empty. */
void raft_trail_reset(struct raft_trail *trail, struct raft_position base);

/* Forgets what is before `base`, a place of the log that ends at `log_end`. */
void raft_trail_trim(struct raft_trail *trail, struct raft_position base, int64_t log_end);

/* The epoch of the last record, be it before the log's beginning; 0 if there never was one. */
int32_t raft_trail_last_epoch(const struct raft_trail *trail);

/* The epoch of the record at `offset` < log end, −1 if the log begins later. */
int32_t raft_trail_epoch_at(const struct raft_trail *trail, int64_t offset);

/* The place `offset` ≤ log end; its epoch is −1 if the log begins later. */
struct raft_position raft_trail_place(const struct raft_trail *trail, int64_t offset);

/* Where the largest epoch ≤ `epoch` ends in a log that ends at `log_end`; the log's beginning if it
 * knows none. The answer to "is your log a prefix of mine" (KIP-320, KIP-595). */
struct raft_position raft_trail_end_of(const struct raft_trail *trail, int32_t epoch,
                                       int64_t log_end);

#endif
