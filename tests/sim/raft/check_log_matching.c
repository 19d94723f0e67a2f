/* LogMatching: two logs with a batch of the same epoch at the same offset agree in everything
 * before it. Each batch carries the hash of its whole prefix, so remembering that one is enough. */
#include "tests/sim/raft/check.h"

#include "base/mem.h"

static int slot_of(const struct check_state *checks, int32_t epoch, int64_t base_offset)
{
    uint64_t hash =
        ((uint64_t)epoch * 0x9e3779b97f4a7c15u) ^ ((uint64_t)base_offset * 0xc2b2ae3d27d4eb4fu);
    int mask = checks->batch_slots - 1;
    int at = (int)((hash ^ (hash >> 32)) & (uint64_t)mask);
    while (checks->batches[at].epoch != 0 &&
           (checks->batches[at].epoch != epoch || checks->batches[at].base_offset != base_offset)) {
        at = (at + 1) & mask;
    }
    return at;
}

static void grow(struct check_state *checks)
{
    struct check_state old = *checks;
    checks->batch_slots = old.batch_slots == 0 ? 1024 : old.batch_slots * 2;
    checks->batches = mem_zalloc((size_t)checks->batch_slots, sizeof *checks->batches);
    for (int i = 0; i < old.batch_slots; i++) {
        if (old.batches[i].epoch != 0) {
            int at = slot_of(checks, old.batches[i].epoch, old.batches[i].base_offset);
            checks->batches[at] = old.batches[i];
        }
    }
    mem_free(old.batches);
}

void check_log_matching(struct sim_node *node, const struct sim_batch *batch)
{
    struct check_state *checks = node->world->checks;
    if (checks->batch_count * 2 >= checks->batch_slots) {
        grow(checks);
    }
    int at = slot_of(checks, batch->epoch, batch->base_offset);
    if (checks->batches[at].epoch == 0) {
        checks->batches[at].epoch = batch->epoch;
        checks->batches[at].base_offset = batch->base_offset;
        checks->batches[at].prefix = batch->prefix;
        checks->batch_count++;
    } else if (checks->batches[at].prefix != batch->prefix) {
        sim_fail(node->world, "LogMatching: node %d differs before %" PRId64 " of epoch %d",
                 node->index, batch->base_offset, batch->epoch);
    }
}
