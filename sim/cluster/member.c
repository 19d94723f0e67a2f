/* Members of groups; see member.h. */
#include "sim/cluster/member.h"

#include "sim/cluster/ledger.h"

enum { FIND_VERSION = 3 };

void sim_member_init(struct sim_member *m, const char *group)
{
    const struct sim_load *load = m->worker.load;
    m->group = sim_load_str(load, "group", group);
    m->coordinator = -1;
    sim_reader_init(&m->reader, m->worker.client, sim_load_str(load, "topic", "a"));
}

void sim_member_go_on(struct sim_member *m, int step, int64_t delay_ms)
{
    m->step = step;
    net_timer_set(&m->worker.timer, delay_ms);
}

/* ---- the coordinator ---- */

struct net_client *sim_member_coordinator(struct sim_member *m)
{
    return sim_client_node(m->worker.client, m->coordinator);
}

static void on_found(void *arg, enum err e, const void *response, struct net_response *raw)
{
    (void)raw;
    struct sim_member *m = arg;
    const struct wire_find_coordinator_response *r = response;
    m->worker.call = NULL;
    if (e != ERR_NONE || r->error_code != 0) {
        sim_member_go_on(m, SIM_MEMBER_FIND, SIM_MEMBER_PAUSE_MS);
        return;
    }
    m->coordinator = r->node_id;
    sim_member_go_on(m, SIM_MEMBER_FOUND, 0);
}

void sim_member_find(struct sim_member *m)
{
    struct wire_find_coordinator_request request;
    wire_init(&wire_msg_find_coordinator_request, &request);
    request.key = slice_str(m->group);
    m->worker.call = sim_client_ask(
        sim_client_any(m->worker.client),
        &(struct sim_ask){WIRE_API_FIND_COORDINATOR, FIND_VERSION, &request, on_found, m});
}

/* ---- offsets ---- */

void sim_member_note_floor(struct sim_member *m, int32_t partition)
{
    m->floors[partition] = sim_ledger_committed_floor(m->worker.client->world->ledger, m->group,
                                                      m->log_of(m, partition));
}

void sim_member_begin_at(struct sim_member *m, int32_t partition, int64_t committed)
{
    int64_t floor = m->floors[partition];
    if (committed < floor && floor > 0) {
        sim_fail(m->worker.client->world, "LostCommit: a committed offset went back",
                 "group %s %s-%d: %" PRId64 " was committed, %" PRId64 " is there", m->group,
                 m->reader.topic, partition, floor, committed);
    }
    sim_reader_want(&m->reader, partition, max_i64(committed, 0));
}

void sim_member_make_commit(struct sim_member *m, const int32_t *partitions, int32_t count,
                            struct sim_commit *out)
{
    for (int32_t i = 0; i < count; i++) {
        struct wire_offset_commit_request_topics_partitions *p = &out->partitions[i];
        wire_init(&wire_msg_offset_commit_request_topics_partitions, p);
        m->committing[partitions[i]] = m->reader.partitions[partitions[i]].position;
        p->partition_index = partitions[i];
        p->committed_offset = m->committing[partitions[i]];
    }
    out->topic = (struct wire_offset_commit_request_topics){.name = slice_str(m->reader.topic),
                                                            .partitions = out->partitions,
                                                            .partitions_count = count};
    wire_init(&wire_msg_offset_commit_request, &out->request);
    out->request.group_id = slice_str(m->group);
    out->request.generation_id_or_member_epoch = m->epoch;
    out->request.member_id = slice_str(m->id);
    out->request.topics = &out->topic;
    out->request.topics_count = 1;
}

enum err sim_member_committed(struct sim_member *m, enum err e,
                              const struct wire_offset_commit_response *r)
{
    for (int32_t i = 0; e == ERR_NONE && i < r->topics[0].partitions_count; i++) {
        const struct wire_offset_commit_response_topics_partitions *p = &r->topics[0].partitions[i];
        e = (enum err)p->error_code;
        if (e == ERR_NONE) {
            sim_ledger_committed(m->worker.client->world->ledger, m->group,
                                 m->log_of(m, p->partition_index),
                                 m->committing[p->partition_index]);
        }
    }
    return e;
}
