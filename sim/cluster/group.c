/* A load: a member of a consumer group (classic protocol) that reads what it is given and commits.
 *
 * The member does one thing at a time: find the coordinator, join, sync, fetch offsets, then
 * heartbeats and commits by turns, until one of them is refused. */
#include <stdio.h>

#include "base/mem.h"
#include "sim/cluster/ledger.h"
#include "sim/cluster/member.h"

enum {
    JOIN_VERSION = 7,
    SYNC_VERSION = 5,
    HEARTBEAT_VERSION = 4,
    COMMIT_VERSION = 8,
    OFFSETS_VERSION = 7,
    PROTOCOL_VERSION = 1,
    SESSION_MS = 8000,
    REBALANCE_MS = 5000,
    JOIN_CALL_MS = 12000, /* a join waits for all members */
};

enum {
    STEP_FIND = SIM_MEMBER_FIND,
    STEP_JOIN = SIM_MEMBER_FOUND,
    STEP_SYNC,
    STEP_OFFSETS,
    STEP_COMMIT,
    STEP_HEARTBEAT
};

struct member {
    struct sim_member common;
    struct buf assignments[SIM_READER_PARTITIONS]; /* the leader's, of members[i] */
    char *members[SIM_READER_PARTITIONS];
    int member_count;
    int32_t given[SIM_READER_PARTITIONS];
    int given_count;
};

static int log_of(const struct sim_member *m, int32_t partition)
{
    const struct sim_client *c = m->worker.client;
    const struct wire_metadata_response_topics *t = sim_client_topic(c, m->reader.topic);
    return t == NULL ? -1
                     : sim_ledger_log(c->world->ledger, t->topic_id, m->reader.topic, partition);
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
    sim_reader_drop_all(&m->common.reader);
    m->given_count = 0;
    if (e == ERR_UNKNOWN_MEMBER_ID) {
        m->common.id[0] = '\0';
    }
    bool here = e == ERR_UNKNOWN_MEMBER_ID || e == ERR_REBALANCE_IN_PROGRESS ||
                e == ERR_ILLEGAL_GENERATION || e == ERR_MEMBER_ID_REQUIRED;
    sim_member_go_on(&m->common, here ? STEP_JOIN : STEP_FIND,
                     e == ERR_MEMBER_ID_REQUIRED ? 1 : SIM_MEMBER_PAUSE_MS);
}

static void ask_within(struct member *m, const struct sim_ask *ask, int64_t timeout_ms)
{
    struct net_client *to = sim_member_coordinator(&m->common);
    if (to == NULL) {
        rejoin(m, ERR_NOT_COORDINATOR);
        return;
    }
    m->common.worker.call = net_call(to, &(struct net_call_args){.api = ask->api,
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

/* ---- joining ---- */

/* All partitions in turn, as the leader of the group sees the topic. */
static void assign(struct member *m, const struct wire_join_group_response *r)
{
    const struct wire_metadata_response_topics *t =
        sim_client_topic(m->common.worker.client, m->common.reader.topic);
    int32_t partitions = t == NULL ? 0 : t->partitions_count;
    for (int32_t i = 0; i < r->members_count && i < SIM_READER_PARTITIONS; i++) {
        int32_t its[SIM_READER_PARTITIONS];
        int32_t count = 0;
        for (int32_t p = i; p < partitions && p < SIM_READER_PARTITIONS; p += r->members_count) {
            its[count++] = p;
        }
        struct wire_consumer_protocol_assignment_assigned_partitions given = {
            .topic = slice_str(m->common.reader.topic),
            .partitions = its,
            .partitions_count = count};
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
    m->common.worker.call = NULL;
    e = e == ERR_NONE ? (enum err)r->error_code : e;
    if (e == ERR_NONE || e == ERR_MEMBER_ID_REQUIRED) {
        snprintf(m->common.id, sizeof m->common.id, "%.*s", SLICE_ARG(r->member_id));
    }
    if (e != ERR_NONE) {
        rejoin(m, e);
        return;
    }
    m->common.epoch = r->generation_id;
    forget_members(m);
    if (slice_eq(r->leader, r->member_id)) {
        assign(m, r);
    }
    sim_member_go_on(&m->common, STEP_SYNC, 0);
}

static void join(struct member *m)
{
    struct slice topic = slice_str(m->common.reader.topic);
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
    request.group_id = slice_str(m->common.group);
    request.session_timeout_ms = SESSION_MS;
    request.rebalance_timeout_ms = REBALANCE_MS;
    request.member_id = slice_str(m->common.id);
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
    m->common.worker.call = NULL;
    e = e == ERR_NONE ? (enum err)r->error_code : e;
    if (e != ERR_NONE || !take_assignment(m, r->assignment)) {
        rejoin(m, e);
        return;
    }
    for (int i = 0; i < m->given_count; i++) {
        int log = log_of(&m->common, m->given[i]);
        if (log >= 0) {
            sim_ledger_assigned(m->common.worker.client->world->ledger,
                                &(struct sim_assignment){.group = m->common.group,
                                                         .log = log,
                                                         .generation = m->common.epoch,
                                                         .member = m->common.id});
        }
    }
    sim_member_go_on(&m->common, m->given_count > 0 ? STEP_OFFSETS : STEP_HEARTBEAT, 0);
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
    request.group_id = slice_str(m->common.group);
    request.generation_id = m->common.epoch;
    request.member_id = slice_str(m->common.id);
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
    const struct wire_offset_fetch_response *r = response;
    m->common.worker.call = NULL;
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
        sim_member_begin_at(&m->common, p->partition_index, p->committed_offset);
    }
    sim_member_go_on(&m->common, STEP_HEARTBEAT, 0);
}

static void fetch_offsets(struct member *m)
{
    struct wire_offset_fetch_request_topics topic = {.name = slice_str(m->common.reader.topic),
                                                     .partition_indexes = m->given,
                                                     .partition_indexes_count = m->given_count};
    struct wire_offset_fetch_request request;
    wire_init(&wire_msg_offset_fetch_request, &request);
    request.group_id = slice_str(m->common.group);
    request.topics = &topic;
    request.topics_count = 1;
    for (int i = 0; i < m->given_count; i++) {
        sim_member_note_floor(&m->common, m->given[i]);
    }
    ask(m, WIRE_API_OFFSET_FETCH, OFFSETS_VERSION, &request, on_offsets);
}

/* ---- working ---- */

static void on_committed(void *arg, enum err e, const void *response, struct net_response *raw)
{
    (void)raw;
    struct member *m = arg;
    m->common.worker.call = NULL;
    e = sim_member_committed(&m->common, e, response);
    if (e != ERR_NONE) {
        rejoin(m, e);
        return;
    }
    sim_member_go_on(&m->common, STEP_HEARTBEAT,
                     sim_load_draw_ms(&m->common.worker, "every", "300ms..1s"));
}

static void commit(struct member *m)
{
    struct sim_commit commit;
    sim_member_make_commit(&m->common, m->given, m->given_count, &commit);
    ask(m, WIRE_API_OFFSET_COMMIT, COMMIT_VERSION, &commit.request, on_committed);
}

static void on_heartbeat(void *arg, enum err e, const void *response, struct net_response *raw)
{
    (void)raw;
    struct member *m = arg;
    const struct wire_heartbeat_response *r = response;
    m->common.worker.call = NULL;
    e = e == ERR_NONE ? (enum err)r->error_code : e;
    if (e != ERR_NONE) {
        rejoin(m, e);
        return;
    }
    sim_member_go_on(&m->common, m->given_count > 0 ? STEP_COMMIT : STEP_HEARTBEAT,
                     sim_load_draw_ms(&m->common.worker, "every", "300ms..1s"));
}

static void heartbeat(struct member *m)
{
    struct wire_heartbeat_request request;
    wire_init(&wire_msg_heartbeat_request, &request);
    request.group_id = slice_str(m->common.group);
    request.generation_id = m->common.epoch;
    request.member_id = slice_str(m->common.id);
    ask(m, WIRE_API_HEARTBEAT, HEARTBEAT_VERSION, &request, on_heartbeat);
}

static void find(struct member *m)
{
    sim_member_find(&m->common);
}

static void run_step(void *arg)
{
    static void (*const steps[])(struct member *) = {
        [STEP_FIND] = find,       [STEP_JOIN] = join,
        [STEP_SYNC] = sync_group, [STEP_OFFSETS] = fetch_offsets,
        [STEP_COMMIT] = commit,   [STEP_HEARTBEAT] = heartbeat,
    };
    struct member *m = arg;
    steps[m->common.step](m);
}

/* ---- life ---- */

static void start(struct sim_worker *w)
{
    struct member *m = (struct member *)w;
    m->common.log_of = log_of;
    sim_member_init(&m->common, "g");
    sim_member_go_on(&m->common, STEP_FIND, 0);
}

static bool is_idle(const struct sim_worker *w)
{
    const struct member *m = (const struct member *)w;
    return m->common.step == STEP_COMMIT || m->common.step == STEP_HEARTBEAT;
}

static void fini(struct sim_worker *w)
{
    struct member *m = (struct member *)w;
    sim_reader_fini(&m->common.reader);
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
