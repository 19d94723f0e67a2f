/* The events to come: a binary heap by time, then by order of creation. */
#include "tests/sim/raft/world.h"

#include "base/mem.h"

static bool before(const struct sim_event *a, const struct sim_event *b)
{
    return a->at_us != b->at_us ? a->at_us < b->at_us : a->number < b->number;
}

void sim_queue_push(struct sim_queue *queue, struct sim_event *event)
{
    if (queue->count == queue->cap) {
        queue->cap = queue->cap == 0 ? 256 : queue->cap * 2;
        queue->heap = mem_realloc(queue->heap, (size_t)queue->cap * sizeof(struct sim_event *));
    }
    event->number = queue->numbers++;
    int at = queue->count++;
    while (at > 0 && before(event, queue->heap[(at - 1) / 2])) {
        queue->heap[at] = queue->heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    queue->heap[at] = event;
}

struct sim_event *sim_queue_pop(struct sim_queue *queue)
{
    ASSERT(queue->count > 0);
    struct sim_event *top = queue->heap[0];
    struct sim_event *moved = queue->heap[--queue->count];
    int at = 0;
    for (;;) {
        int child = 2 * at + 1;
        if (child >= queue->count) {
            break;
        }
        if (child + 1 < queue->count && before(queue->heap[child + 1], queue->heap[child])) {
            child++;
        }
        if (!before(queue->heap[child], moved)) {
            break;
        }
        queue->heap[at] = queue->heap[child];
        at = child;
    }
    queue->heap[at] = moved;
    return top;
}

void sim_queue_fini(struct sim_queue *queue)
{
    for (int i = 0; i < queue->count; i++) {
        sim_log_fini(&queue->heap[i]->batches);
        mem_free(queue->heap[i]);
    }
    mem_free(queue->heap);
    *queue = (struct sim_queue){0};
}
