/* What the outside may see of the core. */
#include "raft/private.h"

enum raft_role raft_role(const struct raft *raft)
{
    return raft->role;
}

int32_t raft_epoch(const struct raft *raft)
{
    return raft->hard.epoch;
}

int32_t raft_leader(const struct raft *raft)
{
    bool known = raft->role == RAFT_ROLE_LEADER || raft->role == RAFT_ROLE_FOLLOWER;
    return known ? raft->hard.leader_id : RAFT_NOBODY;
}

int64_t raft_high_watermark(const struct raft *raft)
{
    return raft->high_watermark;
}

int64_t raft_log_end(const struct raft *raft)
{
    return raft->log_end;
}

int64_t raft_flushed(const struct raft *raft)
{
    return raft->flushed;
}

int64_t raft_epoch_start(const struct raft *raft)
{
    ASSERT(raft->role == RAFT_ROLE_LEADER);
    return raft->lead.epoch_start;
}

const struct raft_voter_set *raft_voters(const struct raft *raft)
{
    return raft_voters_latest(&raft->voters);
}

bool raft_voters_offset(const struct raft *raft, int64_t *offset)
{
    const struct raft_voters *voters = &raft->voters;
    *offset = voters->count == 0 ? -1 : voters->history[voters->count - 1].offset;
    return voters->count > 0;
}

bool raft_is_voter(const struct raft *raft)
{
    return raft_voter_set_find(raft_voters(raft), raft->options.self) >= 0;
}

struct raft_position raft_log_start(const struct raft *raft)
{
    return raft->trail.base;
}

struct raft_position raft_snapshot(const struct raft *raft)
{
    return raft->snapshot;
}

const struct raft_voter_set *raft_voters_before(const struct raft *raft, int64_t end)
{
    return raft_voters_find(&raft->voters, end);
}

int32_t raft_epoch_at(const struct raft *raft, int64_t offset)
{
    bool inside = offset >= raft->trail.base.offset && offset < raft->log_end;
    return inside ? raft_trail_epoch_at(&raft->trail, offset) : -1;
}

bool raft_replica_at(const struct raft *raft, int index, struct raft_replica *out, bool *voter)
{
    if (raft->role != RAFT_ROLE_LEADER || index < 0 || index >= raft->lead.replicas.count) {
        return false;
    }
    const struct raft_progress *replica = &raft->lead.replicas.items[index];
    *out = (struct raft_replica){replica->key, replica->end_offset, replica->last_fetch_ms,
                                 replica->last_caught_up_ms};
    *voter = replica->voter;
    if (replica->key.id == raft->options.self.id) {
        out->end_offset = raft->log_end;
        out->last_fetch_ms = raft->now_ms;
        out->last_caught_up_ms = raft->now_ms;
    }
    return true;
}
