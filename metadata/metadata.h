/* Cluster metadata: records, the immutable image they build, and the settings that shape it.
 *
 * Everything that a cluster agrees on (brokers, topics, partitions, dynamic configuration, feature
 * levels, producer ids) is written as records to the log of `__cluster_metadata` and replayed, in
 * order, into an image. Controllers and brokers run the same replay, so equal logs give equal
 * images:
 *
 *     struct metadata_image *image = metadata_image_new(cluster_id);
 *     for every committed batch:
 *         TRY(metadata_replay_batch(image, &batch, &next, &why));
 *         metadata_diff(image, next, &visitor);      // tell those who care what is new
 *         metadata_image_unref(image); image = next;
 *
 * record.h    what is written: plain structures, their encoding, their text
 * cause.h     why it was written
 * image.h     what is true now: immutable, shared by reference, read without locks
 * delta.h     from one image to the next: the one replay, and the difference of two images
 * batch.h     one batch of the log, applied as a whole
 * snapshot.h  an image as records, for snapshots; load.h: the other way round
 * settings.h  names, types, defaults and ranges of server, topic and group settings; the reader of
 *             `.properties` files; the value in effect and where it comes from
 * addresses.h listeners and controllers, as settings name them
 * supported.h feature levels of this release; levels.h: what metadata.version allows
 *
 * The folder is pure: no clock, no I/O, no globals but constant tables. */
#ifndef METADATA_METADATA_H
#define METADATA_METADATA_H

#include "metadata/record.h"
#include "metadata/cause.h"
#include "metadata/image.h"
#include "metadata/delta.h"
#include "metadata/batch.h"
#include "metadata/load.h"
#include "metadata/snapshot.h"
#include "metadata/settings.h"
#include "metadata/addresses.h"
#include "metadata/levels.h"
#include "metadata/supported.h"
#include "metadata/first_levels.h"
#include "metadata/describe_features.h"
#include "metadata/describe_configs.h"

#endif
