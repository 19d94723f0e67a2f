/* Calls: encoded, sent, timed, answered or failed. */
#include "base/mem.h"
#include "net/client_struct.h"

enum {
    /* Responses up to this size are copied, so that one that is kept does not hold the shared
     * buffer that it was read into. */
    RESPONSE_COPY_BYTES_MAX = 4096
};

struct net_kept {
    struct arena arena;
    struct frame_buf *buf;
};

/* ---- making and ending ---- */

static void free_call(struct net_call *call)
{
    net_timer_stop(&call->timer);
    list_remove(&call->link);
    frame_pool_give_buf(&call->client->loop->pool, &call->out.bytes);
    mem_free(call);
}

static void request_sent(struct output *out, bool sent)
{
    (void)sent;
    struct net_call *call = container_of(out, struct net_call, out);
    frame_pool_give_buf(&call->client->loop->pool, &out->bytes);
}

static void fail(struct net_call *call, enum err e)
{
    net_timer_stop(&call->timer);
    list_remove(&call->link);
    call->error = e;
    list_add_tail(&call->client->failing, &call->link);
}

/* The peer is given up when it does not answer in time: later answers could only come after
 * this one, and a new connection finds a healed network sooner. */
static void on_timeout(void *arg)
{
    struct net_call *call = arg;
    struct net_client *client = call->client;
    bool sent = call->sent;
    fail(call, ERR_TIMED_OUT);
    if (sent) {
        client_break(client, STREAM_END_SLOW, "no answer before the deadline");
    }
    calls_tell(client);
}

static enum err encode(struct net_call *call, const void *request, const struct slice *body)
{
    struct net_client *client = call->client;
    struct buf *bytes = &call->out.bytes;
    *bytes = frame_pool_take_buf(&client->loop->pool);
    buf_put_i32(bytes, 0);
    struct wire_header header = {
        .api_key = call->api,
        .api_version = call->version,
        .correlation_id = call->correlation_id,
        .client_id = slice_str(client->client_id),
    };
    TRY(wire_header_encode(&header, bytes));
    if (body != NULL) {
        buf_put_slice(bytes, *body);
    } else {
        TRY(wire_encode(wire_request(call->api), call->version, request, bytes));
    }
    if (bytes->len - FRAME_SIZE_BYTES > INT32_MAX) {
        return ERR_MESSAGE_TOO_LARGE;
    }
    buf_patch_i32(bytes, 0, (int32_t)(bytes->len - FRAME_SIZE_BYTES));
    return ERR_NONE;
}

struct net_call *call_new(struct net_client *client, const struct net_call_args *args,
                          const struct slice *body)
{
    ASSERT(!client->freed);
    struct net_call *call = MEM_NEW(struct net_call);
    list_init(&call->link);
    list_init(&call->out.link);
    call->client = client;
    call->out.done = request_sent;
    call->correlation_id = client->next_correlation_id++ & INT32_MAX;
    call->api = args->api;
    call->version = args->version;
    call->raw = body != NULL;
    call->done = args->done;
    call->arg = args->arg;
    net_timer_init(&call->timer, client->loop, on_timeout, call);
    if (args->timeout_ms > 0) {
        net_timer_set(&call->timer, args->timeout_ms);
    }
    call->error = encode(call, args->request, body);
    return call;
}

void net_call_cancel(struct net_call *call)
{
    call->done = NULL;
    if (!call->sent && call->error == ERR_NONE) {
        free_call(call);
    } /* else it stays, mute, until its response or its end */
}

/* ---- sending ---- */

static bool is_supported(const struct net_client *client, const struct net_call *call)
{
    return !client->options.api_versions ||
           (call->version >= net_client_min_version(client, call->api) &&
            call->version <= net_client_max_version(client, call->api));
}

void call_send(struct net_call *call)
{
    struct net_client *client = call->client;
    call->sent = true;
    list_remove(&call->link);
    list_add_tail(&client->sent, &call->link);
    stream_send(&client->link->stream, &call->out);
}

void calls_send_waiting(struct net_client *client)
{
    LIST_EACH(node, &client->waiting)
    {
        struct net_call *call = LIST_ENTRY(node, struct net_call, link);
        if (is_supported(client, call)) {
            call_send(call);
        } else {
            fail(call, ERR_UNSUPPORTED);
        }
    }
}

static void tell_later(void *arg)
{
    calls_tell(arg);
}

static struct net_call *start(struct net_call *call)
{
    struct net_client *client = call->client;
    bool open = client->state == CLIENT_OPEN;
    if (call->error == ERR_NONE && open && !is_supported(client, call)) {
        call->error = ERR_UNSUPPORTED;
    }
    if (call->error != ERR_NONE) {
        fail(call, call->error);
        loop_defer_duty(client->loop, tell_later, client);
    } else if (open) {
        call_send(call);
    } else {
        list_add_tail(&client->waiting, &call->link);
        client_want(client);
    }
    return call;
}

struct net_call *net_call(struct net_client *client, const struct net_call_args *args)
{
    return start(call_new(client, args, NULL));
}

struct net_call *net_client_raw_call(struct net_client *client, const struct net_call_args *args,
                                     struct slice body)
{
    return start(call_new(client, args, &body));
}

/* ---- failing ---- */

void calls_fail(struct list *calls, enum err e)
{
    LIST_EACH(node, calls)
    {
        fail(LIST_ENTRY(node, struct net_call, link), e);
    }
}

void calls_tell(struct net_client *client)
{
    while (!list_empty(&client->failing)) {
        struct net_call *call = LIST_ENTRY(client->failing.next, struct net_call, link);
        net_call_done *done = call->done;
        void *arg = call->arg;
        enum err e = call->error;
        free_call(call);
        if (done != NULL) {
            done(arg, e, NULL, NULL);
        }
    }
}

/* ---- answers ---- */

static void answer(struct net_call *call, struct net_response *raw)
{
    net_call_done *done = call->done;
    void *arg = call->arg;
    const void *response = NULL;
    if (!call->raw) {
        const struct wire_message *m = wire_response(call->api);
        void *decoded = arena_alloc(&raw->arena, wire_size(m));
        if (wire_decode(m, call->version, raw->body, &raw->arena, decoded) != ERR_NONE) {
            struct net_client *client = call->client;
            fail(call, ERR_MALFORMED);
            client_break(client, STREAM_END_MALFORMED, "malformed response");
            calls_tell(client);
            return;
        }
        response = decoded;
    }
    free_call(call);
    done(arg, ERR_NONE, response, raw);
}

void call_answered(struct net_client *client, struct slice frame, struct frame_buf *buf)
{
    if (list_empty(&client->sent)) {
        client_break(client, STREAM_END_MALFORMED, "a response that nothing asked for");
        calls_tell(client);
        return;
    }
    struct net_call *call = LIST_ENTRY(client->sent.next, struct net_call, link);
    struct net_response raw = {0};
    if (frame.len <= RESPONSE_COPY_BYTES_MAX) {
        frame = arena_dup(&raw.arena, frame);
    } else {
        raw.buf = frame_buf_ref(buf);
    }
    struct reader r = reader_of(frame);
    int32_t correlation_id = -1;
    if (wire_response_header_decode(&r, call->api, call->version, &correlation_id) != ERR_NONE ||
        correlation_id != call->correlation_id || !list_empty(&call->out.link)) {
        fail(call, ERR_MALFORMED);
        client_break(client, STREAM_END_MALFORMED, "not the response that is next");
        calls_tell(client);
    } else if (call->done == NULL) {
        client->answered = true;
        free_call(call);
    } else {
        client->answered = true;
        raw.body = reader_bytes(&r, reader_left(&r));
        answer(call, &raw);
    }
    if (!raw.taken) {
        arena_fini(&raw.arena);
        frame_buf_unref(raw.buf);
    }
}

struct slice net_response_body(const struct net_response *raw)
{
    return raw->body;
}

struct net_kept *net_response_take(struct net_response *raw)
{
    ASSERT(!raw->taken);
    struct net_kept *kept = MEM_NEW(struct net_kept);
    kept->arena = raw->arena;
    kept->buf = raw->buf;
    raw->taken = true;
    return kept;
}

void net_kept_free(struct net_kept *kept)
{
    if (kept != NULL) {
        arena_fini(&kept->arena);
        frame_buf_unref(kept->buf);
        mem_free(kept);
    }
}
