/* What a client's batch must be before it is appended (the checks of Produce).
 *
 * Only the 61-byte header is looked at and the CRC computed, unless the topic's settings make us
 * open the batch: compaction needs keys, compression.type may ask for another codec. */
#ifndef BROKER_VALIDATE_H
#define BROKER_VALIDATE_H

#include "broker/replica.h"
#include "wire/batch.h"

/* `records` must be exactly one v2 batch that this partition may take. `*batch` is its header.
 * Errors: INVALID_RECORD, CORRUPT_MESSAGE, MESSAGE_TOO_LARGE, INVALID_TIMESTAMP,
 * UNSUPPORTED_FOR_MESSAGE_FORMAT, UNSUPPORTED_COMPRESSION_TYPE; `*message` then says why, for the
 * client. */
enum err broker_validate_client_batch(const struct replica *r, struct slice records,
                                      int64_t now_wall_ms, struct wire_batch *batch,
                                      const char **message) MUST_USE;

/* Must the batch be written anew because compression.type names another codec? */
bool broker_needs_recompression(const struct replica *r, const struct wire_batch *batch);

/* Writes the same records with the topic's codec into `out`; `*batch` becomes that batch.
 * Errors: INVALID_RECORD, CORRUPT_MESSAGE, MESSAGE_TOO_LARGE. */
enum err broker_recompress(const struct replica *r, struct wire_batch *batch,
                           struct buf *out) MUST_USE;

#endif
