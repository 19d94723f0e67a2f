/* The event loop: iterations, time, tasks, timers, signals.
 *
 * An iteration waits for descriptors, runs their callbacks, then the tasks posted, the timers due
 * and the tasks deferred, and last serves the connections that were given something to send. */
#include "net/loop.h"

#include "base/mem.h"
#include "net/loop_struct.h"
#include "net/stream.h"

enum { WORK_THREADS = 2, POOL_BYTES_MAX = 64 << 20, POOL_IDLE_MS = 5000 };

struct loop_signal {
    struct list link;
    struct net_loop *loop;
    net_fn *fn;
    void *arg;
};

static bool turn(void *arg);

struct net_loop *net_loop_new(const struct net_loop_options *options)
{
    struct net_loop *loop = MEM_NEW(struct net_loop);
    if (options != NULL) {
        loop->options = *options;
    }
    struct net_loop_options *o = &loop->options;
    o->work_threads = o->work_threads > 0 ? o->work_threads : WORK_THREADS;
    o->pool_bytes_max = o->pool_bytes_max > 0 ? o->pool_bytes_max : POOL_BYTES_MAX;
    o->pool_idle_ms = o->pool_idle_ms > 0 ? o->pool_idle_ms : POOL_IDLE_MS;
    loop->log = o->log;
    loop->poll = os_poll_new(turn, loop);
    mailbox_init(&loop->mailbox, loop->poll);
    pthread_mutex_init(&loop->work_lock, NULL);
    list_init(&loop->signals);
    list_init(&loop->streams);
    list_init(&loop->lingering);
    list_init(&loop->service);
    list_init(&loop->seats);
    frame_pool_init(&loop->pool, loop, o->pool_bytes_max, o->pool_idle_ms);
    return loop;
}

/* ---- time ---- */

int64_t net_now_ms(struct net_loop *loop)
{
    if (!loop->now_known) {
        loop->now_ms = os_now_ms(loop->poll);
        loop->now_known = true;
    }
    return loop->now_ms;
}

int64_t net_wall_ms(struct net_loop *loop)
{
    return os_wall_ms(loop->poll);
}

void net_timer_init(struct net_timer *timer, struct net_loop *loop, net_fn *fn, void *arg)
{
    *timer = (struct net_timer){.loop = loop, .fn = fn, .arg = arg};
}

void net_timer_stop(struct net_timer *timer)
{
    if (net_timer_is_set(timer)) {
        heap_remove(&timer->loop->timers, &timer->item);
    }
}

void net_timer_set(struct net_timer *timer, int64_t delay_ms)
{
    net_timer_stop(timer);
    int64_t now_ms = net_now_ms(timer->loop);
    delay_ms = max_i64(delay_ms, 0);
    timer->item.key = delay_ms > INT64_MAX - now_ms ? INT64_MAX : now_ms + delay_ms;
    heap_add(&timer->loop->timers, &timer->item);
}

/* The first timer that is due and was set before `order`, taken out; NULL if there is none. */
static struct net_timer *next_due(struct net_loop *loop, uint64_t order)
{
    struct heap_item *item = heap_first(&loop->timers);
    if (item == NULL || item->key > net_now_ms(loop) || item->order >= order) {
        return NULL;
    }
    heap_remove(&loop->timers, item);
    return container_of(item, struct net_timer, item);
}

static void run_timers(struct net_loop *loop)
{
    /* A timer that is set again with no delay waits for the next iteration. */
    uint64_t order = loop->timers.order;
    struct net_timer *timer;
    while ((timer = next_due(loop, order)) != NULL) {
        timer->fn(timer->arg);
    }
}

/* ---- iterations ---- */

void net_post(struct net_loop *loop, net_fn *fn, void *arg)
{
    mailbox_post(&loop->mailbox, (struct task){.fn = fn, .arg = arg});
}

void net_defer(struct net_loop *loop, net_fn *fn, void *arg)
{
    task_list_add(&loop->deferred, (struct task){.fn = fn, .arg = arg});
}

void net_undefer(struct net_loop *loop, net_fn *fn, void *arg)
{
    task_list_forget(&loop->deferred, fn, arg);
    task_list_forget(&loop->deferred_spare, fn, arg);
}

/* True if there is nothing to do before something happens. */
static bool may_sleep(struct net_loop *loop)
{
    if (loop->deferred.len > 0 || !list_empty(&loop->service) || loop->stopped) {
        return false;
    }
    const struct heap_item *first = heap_first(&loop->timers);
    os_poll_alarm(loop->poll, first == NULL ? INT64_MAX : first->key);
    return mailbox_sleep(&loop->mailbox);
}

static void iterate(struct net_loop *loop, bool wait)
{
    bool sleeps = may_sleep(loop) && wait;
    os_poll_wait(loop->poll, sleeps);
    loop_entered(loop);
    mailbox_run(&loop->mailbox);
    run_timers(loop);
    task_list_run(&loop->deferred, &loop->deferred_spare);
    streams_service(loop);
    loop_entered(loop); /* who calls in from outside, as simulations do, comes later */
}

/* For a system that calls its loops. */
static bool turn(void *arg)
{
    struct net_loop *loop = arg;
    iterate(loop, false);
    return may_sleep(loop);
}

void net_loop_run(struct net_loop *loop)
{
    while (!loop->stopped) {
        iterate(loop, true);
    }
    task_list_run(&loop->deferred, &loop->deferred_spare);
    /* The loop may be run again, as a test does. */
    loop->stopped = false;
}

static void nothing(void *arg)
{
    (void)arg;
}

void net_loop_step(struct net_loop *loop, int64_t wait_ms)
{
    struct net_timer alarm;
    net_timer_init(&alarm, loop, nothing, NULL);
    loop_entered(loop);
    if (wait_ms > 0) {
        net_timer_set(&alarm, wait_ms);
    }
    iterate(loop, wait_ms > 0);
    net_timer_stop(&alarm);
}

void net_loop_stop(struct net_loop *loop)
{
    loop->stopped = true;
    net_post(loop, nothing, NULL); /* wakes it */
}

/* ---- signals ---- */

static void signal_came(void *arg)
{
    struct loop_signal *sig = arg;
    loop_entered(sig->loop);
    sig->fn(sig->arg);
}

void net_signal(struct net_loop *loop, int signo, net_fn *fn, void *arg)
{
    struct loop_signal *sig = MEM_NEW(struct loop_signal);
    sig->loop = loop;
    sig->fn = fn;
    sig->arg = arg;
    list_add_tail(&loop->signals, &sig->link);
    os_poll_on_signal(loop->poll, signo, signal_came, sig);
}

/* ---- budget ---- */

struct budget_seat *loop_seat(struct net_loop *loop, struct net_budget *budget)
{
    LIST_EACH(node, &loop->seats)
    {
        struct budget_seat *seat = LIST_ENTRY(node, struct budget_seat, link);
        if (seat->budget == budget) {
            return seat;
        }
    }
    struct budget_seat *seat = budget_seat_new(budget, loop, streams_feed);
    list_add_tail(&loop->seats, &seat->link);
    return seat;
}

/* ---- the end ---- */

void net_loop_free(struct net_loop *loop)
{
    if (loop == NULL) {
        return;
    }
    loop->freeing = true;
    work_queue_end(loop->work);
    work_queue_end(loop->warm_queue);
    streams_close_all(loop);
    mailbox_run_duties(&loop->mailbox);
    /* Closing defers the freeing of what was closed. */
    while (task_list_run_duties(&loop->deferred)) {
    }
    ASSERT(list_empty(&loop->streams));
    LIST_EACH(node, &loop->seats)
    {
        budget_seat_free(LIST_ENTRY(node, struct budget_seat, link));
    }
    LIST_EACH(node, &loop->signals)
    {
        mem_free(LIST_ENTRY(node, struct loop_signal, link));
    }
    frame_buf_unref(loop->scratch_in);
    frame_pool_fini(&loop->pool);
    mem_free(loop->scratch_out);
    heap_fini(&loop->timers);
    mailbox_fini(&loop->mailbox);
    task_list_fini(&loop->deferred);
    task_list_fini(&loop->deferred_spare);
    pthread_mutex_destroy(&loop->work_lock);
    os_poll_free(loop->poll);
    mem_free(loop);
}
