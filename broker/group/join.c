/* JoinGroup. */
#include "broker/group/consumer/consumer.h"
#include "broker/group/records.h"

enum {
    JOIN_V_MEMBER_ID_REQUIRED = 4, /* KIP-394 */
    JOIN_V_SKIP_ASSIGNMENT = 9,    /* KIP-814 */
};

struct join {
    struct step *s;
    const struct group_request *rq;
    const struct wire_join_group_request *body;
    struct group *g;
};

static void join_error(const struct join *j, struct slice member_id, enum err error)
{
    struct group_parked parked = group_reply_park(j->rq);
    group_reply_join_error(j->s, &parked, member_id, error);
}

/* Version 0 has no rebalance timeout: the session's served for both. */
static int32_t asked_rebalance_timeout(const struct join *j)
{
    return j->rq->version == 0 ? j->body->session_timeout_ms : j->body->rebalance_timeout_ms;
}

/* Whether group.max.size has room. While members rejoin, those who already wait are counted, so
 * that the last ones to come are turned away when the limit was lowered. */
static bool has_room(const struct join *j)
{
    const struct group *g = j->g;
    const struct group_member *m = group_member_find(g, j->body->member_id);
    size_t max = (size_t)j->s->shard->config.max_size;
    switch (g->state) {
    case GROUP_STATE_EMPTY:
    case GROUP_STATE_DEAD:
        return true;
    case GROUP_STATE_PREPARING_REBALANCE:
        return (m != NULL && m->join.waiting) || g->joins_waiting < max;
    case GROUP_STATE_COMPLETING_REBALANCE:
    case GROUP_STATE_STABLE:
        return m != NULL || g->members.count < max;
    }
    UNREACHABLE();
}

static void add_member(const struct join *j, struct slice id)
{
    struct group *g = j->g;
    struct step *s = j->s;
    if (g->members.count == 0) {
        struct slice type = group_own(j->body->protocol_type);
        group_disown(&g->protocol_type);
        g->protocol_type = type;
    }
    struct group_member *m = MEM_NEW(struct group_member);
    m->id = group_own(id);
    m->instance_id = group_own(j->body->group_instance_id);
    m->client_id = group_own(slice_is_null(j->rq->client_id) ? slice_str("") : j->rq->client_id);
    m->client_host = group_own(j->rq->client_host);
    m->rebalance_timeout_ms = asked_rebalance_timeout(j);
    m->session_timeout_ms = j->body->session_timeout_ms;
    m->protocols = group_protocols_copy(j->body);
    m->is_new = true;
    if (g->state == GROUP_STATE_PREPARING_REBALANCE && g->previous == GROUP_STATE_EMPTY) {
        g->new_member_added = true;
    }
    group_member_add(g, m);
    group_member_park_join(s, m, group_reply_park(j->rq));
    group_timer_arm(&s->shard->timers, &m->session, GROUP_TIMER_SESSION,
                    s->now.mono_ms + GROUP_NEW_MEMBER_TIMEOUT_MS);
    log_info(s->shard->log, "group", "member joins", "group=%.*s member=%.*s reason=\"%.*s\"",
             SLICE_ARG(g->id), SLICE_ARG(m->id), SLICE_ARG(j->body->reason));
    group_rebalance_prepare_or_complete(s, g, "a new member");
}

static void update_member(const struct join *j, struct group_member *m)
{
    group_member_set_protocols(m, group_protocols_copy(j->body));
    m->rebalance_timeout_ms = asked_rebalance_timeout(j);
    m->session_timeout_ms = j->body->session_timeout_ms;
    group_member_park_join(j->s, m, group_reply_park(j->rq));
}

/* ---- a static member comes back with a new id ---- */

/* What it was before, in case the record does not get into the log. */
struct replaced {
    struct slice member_id;
    struct group_protocols *protocols; /* owned by the arena of the append */
    int32_t rebalance_timeout_ms;
    int32_t session_timeout_ms;
};

static struct replaced *remember(const struct group_member *m, struct arena *arena)
{
    struct replaced *old = ARENA_NEW(arena, struct replaced);
    old->member_id = arena_dup(arena, m->id);
    old->rebalance_timeout_ms = m->rebalance_timeout_ms;
    old->session_timeout_ms = m->session_timeout_ms;
    old->protocols = arena_alloc(arena, sizeof *old->protocols +
                                            m->protocols->count * sizeof(struct group_protocol));
    old->protocols->count = m->protocols->count;
    for (size_t i = 0; i < m->protocols->count; i++) {
        old->protocols->at[i].name = arena_dup(arena, m->protocols->at[i].name);
        old->protocols->at[i].metadata = arena_dup(arena, m->protocols->at[i].metadata);
    }
    return old;
}

static void revert_replacement(struct step *s, struct group_member *m, const struct replaced *old,
                               enum err error)
{
    log_warn(s->shard->log, "group", "static member keeps its old id",
             "group=%.*s instance=%.*s error=%s", SLICE_ARG(m->group->id),
             SLICE_ARG(m->instance_id), err_name(error));
    group_member_refuse(s, m, slice_str(""), group_append_client_error(error));
    group_member_set_protocols(m, group_protocols_clone(old->protocols));
    m->rebalance_timeout_ms = old->rebalance_timeout_ms;
    m->session_timeout_ms = old->session_timeout_ms;
    group_member_rename(s, m, old->member_id);
    group_member_touch(s, m);
}

/* The record of a replaced static member has its fate. Meanwhile anything may have happened: if
 * the very join does not wait in a Stable group any more, somebody else answers or has answered. */
static void replacement_done(struct step *s, struct group_pending_append *p, enum err error)
{
    struct group *g = group_find(s->shard, p->group_id);
    struct group_member *m = g == NULL ? NULL : group_member_find(g, p->member_id);
    if (m == NULL || g->state != GROUP_STATE_STABLE || !m->join.waiting ||
        m->join.append_id != p->id) {
        return;
    }
    const struct replaced *old = p->extra;
    if (error != ERR_NONE) {
        revert_replacement(s, m, old, error);
        return;
    }
    struct join_answer answer = {.leader_id = g->leader->id};
    if (m->join.version >= JOIN_V_SKIP_ASSIGNMENT) {
        answer.skip_assignment = g->leader == m;
        answer.with_members = g->leader == m;
    } else if (g->leader == m) {
        /* An old client that learns it leads would assign anew; told that its former id leads, it
         * takes the assignment it had. */
        answer.leader_id = old->member_id;
    }
    group_rebalance_answer_join(s, m, answer);
    group_member_touch(s, m);
}

/* Without a rebalance if the vote stays as it is (KIP-345); the answer waits for the record. */
static void persist_replacement(const struct join *j, struct group_member *m,
                                struct group_pending_append *take_append)
{
    struct group_pending_append *p = take_append;
    p->member_id = arena_dup(&p->arena, m->id);
    p->answer = replacement_done;
    group_append_classic(j->g, p);
    group_append_submit(j->s, p);
    m->join.append_id = p->id;
}

static void replace_static_member(const struct join *j, struct group_member *m, struct slice new_id)
{
    struct step *s = j->s;
    struct group *g = j->g;
    log_info(s->shard->log, "group", "static member returns",
             "group=%.*s instance=%.*s old=%.*s new=%.*s", SLICE_ARG(g->id),
             SLICE_ARG(m->instance_id), SLICE_ARG(m->id), SLICE_ARG(new_id));
    struct group_pending_append *p = group_append_new(s->shard);
    p->extra = remember(m, &p->arena);
    group_member_rename(s, m, new_id);
    group_member_touch(s, m);
    update_member(j, m);
    if (g->state == GROUP_STATE_STABLE && slice_eq(group_protocols_select(g), g->protocol_name)) {
        persist_replacement(j, m, p);
        return;
    }
    group_append_free(p);
    switch (g->state) {
    case GROUP_STATE_STABLE:
        group_rebalance_prepare(s, g, "a static member changed the protocol");
        break;
    case GROUP_STATE_COMPLETING_REBALANCE:
        /* The leader may be assigning to the old id at this moment. */
        group_rebalance_prepare(s, g, "a static member was replaced");
        break;
    case GROUP_STATE_PREPARING_REBALANCE:
        group_rebalance_maybe_complete(s, g);
        break;
    case GROUP_STATE_EMPTY:
    case GROUP_STATE_DEAD:
        UNREACHABLE();
    }
}

/* ---- the cases ---- */

static void join_new(const struct join *j)
{
    struct group *g = j->g;
    if (!group_protocols_fit(g, j->body)) {
        join_error(j, slice_str(""), ERR_INCONSISTENT_GROUP_PROTOCOL);
        return;
    }
    struct slice instance = j->body->group_instance_id;
    struct slice id = group_member_new_id(j->s, j->rq, instance);
    struct group_member *twin =
        slice_is_null(instance) ? NULL : group_member_of_instance(g, instance);
    if (twin != NULL) {
        replace_static_member(j, twin, id);
    } else if (!slice_is_null(instance) || j->rq->version < JOIN_V_MEMBER_ID_REQUIRED) {
        add_member(j, id);
    } else if (g->pending.count >= GROUP_PENDING_MEMBERS_MAX) {
        join_error(j, slice_str(""), ERR_COORDINATOR_LOAD_IN_PROGRESS);
    } else {
        group_pending_member_add(j->s, g, id, j->body->session_timeout_ms);
        join_error(j, id, ERR_MEMBER_ID_REQUIRED);
    }
}

static void update_then_rebalance(const struct join *j, struct group_member *m, const char *reason)
{
    update_member(j, m);
    group_rebalance_prepare_or_complete(j->s, j->g, reason);
}

/* Nothing changes for the group: the member gets what the others got. */
static void answer_present(const struct join *j, struct group_member *m, bool with_members)
{
    group_member_park_join(j->s, m, group_reply_park(j->rq));
    group_rebalance_answer_join(
        j->s, m, (struct join_answer){.leader_id = j->g->leader->id, .with_members = with_members});
}

static void rejoin(const struct join *j, struct group_member *m)
{
    struct group *g = j->g;
    bool leader = g->leader == m;
    bool same = group_protocols_equal(m->protocols, j->body);
    switch (g->state) {
    case GROUP_STATE_PREPARING_REBALANCE:
        update_then_rebalance(j, m, "a member rejoins");
        break;
    case GROUP_STATE_COMPLETING_REBALANCE:
        if (same) {
            /* It probably did not get the answer to its first JoinGroup. */
            answer_present(j, m, leader);
        } else {
            update_then_rebalance(j, m, "a member changed its metadata");
        }
        break;
    case GROUP_STATE_STABLE:
        /* The leader rejoins when what it assigns by has changed (partitions of a topic …). */
        if (leader || !same) {
            update_then_rebalance(j, m,
                                  leader ? "the leader rejoins" : "a member changed its metadata");
        } else {
            answer_present(j, m, false);
        }
        break;
    case GROUP_STATE_EMPTY:
    case GROUP_STATE_DEAD:
        UNREACHABLE();
    }
}

static void join_known(const struct join *j)
{
    struct slice id = j->body->member_id;
    if (!group_protocols_fit(j->g, j->body)) {
        join_error(j, id, ERR_INCONSISTENT_GROUP_PROTOCOL);
        return;
    }
    struct group_pending_member *pending = group_pending_member_find(j->g, id);
    if (pending != NULL && slice_is_null(j->body->group_instance_id)) {
        group_pending_member_remove(pending);
        add_member(j, id);
        return;
    }
    enum err error = group_member_validate(j->g, id, j->body->group_instance_id);
    if (error != ERR_NONE) {
        join_error(j, id, error);
        return;
    }
    rejoin(j, group_member_find(j->g, id));
}

/* The member, or the id that was given out, has to go. */
static void turn_away(const struct join *j)
{
    struct group_pending_member *pending = group_pending_member_find(j->g, j->body->member_id);
    if (pending != NULL) {
        group_pending_member_remove(pending);
    }
    struct group_member *m = group_member_find(j->g, j->body->member_id);
    if (m != NULL) {
        group_member_remove(j->s, m);
    }
    join_error(j, slice_str(""), ERR_GROUP_MAX_SIZE_REACHED);
    group_rebalance_maybe_complete(j->s, j->g);
}

static enum err validate(const struct join *j)
{
    const struct group_config *config = &j->s->shard->config;
    if (j->body->group_id.len == 0) {
        return ERR_INVALID_GROUP_ID;
    }
    if (j->body->session_timeout_ms < config->min_session_timeout_ms ||
        j->body->session_timeout_ms > config->max_session_timeout_ms) {
        return ERR_INVALID_SESSION_TIMEOUT;
    }
    return ERR_NONE;
}

void group_join_handle(struct step *s, const struct group_request *rq)
{
    struct join j = {.s = s, .rq = rq, .body = rq->body};
    bool unknown = j.body->member_id.len == 0;
    enum err error = validate(&j);
    if (error != ERR_NONE) {
        join_error(&j, j.body->member_id, error);
        return;
    }
    j.g = unknown ? group_find_or_create(s->shard, j.body->group_id)
                  : group_find(s->shard, j.body->group_id);
    if (j.g == NULL) {
        join_error(&j, j.body->member_id, ERR_UNKNOWN_MEMBER_ID);
        return;
    }
    if (j.g->consumer != NULL && group_has_no_members(j.g)) {
        consumer_forget_empty_consumer(s, j.g);
    }
    if (j.g->state == GROUP_STATE_DEAD) {
        join_error(&j, j.body->member_id, ERR_COORDINATOR_NOT_AVAILABLE);
    } else if (j.g->consumer != NULL) {
        consumer_classic_join(s, rq, j.g);
    } else if (!has_room(&j)) {
        turn_away(&j);
    } else if (unknown) {
        join_new(&j);
    } else {
        join_known(&j);
    }
    group_maybe_forget(j.g);
}
