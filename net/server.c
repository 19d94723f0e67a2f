/* The dispatch of requests. */
#include "net/server.h"

#include "base/mem.h"
#include "net/conn_struct.h"
#include "net/server_struct.h"

enum {
    REQUEST_BYTES_MAX = 100 << 20,
    IN_FLIGHT_MAX = 8,
    OUTPUT_BYTES_MAX = 4 << 20,
    FRAME_TIMEOUT_MS = 30 * 1000,
    STALL_TIMEOUT_MS = 30 * 1000,
    /* Frames up to this size are copied into their request's arena, so that a parked request does
     * not hold the shared buffer that it was read into. */
    FRAME_COPY_BYTES_MAX = 4096
};

struct net_server *net_server_new(const struct net_server_options *options)
{
    struct net_server *server = MEM_NEW(struct net_server);
    server->options = *options;
    struct net_server_options *o = &server->options;
    o->request_bytes_max = o->request_bytes_max > 0 ? o->request_bytes_max : REQUEST_BYTES_MAX;
    o->in_flight_max = o->in_flight_max > 0 ? o->in_flight_max : IN_FLIGHT_MAX;
    o->output_bytes_max = o->output_bytes_max > 0 ? o->output_bytes_max : OUTPUT_BYTES_MAX;
    o->frame_timeout_ms = o->frame_timeout_ms > 0 ? o->frame_timeout_ms : FRAME_TIMEOUT_MS;
    o->stall_timeout_ms = o->stall_timeout_ms > 0 ? o->stall_timeout_ms : STALL_TIMEOUT_MS;
    for (int i = 0; i < o->api_count; i++) {
        const struct net_api *api = &o->apis[i];
        const struct wire_api_info *info = wire_api(api->key);
        ASSERT(info != NULL);
        ASSERT(api->min_version >= info->version_min);
        ASSERT(api->max_version <= info->version_max);
        const struct net_api **slot = &server->by_slot[wire_api_slot(api->key)];
        ASSERT(*slot == NULL);
        *slot = api;
    }
    return server;
}

void net_server_free(struct net_server *server)
{
    mem_free(server);
}

struct net_server_stats net_server_stats(const struct net_server *server)
{
    return (struct net_server_stats){
        .connections = server->connections,
        .connections_total = server->connections_total,
        .requests = server->requests,
        .bytes_in = server->counters.bytes_in,
        .bytes_out = server->counters.bytes_out,
        .closed_malformed = server->closed_malformed,
        .closed_idle = server->closed_idle,
        .closed_stalled = server->closed_stalled,
    };
}

void net_request_api_versions(struct net_request *req, enum err error,
                              struct wire_api_versions_response *out)
{
    const struct net_server_options *o = &req->server->options;
    wire_init(&wire_msg_api_versions_response, out);
    out->error_code = err_wire(error);
    out->api_keys =
        wire_new_array(&wire_msg_api_versions_response_api_keys, &req->arena, o->api_count);
    out->api_keys_count = o->api_count;
    for (int i = 0; i < o->api_count; i++) {
        out->api_keys[i].api_key = o->apis[i].key;
        out->api_keys[i].min_version = o->apis[i].min_version;
        out->api_keys[i].max_version = o->apis[i].max_version;
    }
}

/* ---- what cannot be handled ---- */

/* Closes the connection of a request that makes no sense. */
static void give_up(struct net_request *req, const char *problem)
{
    const struct wire_api_info *api = wire_api(req->header.api_key);
    log_warn(req->server->options.log, "net", "bad request",
             "listener=%s peer=%s api=%s key=%d version=%d bytes=%zu reason=\"%s\"",
             net_conn_listener(req->conn), net_conn_peer(req->conn),
             api == NULL ? "unknown" : api->name, req->header.api_key, req->header.api_version,
             req->frame.len, problem);
    req->server->closed_malformed++;
    stream_close(&req->conn->stream, STREAM_END_US, problem);
    slot_complete(slot_of(req), true);
}

/* A body in the form of version 0 of ApiVersions, which any client can tell from an answer. */
static void reply_with_ranges(struct net_request *req)
{
    struct wire_api_versions_response response;
    net_request_api_versions(req, ERR_UNSUPPORTED_VERSION, &response);
    struct buf body = {0};
    enum err e = wire_encode(&wire_msg_api_versions_response, 0, &response, &body);
    ASSERT(e == ERR_NONE);
    net_reply_raw(req, buf_slice(&body));
    buf_fini(&body);
}

static void reply_unsupported(struct net_request *req, const struct net_api *api)
{
    log_debug(req->server->options.log, "net", "unsupported version", "peer=%s api=%s version=%d",
              net_conn_peer(req->conn), wire_api(api->key)->name, req->header.api_version);
    if (api->key == WIRE_API_API_VERSIONS || api->error_response == NULL) {
        reply_with_ranges(req);
        return;
    }
    const struct wire_message *m = wire_response(api->key);
    req->header.api_version = (int16_t)max_i64(
        wire_version_min(m), min_i64(wire_version_max(m), req->header.api_version));
    api->error_response(req, ERR_UNSUPPORTED_VERSION);
}

/* ---- dispatch ---- */

static void take_frame(struct slot *slot, struct slice frame, struct frame_buf *buf)
{
    if (frame.len <= FRAME_COPY_BYTES_MAX) {
        slot->req.frame = arena_dup(&slot->req.arena, frame);
    } else {
        slot->frame = frame_buf_ref(buf);
        slot->req.frame = frame;
    }
}

void server_dispatch(struct net_conn *conn, struct slice frame, struct frame_buf *buf)
{
    struct net_server *server = conn->server;
    struct slot *slot = slot_new(conn);
    struct net_request *req = &slot->req;
    atomic_fetch_add_explicit(&server->requests, 1, memory_order_relaxed);
    take_frame(slot, frame, buf);
    struct reader r = reader_of(req->frame);
    enum err e = wire_header_decode(&r, &req->header);
    if (e != ERR_NONE) {
        give_up(req, e == ERR_MALFORMED ? "malformed header" : "unknown API");
        return;
    }
    const struct net_api *api = server->by_slot[wire_api_slot(req->header.api_key)];
    if (api == NULL) {
        give_up(req, "API not served here");
        return;
    }
    int16_t version = req->header.api_version;
    if (version < api->min_version || version > api->max_version) {
        reply_unsupported(req, api);
        return;
    }
    const struct wire_message *m = wire_request(api->key);
    req->raw = reader_bytes(&r, reader_left(&r));
    req->body = arena_alloc(&req->arena, wire_size(m));
    struct wire_input input = net_input_of(req->raw, version);
    e = wire_decode_within(m, &input, &req->arena, req->body);
    slot_charge(slot);
    if (e != ERR_NONE) {
        give_up(req, e == ERR_MESSAGE_TOO_LARGE ? "arrays too large" : "malformed body");
        return;
    }
    api->handle(server->options.arg, req);
}
