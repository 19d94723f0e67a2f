/* Borrowed bytes (`struct slice`) and a cursor over them (`struct reader`).
 *
 * A slice never owns. `data == NULL` means Kafka's null; an empty slice has data != NULL, len 0.
 * A reader never reads past its end: the first read that does not fit sets `bad`, returns zeroes
 * from then on, and the caller checks `bad` once at the end. Integers are big-endian, as on
 * Kafka's wire. */
#ifndef BASE_SLICE_H
#define BASE_SLICE_H

#include "base/base.h"

struct slice {
    const uint8_t *data;
    size_t len;
};

#define SLICE_NULL ((struct slice){NULL, 0})

/* printf("%.*s", SLICE_ARG(s)) */
#define SLICE_ARG(s) \
    ((s).data == NULL ? 4 : (int)(s).len), ((s).data == NULL ? "null" : (const char *)(s).data)

static inline struct slice slice_of(const void *data, size_t len)
{
    return (struct slice){data, len};
}

/* Borrows a C string without its NUL; NULL gives the null slice. */
static inline struct slice slice_str(const char *text)
{
    return (struct slice){(const uint8_t *)text, text == NULL ? 0 : strlen(text)};
}

static inline bool slice_is_null(struct slice s)
{
    return s.data == NULL;
}

/* Same bytes; null equals only null. */
static inline bool slice_eq(struct slice a, struct slice b)
{
    return a.len == b.len && (a.data == NULL) == (b.data == NULL) &&
           (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

static inline bool slice_eq_str(struct slice a, const char *text)
{
    return slice_eq(a, slice_str(text));
}

/* Byte-wise order, shorter first on a tie; <0, 0, >0. Null sorts first. */
int slice_cmp(struct slice a, struct slice b);

/* A NUL-terminated heap copy (mem_free()); NULL for null. */
char *slice_dup_str(struct slice s);

/* Big-endian loads and stores at an address the caller has checked. */
static inline uint16_t load_u16(const uint8_t *p)
{
    return (uint16_t)((p[0] << 8) | p[1]);
}

static inline uint32_t load_u32(const uint8_t *p)
{
    uint32_t v;
    memcpy(&v, p, sizeof v);
    return __builtin_bswap32(v);
}

static inline uint64_t load_u64(const uint8_t *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof v);
    return __builtin_bswap64(v);
}

static inline void store_u16(uint8_t *p, uint16_t v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

static inline void store_u32(uint8_t *p, uint32_t v)
{
    v = __builtin_bswap32(v);
    memcpy(p, &v, sizeof v);
}

static inline void store_u64(uint8_t *p, uint64_t v)
{
    v = __builtin_bswap64(v);
    memcpy(p, &v, sizeof v);
}

struct reader {
    const uint8_t *p;
    const uint8_t *end;
    bool bad; /* a read did not fit, or a varint was malformed */
};

static inline struct reader reader_of(struct slice s)
{
    return (struct reader){s.data, s.data == NULL ? NULL : s.data + s.len, false};
}

static inline size_t reader_left(const struct reader *r)
{
    return r->p == NULL ? 0 : (size_t)(r->end - r->p);
}

/* Where the next `len` bytes are, and steps over them; NULL and `bad` if they do not fit. Of no
 * bytes at all the address says nothing. */
static inline const uint8_t *reader_take(struct reader *r, size_t len)
{
    if (r->bad || len > reader_left(r)) {
        r->bad = true;
        return NULL;
    }
    const uint8_t *at = r->p;
    r->p = len == 0 ? at : at + len; /* NULL + 0 is no address */
    return at;
}

/* `len` bytes borrowed from the underlying slice; the null slice and `bad` if they do not fit. */
static inline struct slice reader_bytes(struct reader *r, size_t len)
{
    const uint8_t *at = reader_take(r, len);
    if (r->bad) {
        return SLICE_NULL;
    }
    return at == NULL ? slice_of("", 0) : slice_of(at, len);
}

static inline uint8_t reader_u8(struct reader *r)
{
    const uint8_t *at = reader_take(r, 1);
    return at == NULL ? 0 : *at;
}

static inline uint16_t reader_u16(struct reader *r)
{
    const uint8_t *at = reader_take(r, 2);
    return at == NULL ? 0 : load_u16(at);
}

static inline uint32_t reader_u32(struct reader *r)
{
    const uint8_t *at = reader_take(r, 4);
    return at == NULL ? 0 : load_u32(at);
}

static inline uint64_t reader_u64(struct reader *r)
{
    const uint8_t *at = reader_take(r, 8);
    return at == NULL ? 0 : load_u64(at);
}

static inline int8_t reader_i8(struct reader *r)
{
    return (int8_t)reader_u8(r);
}

static inline int16_t reader_i16(struct reader *r)
{
    return (int16_t)reader_u16(r);
}

static inline int32_t reader_i32(struct reader *r)
{
    return (int32_t)reader_u32(r);
}

static inline int64_t reader_i64(struct reader *r)
{
    return (int64_t)reader_u64(r);
}

/* A base-128 number of at most `bits` bits; one that takes more is `bad`. */
uint64_t reader_base128(struct reader *r, unsigned bits);

/* Base-128 varints; more than 5 (10 for 64 bits) bytes is `bad`. The signed ones are zig-zag. */
static inline uint32_t reader_uvarint(struct reader *r)
{
    if (!r->bad && reader_left(r) > 0 && *r->p < 0x80) {
        return *r->p++;
    }
    return (uint32_t)reader_base128(r, 32);
}

int32_t reader_varint(struct reader *r);
int64_t reader_varlong(struct reader *r);

#endif
