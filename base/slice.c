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

uint64_t reader_base128(struct reader *r, unsigned bits)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < bits; shift += 7) {
        uint8_t byte = reader_u8(r);
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

int32_t reader_varint(struct reader *r)
{
    uint32_t v = (uint32_t)reader_base128(r, 32);
    return (int32_t)((v >> 1) ^ (~(v & 1) + 1));
}

int64_t reader_varlong(struct reader *r)
{
    uint64_t v = reader_base128(r, 64);
    return (int64_t)((v >> 1) ^ (~(v & 1) + 1));
}
