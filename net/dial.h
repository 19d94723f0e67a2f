/* Dialling: resolves a name and connects to one of its addresses. Private to net/. */
#ifndef NET_DIAL_H
#define NET_DIAL_H

#include "net/loop.h"
#include "net/os/socket.h"

struct dial;

struct dial_options {
    const char *host; /* copied */
    int port;
    int64_t timeout_ms; /* of one address */
    struct os_buffer_sizes sizes;
};

/* How it ended. The text is valid during the call. */
struct dial_end {
    int fd;             /* connected, the callee's; < 0: it failed */
    const char *reason; /* why it failed */
    bool refused;       /* because nobody listens at any of the addresses */
};

/* Called once, from the loop. */
typedef void dial_done(void *arg, const struct dial_end *end);

/* The handle is valid until `done` is called. */
struct dial *dial_start(struct net_loop *loop, const struct dial_options *options, dial_done *done,
                        void *arg);

/* `done` will not be called. NULL is allowed. */
void dial_cancel(struct dial *dial);

#endif
