/* kafka-dump-log: indexes and producer snapshots; see dump_log.h. */
#include <stdio.h>

#include "cli/entries.h"
#include "cli/kafka/dump_log.h"
#include "cli/segment.h"

enum { INDEX_BYTES_MAX = 1 << 30, RECORDS_BYTES_MAX = 1 << 30 };

/* An index with the segment that it is about. */
struct index {
    struct dump_log *dump;
    int64_t base_offset;
    struct buf bytes;
    size_t entry; /* bytes of one */
    size_t count;
    struct segment segment;
};

static bool read_file(struct dump_log *dump, const char *path, struct buf *out)
{
    enum err e = store_fs_read_file(dump->fs, path, INDEX_BYTES_MAX, out);
    if (e == ERR_NONE) {
        return true;
    }
    struct store_error why;
    (void)store_fail_errno(&why, e, "read", path);
    return dump_log_fail(dump, "%s", why.text);
}

static bool open_index(struct dump_log *dump, size_t entry, struct index *out)
{
    *out = (struct index){.dump = dump, .entry = entry, .segment = {.fd = -1, .fs = dump->fs}};
    const char *log = dump_log_beside(dump, ".log");
    if (!dump_log_base_offset(dump, &out->base_offset)) {
        return false;
    }
    enum err e = segment_open(&out->segment, dump->fs, log);
    if (e != ERR_NONE) {
        struct store_error why;
        (void)store_fail_errno(&why, e, "open", log);
        return dump_log_fail(dump, "%s", why.text);
    }
    if (!read_file(dump, dump->path, &out->bytes)) {
        return false;
    }
    out->count = out->bytes.len / entry;
    return true;
}

static void close_index(struct index *index)
{
    segment_close(&index->segment);
    buf_fini(&index->bytes);
}

/* The offset of an entry is the last four bytes of a time index's, the first of the other's. */
static int64_t offset_at(const struct index *index, size_t i)
{
    size_t at = i * index->entry + (index->entry == ENTRY_TIME_BYTES ? 8 : 0);
    return index->base_offset + (int32_t)load_u32(index->bytes.data + at);
}

/* Room that was reserved and not used begins here: the file is sparse. */
static bool is_end(const struct index *index, size_t i)
{
    return i > 0 && offset_at(index, i) == index->base_offset;
}

/* ---- .index ---- */

static bool check_offset_index(struct index *index)
{
    struct dump_log *dump = index->dump;
    int64_t last = offset_at(index, index->count - 1);
    if (last < index->base_offset) {
        return dump_log_fail(dump,
                             "Corrupt index found, index file %s has non-zero size but the last "
                             "offset is %" PRId64 " which is less than the base offset %" PRId64,
                             dump_log_absolute(dump), last, index->base_offset);
    }
    if (index->bytes.len % ENTRY_OFFSET_BYTES != 0) {
        return dump_log_fail(dump,
                             "Index file %s is corrupt, found %zu bytes which is neither positive "
                             "nor a multiple of %d",
                             dump_log_absolute(dump), index->bytes.len, ENTRY_OFFSET_BYTES);
    }
    buf_printf(&dump->out, "%s passed sanity check.\n", dump->path);
    return true;
}

static bool dump_offset_entry(struct index *index, size_t i)
{
    struct dump_log *dump = index->dump;
    int64_t offset = offset_at(index, i);
    uint32_t position = load_u32(index->bytes.data + i * ENTRY_OFFSET_BYTES + 4);
    if (position > index->segment.end) {
        return dump_log_fail(dump, "Slice from position %" PRIu32 " exceeds end position of %s",
                             position, dump_log_beside(dump, ".log"));
    }
    segment_seek(&index->segment, position);
    if (segment_next(&index->segment) != SEGMENT_BATCH ||
        index->segment.size > (size_t)dump->message_bytes_max) {
        return dump_log_fail(dump,
                             "%s: at byte %" PRIu32 ", where the entry of offset %" PRId64
                             " points to, is no batch of at most %" PRId32 " bytes",
                             dump_log_beside(dump, ".log"), position, offset,
                             dump->message_bytes_max);
    }
    if (index->segment.head.last_offset != offset) {
        if (dump->mismatches.len == 0) {
            buf_printf(&dump->mismatches, "Mismatches in :%s\n", dump_log_absolute(dump));
        }
        buf_printf(&dump->mismatches, "  Index offset: %" PRId64 ", log offset: %" PRId64 "\n",
                   offset, index->segment.head.last_offset);
    }
    if (!dump->verifies_only) {
        buf_printf(&dump->out, "offset: %" PRId64 " position: %" PRIu32 "\n", offset, position);
    }
    return true;
}

bool dump_log_offset_index(struct dump_log *dump)
{
    struct index index;
    bool is_good = open_index(dump, ENTRY_OFFSET_BYTES, &index);
    if (is_good && index.count == 0) {
        buf_printf(&dump->out, "%s is empty.\n", dump->path);
    } else if (is_good && dump->checks_sanity_only) {
        is_good = check_offset_index(&index);
    } else {
        for (size_t i = 0; is_good && i < index.count && !is_end(&index, i); i++) {
            is_good = dump_offset_entry(&index, i);
        }
    }
    close_index(&index);
    return is_good;
}

/* ---- .timeindex ---- */

static int64_t timestamp_at(const struct index *index, size_t i)
{
    return (int64_t)load_u64(index->bytes.data + i * ENTRY_TIME_BYTES);
}

static bool check_time_index(struct index *index)
{
    struct dump_log *dump = index->dump;
    size_t last = index->count == 0 ? 0 : index->count - 1;
    if (index->count > 0 && timestamp_at(index, last) < timestamp_at(index, 0)) {
        return dump_log_fail(
            dump,
            "Corrupt time index found, time index file (%s) has non-zero size but "
            "the last timestamp is %" PRId64 " which is less than the first timestamp %" PRId64,
            dump_log_absolute(dump), timestamp_at(index, last), timestamp_at(index, 0));
    }
    if (index->count > 0 && offset_at(index, last) < index->base_offset) {
        return dump_log_fail(dump,
                             "Corrupt time index found, time index file (%s) has non-zero size but "
                             "the last offset is %" PRId64
                             " which is less than the first offset %" PRId64,
                             dump_log_absolute(dump), offset_at(index, last), index->base_offset);
    }
    if (index->bytes.len % ENTRY_TIME_BYTES != 0) {
        return dump_log_fail(dump,
                             "Time index file %s is corrupt, found %zu bytes which is neither "
                             "positive nor a multiple of %d",
                             dump_log_absolute(dump), index->bytes.len, ENTRY_TIME_BYTES);
    }
    buf_printf(&dump->out, "%s passed sanity check.\n", dump->path);
    return true;
}

/* Where the batch of this offset may begin: the last entry of the offset index that is not behind
 * it. */
static uint64_t find_position(const struct index *offsets, int64_t offset)
{
    size_t low = 0; /* of the first entry that is behind it */
    size_t high = offsets->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (offset_at(offsets, middle) <= offset) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low == 0 ? 0 : load_u32(offsets->bytes.data + (low - 1) * ENTRY_OFFSET_BYTES + 4);
}

static int64_t max_timestamp(const struct segment *segment)
{
    struct arena arena = {0};
    struct wire_batch batch;
    struct wire_records it;
    int64_t found = -1;
    bool got = true;
    enum err e = segment->head.magic < WIRE_BATCH_MAGIC
                     ? ERR_UNSUPPORTED_FOR_MESSAGE_FORMAT
                     : wire_batch_parse(buf_slice(&segment->bytes), &batch);
    e = e == ERR_NONE ? wire_records_open(&it, &batch, RECORDS_BYTES_MAX, &arena) : e;
    while (e == ERR_NONE && got) {
        struct wire_record record;
        e = wire_record_next(&it, &record, &got);
        found = e == ERR_NONE && got ? max_i64(found, record.timestamp) : found;
    }
    arena_fini(&arena);
    return found;
}

/* The complaints of one file about its time index, until they are told. */
struct complaints {
    struct buf mismatches;
    struct buf disorder;
    struct buf lost;
};

static void check_time_entry(struct index *index, const struct index *offsets, size_t i,
                             int64_t before, struct complaints *complaints)
{
    struct segment *segment = &index->segment;
    int64_t offset = offset_at(index, i);
    int64_t timestamp = timestamp_at(index, i);
    segment_seek(segment, find_position(offsets, offset));
    enum segment_found found;
    do {
        found = segment_next(segment);
    } while (found == SEGMENT_BATCH && segment->head.last_offset < offset);
    if (found != SEGMENT_BATCH || segment->head.last_offset != offset) {
        buf_printf(&complaints->lost,
                   "Indexed offset: %" PRId64 ", found log offset: %" PRId64 "\n", offset,
                   found == SEGMENT_BATCH ? segment->head.last_offset : -1);
        return;
    }
    int64_t max = max_timestamp(segment);
    if (max != timestamp) {
        buf_printf(&complaints->mismatches,
                   "  Index timestamp: %" PRId64 ", log timestamp: %" PRId64 "\n", timestamp, max);
    }
    if (before >= timestamp) {
        buf_printf(&complaints->disorder,
                   "  Index timestamp: %" PRId64 ", Previously indexed timestamp: %" PRId64 "\n",
                   timestamp, before);
    }
}

static void tell(struct dump_log *dump, const char *about, bool with_path, struct buf *what)
{
    if (what->len > 0) {
        buf_printf(&dump->time_mismatches, "%s%s\n%.*s", about,
                   with_path ? dump_log_absolute(dump) : "", SLICE_ARG(buf_slice(what)));
    }
    buf_fini(what);
}

static void dump_time_entries(struct index *index, const struct index *offsets)
{
    struct dump_log *dump = index->dump;
    struct complaints complaints = {0};
    int64_t before = -1;
    for (size_t i = 0; i < index->count && !is_end(index, i); i++) {
        check_time_entry(index, offsets, i, before, &complaints);
        before = timestamp_at(index, i);
        if (!dump->verifies_only) {
            buf_printf(&dump->out, "timestamp: %" PRId64 " offset: %" PRId64 "\n", before,
                       offset_at(index, i));
        }
    }
    tell(dump, "Found timestamp mismatch in :", true, &complaints.mismatches);
    tell(dump, "Found out of order timestamp in :", true, &complaints.disorder);
    tell(dump, "The following indexed offsets are not found in the log.", false, &complaints.lost);
}

bool dump_log_time_index(struct dump_log *dump)
{
    struct index index;
    struct index offsets = {.entry = ENTRY_OFFSET_BYTES};
    bool is_good = open_index(dump, ENTRY_TIME_BYTES, &index) &&
                   read_file(dump, dump_log_beside(dump, ".index"), &offsets.bytes);
    if (is_good && dump->checks_sanity_only) {
        is_good = check_time_index(&index);
    } else if (is_good) {
        offsets.base_offset = index.base_offset;
        size_t room = offsets.bytes.len / ENTRY_OFFSET_BYTES;
        while (offsets.count < room && !is_end(&offsets, offsets.count)) {
            offsets.count++;
        }
        dump_time_entries(&index, &offsets);
    }
    buf_fini(&offsets.bytes);
    close_index(&index);
    return is_good;
}

/* ---- .txnindex ---- */

bool dump_log_txn_index(struct dump_log *dump)
{
    struct buf bytes = {0};
    bool is_good = read_file(dump, dump->path, &bytes);
    for (size_t at = 0; is_good && at + ENTRY_TXN_BYTES <= bytes.len; at += ENTRY_TXN_BYTES) {
        struct reader r = reader_of(slice_of(bytes.data + at, ENTRY_TXN_BYTES));
        struct entry_txn txn;
        entry_read_txn(&r, &txn);
        if (txn.version > 0) {
            is_good = dump_log_fail(dump,
                                    "Unexpected aborted transaction version %d in transaction "
                                    "index %s, current version is 0",
                                    txn.version, dump_log_absolute(dump));
            break;
        }
        buf_printf(&dump->out,
                   "version: %d producerId: %" PRId64 " firstOffset: %" PRId64
                   " lastOffset: %" PRId64 " lastStableOffset: %" PRId64 "\n",
                   txn.version, txn.producer_id, txn.first_offset, txn.last_offset,
                   txn.last_stable_offset);
    }
    buf_fini(&bytes);
    return is_good;
}

/* ---- .snapshot ---- */

static void dump_producer(struct dump_log *dump, struct reader *r)
{
    struct entry_producer p;
    entry_read_producer(r, &p);
    buf_printf(&dump->out,
               "producerId: %" PRId64 " producerEpoch: %d coordinatorEpoch: %" PRId32
               " currentTxnFirstOffset: OptionalLong",
               p.id, p.epoch, p.coordinator_epoch);
    if (p.current_txn_first_offset >= 0) {
        buf_printf(&dump->out, "[%" PRId64 "]", p.current_txn_first_offset);
    } else {
        buf_put_str(&dump->out, ".empty");
    }
    buf_printf(&dump->out, " lastTimestamp: %" PRId64 " ", p.timestamp);
    if (p.last_offset >= 0) {
        /* Sequence numbers wrap at 2^31 − 1. */
        uint32_t first = ((uint32_t)p.last_sequence - (uint32_t)p.offset_delta) & INT32_MAX;
        buf_printf(&dump->out,
                   "firstSequence: %" PRIu32 " lastSequence: %" PRId32 " lastOffset: %" PRId64
                   " offsetDelta: %" PRId32 " timestamp: %" PRId64,
                   first, p.last_sequence, p.last_offset, p.offset_delta, p.timestamp);
    }
    buf_put_str(&dump->out, "\n");
}

/* A snapshot that is damaged does not end the dump, as in Kafka. */
bool dump_log_producers(struct dump_log *dump)
{
    struct buf bytes = {0};
    if (!read_file(dump, dump->path, &bytes)) {
        buf_fini(&bytes);
        return false;
    }
    struct reader r;
    struct entry_producers head;
    entry_read_producers(buf_slice(&bytes), &r, &head);
    const char *about = "Snapshot failed schema validation:";
    if (!head.is_cut && !head.has_right_version) {
        (void)dump_log_fail(dump, "%s Snapshot contained an unknown file version %d", about,
                            head.version);
    } else if (!head.has_all) {
        (void)dump_log_fail(dump, "%s %s has not the size that its number of producers takes",
                            about, dump->path);
    } else if (head.crc != head.crc_is) {
        (void)dump_log_fail(dump,
                            "Snapshot is corrupt (CRC is no longer valid). Stored crc: %" PRIu32
                            ". Computed crc: %" PRIu32,
                            head.crc, head.crc_is);
    } else {
        for (int32_t i = 0; i < head.count; i++) {
            dump_producer(dump, &r);
        }
    }
    buf_fini(&bytes);
    return true;
}
