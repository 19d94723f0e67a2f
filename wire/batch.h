/* Record batches, version 2: the unit in which records are sent, stored and replicated.
 *
 * A batch is a header of 61 bytes and its records, compressed as one block if at all. The CRC
 * covers everything from the attributes on, so a leader stamps offset and epoch without touching
 * it. Brokers look at headers (wire_batch_next(), wire_batch_stamp()) and rarely at records:
 *
 *     struct wire_batches it = wire_batches_of(bytes);
 *     struct wire_batch batch;
 *     bool got;
 *     for (;;) {
 *         TRY(wire_batch_next(&it, &batch, &got));
 *         if (!got) break;
 *         TRY(wire_batch_check_crc(&batch));
 *         struct wire_records records;
 *         struct wire_record record;
 *         TRY(wire_records_open(&records, &batch, BYTES_MAX, &arena));
 *         for (;;) {
 *             TRY(wire_record_next(&records, &record, &got));
 *             …
 *
 * The formats before it (magic 0 and 1) are recognised, not read. Pure. */
#ifndef WIRE_BATCH_H
#define WIRE_BATCH_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "wire/compress.h"

enum {
    WIRE_BATCH_MAGIC = 2,
    WIRE_BATCH_HEADER = 61, /* bytes in front of the records */
    WIRE_BATCH_PREFIX = 12, /* base offset and length, which the length does not count */
    WIRE_BATCH_CRC_AT = 17,
    WIRE_BATCH_CRC_FROM = 21, /* the CRC covers from here (the attributes) to the end */
    WIRE_RECORD_MIN = 7,      /* bytes of the smallest record */
};

enum wire_batch_attribute {
    WIRE_BATCH_CODEC_MASK = 7,
    WIRE_BATCH_LOG_APPEND_TIME = 8, /* every record has the batch's max timestamp */
    WIRE_BATCH_TRANSACTIONAL = 16,
    WIRE_BATCH_CONTROL = 32,
    WIRE_BATCH_DELETE_HORIZON = 64, /* base_timestamp is when tombstones may go (compaction) */
};

/* ---- headers ---- */

struct wire_batch {
    struct slice bytes; /* the whole batch, borrowed */
    int64_t base_offset;
    int64_t base_timestamp; /* -1: none */
    int64_t max_timestamp;  /* -1: none */
    int64_t producer_id;    /* -1: none */
    int32_t leader_epoch;   /* -1: unknown */
    int32_t last_offset_delta;
    int32_t base_sequence; /* -1: none */
    int32_t record_count;
    uint32_t crc;
    int16_t attributes; /* enum wire_batch_attribute */
    int16_t producer_epoch;
};

static inline int64_t wire_batch_last_offset(const struct wire_batch *b)
{
    return b->base_offset + b->last_offset_delta;
}

/* The sequence number of the last record, -1: none. After 2^31 - 1 comes 0. */
static inline int32_t wire_batch_last_sequence(const struct wire_batch *b)
{
    return b->base_sequence < 0
               ? -1
               : (int32_t)(((uint32_t)b->base_sequence + (uint32_t)b->last_offset_delta) &
                           INT32_MAX);
}

static inline enum wire_compression wire_batch_compression(const struct wire_batch *b)
{
    return (enum wire_compression)(b->attributes & WIRE_BATCH_CODEC_MASK);
}

static inline bool wire_batch_has(const struct wire_batch *b, enum wire_batch_attribute attribute)
{
    return (b->attributes & attribute) != 0;
}

/* The records, compressed if the batch is. */
static inline struct slice wire_batch_payload(const struct wire_batch *b)
{
    return slice_of(b->bytes.data + WIRE_BATCH_HEADER, b->bytes.len - WIRE_BATCH_HEADER);
}

/* Bytes of the batch that begins in `head` (≥ WIRE_BATCH_PREFIX bytes, asserted), or 0 if its
 * length cannot be one. */
size_t wire_batch_size(struct slice head);

/* Reads the header of the batch at the start of `in`, which holds all of it (and more, perhaps).
 * The CRC is not checked.
 * Errors: CORRUPT_MESSAGE: too few bytes, or a field that cannot be; UNSUPPORTED_COMPRESSION_TYPE;
 * UNSUPPORTED_FOR_MESSAGE_FORMAT: magic 0 or 1. */
enum err wire_batch_parse(struct slice in, struct wire_batch *out) MUST_USE;

/* The same of the header alone: `head` has the first WIRE_BATCH_HEADER bytes (or more), and the
 * batch is `*size` bytes long, which need not be there. `out->bytes` is the header only. A codec
 * that is not known is no error, as who walks over batches does not open them. */
enum err wire_batch_peek(struct slice head, struct wire_batch *out, size_t *size) MUST_USE;

/* CORRUPT_MESSAGE unless the CRC is right. */
enum err wire_batch_check_crc(const struct wire_batch *b) MUST_USE;

/* Batches one behind the other, as in a segment, a Produce request or a Fetch response. */
struct wire_batches {
    struct slice rest; /* not read yet */
};

static inline struct wire_batches wire_batches_of(struct slice bytes)
{
    return (struct wire_batches){bytes};
}

/* `*got` false: the end; `rest` has what is there of an incomplete batch (a fetch may end in the
 * middle of one), or nothing. Errors: those of wire_batch_parse(); `rest` begins with the culprit.
 */
enum err wire_batch_next(struct wire_batches *it, struct wire_batch *out, bool *got) MUST_USE;

/* ---- stamping, in place; `batch` is a whole batch that was parsed ---- */

/* Base offset and leader epoch, which the CRC does not cover. */
void wire_batch_stamp(uint8_t *batch, int64_t base_offset, int32_t leader_epoch);

/* LogAppendTime: `now_ms` becomes the timestamp of every record. Computes the CRC anew. */
void wire_batch_stamp_time(uint8_t *batch, int64_t now_ms);

/* ---- records ---- */

/* A record, read or to be written. */
struct wire_record {
    int64_t offset; /* builder: see wire_builder_add_at() */
    int64_t timestamp;
    struct slice key;     /* may be null */
    struct slice value;   /* may be null */
    struct slice headers; /* encoded, without their count; wire_record_header_next() */
    int32_t header_count;
};

struct wire_records {
    struct wire_batch batch;
    struct reader r;      /* over the plain records */
    int32_t left;         /* records to come */
    int64_t offset_delta; /* of the record before, -1: none */
};

/* Begins with the first record. A compressed batch is decompressed into the arena, at most
 * `bytes_max` bytes; records borrow from there or from the batch.
 * Errors: those of wire_decompress(). */
enum err wire_records_open(struct wire_records *it, const struct wire_batch *b, size_t bytes_max,
                           struct arena *arena) MUST_USE;

/* `*got` false: that were all. Errors: INVALID_RECORD: a record has not the form it should, offsets
 * do not ascend or lie outside of the batch, or there are more or fewer bytes than records. */
enum err wire_record_next(struct wire_records *it, struct wire_record *out, bool *got) MUST_USE;

struct wire_record_header {
    struct slice key;   /* never null */
    struct slice value; /* may be null */
};

/* The next header of `r`, a reader of record.headers; call it header_count times. The iterator has
 * checked the headers of its records, others set r->bad. */
struct wire_record_header wire_record_header_next(struct reader *r);

/* Appends a header in the form of record.headers. */
void wire_record_header_put(struct buf *headers, struct slice key, struct slice value);

/* ---- building ---- */

struct wire_builder_options {
    int64_t base_offset;
    int64_t producer_id;
    int64_t delete_horizon_ms; /* -1: none */
    int32_t leader_epoch;
    int32_t base_sequence;
    int16_t producer_epoch;
    int16_t attributes; /* enum wire_batch_attribute without codec and delete horizon */
    enum wire_compression compression;
    int level;
};

/* At offset 0, no producer, no epoch, not compressed. */
#define WIRE_BUILDER_DEFAULTS \
    .producer_id = -1, .delete_horizon_ms = -1, .leader_epoch = -1, .base_sequence = -1, \
    .producer_epoch = -1, .level = WIRE_LEVEL_DEFAULT

/* Writes one batch at the end of `out`, which nobody else touches until wire_builder_finish(). */
struct wire_builder {
    struct wire_builder_options options;
    struct buf *out;
    size_t start;
    int64_t base_timestamp;
    int64_t max_timestamp;
    int32_t count;
    int32_t last_delta; /* -1: no record yet */
};

void wire_builder_init(struct wire_builder *b, const struct wire_builder_options *options,
                       struct buf *out);

/* Bytes of the batch so far, not compressed. */
size_t wire_builder_size(const struct wire_builder *b);

/* Appends a record at the next offset (record->offset is not looked at). */
void wire_builder_add(struct wire_builder *b, const struct wire_record *record);

/* Appends a record at record->offset, which must be behind the last one and at most 2^31 - 1 from
 * the base (asserted). Compaction keeps offsets so. */
void wire_builder_add_at(struct wire_builder *b, const struct wire_record *record);

/* The batch ends at `offset` even if the last records are gone (compaction). */
void wire_builder_set_last_offset(struct wire_builder *b, int64_t offset);

/* The timestamps of a batch without records, or of one with LogAppendTime. */
void wire_builder_set_timestamps(struct wire_builder *b, int64_t base, int64_t max);

/* Compresses, writes header and CRC; returns the batch, valid until `out` changes. */
struct slice wire_builder_finish(struct wire_builder *b);

/* ---- control records ---- */

enum wire_control_type {
    WIRE_CONTROL_ABORT = 0,
    WIRE_CONTROL_COMMIT = 1,
    WIRE_CONTROL_LEADER_CHANGE = 2,   /* wire_leader_change_message */
    WIRE_CONTROL_SNAPSHOT_HEADER = 3, /* wire_snapshot_header_record */
    WIRE_CONTROL_SNAPSHOT_FOOTER = 4, /* wire_snapshot_footer_record */
    WIRE_CONTROL_KRAFT_VERSION = 5,   /* wire_kraft_version_record */
    WIRE_CONTROL_KRAFT_VOTERS = 6,    /* wire_voters_record */
};

/* The key of a control record. `*type` may be none of the above: skip such records.
 * Errors: INVALID_RECORD. */
enum err wire_control_key_decode(struct slice key, int16_t *type) MUST_USE;
void wire_control_key_encode(enum wire_control_type type, struct buf *out);

/* The value of ABORT and COMMIT. Errors: INVALID_RECORD. */
enum err wire_txn_marker_decode(struct slice value, int32_t *coordinator_epoch) MUST_USE;
void wire_txn_marker_encode(int32_t coordinator_epoch, struct buf *out);

#endif
