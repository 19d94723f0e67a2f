/* Sends records to the partitions of one topic: batches them, finds the leaders, tries again.
 *
 *     sender_add(sender, partition, &record);
 *     sender_step(sender);                          again and again, between steps of the loop
 *     … until sender_is_idle(sender)
 *
 * A partition has one batch under way at a time, so that its records keep their order. When an
 * answer was lost, its batch is sent again. With acks −1 the leader recognises it (an idempotent
 * producer, KIP-98), so that no record is written twice; else, or if the cluster has no such
 * producers, it may be. A batch that is too large for the topic is cut in two. */
#ifndef CLI_SENDER_H
#define CLI_SENDER_H

#include "cli/cluster.h"
#include "wire/batch.h"

struct sender;

struct sender_options {
    struct cli *cli; /* for complaints */
    struct cluster *cluster;
    const struct wire_metadata_response_topics *topic; /* as found; the name must stay */
    int16_t acks;                                      /* 1 or −1 */
    enum wire_compression compression;
    size_t batch_bytes; /* of one batch, before compression; 0: 128 KiB */
    int64_t timeout_ms; /* a batch that is not written by then is given up */
    /* Told of records that were not written, in place of a complaint; may be NULL. */
    void (*failed)(void *arg, int32_t partition, int64_t records, const char *why);
    void *arg;
};

struct sender_counts {
    int64_t records; /* written */
    int64_t bytes;   /* of their keys and values */
    int64_t failed;
};

struct sender *sender_new(const struct sender_options *options);

/* Gives up what is not written. NULL is allowed. */
void sender_free(struct sender *sender);

/* Copies the record; its offset does not count, and a timestamp of −1 is now. The partition must
 * exist (asserted). */
void sender_add(struct sender *sender, int32_t partition, const struct wire_record *record);

/* The partition that Kafka's clients choose for a key; for null one that stays the same until its
 * batch is full or sent. */
int32_t sender_partition_of(struct sender *sender, struct slice key);

int32_t sender_partition_count(const struct sender *sender);

/* Bytes that wait; who adds more should wait, too, when these are many. */
size_t sender_waiting_bytes(const struct sender *sender);

/* Sends what can be sent, and looks for new leaders if need be. Not to be called by a callback of
 * the loop. */
void sender_step(struct sender *sender);

/* Everything is written or given up. */
bool sender_is_idle(const struct sender *sender);

struct sender_counts sender_counts(const struct sender *sender);

#endif
