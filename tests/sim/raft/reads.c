/* Readers: they ask whoever takes itself for the leader, and others, whether its state may be read.
 */
#include "tests/sim/raft/check.h"

#include "base/mem.h"
#include "tests/sim/raft/phases.h"

/* Somebody who leads, not only the last elected: one that was replaced and does not know it is the
 * interesting one. */
static struct sim_node *draw_leader(struct sim_world *world)
{
    int start = (int)sim_draw(world, 0, world->count - 1);
    for (int i = 0; i < world->count; i++) {
        struct sim_node *node = &world->nodes[(start + i) % world->count];
        if (node->raft != NULL && raft_role(node->raft) == RAFT_ROLE_LEADER) {
            return node;
        }
    }
    return NULL;
}

void sim_read(struct sim_world *world, struct sim_node *node)
{
    if (world->read_count == world->read_cap) {
        world->read_cap = world->read_cap * 2 + 64;
        world->reads = mem_realloc(world->reads, (size_t)world->read_cap * sizeof *world->reads);
    }
    world->reads[world->read_count] =
        (struct sim_read){.node = node->index, .committed = check_committed_end(world)};
    struct raft_event event = {.type = RAFT_EVENT_READ,
                               .u.read = {.token = (uint64_t)world->read_count++}};
    sim_node_step(node, &event, NULL);
}

void sim_read_someone(struct sim_world *world)
{
    struct sim_node *node = &world->nodes[sim_draw(world, 0, world->count - 1)];
    if (sim_chance(world, 7, 8)) {
        node = draw_leader(world);
    }
    if (node != NULL && node->raft != NULL && node->paused_us <= world->now_us) {
        sim_read(world, node);
    }
}

void sim_read_answered(struct sim_node *node, const struct raft_read_answer *answer)
{
    struct sim_world *world = node->world;
    ASSERT(answer->token < (uint64_t)world->read_count);
    struct sim_read *read = &world->reads[answer->token];
    ASSERT(read->node == node->index);
    if (read->answered) {
        sim_fail(world, "ReadOnce: node %d answers a read twice", node->index);
    }
    read->answered = true;
    if (answer->error == ERR_NONE) {
        world->stats.reads++;
        check_linearizable_read(node, read, answer->offset);
    }
}

static bool last_is_answered(struct sim_world *world)
{
    return world->reads[world->read_count - 1].answered;
}

bool sim_read_through(struct sim_world *world, int64_t until_us)
{
    int64_t before = world->stats.reads;
    sim_read(world, sim_leader(world));
    return sim_run_until(world, until_us, last_is_answered) && world->stats.reads > before;
}
