/* From a timestamp to a batch, by way of the time index. */
#include "store/log_private.h"

/* A position such that no batch before it has a timestamp ≥ `timestamp`. */
static enum err start_position(struct store_log *log, struct segment *seg, int64_t timestamp,
                               uint32_t *position)
{
    uint8_t entry[INDEX_TIME_ENTRY];
    int64_t slot = -1;
    int64_t offset = seg->base;
    TRY(index_floor(&seg->times, timestamp, &slot));
    if (slot >= 0) {
        TRY(index_get(&seg->times, (uint32_t)slot, entry));
        offset = seg->base + (int32_t)load_u32(entry + 8);
    }
    return segment_position_floor(log, seg, max_i64(offset, log->start), position);
}

static enum err hand_out(const struct store_batch *batch, struct store_read *read)
{
    store_file_pin_again(batch->file);
    *read = (struct store_read){batch->file, batch->position, batch->size, batch->base_offset};
    return ERR_NONE;
}

static enum err find_in(struct store_log *log, struct segment *seg, int64_t timestamp,
                        struct store_batch *batch, struct store_read *read)
{
    uint32_t from = 0;
    bool got = false;
    struct walk walk;
    TRY(start_position(log, seg, timestamp, &from));
    TRY(walk_begin(&walk, seg->file, from, seg->size));
    enum err e;
    while ((e = walk_next(&walk, batch, &got)) == ERR_NONE && got) {
        if (batch->max_timestamp >= timestamp && batch->last_offset >= log->start) {
            e = hand_out(batch, read);
            break;
        }
    }
    walk_end(&walk);
    return e;
}

enum err store_log_find_timestamp(struct store_log *log, int64_t timestamp,
                                  struct store_batch *batch, struct store_read *read, bool *found)
{
    *read = (struct store_read){.base_offset = -1};
    *found = false;
    if (log->offline) {
        return ERR_IO;
    }
    uint32_t first = log_segment_floor(log, log->start);
    for (uint32_t i = first; i < log->segment_count && !*found; i++) {
        struct segment *seg = &log->segments[i];
        TRY(segment_load(log, seg));
        if (seg->size > 0 && seg->max_timestamp >= timestamp) {
            TRY(find_in(log, seg, timestamp, batch, read));
            *found = read->file != NULL;
        }
    }
    return ERR_NONE;
}

static bool keep_max(void *arg, const struct store_batch *batch)
{
    int64_t *max = arg;
    *max = max_i64(*max, batch->max_timestamp);
    return true;
}

enum err store_log_find_max_timestamp(struct store_log *log, struct store_batch *batch,
                                      struct store_read *read, bool *found)
{
    int64_t max = -1;
    *read = (struct store_read){.base_offset = -1};
    *found = false;
    if (log->offline) {
        return ERR_IO;
    }
    uint32_t first = log_segment_floor(log, log->start);
    for (uint32_t i = first; i < log->segment_count; i++) {
        TRY(segment_load(log, &log->segments[i]));
        max = max_i64(max, log->segments[i].max_timestamp);
    }
    if (max < 0) {
        return ERR_NONE;
    }
    TRY(store_log_find_timestamp(log, max, batch, read, found));
    if (*found) {
        return ERR_NONE;
    }
    /* The largest lies in front of the log start offset, in the same segment. */
    max = -1;
    TRY(store_log_scan(log, log->start, keep_max, &max));
    return max < 0 ? ERR_NONE : store_log_find_timestamp(log, max, batch, read, found);
}
