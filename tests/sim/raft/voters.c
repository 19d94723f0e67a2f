/* The voter sets of a world, and the replicas they are made of. */
#include "base/mem.h"
#include "tests/sim/raft/check.h"

bool sim_is_controller(const struct sim_node *node)
{
    return node->index < node->world->swarm.controllers;
}

int sim_disk_of(struct raft_key key)
{
    return uuid_is_zero(key.directory_id) ? key.id : (int)key.directory_id.lo - 1;
}

bool sim_is_alive(const struct sim_world *world, struct raft_key key)
{
    return world->nodes[key.id].disk == sim_disk_of(key);
}

/* `lost`: a disk that does not count, or −1. */
static bool has_majority(const struct sim_world *world, const struct raft_voter_set *set, int lost)
{
    int alive = 0;
    for (int i = 0; i < set->count; i++) {
        alive += sim_is_alive(world, set->voters[i]) && sim_disk_of(set->voters[i]) != lost;
    }
    return alive * 2 > set->count;
}

bool sim_has_majority(const struct sim_world *world, const struct raft_voter_set *set)
{
    return has_majority(world, set, -1);
}

struct raft_voter_set sim_first_voters(const struct sim_world *world, int disk)
{
    struct raft_voter_set set = {0};
    bool formatted = !world->swarm.static_voters && disk < world->swarm.voters;
    for (int i = 0; i < world->swarm.voters && formatted; i++) {
        set.voters[set.count++] = (struct raft_key){i, {7, (uint64_t)i + 1}};
    }
    return set;
}

struct raft_voter_set sim_static_voters(const struct sim_node *node)
{
    const struct sim_swarm *swarm = &node->world->swarm;
    struct raft_voter_set set = {0};
    bool given = swarm->static_voters && node->disk == node->index;
    for (int i = 0; i < swarm->voters && given; i++) {
        set.voters[set.count++] = (struct raft_key){i, UUID_ZERO};
    }
    return set;
}

int sim_set_add(struct sim_world *world, const struct raft_voter_set *set, int64_t offset)
{
    if (world->set_count == world->set_cap) {
        world->set_cap = world->set_cap == 0 ? 16 : world->set_cap * 2;
        world->sets = mem_realloc(world->sets, (size_t)world->set_cap * sizeof *world->sets);
    }
    world->sets[world->set_count++] = (struct sim_voters){*set, offset};
    return world->set_count;
}

const struct sim_voters *sim_set(const struct sim_world *world, int number)
{
    ASSERT(number > 0);
    ASSERT(number <= world->set_count);
    return &world->sets[number - 1];
}

const struct sim_voters *sim_log_voters(const struct sim_world *world, const struct sim_log *log)
{
    for (int i = log->count - 1; i >= 0; i--) {
        if (log->items[i].voters > 0) {
            return sim_set(world, log->items[i].voters);
        }
    }
    return log->start_voters > 0 ? sim_set(world, log->start_voters) : NULL;
}

/* Every static voter has a set in that part of its log that a crash leaves. */
static bool all_know_records(const struct sim_world *world)
{
    for (int i = 0; i < world->swarm.voters && world->swarm.static_voters; i++) {
        const struct sim_node *node = &world->nodes[i];
        const struct sim_voters *newest = sim_log_voters(world, &node->log);
        bool counts = node->disk == node->index;
        if (counts && (newest == NULL || newest->offset >= node->synced)) {
            return false;
        }
    }
    return true;
}

bool sim_may_wipe(const struct sim_world *world, int disk)
{
    if (!all_know_records(world)) {
        return false;
    }
    const struct sim_log *committed = &world->checks->committed;
    const struct sim_voters *newest = sim_log_voters(world, committed);
    struct raft_voter_set first = sim_first_voters(world, 0);
    if (!has_majority(world, newest == NULL ? &first : &newest->set, disk)) {
        return false;
    }
    for (int i = 0; i < world->set_count; i++) {
        /* One that stands at the end of somebody's log, or is on its way there. */
        bool open = world->sets[i].offset >= sim_log_end(committed);
        if (open && !has_majority(world, &world->sets[i].set, disk)) {
            return false;
        }
    }
    return true;
}
