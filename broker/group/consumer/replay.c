/* Records of consumer groups become state, at load. After compaction they come in any order between
 * keys, so that each makes what it is about. */
#include "broker/group/consumer/consumer.h"
#include "broker/group/records.h"
#include "wire/wire.h"

struct replay {
    struct group_shard *shard;
    struct arena arena;
    struct slice group_id;
    struct slice member_id; /* null: a record of the whole group */
    struct slice value;     /* null: a tombstone */
};

static struct consumer_group *find_or_create(struct replay *r)
{
    struct group *g = group_find_or_create(r->shard, r->group_id);
    if (g->consumer == NULL && g->members.count == 0) {
        consumer_group_new(g);
    }
    return g->consumer; /* NULL: the group is of the classic protocol */
}

static struct consumer_group *find(const struct replay *r)
{
    const struct group *g = group_find(r->shard, r->group_id);
    return g == NULL ? NULL : g->consumer;
}

static struct consumer_member *find_or_create_member(struct replay *r)
{
    struct consumer_group *cg = find_or_create(r);
    if (cg == NULL) {
        return NULL;
    }
    struct consumer_member *m = consumer_member_find(cg, r->member_id);
    if (m == NULL) {
        m = consumer_member_new(r->member_id);
        consumer_member_add(cg, m);
    }
    return m;
}

static struct consumer_member *find_member(const struct replay *r)
{
    const struct consumer_group *cg = find(r);
    return cg == NULL ? NULL : consumer_member_find(cg, r->member_id);
}

/* ---- the group ---- */

static enum err replay_group(struct replay *r)
{
    if (slice_is_null(r->value)) {
        struct consumer_group *cg = find(r);
        if (cg != NULL) {
            struct group *g = cg->group;
            consumer_group_free(cg);
            g->persisted = false;
            group_maybe_forget(g);
        }
        return ERR_NONE;
    }
    struct wire_consumer_group_metadata_value v;
    TRY(group_records_decode(&wire_msg_consumer_group_metadata_value, r->value, &r->arena, &v));
    struct consumer_group *cg = find_or_create(r);
    if (cg == NULL || v.epoch < 0) {
        return ERR_CORRUPT;
    }
    cg->epoch = v.epoch;
    cg->metadata_hash = v.metadata_hash;
    cg->group->persisted = true;
    return ERR_NONE;
}

static enum err replay_target_epoch(struct replay *r)
{
    if (slice_is_null(r->value)) {
        if (find(r) != NULL) {
            find(r)->target_epoch = 0;
        }
        return ERR_NONE;
    }
    struct wire_consumer_group_target_assignment_metadata_value v;
    TRY(group_records_decode(&wire_msg_consumer_group_target_assignment_metadata_value, r->value,
                             &r->arena, &v));
    struct consumer_group *cg = find_or_create(r);
    if (cg == NULL) {
        return ERR_CORRUPT;
    }
    cg->target_epoch = v.assignment_epoch;
    return ERR_NONE;
}

/* ---- its members ---- */

static void set_instance(struct consumer_member *m, struct slice instance_id)
{
    struct map *statics = &m->group->statics;
    if (!slice_is_null(m->instance_id) && map_get(statics, m->instance_id) == m) {
        map_remove(statics, m->instance_id);
    }
    consumer_member_set_text(&m->instance_id, instance_id);
    if (!slice_is_null(m->instance_id)) {
        map_put(statics, m->instance_id, m);
    }
}

static void
set_classic(struct consumer_member *m,
            const struct wire_consumer_group_member_metadata_value_classic_member_metadata *classic)
{
    mem_free(m->classic_protocols);
    m->classic_protocols = NULL;
    if (classic == NULL || classic->supported_protocols_count == 0) {
        return;
    }
    struct wire_join_group_request join = {0};
    join.protocols_count = classic->supported_protocols_count;
    join.protocols = mem_zalloc((size_t)join.protocols_count, sizeof *join.protocols);
    for (int32_t i = 0; i < join.protocols_count; i++) {
        join.protocols[i].name = classic->supported_protocols[i].name;
        join.protocols[i].metadata = classic->supported_protocols[i].metadata;
    }
    m->classic_protocols = group_protocols_copy(&join);
    m->classic_session_timeout_ms = classic->session_timeout_ms;
    mem_free(join.protocols);
}

static enum err replay_member(struct replay *r)
{
    struct consumer_member *m;
    if (slice_is_null(r->value)) {
        m = find_member(r);
        if (m != NULL) {
            consumer_member_remove(m);
        }
        return ERR_NONE;
    }
    struct wire_consumer_group_member_metadata_value v;
    TRY(group_records_decode(&wire_msg_consumer_group_member_metadata_value, r->value, &r->arena,
                             &v));
    m = find_or_create_member(r);
    if (m == NULL) {
        return ERR_CORRUPT;
    }
    set_instance(m, v.instance_id);
    consumer_member_set_text(&m->rack_id, v.rack_id);
    consumer_member_set_text(&m->client_id, v.client_id);
    consumer_member_set_text(&m->client_host, v.client_host);
    consumer_member_set_text(&m->assignor, v.server_assignor);
    consumer_member_set_topics(m, v.subscribed_topic_names, (size_t)v.subscribed_topic_names_count);
    consumer_member_set_regex(m, v.subscribed_topic_regex.len == 0 ? SLICE_NULL
                                                                   : v.subscribed_topic_regex);
    m->rebalance_timeout_ms = v.rebalance_timeout_ms;
    set_classic(m, v.classic_member_metadata);
    return ERR_NONE;
}

/* The structures of the three lists are alike (records.c). */
#define TOPICS wire_consumer_group_target_assignment_member_value_topic_partitions

static struct consumer_set read_set(const void *list, int32_t count)
{
    const struct TOPICS *topics = list;
    struct consumer_set set = {0};
    for (int32_t i = 0; i < count; i++) {
        for (int32_t k = 0; k < topics[i].partitions_count; k++) {
            consumer_set_add(&set, topics[i].topic_id, topics[i].partitions[k]);
        }
    }
    consumer_set_sort(&set);
    return set;
}

static enum err replay_target(struct replay *r)
{
    struct wire_consumer_group_target_assignment_member_value v = {0};
    struct consumer_member *m;
    if (slice_is_null(r->value)) {
        m = find_member(r);
    } else {
        TRY(group_records_decode(&wire_msg_consumer_group_target_assignment_member_value, r->value,
                                 &r->arena, &v));
        m = find_or_create_member(r);
    }
    if (m == NULL) {
        return slice_is_null(r->value) ? ERR_NONE : ERR_CORRUPT;
    }
    consumer_set_free(&m->target);
    m->target = read_set(v.topic_partitions, v.topic_partitions_count);
    return ERR_NONE;
}

static enum consumer_member_state read_state(int8_t state)
{
    switch (state) {
    case CONSUMER_MEMBER_STABLE:
    case CONSUMER_MEMBER_UNREVOKED:
    case CONSUMER_MEMBER_UNRELEASED:
        return (enum consumer_member_state)state;
    default:
        return CONSUMER_MEMBER_UNKNOWN;
    }
}

static enum err replay_current(struct replay *r)
{
    struct wire_consumer_group_current_member_assignment_value v = {
        .member_epoch = CONSUMER_EPOCH_LEAVE, .previous_member_epoch = CONSUMER_EPOCH_LEAVE};
    struct consumer_member *m;
    if (slice_is_null(r->value)) {
        m = find_member(r);
    } else {
        TRY(group_records_decode(&wire_msg_consumer_group_current_member_assignment_value, r->value,
                                 &r->arena, &v));
        m = find_or_create_member(r);
    }
    if (m == NULL) {
        return slice_is_null(r->value) ? ERR_NONE : ERR_CORRUPT;
    }
    m->epoch = v.member_epoch;
    m->previous_epoch = v.previous_member_epoch;
    m->state = read_state(v.state);
    consumer_member_set_partitions(
        m, read_set(v.assigned_partitions, v.assigned_partitions_count),
        read_set(v.partitions_pending_revocation, v.partitions_pending_revocation_count));
    return ERR_NONE;
}

static const struct {
    int16_t type;
    bool of_member;
    enum err (*replay)(struct replay *r);
} KINDS[] = {
    {3, false, replay_group}, {5, true, replay_member},  {6, false, replay_target_epoch},
    {7, true, replay_target}, {8, true, replay_current},
};

/* Other types (4: what topics looked like, 16: what expressions meant) say nothing that is not
 * found out anew. */
enum err consumer_replay(struct group_shard *shard, int16_t type, struct group_record record)
{
    for (size_t i = 0; i < ARRAY_LEN(KINDS); i++) {
        if (KINDS[i].type != type) {
            continue;
        }
        struct replay r = {.shard = shard, .member_id = SLICE_NULL, .value = record.value};
        struct wire_consumer_group_member_metadata_key key = {0};
        const struct wire_message *form = KINDS[i].of_member
                                              ? &wire_msg_consumer_group_member_metadata_key
                                              : &wire_msg_consumer_group_metadata_key;
        enum err error = group_records_decode_key(form, record.key, &r.arena, &key);
        if (error == ERR_NONE) {
            r.group_id = key.group_id;
            r.member_id = key.member_id;
            error = KINDS[i].replay(&r);
        }
        arena_fini(&r.arena);
        return error;
    }
    return ERR_NONE;
}
