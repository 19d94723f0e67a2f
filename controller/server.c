/* Puts one controller together; see server.h. */
#include "controller/server.h"

#include <stdlib.h>

#include "base/mem.h"
#include "controller/api.h"
#include "controller/server_struct.h"
#include "raft/node/change.h"

/* ---- the log, as the controller sees it ---- */

static int64_t log_end_offset(void *arg)
{
    struct controller_server *s = arg;
    struct node_state state;
    node_describe(s->node, &state);
    return state.log_end_offset;
}

static enum err log_append(void *arg, int32_t epoch, const struct node_records *records,
                           int64_t *base_offset)
{
    struct controller_server *s = arg;
    return node_append(s->node, epoch, records, base_offset);
}

static void log_resign(void *arg, int32_t epoch)
{
    struct controller_server *s = arg;
    node_resign(s->node, epoch);
}

static void log_read(void *arg, void (*done)(void *op, enum err e), void *op)
{
    struct controller_server *s = arg;
    node_read(s->node, done, op);
}

static enum err log_raise_kraft_version(void *arg, int32_t epoch, int64_t *offset)
{
    struct controller_server *s = arg;
    struct buf why = {0};
    enum err e = node_raise_kraft_version(s->node, epoch, false, offset, &why);
    buf_fini(&why);
    return e;
}

static int64_t wall_ms(void *arg)
{
    struct controller_server *s = arg;
    return net_wall_ms(s->options.loop);
}

/* ---- what the node tells ---- */

static void on_snapshot_begin(void *arg, const struct node_snapshot_place *place)
{
    struct controller_server *s = arg;
    controller_on_snapshot_begin(s->controller, place);
}

static void on_snapshot(void *arg, const struct node_batch *batch)
{
    struct controller_server *s = arg;
    controller_on_snapshot(s->controller, batch);
}

static void on_snapshot_end(void *arg, const struct node_snapshot_place *place)
{
    struct controller_server *s = arg;
    controller_on_snapshot_end(s->controller, place);
    daemon_snapshots_loaded(&s->snapshots);
}

static void on_commit(void *arg, const struct node_batch *batch)
{
    struct controller_server *s = arg;
    controller_on_commit(s->controller, batch);
    daemon_snapshots_committed(&s->snapshots, s->node, batch, controller_replayed(s->controller));
}

static void on_leader(void *arg, int32_t leader_id, int32_t epoch, const char *host, uint16_t port)
{
    struct controller_server *s = arg;
    bool other = leader_id >= 0 && leader_id != s->config.node_id;
    s->leader_id = leader_id;
    log_info(s->options.log, "controller", "leader", "id=%d epoch=%d host=%s port=%d", leader_id,
             epoch, host == NULL ? "unknown" : host, port);
    controller_registration_leader(&s->registration, other ? host : NULL, port);
}

static void on_claim(void *arg, int32_t epoch, int64_t next_offset)
{
    struct controller_server *s = arg;
    controller_on_claim(s->controller, epoch, next_offset);
}

static void on_resign(void *arg, int32_t epoch)
{
    struct controller_server *s = arg;
    controller_on_resign(s->controller, epoch);
}

static void fail(void *arg, const char *what)
{
    struct controller_server *s = arg;
    daemon_snapshots_disable(&s->snapshots);
    if (s->options.failed != NULL) {
        s->options.failed(s->options.arg, what);
    }
}

static void on_fatal(void *arg, enum err error, const char *what)
{
    struct controller_server *s = arg;
    log_error(s->options.log, "controller", "the quorum's node failed", "error=%s reason=\"%s\"",
              err_name(error), what);
    fail(s, what);
}

/* ---- what the controller tells ---- */

static void activated(void *arg)
{
    struct controller_server *s = arg;
    controller_heartbeats_begin(&s->heartbeats, controller_latest(s->controller));
    controller_periodic_start(&s->periodic);
    controller_registration_poke(&s->registration);
}

static void deactivated(void *arg)
{
    struct controller_server *s = arg;
    controller_heartbeats_clear(&s->heartbeats);
    controller_periodic_stop(&s->periodic);
}

static void committed(void *arg)
{
    struct controller_server *s = arg;
    controller_registration_poke(&s->registration);
}

static void stale(void *arg, int32_t broker_id, enum metadata_event event)
{
    struct controller_server *s = arg;
    controller_periodic_fence(&s->periodic, broker_id, event);
}

static void progress(void *arg)
{
    struct controller_server *s = arg;
    controller_settle_look(&s->settle);
}

/* Any listener tells whether the process is there; the brokers' own is the likeliest to be
 * reachable from here. */
static const struct metadata_endpoint *broker_address(void *arg, int32_t broker_id)
{
    struct controller_server *s = arg;
    const char *name = settings_str(s->options.settings, "inter.broker.listener.name");
    const struct metadata_broker *broker =
        metadata_broker(controller_latest(s->controller), broker_id);
    if (broker == NULL || broker->endpoints.count == 0) {
        return NULL;
    }
    const struct metadata_endpoint *found =
        name == NULL ? NULL : metadata_endpoint_find(broker->endpoints, slice_str(name));
    return found == NULL ? &broker->endpoints.items[0] : found;
}

/* ---- putting it together ---- */

static void make_controller(struct controller_server *s)
{
    s->controller = controller_new(&(struct controller_options){
        .node_id = s->config.node_id,
        .cluster_id = slice_str(s->config.cluster_id),
        .settings = s->options.settings,
        .supported = &s->config.supported,
        .seed = s->options.seed,
        .log = s->options.log,
        .raft = {s, log_end_offset, log_append, log_resign, log_read, log_raise_kraft_version},
        .hooks = {s, activated, deactivated, committed, fail},
        .wall_ms = wall_ms,
    });
    s->heartbeats = (struct heartbeats){
        .loop = s->options.loop,
        .log = s->options.log,
        .session_timeout_ms = settings_int(s->options.settings, "broker.session.timeout.ms"),
        .grace_ms = settings_int(s->options.settings, "craft.broker.disconnect.grace.ms"),
        .discovery_ms = settings_int(s->options.settings, "controller.quorum.fetch.timeout.ms"),
        .stale = stale,
        .progress = progress,
        .address = broker_address,
        .arg = s,
    };
    controller_heartbeats_init(&s->heartbeats);
    controller_settle_init(&s->settle, s->options.loop, &s->heartbeats);
    s->periodic = (struct periodic){
        .loop = s->options.loop,
        .log = s->options.log,
        .controller = s->controller,
        .heartbeats = &s->heartbeats,
    };
    controller_periodic_init(&s->periodic, s->options.settings);
}

static void make_registration(struct controller_server *s)
{
    struct prng prng;
    prng_init(&prng, ~s->options.seed);
    s->registration = (struct registration){
        .loop = s->options.loop,
        .log = s->options.log,
        .controller = s->controller,
        .config = &s->config,
        .incarnation_id = decide_new_id(&prng),
    };
    controller_registration_init(&s->registration);
}

static enum err listen_on(struct controller_server *s, struct metadata_listener *l,
                          struct net_listener **out, struct buf *why)
{
    const struct settings *settings = s->options.settings;
    struct net_listener_options options = {
        .name = l->name,
        .host = l->bind.host,
        .port = l->bind.port,
        .server = s->net,
        .idle_ms = settings_long(settings, "connections.max.idle.ms"),
        .send_buffer_bytes = settings_int(settings, "socket.send.buffer.bytes"),
        .receive_buffer_bytes = settings_int(settings, "socket.receive.buffer.bytes"),
    };
    struct net_error problem = {{0}};
    enum err e = net_listen(s->options.loop, &options, out, &problem);
    if (e != ERR_NONE) {
        buf_printf(why, "listeners: %s", problem.text);
        return e;
    }
    l->bind.port = net_listener_port(*out);
    if (l->advertised.port == 0) {
        l->advertised.port = l->bind.port;
    }
    log_info(s->options.log, "controller", "listening",
             "listener=%s host=%s port=%d advertised=%s:%d", l->name,
             l->bind.host[0] == '\0' ? "*" : l->bind.host, l->bind.port, l->advertised.host,
             l->advertised.port);
    return ERR_NONE;
}

static enum err make_listeners(struct controller_server *s, struct buf *why)
{
    int count = controller_api_count();
    s->apis = mem_zalloc((size_t)count, sizeof *s->apis);
    controller_api_fill(s->apis);
    s->net = net_server_new(&(struct net_server_options){
        .log = s->options.log,
        .apis = s->apis,
        .api_count = count,
        .arg = s,
        .request_bytes_max = settings_int(s->options.settings, "socket.request.max.bytes"),
    });
    s->listeners = mem_zalloc((size_t)s->config.listener_count, sizeof(struct net_listener *));
    for (int i = 0; i < s->config.listener_count; i++) {
        TRY(listen_on(s, &s->config.listeners[i], &s->listeners[i], why));
    }
    return ERR_NONE;
}

static enum err make_node(struct controller_server *s, struct buf *why)
{
    struct node_options options = {
        .loop = s->options.loop,
        .fs = s->options.fs,
        .dir = s->config.dir,
        .node_id = s->config.node_id,
        .directory_id = s->config.directory_id,
        .cluster_id = s->config.cluster_id,
        .is_controller = true,
        .auto_join = s->config.auto_join,
        .listener_name = s->config.listeners[0].name,
        .voters = s->config.voters,
        .voter_count = s->config.voter_count,
        .timers = s->config.timers,
        .seed = s->options.seed,
        .log = s->options.log,
        .listener = {.arg = s,
                     .on_snapshot_begin = on_snapshot_begin,
                     .on_snapshot = on_snapshot,
                     .on_snapshot_end = on_snapshot_end,
                     .on_commit = on_commit,
                     .on_leader = on_leader,
                     .on_claim = on_claim,
                     .on_resign = on_resign,
                     .on_fatal = on_fatal},
    };
    TRY(daemon_snapshots_retention(s->options.settings, &options.retention, why));
    daemon_snapshots_init(&s->snapshots, s->options.loop, s->options.settings, s->options.log);
    enum err e = node_new(&options, &s->node);
    if (e != ERR_NONE) {
        buf_printf(why, "the metadata log in %s cannot be opened: %s", s->config.dir, err_text(e));
    }
    return e;
}

/* The voters' record of this controller shall say where it listens; not, if that is a guess. */
static void advertise(struct controller_server *s)
{
    int count = s->config.host_is_guess ? 0 : s->config.listener_count;
    struct node_advertised *listeners =
        ARENA_ARRAY(&s->config.arena, (size_t)count + 1, struct node_advertised);
    for (int i = 0; i < count; i++) {
        const struct metadata_listener *l = &s->config.listeners[i];
        listeners[i] =
            (struct node_advertised){l->name, l->advertised.host, (uint16_t)l->advertised.port};
    }
    node_advertise(s->node, listeners, count);
}

enum err controller_server_new(const struct controller_server_options *options,
                               struct controller_server **out, struct buf *why)
{
    struct controller_server *s = MEM_NEW(struct controller_server);
    s->options = *options;
    s->leader_id = -1;
    *out = NULL;
    enum err e = controller_config_read(&s->config, options->settings, why);
    if (e != ERR_NONE) {
        goto out;
    }
    e = controller_config_read_meta(&s->config, options->fs, why);
    if (e != ERR_NONE) {
        goto out;
    }
    make_controller(s);
    e = make_node(s, why);
    if (e != ERR_NONE) {
        goto out;
    }
    e = make_listeners(s, why);
    if (e != ERR_NONE) {
        goto out;
    }
    advertise(s);
    make_registration(s);
    *out = s;
    s = NULL;
out:
    controller_server_free(s);
    return e;
}

void controller_server_start(struct controller_server *server)
{
    node_start(server->node);
}

void controller_server_stop(struct controller_server *server, void (*done)(void *arg), void *arg)
{
    node_shutdown(server->node, done, arg);
}

void controller_server_free(struct controller_server *server)
{
    if (server == NULL) {
        return;
    }
    if (server->registration.loop != NULL) {
        controller_registration_fini(&server->registration);
    }
    /* Requests parked in the node and in the controller are answered while they can be. */
    node_free(server->node);
    if (server->controller != NULL) {
        controller_periodic_stop(&server->periodic);
        controller_settle_fini(&server->settle);
        controller_heartbeats_fini(&server->heartbeats);
        controller_free(server->controller);
    }
    for (int i = 0; server->listeners != NULL && i < server->config.listener_count; i++) {
        net_listener_free(server->listeners[i]);
    }
    mem_free(server->listeners);
    net_server_free(server->net);
    mem_free(server->apis);
    controller_config_fini(&server->config);
    mem_free(server);
}

int controller_server_port(const struct controller_server *server)
{
    return server->config.listeners[0].bind.port;
}

bool controller_server_is_active(const struct controller_server *server)
{
    return controller_is_active(server->controller);
}

const struct metadata_image *controller_server_image(const struct controller_server *server)
{
    return controller_committed(server->controller);
}

struct node *controller_server_node(const struct controller_server *server)
{
    return server->node;
}
