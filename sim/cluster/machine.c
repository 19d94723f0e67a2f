/* Machines of a simulated cluster: their settings, their disks, the lives of their processes. */
#include <stdio.h>

#include "base/mem.h"
#include "daemon/daemon.h"
#include "sim/cluster/check.h"
#include "sim/cluster/client.h"
#include "sim/cluster/world.h"

enum { RESTART_MS_MIN = 300, RESTART_MS_MAX = 3000 };

/* ---- settings ---- */

static void put_voters(const struct sim_world *world, struct buf *out)
{
    bool is_static = world->scenario->voters == 0;
    buf_put_str(out,
                is_static ? "controller.quorum.voters=" : "controller.quorum.bootstrap.servers=");
    for (int i = 1; i <= world->scenario->controllers; i++) {
        if (!is_static) {
            buf_printf(out, "%scontroller-%d:%d", i == 1 ? "" : ",", i, SIM_CONTROLLER_PORT);
            continue;
        }
        buf_printf(out, "%s%d@controller-%d:%d", i == 1 ? "" : ",", SIM_CONTROLLER_ID_FIRST + i - 1,
                   i, SIM_CONTROLLER_PORT);
    }
    buf_put_str(out, "\n");
}

static void put_defaults(const struct sim_machine *m, struct buf *out)
{
    const struct sim_scenario *s = m->world->scenario;
    int replicas = s->brokers < 3 ? s->brokers : 3;
    bool controller = m->kind == SIM_CONTROLLER;
    buf_printf(out, "node.id=%d\nprocess.roles=%s\n", m->node_id,
               controller ? "controller" : "broker");
    buf_printf(out, "listeners=%s://%s:%d\n", controller ? "CONTROLLER" : "PLAINTEXT", m->name,
               controller ? SIM_CONTROLLER_PORT : SIM_BROKER_PORT);
    buf_printf(out, "log.dirs=/data\ncontroller.listener.names=CONTROLLER\n");
    buf_printf(out, "default.replication.factor=%d\noffsets.topic.replication.factor=%d\n",
               replicas, replicas);
    buf_printf(out, "min.insync.replicas=%d\noffsets.topic.num.partitions=4\n",
               replicas < 2 ? replicas : 2);
    buf_printf(out, "group.initial.rebalance.delay.ms=0\n");
    buf_printf(out, "group.consumer.min.session.timeout.ms=5000\n"
                    "group.consumer.session.timeout.ms=8000\n"
                    "group.consumer.min.heartbeat.interval.ms=500\n"
                    "group.consumer.heartbeat.interval.ms=1000\n");
    put_voters(m->world, out);
}

/* Does a line `set WHO …` count for the machine? */
static bool is_meant(const struct sim_machine *m, const char *who)
{
    return strcmp(who, "all") == 0 || strcmp(who, m->name) == 0 ||
           strcmp(who, m->kind == SIM_CONTROLLER ? "controllers" : "brokers") == 0;
}

static enum err read_settings(struct sim_machine *m, struct buf *why)
{
    const struct sim_scenario *s = m->world->scenario;
    struct buf text = {0};
    put_defaults(m, &text);
    m->settings = settings_new();
    enum err e = settings_parse(m->settings, buf_slice(&text), m->name, why);
    for (int i = 0; i < s->setting_count && e == ERR_NONE; i++) {
        if (is_meant(m, s->settings[i].who)) {
            e = settings_set_pair(m->settings, s->settings[i].pair, why);
        }
    }
    buf_fini(&text);
    return e;
}

/* "id@host:port:directory-id,…" */
static void put_first_voters(const struct sim_world *world, struct buf *out)
{
    for (int i = 1; i <= world->scenario->voters; i++) {
        struct uuid directory = {0x51, (uint64_t)i};
        buf_printf(out, "%s%d@controller-%d:%d:%s", i == 1 ? "" : ",",
                   SIM_CONTROLLER_ID_FIRST + i - 1, i, SIM_CONTROLLER_PORT,
                   uuid_text(directory).text);
    }
}

enum err sim_machine_format(struct sim_machine *m, struct buf *why)
{
    const struct sim_scenario *s = m->world->scenario;
    struct buf voters = {0};
    if (m->kind == SIM_CLIENT) {
        return ERR_NONE;
    }
    if (m->settings == NULL) {
        TRY(read_settings(m, why));
    }
    struct daemon_format_options options = {.fs = sim_disk_store(m->disk),
                                            .settings = m->settings,
                                            .cluster_id = slice_str(SIM_CLUSTER_ID)};
    if (m->kind == SIM_CONTROLLER && s->voters > 0) {
        bool is_first = !m->renewed && m->node_id < SIM_CONTROLLER_ID_FIRST + s->voters;
        options.quorum = is_first ? DAEMON_FORMAT_INITIAL : DAEMON_FORMAT_JOIN;
        put_first_voters(m->world, &voters);
        buf_put(&voters, "", 1);
        options.initial_controllers = is_first ? (const char *)voters.data : NULL;
    }
    sim_host_enter(m->host);
    enum err e = daemon_format(&options, why);
    sim_host_leave();
    buf_fini(&voters);
    return e;
}

/* ---- machines ---- */

static void on_log(void *arg, enum log_level level, const char *line)
{
    (void)level;
    struct sim_machine *m = arg;
    sim_net_trace(m->world->net, "%s", line);
}

void sim_machine_init(struct sim_machine *m, struct sim_world *world, enum sim_kind kind,
                      int number)
{
    static const char *const kinds[] = {"controller", "broker", "client"};
    *m = (struct sim_machine){.world = world, .kind = kind, .index = world->count - 1};
    snprintf(m->name, sizeof m->name, "%s-%d", kinds[kind], number);
    m->node_id = kind == SIM_CONTROLLER ? SIM_CONTROLLER_ID_FIRST + number - 1
                 : kind == SIM_BROKER   ? number
                                        : -1;
    m->host = sim_host_new(world->net, &(struct sim_host_options){.name = m->name});
    m->disk = sim_disk_new(world->fs, prng_next(&world->prng));
    m->log = (struct log){world->options->debug ? LOG_DEBUG : LOG_INFO, on_log, m};
    m->restart_us = INT64_MAX;
}

void sim_machine_fini(struct sim_machine *m)
{
    sim_machine_crash(m, SIM_CRASH_KILL);
    sim_disk_free(m->disk);
    settings_free(m->settings);
}

struct sim_machine *sim_machine_find(struct sim_world *world, const char *name)
{
    for (int i = 0; i < world->count; i++) {
        if (strcmp(world->machines[i].name, name) == 0) {
            return &world->machines[i];
        }
    }
    return NULL;
}

struct sim_machine *sim_machine_of_node(struct sim_world *world, int32_t node_id)
{
    for (int i = 0; i < world->count; i++) {
        if (world->machines[i].node_id == node_id && world->machines[i].kind != SIM_CLIENT) {
            return &world->machines[i];
        }
    }
    return NULL;
}

/* ---- processes ---- */

static void on_failed(void *arg, const char *what)
{
    struct sim_machine *m = arg;
    sim_net_trace(m->world->net, "the process ends: %s", what);
    if (m->end == SIM_END_NOT) {
        m->end = SIM_END_FAILED;
    }
}

static enum err new_server(struct sim_machine *m, struct buf *why)
{
    uint64_t seed = prng_next(&m->world->prng);
    if (m->kind == SIM_CONTROLLER) {
        return controller_server_new(
            &(struct controller_server_options){.loop = m->loop,
                                                .fs = sim_disk_store(m->disk),
                                                .settings = m->settings,
                                                .log = &m->log,
                                                .seed = seed,
                                                .failed = on_failed,
                                                .arg = m},
            &m->controller, why);
    }
    if (m->kind == SIM_BROKER) {
        return broker_server_new(&(struct broker_server_options){.loop = m->loop,
                                                                 .fs = sim_disk_store(m->disk),
                                                                 .settings = m->settings,
                                                                 .log = &m->log,
                                                                 .seed = seed,
                                                                 .failed = on_failed,
                                                                 .arg = m},
                                 &m->broker, why);
    }
    m->client = sim_client_new(m, seed);
    return ERR_NONE;
}

static void start_server(struct sim_machine *m)
{
    if (m->controller != NULL) {
        controller_server_start(m->controller);
    } else if (m->broker != NULL) {
        broker_server_start(m->broker);
    } else {
        sim_client_start(m->client);
    }
}

static void free_process(struct sim_machine *m)
{
    if (sim_machine_quorum_node(m) != NULL) {
        struct node_glance glance;
        node_glance(sim_machine_quorum_node(m), &glance);
        m->epoch = glance.epoch;
    }
    sim_host_enter(m->host);
    controller_server_free(m->controller);
    broker_server_free(m->broker);
    sim_client_free(m->client);
    net_loop_free(m->loop);
    sim_host_leave();
    m->controller = NULL;
    m->broker = NULL;
    m->client = NULL;
    m->loop = NULL;
    m->stopping = false;
}

static void supervise(void *arg)
{
    struct sim_machine *m = arg;
    if (!sim_machine_is_up(m) && !m->held && !m->replacing &&
        m->restart_us <= sim_now_us(m->world)) {
        sim_machine_start(m);
    }
}

void sim_machine_restart_later(struct sim_machine *m)
{
    int64_t ms = prng_range(&m->world->prng, RESTART_MS_MIN, RESTART_MS_MAX);
    m->restart_us = m->held ? INT64_MAX : sim_now_us(m->world) + ms * SIM_MS;
    if (!m->held) {
        sim_net_at(m->world->net, m->restart_us, supervise, m);
    }
}

void sim_machine_start(struct sim_machine *m)
{
    if (sim_machine_is_up(m) || m->replacing) {
        return;
    }
    struct buf why = {0};
    m->life++;
    m->end = SIM_END_NOT;
    m->held = false;
    sim_checks_begin(m->world->checks, m);
    m->restart_us = INT64_MAX;
    if (!sim_host_is_up(m->host)) {
        sim_host_boot(m->host);
    }
    sim_host_enter(m->host);
    m->loop = net_loop_new(&(struct net_loop_options){.log = &m->log});
    enum err e = new_server(m, &why);
    if (e == ERR_NONE) {
        start_server(m);
    }
    sim_host_leave();
    m->refused = e == ERR_NONE ? NULL : err_name(e);
    if (e != ERR_NONE) {
        sim_net_trace(m->world->net, "%s does not start: %.*s", m->name,
                      SLICE_ARG(buf_slice(&why)));
        m->world->refused_starts++;
        sim_machine_crash(m, SIM_CRASH_KILL);
        sim_machine_restart_later(m);
    }
    buf_fini(&why);
}

void sim_machine_crash(struct sim_machine *m, enum sim_crash how)
{
    if (!sim_machine_is_up(m)) {
        return;
    }
    sim_disk_halt(m->disk);
    if (sim_host_is_up(m->host)) {
        sim_host_crash(m->host, how);
    }
    free_process(m);
    sim_disk_crash(m->disk, how == SIM_CRASH_POWER ? SIM_DISK_POWER : SIM_DISK_KILL);
    m->tainted =
        m->tainted || (m->kind == SIM_BROKER && how == SIM_CRASH_POWER && !m->world->flushed);
    m->doomed = false;
    m->paused = false;
    m->restart_us = INT64_MAX;
}

static void on_stopped(void *arg)
{
    struct sim_machine *m = arg;
    m->end = m->end == SIM_END_NOT ? SIM_END_STOPPED : m->end;
}

void sim_machine_stop(struct sim_machine *m)
{
    if (!sim_machine_is_up(m)) {
        return;
    }
    if (m->stopping) { /* as a second signal does */
        sim_machine_crash(m, SIM_CRASH_KILL);
        sim_machine_restart_later(m);
        return;
    }
    m->stopping = true;
    sim_host_enter(m->host);
    if (m->controller != NULL) {
        controller_server_stop(m->controller, on_stopped, m);
    } else if (m->broker != NULL) {
        broker_server_stop(m->broker, on_stopped, m);
    } else {
        on_stopped(m);
    }
    sim_host_leave();
    sim_machine_settle(m);
}

void sim_machine_settle(struct sim_machine *m)
{
    switch (m->end) {
    case SIM_END_NOT:
        return;
    case SIM_END_STOPPED:
        free_process(m);
        if (sim_disk_open_count(m->disk) > 0) {
            sim_fail(m->world, "NoLeaks: files are open after an orderly end", "%s: %u", m->name,
                     sim_disk_open_count(m->disk));
        }
        break;
    case SIM_END_FAILED:
        sim_machine_crash(m, SIM_CRASH_KILL);
        break;
    case SIM_END_KILLED:
    case SIM_END_POWER:
        sim_machine_crash(m, m->end == SIM_END_POWER ? SIM_CRASH_POWER : SIM_CRASH_KILL);
        break;
    }
    m->end = SIM_END_NOT;
    sim_machine_restart_later(m);
}

struct sim_machine *sim_active_controller(struct sim_world *world)
{
    struct sim_machine *found = NULL;
    int32_t epoch = -1;
    for (int i = 0; i < world->count; i++) {
        struct sim_machine *m = &world->machines[i];
        struct node_glance glance;
        if (m->controller == NULL || !controller_server_is_active(m->controller)) {
            continue;
        }
        node_glance(controller_server_node(m->controller), &glance);
        if (glance.epoch > epoch) {
            epoch = glance.epoch;
            found = m;
        }
    }
    return found;
}
