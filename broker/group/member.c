/* Members: their place in the group, their session, what they wait for. */
#include "broker/group/private.h"

struct group_member *group_member_find(const struct group *g, struct slice id)
{
    return map_get(&g->members, id);
}

struct group_member *group_member_of_instance(const struct group *g, struct slice instance_id)
{
    return map_get(&g->statics, instance_id);
}

void group_member_add(struct group *g, struct group_member *m)
{
    ASSERT(group_member_find(g, m->id) == NULL);
    m->group = g;
    map_put(&g->members, m->id, m);
    if (!slice_is_null(m->instance_id)) {
        void *twin = map_put(&g->statics, m->instance_id, m);
        ASSERT(twin == NULL);
    }
    group_protocols_count(g, m->protocols, 1);
    if (g->leader == NULL) {
        g->leader = m;
    }
}

void group_member_free(struct group_member *m)
{
    ASSERT(!m->join.waiting);
    ASSERT(!m->sync.waiting);
    group_timer_cancel(&m->group->shard->timers, &m->session);
    group_disown(&m->id);
    group_disown(&m->instance_id);
    group_disown(&m->client_id);
    group_disown(&m->client_host);
    group_disown(&m->assignment);
    mem_free(m->protocols);
    mem_free(m);
}

void group_member_refuse(struct step *s, struct group_member *m, struct slice told_id,
                         enum err error)
{
    if (m->join.waiting) {
        group_reply_join_error(s, &m->join, told_id, error);
        m->group->joins_waiting--;
    }
    if (m->sync.waiting) {
        group_reply_sync_error(s, &m->sync, error);
    }
}

void group_member_clear_sync_missing(struct step *s, struct group_member *m)
{
    struct group *g = m->group;
    if (m->sync_missing) {
        m->sync_missing = false;
        if (--g->syncs_missing == 0) {
            group_timer_cancel(&s->shard->timers, &g->sync_timer);
        }
    }
}

void group_member_remove(struct step *s, struct group_member *m)
{
    struct group *g = m->group;
    /* UNKNOWN_MEMBER_ID makes a client that is still there join anew. */
    group_member_refuse(s, m, slice_str(""), ERR_UNKNOWN_MEMBER_ID);
    group_member_clear_sync_missing(s, m);
    map_remove(&g->members, m->id);
    if (!slice_is_null(m->instance_id)) {
        map_remove(&g->statics, m->instance_id);
    }
    group_protocols_count(g, m->protocols, -1);
    if (g->leader == m) {
        size_t at = 0;
        g->leader = map_next(&g->members, &at);
    }
    group_member_free(m);
}

void group_member_rename(struct step *s, struct group_member *m, struct slice new_id)
{
    struct group *g = m->group;
    group_member_refuse(s, m, m->id, ERR_FENCED_INSTANCE_ID);
    map_remove(&g->members, m->id);
    group_disown(&m->id);
    m->id = group_own(new_id);
    map_put(&g->members, m->id, m);
    m->is_new = false;
}

/* A client that asks again on another connection (the first broke, or was too slow) is answered
 * there; the older question must not be left open. */
static enum err superseded(void)
{
    return ERR_REBALANCE_IN_PROGRESS;
}

void group_member_park_join(struct step *s, struct group_member *m, struct group_parked parked)
{
    if (m->join.waiting) {
        group_reply_join_error(s, &m->join, m->id, superseded());
        m->group->joins_waiting--;
    }
    m->join = parked;
    m->group->joins_waiting++;
}

void group_member_park_sync(struct step *s, struct group_member *m, struct group_parked parked)
{
    if (m->sync.waiting) {
        group_reply_sync_error(s, &m->sync, superseded());
    }
    m->sync = parked;
}

void group_member_set_protocols(struct group_member *m, struct group_protocols *take_protocols)
{
    group_protocols_count(m->group, m->protocols, -1);
    mem_free(m->protocols);
    m->protocols = take_protocols;
    group_protocols_count(m->group, m->protocols, 1);
}

void group_member_touch(struct step *s, struct group_member *m)
{
    group_timer_arm(&s->shard->timers, &m->session, GROUP_TIMER_SESSION,
                    s->now.mono_ms + m->session_timeout_ms);
}

void group_member_session_expired(struct step *s, struct group_member *m)
{
    struct group *g = m->group;
    /* Who waits for us is alive, as far as one can know; the session begins anew with the answer.
     * Not so the first join of a member, see GROUP_NEW_MEMBER_TIMEOUT_MS. */
    if (!m->is_new && (m->join.waiting || m->sync.waiting)) {
        return;
    }
    log_info(s->shard->log, "group", "member expired", "group=%.*s member=%.*s", SLICE_ARG(g->id),
             SLICE_ARG(m->id));
    group_member_remove(s, m);
    switch (g->state) {
    case GROUP_STATE_STABLE:
    case GROUP_STATE_COMPLETING_REBALANCE:
        group_rebalance_prepare_or_complete(s, g, "a member's session expired");
        break;
    case GROUP_STATE_PREPARING_REBALANCE:
        if (group_rebalance_all_joined(g)) {
            group_rebalance_complete_join(s, g);
        }
        break;
    case GROUP_STATE_EMPTY:
    case GROUP_STATE_DEAD:
        UNREACHABLE();
    }
}

enum err group_member_validate(const struct group *g, struct slice member_id,
                               struct slice instance_id)
{
    if (!slice_is_null(instance_id)) {
        const struct group_member *m = group_member_of_instance(g, instance_id);
        if (m == NULL) {
            return ERR_UNKNOWN_MEMBER_ID;
        }
        if (!slice_eq(m->id, member_id)) {
            return ERR_FENCED_INSTANCE_ID;
        }
    }
    return group_member_find(g, member_id) == NULL ? ERR_UNKNOWN_MEMBER_ID : ERR_NONE;
}

struct slice group_member_new_id(struct step *s, const struct group_request *rq,
                                 struct slice instance_id)
{
    /* What is left of the wire's limit for strings beside "-" and the uuid. */
    enum { PREFIX_MAX = INT16_MAX - 37 };
    struct slice prefix = slice_is_null(instance_id) ? rq->client_id : instance_id;
    prefix.len = min_size(prefix.len, PREFIX_MAX);
    uint64_t hi = prng_next(&s->shard->prng);
    uint64_t lo = prng_next(&s->shard->prng);
    /* Java's UUID.randomUUID(): version 4, variant 2. */
    hi = (hi & ~UINT64_C(0xf000)) | UINT64_C(0x4000);
    lo = (lo & ~(UINT64_C(3) << 62)) | (UINT64_C(2) << 62);
    struct buf text = {0};
    buf_put_slice(&text, prefix);
    buf_printf(&text, "-%08x-%04x-%04x-%04x-%012" PRIx64, (unsigned)(hi >> 32),
               (unsigned)(hi >> 16 & 0xffff), (unsigned)(hi & 0xffff), (unsigned)(lo >> 48),
               lo & UINT64_C(0xffffffffffff));
    struct slice id = arena_dup(&s->out->arena, buf_slice(&text));
    buf_fini(&text);
    return id;
}

/* ---- ids given out ---- */

void group_pending_member_add(struct step *s, struct group *g, struct slice id, int32_t timeout_ms)
{
    struct group_pending_member *p = MEM_NEW(struct group_pending_member);
    p->group = g;
    p->id = group_own(id);
    void *twin = map_put(&g->pending, p->id, p);
    ASSERT(twin == NULL);
    group_timer_arm(&s->shard->timers, &p->timer, GROUP_TIMER_PENDING, s->now.mono_ms + timeout_ms);
}

struct group_pending_member *group_pending_member_find(const struct group *g, struct slice id)
{
    return map_get(&g->pending, id);
}

void group_pending_member_remove(struct group_pending_member *p)
{
    group_timer_cancel(&p->group->shard->timers, &p->timer);
    map_remove(&p->group->pending, p->id);
    group_disown(&p->id);
    mem_free(p);
}

void group_pending_member_expired(struct step *s, struct group_pending_member *p)
{
    struct group *g = p->group;
    log_info(s->shard->log, "group", "pending member expired", "group=%.*s member=%.*s",
             SLICE_ARG(g->id), SLICE_ARG(p->id));
    group_pending_member_remove(p);
    if (g->state == GROUP_STATE_PREPARING_REBALANCE && group_rebalance_all_joined(g)) {
        group_rebalance_complete_join(s, g);
    }
    group_maybe_forget(g);
}
