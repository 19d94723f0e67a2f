/* Partition records without protobuf-c: an image of a million partitions begins with a million of
 * them. For record_decode.c. */
#ifndef METADATA_RECORD_PARTITION_H
#define METADATA_RECORD_PARTITION_H

#include "metadata/record.h"

/* Reads a MetadataRecord that holds a PartitionRecord and nothing else, in the form in which
 * metadata_record_encode() writes it. False: it is something else, or in another form, or wrong;
 * protobuf-c has the answer then. Arrays are of the arena. */
bool metadata_partition_read(struct slice message, struct arena *arena,
                             struct metadata_partition_record *out) MUST_USE;

#endif
