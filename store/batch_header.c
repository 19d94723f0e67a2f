/* Parsing of batch headers of all message formats. */
#include "store/batch_header.h"

/* Magic 0 and 1: offset, length, crc, magic, attributes, [timestamp], key, value. A compressed set
 * is one such message, whose offset is that of the last message in it. */
enum {
    LEGACY_CRC_AT = 12,
    LEGACY_MAGIC_AT = 16,
    LEGACY_ATTRIBUTES_AT = 17,
    LEGACY_TIMESTAMP_AT = 18,
    LEGACY_SIZE_MIN_V0 = WIRE_BATCH_PREFIX + 14,
    LEGACY_SIZE_MIN_V1 = WIRE_BATCH_PREFIX + 22,
};

static enum err parse_legacy(struct slice head, struct store_batch *out)
{
    out->magic = (int8_t)head.data[LEGACY_MAGIC_AT];
    size_t least = out->magic == 1 ? LEGACY_SIZE_MIN_V1 : LEGACY_SIZE_MIN_V0;
    size_t size = wire_batch_size(head);
    if (size < least || head.len < least) {
        return ERR_CORRUPT;
    }
    out->size = (uint32_t)size;
    out->base_offset = (int64_t)load_u64(head.data);
    out->last_offset = out->base_offset;
    out->base_timestamp = -1;
    out->max_timestamp = out->magic == 1 ? (int64_t)load_u64(head.data + LEGACY_TIMESTAMP_AT) : -1;
    out->crc = load_u32(head.data + LEGACY_CRC_AT);
    out->attributes = head.data[LEGACY_ATTRIBUTES_AT];
    out->producer_id = -1;
    out->producer_epoch = -1;
    out->base_sequence = -1;
    out->last_sequence = -1;
    out->leader_epoch = -1;
    out->record_count = -1;
    return out->base_offset < 0 || out->base_offset == INT64_MAX ? ERR_CORRUPT : ERR_NONE;
}

static enum err parse_v2(struct slice head, struct store_batch *out)
{
    struct wire_batch b;
    size_t size = 0;
    if (wire_batch_peek(head, &b, &size) != ERR_NONE) {
        return ERR_CORRUPT;
    }
    out->magic = WIRE_BATCH_MAGIC;
    out->size = (uint32_t)size;
    out->base_offset = b.base_offset;
    out->last_offset = wire_batch_last_offset(&b);
    out->base_timestamp = b.base_timestamp;
    out->max_timestamp = b.max_timestamp;
    out->crc = b.crc;
    out->attributes = b.attributes;
    out->producer_id = b.producer_id;
    out->producer_epoch = b.producer_epoch;
    out->base_sequence = b.base_sequence;
    out->last_sequence = wire_batch_last_sequence(&b);
    out->leader_epoch = b.leader_epoch;
    out->record_count = b.record_count;
    return ERR_NONE;
}

enum err store_batch_parse(struct slice head, struct store_batch *out)
{
    *out = (struct store_batch){0};
    if (head.len <= LEGACY_MAGIC_AT) {
        return ERR_CORRUPT;
    }
    return head.data[LEGACY_MAGIC_AT] < WIRE_BATCH_MAGIC ? parse_legacy(head, out)
                                                         : parse_v2(head, out);
}
