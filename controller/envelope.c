/* Requests that a broker forwards for a client (KIP-590).
 *
 * The Envelope holds the client's request, header included, as it came to the broker. The answer
 * holds the client's response, header included. NOT_CONTROLLER is said by the Envelope itself, so
 * that the broker looks for the active controller instead of telling the client. */
#include "controller/rpc.h"

#include <arpa/inet.h>

#include "controller/api.h"
#include "controller/server_struct.h"

void *controller_rpc_refuse_envelope(const struct rpc *rpc, enum err e)
{
    struct wire_envelope_response *response =
        wire_new(&wire_msg_envelope_response, controller_rpc_arena(rpc));
    response->error_code = err_wire(e);
    return response;
}

/* The principal as "type:name", null for the one that everybody is without authentication. */
static enum err read_principal(struct slice bytes, struct arena *arena, struct slice *out)
{
    struct wire_default_principal_data principal;
    struct reader r = reader_of(bytes);
    int16_t version = reader_i16(&r);
    *out = SLICE_NULL;
    if (slice_is_null(bytes)) {
        return ERR_NONE;
    }
    if (r.bad || wire_decode(&wire_msg_default_principal_data, version,
                             slice_of(r.p, reader_left(&r)), arena, &principal) != ERR_NONE) {
        return ERR_PRINCIPAL_DESERIALIZATION_FAILURE;
    }
    if (!slice_eq_str(principal.type, "User") || !slice_eq_str(principal.name, "ANONYMOUS")) {
        *out =
            decide_text(arena, "%.*s:%.*s", SLICE_ARG(principal.type), SLICE_ARG(principal.name));
    }
    return ERR_NONE;
}

static struct slice read_address(struct slice bytes, struct arena *arena)
{
    char text[INET6_ADDRSTRLEN] = "";
    if (bytes.len != 4 && bytes.len != 16) {
        return SLICE_NULL;
    }
    const char *done =
        inet_ntop(bytes.len == 4 ? AF_INET : AF_INET6, bytes.data, text, sizeof text);
    return done == NULL ? SLICE_NULL : arena_dup(arena, slice_str(text));
}

static enum err read_origin(const struct rpc *outer, struct metadata_cause *out)
{
    const struct wire_envelope_request *envelope = outer->body;
    struct arena *arena = controller_rpc_arena(outer);
    out->via = outer->header.client_id;
    out->host = read_address(envelope->client_host_address, arena);
    return read_principal(envelope->request_principal, arena, &out->principal);
}

static enum err open_envelope(struct rpc *outer, struct rpc *inner)
{
    const struct wire_envelope_request *envelope = outer->body;
    struct reader r = reader_of(envelope->request_data);
    TRY(read_origin(outer, &inner->origin));
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
    struct slice bytes = slice_of(r.p, reader_left(&r));
    struct wire_input input = net_input_of(bytes, inner->header.api_version);
    return wire_decode_within(message, &input, controller_rpc_arena(outer), body);
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
