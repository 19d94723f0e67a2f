/* Records of __consumer_offsets and __transaction_state as JSON, as Kafka's formatters have them.
 * Pure. */
#ifndef CLI_KAFKA_INTERNAL_RECORDS_H
#define CLI_KAFKA_INTERNAL_RECORDS_H

#include "base/buf.h"
#include "wire/batch.h"

enum internal_kind { INTERNAL_OFFSETS, INTERNAL_GROUPS, INTERNAL_TRANSACTIONS };

/* Appends {"key":{"type":…,"data":…},"value":{"version":…,"data":…}}, without a newline; nothing
 * for a record that is of another kind or is none of Kafka's. */
void internal_records_print(const struct wire_record *record, enum internal_kind kind,
                            struct buf *out);

#endif
