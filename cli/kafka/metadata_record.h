/* Our metadata records as those that Apache Kafka would have written in their place. */
#ifndef CLI_KAFKA_METADATA_RECORD_H
#define CLI_KAFKA_METADATA_RECORD_H

#include "metadata/record.h"
#include "wire/wire.h"

struct kafka_record {
    const struct wire_record_type *type;
    int16_t version;
    void *value; /* a structure of type->value */
};

/* In the lowest version that has what the record says, but for registrations of brokers, which are
 * in the newest. Borrows from the record and the arena. */
struct kafka_record kafka_record_of(const struct metadata_record *record, struct arena *arena);

/* Appends {"type":"TOPIC_RECORD","version":0,"data":{…}}. */
void kafka_record_print(const struct kafka_record *record, struct buf *out);

#endif
