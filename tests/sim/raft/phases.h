/* The phases of a run. */
#ifndef TESTS_SIM_RAFT_PHASES_H
#define TESTS_SIM_RAFT_PHASES_H

#include "tests/sim/raft/world.h"

/* Runs all phases, until one fails. */
void sim_phases(struct sim_world *world);

/* Runs until `until_us`, or until `done` (may be NULL) says so; true only in the latter case. */
bool sim_run_until(struct sim_world *world, int64_t until_us, bool (*done)(struct sim_world *));

#endif
