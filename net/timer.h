/* The timers of a loop: a binary heap by due time. Private to net/. */
#ifndef NET_TIMER_H
#define NET_TIMER_H

#include "net/loop.h"

struct timer_heap {
    struct net_timer **timers;
    size_t len;
    size_t cap;
    uint64_t order; /* next */
};

/* Frees the heap; timers that are still set count as stopped. */
void timer_heap_fini(struct timer_heap *heap);

void timer_heap_add(struct timer_heap *heap, struct net_timer *timer);
void timer_heap_remove(struct timer_heap *heap, struct net_timer *timer);

/* When the first timer is due, or INT64_MAX. */
int64_t timer_heap_due_ms(const struct timer_heap *heap);

/* Takes out and returns the first timer that is due at `now_ms` and was set before `order`;
 * NULL if there is none. */
struct net_timer *timer_heap_pop(struct timer_heap *heap, int64_t now_ms, uint64_t order);

#endif
