/* Record batches for tests. */
#ifndef TESTS_LIB_BATCHES_H
#define TESTS_LIB_BATCHES_H

#include "base/buf.h"

struct batch_spec {
    int64_t base_offset;
    int32_t records; /* at least 1 */
    int32_t leader_epoch;
    int64_t timestamp;   /* of every record */
    uint32_t value_size; /* of every record; the bytes follow from offset and epoch */
};

/* Appends a batch; returns its size. */
size_t batch_put(struct buf *out, const struct batch_spec *spec);

#endif
