/* The requests of a connection in the order in which they came. Private to net/.
 *
 * A slot is one request and then its response. Responses become ready in any order; they go to the
 * stream in the order of the slots. */
#ifndef NET_SLOT_H
#define NET_SLOT_H

#include "net/output.h"
#include "net/server.h"

struct net_conn;

enum slot_state {
    SLOT_OPEN,   /* the handler has it */
    SLOT_READY,  /* answered; waits for those before it */
    SLOT_SENDING /* in the stream's queue */
};

struct slot {
    struct net_request req; /* public part */
    struct list link;       /* in conn->slots or, when sending, conn->sending */
    enum slot_state state;
    bool silent;             /* ready, and nothing is to be sent */
    struct output out;       /* the response */
    size_t weight;           /* counted in conn->queued_bytes */
    struct frame_buf *frame; /* keeps req.frame, unless that is in the arena */
    size_t charged;          /* to the budget, for the arena */
    net_fn *on_close;
    void *on_close_arg;
};

static inline struct slot *slot_of(struct net_request *req)
{
    return container_of(req, struct slot, req);
}

/* A new open slot behind all others. */
struct slot *slot_new(struct net_conn *conn);

/* Charges what the request's arena holds to the budget of its listener, if that is much. */
void slot_charge(struct slot *slot);

/* The request is answered with what is in `slot->out`, or with nothing. The request's memory is
 * freed. On a closed connection the slot goes at once. */
void slot_complete(struct slot *slot, bool silent);

/* The stream has closed: ready slots are freed, the hooks of open ones are called. */
void slots_conn_closed(struct net_conn *conn);

/* Frees all slots, open ones too. For the end of the loop. */
void slots_drop(struct net_conn *conn);

#endif
