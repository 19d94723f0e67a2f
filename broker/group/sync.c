/* SyncGroup: the leader brings the assignment, everybody fetches his. */
#include "broker/group/consumer/consumer.h"
#include "broker/group/records.h"

enum { SYNC_V_PROTOCOL_MANDATORY = 5 }; /* KIP-559 */

void group_sync_answer(struct step *s, const struct group_member *m, struct group_parked *parked)
{
    struct arena *arena = &s->out->arena;
    struct wire_sync_group_response *r = ARENA_NEW(arena, struct wire_sync_group_response);
    r->protocol_type = arena_dup(arena, m->group->protocol_type);
    r->protocol_name = arena_dup(arena, m->group->protocol_name);
    r->assignment = slice_is_null(m->assignment) ? slice_str("") : arena_dup(arena, m->assignment);
    group_reply_send(s, parked, WIRE_API_SYNC_GROUP, r);
}

/* The record of the assignment has its fate. If the group has moved on, that was for nothing: a
 * reload in between sees a generation that is over, and its members will join again. */
static void assignment_done(struct step *s, struct group_pending_append *p, enum err error)
{
    struct group *g = group_find(s->shard, p->group_id);
    if (g == NULL || g->assign_append_id != p->id) {
        return;
    }
    ASSERT(g->state == GROUP_STATE_COMPLETING_REBALANCE);
    g->assign_append_id = 0;
    if (error == ERR_NONE) {
        group_rebalance_propagate(s, g, ERR_NONE);
        group_become(s, g, GROUP_STATE_STABLE);
        s->shard->rebalances++;
        return;
    }
    size_t at = 0;
    for (struct group_member *m; (m = map_next(&g->members, &at)) != NULL;) {
        group_disown(&m->assignment);
    }
    group_rebalance_propagate(s, g, group_append_client_error(error));
    group_rebalance_prepare(s, g, "the assignment could not be stored");
}

/* Members that the leader forgot get an empty assignment. */
static void take_assignments(struct group *g, const struct wire_sync_group_request *body)
{
    struct map by_member = {0};
    for (int64_t i = 0; i < body->assignments_count; i++) {
        map_put(&by_member, body->assignments[i].member_id, &body->assignments[i]);
    }
    size_t at = 0;
    for (struct group_member *m; (m = map_next(&g->members, &at)) != NULL;) {
        const struct wire_sync_group_request_assignments *a = map_get(&by_member, m->id);
        group_disown(&m->assignment);
        m->assignment = group_own(a == NULL ? slice_str("") : a->assignment);
    }
    map_fini(&by_member);
}

static void store_assignment(struct step *s, struct group *g,
                             const struct wire_sync_group_request *body)
{
    log_info(s->shard->log, "group", "assignment", "group=%.*s generation=%d members=%zu",
             SLICE_ARG(g->id), g->generation, g->members.count);
    take_assignments(g, body);
    struct group_pending_append *p = group_append_new(s->shard);
    p->answer = assignment_done;
    group_append_classic(g, p);
    group_append_submit(s, p);
    g->persisted = true;
    g->assign_append_id = p->id;
}

/* A field that an old client does not send contradicts nothing. */
static bool contradicts(struct slice asked, struct slice have)
{
    return !slice_is_null(asked) && !slice_is_null(have) && !slice_eq(asked, have);
}

static enum err validate(const struct group *g, const struct group_request *rq)
{
    const struct wire_sync_group_request *body = rq->body;
    if (g == NULL || g->state == GROUP_STATE_EMPTY) {
        return ERR_UNKNOWN_MEMBER_ID;
    }
    if (g->state == GROUP_STATE_DEAD) {
        return ERR_COORDINATOR_NOT_AVAILABLE;
    }
    TRY(group_member_validate(g, body->member_id, body->group_instance_id));
    if (body->generation_id != g->generation) {
        return ERR_ILLEGAL_GENERATION;
    }
    if (contradicts(body->protocol_type, g->protocol_type) ||
        contradicts(body->protocol_name, g->protocol_name)) {
        return ERR_INCONSISTENT_GROUP_PROTOCOL;
    }
    return g->state == GROUP_STATE_PREPARING_REBALANCE ? ERR_REBALANCE_IN_PROGRESS : ERR_NONE;
}

static enum err validate_request(const struct group_request *rq)
{
    const struct wire_sync_group_request *body = rq->body;
    if (rq->version >= SYNC_V_PROTOCOL_MANDATORY &&
        (slice_is_null(body->protocol_type) || slice_is_null(body->protocol_name))) {
        return ERR_INCONSISTENT_GROUP_PROTOCOL;
    }
    return body->group_id.len == 0 ? ERR_INVALID_GROUP_ID : ERR_NONE;
}

void group_sync_handle(struct step *s, const struct group_request *rq)
{
    const struct wire_sync_group_request *body = rq->body;
    struct group_parked parked = group_reply_park(rq);
    enum err error = validate_request(rq);
    struct group *g = group_find(s->shard, body->group_id);
    if (error == ERR_NONE && g != NULL && g->consumer != NULL && g->state != GROUP_STATE_DEAD) {
        consumer_classic_sync(s, rq, g);
        return;
    }
    if (error == ERR_NONE) {
        error = validate(g, rq);
    }
    if (error != ERR_NONE) {
        group_reply_sync_error(s, &parked, error);
        return;
    }
    struct group_member *m = group_member_find(g, body->member_id);
    group_member_clear_sync_missing(s, m);
    if (g->state == GROUP_STATE_STABLE) {
        group_sync_answer(s, m, &parked);
        return;
    }
    ASSERT(g->state == GROUP_STATE_COMPLETING_REBALANCE);
    group_member_park_sync(s, m, parked);
    /* A leader that asks again while its assignment is on its way waits like everybody: a
     * generation has one assignment. */
    if (g->leader == m && g->assign_append_id == 0) {
        store_assignment(s, g, body);
    }
}
