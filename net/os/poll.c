/* Polls over libevent: descriptors, an alarm by timerfd, wake-ups by eventfd, signals. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "base/list.h"
#include "base/mem.h"
#include "net/os/os.h"

struct os_poll {
    struct event_base *base;
    int wake_fd;
    struct event wake_event;
    int alarm_fd;     /* armed for `alarm_ms` */
    int64_t alarm_ms; /* INT64_MAX: not armed */
    struct event alarm_event;
    struct list signals;
};

struct poll_signal {
    struct list link;
    struct event event;
    os_fn *fn;
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

/* The counter is never read (the event is edge triggered), and cannot overflow in our lifetime. */
static void on_wake(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    (void)arg; /* waiting has ended: no more is needed */
}

static void on_alarm(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct os_poll *poll = arg;
    poll->alarm_ms = INT64_MAX;
}

static struct event_base *new_base(void)
{
    struct event_config *config = event_config_new();
    must_have(config != NULL, "configuration");
    /* Other threads never touch the base: they write to `wake_fd`. */
    event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
    event_config_require_features(config, EV_FEATURE_ET);
    struct event_base *base = event_base_new_with_config(config);
    event_config_free(config);
    must_have(base != NULL, "epoll");
    return base;
}

static void add_edge_event(struct os_poll *poll, struct event *event, int fd,
                           event_callback_fn callback)
{
    event_assign(event, poll->base, fd, EV_READ | EV_PERSIST | EV_ET, callback, poll);
    event_add(event, NULL);
}

struct os_poll *os_poll_new(bool (*turn)(void *arg), void *arg)
{
    (void)turn; /* this system is called */
    (void)arg;
    struct os_poll *poll = MEM_NEW(struct os_poll);
    poll->base = new_base();
    poll->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    must_have(poll->wake_fd >= 0, "eventfd");
    add_edge_event(poll, &poll->wake_event, poll->wake_fd, on_wake);
    poll->alarm_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    must_have(poll->alarm_fd >= 0, "timerfd");
    poll->alarm_ms = INT64_MAX;
    add_edge_event(poll, &poll->alarm_event, poll->alarm_fd, on_alarm);
    list_init(&poll->signals);
    /* Sockets are told not to raise it; the pipe that a log goes into cannot be. */
    sigaction(SIGPIPE, &(struct sigaction){.sa_handler = SIG_IGN}, NULL);
    return poll;
}

void os_poll_free(struct os_poll *poll)
{
    LIST_EACH(node, &poll->signals)
    {
        struct poll_signal *sig = LIST_ENTRY(node, struct poll_signal, link);
        event_del(&sig->event);
        mem_free(sig);
    }
    event_del(&poll->wake_event);
    event_del(&poll->alarm_event);
    close(poll->wake_fd);
    close(poll->alarm_fd);
    event_base_free(poll->base);
    mem_free(poll);
}

void os_poll_wait(struct os_poll *poll, bool wait)
{
    event_base_loop(poll->base, wait ? EVLOOP_ONCE : EVLOOP_NONBLOCK);
}

void os_poll_wake(struct os_poll *poll)
{
    uint64_t one = 1;
    ssize_t n = write(poll->wake_fd, &one, sizeof one);
    ASSERT(n == sizeof one);
}

/* The descriptor is left alone when it is armed for an earlier time: one empty wake-up costs less
 * than a system call for every timer that is stopped. */
void os_poll_alarm(struct os_poll *poll, int64_t due_ms)
{
    if (due_ms >= poll->alarm_ms) {
        return;
    }
    struct itimerspec spec = {
        .it_value = {.tv_sec = due_ms / 1000, .tv_nsec = due_ms % 1000 * 1000000}};
    int rc = timerfd_settime(poll->alarm_fd, TFD_TIMER_ABSTIME, &spec, NULL);
    ASSERT(rc == 0);
    poll->alarm_ms = due_ms;
}

/* ---- signals ---- */

static void on_signal(evutil_socket_t signo, short what, void *arg)
{
    (void)signo;
    (void)what;
    struct poll_signal *sig = arg;
    sig->fn(sig->arg);
}

void os_poll_on_signal(struct os_poll *poll, int signo, os_fn *fn, void *arg)
{
    struct poll_signal *sig = MEM_NEW(struct poll_signal);
    sig->fn = fn;
    sig->arg = arg;
    list_add_tail(&poll->signals, &sig->link);
    event_assign(&sig->event, poll->base, signo, EV_SIGNAL | EV_PERSIST, on_signal, sig);
    event_add(&sig->event, NULL);
}

/* ---- clocks ---- */

static int64_t read_clock_ms(clockid_t clock)
{
    struct timespec ts;
    clock_gettime(clock, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int64_t os_now_ms(const struct os_poll *poll)
{
    (void)poll; /* a simulated machine has clocks of its own */
    return read_clock_ms(CLOCK_MONOTONIC);
}

int64_t os_wall_ms(const struct os_poll *poll)
{
    (void)poll;
    return read_clock_ms(CLOCK_REALTIME);
}

/* ---- watches ---- */

static short event_of(enum os_ready ready)
{
    switch (ready) {
    case OS_READ:
        return EV_READ;
    case OS_WRITE:
        return EV_WRITE;
    case OS_HANGUP:
        return EV_CLOSED;
    }
    UNREACHABLE();
}

static void on_ready(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct os_watch *watch = arg;
    watch->fn(watch->arg);
}

void os_watch_init(struct os_watch *watch, struct os_poll *poll, os_fn *fn, void *arg)
{
    *watch = (struct os_watch){.poll = poll, .fn = fn, .arg = arg, .fd = -1};
}

void os_watch_start(struct os_watch *watch, int fd, enum os_ready ready)
{
    ASSERT(!watch->on);
    watch->on = true;
    watch->fd = fd;
    watch->ready = ready;
    event_assign(&watch->event, watch->poll->base, fd, (short)(event_of(ready) | EV_PERSIST),
                 on_ready, watch);
    event_add(&watch->event, NULL);
}

void os_watch_stop(struct os_watch *watch)
{
    if (watch->on) {
        watch->on = false;
        event_del(&watch->event);
    }
}
