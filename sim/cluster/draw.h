/* Draws a scenario from a seed: each seed has its own cluster, its own load and its own mix of
 * faults. */
#ifndef SIM_CLUSTER_DRAW_H
#define SIM_CLUSTER_DRAW_H

#include "sim/cluster/scenario.h"

/* The scenario is finished with sim_scenario_fini(). */
void sim_draw(struct sim_scenario *s, uint64_t seed);

#endif
