/* A run: the world is made, things happen, it is taken apart. */
#include "sim/cluster/world.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/mem.h"
#include "sim/cluster/check.h"
#include "sim/cluster/ledger.h"
#include "sim/cluster/load.h"

enum { SWEEP_MS = 100, CONVERGE_LOOK_MS = 250, NOT_HEALED = -1 };

/* Faults end so long after the last order, if no order says so. */
static const int64_t heal_after_us = 1 * SIM_S;

int64_t sim_now_us(const struct sim_world *world)
{
    return sim_net_now_us(world->net);
}

void sim_fail(struct sim_world *world, const char *invariant, const char *fmt, ...)
{
    char text[SIM_FAILURE_MAX / 2];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    sim_net_trace(world->net, "FAILURE %s (%s)", invariant, text);
    if (!world->failed) {
        world->failed = true;
        world->report->failed = true;
        world->report->failed_us = sim_now_us(world);
        snprintf(world->report->failure, sizeof world->report->failure, "%s (%s)", invariant, text);
    }
}

/* ---- tallies ---- */

void sim_tally(struct sim_cluster_report *report, const char *name, uint64_t count)
{
    int i = 0;
    while (i < report->tally_count && strcmp(report->tallies[i].name, name) != 0) {
        i++;
    }
    if (i == SIM_FAULTS_MAX) {
        return;
    }
    if (i == report->tally_count) {
        report->tally_count++;
        snprintf(report->tallies[i].name, sizeof report->tallies[i].name, "%s", name);
    }
    report->tallies[i].count += count;
}

uint64_t sim_tallied(const struct sim_cluster_report *report, const char *name)
{
    for (int i = 0; i < report->tally_count; i++) {
        if (strcmp(report->tallies[i].name, name) == 0) {
            return report->tallies[i].count;
        }
    }
    return 0;
}

static void tally_all(struct sim_world *world)
{
    struct sim_cluster_report *report = world->report;
    const char *name;
    uint64_t count;
    char text[40];
    for (size_t i = 0; sim_net_fault_at(world->net, i, &name, &count); i++) {
        snprintf(text, sizeof text, "net %s", name);
        sim_tally(report, text, count);
    }
    for (int i = 0; i < SIM_FAULT_KINDS; i++) {
        count = sim_fs_fault_count(world->fs, (enum sim_disk_fault)i);
        snprintf(text, sizeof text, "disk %s", sim_disk_fault_name((enum sim_disk_fault)i));
        sim_tally(report, text, count);
    }
    struct sim_fs_point point;
    for (size_t i = 0; sim_fs_point_at(world->fs, i, &point); i++) {
        snprintf(text, sizeof text, "point %s failed", point.name);
        sim_tally(report, text, point.failed);
        if (point.died > 0) {
            snprintf(text, sizeof text, "point %s died in", point.name);
            sim_tally(report, text, point.died);
        }
    }
    struct sim_ledger_counts counts = sim_ledger_counts(world->ledger);
    sim_tally(report, "load records sent", (uint64_t)counts.sent);
    sim_tally(report, "load records acknowledged", (uint64_t)counts.acked);
    sim_tally(report, "load records read", (uint64_t)counts.reads);
    sim_tally(report, "load offsets committed", (uint64_t)counts.commits);
    sim_tally(report, "load partitions assigned", (uint64_t)counts.assignments);
    sim_tally(report, "refused starts", (uint64_t)world->refused_starts);
}

/* ---- making ---- */

static int64_t wall_ms(void *arg)
{
    const struct sim_world *world = arg;
    return sim_now_us(world) / SIM_MS;
}

static void spend(void *arg, int64_t us)
{
    (void)arg;
    if (sim_host_current() != NULL) {
        sim_spend(us);
    }
}

static enum err read_file(void *arg, const struct sim_read *read, size_t *got)
{
    struct sim_world *world = arg;
    return sim_fs_read(world->fs, read->fd, store_room(read->to, read->len), (uint64_t)read->pos,
                       got);
}

static void trace_line(void *arg, const char *line)
{
    const struct sim_cluster_options *options = ((struct sim_world *)arg)->options;
    options->trace(options->trace_arg, line);
}

static void add_machines(struct sim_world *world, enum sim_kind kind, int count)
{
    for (int i = 1; i <= count; i++) {
        struct sim_machine *m = &world->machines[world->count++];
        sim_machine_init(m, world, kind, i);
    }
}

static bool is_flushed(const struct sim_scenario *s)
{
    for (int i = 0; i < s->setting_count; i++) {
        if (strcmp(s->settings[i].pair, "log.flush.interval.messages=1") == 0) {
            return true;
        }
    }
    return false;
}

static void init_world(struct sim_world *world)
{
    const struct sim_scenario *s = world->scenario;
    world->healed_us = NOT_HEALED;
    world->flushed = is_flushed(s);
    list_init(&world->loads);
    world->net = sim_net_new(&(struct sim_net_options){
        .seed = s->seed,
        .files = {read_file, world},
        .trace = world->options->trace == NULL ? NULL : trace_line,
        .trace_arg = world,
    });
    world->fs =
        sim_fs_new(&(struct sim_fs_options){.wall_ms = wall_ms, .spend = spend, .arg = world});
    world->prng = sim_net_prng(world->net, "cluster");
    world->ledger = sim_ledger_new(world);
    world->checks = sim_checks_new(world);
    add_machines(world, SIM_CONTROLLER, s->controllers);
    add_machines(world, SIM_BROKER, s->brokers);
    add_machines(world, SIM_CLIENT, s->clients);
}

static void fini_world(struct sim_world *world)
{
    for (int i = 0; i < world->count; i++) {
        sim_machine_fini(&world->machines[i]);
    }
    sim_loads_free(world);
    sim_checks_free(world->checks);
    sim_ledger_free(world->ledger);
    sim_net_free(world->net);
    sim_fs_free(world->fs);
}

/* ---- running ---- */

struct planned {
    struct sim_world *world;
    const struct sim_order *order;
};

static void obey(void *arg)
{
    const struct planned *planned = arg;
    if (planned->world->healed_us == NOT_HEALED) {
        sim_order_obey(planned->world, planned->order);
    }
}

static void heal(void *arg)
{
    struct sim_world *world = arg;
    if (world->healed_us == NOT_HEALED) {
        sim_heal(world);
    }
}

static void sweep(void *arg)
{
    struct sim_world *world = arg;
    sim_check_sweep(world->checks);
    sim_replace_all(world);
    sim_net_at(world->net, sim_now_us(world) + SWEEP_MS * SIM_MS, sweep, world);
}

static void look_at_convergence(void *arg)
{
    struct sim_world *world = arg;
    if (world->healed_us != NOT_HEALED) {
        sim_converge(world);
    }
    sim_net_at(world->net, sim_now_us(world) + CONVERGE_LOOK_MS * SIM_MS, look_at_convergence,
               world);
}

static struct planned *plan(struct sim_world *world)
{
    const struct sim_scenario *s = world->scenario;
    struct planned *planned = mem_zalloc((size_t)s->order_count + 1, sizeof *planned);
    int64_t last_us = 0;
    for (int i = 0; i < s->order_count; i++) {
        planned[i] = (struct planned){world, &s->orders[i]};
        sim_net_at(world->net, s->orders[i].at_us, obey, &planned[i]);
        last_us = s->orders[i].at_us;
    }
    sim_net_at(world->net, last_us + heal_after_us, heal, world);
    sim_net_at(world->net, 0, sweep, world);
    sim_net_at(world->net, 0, look_at_convergence, world);
    return planned;
}

static struct sim_machine *machine_of(struct sim_world *world, const struct sim_host *host)
{
    for (int i = 0; i < world->count; i++) {
        if (world->machines[i].host == host) {
            return &world->machines[i];
        }
    }
    return NULL;
}

static void run(struct sim_world *world)
{
    for (int i = 0; i < world->count; i++) {
        sim_machine_start(&world->machines[i]);
    }
    while (!world->failed && !world->done && sim_net_step(world->net)) {
        struct sim_machine *m = machine_of(world, sim_net_last(world->net));
        if (m != NULL && sim_machine_is_up(m)) {
            sim_check_event(world->checks, m);
            sim_machine_settle(m);
        }
    }
}

static enum err format(struct sim_world *world, struct buf *why)
{
    for (int i = 0; i < world->count; i++) {
        TRY(sim_machine_format(&world->machines[i], why));
    }
    return sim_orders_check(world, why);
}

enum err sim_cluster_run(const struct sim_cluster_options *options,
                         struct sim_cluster_report *report, struct buf *why)
{
    struct sim_world *world = MEM_NEW(struct sim_world);
    struct planned *planned = NULL;
    world->scenario = options->scenario;
    world->options = options;
    world->report = report;
    report->failed = false;
    init_world(world);
    enum err e = format(world, why);
    if (e == ERR_NONE) {
        planned = plan(world);
        run(world);
        report->runs++;
        report->simulated_us += sim_now_us(world);
        report->events += sim_net_stats(world->net).events;
        report->hash = sim_net_hash(world->net);
        tally_all(world);
    }
    fini_world(world);
    mem_free(planned);
    mem_free(world);
    return e;
}
