/* One committed batch of the metadata log, applied as a whole or not at all. */
#ifndef METADATA_BATCH_H
#define METADATA_BATCH_H

#include "base/buf.h"
#include "metadata/image.h"

struct metadata_delta;
struct metadata_supported;

/* Values have consecutive offsets from `base_offset` on; a control batch has none. Borrowed. */
struct metadata_batch {
    int64_t base_offset;
    int64_t last_offset;
    int32_t epoch;
    int64_t timestamp_ms;
    const struct slice *values;
    int count;
    /* A batch that finalizes a level beyond these is not applied; NULL: any level will do. */
    const struct metadata_supported *supported;
};

/* The image after the batch, one reference of it the caller's; `base` stays as it is. When one of
 * the records cannot be applied, none is: `*out` is NULL and `why` has one sentence that names the
 * offset. Errors: ERR_CORRUPT, ERR_UNSUPPORTED (a newer version has written it). */
enum err MUST_USE metadata_replay_batch(const struct metadata_image *base,
                                        const struct metadata_batch *batch,
                                        struct metadata_image **out, struct buf *why);

/* The same for who needs only the newest image: the caller's reference of `*image` becomes one of
 * the next. What nobody else has a reference of is changed in place, without copying: a node that
 * reads a long log does not pay for each batch what it takes to keep the image before it. That one
 * has, after an error, the records before the one that cannot be applied. */
enum err MUST_USE metadata_replay_batch_onto(struct metadata_image **image,
                                             const struct metadata_batch *batch, struct buf *why);

/* Decodes a value and applies it at `offset`; for who keeps a delta open over many batches (a
 * snapshot). Memory that the record needs meanwhile comes from the arena. After an error the delta
 * can only be dropped. */
enum err MUST_USE metadata_replay_value(struct metadata_delta *delta, int64_t offset,
                                        struct slice value, struct arena *arena, struct buf *why);

#endif
