/* The records of a decision, encoded and cut into batches for the log. */
#ifndef CONTROLLER_BATCHES_H
#define CONTROLLER_BATCHES_H

#include "controller/decide/decision.h"

/* A batch of at most this many records keeps what one commit brings to the brokers small. */
enum { BATCH_RECORDS_MAX = 10000 };

struct batch {
    size_t first; /* record of the decision */
    size_t count;
};

struct batches {
    struct buf bytes;     /* all encoded values, one after the other */
    struct slice *values; /* one per record */
    struct batch *items;
    size_t count;
    struct metadata_since now; /* when and why they are written; borrows the cause's texts */
    struct arena arena;
};

/* The cause goes with the first record of every batch. Records joined by the decision stay in one
 * batch; the others fill batches up to the limits. Errors: ERR_POLICY_VIOLATION (a record, or
 * records that must be together, are too large for a batch). To be freed in any case. */
enum err MUST_USE controller_batches_make(struct batches *out, const struct decision *decision,
                                          const struct metadata_since *now);
void controller_batches_fini(struct batches *b);

#endif
