/* Deadlines of one shard: a binary heap of timers that live inside their owners.
 *
 * Equal deadlines fire in the order they were armed, so that a run can be repeated. */
#ifndef BROKER_GROUP_TIMERS_H
#define BROKER_GROUP_TIMERS_H

#include "base/base.h"

enum group_timer_kind {
    GROUP_TIMER_SESSION,            /* of a member */
    GROUP_TIMER_PENDING,            /* of a member id that was given out and not used yet */
    GROUP_TIMER_INITIAL,            /* the first rebalance of a group may wait longer */
    GROUP_TIMER_JOIN,               /* end of the join phase */
    GROUP_TIMER_SYNC,               /* end of the sync phase */
    GROUP_TIMER_COMMIT,             /* an append takes too long for its client */
    GROUP_TIMER_EXPIRY,             /* look for offsets to forget */
    GROUP_TIMER_CONSUMER_SESSION,   /* of a member of a consumer group */
    GROUP_TIMER_CONSUMER_REBALANCE, /* it takes too long for a step of a rebalance */
};

/* Zeroed: not armed. */
struct group_timer {
    enum group_timer_kind kind;
    size_t place; /* in the heap, from 1; 0 = not armed */
    int64_t deadline_ms;
    uint64_t order;
};

struct group_timers {
    struct group_timer **heap;
    size_t count;
    size_t cap;
    uint64_t next_order;
};

void group_timers_fini(struct group_timers *timers);

/* Arms, or moves a timer that is armed. */
void group_timer_arm(struct group_timers *timers, struct group_timer *timer,
                     enum group_timer_kind kind, int64_t deadline_ms);

/* Does nothing if it is not armed. */
void group_timer_cancel(struct group_timers *timers, struct group_timer *timer);

static inline bool group_timer_armed(const struct group_timer *timer)
{
    return timer->place != 0;
}

/* Takes out the first timer that is due at `now_ms`; NULL: none. */
struct group_timer *group_timers_due(struct group_timers *timers, int64_t now_ms);

/* INT64_MAX: none. */
int64_t group_timers_first(const struct group_timers *timers);

/* Asserts the order of the heap. */
void group_timers_verify(const struct group_timers *timers);

#endif
