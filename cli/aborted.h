/* Which batches of a fetch are not for a reader of committed records (KIP-98): what aborted
 * transactions wrote, and the markers. Without transactions that the response names, only markers
 * are hidden. Pure. */
#ifndef CLI_ABORTED_H
#define CLI_ABORTED_H

#include "wire/batch.h"
#include "wire/wire.h"

/* Producers whose records belong to an aborted transaction, where the reading stands. */
struct aborted {
    const struct wire_fetch_response_responses_partitions *of;
    struct arena arena;
    int64_t *producers;
    int32_t count;
    int32_t next; /* of the response's list, which is in order of the offsets */
};

/* The response is borrowed. */
void aborted_init(struct aborted *aborted,
                  const struct wire_fetch_response_responses_partitions *of);
void aborted_fini(struct aborted *aborted);

/* Has the batch nothing for the reader? Batches must be asked about in their order. Errors: a
 * marker that cannot be read. */
enum err aborted_hides(struct aborted *aborted, const struct wire_batch *batch,
                       bool *hidden) MUST_USE;

#endif
