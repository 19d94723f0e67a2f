/* Reading batch headers one after the other, a page at a time where batches are small. */
#include "store/log_private.h"

enum err walk_begin(struct walk *walk, struct store_file *file, uint32_t position, uint32_t end)
{
    TRY(store_file_pin(file, STORE_OPEN_WRITE));
    walk->file = file;
    walk->position = position;
    walk->end = end;
    walk->chunk_at = 0;
    walk->chunk_len = 0;
    walk->want = WALK_CHUNK;
    return ERR_NONE;
}

void walk_end(struct walk *walk)
{
    store_file_unpin(walk->file);
}

/* Makes the header at the position be in the chunk. */
static enum err fill(struct walk *walk)
{
    uint32_t need = (uint32_t)min_size(WIRE_BATCH_HEADER, walk->end - walk->position);
    if (walk->position >= walk->chunk_at &&
        walk->position + need <= walk->chunk_at + walk->chunk_len) {
        return ERR_NONE;
    }
    walk->chunk_at = walk->position;
    walk->chunk_len = (uint32_t)min_size(walk->want, walk->end - walk->position);
    return store_file_pread(walk->file, store_room(walk->chunk, walk->chunk_len), walk->chunk_at);
}

enum err walk_next(struct walk *walk, struct store_batch *batch, bool *got)
{
    *got = walk->position < walk->end;
    if (!*got) {
        return ERR_NONE;
    }
    TRY(fill(walk));
    uint32_t in_chunk = walk->position - walk->chunk_at;
    struct slice head = slice_of(walk->chunk + in_chunk, walk->chunk_len - in_chunk);
    TRY(store_batch_parse(head, batch));
    if (batch->size > walk->end - walk->position) {
        return ERR_CORRUPT;
    }
    batch->position = walk->position;
    batch->file = walk->file;
    walk->position += batch->size;
    walk->want = batch->size < WALK_CHUNK / 2 ? WALK_CHUNK : WIRE_BATCH_HEADER;
    return ERR_NONE;
}
