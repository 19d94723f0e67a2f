/* Calls to whoever is the active controller, sent again until it answers or time is up. */
#include "broker/channel.h"

#include <stdio.h>

#include "base/mem.h"
#include "broker/lifecycle.h"
#include "raft/node/node.h"
#include "wire/wire.h"

enum { CHANNEL_LINES = 3, CHANNEL_RETRY_MS = 20 };

struct channel_call {
    struct list node;
    struct broker_channel *channel;
    enum broker_channel_line line;
    int16_t api;
    int16_t version;
    struct buf body; /* encoded once, sent maybe several times */
    int64_t deadline_ms;
    bool (*not_controller)(const void *response);
    bool once;
    net_call_done *done;
    void *arg;
    struct net_call *sent;  /* NULL: waiting */
    struct net_timer timer; /* the next try, or the deadline */
};

struct broker_channel {
    struct broker *broker;
    int32_t leader_id; /* −1: unknown, or its address is */
    struct net_client *clients[CHANNEL_LINES];
    struct list calls;
};

static void call_try(struct channel_call *call);

/* ---- ending ---- */

static void call_free(struct channel_call *call)
{
    list_remove(&call->node);
    net_timer_stop(&call->timer);
    if (call->sent != NULL) {
        net_call_cancel(call->sent);
    }
    buf_fini(&call->body);
    mem_free(call);
}

static void call_end(struct channel_call *call, enum err e, const void *response,
                     struct net_response *raw)
{
    net_call_done *done = call->done;
    void *arg = call->arg;
    call_free(call);
    done(arg, e, response, raw);
}

/* ---- trying ---- */

static int64_t time_left(const struct channel_call *call)
{
    return call->deadline_ms - net_now_ms(call->channel->broker->loop);
}

static void retry_later(struct channel_call *call)
{
    net_timer_set(&call->timer, min_i64(CHANNEL_RETRY_MS, max_i64(0, time_left(call))));
}

static void take_response(struct channel_call *call, struct net_response *raw)
{
    struct arena arena = {0};
    const struct wire_message *m = wire_response(call->api);
    void *response = wire_new(m, &arena);
    enum err e = wire_decode(m, call->version, net_response_body(raw), &arena, response);
    if (e == ERR_NONE && call->not_controller(response)) {
        retry_later(call);
    } else {
        call_end(call, e, e == ERR_NONE ? response : NULL, raw);
    }
    arena_fini(&arena);
}

static void on_done(void *arg, enum err e, const void *response, struct net_response *raw)
{
    (void)response;
    struct channel_call *call = arg;
    call->sent = NULL;
    if (e == ERR_NONE) {
        take_response(call, raw);
    } else if (e == ERR_CLOSED && !call->once) {
        retry_later(call);
    } else {
        call_end(call, e, NULL, NULL);
    }
}

static void call_try(struct channel_call *call)
{
    struct broker_channel *channel = call->channel;
    if (channel->leader_id < 0) {
        net_timer_set(&call->timer, time_left(call)); /* a leader wakes it earlier */
        return;
    }
    net_timer_stop(&call->timer);
    struct net_call_args args = {.api = call->api,
                                 .version = call->version,
                                 .timeout_ms = max_i64(1, time_left(call)),
                                 .done = on_done,
                                 .arg = call};
    call->sent = net_client_raw_call(channel->clients[call->line], &args, buf_slice(&call->body));
}

static void on_timer(void *arg)
{
    struct channel_call *call = arg;
    if (time_left(call) <= 0) {
        call_end(call, ERR_TIMED_OUT, NULL, NULL);
        return;
    }
    call_try(call);
}

void broker_channel_send(struct broker_channel *channel, const struct broker_channel_call *wanted)
{
    struct channel_call *call = MEM_NEW(struct channel_call);
    call->channel = channel;
    call->line = wanted->line;
    call->api = wanted->api;
    call->version = wanted->version;
    call->deadline_ms = net_now_ms(channel->broker->loop) + wanted->timeout_ms;
    call->not_controller = wanted->not_controller;
    call->once = wanted->once;
    call->done = wanted->done;
    call->arg = wanted->arg;
    net_timer_init(&call->timer, channel->broker->loop, on_timer, call);
    list_add_tail(&channel->calls, &call->node);
    enum err e =
        wire_encode(wire_request(wanted->api), wanted->version, wanted->request, &call->body);
    ASSERT(e == ERR_NONE); /* our own request in a version we chose */
    call_try(call);
}

void broker_channel_cancel(struct broker_channel *channel, void *arg)
{
    LIST_EACH(node, &channel->calls)
    {
        struct channel_call *call = LIST_ENTRY(node, struct channel_call, node);
        if (call->arg == arg) {
            call_free(call);
        }
    }
}

/* ---- the controller moves ---- */

static void on_closed(void *arg, enum err why)
{
    struct broker_channel *channel = arg;
    struct broker *broker = channel->broker;
    log_debug(broker->log, "channel", "controller connection closed", "controller=%d error=%s",
              channel->leader_id, err_name(why));
    if (channel->leader_id >= 0) {
        node_connection_lost(broker->node, channel->leader_id);
    }
    /* The controller counts the silence from here: show that this process lives. */
    broker_lifecycle_heartbeat_now(broker->lifecycle);
}

static void point_clients(struct broker_channel *channel, const char *host, uint16_t port)
{
    static const char *const names[CHANNEL_LINES] = {"heartbeat", "controller", "forwarded"};
    struct broker *broker = channel->broker;
    for (int i = 0; i < CHANNEL_LINES; i++) {
        if (channel->clients[i] != NULL) {
            net_client_set_address(channel->clients[i], host, port);
            continue;
        }
        char client_id[48];
        snprintf(client_id, sizeof client_id, "broker-%d-%s", broker->id, names[i]);
        struct net_client_options options = {.host = host,
                                             .port = port,
                                             .client_id = client_id,
                                             .log = broker->log,
                                             .backoff_ms = CHANNEL_RETRY_MS,
                                             .backoff_max_ms = 10 * CHANNEL_RETRY_MS,
                                             .on_closed = on_closed,
                                             .arg = channel};
        channel->clients[i] = net_client_new(broker->loop, &options);
    }
}

void broker_channel_leader(struct broker_channel *channel, int32_t id, const char *host,
                           uint16_t port)
{
    if (id < 0 || host == NULL) {
        channel->leader_id = -1;
        return;
    }
    if (id != channel->leader_id) {
        log_info(channel->broker->log, "channel", "controller found", "controller=%d at=%s:%d", id,
                 host, port);
    }
    channel->leader_id = id;
    point_clients(channel, host, port);
    LIST_EACH(node, &channel->calls)
    {
        struct channel_call *call = LIST_ENTRY(node, struct channel_call, node);
        if (call->sent == NULL) {
            net_timer_set(&call->timer, 0);
        }
    }
    broker_lifecycle_heartbeat_now(channel->broker->lifecycle);
}

struct broker_channel *broker_channel_new(struct broker *broker)
{
    struct broker_channel *channel = MEM_NEW(struct broker_channel);
    channel->broker = broker;
    channel->leader_id = -1;
    list_init(&channel->calls);
    return channel;
}

void broker_channel_free(struct broker_channel *channel)
{
    if (channel == NULL) {
        return;
    }
    LIST_EACH(node, &channel->calls)
    {
        call_free(LIST_ENTRY(node, struct channel_call, node));
    }
    for (int i = 0; i < CHANNEL_LINES; i++) {
        net_client_free(channel->clients[i]);
    }
    mem_free(channel);
}
