/* The pool of frame buffers: free lists of powers of two. */
#include "net/frame.h"

#include "base/mem.h"
#include "net/budget.h"

static void trim(void *arg);

void frame_pool_init(struct frame_pool *pool, struct net_loop *loop, size_t bytes_max,
                     int64_t idle_ms)
{
    *pool = (struct frame_pool){.bytes_max = bytes_max, .idle_ms = idle_ms};
    net_timer_init(&pool->trim, loop, trim, pool);
}

static void class_drop(struct frame_pool *pool, struct frame_class *class, size_t count)
{
    for (; count > 0; count--) {
        struct frame_buf *buf = class->free;
        class->free = buf->next;
        class->count--;
        pool->bytes -= buf->cap;
        mem_free(buf);
    }
    class->count_min = class->count;
}

void frame_pool_fini(struct frame_pool *pool)
{
    net_timer_stop(&pool->trim);
    for (int i = 0; i < FRAME_CLASSES; i++) {
        class_drop(pool, &pool->classes[i], pool->classes[i].count);
    }
    while (pool->spare_count > 0) {
        buf_fini(&pool->spares[--pool->spare_count]);
    }
}

/* Gives back what was not needed since the last time; stops when nothing is left. */
static void trim(void *arg)
{
    struct frame_pool *pool = arg;
    for (int i = 0; i < FRAME_CLASSES; i++) {
        class_drop(pool, &pool->classes[i], pool->classes[i].count_min);
    }
    for (size_t n = (pool->spare_count + 1) / 2; n > 0; n--) {
        buf_fini(&pool->spares[--pool->spare_count]);
    }
    if (pool->bytes > 0 || pool->spare_count > 0) {
        net_timer_set(&pool->trim, pool->idle_ms);
    }
}

static int class_of(size_t size)
{
    if (size <= (size_t)1 << FRAME_CLASS_MIN_BITS) {
        return 0;
    }
    int bits = 64 - __builtin_clzll(size - 1);
    int class = bits - FRAME_CLASS_MIN_BITS;
    return class < FRAME_CLASSES ? class : FRAME_CLASSES;
}

static size_t cap_of(int class, size_t size)
{
    return class < FRAME_CLASSES ? (size_t)1 << (class + FRAME_CLASS_MIN_BITS) : size;
}

static bool can_recycle(const struct frame_pool *pool, int class)
{
    return class < FRAME_CLASSES && pool->classes[class].free != NULL;
}

struct frame_buf *frame_buf_new(struct frame_pool *pool, size_t size)
{
    int class = class_of(size);
    struct frame_buf *buf = NULL;
    if (can_recycle(pool, class)) {
        struct frame_class *from = &pool->classes[class];
        buf = from->free;
        from->free = buf->next;
        from->count--;
        from->count_min = min_size(from->count_min, from->count);
        pool->bytes -= buf->cap;
    } else {
        size_t cap = cap_of(class, size);
        buf = mem_alloc(sizeof *buf + cap);
        buf->cap = cap;
        buf->class = class;
        buf->pool = pool;
    }
    buf->next = NULL;
    buf->budget = NULL;
    buf->charged = 0;
    buf->part = false;
    buf->refs = 1;
    return buf;
}

/* What it was charged goes with it. */
static struct frame_buf *move_into(struct frame_buf *larger, struct frame_buf *buf, size_t have)
{
    memcpy(larger->data, buf->data, have);
    larger->budget = buf->budget;
    larger->charged = buf->charged;
    larger->part = buf->part;
    buf->charged = 0;
    buf->part = false;
    frame_buf_unref(buf);
    return larger;
}

struct frame_buf *frame_buf_grow(struct frame_buf *buf, size_t have, size_t size)
{
    ASSERT(buf->refs == 1);
    ASSERT(have <= buf->cap);
    if (size <= buf->cap) {
        return buf;
    }
    int class = class_of(size);
    if (can_recycle(buf->pool, class)) {
        return move_into(frame_buf_new(buf->pool, size), buf, have);
    }
    size_t cap = cap_of(class, size);
    buf = mem_realloc(buf, sizeof *buf + cap); /* moves pages, not bytes, when it is large */
    buf->class = class;
    buf->cap = cap;
    return buf;
}

void frame_buf_charge(struct frame_buf *buf, struct net_budget *budget, size_t bytes)
{
    ASSERT(!buf->part);
    budget_charge(budget, bytes);
    buf->budget = budget;
    buf->charged += bytes;
}

void frame_buf_charge_part(struct frame_buf *buf, struct net_budget *budget, size_t bytes)
{
    ASSERT(buf->part || buf->charged == 0);
    budget_charge_part(budget, bytes);
    buf->budget = budget;
    buf->charged += bytes;
    buf->part = true;
}

void frame_buf_is_whole(struct frame_buf *buf)
{
    if (buf->part) {
        buf->part = false;
        budget_end_part(buf->budget, buf->charged);
    }
}

static void wind_up(struct frame_pool *pool)
{
    if (!net_timer_is_set(&pool->trim)) {
        net_timer_set(&pool->trim, pool->idle_ms);
    }
}

void frame_buf_unref(struct frame_buf *buf)
{
    if (buf == NULL || --buf->refs > 0) {
        return;
    }
    ASSERT(buf->refs == 0);
    struct frame_pool *pool = buf->pool;
    if (buf->charged > 0) {
        budget_release(buf->budget, buf->charged);
        frame_buf_is_whole(buf); /* or never will be */
    }
    if (buf->class == FRAME_CLASSES || pool->bytes + buf->cap > pool->bytes_max) {
        mem_free(buf);
        return;
    }
    struct frame_class *class = &pool->classes[buf->class];
    buf->next = class->free;
    class->free = buf;
    class->count++;
    pool->bytes += buf->cap;
    wind_up(pool);
}

struct buf frame_pool_take_buf(struct frame_pool *pool)
{
    return pool->spare_count == 0 ? (struct buf){0} : pool->spares[--pool->spare_count];
}

void frame_pool_give_buf(struct frame_pool *pool, struct buf *buf)
{
    if (buf->data == NULL || buf->cap > SPARE_BUF_BYTES_MAX ||
        pool->spare_count == SPARE_BUFS_MAX) {
        buf_fini(buf);
        return;
    }
    buf_reset(buf);
    pool->spares[pool->spare_count++] = *buf;
    *buf = (struct buf){0};
    wind_up(pool);
}
