/* An image as the list of records that builds it, for snapshots.
 *
 * Order: features (metadata.version first), controllers, brokers, topics with their partitions,
 * configurations, producer ids. Replaying them onto the empty image gives an equal image. */
#ifndef METADATA_SNAPSHOT_H
#define METADATA_SNAPSHOT_H

#include "metadata/image.h"

/* Produces one record after the other, so that a snapshot of any size is written in small pieces:
 *
 *     struct metadata_snapshot *s = metadata_snapshot_begin(image);
 *     while (metadata_snapshot_next(s, &record)) { … }
 *     metadata_snapshot_end(s);
 *
 * Holds a reference to the image (to its stable part, if a transaction is open in it). */
struct metadata_snapshot;

struct metadata_snapshot *metadata_snapshot_begin(const struct metadata_image *image);

/* False at the end. What the record borrows is valid until the next call. */
bool metadata_snapshot_next(struct metadata_snapshot *s, struct metadata_record *out);

void metadata_snapshot_end(struct metadata_snapshot *s);

/* Single objects as the records that a snapshot has for them; they borrow from the image. `dirs` is
 * room for METADATA_REPLICAS_MAX directories, which the record borrows. The partition must exist
 * (asserted). */
struct metadata_record metadata_record_of_controller(const struct metadata_controller *c);
struct metadata_record metadata_record_of_broker(const struct metadata_broker *b);
struct metadata_record metadata_record_of_partition(const struct metadata_image *image,
                                                    const struct metadata_topic *topic,
                                                    int32_t index, struct uuid *dirs);

#endif
