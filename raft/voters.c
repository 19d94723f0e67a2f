/* The history of voter sets. */
#include "raft/voters.h"

#include "base/mem.h"

bool raft_key_matches(struct raft_key a, struct raft_key b)
{
    return a.id == b.id && (uuid_eq(a.directory_id, b.directory_id) ||
                            uuid_is_zero(a.directory_id) || uuid_is_zero(b.directory_id));
}

int raft_voter_set_find(const struct raft_voter_set *set, struct raft_key key)
{
    for (int i = 0; i < set->count; i++) {
        if (raft_key_matches(set->voters[i], key)) {
            return i;
        }
    }
    return -1;
}

void raft_voters_fini(struct raft_voters *voters)
{
    mem_free(voters->history);
    *voters = (struct raft_voters){0};
}

const struct raft_voter_set *raft_voters_latest(const struct raft_voters *voters)
{
    return voters->count == 0 ? &voters->fixed : &voters->history[voters->count - 1].set;
}

void raft_voters_add(struct raft_voters *voters, int64_t offset, const struct raft_voter_set *set)
{
    ASSERT(set->count > 0);
    ASSERT(set->count <= RAFT_VOTERS_MAX);
    ASSERT(voters->count == 0 || voters->history[voters->count - 1].offset < offset);
    /* `set` may point into the history that grows here. */
    struct raft_voters_at entry = {offset, *set};
    if (voters->count == voters->cap) {
        voters->cap = voters->cap == 0 ? 4 : voters->cap * 2;
        voters->history =
            mem_realloc(voters->history, (size_t)voters->cap * sizeof *voters->history);
    }
    voters->history[voters->count++] = entry;
}

void raft_voters_reset(struct raft_voters *voters, int64_t end, const struct raft_voter_set *set)
{
    voters->count = 0;
    if (set != NULL) {
        raft_voters_add(voters, end - 1, set);
    }
}

const struct raft_voter_set *raft_voters_find(const struct raft_voters *voters, int64_t end)
{
    for (int i = voters->count - 1; i >= 0; i--) {
        if (voters->history[i].offset < end) {
            return &voters->history[i].set;
        }
    }
    return NULL;
}

void raft_voters_trim(struct raft_voters *voters, int64_t start)
{
    int gone = 0;
    while (gone + 1 < voters->count && voters->history[gone + 1].offset < start) {
        gone++;
    }
    if (gone == 0) {
        return;
    }
    voters->count -= gone;
    memmove(voters->history, voters->history + gone,
            (size_t)voters->count * sizeof *voters->history);
}

void raft_voters_truncate(struct raft_voters *voters, int64_t end)
{
    ASSERT(end >= 0);
    while (voters->count > 0 && voters->history[voters->count - 1].offset >= end) {
        voters->count--;
    }
}

bool raft_voters_unwritten(const struct raft_voters *voters)
{
    return voters->count > 0 && voters->history[voters->count - 1].offset < 0;
}
