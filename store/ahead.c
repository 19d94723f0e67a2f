/* Writing zeroes behind the end of a segment, and taking them away; see ahead.h. */
#include "store/ahead.h"

#include "store/log_private.h"

/* A small log keeps little room: as much as it has, within these bounds. */
enum { AHEAD_BYTES_MIN = 16 << 10, ZEROES = 64 << 10, AHEAD_PARTS_MAX = 8 };

static const uint8_t zeroes[ZEROES];

/* A base offset that none has, and the largest size. */
static const uint8_t mark[STORE_AHEAD_MARK] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                               0xff, 0xff, 0x7f, 0xff, 0xff, 0xff};

bool store_is_ahead(struct slice head)
{
    size_t len = min_size(head.len, sizeof mark);
    return memcmp(head.data, zeroes, len) == 0 || memcmp(head.data, mark, len) == 0;
}

/* Up to where to write behind `end`: the mark alone where zeroes are, else new room, or nothing. */
static uint32_t write_to(const struct store_log *log, const struct segment *seg, uint32_t end,
                         uint32_t appended)
{
    if (end + sizeof mark <= seg->file_size) {
        return end + (uint32_t)sizeof mark;
    }
    size_t room = min_size((size_t)log->config.ahead_bytes, max_size(end, AHEAD_BYTES_MIN));
    size_t to = min_size(end + room, (size_t)log->config.segment_bytes);
    /* Zeroes below each large batch would double what is written. */
    bool is_large = appended > room / 4;
    return log->no_ahead || is_large || to <= end + sizeof mark ? end : (uint32_t)to;
}

/* The mark and zeroes from `end` to `to`. */
static enum err write_room(const struct store_log *log, int fd, uint32_t end, uint32_t to)
{
    struct slice parts[AHEAD_PARTS_MAX] = {slice_of(mark, sizeof mark)};
    size_t count = 1;
    size_t left = to - end - sizeof mark;
    while (left > 0) {
        ASSERT(count < AHEAD_PARTS_MAX);
        parts[count] = slice_of(zeroes, min_size(left, sizeof zeroes));
        left -= parts[count++].len;
    }
    return store_fs_pwritev(log->fs, fd, parts, count, end);
}

static enum err cut_file(struct store_log *log, struct segment *seg, int fd, uint32_t size)
{
    if (seg->file_size == size) {
        return ERR_NONE;
    }
    TRY(store_fs_truncate(log->fs, fd, size));
    seg->file_size = size;
    seg->cut_synced = false;
    return ERR_NONE;
}

enum err segment_write_ahead(struct store_log *log, struct segment *seg, int fd, uint32_t appended)
{
    uint32_t end = seg->size + appended;
    uint32_t to = write_to(log, seg, end, appended);
    if (to == end) {
        seg->file_size = (uint32_t)max_size(seg->file_size, end);
        return ERR_NONE;
    }
    enum err e = write_room(log, fd, end, to);
    seg->file_size = (uint32_t)max_size(seg->file_size, to);
    if (e == ERR_NONE) {
        return ERR_NONE;
    }
    /* The batches are there. Without room their syncs take longer, no more. */
    log_warn(log->log, "store", "no room ahead", "dir=%s segment=%" PRId64 " error=%s", log->dir,
             seg->base, err_name(e));
    log->no_ahead = true;
    return cut_file(log, seg, fd, end);
}

enum err segment_cut_ahead(struct store_log *log, struct segment *seg)
{
    if (seg->file_size == seg->size) {
        return ERR_NONE;
    }
    TRY(store_file_pin(seg->file, STORE_OPEN_WRITE));
    enum err e = cut_file(log, seg, store_file_fd(seg->file), seg->size);
    store_file_unpin(seg->file);
    return e;
}

enum err store_log_cut_ahead(struct store_log *log)
{
    return log->offline ? ERR_IO : segment_cut_ahead(log, log_active(log));
}
