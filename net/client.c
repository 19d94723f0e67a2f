/* The life of a client's connection: dialled on demand, greeted, lost, dialled again. */
#include "net/client.h"

#include <stdio.h>

#include "base/mem.h"
#include "net/client_struct.h"

enum {
    CONNECT_TIMEOUT_MS = 10 * 1000,
    BACKOFF_MS = 50,
    BACKOFF_MAX_MS = 1000,
    RESPONSE_BYTES_MAX = 100 << 20,
    FRAME_TIMEOUT_MS = 30 * 1000,
    STALL_TIMEOUT_MS = 30 * 1000,
    BACKOFF_DOUBLINGS_MAX = 20
};

static void dialled(void *arg, const struct dial_end *end);
static void redial(void *arg);

void client_forget_ranges(struct net_client *client)
{
    for (int i = 0; i < WIRE_API_SLOTS; i++) {
        client->ranges[i] = (struct version_range){.min = -1, .max = -1};
    }
}

struct net_client *net_client_new(struct net_loop *loop, const struct net_client_options *options)
{
    struct net_client *client = MEM_NEW(struct net_client);
    client->loop = loop;
    client->options = *options;
    struct net_client_options *o = &client->options;
    client->host = mem_strdup(options->host);
    client->client_id = mem_strdup(options->client_id);
    o->host = NULL;
    o->client_id = NULL;
    o->connect_timeout_ms = o->connect_timeout_ms > 0 ? o->connect_timeout_ms : CONNECT_TIMEOUT_MS;
    o->backoff_ms = o->backoff_ms > 0 ? o->backoff_ms : BACKOFF_MS;
    o->backoff_max_ms = o->backoff_max_ms > 0 ? o->backoff_max_ms : BACKOFF_MAX_MS;
    client->limits = (struct stream_limits){
        .frame_bytes_max = o->response_bytes_max > 0 ? o->response_bytes_max : RESPONSE_BYTES_MAX,
        .idle_ms = o->idle_ms,
        .frame_timeout_ms = FRAME_TIMEOUT_MS,
        .stall_timeout_ms = STALL_TIMEOUT_MS,
    };
    list_init(&client->waiting);
    list_init(&client->sent);
    list_init(&client->failing);
    net_timer_init(&client->redial, loop, redial, client);
    client_forget_ranges(client);
    return client;
}

/* ---- failures ---- */

/* A connection that never answered counts as a failure, however it ended. */
static void count_failure(struct net_client *client)
{
    const struct net_client_options *o = &client->options;
    int doublings =
        client->failures < BACKOFF_DOUBLINGS_MAX ? client->failures : BACKOFF_DOUBLINGS_MAX;
    client->failures++;
    int64_t delay_ms = min_i64(o->backoff_ms << doublings, o->backoff_max_ms);
    client->next_dial_ms = net_now_ms(client->loop) + delay_ms;
}

static void log_failure(struct net_client *client, const char *reason)
{
    /* The first in a row is news. */
    enum log_level level = client->failures == 1 ? LOG_INFO : LOG_DEBUG;
    LOG_AT(client->options.log, level, "net", "cannot connect", "peer=%s:%d reason=\"%s\"",
           client->host, client->options.port, reason);
}

void client_connecting_failed(struct net_client *client, const char *reason)
{
    log_failure(client, reason);
    snprintf(client->failure, sizeof client->failure, "%s", reason);
    calls_fail(&client->waiting, ERR_CLOSED);
}

/* ---- the connection's view ---- */

static struct link *link_of(const struct stream *s)
{
    return container_of(s, struct link, stream);
}

static void on_frame(struct stream *s, struct slice frame, struct frame_buf *buf)
{
    call_answered(link_of(s)->client, frame, buf);
}

static bool may_read(const struct stream *s)
{
    (void)s;
    return true;
}

static bool is_busy(const struct stream *s)
{
    return !list_empty(&link_of(s)->client->sent);
}

static void free_link(void *arg)
{
    mem_free(arg);
}

/* Lets go of a connection that is closed or about to be; its calls become failing. */
static void let_go(struct net_client *client)
{
    client->link->client = NULL;
    client->link = NULL;
    client->state = CLIENT_IDLE;
    calls_fail(&client->sent, ERR_CLOSED);
    if (client->answered) {
        client->failures = 0;
    } else {
        count_failure(client);
    }
}

static enum err error_of(enum stream_end why)
{
    switch (why) {
    case STREAM_END_IDLE:
    case STREAM_END_SLOW:
        return ERR_TIMED_OUT;
    case STREAM_END_MALFORMED:
        return ERR_MALFORMED;
    case STREAM_END_US:
    case STREAM_END_PEER:
    case STREAM_END_FILE:
        break;
    }
    return ERR_CLOSED;
}

/* The peer has closed, or a time limit was passed. */
static void on_closed(struct stream *s, enum stream_end why, const char *reason)
{
    struct link *link = link_of(s);
    struct net_client *client = link->client;
    loop_defer_duty(s->loop, free_link, link);
    if (client == NULL) {
        return;
    }
    bool was_open = client->state == CLIENT_OPEN;
    log_debug(client->options.log, "net", "connection lost", "peer=%s:%d reason=\"%s\"",
              client->host, client->options.port, reason);
    let_go(client);
    calls_tell(client);
    if (was_open && !client->freed && client->options.on_closed != NULL) {
        client->options.on_closed(client->options.arg, error_of(why));
    }
}

static void on_abandoned(struct stream *s)
{
    (void)s;
    UNREACHABLE(); /* links do not linger */
}

static const struct stream_ops link_ops = {
    .frame = on_frame,
    .closed = on_closed,
    .abandoned = on_abandoned,
    .may_read = may_read,
    .is_busy = is_busy,
};

/* ---- dialling ---- */

static void become_dialing(struct net_client *client)
{
    client->state = CLIENT_DIALING;
    struct dial_options options = {
        .host = client->host,
        .port = client->options.port,
        .timeout_ms = client->options.connect_timeout_ms,
        .sizes = {.send_bytes = client->options.send_buffer_bytes,
                  .receive_bytes = client->options.receive_buffer_bytes},
    };
    client->dial = dial_start(client->loop, &options, dialled, client);
}

static void redial(void *arg)
{
    struct net_client *client = arg;
    become_dialing(client);
}

void client_want(struct net_client *client)
{
    if (client->state != CLIENT_IDLE) {
        return;
    }
    client->failure[0] = '\0';
    client->refused = false;
    int64_t delay_ms = client->next_dial_ms - net_now_ms(client->loop);
    if (delay_ms <= 0) {
        become_dialing(client);
        return;
    }
    client->state = CLIENT_WAITING;
    net_timer_set(&client->redial, delay_ms);
}

void client_become_open(struct net_client *client)
{
    client->state = CLIENT_OPEN;
    calls_send_waiting(client);
    calls_tell(client);
    if (!client->freed && client->state == CLIENT_OPEN && client->options.on_open != NULL) {
        client->options.on_open(client->options.arg);
    }
}

static void dialled(void *arg, const struct dial_end *end)
{
    struct net_client *client = arg;
    client->dial = NULL;
    if (end->fd < 0) {
        client->state = CLIENT_IDLE;
        client->refused = end->refused;
        count_failure(client);
        client_connecting_failed(client, end->reason);
        calls_tell(client);
        return;
    }
    client->answered = false;
    client->link = MEM_NEW(struct link);
    client->link->client = client;
    stream_init(&client->link->stream, client->loop, end->fd, &link_ops, &client->limits);
    if (client->options.api_versions) {
        greeting_begin(client);
    } else {
        client_become_open(client);
    }
}

/* ---- for its user ---- */

void client_break(struct net_client *client, enum stream_end why, const char *reason)
{
    if (client->link != NULL) {
        stream_close(&client->link->stream, why, reason);
    }
}

/* Without a word to the owner; calls that were sent become failing. */
static void drop_link(struct net_client *client)
{
    dial_cancel(client->dial);
    client->dial = NULL;
    net_timer_stop(&client->redial);
    if (client->link != NULL) {
        struct stream *s = &client->link->stream;
        let_go(client);
        stream_close(s, STREAM_END_US, "closed by us");
    }
    client->state = CLIENT_IDLE;
    client->failures = 0;
    client->next_dial_ms = 0;
}

static void free_client(void *arg)
{
    struct net_client *client = arg;
    ASSERT(list_empty(&client->waiting));
    ASSERT(list_empty(&client->sent));
    ASSERT(list_empty(&client->failing));
    mem_free(client->host);
    mem_free(client->client_id);
    mem_free(client);
}

void net_client_free(struct net_client *client)
{
    if (client == NULL) {
        return;
    }
    ASSERT(!client->freed);
    client->freed = true;
    net_client_disconnect(client);
    loop_defer_duty(client->loop, free_client, client);
}

void net_client_disconnect(struct net_client *client)
{
    drop_link(client);
    calls_fail(&client->waiting, ERR_CLOSED);
    calls_tell(client);
}

void net_client_connect(struct net_client *client)
{
    client_want(client);
}

bool net_client_is_open(const struct net_client *client)
{
    return client->state == CLIENT_OPEN;
}

void net_client_set_address(struct net_client *client, const char *host, int port)
{
    if (client->options.port == port && strcmp(client->host, host) == 0) {
        return;
    }
    mem_free(client->host);
    client->host = mem_strdup(host);
    client->options.port = port;
    net_client_disconnect(client);
}

const char *net_client_failure(const struct net_client *client)
{
    return client->failure[0] == '\0' ? NULL : client->failure;
}

bool net_client_is_refused(const struct net_client *client)
{
    return client->refused;
}

int16_t net_client_max_version(const struct net_client *client, int16_t api)
{
    int slot = wire_api_slot(api);
    return slot < 0 ? -1 : client->ranges[slot].max;
}

int16_t net_client_min_version(const struct net_client *client, int16_t api)
{
    int slot = wire_api_slot(api);
    return slot < 0 ? -1 : client->ranges[slot].min;
}
