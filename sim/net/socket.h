/* Simulated sockets and connections. Private to sim/net/.
 *
 * A descriptor is a slot and how often that was used, so that a stale one finds nothing. */
#ifndef SIM_NET_SOCKET_H
#define SIM_NET_SOCKET_H

#include "base/buf.h"
#include "sim/net/world.h"

enum {
    SOCKET_SLOT_BITS = 16,
    SOCKET_SEND_BYTES = 256 << 10,    /* like Linux, before it grows */
    SOCKET_RECEIVE_BYTES = 512 << 10, /* the same */
    SEGMENT_BYTES_MAX = 64 << 10,
    SEGMENT_SPLIT_PPM = 30000, /* writes that arrive in two pieces */
    UNACKNOWLEDGED_MAX = 10,   /* segments under way at the beginning, like Linux */
    RETRY_FIRST_US = 200 * 1000,
    RETRY_MAX_US = 120 * 1000 * 1000,
    RETRIES_MAX = 15,
    ORPHAN_RETRIES_MAX = 8, /* of what a process left behind */
    SYN_RETRY_FIRST_US = 1000 * 1000,
    SYN_RETRIES_MAX = 6
};

struct socket_slot {
    struct socket *socket; /* NULL: free */
    int next_free;
    uint32_t uses;
};

struct socket {
    int fd;
    struct sim_host *host;
    struct list link;       /* in host->sockets */
    struct list ready_link; /* in a poll's */
    struct os_watch *input; /* for OS_READ or OS_HANGUP */
    struct os_watch *output;
    struct os_buffer_sizes sizes;

    struct conn *conn; /* NULL: it listens */
    int side;

    int port; /* of a listening one */
    int backlog;
    struct list arrived; /* conns that wait to be accepted */
    int arrived_count;
};

/* A first-in-first-out queue of bytes. */
struct byte_queue {
    struct buf bytes;
    size_t head; /* bytes that are gone already */
};

static inline size_t byte_queue_len(const struct byte_queue *queue)
{
    return queue->bytes.len - queue->head;
}

void byte_queue_put(struct byte_queue *queue, const void *data, size_t len);
void byte_queue_drop(struct byte_queue *queue, size_t len);

static inline const uint8_t *byte_queue_data(const struct byte_queue *queue)
{
    return queue->bytes.data + queue->head;
}

enum segment_kind {
    SEGMENT_BYTES,
    SEGMENT_END,  /* FIN */
    SEGMENT_RESET /* RST; sent once, and if it is lost it is lost */
};

struct segment {
    enum segment_kind kind;
    size_t len;
    int64_t due_us;
};

/* One direction, as its sender's system sees it. */
struct pipe {
    int side;                /* the sender's */
    struct byte_queue bytes; /* written, not delivered */
    struct segment *segments;
    size_t segment_head;
    size_t segment_len;
    size_t segment_cap;
    struct sim_event arrival; /* of the first segment */
    struct sim_event retry;   /* of those that were delivered, but not acknowledged */
    int unacknowledged;       /* how many */
    int tries;
    bool blocked; /* by a full receiver */
    bool resets;  /* the last segment is a reset */
};

/* One end of a connection in the system of its host. */
struct conn_end {
    struct sim_host *host;
    int port;
    struct socket *socket; /* NULL: closed by the process, or not accepted yet */
    struct byte_queue received;
    size_t receive_bytes_max;
    size_t send_bytes_max;
    struct pipe out;
    int error; /* to be told */
    bool open; /* for this system the connection is made */
    bool peer_ended;
    bool gone; /* this system does not know it any more */
};

/* What the event of a dial brings. */
enum conn_dial { DIAL_SYN, DIAL_ACCEPTED, DIAL_REFUSED, DIAL_DONE };

struct conn {
    struct sim_net *net;
    struct list link;         /* in net->conns */
    struct list arrived_link; /* in the listener's */
    struct socket *listener;  /* in whose queue it is; NULL: in none */
    int64_t id;
    bool stalled;
    enum conn_dial dial;
    int dials;
    struct sim_event dial_event;
    struct conn_end ends[2]; /* who dialled is the first */
};

/* NULL: no open descriptor of the current host's process. Sets errno then. */
struct socket *socket_find(int fd);

/* Who listens on a port of a host; NULL: nobody. */
struct socket *socket_listener(const struct sim_host *host, int port);

/* Is it ready for its watch? */
bool socket_can_read(const struct socket *socket);
bool socket_can_write(const struct socket *socket);
bool socket_hangs_up(const struct socket *socket);

/* ---- connections ---- */

/* Sends a SYN on its way. */
struct conn *conn_dial(struct socket *socket, struct sim_host *to, int port);

/* What the system does when the process closes its end. */
void conn_close(struct conn *conn, int side);

/* The system of `side` forgets it, with what it still had to send; `error` (0: none) is what its
 * process is told. */
void conn_forget(struct conn *conn, int side, int error);

void conn_set_sizes(struct conn_end *end, struct os_buffer_sizes sizes);

/* It is accepted, or never will be. */
void conn_leave_queue(struct conn *conn);

/* Can what `side` sends now reach the other? Counts the fault if not. */
bool conn_passes(const struct conn *conn, int side);

struct sim_link_state *conn_link(const struct conn *conn, int side);

/* Frees it if nobody knows it any more. */
void conn_maybe_free(struct conn *conn);

void conn_free(struct conn *conn);

/* ---- pipes ---- */

void pipe_init(struct conn *conn, int side);
void pipe_fini(struct sim_net *net, struct pipe *pipe);

/* Everything that is not delivered is dropped. */
void pipe_drop(struct sim_net *net, struct pipe *pipe);

/* How much more can be written. */
size_t pipe_room(const struct conn_end *end);

/* Takes bytes, at most pipe_room(), and begins to send them; returns how many. */
size_t pipe_write(struct conn *conn, int side, const struct iovec *iov, int count);
void pipe_end(struct conn *conn, int side);

/* The system of `side` tells the other that it does not know the connection. */
void pipe_reset(struct conn *conn, int side);

static inline bool pipe_is_done(const struct pipe *pipe)
{
    return pipe->segment_len == 0 && pipe->unacknowledged == 0;
}

/* The receiver has made room. */
void pipe_unblock(struct conn *conn, int side);

#endif
