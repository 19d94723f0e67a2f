/* The records of `__consumer_offsets` in Kafka's own bytes: a big-endian i16 version, then the
 * fields. Written: OffsetCommit key 1 / value 3 (value 1 with an explicit expiry), GroupMetadata
 * key 2 / value 3, as Apache Kafka 2.1 and later read them. Read: every version of those. */
#ifndef BROKER_GROUP_RECORDS_H
#define BROKER_GROUP_RECORDS_H

#include "base/arena.h"
#include "base/err.h"
#include "broker/group/group.h"

struct group;
struct wire_group_metadata_value;
struct wire_message;

enum group_key_kind {
    GROUP_KEY_OFFSET,
    GROUP_KEY_GROUP,
    GROUP_KEY_CONSUMER, /* of a consumer group: consumer/records.c */
    GROUP_KEY_OTHER,    /* of a kind that is not ours: share and streams groups */
};

/* Borrows from the key's bytes. */
struct group_key {
    enum group_key_kind kind;
    struct slice group;
    struct slice topic; /* OFFSET */
    int32_t partition;  /* OFFSET */
    int16_t type;       /* CONSUMER: the key's version */
};

/* The tombstone with which a consumer group ends: that of its epoch. */
enum { GROUP_CONSUMER_KEY_EPOCH = 3 };

struct group_offset_value {
    int64_t offset;
    int32_t leader_epoch; /* -1: unknown */
    struct slice metadata;
    int64_t commit_ms;
    int64_t expire_ms; /* -1: by the group's retention */
};

/* Errors: CORRUPT. */
enum err MUST_USE group_records_key(struct slice key, struct arena *arena, struct group_key *out);
enum err MUST_USE group_records_offset_value(struct slice value, struct arena *arena,
                                             struct group_offset_value *out);
enum err MUST_USE group_records_group_value(struct slice value, struct arena *arena,
                                            struct wire_group_metadata_value *out);

/* An int16 version and the message, made in `arena`; the message must be valid. */
struct slice group_records_encode(const struct wire_message *m, int16_t version, const void *in,
                                  struct arena *arena);
/* The same back. Errors: CORRUPT. */
enum err MUST_USE group_records_decode(const struct wire_message *m, struct slice bytes,
                                       struct arena *arena, void *out);
/* A key, whose version says its type, read in the form of `m`. Errors: CORRUPT. */
enum err MUST_USE group_records_decode_key(const struct wire_message *m, struct slice bytes,
                                           struct arena *arena, void *out);

/* Made in `arena`. */
struct group_record group_records_offset(const struct group_key *key,
                                         const struct group_offset_value *value,
                                         struct arena *arena);
struct group_record group_records_offset_tombstone(const struct group_key *key,
                                                   struct arena *arena);
struct group_record group_records_group(const struct group *g, struct arena *arena);
struct group_record group_records_group_tombstone(struct slice group_id, struct arena *arena);

#endif
