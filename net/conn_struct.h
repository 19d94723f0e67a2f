/* What an accepted connection is made of. Private to net/. */
#ifndef NET_CONN_STRUCT_H
#define NET_CONN_STRUCT_H

#include "net/address.h"
#include "net/listener.h"
#include "net/slot.h"
#include "net/stream.h"

struct conn_hook {
    struct list link;
    net_fn *fn;
    void *arg;
};

struct net_conn {
    struct stream stream;
    struct net_server *server;
    struct listener_branch *branch; /* holds a reference to its listener */
    struct list link;               /* in branch->conns */
    struct list slots;              /* open or ready, oldest first */
    struct list sending;            /* in the stream's queue */
    int open_slots;                 /* of them SLOT_OPEN */
    size_t queued_bytes;            /* weight of the others */
    struct list hooks;              /* conn_hook */
    void *data;
    bool finishing; /* closes when what was read of it is answered */
    bool freeing;   /* its end is deferred */
    struct address_text peer;
    struct address_text peer_host;
};

/* Takes the accepted `fd`; called on the branch's loop. */
void conn_open(struct listener_branch *branch, int fd, const struct address *peer);

/* Something in its slots has changed: read on or free it if that is due. */
void conn_settle(struct net_conn *conn);

#endif
