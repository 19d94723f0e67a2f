/* The invariants that one node can see of itself. */
#include "raft/private.h"

static void verify_log(const struct raft *raft)
{
    const struct raft_trail *trail = &raft->trail;
    ASSERT(trail->base.offset >= 0);
    ASSERT(trail->base.epoch >= 0);
    ASSERT(raft->log_end >= trail->base.offset);
    ASSERT(raft->flushed >= trail->base.offset);
    ASSERT(raft->flushed <= raft->log_end);
    ASSERT(raft->high_watermark >= -1);
    ASSERT(raft->high_watermark <= raft->log_end);
    ASSERT((trail->count == 0) == (raft->log_end == trail->base.offset));
    for (int i = 0; i < trail->count; i++) {
        ASSERT(trail->starts[i].epoch >= 1);
        ASSERT(i > 0 || trail->starts[i].start == trail->base.offset);
        ASSERT(i > 0 || trail->starts[i].epoch >= trail->base.epoch);
        ASSERT(i == 0 || trail->starts[i].start > trail->starts[i - 1].start);
        ASSERT(i == 0 || trail->starts[i].epoch > trail->starts[i - 1].epoch);
        ASSERT(trail->starts[i].start < raft->log_end);
    }
    ASSERT(raft_trail_last_epoch(trail) <= raft->hard.epoch);
    /* A snapshot is a place of the log, and of its committed part; it reaches to the log's
     * beginning. */
    ASSERT(raft->snapshot.offset >= trail->base.offset);
    ASSERT(raft->snapshot.offset <= max_i64(raft->high_watermark, 0));
    ASSERT(raft_position_eq(raft->snapshot, raft_trail_place(trail, raft->snapshot.offset)) ||
           raft->snapshot.offset == 0);
    const struct raft_voters *voters = &raft->voters;
    for (int i = 0; i < voters->count; i++) {
        ASSERT(voters->history[i].offset < raft->log_end || voters->history[i].offset < 0);
        ASSERT(i == 0 || voters->history[i].offset > voters->history[i - 1].offset);
    }
}

static void verify_role(const struct raft *raft)
{
    int32_t self = raft->options.self.id;
    int32_t leader_id = raft->hard.leader_id;
    switch (raft->role) {
    case RAFT_ROLE_UNATTACHED:
        ASSERT(leader_id == RAFT_NOBODY);
        break;
    case RAFT_ROLE_PROSPECTIVE:
        ASSERT(leader_id != self);
        break;
    case RAFT_ROLE_CANDIDATE:
        ASSERT(leader_id == RAFT_NOBODY);
        ASSERT(raft->hard.voted.id == self);
        break;
    case RAFT_ROLE_LEADER:
        ASSERT(leader_id == self);
        ASSERT(raft->hard.voted.id == self);
        ASSERT(raft_trail_last_epoch(&raft->trail) == raft->hard.epoch);
        ASSERT(raft->lead.epoch_start < raft->trail.base.offset ||
               raft_trail_epoch_at(&raft->trail, raft->lead.epoch_start) == raft->hard.epoch);
        break;
    case RAFT_ROLE_RESIGNED:
        ASSERT(leader_id == self);
        break;
    case RAFT_ROLE_FOLLOWER:
        ASSERT(leader_id >= 0);
        ASSERT(leader_id != self);
        break;
    }
}

static void verify_replicas(const struct raft *raft)
{
    const struct raft_lead *lead = &raft->lead;
    int parked = 0;
    for (int i = 0; i < lead->replicas.count; i++) {
        const struct raft_progress *replica = &lead->replicas.items[i];
        ASSERT(i == 0 || lead->replicas.items[i - 1].key.id <= replica->key.id);
        parked += replica->parked;
        if (raft->role == RAFT_ROLE_LEADER) {
            ASSERT(replica->end_offset <= raft->log_end);
            int64_t due = replica->voter ? raft->log_end : raft->high_watermark;
            ASSERT(!replica->parked || replica->end_offset >= due);
        }
    }
    ASSERT(parked == lead->parked);
    ASSERT(raft->role == RAFT_ROLE_LEADER || parked == 0);
}

static void verify_loading(const struct raft *raft)
{
    const struct raft_loading *loading = &raft->loading;
    if (loading->active) {
        ASSERT(raft->role == RAFT_ROLE_FOLLOWER || raft->role == RAFT_ROLE_PROSPECTIVE);
        ASSERT(loading->snapshot.offset > raft->high_watermark);
        ASSERT(loading->position >= 0);
        ASSERT(loading->checking == (loading->position == loading->size));
    }
}

void raft_verify(const struct raft *raft)
{
    verify_loading(raft);
    verify_log(raft);
    verify_role(raft);
    verify_replicas(raft);
}
