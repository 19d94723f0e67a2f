/* The phases of a run. */
#ifndef TESTS_SIM_RAFT_PHASES_H
#define TESTS_SIM_RAFT_PHASES_H

#include "tests/sim/raft/world.h"

/* Runs all phases, until one fails. */
void sim_phases(struct sim_world *world);

/* Runs until `until_us`, or until `done` (may be NULL) says so; true only in the latter case. */
bool sim_run_until(struct sim_world *world, int64_t until_us, bool (*done)(struct sim_world *));

/* Every node runs and follows the same leader; and has all of its log, and knows that it is
 * committed. */
bool sim_all_follow(struct sim_world *world);
bool sim_all_committed(struct sim_world *world);

/* Somebody leads and has committed. */
bool sim_is_led_again(struct sim_world *world);

/* All is mended: a leader must be agreed upon and a record committed everywhere in time. */
void sim_converge(struct sim_world *world);

/* Lines of the trace. */
void sim_show_nodes(struct sim_world *world);

#endif
