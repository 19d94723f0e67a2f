/* A connected socket: frames in, messages out, with bounded memory. Private to net/.
 *
 * The bytes of both kinds of connection, accepted and dialled, pass here and only here
 * (stream_recv() and stream_write()): this is where an encrypted transport would be put.
 *
 * Reading. Bytes are read into a buffer that the loop's streams share and frames are handed over
 * where they lie. The rest of a frame that is not complete moves to a buffer of its own, into which
 * the remainder is read directly. A stream between two frames holds no buffer.
 *
 * Writing. Messages go into a queue that is written at the end of the callback or iteration, many
 * in one call; what the socket does not take waits for it. */
#ifndef NET_STREAM_H
#define NET_STREAM_H

#include <stdatomic.h>

#include "net/input.h"
#include "net/loop_struct.h"
#include "net/output.h"

struct stream;

/* Counters that streams of several loops share. */
struct stream_counters {
    _Atomic int64_t bytes_in;
    _Atomic int64_t bytes_out;
};

/* Borrowed from the owner, the same for many streams. */
struct stream_limits {
    int64_t frame_bytes_max;
    struct net_budget *budget; /* NULL: none */
    int64_t idle_ms;           /* <= 0: never; the same for the next two */
    int64_t frame_timeout_ms;  /* first to last byte of a frame, and again for each MiB come; also
                                  between two bytes */
    int64_t stall_timeout_ms;  /* output that does not move */
    struct stream_counters *counters; /* NULL: none */
};

/* Why a stream closed. */
enum stream_end {
    STREAM_END_US,        /* the owner, or the loop's end */
    STREAM_END_PEER,      /* the peer, or the network */
    STREAM_END_IDLE,      /* idle_ms */
    STREAM_END_SLOW,      /* another time limit */
    STREAM_END_MALFORMED, /* the peer does not speak the protocol */
    STREAM_END_FILE       /* a file could not be read */
};

struct stream_ops {
    /* A complete frame, without its size. It lies in `buf`; who wants it longer than the call takes
     * a reference. May close the stream. */
    void (*frame)(struct stream *s, struct slice frame, struct frame_buf *buf);
    /* Called once; the descriptor is closed, the output dropped. `reason` is for people. The memory
     * of the stream must stay until the deferred tasks run. */
    void (*closed)(struct stream *s, enum stream_end why, const char *reason);
    /* The loop ends: the owner of a closed stream that still holds it must let go now. */
    void (*abandoned)(struct stream *s);
    /* May another frame be handed over? When that changes, stream_touch(). */
    bool (*may_read)(const struct stream *s);
    /* Is something expected of us or of the peer, so that silence is not idleness? */
    bool (*is_busy)(const struct stream *s);
};

enum read_mode {
    READ_ON,     /* `input` fires; it is left on until it fires in vain */
    READ_PAUSED, /* the owner wants no more frames now; the peer's death is watched for */
    READ_HUNGRY  /* waits for room in the budget */
};

struct stream {
    struct net_loop *loop;
    const struct stream_ops *ops;
    const struct stream_limits *limits;
    struct list link;         /* in loop->streams, then (stream_linger()) loop->lingering */
    struct list service_link; /* in loop->service */
    struct list hungry_link;  /* in a budget_seat */
    int fd;                   /* -1: closed */
    enum read_mode mode;
    bool writes_later; /* inside a function that writes at its end */
    struct input in;
    struct output_queue out;
    struct warming *warming; /* not NULL: output waits for a cold file */
    bool warmed;             /* the next read of a file may wait, as it should not have to */
    int64_t active_ms;       /* last byte in or out */
    int64_t frame_ms;        /* the frame in progress began, or was let go on */
    size_t frame_from;       /* bytes of it that were there then */
    int64_t heard_ms;        /* last byte of it */
    int64_t stall_ms;        /* output has waited since; 0: none waits */
    struct net_timer timer;
    struct os_watch input;
    struct os_watch writable; /* on when the socket is full */
};

/* Takes the connected, non-blocking `fd` and starts to read. */
void stream_init(struct stream *s, struct net_loop *loop, int fd, const struct stream_ops *ops,
                 const struct stream_limits *limits);

static inline bool stream_is_closed(const struct stream *s)
{
    return s->fd < 0;
}

/* Puts a message at the end of the queue. `out->done` is called when it is sent or dropped. On a
 * closed stream that is at once. */
void stream_send(struct stream *s, struct output *out);

/* Looks at the stream at the end of the iteration: sends, reads on. */
void stream_touch(struct stream *s);

/* The memory of the closed stream stays for a while: the owner waits for something else. */
void stream_linger(struct stream *s);

/* Once; a second call does nothing. */
void stream_close(struct stream *s, enum stream_end why, const char *reason);

/* For its input: a frame begins, from which on its time runs; and the budget's pass, if the stream
 * has it, is not needed any more. */
void stream_frame_began(struct stream *s);
void stream_return_pass(struct stream *s);

/* For the loop. */
void streams_service(struct net_loop *loop);
void streams_close_all(struct net_loop *loop);
void streams_feed(void *seat);

#endif
