/* The frame of a record value (record.h): a NoOpRecord of Apache Kafka with our tagged fields. For
 * the files that encode and decode what is in the fields. */
#ifndef METADATA_RECORD_FRAME_H
#define METADATA_RECORD_FRAME_H

#include "base/buf.h"
#include "base/err.h"

/* The tagged fields, null where there is none; borrowed. */
struct metadata_frame {
    struct slice record; /* METADATA_RECORD_TAG */
    struct slice cause;  /* METADATA_CAUSE_TAG */
};

void metadata_frame_put(const struct metadata_frame *frame, struct buf *out);

/* Fields of other tags are skipped. `why` may be NULL. Errors: ERR_CORRUPT, ERR_UNSUPPORTED (not
 * our frame). */
enum err MUST_USE metadata_frame_open(struct slice value, struct metadata_frame *out,
                                      struct buf *why);

#endif
