/* Who may speak as a member: found, made, or refused. */
#include "broker/group/consumer/consumer.h"

/* An epoch that the coordinator knows, or that of the step before if the answer to it may have been
 * lost. Joining anew (epoch 0) is always allowed: the member says that it owns nothing. */
static enum err check_epoch(const struct consumer_change *c, const struct consumer_joiner *j,
                            const struct consumer_member *m, struct slice *why)
{
    if (j->classic || j->epoch == CONSUMER_EPOCH_JOIN || j->epoch == m->epoch) {
        return ERR_NONE;
    }
    if (j->epoch == m->previous_epoch && j->owned != NULL &&
        consumer_set_within(j->owned, &m->assigned)) {
        return ERR_NONE;
    }
    *why = slice_str(arena_printf(
        &c->append->arena,
        "The consumer group member has a %s member epoch (%d) than the one known by the group "
        "coordinator (%d). The member must abandon all its partitions and rejoin.",
        j->epoch > m->epoch ? "greater" : "smaller", j->epoch, m->epoch));
    return ERR_FENCED_MEMBER_EPOCH;
}

static struct consumer_member *make(struct consumer_change *c, const struct consumer_joiner *j)
{
    struct consumer_member *m = consumer_member_new(j->member_id);
    m->instance_id = group_own(j->instance_id);
    consumer_member_add(c->cg, m);
    log_info(c->s->shard->log, "group", "member joins", "group=%.*s member=%.*s protocol=%s",
             SLICE_ARG(c->cg->group->id), SLICE_ARG(m->id), j->classic ? "classic" : "consumer");
    return m;
}

static enum err has_room(const struct consumer_change *c, struct slice *why)
{
    int32_t max = c->s->shard->config.consumer_max_size;
    if (c->cg->members.count < (size_t)max) {
        return ERR_NONE;
    }
    *why = slice_str(arena_printf(&c->append->arena,
                                  "The consumer group has reached its maximum capacity of %d "
                                  "members.",
                                  max));
    return ERR_GROUP_MAX_SIZE_REACHED;
}

/* A static member comes back under another member id: it gets what the old one had. */
static struct consumer_member *replace(struct consumer_change *c, const struct consumer_joiner *j,
                                       struct consumer_member *old)
{
    struct consumer_set assigned = consumer_set_copy(&old->assigned);
    struct consumer_set target = consumer_set_copy(&old->target);
    struct slice instance = arena_dup(&c->append->arena, old->instance_id);
    consumer_tombstones_member(old, c->append);
    struct slice *topics = ARENA_ARRAY(&c->append->arena, old->topics_count, struct slice);
    size_t count = old->topics_count;
    for (size_t i = 0; i < count; i++) {
        topics[i] = arena_dup(&c->append->arena, old->topics[i]);
    }
    struct slice regex = arena_dup(&c->append->arena, old->regex);
    consumer_member_remove(old);
    struct consumer_joiner own = *j;
    own.instance_id = instance;
    struct consumer_member *m = make(c, &own);
    consumer_member_set_topics(m, topics, count);
    consumer_member_set_regex(m, regex);
    m->target = target;
    consumer_member_set_partitions(m, assigned, (struct consumer_set){0});
    group_append_record(c->append, consumer_record_target(m, &c->append->arena));
    return m;
}

/* A member id belongs to one member: nobody else's instance can have it. */
static enum err check_new_id(const struct consumer_change *c, const struct consumer_joiner *j,
                             struct slice *why)
{
    if (consumer_member_find(c->cg, j->member_id) == NULL) {
        return ERR_NONE;
    }
    *why = slice_str(arena_printf(&c->append->arena,
                                  "Member %.*s is in the group without instance id %.*s.",
                                  SLICE_ARG(j->member_id), SLICE_ARG(j->instance_id)));
    return ERR_INVALID_REQUEST;
}

static enum err admit_static(struct consumer_change *c, const struct consumer_joiner *j,
                             struct consumer_member **out, struct slice *why)
{
    struct consumer_member *m = consumer_member_of_instance(c->cg, j->instance_id);
    if (m == NULL) {
        if (!j->joins) {
            *why = slice_str("Instance id is unknown.");
            return ERR_UNKNOWN_MEMBER_ID;
        }
        TRY(check_new_id(c, j, why));
        TRY(has_room(c, why));
        *out = make(c, j);
        return ERR_NONE;
    }
    if (slice_eq(m->id, j->member_id)) {
        *out = m;
        return check_epoch(c, j, m, why);
    }
    if (!j->joins) {
        *why = slice_str(arena_printf(&c->append->arena,
                                      "Static member %.*s with instance id %.*s was fenced by "
                                      "member %.*s.",
                                      SLICE_ARG(j->member_id), SLICE_ARG(j->instance_id),
                                      SLICE_ARG(m->id)));
        return ERR_FENCED_INSTANCE_ID;
    }
    /* Members of the classic protocol do not say that they leave for a while. */
    if (m->epoch != CONSUMER_EPOCH_STATIC_LEAVE && !j->classic) {
        *why = slice_str(arena_printf(&c->append->arena,
                                      "Static member %.*s with instance id %.*s cannot join the "
                                      "group because the instance id is owned by member %.*s.",
                                      SLICE_ARG(j->member_id), SLICE_ARG(j->instance_id),
                                      SLICE_ARG(m->id)));
        return ERR_UNRELEASED_INSTANCE_ID;
    }
    TRY(check_new_id(c, j, why));
    *out = replace(c, j, m);
    return ERR_NONE;
}

enum err consumer_member_admit(struct consumer_change *c, const struct consumer_joiner *j,
                               struct consumer_member **out, struct slice *why)
{
    if (!slice_is_null(j->instance_id)) {
        return admit_static(c, j, out, why);
    }
    struct consumer_member *m = consumer_member_find(c->cg, j->member_id);
    if (m != NULL) {
        *out = m;
        return check_epoch(c, j, m, why);
    }
    if (!j->joins) {
        *why = slice_str(arena_printf(&c->append->arena,
                                      "Member %.*s is not a member of group "
                                      "%.*s.",
                                      SLICE_ARG(j->member_id), SLICE_ARG(c->cg->group->id)));
        return ERR_UNKNOWN_MEMBER_ID;
    }
    TRY(has_room(c, why));
    *out = make(c, j);
    return ERR_NONE;
}
