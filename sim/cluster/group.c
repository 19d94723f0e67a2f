/* A load: a member of a consumer group (classic protocol) that reads what it is given and commits.
 *
 * The member does one thing at a time: find the coordinator, join, sync, fetch offsets, then
 * heartbeats and commits by turns, until one of them is refused. */
#include <stdio.h>

#include "base/mem.h"
#include "sim/cluster/ledger.h"
#include "sim/cluster/load.h"
#include "sim/cluster/reader.h"

enum {
    FIND_VERSION = 3,
    JOIN_VERSION = 7,
    SYNC_VERSION = 5,
    HEARTBEAT_VERSION = 4,
    COMMIT_VERSION = 8,
    OFFSETS_VERSION = 7,
    PROTOCOL_VERSION = 1,
    SESSION_MS = 8000,
    REBALANCE_MS = 5000,
    JOIN_CALL_MS = 12000, /* a join waits for all members */
    PAUSE_MS = 100,
    MEMBER_ID_MAX = 128,
};

enum step { STEP_FIND, STEP_JOIN, STEP_SYNC, STEP_OFFSETS, STEP_COMMIT, STEP_HEARTBEAT };

struct member {
    struct sim_worker worker;
    struct sim_reader reader;
    const char *group;
    enum step step;
    int32_t coordinator;
    char id[MEMBER_ID_MAX];
    int32_t generation;
    struct buf assignments[SIM_READER_PARTITIONS]; /* the leader's, of members[i] */
    char *members[SIM_READER_PARTITIONS];
    int member_count;
    int32_t given[SIM_READER_PARTITIONS];
    int given_count;
    int64_t floors[SIM_READER_PARTITIONS];     /* by partition: committed when it was asked for */
    int64_t committing[SIM_READER_PARTITIONS]; /* by partition */
};

static void run_step(void *arg);

static void go_on(struct member *m, enum step step, int64_t delay_ms)
{
    m->step = step;
    net_timer_set(&m->worker.timer, delay_ms);
}

static int log_of(struct member *m, int32_t partition)
{
    const struct wire_metadata_response_topics *t =
        sim_client_topic(m->worker.client, m->reader.topic);
    return t == NULL ? -1
                     : sim_ledger_log(m->worker.client->world->ledger, t->topic_id, m->reader.topic,
                                      partition);
}

static void forget_members(struct member *m)
{
    for (int i = 0; i < m->member_count; i++) {
        mem_free(m->members[i]);
        buf_fini(&m->assignments[i]);
    }
    m->member_count = 0;
}

/* Out of the group, or not yet in it. */
static void rejoin(struct member *m, enum err e)
{
    sim_reader_drop_all(&m->reader);
    m->given_count = 0;
    if (e == ERR_UNKNOWN_MEMBER_ID) {
        m->id[0] = '\0';
    }
    bool here = e == ERR_UNKNOWN_MEMBER_ID || e == ERR_REBALANCE_IN_PROGRESS ||
                e == ERR_ILLEGAL_GENERATION || e == ERR_MEMBER_ID_REQUIRED;
    go_on(m, here ? STEP_JOIN : STEP_FIND, e == ERR_MEMBER_ID_REQUIRED ? 1 : PAUSE_MS);
}

static void ask_within(struct member *m, const struct sim_ask *ask, int64_t timeout_ms)
{
    struct sim_client *c = m->worker.client;
    struct net_client *to = ask->api == WIRE_API_FIND_COORDINATOR
                                ? sim_client_any(c)
                                : sim_client_node(c, m->coordinator);
    if (to == NULL) {
        rejoin(m, ERR_NOT_COORDINATOR);
        return;
    }
    m->worker.call = net_call(to, &(struct net_call_args){.api = ask->api,
                                                          .version = ask->version,
                                                          .request = ask->request,
                                                          .timeout_ms = timeout_ms,
                                                          .done = ask->done,
                                                          .arg = m});
}

static void ask(struct member *m, int16_t api, int16_t version, const void *request,
                net_call_done *done)
{
    ask_within(m, &(struct sim_ask){api, version, request, done, m}, SIM_CALL_MS);
}

/* ---- finding ---- */

static void on_found(void *arg, enum err e, const void *response, struct net_response *raw)
{
    (void)raw;
    struct member *m = arg;
    const struct wire_find_coordinator_response *r = response;
    m->worker.call = NULL;
    if (e != ERR_NONE || r->error_code != 0) {
        go_on(m, STEP_FIND, PAUSE_MS);
        return;
    }
    m->coordinator = r->node_id;
    go_on(m, STEP_JOIN, 0);
}

static void find(struct member *m)
{
    struct wire_find_coordinator_request request;
    wire_init(&wire_msg_find_coordinator_request, &request);
    request.key = slice_str(m->group);
    ask(m, WIRE_API_FIND_COORDINATOR, FIND_VERSION, &request, on_found);
}

/* ---- joining ---- */

/* All partitions in turn, as the leader of the group sees the topic. */
static void assign(struct member *m, const struct wire_join_group_response *r)
{
    const struct wire_metadata_response_topics *t =
        sim_client_topic(m->worker.client, m->reader.topic);
    int32_t partitions = t == NULL ? 0 : t->partitions_count;
    for (int32_t i = 0; i < r->members_count && i < SIM_READER_PARTITIONS; i++) {
        int32_t its[SIM_READER_PARTITIONS];
        int32_t count = 0;
        for (int32_t p = i; p < partitions && p < SIM_READER_PARTITIONS; p += r->members_count) {
            its[count++] = p;
        }
        struct wire_consumer_protocol_assignment_assigned_partitions given = {
            .topic = slice_str(m->reader.topic), .partitions = its, .partitions_count = count};
        struct wire_consumer_protocol_assignment assignment = {
            .assigned_partitions = &given, .assigned_partitions_count = 1, .user_data = SLICE_NULL};
        struct buf *out = &m->assignments[m->member_count];
        *out = (struct buf){0};
        buf_put_i16(out, PROTOCOL_VERSION);
        enum err e =
            wire_encode(&wire_msg_consumer_protocol_assignment, PROTOCOL_VERSION, &assignment, out);
        ASSERT(e == ERR_NONE);
        m->members[m->member_count++] = slice_dup_str(r->members[i].member_id);
    }
}

static void on_joined(void *arg, enum err e, const void *response, struct net_response *raw)
{
    (void)raw;
    struct member *m = arg;
    const struct wire_join_group_response *r = response;
    m->worker.call = NULL;
    e = e == ERR_NONE ? (enum err)r->error_code : e;
    if (e == ERR_NONE || e == ERR_MEMBER_ID_REQUIRED) {
        snprintf(m->id, sizeof m->id, "%.*s", SLICE_ARG(r->member_id));
    }
    if (e != ERR_NONE) {
        rejoin(m, e);
        return;
    }
    m->generation = r->generation_id;
    forget_members(m);
    if (slice_eq(r->leader, r->member_id)) {
        assign(m, r);
    }
    go_on(m, STEP_SYNC, 0);
}

static void join(struct member *m)
{
    struct slice topic = slice_str(m->reader.topic);
    struct wire_consumer_protocol_subscription subscription;
    wire_init(&wire_msg_consumer_protocol_subscription, &subscription);
    subscription.topics = &topic;
    subscription.topics_count = 1;
    struct buf metadata = {0};
    buf_put_i16(&metadata, PROTOCOL_VERSION);
    enum err e = wire_encode(&wire_msg_consumer_protocol_subscription, PROTOCOL_VERSION,
                             &subscription, &metadata);
    ASSERT(e == ERR_NONE);
    struct wire_join_group_request_protocols protocol = {slice_str("range"), buf_slice(&metadata)};
    struct wire_join_group_request request;
    wire_init(&wire_msg_join_group_request, &request);
    request.group_id = slice_str(m->group);
    request.session_timeout_ms = SESSION_MS;
    request.rebalance_timeout_ms = REBALANCE_MS;
    request.member_id = slice_str(m->id);
    request.protocol_type = slice_str("consumer");
    request.protocols = &protocol;
    request.protocols_count = 1;
    ask_within(m, &(struct sim_ask){WIRE_API_JOIN_GROUP, JOIN_VERSION, &request, on_joined, m},
               JOIN_CALL_MS);
    buf_fini(&metadata);
}

/* ---- syncing ---- */

static bool take_assignment(struct member *m, struct slice bytes)
{
    struct arena arena = {0};
    struct wire_consumer_protocol_assignment assignment;
    bool ok = bytes.len > 2 &&
              wire_decode(&wire_msg_consumer_protocol_assignment, (int16_t)load_u16(bytes.data),
                          slice_of(bytes.data + 2, bytes.len - 2), &arena, &assignment) == ERR_NONE;
    m->given_count = 0;
    for (int32_t i = 0; ok && i < assignment.assigned_partitions_count; i++) {
        const struct wire_consumer_protocol_assignment_assigned_partitions *a =
            &assignment.assigned_partitions[i];
        for (int32_t k = 0; k < a->partitions_count && m->given_count < SIM_READER_PARTITIONS;
             k++) {
            ASSERT(a->partitions[k] >= 0);
            ASSERT(a->partitions[k] < SIM_READER_PARTITIONS);
            m->given[m->given_count++] = a->partitions[k];
        }
    }
    arena_fini(&arena);
    return ok;
}

static void on_synced(void *arg, enum err e, const void *response, struct net_response *raw)
{
    (void)raw;
    struct member *m = arg;
    const struct wire_sync_group_response *r = response;
    m->worker.call = NULL;
    e = e == ERR_NONE ? (enum err)r->error_code : e;
    if (e != ERR_NONE || !take_assignment(m, r->assignment)) {
        rejoin(m, e);
        return;
    }
    for (int i = 0; i < m->given_count; i++) {
        int log = log_of(m, m->given[i]);
        if (log >= 0) {
            sim_ledger_assigned(
                m->worker.client->world->ledger,
                &(struct sim_assignment){
                    .group = m->group, .log = log, .generation = m->generation, .member = m->id});
        }
    }
    go_on(m, m->given_count > 0 ? STEP_OFFSETS : STEP_HEARTBEAT, 0);
}

static void sync_group(struct member *m)
{
    struct wire_sync_group_request_assignments assignments[SIM_READER_PARTITIONS];
    struct wire_sync_group_request request;
    wire_init(&wire_msg_sync_group_request, &request);
    for (int i = 0; i < m->member_count; i++) {
        assignments[i] = (struct wire_sync_group_request_assignments){
            slice_str(m->members[i]), buf_slice(&m->assignments[i])};
    }
    request.group_id = slice_str(m->group);
    request.generation_id = m->generation;
    request.member_id = slice_str(m->id);
    request.protocol_type = slice_str("consumer");
    request.protocol_name = slice_str("range");
    request.assignments = assignments;
    request.assignments_count = m->member_count;
    ask_within(m, &(struct sim_ask){WIRE_API_SYNC_GROUP, SYNC_VERSION, &request, on_synced, m},
               JOIN_CALL_MS);
}

/* ---- offsets ---- */

static void on_offsets(void *arg, enum err e, const void *response, struct net_response *raw)
{
    (void)raw;
    struct member *m = arg;
    struct sim_world *world = m->worker.client->world;
    const struct wire_offset_fetch_response *r = response;
    m->worker.call = NULL;
    e = e == ERR_NONE ? (enum err)r->error_code : e;
    if (e != ERR_NONE || r->topics_count != 1) {
        rejoin(m, e == ERR_NONE ? ERR_NOT_COORDINATOR : e);
        return;
    }
    for (int32_t i = 0; i < r->topics[0].partitions_count; i++) {
        const struct wire_offset_fetch_response_topics_partitions *p = &r->topics[0].partitions[i];
        if (p->error_code != 0) {
            rejoin(m, (enum err)p->error_code);
            return;
        }
        int64_t floor = m->floors[p->partition_index];
        if (p->committed_offset < floor && floor > 0) {
            sim_fail(world, "LostCommit: a committed offset went back",
                     "group %s %s-%d: %" PRId64 " was committed, %" PRId64 " is there", m->group,
                     m->reader.topic, p->partition_index, floor, p->committed_offset);
        }
        sim_reader_want(&m->reader, p->partition_index, max_i64(p->committed_offset, 0));
    }
    go_on(m, STEP_HEARTBEAT, 0);
}

static void fetch_offsets(struct member *m)
{
    struct wire_offset_fetch_request_topics topic = {.name = slice_str(m->reader.topic),
                                                     .partition_indexes = m->given,
                                                     .partition_indexes_count = m->given_count};
    struct wire_offset_fetch_request request;
    wire_init(&wire_msg_offset_fetch_request, &request);
    request.group_id = slice_str(m->group);
    request.topics = &topic;
    request.topics_count = 1;
    for (int i = 0; i < m->given_count; i++) {
        m->floors[m->given[i]] = sim_ledger_committed_floor(m->worker.client->world->ledger,
                                                            m->group, log_of(m, m->given[i]));
    }
    ask(m, WIRE_API_OFFSET_FETCH, OFFSETS_VERSION, &request, on_offsets);
}

/* ---- working ---- */

static void on_committed(void *arg, enum err e, const void *response, struct net_response *raw)
{
    (void)raw;
    struct member *m = arg;
    const struct wire_offset_commit_response *r = response;
    m->worker.call = NULL;
    for (int32_t i = 0; e == ERR_NONE && i < r->topics[0].partitions_count; i++) {
        const struct wire_offset_commit_response_topics_partitions *p = &r->topics[0].partitions[i];
        e = (enum err)p->error_code;
        if (e == ERR_NONE) {
            sim_ledger_committed(m->worker.client->world->ledger, m->group,
                                 log_of(m, p->partition_index), m->committing[p->partition_index]);
        }
    }
    if (e != ERR_NONE) {
        rejoin(m, e);
        return;
    }
    go_on(m, STEP_HEARTBEAT, sim_load_draw_ms(&m->worker, "every", "300ms..1s"));
}

static void commit(struct member *m)
{
    struct wire_offset_commit_request_topics_partitions partitions[SIM_READER_PARTITIONS];
    struct wire_offset_commit_request_topics topic = {.name = slice_str(m->reader.topic),
                                                      .partitions = partitions};
    for (int i = 0; i < m->given_count; i++) {
        wire_init(&wire_msg_offset_commit_request_topics_partitions, &partitions[i]);
        int32_t index = m->given[i];
        m->committing[index] = m->reader.partitions[index].position;
        partitions[i].partition_index = index;
        partitions[i].committed_offset = m->committing[index];
    }
    topic.partitions_count = m->given_count;
    struct wire_offset_commit_request request;
    wire_init(&wire_msg_offset_commit_request, &request);
    request.group_id = slice_str(m->group);
    request.generation_id_or_member_epoch = m->generation;
    request.member_id = slice_str(m->id);
    request.topics = &topic;
    request.topics_count = 1;
    ask(m, WIRE_API_OFFSET_COMMIT, COMMIT_VERSION, &request, on_committed);
}

static void on_heartbeat(void *arg, enum err e, const void *response, struct net_response *raw)
{
    (void)raw;
    struct member *m = arg;
    const struct wire_heartbeat_response *r = response;
    m->worker.call = NULL;
    e = e == ERR_NONE ? (enum err)r->error_code : e;
    if (e != ERR_NONE) {
        rejoin(m, e);
        return;
    }
    go_on(m, m->given_count > 0 ? STEP_COMMIT : STEP_HEARTBEAT,
          sim_load_draw_ms(&m->worker, "every", "300ms..1s"));
}

static void heartbeat(struct member *m)
{
    struct wire_heartbeat_request request;
    wire_init(&wire_msg_heartbeat_request, &request);
    request.group_id = slice_str(m->group);
    request.generation_id = m->generation;
    request.member_id = slice_str(m->id);
    ask(m, WIRE_API_HEARTBEAT, HEARTBEAT_VERSION, &request, on_heartbeat);
}

static void run_step(void *arg)
{
    static void (*const steps[])(struct member *) = {
        [STEP_FIND] = find,       [STEP_JOIN] = join,
        [STEP_SYNC] = sync_group, [STEP_OFFSETS] = fetch_offsets,
        [STEP_COMMIT] = commit,   [STEP_HEARTBEAT] = heartbeat,
    };
    struct member *m = arg;
    steps[m->step](m);
}

/* ---- life ---- */

static void start(struct sim_worker *w)
{
    struct member *m = (struct member *)w;
    m->group = sim_load_str(w->load, "group", "g");
    m->coordinator = -1;
    sim_reader_init(&m->reader, w->client, sim_load_str(w->load, "topic", "a"));
    go_on(m, STEP_FIND, 0);
}

static bool is_idle(const struct sim_worker *w)
{
    const struct member *m = (const struct member *)w;
    return m->step == STEP_COMMIT || m->step == STEP_HEARTBEAT;
}

static void fini(struct sim_worker *w)
{
    struct member *m = (struct member *)w;
    sim_reader_fini(&m->reader);
    forget_members(m);
}

static const char *const options[] = {"topic", "group", "every", NULL};

const struct sim_load_kind sim_load_group = {
    .name = "group",
    .options = options,
    .size = sizeof(struct member),
    .start = start,
    .tick = run_step,
    .is_idle = is_idle,
    .fini = fini,
};
