/* The records of `__cluster_metadata`: plain structures, their encoding and their text.
 *
 * A record borrows all its strings and arrays: from the arena given to metadata_record_decode(), or
 * from whoever built it. The meaning of each field is Kafka's (KIP-631, KIP-746, KIP-858, KIP-966).
 *
 * Encoding of a record value: a frame that every Apache Kafka decoder from 3.4 on reads as a
 * NoOpRecord with one tagged field that it does not know; that field holds our protobuf message
 * (proto/metadata.proto). So Kafka nodes can follow our log and Kafka's tools can walk it:
 *
 *     01        frame version 1                  (unsigned varint)
 *     14        record type 20, NoOpRecord       (unsigned varint)
 *     00        version 0 of it                  (unsigned varint)
 *     01        one tagged field                 (unsigned varint)
 *     0c        its tag, METADATA_RECORD_TAG     (unsigned varint)
 *     size      bytes that follow                (unsigned varint)
 *     …         protobuf MetadataRecord
 *
 * The first record of a batch has a second tagged field, METADATA_CAUSE_TAG, that says why the
 * batch was written (cause.h). The frame itself is frozen; what evolves are the messages. */
#ifndef METADATA_RECORD_H
#define METADATA_RECORD_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/uuid.h"
#include "metadata/cause.h"

/* The tag of our field in the NoOpRecord. Apache Kafka defines no tagged field for it up to 4.1. */
#define METADATA_RECORD_TAG 12u

/* The values are Kafka's record type ids (they are not on our wire, but people know them). */
enum metadata_record_type {
    METADATA_RECORD_REGISTER_BROKER = 0,
    METADATA_RECORD_UNREGISTER_BROKER = 1,
    METADATA_RECORD_TOPIC = 2,
    METADATA_RECORD_PARTITION = 3,
    METADATA_RECORD_CONFIG = 4,
    METADATA_RECORD_PARTITION_CHANGE = 5,
    METADATA_RECORD_REMOVE_TOPIC = 9,
    METADATA_RECORD_FEATURE_LEVEL = 12,
    METADATA_RECORD_PRODUCER_IDS = 15,
    METADATA_RECORD_BROKER_REGISTRATION_CHANGE = 17,
    METADATA_RECORD_NO_OP = 20,
    METADATA_RECORD_BEGIN_TRANSACTION = 23,
    METADATA_RECORD_END_TRANSACTION = 24,
    METADATA_RECORD_ABORT_TRANSACTION = 25,
    METADATA_RECORD_REGISTER_CONTROLLER = 27,
};

/* Values of the `leader` fields beside broker ids. */
enum { METADATA_NO_LEADER = -1, METADATA_LEADER_UNCHANGED = -2 };

/* LeaderRecoveryState (KIP-704); UNCHANGED only in a partition change. */
enum metadata_recovery {
    METADATA_RECOVERY_UNCHANGED = -1,
    METADATA_RECOVERED = 0,
    METADATA_RECOVERING = 1, /* elected unclean and has not yet reported that it recovered */
};

/* ConfigResource types. METADATA_CONFIG_BROKER with an empty name is the cluster-wide default. */
enum metadata_config_type {
    METADATA_CONFIG_TOPIC = 2,
    METADATA_CONFIG_BROKER = 4,
    METADATA_CONFIG_BROKER_LOGGER = 8, /* never stored */
    METADATA_CONFIG_CLIENT_METRICS = 16,
    METADATA_CONFIG_GROUP = 32,
};

/* Kafka's SecurityProtocol ids. */
enum metadata_security_protocol {
    METADATA_PLAINTEXT = 0,
    METADATA_SSL = 1,
    METADATA_SASL_PLAINTEXT = 2,
    METADATA_SASL_SSL = 3,
};

/* Directory ids with a meaning of their own (KIP-858); all ids below 100 are reserved. */
#define METADATA_DIR_MIGRATING ((struct uuid){0, 0})
#define METADATA_DIR_UNASSIGNED ((struct uuid){0, 1})
#define METADATA_DIR_LOST ((struct uuid){0, 2})

/* Borrowed arrays. `items` may be NULL when `count` is 0. */
struct metadata_ids {
    const int32_t *items;
    size_t count;
};

struct metadata_dirs {
    const struct uuid *items;
    size_t count;
};

struct metadata_endpoint {
    struct slice name; /* listener name */
    struct slice host;
    uint16_t port;
    int16_t security_protocol; /* enum metadata_security_protocol */
};

struct metadata_feature_range {
    struct slice name;
    int16_t min_version;
    int16_t max_version;
};

struct metadata_endpoints {
    const struct metadata_endpoint *items;
    size_t count;
};

struct metadata_feature_ranges {
    const struct metadata_feature_range *items;
    size_t count;
};

/* Since when something has been as it is, and why; it only informs. */
struct metadata_since {
    int64_t timestamp_ms; /* -1: not known */
    struct metadata_cause cause;
};

struct metadata_register_broker {
    int32_t broker_id;
    bool is_migrating_zk_broker;
    struct uuid incarnation_id;
    int64_t broker_epoch; /* the offset of the record that began this incarnation */
    struct metadata_endpoints endpoints;
    struct metadata_feature_ranges features;
    struct slice rack; /* null: none */
    bool fenced;
    bool in_controlled_shutdown;
    struct metadata_dirs log_dirs;
    const struct metadata_since *since; /* of this state; NULL: since this record. In snapshots */
};

struct metadata_unregister_broker {
    int32_t broker_id;
    int64_t broker_epoch;
};

struct metadata_broker_registration_change {
    int32_t broker_id;
    int64_t broker_epoch;
    int8_t fenced;                 /* +1 fence, 0 unchanged, -1 unfence */
    int8_t in_controlled_shutdown; /* +1 begin, 0 unchanged */
    bool has_log_dirs;
    struct metadata_dirs log_dirs;
};

struct metadata_topic_record {
    struct slice name;
    struct uuid topic_id;
};

struct metadata_partition_record {
    int32_t partition_id;
    struct uuid topic_id;
    struct metadata_ids replicas;
    struct metadata_ids isr;
    struct metadata_ids removing_replicas;
    struct metadata_ids adding_replicas;
    int32_t leader; /* METADATA_NO_LEADER: none */
    enum metadata_recovery leader_recovery;
    int32_t leader_epoch;
    int32_t partition_epoch;
    struct metadata_dirs directories; /* one per replica, or none: all unassigned */
    struct metadata_ids elr;          /* eligible leader replicas */
    struct metadata_ids last_known_elr;
};

/* Begin with METADATA_PARTITION_CHANGE(topic id, partition), which changes nothing. Each change
 * raises the partition epoch by one; `leader` ≠ UNCHANGED raises the leader epoch too, even if it
 * names the same leader. */
struct metadata_partition_change {
    int32_t partition_id;
    struct uuid topic_id;
    int32_t leader; /* METADATA_LEADER_UNCHANGED, METADATA_NO_LEADER or a broker */
    enum metadata_recovery leader_recovery;
    bool has_isr;
    bool has_replicas;
    bool has_removing_replicas;
    bool has_adding_replicas;
    bool has_directories;
    bool has_elr;
    bool has_last_known_elr;
    struct metadata_ids isr;
    struct metadata_ids replicas;
    struct metadata_ids removing_replicas;
    struct metadata_ids adding_replicas;
    struct metadata_dirs directories;
    struct metadata_ids elr;
    struct metadata_ids last_known_elr;
};

#define METADATA_PARTITION_CHANGE(topic, partition) \
    ((struct metadata_partition_change){.topic_id = (topic), \
                                        .partition_id = (partition), \
                                        .leader = METADATA_LEADER_UNCHANGED, \
                                        .leader_recovery = METADATA_RECOVERY_UNCHANGED})

struct metadata_remove_topic {
    struct uuid topic_id;
};

struct metadata_config_record {
    int8_t resource_type; /* enum metadata_config_type */
    struct slice resource_name;
    struct slice name;
    struct slice value; /* null: the key is deleted */
};

struct metadata_feature_level {
    struct slice name;
    int16_t level; /* 0: the feature is removed */
};

struct metadata_producer_ids {
    int32_t broker_id;
    int64_t broker_epoch;
    int64_t next_producer_id; /* first id of the block after the one given out */
};

struct metadata_register_controller {
    int32_t controller_id;
    struct uuid incarnation_id;
    bool zk_migration_ready;
    struct metadata_endpoints endpoints;
    struct metadata_feature_ranges features;
};

struct metadata_begin_transaction {
    struct slice name; /* null: none */
};

struct metadata_abort_transaction {
    struct slice reason; /* null: none */
};

/* NO_OP and END_TRANSACTION have no fields. */
struct metadata_record {
    enum metadata_record_type type;
    union {
        struct metadata_register_broker register_broker;
        struct metadata_unregister_broker unregister_broker;
        struct metadata_broker_registration_change broker_registration_change;
        struct metadata_topic_record topic;
        struct metadata_partition_record partition;
        struct metadata_partition_change partition_change;
        struct metadata_remove_topic remove_topic;
        struct metadata_config_record config;
        struct metadata_feature_level feature_level;
        struct metadata_producer_ids producer_ids;
        struct metadata_register_controller register_controller;
        struct metadata_begin_transaction begin_transaction;
        struct metadata_abort_transaction abort_transaction;
    };
};

/* Appends the record's value to `out`. A record is built by us, so nothing can fail here; a NO_OP
 * becomes Kafka's plain NoOpRecord, 01 14 00 00. */
void metadata_record_encode(const struct metadata_record *record, struct buf *out);

/* Reads a record value. Strings borrow from `value`, arrays come from `arena`. `why` (may be NULL)
 * receives one sentence on failure. A NoOpRecord without our field is a NO_OP.
 * Errors: ERR_CORRUPT (not a frame, or broken protobuf, or a field that cannot be),
 * ERR_UNSUPPORTED (a record kind this version does not know; the sentence names it). */
enum err MUST_USE metadata_record_decode(struct slice value, struct arena *arena,
                                         struct metadata_record *out, struct buf *why);

/* Kafka's name, e.g. "PARTITION_CHANGE_RECORD"; "UNKNOWN" for a number that is no record type. */
const char *metadata_record_type_name(enum metadata_record_type type);

/* Appends one line without newline, fields that say nothing left out:
 * `PARTITION_CHANGE_RECORD topicId=… partitionId=3 leader=2 isr=[2,3]`. */
void metadata_record_print(const struct metadata_record *record, struct buf *out);

/* Reads such a line, all of it and nothing else: printing the record gives the same bytes again.
 * Texts are borrowed from the line or in the arena. `why` (may be NULL) receives a sentence on
 * failure. Errors: ERR_MALFORMED. */
enum err MUST_USE metadata_record_parse(struct slice line, struct arena *arena,
                                        struct metadata_record *out, struct buf *why);

/* Appends " name=value" for each field in which two records of one type differ, as "name=old ->
 * new"; with one of them NULL, all fields of the other. */
void metadata_record_print_changes(const struct metadata_record *before,
                                   const struct metadata_record *after, struct buf *out);

/* Appends one JSON object `{"type":"…","data":{…}}` with Kafka's field names, as kafka-dump-log
 * prints it. */
void metadata_record_print_json(const struct metadata_record *record, struct buf *out);

#endif
