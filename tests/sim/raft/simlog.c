/* A log as a list of batches. */
#include "tests/sim/raft/world.h"

#include "base/mem.h"

int64_t sim_log_end(const struct sim_log *log)
{
    return log->count == 0 ? 0 : log->items[log->count - 1].last_offset + 1;
}

static uint64_t mix(uint64_t hash, uint64_t value)
{
    hash = (hash ^ value) * 0x9e3779b97f4a7c15u;
    return hash ^ (hash >> 29);
}

void sim_log_append(struct sim_log *log, struct sim_batch batch)
{
    if (log->count == log->cap) {
        log->cap = log->cap == 0 ? 8 : log->cap * 2;
        log->items = mem_realloc(log->items, (size_t)log->cap * sizeof *log->items);
    }
    uint64_t prefix = log->count == 0 ? 0 : log->items[log->count - 1].prefix;
    prefix = mix(prefix, (uint64_t)batch.base_offset);
    prefix = mix(prefix, (uint64_t)batch.last_offset);
    prefix = mix(prefix, (uint64_t)batch.epoch);
    batch.prefix = mix(prefix, batch.value);
    log->items[log->count++] = batch;
}

void sim_log_truncate(struct sim_log *log, int64_t end)
{
    while (log->count > 0 && log->items[log->count - 1].last_offset >= end) {
        ASSERT(log->items[log->count - 1].base_offset >= end);
        log->count--;
    }
}

int sim_log_find(const struct sim_log *log, int64_t offset)
{
    int low = 0;
    int high = log->count;
    while (low < high) {
        int middle = low + (high - low) / 2;
        if (log->items[middle].last_offset < offset) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

void sim_log_fini(struct sim_log *log)
{
    mem_free(log->items);
    *log = (struct sim_log){0};
}
