/* A connection as its users may know it.
 *
 * A `struct net_conn` is borrowed from a request. It is valid until the last request of it is
 * answered or, with an on_close hook, until the hook has been called. */
#ifndef NET_CONN_H
#define NET_CONN_H

#include "net/loop.h"

struct net_conn;

/* "127.0.0.1:53412", "[::1]:9092". */
const char *net_conn_peer(const struct net_conn *conn);

/* The same without the port. */
const char *net_conn_peer_host(const struct net_conn *conn);

/* The name of the listener that accepted it. */
const char *net_conn_listener(const struct net_conn *conn);

struct net_loop *net_conn_loop(const struct net_conn *conn);

/* Begins to close: nothing more is read or sent, hooks run before this returns. */
void net_conn_close(struct net_conn *conn);

/* Closes it in order: nothing more is read, what was read is answered, then it closes. A request
 * that came and was not read has had no effect. */
void net_conn_finish(struct net_conn *conn);

bool net_conn_is_closed(const struct net_conn *conn);

/* Calls fn(arg) once when the connection closes for whatever reason; hooks run in the order in
 * which they were added. On a closed connection it is called at the end of the iteration. */
void net_conn_on_close(struct net_conn *conn, net_fn *fn, void *arg);

/* Takes a hook back that has not been called; the first one with the same fn and arg. */
void net_conn_off_close(struct net_conn *conn, net_fn *fn, void *arg);

/* One pointer for the user of the server (authentication, sessions); NULL at first. */
void net_conn_set_data(struct net_conn *conn, void *data);
void *net_conn_data(const struct net_conn *conn);

#endif
