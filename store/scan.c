/* Reading a whole segment: every batch checked, indexes and epochs built from what is there. */
#include "store/log_private.h"

#include <zlib.h>

#include "base/crc32c.h"
#include "base/mem.h"
#include "store/ahead.h"

enum { WINDOW_BYTES = 256 << 10 };

struct window {
    struct store_file *file; /* pinned */
    uint8_t *bytes;
    uint32_t at;
    uint32_t len;
    uint32_t file_end;
};

/* Borrows `want` bytes at `position`, or as many as a window holds or the file has. */
static enum err view(struct window *w, uint32_t position, uint32_t want, struct slice *out)
{
    want = (uint32_t)min_size(want, min_size(WINDOW_BYTES, w->file_end - position));
    if (position < w->at || position + want > w->at + w->len) {
        w->at = position;
        w->len = (uint32_t)min_size(WINDOW_BYTES, w->file_end - position);
        TRY(store_file_pread(w->file, store_room(w->bytes, w->len), position));
    }
    *out = slice_of(w->bytes + (position - w->at), want);
    return ERR_NONE;
}

/* Is the checksum of the batch right? It covers all behind the crc field. */
static enum err check_batch(struct window *w, const struct store_batch *batch, bool *good)
{
    uint32_t position =
        batch->position + (batch->magic == WIRE_BATCH_MAGIC ? WIRE_BATCH_CRC_FROM : 16);
    uint32_t end = batch->position + batch->size;
    uint32_t crc = batch->magic == WIRE_BATCH_MAGIC ? 0 : (uint32_t)crc32(0, NULL, 0);
    while (position < end) {
        struct slice part;
        TRY(view(w, position, end - position, &part));
        crc = batch->magic == WIRE_BATCH_MAGIC ? crc32c(crc, part.data, part.len)
                                               : (uint32_t)crc32(crc, part.data, (uInt)part.len);
        position += (uint32_t)part.len;
    }
    *good = crc == batch->crc;
    return ERR_NONE;
}

/* Finds out whether a good batch begins at `position`; `*reason` says why not. */
static enum err examine(struct window *w, const struct segment_scan *scan, bool check_crc,
                        struct store_batch *batch, const char **reason)
{
    uint32_t position = scan->valid_bytes;
    struct slice head;
    TRY(view(w, position, WIRE_BATCH_HEADER, &head));
    if (store_batch_parse(head, batch) != ERR_NONE) {
        *reason = w->file_end - position < WIRE_BATCH_HEADER ? "torn header" : "not a batch";
        return ERR_NONE;
    }
    batch->position = position;
    batch->file = w->file;
    bool good = true;
    if (batch->size > w->file_end - position) {
        *reason = "torn batch";
    } else if (batch->base_offset < scan->next_offset) {
        *reason = "offset goes back";
    } else {
        if (check_crc) {
            TRY(check_batch(w, batch, &good));
        }
        *reason = good ? NULL : "wrong checksum";
    }
    return ERR_NONE;
}

/* Is there nothing but room from `position` on? */
static enum err look_ahead(struct window *w, uint32_t position, bool *ahead)
{
    struct slice part;
    TRY(view(w, position, STORE_AHEAD_MARK, &part));
    *ahead = store_is_ahead(part);
    position += (uint32_t)part.len;
    while (*ahead && position < w->file_end) {
        TRY(view(w, position, w->file_end - position, &part));
        *ahead = part.data[0] == 0 && memcmp(part.data, part.data + 1, part.len - 1) == 0;
        position += (uint32_t)part.len;
    }
    return ERR_NONE;
}

static void begin(struct segment *seg)
{
    index_clear(&seg->offsets);
    index_clear(&seg->times);
    seg->loaded = true;
    seg->index_synced = false;
    seg->max_timestamp = -1;
    seg->max_timestamp_offset = seg->base;
    seg->last_time = -1;
    seg->first_timestamp = TIMESTAMP_UNKNOWN;
    seg->bytes_since_index = 0;
}

/* Does a good batch follow those before it? NULL, or why not. Only recovery asks. */
static const char *out_of_order(struct store_log *log, const struct segment_scan *scan,
                                const struct store_batch *batch)
{
    /* Lost writes leave zeroes inside of a file, never a gap between two good batches: this log was
     * compacted, whatever the owner says. */
    if (batch->base_offset > scan->next_offset) {
        log->gapless = false;
    }
    /* A truncation that a crash undid in part: what was cut is back beside what came after. */
    if (batch->last_offset >= scan->limit) {
        return "segments overlap";
    }
    if (batch->leader_epoch >= 0 && batch->leader_epoch < scan->epoch) {
        return "leader epoch goes back";
    }
    return NULL;
}

static enum err scan_window(struct store_log *log, struct segment *seg, struct window *w,
                            bool check_crc, struct segment_scan *out)
{
    while (out->valid_bytes < w->file_end) {
        struct store_batch batch;
        TRY(examine(w, out, check_crc, &batch, &out->reason));
        if (out->reason == NULL && batch.last_offset - seg->base > INT32_MAX) {
            out->reason = "offset too far from the segment's base";
        }
        if (out->reason == NULL && check_crc) {
            out->reason = out_of_order(log, out, &batch);
        }
        if (out->reason != NULL && log->config.ahead_bytes > 0) {
            TRY(look_ahead(w, out->valid_bytes, &out->ahead));
            out->reason = out->ahead ? NULL : out->reason;
        }
        if (out->reason != NULL || out->ahead) {
            return ERR_NONE;
        }
        segment_note(log, seg, &batch, batch.position);
        if (check_crc && batch.leader_epoch >= 0) {
            epochs_assign(&log->epochs, batch.leader_epoch, batch.base_offset);
            out->epoch = batch.leader_epoch;
        }
        out->valid_bytes += batch.size;
        out->next_offset = batch.last_offset + 1;
    }
    return ERR_NONE;
}

enum err segment_scan(struct store_log *log, struct segment *seg, bool check_crc,
                      struct segment_scan *out)
{
    *out =
        (struct segment_scan){.epoch = out->epoch, .limit = out->limit, .next_offset = seg->base};
    struct window w = {.file = seg->file, .file_end = seg->size};
    TRY(store_file_pin(seg->file, STORE_OPEN_WRITE));
    begin(seg);
    w.bytes = mem_alloc(min_size(WINDOW_BYTES, seg->size));
    enum err e = scan_window(log, seg, &w, check_crc, out);
    mem_free(w.bytes);
    store_file_unpin(seg->file);
    log->recovery.bytes_scanned += out->valid_bytes;
    return e;
}
