/* One dialling: name → addresses (on a work thread, unless numeric) → the first that connects. */
#include "net/dial.h"

#include <errno.h>
#include <stdio.h>

#include "base/mem.h"
#include "net/address.h"
#include "net/loop_struct.h"

enum { REASON_MAX = 128 };

struct dial {
    struct net_loop *loop;
    struct dial_options options;
    char *host;
    dial_done *done; /* NULL: cancelled */
    void *arg;
    bool resolving; /* on another thread, which has the dial until it is done */
    struct address_list addresses;
    int next;
    int fd;
    struct os_watch watch;
    struct net_timer timer;
    const char *resolve_error;
    char reason[REASON_MAX];
    bool refused; /* every attempt until now */
};

static void try_next(void *arg);

static void stop_waiting(struct dial *dial)
{
    net_timer_stop(&dial->timer);
    os_watch_stop(&dial->watch);
}

static void free_dial(struct dial *dial)
{
    stop_waiting(dial);
    if (dial->fd >= 0) {
        os_close(dial->fd);
    }
    mem_free(dial->host);
    mem_free(dial);
}

void dial_cancel(struct dial *dial)
{
    if (dial == NULL) {
        return;
    }
    dial->done = NULL;
    if (!dial->resolving) {
        free_dial(dial);
    }
}

static void finish(struct dial *dial)
{
    struct dial_end end = {.fd = dial->fd, .reason = dial->reason, .refused = dial->refused};
    dial->fd = -1;
    dial->done(dial->arg, &end);
    free_dial(dial);
}

/* ---- connecting ---- */

static void attempt_failed(struct dial *dial, int error)
{
    const char *why = error == ETIMEDOUT ? "no connection before the timeout" : strerror(error);
    stop_waiting(dial);
    dial->refused = error == ECONNREFUSED && (dial->refused || dial->next == 1);
    if (dial->fd >= 0) {
        os_close(dial->fd);
        dial->fd = -1;
    }
    struct address_text at = address_text(&dial->addresses.items[dial->next - 1]);
    snprintf(dial->reason, sizeof dial->reason, "%s: %s", at.text, why);
    try_next(dial);
}

/* A socket that dials a free port of its own host may be given that very port and meet itself. */
static bool is_own_end(int fd)
{
    struct address local;
    struct address peer;
    return os_socket_local(fd, &local) && os_socket_peer(fd, &peer) &&
           address_port(&local) == address_port(&peer) &&
           strcmp(address_host(&local).text, address_host(&peer).text) == 0;
}

static void on_connected(void *arg)
{
    struct dial *dial = arg;
    loop_entered(dial->loop);
    int error = os_socket_error(dial->fd);
    if (error != 0) {
        attempt_failed(dial, error);
        return;
    }
    if (is_own_end(dial->fd)) {
        attempt_failed(dial, ECONNREFUSED);
        return;
    }
    stop_waiting(dial);
    finish(dial);
}

static void on_timeout(void *arg)
{
    attempt_failed(arg, ETIMEDOUT);
}

/* The addresses in turn; with attempt_failed() a recursion of at most ADDRESSES_MAX. */
static void try_next(void *arg)
{
    struct dial *dial = arg;
    if (dial->next == dial->addresses.count) {
        finish(dial);
        return;
    }
    const struct address *to = &dial->addresses.items[dial->next++];
    dial->fd = os_dial(to, dial->options.sizes);
    if (dial->fd < 0) {
        attempt_failed(dial, errno);
        return;
    }
    os_watch_start(&dial->watch, dial->fd, OS_WRITE);
    dial->timer.fn = on_timeout;
    net_timer_set(&dial->timer, dial->options.timeout_ms);
}

/* ---- resolving ---- */

static void resolve(void *arg)
{
    struct dial *dial = arg;
    dial->resolve_error = os_resolve(dial->host, dial->options.port, false, &dial->addresses);
}

static void resolved(void *arg)
{
    struct dial *dial = arg;
    dial->resolving = false;
    if (dial->done == NULL) {
        free_dial(dial);
        return;
    }
    if (dial->resolve_error != NULL) {
        snprintf(dial->reason, sizeof dial->reason, "%.60s: %s", dial->host, dial->resolve_error);
    }
    try_next(dial);
}

struct dial *dial_start(struct net_loop *loop, const struct dial_options *options, dial_done *done,
                        void *arg)
{
    struct dial *dial = MEM_NEW(struct dial);
    dial->loop = loop;
    dial->options = *options;
    dial->host = mem_strdup(options->host);
    dial->done = done;
    dial->arg = arg;
    dial->fd = -1;
    os_watch_init(&dial->watch, loop->poll, on_connected, dial);
    net_timer_init(&dial->timer, loop, try_next, dial);
    if (os_resolve(dial->host, options->port, true, &dial->addresses) == NULL) {
        net_timer_set(&dial->timer, 0); /* as the caller does not expect `done` yet */
    } else {
        dial->resolving = true;
        loop_work_duty(loop, resolve, resolved, dial);
    }
    return dial;
}
