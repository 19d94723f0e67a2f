/* The binary heap of a shard's timers. */
#include "broker/group/timers.h"

#include "base/mem.h"

enum { TIMERS_CAP_MIN = 16 };

void group_timers_fini(struct group_timers *timers)
{
    mem_free(timers->heap);
    *timers = (struct group_timers){0};
}

static bool before(const struct group_timer *a, const struct group_timer *b)
{
    return a->deadline_ms != b->deadline_ms ? a->deadline_ms < b->deadline_ms : a->order < b->order;
}

static void put_at(struct group_timers *timers, size_t place, struct group_timer *timer)
{
    timers->heap[place - 1] = timer;
    timer->place = place;
}

static void sift_up(struct group_timers *timers, struct group_timer *timer)
{
    size_t place = timer->place;
    while (place > 1 && before(timer, timers->heap[place / 2 - 1])) {
        put_at(timers, place, timers->heap[place / 2 - 1]);
        place /= 2;
    }
    put_at(timers, place, timer);
}

static void sift_down(struct group_timers *timers, struct group_timer *timer)
{
    size_t place = timer->place;
    for (;;) {
        size_t child = place * 2;
        if (child < timers->count && before(timers->heap[child], timers->heap[child - 1])) {
            child++;
        }
        if (child > timers->count || !before(timers->heap[child - 1], timer)) {
            break;
        }
        put_at(timers, place, timers->heap[child - 1]);
        place = child;
    }
    put_at(timers, place, timer);
}

void group_timer_arm(struct group_timers *timers, struct group_timer *timer,
                     enum group_timer_kind kind, int64_t deadline_ms)
{
    group_timer_cancel(timers, timer);
    if (timers->count == timers->cap) {
        timers->cap = max_size(TIMERS_CAP_MIN, timers->cap * 2);
        timers->heap = mem_realloc(timers->heap, timers->cap * sizeof(struct group_timer *));
    }
    timer->kind = kind;
    timer->deadline_ms = deadline_ms;
    timer->order = timers->next_order++;
    timer->place = ++timers->count;
    sift_up(timers, timer);
}

void group_timer_cancel(struct group_timers *timers, struct group_timer *timer)
{
    if (timer->place == 0) {
        return;
    }
    ASSERT(timer->place <= timers->count);
    ASSERT(timers->heap[timer->place - 1] == timer);
    struct group_timer *last = timers->heap[--timers->count];
    if (last != timer) {
        last->place = timer->place;
        sift_up(timers, last);
        sift_down(timers, last);
    }
    timer->place = 0;
}

struct group_timer *group_timers_due(struct group_timers *timers, int64_t now_ms)
{
    if (timers->count == 0 || timers->heap[0]->deadline_ms > now_ms) {
        return NULL;
    }
    struct group_timer *first = timers->heap[0];
    group_timer_cancel(timers, first);
    return first;
}

int64_t group_timers_first(const struct group_timers *timers)
{
    return timers->count == 0 ? INT64_MAX : timers->heap[0]->deadline_ms;
}

void group_timers_verify(const struct group_timers *timers)
{
    for (size_t place = 1; place <= timers->count; place++) {
        ASSERT(timers->heap[place - 1]->place == place);
        ASSERT(place == 1 || !before(timers->heap[place - 1], timers->heap[place / 2 - 1]));
    }
}
