/* Batches of segments and snapshots; see dump.h. */
#include <stdio.h>

#include "cli/dump.h"
#include "cli/segment.h"
#include "wire/batch.h"

/* ---- batches ---- */

/* Kafka's −1: there is none. */
static json_t *number_or_null(int64_t number)
{
    return number < 0 ? json_null() : json_integer(number);
}

static const char *codec_name(const struct store_batch *head)
{
    int codec = head->attributes & WIRE_BATCH_CODEC_MASK;
    return codec > WIRE_COMPRESSION_ZSTD ? "unknown"
                                         : wire_compression_name((enum wire_compression)codec);
}

static json_t *batch_json(const struct store_batch *head, bool is_damaged)
{
    json_t *json = json_object();
    json_object_set_new(json, "position", json_integer(head->position));
    json_object_set_new(json, "size", json_integer(head->size));
    json_object_set_new(json, "baseOffset", json_integer(head->base_offset));
    json_object_set_new(json, "lastOffset", json_integer(head->last_offset));
    json_object_set_new(json, "count", number_or_null(head->record_count));
    json_object_set_new(json, "leaderEpoch", number_or_null(head->leader_epoch));
    json_object_set_new(json, "maxTimestamp", number_or_null(head->max_timestamp));
    json_object_set_new(json, "producerId", number_or_null(head->producer_id));
    json_object_set_new(json, "producerEpoch", number_or_null(head->producer_epoch));
    json_object_set_new(json, "baseSequence", number_or_null(head->base_sequence));
    json_object_set_new(json, "compression", json_string(codec_name(head)));
    json_object_set_new(json, "transactional",
                        json_boolean(head->attributes & WIRE_BATCH_TRANSACTIONAL));
    json_object_set_new(json, "control", json_boolean(head->attributes & WIRE_BATCH_CONTROL));
    json_object_set_new(json, "magic", json_integer(head->magic));
    json_object_set_new(json, "crc", json_integer(head->crc));
    json_object_set_new(json, "damaged", json_boolean(is_damaged));
    return json;
}

/* Batches of the formats before version 2 are shown, not opened. */
static void dump_legacy(struct dump *dump, const struct store_batch *head)
{
    json_t *json = batch_json(head, false);
    json_object_set_new(json, "damaged", json_null()); /* not checked */
    dump_item(dump, "batch", json);
}

static void dump_batch(struct dump *dump, const struct segment *segment)
{
    const struct store_batch *head = &segment->head;
    struct wire_batch batch;
    enum err e = wire_batch_parse(buf_slice(&segment->bytes), &batch);
    if (e != ERR_NONE) {
        dump_error(dump, (int64_t)segment->position, "the batch at offset %" PRId64 ": %s",
                   head->base_offset, err_text(e));
        return;
    }
    bool is_damaged = wire_batch_check_crc(&batch) != ERR_NONE;
    dump_item(dump, "batch", batch_json(head, is_damaged));
    if (is_damaged) {
        dump_error(dump, (int64_t)segment->position,
                   "the CRC of the batch with offsets %" PRId64 " to %" PRId64
                   " is wrong: its bytes are damaged",
                   head->base_offset, head->last_offset);
    } else if (dump->with_records) {
        dump_records(dump, &batch, (int64_t)segment->position);
    }
}

static void dump_end(struct dump *dump, const struct segment *segment, enum segment_found found)
{
    int64_t position = (int64_t)segment->position;
    switch (found) {
    case SEGMENT_BATCH:
    case SEGMENT_END:
    case SEGMENT_AHEAD:
        break;
    case SEGMENT_CUT:
        dump_error(dump, position,
                   "the file ends inside of a batch, after %" PRIu64 " of %zu bytes",
                   segment->end - segment->position, segment->size);
        break;
    case SEGMENT_BAD:
        dump_error(dump, position, "this is no batch");
        break;
    case SEGMENT_UNREADABLE:
        dump_error(dump, position, "cannot be read: %s", err_text(segment->error));
        break;
    }
}

static void walk(struct dump *dump, struct segment *segment)
{
    enum segment_found found = SEGMENT_BATCH;
    int64_t last_offset = -1;
    while (!dump->is_unread && (found = segment_next(segment)) == SEGMENT_BATCH) {
        const struct store_batch *head = &segment->head;
        if (head->base_offset <= last_offset) {
            dump_error(dump, (int64_t)segment->position,
                       "offset %" PRId64 " stands behind offset %" PRId64, head->base_offset,
                       last_offset);
        }
        last_offset = head->last_offset;
        if (head->magic < WIRE_BATCH_MAGIC) {
            dump_legacy(dump, head);
        } else {
            dump_batch(dump, segment);
        }
    }
    dump_end(dump, segment, found);
}

void dump_batches(struct dump *dump)
{
    struct segment segment;
    enum err e = segment_open(&segment, dump->fs, dump->path);
    if (e == ERR_NONE) {
        walk(dump, &segment);
    } else {
        struct store_error why;
        (void)store_fail_errno(&why, e, "open", dump->path);
        dump_error(dump, 0, "%s", why.text);
    }
    segment_close(&segment);
}
