/* Compression with the four libraries; see compress_read.c for the way back. */
#include "wire/compress.h"

#include <lz4frame.h>
#include <snappy-c.h>
#include <zlib.h>
#include <zstd.h>

#include "wire/compress_snappy.h"

static const char *const names[] = {"none", "gzip", "snappy", "lz4", "zstd"};

const char *wire_compression_name(enum wire_compression codec)
{
    ASSERT((size_t)codec < ARRAY_LEN(names));
    return names[codec];
}

bool wire_compression_parse(struct slice name, enum wire_compression *out)
{
    if (slice_eq_str(name, "uncompressed")) {
        *out = WIRE_COMPRESSION_NONE;
        return true;
    }
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (slice_eq_str(name, names[i])) {
            *out = (enum wire_compression)i;
            return true;
        }
    }
    return false;
}

static int clamp(int level, int low, int high)
{
    return level < low ? low : level > high ? high : level;
}

static void put_gzip(int level, struct slice in, struct buf *out)
{
    enum { GZIP_WINDOW = 15 + 16, MEMORY_LEVEL = 8 }; /* 16: gzip's header, not zlib's */
    level = level == WIRE_LEVEL_DEFAULT ? Z_DEFAULT_COMPRESSION : clamp(level, 1, 9);
    z_stream z = {0};
    int rc = deflateInit2(&z, level, Z_DEFLATED, GZIP_WINDOW, MEMORY_LEVEL, Z_DEFAULT_STRATEGY);
    ASSERT(rc == Z_OK);
    size_t bound = deflateBound(&z, in.len);
    z.next_in = (Bytef *)(uintptr_t)in.data; /* zlib only reads it */
    z.avail_in = (uInt)in.len;
    z.next_out = buf_room(out, bound);
    z.avail_out = (uInt)bound;
    rc = deflate(&z, Z_FINISH);
    ASSERT(rc == Z_STREAM_END);
    out->len += z.total_out;
    deflateEnd(&z);
}

static void put_snappy(struct slice in, struct buf *out)
{
    buf_put(out, SNAPPY_FRAME_HEADER, SNAPPY_FRAME_HEADER_LEN);
    for (size_t at = 0; at < in.len; at += SNAPPY_FRAME_BLOCK) {
        size_t len = min_size(SNAPPY_FRAME_BLOCK, in.len - at);
        size_t block_len = snappy_max_compressed_length(len);
        size_t start = out->len;
        char *block = (char *)buf_room(out, 4 + block_len) + 4;
        snappy_status rc = snappy_compress((const char *)in.data + at, len, block, &block_len);
        ASSERT(rc == SNAPPY_OK);
        out->len += 4 + block_len;
        buf_patch_i32(out, start, (int32_t)block_len);
    }
}

/* Kafka's default level 9 means the fast compressor; the others the thorough one. */
static void put_lz4(int level, struct slice in, struct buf *out)
{
    enum { KAFKA_DEFAULT = 9, FAST = 0, HIGHEST = 12 };
    LZ4F_preferences_t prefs = {0};
    prefs.frameInfo.blockSizeID = LZ4F_max64KB;
    prefs.frameInfo.blockMode = LZ4F_blockIndependent;
    bool fast = level == WIRE_LEVEL_DEFAULT || level == KAFKA_DEFAULT;
    prefs.compressionLevel = fast ? FAST : clamp(level, 1, HIGHEST);
    size_t bound = LZ4F_compressFrameBound(in.len, &prefs);
    size_t len = LZ4F_compressFrame(buf_room(out, bound), bound, in.data, in.len, &prefs);
    ASSERT(!LZ4F_isError(len));
    out->len += len;
}

static void put_zstd(int level, struct slice in, struct buf *out)
{
    level = level == WIRE_LEVEL_DEFAULT ? ZSTD_CLEVEL_DEFAULT
                                        : clamp(level, ZSTD_minCLevel(), ZSTD_maxCLevel());
    size_t bound = ZSTD_compressBound(in.len);
    size_t len = ZSTD_compress(buf_room(out, bound), bound, in.data, in.len, level);
    ASSERT(!ZSTD_isError(len));
    out->len += len;
}

void wire_compress(enum wire_compression codec, int level, struct slice in, struct buf *out)
{
    ASSERT(in.len <= INT32_MAX);
    switch (codec) {
    case WIRE_COMPRESSION_NONE:
        buf_put_slice(out, in);
        return;
    case WIRE_COMPRESSION_GZIP:
        put_gzip(level, in, out);
        return;
    case WIRE_COMPRESSION_SNAPPY:
        put_snappy(in, out);
        return;
    case WIRE_COMPRESSION_LZ4:
        put_lz4(level, in, out);
        return;
    case WIRE_COMPRESSION_ZSTD:
        put_zstd(level, in, out);
        return;
    }
    UNREACHABLE();
}
