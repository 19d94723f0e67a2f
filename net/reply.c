/* Answers to requests, and what else a handler may do with one. */
#include "base/mem.h"
#include "net/conn_struct.h"
#include "net/server_struct.h"

bool net_request_cancelled(const struct net_request *req)
{
    return stream_is_closed(&req->conn->stream);
}

void net_request_on_close(struct net_request *req, net_fn *fn, void *arg)
{
    struct slot *slot = slot_of(req);
    slot->on_close = fn;
    slot->on_close_arg = arg;
}

void net_request_drop_body(struct net_request *req)
{
    struct slot *slot = slot_of(req);
    frame_buf_unref(slot->frame);
    slot->frame = NULL;
    req->frame = SLICE_NULL;
    req->raw = SLICE_NULL;
    req->body = NULL;
}

/* Size (patched later) and header. */
static void begin(struct slot *slot)
{
    struct net_request *req = &slot->req;
    slot->out.bytes = frame_pool_take_buf(&req->loop->pool);
    buf_put_i32(&slot->out.bytes, 0);
    wire_response_header_encode(req->header.api_key, req->header.api_version,
                                req->header.correlation_id, &slot->out.bytes);
}

static void end(struct slot *slot, size_t file_bytes)
{
    struct buf *bytes = &slot->out.bytes;
    size_t size = bytes->len - FRAME_SIZE_BYTES + file_bytes;
    ASSERT(size <= INT32_MAX);
    buf_patch_i32(bytes, 0, (int32_t)size);
    slot_complete(slot, false);
}

/* Only our own handlers can ask for what has no encoding. */
static void cannot_encode(struct net_request *req, enum err e)
{
    log_error(req->server->options.log, "net", "response not encodable",
              "api=%s version=%d error=%s", wire_api(req->header.api_key)->name,
              req->header.api_version, err_name(e));
    net_request_close(req);
}

void net_reply(struct net_request *req, const void *response)
{
    struct slot *slot = slot_of(req);
    if (net_request_cancelled(req)) {
        slot_complete(slot, true);
        return;
    }
    begin(slot);
    enum err e = wire_encode(wire_response(req->header.api_key), req->header.api_version, response,
                             &slot->out.bytes);
    if (e != ERR_NONE) {
        cannot_encode(req, e);
        return;
    }
    end(slot, 0);
}

void net_reply_raw(struct net_request *req, struct slice body)
{
    struct slot *slot = slot_of(req);
    if (net_request_cancelled(req)) {
        slot_complete(slot, true);
        return;
    }
    begin(slot);
    buf_put_slice(&slot->out.bytes, body);
    end(slot, 0);
}

static void own_files(struct output *out, const struct net_file *files, int count)
{
    if (count == 0) {
        return;
    }
    out->files = mem_zalloc((size_t)count, sizeof(struct output_file));
    out->file_count = (size_t)count;
    for (int i = 0; i < count; i++) {
        out->files[i].file = files[i];
    }
}

void net_reply_files(struct net_request *req, const void *response, const struct net_file *files,
                     int count)
{
    struct slot *slot = slot_of(req);
    own_files(&slot->out, files, count);
    if (net_request_cancelled(req)) {
        slot_complete(slot, true);
        return;
    }
    begin(slot);
    struct wire_gaps gaps = {.arena = &req->arena};
    enum err e = wire_encode_gaps(wire_response(req->header.api_key), req->header.api_version,
                                  response, &slot->out.bytes, &gaps);
    if (e != ERR_NONE) {
        cannot_encode(req, e);
        return;
    }
    ASSERT(gaps.count == (size_t)count);
    for (size_t i = 0; i < gaps.count; i++) {
        ASSERT(gaps.items[i].len == files[i].len);
        slot->out.files[i].at = gaps.items[i].at;
    }
    end(slot, gaps.bytes);
}

void net_reply_none(struct net_request *req)
{
    slot_complete(slot_of(req), true);
}

void net_request_close(struct net_request *req)
{
    struct slot *slot = slot_of(req);
    slot->on_close = NULL; /* the handler knows */
    stream_close(&req->conn->stream, STREAM_END_US, "closed by us");
    slot_complete(slot, true);
}
