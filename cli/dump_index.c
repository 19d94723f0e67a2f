/* Index files and producer snapshots; see dump.h. */
#include <stdio.h>

#include "base/crc32c.h"
#include "cli/dump.h"

enum {
    OFFSET_ENTRY = 8,
    TIME_ENTRY = 12,
    TXN_ENTRY = 34,
    PRODUCER_ENTRY = 46,
    PRODUCERS_VERSION = 1,
    PRODUCERS_CRC_FROM = 6, /* behind version and CRC */
};

/* The offset in the file's name. */
static int64_t base_offset_of(const struct dump *dump)
{
    const char *slash = strrchr(dump->path, '/');
    struct slice name = slice_str(slash == NULL ? dump->path : slash + 1);
    struct slice digits;
    int64_t base;
    return args_item(&name, '.', &digits) && args_parse_number(digits, &base) ? base : 0;
}

/* Zeroes at the end are room for more entries. */
static size_t used_bytes(const struct buf *bytes, size_t entry)
{
    size_t used = bytes->len;
    while (used > 0 && bytes->data[used - 1] == 0) {
        used--;
    }
    return (used + entry - 1) / entry * entry;
}

static void check_pieces(struct dump *dump, const struct buf *bytes, size_t entry)
{
    if (bytes->len % entry != 0) {
        dump_error(dump, (int64_t)(bytes->len - bytes->len % entry),
                   "a piece of an entry: the file should have a multiple of %zu bytes", entry);
    }
}

void dump_offset_index(struct dump *dump)
{
    struct buf bytes = {0};
    int64_t base = base_offset_of(dump);
    int64_t last = -1;
    if (dump_read(dump, &bytes)) {
        check_pieces(dump, &bytes, OFFSET_ENTRY);
        size_t used = min_size(used_bytes(&bytes, OFFSET_ENTRY), bytes.len);
        for (size_t at = 0; at + OFFSET_ENTRY <= used; at += OFFSET_ENTRY) {
            int64_t offset = base + load_u32(bytes.data + at);
            json_t *json = json_object();
            json_object_set_new(json, "offset", json_integer(offset));
            json_object_set_new(json, "position", json_integer(load_u32(bytes.data + at + 4)));
            dump_item(dump, "index", json);
            if (offset <= last) {
                dump_error(dump, (int64_t)at, "the offsets of the entries do not rise");
            }
            last = offset;
        }
    }
    buf_fini(&bytes);
}

void dump_time_index(struct dump *dump)
{
    struct buf bytes = {0};
    int64_t base = base_offset_of(dump);
    int64_t last = INT64_MIN;
    if (dump_read(dump, &bytes)) {
        check_pieces(dump, &bytes, TIME_ENTRY);
        size_t used = min_size(used_bytes(&bytes, TIME_ENTRY), bytes.len);
        for (size_t at = 0; at + TIME_ENTRY <= used; at += TIME_ENTRY) {
            int64_t timestamp = (int64_t)load_u64(bytes.data + at);
            json_t *json = json_object();
            json_object_set_new(json, "timestamp", json_integer(timestamp));
            json_object_set_new(json, "offset", json_integer(base + load_u32(bytes.data + at + 8)));
            dump_item(dump, "timeindex", json);
            if (timestamp < last) {
                dump_error(dump, (int64_t)at, "the timestamps of the entries do not rise");
            }
            last = timestamp;
        }
    }
    buf_fini(&bytes);
}

void dump_txn_index(struct dump *dump)
{
    struct buf bytes = {0};
    if (dump_read(dump, &bytes)) {
        check_pieces(dump, &bytes, TXN_ENTRY);
        for (size_t at = 0; at + TXN_ENTRY <= bytes.len; at += TXN_ENTRY) {
            struct reader r = reader_of(slice_of(bytes.data + at, TXN_ENTRY));
            json_t *json = json_object();
            json_object_set_new(json, "version", json_integer(reader_i16(&r)));
            json_object_set_new(json, "producerId", json_integer(reader_i64(&r)));
            json_object_set_new(json, "firstOffset", json_integer(reader_i64(&r)));
            json_object_set_new(json, "lastOffset", json_integer(reader_i64(&r)));
            json_object_set_new(json, "lastStableOffset", json_integer(reader_i64(&r)));
            dump_item(dump, "aborted", json);
        }
    }
    buf_fini(&bytes);
}

static void dump_producer(struct dump *dump, struct reader *r)
{
    json_t *json = json_object();
    json_object_set_new(json, "producerId", json_integer(reader_i64(r)));
    json_object_set_new(json, "producerEpoch", json_integer(reader_i16(r)));
    json_object_set_new(json, "lastSequence", json_integer(reader_i32(r)));
    json_object_set_new(json, "lastOffset", json_integer(reader_i64(r)));
    json_object_set_new(json, "offsetDelta", json_integer(reader_i32(r)));
    json_object_set_new(json, "timestamp", json_integer(reader_i64(r)));
    json_object_set_new(json, "coordinatorEpoch", json_integer(reader_i32(r)));
    json_object_set_new(json, "currentTxnFirstOffset", json_integer(reader_i64(r)));
    dump_item(dump, "producer", json);
}

void dump_producers(struct dump *dump)
{
    struct buf bytes = {0};
    if (dump_read(dump, &bytes)) {
        struct reader r = reader_of(buf_slice(&bytes));
        int16_t version = reader_i16(&r);
        uint32_t crc = reader_u32(&r);
        int32_t count = reader_i32(&r);
        if (r.bad || version != PRODUCERS_VERSION) {
            dump_error(dump, 0, "this is no producer snapshot of version 1");
        } else if (crc !=
                   crc32c(0, bytes.data + PRODUCERS_CRC_FROM, bytes.len - PRODUCERS_CRC_FROM)) {
            dump_error(dump, 0, "the CRC is wrong: the bytes are damaged");
        } else if (count < 0 || reader_left(&r) != (size_t)count * PRODUCER_ENTRY) {
            dump_error(dump, 0, "it should have %" PRId32 " producers, but has %zu bytes of them",
                       count, reader_left(&r));
        } else {
            for (int32_t i = 0; i < count; i++) {
                dump_producer(dump, &r);
            }
        }
    }
    buf_fini(&bytes);
}
