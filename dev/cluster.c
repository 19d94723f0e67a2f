/* Nodes of both kinds, started together and stopped in order. */
#include "dev/cluster.h"

#include <stdio.h>

#include "base/mem.h"
#include "broker/server.h"
#include "controller/server.h"
#include "daemon/daemon.h"
#include "dev/state.h"
#include "metadata/metadata.h"
#include "metadata/settings.h"
#include "net/net.h"
#include "store/store.h"

enum { FIRST_CONTROLLER_ID = 3001, READY_CHECK_MS = 1, REPLICAS_MAX = 3 };

struct node {
    struct dev_cluster *cluster;
    int32_t id;
    bool is_controller;
    struct settings *settings;
    struct controller_server *controller;
    struct broker_server *broker;
};

struct dev_cluster {
    struct dev_options options;
    const struct store_fs *fs;
    struct dev_state state;
    struct node nodes[2 * DEV_NODES_MAX]; /* controllers, then brokers */
    int count;
    char *brokers;
    char *controllers;
    struct net_timer ready_timer;
    bool stopping;
    int left; /* nodes that have not stopped yet */
    void (*done)(void *arg);
    void *done_arg;
};

const char *dev_cluster_brokers(const struct dev_cluster *cluster)
{
    return cluster->brokers;
}

const char *dev_cluster_controllers(const struct dev_cluster *cluster)
{
    return cluster->controllers;
}

/* ---- the shape ---- */

/* Ports that nobody has at this moment: they are all taken before the first is given back. */
static enum err choose_ports(struct dev_cluster *c, struct buf *why)
{
    struct net_server_options server_options = {.log = c->options.log};
    struct net_server *server = net_server_new(&server_options);
    struct net_listener *listeners[DEV_NODES_MAX] = {NULL};
    enum err e = ERR_NONE;
    for (int i = 0; i < c->options.controllers && e == ERR_NONE; i++) {
        struct net_listener_options options = {
            .name = "dev", .host = "127.0.0.1", .server = server, .paused = true};
        struct net_error error;
        e = net_listen(c->options.loop, &options, &listeners[i], &error);
        if (e != ERR_NONE) {
            buf_put_str(why, error.text);
        } else {
            c->state.controller_ports[i] = net_listener_port(listeners[i]);
        }
    }
    for (int i = 0; i < c->options.controllers; i++) {
        net_listener_free(listeners[i]);
    }
    net_server_free(server);
    return e;
}

static enum err take_shape(struct dev_cluster *c, struct buf *why)
{
    const struct dev_options *o = &c->options;
    TRY(dev_state_read(c->fs, o->dir, &c->state, why));
    struct dev_state *state = &c->state;
    if (!state->is_new) {
        if (state->controllers != o->controllers || state->brokers != o->brokers) {
            buf_printf(why,
                       "%s holds a cluster of %d controllers and %d brokers: give these numbers, "
                       "or another --dir",
                       o->dir, state->controllers, state->brokers);
            return ERR_CONFIG;
        }
        return ERR_NONE;
    }
    state->controllers = o->controllers;
    state->brokers = o->brokers;
    for (int i = 0; i < state->controllers; i++) {
        state->directory_ids[i] = uuid_random();
    }
    TRY(choose_ports(c, why));
    return dev_state_write(c->fs, o->dir, state, why);
}

/* ---- settings ---- */

static enum err set(struct node *n, const char *name, const char *value, struct buf *why)
{
    return settings_set(n->settings, slice_str(name), slice_str(value), "craft dev", why);
}

static enum err set_all(struct node *n, int port, struct buf *why)
{
    struct dev_cluster *c = n->cluster;
    struct arena arena = {0};
    const char *listener = n->is_controller ? "CONTROLLER" : "PLAINTEXT";
    int replicas = c->options.brokers < REPLICAS_MAX ? c->options.brokers : REPLICAS_MAX;
    struct {
        const char *name;
        const char *value;
    } rows[] = {
        {"process.roles", n->is_controller ? "controller" : "broker"},
        {"node.id", arena_printf(&arena, "%d", n->id)},
        {"listeners", arena_printf(&arena, "%s://127.0.0.1:%d", listener, port)},
        {"controller.quorum.bootstrap.servers", c->controllers},
        {"controller.listener.names", "CONTROLLER"},
        {"log.dirs", arena_printf(&arena, "%s/%s-%d", c->options.dir,
                                  n->is_controller ? "controller" : "broker", n->id)},
        {"offsets.topic.replication.factor", arena_printf(&arena, "%d", replicas)},
        {"group.initial.rebalance.delay.ms", "0"},
    };
    enum err e = ERR_NONE;
    for (size_t i = 0; i < ARRAY_LEN(rows) && e == ERR_NONE; i++) {
        e = set(n, rows[i].name, rows[i].value, why);
    }
    for (int i = 0; e == ERR_NONE && c->options.overrides[i] != NULL; i++) {
        e = settings_set_pair(n->settings, c->options.overrides[i], why);
    }
    arena_fini(&arena);
    return e;
}

/* ---- nodes ---- */

static char *first_voters(const struct dev_cluster *c)
{
    struct buf text = {0};
    for (int i = 0; i < c->state.controllers; i++) {
        buf_printf(&text, "%s%d@127.0.0.1:%d:%s", i == 0 ? "" : ",", FIRST_CONTROLLER_ID + i,
                   c->state.controller_ports[i], uuid_text(c->state.directory_ids[i]).text);
    }
    char *copy = slice_dup_str(buf_slice(&text));
    buf_fini(&text);
    return copy;
}

static enum err format(struct node *n, struct buf *why)
{
    struct dev_cluster *c = n->cluster;
    char *voters = first_voters(c);
    struct uuid_text id = uuid_text(c->state.cluster_id);
    struct daemon_format_options options = {
        .fs = c->fs,
        .settings = n->settings,
        .cluster_id = slice_str(id.text),
        .quorum = n->is_controller ? DAEMON_FORMAT_INITIAL : DAEMON_FORMAT_JOIN,
        .initial_controllers = n->is_controller ? voters : NULL};
    enum err e = daemon_format(&options, why);
    mem_free(voters);
    return e;
}

static enum err make_server(struct node *n, struct buf *why)
{
    const struct dev_options *o = &n->cluster->options;
    if (n->is_controller) {
        struct controller_server_options options = {.loop = o->loop,
                                                    .fs = n->cluster->fs,
                                                    .settings = n->settings,
                                                    .log = o->log,
                                                    .seed = o->seed + (uint64_t)n->id,
                                                    .failed = o->failed,
                                                    .arg = o->arg};
        return controller_server_new(&options, &n->controller, why);
    }
    struct broker_server_options options = {.loop = o->loop,
                                            .fs = n->cluster->fs,
                                            .settings = n->settings,
                                            .log = o->log,
                                            .seed = o->seed + (uint64_t)n->id,
                                            .failed = o->failed,
                                            .arg = o->arg};
    return broker_server_new(&options, &n->broker, why);
}

static enum err add_node(struct dev_cluster *c, int32_t id, bool is_controller, int port,
                         struct buf *why)
{
    struct node *n = &c->nodes[c->count++];
    *n = (struct node){
        .cluster = c, .id = id, .is_controller = is_controller, .settings = settings_new()};
    TRY(set_all(n, port, why));
    TRY(format(n, why));
    return make_server(n, why);
}

static char *addresses(const int *ports, int count)
{
    struct buf text = {0};
    for (int i = 0; i < count; i++) {
        buf_printf(&text, "%s127.0.0.1:%d", i == 0 ? "" : ",", ports[i]);
    }
    char *copy = slice_dup_str(buf_slice(&text));
    buf_fini(&text);
    return copy;
}

static enum err build(struct dev_cluster *c, struct buf *why)
{
    struct dev_state *state = &c->state;
    TRY(take_shape(c, why));
    c->controllers = addresses(state->controller_ports, state->controllers);
    for (int i = 0; i < state->controllers; i++) {
        TRY(add_node(c, FIRST_CONTROLLER_ID + i, true, state->controller_ports[i], why));
    }
    for (int i = 0; i < state->brokers; i++) {
        TRY(add_node(c, 1 + i, false, state->broker_ports[i], why));
        state->broker_ports[i] = broker_server_port(c->nodes[c->count - 1].broker);
    }
    c->brokers = addresses(state->broker_ports, state->brokers);
    return dev_state_write(c->fs, c->options.dir, state, why);
}

enum err dev_cluster_new(const struct dev_options *options, struct dev_cluster **out,
                         struct buf *why)
{
    struct dev_cluster *c = MEM_NEW(struct dev_cluster);
    c->options = *options;
    c->fs = store_fs_posix();
    enum err e = build(c, why);
    if (e != ERR_NONE) {
        dev_cluster_free(c);
        c = NULL;
    }
    *out = c;
    return e;
}

/* ---- running ---- */

static bool all_serve(const struct dev_cluster *c)
{
    for (int i = 0; i < c->count; i++) {
        if (c->nodes[i].broker != NULL && !broker_server_is_serving(c->nodes[i].broker)) {
            return false;
        }
    }
    return true;
}

static void check_ready(void *arg)
{
    struct dev_cluster *c = arg;
    if (!all_serve(c)) {
        net_timer_set(&c->ready_timer, READY_CHECK_MS);
    } else if (c->options.ready != NULL) {
        c->options.ready(c->options.arg);
    }
}

void dev_cluster_start(struct dev_cluster *c)
{
    for (int i = 0; i < c->count; i++) {
        struct node *n = &c->nodes[i];
        if (n->is_controller) {
            controller_server_start(n->controller);
        } else {
            broker_server_start(n->broker);
        }
    }
    net_timer_init(&c->ready_timer, c->options.loop, check_ready, c);
    net_timer_set(&c->ready_timer, READY_CHECK_MS);
}

static void stop_kind(struct dev_cluster *c, bool controllers);

static void on_stopped(void *arg)
{
    struct dev_cluster *c = arg;
    if (--c->left > 0) {
        return;
    }
    if (c->stopping) {
        c->stopping = false; /* the brokers are done: now the controllers */
        stop_kind(c, true);
        return;
    }
    c->done(c->done_arg);
}

static void stop_kind(struct dev_cluster *c, bool controllers)
{
    c->left = 1; /* ourselves: nodes may stop at once */
    for (int i = 0; i < c->count; i++) {
        struct node *n = &c->nodes[i];
        if (n->is_controller != controllers) {
            continue;
        }
        c->left++;
        if (controllers) {
            controller_server_stop(n->controller, on_stopped, c);
        } else {
            broker_server_stop(n->broker, on_stopped, c);
        }
    }
    on_stopped(c);
}

void dev_cluster_stop(struct dev_cluster *c, void (*done)(void *arg), void *arg)
{
    ASSERT(c->done == NULL);
    net_timer_stop(&c->ready_timer);
    c->done = done;
    c->done_arg = arg;
    c->stopping = true;
    stop_kind(c, false);
}

void dev_cluster_free(struct dev_cluster *c)
{
    if (c == NULL) {
        return;
    }
    if (c->ready_timer.loop != NULL) {
        net_timer_stop(&c->ready_timer);
    }
    for (int i = c->count - 1; i >= 0; i--) {
        broker_server_free(c->nodes[i].broker);
        controller_server_free(c->nodes[i].controller);
        settings_free(c->nodes[i].settings);
    }
    mem_free(c->brokers);
    mem_free(c->controllers);
    mem_free(c);
}
