/* A batch of records on its way to a partition: open, full, closed, and built anew if it is
 * refused. Pure. */
#ifndef CLI_OUTGOING_H
#define CLI_OUTGOING_H

#include "base/list.h"
#include "cli/producer_id.h"
#include "wire/batch.h"

struct outgoing {
    struct list link; /* of whoever has it */
    struct buf bytes;
    struct wire_builder builder;
    int64_t records;
    int64_t payload; /* bytes of keys and values */
    int64_t deadline_ms;
    int64_t producer; /* who has sent it, when it is closed */
    int32_t sequence; /* of its first record, then */
    int attempts;     /* how often it was sent */
    bool is_full;     /* nothing is added any more */
    bool is_closed;   /* its bytes are those that are sent */
};

struct outgoing *outgoing_new(enum wire_compression compression, int64_t deadline_ms);
void outgoing_free(struct outgoing *batch);

/* Copies the record. The batch must not be closed. */
void outgoing_add(struct outgoing *batch, const struct wire_record *record);

/* The batch gets its number, by which the leader recognises it when it comes again. */
void outgoing_close(struct outgoing *batch, const struct producer_id *producer, int32_t sequence);

/* A part of a closed batch: its records from part/parts of them on, in a full batch that is not
 * closed. */
struct outgoing *outgoing_part(const struct outgoing *whole, int part, int parts);

#endif
