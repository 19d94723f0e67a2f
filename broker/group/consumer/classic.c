/* Members of the classic protocol in a consumer group: what they ask for is answered from the
 * assignment that the coordinator made. To them every step of theirs is a rebalance. */
#include "broker/group/consumer/consumer.h"

enum { JOIN_V_MEMBER_ID_REQUIRED = 4 /* KIP-394 */, LEAVE_V_MEMBERS = 3 };

/* ---- who asks ---- */

static enum err find_classic(const struct consumer_group *cg, struct slice member_id,
                             struct slice instance_id, struct consumer_member **out)
{
    *out = consumer_member_find(cg, member_id);
    if (!slice_is_null(instance_id)) {
        const struct consumer_member *own = consumer_member_of_instance(cg, instance_id);
        if (own == NULL) {
            return ERR_UNKNOWN_MEMBER_ID;
        }
        if (!slice_eq(own->id, member_id)) {
            return ERR_FENCED_INSTANCE_ID;
        }
    }
    return *out == NULL || (*out)->classic_protocols == NULL ? ERR_UNKNOWN_MEMBER_ID : ERR_NONE;
}

static void refuse(struct step *s, const struct group_request *rq, enum err error)
{
    group_reply_now(s, rq, group_refusal_body(rq, error, &s->out->arena));
}

/* ---- JoinGroup ---- */

/* Every protocol of the member is one that all classic members know, or the group could never go
 * back. */
static bool fits(const struct consumer_group *cg, const struct wire_join_group_request *body)
{
    if (!slice_eq_str(body->protocol_type, "consumer") || body->protocols_count <= 0 ||
        body->protocols_count > GROUP_PROTOCOLS_MAX) {
        return false;
    }
    for (int32_t i = 0; i < body->protocols_count; i++) {
        bool all = true;
        size_t at = 0;
        for (const struct consumer_member *m; (m = map_next(&cg->members, &at)) != NULL;) {
            bool has = m->classic_protocols == NULL || slice_eq(m->id, body->member_id);
            for (size_t k = 0; !has && k < m->classic_protocols->count; k++) {
                has = slice_eq(m->classic_protocols->at[k].name, body->protocols[i].name);
            }
            all = all && has;
        }
        if (all) {
            return true;
        }
    }
    return false;
}

static bool update_member(struct consumer_change *c, const struct group_request *rq,
                          const struct wire_consumer_protocol_subscription *subscription,
                          struct consumer_member *m)
{
    const struct wire_join_group_request *body = rq->body;
    bool changed = m->epoch == CONSUMER_EPOCH_JOIN && m->target.count == 0; /* it is new */
    consumer_member_set_text(&m->client_id,
                             slice_is_null(rq->client_id) ? slice_str("") : rq->client_id);
    consumer_member_set_text(&m->client_host, rq->client_host);
    consumer_member_set_text(&m->rack_id, subscription->rack_id);
    m->rebalance_timeout_ms =
        rq->version == 0 ? body->session_timeout_ms : body->rebalance_timeout_ms;
    m->classic_session_timeout_ms = body->session_timeout_ms;
    mem_free(m->classic_protocols);
    m->classic_protocols = group_protocols_copy(body);
    changed = consumer_member_set_regex(m, SLICE_NULL) || changed;
    changed = consumer_member_set_topics(m, subscription->topics,
                                         (size_t)max_i64(subscription->topics_count, 0)) ||
              changed;
    consumer_change_member(c, m);
    return changed;
}

static void answer_join(struct consumer_change *c, const struct group_request *rq,
                        const struct consumer_member *m)
{
    struct arena *arena = &c->append->arena;
    struct wire_join_group_response *r = ARENA_NEW(arena, struct wire_join_group_response);
    r->generation_id = m->epoch;
    r->protocol_type = slice_str("consumer");
    r->protocol_name = arena_dup(arena, m->classic_protocols->at[0].name);
    r->leader = slice_str(""); /* nobody: the coordinator assigns */
    r->member_id = arena_dup(arena, m->id);
    consumer_change_finish(c, rq, r);
}

static void join(struct step *s, const struct group_request *rq, struct group *g,
                 const struct wire_consumer_protocol_subscription *subscription)
{
    const struct wire_join_group_request *body = rq->body;
    struct consumer_change c;
    consumer_change_begin(&c, s, g);
    struct consumer_set owned = consumer_owned_of(subscription, s->shard);
    struct consumer_joiner j = {
        .member_id = body->member_id.len > 0 ? body->member_id
                                             : group_member_new_id(s, rq, body->group_instance_id),
        .instance_id = body->group_instance_id,
        .owned = &owned,
        .joins = true,
        .classic = true};
    struct consumer_member *m = NULL;
    struct slice why;
    enum err error = consumer_member_admit(&c, &j, &m, &why);
    if (error != ERR_NONE) {
        refuse(s, rq, error);
        consumer_change_drop(&c);
    } else {
        bool bump = update_member(&c, rq, subscription, m);
        consumer_change_advance(&c, m, &owned, bump);
        consumer_member_touch(s, m);
        consumer_member_await(s, m, CONSUMER_AWAIT_SYNC);
        answer_join(&c, rq, m);
    }
    consumer_set_free(&owned);
}

void consumer_classic_join(struct step *s, const struct group_request *rq, struct group *g)
{
    const struct wire_join_group_request *body = rq->body;
    struct arena arena = {0};
    struct wire_consumer_protocol_subscription subscription;
    enum err error = fits(g->consumer, body) ? ERR_NONE : ERR_INCONSISTENT_GROUP_PROTOCOL;
    if (error == ERR_NONE) {
        error = consumer_read_subscription(body->protocols[0].metadata, &arena, &subscription);
    }
    if (error == ERR_NONE && body->member_id.len == 0 && slice_is_null(body->group_instance_id) &&
        rq->version >= JOIN_V_MEMBER_ID_REQUIRED) {
        struct group_parked parked = group_reply_park(rq);
        group_reply_join_error(s, &parked, group_member_new_id(s, rq, SLICE_NULL),
                               ERR_MEMBER_ID_REQUIRED);
    } else if (error != ERR_NONE) {
        refuse(s, rq, error);
    } else {
        join(s, rq, g, &subscription);
    }
    arena_fini(&arena);
}

/* ---- SyncGroup and Heartbeat ---- */

/* A newer epoch waits for it, unless it is giving up partitions for the present one. */
static bool must_rejoin(const struct consumer_member *m)
{
    return m->group->epoch > m->epoch && m->state != CONSUMER_MEMBER_UNREVOKED;
}

static enum err check_sync(const struct wire_sync_group_request *body,
                           const struct consumer_member *m)
{
    if (body->generation_id != m->epoch) {
        return ERR_ILLEGAL_GENERATION;
    }
    if ((body->protocol_type.len > 0 && !slice_eq_str(body->protocol_type, "consumer")) ||
        (body->protocol_name.len > 0 &&
         !slice_eq(body->protocol_name, m->classic_protocols->at[0].name))) {
        return ERR_INCONSISTENT_GROUP_PROTOCOL;
    }
    return ERR_NONE;
}

void consumer_classic_sync(struct step *s, const struct group_request *rq, struct group *g)
{
    const struct wire_sync_group_request *body = rq->body;
    struct consumer_member *m;
    enum err error = find_classic(g->consumer, body->member_id, body->group_instance_id, &m);
    if (error == ERR_NONE) {
        error = check_sync(body, m);
    }
    if (error == ERR_NONE && must_rejoin(m)) {
        consumer_member_await(s, m, CONSUMER_AWAIT_JOIN);
        error = ERR_REBALANCE_IN_PROGRESS;
    }
    if (error != ERR_NONE) {
        refuse(s, rq, error);
        return;
    }
    group_timer_cancel(&s->shard->timers, &m->rebalance);
    consumer_member_touch(s, m);
    struct consumer_change c;
    consumer_change_begin(&c, s, g);
    struct arena *arena = &c.append->arena;
    struct wire_sync_group_response *r = ARENA_NEW(arena, struct wire_sync_group_response);
    r->protocol_type = slice_str("consumer");
    r->protocol_name = arena_dup(arena, m->classic_protocols->at[0].name);
    r->assignment = consumer_write_assignment(m, arena);
    consumer_change_finish(&c, rq, r);
}

/* Has a partition that it waits for become free, or nothing left to wait for? */
static bool can_take_more(const struct consumer_member *m)
{
    for (size_t i = 0; i < m->target.count; i++) {
        const struct consumer_partition *p = &m->target.at[i];
        if (!consumer_set_has(&m->assigned, p) && map_get(&m->group->owners, MAP_KEY(*p)) != NULL) {
            return false;
        }
    }
    return true;
}

void consumer_classic_heartbeat(struct step *s, const struct group_request *rq, struct group *g)
{
    const struct wire_heartbeat_request *body = rq->body;
    struct consumer_member *m;
    enum err error = find_classic(g->consumer, body->member_id, body->group_instance_id, &m);
    if (error == ERR_NONE && body->generation_id != m->epoch) {
        error = ERR_ILLEGAL_GENERATION;
    }
    if (error != ERR_NONE) {
        refuse(s, rq, error);
        return;
    }
    consumer_member_touch(s, m);
    if (m->epoch < g->consumer->epoch || m->state == CONSUMER_MEMBER_UNREVOKED ||
        (m->state == CONSUMER_MEMBER_UNRELEASED && can_take_more(m))) {
        consumer_member_await(s, m, CONSUMER_AWAIT_JOIN);
        refuse(s, rq, ERR_REBALANCE_IN_PROGRESS);
        return;
    }
    refuse(s, rq, ERR_NONE); /* the plain answer */
}

/* ---- LeaveGroup ---- */

static enum err leave_one(struct consumer_change *c,
                          const struct wire_leave_group_request_members *who)
{
    struct consumer_member *m = consumer_member_find(c->cg, who->member_id);
    if (!slice_is_null(who->group_instance_id)) {
        m = consumer_member_of_instance(c->cg, who->group_instance_id);
        if (m != NULL && who->member_id.len > 0 && !slice_eq(m->id, who->member_id)) {
            return ERR_FENCED_INSTANCE_ID;
        }
    }
    if (m == NULL) {
        return ERR_UNKNOWN_MEMBER_ID;
    }
    log_info(c->s->shard->log, "group", "member leaves", "group=%.*s member=%.*s reason=\"%.*s\"",
             SLICE_ARG(c->cg->group->id), SLICE_ARG(m->id), SLICE_ARG(who->reason));
    consumer_change_remove(c, m);
    return ERR_NONE;
}

void consumer_classic_leave(struct step *s, const struct group_request *rq, struct group *g)
{
    struct consumer_change c;
    consumer_change_begin(&c, s, g);
    struct arena *arena = &c.append->arena;
    struct wire_leave_group_response *r = ARENA_NEW(arena, struct wire_leave_group_response);
    size_t count;
    const struct wire_leave_group_request_members *who = group_leavers(rq, arena, &count);
    r->members = ARENA_ARRAY(arena, count, struct wire_leave_group_response_members);
    for (size_t i = 0; i < count; i++) {
        struct wire_leave_group_response_members *to = &r->members[r->members_count++];
        to->member_id = arena_dup(arena, who[i].member_id);
        to->group_instance_id = arena_dup(arena, who[i].group_instance_id);
        to->error_code = err_wire(leave_one(&c, &who[i]));
    }
    if (rq->version < LEAVE_V_MEMBERS) {
        r->error_code = r->members[0].error_code;
        r->members_count = 0;
    }
    consumer_change_maybe_downgrade(&c);
    consumer_change_finish(&c, rq, r);
}
