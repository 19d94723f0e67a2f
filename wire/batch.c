/* Headers of record batches: reading, walking, stamping. */
#include "wire/batch.h"

#include "base/crc32c.h"

/* Where the fields of a header are. */
enum {
    AT_LENGTH = 8,
    AT_LEADER_EPOCH = 12,
    AT_MAGIC = 16,
    AT_ATTRIBUTES = 21,
    AT_MAX_TIMESTAMP = 35,
};

size_t wire_batch_size(struct slice head)
{
    ASSERT(head.len >= WIRE_BATCH_PREFIX);
    int32_t length = (int32_t)load_u32(head.data + AT_LENGTH);
    return length <= 0 ? 0 : WIRE_BATCH_PREFIX + (size_t)length;
}

static void read_header(struct slice bytes, struct wire_batch *out)
{
    struct reader r = reader_of(bytes);
    out->bytes = bytes;
    out->base_offset = reader_i64(&r);
    (void)reader_i32(&r); /* length */
    out->leader_epoch = reader_i32(&r);
    (void)reader_i8(&r); /* magic */
    out->crc = reader_u32(&r);
    out->attributes = reader_i16(&r);
    out->last_offset_delta = reader_i32(&r);
    out->base_timestamp = reader_i64(&r);
    out->max_timestamp = reader_i64(&r);
    out->producer_id = reader_i64(&r);
    out->producer_epoch = reader_i16(&r);
    out->base_sequence = reader_i32(&r);
    out->record_count = reader_i32(&r);
    ASSERT(!r.bad);
}

/* Compaction takes records out but leaves the offsets, so the count may be smaller. */
static enum err check_header(const struct wire_batch *b)
{
    if (b->base_offset < 0 || b->last_offset_delta < 0 || b->record_count < 0 ||
        b->base_offset > INT64_MAX - b->last_offset_delta - 1 ||
        b->record_count - 1 > b->last_offset_delta) {
        return ERR_CORRUPT_MESSAGE;
    }
    enum wire_compression codec = wire_batch_compression(b);
    if (codec > WIRE_COMPRESSION_ZSTD) {
        return ERR_UNSUPPORTED_COMPRESSION_TYPE;
    }
    size_t room = wire_batch_payload(b).len / WIRE_RECORD_MIN;
    if (codec == WIRE_COMPRESSION_NONE && (size_t)b->record_count > room) {
        return ERR_CORRUPT_MESSAGE;
    }
    return ERR_NONE;
}

enum err wire_batch_parse(struct slice in, struct wire_batch *out)
{
    *out = (struct wire_batch){0};
    if (in.len < AT_MAGIC + 1) {
        return ERR_CORRUPT_MESSAGE;
    }
    uint8_t magic = in.data[AT_MAGIC];
    if (magic < WIRE_BATCH_MAGIC) {
        return ERR_UNSUPPORTED_FOR_MESSAGE_FORMAT;
    }
    size_t size = wire_batch_size(in);
    if (magic != WIRE_BATCH_MAGIC || size < WIRE_BATCH_HEADER || size > in.len) {
        return ERR_CORRUPT_MESSAGE;
    }
    read_header(slice_of(in.data, size), out);
    return check_header(out);
}

enum err wire_batch_peek(struct slice head, struct wire_batch *out, size_t *size)
{
    *out = (struct wire_batch){0};
    if (head.len < WIRE_BATCH_HEADER) {
        return ERR_CORRUPT_MESSAGE;
    }
    if (head.data[AT_MAGIC] < WIRE_BATCH_MAGIC) {
        return ERR_UNSUPPORTED_FOR_MESSAGE_FORMAT;
    }
    *size = wire_batch_size(head);
    if (head.data[AT_MAGIC] != WIRE_BATCH_MAGIC || *size < WIRE_BATCH_HEADER) {
        return ERR_CORRUPT_MESSAGE;
    }
    /* The checks look at the length of the whole. */
    read_header(slice_of(head.data, *size), out);
    enum err e = check_header(out);
    out->bytes.len = WIRE_BATCH_HEADER;
    return e == ERR_UNSUPPORTED_COMPRESSION_TYPE ? ERR_NONE : e;
}

static uint32_t crc_of(struct slice batch)
{
    return crc32c(0, batch.data + WIRE_BATCH_CRC_FROM, batch.len - WIRE_BATCH_CRC_FROM);
}

enum err wire_batch_check_crc(const struct wire_batch *b)
{
    return crc_of(b->bytes) == b->crc ? ERR_NONE : ERR_CORRUPT_MESSAGE;
}

enum err wire_batch_next(struct wire_batches *it, struct wire_batch *out, bool *got)
{
    *got = false;
    if (it->rest.len <= AT_MAGIC) {
        return ERR_NONE;
    }
    size_t size = wire_batch_size(it->rest);
    if (size > it->rest.len && it->rest.data[AT_MAGIC] == WIRE_BATCH_MAGIC) {
        return ERR_NONE;
    }
    TRY(wire_batch_parse(it->rest, out));
    it->rest = slice_of(it->rest.data + size, it->rest.len - size);
    *got = true;
    return ERR_NONE;
}

void wire_batch_stamp(uint8_t *batch, int64_t base_offset, int32_t leader_epoch)
{
    store_u64(batch, (uint64_t)base_offset);
    store_u32(batch + AT_LEADER_EPOCH, (uint32_t)leader_epoch);
}

void wire_batch_stamp_time(uint8_t *batch, int64_t now_ms)
{
    struct slice bytes = slice_of(batch, wire_batch_size(slice_of(batch, WIRE_BATCH_PREFIX)));
    ASSERT(bytes.len >= WIRE_BATCH_HEADER);
    uint16_t attributes = load_u16(batch + AT_ATTRIBUTES);
    store_u16(batch + AT_ATTRIBUTES, attributes | WIRE_BATCH_LOG_APPEND_TIME);
    store_u64(batch + AT_MAX_TIMESTAMP, (uint64_t)now_ms);
    store_u32(batch + WIRE_BATCH_CRC_AT, crc_of(bytes));
}
