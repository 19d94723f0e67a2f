/* The batches of a segment or a snapshot, one by one, whether they are whole or not.
 *
 *     struct segment segment;
 *     TRY(segment_open(&segment, fs, path));
 *     while (segment_next(&segment) == SEGMENT_BATCH) {
 *         … segment.head, buf_slice(&segment.bytes) …
 *     }
 *     segment_close(&segment); */
#ifndef CLI_SEGMENT_H
#define CLI_SEGMENT_H

#include "base/err.h"
#include "store/store.h"
#include "wire/batch.h"

enum segment_found {
    SEGMENT_BATCH,      /* `head`, and `bytes` for one of version 2 */
    SEGMENT_END,        /* of the file */
    SEGMENT_AHEAD,      /* up to the end: room that was written ahead (store/ahead.h) */
    SEGMENT_CUT,        /* the file ends inside of a batch of `size` bytes */
    SEGMENT_BAD,        /* this is no batch; `size` is what stands where its size should */
    SEGMENT_UNREADABLE, /* `error` */
};

struct segment {
    const struct store_fs *fs;
    int fd;
    uint64_t end;      /* bytes of the file; may be lowered */
    uint64_t position; /* of what was found */
    size_t size;       /* of this batch, prefix included */
    struct store_batch head;
    struct buf bytes;
    enum err error;
};

/* Errors: those of store_fs_open(). segment_close() is due in any case. */
enum err segment_open(struct segment *segment, const struct store_fs *fs,
                      const char *path) MUST_USE;
void segment_close(struct segment *segment);

/* The next one is that at `position`. */
void segment_seek(struct segment *segment, uint64_t position);

/* The next one. After anything but SEGMENT_BATCH there is none. */
enum segment_found segment_next(struct segment *segment);

#endif
