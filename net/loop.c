/* The event loop: iterations, time, tasks, timers, signals, over libevent.
 *
 * An iteration waits for descriptors, runs their callbacks, then the tasks posted, the timers due
 * and the tasks deferred, and last serves the connections that were given something to send. */
#include "net/loop.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "net/loop_struct.h"
#include "net/stream.h"

enum { WORK_THREADS = 2, POOL_BYTES_MAX = 64 << 20, POOL_IDLE_MS = 5000 };

struct loop_signal {
    struct list link;
    struct event event;
    struct net_loop *loop;
    net_fn *fn;
    void *arg;
};

/* A loop without its descriptors cannot exist, and no request can be refused without one. */
static void must_have(bool ok, const char *what)
{
    if (!ok) {
        fprintf(stderr, "craft: no event loop: %s: %s\n", what, strerror(errno));
        exit(EXIT_FAILURE);
    }
}

static void mail_ready(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    loop_entered(arg); /* the tasks are run at the end of the iteration */
}

static void timer_ready(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct net_loop *loop = arg;
    loop_entered(loop);
    loop->timer_fd_due_ms = INT64_MAX;
}

static struct event_base *new_base(void)
{
    struct event_config *config = event_config_new();
    must_have(config != NULL, "configuration");
    /* Other threads never touch the base: they post to the mailbox. */
    event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
    event_config_require_features(config, EV_FEATURE_ET);
    struct event_base *base = event_base_new_with_config(config);
    event_config_free(config);
    must_have(base != NULL, "epoll");
    return base;
}

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
    loop->base = new_base();
    mailbox_init(&loop->mailbox);
    must_have(loop->mailbox.wake_fd >= 0, "eventfd");
    event_assign(&loop->mail_event, loop->base, loop->mailbox.wake_fd, EV_READ | EV_PERSIST | EV_ET,
                 mail_ready, loop);
    event_add(&loop->mail_event, NULL);
    loop->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    must_have(loop->timer_fd >= 0, "timerfd");
    loop->timer_fd_due_ms = INT64_MAX;
    event_assign(&loop->timer_event, loop->base, loop->timer_fd, EV_READ | EV_PERSIST | EV_ET,
                 timer_ready, loop);
    event_add(&loop->timer_event, NULL);
    pthread_mutex_init(&loop->work_lock, NULL);
    list_init(&loop->signals);
    list_init(&loop->streams);
    list_init(&loop->lingering);
    list_init(&loop->service);
    list_init(&loop->seats);
    frame_pool_init(&loop->pool, loop, o->pool_bytes_max, o->pool_idle_ms);
    /* sendfile() has no flag against it. */
    sigaction(SIGPIPE, &(struct sigaction){.sa_handler = SIG_IGN}, NULL);
    return loop;
}

/* ---- time ---- */

int64_t net_now_ms(struct net_loop *loop)
{
    if (!loop->now_known) {
        struct timespec ts;
        clock_gettime(CLOCK_MONOTONIC, &ts);
        loop->now_ms = (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
        loop->now_known = true;
    }
    return loop->now_ms;
}

int64_t net_wall_ms(struct net_loop *loop)
{
    (void)loop; /* a simulated loop has a clock of its own */
    struct timespec ts;
    clock_gettime(CLOCK_REALTIME, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

void net_timer_init(struct net_timer *timer, struct net_loop *loop, net_fn *fn, void *arg)
{
    *timer = (struct net_timer){.loop = loop, .fn = fn, .arg = arg};
}

void net_timer_stop(struct net_timer *timer)
{
    if (timer->at != 0) {
        timer_heap_remove(&timer->loop->timers, timer);
    }
}

void net_timer_set(struct net_timer *timer, int64_t delay_ms)
{
    net_timer_stop(timer);
    int64_t now_ms = net_now_ms(timer->loop);
    delay_ms = max_i64(delay_ms, 0);
    timer->due_ms = delay_ms > INT64_MAX - now_ms ? INT64_MAX : now_ms + delay_ms;
    timer_heap_add(&timer->loop->timers, timer);
}

static void run_timers(struct net_loop *loop)
{
    /* A timer that is set again with no delay waits for the next iteration. */
    uint64_t order = loop->timers.order;
    struct net_timer *timer;
    while (timer_heap_due_ms(&loop->timers) != INT64_MAX &&
           (timer = timer_heap_pop(&loop->timers, net_now_ms(loop), order)) != NULL) {
        timer->fn(timer->arg);
    }
}

/* Makes the descriptor ready when the first timer is due. It is left alone when it is armed for an
 * earlier time: one empty wake-up costs less than a system call for every timer that is stopped. */
static void arm_timers(struct net_loop *loop)
{
    int64_t due_ms = timer_heap_due_ms(&loop->timers);
    if (due_ms >= loop->timer_fd_due_ms) {
        return;
    }
    struct itimerspec spec = {
        .it_value = {.tv_sec = due_ms / 1000, .tv_nsec = due_ms % 1000 * 1000000}};
    int rc = timerfd_settime(loop->timer_fd, TFD_TIMER_ABSTIME, &spec, NULL);
    ASSERT(rc == 0);
    loop->timer_fd_due_ms = due_ms;
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

/* True if there is nothing to do before something happens. */
static bool may_sleep(struct net_loop *loop)
{
    if (loop->deferred.len > 0 || !list_empty(&loop->service) || loop->stopped) {
        return false;
    }
    arm_timers(loop);
    return mailbox_sleep(&loop->mailbox);
}

static void iterate(struct net_loop *loop, bool wait)
{
    bool sleeps = may_sleep(loop) && wait;
    event_base_loop(loop->base, sleeps ? EVLOOP_ONCE : EVLOOP_NONBLOCK);
    loop_entered(loop);
    mailbox_run(&loop->mailbox);
    run_timers(loop);
    task_list_run(&loop->deferred, &loop->deferred_spare);
    streams_service(loop);
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

static void signal_came(evutil_socket_t signo, short what, void *arg)
{
    (void)signo;
    (void)what;
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
    event_assign(&sig->event, loop->base, signo, EV_SIGNAL | EV_PERSIST, signal_came, sig);
    event_add(&sig->event, NULL);
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
    net_work_queue_free(loop->work);
    net_work_queue_free(loop->warm_queue);
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
        struct loop_signal *sig = LIST_ENTRY(node, struct loop_signal, link);
        event_del(&sig->event);
        mem_free(sig);
    }
    frame_buf_unref(loop->scratch_in);
    frame_pool_fini(&loop->pool);
    mem_free(loop->scratch_out);
    timer_heap_fini(&loop->timers);
    event_del(&loop->mail_event);
    event_del(&loop->timer_event);
    close(loop->timer_fd);
    mailbox_fini(&loop->mailbox);
    task_list_fini(&loop->deferred);
    task_list_fini(&loop->deferred_spare);
    pthread_mutex_destroy(&loop->work_lock);
    event_base_free(loop->base);
    mem_free(loop);
}
