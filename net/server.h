/* Listeners, dispatch of requests, and their answers.
 *
 * A server is a table of APIs. A listener accepts connections for it, on one loop or spread over
 * several. The requests of a connection are handled side by side (at most `in_flight_max`), their
 * responses leave in the order in which the requests came. */
#ifndef NET_SERVER_H
#define NET_SERVER_H

#include "base/arena.h"
#include "net/conn.h"
#include "wire/wire.h"

struct net_server;
struct net_listener;
struct net_frame;

/* ---- requests ---- */

/* One request, from its handler's call until one of the net_reply…() functions or
 * net_request_close(). A handler answers at once or keeps the request and answers later on the
 * same loop. When the connection dies the request stays valid; the answer is dropped.
 *
 * All slices in `body` point into `frame`; both live as long as the request (or until
 * net_request_drop_body()). */
struct net_request {
    struct net_conn *conn;
    struct net_loop *loop;
    struct net_server *server;
    struct wire_header header;
    void *body;         /* the decoded request: struct wire_…_request * */
    struct slice frame; /* header and body as they came, without the size */
    struct slice raw;   /* the body's bytes in `frame` */
    struct arena arena; /* for the request's own needs, freed with it */
    void *state;        /* free for the handler */
};

/* Has the connection been closed? */
bool net_request_cancelled(const struct net_request *req);

/* Calls fn(arg) when the connection closes before the answer, so that a parked request can be
 * dropped at once; inside the hook the request may be answered or closed. One hook per request, a
 * second call replaces the first; fn == NULL takes it away. Not called after the answer. */
void net_request_on_close(struct net_request *req, net_fn *fn, void *arg);

/* Gives the frame's memory back while the request stays parked: `body`, `frame` and `raw` become
 * NULL. What is taken from `arena` by the handler stays, what the body has there too. */
void net_request_drop_body(struct net_request *req);

/* ---- answers: each of them ends the request ---- */

/* Encodes `response` (struct wire_…_response * of the request's API and version). The structure is
 * not needed afterwards. */
void net_reply(struct net_request *req, const void *response);

/* A range of a file that takes the place of an external `records` field. release(arg) is called
 * exactly once, on the loop, when the bytes are sent or never will be. */
struct net_file {
    int fd;
    int64_t pos;
    size_t len;
    net_fn *release; /* may be NULL */
    void *arg;
};

/* Like net_reply() for a response with external records fields: one file range for each of them,
 * in encoding order, whose length is the field's. `files` is copied. The bytes are read when the
 * socket takes them; a file that has fewer bytes than promised closes the connection. */
void net_reply_files(struct net_request *req, const void *response, const struct net_file *files,
                     int count);

/* `body` is the encoded body of the response; the header is put before it. */
void net_reply_raw(struct net_request *req, struct slice body);

/* No response at all (acks=0). */
void net_reply_none(struct net_request *req);

/* Closes the connection in place of an answer. */
void net_request_close(struct net_request *req);

/* ---- server ---- */

/* One line of the dispatch table. Versions outside min..max are answered with
 * UNSUPPORTED_VERSION: ApiVersions in its version 0 with our ranges, others by error_response (if
 * NULL, by a body in the form of ApiVersions version 0).
 *
 * handle: called on the connection's loop with the decoded body.
 * error_response: answers `req`, which has no body, with `error` in the response's form; its
 * header.version has been moved into the range that can be encoded. */
struct net_api {
    int16_t key;
    int16_t min_version;
    int16_t max_version;
    void (*handle)(void *arg, struct net_request *req);
    void (*error_response)(struct net_request *req, enum err error);
};

/* The arrays of a decoded request may take this much, and so much for each of its bytes: several
 * times what any client needs, and far less than what hostile bytes could announce
 * (WIRE_MEMORY_PER_BYTE). What is larger closes its connection. */
enum { NET_DECODED_BYTES = 16 << 20, NET_DECODED_PER_BYTE = 4 };

static inline struct wire_input net_input_of(struct slice body, int16_t version)
{
    return (struct wire_input){body, version, NET_DECODED_BYTES + NET_DECODED_PER_BYTE * body.len};
}

/* Zero means the default. */
struct net_server_options {
    const struct log *log;
    const struct net_api *apis; /* borrowed for the life of the server */
    int api_count;
    void *arg;                 /* first argument of the handlers */
    struct net_budget *budget; /* frames and what they decode to; NULL: unbounded */
    int32_t request_bytes_max; /* socket.request.max.bytes; default 100 MiB */
    int in_flight_max;         /* requests of one connection being handled; default 8 */
    size_t output_bytes_max;   /* encoded responses queued before reading pauses; default 4 MiB */
    int64_t frame_timeout_ms;  /* from a request's first byte to its last, and the same again for
                                  each MiB that has come: announcing much earns no time; also the
                                  longest silence between two of its bytes; default 30,000 */
    int64_t stall_timeout_ms;  /* a peer that takes no byte of a response; default 30,000 */
};

struct net_server *net_server_new(const struct net_server_options *options);

/* After its listeners are freed and their loops have run or are freed. NULL is allowed. */
void net_server_free(struct net_server *server);

struct net_server_stats {
    int64_t connections;       /* open now */
    int64_t connections_total; /* accepted ever */
    int64_t requests;
    int64_t bytes_in;
    int64_t bytes_out;
    int64_t closed_malformed; /* connections closed for what they sent */
    int64_t closed_idle;
    int64_t closed_stalled;
};

/* Any thread. */
struct net_server_stats net_server_stats(const struct net_server *server);

/* Fills `out` for the ApiVersions handler: error code `error` and the ranges of the table; the
 * arrays come from the request's arena. The caller may add features and replies. */
void net_request_api_versions(struct net_request *req, enum err error,
                              struct wire_api_versions_response *out);

/* ---- listeners ---- */

/* Zero is no limit, less than zero nobody. */
struct net_listener_limits {
    int connections_max; /* over it a connection is closed at once */
    int connections_per_ip_max;
    int accepts_per_second_max;   /* others wait in the backlog */
    const char *per_ip_overrides; /* "address:number,…" in place of connections_per_ip_max, 0 is
                                     nobody; NULL: none. Not needed after the call */
};

struct net_listener_options {
    const char *name; /* copied */
    const char *host; /* NULL or "": every address */
    int port;         /* 0: the system chooses */
    struct net_server *server;
    struct net_loop **loops; /* accepted connections go round these; NULL: the listening loop */
    int loop_count;
    bool unmetered; /* not under the server's budget: for the nodes of the cluster, whose
                       fetches must get through to end what holds the budget */
    int backlog;    /* default 128 */
    struct net_listener_limits limits;
    int64_t idle_ms;          /* connections.max.idle.ms; default 600,000; < 0: never */
    bool paused;              /* accept nothing before net_listener_open() */
    int send_buffer_bytes;    /* SO_SNDBUF of connections; 0: the system's */
    int receive_buffer_bytes; /* SO_RCVBUF of connections; 0: the system's */
};

/* Why something could not be had, for people. */
struct net_error {
    char text[200];
};

/* Listens on options->host and port.
 * Errors: ERR_ADDRESS_IN_USE, ERR_CONFIG (a host that does not resolve or is not ours), ERR_IO;
 * `why` (may be NULL) then names the address. */
enum err net_listen(struct net_loop *loop, const struct net_listener_options *options,
                    struct net_listener **out, struct net_error *why) MUST_USE;

/* The port that it listens on. */
int net_listener_port(const struct net_listener *listener);

/* Begins to accept on a listener that was made `paused`; those who connected wait in the backlog
 * until then. */
void net_listener_open(struct net_listener *listener);

/* Other limits from now on; connections that are open stay. On the listening loop.
 * Errors: ERR_CONFIG (overrides that cannot be read; `why` may be NULL), unchanged then. */
enum err net_listener_set_limits(struct net_listener *listener,
                                 const struct net_listener_limits *limits,
                                 struct net_error *why) MUST_USE;

/* Stops accepting, closes the listener's connections (those on other loops by a posted task) and
 * frees it. On the listening loop. NULL is allowed. */
void net_listener_free(struct net_listener *listener);

#endif
