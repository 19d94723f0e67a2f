/* Calls of a member and their answers; see member_calls.h. */
#include "cli/member_calls.h"

#include "base/mem.h"
#include "cli/topics.h"

enum {
    JOIN_VERSION = 7,
    SYNC_VERSION = 5,
    HEARTBEAT_VERSION = 4,
    LEAVE_VERSION = 4,
    OFFSET_FETCH_VERSION = 7,
    COMMIT_VERSION = 8,
    METADATA_VERSION = 12,
    ANSWER_MS = 30000,
    /* What the coordinator needs on top of the time that it waits for others. */
    JOIN_GRACE_MS = 5000,
};

#define PROTOCOL_TYPE "consumer"
#define ASSIGNOR "range"

/* ---- sending ---- */

struct call_kind {
    int16_t api;
    int16_t version;
    /* Reads the answer into the member; returns its error. */
    enum err (*take)(struct member *m, const void *response);
};

static enum err take_join(struct member *m, const void *answer);
static enum err take_sync(struct member *m, const void *answer);
static enum err take_offsets(struct member *m, const void *answer);
static enum err take_heartbeat(struct member *m, const void *answer);
static enum err take_commit(struct member *m, const void *answer);
static enum err take_metadata(struct member *m, const void *answer);
static enum err take_leave(struct member *m, const void *answer);

static const struct call_kind kinds[] = {
    [MEMBER_JOIN] = {WIRE_API_JOIN_GROUP, JOIN_VERSION, take_join},
    [MEMBER_SYNC] = {WIRE_API_SYNC_GROUP, SYNC_VERSION, take_sync},
    [MEMBER_OFFSETS] = {WIRE_API_OFFSET_FETCH, OFFSET_FETCH_VERSION, take_offsets},
    [MEMBER_HEARTBEAT] = {WIRE_API_HEARTBEAT, HEARTBEAT_VERSION, take_heartbeat},
    [MEMBER_COMMIT] = {WIRE_API_OFFSET_COMMIT, COMMIT_VERSION, take_commit},
    [MEMBER_METADATA] = {WIRE_API_METADATA, METADATA_VERSION, take_metadata},
    [MEMBER_LEAVE] = {WIRE_API_LEAVE_GROUP, LEAVE_VERSION, take_leave},
};

static void answered(void *arg, enum err e, const void *response, struct net_response *raw)
{
    (void)raw;
    struct member *m = arg;
    m->call = NULL;
    m->is_answered = true;
    m->error = e == ERR_NONE ? kinds[m->sent].take(m, response) : e;
}

static void send(struct member *m, enum member_call call, const void *request, int64_t timeout_ms)
{
    struct net_call_args args = {.api = kinds[call].api,
                                 .version = kinds[call].version,
                                 .request = request,
                                 .timeout_ms = timeout_ms,
                                 .done = answered,
                                 .arg = m};
    ASSERT(m->call == NULL);
    m->sent = call;
    m->is_answered = false;
    m->call = net_call(client_node_net(m->options.cluster->client, m->coordinator), &args);
}

static struct slice id_of(const struct member *m)
{
    return slice_str(m->id == NULL ? "" : m->id);
}

/* ---- joining ---- */

void member_send_join(struct member *m)
{
    struct wire_consumer_protocol_subscription subscription;
    wire_init(&wire_msg_consumer_protocol_subscription, &subscription);
    subscription.topics = (struct slice *)(uintptr_t)m->topics;
    subscription.topics_count = m->topic_count;
    struct buf metadata = {0};
    buf_put_i16(&metadata, 0);
    enum err e = wire_encode(&wire_msg_consumer_protocol_subscription, 0, &subscription, &metadata);
    ASSERT(e == ERR_NONE);
    struct wire_join_group_request_protocols protocol = {slice_str(ASSIGNOR), buf_slice(&metadata)};
    struct wire_join_group_request request;
    wire_init(&wire_msg_join_group_request, &request);
    request.group_id = m->options.group;
    request.session_timeout_ms = (int32_t)m->options.session_timeout_ms;
    request.rebalance_timeout_ms = (int32_t)m->options.rebalance_timeout_ms;
    request.member_id = id_of(m);
    request.protocol_type = slice_str(PROTOCOL_TYPE);
    request.protocols = &protocol;
    request.protocols_count = 1;
    send(m, MEMBER_JOIN, &request, m->options.rebalance_timeout_ms + JOIN_GRACE_MS);
    buf_fini(&metadata);
}

/* The topics that another member subscribes to; none if its bytes are not what they should be. */
static void take_subscription(struct member *m, struct slice metadata, struct range_member *out)
{
    struct reader r = reader_of(arena_dup(&m->joined, metadata));
    int16_t version = (int16_t)min_i64(reader_i16(&r), 3);
    struct wire_consumer_protocol_subscription subscription;
    if (version < 0 || r.bad ||
        wire_decode_prefix(&wire_msg_consumer_protocol_subscription, version, &r, &m->joined,
                           &subscription) != ERR_NONE) {
        return;
    }
    out->topics = subscription.topics;
    out->topic_count = subscription.topics_count;
}

static enum err take_join(struct member *m, const void *answer)
{
    const struct wire_join_group_response *response = answer;
    enum err e = (enum err)response->error_code;
    if (e == ERR_NONE || e == ERR_MEMBER_ID_REQUIRED) {
        mem_free(m->id);
        m->id = slice_dup_str(response->member_id);
    }
    m->generation = response->generation_id;
    m->is_leader = e == ERR_NONE && slice_eq(response->leader, response->member_id);
    m->member_count = m->is_leader ? response->members_count : 0;
    m->members = ARENA_ARRAY(&m->joined, (size_t)m->member_count + 1, struct range_member);
    for (int32_t i = 0; i < m->member_count; i++) {
        const struct wire_join_group_response_members *row = &response->members[i];
        m->members[i].id = arena_dup(&m->joined, row->member_id);
        m->members[i].instance_id = arena_dup(&m->joined, row->group_instance_id);
        take_subscription(m, row->metadata, &m->members[i]);
    }
    return e;
}

/* ---- the leader's part ---- */

bool member_subscribes(const struct member *m, struct slice topic)
{
    return !slice_is_null(topic) && !topics_is_internal(topic) &&
           pattern_matches(m->options.pattern, topic);
}

/* A sum that changes when a topic comes or goes, or gets partitions; the order does not count. */
static uint64_t fingerprint_of(struct slice name, int32_t partition_count)
{
    return map_hash(name) * (uint64_t)(partition_count + 1) | 1;
}

/* Every topic that a member subscribes to, once. */
static struct slice *unite_topics(const struct member *m, struct arena *arena, int32_t *count)
{
    size_t total = 0;
    for (int32_t i = 0; i < m->member_count; i++) {
        total += (size_t)m->members[i].topic_count;
    }
    struct slice *list = ARENA_ARRAY(arena, total + 1, struct slice);
    struct map seen = {0};
    *count = 0;
    for (int32_t i = 0; i < m->member_count; i++) {
        for (int32_t k = 0; k < m->members[i].topic_count; k++) {
            if (map_put(&seen, m->members[i].topics[k], list) == NULL) {
                list[(*count)++] = m->members[i].topics[k];
            }
        }
    }
    map_fini(&seen);
    return list;
}

/* Topics by name are all watched, those of a pattern as far as they match this member's. */
static bool is_watched(const struct member *m, struct slice topic)
{
    return m->options.pattern == NULL || member_subscribes(m, topic);
}

enum err member_assign(struct member *m)
{
    int32_t name_count;
    struct slice *names = unite_topics(m, &m->joined, &name_count);
    TRY(cluster_refresh(m->options.cluster, names, name_count));
    const struct wire_metadata_response *metadata = m->options.cluster->metadata;
    struct range_topic *topics =
        ARENA_ARRAY(&m->joined, (size_t)metadata->topics_count + 1, struct range_topic);
    m->fingerprint = 1;
    m->lacks_topics = false;
    for (int32_t i = 0; i < metadata->topics_count; i++) {
        const struct wire_metadata_response_topics *topic = &metadata->topics[i];
        int32_t count = topic->error_code == 0 ? topic->partitions_count : 0;
        topics[i] = (struct range_topic){topic->name, count};
        m->fingerprint += is_watched(m, topic->name) ? fingerprint_of(topic->name, count) : 0;
        m->lacks_topics = m->lacks_topics || count == 0;
    }
    range_assign(m->members, m->member_count, topics, metadata->topics_count, &m->joined);
    return ERR_NONE;
}

/* Consecutive partitions of a topic stand together. */
static void encode_assignment(const struct group_partitions *partitions, struct arena *arena,
                              struct buf *out)
{
    struct wire_consumer_protocol_assignment assignment;
    wire_init(&wire_msg_consumer_protocol_assignment, &assignment);
    assignment.assigned_partitions = wire_new_array(
        &wire_msg_consumer_protocol_assignment_assigned_partitions, arena, partitions->count);
    struct wire_consumer_protocol_assignment_assigned_partitions *topic = NULL;
    for (int32_t i = 0; i < partitions->count; i++) {
        const struct group_partition *p = &partitions->items[i];
        if (topic == NULL || !slice_eq(topic->topic, p->topic)) {
            topic = &assignment.assigned_partitions[assignment.assigned_partitions_count++];
            topic->topic = p->topic;
            topic->partitions = ARENA_ARRAY(arena, (size_t)(partitions->count - i), int32_t);
        }
        topic->partitions[topic->partitions_count++] = p->partition;
    }
    buf_put_i16(out, 0);
    enum err e = wire_encode(&wire_msg_consumer_protocol_assignment, 0, &assignment, out);
    ASSERT(e == ERR_NONE);
}

void member_send_sync(struct member *m)
{
    struct wire_sync_group_request request;
    wire_init(&wire_msg_sync_group_request, &request);
    request.group_id = m->options.group;
    request.generation_id = m->generation;
    request.member_id = id_of(m);
    request.protocol_type = slice_str(PROTOCOL_TYPE);
    request.protocol_name = slice_str(ASSIGNOR);
    request.assignments =
        wire_new_array(&wire_msg_sync_group_request_assignments, &m->joined, m->member_count);
    for (int32_t i = 0; i < m->member_count; i++) {
        struct buf bytes = {0};
        encode_assignment(&m->members[i].assigned, &m->joined, &bytes);
        struct wire_sync_group_request_assignments *row =
            &request.assignments[request.assignments_count++];
        row->member_id = m->members[i].id;
        row->assignment = arena_dup(&m->joined, buf_slice(&bytes));
        buf_fini(&bytes);
    }
    send(m, MEMBER_SYNC, &request, m->options.rebalance_timeout_ms + JOIN_GRACE_MS);
}

static enum err take_sync(struct member *m, const void *answer)
{
    const struct wire_sync_group_response *response = answer;
    if (response->error_code != 0) {
        return (enum err)response->error_code;
    }
    arena_fini(&m->assigned);
    struct wire_consumer_protocol_assignment given;
    group_assignment(arena_dup(&m->assigned, response->assignment), &m->assigned, &given);
    size_t total = 0;
    for (int32_t i = 0; i < given.assigned_partitions_count; i++) {
        total += (size_t)given.assigned_partitions[i].partitions_count;
    }
    m->partitions = ARENA_ARRAY(&m->assigned, total + 1, struct member_partition);
    m->partition_count = 0;
    for (int32_t i = 0; i < given.assigned_partitions_count; i++) {
        for (int32_t k = 0; k < given.assigned_partitions[i].partitions_count; k++) {
            m->partitions[m->partition_count++] = (struct member_partition){
                given.assigned_partitions[i].topic, given.assigned_partitions[i].partitions[k], -1};
        }
    }
    return ERR_NONE;
}

/* ---- offsets ---- */

static struct member_partition *find(struct member *m, struct slice topic, int32_t partition)
{
    for (int32_t i = 0; i < m->partition_count; i++) {
        if (m->partitions[i].partition == partition && slice_eq(m->partitions[i].topic, topic)) {
            return &m->partitions[i];
        }
    }
    return NULL;
}

void member_send_offset_fetch(struct member *m)
{
    struct arena arena = {0};
    struct wire_offset_fetch_request request;
    wire_init(&wire_msg_offset_fetch_request, &request);
    request.group_id = m->options.group;
    request.require_stable = true; /* what a transaction is about to commit is waited for */
    request.topics =
        wire_new_array(&wire_msg_offset_fetch_request_topics, &arena, m->partition_count);
    for (int32_t i = 0; i < m->partition_count; i++) {
        struct wire_offset_fetch_request_topics *topic = &request.topics[request.topics_count++];
        topic->name = m->partitions[i].topic;
        topic->partition_indexes = &m->partitions[i].partition;
        topic->partition_indexes_count = 1;
    }
    send(m, MEMBER_OFFSETS, &request, ANSWER_MS);
    arena_fini(&arena);
}

static enum err take_offsets(struct member *m, const void *answer)
{
    const struct wire_offset_fetch_response *response = answer;
    enum err e = (enum err)response->error_code;
    for (int32_t i = 0; i < response->topics_count; i++) {
        for (int32_t k = 0; k < response->topics[i].partitions_count; k++) {
            const struct wire_offset_fetch_response_topics_partitions *row =
                &response->topics[i].partitions[k];
            struct member_partition *p = find(m, response->topics[i].name, row->partition_index);
            if (p != NULL) {
                p->committed = row->committed_offset;
            }
            e = e == ERR_NONE ? (enum err)row->error_code : e;
        }
    }
    return e;
}

void member_send_commit(struct member *m)
{
    struct arena arena = {0};
    struct wire_offset_commit_request request;
    wire_init(&wire_msg_offset_commit_request, &request);
    request.group_id = m->options.group;
    request.generation_id_or_member_epoch = m->generation;
    request.member_id = id_of(m);
    request.topics =
        wire_new_array(&wire_msg_offset_commit_request_topics, &arena, m->partition_count);
    for (int32_t i = 0; i < m->partition_count; i++) {
        const struct member_partition *p = &m->partitions[i];
        int64_t position = m->options.position(m->options.arg, p->topic, p->partition);
        if (position < 0) {
            continue;
        }
        struct wire_offset_commit_request_topics *topic = &request.topics[request.topics_count++];
        topic->name = p->topic;
        topic->partitions =
            wire_new_array(&wire_msg_offset_commit_request_topics_partitions, &arena, 1);
        topic->partitions_count = 1;
        topic->partitions->partition_index = p->partition;
        topic->partitions->committed_offset = position;
        topic->partitions->committed_metadata = slice_str("");
    }
    send(m, MEMBER_COMMIT, &request, ANSWER_MS);
    arena_fini(&arena);
}

static enum err take_commit(struct member *m, const void *answer)
{
    (void)m;
    const struct wire_offset_commit_response *response = answer;
    for (int32_t i = 0; i < response->topics_count; i++) {
        for (int32_t k = 0; k < response->topics[i].partitions_count; k++) {
            if (response->topics[i].partitions[k].error_code != 0) {
                return (enum err)response->topics[i].partitions[k].error_code;
            }
        }
    }
    return ERR_NONE;
}

/* ---- staying and leaving ---- */

void member_send_heartbeat(struct member *m)
{
    struct wire_heartbeat_request request;
    wire_init(&wire_msg_heartbeat_request, &request);
    request.group_id = m->options.group;
    request.generation_id = m->generation;
    request.member_id = id_of(m);
    send(m, MEMBER_HEARTBEAT, &request, m->options.session_timeout_ms);
}

static enum err take_heartbeat(struct member *m, const void *answer)
{
    (void)m;
    return (enum err)((const struct wire_heartbeat_response *)answer)->error_code;
}

void member_send_metadata(struct member *m)
{
    struct arena arena = {0};
    struct wire_metadata_request request;
    wire_init(&wire_msg_metadata_request, &request);
    request.allow_auto_topic_creation = false;
    request.topics_count = -1;
    if (m->options.pattern == NULL) {
        int32_t count;
        const struct slice *names = unite_topics(m, &arena, &count);
        request.topics = wire_new_array(&wire_msg_metadata_request_topics, &arena, count);
        request.topics_count = count;
        for (int32_t i = 0; i < count; i++) {
            request.topics[i].name = names[i];
        }
    }
    send(m, MEMBER_METADATA, &request, ANSWER_MS);
    arena_fini(&arena);
}

static enum err take_metadata(struct member *m, const void *answer)
{
    const struct wire_metadata_response *response = answer;
    uint64_t fingerprint = 1;
    for (int32_t i = 0; i < response->topics_count; i++) {
        const struct wire_metadata_response_topics *topic = &response->topics[i];
        if (is_watched(m, topic->name)) {
            int32_t count = topic->error_code == 0 ? topic->partitions_count : 0;
            fingerprint += fingerprint_of(topic->name, count);
        }
    }
    m->is_changed = fingerprint != m->fingerprint;
    return ERR_NONE;
}

void member_send_leave(struct member *m)
{
    struct wire_leave_group_request_members row;
    wire_init(&wire_msg_leave_group_request_members, &row);
    row.member_id = id_of(m);
    row.group_instance_id = SLICE_NULL;
    struct wire_leave_group_request request;
    wire_init(&wire_msg_leave_group_request, &request);
    request.group_id = m->options.group;
    request.members = &row;
    request.members_count = 1;
    send(m, MEMBER_LEAVE, &request, ANSWER_MS);
}

static enum err take_leave(struct member *m, const void *answer)
{
    (void)m;
    return (enum err)((const struct wire_leave_group_response *)answer)->error_code;
}
