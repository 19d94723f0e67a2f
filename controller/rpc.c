/* From a request to its answer; see rpc.h. */
#include "controller/rpc.h"

#include "controller/server_struct.h"

static void decide(struct controller_op *op, const struct decide_input *in, struct decision *out)
{
    struct rpc *rpc = container_of(op, struct rpc, op);
    rpc->api->decide(rpc, in, out);
}

/* What an error of the controller is for a client: full queues are a reason to try again. */
static enum err for_client(enum err e)
{
    return e == ERR_BUSY ? ERR_REQUEST_TIMED_OUT : e;
}

static void done(struct controller_op *op, enum err e)
{
    struct rpc *rpc = container_of(op, struct rpc, op);
    if (rpc->api->after != NULL) {
        rpc->api->after(rpc, e);
    }
    bool waits = rpc->api->settle_ms != NULL && op->decision.count > 0;
    int64_t wait_ms = e == ERR_NONE && waits ? rpc->api->settle_ms(rpc->body) : -1;
    if (e != ERR_NONE) {
        controller_rpc_refuse(rpc, for_client(e));
    } else if (wait_ms >= 0) {
        controller_settle(&rpc->server->settle, rpc, wait_ms);
    } else {
        controller_rpc_reply(rpc, op->decision.response);
    }
}

struct metadata_cause controller_rpc_cause(const struct rpc *rpc)
{
    struct metadata_cause cause = rpc->origin;
    cause.event = METADATA_EVENT_REQUEST;
    cause.node = rpc->api->asker == NULL ? -1 : rpc->api->asker(rpc->body);
    cause.api_key = rpc->header.api_key;
    cause.api_version = rpc->header.api_version;
    cause.correlation_id = rpc->header.correlation_id;
    cause.client_id = rpc->header.client_id;
    if (!rpc->enveloped) {
        cause.host = slice_str(net_conn_peer_host(rpc->request->conn));
    }
    return cause;
}

static void read_confirmed(void *arg, enum err e)
{
    struct rpc *rpc = arg;
    if (e == ERR_NONE) {
        rpc->api->serve(rpc);
    } else {
        controller_rpc_refuse(rpc, for_client(e));
    }
}

static void serve(struct rpc *rpc)
{
    const struct rpc_api *api = rpc->api;
    bool active = controller_is_active(rpc->server->controller);
    if (!api->reads || (!active && api->standby != NULL && api->standby(rpc))) {
        api->serve(rpc);
    } else if (active) {
        node_read(rpc->server->node, read_confirmed, rpc);
    } else {
        controller_rpc_refuse(rpc, ERR_NOT_CONTROLLER);
    }
}

void controller_rpc_dispatch(struct rpc *rpc)
{
    if (rpc->api->serve != NULL) {
        serve(rpc);
        return;
    }
    rpc->op.unconfirmed = rpc->api->unconfirmed;
    rpc->op.cause = controller_rpc_cause(rpc);
    rpc->op.decide = decide;
    rpc->op.done = done;
    rpc->op.arena = controller_rpc_arena(rpc);
    rpc->op.api_version = rpc->header.api_version;
    controller_submit(rpc->server->controller, &rpc->op);
}

static struct rpc *rpc_new(struct controller_server *server, const struct rpc_api *api,
                           struct net_request *request)
{
    struct rpc *rpc = ARENA_NEW(&request->arena, struct rpc);
    rpc->server = server;
    rpc->api = api;
    rpc->request = request;
    rpc->header = request->header;
    rpc->body = request->body;
    return rpc;
}

void controller_rpc_handle(struct controller_server *server, const struct rpc_api *api,
                           struct net_request *request)
{
    controller_rpc_dispatch(rpc_new(server, api, request));
}

void controller_rpc_reply(struct rpc *rpc, const void *response)
{
    if (rpc->enveloped) {
        controller_rpc_reply_enveloped(rpc, response, ERR_NONE);
    } else {
        net_reply(rpc->request, response);
    }
}

void controller_rpc_refuse(struct rpc *rpc, enum err e)
{
    const void *response = rpc->api->refuse(rpc, e);
    if (rpc->enveloped) {
        controller_rpc_reply_enveloped(rpc, response, e);
    } else {
        net_reply(rpc->request, response);
    }
}

void controller_rpc_refuse_request(const struct rpc_api *api, struct net_request *request,
                                   enum err e)
{
    controller_rpc_refuse(rpc_new(NULL, api, request), e);
}
