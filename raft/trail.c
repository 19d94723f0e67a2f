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
    return trail->count == 0 ? trail->base.epoch : trail->starts[trail->count - 1].epoch;
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
    } else {
        ASSERT(start == trail->base.offset);
        ASSERT(epoch >= trail->base.epoch);
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

void raft_trail_reset(struct raft_trail *trail, struct raft_position base)
{
    trail->count = 0;
    trail->base = base;
}

void raft_trail_trim(struct raft_trail *trail, struct raft_position base, int64_t log_end)
{
    ASSERT(base.offset >= trail->base.offset);
    ASSERT(base.offset <= log_end);
    ASSERT(raft_position_eq(base, raft_trail_place(trail, base.offset)));
    int gone = 0;
    while (gone < trail->count) {
        int64_t end = gone + 1 == trail->count ? log_end : trail->starts[gone + 1].start;
        if (end > base.offset) {
            break;
        }
        gone++;
    }
    trail->count -= gone;
    if (gone > 0) {
        memmove(trail->starts, trail->starts + gone, (size_t)trail->count * sizeof *trail->starts);
    }
    if (trail->count > 0) {
        trail->starts[0].start = base.offset;
    }
    trail->base = base;
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

struct raft_position raft_trail_place(const struct raft_trail *trail, int64_t offset)
{
    if (offset == trail->base.offset) {
        return trail->base;
    }
    return (struct raft_position){offset, raft_trail_epoch_at(trail, offset - 1)};
}

struct raft_position raft_trail_end_of(const struct raft_trail *trail, int32_t epoch,
                                       int64_t log_end)
{
    int n = count_up_to(trail, epoch);
    if (n == 0) {
        return trail->base;
    }
    int64_t end = n == trail->count ? log_end : trail->starts[n].start;
    return (struct raft_position){end, trail->starts[n - 1].epoch};
}
