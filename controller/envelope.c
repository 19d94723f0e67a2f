/* Requests that a broker forwards for a client (KIP-590).
 *
 * The Envelope holds the client's request, header included, as it came to the broker. The answer
 * holds the client's response, header included. NOT_CONTROLLER is said by the Envelope itself, so
 * that the broker looks for the active controller instead of telling the client. */
#include "controller/rpc.h"

#include "controller/api.h"
#include "controller/server_struct.h"

void *controller_rpc_refuse_envelope(const struct rpc *rpc, enum err e)
{
    struct wire_envelope_response *response =
        wire_new(&wire_msg_envelope_response, controller_rpc_arena(rpc));
    response->error_code = err_wire(e);
    return response;
}

static enum err open_envelope(struct rpc *outer, struct rpc *inner)
{
    const struct wire_envelope_request *envelope = outer->body;
    struct reader r = reader_of(envelope->request_data);
    TRY(wire_header_decode(&r, &inner->header));
    inner->api = controller_api_find(inner->header.api_key);
    if (inner->api == NULL || !inner->api->forwarded) {
        return ERR_INVALID_REQUEST;
    }
    if (inner->header.api_version < inner->api->min_version ||
        inner->header.api_version > inner->api->max_version) {
        return ERR_UNSUPPORTED_VERSION;
    }
    const struct wire_message *message = wire_request(inner->header.api_key);
    void *body = wire_new(message, controller_rpc_arena(outer));
    inner->body = body;
    return wire_decode(message, inner->header.api_version, slice_of(r.p, reader_left(&r)),
                       controller_rpc_arena(outer), body);
}

void controller_rpc_serve_envelope(struct rpc *outer)
{
    struct rpc *inner = ARENA_NEW(controller_rpc_arena(outer), struct rpc);
    inner->server = outer->server;
    inner->request = outer->request;
    inner->enveloped = true;
    enum err e = open_envelope(outer, inner);
    if (e != ERR_NONE) {
        controller_rpc_refuse(outer, e);
        return;
    }
    controller_rpc_dispatch(inner);
}

void controller_rpc_reply_enveloped(struct rpc *rpc, const void *response, enum err e)
{
    struct wire_envelope_response envelope;
    struct buf data = {0};
    wire_init(&wire_msg_envelope_response, &envelope);
    if (e == ERR_NOT_CONTROLLER) {
        envelope.error_code = err_wire(e);
    } else {
        const struct wire_header *header = &rpc->header;
        wire_response_header_encode(header->api_key, header->api_version, header->correlation_id,
                                    &data);
        enum err bad =
            wire_encode(wire_response(header->api_key), header->api_version, response, &data);
        envelope.error_code = err_wire(bad);
        envelope.response_data = bad == ERR_NONE ? buf_slice(&data) : SLICE_NULL;
    }
    net_reply(rpc->request, &envelope);
    buf_fini(&data);
}
