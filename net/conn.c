/* Accepted connections: from their stream to their requests. */
#include "net/conn.h"

#include "base/mem.h"
#include "net/conn_struct.h"
#include "net/server_struct.h"

static struct net_conn *conn_of(const struct stream *s)
{
    return container_of(s, struct net_conn, stream);
}

/* ---- the stream's view ---- */

static void on_frame(struct stream *s, struct slice frame, struct frame_buf *buf)
{
    server_dispatch(conn_of(s), frame, buf);
}

static bool may_read(const struct stream *s)
{
    const struct net_conn *conn = conn_of(s);
    const struct net_server_options *o = &conn->server->options;
    return !conn->finishing && conn->open_slots < o->in_flight_max &&
           conn->queued_bytes < o->output_bytes_max;
}

static bool is_busy(const struct stream *s)
{
    const struct net_conn *conn = conn_of(s);
    return !list_empty(&conn->slots) || !list_empty(&conn->sending);
}

/* Ends that are nobody's business are told at DEBUG. */
static void tell_end(struct net_conn *conn, enum stream_end why, const char *reason)
{
    struct net_server *server = conn->server;
    server->closed_malformed += why == STREAM_END_MALFORMED;
    server->closed_stalled += why == STREAM_END_SLOW;
    server->closed_idle += why == STREAM_END_IDLE;
    bool usual = why == STREAM_END_US || why == STREAM_END_PEER || why == STREAM_END_IDLE;
    LOG_AT(server->options.log, usual ? LOG_DEBUG : LOG_WARN, "net", "connection closed",
           "listener=%s peer=%s reason=\"%s\"", net_conn_listener(conn), conn->peer.text, reason);
}

static void call_hooks(struct net_conn *conn)
{
    while (!list_empty(&conn->hooks)) {
        struct conn_hook *hook = LIST_ENTRY(conn->hooks.next, struct conn_hook, link);
        list_remove(&hook->link);
        net_fn *fn = hook->fn;
        void *arg = hook->arg;
        mem_free(hook);
        fn(arg);
    }
}

static void on_closed(struct stream *s, enum stream_end why, const char *reason)
{
    struct net_conn *conn = conn_of(s);
    tell_end(conn, why, reason);
    list_remove(&conn->link);
    conn->server->connections--;
    stream_linger(s);
    slots_conn_closed(conn);
    call_hooks(conn);
    conn_settle(conn);
}

/* Hooks that came after the end. */
static void call_late_hooks(void *arg)
{
    struct net_conn *conn = arg;
    call_hooks(conn);
    conn_settle(conn);
}

static void on_abandoned(struct stream *s)
{
    struct net_conn *conn = conn_of(s);
    slots_drop(conn);
    LIST_EACH(node, &conn->hooks)
    {
        mem_free(LIST_ENTRY(node, struct conn_hook, link));
    }
    list_init(&conn->hooks);
    conn_settle(conn);
}

static const struct stream_ops conn_ops = {
    .frame = on_frame,
    .closed = on_closed,
    .abandoned = on_abandoned,
    .may_read = may_read,
    .is_busy = is_busy,
};

/* ---- life ---- */

void conn_open(struct listener_branch *branch, int fd, const struct address *peer)
{
    struct net_conn *conn = MEM_NEW(struct net_conn);
    conn->server = listener_server(branch->listener);
    conn->branch = branch;
    list_init(&conn->slots);
    list_init(&conn->sending);
    list_init(&conn->hooks);
    list_add_tail(&branch->conns, &conn->link);
    conn->peer = address_text(peer);
    conn->peer_host = address_host(peer);
    conn->server->connections++;
    conn->server->connections_total++;
    stream_init(&conn->stream, branch->loop, fd, &conn_ops, listener_limits(branch->listener));
}

static void free_conn(void *arg)
{
    struct net_conn *conn = arg;
    list_remove(&conn->stream.link);
    listener_conn_gone(conn->branch->listener, &conn->peer_host);
    mem_free(conn);
}

void conn_settle(struct net_conn *conn)
{
    struct stream *s = &conn->stream;
    if (conn->finishing && !is_busy(s)) {
        net_conn_close(conn);
    }
    if (!stream_is_closed(s)) {
        if (s->mode == READ_PAUSED || s->in.held != NULL) {
            stream_touch(s);
        }
    } else if (!is_busy(s) && list_empty(&conn->hooks) && !conn->freeing) {
        /* Deferred, as the callers up the stack may still look at it. */
        conn->freeing = true;
        loop_defer_duty(s->loop, free_conn, conn);
    }
}

/* ---- for its users ---- */

const char *net_conn_peer(const struct net_conn *conn)
{
    return conn->peer.text;
}

const char *net_conn_peer_host(const struct net_conn *conn)
{
    return conn->peer_host.text;
}

const char *net_conn_listener(const struct net_conn *conn)
{
    return listener_name(conn->branch->listener);
}

struct net_loop *net_conn_loop(const struct net_conn *conn)
{
    return conn->stream.loop;
}

void net_conn_close(struct net_conn *conn)
{
    stream_close(&conn->stream, STREAM_END_US, "closed by us");
}

void net_conn_finish(struct net_conn *conn)
{
    if (!net_conn_is_closed(conn)) {
        conn->finishing = true;
        conn_settle(conn);
    }
}

bool net_conn_is_closed(const struct net_conn *conn)
{
    return stream_is_closed(&conn->stream);
}

void net_conn_on_close(struct net_conn *conn, net_fn *fn, void *arg)
{
    struct conn_hook *hook = MEM_NEW(struct conn_hook);
    hook->fn = fn;
    hook->arg = arg;
    list_add_tail(&conn->hooks, &hook->link);
    if (net_conn_is_closed(conn)) {
        /* The connection stays as long as it has hooks, and can be taken out of them until then. */
        net_defer(conn->stream.loop, call_late_hooks, conn);
    }
}

void net_conn_off_close(struct net_conn *conn, net_fn *fn, void *arg)
{
    LIST_EACH(node, &conn->hooks)
    {
        struct conn_hook *hook = LIST_ENTRY(node, struct conn_hook, link);
        if (hook->fn == fn && hook->arg == arg) {
            list_remove(node);
            mem_free(hook);
            return;
        }
    }
}

void net_conn_set_data(struct net_conn *conn, void *data)
{
    conn->data = data;
}

void *net_conn_data(const struct net_conn *conn)
{
    return conn->data;
}
