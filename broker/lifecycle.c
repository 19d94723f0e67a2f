/* Registration and heartbeats. */
#include "broker/lifecycle.h"

#include "base/mem.h"
#include "broker/channel.h"
#include "broker/dirs.h"
#include "broker/publish.h"
#include "broker/replicas.h"
#include "wire/wire.h"

enum {
    REGISTRATION_VERSION = 4,
    HEARTBEAT_VERSION = 1,
    STARTING_INTERVAL_MS = 10, /* until caught up and unfenced */
    SHUTDOWN_INTERVAL_MS = 50,
    SHUTDOWN_TIMEOUT_MS = 10000 /* then we leave without being let go */
};

enum lifecycle_state {
    LIFECYCLE_NOT_STARTED,
    LIFECYCLE_STARTING,
    LIFECYCLE_RECOVERY,
    LIFECYCLE_RUNNING,
    LIFECYCLE_PENDING_CONTROLLED_SHUTDOWN,
    LIFECYCLE_SHUTTING_DOWN
};

struct broker_lifecycle {
    struct broker *broker;
    enum lifecycle_state state;
    bool registered;
    bool outdated;  /* what was registered last, or is being registered, has changed */
    bool in_flight; /* a registration or a heartbeat */
    bool again;     /* something changed meanwhile: send the next one at once */
    bool fenced;
    bool ready;
    struct net_timer timer; /* the next registration or heartbeat */
    struct net_timer shutdown_timer;
    net_fn *caught_up;
    void *caught_up_arg;
    net_fn *unfenced;
    void *unfenced_arg;
    net_fn *shutdown_done;
    void *shutdown_arg;
};

static void next_step(void *arg);

static void schedule(struct broker_lifecycle *l, int64_t delay_ms)
{
    if (l->again) {
        l->again = false;
        delay_ms = 0;
    }
    net_timer_set(&l->timer, delay_ms);
}

static int64_t heartbeat_interval(const struct broker_lifecycle *l)
{
    return settings_int(l->broker->settings, "broker.heartbeat.interval.ms");
}

static int64_t call_timeout(const struct broker_lifecycle *l)
{
    return settings_int(l->broker->settings, "broker.session.timeout.ms") / 2;
}

/* ---- registration ---- */

static bool registration_not_controller(const void *response)
{
    return ((const struct wire_broker_registration_response *)response)->error_code ==
           ERR_NOT_CONTROLLER;
}

static const char *hint_of(enum err e)
{
    switch ((int)e) {
    case ERR_DUPLICATE_BROKER_REGISTRATION:
        return " hint=\"another process with this node.id is alive, or died less than "
               "broker.session.timeout.ms ago\"";
    case ERR_UNSUPPORTED_VERSION:
        /* The record that says which stops this process as soon as it is read. */
        return " hint=\"the cluster uses a level of a feature that this release does not "
               "support\"";
    default:
        return "";
    }
}

static void on_registered(void *arg, enum err e, const void *response, struct net_response *raw)
{
    (void)raw;
    struct broker_lifecycle *l = arg;
    const struct wire_broker_registration_response *answer = response;
    l->in_flight = false;
    if (e == ERR_NONE) {
        e = (enum err)answer->error_code;
    }
    if (e != ERR_NONE) {
        log_warn(l->broker->log, "lifecycle", "registration refused", "broker=%d error=%s%s",
                 l->broker->id, err_name(e), hint_of(e));
        schedule(l, heartbeat_interval(l) / 4);
        return;
    }
    log_info(l->broker->log, "lifecycle", "registered", "broker=%d epoch=%" PRId64, l->broker->id,
             answer->broker_epoch);
    l->registered = !l->outdated;
    l->outdated = false;
    broker_dirs_failures_told(l->broker);
    broker_replicas_set_epoch(l->broker, answer->broker_epoch);
    schedule(l, 0);
}

static void fill_features(const struct metadata_supported *supported, struct arena *arena,
                          struct wire_broker_registration_request *request)
{
    int32_t count = (int32_t)supported->count;
    request->features =
        wire_new_array(&wire_msg_broker_registration_request_features, arena, count);
    request->features_count = count;
    for (int32_t i = 0; i < count; i++) {
        const struct metadata_supported_feature *row = &supported->rows[i];
        request->features[i].name = slice_str(row->name);
        request->features[i].min_supported_version = row->min;
        request->features[i].max_supported_version = row->max;
    }
}

static void register_broker(struct broker_lifecycle *l)
{
    struct broker *broker = l->broker;
    struct arena arena = {0};
    struct wire_broker_registration_request request;
    wire_init(wire_request(WIRE_API_BROKER_REGISTRATION), &request);
    request.broker_id = broker->id;
    request.cluster_id = broker->cluster_id;
    request.incarnation_id = broker->incarnation_id;
    request.listeners = wire_new_array(&wire_msg_broker_registration_request_listeners, &arena,
                                       broker->listeners_count);
    request.listeners_count = broker->listeners_count;
    for (int i = 0; i < broker->listeners_count; i++) {
        request.listeners[i].name = slice_str(broker->listeners[i].name);
        request.listeners[i].host = slice_str(broker->listeners[i].advertised.host);
        request.listeners[i].port = (uint16_t)broker->listeners[i].advertised.port;
        request.listeners[i].security_protocol = METADATA_PLAINTEXT;
    }
    fill_features(&broker->supported, &arena, &request);
    request.rack = slice_str(settings_str(broker->settings, "broker.rack"));
    struct metadata_dirs dirs = broker_dirs_ids(broker, true, &arena);
    request.log_dirs = (struct uuid *)(uintptr_t)dirs.items;
    request.log_dirs_count = (int32_t)dirs.count;
    broker_dirs_failures_sent(broker);
    request.previous_broker_epoch = broker_replicas_previous_epoch(broker);
    struct broker_channel_call call = {.line = BROKER_CHANNEL_HEARTBEAT,
                                       .api = WIRE_API_BROKER_REGISTRATION,
                                       .version = REGISTRATION_VERSION,
                                       .request = &request,
                                       .timeout_ms = call_timeout(l),
                                       .not_controller = registration_not_controller,
                                       .done = on_registered,
                                       .arg = l};
    l->in_flight = true;
    broker_channel_send(broker->channel, &call);
    arena_fini(&arena);
}

/* ---- heartbeats ---- */

static bool heartbeat_not_controller(const void *response)
{
    return ((const struct wire_broker_heartbeat_response *)response)->error_code ==
           ERR_NOT_CONTROLLER;
}

static void end_shutdown(struct broker_lifecycle *l)
{
    net_fn *done = l->shutdown_done;
    l->state = LIFECYCLE_SHUTTING_DOWN;
    l->shutdown_done = NULL;
    net_timer_stop(&l->timer);
    net_timer_stop(&l->shutdown_timer);
    if (done != NULL) {
        done(l->shutdown_arg);
    }
}

static void note_fencing(struct broker_lifecycle *l, bool fenced)
{
    if (fenced != l->fenced) {
        log_info(l->broker->log, "lifecycle", fenced ? "fenced" : "unfenced", "broker=%d",
                 l->broker->id);
    }
    l->fenced = fenced;
    if (!fenced && l->state == LIFECYCLE_RECOVERY) {
        l->state = LIFECYCLE_RUNNING;
        l->unfenced(l->unfenced_arg);
    }
}

/* Until it is unfenced a broker asks often: the answer changes as soon as it has caught up. */
static int64_t next_interval(const struct broker_lifecycle *l)
{
    switch (l->state) {
    case LIFECYCLE_PENDING_CONTROLLED_SHUTDOWN:
        return SHUTDOWN_INTERVAL_MS;
    case LIFECYCLE_STARTING:
        return STARTING_INTERVAL_MS;
    case LIFECYCLE_RECOVERY:
    case LIFECYCLE_RUNNING:
        return l->ready && l->fenced ? STARTING_INTERVAL_MS : heartbeat_interval(l);
    case LIFECYCLE_NOT_STARTED:
    case LIFECYCLE_SHUTTING_DOWN:
        break;
    }
    return heartbeat_interval(l);
}

static void take_heartbeat(struct broker_lifecycle *l,
                           const struct wire_broker_heartbeat_response *answer)
{
    note_fencing(l, answer->is_fenced);
    if (l->state == LIFECYCLE_STARTING && answer->is_caught_up) {
        l->state = LIFECYCLE_RECOVERY;
        l->caught_up(l->caught_up_arg);
    }
    if (l->state == LIFECYCLE_PENDING_CONTROLLED_SHUTDOWN && answer->should_shut_down) {
        end_shutdown(l);
        return;
    }
    schedule(l, next_interval(l));
}

static void on_heartbeat(void *arg, enum err e, const void *response, struct net_response *raw)
{
    (void)raw;
    struct broker_lifecycle *l = arg;
    const struct wire_broker_heartbeat_response *answer = response;
    l->in_flight = false;
    if (e == ERR_NONE) {
        e = (enum err)answer->error_code;
    }
    if (e == ERR_NONE) {
        broker_dirs_failures_told(l->broker);
        take_heartbeat(l, answer);
        return;
    }
    log_debug(l->broker->log, "lifecycle", "heartbeat refused", "error=%s", err_name(e));
    if (e == ERR_STALE_BROKER_EPOCH || e == ERR_BROKER_ID_NOT_REGISTERED) {
        l->registered = false;
    }
    schedule(l, e == ERR_TIMED_OUT ? 0 : STARTING_INTERVAL_MS);
}

static void send_heartbeat(struct broker_lifecycle *l)
{
    struct broker *broker = l->broker;
    struct arena arena = {0};
    struct wire_broker_heartbeat_request request;
    wire_init(wire_request(WIRE_API_BROKER_HEARTBEAT), &request);
    request.broker_id = broker->id;
    request.broker_epoch = broker->epoch;
    request.current_metadata_offset = broker_publisher_offset(broker->publisher);
    request.want_fence = !l->ready;
    request.want_shut_down = l->state == LIFECYCLE_PENDING_CONTROLLED_SHUTDOWN;
    struct metadata_dirs failed = broker_dirs_ids(broker, false, &arena);
    request.offline_log_dirs = (struct uuid *)(uintptr_t)failed.items;
    request.offline_log_dirs_count = (int32_t)failed.count;
    broker_dirs_failures_sent(broker);
    struct broker_channel_call call = {.line = BROKER_CHANNEL_HEARTBEAT,
                                       .api = WIRE_API_BROKER_HEARTBEAT,
                                       .version = HEARTBEAT_VERSION,
                                       .request = &request,
                                       .timeout_ms = call_timeout(l),
                                       .not_controller = heartbeat_not_controller,
                                       .done = on_heartbeat,
                                       .arg = l};
    l->in_flight = true;
    broker_channel_send(broker->channel, &call);
    arena_fini(&arena);
}

static void next_step(void *arg)
{
    struct broker_lifecycle *l = arg;
    if (l->in_flight || l->state == LIFECYCLE_NOT_STARTED || l->state == LIFECYCLE_SHUTTING_DOWN) {
        return;
    }
    l->again = false;
    if (l->registered) {
        send_heartbeat(l);
    } else {
        register_broker(l);
    }
}

void broker_lifecycle_heartbeat_now(struct broker_lifecycle *l)
{
    if (l->in_flight) {
        l->again = true;
        return;
    }
    if (l->state != LIFECYCLE_NOT_STARTED && l->state != LIFECYCLE_SHUTTING_DOWN) {
        net_timer_set(&l->timer, 0);
    }
}

/* The same incarnation: the controller keeps everything but the addresses. */
void broker_lifecycle_register_again(struct broker_lifecycle *l)
{
    l->registered = false;
    l->outdated = l->in_flight;
    broker_lifecycle_heartbeat_now(l);
}

/* ---- life ---- */

void broker_lifecycle_start(struct broker_lifecycle *l, net_fn *caught_up, void *arg)
{
    l->caught_up = caught_up;
    l->caught_up_arg = arg;
    l->state = LIFECYCLE_STARTING;
    net_timer_set(&l->timer, 0);
}

void broker_lifecycle_ready(struct broker_lifecycle *l, net_fn *unfenced, void *arg)
{
    l->ready = true;
    l->unfenced = unfenced;
    l->unfenced_arg = arg;
    broker_lifecycle_heartbeat_now(l);
}

static void on_shutdown_timeout(void *arg)
{
    struct broker_lifecycle *l = arg;
    log_warn(l->broker->log, "lifecycle", "the controller does not let us go, leaving",
             "waited_ms=%d", SHUTDOWN_TIMEOUT_MS);
    end_shutdown(l);
}

void broker_lifecycle_shutdown(struct broker_lifecycle *l, net_fn *done, void *arg)
{
    l->shutdown_done = done;
    l->shutdown_arg = arg;
    bool wanted = settings_bool(l->broker->settings, "controlled.shutdown.enable");
    if (!wanted || !l->registered) {
        end_shutdown(l);
        return;
    }
    l->state = LIFECYCLE_PENDING_CONTROLLED_SHUTDOWN;
    net_timer_set(&l->shutdown_timer, SHUTDOWN_TIMEOUT_MS);
    broker_lifecycle_heartbeat_now(l);
}

struct broker_lifecycle *broker_lifecycle_new(struct broker *broker)
{
    struct broker_lifecycle *l = MEM_NEW(struct broker_lifecycle);
    l->broker = broker;
    l->fenced = true;
    net_timer_init(&l->timer, broker->loop, next_step, l);
    net_timer_init(&l->shutdown_timer, broker->loop, on_shutdown_timeout, l);
    return l;
}

void broker_lifecycle_free(struct broker_lifecycle *l)
{
    if (l == NULL) {
        return;
    }
    if (l->in_flight) {
        broker_channel_cancel(l->broker->channel, l);
    }
    net_timer_stop(&l->timer);
    net_timer_stop(&l->shutdown_timer);
    mem_free(l);
}
