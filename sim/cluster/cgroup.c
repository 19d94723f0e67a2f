/* A load: a member of a consumer group of the new protocol (KIP-848), which reads what the
 * coordinator gives it and commits.
 *
 * The member does one thing at a time: a heartbeat that says what it is subscribed to and what it
 * owns; the offsets of what it was given; a commit. A partition that is taken away is dropped
 * before the next heartbeat gives it back. */
#include <stdio.h>

#include "base/mem.h"
#include "sim/cluster/ledger.h"
#include "sim/cluster/load.h"
#include "sim/cluster/reader.h"

enum {
    FIND_VERSION = 3,
    HEARTBEAT_VERSION = 1,
    OFFSETS_VERSION = 9,
    COMMIT_VERSION = 9,
    REBALANCE_MS = 5000,
    PAUSE_MS = 100,
    ID_MAX = 40,
};

enum step { STEP_FIND, STEP_HEARTBEAT, STEP_OFFSETS, STEP_COMMIT };

struct member {
    struct sim_worker worker;
    struct sim_reader reader;
    const char *group;
    enum step step;
    int32_t coordinator;
    char id[ID_MAX];
    int32_t epoch; /* 0: not in the group */
    struct uuid topic_id;
    bool owned[SIM_READER_PARTITIONS];
    bool fresh[SIM_READER_PARTITIONS]; /* owned; where to begin is not known yet */
    int64_t floors[SIM_READER_PARTITIONS];
    int64_t committing[SIM_READER_PARTITIONS];
};

static void go_on(struct member *m, enum step step, int64_t delay_ms)
{
    m->step = step;
    net_timer_set(&m->worker.timer, delay_ms);
}

static int log_of(struct member *m, int32_t partition)
{
    return sim_ledger_log(m->worker.client->world->ledger, m->topic_id, m->reader.topic, partition);
}

static void drop_all(struct member *m)
{
    sim_reader_drop_all(&m->reader);
    memset(m->owned, 0, sizeof m->owned);
    memset(m->fresh, 0, sizeof m->fresh);
}

static void after_error(struct member *m, enum err e)
{
    if (e == ERR_UNKNOWN_MEMBER_ID || e == ERR_FENCED_MEMBER_EPOCH) {
        drop_all(m);
        m->epoch = 0;
    }
    bool here =
        e == ERR_UNKNOWN_MEMBER_ID || e == ERR_FENCED_MEMBER_EPOCH || e == ERR_STALE_MEMBER_EPOCH;
    go_on(m, here ? STEP_HEARTBEAT : STEP_FIND, PAUSE_MS);
}

static void ask(struct member *m, const struct sim_ask *ask)
{
    struct net_client *to = ask->api == WIRE_API_FIND_COORDINATOR
                                ? sim_client_any(m->worker.client)
                                : sim_client_node(m->worker.client, m->coordinator);
    if (to == NULL) {
        go_on(m, STEP_FIND, PAUSE_MS);
        return;
    }
    m->worker.call = sim_client_ask(to, ask);
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
    go_on(m, STEP_HEARTBEAT, 0);
}

static void find(struct member *m)
{
    struct wire_find_coordinator_request request;
    wire_init(&wire_msg_find_coordinator_request, &request);
    request.key = slice_str(m->group);
    ask(m, &(struct sim_ask){WIRE_API_FIND_COORDINATOR, FIND_VERSION, &request, on_found, m});
}

/* ---- heartbeats ---- */

static int32_t list_owned(const struct member *m, int32_t out[SIM_READER_PARTITIONS])
{
    int32_t count = 0;
    for (int32_t i = 0; i < SIM_READER_PARTITIONS; i++) {
        if (m->owned[i]) {
            out[count++] = i;
        }
    }
    return count;
}

static void own(struct member *m, int32_t partition)
{
    if (!m->owned[partition]) {
        m->owned[partition] = true;
        m->fresh[partition] = true;
    }
    sim_ledger_assigned(m->worker.client->world->ledger,
                        &(struct sim_assignment){.group = m->group,
                                                 .log = log_of(m, partition),
                                                 .generation = m->epoch,
                                                 .member = m->id});
}

static void take_assignment(struct member *m,
                            const struct wire_consumer_group_heartbeat_response_assignment *a)
{
    bool given[SIM_READER_PARTITIONS] = {false};
    for (int32_t t = 0; t < a->topic_partitions_count; t++) {
        m->topic_id = a->topic_partitions[t].topic_id;
        for (int32_t i = 0; i < a->topic_partitions[t].partitions_count; i++) {
            int32_t partition = a->topic_partitions[t].partitions[i];
            ASSERT(partition >= 0);
            ASSERT(partition < SIM_READER_PARTITIONS);
            given[partition] = true;
        }
    }
    for (int32_t i = 0; i < SIM_READER_PARTITIONS; i++) {
        if (given[i]) {
            own(m, i);
        } else if (m->owned[i]) {
            m->owned[i] = false;
            m->fresh[i] = false;
            m->reader.partitions[i].wanted = false;
        }
    }
}

static bool has_fresh(const struct member *m)
{
    for (int32_t i = 0; i < SIM_READER_PARTITIONS; i++) {
        if (m->fresh[i]) {
            return true;
        }
    }
    return false;
}

static void on_heartbeat(void *arg, enum err e, const void *response, struct net_response *raw)
{
    (void)raw;
    struct member *m = arg;
    const struct wire_consumer_group_heartbeat_response *r = response;
    int32_t owned[SIM_READER_PARTITIONS];
    m->worker.call = NULL;
    e = e == ERR_NONE ? (enum err)r->error_code : e;
    if (e != ERR_NONE) {
        after_error(m, e);
        return;
    }
    m->epoch = r->member_epoch;
    if (r->assignment != NULL) {
        take_assignment(m, r->assignment);
    }
    int64_t delay_ms = sim_load_draw_ms(&m->worker, "every", "200ms..1s");
    go_on(m,
          has_fresh(m)               ? STEP_OFFSETS
          : list_owned(m, owned) > 0 ? STEP_COMMIT
                                     : STEP_HEARTBEAT,
          has_fresh(m) ? 0 : delay_ms);
}

static void heartbeat(struct member *m)
{
    int32_t owned[SIM_READER_PARTITIONS];
    struct slice topic = slice_str(m->reader.topic);
    struct wire_consumer_group_heartbeat_request_topic_partitions its = {
        .topic_id = m->topic_id, .partitions = owned, .partitions_count = list_owned(m, owned)};
    struct wire_consumer_group_heartbeat_request request;
    wire_init(&wire_msg_consumer_group_heartbeat_request, &request);
    request.group_id = slice_str(m->group);
    request.member_id = slice_str(m->id);
    request.member_epoch = m->epoch;
    request.rebalance_timeout_ms = REBALANCE_MS;
    request.subscribed_topic_names = &topic;
    request.subscribed_topic_names_count = 1;
    request.topic_partitions = &its;
    request.topic_partitions_count = its.partitions_count > 0 ? 1 : 0;
    ask(m, &(struct sim_ask){WIRE_API_CONSUMER_GROUP_HEARTBEAT, HEARTBEAT_VERSION, &request,
                             on_heartbeat, m});
}

/* ---- offsets ---- */

static void begin_at(struct member *m,
                     const struct wire_offset_fetch_response_groups_topics_partitions *p)
{
    int64_t floor = m->floors[p->partition_index];
    if (p->committed_offset < floor && floor > 0) {
        sim_fail(m->worker.client->world, "LostCommit: a committed offset went back",
                 "group %s %s-%d: %" PRId64 " was committed, %" PRId64 " is there", m->group,
                 m->reader.topic, p->partition_index, floor, p->committed_offset);
    }
    m->fresh[p->partition_index] = false;
    sim_reader_want(&m->reader, p->partition_index, max_i64(p->committed_offset, 0));
}

static void on_offsets(void *arg, enum err e, const void *response, struct net_response *raw)
{
    (void)raw;
    struct member *m = arg;
    const struct wire_offset_fetch_response *r = response;
    m->worker.call = NULL;
    e = e == ERR_NONE ? (enum err)r->groups[0].error_code : e;
    if (e != ERR_NONE || r->groups[0].topics_count != 1) {
        after_error(m, e);
        return;
    }
    for (int32_t i = 0; i < r->groups[0].topics[0].partitions_count; i++) {
        const struct wire_offset_fetch_response_groups_topics_partitions *p =
            &r->groups[0].topics[0].partitions[i];
        if (p->error_code != 0) {
            after_error(m, (enum err)p->error_code);
            return;
        }
        begin_at(m, p);
    }
    go_on(m, STEP_HEARTBEAT, 0);
}

static void fetch_offsets(struct member *m)
{
    int32_t wanted[SIM_READER_PARTITIONS];
    struct wire_offset_fetch_request_groups_topics topic;
    struct wire_offset_fetch_request_groups group;
    struct wire_offset_fetch_request request;
    wire_init(&wire_msg_offset_fetch_request_groups_topics, &topic);
    wire_init(&wire_msg_offset_fetch_request_groups, &group);
    wire_init(&wire_msg_offset_fetch_request, &request);
    topic.name = slice_str(m->reader.topic);
    topic.partition_indexes = wanted;
    for (int32_t i = 0; i < SIM_READER_PARTITIONS; i++) {
        if (m->fresh[i]) {
            wanted[topic.partition_indexes_count++] = i;
            m->floors[i] =
                sim_ledger_committed_floor(m->worker.client->world->ledger, m->group, log_of(m, i));
        }
    }
    group.group_id = slice_str(m->group);
    group.member_id = slice_str(m->id);
    group.member_epoch = m->epoch;
    group.topics = &topic;
    group.topics_count = 1;
    request.groups = &group;
    request.groups_count = 1;
    ask(m, &(struct sim_ask){WIRE_API_OFFSET_FETCH, OFFSETS_VERSION, &request, on_offsets, m});
}

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
            sim_tally(m->worker.client->world->report, "load KIP-848 offsets committed", 1);
        }
    }
    if (e != ERR_NONE) {
        after_error(m, e);
    } else {
        go_on(m, STEP_HEARTBEAT, sim_load_draw_ms(&m->worker, "every", "200ms..1s"));
    }
}

static void commit(struct member *m)
{
    int32_t owned[SIM_READER_PARTITIONS];
    struct wire_offset_commit_request_topics_partitions partitions[SIM_READER_PARTITIONS];
    struct wire_offset_commit_request_topics topic = {.name = slice_str(m->reader.topic),
                                                      .partitions = partitions};
    topic.partitions_count = list_owned(m, owned);
    for (int32_t i = 0; i < topic.partitions_count; i++) {
        wire_init(&wire_msg_offset_commit_request_topics_partitions, &partitions[i]);
        m->committing[owned[i]] = m->reader.partitions[owned[i]].position;
        partitions[i].partition_index = owned[i];
        partitions[i].committed_offset = m->committing[owned[i]];
    }
    struct wire_offset_commit_request request;
    wire_init(&wire_msg_offset_commit_request, &request);
    request.group_id = slice_str(m->group);
    request.generation_id_or_member_epoch = m->epoch;
    request.member_id = slice_str(m->id);
    request.topics = &topic;
    request.topics_count = 1;
    ask(m, &(struct sim_ask){WIRE_API_OFFSET_COMMIT, COMMIT_VERSION, &request, on_committed, m});
}

/* ---- life ---- */

static void run_step(void *arg)
{
    static void (*const steps[])(struct member *) = {
        [STEP_FIND] = find,
        [STEP_HEARTBEAT] = heartbeat,
        [STEP_OFFSETS] = fetch_offsets,
        [STEP_COMMIT] = commit,
    };
    struct member *m = arg;
    steps[m->step](m);
}

static void start(struct sim_worker *w)
{
    struct member *m = (struct member *)w;
    m->group = sim_load_str(w->load, "group", "c");
    m->coordinator = -1;
    snprintf(m->id, sizeof m->id, "member-%016" PRIx64, prng_next(&w->client->prng));
    sim_reader_init(&m->reader, w->client, sim_load_str(w->load, "topic", "a"));
    go_on(m, STEP_FIND, 0);
}

static bool is_idle(const struct sim_worker *w)
{
    const struct member *m = (const struct member *)w;
    return m->epoch > 0 && (m->step == STEP_COMMIT || m->step == STEP_HEARTBEAT);
}

static void fini(struct sim_worker *w)
{
    sim_reader_fini(&((struct member *)w)->reader);
}

static const char *const options[] = {"topic", "group", "every", NULL};

const struct sim_load_kind sim_load_cgroup = {
    .name = "cgroup",
    .options = options,
    .size = sizeof(struct member),
    .start = start,
    .tick = run_step,
    .is_idle = is_idle,
    .fini = fini,
};
