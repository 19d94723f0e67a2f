/* Reading entries; see entries.h. */
#include "cli/entries.h"

#include "base/crc32c.h"

enum {
    PRODUCER_BYTES = 46,
    PRODUCERS_VERSION = 1,
    PRODUCERS_CRC_FROM = 6, /* behind version and CRC */
};

void entry_read_txn(struct reader *r, struct entry_txn *out)
{
    out->version = reader_i16(r);
    out->producer_id = reader_i64(r);
    out->first_offset = reader_i64(r);
    out->last_offset = reader_i64(r);
    out->last_stable_offset = reader_i64(r);
}

void entry_read_producer(struct reader *r, struct entry_producer *out)
{
    out->id = reader_i64(r);
    out->epoch = reader_i16(r);
    out->last_sequence = reader_i32(r);
    out->last_offset = reader_i64(r);
    out->offset_delta = reader_i32(r);
    out->timestamp = reader_i64(r);
    out->coordinator_epoch = reader_i32(r);
    out->current_txn_first_offset = reader_i64(r);
}

void entry_read_producers(struct slice bytes, struct reader *r, struct entry_producers *out)
{
    *r = reader_of(bytes);
    *out = (struct entry_producers){.version = reader_i16(r)};
    out->crc = reader_u32(r);
    out->count = reader_i32(r);
    out->is_cut = r->bad;
    if (!r->bad) {
        out->crc_is = crc32c(0, bytes.data + PRODUCERS_CRC_FROM, bytes.len - PRODUCERS_CRC_FROM);
        out->has_all = out->count >= 0 && reader_left(r) == (size_t)out->count * PRODUCER_BYTES;
        out->has_right_version = out->version == PRODUCERS_VERSION;
    }
}
