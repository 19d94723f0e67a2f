/* A log as a list of batches. */
#include "tests/sim/raft/world.h"

#include "base/mem.h"

int64_t sim_log_end(const struct sim_log *log)
{
    return log->count == 0 ? log->start.offset : log->items[log->count - 1].last_offset + 1;
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
    uint64_t prefix = log->count == 0 ? log->start_prefix : log->items[log->count - 1].prefix;
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

void sim_log_reset(struct sim_log *log, const struct sim_snapshot *snapshot)
{
    log->count = 0;
    log->start = snapshot->place;
    log->start_prefix = snapshot->prefix;
    log->start_voters = snapshot->voters;
}

void sim_log_trim(struct sim_log *log, int64_t start)
{
    int gone = 0;
    while (gone < log->count && log->items[gone].last_offset < start) {
        log->start_voters =
            log->items[gone].voters > 0 ? log->items[gone].voters : log->start_voters;
        gone++;
    }
    if (gone == 0) {
        return;
    }
    const struct sim_batch *last = &log->items[gone - 1];
    ASSERT(last->last_offset + 1 == start);
    log->start = (struct raft_position){start, last->epoch};
    log->start_prefix = last->prefix;
    log->count -= gone;
    memmove(log->items, log->items + gone, (size_t)log->count * sizeof *log->items);
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
