/* The offset→epoch map. */
#include "raft/trail.h"

#include "base/mem.h"

void raft_trail_fini(struct raft_trail *trail)
{
    mem_free(trail->starts);
    *trail = (struct raft_trail){0};
}

int32_t raft_trail_last_epoch(const struct raft_trail *trail)
{
    return trail->count == 0 ? 0 : trail->starts[trail->count - 1].epoch;
}

void raft_trail_assign(struct raft_trail *trail, int32_t epoch, int64_t start)
{
    if (trail->count > 0) {
        const struct raft_epoch_start *last = &trail->starts[trail->count - 1];
        if (last->epoch == epoch) {
            return;
        }
        ASSERT(last->epoch < epoch);
        ASSERT(last->start < start);
    }
    if (trail->count == trail->cap) {
        trail->cap = trail->cap == 0 ? 16 : trail->cap * 2;
        trail->starts = mem_realloc(trail->starts, (size_t)trail->cap * sizeof *trail->starts);
    }
    trail->starts[trail->count++] = (struct raft_epoch_start){epoch, start};
}

void raft_trail_truncate(struct raft_trail *trail, int64_t end)
{
    while (trail->count > 0 && trail->starts[trail->count - 1].start >= end) {
        trail->count--;
    }
}

/* How many entries satisfy epoch ≤ `epoch`. */
static int count_up_to(const struct raft_trail *trail, int32_t epoch)
{
    int low = 0;
    int high = trail->count;
    while (low < high) {
        int middle = low + (high - low) / 2;
        if (trail->starts[middle].epoch <= epoch) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

int32_t raft_trail_epoch_at(const struct raft_trail *trail, int64_t offset)
{
    int low = 0;
    int high = trail->count;
    while (low < high) {
        int middle = low + (high - low) / 2;
        if (trail->starts[middle].start <= offset) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low == 0 ? -1 : trail->starts[low - 1].epoch;
}

struct raft_position raft_trail_end_of(const struct raft_trail *trail, int32_t epoch,
                                       int64_t log_end)
{
    int n = count_up_to(trail, epoch);
    if (n == 0) {
        return (struct raft_position){0, 0};
    }
    int64_t end = n == trail->count ? log_end : trail->starts[n].start;
    return (struct raft_position){end, trail->starts[n - 1].epoch};
}
