/* Real controllers and brokers on simulated machines: they start, form a cluster, and serve; the
 * same seed brings the same, to the last byte. */
#include <stdio.h>
#include <time.h>

#include "base/mem.h"
#include "base/uuid.h"
#include "broker/server.h"
#include "controller/server.h"
#include "daemon/format.h"
#include "metadata/metadata.h"
#include "net/net.h"
#include "sim/fs/sim_fs.h"
#include "sim/net/sim_net.h"
#include "tests/unit/unit.h"

enum {
    NODES_MAX = 6,
    CONTROLLER_PORT = 9093,
    BROKER_PORT = 9092,
    SECOND_US = 1000 * 1000,
    CALL_MS = 5000
};

static const char cluster_id[] = "bootbootbootbootbootbA";

struct node {
    struct world *world;
    struct sim_host *host;
    struct sim_disk *disk;
    struct settings *settings;
    struct net_loop *loop;
    struct controller_server *controller;
    struct broker_server *broker;
    struct log log;
    bool failed;
};

struct world {
    struct sim_net *net;
    struct sim_fs *fs;
    struct node nodes[NODES_MAX];
    int controllers;
    int count;
    struct sim_host *client_host;
    struct net_loop *client_loop;
    struct net_client *client;
    enum err answer_error;
    int16_t answer_code;
    bool answered;
};

static bool is_verbose(void)
{
    return getenv("CRAFT_TRACE") != NULL;
}

static void print_line(void *arg, const char *line)
{
    (void)arg;
    puts(line);
}

static enum err read_file(void *arg, const struct sim_read *read, size_t *got)
{
    struct world *w = arg;
    return sim_fs_read(w->fs, read->fd, store_room(read->to, read->len), (uint64_t)read->pos, got);
}

static void on_log(void *arg, enum log_level level, const char *line)
{
    (void)level;
    struct node *node = arg;
    sim_net_trace(node->world->net, "%s", line);
}

static void on_failed(void *arg, const char *what)
{
    struct node *node = arg;
    node->failed = true;
    sim_net_trace(node->world->net, "failed: %s", what);
}

/* ---- nodes ---- */

static void put_settings(const struct node *node, int number, struct buf *out)
{
    const struct world *w = node->world;
    bool is_broker = number >= w->controllers;
    buf_printf(out, "process.roles=%s\nnode.id=%d\nlog.dirs=/data\n",
               is_broker ? "broker" : "controller",
               is_broker ? number - w->controllers + 1 : 3001 + number);
    buf_printf(out, "listeners=%s://%s:%d\n", is_broker ? "PLAINTEXT" : "CONTROLLER",
               sim_host_name(node->host), is_broker ? BROKER_PORT : CONTROLLER_PORT);
    buf_put_str(out, "controller.listener.names=CONTROLLER\ncontroller.quorum.voters=");
    for (int i = 0; i < w->controllers; i++) {
        buf_printf(out, "%s%d@c%d:%d", i == 0 ? "" : ",", 3001 + i, i + 1, CONTROLLER_PORT);
    }
    buf_put_str(out, "\n");
}

static void node_init(struct world *w, int number)
{
    struct node *node = &w->nodes[number];
    char name[16];
    bool is_broker = number >= w->controllers;
    snprintf(name, sizeof name, "%c%d", is_broker ? 'b' : 'c',
             is_broker ? number - w->controllers + 1 : number + 1);
    node->world = w;
    node->host = sim_host_new(w->net, &(struct sim_host_options){.name = name});
    node->disk = sim_disk_new(w->fs, (uint64_t)number);
    node->log = (struct log){is_verbose() ? LOG_DEBUG : LOG_INFO, on_log, node};
    node->settings = settings_new();
    struct buf text = {0};
    struct buf why = {0};
    put_settings(node, number, &text);
    enum err e = settings_parse(node->settings, buf_slice(&text), name, &why);
    ck_assert_msg(e == ERR_NONE, "%.*s", SLICE_ARG(buf_slice(&why)));
    sim_host_enter(node->host);
    e = daemon_format(&(struct daemon_format_options){.fs = sim_disk_store(node->disk),
                                                      .settings = node->settings,
                                                      .cluster_id = slice_str(cluster_id)},
                      &why);
    sim_host_leave();
    ck_assert_msg(e == ERR_NONE, "%.*s", SLICE_ARG(buf_slice(&why)));
    buf_fini(&text);
    buf_fini(&why);
}

static void node_start(struct node *node, bool is_broker)
{
    struct buf why = {0};
    sim_host_enter(node->host);
    node->loop = net_loop_new(&(struct net_loop_options){.log = &node->log});
    enum err e;
    if (is_broker) {
        e = broker_server_new(&(struct broker_server_options){.loop = node->loop,
                                                              .fs = sim_disk_store(node->disk),
                                                              .settings = node->settings,
                                                              .log = &node->log,
                                                              .seed = uuid_random().lo,
                                                              .failed = on_failed,
                                                              .arg = node},
                              &node->broker, &why);
    } else {
        e = controller_server_new(
            &(struct controller_server_options){.loop = node->loop,
                                                .fs = sim_disk_store(node->disk),
                                                .settings = node->settings,
                                                .log = &node->log,
                                                .seed = uuid_random().lo,
                                                .failed = on_failed,
                                                .arg = node},
            &node->controller, &why);
    }
    ck_assert_msg(e == ERR_NONE, "%.*s", SLICE_ARG(buf_slice(&why)));
    if (is_broker) {
        broker_server_start(node->broker);
    } else {
        controller_server_start(node->controller);
    }
    sim_host_leave();
    buf_fini(&why);
}

static void node_free(struct node *node)
{
    sim_host_enter(node->host);
    broker_server_free(node->broker);
    controller_server_free(node->controller);
    net_loop_free(node->loop);
    sim_host_leave();
    node->broker = NULL;
    node->controller = NULL;
    node->loop = NULL;
}

static void node_crash(struct node *node, enum sim_crash how)
{
    sim_disk_halt(node->disk);
    sim_host_crash(node->host, how);
    node_free(node);
    sim_disk_crash(node->disk, how == SIM_CRASH_KILL ? SIM_DISK_KILL : SIM_DISK_POWER);
}

/* ---- the world ---- */

static void world_init(struct world *w, uint64_t seed, int controllers, int brokers)
{
    *w = (struct world){.controllers = controllers, .count = controllers + brokers};
    w->net = sim_net_new(&(struct sim_net_options){
        .seed = seed,
        .files = {.read = read_file, .arg = w},
        .trace = is_verbose() ? print_line : NULL,
    });
    w->fs = sim_fs_new(&(struct sim_fs_options){0});
    for (int i = 0; i < w->count; i++) {
        node_init(w, i);
    }
    for (int i = 0; i < w->count; i++) {
        node_start(&w->nodes[i], i >= controllers);
    }
    w->client_host = sim_host_new(w->net, &(struct sim_host_options){.name = "client"});
    sim_host_enter(w->client_host);
    w->client_loop = net_loop_new(NULL);
    w->client = net_client_new(w->client_loop,
                               &(struct net_client_options){.host = "b1", .port = BROKER_PORT});
    sim_host_leave();
}

static uint64_t world_fini(struct world *w)
{
    uint64_t hash = sim_net_hash(w->net);
    sim_host_enter(w->client_host);
    net_client_free(w->client);
    net_loop_free(w->client_loop);
    sim_host_leave();
    for (int i = 0; i < w->count; i++) {
        ck_assert(!w->nodes[i].failed);
        node_free(&w->nodes[i]);
        sim_disk_free(w->nodes[i].disk);
        settings_free(w->nodes[i].settings);
    }
    sim_net_free(w->net);
    sim_fs_free(w->fs);
    return hash;
}

static void run_for(struct world *w, int64_t us)
{
    sim_net_run_until(w->net, sim_net_now_us(w->net) + us);
}

#define RUN_UNTIL(w, seconds, condition) \
    do { \
        int64_t end_us_ = sim_net_now_us((w)->net) + (int64_t)(seconds)*SECOND_US; \
        while (!(condition)) { \
            ck_assert_msg(sim_net_now_us((w)->net) < end_us_, "never: %s", #condition); \
            ck_assert(sim_net_step((w)->net)); \
        } \
    } while (0)

static struct node *active(struct world *w)
{
    for (int i = 0; i < w->controllers; i++) {
        struct controller_server *c = w->nodes[i].controller;
        if (c != NULL && controller_server_is_active(c)) {
            return &w->nodes[i];
        }
    }
    return NULL;
}

static bool all_unfenced(struct world *w)
{
    struct node *node = active(w);
    for (int id = 1; node != NULL && id <= w->count - w->controllers; id++) {
        const struct metadata_broker *b =
            metadata_broker(controller_server_image(node->controller), id);
        if (b == NULL || b->fenced) {
            return false;
        }
    }
    return node != NULL;
}

static void on_created(void *arg, enum err e, const void *response, struct net_response *raw)
{
    (void)raw;
    struct world *w = arg;
    w->answered = true;
    w->answer_error = e;
    if (e == ERR_NONE) {
        w->answer_code =
            ((const struct wire_create_topics_response *)response)->topics[0].error_code;
    }
}

static void create_topic(struct world *w, const char *name, int32_t partitions, int16_t replicas)
{
    struct wire_create_topics_request_topics topic = {
        .name = slice_str(name), .num_partitions = partitions, .replication_factor = replicas};
    struct wire_create_topics_request request = {
        .topics = &topic, .topics_count = 1, .timeout_ms = CALL_MS};
    w->answered = false;
    sim_host_enter(w->client_host);
    net_call(w->client, &(struct net_call_args){.api = WIRE_API_CREATE_TOPICS,
                                                .version = 7,
                                                .request = &request,
                                                .timeout_ms = CALL_MS,
                                                .done = on_created,
                                                .arg = w});
    sim_host_leave();
    RUN_UNTIL(w, 10, w->answered);
    ck_assert_int_eq(w->answer_error, ERR_NONE);
    ck_assert_int_eq(w->answer_code, 0);
}

/* ---- tests ---- */

static uint64_t boot(uint64_t seed, int controllers, int brokers)
{
    struct world w;
    world_init(&w, seed, controllers, brokers);
    RUN_UNTIL(&w, 30, all_unfenced(&w));
    create_topic(&w, "t", 6, (int16_t)brokers);
    ck_assert_uint_eq(metadata_partition_count(controller_server_image(active(&w)->controller)), 6);
    return world_fini(&w);
}

START_TEST(one_controller_and_one_broker)
{
    boot(1, 1, 1);
}
END_TEST

START_TEST(three_controllers_and_three_brokers)
{
    boot((uint64_t)_i, 3, 3);
}
END_TEST

START_TEST(the_same_seed_brings_the_same)
{
    uint64_t hash = boot(7, 3, 3);
    ck_assert_uint_eq(boot(7, 3, 3), hash);
    ck_assert_uint_ne(boot(8, 3, 3), hash);
}
END_TEST

START_TEST(an_active_controller_dies_and_comes_back)
{
    for (int how = SIM_CRASH_KILL; how <= SIM_CRASH_POWER; how++) {
        struct world w;
        world_init(&w, 100 + (uint64_t)how, 3, 3);
        RUN_UNTIL(&w, 30, all_unfenced(&w));
        struct node *first = active(&w);
        node_crash(first, (enum sim_crash)how);
        RUN_UNTIL(&w, 30, active(&w) != NULL && all_unfenced(&w));
        create_topic(&w, "t", 3, 3);
        sim_host_boot(first->host);
        node_start(first, false);
        run_for(&w, 5 * SECOND_US);
        ck_assert_uint_eq(metadata_partition_count(controller_server_image(first->controller)), 3);
        world_fini(&w);
    }
}
END_TEST

/* How long it takes is printed for people; how much there is to do is the same everywhere. */
START_TEST(idle_hours_are_short)
{
    enum { SECONDS = 3600 };
    struct world w;
    world_init(&w, 1, 3, 3);
    RUN_UNTIL(&w, 30, all_unfenced(&w));
    create_topic(&w, "t", 6, 3);
    struct timespec begin;
    struct timespec end;
    clock_gettime(CLOCK_MONOTONIC, &begin);
    run_for(&w, (int64_t)SECONDS * SECOND_US);
    clock_gettime(CLOCK_MONOTONIC, &end);
    double took_s =
        (double)(end.tv_sec - begin.tv_sec) + (double)(end.tv_nsec - begin.tv_nsec) / 1e9;
    struct sim_net_stats stats = sim_net_stats(w.net);
    printf("%d s took %.2f s: %.0f a second, %" PRIu64 " events, %" PRIu64 " segments\n", SECONDS,
           took_s, SECONDS / took_s, stats.events, stats.segments);
    ck_assert_uint_lt(stats.events / SECONDS, 300);
    world_fini(&w);
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("boot");
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, one_controller_and_one_broker);
    tcase_add_loop_test(tc, three_controllers_and_three_brokers, 0, 10);
    tcase_add_test(tc, the_same_seed_brings_the_same);
    tcase_add_test(tc, an_active_controller_dies_and_comes_back);
    tcase_add_test(tc, idle_hours_are_short);
    return unit_run(suite_create("boot"), tc);
}
