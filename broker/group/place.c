/* Which partition of `__consumer_offsets` a group lives in. */
#include "broker/group/group.h"

/* One code point of UTF-8 from *at on; a byte that is not UTF-8 counts as U+FFFD. */
static uint32_t next_code_point(struct slice text, size_t *at)
{
    static const uint32_t LEAST[] = {0, 0, 0x80, 0x800, 0x10000};
    uint8_t first = text.data[(*at)++];
    if (first < 0x80) {
        return first;
    }
    size_t len = first >= 0xf0 && first < 0xf8   ? 4
                 : first >= 0xe0 && first < 0xf0 ? 3
                 : first >= 0xc0 && first < 0xe0 ? 2
                                                 : 0;
    if (len == 0 || *at + len - 1 > text.len) {
        return 0xfffd;
    }
    uint32_t point = first & (0xffu >> (len + 1));
    for (size_t i = 0; i < len - 1; i++) {
        uint8_t byte = text.data[*at + i];
        if ((byte & 0xc0) != 0x80) {
            return 0xfffd;
        }
        point = point << 6 | (byte & 0x3f);
    }
    if (point < LEAST[len] || point > 0x10ffff || (point >= 0xd800 && point < 0xe000)) {
        return 0xfffd;
    }
    *at += len - 1;
    return point;
}

static uint32_t java_hash(struct slice text)
{
    uint32_t hash = 0;
    for (size_t at = 0; at < text.len;) {
        uint32_t point = next_code_point(text, &at);
        if (point >= 0x10000) {
            hash = hash * 31 + (0xd800 + ((point - 0x10000) >> 10));
            hash = hash * 31 + (0xdc00 + ((point - 0x10000) & 0x3ff));
        } else {
            hash = hash * 31 + point;
        }
    }
    return hash;
}

int32_t group_partition_for(struct slice group_id, int32_t partitions)
{
    ASSERT(partitions > 0);
    int32_t hash = (int32_t)java_hash(group_id);
    int32_t absolute = hash == INT32_MIN ? 0 : hash < 0 ? -hash : hash;
    return absolute % partitions;
}
