/* A load: a member of a consumer group of the new protocol (KIP-848), which reads what the
 * coordinator gives it and commits.
 *
 * The member does one thing at a time: a heartbeat that says what it is subscribed to and what it
 * owns; the offsets of what it was given; a commit. A partition that is taken away is dropped
 * before the next heartbeat gives it back. */
#include <stdio.h>

#include "base/mem.h"
#include "sim/cluster/ledger.h"
#include "sim/cluster/member.h"

enum {
    HEARTBEAT_VERSION = 1,
    OFFSETS_VERSION = 9,
    COMMIT_VERSION = 9,
    REBALANCE_MS = 5000,
};

enum { STEP_FIND = SIM_MEMBER_FIND, STEP_HEARTBEAT = SIM_MEMBER_FOUND, STEP_OFFSETS, STEP_COMMIT };

struct member {
    struct sim_member common; /* its epoch is 0: not in the group */
    struct uuid topic_id;
    bool owned[SIM_READER_PARTITIONS];
    bool fresh[SIM_READER_PARTITIONS]; /* owned; where to begin is not known yet */
};

static int log_of(const struct sim_member *m, int32_t partition)
{
    return sim_ledger_log(m->worker.client->world->ledger, ((const struct member *)m)->topic_id,
                          m->reader.topic, partition);
}

static void drop_all(struct member *m)
{
    sim_reader_drop_all(&m->common.reader);
    memset(m->owned, 0, sizeof m->owned);
    memset(m->fresh, 0, sizeof m->fresh);
}

static void after_error(struct member *m, enum err e)
{
    if (e == ERR_UNKNOWN_MEMBER_ID || e == ERR_FENCED_MEMBER_EPOCH) {
        drop_all(m);
        m->common.epoch = 0;
    }
    bool here =
        e == ERR_UNKNOWN_MEMBER_ID || e == ERR_FENCED_MEMBER_EPOCH || e == ERR_STALE_MEMBER_EPOCH;
    sim_member_go_on(&m->common, here ? STEP_HEARTBEAT : STEP_FIND, SIM_MEMBER_PAUSE_MS);
}

static void ask(struct member *m, const struct sim_ask *ask)
{
    struct net_client *to = sim_member_coordinator(&m->common);
    if (to == NULL) {
        sim_member_go_on(&m->common, STEP_FIND, SIM_MEMBER_PAUSE_MS);
        return;
    }
    m->common.worker.call = sim_client_ask(to, ask);
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
    sim_ledger_assigned(m->common.worker.client->world->ledger,
                        &(struct sim_assignment){.group = m->common.group,
                                                 .log = log_of(&m->common, partition),
                                                 .generation = m->common.epoch,
                                                 .member = m->common.id});
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
            m->common.reader.partitions[i].wanted = false;
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
    m->common.worker.call = NULL;
    e = e == ERR_NONE ? (enum err)r->error_code : e;
    if (e != ERR_NONE) {
        after_error(m, e);
        return;
    }
    m->common.epoch = r->member_epoch;
    if (r->assignment != NULL) {
        take_assignment(m, r->assignment);
    }
    int64_t delay_ms = sim_load_draw_ms(&m->common.worker, "every", "200ms..1s");
    sim_member_go_on(&m->common,
                     has_fresh(m)               ? STEP_OFFSETS
                     : list_owned(m, owned) > 0 ? STEP_COMMIT
                                                : STEP_HEARTBEAT,
                     has_fresh(m) ? 0 : delay_ms);
}

static void heartbeat(struct member *m)
{
    int32_t owned[SIM_READER_PARTITIONS];
    struct slice topic = slice_str(m->common.reader.topic);
    struct wire_consumer_group_heartbeat_request_topic_partitions its = {
        .topic_id = m->topic_id, .partitions = owned, .partitions_count = list_owned(m, owned)};
    struct wire_consumer_group_heartbeat_request request;
    wire_init(&wire_msg_consumer_group_heartbeat_request, &request);
    request.group_id = slice_str(m->common.group);
    request.member_id = slice_str(m->common.id);
    request.member_epoch = m->common.epoch;
    request.rebalance_timeout_ms = REBALANCE_MS;
    request.subscribed_topic_names = &topic;
    request.subscribed_topic_names_count = 1;
    request.topic_partitions = &its;
    request.topic_partitions_count = its.partitions_count > 0 ? 1 : 0;
    ask(m, &(struct sim_ask){WIRE_API_CONSUMER_GROUP_HEARTBEAT, HEARTBEAT_VERSION, &request,
                             on_heartbeat, m});
}

/* ---- offsets ---- */

static void on_offsets(void *arg, enum err e, const void *response, struct net_response *raw)
{
    (void)raw;
    struct member *m = arg;
    const struct wire_offset_fetch_response *r = response;
    m->common.worker.call = NULL;
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
        m->fresh[p->partition_index] = false;
        sim_member_begin_at(&m->common, p->partition_index, p->committed_offset);
    }
    sim_member_go_on(&m->common, STEP_HEARTBEAT, 0);
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
    topic.name = slice_str(m->common.reader.topic);
    topic.partition_indexes = wanted;
    for (int32_t i = 0; i < SIM_READER_PARTITIONS; i++) {
        if (m->fresh[i]) {
            wanted[topic.partition_indexes_count++] = i;
            sim_member_note_floor(&m->common, i);
        }
    }
    group.group_id = slice_str(m->common.group);
    group.member_id = slice_str(m->common.id);
    group.member_epoch = m->common.epoch;
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
    m->common.worker.call = NULL;
    const struct wire_offset_commit_response *r = response;
    e = sim_member_committed(&m->common, e, r);
    if (e != ERR_NONE) {
        after_error(m, e);
    } else {
        sim_tally(m->common.worker.client->world->report, "load KIP-848 offsets committed",
                  (uint64_t)r->topics[0].partitions_count);
        sim_member_go_on(&m->common, STEP_HEARTBEAT,
                         sim_load_draw_ms(&m->common.worker, "every", "200ms..1s"));
    }
}

static void commit(struct member *m)
{
    int32_t owned[SIM_READER_PARTITIONS];
    struct sim_commit commit;
    sim_member_make_commit(&m->common, owned, list_owned(m, owned), &commit);
    ask(m, &(struct sim_ask){WIRE_API_OFFSET_COMMIT, COMMIT_VERSION, &commit.request, on_committed,
                             m});
}

/* ---- life ---- */

static void find(struct member *m)
{
    sim_member_find(&m->common);
}

static void run_step(void *arg)
{
    static void (*const steps[])(struct member *) = {
        [STEP_FIND] = find,
        [STEP_HEARTBEAT] = heartbeat,
        [STEP_OFFSETS] = fetch_offsets,
        [STEP_COMMIT] = commit,
    };
    struct member *m = arg;
    steps[m->common.step](m);
}

static void start(struct sim_worker *w)
{
    struct member *m = (struct member *)w;
    snprintf(m->common.id, sizeof m->common.id, "member-%016" PRIx64, prng_next(&w->client->prng));
    m->common.log_of = log_of;
    sim_member_init(&m->common, "c");
    sim_member_go_on(&m->common, STEP_FIND, 0);
}

static bool is_idle(const struct sim_worker *w)
{
    const struct member *m = (const struct member *)w;
    return m->common.epoch > 0 &&
           (m->common.step == STEP_COMMIT || m->common.step == STEP_HEARTBEAT);
}

static void fini(struct sim_worker *w)
{
    sim_reader_fini(&((struct member *)w)->common.reader);
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
