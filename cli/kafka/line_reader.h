/* Lines as kafka-console-producer reads them (org.apache.kafka.tools.LineMessageReader): headers,
 * key and value, each behind a separator. Pure. */
#ifndef CLI_KAFKA_LINE_READER_H
#define CLI_KAFKA_LINE_READER_H

#include "cli/kafka/properties.h"
#include "wire/batch.h"

struct line_reader {
    bool parses_key;
    bool parses_headers;
    bool ignores_errors;
    struct slice key_separator;
    struct slice headers_delimiter; /* behind all headers */
    struct slice headers_separator; /* between two */
    struct slice headers_key_separator;
    struct slice null_marker; /* null: none */
    int64_t line_number;
    struct buf headers; /* of the last record */
};

/* Reads parse.key, key.separator, …. False: the sentence is in `why`. */
bool line_reader_init(struct line_reader *reader, const struct properties *properties,
                      struct buf *why);
void line_reader_fini(struct line_reader *reader);

/* The next line; the record borrows from it and from the reader. False: it has not the form that
 * it should, and errors are not ignored; the sentence is in `why`. */
bool line_reader_read(struct line_reader *reader, struct slice line, struct wire_record *out,
                      struct buf *why);

#endif
