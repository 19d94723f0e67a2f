/* Writing again what a process before this one wrote and may not have synced.
 *
 * A sync that failed leaves in the page cache bytes that are not on the disk, and marks them as
 * written: no later sync will write them. Who opens the log after that process reads them and syncs
 * without an error, and loses them at the next power cut. Only writing them again helps. */
#include "base/mem.h"
#include "store/log_private.h"

enum { AGAIN_CHUNK = 256 << 10 };

static enum err write_range(const struct store_log *log, struct store_file *file, uint32_t from,
                            uint32_t to)
{
    int fd = store_file_fd(file);
    uint8_t *bytes = mem_alloc(min_size(AGAIN_CHUNK, to - from));
    enum err e = ERR_NONE;
    while (from < to && e == ERR_NONE) {
        size_t len = min_size(AGAIN_CHUNK, to - from);
        e = store_file_pread(file, store_room(bytes, len), from);
        if (e == ERR_NONE) {
            e = store_fs_pwrite(log->fs, fd, slice_of(bytes, len), from);
        }
        from += (uint32_t)len;
    }
    mem_free(bytes);
    return e;
}

static enum err write_segment(struct store_log *log, struct segment *seg, uint32_t from)
{
    if (from >= seg->size) {
        return ERR_NONE;
    }
    TRY(store_file_pin(seg->file, STORE_OPEN_WRITE));
    enum err e = write_range(log, seg->file, from, seg->size);
    store_file_unpin(seg->file);
    return e;
}

enum err log_write_again(struct store_log *log, uint64_t bytes_max)
{
    for (uint32_t i = log->segment_count; i > 0 && bytes_max > 0; i--) {
        struct segment *seg = &log->segments[i - 1];
        uint32_t from = 0;
        if (log_segment_end(log, i - 1) <= log->recovery_point) {
            break;
        }
        if (seg->base < log->recovery_point) {
            TRY(segment_position_floor(log, seg, log->recovery_point, &from));
        }
        uint64_t bytes = seg->size - min_size(seg->size, from);
        if (bytes > bytes_max) {
            from = seg->size - (uint32_t)bytes_max;
            bytes = bytes_max;
        }
        TRY(write_segment(log, seg, from));
        bytes_max -= bytes;
    }
    return store_log_flush(log);
}
