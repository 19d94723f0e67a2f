/* A whole image from the records of a snapshot, batch by batch; the other way round of snapshot.h.
 *
 *     struct metadata_load *load = metadata_load_begin(cluster_id, end_offset);
 *     for every batch: TRY(metadata_load_values(load, values, count, &why));
 *     image = metadata_load_end(load, epoch, timestamp_ms);
 *
 * After an error the load can only be dropped. */
#ifndef METADATA_LOAD_H
#define METADATA_LOAD_H

#include "base/buf.h"
#include "metadata/image.h"

struct metadata_load;

/* The state after all records before `end_offset`; 0: before the first. */
struct metadata_load *metadata_load_begin(struct slice cluster_id, int64_t end_offset);

/* Errors: ERR_CORRUPT, ERR_UNSUPPORTED (a newer version has written it); `why` has a sentence. */
enum err MUST_USE metadata_load_values(struct metadata_load *load, const struct slice *values,
                                       int count, struct buf *why);

/* Ends the load; the caller owns one reference of the image. Epoch and append time are those of the
 * last record before `end_offset`. */
struct metadata_image *metadata_load_end(struct metadata_load *load, int32_t epoch,
                                         int64_t timestamp_ms);

/* Ends it without an image; NULL is allowed. */
void metadata_load_drop(struct metadata_load *load);

#endif
