/* Applying what the controller decided. */
#include "broker/partition/partition.h"

#include "broker/partition/private.h"

void partition_init(struct partition *p, int32_t local_id, const struct partition_config *config)
{
    *p = (struct partition){
        .config = *config,
        .local_id = local_id,
        .local_broker_epoch = -1,
        .role = PARTITION_ROLE_OFFLINE,
        .state = {.leader = PARTITION_NO_LEADER, .leader_epoch = -1, .partition_epoch = -1}};
}

void partition_set_log(struct partition *p, int64_t log_start, int64_t log_end,
                       int64_t high_watermark)
{
    ASSERT(log_start <= log_end);
    p->log_start_offset = log_start;
    p->log_end_offset = log_end;
    p->high_watermark = max_i64(log_start, min_i64(high_watermark, log_end));
}

bool partition_ids_contain(const int32_t *ids, int count, int32_t id)
{
    for (int i = 0; i < count; i++) {
        if (ids[i] == id) {
            return true;
        }
    }
    return false;
}

bool partition_in_isr(const struct partition *p, int32_t id)
{
    return partition_ids_contain(p->state.isr, p->state.isr_count, id);
}

struct partition_remote *partition_remote_find(struct partition *p, int32_t id)
{
    for (int i = 0; i < p->remotes_count; i++) {
        if (p->remotes[i].id == id) {
            return &p->remotes[i];
        }
    }
    return NULL;
}

/* A follower about which nothing is known yet. It gets a full lag time to show up: were its last
 * contact "never", a new leader would drop healthy followers from the ISR at its first check. */
static struct partition_remote fresh_remote(int32_t id, int64_t now_ms)
{
    return (struct partition_remote){.id = id,
                                     .broker_epoch = -1,
                                     .log_end_offset = -1,
                                     .log_start_offset = -1,
                                     .last_fetch_ms = now_ms,
                                     .last_caught_up_ms = now_ms};
}

/* Makes the remotes match the replica list, keeping what is known unless `reset`. */
static void rebuild_remotes(struct partition *p, bool reset, int64_t now_ms)
{
    struct partition_remote fresh[PARTITION_REPLICAS_MAX];
    int count = 0;
    for (int i = 0; i < p->state.replicas_count; i++) {
        int32_t id = p->state.replicas[i];
        if (id == p->local_id) {
            continue;
        }
        const struct partition_remote *old = reset ? NULL : partition_remote_find(p, id);
        fresh[count++] = old == NULL ? fresh_remote(id, now_ms) : *old;
    }
    memcpy(p->remotes, fresh, sizeof(fresh[0]) * (size_t)count);
    p->remotes_count = count;
}

static enum partition_change become_leader(struct partition *p, bool new_epoch, int64_t now_ms,
                                           struct partition_effects *effects)
{
    p->role = PARTITION_ROLE_LEADER;
    rebuild_remotes(p, new_epoch, now_ms);
    if (new_epoch) {
        p->epoch_start_offset = p->log_end_offset;
    }
    partition_maybe_advance(p, now_ms, NULL, effects);
    return new_epoch ? PARTITION_CHANGE_NEW_LEADER : PARTITION_CHANGE_SAME_EPOCH;
}

enum partition_change partition_apply(struct partition *p, const struct partition_state *state,
                                      int64_t now_ms, struct partition_effects *effects)
{
    *effects = (struct partition_effects){0};
    ASSERT(state->replicas_count <= PARTITION_REPLICAS_MAX);
    ASSERT(state->isr_count <= PARTITION_REPLICAS_MAX);
    if (p->known && state->partition_epoch <= p->state.partition_epoch) {
        return PARTITION_CHANGE_NONE;
    }
    ASSERT(state->leader_epoch >= p->state.leader_epoch);
    bool new_epoch = !p->known || state->leader_epoch > p->state.leader_epoch;
    p->state = *state;
    p->known = true;
    p->proposal_in_flight = false; /* every copy has an older epoch: refused from now on */
    p->withdrawing = false;
    if (state->leader == p->local_id) {
        new_epoch = new_epoch || p->role != PARTITION_ROLE_LEADER;
        return become_leader(p, new_epoch, now_ms, effects);
    }
    bool was_follower = p->role == PARTITION_ROLE_FOLLOWER;
    p->remotes_count = 0;
    if (state->leader == PARTITION_NO_LEADER) {
        p->role = PARTITION_ROLE_OFFLINE;
        return PARTITION_CHANGE_OFFLINE;
    }
    p->role = PARTITION_ROLE_FOLLOWER;
    return new_epoch || !was_follower ? PARTITION_CHANGE_NEW_FOLLOWER : PARTITION_CHANGE_SAME_EPOCH;
}

enum err partition_check_epoch(const struct partition *p, int32_t current_leader_epoch)
{
    if (current_leader_epoch == -1 || current_leader_epoch == p->state.leader_epoch) {
        return ERR_NONE;
    }
    return current_leader_epoch < p->state.leader_epoch ? ERR_FENCED_LEADER_EPOCH
                                                        : ERR_UNKNOWN_LEADER_EPOCH;
}

void partition_verify(const struct partition *p)
{
    ASSERT(p->log_start_offset <= p->high_watermark);
    ASSERT(p->high_watermark <= p->log_end_offset);
    ASSERT(p->role != PARTITION_ROLE_LEADER || p->state.leader == p->local_id);
    ASSERT(p->role != PARTITION_ROLE_LEADER || p->epoch_start_offset <= p->log_end_offset);
    ASSERT(!p->proposal_in_flight || p->role == PARTITION_ROLE_LEADER);
    ASSERT(!p->withdrawing || p->proposal_unanswered);
    ASSERT(!p->proposal_in_flight || p->proposal.partition_epoch == p->state.partition_epoch);
    for (int i = 0; i < p->state.isr_count; i++) {
        ASSERT(partition_ids_contain(p->state.replicas, p->state.replicas_count, p->state.isr[i]));
    }
    for (int i = 0; i < p->remotes_count; i++) {
        ASSERT(p->remotes[i].id != p->local_id);
    }
}
