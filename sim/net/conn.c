/* Connections: dialled, made, refused, closed, reset and given up. */
#include <errno.h>

#include "base/mem.h"
#include "sim/net/socket.h"

static void on_dial(struct sim_event *event);

void conn_set_sizes(struct conn_end *end, struct os_buffer_sizes sizes)
{
    /* Twice what was asked for, like Linux. */
    end->send_bytes_max = sizes.send_bytes > 0 ? (size_t)sizes.send_bytes * 2 : SOCKET_SEND_BYTES;
    end->receive_bytes_max =
        sizes.receive_bytes > 0 ? (size_t)sizes.receive_bytes * 2 : SOCKET_RECEIVE_BYTES;
}

struct sim_link_state *conn_link(const struct conn *conn, int side)
{
    return sim_link_between(conn->net, conn->ends[side].host, conn->ends[1 - side].host);
}

bool conn_passes(const struct conn *conn, int side)
{
    return !conn->stalled && conn->ends[1 - side].host->powered &&
           sim_link_passes(conn->net, conn_link(conn, side));
}

struct conn *conn_dial(struct socket *socket, struct sim_host *to, int port)
{
    struct sim_net *net = to->net;
    struct conn *conn = MEM_NEW(struct conn);
    conn->net = net;
    conn->id = ++net->next_conn_id;
    list_add_tail(&net->conns, &conn->link);
    list_init(&conn->arrived_link);
    conn->ends[0].host = socket->host;
    conn->ends[0].socket = socket;
    conn->ends[0].port = sim_host_next_port(socket->host);
    conn->ends[1].host = to;
    conn->ends[1].port = port;
    for (int side = 0; side < 2; side++) {
        conn_set_sizes(&conn->ends[side], (struct os_buffer_sizes){0});
        pipe_init(conn, side);
    }
    conn_set_sizes(&conn->ends[0], socket->sizes);
    socket->conn = conn;
    socket->side = 0;
    sim_note(net, socket->host, SIM_NOTE_DIALS, conn->id, port);
    sim_event_init(&conn->dial_event, NULL, on_dial);
    sim_event_set(net, &conn->dial_event, sim_link_arrival_us(net, conn_link(conn, 0), 0));
    return conn;
}

/* ---- dialling ---- */

static void dial_next(struct conn *conn, enum conn_dial dial, int64_t at_us)
{
    conn->dial = dial;
    sim_event_set(conn->net, &conn->dial_event, at_us);
}

/* The SYN or its answer was lost. */
static void dial_again(struct conn *conn)
{
    struct sim_net *net = conn->net;
    sim_net_fault(net, "dial lost");
    if (conn->dials == SYN_RETRIES_MAX) {
        conn->dial = DIAL_DONE;
        sim_note(net, conn->ends[0].host, SIM_NOTE_GIVEN_UP, conn->id, 0);
        conn_forget(conn, 0, ETIMEDOUT);
        return;
    }
    int64_t wait_us = (int64_t)SYN_RETRY_FIRST_US << conn->dials++;
    sim_note(net, conn->ends[0].host, SIM_NOTE_RETRIES, conn->id, conn->dials);
    dial_next(conn, DIAL_SYN, sim_link_arrival_us(net, conn_link(conn, 0), 0) + wait_us);
}

static void take_syn(struct conn *conn)
{
    struct sim_net *net = conn->net;
    struct conn_end *end = &conn->ends[1];
    if (!conn_passes(conn, 0)) {
        dial_again(conn);
        return;
    }
    struct socket *listener = socket_listener(end->host, end->port);
    bool refused = listener == NULL || conn_link(conn, 0)->link.refuse;
    if (!refused && listener->arrived_count >= listener->backlog) {
        sim_net_fault(net, "backlog full");
        dial_again(conn);
        return;
    }
    if (!conn_passes(conn, 1)) {
        dial_again(conn);
        return;
    }
    int64_t at_us = sim_link_arrival_us(net, conn_link(conn, 1), 0);
    if (refused) {
        if (listener != NULL) {
            sim_net_fault(net, "dial refused");
        }
        dial_next(conn, DIAL_REFUSED, at_us);
        return;
    }
    end->open = true;
    conn->listener = listener;
    list_add_tail(&listener->arrived, &conn->arrived_link);
    listener->arrived_count++;
    sim_poll_notify(listener);
    dial_next(conn, DIAL_ACCEPTED, at_us);
}

static void on_dial(struct sim_event *event)
{
    struct conn *conn = container_of(event, struct conn, dial_event);
    struct conn_end *end = &conn->ends[0];
    switch (conn->dial) {
    case DIAL_SYN:
        take_syn(conn);
        break;
    case DIAL_REFUSED:
        conn->dial = DIAL_DONE;
        sim_note(conn->net, end->host, SIM_NOTE_REFUSED, conn->id, 0);
        conn_forget(conn, 0, ECONNREFUSED);
        break;
    case DIAL_ACCEPTED:
        conn->dial = DIAL_DONE;
        end->open = true;
        conn->net->stats.connections++;
        sim_note(conn->net, end->host, SIM_NOTE_CONNECTED, conn->id, 0);
        sim_poll_notify(end->socket);
        break;
    case DIAL_DONE:
        UNREACHABLE();
    }
}

void conn_leave_queue(struct conn *conn)
{
    list_remove(&conn->arrived_link);
    conn->listener->arrived_count--;
    conn->listener = NULL;
}

/* ---- ending ---- */

/* Nobody is told before a dial has ended: who dials is gone. */
static void close_dialling(struct conn *conn)
{
    sim_event_stop(conn->net, &conn->dial_event);
    bool arrived = conn->dial == DIAL_ACCEPTED;
    conn->dial = DIAL_DONE;
    conn->ends[0].gone = true;
    if (arrived) {
        pipe_reset(conn, 0);
    }
}

void conn_close(struct conn *conn, int side)
{
    struct conn_end *end = &conn->ends[side];
    if (side == 0 && conn->dial != DIAL_DONE) {
        close_dialling(conn);
    } else if (!end->gone && byte_queue_len(&end->received) > 0) {
        /* What it has not read it cannot have: its peer must know. */
        pipe_reset(conn, side);
    } else if (!end->gone) {
        pipe_end(conn, side);
    }
    conn_maybe_free(conn);
}

void conn_forget(struct conn *conn, int side, int error)
{
    struct conn_end *end = &conn->ends[side];
    if (side == 0 && conn->dial != DIAL_DONE) {
        sim_event_stop(conn->net, &conn->dial_event);
        conn->dial = DIAL_DONE;
    }
    end->gone = true;
    end->error = error;
    pipe_drop(conn->net, &end->out);
    if (end->socket != NULL) {
        sim_poll_notify(end->socket);
    }
}

static bool is_finished(const struct conn_end *end)
{
    return end->socket == NULL && pipe_is_done(&end->out);
}

void conn_maybe_free(struct conn *conn)
{
    if (conn->dial == DIAL_DONE && conn->listener == NULL && is_finished(&conn->ends[0]) &&
        is_finished(&conn->ends[1])) {
        conn_free(conn);
    }
}

void conn_free(struct conn *conn)
{
    struct sim_net *net = conn->net;
    sim_event_stop(net, &conn->dial_event);
    for (int side = 0; side < 2; side++) {
        pipe_fini(net, &conn->ends[side].out);
        buf_fini(&conn->ends[side].received.bytes);
    }
    list_remove(&conn->arrived_link);
    list_remove(&conn->link);
    mem_free(conn);
}

/* ---- faults ---- */

static bool is_between(const struct conn *conn, const struct sim_host *a, const struct sim_host *b)
{
    return (conn->ends[0].host == a && conn->ends[1].host == b) ||
           (conn->ends[0].host == b && conn->ends[1].host == a);
}

void sim_net_reset(struct sim_net *net, const struct sim_host *a, const struct sim_host *b)
{
    LIST_EACH(node, &net->conns)
    {
        struct conn *conn = LIST_ENTRY(node, struct conn, link);
        if (!is_between(conn, a, b) || !conn->ends[0].open) {
            continue;
        }
        sim_note(net, NULL, SIM_NOTE_RESET, conn->id, 0);
        sim_net_fault(net, "reset");
        for (int side = 0; side < 2; side++) {
            if (!conn->ends[side].gone) {
                conn_forget(conn, side, ECONNRESET);
            }
        }
        conn_maybe_free(conn);
    }
}

void sim_net_stall(struct sim_net *net, const struct sim_host *a, const struct sim_host *b)
{
    struct conn *chosen = NULL;
    uint64_t seen = 0;
    LIST_EACH(node, &net->conns)
    {
        struct conn *conn = LIST_ENTRY(node, struct conn, link);
        if (is_between(conn, a, b) && conn->ends[0].open && !conn->stalled &&
            prng_below(&net->prng, ++seen) == 0) {
            chosen = conn;
        }
    }
    if (chosen != NULL) {
        chosen->stalled = true;
        sim_note(net, NULL, SIM_NOTE_STALLED, chosen->id, 0);
        sim_net_fault(net, "stalled connection");
    }
}
