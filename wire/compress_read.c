/* Decompression. Whatever the compressed bytes claim, the output never holds more than the limit
 * and memory grows with what was really produced. */
#include "wire/compress.h"

#include <lz4frame.h>
#include <snappy-c.h>
#include <zlib.h>
#include <zstd.h>

#include "wire/compress_snappy.h"

enum { ROOM_MIN = 4096 };

/* Where the plain bytes go: `out` from `start` on. */
struct sink {
    struct buf *out;
    size_t start;
    size_t max;
};

/* Room for the next bytes: one more than the limit allows, so that crossing it is seen. The room
 * doubles what is there, so that a large result is copied only a few times. */
static size_t sink_room(struct sink *s, uint8_t **at)
{
    size_t have = s->out->len - s->start;
    size_t room = min_size(max_size(ROOM_MIN, have), s->max - have + 1);
    *at = buf_room(s->out, room);
    return room;
}

static enum err sink_took(struct sink *s, size_t len)
{
    s->out->len += len;
    return s->out->len - s->start > s->max ? ERR_MESSAGE_TOO_LARGE : ERR_NONE;
}

static enum err inflate_all(z_stream *z, struct sink *s)
{
    for (;;) {
        uint8_t *at;
        size_t room = sink_room(s, &at);
        z->next_out = at;
        z->avail_out = (uInt)room;
        int rc = inflate(z, Z_NO_FLUSH);
        TRY(sink_took(s, room - z->avail_out));
        if (rc == Z_STREAM_END && z->avail_in == 0) {
            return ERR_NONE;
        }
        if (rc == Z_STREAM_END) {
            rc = inflateReset(z); /* another member follows */
        }
        if (rc != Z_OK || (z->avail_in == 0 && z->avail_out > 0)) {
            return ERR_CORRUPT_MESSAGE;
        }
    }
}

static enum err get_gzip(struct slice in, struct sink *s)
{
    enum { GZIP_WINDOW = 15 + 16 };
    z_stream z = {0};
    int rc = inflateInit2(&z, GZIP_WINDOW);
    ASSERT(rc == Z_OK);
    z.next_in = (Bytef *)(uintptr_t)in.data; /* zlib only reads it */
    z.avail_in = (uInt)in.len;
    enum err e = inflate_all(&z, s);
    inflateEnd(&z);
    return e;
}

/* One block of raw snappy. Its claimed length is believed only as far as its bytes can reach. */
static enum err get_snappy_block(struct slice in, struct sink *s)
{
    enum { RATIO_MAX = 24 }; /* a copy makes at most 64 bytes of 3 */
    size_t len;
    if (snappy_uncompressed_length((const char *)in.data, in.len, &len) != SNAPPY_OK ||
        len / RATIO_MAX > in.len) {
        return ERR_CORRUPT_MESSAGE;
    }
    if (len > s->max - (s->out->len - s->start)) {
        return ERR_MESSAGE_TOO_LARGE;
    }
    char *at = (char *)buf_room(s->out, len);
    if (snappy_uncompress((const char *)in.data, in.len, at, &len) != SNAPPY_OK) {
        return ERR_CORRUPT_MESSAGE;
    }
    return sink_took(s, len);
}

static bool has_snappy_mark(const struct reader *r)
{
    return reader_left(r) >= SNAPPY_FRAME_HEADER_LEN &&
           memcmp(r->p, SNAPPY_FRAME_MARK, SNAPPY_FRAME_MARK_LEN) == 0;
}

/* Frames may follow one another, as snappy-java allows. */
static enum err get_snappy(struct slice in, struct sink *s)
{
    struct reader r = reader_of(in);
    if (!has_snappy_mark(&r)) {
        return get_snappy_block(in, s);
    }
    while (reader_left(&r) > 0) {
        if (has_snappy_mark(&r)) {
            (void)reader_bytes(&r, SNAPPY_FRAME_HEADER_LEN);
            continue;
        }
        struct slice block = reader_bytes(&r, reader_u32(&r));
        if (r.bad) {
            return ERR_CORRUPT_MESSAGE;
        }
        TRY(get_snappy_block(block, s));
    }
    return ERR_NONE;
}

static enum err lz4_all(LZ4F_dctx *context, struct slice in, struct sink *s)
{
    for (;;) {
        uint8_t *at;
        size_t room = sink_room(s, &at);
        size_t made = room;
        size_t used = in.len;
        size_t rc = LZ4F_decompress(context, at, &made, in.data, &used, NULL);
        if (LZ4F_isError(rc)) {
            return ERR_CORRUPT_MESSAGE;
        }
        TRY(sink_took(s, made));
        in = slice_of(in.data + used, in.len - used);
        if (rc == 0) {
            return in.len == 0 ? ERR_NONE : ERR_CORRUPT_MESSAGE;
        }
        if (used == 0 && made == 0) {
            return ERR_CORRUPT_MESSAGE; /* it ends too early */
        }
    }
}

static enum err get_lz4(struct slice in, struct sink *s)
{
    LZ4F_dctx *context;
    size_t rc = LZ4F_createDecompressionContext(&context, LZ4F_VERSION);
    ASSERT(!LZ4F_isError(rc));
    enum err e = lz4_all(context, in, s);
    LZ4F_freeDecompressionContext(context);
    return e;
}

/* Frames may follow one another. The library takes windows of up to 128 MiB. */
static enum err zstd_all(ZSTD_DCtx *context, struct slice bytes, struct sink *s)
{
    ZSTD_inBuffer in = {bytes.data, bytes.len, 0};
    for (;;) {
        uint8_t *at;
        size_t room = sink_room(s, &at);
        ZSTD_outBuffer out = {at, room, 0};
        size_t rc = ZSTD_decompressStream(context, &out, &in);
        if (ZSTD_isError(rc)) {
            return ERR_CORRUPT_MESSAGE;
        }
        TRY(sink_took(s, out.pos));
        if (rc == 0 && in.pos == in.size) {
            return ERR_NONE;
        }
        if (in.pos == in.size && out.pos < out.size) {
            return ERR_CORRUPT_MESSAGE; /* it ends too early */
        }
    }
}

static enum err get_zstd(struct slice in, struct sink *s)
{
    ZSTD_DCtx *context = ZSTD_createDCtx();
    ASSERT(context != NULL);
    enum err e = zstd_all(context, in, s);
    ZSTD_freeDCtx(context);
    return e;
}

static enum err get_plain(struct slice in, struct sink *s)
{
    if (in.len > s->max) {
        return ERR_MESSAGE_TOO_LARGE;
    }
    buf_put_slice(s->out, in);
    return ERR_NONE;
}

static enum err get(enum wire_compression codec, struct slice in, struct sink *s)
{
    switch (codec) {
    case WIRE_COMPRESSION_NONE:
        return get_plain(in, s);
    case WIRE_COMPRESSION_GZIP:
        return get_gzip(in, s);
    case WIRE_COMPRESSION_SNAPPY:
        return get_snappy(in, s);
    case WIRE_COMPRESSION_LZ4:
        return get_lz4(in, s);
    case WIRE_COMPRESSION_ZSTD:
        return get_zstd(in, s);
    }
    return ERR_UNSUPPORTED_COMPRESSION_TYPE;
}

enum err wire_decompress(enum wire_compression codec, struct slice in, size_t max, struct buf *out)
{
    if (in.len > INT32_MAX) {
        return ERR_MESSAGE_TOO_LARGE;
    }
    struct sink s = {out, out->len, min_size(max, INT32_MAX)};
    enum err e = get(codec, in, &s);
    if (e != ERR_NONE) {
        out->len = s.start;
    }
    return e;
}
