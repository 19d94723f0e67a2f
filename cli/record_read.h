/* Records as `craft consume --format json` prints them, read again. Pure. */
#ifndef CLI_RECORD_READ_H
#define CLI_RECORD_READ_H

#include "base/arena.h"
#include "base/err.h"
#include "wire/batch.h"

struct record_read {
    struct wire_record record; /* timestamp −1: not given */
    int32_t partition;         /* −1: not given */
};

/* One JSON object: key, value, headers, timestamp and partition may be missing, what else there is
 * (topic, offset, timestampType) does not count. Bytes are a string, {"base64": "…"} or null, and
 * live in the arena. Errors: INVALID_REQUEST with a sentence in `why`. */
enum err record_read_json(struct slice line, struct arena *arena, struct record_read *out,
                          struct buf *why) MUST_USE;

#endif
