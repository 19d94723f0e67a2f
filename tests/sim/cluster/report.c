/* What many runs came to. */
#include <stdio.h>

#include "tests/sim/cluster/command.h"

/* From so many runs on, what has not struck at least once in a while is a fault of the simulation:
 * a world in which nothing happens proves nothing. */
enum { RUNS_TO_JUDGE = 100 };

/* In a hundred runs, at least so often. */
struct floor {
    const char *name;
    uint64_t per_100;
};

static const struct floor floors[] = {
    {"converged", 90},
    {"quorum leaders", 150},
    {"partition leaders", 100},
    {"ISR changes", 200},
    {"brokers fenced", 50},
    {"load records sent", 20000},
    {"load records acknowledged", 15000},
    {"load records read", 20000},
    {"load offsets committed", 500},
    {"disk killed", 50},
    {"disk power cut", 20},
    {"disk halted in a write", 20},
    {"disk lost page", 20},
    {"disk torn page", 10},
    {"disk failed sync", 5},
    {"disk write error", 5},
    {"load KIP-848 offsets committed", 500},
    {"load records deleted", 50},
    {"load reassignments", 150},
    {"brokers unregistered", 2},
    {"brokers joined", 2},
    {"voters added", 20},
    {"voters removed", 15},
    {"metadata logs trimmed", 50},
    {"net dial lost", 300},
    {"net dial refused", 20},
    {"net accept failed", 20},
    {"net name not resolved", 20},
    {"net reset", 200},
    {"net lost segment", 30},
    {"net cut segment", 2000},
    {"point open failed", 2},
    {"point read failed", 2},
    {"point write failed", 5},
    {"point sync failed", 5},
    {"point rename failed", 2},
    {"point mkdir failed", 1},
    {"point unlink failed", 1},
    {"point truncate failed", 1},
    {"point sync_dir failed", 1},
    {"point write died in", 5},
    {"point sync died in", 5},
    {"point rename died in", 1},
    {"disk bit rot", 15},
    {"disk bad sector read", 10},
    {"disk wiped disk", 50},
};

bool command_report(const struct sim_cluster_report *sum, double seconds)
{
    double simulated_s = (double)sum->simulated_us / 1e6;
    bool enough = true;
    for (int i = 0; i < sum->tally_count; i++) {
        printf("%-40s %12" PRIu64 "\n", sum->tallies[i].name, sum->tallies[i].count);
    }
    printf("%" PRIu64 " runs, %.2f simulated hours, %" PRIu64 " events, %" PRIu64
           " checks, slowest convergence %.1f s\n",
           sum->runs, simulated_s / 3600, sum->events, sum->checks,
           (double)sum->converged_us_max / 1e6);
    if (seconds > 0) {
        printf("%.1f runs a second, %.0f simulated seconds a second\n", (double)sum->runs / seconds,
               simulated_s / seconds);
    }
    for (size_t i = 0; i < ARRAY_LEN(floors) && sum->runs >= RUNS_TO_JUDGE; i++) {
        uint64_t least = floors[i].per_100 * sum->runs / 100;
        if (sim_tallied(sum, floors[i].name) < least) {
            printf("too little happened to prove anything: %s %" PRIu64 ", at least %" PRIu64
                   " are expected\n",
                   floors[i].name, sim_tallied(sum, floors[i].name), least);
            enough = false;
        }
    }
    return enough;
}
