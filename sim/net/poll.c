/* Polls: when a loop has a reason to turn, and its turns. */
#include "base/mem.h"
#include "sim/net/socket.h"

enum { OUTSIDE_TURN_US = 20 };

struct os_poll {
    struct list link; /* in host->polls */
    struct sim_host *host;
    int number;
    bool (*turn)(void *arg);
    void *arg;
    struct sim_event event; /* its next turn */
    struct list ready;      /* sockets that may be */
    bool woken;
    int64_t alarm_ms; /* INT64_MAX: none */
    bool turning;     /* the next turn is set at the end of this one */
    bool waiting;     /* os_poll_wait() steps the world until it has a reason to turn */
    bool due;         /* it has one */
    struct list signals;
};

struct poll_signal {
    struct list link;
    int signo;
    bool pending;
    os_fn *fn;
    void *arg;
};

static bool is_ready(const struct os_poll *poll)
{
    return poll->woken || !list_empty(&poll->ready);
}

/* Sets the next turn. */
static void schedule(struct os_poll *poll)
{
    if (poll->turning) {
        return;
    }
    struct sim_host *host = poll->host;
    struct sim_net *net = host->net;
    int64_t at_us = sim_net_now_us(net);
    if (!is_ready(poll)) {
        at_us = poll->alarm_ms > INT64_MAX / 1000 ? INT64_MAX
                                                  : sim_host_when_us(host, poll->alarm_ms * 1000);
    }
    if (!host->up || at_us == INT64_MAX) {
        sim_event_stop(net, &poll->event);
    } else {
        sim_event_set(net, &poll->event, max_i64(at_us, host->busy_until_us));
    }
}

static void on_turn(struct sim_event *event)
{
    struct os_poll *poll = container_of(event, struct os_poll, event);
    struct sim_host *host = poll->host;
    struct sim_net *net = host->net;
    if (poll->waiting) {
        poll->due = true;
        return;
    }
    if (net->now_us < host->busy_until_us) { /* by another of its loops */
        schedule(poll);
        return;
    }
    sim_note(net, host, SIM_NOTE_TURN, poll->number, 0);
    net->stats.turns++;
    poll->woken = false;
    poll->alarm_ms = INT64_MAX;
    poll->turning = true;
    bool sleeps = poll->turn(poll->arg);
    poll->turning = false;
    /* A turn takes some time, so that one that asks for the next does not stop the clock. */
    host->busy_until_us = sim_net_now_us(net) + host->turn_us + 1;
    poll->woken = poll->woken || !sleeps;
    schedule(poll);
}

struct os_poll *os_poll_new(bool (*turn)(void *arg), void *arg)
{
    struct sim_host *host = sim_here();
    struct os_poll *poll = MEM_NEW(struct os_poll);
    poll->host = host;
    poll->turn = turn;
    poll->arg = arg;
    poll->alarm_ms = INT64_MAX;
    list_init(&poll->ready);
    list_init(&poll->signals);
    LIST_EACH(node, &host->polls)
    {
        poll->number++;
    }
    list_add_tail(&host->polls, &poll->link);
    sim_event_init(&poll->event, host, on_turn);
    return poll;
}

void os_poll_free(struct os_poll *poll)
{
    sim_event_stop(poll->host->net, &poll->event);
    ASSERT(list_empty(&poll->ready));
    LIST_EACH(node, &poll->signals)
    {
        mem_free(LIST_ENTRY(node, struct poll_signal, link));
    }
    list_remove(&poll->link);
    mem_free(poll);
}

void sim_polls_kick(struct sim_host *host)
{
    LIST_EACH(node, &host->polls)
    {
        struct os_poll *poll = LIST_ENTRY(node, struct os_poll, link);
        if (!poll->waiting) {
            poll->woken = true;
        }
        schedule(poll);
    }
}

void os_poll_wake(struct os_poll *poll)
{
    poll->woken = true;
    schedule(poll);
}

void os_poll_alarm(struct os_poll *poll, int64_t due_ms)
{
    poll->alarm_ms = due_ms;
    schedule(poll);
}

int64_t os_now_ms(const struct os_poll *poll)
{
    return sim_host_now_us(poll->host) / 1000;
}

int64_t os_wall_ms(const struct os_poll *poll)
{
    return sim_host_wall_ms(poll->host);
}

/* ---- waiting ---- */

/* A loop that is run from outside of the world steps it itself. A turn takes time there, too. */
static void step_world(struct os_poll *poll, bool wait)
{
    struct sim_net *net = poll->host->net;
    int64_t until_us = sim_net_now_us(net) + poll->host->turn_us + OUTSIDE_TURN_US;
    net->spent_us = 0;
    poll->waiting = true;
    poll->due = is_ready(poll);
    sim_polls_kick(poll->host); /* the others of this host */
    while (sim_net_next_us(net) <= until_us || (wait && !poll->due)) {
        if (!poll->host->up || !sim_net_step(net)) {
            break;
        }
    }
    net->now_us = max_i64(net->now_us, until_us);
    poll->waiting = false;
}

static bool is_ready_for(const struct socket *socket, const struct os_watch *watch)
{
    if (watch == NULL) {
        return false;
    }
    switch (watch->ready) {
    case OS_READ:
        return socket_can_read(socket);
    case OS_WRITE:
        return socket_can_write(socket);
    case OS_HANGUP:
        return socket_hangs_up(socket);
    }
    UNREACHABLE();
}

static bool has_something(const struct socket *socket)
{
    return is_ready_for(socket, socket->input) || is_ready_for(socket, socket->output);
}

static void call(struct os_watch *watch)
{
    watch->fn(watch->arg);
}

/* The callbacks may close this socket and others. */
static void serve(int fd)
{
    struct socket *socket = socket_find(fd);
    if (is_ready_for(socket, socket->input)) {
        call(socket->input);
        socket = socket_find(fd);
    }
    if (socket != NULL && is_ready_for(socket, socket->output)) {
        call(socket->output);
        socket = socket_find(fd);
    }
    if (socket != NULL) {
        sim_poll_notify(socket);
    }
}

static void take_signals(struct os_poll *poll)
{
    LIST_EACH(node, &poll->signals)
    {
        struct poll_signal *sig = LIST_ENTRY(node, struct poll_signal, link);
        if (sig->pending) {
            sig->pending = false;
            sig->fn(sig->arg);
        }
    }
}

void os_poll_wait(struct os_poll *poll, bool wait)
{
    if (!poll->host->net->in_event) {
        step_world(poll, wait);
    }
    poll->woken = false;
    take_signals(poll);
    struct list now;
    list_init(&now);
    list_add_head(&poll->ready, &now);
    list_remove(&poll->ready);
    while (!list_empty(&now)) {
        struct socket *socket = LIST_ENTRY(now.next, struct socket, ready_link);
        list_remove(&socket->ready_link);
        serve(socket->fd);
    }
}

/* ---- watches ---- */

void sim_poll_notify(struct socket *socket)
{
    if (!list_empty(&socket->ready_link) || !has_something(socket)) {
        return;
    }
    struct os_poll *poll = socket->input != NULL ? socket->input->poll : socket->output->poll;
    bool first = !is_ready(poll);
    list_add_tail(&poll->ready, &socket->ready_link);
    if (first) {
        schedule(poll);
    }
}

void os_watch_init(struct os_watch *watch, struct os_poll *poll, os_fn *fn, void *arg)
{
    *watch = (struct os_watch){.poll = poll, .fn = fn, .arg = arg, .fd = -1};
}

static struct os_watch **place_of(struct socket *socket, const struct os_watch *watch)
{
    return watch->ready == OS_WRITE ? &socket->output : &socket->input;
}

void os_watch_start(struct os_watch *watch, int fd, enum os_ready ready)
{
    ASSERT(!watch->on);
    watch->on = true;
    watch->fd = fd;
    watch->ready = ready;
    struct socket *socket = socket_find(fd);
    if (socket == NULL) {
        return; /* the process is gone */
    }
    struct os_watch **place = place_of(socket, watch);
    ASSERT(*place == NULL);
    *place = watch;
    sim_poll_notify(socket);
}

void os_watch_stop(struct os_watch *watch)
{
    struct socket *socket = watch->on ? socket_find(watch->fd) : NULL;
    watch->on = false;
    if (socket == NULL) {
        return;
    }
    *place_of(socket, watch) = NULL;
    if (!has_something(socket)) {
        list_remove(&socket->ready_link);
    }
}

/* ---- signals ---- */

void os_poll_on_signal(struct os_poll *poll, int signo, os_fn *fn, void *arg)
{
    struct poll_signal *sig = MEM_NEW(struct poll_signal);
    sig->signo = signo;
    sig->fn = fn;
    sig->arg = arg;
    list_add_tail(&poll->signals, &sig->link);
}

void sim_polls_signal(struct sim_host *host, int signo)
{
    LIST_EACH(node, &host->polls)
    {
        struct os_poll *poll = LIST_ENTRY(node, struct os_poll, link);
        LIST_EACH(item, &poll->signals)
        {
            struct poll_signal *sig = LIST_ENTRY(item, struct poll_signal, link);
            sig->pending = sig->pending || sig->signo == signo;
        }
        poll->woken = true;
        schedule(poll);
    }
}
