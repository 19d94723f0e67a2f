/* The codecs of record batches, in the forms that Kafka's clients write: gzip, snappy (framed as
 * xerial's Java library does; raw snappy is read too), LZ4 frames, Zstandard.
 *
 * Pure; memory of the libraries is freed before each call returns. */
#ifndef WIRE_COMPRESS_H
#define WIRE_COMPRESS_H

#include "base/buf.h"
#include "base/err.h"

/* The values of a batch's attributes. */
enum wire_compression {
    WIRE_COMPRESSION_NONE = 0,
    WIRE_COMPRESSION_GZIP = 1,
    WIRE_COMPRESSION_SNAPPY = 2,
    WIRE_COMPRESSION_LZ4 = 3,
    WIRE_COMPRESSION_ZSTD = 4,
};

enum { WIRE_LEVEL_DEFAULT = INT32_MIN };

/* "none", "gzip", "snappy", "lz4", "zstd": the values of compression.type. */
const char *wire_compression_name(enum wire_compression codec);

/* False: no such name. Knows "uncompressed" (of topics) as well as "none" (of producers). */
bool wire_compression_parse(struct slice name, enum wire_compression *out);

/* Appends the compressed form of `in`. `level` is that of compression.<codec>.level (clamped to
 * what the codec has; ignored by snappy) or WIRE_LEVEL_DEFAULT. */
void wire_compress(enum wire_compression codec, int level, struct slice in, struct buf *out);

/* Appends the plain form of all of `in`, at most `max` bytes.
 * Errors (`out` is unchanged): CORRUPT_MESSAGE; MESSAGE_TOO_LARGE: there is more than `max`;
 * UNSUPPORTED_COMPRESSION_TYPE: `codec` is none of the above. */
enum err wire_decompress(enum wire_compression codec, struct slice in, size_t max,
                         struct buf *out) MUST_USE;

#endif
