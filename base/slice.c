/* Borrowed bytes and the reading cursor. */
#include "base/slice.h"

#include "base/mem.h"

int slice_cmp(struct slice a, struct slice b)
{
    size_t shared = min_size(a.len, b.len);
    int order = shared == 0 ? 0 : memcmp(a.data, b.data, shared);
    if (order != 0) {
        return order;
    }
    if (a.len != b.len) {
        return a.len < b.len ? -1 : 1;
    }
    return (a.data != NULL) - (b.data != NULL);
}

char *slice_dup_str(struct slice s)
{
    if (s.data == NULL) {
        return NULL;
    }
    char *text = mem_alloc(s.len + 1);
    memcpy(text, s.data, s.len);
    text[s.len] = '\0';
    return text;
}

struct slice reader_bytes(struct reader *r, size_t len)
{
    if (r->bad || len > reader_left(r)) {
        r->bad = true;
        return SLICE_NULL;
    }
    if (r->p == NULL) {
        return slice_of("", 0);
    }
    struct slice s = {r->p, len};
    r->p += len;
    return s;
}

int8_t reader_i8(struct reader *r)
{
    struct slice s = reader_bytes(r, 1);
    return s.data == NULL ? 0 : (int8_t)s.data[0];
}

uint16_t reader_u16(struct reader *r)
{
    struct slice s = reader_bytes(r, 2);
    return s.data == NULL ? 0 : load_u16(s.data);
}

uint32_t reader_u32(struct reader *r)
{
    struct slice s = reader_bytes(r, 4);
    return s.data == NULL ? 0 : load_u32(s.data);
}

uint64_t reader_u64(struct reader *r)
{
    struct slice s = reader_bytes(r, 8);
    return s.data == NULL ? 0 : load_u64(s.data);
}

int16_t reader_i16(struct reader *r)
{
    return (int16_t)reader_u16(r);
}

int32_t reader_i32(struct reader *r)
{
    return (int32_t)reader_u32(r);
}

int64_t reader_i64(struct reader *r)
{
    return (int64_t)reader_u64(r);
}

/* Reads a base-128 number of at most `bits` bits. */
static uint64_t read_base128(struct reader *r, unsigned bits)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < bits; shift += 7) {
        uint8_t byte = (uint8_t)reader_i8(r);
        if (r->bad) {
            return 0;
        }
        uint64_t part = byte & 0x7f;
        if (shift + 7 > bits && (part >> (bits - shift)) != 0) {
            break;
        }
        value |= part << shift;
        if ((byte & 0x80) == 0) {
            return value;
        }
    }
    r->bad = true;
    return 0;
}

uint32_t reader_uvarint(struct reader *r)
{
    return (uint32_t)read_base128(r, 32);
}

int32_t reader_varint(struct reader *r)
{
    uint32_t v = (uint32_t)read_base128(r, 32);
    return (int32_t)((v >> 1) ^ (~(v & 1) + 1));
}

int64_t reader_varlong(struct reader *r)
{
    uint64_t v = read_base128(r, 64);
    return (int64_t)((v >> 1) ^ (~(v & 1) + 1));
}
