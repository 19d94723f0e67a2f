/* ConsumerGroupHeartbeat: joining, staying, leaving. */
#include "broker/group/consumer/consumer.h"

enum { HEARTBEAT_V_CLIENT_MAKES_ID = 1 }; /* KIP-1082 */

/* ---- answers ---- */

/* Answers ConsumerGroupHeartbeat with an error and ends the change. */
static void refuse(struct consumer_change *c, const struct group_request *rq, enum err error,
                   struct slice why)
{
    struct arena *arena = &c->s->out->arena;
    struct wire_consumer_group_heartbeat_response *r =
        ARENA_NEW(arena, struct wire_consumer_group_heartbeat_response);
    r->error_code = err_wire(error);
    r->error_message = arena_dup(arena, why);
    if (c->append->effect.records_count > 0) {
        /* The group has changed its protocol before it turned the member away. */
        consumer_change_finish(c, rq, r);
        return;
    }
    group_reply_now(c->s, rq, r);
    consumer_change_drop(c);
}

#define TOPIC struct wire_consumer_group_heartbeat_response_assignment_topic_partitions

static struct wire_consumer_group_heartbeat_response_assignment *
assignment_of(const struct consumer_set *set, struct arena *arena)
{
    struct wire_consumer_group_heartbeat_response_assignment *a =
        ARENA_NEW(arena, struct wire_consumer_group_heartbeat_response_assignment);
    a->topic_partitions = ARENA_ARRAY(arena, set->count, TOPIC);
    size_t run;
    for (size_t at = 0; at < set->count; at += run) {
        run = consumer_set_run(set, at);
        TOPIC *to = &a->topic_partitions[a->topic_partitions_count++];
        to->topic_id = set->at[at].topic;
        to->partitions = ARENA_ARRAY(arena, run, int32_t);
        for (size_t i = 0; i < run; i++) {
            to->partitions[to->partitions_count++] = (int32_t)set->at[at + i].index;
        }
    }
    return a;
}

static struct wire_consumer_group_heartbeat_response *
new_response(struct consumer_change *c, struct slice member_id, int32_t epoch)
{
    struct wire_consumer_group_heartbeat_response *r =
        ARENA_NEW(&c->append->arena, struct wire_consumer_group_heartbeat_response);
    r->error_message = SLICE_NULL;
    r->member_id = arena_dup(&c->append->arena, member_id);
    r->member_epoch = epoch;
    return r;
}

/* ---- what is wrong with a request, whatever the group ---- */

static enum err check_join(const struct group_request *rq, struct slice *why)
{
    const struct wire_consumer_group_heartbeat_request *body = rq->body;
    const char *text = NULL;
    if (body->rebalance_timeout_ms < 0) {
        text = "RebalanceTimeoutMs must be provided in first request.";
    } else if (body->topic_partitions_count > 0) {
        text = "TopicPartitions must be empty when (re-)joining.";
    } else if (body->subscribed_topic_names_count < 0 &&
               slice_is_null(body->subscribed_topic_regex)) {
        text = "Either SubscribedTopicNames or SubscribedTopicRegex must be non-null when "
               "(re-)joining.";
    } else if (rq->version >= HEARTBEAT_V_CLIENT_MAKES_ID && body->member_id.len == 0) {
        text = "MemberId can't be empty.";
    }
    *why = text == NULL ? SLICE_NULL : slice_str(text);
    return text == NULL ? ERR_NONE : ERR_INVALID_REQUEST;
}

static enum err check_epoch(const struct group_request *rq, struct slice *why)
{
    const struct wire_consumer_group_heartbeat_request *body = rq->body;
    const char *text = NULL;
    if (body->member_epoch == CONSUMER_EPOCH_JOIN) {
        return check_join(rq, why);
    }
    if (body->member_epoch < CONSUMER_EPOCH_STATIC_LEAVE) {
        text = "MemberEpoch is invalid.";
    } else if (body->member_id.len == 0) {
        text = "MemberId can't be empty.";
    } else if (body->member_epoch == CONSUMER_EPOCH_STATIC_LEAVE &&
               slice_is_null(body->instance_id)) {
        text = "InstanceId can't be null.";
    }
    *why = text == NULL ? SLICE_NULL : slice_str(text);
    return text == NULL ? ERR_NONE : ERR_INVALID_REQUEST;
}

static bool is_empty_text(struct slice s)
{
    return !slice_is_null(s) && s.len == 0;
}

static enum err check_request(const struct group_request *rq, struct arena *arena,
                              struct slice *why)
{
    const struct wire_consumer_group_heartbeat_request *body = rq->body;
    const char *empty = body->group_id.len == 0            ? "GroupId"
                        : is_empty_text(body->instance_id) ? "InstanceId"
                        : is_empty_text(body->rack_id)     ? "RackId"
                                                           : NULL;
    if (empty != NULL) {
        *why = slice_str(arena_printf(arena, "%s can't be empty.", empty));
        return ERR_INVALID_REQUEST;
    }
    TRY(check_epoch(rq, why));
    if (!slice_is_null(body->server_assignor) &&
        consumer_assignor_find(body->server_assignor) == NULL) {
        *why = slice_str(arena_printf(arena,
                                      "ServerAssignor %.*s is not supported. Supported "
                                      "assignors: uniform, range.",
                                      SLICE_ARG(body->server_assignor)));
        return ERR_UNSUPPORTED_ASSIGNOR;
    }
    if (body->subscribed_topic_regex.len > 0) {
        return consumer_regex_check(body->subscribed_topic_regex, arena, why);
    }
    return ERR_NONE;
}

/* ---- the group ---- */

/* Makes the request's group one of consumers. */
static enum err open_group(struct consumer_change *c,
                           const struct wire_consumer_group_heartbeat_request *body,
                           struct slice *why)
{
    struct group *g = group_find(c->s->shard, body->group_id);
    if (g != NULL && g->state == GROUP_STATE_DEAD) {
        return ERR_COORDINATOR_NOT_AVAILABLE;
    }
    if (g == NULL || g->consumer == NULL) {
        if (body->member_epoch != CONSUMER_EPOCH_JOIN) {
            *why = slice_str(arena_printf(&c->append->arena, "Consumer group %.*s not found.",
                                          SLICE_ARG(body->group_id)));
            return ERR_GROUP_ID_NOT_FOUND;
        }
        g = group_find_or_create(c->s->shard, body->group_id);
        if (g->members.count > 0) {
            TRY(consumer_upgrade(c, g, why));
        } else {
            consumer_forget_empty_classic(c, g);
            consumer_group_new(g);
        }
    }
    c->cg = g->consumer;
    return ERR_NONE;
}

/* ---- joining and staying ---- */

/* True if it reads other topics than before, or is new. */
static bool update_member(struct consumer_change *c, const struct group_request *rq,
                          struct consumer_member *m)
{
    const struct wire_consumer_group_heartbeat_request *body = rq->body;
    struct group_record before = consumer_record_member(m, &c->append->arena);
    bool joins = body->member_epoch == CONSUMER_EPOCH_JOIN;
    bool changed = m->epoch == CONSUMER_EPOCH_JOIN && m->target.count == 0; /* it is new */
    consumer_member_set_text(&m->client_id,
                             slice_is_null(rq->client_id) ? slice_str("") : rq->client_id);
    consumer_member_set_text(&m->client_host, rq->client_host);
    if (joins || !slice_is_null(body->rack_id)) {
        consumer_member_set_text(&m->rack_id, body->rack_id);
    }
    if (joins || !slice_is_null(body->server_assignor)) {
        consumer_member_set_text(&m->assignor, body->server_assignor);
    }
    if (body->rebalance_timeout_ms >= 0) {
        m->rebalance_timeout_ms = body->rebalance_timeout_ms;
    }
    if (body->subscribed_topic_names_count >= 0) {
        changed = consumer_member_set_topics(m, body->subscribed_topic_names,
                                             (size_t)body->subscribed_topic_names_count) ||
                  changed;
    }
    if (!slice_is_null(body->subscribed_topic_regex)) { /* "" takes it back */
        bool none = body->subscribed_topic_regex.len == 0;
        changed = consumer_member_set_regex(m, none ? SLICE_NULL : body->subscribed_topic_regex) ||
                  changed;
    }
    mem_free(m->classic_protocols);
    m->classic_protocols = NULL;
    struct group_record after = consumer_record_member(m, &c->append->arena);
    if (changed || !slice_eq(before.value, after.value)) {
        group_append_record(c->append, after);
    }
    return changed;
}

static struct consumer_set read_owned(const struct wire_consumer_group_heartbeat_request *body)
{
    struct consumer_set set = {0};
    for (int32_t i = 0; i < body->topic_partitions_count; i++) {
        for (int32_t k = 0; k < body->topic_partitions[i].partitions_count; k++) {
            consumer_set_add(&set, body->topic_partitions[i].topic_id,
                             body->topic_partitions[i].partitions[k]);
        }
    }
    consumer_set_sort(&set);
    return set;
}

/* A member that tells everything wants to be told everything. */
static bool is_full(const struct wire_consumer_group_heartbeat_request *body)
{
    return body->member_epoch == CONSUMER_EPOCH_JOIN ||
           (body->rebalance_timeout_ms >= 0 && body->topic_partitions_count >= 0 &&
            (body->subscribed_topic_names_count >= 0 ||
             !slice_is_null(body->subscribed_topic_regex)));
}

static void stay(struct consumer_change *c, const struct group_request *rq,
                 struct consumer_member *m, const struct consumer_set *owned)
{
    const struct wire_consumer_group_heartbeat_request *body = rq->body;
    struct consumer_set before = consumer_set_copy(&m->assigned);
    bool bump = update_member(c, rq, m);
    if (m->epoch == CONSUMER_EPOCH_STATIC_LEAVE) {
        consumer_member_set_epoch(m, CONSUMER_EPOCH_JOIN); /* it is back, under the same id */
    }
    consumer_change_advance(c, m, owned, bump);
    consumer_member_touch(c->s, m);
    struct wire_consumer_group_heartbeat_response *r = new_response(c, m->id, m->epoch);
    r->heartbeat_interval_ms = consumer_group_heartbeat_interval(c->cg);
    if (is_full(body) || !consumer_set_eq(&before, &m->assigned)) {
        r->assignment = assignment_of(&m->assigned, &c->append->arena);
    }
    consumer_set_free(&before);
    consumer_change_finish(c, rq, r);
}

static struct slice new_member_id(struct step *s, struct arena *arena)
{
    struct uuid id;
    do {
        uint64_t hi = prng_next(&s->shard->prng);
        uint64_t lo = prng_next(&s->shard->prng);
        if (uuid_from_random(hi, lo, &id)) {
            break;
        }
    } while (true);
    return slice_str(arena_printf(arena, "%s", uuid_text(id).text));
}

static void join_or_stay(struct consumer_change *c, const struct group_request *rq)
{
    const struct wire_consumer_group_heartbeat_request *body = rq->body;
    struct consumer_set owned = read_owned(body);
    bool joins = body->member_epoch == CONSUMER_EPOCH_JOIN;
    struct consumer_joiner j = {
        .member_id =
            body->member_id.len > 0 ? body->member_id : new_member_id(c->s, &c->append->arena),
        .instance_id = body->instance_id,
        .epoch = body->member_epoch,
        .owned = joins || body->topic_partitions_count >= 0 ? &owned : NULL,
        .joins = joins,
    };
    struct consumer_member *m = NULL;
    struct slice why = SLICE_NULL;
    enum err error = consumer_member_admit(c, &j, &m, &why);
    if (error == ERR_NONE) {
        stay(c, rq, m, j.owned);
    } else {
        refuse(c, rq, error, why);
    }
    consumer_set_free(&owned);
}

/* ---- leaving ---- */

static enum err find_leaver(struct consumer_change *c,
                            const struct wire_consumer_group_heartbeat_request *body,
                            struct consumer_member **out, struct slice *why)
{
    struct consumer_joiner j = {.member_id = body->member_id,
                                .instance_id = body->instance_id,
                                .epoch = CONSUMER_EPOCH_JOIN};
    return consumer_member_admit(c, &j, out, why);
}

static void leave(struct consumer_change *c, const struct group_request *rq)
{
    const struct wire_consumer_group_heartbeat_request *body = rq->body;
    struct consumer_member *m = NULL;
    struct slice why = SLICE_NULL;
    enum err error = find_leaver(c, body, &m, &why);
    if (error != ERR_NONE) {
        refuse(c, rq, error, why);
        return;
    }
    log_info(c->s->shard->log, "group", "member leaves", "group=%.*s member=%.*s for_a_while=%s",
             SLICE_ARG(c->cg->group->id), SLICE_ARG(m->id),
             body->member_epoch == CONSUMER_EPOCH_STATIC_LEAVE ? "true" : "false");
    if (body->member_epoch == CONSUMER_EPOCH_STATIC_LEAVE) {
        consumer_member_set_epoch(m, CONSUMER_EPOCH_STATIC_LEAVE);
        m->state = CONSUMER_MEMBER_STABLE;
        consumer_member_set_partitions(m, consumer_set_copy(&m->assigned),
                                       (struct consumer_set){0});
        group_timer_cancel(&c->s->shard->timers, &m->rebalance);
        consumer_change_current(c, m);
    } else {
        consumer_change_remove(c, m);
        consumer_change_maybe_downgrade(c);
    }
    consumer_change_finish(c, rq, new_response(c, body->member_id, body->member_epoch));
}

void consumer_heartbeat_handle(struct step *s, const struct group_request *rq)
{
    const struct wire_consumer_group_heartbeat_request *body = rq->body;
    struct slice why = SLICE_NULL;
    struct group nobody = {.id = body->group_id};
    struct consumer_change c;
    consumer_change_begin(&c, s, &nobody);
    enum err error = check_request(rq, &c.append->arena, &why);
    if (error == ERR_NONE) {
        error = open_group(&c, body, &why);
    }
    if (error != ERR_NONE) {
        refuse(&c, rq, error, why);
    } else if (body->member_epoch < 0) {
        leave(&c, rq);
    } else {
        join_or_stay(&c, rq);
    }
    struct group *g = group_find(s->shard, body->group_id);
    if (g != NULL) {
        group_maybe_forget(g);
    }
}
