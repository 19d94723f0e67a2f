/* Making record batches. */
#include "wire/batch.h"

#include "base/crc32c.h"

void wire_builder_init(struct wire_builder *b, const struct wire_builder_options *options,
                       struct buf *out)
{
    ASSERT((options->attributes & (WIRE_BATCH_CODEC_MASK | WIRE_BATCH_DELETE_HORIZON)) == 0);
    *b = (struct wire_builder){.options = *options,
                               .out = out,
                               .start = out->len,
                               .base_timestamp = -1,
                               .max_timestamp = -1,
                               .last_delta = -1};
    buf_extend(out, WIRE_BATCH_HEADER); /* written at the end */
}

size_t wire_builder_size(const struct wire_builder *b)
{
    return b->out->len - b->start;
}

static size_t varlong_size(int64_t v)
{
    uint64_t zigzag = ((uint64_t)v << 1) ^ (uint64_t)(v >> 63);
    size_t size = 1;
    for (; zigzag >= 0x80; zigzag >>= 7) {
        size++;
    }
    return size;
}

static size_t sized_size(struct slice s)
{
    return slice_is_null(s) ? 1 : varlong_size((int64_t)s.len) + s.len;
}

static void put_sized(struct buf *out, struct slice s)
{
    ASSERT(s.len <= INT32_MAX);
    buf_put_varint(out, slice_is_null(s) ? -1 : (int32_t)s.len);
    buf_put_slice(out, s);
}

void wire_record_header_put(struct buf *headers, struct slice key, struct slice value)
{
    ASSERT(!slice_is_null(key));
    put_sized(headers, key);
    put_sized(headers, value);
}

static void add(struct wire_builder *b, const struct wire_record *record, int64_t delta)
{
    ASSERT(delta > b->last_delta);
    ASSERT(delta <= INT32_MAX);
    if (b->count == 0) {
        int64_t horizon = b->options.delete_horizon_ms;
        b->base_timestamp = horizon >= 0 ? horizon : record->timestamp;
    }
    int64_t timestamp_delta = (int64_t)((uint64_t)record->timestamp - (uint64_t)b->base_timestamp);
    size_t len = 1 + varlong_size(timestamp_delta) + varlong_size(delta) + sized_size(record->key) +
                 sized_size(record->value) + varlong_size(record->header_count) +
                 record->headers.len;
    ASSERT(wire_builder_size(b) + len < INT32_MAX);
    struct buf *out = b->out;
    buf_put_varint(out, (int32_t)len);
    buf_put_i8(out, 0); /* attributes */
    buf_put_varlong(out, timestamp_delta);
    buf_put_varint(out, (int32_t)delta);
    put_sized(out, record->key);
    put_sized(out, record->value);
    buf_put_varint(out, record->header_count);
    buf_put_slice(out, record->headers);
    b->max_timestamp = max_i64(b->max_timestamp, record->timestamp);
    b->last_delta = (int32_t)delta;
    b->count++;
}

void wire_builder_add(struct wire_builder *b, const struct wire_record *record)
{
    add(b, record, (int64_t)b->last_delta + 1);
}

void wire_builder_add_at(struct wire_builder *b, const struct wire_record *record)
{
    add(b, record, record->offset - b->options.base_offset);
}

void wire_builder_set_last_offset(struct wire_builder *b, int64_t offset)
{
    int64_t delta = offset - b->options.base_offset;
    ASSERT(delta >= b->last_delta);
    ASSERT(delta <= INT32_MAX);
    b->last_delta = (int32_t)delta;
}

void wire_builder_set_timestamps(struct wire_builder *b, int64_t base, int64_t max)
{
    ASSERT(b->count == 0 || (b->options.attributes & WIRE_BATCH_LOG_APPEND_TIME) != 0);
    if (b->count == 0) {
        b->base_timestamp = base;
    }
    b->max_timestamp = max;
}

/* Puts the compressed records in the place of the plain ones. */
static void compress_records(struct wire_builder *b)
{
    struct buf *out = b->out;
    struct buf packed = {0};
    size_t at = b->start + WIRE_BATCH_HEADER;
    wire_compress(b->options.compression, b->options.level, slice_of(out->data + at, out->len - at),
                  &packed);
    out->len = at;
    buf_put_slice(out, buf_slice(&packed));
    buf_fini(&packed);
}

static void write_header(struct wire_builder *b)
{
    const struct wire_builder_options *o = &b->options;
    struct buf *out = b->out;
    size_t end = out->len;
    int horizon = o->delete_horizon_ms >= 0 ? WIRE_BATCH_DELETE_HORIZON : 0;
    out->len = b->start; /* the header's room is there already */
    buf_put_i64(out, o->base_offset);
    buf_put_i32(out, (int32_t)(end - b->start - WIRE_BATCH_PREFIX));
    buf_put_i32(out, o->leader_epoch);
    buf_put_i8(out, WIRE_BATCH_MAGIC);
    buf_put_u32(out, 0);
    buf_put_i16(out, (int16_t)(o->attributes | (int)o->compression | horizon));
    buf_put_i32(out, b->last_delta);
    buf_put_i64(out, b->base_timestamp);
    buf_put_i64(out, b->max_timestamp);
    buf_put_i64(out, o->producer_id);
    buf_put_i16(out, o->producer_epoch);
    buf_put_i32(out, o->base_sequence);
    buf_put_i32(out, b->count);
    ASSERT(out->len == b->start + WIRE_BATCH_HEADER);
    out->len = end;
}

struct slice wire_builder_finish(struct wire_builder *b)
{
    ASSERT(b->last_delta >= 0);
    if (b->count == 0 && b->options.delete_horizon_ms >= 0) {
        b->base_timestamp = b->options.delete_horizon_ms;
    }
    /* No records, nothing to compress: Kafka's empty batches have no payload. */
    if (b->count == 0) {
        b->options.compression = WIRE_COMPRESSION_NONE;
    }
    if (b->options.compression != WIRE_COMPRESSION_NONE) {
        compress_records(b);
    }
    write_header(b);
    uint8_t *batch = b->out->data + b->start;
    size_t len = wire_builder_size(b);
    uint32_t crc = crc32c(0, batch + WIRE_BATCH_CRC_FROM, len - WIRE_BATCH_CRC_FROM);
    store_u32(batch + WIRE_BATCH_CRC_AT, crc);
    return slice_of(batch, len);
}
