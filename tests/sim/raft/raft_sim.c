/* raft_sim: simulates quorums, one per seed, and checks them. See world.h.
 *
 *     raft_sim --seeds 2000            seeds 1 to 2000
 *     raft_sim --seed 17 -v            one seed with its trace
 *
 * Now and then a seed is run a second time and must leave the same trace; --twice does it always.
 * Exit status 1 and one command that replays it when a seed fails. */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/sim/raft/world.h"

/* Of so many seeds, one is run again: its trace must be the same, byte for byte. */
enum { TWICE_EVERY = 50 };

struct settings {
    uint64_t first;
    uint64_t count;
    bool verbose;
    bool twice; /* every seed */
    const char *program;
};

/* What the handler of SIGABRT prints: an assertion of the core has no way back to us. */
static char abort_line[256];
static size_t abort_length;

static void on_abort(int number)
{
    (void)number;
    ssize_t written = write(STDOUT_FILENO, abort_line, abort_length);
    (void)written;
    _exit(1);
}

static void prepare_abort_line(const struct settings *settings, uint64_t seed)
{
    int n = snprintf(abort_line, sizeof abort_line,
                     "seed %" PRIu64 ": an assertion failed\nreplay: %s --seed %" PRIu64 " -v\n",
                     seed, settings->program, seed);
    abort_length = min_size((size_t)n, sizeof abort_line - 1);
}

static void show_failure(const struct sim_world *world, const struct settings *settings)
{
    if (!world->verbose) {
        int64_t first = max_i64(0, world->line_count - SIM_LINES_KEPT);
        for (int64_t i = first; i < world->line_count; i++) {
            puts(world->lines[i % SIM_LINES_KEPT]);
        }
    }
    printf("seed %" PRIu64 ": %s\nreplay: %s --seed %" PRIu64 " -v\n", world->seed, world->failure,
           settings->program, world->seed);
}

static void add_stats(struct sim_stats *sum, const struct sim_stats *one)
{
    sum->steps += one->steps;
    sum->commits += one->commits;
    sum->reads += one->reads;
    sum->leaders += one->leaders;
    sum->changes += one->changes;
    sum->upgrades += one->upgrades;
    sum->wipes += one->wipes;
    sum->crashes += one->crashes;
    sum->truncations += one->truncations;
    sum->faults += one->faults;
    sum->snapshots += one->snapshots;
    sum->trims += one->trims;
    sum->installs += one->installs;
    sum->torn += one->torn;
    sum->failovers += one->failovers;
    sum->failover_ms_sum += one->failover_ms_sum;
    sum->failover_ms_max = max_i64(sum->failover_ms_max, one->failover_ms_max);
}

/* Runs one seed; false if it fails. */
static bool run_seed(struct sim_world *world, const struct settings *settings, uint64_t seed,
                     struct sim_stats *sum)
{
    prepare_abort_line(settings, seed);
    bool ok = sim_run(world, seed, settings->verbose);
    uint64_t hash = world->trace_hash;
    if (!ok) {
        show_failure(world, settings);
    }
    if (settings->verbose) {
        printf("trace %016" PRIx64 "\n", hash);
    }
    add_stats(sum, &world->stats);
    sim_fini(world);
    if (ok && (settings->twice || seed % TWICE_EVERY == 0)) {
        sim_run(world, seed, false);
        if (world->trace_hash != hash) {
            printf("seed %" PRIu64 ": two runs differ\n", seed);
            ok = false;
        }
        sim_fini(world);
    }
    return ok;
}

/* A simulation in which nothing happens proves nothing. */
static bool is_vacuous(const struct sim_stats *sum, uint64_t seeds)
{
    int64_t n = (int64_t)seeds;
    return seeds >= 100 && (sum->commits < 20 * n || sum->reads < 20 * n || sum->leaders < 2 * n ||
                            sum->crashes < 2 * n || sum->truncations < n / 10 ||
                            sum->failovers < n / 2 || sum->changes < n || sum->upgrades < n / 40 ||
                            sum->wipes < n / 20 || sum->snapshots < n || sum->trims < n / 2 ||
                            sum->installs < n / 4 || sum->torn < n / 50);
}

static int run_all(const struct settings *settings)
{
    struct sim_world *world = calloc(1, sizeof *world);
    struct sim_stats sum = {0};
    bool ok = true;
    uint64_t done = 0;
    for (; done < settings->count && ok; done++) {
        ok = run_seed(world, settings, settings->first + done, &sum);
    }
    free(world);
    printf("%" PRIu64 " seeds, %" PRId64 " steps, %" PRId64 " commits, %" PRId64 " reads, %" PRId64
           " leaders, %" PRId64 " crashes, %" PRId64 " truncations, %" PRId64 " faults, %" PRId64
           " changes of voters, %" PRId64 " upgrades, %" PRId64 " lost disks\n",
           done, sum.steps, sum.commits, sum.reads, sum.leaders, sum.crashes, sum.truncations,
           sum.faults, sum.changes, sum.upgrades, sum.wipes);
    printf("%" PRId64 " snapshots taken, %" PRId64 " logs trimmed, %" PRId64
           " snapshots loaded, %" PRId64 " torn\n",
           sum.snapshots, sum.trims, sum.installs, sum.torn);
    printf("failover after kill: mean %" PRId64 " ms, worst %" PRId64 " ms of %" PRId64 "\n",
           sum.failovers == 0 ? 0 : sum.failover_ms_sum / sum.failovers, sum.failover_ms_max,
           sum.failovers);
    if (ok && is_vacuous(&sum, done)) {
        printf("too little happened to prove anything\n");
        ok = false;
    }
    return ok ? 0 : 1;
}

static int usage(const char *program)
{
    fprintf(stderr, "usage: %s [--seed FIRST] [--seeds COUNT] [--twice] [-v]\n", program);
    return 2;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {{"seed", required_argument, NULL, 's'},
                                            {"seeds", required_argument, NULL, 'n'},
                                            {"count", required_argument, NULL, 'n'},
                                            {"twice", no_argument, NULL, 't'},
                                            {NULL, 0, NULL, 0}};
    struct settings settings = {.first = 1, .count = 1, .program = argv[0]};
    int option;
    while ((option = getopt_long(argc, argv, "v", options, NULL)) != -1) {
        char *end = NULL;
        if (option == 's' || option == 'n') {
            uint64_t value = strtoull(optarg, &end, 10);
            *(option == 's' ? &settings.first : &settings.count) = value;
        }
        settings.verbose |= option == 'v';
        settings.twice |= option == 't';
        if (option == '?' || (end != NULL && *end != '\0')) {
            return usage(argv[0]);
        }
    }
    struct sigaction action = {.sa_handler = on_abort};
    sigaction(SIGABRT, &action, NULL);
    return run_all(&settings);
}
