/* LeaveGroup: one member (to version 2) or several (KIP-345, for administrators too). */
#include "broker/group/consumer/consumer.h"

enum { LEAVE_V_MEMBERS = 3 };

static void remove_leaver(struct step *s, struct group_member *m, struct slice reason)
{
    log_info(s->shard->log, "group", "member leaves", "group=%.*s member=%.*s reason=\"%.*s\"",
             SLICE_ARG(m->group->id), SLICE_ARG(m->id), SLICE_ARG(reason));
    group_member_remove(s, m);
}

static enum err leave_one(struct step *s, struct group *g,
                          const struct wire_leave_group_request_members *who)
{
    if (who->member_id.len == 0) {
        /* An administrator names the instance only. */
        struct group_member *m = slice_is_null(who->group_instance_id)
                                     ? NULL
                                     : group_member_of_instance(g, who->group_instance_id);
        if (m == NULL) {
            return ERR_UNKNOWN_MEMBER_ID;
        }
        remove_leaver(s, m, who->reason);
        return ERR_NONE;
    }
    struct group_pending_member *pending = group_pending_member_find(g, who->member_id);
    if (pending != NULL) {
        group_pending_member_remove(pending);
        return ERR_NONE;
    }
    TRY(group_member_validate(g, who->member_id, who->group_instance_id));
    remove_leaver(s, group_member_find(g, who->member_id), who->reason);
    return ERR_NONE;
}

static void rebalance_the_rest(struct step *s, struct group *g)
{
    switch (g->state) {
    case GROUP_STATE_STABLE:
    case GROUP_STATE_COMPLETING_REBALANCE:
        group_rebalance_prepare_or_complete(s, g, "members left");
        break;
    case GROUP_STATE_PREPARING_REBALANCE:
        group_rebalance_maybe_complete(s, g);
        break;
    case GROUP_STATE_EMPTY:
    case GROUP_STATE_DEAD:
        break;
    }
}

const struct wire_leave_group_request_members *group_leavers(const struct group_request *rq,
                                                             struct arena *arena, size_t *count)
{
    const struct wire_leave_group_request *body = rq->body;
    if (rq->version >= LEAVE_V_MEMBERS) {
        *count = (size_t)max_i64(body->members_count, 0);
        return body->members;
    }
    struct wire_leave_group_request_members *one =
        ARENA_NEW(arena, struct wire_leave_group_request_members);
    one->member_id = body->member_id;
    *count = 1;
    return one;
}

static void leave(struct step *s, const struct group_request *rq, struct group *g)
{
    struct arena *arena = &s->out->arena;
    struct wire_leave_group_response *r = ARENA_NEW(arena, struct wire_leave_group_response);
    size_t count;
    const struct wire_leave_group_request_members *who = group_leavers(rq, arena, &count);
    r->members = ARENA_ARRAY(arena, count, struct wire_leave_group_response_members);
    bool anybody = false;
    for (size_t i = 0; i < count; i++) {
        enum err error = g == NULL ? ERR_UNKNOWN_MEMBER_ID : leave_one(s, g, &who[i]);
        struct wire_leave_group_response_members *to = &r->members[r->members_count++];
        to->member_id = arena_dup(arena, who[i].member_id);
        to->group_instance_id = arena_dup(arena, who[i].group_instance_id);
        to->error_code = err_wire(error);
        anybody = anybody || error == ERR_NONE;
    }
    if (rq->version < LEAVE_V_MEMBERS) {
        r->error_code = r->members[0].error_code;
        r->members_count = 0;
    }
    group_reply_now(s, rq, r);
    if (anybody) {
        rebalance_the_rest(s, g);
    }
}

void group_leave_handle(struct step *s, const struct group_request *rq)
{
    const struct wire_leave_group_request *body = rq->body;
    struct group *g = group_find(s->shard, body->group_id);
    enum err error = ERR_NONE;
    if (body->group_id.len == 0) {
        error = ERR_INVALID_GROUP_ID;
    } else if (g != NULL && g->state == GROUP_STATE_DEAD) {
        error = ERR_COORDINATOR_NOT_AVAILABLE;
    }
    if (error != ERR_NONE) {
        group_reply_now(s, rq, group_refusal_body(rq, error, &s->out->arena));
        return;
    }
    if (g != NULL && g->consumer != NULL) {
        consumer_classic_leave(s, rq, g);
    } else {
        leave(s, rq, g);
    }
    if (g != NULL) {
        group_maybe_forget(g);
    }
}
