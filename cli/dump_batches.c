/* Batches of segments and snapshots; see dump.h. */
#include <stdio.h>

#include "cli/dump.h"
#include "wire/batch.h"

/* A length beyond this is taken for damage. */
enum { BATCH_BYTES_MAX = 1 << 30 };

struct file {
    struct dump *dump;
    int fd;
    uint64_t size;
    uint64_t position; /* of the next batch */
    struct buf bytes;  /* of this batch */
};

/* Fills `bytes` with `len` bytes at the position, fewer at the end of the file. */
static bool read_at(struct file *file, size_t len)
{
    size_t got = 0;
    buf_reset(&file->bytes);
    uint8_t *room = buf_room(&file->bytes, len);
    enum err e =
        store_fs_pread(file->dump->fs, file->fd, store_room(room, len), file->position, &got);
    if (e != ERR_NONE) {
        dump_error(file->dump, (int64_t)file->position, "cannot be read: %s", err_text(e));
        return false;
    }
    file->bytes.len = got;
    return true;
}

/* Room that was reserved and not used is no damage. */
static bool is_zero_to_the_end(struct file *file)
{
    enum { PIECE = 1 << 16 };
    uint64_t start = file->position;
    bool is_zero = true;
    for (; is_zero && file->position < file->size; file->position += PIECE) {
        is_zero = read_at(file, PIECE);
        for (size_t i = 0; is_zero && i < file->bytes.len; i++) {
            is_zero = file->bytes.data[i] == 0;
        }
    }
    file->position = start;
    return is_zero;
}

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

static void dump_batch(struct file *file, const struct store_batch *head)
{
    struct dump *dump = file->dump;
    struct wire_batch batch;
    enum err e = wire_batch_parse(buf_slice(&file->bytes), &batch);
    if (e != ERR_NONE) {
        dump_error(dump, (int64_t)file->position, "the batch at offset %" PRId64 ": %s",
                   head->base_offset, err_text(e));
        return;
    }
    bool is_damaged = wire_batch_check_crc(&batch) != ERR_NONE;
    dump_item(dump, "batch", batch_json(head, is_damaged));
    if (is_damaged) {
        dump_error(dump, (int64_t)file->position,
                   "the CRC of the batch with offsets %" PRId64 " to %" PRId64
                   " is wrong: its bytes are damaged",
                   head->base_offset, head->last_offset);
    } else if (dump->with_records) {
        dump_records(dump, &batch, (int64_t)file->position);
    }
}

/* False: nothing behind it can be found. */
static bool dump_next(struct file *file, int64_t *last_offset)
{
    struct dump *dump = file->dump;
    struct store_batch head = {0};
    if (!read_at(file, WIRE_BATCH_HEADER)) {
        return false;
    }
    uint64_t left = file->size - file->position;
    size_t size =
        file->bytes.len < WIRE_BATCH_PREFIX ? 0 : wire_batch_size(buf_slice(&file->bytes));
    bool is_bad = store_batch_parse(buf_slice(&file->bytes), &head) != ERR_NONE;
    if (is_bad && is_zero_to_the_end(file)) {
        return false;
    }
    if (size > left || (is_bad && left < WIRE_BATCH_HEADER)) {
        dump_error(dump, (int64_t)file->position,
                   "the file ends inside of a batch, after %" PRIu64 " of %zu bytes", left, size);
        return false;
    }
    if (is_bad || size > BATCH_BYTES_MAX) {
        dump_error(dump, (int64_t)file->position, "this is no batch");
        return false;
    }
    head.position = (uint32_t)file->position;
    if (head.base_offset <= *last_offset) {
        dump_error(dump, (int64_t)file->position,
                   "offset %" PRId64 " stands behind offset %" PRId64, head.base_offset,
                   *last_offset);
    }
    *last_offset = head.last_offset;
    if (head.magic < WIRE_BATCH_MAGIC) {
        dump_legacy(dump, &head);
    } else if (!read_at(file, size)) {
        return false;
    } else {
        dump_batch(file, &head);
    }
    file->position += size;
    return true;
}

void dump_batches(struct dump *dump)
{
    struct file file = {.dump = dump, .fd = -1};
    enum err e = store_fs_open(dump->fs, dump->path, STORE_OPEN_READ, &file.fd);
    if (e == ERR_NONE) {
        e = store_fs_size(dump->fs, file.fd, &file.size);
    }
    int64_t last_offset = -1;
    if (e != ERR_NONE) {
        struct store_error why;
        (void)store_fail_errno(&why, e, "open", dump->path);
        dump_error(dump, 0, "%s", why.text);
    }
    while (e == ERR_NONE && file.position < file.size && !dump->is_unread &&
           dump_next(&file, &last_offset)) {
    }
    if (file.fd >= 0) {
        store_fs_close(dump->fs, file.fd);
    }
    buf_fini(&file.bytes);
}
