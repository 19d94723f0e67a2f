/* Tombstones of offsets and groups, and the requests that ask for them: DeleteGroups, OffsetDelete,
 * topics that are gone. */
#include "broker/group/consumer/consumer.h"
#include "broker/group/records.h"

static struct group_pending_append *room(struct tombstones *t)
{
    if (t->append != NULL && t->append->effect.records_count >= GROUP_TOMBSTONES_PER_APPEND) {
        group_append_submit(t->s, t->append);
        t->append = NULL;
    }
    if (t->append == NULL) {
        t->append = group_append_new(t->s->shard);
    }
    return t->append;
}

void group_tombstone_offset(struct tombstones *t, const struct group_key *key)
{
    struct group_pending_append *p = room(t);
    group_append_record(p, group_records_offset_tombstone(key, &p->arena));
}

/* All offsets of the group that are there or may be. */
static void tombstone_all_offsets(struct tombstones *t, const struct group *g)
{
    size_t t_at = 0;
    for (const struct group_topic *topic; (topic = map_next(&g->topics, &t_at)) != NULL;) {
        size_t o_at = 0;
        for (const struct group_offset *o; (o = map_next(&topic->offsets, &o_at)) != NULL;) {
            group_tombstone_offset(t, &(struct group_key){.kind = GROUP_KEY_OFFSET,
                                                          .group = g->id,
                                                          .topic = topic->name,
                                                          .partition = o->partition});
        }
    }
}

static void append_group_tombstone(struct step *s, struct group_pending_append *p, struct group *g)
{
    if (g->consumer != NULL) {
        consumer_tombstones_group(g->id, p);
    } else {
        group_append_record(p, group_records_group_tombstone(g->id, &p->arena));
    }
    group_lost_write(g, p); /* behind the one that settles the group's fate */
    group_become(s, g, GROUP_STATE_DEAD);
}

void group_tombstone_group(struct tombstones *t, struct group *g)
{
    append_group_tombstone(t->s, room(t), g);
}

void group_tombstones_finish(struct tombstones *t)
{
    if (t->append != NULL) {
        group_append_submit(t->s, t->append);
        t->append = NULL;
    }
}

/* ---- DeleteGroups ---- */

static enum err may_delete(const struct group *g)
{
    if (g == NULL || g->state == GROUP_STATE_DEAD) {
        return ERR_GROUP_ID_NOT_FOUND;
    }
    return group_has_no_members(g) ? ERR_NONE : ERR_NON_EMPTY_GROUP;
}

/* The answer waits for the last append; those before it are in the log before it. */
void group_delete_groups_handle(struct step *s, const struct group_request *rq)
{
    const struct wire_delete_groups_request *body = rq->body;
    size_t count = (size_t)max_i64(body->groups_names_count, 0);
    struct group_pending_append *answering = group_append_new(s->shard);
    struct wire_delete_groups_response *r =
        ARENA_NEW(&answering->arena, struct wire_delete_groups_response);
    r->results = ARENA_ARRAY(&answering->arena, count, struct wire_delete_groups_response_results);
    struct tombstones t = {.s = s};
    for (size_t i = 0; i < count; i++) {
        struct group *g = group_find(s->shard, body->groups_names[i]);
        enum err error = may_delete(g);
        if (error == ERR_NONE) {
            log_info(s->shard->log, "group", "delete", "group=%.*s offsets of %zu topics",
                     SLICE_ARG(g->id), g->topics.count);
            tombstone_all_offsets(&t, g);
            append_group_tombstone(s, answering, g);
        }
        struct wire_delete_groups_response_results *to = &r->results[r->results_count++];
        to->group_id = arena_dup(&answering->arena, body->groups_names[i]);
        to->error_code = err_wire(error);
    }
    group_tombstones_finish(&t);
    group_append_submit_or_answer(s, rq, answering, r);
}

/* ---- OffsetDelete ---- */

static enum err may_delete_offsets(const struct group *g)
{
    if (g == NULL || g->state == GROUP_STATE_DEAD) {
        return ERR_GROUP_ID_NOT_FOUND;
    }
    /* Of a consumer group one knows what its members read; of others only that they may. */
    return g->state == GROUP_STATE_EMPTY || group_is_consumer(g) ? ERR_NONE : ERR_NON_EMPTY_GROUP;
}

static void delete_topic_offsets(struct group_pending_append *p, const struct group *g,
                                 const struct wire_offset_delete_request_topics *from,
                                 struct wire_offset_delete_response_topics *to)
{
    size_t count = (size_t)max_i64(from->partitions_count, 0);
    bool subscribed = group_subscriptions_include(g, from->name);
    to->name = arena_dup(&p->arena, from->name);
    to->partitions =
        ARENA_ARRAY(&p->arena, count, struct wire_offset_delete_response_topics_partitions);
    for (size_t i = 0; i < count; i++) {
        struct group_key key = {.kind = GROUP_KEY_OFFSET,
                                .group = g->id,
                                .topic = from->name,
                                .partition = from->partitions[i].partition_index};
        struct wire_offset_delete_response_topics_partitions *answer =
            &to->partitions[to->partitions_count++];
        answer->partition_index = key.partition;
        answer->error_code = err_wire(subscribed ? ERR_GROUP_SUBSCRIBED_TO_TOPIC : ERR_NONE);
        const struct group_offset *o = group_offset_find(g, key.topic, key.partition);
        if (!subscribed && o != NULL && group_offset_exists(o)) {
            group_append_record(p, group_records_offset_tombstone(&key, &p->arena));
        }
    }
}

void group_offset_delete_handle(struct step *s, const struct group_request *rq)
{
    const struct wire_offset_delete_request *body = rq->body;
    const struct group *g = group_find(s->shard, body->group_id);
    enum err error = body->group_id.len == 0 ? ERR_INVALID_GROUP_ID : may_delete_offsets(g);
    if (error != ERR_NONE) {
        group_reply_now(s, rq, group_refusal_body(rq, error, &s->out->arena));
        return;
    }
    struct group_pending_append *p = group_append_new(s->shard);
    struct wire_offset_delete_response *r =
        ARENA_NEW(&p->arena, struct wire_offset_delete_response);
    size_t count = (size_t)max_i64(body->topics_count, 0);
    r->topics = ARENA_ARRAY(&p->arena, count, struct wire_offset_delete_response_topics);
    for (size_t i = 0; i < count; i++) {
        delete_topic_offsets(p, g, &body->topics[i], &r->topics[r->topics_count++]);
    }
    group_append_submit_or_answer(s, rq, p, r);
}

/* ---- topics that are gone ---- */

void group_shard_topics_deleted(struct group_shard *shard, const struct slice *topics,
                                size_t topics_count, struct group_time now,
                                struct group_effects *out)
{
    if (shard->phase != GROUP_SHARD_ACTIVE) {
        return;
    }
    struct step s = {shard, now, out};
    struct tombstones t = {.s = &s};
    size_t at = 0;
    for (const struct group *g; (g = map_next(&shard->groups, &at)) != NULL;) {
        for (size_t i = 0; i < topics_count; i++) {
            const struct group_topic *topic = map_get(&g->topics, topics[i]);
            size_t o_at = 0;
            const struct group_offset *o;
            while (topic != NULL && (o = map_next(&topic->offsets, &o_at)) != NULL) {
                group_tombstone_offset(&t, &(struct group_key){.kind = GROUP_KEY_OFFSET,
                                                               .group = g->id,
                                                               .topic = topic->name,
                                                               .partition = o->partition});
            }
        }
    }
    group_tombstones_finish(&t);
}
