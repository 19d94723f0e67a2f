/* One partition hosted here: its log, its replication state (broker/partition/), and who waits.
 *
 * Produce, Fetch, the replica fetchers and the group coordinator work on this. Everything happens
 * on the broker's loop. A replica lives as long as the metadata says that this broker hosts it;
 * who waits on it is told before it goes.
 *
 * The hot path: replica_append() stamps offset and epoch into the caller's bytes and makes one
 * write of them; replica_read() names a range of the segment file, which the connection sends. */
#ifndef BROKER_REPLICA_H
#define BROKER_REPLICA_H

#include "base/list.h"
#include "broker/broker.h"
#include "broker/partition/partition.h"
#include "broker/partition/producer.h"

enum { REPLICA_KEY_LEN = 20 };

/* Topic settings that the hot path needs, resolved once per change. */
struct replica_config {
    int32_t max_message_bytes;
    bool compact;         /* cleanup.policy has "compact": records need keys */
    bool delete;          /* cleanup.policy has "delete": records may be deleted */
    int64_t flush_ms;     /* flush.ms, INT64_MAX: never */
    bool log_append_time; /* message.timestamp.type */
    int64_t timestamp_before_max_ms;
    int64_t timestamp_after_max_ms;
    bool leader_throttled;   /* what followers that are not in sync get is limited */
    bool follower_throttled; /* what this follower fetches is, until it is in sync */
    int compression;         /* enum wire_compression of compression.type, −1: producer's */
};

struct broker_dir;
struct replica_flush;
struct replica_move;

struct replica {
    struct broker *broker;
    struct uuid topic_id;
    char *topic; /* name */
    int32_t index;
    uint8_t key[REPLICA_KEY_LEN]; /* topic id and index, the key in the map of replicas */

    struct partition part;
    struct broker_dir *dir;    /* where the log is; NULL: nowhere, its directory is offline */
    struct store_log *log;     /* NULL while there is none that works: ERR_KAFKA_STORAGE_ERROR */
    struct replica_move *move; /* on its way to another directory, or NULL */
    struct producers producers;
    struct replica_config config;

    struct list acks_waiting;       /* struct replica_ack, by required offset */
    struct list data_waiting;       /* struct replica_wait */
    struct list starts_waiting;     /* struct replica_low, see replica_trim.h */
    void *fetcher_state;            /* the fetcher's own, NULL: not being fetched */
    struct list in_isr_queue;       /* of broker/isr.c; alone: not queued */
    struct list in_assign_queue;    /* of broker/assign.c */
    struct replica_flush *flushing; /* a background flush under way, or NULL */
    struct net_timer flush_timer;
    bool append_fails; /* the last append did; told once */
    bool never_opened; /* the log could not be opened at all */
    bool no_room;      /* for want of space: to be tried again */
    int64_t checkpointed_recovery_point;
    int64_t checkpointed_log_start;
    int64_t checkpointed_hw; /* as last written */
};

/* ---- finding ---- */

/* NULL: not hosted here. */
struct replica *broker_replica(struct broker *broker, struct uuid topic_id, int32_t index);

/* By name through the newest image; ERR_UNKNOWN_TOPIC_OR_PARTITION if there is no such partition in
 * the metadata, ERR_NOT_LEADER_OR_FOLLOWER if it is hosted elsewhere, ERR_KAFKA_STORAGE_ERROR if
 * its log is offline. */
enum err broker_replica_find(struct broker *broker, struct slice topic, int32_t index,
                             struct replica **out) MUST_USE;

/* The same by id: ERR_UNKNOWN_TOPIC_ID, ERR_UNKNOWN_TOPIC_OR_PARTITION, … */
enum err broker_replica_find_id(struct broker *broker, struct uuid topic_id, int32_t index,
                                struct replica **out) MUST_USE;

/* Is there a log that works? */
bool replica_is_online(const struct replica *r);

/* Does an error of the log mean that its disk is ill? A full one is not, nor is a bad request. */
bool replica_is_disk_error(const struct replica *r, enum err e);

/* ERR_NOT_LEADER_OR_FOLLOWER unless this broker leads it now; then the epoch check of KIP-320
 * against `current_leader_epoch` (−1: none given). */
enum err replica_check_leader(const struct replica *r, int32_t current_leader_epoch) MUST_USE;

/* ---- writing as the leader (replica_append.c) ---- */

struct replica_append {
    struct slice batches; /* whole v2 batches; stamped in place, so the bytes must be ours */
    int16_t acks;         /* −1: the ISR must be large enough */
    bool from_client;     /* false: written by this broker (coordinator): no client checks */
    /* Results: */
    int64_t base_offset;        /* of the first record; of the first attempt for a duplicate */
    int64_t required_offset;    /* acks=all: done when the high watermark reaches it */
    int64_t log_append_time_ms; /* −1 with CreateTime */
    const char *message;        /* a sentence for the client, or NULL */
};

/* Validates (broker/validate.c) and appends. A duplicate of an idempotent producer is ERR_NONE
 * with the offsets of the first attempt. Errors are Kafka's (NOT_LEADER_OR_FOLLOWER,
 * NOT_ENOUGH_REPLICAS, CORRUPT_MESSAGE, MESSAGE_TOO_LARGE, INVALID_TIMESTAMP, INVALID_RECORD,
 * OUT_OF_ORDER_SEQUENCE_NUMBER, KAFKA_STORAGE_ERROR, …); nothing is appended then. */
enum err replica_append(struct replica *r, struct replica_append *append) MUST_USE;

/* Waits for a write to be replicated. `done` is called once, later, from the loop: ERR_NONE,
 * ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND, ERR_NOT_LEADER_OR_FOLLOWER (leadership lost, partition
 * gone) or ERR_KAFKA_STORAGE_ERROR. The owner may stop waiting (list_remove(&ack->node)), e.g. at
 * its timeout. */
struct replica_ack {
    struct list node;
    int64_t required_offset;
    void (*done)(struct replica_ack *ack, enum err e);
};

/* True: it is acknowledged already (*e says how), `done` will not be called. */
bool replica_wait_acked(struct replica *r, struct replica_ack *ack, int64_t required_offset,
                        enum err *e);

/* ---- reading ---- */

/* Who reads from a replica and is told what happens to it. Neither function may do more than take
 * note, and ask for a turn of its own. */
struct replica_wait {
    struct list node; /* alone (list_init()): waits for nothing */
    bool for_consumer;
    /* There may be more to read: appended data or another log start (followers), a moved high
     * watermark (consumers); or leadership was lost, the replica goes. It waits no more. */
    void (*wake)(struct replica_wait *wait);
    /* Something else is not as it was that an answer tells or depends on. It goes on waiting. */
    void (*note)(struct replica_wait *wait);
};

/* The waiter leaves with list_remove(&wait->node), at any time. */
void replica_wait_data(struct replica *r, struct replica_wait *wait, bool for_consumer);

/* ---- effects (replica.c) ---- */

/* Obeys what a partition_…() call asked for: completes acks, wakes waiters, queues a proposal. */
void replica_obey(struct replica *r, const struct partition_effects *effects);

/* New data in the log of a leader: wakes the followers' fetches. */
void replica_data_appended(struct replica *r);

/* The log of a leader begins elsewhere: wakes the followers' fetches, consumers learn it with their
 * next answers. */
void replica_log_start_moved(struct replica *r);

/* Its state is another: leader, epochs, ISR. Those who read go on. */
void replica_state_changed(struct replica *r);

/* The eligibility of brokers by the newest image, for partition_…() calls. */
struct partition_eligibility replica_eligibility(const struct replica *r);

/* Ends all waits with `e` (data waiters are woken). */
void replica_end_waits(struct replica *r, enum err e);

/* The log failed, and with it the directory that it is in (broker_dir_fail()): every request gets
 * KAFKA_STORAGE_ERROR from now on, others lead and follow for this broker. */
void replica_offline(struct replica *r, const char *why);

#endif
