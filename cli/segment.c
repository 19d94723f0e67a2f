/* Walking over a segment; see segment.h. */
#include "cli/segment.h"

#include "store/ahead.h"

/* A length beyond this is taken for damage. */
enum { BATCH_BYTES_MAX = 1 << 30 };

enum err segment_open(struct segment *segment, const struct store_fs *fs, const char *path)
{
    *segment = (struct segment){.fs = fs, .fd = -1};
    TRY(store_fs_open(fs, path, STORE_OPEN_READ, &segment->fd));
    return store_fs_size(fs, segment->fd, &segment->end);
}

void segment_close(struct segment *segment)
{
    if (segment->fd >= 0) {
        store_fs_close(segment->fs, segment->fd);
    }
    segment->fd = -1;
    buf_fini(&segment->bytes);
}

/* Fills `bytes` with `len` bytes from the position on, fewer at the end of the file. */
static bool read_at(struct segment *segment, uint64_t position, size_t len)
{
    size_t got = 0;
    len = (size_t)(segment->end - position < len ? segment->end - position : len);
    buf_reset(&segment->bytes);
    uint8_t *room = buf_room(&segment->bytes, len);
    segment->error =
        store_fs_pread(segment->fs, segment->fd, store_room(room, len), position, &got);
    segment->bytes.len = got;
    return segment->error == ERR_NONE;
}

/* Zeroes, or the mark before them. */
static bool is_ahead_to_the_end(struct segment *segment)
{
    enum { PIECE = 1 << 16 };
    uint64_t at = segment->position;
    if (!read_at(segment, at, STORE_AHEAD_MARK) || !store_is_ahead(buf_slice(&segment->bytes))) {
        return false;
    }
    for (at += segment->bytes.len; at < segment->end; at += PIECE) {
        if (!read_at(segment, at, PIECE)) {
            return false;
        }
        for (size_t i = 0; i < segment->bytes.len; i++) {
            if (segment->bytes.data[i] != 0) {
                return false;
            }
        }
    }
    return true;
}

void segment_seek(struct segment *segment, uint64_t position)
{
    segment->position = position;
    segment->size = 0;
}

enum segment_found segment_next(struct segment *segment)
{
    segment->position += segment->size;
    segment->size = 0;
    if (segment->position >= segment->end) {
        return SEGMENT_END;
    }
    if (!read_at(segment, segment->position, WIRE_BATCH_HEADER)) {
        return SEGMENT_UNREADABLE;
    }
    struct slice head = buf_slice(&segment->bytes);
    uint64_t left = segment->end - segment->position;
    size_t size = head.len < WIRE_BATCH_PREFIX ? 0 : wire_batch_size(head);
    bool is_bad = store_batch_parse(head, &segment->head) != ERR_NONE;
    segment->size = size;
    if (is_bad && is_ahead_to_the_end(segment)) {
        return SEGMENT_AHEAD;
    }
    if (size > left || (is_bad && left < WIRE_BATCH_HEADER)) {
        return SEGMENT_CUT;
    }
    if (is_bad || size > BATCH_BYTES_MAX) {
        return SEGMENT_BAD;
    }
    segment->head.position = (uint32_t)segment->position;
    bool is_legacy = segment->head.magic < WIRE_BATCH_MAGIC;
    return is_legacy || read_at(segment, segment->position, size) ? SEGMENT_BATCH
                                                                  : SEGMENT_UNREADABLE;
}
