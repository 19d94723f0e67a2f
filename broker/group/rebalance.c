/* The phases of a rebalance: prepare (members join), complete (the leader assigns), stable. */
#include "broker/group/private.h"
#include "broker/group/records.h"

/* The longest rebalance timeout of the members; at least 1 ms, so that a phase put off again and
 * again moves with time. */
static int64_t rebalance_timeout_ms(const struct group *g)
{
    int64_t longest = 1;
    size_t at = 0;
    for (const struct group_member *m; (m = map_next(&g->members, &at)) != NULL;) {
        longest = max_i64(longest, m->rebalance_timeout_ms);
    }
    return longest;
}

bool group_rebalance_all_joined(const struct group *g)
{
    return g->members.count == g->joins_waiting && g->pending.count == 0;
}

static void clear_all_sync_missing(struct step *s, struct group *g)
{
    size_t at = 0;
    for (struct group_member *m; (m = map_next(&g->members, &at)) != NULL;) {
        group_member_clear_sync_missing(s, m);
    }
    ASSERT(g->syncs_missing == 0);
}

void group_rebalance_propagate(struct step *s, struct group *g, enum err error)
{
    size_t at = 0;
    for (struct group_member *m; (m = map_next(&g->members, &at)) != NULL;) {
        if (!m->sync.waiting) {
            continue;
        }
        if (error != ERR_NONE) {
            group_reply_sync_error(s, &m->sync, error);
        } else {
            group_sync_answer(s, m, &m->sync);
        }
        /* A session that ended while the member waited was let pass; it begins anew. */
        group_member_touch(s, m);
    }
}

/* ---- the join phase ---- */

static void begin_initial_delay(struct step *s, struct group *g)
{
    int64_t delay_ms = s->shard->config.initial_rebalance_delay_ms;
    g->initial_delay_ms = delay_ms;
    g->initial_left_ms = max_i64(rebalance_timeout_ms(g) - delay_ms, 0);
    g->new_member_added = false;
    group_timer_arm(&s->shard->timers, &g->join_timer, GROUP_TIMER_INITIAL,
                    s->now.mono_ms + delay_ms);
}

void group_rebalance_initial_timer(struct step *s, struct group *g)
{
    ASSERT(g->state == GROUP_STATE_PREPARING_REBALANCE);
    if (!g->new_member_added || g->initial_left_ms == 0) {
        group_rebalance_complete_join(s, g);
        return;
    }
    /* Somebody came while we waited: perhaps more will. */
    int64_t delay_ms = min_i64(s->shard->config.initial_rebalance_delay_ms, g->initial_left_ms);
    g->new_member_added = false;
    g->initial_left_ms = max_i64(g->initial_left_ms - g->initial_delay_ms, 0);
    g->initial_delay_ms = delay_ms;
    group_timer_arm(&s->shard->timers, &g->join_timer, GROUP_TIMER_INITIAL,
                    s->now.mono_ms + delay_ms);
}

static void wait_for_joins(struct step *s, struct group *g)
{
    group_timer_arm(&s->shard->timers, &g->join_timer, GROUP_TIMER_JOIN,
                    s->now.mono_ms + rebalance_timeout_ms(g));
}

void group_rebalance_prepare(struct step *s, struct group *g, const char *reason)
{
    if (g->state == GROUP_STATE_COMPLETING_REBALANCE) {
        size_t at = 0;
        for (struct group_member *m; (m = map_next(&g->members, &at)) != NULL;) {
            group_disown(&m->assignment);
        }
        g->assign_append_id = 0;
        group_rebalance_propagate(s, g, ERR_REBALANCE_IN_PROGRESS);
    }
    clear_all_sync_missing(s, g);
    bool initial = g->state == GROUP_STATE_EMPTY;
    log_info(s->shard->log, "group", "rebalance", "group=%.*s from=%s generation=%d reason=\"%s\"",
             SLICE_ARG(g->id), group_state_name(g->state), g->generation, reason);
    group_become(s, g, GROUP_STATE_PREPARING_REBALANCE);
    if (initial) {
        begin_initial_delay(s, g);
    } else if (group_rebalance_all_joined(g)) {
        group_rebalance_complete_join(s, g);
    } else {
        wait_for_joins(s, g);
    }
}

void group_rebalance_maybe_complete(struct step *s, struct group *g)
{
    /* The first rebalance of an empty group waits its delay out, whoever has joined. */
    if (g->state == GROUP_STATE_PREPARING_REBALANCE && g->previous != GROUP_STATE_EMPTY &&
        group_rebalance_all_joined(g)) {
        group_rebalance_complete_join(s, g);
    }
}

void group_rebalance_prepare_or_complete(struct step *s, struct group *g, const char *reason)
{
    if (g->state == GROUP_STATE_PREPARING_REBALANCE) {
        group_rebalance_maybe_complete(s, g);
    } else {
        group_rebalance_prepare(s, g, reason);
    }
}

/* ---- its end ---- */

/* Static members keep their place until their session ends (KIP-345). */
static void remove_absent_dynamic_members(struct step *s, struct group *g)
{
    size_t at = 0;
    for (struct group_member *m; (m = map_next(&g->members, &at)) != NULL;) {
        if (!m->join.waiting && slice_is_null(m->instance_id)) {
            log_info(s->shard->log, "group", "member did not rejoin", "group=%.*s member=%.*s",
                     SLICE_ARG(g->id), SLICE_ARG(m->id));
            group_member_remove(s, m);
        }
    }
}

/* False: members, but none of them has joined. */
static bool elect_joined_leader(struct group *g)
{
    if (g->leader == NULL || g->leader->join.waiting) {
        return true;
    }
    size_t at = 0;
    for (struct group_member *m; (m = map_next(&g->members, &at)) != NULL;) {
        if (m->join.waiting) {
            g->leader = m;
            return true;
        }
    }
    return false;
}

static void become_empty(struct step *s, struct group *g)
{
    group_disown(&g->protocol_name);
    group_subscriptions_update(g);
    group_become(s, g, GROUP_STATE_EMPTY);
    log_info(s->shard->log, "group", "empty", "group=%.*s generation=%d", SLICE_ARG(g->id),
             g->generation);
    /* If this is lost, the generation before it wakes up after a failover and times out. */
    struct group_pending_append *p = group_append_new(s->shard);
    group_append_classic(g, p);
    group_append_submit(s, p);
    g->persisted = true;
}

static void begin_generation(struct step *s, struct group *g)
{
    struct slice selected = group_own(group_protocols_select(g));
    group_disown(&g->protocol_name);
    g->protocol_name = selected;
    group_subscriptions_update(g);
    group_become(s, g, GROUP_STATE_COMPLETING_REBALANCE);
    log_info(s->shard->log, "group", "generation",
             "group=%.*s generation=%d members=%zu protocol=%.*s leader=%.*s", SLICE_ARG(g->id),
             g->generation, g->members.count, SLICE_ARG(g->protocol_name),
             SLICE_ARG(g->leader->id));
    size_t at = 0;
    for (struct group_member *m; (m = map_next(&g->members, &at)) != NULL;) {
        if (m->join.waiting) {
            group_rebalance_answer_join(
                s, m,
                (struct join_answer){.leader_id = g->leader->id, .with_members = m == g->leader});
        }
        group_member_touch(s, m);
        m->is_new = false;
        ASSERT(!m->sync_missing);
        m->sync_missing = true;
    }
    g->syncs_missing = g->members.count;
    group_timer_arm(&s->shard->timers, &g->sync_timer, GROUP_TIMER_SYNC,
                    s->now.mono_ms + rebalance_timeout_ms(g));
}

void group_rebalance_complete_join(struct step *s, struct group *g)
{
    ASSERT(g->state == GROUP_STATE_PREPARING_REBALANCE);
    group_timer_cancel(&s->shard->timers, &g->join_timer);
    remove_absent_dynamic_members(s, g);
    if (!elect_joined_leader(g)) {
        /* Only absent static members are left: their sessions will end, or one comes back. */
        log_warn(s->shard->log, "group", "nobody rejoined", "group=%.*s members=%zu",
                 SLICE_ARG(g->id), g->members.count);
        wait_for_joins(s, g);
        return;
    }
    /* The largest generation wraps to 1: 0 is "never had one" and negative ones are not members'.
     */
    g->generation = g->generation == INT32_MAX ? 1 : g->generation + 1;
    if (g->members.count == 0) {
        become_empty(s, g);
    } else {
        begin_generation(s, g);
    }
}

void group_rebalance_answer_join(struct step *s, struct group_member *m, struct join_answer answer)
{
    struct group *g = m->group;
    struct arena *arena = &s->out->arena;
    struct wire_join_group_response *r = ARENA_NEW(arena, struct wire_join_group_response);
    r->generation_id = g->generation;
    r->protocol_type = arena_dup(arena, g->protocol_type);
    r->protocol_name = arena_dup(arena, g->protocol_name);
    r->leader = arena_dup(arena, answer.leader_id);
    r->skip_assignment = answer.skip_assignment;
    r->member_id = arena_dup(arena, m->id);
    if (answer.with_members) {
        r->members = ARENA_ARRAY(arena, g->members.count, struct wire_join_group_response_members);
        size_t at = 0;
        for (const struct group_member *one; (one = map_next(&g->members, &at)) != NULL;) {
            struct wire_join_group_response_members *to = &r->members[r->members_count++];
            to->member_id = arena_dup(arena, one->id);
            to->group_instance_id = arena_dup(arena, one->instance_id);
            to->metadata =
                arena_dup(arena, group_protocols_metadata(one->protocols, g->protocol_name));
        }
    }
    ASSERT(m->join.waiting);
    group_reply_send(s, &m->join, WIRE_API_JOIN_GROUP, r);
    g->joins_waiting--;
}

/* ---- the sync phase ---- */

/* Who has the generation and never asked for its assignment is out (KAFKA-13072: a member that
 * only sends heartbeats would hold the group up for ever). */
void group_rebalance_sync_timer(struct step *s, struct group *g)
{
    ASSERT(g->state == GROUP_STATE_COMPLETING_REBALANCE || g->state == GROUP_STATE_STABLE);
    ASSERT(g->syncs_missing > 0);
    size_t at = 0;
    for (struct group_member *m; (m = map_next(&g->members, &at)) != NULL;) {
        if (m->sync_missing) {
            log_info(s->shard->log, "group", "member did not sync", "group=%.*s member=%.*s",
                     SLICE_ARG(g->id), SLICE_ARG(m->id));
            group_member_remove(s, m);
        }
    }
    group_rebalance_prepare(s, g, "members did not send SyncGroup");
}
