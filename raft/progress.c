/* The leader's table of replicas. */
#include "raft/progress.h"

#include "base/mem.h"

enum { PROGRESS_MAX = RAFT_OBSERVERS_MAX + RAFT_VOTERS_MAX };

void raft_progress_fini(struct raft_progress_table *table)
{
    mem_free(table->items);
    *table = (struct raft_progress_table){0};
}

/* The first entry whose id is not smaller. */
static int lower_bound(const struct raft_progress_table *table, int32_t id)
{
    int low = 0;
    int high = table->count;
    while (low < high) {
        int middle = low + (high - low) / 2;
        if (table->items[middle].key.id < id) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

struct raft_progress *raft_progress_find(const struct raft_progress_table *table,
                                         struct raft_key key)
{
    int at = lower_bound(table, key.id);
    for (; at < table->count && table->items[at].key.id == key.id; at++) {
        if (raft_key_matches(table->items[at].key, key)) {
            return &table->items[at];
        }
    }
    return NULL;
}

static struct raft_progress *insert(struct raft_progress_table *table, struct raft_key key)
{
    if (table->count == table->cap) {
        table->cap = table->cap == 0 ? 8 : table->cap * 2;
        table->items = mem_realloc(table->items, (size_t)table->cap * sizeof *table->items);
    }
    int at = lower_bound(table, key.id);
    struct raft_progress *entry = &table->items[at];
    memmove(entry + 1, entry, (size_t)(table->count - at) * sizeof *entry);
    table->count++;
    *entry = (struct raft_progress){
        .key = key,
        .end_offset = -1,
        .last_fetch_ms = -1,
        .last_caught_up_ms = -1,
        .log_end_at_fetch = -1,
    };
    return entry;
}

struct raft_progress *raft_progress_track(struct raft_progress_table *table, struct raft_key key)
{
    struct raft_progress *entry = raft_progress_find(table, key);
    if (entry != NULL) {
        return entry;
    }
    return table->count < PROGRESS_MAX ? insert(table, key) : NULL;
}

void raft_progress_reset(struct raft_progress_table *table, const struct raft_voter_set *voters)
{
    for (int i = 0; i < table->count; i++) {
        ASSERT(!table->items[i].parked);
    }
    table->count = 0;
    for (int i = 0; i < voters->count; i++) {
        insert(table, voters->voters[i])->voter = true;
    }
}

void raft_progress_set_voters(struct raft_progress_table *table,
                              const struct raft_voter_set *voters)
{
    for (int i = 0; i < table->count; i++) {
        struct raft_progress *entry = &table->items[i];
        bool was_voter = entry->voter;
        int at = raft_voter_set_find(voters, entry->key);
        entry->voter = at >= 0;
        if (at >= 0 && uuid_is_zero(entry->key.directory_id)) {
            entry->key = voters->voters[at]; /* from now on another disk is another replica */
        }
        /* Reads may wait for its answer already. */
        entry->begin_due = entry->voter && (entry->begin_due || !was_voter);
    }
    for (int i = 0; i < voters->count; i++) {
        if (raft_progress_find(table, voters->voters[i]) == NULL) {
            insert(table, voters->voters[i])->voter = true;
        }
    }
}

void raft_progress_forget(struct raft_progress_table *table, int64_t before_ms)
{
    int kept = 0;
    for (int i = 0; i < table->count; i++) {
        const struct raft_progress *entry = &table->items[i];
        if (entry->voter || entry->parked || entry->last_fetch_ms >= before_ms) {
            table->items[kept++] = *entry;
        }
    }
    table->count = kept;
}
