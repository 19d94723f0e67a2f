/* What kind of world a seed makes. */
#include "tests/sim/raft/world.h"

static void draw_quorum(struct sim_world *world)
{
    static const int voters[] = {3, 3, 3, 5, 5, 4, 2, 1};
    struct sim_swarm *swarm = &world->swarm;
    swarm->voters = voters[prng_below(&world->prng, ARRAY_LEN(voters))];
    swarm->controllers = swarm->voters;
    swarm->brokers = (int)sim_draw(world, 0, 2);
    swarm->static_voters = sim_chance(world, 1, 4);
    swarm->bootstrap = (int)sim_draw(world, swarm->static_voters ? 0 : 1, swarm->voters);
    swarm->upgrades = swarm->static_voters && sim_chance(world, 1, 3);
    if (swarm->upgrades || (!swarm->static_voters && sim_chance(world, 2, 3))) {
        swarm->controllers += (int)sim_draw(world, swarm->voters == 1, 2);
        swarm->change_every_us = sim_draw(world, 100 * SIM_MS, 3000 * SIM_MS);
        /* Whoever is nobody yet has to find somebody who is not. */
        swarm->bootstrap = swarm->controllers;
    }
}

static void draw_times(struct sim_world *world)
{
    struct sim_swarm *swarm = &world->swarm;
    bool defaults = sim_chance(world, 1, 3);
    swarm->election_timeout_ms = defaults ? 1000 : (int32_t)sim_draw(world, 150, 1200);
    swarm->fetch_timeout_ms = defaults ? 2000 : (int32_t)sim_draw(world, 600, 2500);
    swarm->request_timeout_ms = defaults ? 2000 : (int32_t)sim_draw(world, 550, 2500);
    swarm->latency_min_us = sim_draw(world, 50, 2 * SIM_MS);
    swarm->latency_max_us =
        swarm->latency_min_us +
        sim_draw(world, 100, sim_chance(world, 1, 4) ? 150 * SIM_MS : 8 * SIM_MS);
    swarm->disk_min_us = sim_draw(world, 50, 2 * SIM_MS);
    swarm->disk_max_us = swarm->disk_min_us +
                         sim_draw(world, 100, sim_chance(world, 1, 4) ? 80 * SIM_MS : 6 * SIM_MS);
    swarm->append_every_us = sim_draw(world, 5 * SIM_MS, 300 * SIM_MS);
    swarm->read_every_us = sim_draw(world, 5 * SIM_MS, 300 * SIM_MS);
    swarm->fetch_batches_max = (int)sim_draw(world, 1, 8);
    swarm->drift_percent = sim_chance(world, 1, 2) ? 0 : (int)sim_draw(world, 1, 8);
}

static void draw_snapshots(struct sim_world *world)
{
    static const int damages[] = {0, 0, 20, 200};
    struct sim_swarm *swarm = &world->swarm;
    if (sim_chance(world, 1, 4)) {
        return;
    }
    swarm->snapshot_every_us = sim_draw(world, 20 * SIM_MS, 1000 * SIM_MS);
    swarm->snapshot_size_max = (int)sim_draw(world, 1, 60);
    swarm->snapshot_piece_max = (int)sim_draw(world, 1, 10);
    swarm->damaged_per_mille = damages[prng_below(&world->prng, ARRAY_LEN(damages))];
}

static void draw_faults(struct sim_world *world)
{
    static const int losses[] = {0, 0, 1, 10, 50, 150};
    struct sim_swarm *swarm = &world->swarm;
    swarm->loss_per_mille = losses[prng_below(&world->prng, ARRAY_LEN(losses))];
    swarm->duplicate_per_mille = sim_chance(world, 1, 2) ? 0 : (int)sim_draw(world, 1, 100);
    swarm->fault_every_us = sim_draw(world, 50 * SIM_MS, 1500 * SIM_MS);
    for (int i = 0; i < SIM_FAULTS; i++) {
        swarm->faults[i] = sim_chance(world, 2, 3);
    }
    swarm->silent_percent = (int)sim_draw(world, 0, 100);
    swarm->fault_phase_us = sim_draw(world, 5000 * SIM_MS, 25000 * SIM_MS);
}

void sim_draw_swarm(struct sim_world *world)
{
    draw_quorum(world);
    draw_times(world);
    draw_faults(world);
    draw_snapshots(world);
    const struct sim_swarm *swarm = &world->swarm;
    sim_say(world,
            "swarm: voters=%d controllers=%d brokers=%d static=%d upgrades=%d changes=%" PRId64
            "ms election=%d fetch=%d latency=%" PRId64 "..%" PRId64 "us disk=%" PRId64 "..%" PRId64
            "us loss=%d dup=%d drift=%d snapshots=%" PRId64 "us",
            swarm->voters, swarm->controllers, swarm->brokers, swarm->static_voters,
            swarm->upgrades, swarm->change_every_us / SIM_MS, swarm->election_timeout_ms,
            swarm->fetch_timeout_ms, swarm->latency_min_us, swarm->latency_max_us,
            swarm->disk_min_us, swarm->disk_max_us, swarm->loss_per_mille,
            swarm->duplicate_per_mille, swarm->drift_percent, swarm->snapshot_every_us);
}
