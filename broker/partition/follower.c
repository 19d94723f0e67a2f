/* The follower's side: high watermark from the leader, truncation by leader epoch. */
#include "broker/partition/partition.h"

void partition_follower_appended(struct partition *p, int64_t log_end, int64_t leader_hw,
                                 struct partition_effects *effects)
{
    *effects = (struct partition_effects){0};
    ASSERT(p->role == PARTITION_ROLE_FOLLOWER);
    ASSERT(log_end >= p->log_end_offset);
    p->log_end_offset = log_end;
    int64_t hw = min_i64(leader_hw, log_end);
    /* A new leader may start with an older high watermark than ours; a consumer that reads from us
     * must not see it go back. */
    if (hw > p->high_watermark) {
        p->high_watermark = hw;
        effects->high_watermark_moved = true;
    }
}

void partition_truncated(struct partition *p, int64_t log_start, int64_t log_end)
{
    ASSERT(p->role != PARTITION_ROLE_LEADER);
    ASSERT(log_start <= log_end);
    p->log_start_offset = log_start;
    p->log_end_offset = log_end;
    p->high_watermark = max_i64(log_start, min_i64(p->high_watermark, log_end));
}

struct partition_truncation partition_diverged(const struct partition *p, int32_t leader_epoch,
                                               int64_t leader_end, int32_t own_epoch,
                                               int64_t own_end)
{
    if (leader_epoch < 0) {
        /* The leader knows no epoch as old as ours: only the high watermark is safe ground. */
        return (struct partition_truncation){.offset = p->high_watermark};
    }
    /* With an older epoch of ours in between, everything behind it is cut and the next fetch, from
     * an older epoch, asks again. */
    bool again = own_epoch >= 0 && own_epoch != leader_epoch;
    int64_t offset = again ? own_end : min_i64(own_end, leader_end);
    return (struct partition_truncation){.offset = min_i64(offset, p->log_end_offset),
                                         .again = again};
}
