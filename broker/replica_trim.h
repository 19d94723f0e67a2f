/* The beginning of a replica's log: raised by DeleteRecords (KIP-107) at the leader, learnt by its
 * followers through Fetch; segments below it go in the background.
 *
 * The low watermark of a partition is the lowest log start of all live replicas: below it nobody
 * serves a record any more, whoever leads next. */
#ifndef BROKER_REPLICA_TRIM_H
#define BROKER_REPLICA_TRIM_H

#include "broker/replica.h"

/* DeleteRecords' word for "up to the high watermark". */
enum { REPLICA_TRIM_TO_HIGH_WATERMARK = -1 };

/* As the leader: removes what is below `*offset`, which becomes a real offset if it was
 * REPLICA_TRIM_TO_HIGH_WATERMARK. An offset below the log start changes nothing.
 * Errors: NOT_LEADER_OR_FOLLOWER, OFFSET_OUT_OF_RANGE (negative, or above the high watermark),
 * POLICY_VIOLATION (cleanup.policy has no "delete"), KAFKA_STORAGE_ERROR. */
enum err replica_trim(struct replica *r, int64_t *offset) MUST_USE;

/* As a follower whose leader's log begins at `leader_start`, which lies in our log. */
enum err replica_follow_start(struct replica *r, int64_t leader_start) MUST_USE;

/* The low watermark of a partition led here; −1 while a live follower has not told. */
int64_t replica_low_watermark(const struct replica *r);

/* Waits until the low watermark has reached an offset. `done` is called once, later, from the loop:
 * ERR_NONE, or the error of the leadership that was lost. The owner may stop waiting
 * (list_remove(&low->node)). */
struct replica_low {
    struct list node;
    int64_t required_offset;
    void (*done)(struct replica_low *low, enum err e, int64_t low_watermark);
};

/* Begins to wait; the low watermark is below the offset (asserted). */
void replica_wait_low(struct replica *r, struct replica_low *low, int64_t required_offset);

/* A log start has moved, or who is alive has changed. */
void replica_check_low(struct replica *r);
void broker_replicas_check_low(struct broker *broker);

/* Ends all waits with an error. */
void replica_fail_lows(struct replica *r, enum err e);

#endif
