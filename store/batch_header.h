/* What a scan of a log reports of a batch: the header of version 2 (wire/batch.h), and of the
 * message formats before it (magic 0 and 1) enough to walk over them in directories that older
 * releases wrote. */
#ifndef STORE_BATCH_HEADER_H
#define STORE_BATCH_HEADER_H

#include "wire/batch.h"

struct store_file;

struct store_batch {
    int64_t base_offset; /* magic 0, 1: the same as last_offset, as only that is known */
    int64_t last_offset;
    int64_t base_timestamp; /* −1 for magic 0 and 1 */
    int64_t max_timestamp;  /* −1: none */
    int64_t producer_id;    /* −1: none */
    int32_t base_sequence;
    int32_t last_sequence; /* −1: none; wraps at 2^31 − 1 */
    int32_t leader_epoch;  /* −1: unknown */
    int32_t record_count;  /* −1 for magic 0 and 1 */
    uint32_t size;         /* whole batch in bytes */
    uint32_t crc;
    int16_t producer_epoch;
    int16_t attributes; /* enum wire_batch_attribute */
    int8_t magic;
    /* Where it is, when it came from a file; the file is pinned during the callback. */
    uint32_t position;
    struct store_file *file;
};

/* Parses a header. `head` has the first WIRE_BATCH_HEADER bytes, or fewer where the file ends.
 * ERR_CORRUPT: this is no batch. The CRC is not checked and the body need not be there. */
enum err store_batch_parse(struct slice head, struct store_batch *out) MUST_USE;

#endif
