/* Lines of input as records; see lines.h. */
#include "cli/lines.h"

void lines_fini(struct lines *lines)
{
    buf_fini(&lines->bytes);
    *lines = (struct lines){.end = lines->end};
}

void lines_put(struct lines *lines, struct slice bytes)
{
    /* What was read goes first, so that the buffer is as large as the longest line, about. */
    if (lines->start > 0) {
        size_t left = lines->bytes.len - lines->start;
        memmove(lines->bytes.data, lines->bytes.data + lines->start, left);
        lines->bytes.len = left;
        lines->seen -= lines->start;
        lines->start = 0;
    }
    buf_put_slice(&lines->bytes, bytes);
}

bool lines_next(struct lines *lines, struct slice *line)
{
    size_t left = lines->bytes.len - lines->seen;
    const uint8_t *from = lines->bytes.data + lines->seen;
    const uint8_t *end =
        left < lines->end.len ? NULL : memmem(from, left, lines->end.data, lines->end.len);
    if (end == NULL) { /* but the first bytes of an end may be there */
        size_t again = min_size(left, lines->end.len - 1);
        lines->seen = lines->bytes.len - again;
        return false;
    }
    const uint8_t *start = lines->bytes.data + lines->start;
    *line = slice_of(start, (size_t)(end - start));
    lines->start = lines->seen = (size_t)(end - lines->bytes.data) + lines->end.len;
    return true;
}

bool lines_last(struct lines *lines, struct slice *line)
{
    size_t left = lines_pending(lines);
    if (left == 0) {
        return false;
    }
    *line = slice_of(lines->bytes.data + lines->start, left);
    lines->start = lines->seen = lines->bytes.len;
    return true;
}

size_t lines_pending(const struct lines *lines)
{
    return lines->bytes.len - lines->start;
}

static struct slice or_null(const struct lines_format *format, struct slice text)
{
    return slice_eq(text, format->null_marker) ? SLICE_NULL : text;
}

bool lines_split(const struct lines_format *format, struct slice line, struct slice *key,
                 struct slice *value)
{
    *key = SLICE_NULL;
    if (slice_is_null(format->key_separator)) {
        *value = or_null(format, line);
        return true;
    }
    struct slice separator = format->key_separator;
    const uint8_t *at =
        line.len == 0 ? NULL : memmem(line.data, line.len, separator.data, separator.len);
    if (at == NULL) {
        return false;
    }
    size_t len = (size_t)(at - line.data);
    size_t rest = len + separator.len;
    *key = or_null(format, slice_of(line.data, len));
    *value = or_null(format, slice_of(line.data + rest, line.len - rest));
    return true;
}

/* ---- partitions ---- */

/* MurmurHash2 of Austin Appleby, with the seed of Kafka's Java client; little-endian words. */
static uint32_t murmur2(struct slice key)
{
    const uint32_t seed = 0x9747b28c;
    const uint32_t m = 0x5bd1e995;
    uint32_t h = seed ^ (uint32_t)key.len;
    const uint8_t *p = key.data;
    size_t left = key.len;
    for (; left >= 4; p += 4, left -= 4) {
        uint32_t k = __builtin_bswap32(load_u32(p)) * m;
        k = (k ^ (k >> 24)) * m;
        h = (h * m) ^ k;
    }
    if (left > 0) {
        for (size_t i = left; i-- > 0;) {
            h ^= (uint32_t)p[i] << (8 * i);
        }
        h *= m;
    }
    h = (h ^ (h >> 13)) * m;
    return h ^ (h >> 15);
}

int32_t lines_partition(struct slice key, int32_t partition_count)
{
    return (int32_t)(murmur2(key) & INT32_MAX) % partition_count;
}
