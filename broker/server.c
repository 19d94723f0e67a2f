/* Wiring of a broker. */
#include "broker/server.h"

#include <stdio.h>

#include "base/mem.h"
#include "broker/assign.h"
#include "broker/channel.h"
#include "broker/dirs.h"
#include "broker/dispatch.h"
#include "broker/dynamic.h"
#include "broker/fetcher.h"
#include "broker/forward.h"
#include "broker/groups.h"
#include "broker/isr.h"
#include "broker/lifecycle.h"
#include "broker/listening.h"
#include "broker/producer_ids.h"
#include "broker/publish.h"
#include "broker/replicas.h"
#include "broker/sessions.h"
#include "daemon/snapshots.h"
#include "raft/node/node.h"

enum {
    /* All requests that are being received or handled; room for five full-sized batches of each of
     * a hundred busy producers. */
    REQUEST_BYTES_TOTAL = 512 << 20,
    /* A broker that leads nothing any more stays so long to tell its clients who leads now: newer
     * ones learn it from the answer to their next Produce (KIP-951). They should try again, 100 ms
     * later, when its connections are closed. */
    FAREWELL_MS = 75
};

struct broker_server {
    struct broker broker;
    struct daemon_snapshots snapshots;
    struct broker_server_options options;
    struct arena arena; /* what was read from the settings */
    bool serving;       /* they are open */
    struct metadata_quorum_address *quorum;
    int quorum_count;
    void (*stopped)(void *arg);
    void *stopped_arg;
    struct net_timer farewell;
};

static void leave(void *arg);

#define REFUSE(why, e, ...) (buf_printf(why, __VA_ARGS__), (e))

/* ---- shared helpers of broker.h ---- */

bool broker_topic_is_internal(struct slice name)
{
    return slice_eq_str(name, "__consumer_offsets") || slice_eq_str(name, "__transaction_state");
}

struct settings_view broker_settings_view(const struct broker *broker)
{
    return (struct settings_view){
        .settings = broker->given, .image = broker->image, .broker_id = broker->id};
}

const struct metadata_endpoint *broker_endpoint(const struct broker *broker, int32_t id,
                                                struct slice listener)
{
    const struct metadata_broker *known = metadata_broker(broker->image, id);
    return known == NULL ? NULL : metadata_endpoint_find(known->endpoints, listener);
}

/* ---- what the settings say ---- */

static enum err read_identity(struct broker_server *server, struct buf *why)
{
    struct broker *broker = &server->broker;
    const struct settings *settings = broker->settings;
    char **roles = settings_list(settings, "process.roles", &server->arena);
    if (roles[0] != NULL && (roles[1] != NULL || strcmp(roles[0], "broker") != 0)) {
        return REFUSE(why, ERR_CONFIG,
                      "process.roles=%s: craft-broker runs brokers only; set process.roles=broker "
                      "and run craft-controller for the controller",
                      settings_str(settings, "process.roles"));
    }
    bool has_node_id = settings_is_set(settings, "node.id");
    broker->id = settings_int(settings, has_node_id ? "node.id" : "broker.id");
    if (broker->id < 0) {
        return REFUSE(why, ERR_CONFIG, "node.id is not set: give each node a number of its own");
    }
    return metadata_supported_read(&broker->supported, settings, why);
}

static enum err open_dirs(struct broker_server *server, struct buf *why)
{
    struct broker *broker = &server->broker;
    const struct settings *settings = broker->settings;
    char **dirs = settings_list(settings, "log.dirs", &server->arena);
    if (dirs[0] == NULL) {
        dirs = settings_list(settings, "log.dir", &server->arena);
    }
    if (dirs[0] == NULL) {
        return REFUSE(why, ERR_CONFIG, "log.dirs is not set: name the directories for the data");
    }
    return broker_dirs_open(broker, dirs, settings_str(settings, "metadata.log.dir"), why);
}

/* ---- the observer ---- */

static void on_leader(void *arg, int32_t leader_id, int32_t epoch, const char *host, uint16_t port)
{
    (void)epoch;
    struct broker *broker = arg;
    broker_channel_leader(broker->channel, leader_id, host, port);
}

static void on_snapshot_begin(void *arg, const struct node_snapshot_place *place)
{
    broker_publisher_snapshot_begin(((struct broker *)arg)->publisher, place);
}

static void on_snapshot(void *arg, const struct node_batch *batch)
{
    broker_publisher_snapshot(((struct broker *)arg)->publisher, batch);
}

static void on_snapshot_end(void *arg, const struct node_snapshot_place *place)
{
    struct broker_server *server = container_of(arg, struct broker_server, broker);
    broker_publisher_snapshot_end(server->broker.publisher, place);
    daemon_snapshots_loaded(&server->snapshots);
}

static void on_commit(void *arg, const struct node_batch *batch)
{
    struct broker_server *server = container_of(arg, struct broker_server, broker);
    struct broker *broker = &server->broker;
    broker_publisher_commit(broker->publisher, batch);
    const struct metadata_image *image = broker_publisher_image(broker->publisher);
    if (image == NULL) {
        daemon_snapshots_disable(&server->snapshots);
    } else {
        daemon_snapshots_committed(&server->snapshots, broker->node, batch, image);
    }
}

static void on_fatal(void *arg, enum err error, const char *what)
{
    (void)error;
    struct broker *broker = arg;
    broker->failed(broker->failed_arg, what);
}

static enum err new_node(struct broker_server *server, struct buf *why)
{
    struct broker *broker = &server->broker;
    const struct settings *settings = broker->settings;
    TRY(metadata_quorum_read(settings, &server->arena, &server->quorum, &server->quorum_count,
                             why));
    struct node_voter *voters =
        ARENA_ARRAY(&server->arena, (size_t)server->quorum_count, struct node_voter);
    for (int i = 0; i < server->quorum_count; i++) {
        voters[i] = (struct node_voter){.id = server->quorum[i].id,
                                        .host = server->quorum[i].address.host,
                                        .port = (uint16_t)server->quorum[i].address.port};
    }
    struct node_options options = {
        .loop = broker->loop,
        .fs = broker->fs,
        .dir = broker->metadata_dir,
        .dir_locked = broker->metadata_dir_is_data,
        .node_id = broker->id,
        .directory_id = broker->metadata_directory_id,
        .cluster_id = broker->dirs->cluster_id,
        .voters = voters,
        .voter_count = server->quorum_count,
        .timers = {.fetch_timeout_ms = settings_int(settings, "controller.quorum.fetch.timeout.ms"),
                   .request_timeout_ms =
                       settings_int(settings, "controller.quorum.request.timeout.ms"),
                   .retry_backoff_ms =
                       settings_int(settings, "controller.quorum.retry.backoff.ms")},
        .seed = server->options.seed,
        .log = server->options.log,
        .listener = {.arg = broker,
                     .on_snapshot_begin = on_snapshot_begin,
                     .on_snapshot = on_snapshot,
                     .on_snapshot_end = on_snapshot_end,
                     .on_commit = on_commit,
                     .on_leader = on_leader,
                     .on_fatal = on_fatal}};
    TRY(daemon_snapshots_retention(settings, &options.retention, why));
    daemon_snapshots_init(&server->snapshots, broker->loop, settings, broker->log);
    enum err e = node_new(&options, &broker->node);
    return e == ERR_NONE ? ERR_NONE
                         : REFUSE(why, e, "the metadata log in %s cannot be opened: %s",
                                  options.dir, err_text(e));
}

/* ---- serving ---- */

static struct net_server *new_net_server(struct broker_server *server)
{
    struct broker *broker = &server->broker;
    int64_t budget = settings_long(broker->settings, "queued.max.request.bytes");
    broker->budget = net_budget_new(budget > 0 ? budget : REQUEST_BYTES_TOTAL);
    struct net_server_options options = {
        .log = broker->log,
        .apis = broker_apis,
        .api_count = broker_apis_count,
        .arg = broker,
        .budget = broker->budget,
        .request_bytes_max = settings_int(broker->settings, "socket.request.max.bytes")};
    return net_server_new(&options);
}

/* ---- life ---- */

static void new_parts(struct broker *broker)
{
    broker->channel = broker_channel_new(broker);
    broker->lifecycle = broker_lifecycle_new(broker);
    broker->publisher = broker_publisher_new(broker);
    broker->producer_ids = broker_producer_ids_new(broker);
    broker->forward = broker_forward_new(broker);
    broker->sessions = broker_sessions_new(broker);
    broker->groups = broker_groups_new(broker);
    broker_fetchers_start(broker);
    broker_isr_start(broker);
    broker->assign = broker_assign_new(broker);
}

static enum err build(struct broker_server *server, struct buf *why)
{
    struct broker *broker = &server->broker;
    TRY(read_identity(server, why));
    TRY(broker_listening_read(broker, why));
    TRY(open_dirs(server, why));
    broker_dynamic_set_rates(broker);
    new_parts(broker);
    TRY(new_node(server, why));
    broker_replicas_start(broker);
    if (!broker_dirs_suffice(broker)) {
        return REFUSE(why, ERR_IO, "log.dirs cannot be used; the lines before say why");
    }
    broker->server = new_net_server(server);
    return broker_listening_bind(broker, why);
}

enum err broker_server_new(const struct broker_server_options *options, struct broker_server **out,
                           struct buf *why)
{
    *out = NULL;
    struct broker_server *server = MEM_NEW(struct broker_server);
    server->options = *options;
    server->broker.given = options->settings;
    server->broker.settings = options->settings;
    server->broker.loop = options->loop;
    server->broker.fs = options->fs;
    server->broker.log = options->log;
    server->broker.failed = options->failed;
    server->broker.failed_arg = options->arg;
    server->broker.epoch = -1;
    net_timer_init(&server->farewell, options->loop, leave, server);
    server->broker.incarnation_id = uuid_random();
    enum err e = build(server, why);
    if (e != ERR_NONE) {
        broker_server_free(server);
        return e;
    }
    *out = server;
    return ERR_NONE;
}

static void on_unfenced(void *arg)
{
    struct broker_server *server = container_of(arg, struct broker_server, broker);
    broker_listening_open(&server->broker);
    server->serving = true;
}

static void on_published(void *arg)
{
    struct broker *broker = arg;
    log_info(broker->log, "server", "ready", "broker=%d metadata_offset=%" PRId64, broker->id,
             metadata_image_offset(broker->image));
    broker_lifecycle_ready(broker->lifecycle, on_unfenced, broker);
}

static void on_caught_up(void *arg)
{
    struct broker *broker = arg;
    broker_publisher_open(broker->publisher, on_published, broker);
}

void broker_server_start(struct broker_server *server)
{
    struct broker *broker = &server->broker;
    broker_lifecycle_start(broker->lifecycle, on_caught_up, broker);
    node_start(broker->node);
}

static void leave(void *arg)
{
    struct broker_server *server = arg;
    /* First: clients look for the new leaders while the logs are synced. */
    broker_listening_close(&server->broker);
    broker_replicas_close(&server->broker);
    server->stopped(server->stopped_arg);
}

static void on_let_go(void *arg)
{
    struct broker_server *server = arg;
    if (server->serving) {
        net_timer_set(&server->farewell, FAREWELL_MS);
    } else {
        leave(server);
    }
}

void broker_server_stop(struct broker_server *server, void (*done)(void *arg), void *arg)
{
    server->stopped = done;
    server->stopped_arg = arg;
    broker_lifecycle_shutdown(server->broker.lifecycle, on_let_go, server);
}

bool broker_server_is_serving(const struct broker_server *server)
{
    return server->serving;
}

int broker_server_port(const struct broker_server *server)
{
    return broker_listening_port(&server->broker);
}

void broker_server_free(struct broker_server *server)
{
    if (server == NULL) {
        return;
    }
    struct broker *broker = &server->broker;
    net_timer_stop(&server->farewell);
    broker_sessions_free(broker->sessions); /* answers parked fetches */
    broker_listening_free(broker);
    node_free(broker->node);
    broker_groups_free(broker->groups);
    broker_fetchers_free(broker);
    broker_isr_free(broker);
    broker_replicas_free(broker);
    broker_assign_free(broker->assign);
    broker_forward_free(broker->forward);
    broker_producer_ids_free(broker->producer_ids);
    broker_lifecycle_free(broker->lifecycle);
    broker_channel_free(broker->channel);
    broker_publisher_free(broker->publisher);
    net_server_free(broker->server);
    net_budget_free(broker->budget);
    settings_free(broker->dynamic);
    broker_dirs_free(broker);
    arena_fini(&server->arena);
    mem_free(server);
}

/* ---- what is inside ---- */

static struct broker_server_partition view_of(struct replica *r)
{
    return (struct broker_server_partition){.topic_id = r->topic_id,
                                            .topic = r->topic,
                                            .index = r->index,
                                            .state = &r->part,
                                            .log = replica_is_online(r) ? r->log : NULL};
}

bool broker_server_partition_next(const struct broker_server *server, size_t *at,
                                  struct broker_server_partition *out)
{
    struct replica *r = broker_replicas_next(&server->broker, at);
    if (r != NULL) {
        *out = view_of(r);
    }
    return r != NULL;
}

bool broker_server_partition_find(const struct broker_server *server, struct uuid topic_id,
                                  int32_t index, struct broker_server_partition *out)
{
    struct broker *broker = (struct broker *)(uintptr_t)&server->broker;
    struct replica *r = broker_replica(broker, topic_id, index);
    if (r != NULL) {
        *out = view_of(r);
    }
    return r != NULL;
}

struct node *broker_server_node(const struct broker_server *server)
{
    return server->broker.node;
}

const struct metadata_image *broker_server_image(const struct broker_server *server)
{
    return server->broker.image;
}

int64_t broker_server_epoch(const struct broker_server *server)
{
    return server->broker.epoch;
}
