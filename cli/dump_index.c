/* Index files and producer snapshots; see dump.h. */
#include <stdio.h>

#include "cli/dump.h"
#include "cli/entries.h"

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
        check_pieces(dump, &bytes, ENTRY_OFFSET_BYTES);
        size_t used = min_size(used_bytes(&bytes, ENTRY_OFFSET_BYTES), bytes.len);
        for (size_t at = 0; at + ENTRY_OFFSET_BYTES <= used; at += ENTRY_OFFSET_BYTES) {
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
        check_pieces(dump, &bytes, ENTRY_TIME_BYTES);
        size_t used = min_size(used_bytes(&bytes, ENTRY_TIME_BYTES), bytes.len);
        for (size_t at = 0; at + ENTRY_TIME_BYTES <= used; at += ENTRY_TIME_BYTES) {
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
        check_pieces(dump, &bytes, ENTRY_TXN_BYTES);
        for (size_t at = 0; at + ENTRY_TXN_BYTES <= bytes.len; at += ENTRY_TXN_BYTES) {
            struct reader r = reader_of(slice_of(bytes.data + at, ENTRY_TXN_BYTES));
            struct entry_txn txn;
            entry_read_txn(&r, &txn);
            json_t *json = json_object();
            json_object_set_new(json, "version", json_integer(txn.version));
            json_object_set_new(json, "producerId", json_integer(txn.producer_id));
            json_object_set_new(json, "firstOffset", json_integer(txn.first_offset));
            json_object_set_new(json, "lastOffset", json_integer(txn.last_offset));
            json_object_set_new(json, "lastStableOffset", json_integer(txn.last_stable_offset));
            dump_item(dump, "aborted", json);
        }
    }
    buf_fini(&bytes);
}

static void dump_producer(struct dump *dump, struct reader *r)
{
    struct entry_producer p;
    entry_read_producer(r, &p);
    json_t *json = json_object();
    json_object_set_new(json, "producerId", json_integer(p.id));
    json_object_set_new(json, "producerEpoch", json_integer(p.epoch));
    json_object_set_new(json, "lastSequence", json_integer(p.last_sequence));
    json_object_set_new(json, "lastOffset", json_integer(p.last_offset));
    json_object_set_new(json, "offsetDelta", json_integer(p.offset_delta));
    json_object_set_new(json, "timestamp", json_integer(p.timestamp));
    json_object_set_new(json, "coordinatorEpoch", json_integer(p.coordinator_epoch));
    json_object_set_new(json, "currentTxnFirstOffset", json_integer(p.current_txn_first_offset));
    dump_item(dump, "producer", json);
}

void dump_producers(struct dump *dump)
{
    struct buf bytes = {0};
    if (dump_read(dump, &bytes)) {
        struct reader r;
        struct entry_producers head;
        entry_read_producers(buf_slice(&bytes), &r, &head);
        if (head.is_cut || !head.has_right_version) {
            dump_error(dump, 0, "this is no producer snapshot of version 1");
        } else if (head.crc != head.crc_is) {
            dump_error(dump, 0, "the CRC is wrong: the bytes are damaged");
        } else if (!head.has_all) {
            dump_error(dump, 0, "it should have %" PRId32 " producers, but has %zu bytes of them",
                       head.count, reader_left(&r));
        } else {
            for (int32_t i = 0; i < head.count; i++) {
                dump_producer(dump, &r);
            }
        }
    }
    buf_fini(&bytes);
}
