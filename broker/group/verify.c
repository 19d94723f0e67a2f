/* The invariants, as code. */
#include "broker/group/consumer/consumer.h"

struct tokens {
    size_t joins;
    size_t syncs;
};

static void verify_member(const struct group *g, const struct group_member *m, struct tokens *t)
{
    ASSERT(m->group == g);
    ASSERT(group_member_find(g, m->id) == m);
    ASSERT(slice_is_null(m->instance_id) || group_member_of_instance(g, m->instance_id) == m);
    ASSERT(group_pending_member_find(g, m->id) == NULL);
    /* Somebody always looks after a member: its session, or the phase it waits for. */
    ASSERT(group_timer_armed(&m->session) || m->join.waiting || m->sync.waiting);
    /* A join waits for the rebalance, or for the record that gives a static member its new id. */
    ASSERT(!m->join.waiting || g->state == GROUP_STATE_PREPARING_REBALANCE ||
           (g->state == GROUP_STATE_STABLE && m->join.append_id != 0));
    ASSERT(!m->sync.waiting || g->state == GROUP_STATE_COMPLETING_REBALANCE);
    ASSERT(!m->sync_missing || g->state == GROUP_STATE_COMPLETING_REBALANCE ||
           g->state == GROUP_STATE_STABLE);
    ASSERT(!m->is_new || m->join.waiting);
    t->joins += m->join.waiting;
    t->syncs += m->sync.waiting;
}

static void verify_protocols(const struct group *g)
{
    size_t at = 0;
    for (const struct group_protocol_count *c; (c = map_next(&g->protocols, &at)) != NULL;) {
        size_t members = 0;
        size_t m_at = 0;
        for (const struct group_member *m; (m = map_next(&g->members, &m_at)) != NULL;) {
            bool has = false;
            for (size_t i = 0; i < m->protocols->count; i++) {
                has = has || slice_eq(m->protocols->at[i].name, c->name);
            }
            members += has;
        }
        ASSERT(members == c->members);
    }
    if (g->members.count > 0) {
        ASSERT(group_protocols_select(g).len > 0 || g->state == GROUP_STATE_STABLE);
    }
}

static void verify_state(const struct group *g)
{
    bool peopled = g->state != GROUP_STATE_EMPTY && g->state != GROUP_STATE_DEAD;
    ASSERT(peopled || g->members.count == 0);
    ASSERT((g->leader == NULL) == (g->members.count == 0));
    ASSERT(g->leader == NULL || group_member_find(g, g->leader->id) == g->leader);
    ASSERT(g->members.count == 0 || !slice_is_null(g->protocol_type));
    ASSERT((g->state == GROUP_STATE_PREPARING_REBALANCE) == group_timer_armed(&g->join_timer));
    ASSERT((g->syncs_missing > 0) == group_timer_armed(&g->sync_timer));
    ASSERT(g->assign_append_id == 0 || g->state == GROUP_STATE_COMPLETING_REBALANCE);
    if (g->state == GROUP_STATE_COMPLETING_REBALANCE || g->state == GROUP_STATE_STABLE) {
        ASSERT(g->members.count > 0);
        ASSERT(!slice_is_null(g->protocol_name));
    }
    ASSERT(g->state != GROUP_STATE_STABLE || g->persisted);
}

static void verify_offsets(const struct group *g, size_t *committed)
{
    size_t at = 0;
    for (const struct group_topic *t; (t = map_next(&g->topics, &at)) != NULL;) {
        ASSERT(t->offsets.count > 0);
        size_t o_at = 0;
        for (const struct group_offset *o; (o = map_next(&t->offsets, &o_at)) != NULL;) {
            ASSERT(group_offset_exists(o));
            *committed += o->committed;
        }
    }
}

static void verify_group(const struct group *g, struct tokens *all)
{
    if (g->consumer != NULL) {
        consumer_group_verify(g->consumer);
        return;
    }
    struct tokens t = {0};
    size_t statics = 0;
    size_t missing = 0;
    size_t at = 0;
    for (const struct group_member *m; (m = map_next(&g->members, &at)) != NULL;) {
        verify_member(g, m, &t);
        statics += !slice_is_null(m->instance_id);
        missing += m->sync_missing;
    }
    ASSERT(statics == g->statics.count);
    ASSERT(missing == g->syncs_missing);
    ASSERT(t.joins == g->joins_waiting);
    verify_state(g);
    verify_protocols(g);
    at = 0;
    for (const struct group_pending_member *p; (p = map_next(&g->pending, &at)) != NULL;) {
        ASSERT(group_timer_armed(&p->timer));
    }
    /* A blank group is forgotten. */
    ASSERT(g->state != GROUP_STATE_EMPTY || g->persisted || g->pending.count > 0 ||
           g->topics.count > 0);
    all->joins += t.joins;
    all->syncs += t.syncs;
}

void group_shard_verify(const struct group_shard *shard)
{
    group_timers_verify(&shard->timers);
    if (shard->phase != GROUP_SHARD_ACTIVE) {
        return;
    }
    struct tokens t = {0};
    size_t committed = 0;
    size_t at = 0;
    for (const struct group *g; (g = map_next(&shard->groups, &at)) != NULL;) {
        verify_group(g, &t);
        verify_offsets(g, &committed);
    }
    ASSERT(committed == shard->offsets_count);
    size_t tokens = t.joins + t.syncs;
    LIST_EACH(node, &shard->appends)
    {
        struct group_pending_append *p = LIST_ENTRY(node, struct group_pending_append, node);
        tokens += p->reply.waiting;
        LIST_EACH(waiter, &p->waiters)
        {
            tokens++;
        }
    }
    /* Every request that was taken waits in exactly one place. */
    ASSERT(tokens == shard->parked);
    ASSERT(group_timer_armed(&shard->expiry));
}
