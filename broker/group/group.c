/* The shard: its life, its events, and the states of its groups. */
#include "broker/group/consumer/consumer.h"
#include "metadata/image.h"

struct group_config group_config_defaults(void)
{
    return (struct group_config){
        .min_session_timeout_ms = 6000,
        .max_session_timeout_ms = 1800000,
        .initial_rebalance_delay_ms = 3000,
        .max_size = INT32_MAX,
        .offset_metadata_max_bytes = 4096,
        .offsets_retention_ms = INT64_C(10080) * 60000,
        .offsets_retention_check_ms = 600000,
        .commit_timeout_ms = 5000,
        .consumer_session_timeout_ms = 45000,
        .consumer_heartbeat_interval_ms = 5000,
        .consumer_min_session_timeout_ms = 45000,
        .consumer_max_session_timeout_ms = 60000,
        .consumer_min_heartbeat_interval_ms = 5000,
        .consumer_max_heartbeat_interval_ms = 15000,
        .consumer_max_size = INT32_MAX,
        .consumer_assignor = "uniform",
        .consumer_upgrade = true,
        .consumer_downgrade = true,
    };
}

/* ---- states ---- */

const char *group_state_name(enum group_state state)
{
    static const char *const NAMES[GROUP_STATES] = {
        [GROUP_STATE_EMPTY] = "Empty",
        [GROUP_STATE_PREPARING_REBALANCE] = "PreparingRebalance",
        [GROUP_STATE_COMPLETING_REBALANCE] = "CompletingRebalance",
        [GROUP_STATE_STABLE] = "Stable",
        [GROUP_STATE_DEAD] = "Dead",
    };
    return NAMES[state];
}

/* [from][to]. Dead goes back to Empty when the tombstone is in the log (the group is blank then,
 * and forgotten) and when it failed (the group lives on). */
static const bool MAY_BECOME[GROUP_STATES][GROUP_STATES] = {
    [GROUP_STATE_EMPTY] = {[GROUP_STATE_PREPARING_REBALANCE] = true, [GROUP_STATE_DEAD] = true},
    [GROUP_STATE_PREPARING_REBALANCE] =
        {[GROUP_STATE_COMPLETING_REBALANCE] = true, [GROUP_STATE_EMPTY] = true},
    [GROUP_STATE_COMPLETING_REBALANCE] =
        {[GROUP_STATE_STABLE] = true, [GROUP_STATE_PREPARING_REBALANCE] = true},
    [GROUP_STATE_STABLE] = {[GROUP_STATE_PREPARING_REBALANCE] = true},
    [GROUP_STATE_DEAD] = {[GROUP_STATE_EMPTY] = true},
};

void group_become(struct step *s, struct group *g, enum group_state state)
{
    ASSERT(MAY_BECOME[g->state][state]);
    /* Being Dead is an interlude: the retention of offsets counts from when it became Empty. */
    if (state != GROUP_STATE_DEAD && g->state != GROUP_STATE_DEAD) {
        g->state_since_ms = s->now.wall_ms;
    }
    log_debug(s->shard->log, "group", "state", "group=%.*s from=%s to=%s generation=%d",
              SLICE_ARG(g->id), group_state_name(g->state), group_state_name(state), g->generation);
    g->previous = g->state;
    g->state = state;
}

bool group_is_consumer(const struct group *g)
{
    return slice_eq_str(g->protocol_type, "consumer");
}

/* ---- groups ---- */

struct slice group_own(struct slice s)
{
    if (slice_is_null(s)) {
        return SLICE_NULL;
    }
    uint8_t *copy = mem_alloc(s.len + 1);
    if (s.len > 0) {
        memcpy(copy, s.data, s.len);
    }
    copy[s.len] = '\0';
    return slice_of(copy, s.len);
}

void group_disown(struct slice *s)
{
    mem_free((void *)(uintptr_t)s->data);
    *s = SLICE_NULL;
}

void group_disown_array(struct slice **items, size_t *count)
{
    for (size_t i = 0; i < *count; i++) {
        group_disown(&(*items)[i]);
    }
    mem_free(*items);
    *items = NULL;
    *count = 0;
}

struct group *group_find(const struct group_shard *shard, struct slice id)
{
    return map_get(&shard->groups, id);
}

struct group *group_find_or_create(struct group_shard *shard, struct slice id)
{
    struct group *g = group_find(shard, id);
    if (g == NULL) {
        g = MEM_NEW(struct group);
        g->shard = shard;
        g->id = group_own(id);
        g->state = GROUP_STATE_EMPTY;
        g->previous = GROUP_STATE_DEAD;
        g->state_since_ms = -1;
        map_put(&shard->groups, g->id, g);
    }
    return g;
}

bool group_has_no_members(const struct group *g)
{
    return g->state == GROUP_STATE_EMPTY &&
           (g->consumer == NULL || g->consumer->members.count == 0);
}

static void free_group(struct group *g)
{
    struct group_timers *timers = &g->shard->timers;
    group_timer_cancel(timers, &g->join_timer);
    group_timer_cancel(timers, &g->sync_timer);
    size_t at = 0;
    for (struct group_member *m; (m = map_next(&g->members, &at)) != NULL;) {
        group_protocols_count(g, m->protocols, -1);
        group_member_free(m);
    }
    at = 0;
    for (struct group_pending_member *p; (p = map_next(&g->pending, &at)) != NULL;) {
        group_pending_member_remove(p);
    }
    if (g->consumer != NULL) {
        consumer_group_free(g->consumer);
    }
    group_lost_forget(g);
    group_offsets_free(g);
    group_subscriptions_clear(g);
    ASSERT(g->protocols.count == 0);
    map_fini(&g->members);
    map_fini(&g->statics);
    map_fini(&g->pending);
    map_fini(&g->protocols);
    group_disown(&g->protocol_type);
    group_disown(&g->protocol_name);
    group_disown(&g->id);
    mem_free(g);
}

void group_maybe_forget(struct group *g)
{
    if (group_has_no_members(g) && !g->persisted && g->pending.count == 0 && g->topics.count == 0) {
        ASSERT(g->members.count == 0);
        map_remove(&g->shard->groups, g->id);
        free_group(g);
    }
}

/* ---- life of the shard ---- */

struct group_shard *group_shard_new(const struct group_config *config, const struct log *log)
{
    struct group_shard *shard = MEM_NEW(struct group_shard);
    shard->config = *config;
    shard->log = log;
    shard->phase = GROUP_SHARD_LOADING;
    prng_init(&shard->prng, config->seed);
    list_init(&shard->appends);
    shard->next_append_id = 1;
    shard->next_sequence = 1;
    return shard;
}

void group_shard_free(struct group_shard *shard)
{
    if (shard == NULL) {
        return;
    }
    ASSERT(shard->parked == 0);
    ASSERT(list_empty(&shard->appends));
    size_t at = 0;
    for (struct group *g; (g = map_next(&shard->groups, &at)) != NULL;) {
        free_group(g);
    }
    at = 0;
    for (struct group_txn *t; (t = map_next(&shard->transactions, &at)) != NULL;) {
        group_txn_free(t);
    }
    map_fini(&shard->groups);
    map_fini(&shard->transactions);
    metadata_image_unref((struct metadata_image *)(uintptr_t)shard->image);
    group_timers_fini(&shard->timers);
    mem_free(shard);
}

void group_shard_loaded(struct group_shard *shard, struct group_time now, struct group_effects *out)
{
    ASSERT(shard->phase == GROUP_SHARD_LOADING);
    struct step s = {shard, now, out};
    shard->phase = GROUP_SHARD_ACTIVE;
    size_t at = 0;
    for (struct group *g; (g = map_next(&shard->groups, &at)) != NULL;) {
        size_t m_at = 0;
        for (struct group_member *m; (m = map_next(&g->members, &m_at)) != NULL;) {
            group_member_touch(&s, m);
        }
        if (g->consumer != NULL) {
            consumer_group_loaded(&s, g->consumer);
        }
        if (g->members.count > (size_t)shard->config.max_size) {
            /* The limit was lowered: give members a chance to commit, then join again. */
            group_rebalance_prepare(&s, g, "the loaded group is over group.max.size");
        }
    }
    group_expire_schedule(&s);
    log_debug(shard->log, "group", "loaded", "groups=%zu offsets=%zu", shard->groups.count,
              shard->offsets_count);
}

void group_shard_unload(struct group_shard *shard, struct group_effects *out)
{
    struct step s = {.shard = shard, .out = out};
    shard->phase = GROUP_SHARD_UNLOADED;
    group_append_unload_all(&s);
    size_t at = 0;
    for (struct group *g; (g = map_next(&shard->groups, &at)) != NULL;) {
        size_t m_at = 0;
        for (struct group_member *m; (m = map_next(&g->members, &m_at)) != NULL;) {
            group_member_refuse(&s, m, m->id, ERR_NOT_COORDINATOR);
        }
    }
    ASSERT(shard->parked == 0);
    log_debug(shard->log, "group", "unloaded", "groups=%zu", shard->groups.count);
}

void group_effects_clear(struct group_effects *out)
{
    while (out->spent != NULL) {
        struct group_pending_append *p = out->spent;
        out->spent = p->next_spent;
        group_append_free(p);
    }
    arena_fini(&out->arena);
    *out = (struct group_effects){0};
}

void group_shard_set_image(struct group_shard *shard, const struct metadata_image *image,
                           bool topics_changed)
{
    const struct metadata_image *old = shard->image;
    shard->image = metadata_image_ref(image);
    if (topics_changed || old == NULL) {
        shard->metadata_serial++;
    }
    metadata_image_unref((struct metadata_image *)(uintptr_t)old);
}

/* ---- events ---- */

static void run_timer(struct step *s, struct group_timer *timer)
{
    switch (timer->kind) {
    case GROUP_TIMER_SESSION:
        group_member_session_expired(s, container_of(timer, struct group_member, session));
        break;
    case GROUP_TIMER_PENDING:
        group_pending_member_expired(s, container_of(timer, struct group_pending_member, timer));
        break;
    case GROUP_TIMER_INITIAL:
        group_rebalance_initial_timer(s, container_of(timer, struct group, join_timer));
        break;
    case GROUP_TIMER_JOIN:
        group_rebalance_complete_join(s, container_of(timer, struct group, join_timer));
        break;
    case GROUP_TIMER_SYNC:
        group_rebalance_sync_timer(s, container_of(timer, struct group, sync_timer));
        break;
    case GROUP_TIMER_COMMIT:
        group_append_timeout(s, container_of(timer, struct group_pending_append, timer));
        break;
    case GROUP_TIMER_EXPIRY:
        group_expire_run(s);
        break;
    case GROUP_TIMER_CONSUMER_SESSION:
        consumer_member_session_expired(s, container_of(timer, struct consumer_member, session));
        break;
    case GROUP_TIMER_CONSUMER_REBALANCE:
        consumer_member_rebalance_expired(s,
                                          container_of(timer, struct consumer_member, rebalance));
        break;
    }
}

static void run_due(struct step *s)
{
    struct group_timer *timer;
    while ((timer = group_timers_due(&s->shard->timers, s->now.mono_ms)) != NULL) {
        run_timer(s, timer);
    }
}

void group_shard_tick(struct group_shard *shard, struct group_time now, struct group_effects *out)
{
    struct step s = {shard, now, out};
    if (shard->phase == GROUP_SHARD_ACTIVE) {
        run_due(&s);
    }
}

int64_t group_shard_deadline(const struct group_shard *shard)
{
    return shard->phase == GROUP_SHARD_ACTIVE ? group_timers_first(&shard->timers) : INT64_MAX;
}

static const struct {
    enum wire_api api;
    void (*handle)(struct step *s, const struct group_request *rq);
} HANDLERS[] = {
    {WIRE_API_OFFSET_COMMIT, group_offset_commit_handle},
    {WIRE_API_JOIN_GROUP, group_join_handle},
    {WIRE_API_HEARTBEAT, group_heartbeat_handle},
    {WIRE_API_LEAVE_GROUP, group_leave_handle},
    {WIRE_API_SYNC_GROUP, group_sync_handle},
    {WIRE_API_TXN_OFFSET_COMMIT, group_txn_offset_commit_handle},
    {WIRE_API_DELETE_GROUPS, group_delete_groups_handle},
    {WIRE_API_OFFSET_DELETE, group_offset_delete_handle},
    {WIRE_API_CONSUMER_GROUP_HEARTBEAT, consumer_heartbeat_handle},
};

enum err group_shard_phase_error(const struct group_shard *shard)
{
    ASSERT(shard->phase != GROUP_SHARD_ACTIVE);
    return shard->phase == GROUP_SHARD_LOADING ? ERR_COORDINATOR_LOAD_IN_PROGRESS
                                               : ERR_NOT_COORDINATOR;
}

void group_shard_request(struct group_shard *shard, const struct group_request *request,
                         struct group_time now, struct group_effects *out)
{
    struct step s = {shard, now, out};
    shard->parked++;
    if (shard->phase != GROUP_SHARD_ACTIVE) {
        enum err error = group_shard_phase_error(shard);
        if (error == ERR_COORDINATOR_LOAD_IN_PROGRESS && request->api_key == WIRE_API_HEARTBEAT) {
            error = ERR_NONE; /* nobody knows yet whether the member is gone */
        }
        group_reply_now(&s, request, group_refusal_body(request, error, &out->arena));
        return;
    }
    for (size_t i = 0; i < ARRAY_LEN(HANDLERS); i++) {
        if (HANDLERS[i].api == (enum wire_api)request->api_key) {
            HANDLERS[i].handle(&s, request);
            /* What the request made due, e.g. a rebalance without initial delay. */
            run_due(&s);
            return;
        }
    }
    UNREACHABLE();
}

void group_shard_append_done(struct group_shard *shard, uint64_t append_id, enum err error,
                             struct group_time now, struct group_effects *out)
{
    struct step s = {shard, now, out};
    if (shard->phase == GROUP_SHARD_ACTIVE) {
        group_append_finish(&s, append_id, error);
        run_due(&s);
    }
}

void group_shard_stats(const struct group_shard *shard, struct group_shard_stats *out)
{
    *out = (struct group_shard_stats){.groups = shard->groups.count,
                                      .offsets = shard->offsets_count,
                                      .parked = shard->parked,
                                      .rebalances = shard->rebalances,
                                      .offset_commits = shard->offset_commits,
                                      .offsets_expired = shard->offsets_expired};
    size_t at = 0;
    for (const struct group *g; (g = map_next(&shard->groups, &at)) != NULL;) {
        out->groups_by_state[g->state]++;
        out->members += g->members.count + (g->consumer == NULL ? 0 : g->consumer->members.count);
    }
}
