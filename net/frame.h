/* Buffers that hold frames, counted by reference and recycled. Private to net/.
 *
 * The first touch of fresh memory costs more than copying it, so a loop keeps the buffers that it
 * has used, newest first, within a bound, and gives back what was idle for a while. Used on the
 * loop's thread only. */
#ifndef NET_FRAME_H
#define NET_FRAME_H

#include "base/buf.h"
#include "net/loop.h"

struct net_budget;

enum {
    FRAME_CLASS_MIN_BITS = 12, /* 4 KiB */
    FRAME_CLASSES = 16,        /* up to 128 MiB; larger ones are not recycled */
    SPARE_BUFS_MAX = 32,
    SPARE_BUF_BYTES_MAX = 64 << 10
};

/* A buffer of `cap` bytes. */
struct frame_buf {
    struct frame_buf *next; /* in the pool */
    struct frame_pool *pool;
    struct net_budget *budget; /* `charged` bytes are taken from it */
    size_t charged;
    bool part; /* of a large frame that is not whole */
    size_t cap;
    int refs;
    int class; /* FRAME_CLASSES: not recycled */
    uint8_t data[];
};

struct frame_class {
    struct frame_buf *free;
    size_t count;
    size_t count_min; /* least `count` since the last trim: so many were not needed */
};

struct frame_pool {
    struct frame_class classes[FRAME_CLASSES];
    struct buf spares[SPARE_BUFS_MAX]; /* empty buffers for encoding */
    size_t spare_count;
    size_t bytes; /* of all free frame buffers */
    size_t bytes_max;
    int64_t idle_ms;
    struct net_timer trim; /* set while the pool holds anything */
};

void frame_pool_init(struct frame_pool *pool, struct net_loop *loop, size_t bytes_max,
                     int64_t idle_ms);
void frame_pool_fini(struct frame_pool *pool);

/* A buffer of at least `size` bytes with one reference. */
struct frame_buf *frame_buf_new(struct frame_pool *pool, size_t size);

/* Makes room for `size` bytes; the first `have` bytes stay, the address may change. One reference
 * only. */
struct frame_buf *frame_buf_grow(struct frame_buf *buf, size_t have, size_t size);

/* Charges it until it is free again; a second time is for more bytes. */
void frame_buf_charge(struct frame_buf *buf, struct net_budget *budget, size_t bytes);

/* The same for bytes of a large frame that is not whole, until frame_buf_is_whole(). */
void frame_buf_charge_part(struct frame_buf *buf, struct net_budget *budget, size_t bytes);
void frame_buf_is_whole(struct frame_buf *buf);

static inline struct frame_buf *frame_buf_ref(struct frame_buf *buf)
{
    buf->refs++;
    return buf;
}

/* NULL is allowed. */
void frame_buf_unref(struct frame_buf *buf);

/* An empty buffer to encode into, and its way back. */
struct buf frame_pool_take_buf(struct frame_pool *pool);
void frame_pool_give_buf(struct frame_pool *pool, struct buf *buf);

#endif
