/* Writing zeroes behind the end of a segment, and taking them away; see ahead.h. */
#include "store/ahead.h"

#include "base/mem.h"
#include "store/log_private.h"

/* A small log keeps little room: as much as it has, within these bounds. */
enum { AHEAD_BYTES_MIN = 16 << 10, ZEROES = 64 << 10, ROOM_PARTS_MAX = 8 };

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

/* The mark and zeroes, `bytes` in all; returns how many parts. */
static size_t put_room(struct slice *parts, size_t bytes)
{
    size_t count = 0;
    parts[count++] = slice_of(mark, sizeof mark);
    for (size_t left = bytes - sizeof mark; left > 0; left -= parts[count++].len) {
        ASSERT(count < ROOM_PARTS_MAX);
        parts[count] = slice_of(zeroes, min_size(left, sizeof zeroes));
    }
    return count;
}

enum err segment_write(struct store_log *log, struct segment *seg, const struct slice *parts,
                       size_t count, uint32_t bytes)
{
    int fd = store_file_fd(seg->file);
    uint32_t end = seg->size + bytes;
    uint32_t to = write_to(log, seg, end, bytes);
    seg->file_size = (uint32_t)max_size(seg->file_size, to);
    if (to == end) {
        return store_fs_pwritev(log->fs, fd, parts, count, seg->size);
    }
    /* One write, so that nobody sees a batch without the mark behind it. */
    struct slice *all = mem_alloc((count + ROOM_PARTS_MAX) * sizeof *all);
    memcpy(all, parts, count * sizeof *all);
    count += put_room(all + count, to - end);
    enum err e = store_fs_pwritev(log->fs, fd, all, count, seg->size);
    mem_free(all);
    return e;
}

bool segment_give_up_room(struct store_log *log)
{
    bool did = log->config.ahead_bytes > 0 && !log->no_ahead;
    log->no_ahead = true;
    return did;
}

enum err segment_cut_ahead(struct store_log *log, struct segment *seg)
{
    if (seg->file_size == seg->size) {
        return ERR_NONE;
    }
    TRY(segment_cut(log, seg, seg->size));
    seg->cut_synced = false;
    return ERR_NONE;
}

enum err store_log_cut_ahead(struct store_log *log)
{
    return log->offline ? ERR_IO : segment_cut_ahead(log, log_active(log));
}
