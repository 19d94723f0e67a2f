/* The levels of metadata.version: Kafka's names for them, and what may be written at which.
 *
 * A level says what all nodes of the cluster understand. Records, or fields of them, that came with
 * a level are written only when that level is finalized. */
#ifndef METADATA_LEVELS_H
#define METADATA_LEVELS_H

#include "base/slice.h"

struct metadata_record;

/* Those that something depends on; the numbers are Kafka's. */
enum {
    METADATA_LEVEL_3_3_IV3 = 7,
    METADATA_LEVEL_3_4_IV0 = 8,  /* migration from ZooKeeper */
    METADATA_LEVEL_3_6_IV0 = 12, /* brokers need no new leader epoch when an ISR shrinks */
    METADATA_LEVEL_3_6_IV1 = 13, /* metadata transactions */
    METADATA_LEVEL_3_7_IV0 = 15, /* registrations of controllers */
    METADATA_LEVEL_3_7_IV2 = 17, /* directories of replicas (KIP-858) */
    METADATA_LEVEL_3_9_IV0 = 21, /* voters that are records (KIP-853) */
    METADATA_LEVEL_4_0_IV0 = 22, /* the groups of KIP-848 */
    METADATA_LEVEL_4_0_IV1 = 23, /* eligible leader replicas (KIP-966) */
    METADATA_LEVEL_4_0_IV3 = 25,
};

/* "4.0-IV3", or NULL for a level without a name. */
const char *metadata_level_name(int16_t level);

/* Reads "25", "4.0-IV3", or "4.0", which is the highest level of that release. */
bool metadata_level_parse(struct slice text, int16_t *out);

/* The least level of metadata.version at which the record, as it is filled, may be written. */
int16_t metadata_record_level(const struct metadata_record *record);

#endif
