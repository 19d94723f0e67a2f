/* Requests to the controller: what is common to all of them.
 *
 * A request is decided by the active controller and answered at commit (`decide`), or served from
 * what this node knows (`serve`). It came over the wire as it is, or inside the Envelope of a
 * broker that forwards it (KIP-590); handlers do not see the difference. */
#ifndef CONTROLLER_RPC_H
#define CONTROLLER_RPC_H

#include "controller/controller.h"
#include "controller/decide/brokers.h"
#include "net/net.h"

struct rpc;
struct controller_server;

/* One line of the table of APIs (api.c). */
struct rpc_api {
    int16_t key;
    int16_t min_version;
    int16_t max_version;
    bool forwarded;   /* may come inside an Envelope */
    bool unconfirmed; /* as in struct controller_op */
    bool itemized;    /* errors stand only beside the items asked for */

    /* The broker or controller that asks on its own account, from the body; NULL: clients ask. */
    int32_t (*asker)(const void *body);

    /* Answers, now or later, by controller_rpc_reply() or net_reply…(). NULL: the request is
     * decided. */
    void (*serve)(struct rpc *rpc);
    /* `serve` answers from the metadata: only the active controller calls it, and only when the
     * quorum has confirmed that nobody else is. A standby may have been the active controller until
     * just now and knows what was true then: it refuses, unless `standby` (may be NULL) says that
     * this request asks nothing that can be old. */
    bool reads;
    bool (*standby)(const struct rpc *rpc);

    /* As in struct controller_op. */
    void (*decide)(struct rpc *rpc, const struct decide_input *in, struct decision *out);

    /* How long the answer may wait for brokers that lead what the request made (settle.h), in
     * milliseconds, from the body; −1: for no broker. NULL: the answer never waits. */
    int64_t (*settle_ms)(const void *body);

    /* Called with the outcome before the answer leaves; may be NULL. */
    void (*after)(struct rpc *rpc, enum err e);

    /* A response that says `e` wherever the API has a place for it. */
    void *(*refuse)(const struct rpc *rpc, enum err e);
};

struct rpc {
    struct controller_op op;
    struct controller_server *server;
    const struct rpc_api *api;
    struct net_request *request; /* the one that came over the wire */
    struct wire_header header;   /* of the request itself, maybe from inside the Envelope */
    const void *body;            /* struct wire_…_request *; NULL when only a refusal is wanted */
    bool enveloped;
    struct metadata_cause origin;        /* of an enveloped request: client and broker */
    enum decide_broker_state next_state; /* BrokerHeartbeat: what was decided */
};

/* Takes over `request`. */
void controller_rpc_handle(struct controller_server *server, const struct rpc_api *api,
                           struct net_request *request);

/* Answers; the rpc is gone afterwards, and so is what is in its arena. */
void controller_rpc_reply(struct rpc *rpc, const void *response);

/* Hands it to its API: for requests from the wire and from inside an Envelope. */
void controller_rpc_dispatch(struct rpc *rpc);

/* Answers with an error. */
void controller_rpc_refuse(struct rpc *rpc, enum err e);

/* For net_api.error_response: refuses a request that has no body. */
void controller_rpc_refuse_request(const struct rpc_api *api, struct net_request *request,
                                   enum err e);

/* Who asks, for the log; texts are borrowed from the request and its connection. */
struct metadata_cause controller_rpc_cause(const struct rpc *rpc);

/* Memory that lives until the answer. */
static inline struct arena *controller_rpc_arena(const struct rpc *rpc)
{
    return &rpc->request->arena;
}

/* envelope.c: serves an Request in the Envelope `rpc` came as. */
void controller_rpc_serve_envelope(struct rpc *rpc);
void *controller_rpc_refuse_envelope(const struct rpc *rpc, enum err e);

/* envelope.c: the answer to the request inside; `e` is what it was refused with, if it was. */
void controller_rpc_reply_enveloped(struct rpc *rpc, const void *response, enum err e);

#endif
