/* Lines of input as records: split, keyed, given a partition. Pure. */
#ifndef CLI_LINES_H
#define CLI_LINES_H

#include "base/buf.h"

/* Bytes as they come, lines as they are complete. `struct lines lines = {.end = slice_str("\n")}`
 * … lines_fini(). */
struct lines {
    struct slice end; /* of a line, at least a byte */
    struct buf bytes;
    size_t start; /* of the next line in `bytes` */
    size_t seen;  /* no line ends before here */
};

void lines_fini(struct lines *lines);

void lines_put(struct lines *lines, struct slice bytes);

/* The next complete line without its end; valid until lines_put(). */
bool lines_next(struct lines *lines, struct slice *line);

/* What is left behind the end of the last line, at the end of the input; false: nothing. */
bool lines_last(struct lines *lines, struct slice *line);

/* Bytes of the line that is not complete. */
size_t lines_pending(const struct lines *lines);

/* How a line becomes a record. */
struct lines_format {
    struct slice key_separator; /* null: lines have no keys */
    struct slice null_marker;   /* a key or value of this text is null; null: none is */
};

/* False: the separator is missing. Without keys the key is null. */
bool lines_split(const struct lines_format *format, struct slice line, struct slice *key,
                 struct slice *value);

/* The partition that Kafka's clients choose for a key: murmur2, as in the Java client. */
int32_t lines_partition(struct slice key, int32_t partition_count);

#endif
