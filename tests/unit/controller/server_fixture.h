/* One controller with its real log, over loopback, for tests that ask it. */
#ifndef TESTS_UNIT_CONTROLLER_SERVER_FIXTURE_H
#define TESTS_UNIT_CONTROLLER_SERVER_FIXTURE_H

#include "tests/unit/controller/world.h"

#include <ftw.h>

#include "controller/server.h"
#include "net/net.h"
#include "store/store.h"

enum { DEADLINE_MS = 10000, GRACE_MS = 200 };

struct fixture {
    char dir[64];
    struct net_loop *loop;
    struct settings *settings;
    struct log log;
    struct controller_server *server;
    struct net_client *client;
    struct arena arena; /* of responses */
    bool failed;
};

static inline void on_failed(void *arg, const char *what)
{
    (void)what;
    ((struct fixture *)arg)->failed = true;
}

static inline void set(struct fixture *f, const char *pair)
{
    struct buf why = {0};
    ck_assert_int_eq(settings_set_pair(f->settings, pair, &why), ERR_NONE);
    buf_fini(&why);
}

static inline void start(struct fixture *f)
{
    struct buf why = {0};
    struct controller_server_options options = {.loop = f->loop,
                                                .fs = store_fs_posix(),
                                                .settings = f->settings,
                                                .log = &f->log,
                                                .seed = 5,
                                                .failed = on_failed,
                                                .arg = f};
    enum err e = controller_server_new(&options, &f->server, &why);
    ck_assert_msg(e == ERR_NONE, "%.*s", (int)why.len, (const char *)why.data);
    buf_fini(&why);
    controller_server_start(f->server);
    f->client = net_client_new(
        f->loop, &(struct net_client_options){.host = "127.0.0.1",
                                              .port = controller_server_port(f->server)});
}

static inline void stop(struct fixture *f)
{
    net_client_free(f->client);
    controller_server_free(f->server);
    f->client = NULL;
    f->server = NULL;
}

static inline void set_up(struct fixture *f)
{
    *f = (struct fixture){.log = {LOG_WARN, log_to_stderr, NULL}};
    snprintf(f->dir, sizeof f->dir, "/tmp/craft-controller-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(f->dir));
    struct store_meta meta = {.version = 1, .node_id = 3001, .directory_id = {9, 9}};
    snprintf(meta.cluster_id, sizeof meta.cluster_id, "%s", CLUSTER_ID);
    ck_assert_int_eq(store_meta_write(store_fs_posix(), f->dir, &meta, NULL), ERR_NONE);
    f->loop = net_loop_new(NULL);
    f->settings = settings_new();
    char dir[96];
    char grace[64];
    snprintf(dir, sizeof dir, "log.dirs=%s", f->dir);
    snprintf(grace, sizeof grace, "craft.broker.disconnect.grace.ms=%d", GRACE_MS);
    set(f, dir);
    set(f, grace);
    set(f, "process.roles=controller");
    set(f, "node.id=3001");
    /* The port is not used by anybody: there is one voter, and it does not call itself. */
    set(f, "controller.quorum.voters=3001@127.0.0.1:19999");
    set(f, "controller.listener.names=CONTROLLER");
    set(f, "listeners=CONTROLLER://127.0.0.1:0");
    set(f, "controller.quorum.election.timeout.ms=50");
}

static inline int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

static inline void tear_down(struct fixture *f)
{
    stop(f);
    net_loop_free(f->loop);
    settings_free(f->settings);
    arena_fini(&f->arena);
    ck_assert_int_eq(nftw(f->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}

/* ---- calls that are waited for ---- */

struct answer {
    bool done;
    enum err error;
    struct net_kept *kept;
    const void *response;
};

static inline void on_answer(void *arg, enum err e, const void *response, struct net_response *raw)
{
    struct answer *a = arg;
    a->done = true;
    a->error = e;
    if (e == ERR_NONE) {
        a->kept = net_response_take(raw);
        a->response = response;
    }
}

/* Sends a request; `a` is filled when the answer comes. */
static inline void begin_ask(struct net_client *client, int16_t api, int16_t version,
                             const void *request, struct answer *a)
{
    *a = (struct answer){0};
    net_call(client, &(struct net_call_args){.api = api,
                                             .version = version,
                                             .request = request,
                                             .timeout_ms = DEADLINE_MS,
                                             .done = on_answer,
                                             .arg = a});
}

static inline struct answer ask(struct fixture *f, int16_t api, int16_t version,
                                const void *request)
{
    struct answer a;
    begin_ask(f->client, api, version, request, &a);
    while (!a.done) {
        net_loop_step(f->loop, 100);
    }
    ck_assert_msg(a.error == ERR_NONE, "api %d: %s", api, err_name(a.error));
    return a;
}

static inline void forget(struct answer *a)
{
    net_kept_free(a->kept);
}

#define WAIT_FOR(f, condition) \
    do { \
        int64_t end_ = net_now_ms((f)->loop) + DEADLINE_MS; \
        while (!(condition) && net_now_ms((f)->loop) < end_) { \
            net_loop_step((f)->loop, 10); \
        } \
        ck_assert_msg(condition, "%s", #condition); \
    } while (0)

static inline int64_t register_broker(struct fixture *f, int32_t id)
{
    struct wire_broker_registration_request_features features[] = {
        {slice_str("metadata.version"), 1, 99}, {slice_str("group.version"), 0, 1}};
    struct wire_broker_registration_request_listeners listener = {slice_str("PLAINTEXT"),
                                                                  slice_str("127.0.0.1"), 9092, 0};
    struct uuid dir = {77, (uint64_t)id + 1000};
    struct wire_broker_registration_request request;
    wire_init(&wire_msg_broker_registration_request, &request);
    request.broker_id = id;
    request.cluster_id = slice_str(CLUSTER_ID);
    request.incarnation_id = uuid_random();
    request.listeners = &listener;
    request.listeners_count = 1;
    request.features = features;
    request.features_count = ARRAY_LEN(features);
    request.log_dirs = &dir;
    request.log_dirs_count = 1;
    struct answer a = ask(f, WIRE_API_BROKER_REGISTRATION, 4, &request);
    const struct wire_broker_registration_response *response = a.response;
    ck_assert_int_eq(response->error_code, 0);
    int64_t epoch = response->broker_epoch;
    forget(&a);
    return epoch;
}

/* A heartbeat of a broker that has applied the log up to `offset`; is it fenced? */
static inline bool beat_at(struct fixture *f, int32_t id, int64_t epoch, int64_t offset)
{
    struct wire_broker_heartbeat_request request;
    wire_init(&wire_msg_broker_heartbeat_request, &request);
    request.broker_id = id;
    request.broker_epoch = epoch;
    request.current_metadata_offset = offset;
    struct answer a = ask(f, WIRE_API_BROKER_HEARTBEAT, 1, &request);
    const struct wire_broker_heartbeat_response *response = a.response;
    ck_assert_int_eq(response->error_code, 0);
    bool fenced = response->is_fenced;
    forget(&a);
    return fenced;
}

static inline bool beat(struct fixture *f, int32_t id, int64_t epoch)
{
    return beat_at(f, id, epoch, INT64_MAX);
}

static inline struct wire_create_topics_request_topics topic_request(const char *name,
                                                                     int32_t partitions)
{
    return (struct wire_create_topics_request_topics){
        .name = slice_str(name), .num_partitions = partitions, .replication_factor = -1};
}

static inline int16_t create(struct fixture *f, const char *name, int32_t partitions)
{
    struct wire_create_topics_request_topics topic = topic_request(name, partitions);
    struct wire_create_topics_request request = {.topics = &topic, .topics_count = 1};
    struct answer a = ask(f, WIRE_API_CREATE_TOPICS, 7, &request);
    int16_t code = ((const struct wire_create_topics_response *)a.response)->topics[0].error_code;
    forget(&a);
    return code;
}

#endif
