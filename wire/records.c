/* The records inside a batch, and what control records hold. */
#include "wire/batch.h"

enum err wire_records_open(struct wire_records *it, const struct wire_batch *b, size_t bytes_max,
                           struct arena *arena)
{
    struct slice plain = wire_batch_payload(b);
    if (wire_batch_compression(b) != WIRE_COMPRESSION_NONE) {
        struct buf out = {0};
        enum err e = wire_decompress(wire_batch_compression(b), plain, bytes_max, &out);
        plain = e == ERR_NONE ? arena_dup(arena, buf_slice(&out)) : SLICE_NULL;
        buf_fini(&out);
        TRY(e);
    } else if (plain.len > bytes_max) {
        return ERR_MESSAGE_TOO_LARGE;
    }
    *it = (struct wire_records){*b, reader_of(plain), b->record_count, -1};
    return ERR_NONE;
}

/* Bytes behind a varint length; -1 is null. */
static struct slice read_sized(struct reader *r, bool nullable)
{
    int32_t len = reader_varint(r);
    if (len == -1 && nullable) {
        return SLICE_NULL;
    }
    if (len < 0) {
        r->bad = true;
        return SLICE_NULL;
    }
    return reader_bytes(r, (size_t)len);
}

struct wire_record_header wire_record_header_next(struct reader *r)
{
    struct slice key = read_sized(r, false);
    struct slice value = read_sized(r, true);
    return (struct wire_record_header){key, value};
}

static void read_headers(struct reader *r, struct wire_record *out)
{
    int32_t count = reader_varint(r);
    if (count < 0) {
        r->bad = true;
    }
    const uint8_t *start = r->p;
    for (int32_t i = 0; i < count && !r->bad; i++) {
        (void)wire_record_header_next(r);
    }
    out->header_count = count;
    out->headers = slice_of(start, (size_t)(r->p - start));
}

enum err wire_record_next(struct wire_records *it, struct wire_record *out, bool *got)
{
    *got = false;
    if (it->left == 0) {
        return reader_left(&it->r) == 0 ? ERR_NONE : ERR_INVALID_RECORD;
    }
    struct slice body = read_sized(&it->r, false);
    struct reader r = reader_of(body);
    r.bad = it->r.bad;
    (void)reader_i8(&r); /* attributes: none are defined */
    int64_t timestamp_delta = reader_varlong(&r);
    int32_t offset_delta = reader_varint(&r);
    out->key = read_sized(&r, true);
    out->value = read_sized(&r, true);
    read_headers(&r, out);
    if (r.bad || reader_left(&r) > 0 || offset_delta <= it->offset_delta ||
        offset_delta > it->batch.last_offset_delta) {
        return ERR_INVALID_RECORD;
    }
    const struct wire_batch *b = &it->batch;
    out->offset = b->base_offset + offset_delta;
    out->timestamp = wire_batch_has(b, WIRE_BATCH_LOG_APPEND_TIME)
                         ? b->max_timestamp
                         : (int64_t)((uint64_t)b->base_timestamp + (uint64_t)timestamp_delta);
    it->offset_delta = offset_delta;
    it->left--;
    *got = true;
    return ERR_NONE;
}

/* ---- control records ---- */

/* Later versions of keys and markers may only add to what is read here. */
enum { CONTROL_VERSION = 0 };

enum err wire_control_key_decode(struct slice key, int16_t *type)
{
    struct reader r = reader_of(key);
    int16_t version = reader_i16(&r);
    *type = reader_i16(&r);
    return r.bad || version < CONTROL_VERSION ? ERR_INVALID_RECORD : ERR_NONE;
}

void wire_control_key_encode(enum wire_control_type type, struct buf *out)
{
    buf_put_i16(out, CONTROL_VERSION);
    buf_put_i16(out, (int16_t)type);
}

enum err wire_txn_marker_decode(struct slice value, int32_t *coordinator_epoch)
{
    struct reader r = reader_of(value);
    int16_t version = reader_i16(&r);
    *coordinator_epoch = reader_i32(&r);
    return r.bad || version < CONTROL_VERSION ? ERR_INVALID_RECORD : ERR_NONE;
}

void wire_txn_marker_encode(int32_t coordinator_epoch, struct buf *out)
{
    buf_put_i16(out, CONTROL_VERSION);
    buf_put_i32(out, coordinator_epoch);
}
