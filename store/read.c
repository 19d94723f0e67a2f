/* Reading: an offset becomes a piece of a segment file; nothing is copied. */
#include "store/log_private.h"

static enum err check_range(const struct store_log *log, int64_t offset)
{
    if (log->offline) {
        return ERR_IO;
    }
    return offset < log->start || offset > log->end ? ERR_OFFSET_OUT_OF_RANGE : ERR_NONE;
}

/* Where in the segment the batches end that lie wholly below `end_offset`. */
static enum err find_limit(struct store_log *log, uint32_t i, int64_t end_offset, uint32_t *out)
{
    struct place place;
    bool found = false;
    *out = log->segments[i].size;
    if (end_offset >= log_segment_end(log, i)) {
        return ERR_NONE;
    }
    TRY(segment_locate(log, i, end_offset, &place, &found));
    if (found) {
        *out = place.position;
    }
    return ERR_NONE;
}

static enum err hand_out(struct store_log *log, const struct place *place, uint32_t length,
                         struct store_read *out)
{
    struct store_file *file = log->segments[place->segment].file;
    TRY(store_file_pin(file, STORE_OPEN_WRITE));
    *out = (struct store_read){file, place->position, length, place->base_offset};
    return ERR_NONE;
}

enum err store_log_read(struct store_log *log, const struct store_read_query *query,
                        struct store_read *out)
{
    *out = (struct store_read){.base_offset = query->offset};
    TRY(check_range(log, query->offset));
    struct place place;
    bool found = false;
    uint32_t limit = 0;
    if (query->offset >= query->end_offset) {
        return ERR_NONE;
    }
    TRY(log_locate(log, query->offset, &place, &found));
    if (!found || place.last_offset >= query->end_offset) {
        return ERR_NONE;
    }
    TRY(find_limit(log, place.segment, query->end_offset, &limit));
    if (limit <= place.position) {
        return ERR_CORRUPT;
    }
    uint32_t length = (uint32_t)min_size(query->max_bytes, limit - place.position);
    if (length < place.size) {
        if (!query->min_one) {
            return ERR_NONE;
        }
        length = place.size;
    }
    return hand_out(log, &place, length, out);
}

void store_read_done(struct store_read *read)
{
    if (read->file != NULL) {
        store_file_unpin(read->file);
        read->file = NULL;
    }
}

enum err store_read_copy(const struct store_read *read, uint8_t *into)
{
    if (read->file == NULL) {
        return ERR_NONE;
    }
    return store_file_pread(read->file, store_room(into, read->length), read->position);
}

enum err store_log_scan(struct store_log *log, int64_t offset, store_batch_fn *each, void *arg)
{
    struct place place;
    bool go_on = false;
    if (log->offline) {
        return ERR_IO;
    }
    TRY(log_locate(log, offset, &place, &go_on));
    if (!go_on) {
        return ERR_NONE;
    }
    uint32_t from = place.position;
    for (uint32_t i = place.segment; i < log->segment_count && go_on; i++) {
        struct walk walk;
        struct store_batch batch;
        bool got = false;
        TRY(walk_begin(&walk, log->segments[i].file, from, log->segments[i].size));
        enum err e;
        while ((e = walk_next(&walk, &batch, &got)) == ERR_NONE && got && go_on) {
            go_on = each(arg, &batch);
        }
        walk_end(&walk);
        TRY(e);
        from = 0;
    }
    return ERR_NONE;
}
