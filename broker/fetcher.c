/* Sources of replication: connections to leaders, what is fetched, when. */
#include "broker/fetcher.h"

#include <stdio.h>

#include "base/map.h"
#include "base/mem.h"
#include "broker/fetcher_private.h"
#include "broker/replicas.h"
#include "raft/node/node.h"

enum {
    FETCH_TIMEOUT_SLACK_MS = 30000, /* replica.socket.timeout.ms beyond the long poll */
    PAUSE_MS = 50                   /* until a throttled partition looks again */
};

struct broker_fetchers {
    struct map by_leader; /* struct fetch_source */
};

static void on_response(void *arg, enum err e, const void *response, struct net_response *raw);

/* ---- sending ---- */

static void reset_session(struct fetch_source *source)
{
    source->session_id = FETCH_NO_SESSION;
    source->session_epoch = FETCH_EPOCH_FULL;
    source->answered = false;
    buf_reset(&source->forgotten);
    LIST_EACH(node, &source->partitions)
    {
        struct fetch_partition *p = LIST_ENTRY(node, struct fetch_partition, node);
        p->in_session = false;
        p->sent_offset = -1;
        if (!net_timer_is_set(&p->backoff_timer) && !p->resolving) {
            fetch_partition_changed(p);
        }
    }
}

/* A partition that just came must not wait for the end of a long poll. The next request on the
 * session makes the leader end it at once. Both answers count: what the leader has told once, as a
 * high watermark, it does not tell again. Not before the session's id is known. */
static bool may_hurry(const struct fetch_source *source)
{
    return source->has_new && !source->hurried && source->session_id != FETCH_NO_SESSION;
}

static void send_request(void *arg)
{
    struct fetch_source *source = arg;
    bool hurry = source->in_flight;
    source->send_deferred = false;
    if (source->client == NULL || net_timer_is_set(&source->retry_timer) ||
        (hurry && !may_hurry(source))) {
        return;
    }
    source->has_new = false;
    int32_t epoch = source->session_epoch;
    source->session_epoch = hurry ? fetch_next_epoch(epoch) : epoch;
    struct arena arena = {0};
    struct wire_fetch_request request;
    if (fetch_request_build(source, &arena, &request)) {
        struct net_call_args args = {.api = WIRE_API_FETCH,
                                     .version = FETCH_VERSION,
                                     .request = &request,
                                     .timeout_ms = request.max_wait_ms + FETCH_TIMEOUT_SLACK_MS,
                                     .done = on_response,
                                     .arg = source};
        source->in_flight = true;
        source->hurried = hurry;
        net_call(source->client, &args);
    } else {
        source->session_epoch = epoch;
    }
    arena_fini(&arena);
}

/* Sends the next request at the end of this turn unless one is in flight. */
static void want_source(struct fetch_source *source)
{
    if (!source->send_deferred && (!source->in_flight || source->has_new)) {
        source->send_deferred = true;
        net_defer(source->broker->loop, send_request, source);
    }
}

static void retry_now(void *arg)
{
    want_source(arg);
}

static void back_off(struct fetch_source *source)
{
    int64_t max_ms = settings_long(source->broker->settings, "replica.fetch.backoff.ms");
    source->backoff_ms = min_i64(max_ms, max_i64(FETCH_BACKOFF_MIN_MS, source->backoff_ms * 2));
    net_timer_set(&source->retry_timer, source->backoff_ms);
}

static void on_response(void *arg, enum err e, const void *response, struct net_response *raw)
{
    (void)raw;
    struct fetch_source *source = arg;
    bool of_hurried = source->hurried; /* answers come in the order of their requests */
    source->hurried = false;
    source->in_flight = of_hurried;
    if (e == ERR_NONE) {
        e = (enum err)((const struct wire_fetch_response *)response)->error_code;
    }
    if (of_hurried) {
        /* What is wrong with it is wrong with the next one, too. */
        if (e == ERR_NONE) {
            fetch_response_apply(source, response, source->requests - 1);
        }
        return;
    }
    if (e != ERR_NONE) {
        log_debug(source->broker->log, "fetcher", "fetch failed", "leader=%d error=%s",
                  source->leader_id, err_name(e));
        reset_session(source);
        back_off(source);
        return;
    }
    source->backoff_ms = 0;
    source->answered = true;
    fetch_response_apply(source, response, source->requests);
    want_source(source);
}

/* ---- partitions ---- */

void fetch_partition_changed(struct fetch_partition *p)
{
    if (list_empty(&p->changed)) {
        list_add_tail(&p->source->changed, &p->changed);
    }
}

void fetch_partition_join(struct fetch_partition *p)
{
    fetch_partition_changed(p);
    p->source->has_new = true;
    want_source(p->source);
}

void fetch_partition_leave(struct fetch_partition *p)
{
    list_remove(&p->changed);
    if (p->in_session) {
        buf_put(&p->source->forgotten, p->replica->key, REPLICA_KEY_LEN);
    }
    p->in_session = false;
    p->sent_offset = -1;
}

bool fetch_partition_maybe_pause(struct fetch_partition *p)
{
    struct replica *r = p->replica;
    struct broker *broker = r->broker;
    if (!r->config.follower_throttled || partition_in_isr(&r->part, broker->id) ||
        !broker_throttle_exceeded(&broker->follower_throttle, net_now_ms(broker->loop))) {
        return false;
    }
    fetch_partition_leave(p);
    net_timer_set(&p->backoff_timer, PAUSE_MS);
    return true;
}

static void backoff_over(void *arg)
{
    if (!fetch_partition_maybe_pause(arg)) {
        fetch_partition_join(arg);
    }
}

void fetch_partition_back_off(struct fetch_partition *p)
{
    int64_t max_ms = settings_long(p->source->broker->settings, "replica.fetch.backoff.ms");
    p->backoff_ms = min_i64(max_ms, max_i64(FETCH_BACKOFF_MIN_MS, p->backoff_ms * 2));
    fetch_partition_leave(p);
    net_timer_set(&p->backoff_timer, p->backoff_ms);
}

/* ---- sources ---- */

/* The leader's process died or was stopped: ask again at once, the dial then says whether it is
 * back. */
static void on_closed(void *arg, enum err why)
{
    (void)why;
    struct fetch_source *source = arg;
    reset_session(source);
    net_timer_stop(&source->retry_timer);
    want_source(source);
}

static void connect_source(struct fetch_source *source)
{
    struct broker *broker = source->broker;
    const struct metadata_endpoint *endpoint =
        broker_endpoint(broker, source->leader_id, slice_str(broker->inter_broker_listener));
    if (endpoint == NULL) {
        return; /* told again when brokers change */
    }
    char *host = slice_dup_str(endpoint->host);
    if (source->client != NULL) {
        net_client_set_address(source->client, host, endpoint->port);
    } else {
        char client_id[48];
        snprintf(client_id, sizeof client_id, "broker-%d-fetcher", broker->id);
        struct net_client_options options = {.host = host,
                                             .port = endpoint->port,
                                             .client_id = client_id,
                                             .log = broker->log,
                                             .on_closed = on_closed,
                                             .arg = source};
        source->client = net_client_new(broker->loop, &options);
    }
    mem_free(host);
}

static struct fetch_limits limits_of(const struct settings *settings)
{
    return (struct fetch_limits){
        .wait_ms_max = settings_int(settings, "replica.fetch.wait.max.ms"),
        .bytes_min = settings_int(settings, "replica.fetch.min.bytes"),
        .bytes_max = settings_int(settings, "replica.fetch.response.max.bytes"),
        .partition_bytes_max = settings_int(settings, "replica.fetch.max.bytes"),
    };
}

static struct fetch_source *source_of(struct broker *broker, int32_t leader_id)
{
    struct map *map = &broker->fetchers->by_leader;
    struct fetch_source *source = map_get(map, MAP_KEY(leader_id));
    if (source == NULL) {
        source = MEM_NEW(struct fetch_source);
        source->broker = broker;
        source->limits = limits_of(broker->settings);
        source->leader_id = leader_id;
        list_init(&source->partitions);
        list_init(&source->changed);
        net_timer_init(&source->retry_timer, broker->loop, retry_now, source);
        map_put(map, MAP_KEY(source->leader_id), source);
        connect_source(source);
    }
    return source;
}

void broker_fetcher_add(struct replica *r)
{
    broker_fetcher_remove(r);
    struct fetch_partition *p = MEM_NEW(struct fetch_partition);
    p->source = source_of(r->broker, r->part.state.leader);
    p->replica = r;
    p->sent_offset = -1;
    list_init(&p->changed);
    list_add_tail(&p->source->partitions, &p->node);
    net_timer_init(&p->backoff_timer, r->broker->loop, backoff_over, p);
    r->fetcher_state = p;
    fetch_partition_join(p);
}

void broker_fetcher_remove(struct replica *r)
{
    struct fetch_partition *p = r->fetcher_state;
    if (p == NULL) {
        return;
    }
    fetch_partition_leave(p);
    net_timer_stop(&p->backoff_timer);
    list_remove(&p->node);
    mem_free(p);
    r->fetcher_state = NULL;
}

void broker_fetchers_brokers_changed(struct broker *broker)
{
    size_t at = 0;
    struct map *map = &broker->fetchers->by_leader;
    for (struct fetch_source *s = map_next(map, &at); s != NULL; s = map_next(map, &at)) {
        connect_source(s);
        want_source(s);
    }
}

void broker_fetchers_start(struct broker *broker)
{
    broker->fetchers = MEM_NEW(struct broker_fetchers);
}

void broker_fetchers_free(struct broker *broker)
{
    if (broker->fetchers == NULL) {
        return;
    }
    size_t at = 0;
    for (struct replica *r = broker_replicas_next(broker, &at); r != NULL;
         r = broker_replicas_next(broker, &at)) {
        broker_fetcher_remove(r);
    }
    at = 0;
    struct map *map = &broker->fetchers->by_leader;
    for (struct fetch_source *s = map_next(map, &at); s != NULL; s = map_next(map, &at)) {
        ASSERT(list_empty(&s->partitions));
        net_client_free(s->client); /* a call in flight fails now and sets the timer */
        net_timer_stop(&s->retry_timer);
        net_undefer(broker->loop, send_request, s);
        buf_fini(&s->forgotten);
        mem_free(s);
    }
    map_fini(map);
    mem_free(broker->fetchers);
    broker->fetchers = NULL;
}
