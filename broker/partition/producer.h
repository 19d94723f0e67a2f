/* What a partition remembers of each idempotent producer (KIP-98): its epoch and its last five
 * batches, to recognise retries and refuse gaps.
 *
 * Pure. Kept by leaders and followers alike: producer_check() before a leader appends,
 * producer_append() after anybody appended. A batch without a producer id is not noted.
 * Transactions are not part of this: a transactional batch is refused before it gets here. */
#ifndef BROKER_PARTITION_PRODUCER_H
#define BROKER_PARTITION_PRODUCER_H

#include "base/err.h"
#include "base/map.h"

/* A client keeps at most five requests in flight (max.in.flight.requests.per.connection), so a
 * retry is one of the last five batches. */
enum { PRODUCER_BATCHES = 5 };

/* A batch as this state knows it. */
struct producer_batch {
    int64_t producer_id;
    int16_t producer_epoch;
    int32_t first_sequence;
    int32_t last_sequence; /* wraps from 2^31−1 to 0 */
    int64_t first_offset;  /* ignored by producer_check() */
    int64_t last_offset;   /* ignored by producer_check() */
    int64_t timestamp_ms;  /* max timestamp of the batch */
};

struct producer {
    int64_t id;
    int16_t epoch;
    int batches_count;
    struct producer_batch batches[PRODUCER_BATCHES]; /* oldest first */
    int64_t last_used_ms; /* when it appended last, by the broker's wall clock */
};

struct producers {
    struct map by_id; /* struct producer, keyed by id */
};

void producers_fini(struct producers *ps);

/* May the leader append this batch?
 * ERR_NONE: yes. ERR_DUPLICATE_SEQUENCE_NUMBER: it is in the log already; `*known` is that batch
 * and the client is to be told its offsets as a success. Errors: ERR_INVALID_PRODUCER_EPOCH (a
 * newer incarnation has written), ERR_OUT_OF_ORDER_SEQUENCE_NUMBER (a gap). */
enum err producer_check(const struct producers *ps, const struct producer_batch *batch,
                        const struct producer_batch **known) MUST_USE;

/* Notes an appended batch. */
void producer_append(struct producers *ps, const struct producer_batch *batch, int64_t now_ms);

/* Restores a producer from a snapshot file's entry: only its last batch is known then. */
void producer_restore(struct producers *ps, const struct producer_batch *last, int64_t now_ms);

bool producer_known(const struct producers *ps, int64_t producer_id);

/* Forgets producers that have not appended since `before_ms` (producer.id.expiration.ms). */
void producers_expire(struct producers *ps, int64_t before_ms);

/* Forgets all: the log was cut and is about to be scanned again. */
void producers_clear(struct producers *ps);

/* Iteration in order of first appearance; start with *at = 0, NULL ends. */
const struct producer *producers_next(const struct producers *ps, size_t *at);

/* The sequence number `delta` ≥ 0 places behind `sequence`. */
int32_t producer_sequence_add(int32_t sequence, int32_t delta);

#endif
