/* The frame that xerial's snappy-java puts around snappy blocks: a header of 16 bytes, then blocks
 * of an int32 length and so many bytes of raw snappy. Private to wire/. */
#ifndef WIRE_COMPRESS_SNAPPY_H
#define WIRE_COMPRESS_SNAPPY_H

/* The mark, then version 1 and the oldest compatible version 1. */
#define SNAPPY_FRAME_MARK "\x82SNAPPY\0"
#define SNAPPY_FRAME_HEADER SNAPPY_FRAME_MARK "\0\0\0\1\0\0\0\1"

enum {
    SNAPPY_FRAME_MARK_LEN = 8,
    SNAPPY_FRAME_HEADER_LEN = 16,
    SNAPPY_FRAME_BLOCK = 32 << 10, /* plain bytes of a block, as Java writes them */
};

_Static_assert(sizeof SNAPPY_FRAME_HEADER - 1 == SNAPPY_FRAME_HEADER_LEN, "frame header");

#endif
