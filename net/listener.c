/* Listening sockets: bind, accept, hand connections to their loops, limits, the end. */
#include "net/listener.h"

#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>

#include "base/mem.h"
#include "net/conn_struct.h"
#include "net/loop_struct.h"
#include "net/places.h"
#include "net/server_struct.h"

enum {
    BACKLOG = 128,
    IDLE_MS = 600 * 1000,
    ACCEPT_TURNS_MAX = 64, /* connections accepted before others have their turn */
    ACCEPT_RETRY_MS = 100  /* after the process ran out of descriptors */
};

struct net_listener {
    struct net_loop *loop;
    char *name;
    struct net_server *server;
    struct net_listener_options options;
    struct stream_limits limits;
    int fd; /* -1: stopped */
    int port;
    struct os_watch acceptable;
    struct net_timer retry;
    bool starved;  /* of descriptors; said once */
    bool refusing; /* a limit is reached; said once */
    struct listener_branch *branches;
    int branch_count;
    int next_branch;

    pthread_mutex_t lock; /* for the connections of all loops; protects what follows */
    int refs;             /* the owner, connections, posted tasks */
    bool closed;
    struct places places;
};

const char *listener_name(const struct net_listener *listener)
{
    return listener->name;
}

struct net_server *listener_server(const struct net_listener *listener)
{
    return listener->server;
}

const struct stream_limits *listener_limits(const struct net_listener *listener)
{
    return &listener->limits;
}

int net_listener_port(const struct net_listener *listener)
{
    return listener->port;
}

/* ---- references and limits ---- */

static void listener_ref(struct net_listener *listener)
{
    pthread_mutex_lock(&listener->lock);
    listener->refs++;
    pthread_mutex_unlock(&listener->lock);
}

static void free_listener(struct net_listener *listener)
{
    pthread_mutex_destroy(&listener->lock);
    places_fini(&listener->places);
    mem_free(listener->branches);
    mem_free(listener->name);
    mem_free(listener);
}

static void listener_unref(struct net_listener *listener)
{
    pthread_mutex_lock(&listener->lock);
    bool last = --listener->refs == 0;
    pthread_mutex_unlock(&listener->lock);
    if (last) {
        free_listener(listener);
    }
}

/* Under the lock: takes a place for a connection from `host`; NULL, or what is in the way. */
static const char *take_place(struct net_listener *listener, const struct address_text *host)
{
    if (listener->closed) {
        return "listener closed";
    }
    const char *limit = places_take(&listener->places, host);
    listener->refs += limit == NULL;
    return limit;
}

void listener_conn_gone(struct net_listener *listener, const struct address_text *host)
{
    pthread_mutex_lock(&listener->lock);
    places_give_back(&listener->places, host);
    pthread_mutex_unlock(&listener->lock);
    listener_unref(listener);
}

/* ---- accepting ---- */

/* A socket on its way to the loop that will own it. */
struct handover {
    struct listener_branch *branch;
    int fd;
    struct address peer;
};

/* On the loop of the branch. */
static void adopt(void *arg)
{
    struct handover *h = arg;
    struct net_listener *listener = h->branch->listener;
    pthread_mutex_lock(&listener->lock);
    bool closed = listener->closed;
    pthread_mutex_unlock(&listener->lock);
    if (closed || h->branch->loop->freeing) {
        struct address_text host = address_host(&h->peer);
        os_close(h->fd);
        listener_conn_gone(listener, &host);
    } else {
        conn_open(h->branch, h->fd, &h->peer);
    }
    mem_free(h);
}

static void hand_to_loop(struct net_listener *listener, int fd, const struct address *peer)
{
    struct listener_branch *branch = &listener->branches[listener->next_branch];
    listener->next_branch = (listener->next_branch + 1) % listener->branch_count;
    os_socket_set_options(
        fd, (struct os_buffer_sizes){.send_bytes = listener->options.send_buffer_bytes,
                                     .receive_bytes = listener->options.receive_buffer_bytes});
    if (branch->loop == listener->loop) {
        conn_open(branch, fd, peer);
        return;
    }
    struct handover *h = MEM_NEW(struct handover);
    h->branch = branch;
    h->fd = fd;
    h->peer = *peer;
    loop_post_duty(branch->loop, adopt, h);
}

static void welcome(struct net_listener *listener, int fd, const struct address *peer)
{
    struct address_text host = address_host(peer);
    pthread_mutex_lock(&listener->lock);
    places_accepted(&listener->places);
    const char *limit = take_place(listener, &host);
    pthread_mutex_unlock(&listener->lock);
    if (limit == NULL) {
        listener->refusing = false;
        hand_to_loop(listener, fd, peer);
        return;
    }
    if (!listener->refusing) {
        log_warn(listener->server->options.log, "net", "connections refused",
                 "listener=%s peer=%s limit=%s", listener->name, address_text(peer).text, limit);
    }
    listener->refusing = true;
    os_close(fd);
}

static void pause_accepting(struct net_listener *listener, int64_t delay_ms)
{
    os_watch_stop(&listener->acceptable);
    net_timer_set(&listener->retry, delay_ms);
}

/* Without descriptors or memory. */
static void starve(struct net_listener *listener, int error)
{
    if (!listener->starved) {
        log_error(listener->server->options.log, "net", "accept paused",
                  "listener=%s reason=\"%s\"", listener->name, strerror(error));
    }
    listener->starved = true;
    pause_accepting(listener, ACCEPT_RETRY_MS);
}

static int64_t turn_ms(struct net_listener *listener)
{
    pthread_mutex_lock(&listener->lock);
    int64_t wait_ms = places_turn_ms(&listener->places, net_now_ms(listener->loop));
    pthread_mutex_unlock(&listener->lock);
    return wait_ms;
}

static void retry_accept(void *arg)
{
    struct net_listener *listener = arg;
    os_watch_start(&listener->acceptable, listener->fd, OS_READ);
}

static void on_acceptable(void *arg)
{
    struct net_listener *listener = arg;
    loop_entered(listener->loop);
    for (int turn = 0; turn < ACCEPT_TURNS_MAX; turn++) {
        int64_t wait_ms = turn_ms(listener);
        if (wait_ms > 0) {
            pause_accepting(listener, wait_ms);
            return;
        }
        struct address peer;
        int fd = os_accept(listener->fd, &peer);
        if (fd >= 0) {
            listener->starved = false;
            welcome(listener, fd, &peer);
        } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            starve(listener, errno);
            return;
        } else if (errno == EAGAIN) {
            return;
        } /* else that connection is dead already: the next one */
    }
}

/* ---- binding ---- */

static enum err refuse(struct net_error *why, enum err e, const char *host, int port,
                       const char *reason)
{
    if (why != NULL) {
        snprintf(why->text, sizeof why->text, "cannot listen on %.80s:%d: %s",
                 host == NULL || *host == '\0' ? "*" : host, port, reason);
    }
    return e;
}

static struct address wildcard(int family, int port)
{
    struct address at = {0};
    if (family == AF_INET6) {
        struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&at.storage;
        in6->sin6_family = AF_INET6;
        in6->sin6_port = htons((uint16_t)port);
        in6->sin6_addr = in6addr_any;
        at.len = sizeof *in6;
    } else {
        struct sockaddr_in *in = (struct sockaddr_in *)&at.storage;
        in->sin_family = AF_INET;
        in->sin_port = htons((uint16_t)port);
        at.len = sizeof *in;
    }
    return at;
}

static enum err bind_to(const char *host, int port, int backlog, int *fd, struct net_error *why)
{
    struct address at;
    if (host == NULL || *host == '\0') {
        at = wildcard(AF_INET6, port);
        *fd = os_listen(&at, backlog);
        if (*fd < 0 && errno == EAFNOSUPPORT) {
            at = wildcard(AF_INET, port);
            *fd = os_listen(&at, backlog);
        }
    } else {
        struct address_list found;
        const char *error = os_resolve(host, port, false, &found);
        if (error != NULL) {
            return refuse(why, ERR_CONFIG, host, port, error);
        }
        *fd = os_listen(&found.items[0], backlog);
    }
    if (*fd >= 0) {
        return ERR_NONE;
    }
    switch (errno) {
    case EADDRINUSE:
        return refuse(why, ERR_ADDRESS_IN_USE, host, port, "the port is in use");
    case EADDRNOTAVAIL:
        return refuse(why, ERR_CONFIG, host, port, "not an address of this machine");
    case EACCES:
        return refuse(why, ERR_CONFIG, host, port, "no permission for this port");
    default:
        return refuse(why, ERR_IO, host, port, strerror(errno));
    }
}

static void fill_branches(struct net_listener *listener)
{
    const struct net_listener_options *o = &listener->options;
    listener->branch_count = o->loops == NULL ? 1 : o->loop_count;
    ASSERT(listener->branch_count > 0);
    listener->branches = mem_zalloc((size_t)listener->branch_count, sizeof(struct listener_branch));
    for (int i = 0; i < listener->branch_count; i++) {
        struct listener_branch *branch = &listener->branches[i];
        branch->listener = listener;
        branch->loop = o->loops == NULL ? listener->loop : o->loops[i];
        list_init(&branch->conns);
    }
}

static void fill_limits(struct net_listener *listener)
{
    const struct net_server_options *o = &listener->server->options;
    listener->limits = (struct stream_limits){
        .frame_bytes_max = o->request_bytes_max,
        .budget = listener->options.unmetered ? NULL : o->budget,
        .idle_ms = listener->options.idle_ms == 0 ? IDLE_MS : listener->options.idle_ms,
        .frame_timeout_ms = o->frame_timeout_ms,
        .stall_timeout_ms = o->stall_timeout_ms,
        .counters = &listener->server->counters,
    };
}

enum err net_listen(struct net_loop *loop, const struct net_listener_options *options,
                    struct net_listener **out, struct net_error *why)
{
    *out = NULL;
    const char *host = options->host;
    int port = options->port;
    int fd = -1;
    struct places places = {0};
    TRY(places_set_limits(&places, &options->limits, why));
    enum err e = bind_to(host, port, options->backlog > 0 ? options->backlog : BACKLOG, &fd, why);
    struct address at;
    if (e == ERR_NONE && !os_socket_local(fd, &at)) {
        e = refuse(why, ERR_IO, host, port, strerror(errno));
        os_close(fd);
    }
    if (e != ERR_NONE) {
        places_fini(&places);
        return e;
    }
    struct net_listener *listener = MEM_NEW(struct net_listener);
    listener->loop = loop;
    listener->name = mem_strdup(options->name == NULL ? "" : options->name);
    listener->server = options->server;
    listener->options = *options;
    listener->places = places;
    listener->fd = fd;
    listener->port = address_port(&at);
    listener->refs = 1;
    pthread_mutex_init(&listener->lock, NULL);
    fill_branches(listener);
    fill_limits(listener);
    /* These were the caller's. */
    listener->options.host = NULL;
    listener->options.name = NULL;
    listener->options.loops = NULL;
    listener->options.limits.per_ip_overrides = NULL;
    net_timer_init(&listener->retry, loop, retry_accept, listener);
    os_watch_init(&listener->acceptable, loop->poll, on_acceptable, listener);
    if (!options->paused) {
        net_listener_open(listener);
    }
    *out = listener;
    return ERR_NONE;
}

void net_listener_open(struct net_listener *listener)
{
    ASSERT(listener->fd >= 0);
    if (!listener->acceptable.on) {
        os_watch_start(&listener->acceptable, listener->fd, OS_READ);
    }
}

enum err net_listener_set_limits(struct net_listener *listener,
                                 const struct net_listener_limits *limits, struct net_error *why)
{
    pthread_mutex_lock(&listener->lock);
    enum err e = places_set_limits(&listener->places, limits, why);
    pthread_mutex_unlock(&listener->lock);
    return e;
}

/* ---- the end ---- */

/* Stops accepting; open connections live on. */
static void stop_accepting(struct net_listener *listener)
{
    if (listener->fd < 0) {
        return;
    }
    net_timer_stop(&listener->retry);
    os_watch_stop(&listener->acceptable);
    os_close(listener->fd);
    listener->fd = -1;
}

/* On the loop of the branch, with a reference. */
static void close_branch(void *arg)
{
    struct listener_branch *branch = arg;
    while (!list_empty(&branch->conns)) {
        net_conn_close(LIST_ENTRY(branch->conns.next, struct net_conn, link));
    }
    listener_unref(branch->listener);
}

void net_listener_free(struct net_listener *listener)
{
    if (listener == NULL) {
        return;
    }
    stop_accepting(listener);
    pthread_mutex_lock(&listener->lock);
    listener->closed = true;
    pthread_mutex_unlock(&listener->lock);
    for (int i = 0; i < listener->branch_count; i++) {
        struct listener_branch *branch = &listener->branches[i];
        listener_ref(listener);
        if (branch->loop == listener->loop) {
            close_branch(branch);
        } else {
            loop_post_duty(branch->loop, close_branch, branch);
        }
    }
    listener_unref(listener);
}
