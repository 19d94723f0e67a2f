/* LinearizableRead: a read that is confirmed sees all that anybody had committed when it began, so
 * that a leader that was deposed never answers with what was true before. */
#include "tests/sim/raft/check.h"

int64_t check_committed_end(const struct sim_world *world)
{
    return sim_log_end(&world->checks->committed);
}

void check_linearizable_read(struct sim_node *node, const struct sim_read *read, int64_t offset)
{
    if (offset < read->committed) {
        sim_fail(node->world,
                 "LinearizableRead: node %d answers as of %" PRId64 ", but %" PRId64
                 " was committed when it was asked",
                 node->index, offset, read->committed);
    }
    if (offset > raft_high_watermark(node->raft)) {
        sim_fail(node->world, "LinearizableRead: node %d answers with what is not committed",
                 node->index);
    }
}
