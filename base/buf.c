/* The growing byte buffer. */
#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/mem.h"

enum { BUF_CAP_MIN = 64 };

void buf_fini(struct buf *b)
{
    mem_free(b->data);
    *b = (struct buf){0};
}

uint8_t *buf_grow(struct buf *b, size_t more)
{
    ASSERT(more <= SIZE_MAX / 4 - b->len);
    b->cap = max_size(BUF_CAP_MIN, max_size(b->cap * 2, b->len + more));
    b->data = mem_realloc(b->data, b->cap);
    return b->data + b->len;
}

void buf_put(struct buf *b, const void *data, size_t len)
{
    uint8_t *at = buf_extend(b, len);
    if (len > 0) {
        memcpy(at, data, len);
    }
}

void buf_put_slice(struct buf *b, struct slice s)
{
    buf_put(b, s.data, s.len);
}

void buf_put_str(struct buf *b, const char *text)
{
    buf_put(b, text, strlen(text));
}

void buf_put_base128(struct buf *b, uint64_t v)
{
    while (v >= 0x80) {
        buf_put_u8(b, (uint8_t)(v | 0x80));
        v >>= 7;
    }
    buf_put_u8(b, (uint8_t)v);
}

void buf_put_varint(struct buf *b, int32_t v)
{
    buf_put_base128(b, ((uint32_t)v << 1) ^ (uint32_t)(v >> 31));
}

void buf_put_varlong(struct buf *b, int64_t v)
{
    buf_put_base128(b, ((uint64_t)v << 1) ^ (uint64_t)(v >> 63));
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    va_list again;
    va_copy(again, args);
    char *at = (char *)buf_room(b, 1);
    int len = vsnprintf(at, b->cap - b->len, fmt, args);
    va_end(args);
    ASSERT(len >= 0);
    if ((size_t)len >= b->cap - b->len) { /* it was cut */
        at = (char *)buf_room(b, (size_t)len + 1);
        vsnprintf(at, (size_t)len + 1, fmt, again);
    }
    va_end(again);
    b->len += (size_t)len;
}

void buf_patch_i32(struct buf *b, size_t at, int32_t v)
{
    ASSERT(b->len >= 4);
    ASSERT(at <= b->len - 4);
    store_u32(b->data + at, (uint32_t)v);
}

size_t uvarint_size(uint32_t v)
{
    size_t size = 1;
    for (; v >= 0x80; v >>= 7) {
        size++;
    }
    return size;
}
