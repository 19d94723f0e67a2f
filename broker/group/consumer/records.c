/* The records of consumer groups, in Kafka's bytes (key versions 3 to 8). */
#include "broker/group/records.h"

#include "broker/group/consumer/consumer.h"
#include "wire/wire.h"

enum {
    KEY_GROUP = 3,
    KEY_MEMBER = 5,
    KEY_TARGET_EPOCH = 6,
    KEY_TARGET = 7,
    KEY_CURRENT = 8,
    VALUE = 0,
};

static struct slice group_key(const struct wire_message *m, int16_t version, struct slice group_id,
                              struct arena *arena)
{
    struct wire_consumer_group_metadata_key k = {group_id};
    return group_records_encode(m, version, &k, arena);
}

static struct slice member_key(const struct wire_message *m, int16_t version,
                               const struct consumer_member *member, struct arena *arena)
{
    struct wire_consumer_group_member_metadata_key k = {member->group->group->id, member->id};
    return group_records_encode(m, version, &k, arena);
}

/* The three structures of topic and partitions have the same fields; so they are one type here. */
#define TOPICS wire_consumer_group_target_assignment_member_value_topic_partitions

_Static_assert(
    sizeof(struct TOPICS) ==
        sizeof(struct wire_consumer_group_current_member_assignment_value_assigned_partitions),
    "one form");

static struct TOPICS *topics_of(const struct consumer_set *set, struct arena *arena,
                                int32_t *topics_count)
{
    struct TOPICS *topics = ARENA_ARRAY(arena, set->count, struct TOPICS);
    int32_t count = 0;
    size_t run;
    for (size_t at = 0; at < set->count; at += run) {
        run = consumer_set_run(set, at);
        int32_t *partitions = ARENA_ARRAY(arena, run, int32_t);
        for (size_t i = 0; i < run; i++) {
            partitions[i] = (int32_t)set->at[at + i].index;
        }
        topics[count++] = (struct TOPICS){set->at[at].topic, partitions, (int32_t)run};
    }
    *topics_count = count;
    return topics;
}

struct group_record consumer_record_group(const struct consumer_group *cg, struct arena *arena)
{
    struct wire_consumer_group_metadata_value v = {cg->epoch, cg->metadata_hash};
    return (struct group_record){
        group_key(&wire_msg_consumer_group_metadata_key, KEY_GROUP, cg->group->id, arena),
        group_records_encode(&wire_msg_consumer_group_metadata_value, VALUE, &v, arena)};
}

static void fill_classic(const struct consumer_member *m,
                         struct wire_consumer_group_member_metadata_value *v, struct arena *arena)
{
    struct wire_consumer_group_member_metadata_value_classic_member_metadata *classic =
        ARENA_NEW(arena, struct wire_consumer_group_member_metadata_value_classic_member_metadata);
    size_t count = m->classic_protocols->count;
    classic->session_timeout_ms = m->classic_session_timeout_ms;
    classic->supported_protocols = ARENA_ARRAY(
        arena, count,
        struct
        wire_consumer_group_member_metadata_value_classic_member_metadata_supported_protocols);
    for (size_t i = 0; i < count; i++) {
        classic->supported_protocols[i].name = m->classic_protocols->at[i].name;
        classic->supported_protocols[i].metadata = m->classic_protocols->at[i].metadata;
    }
    classic->supported_protocols_count = (int32_t)count;
    v->classic_member_metadata = classic;
}

struct group_record consumer_record_member(const struct consumer_member *m, struct arena *arena)
{
    struct wire_consumer_group_member_metadata_value v = {
        .instance_id = m->instance_id,
        .rack_id = m->rack_id,
        .client_id = m->client_id,
        .client_host = m->client_host,
        .subscribed_topic_names = m->topics,
        .subscribed_topic_names_count = (int32_t)m->topics_count,
        .subscribed_topic_regex = m->regex,
        .rebalance_timeout_ms = m->rebalance_timeout_ms,
        .server_assignor = m->assignor,
    };
    if (m->classic_protocols != NULL) {
        fill_classic(m, &v, arena);
    }
    return (struct group_record){
        member_key(&wire_msg_consumer_group_member_metadata_key, KEY_MEMBER, m, arena),
        group_records_encode(&wire_msg_consumer_group_member_metadata_value, VALUE, &v, arena)};
}

struct group_record consumer_record_target_epoch(const struct consumer_group *cg,
                                                 struct arena *arena)
{
    struct wire_consumer_group_target_assignment_metadata_value v = {cg->target_epoch};
    return (struct group_record){
        group_key(&wire_msg_consumer_group_target_assignment_metadata_key, KEY_TARGET_EPOCH,
                  cg->group->id, arena),
        group_records_encode(&wire_msg_consumer_group_target_assignment_metadata_value, VALUE, &v,
                             arena)};
}

struct group_record consumer_record_target(const struct consumer_member *m, struct arena *arena)
{
    struct wire_consumer_group_target_assignment_member_value v = {0};
    v.topic_partitions = topics_of(&m->target, arena, &v.topic_partitions_count);
    return (struct group_record){
        member_key(&wire_msg_consumer_group_target_assignment_member_key, KEY_TARGET, m, arena),
        group_records_encode(&wire_msg_consumer_group_target_assignment_member_value, VALUE, &v,
                             arena)};
}

struct group_record consumer_record_current(const struct consumer_member *m, struct arena *arena)
{
    struct wire_consumer_group_current_member_assignment_value v = {
        .member_epoch = m->epoch,
        .previous_member_epoch = m->previous_epoch,
        .state = (int8_t)m->state,
    };
    v.assigned_partitions = (void *)topics_of(&m->assigned, arena, &v.assigned_partitions_count);
    v.partitions_pending_revocation =
        (void *)topics_of(&m->revoking, arena, &v.partitions_pending_revocation_count);
    return (struct group_record){
        member_key(&wire_msg_consumer_group_current_member_assignment_key, KEY_CURRENT, m, arena),
        group_records_encode(&wire_msg_consumer_group_current_member_assignment_value, VALUE, &v,
                             arena)};
}

void consumer_tombstones_member(const struct consumer_member *m, struct group_pending_append *p)
{
    struct arena *arena = &p->arena;
    struct slice keys[] = {
        member_key(&wire_msg_consumer_group_current_member_assignment_key, KEY_CURRENT, m, arena),
        member_key(&wire_msg_consumer_group_target_assignment_member_key, KEY_TARGET, m, arena),
        member_key(&wire_msg_consumer_group_member_metadata_key, KEY_MEMBER, m, arena),
    };
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        group_append_record(p, (struct group_record){keys[i], SLICE_NULL});
    }
}

void consumer_tombstones_group(struct slice group_id, struct group_pending_append *p)
{
    struct slice keys[] = {
        group_key(&wire_msg_consumer_group_target_assignment_metadata_key, KEY_TARGET_EPOCH,
                  group_id, &p->arena),
        group_key(&wire_msg_consumer_group_metadata_key, KEY_GROUP, group_id, &p->arena),
    };
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        group_append_record(p, (struct group_record){keys[i], SLICE_NULL});
    }
}

void consumer_record_all(const struct consumer_group *cg, struct group_pending_append *p)
{
    struct arena *arena = &p->arena;
    size_t at = 0;
    for (const struct consumer_member *m; (m = map_next(&cg->members, &at)) != NULL;) {
        group_append_record(p, consumer_record_member(m, arena));
    }
    group_append_record(p, consumer_record_group(cg, arena));
    at = 0;
    for (const struct consumer_member *m; (m = map_next(&cg->members, &at)) != NULL;) {
        group_append_record(p, consumer_record_target(m, arena));
    }
    group_append_record(p, consumer_record_target_epoch(cg, arena));
    at = 0;
    for (const struct consumer_member *m; (m = map_next(&cg->members, &at)) != NULL;) {
        group_append_record(p, consumer_record_current(m, arena));
    }
}
