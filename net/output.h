/* The writing side of a stream: a queue of messages made of bytes and file ranges. Private to
 * net/. */
#ifndef NET_OUTPUT_H
#define NET_OUTPUT_H

#include "base/buf.h"
#include "net/loop.h"
#include "net/server.h"

struct stream;

enum {
    WRITE_TURN_BYTES_MAX = 4 << 20, /* of one stream before the others have their turn */
    WRITE_QUANTUM_MIN = 32 << 10
};

/* A file range that is sent before the byte `at` of the message's own bytes. */
struct output_file {
    size_t at;
    struct net_file file;
};

/* One message. Owned by whoever sends it, until `done`. */
struct output {
    struct list link;
    struct buf bytes;
    struct output_file *files; /* `at` never falls; released and freed by the queue */
    size_t file_count;
    size_t file_next; /* the first one that is not sent */
    size_t file_sent; /* of that one */
    size_t bytes_sent;
    /* Called once, when the message is in the socket (`sent`) or never will be. */
    void (*done)(struct output *out, bool sent);
};

struct output_queue {
    struct list list;
    size_t quantum; /* file bytes to read for one write: what the peer lately took at once */
};

enum output_status {
    OUTPUT_EMPTY,   /* all is sent */
    OUTPUT_BLOCKED, /* the socket takes no more now */
    OUTPUT_COLD,    /* waits for a file; the stream is touched when it is there */
    OUTPUT_TURN,    /* there is more, but others are waiting */
    OUTPUT_CLOSED   /* the stream is closed */
};

void output_queue_init(struct output_queue *queue);

/* Writes as much as the socket takes. */
enum output_status output_write(struct stream *s);

/* Releases the files of a message and calls its `done`. */
void output_finish(struct output *out, bool sent);

#endif
