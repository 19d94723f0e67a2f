/* A listening socket and the connections that came from it. Private to net/. */
#ifndef NET_LISTENER_H
#define NET_LISTENER_H

#include "net/address.h"
#include "net/server.h"
#include "net/stream.h"

/* The connections of a listener that live on one loop. */
struct listener_branch {
    struct net_listener *listener;
    struct net_loop *loop;
    struct list conns; /* touched on `loop` only */
};

const char *listener_name(const struct net_listener *listener);
struct net_server *listener_server(const struct net_listener *listener);

/* What streams of its connections must keep to; valid while a reference is held. */
const struct stream_limits *listener_limits(const struct net_listener *listener);

/* A connection from `peer` has ended: gives back its place and its reference. Any thread. */
void listener_conn_gone(struct net_listener *listener, const struct address_text *host);

#endif
