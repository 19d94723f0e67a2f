/* Heartbeat. */
#include "broker/group/consumer/consumer.h"

static enum err heartbeat(struct step *s, const struct wire_heartbeat_request *body)
{
    if (body->group_id.len == 0) {
        return ERR_INVALID_GROUP_ID;
    }
    struct group *g = group_find(s->shard, body->group_id);
    if (g == NULL) {
        return ERR_UNKNOWN_MEMBER_ID;
    }
    if (g->state == GROUP_STATE_DEAD) {
        return ERR_COORDINATOR_NOT_AVAILABLE;
    }
    TRY(group_member_validate(g, body->member_id, body->group_instance_id));
    if (body->generation_id != g->generation) {
        return ERR_ILLEGAL_GENERATION;
    }
    group_member_touch(s, group_member_find(g, body->member_id));
    /* In CompletingRebalance it is an ordinary heartbeat: clients send them as soon as they have
     * the answer to JoinGroup. */
    return g->state == GROUP_STATE_PREPARING_REBALANCE ? ERR_REBALANCE_IN_PROGRESS : ERR_NONE;
}

void group_heartbeat_handle(struct step *s, const struct group_request *rq)
{
    const struct wire_heartbeat_request *body = rq->body;
    struct group *g = group_find(s->shard, body->group_id);
    if (g != NULL && g->consumer != NULL && g->state != GROUP_STATE_DEAD) {
        consumer_classic_heartbeat(s, rq, g);
        return;
    }
    struct wire_heartbeat_response *r = ARENA_NEW(&s->out->arena, struct wire_heartbeat_response);
    r->error_code = err_wire(heartbeat(s, rq->body));
    group_reply_now(s, rq, r);
}
