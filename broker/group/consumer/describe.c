/* ConsumerGroupDescribe. */
#include "broker/group/consumer/consumer.h"
#include "metadata/image.h"

#define GROUP struct wire_consumer_group_describe_response_groups
#define MEMBER struct wire_consumer_group_describe_response_groups_members
#define TOPIC \
    struct wire_consumer_group_describe_response_groups_members_assignment_topic_partitions

enum { MEMBER_TYPE_CLASSIC = 0, MEMBER_TYPE_CONSUMER = 1 };

#define TARGET_TOPIC \
    struct wire_consumer_group_describe_response_groups_members_target_assignment_topic_partitions

/* The assignment and the target have structures of the same form. */
_Static_assert(sizeof(TOPIC) == sizeof(TARGET_TOPIC), "one form");

static TOPIC *describe_set(const struct consumer_set *set, const struct metadata_image *image,
                           struct arena *arena, int32_t *count)
{
    TOPIC *topics = ARENA_ARRAY(arena, set->count, TOPIC);
    *count = 0;
    size_t run;
    for (size_t at = 0; at < set->count; at += run) {
        run = consumer_set_run(set, at);
        const struct metadata_topic *t =
            image == NULL ? NULL : metadata_topic_by_id(image, set->at[at].topic);
        if (t == NULL) {
            continue; /* deleted, and not noticed by the group yet */
        }
        TOPIC *to = &topics[(*count)++];
        to->topic_id = t->id;
        to->topic_name = arena_dup(arena, t->name);
        to->partitions = ARENA_ARRAY(arena, run, int32_t);
        for (size_t i = 0; i < run; i++) {
            to->partitions[to->partitions_count++] = (int32_t)set->at[at + i].index;
        }
    }
    return topics;
}

static void describe_member(const struct consumer_member *m, struct arena *arena, MEMBER *to)
{
    const struct metadata_image *image = m->group->group->shard->image;
    to->member_id = arena_dup(arena, m->id);
    to->instance_id = arena_dup(arena, m->instance_id);
    to->rack_id = arena_dup(arena, m->rack_id);
    to->member_epoch = m->epoch;
    to->client_id = arena_dup(arena, m->client_id);
    to->client_host = arena_dup(arena, m->client_host);
    to->subscribed_topic_names = ARENA_ARRAY(arena, m->topics_count, struct slice);
    for (size_t i = 0; i < m->topics_count; i++) {
        to->subscribed_topic_names[i] = arena_dup(arena, m->topics[i]);
    }
    to->subscribed_topic_names_count = (int32_t)m->topics_count;
    to->subscribed_topic_regex = arena_dup(arena, m->regex);
    to->assignment.topic_partitions =
        describe_set(&m->assigned, image, arena, &to->assignment.topic_partitions_count);
    to->target_assignment.topic_partitions = (void *)describe_set(
        &m->target, image, arena, &to->target_assignment.topic_partitions_count);
    to->member_type = m->classic_protocols != NULL ? MEMBER_TYPE_CLASSIC : MEMBER_TYPE_CONSUMER;
}

void group_shard_describe_consumer(const struct group_shard *shard, struct slice group_id,
                                   struct arena *arena, GROUP *out)
{
    *out = (GROUP){.group_id = arena_dup(arena, group_id),
                   .error_message = SLICE_NULL,
                   .group_state = slice_str(""),
                   .assignor_name = slice_str(""),
                   .authorized_operations = INT32_MIN};
    if (shard->phase != GROUP_SHARD_ACTIVE) {
        out->error_code = err_wire(group_shard_phase_error(shard));
        return;
    }
    const struct group *g = group_find(shard, group_id);
    if (g == NULL || g->state == GROUP_STATE_DEAD || g->consumer == NULL) {
        out->error_code = err_wire(ERR_GROUP_ID_NOT_FOUND);
        out->group_state = slice_str("Dead");
        out->error_message = slice_str(arena_printf(
            arena, g == NULL ? "Group %.*s not found." : "Group %.*s is not a consumer group.",
            SLICE_ARG(group_id)));
        return;
    }
    const struct consumer_group *cg = g->consumer;
    out->group_state = slice_str(consumer_group_state(cg));
    out->group_epoch = cg->epoch;
    out->assignment_epoch = cg->target_epoch;
    out->assignor_name = arena_dup(arena, consumer_group_assignor(cg));
    out->members = ARENA_ARRAY(arena, cg->members.count, MEMBER);
    size_t at = 0;
    for (const struct consumer_member *m; (m = map_next(&cg->members, &at)) != NULL;) {
        describe_member(m, arena, &out->members[out->members_count++]);
    }
}
