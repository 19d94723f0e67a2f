/* One logical connection to a node: dials on demand, calls with deadlines.
 *
 * Calls are pipelined and answered in order. When the connection closes, all its calls fail at once
 * with ERR_CLOSED; the next call dials again, after a delay that grows with each failure in a row.
 * The host is resolved at every dial and all its addresses are tried. */
#ifndef NET_CLIENT_H
#define NET_CLIENT_H

#include "base/arena.h"
#include "net/loop.h"
#include "wire/wire.h"

struct net_client;
struct net_call;
struct net_response;
struct net_kept;

/* Zero means the default. Strings are copied. */
struct net_client_options {
    const char *host;
    int port;
    const char *client_id; /* NULL: null on the wire */
    const struct log *log;
    int64_t connect_timeout_ms; /* one address; default 10,000 */
    int64_t backoff_ms;         /* after the first failure; default 50 */
    int64_t backoff_max_ms;     /* default 1,000 */
    int64_t idle_ms;            /* closes a connection without calls; default: never */
    int32_t response_bytes_max; /* default 100 MiB */
    int send_buffer_bytes;      /* 0: the system's */
    int receive_buffer_bytes;   /* 0: the system's */
    bool api_versions;          /* ask for the peer's ranges first on every connection */
    /* An established connection is ready for calls (its ranges are known); may be NULL. */
    void (*on_open)(void *arg);
    /* An established connection closed, not by us: a hint that the peer's process died
     * (ERR_CLOSED), hangs (ERR_TIMED_OUT, also when idle_ms is over) or is none of ours
     * (ERR_MALFORMED). Called after its calls have failed; may be NULL. */
    void (*on_closed)(void *arg, enum err why);
    void *arg;
};

/* Does not dial yet. */
struct net_client *net_client_new(struct net_loop *loop, const struct net_client_options *options);

/* Closes; calls in flight fail with ERR_CLOSED before this returns. May be called in a callback of
 * the client. NULL is allowed. */
void net_client_free(struct net_client *client);

/* Dials now if there is no connection, without a call to send. */
void net_client_connect(struct net_client *client);

/* Closes the connection, calls fail with ERR_CLOSED; the next call dials again. */
void net_client_disconnect(struct net_client *client);

bool net_client_is_open(const struct net_client *client);

/* Why the last attempt to connect failed, for people ("127.0.0.1:9092: Connection refused"); NULL:
 * none was made, or it is under way, or it succeeded. Valid until the loop turns. */
const char *net_client_failure(const struct net_client *client);

/* The last attempt to connect failed because nobody listens at any of the host's addresses: the
 * process is not there. Everything else that can go wrong says less. */
bool net_client_is_refused(const struct net_client *client);

/* Another address for the next dial; an open connection to another address is closed. */
void net_client_set_address(struct net_client *client, const char *host, int port);

/* The highest version of an API that the peer's last ApiVersions response names, or -1: unknown
 * (no `api_versions`, or not connected yet) or not supported. */
int16_t net_client_max_version(const struct net_client *client, int16_t api);
int16_t net_client_min_version(const struct net_client *client, int16_t api);

/* ---- calls ---- */

/* Called exactly once for each call that is not cancelled, from the loop, never from within
 * net_call(). With ERR_NONE `response` is the decoded struct wire_…_response, valid during the
 * call (net_response_take() keeps it). Otherwise both pointers are NULL and `e` is ERR_CLOSED
 * (refused, died, unresolved), ERR_TIMED_OUT, ERR_MALFORMED (what came cannot be decoded) or
 * ERR_UNSUPPORTED (the peer's ranges do not have the version). */
typedef void net_call_done(void *arg, enum err e, const void *response, struct net_response *raw);

struct net_call_args {
    int16_t api;
    int16_t version;
    const void *request; /* struct wire_…_request *, encoded before net_call() returns */
    int64_t timeout_ms;  /* from now until the response, connecting included; <= 0: none */
    net_call_done *done;
    void *arg;
};

/* The handle is valid until `done` is called or the call is cancelled. */
struct net_call *net_call(struct net_client *client, const struct net_call_args *args);

/* The same with a body that is already encoded in `version` of `api`; `args->request` is ignored.
 * `response` is NULL in `done`; the bytes are in net_response_body(). */
struct net_call *net_client_raw_call(struct net_client *client, const struct net_call_args *args,
                                     struct slice body);

/* `done` will not be called. What is sent cannot be taken back; its response is dropped. */
void net_call_cancel(struct net_call *call);

/* ---- responses ---- */

/* The encoded body. */
struct slice net_response_body(const struct net_response *raw);

/* Keeps the response and the frame that its slices point into beyond `done`, without a copy. Free
 * it on the client's loop. */
struct net_kept *net_response_take(struct net_response *raw);
void net_kept_free(struct net_kept *kept);

#endif
