/* Records as text: the value alone, JSON lines, TSV. Pure. */
#ifndef CLI_RECORD_PRINT_H
#define CLI_RECORD_PRINT_H

#include "cli/puller.h"
#include "cli/record_template.h"
#include "cli/table.h"

struct record_format {
    enum table_format format;
    struct slice key_separator; /* for people: key and separator stand before the value; or null */
    struct slice null_text;     /* for people: stands for null; may be null */
    const struct record_template *print; /* for people: how; NULL: key and value */
};

/* The first line, if the format has one. */
void record_print_head(const struct record_format *format, struct buf *out);

/* For people: the bytes as they are. JSON: {topic, partition, offset, timestamp,
 * timestampType, key, value, headers}; bytes that are no UTF-8 are {"base64": "…"}. */
void record_print(const struct record_format *format, const struct puller_record *record,
                  struct buf *out);

/* A JSON string, {"base64": "…"} or null. */
json_t *record_json_bytes(struct slice bytes);

/* An array of {key, value}. */
json_t *record_json_headers(const struct wire_record *record);

#endif
