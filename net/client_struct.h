/* What a client, its connection and its calls are made of. Private to net/. */
#ifndef NET_CLIENT_STRUCT_H
#define NET_CLIENT_STRUCT_H

#include "net/client.h"
#include "net/dial.h"
#include "net/stream.h"

enum client_state {
    CLIENT_IDLE,    /* no connection and none wanted */
    CLIENT_WAITING, /* until the next dial is allowed */
    CLIENT_DIALING,
    CLIENT_GREETING, /* connected, asks for the peer's ranges */
    CLIENT_OPEN
};

/* One connection; the client outlives it, or it the client, until the deferred tasks run. */
struct link {
    struct stream stream;
    struct net_client *client; /* NULL: the client has let go of it */
};

enum { CLIENT_FAILURE_MAX = 128 };

struct version_range {
    int16_t min;
    int16_t max; /* -1: not supported or not known */
};

struct net_client {
    struct net_loop *loop;
    struct net_client_options options; /* defaults filled in; the strings are owned */
    char *host;
    char *client_id;
    struct stream_limits limits;
    enum client_state state;
    struct dial *dial;
    struct link *link;
    struct net_timer redial;
    int failures;                     /* in a row */
    char failure[CLIENT_FAILURE_MAX]; /* of the last attempt; "": it did not fail */
    bool refused;                     /* the last attempt: nobody listens there */
    int64_t next_dial_ms;             /* not before */
    int16_t greeting_version;
    bool answered; /* this connection has brought a response */
    bool freed;    /* its end is deferred */
    int32_t next_correlation_id;
    struct version_range ranges[WIRE_API_SLOTS]; /* by wire_api_slot() */
    struct list waiting;                         /* calls to be sent when the connection is open */
    struct list sent;                            /* in the order of their responses */
    struct list failing;                         /* their `done` is about to be called */
};

struct net_call {
    struct list link; /* in one of the client's lists */
    struct net_client *client;
    struct output out;
    int32_t correlation_id;
    int16_t api;
    int16_t version;
    bool sent;           /* given to a connection */
    bool raw;            /* the response is not decoded */
    net_call_done *done; /* NULL: cancelled */
    void *arg;
    enum err error; /* when failing */
    struct net_timer timer;
};

struct net_response {
    struct arena arena;
    struct frame_buf *buf; /* where the frame lies; NULL: in the arena */
    struct slice body;
    bool taken;
};

/* Makes a connection if there is none. */
void client_want(struct net_client *client);

/* Asks for the peer's ranges on the connection just made; then the client becomes open. */
void greeting_begin(struct net_client *client);

void client_become_open(struct net_client *client);
void client_forget_ranges(struct net_client *client);

/* The connection in the making is lost: all that waits for it becomes failing. */
void client_connecting_failed(struct net_client *client, const char *reason);

/* The connection cannot be trusted any more: the peer is hung or talks nonsense. */
void client_break(struct net_client *client, enum stream_end why, const char *reason);

/* Encodes a call; not yet in a list. */
struct net_call *call_new(struct net_client *client, const struct net_call_args *args,
                          const struct slice *body);

/* Puts it on its way on the open connection. */
void call_send(struct net_call *call);

/* Sends what waits; calls that the peer does not support become failing. */
void calls_send_waiting(struct net_client *client);

/* Moves all calls of a list to the failing ones. */
void calls_fail(struct list *calls, enum err e);

/* Tells the failing calls. The client may be freed meanwhile (client->freed). */
void calls_tell(struct net_client *client);

/* Takes one frame: the response of the first call sent. */
void call_answered(struct net_client *client, struct slice frame, struct frame_buf *buf);

#endif
