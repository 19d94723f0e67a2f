/* An event loop: time, timers, tasks, blocking work, signals.
 *
 * One thread runs a loop. A loop with nothing to do sleeps without a single wake-up. */
#ifndef NET_LOOP_H
#define NET_LOOP_H

#include "base/err.h"
#include "base/heap.h"
#include "base/list.h"
#include "base/log.h"

struct net_loop;

/* A task: what is called, with its argument. */
typedef void net_fn(void *arg);

/* Zero means the default everywhere. */
struct net_loop_options {
    const struct log *log;
    int work_threads;      /* of the default work queue; default 2, started when first used */
    bool work_inline;      /* no threads at all: work runs at the end of the iteration */
    size_t pool_bytes_max; /* recycled frame buffers kept; default 64 MiB */
    int64_t pool_idle_ms;  /* buffers unused for this long are given back; default 5,000 */
};

/* Never fails (a system without an epoll descriptor to spare ends the process with a message).
 * Makes the process ignore SIGPIPE. `options` may be NULL. */
struct net_loop *net_loop_new(const struct net_loop_options *options);

/* Runs until net_loop_stop(). Tasks posted before are run first. */
void net_loop_run(struct net_loop *loop);

/* One iteration: waits for at most `wait_ms` (0: not at all) for something to happen. For tests and
 * for whoever drives several loops on one thread. */
void net_loop_step(struct net_loop *loop, int64_t wait_ms);

/* Any thread. The current iteration is finished, with what was deferred in it. */
void net_loop_stop(struct net_loop *loop);

/* Closes all connections of the loop, joins its default work queue and frees everything. Listeners,
 * clients and own work queues of the loop must have been freed before. Requests that are still
 * kept by a handler are freed too, after their on_close hooks, and must not be touched afterwards.
 * Tasks that have not run are dropped.
 * Other loops must not post to it any more. NULL is allowed. */
void net_loop_free(struct net_loop *loop);

/* Milliseconds of a clock that never goes back; read once in each callback of the loop. */
int64_t net_now_ms(struct net_loop *loop);

/* Milliseconds since 1970, for timestamps only. Any thread. */
int64_t net_wall_ms(struct net_loop *loop);

/* ---- tasks ---- */

/* Any thread: runs fn(arg) on the loop's thread soon. Tasks of one thread keep their order. */
void net_post(struct net_loop *loop, net_fn *fn, void *arg);

/* Runs fn(arg) at the end of the current iteration, before the loop sleeps. Costs no system
 * call. */
void net_defer(struct net_loop *loop, net_fn *fn, void *arg);

/* Takes back every net_defer() of fn(arg): for whoever frees `arg` in the middle of an iteration.
 */
void net_undefer(struct net_loop *loop, net_fn *fn, void *arg);

/* ---- timers ---- */

/* Embedded in its owner; the fields belong to net/. A timer that is set must be stopped before its
 * memory goes. */
struct net_timer {
    struct net_loop *loop;
    net_fn *fn;
    void *arg;
    /* In the loop's heap; the key is when it is due, in ms. Timers due in the same millisecond fire
     * in the order they were set. */
    struct heap_item item;
};

void net_timer_init(struct net_timer *timer, struct net_loop *loop, net_fn *fn, void *arg);

/* Fires once, not before `delay_ms` (negative counts as 0) from now; a timer that is set already is
 * moved. */
void net_timer_set(struct net_timer *timer, int64_t delay_ms);

void net_timer_stop(struct net_timer *timer);

static inline bool net_timer_is_set(const struct net_timer *timer)
{
    return heap_has(&timer->item);
}

/* When a timer that is set fires, by net_now_ms(). */
static inline int64_t net_timer_due_ms(const struct net_timer *timer)
{
    return timer->item.key;
}

/* ---- blocking work ---- */

/* Any thread: runs work(arg) on a thread of the loop's default queue, then done(arg) (may be NULL)
 * on the loop. */
void net_work(struct net_loop *loop, net_fn *work, net_fn *done, void *arg);

/* A queue with threads of its own, so that its work never waits behind other work; with one thread
 * work and completions keep their order. Threads start when first needed. `name` is the threads'
 * name (15 characters are kept). */
struct net_work_queue;
struct net_work_queue *net_work_queue_new(struct net_loop *loop, const char *name, int threads);

/* Any thread: like net_work() on this queue; `done` runs on the queue's loop. */
void net_work_on(struct net_work_queue *queue, net_fn *work, net_fn *done, void *arg);

/* On the queue's loop: waits until all queued work is done, joins the threads and runs the
 * completions that have not run yet, so that nothing of the queue comes afterwards. NULL is
 * allowed. */
void net_work_queue_free(struct net_work_queue *queue);

/* ---- signals ---- */

/* Calls fn(arg) on the loop whenever the process gets `signo`. Only one loop of a process may have
 * signals. */
void net_signal(struct net_loop *loop, int signo, net_fn *fn, void *arg);

/* ---- memory budget ---- */

/* A bound on the bytes of requests that are held by any number of loops together
 * (queued.max.request.bytes). Bytes count when they have come, whatever a peer announces. When it
 * is used up nothing is read until there is room, but the rest of small frames. Large frames that
 * came in part have at most three quarters of it; so that they do not wait for one another for
 * ever, one of them at a time is read to its end: the bound may be passed by one frame per loop. */
struct net_budget;
struct net_budget *net_budget_new(int64_t bytes_max);

/* After everything that uses it. NULL is allowed. */
void net_budget_free(struct net_budget *budget);

/* Any thread. */
int64_t net_budget_used(const struct net_budget *budget);

#endif
