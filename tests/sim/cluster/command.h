/* The command sim_cluster: one run with all of its trace, or many runs on several cores. */
#ifndef TESTS_SIM_CLUSTER_COMMAND_H
#define TESTS_SIM_CLUSTER_COMMAND_H

#include "sim/cluster/cluster.h"

struct command {
    const char *program;
    uint64_t first;   /* seed; 0: not given */
    uint64_t count;   /* of seeds */
    uint64_t seconds; /* 0: as long as it takes */
    uint64_t jobs;
    const char *file; /* NULL: seeds */
    bool print;
    bool twice;
    int verbose;
};

/* What to run with this seed: drawn from it, or the file's with this seed in place of its own (0:
 * its own). ERR_CONFIG, ERR_NOT_FOUND, …: `why`. Finish with sim_scenario_fini() in any case. */
enum err command_scenario(const struct command *c, uint64_t seed, struct sim_scenario *s,
                          struct buf *why) MUST_USE;

/* Both return the exit status. */
int command_one(const struct command *c);
int command_many(const struct command *c);

/* The end of a run that failed: what, and the line that replays it. */
void command_tell_failure(const struct command *c, uint64_t seed,
                          const struct sim_cluster_report *report);

/* The summary of many runs; false: too little happened to prove anything. */
bool command_report(const struct sim_cluster_report *sum, double seconds);

#endif
