/* One direction of a connection: bytes in order, late, again, or never. */
#include <errno.h>

#include "base/crc32c.h"
#include "base/mem.h"
#include "sim/net/socket.h"

enum { SEGMENTS_MIN = 8, COMPACT_BYTES = 64 << 10 };

static void on_arrival(struct sim_event *event);
static void on_retry(struct sim_event *event);

/* ---- bytes ---- */

void byte_queue_put(struct byte_queue *queue, const void *data, size_t len)
{
    buf_put(&queue->bytes, data, len);
}

void byte_queue_drop(struct byte_queue *queue, size_t len)
{
    queue->head += len;
    if (queue->head == queue->bytes.len) {
        buf_reset(&queue->bytes);
        queue->head = 0;
    } else if (queue->head >= COMPACT_BYTES && queue->head * 2 >= queue->bytes.len) {
        memmove(queue->bytes.data, queue->bytes.data + queue->head, byte_queue_len(queue));
        queue->bytes.len -= queue->head;
        queue->head = 0;
    }
}

/* ---- segments ---- */

static struct segment *segment_at(const struct pipe *pipe, size_t i)
{
    return &pipe->segments[(pipe->segment_head + i) & (pipe->segment_cap - 1)];
}

static void grow_segments(struct pipe *pipe)
{
    size_t cap = max_size(SEGMENTS_MIN, pipe->segment_cap * 2);
    struct segment *segments = mem_alloc(cap * sizeof *segments);
    for (size_t i = 0; i < pipe->segment_len; i++) {
        segments[i] = *segment_at(pipe, i);
    }
    mem_free(pipe->segments);
    pipe->segments = segments;
    pipe->segment_head = 0;
    pipe->segment_cap = cap;
}

static struct conn *conn_of(struct pipe *pipe, int *side)
{
    *side = pipe->side;
    return container_of(container_of(pipe, struct conn_end, out) - pipe->side, struct conn,
                        ends[0]);
}

/* The next segment has its turn, unless too much waits for a word of the receiver. */
static void set_arrival(struct conn *conn, int side)
{
    struct pipe *pipe = &conn->ends[side].out;
    if (pipe->segment_len > 0 && pipe->unacknowledged < UNACKNOWLEDGED_MAX) {
        sim_event_set(conn->net, &pipe->arrival, segment_at(pipe, 0)->due_us);
    }
}

/* Behind all others, and not before them. */
static void send_segment(struct conn *conn, int side, enum segment_kind kind, size_t len)
{
    struct sim_net *net = conn->net;
    struct pipe *pipe = &conn->ends[side].out;
    int64_t due_us = sim_link_arrival_us(net, conn_link(conn, side), len);
    if (pipe->segment_len == pipe->segment_cap) {
        grow_segments(pipe);
    }
    if (pipe->segment_len > 0) {
        due_us = max_i64(due_us, segment_at(pipe, pipe->segment_len - 1)->due_us);
    }
    *segment_at(pipe, pipe->segment_len++) =
        (struct segment){.kind = kind, .len = len, .due_us = due_us};
    if (pipe->segment_len == 1) {
        set_arrival(conn, side);
    }
}

void pipe_init(struct conn *conn, int side)
{
    struct pipe *pipe = &conn->ends[side].out;
    pipe->side = side;
    sim_event_init(&pipe->arrival, NULL, on_arrival);
    sim_event_init(&pipe->retry, NULL, on_retry);
}

void pipe_drop(struct sim_net *net, struct pipe *pipe)
{
    sim_event_stop(net, &pipe->arrival);
    sim_event_stop(net, &pipe->retry);
    byte_queue_drop(&pipe->bytes, byte_queue_len(&pipe->bytes));
    pipe->segment_len = 0;
    pipe->tries = 0;
    pipe->unacknowledged = 0;
    pipe->blocked = false;
    pipe->resets = false;
}

void pipe_fini(struct sim_net *net, struct pipe *pipe)
{
    pipe_drop(net, pipe);
    buf_fini(&pipe->bytes.bytes);
    mem_free(pipe->segments);
}

/* ---- sending ---- */

size_t pipe_room(const struct conn_end *end)
{
    size_t len = byte_queue_len(&end->out.bytes);
    return len < end->send_bytes_max ? end->send_bytes_max - len : 0;
}

size_t pipe_write(struct conn *conn, int side, const struct iovec *iov, int count)
{
    struct conn_end *end = &conn->ends[side];
    size_t room = pipe_room(end);
    size_t taken = 0;
    for (int i = 0; i < count && taken < room; i++) {
        size_t n = min_size(iov[i].iov_len, room - taken);
        byte_queue_put(&end->out.bytes, iov[i].iov_base, n);
        taken += n;
    }
    for (size_t left = taken; left > 0;) {
        size_t len = min_size(left, SEGMENT_BYTES_MAX);
        if (len > 1 && prng_chance(&conn->net->prng, SEGMENT_SPLIT_PPM, 1000000)) {
            len = 1 + prng_below(&conn->net->prng, len - 1);
        }
        send_segment(conn, side, SEGMENT_BYTES, len);
        left -= len;
    }
    return taken;
}

void pipe_end(struct conn *conn, int side)
{
    send_segment(conn, side, SEGMENT_END, 0);
}

void pipe_reset(struct conn *conn, int side)
{
    struct conn_end *end = &conn->ends[side];
    end->gone = true;
    if (!end->out.resets) {
        end->out.resets = true;
        send_segment(conn, side, SEGMENT_RESET, 0);
    }
}

/* ---- arriving ---- */

static void next_segment(struct conn *conn, int side)
{
    struct pipe *pipe = &conn->ends[side].out;
    pipe->segment_head = (pipe->segment_head + 1) & (pipe->segment_cap - 1);
    pipe->segment_len--;
    set_arrival(conn, side);
}

/* The receiver has everything that it has got, and the sender knows. */
static void acknowledge(struct conn *conn, int side)
{
    struct pipe *pipe = &conn->ends[side].out;
    bool held = pipe->unacknowledged == UNACKNOWLEDGED_MAX;
    pipe->unacknowledged = 0;
    pipe->tries = 0;
    sim_event_stop(conn->net, &pipe->retry);
    if (held) {
        set_arrival(conn, side);
    }
}

/* `event` comes again later; or the sender gives up. */
static void try_again(struct conn *conn, int side, struct sim_event *event)
{
    struct sim_net *net = conn->net;
    struct conn_end *end = &conn->ends[side];
    struct pipe *pipe = &end->out;
    int tries_max = end->socket == NULL ? ORPHAN_RETRIES_MAX : RETRIES_MAX;
    sim_note(net, end->host, SIM_NOTE_LOST, conn->id, pipe->tries);
    if (pipe->tries >= tries_max) {
        sim_note(net, end->host, SIM_NOTE_GIVEN_UP, conn->id, 0);
        sim_net_fault(net, "connection timed out");
        conn_forget(conn, side, ETIMEDOUT);
        return;
    }
    int64_t wait_us = min_i64((int64_t)RETRY_FIRST_US << pipe->tries++, RETRY_MAX_US);
    sim_event_set(net, event, sim_link_arrival_us(net, conn_link(conn, side), 0) + wait_us);
}

/* The first segment was lost on its way. */
static void lose_segment(struct conn *conn, int side)
{
    struct pipe *pipe = &conn->ends[side].out;
    if (segment_at(pipe, 0)->kind == SEGMENT_RESET) {
        pipe->resets = false;
        next_segment(conn, side);
    } else if (sim_event_is_set(&pipe->retry)) {
        sim_event_set(conn->net, &pipe->arrival, pipe->retry.item.key); /* with what is before it */
    } else {
        try_again(conn, side, &pipe->arrival);
    }
}

/* What was delivered, but not acknowledged, comes again. */
static void on_retry(struct sim_event *event)
{
    struct pipe *pipe = container_of(event, struct pipe, retry);
    int side;
    struct conn *conn = conn_of(pipe, &side);
    struct conn_end *to = &conn->ends[1 - side];
    if (!conn_passes(conn, side)) {
        try_again(conn, side, &pipe->retry);
    } else if (to->gone) {
        pipe_reset(conn, 1 - side);
        acknowledge(conn, side);
    } else if (conn_passes(conn, 1 - side)) {
        acknowledge(conn, side);
    } else {
        try_again(conn, side, &pipe->retry);
    }
    conn_maybe_free(conn);
}

/* False: the receiver has no room; it says when it has. */
static bool deliver_bytes(struct conn *conn, int side, size_t len)
{
    struct sim_net *net = conn->net;
    struct pipe *pipe = &conn->ends[side].out;
    struct conn_end *to = &conn->ends[1 - side];
    size_t have = byte_queue_len(&to->received);
    if (have > 0 && have + len > to->receive_bytes_max) {
        pipe->blocked = true;
        return false;
    }
    const uint8_t *bytes = byte_queue_data(&pipe->bytes);
    sim_note(net, to->host, SIM_NOTE_SEGMENT, conn->id, (int64_t)len);
    sim_hash(net, crc32c(0, bytes, len));
    net->stats.segments++;
    net->stats.bytes += len;
    byte_queue_put(&to->received, bytes, len);
    byte_queue_drop(&pipe->bytes, len);
    return true;
}

/* The receiving system takes a segment. False: it is not done with. */
static bool take_segment(struct conn *conn, int side, const struct segment *segment)
{
    struct sim_net *net = conn->net;
    struct conn_end *to = &conn->ends[1 - side];
    bool nobody = to->gone || (to->socket == NULL && conn->listener == NULL);
    switch (segment->kind) {
    case SEGMENT_RESET:
        if (!to->gone) {
            sim_note(net, to->host, SIM_NOTE_RESET, conn->id, 0);
            conn_forget(conn, 1 - side, ECONNRESET);
        }
        return true;
    case SEGMENT_END:
        if (!nobody && !to->peer_ended) {
            sim_note(net, to->host, SIM_NOTE_END, conn->id, 0);
        }
        to->peer_ended = true;
        return true;
    case SEGMENT_BYTES:
        if (nobody) {
            byte_queue_drop(&conn->ends[side].out.bytes, segment->len);
            pipe_reset(conn, 1 - side);
            return true;
        }
        return deliver_bytes(conn, side, segment->len);
    }
    UNREACHABLE();
}

static void on_arrival(struct sim_event *event)
{
    struct pipe *pipe = container_of(event, struct pipe, arrival);
    int side;
    struct conn *conn = conn_of(pipe, &side);
    struct conn_end *from = &conn->ends[side];
    struct conn_end *to = &conn->ends[1 - side];
    struct segment segment = *segment_at(pipe, 0);
    if (!conn_passes(conn, side)) {
        lose_segment(conn, side);
    } else if (take_segment(conn, side, &segment)) {
        bool said = segment.kind == SEGMENT_RESET || to->gone || conn_passes(conn, 1 - side);
        pipe->unacknowledged++;
        next_segment(conn, side);
        if (said) {
            acknowledge(conn, side);
        } else if (pipe->unacknowledged == 1) {
            try_again(conn, side, &pipe->retry);
        }
        if (to->socket != NULL) {
            sim_poll_notify(to->socket);
        }
        if (from->socket != NULL && from->socket->output != NULL) {
            sim_poll_notify(from->socket);
        }
    }
    conn_maybe_free(conn);
}

void pipe_unblock(struct conn *conn, int side)
{
    struct pipe *pipe = &conn->ends[side].out;
    if (!pipe->blocked) {
        return;
    }
    const struct conn_end *to = &conn->ends[1 - side];
    size_t have = byte_queue_len(&to->received);
    if (have == 0 || have + segment_at(pipe, 0)->len <= to->receive_bytes_max) {
        pipe->blocked = false;
        sim_event_set(conn->net, &pipe->arrival,
                      sim_link_arrival_us(conn->net, conn_link(conn, side), 0));
    }
}
