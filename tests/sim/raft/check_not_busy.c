/* NotBusy: a core does not spin (KAFKA-17751): its deadline lies ahead, and it is not stepped
 * without end in a moment. */
#include "tests/sim/raft/check.h"

enum { WINDOW_MS = 100, STEPS_MAX = 4000 };

void check_not_busy(struct sim_node *node)
{
    int64_t now_ms = sim_node_ms(node);
    if (raft_deadline(node->raft) <= now_ms) {
        sim_fail(node->world, "NotBusy: deadline of node %d is not ahead", node->index);
    }
    if (now_ms - node->busy_ms >= WINDOW_MS || now_ms < node->busy_ms) {
        node->busy_ms = now_ms;
        node->busy_steps = 0;
    }
    if (++node->busy_steps > STEPS_MAX) {
        sim_fail(node->world, "NotBusy: node %d takes %d steps in %d ms", node->index,
                 node->busy_steps, WINDOW_MS);
    }
}
