/* A binary heap of timers; each timer knows its place, so that it can be taken out. */
#include "net/timer.h"

#include "base/mem.h"

enum { HEAP_CAP_MIN = 64 };

void timer_heap_fini(struct timer_heap *heap)
{
    for (size_t i = 0; i < heap->len; i++) {
        heap->timers[i]->at = 0;
    }
    mem_free(heap->timers);
    *heap = (struct timer_heap){0};
}

static bool is_before(const struct net_timer *a, const struct net_timer *b)
{
    return a->due_ms != b->due_ms ? a->due_ms < b->due_ms : a->order < b->order;
}

static void put_at(struct timer_heap *heap, size_t i, struct net_timer *timer)
{
    heap->timers[i] = timer;
    timer->at = i + 1;
}

static void sift_up(struct timer_heap *heap, size_t i)
{
    struct net_timer *timer = heap->timers[i];
    while (i > 0 && is_before(timer, heap->timers[(i - 1) / 2])) {
        put_at(heap, i, heap->timers[(i - 1) / 2]);
        i = (i - 1) / 2;
    }
    put_at(heap, i, timer);
}

static void sift_down(struct timer_heap *heap, size_t i)
{
    struct net_timer *timer = heap->timers[i];
    for (size_t child = 2 * i + 1; child < heap->len; child = 2 * i + 1) {
        if (child + 1 < heap->len && is_before(heap->timers[child + 1], heap->timers[child])) {
            child++;
        }
        if (!is_before(heap->timers[child], timer)) {
            break;
        }
        put_at(heap, i, heap->timers[child]);
        i = child;
    }
    put_at(heap, i, timer);
}

void timer_heap_add(struct timer_heap *heap, struct net_timer *timer)
{
    ASSERT(timer->at == 0);
    if (heap->len == heap->cap) {
        heap->cap = max_size(HEAP_CAP_MIN, heap->cap * 2);
        heap->timers = mem_realloc(heap->timers, heap->cap * sizeof(struct net_timer *));
    }
    timer->order = heap->order++;
    put_at(heap, heap->len++, timer);
    sift_up(heap, heap->len - 1);
}

void timer_heap_remove(struct timer_heap *heap, struct net_timer *timer)
{
    size_t i = timer->at - 1;
    ASSERT(i < heap->len);
    ASSERT(heap->timers[i] == timer);
    timer->at = 0;
    struct net_timer *last = heap->timers[--heap->len];
    if (last == timer) {
        return;
    }
    put_at(heap, i, last);
    sift_up(heap, i);
    sift_down(heap, last->at - 1);
}

int64_t timer_heap_due_ms(const struct timer_heap *heap)
{
    return heap->len == 0 ? INT64_MAX : heap->timers[0]->due_ms;
}

struct net_timer *timer_heap_pop(struct timer_heap *heap, int64_t now_ms, uint64_t order)
{
    if (heap->len == 0 || heap->timers[0]->due_ms > now_ms || heap->timers[0]->order >= order) {
        return NULL;
    }
    struct net_timer *timer = heap->timers[0];
    timer_heap_remove(heap, timer);
    return timer;
}
