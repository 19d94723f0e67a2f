/* From an offset to a place in a segment: the last appends in memory, else index and headers. */
#include "store/log_private.h"

uint32_t log_segment_floor(const struct store_log *log, int64_t offset)
{
    /* Most ask for the active one. */
    uint32_t low = 0;
    uint32_t high = log->segment_count - 1;
    if (log->segments[high].base <= offset) {
        return high;
    }
    while (low < high) {
        uint32_t mid = (low + high + 1) / 2;
        if (log->segments[mid].base <= offset) {
            low = mid;
        } else {
            high = mid - 1;
        }
    }
    return low;
}

void log_recent_clear(struct store_log *log)
{
    log->recent_count = 0;
    log->recent_next = 0;
}

void log_recent_add(struct store_log *log, const struct store_batch *batch, uint32_t position)
{
    log->recent[log->recent_next] = (struct recent_batch){
        batch->base_offset, (uint32_t)(batch->last_offset - batch->base_offset), position};
    log->recent_next = (uint8_t)((log->recent_next + 1) % RECENT_MAX);
    log->recent_count = (uint8_t)min_size(log->recent_count + 1u, RECENT_MAX);
}

/* The i-th newest of the ring, 0 the last appended. */
static const struct recent_batch *recent_get(const struct store_log *log, uint32_t i)
{
    return &log->recent[(log->recent_next + 2 * RECENT_MAX - 1 - i) % RECENT_MAX];
}

/* Finds the batch among the recent ones; false: look at the disk. */
static bool recent_find(struct store_log *log, int64_t offset, struct place *out)
{
    uint32_t end = log_active(log)->size;
    const struct recent_batch *hit = NULL;
    for (uint32_t i = 0; i < log->recent_count; i++) {
        const struct recent_batch *b = recent_get(log, i);
        if (b->base + b->delta < offset) {
            break;
        }
        if (hit != NULL) {
            end = hit->position;
        }
        hit = b;
        if (b->base <= offset) {
            break;
        }
    }
    /* A hit that begins behind the offset is only right if the batch before it is known to end
     * before; the oldest of the ring does not tell. */
    bool oldest = hit == recent_get(log, log->recent_count - 1u) && hit->base > offset;
    if (hit == NULL || (oldest && hit->position > 0)) {
        return false;
    }
    *out = (struct place){log->segment_count - 1, hit->position, hit->base, hit->base + hit->delta,
                          end - hit->position};
    return true;
}

enum err segment_position_floor(struct store_log *log, struct segment *seg, int64_t offset,
                                uint32_t *position)
{
    uint8_t entry[INDEX_OFFSET_ENTRY];
    int64_t slot = -1;
    *position = 0;
    TRY(segment_load(log, seg));
    TRY(index_floor(&seg->offsets, offset - seg->base, &slot));
    if (slot >= 0) {
        TRY(index_get(&seg->offsets, (uint32_t)slot, entry));
        *position = load_u32(entry + 4);
    }
    return *position < seg->size || *position == 0 ? ERR_NONE : ERR_CORRUPT;
}

/* Walks from the index entry on to the first batch that ends at or behind the offset. */
static enum err locate_on_disk(struct store_log *log, uint32_t i, int64_t offset, struct place *out,
                               bool *found)
{
    struct segment *seg = &log->segments[i];
    uint32_t from = 0;
    TRY(segment_position_floor(log, seg, offset, &from));
    struct walk walk;
    struct store_batch batch;
    TRY(walk_begin(&walk, seg->file, from, seg->size));
    enum err e;
    while ((e = walk_next(&walk, &batch, found)) == ERR_NONE && *found) {
        if (batch.last_offset >= offset) {
            *out =
                (struct place){i, batch.position, batch.base_offset, batch.last_offset, batch.size};
            break;
        }
    }
    walk_end(&walk);
    return e;
}

enum err segment_locate(struct store_log *log, uint32_t i, int64_t offset, struct place *out,
                        bool *found)
{
    *found = false;
    if (log->segments[i].size == 0) {
        return ERR_NONE;
    }
    if (i == log->segment_count - 1) {
        if (offset >= log->end) {
            return ERR_NONE;
        }
        *found = recent_find(log, offset, out);
        if (*found) {
            return ERR_NONE;
        }
    }
    return locate_on_disk(log, i, offset, out, found);
}

enum err log_locate(struct store_log *log, int64_t offset, struct place *out, bool *found)
{
    /* Compaction may have taken the end of a segment: then the next one has the batch. */
    *found = false;
    for (uint32_t i = log_segment_floor(log, offset); i < log->segment_count && !*found; i++) {
        TRY(segment_locate(log, i, offset, out, found));
    }
    return ERR_NONE;
}
