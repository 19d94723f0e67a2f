/* Answers: each token once. */
#include "broker/group/private.h"

struct group_parked group_reply_park(const struct group_request *rq)
{
    return (struct group_parked){.waiting = true, .token = rq->token, .version = rq->version};
}

void group_reply_send(struct step *s, struct group_parked *parked, int16_t api_key,
                      const void *body)
{
    ASSERT(parked->waiting);
    ASSERT(s->shard->parked > 0);
    ASSERT(body != NULL);
    s->shard->parked--;
    struct group_reply *reply = ARENA_NEW(&s->out->arena, struct group_reply);
    reply->token = parked->token;
    reply->api_key = api_key;
    reply->version = parked->version;
    reply->body = body;
    if (s->out->replies_last == NULL) {
        s->out->replies = reply;
    } else {
        s->out->replies_last->next = reply;
    }
    s->out->replies_last = reply;
    *parked = (struct group_parked){0};
}

void group_reply_now(struct step *s, const struct group_request *rq, const void *body)
{
    struct group_parked parked = group_reply_park(rq);
    group_reply_send(s, &parked, rq->api_key, body);
}

void group_reply_join_error(struct step *s, struct group_parked *parked, struct slice member_id,
                            enum err error)
{
    struct wire_join_group_response *r = ARENA_NEW(&s->out->arena, struct wire_join_group_response);
    r->error_code = err_wire(error);
    r->generation_id = -1;
    r->protocol_name = slice_str("");
    r->leader = slice_str("");
    r->member_id = arena_dup(&s->out->arena, member_id);
    group_reply_send(s, parked, WIRE_API_JOIN_GROUP, r);
}

void group_reply_sync_error(struct step *s, struct group_parked *parked, enum err error)
{
    struct wire_sync_group_response *r = ARENA_NEW(&s->out->arena, struct wire_sync_group_response);
    r->error_code = err_wire(error);
    r->assignment = slice_str("");
    group_reply_send(s, parked, WIRE_API_SYNC_GROUP, r);
}

void group_refuse(const struct group_request *request, enum err error, struct group_effects *out)
{
    /* The driver's own refusal has no shard; group_reply_send() wants one to count on. */
    struct group_shard nobody = {.parked = 1};
    struct step s = {.shard = &nobody, .out = out};
    group_reply_now(&s, request, group_refusal_body(request, error, &out->arena));
}
