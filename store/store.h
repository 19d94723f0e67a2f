/* store/: Kafka's log on disk, byte for byte. The manual is in the parts:
 *
 *   fs.h        every file call, real or simulated; atomic files; error texts
 *   files.h     open files, shared and capped
 *   log.h       a partition's log: append, read, truncate, flush, recover, leader epochs
 *   ahead.h     room that a log of many syncs writes before it is needed
 *   batch_header.h  what a scan of a log reports
 *   snapshot.h  producer snapshots
 *   checkpoint.h  recovery point, high watermark and log start of all partitions
 *   meta.h      meta.properties, .lock, partition.metadata, the clean-shutdown mark
 *   dir.h       names of partition directories
 *
 * Formats and what survives what: docs/storage.md. */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include "store/checkpoint.h"
#include "store/dir.h"
#include "store/fs.h"
#include "store/log.h"
#include "store/meta.h"
#include "store/snapshot.h"

#endif
