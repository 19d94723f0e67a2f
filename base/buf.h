/* An owned, growing byte buffer for encoding.
 *
 * The caller owns the structure: `struct buf b = {0};` … buf_fini(&b). Pointers into `data` are
 * valid until the next call that appends. Integers are big-endian. */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include "base/slice.h"

struct buf {
    uint8_t *data;
    size_t len;
    size_t cap;
};

/* Frees the bytes and makes the buffer empty again. */
void buf_fini(struct buf *b);

/* Makes the buffer empty, keeping its memory. */
static inline void buf_reset(struct buf *b)
{
    b->len = 0;
}

static inline struct slice buf_slice(const struct buf *b)
{
    return slice_of(b->data == NULL ? (const void *)"" : b->data, b->len);
}

/* What buf_room() does when the room must be made. */
uint8_t *buf_grow(struct buf *b, size_t more);

/* Room for `more` bytes behind the end; returns where they start. `len` is unchanged. */
static inline uint8_t *buf_room(struct buf *b, size_t more)
{
    ASSERT(b->len <= b->cap);
    return b->data == NULL || more > b->cap - b->len ? buf_grow(b, more) : b->data + b->len;
}

/* Appends `len` uninitialised bytes; returns where they start. */
static inline uint8_t *buf_extend(struct buf *b, size_t len)
{
    uint8_t *at = buf_room(b, len);
    b->len += len;
    return at;
}

void buf_put(struct buf *b, const void *data, size_t len);
void buf_put_slice(struct buf *b, struct slice s);
void buf_put_str(struct buf *b, const char *text);

static inline void buf_put_u8(struct buf *b, uint8_t v)
{
    *buf_extend(b, 1) = v;
}

static inline void buf_put_u16(struct buf *b, uint16_t v)
{
    store_u16(buf_extend(b, 2), v);
}

static inline void buf_put_u32(struct buf *b, uint32_t v)
{
    store_u32(buf_extend(b, 4), v);
}

static inline void buf_put_u64(struct buf *b, uint64_t v)
{
    store_u64(buf_extend(b, 8), v);
}

static inline void buf_put_i8(struct buf *b, int8_t v)
{
    buf_put_u8(b, (uint8_t)v);
}

static inline void buf_put_i16(struct buf *b, int16_t v)
{
    buf_put_u16(b, (uint16_t)v);
}

static inline void buf_put_i32(struct buf *b, int32_t v)
{
    buf_put_u32(b, (uint32_t)v);
}

static inline void buf_put_i64(struct buf *b, int64_t v)
{
    buf_put_u64(b, (uint64_t)v);
}

/* Seven bits a byte, the lowest first. */
void buf_put_base128(struct buf *b, uint64_t v);

static inline void buf_put_uvarint(struct buf *b, uint32_t v)
{
    if (v < 0x80) {
        buf_put_u8(b, (uint8_t)v);
    } else {
        buf_put_base128(b, v);
    }
}

void buf_put_varint(struct buf *b, int32_t v);
void buf_put_varlong(struct buf *b, int64_t v);

/* Appends formatted text without a NUL. */
void buf_printf(struct buf *b, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Overwrites 4 bytes at `at`, which must already be inside the buffer. */
void buf_patch_i32(struct buf *b, size_t at, int32_t v);

/* How many bytes an unsigned varint takes. */
size_t uvarint_size(uint32_t v);

#endif
