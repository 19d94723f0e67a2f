/* What a server is made of. Private to net/. */
#ifndef NET_SERVER_STRUCT_H
#define NET_SERVER_STRUCT_H

#include "net/server.h"
#include "net/stream.h"

/* Shared by the loops, hence the atomics; nothing else changes after net_server_new(). */
struct net_server {
    struct net_server_options options;             /* defaults filled in */
    const struct net_api *by_slot[WIRE_API_SLOTS]; /* wire_api_slot() */
    struct stream_counters counters;
    _Atomic int64_t connections;
    _Atomic int64_t connections_total;
    _Atomic int64_t requests;
    _Atomic int64_t closed_malformed;
    _Atomic int64_t closed_idle;
    _Atomic int64_t closed_stalled;
};

/* Takes one frame of `conn`: decodes it and calls its handler. */
void server_dispatch(struct net_conn *conn, struct slice frame, struct frame_buf *buf);

#endif
