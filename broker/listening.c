/* Listeners: settings and sockets; see listening.h. */
#include "broker/listening.h"

#include <stdlib.h>

#include "base/mem.h"

enum { LISTENERS_MAX = 8 };

struct broker_listening {
    struct arena arena; /* what was read from the settings */
    struct metadata_listener *listeners;
    struct net_listener *sockets[LISTENERS_MAX]; /* as `listeners`; NULL: not bound */
    int count;
    char *inter_broker; /* its name never changes */
    bool open;
    bool closed; /* for good */
};

/* ---- what the settings say ---- */

static enum err check(const struct broker_listening *l, struct buf *why)
{
    if (l->count > LISTENERS_MAX) {
        buf_printf(why, "listeners names %d listeners, at most %d are allowed", l->count,
                   LISTENERS_MAX);
        return ERR_CONFIG;
    }
    for (int i = 0; i < l->count; i++) {
        if (strcmp(l->listeners[i].name, l->inter_broker) == 0) {
            return ERR_NONE;
        }
    }
    buf_printf(why, "inter.broker.listener.name: %s is not one of `listeners`", l->inter_broker);
    return ERR_CONFIG;
}

static void publish(struct broker *broker)
{
    broker->listeners = broker->listening->listeners;
    broker->listeners_count = broker->listening->count;
    broker->inter_broker_listener = broker->listening->inter_broker;
}

enum err broker_listening_read(struct broker *broker, struct buf *why)
{
    struct broker_listening *l = MEM_NEW(struct broker_listening);
    broker->listening = l;
    TRY(metadata_listeners_read(broker->settings, &l->arena, &l->listeners, &l->count, why));
    const char *wanted = settings_str(broker->settings, "inter.broker.listener.name");
    l->inter_broker = mem_strdup(wanted != NULL ? wanted : l->listeners[0].name);
    TRY(check(l, why));
    publish(broker);
    return ERR_NONE;
}

/* ---- sockets ---- */

/* `listener.name.<listener>.<name>`, else `<name>`; as a limit, for which 0 is nobody. */
static int limit_of(const struct broker *broker, const struct metadata_listener *l,
                    const char *name)
{
    int limit = (int)strtol(settings_listener_str(broker->settings, l->name, name), NULL, 10);
    return limit == 0 ? -1 : limit;
}

static struct net_listener_limits limits_of(const struct broker *broker,
                                            const struct metadata_listener *l)
{
    return (struct net_listener_limits){
        .connections_max = limit_of(broker, l, "max.connections"),
        .connections_per_ip_max = limit_of(broker, l, "max.connections.per.ip"),
        .accepts_per_second_max = limit_of(broker, l, "max.connection.creation.rate"),
        .per_ip_overrides =
            settings_listener_str(broker->settings, l->name, "max.connections.per.ip.overrides")};
}

static enum err bind_socket(struct broker *broker, struct metadata_listener *l,
                            struct net_listener **out, struct buf *why)
{
    const struct settings *settings = broker->settings;
    struct net_listener_options options = {
        .name = l->name,
        .host = l->bind.host,
        .port = l->bind.port,
        .server = broker->server,
        .paused = true, /* until unfenced: before, this broker could only mislead clients */
        .limits = limits_of(broker, l),
        .backlog = settings_int(settings, "socket.listen.backlog.size"),
        .idle_ms = settings_long(settings, "connections.max.idle.ms"),
        .send_buffer_bytes = settings_int(settings, "socket.send.buffer.bytes"),
        .receive_buffer_bytes = settings_int(settings, "socket.receive.buffer.bytes")};
    struct net_error error;
    enum err e = net_listen(broker->loop, &options, out, &error);
    if (e != ERR_NONE) {
        buf_put_str(why, error.text);
    }
    return e;
}

/* A port that the system chose is the one to tell. */
static void settle_port(struct broker *broker, struct metadata_listener *l,
                        const struct net_listener *socket)
{
    if (l->advertised.port == 0) {
        l->advertised.port = net_listener_port(socket);
    }
    log_info(broker->log, "server", "listening", "listener=%s at=%s:%d advertised=%s:%d", l->name,
             l->bind.host, net_listener_port(socket), l->advertised.host, l->advertised.port);
}

enum err broker_listening_bind(struct broker *broker, struct buf *why)
{
    struct broker_listening *l = broker->listening;
    for (int i = 0; i < l->count; i++) {
        TRY(bind_socket(broker, &l->listeners[i], &l->sockets[i], why));
        settle_port(broker, &l->listeners[i], l->sockets[i]);
    }
    return ERR_NONE;
}

void broker_listening_open(struct broker *broker)
{
    struct broker_listening *l = broker->listening;
    l->open = true;
    for (int i = 0; i < l->count; i++) {
        net_listener_open(l->sockets[i]);
    }
}

int broker_listening_port(const struct broker *broker)
{
    return net_listener_port(broker->listening->sockets[0]);
}

void broker_listening_close(struct broker *broker)
{
    struct broker_listening *l = broker->listening;
    l->closed = true;
    for (int i = 0; i < LISTENERS_MAX; i++) {
        net_listener_free(l->sockets[i]);
        l->sockets[i] = NULL;
    }
}

void broker_listening_free(struct broker *broker)
{
    struct broker_listening *l = broker->listening;
    if (l == NULL) {
        return;
    }
    broker_listening_close(broker);
    arena_fini(&l->arena);
    mem_free(l->inter_broker);
    mem_free(l);
    broker->listening = NULL;
}

/* ---- changes ---- */

static bool same_address(const struct metadata_address *a, const struct metadata_address *b)
{
    return a->port == b->port && strcmp(a->host, b->host) == 0;
}

/* The socket that is there for the listener already, by its place; −1: none. */
static int find_socket(const struct broker_listening *l, const struct metadata_listener *wanted)
{
    for (int i = 0; i < l->count; i++) {
        if (strcmp(l->listeners[i].name, wanted->name) == 0 &&
            same_address(&l->listeners[i].bind, &wanted->bind)) {
            return i;
        }
    }
    return -1;
}

/* Sockets for all of `next`: those of `now` where they fit, else new ones, which are closed again
 * when one of them cannot be had. */
static enum err bind_next(struct broker *broker, struct broker_listening *next, bool *kept,
                          struct buf *why)
{
    const struct broker_listening *now = broker->listening;
    struct net_listener *made[LISTENERS_MAX] = {NULL};
    enum err e = ERR_NONE;
    for (int i = 0; i < next->count && e == ERR_NONE; i++) {
        int at = find_socket(now, &next->listeners[i]);
        if (at >= 0) {
            next->sockets[i] = now->sockets[at];
            kept[at] = true;
            continue;
        }
        e = bind_socket(broker, &next->listeners[i], &made[i], why);
        next->sockets[i] = made[i];
    }
    for (int i = 0; e != ERR_NONE && i < next->count; i++) {
        net_listener_free(made[i]);
    }
    return e;
}

static bool tells_the_same(const struct broker_listening *a, const struct broker_listening *b)
{
    bool same = a->count == b->count;
    for (int i = 0; same && i < a->count; i++) {
        same = strcmp(a->listeners[i].name, b->listeners[i].name) == 0 &&
               same_address(&a->listeners[i].advertised, &b->listeners[i].advertised);
    }
    return same;
}

static enum err follow(struct broker *broker, struct broker_listening *next, struct buf *why)
{
    bool kept[LISTENERS_MAX] = {false};
    struct broker_listening *now = broker->listening;
    TRY(metadata_listeners_read(broker->settings, &next->arena, &next->listeners, &next->count,
                                why));
    TRY(check(next, why));
    TRY(bind_next(broker, next, kept, why));
    for (int i = 0; i < next->count; i++) {
        if (find_socket(now, &next->listeners[i]) < 0) {
            settle_port(broker, &next->listeners[i], next->sockets[i]);
            if (next->open) {
                net_listener_open(next->sockets[i]);
            }
        } else if (next->listeners[i].advertised.port == 0) {
            next->listeners[i].advertised.port = net_listener_port(next->sockets[i]);
        }
    }
    for (int i = 0; i < now->count; i++) {
        if (!kept[i]) {
            log_info(broker->log, "server", "listening no more", "listener=%s",
                     now->listeners[i].name);
            net_listener_free(now->sockets[i]);
        }
    }
    return ERR_NONE;
}

static void set_limits(struct broker *broker)
{
    const struct broker_listening *l = broker->listening;
    for (int i = 0; i < l->count; i++) {
        const struct metadata_listener *listener = &l->listeners[i];
        struct net_listener_limits limits = limits_of(broker, listener);
        struct net_error why;
        if (net_listener_set_limits(l->sockets[i], &limits, &why) != ERR_NONE) {
            log_error(broker->log, "server", "limits of connections stay as they were",
                      "listener=%s reason=\"%s\"", listener->name, why.text);
        }
    }
}

bool broker_listening_update(struct broker *broker)
{
    struct broker_listening *now = broker->listening;
    if (now->closed) {
        return false;
    }
    struct broker_listening *next = MEM_NEW(struct broker_listening);
    struct buf why = {0};
    bool changed = false;
    next->inter_broker = now->inter_broker;
    next->open = now->open;
    if (follow(broker, next, &why) == ERR_NONE) {
        changed = !tells_the_same(now, next);
        broker->listening = next;
        publish(broker);
        next = now;
    } else {
        log_error(broker->log, "server", "listeners stay as they were", "reason=\"%.*s\"",
                  SLICE_ARG(buf_slice(&why)));
    }
    arena_fini(&next->arena);
    mem_free(next);
    buf_fini(&why);
    set_limits(broker);
    return changed;
}
