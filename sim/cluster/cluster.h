/* sim/cluster/: a whole cluster with its clients in one thread, from one seed.
 *
 *     struct sim_cluster_report report = {0};
 *     sim_cluster_run(&(struct sim_cluster_options){.scenario = &scenario}, &report);
 *     if (report.failed) puts(report.failure);
 *     sim_cluster_report_fini(&report);
 *
 * Controllers and brokers are the production servers over sim/net and sim/fs; clients are small
 * ones of our own over net/client.h. The same scenario gives the same trace, byte for byte
 * (report.hash).
 *
 * A run has three parts: what the scenario says; then, at its `heal`, everything is mended, clients
 * finish and the cluster must converge within `converge`: one active controller, every broker
 * unfenced, every replica in its ISR, all logs equal; last, everything is read back. Checks run
 * after every event (check.h).
 *
 * scenario.h reads and writes scenarios, draw.h draws one from a seed. */
#ifndef SIM_CLUSTER_CLUSTER_H
#define SIM_CLUSTER_CLUSTER_H

#include "base/buf.h"
#include "base/err.h"
#include "base/map.h"
#include "sim/cluster/draw.h"
#include "sim/cluster/scenario.h"

struct sim_cluster_options {
    const struct sim_scenario *scenario;
    /* A line an event: net, processes, logs of the nodes. May be NULL. */
    void (*trace)(void *arg, const char *line);
    void *trace_arg;
    bool debug; /* the nodes' logs from DEBUG on */
};

enum { SIM_FAULTS_MAX = 160, SIM_FAILURE_MAX = 1024 };

/* How often something struck, by name. */
struct sim_tally {
    char name[40];
    uint64_t count;
};

/* The first three parts are sums, when several runs use one report. */
struct sim_cluster_report {
    uint64_t runs;
    int64_t simulated_us;
    uint64_t events;
    uint64_t checks;
    struct sim_tally tallies[SIM_FAULTS_MAX]; /* faults, and what the load came to */
    int tally_count;
    int64_t converged_us_max;

    /* Of the last run. */
    uint64_t hash;
    bool failed;
    int64_t failed_us;
    char failure[SIM_FAILURE_MAX];
};

/* Runs the scenario and adds to the report. ERR_CONFIG: it is none; `why`. */
enum err sim_cluster_run(const struct sim_cluster_options *options,
                         struct sim_cluster_report *report, struct buf *why) MUST_USE;

/* Adds to the tally of that name. */
void sim_tally(struct sim_cluster_report *report, const char *name, uint64_t count);
uint64_t sim_tallied(const struct sim_cluster_report *report, const char *name);

#endif
