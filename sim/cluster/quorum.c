/* A load: an operator of the metadata quorum, through its admin APIs (KIP-853).
 *
 * Every now and then it asks for the quorum's state. A voter whose directory is gone is removed, a
 * controller that is no voter is added; when all is well it may remove a voter, to add it again.
 * In the end every controller must be a voter. */
#include <stdio.h>

#include "base/mem.h"
#include "sim/cluster/check.h"
#include "sim/cluster/load.h"

enum { DESCRIBE_VERSION = 2, CHANGE_VERSION = 0, CALL_MS = 15000, VOTERS_MIN = 3, ALIVE_MS = 4000 };

struct keeper {
    struct sim_worker worker;
    const char *change; /* what is being asked for; NULL: the state */
    bool whole;         /* every controller was a voter, as the last answer said */
};

static void ask(struct keeper *k, int16_t api, int16_t version, const void *request,
                net_call_done *done)
{
    k->worker.call =
        net_call(sim_client_any(k->worker.client), &(struct net_call_args){.api = api,
                                                                           .version = version,
                                                                           .request = request,
                                                                           .timeout_ms = CALL_MS,
                                                                           .done = done,
                                                                           .arg = k});
}

static void rest(struct keeper *k)
{
    net_timer_set(&k->worker.timer, sim_load_draw_ms(&k->worker, "every", "500ms..3s"));
}

/* ---- changes ---- */

static void on_changed(void *arg, enum err e, const void *response, struct net_response *raw)
{
    (void)raw;
    struct keeper *k = arg;
    /* Both answers begin alike. */
    const struct wire_add_raft_voter_response *r = response;
    struct sim_world *world = k->worker.client->world;
    k->worker.call = NULL;
    e = e == ERR_NONE ? (enum err)r->error_code : e;
    if (e == ERR_NONE) {
        sim_tally(world->report, k->change, 1);
    }
    sim_net_trace(world->net, "%s: %s", k->change, err_name(e));
    rest(k);
}

static void add_voter(struct keeper *k, int32_t id, struct uuid directory)
{
    char host[SIM_NAME_MAX];
    struct wire_add_raft_voter_request_listeners listener = {slice_str("CONTROLLER"), SLICE_NULL,
                                                             SIM_CONTROLLER_PORT};
    struct wire_add_raft_voter_request request;
    snprintf(host, sizeof host, "controller-%d", id - SIM_CONTROLLER_ID_FIRST + 1);
    listener.host = slice_str(host);
    wire_init(&wire_msg_add_raft_voter_request, &request);
    request.cluster_id = slice_str(SIM_CLUSTER_ID);
    request.timeout_ms = CALL_MS / 2;
    request.voter_id = id;
    request.voter_directory_id = directory;
    request.listeners = &listener;
    request.listeners_count = 1;
    k->change = "voters added";
    ask(k, WIRE_API_ADD_RAFT_VOTER, CHANGE_VERSION, &request, on_changed);
}

static void remove_voter(struct keeper *k, int32_t id, struct uuid directory)
{
    struct wire_remove_raft_voter_request request;
    wire_init(&wire_msg_remove_raft_voter_request, &request);
    request.cluster_id = slice_str(SIM_CLUSTER_ID);
    request.voter_id = id;
    request.voter_directory_id = directory;
    k->change = "voters removed";
    k->whole = false;
    ask(k, WIRE_API_REMOVE_RAFT_VOTER, CHANGE_VERSION, &request, on_changed);
}

/* ---- what to do ---- */

/* Would the quorum stand another voter less? */
static bool may_remove(struct keeper *k, int voters)
{
    struct sim_world *world = k->worker.client->world;
    for (int i = 0; i < world->count; i++) {
        const struct sim_machine *m = &world->machines[i];
        if (m->kind == SIM_CONTROLLER && (m->unsound || m->replacing || m->renewed)) {
            return false;
        }
    }
    int64_t percent = sim_load_int(k->worker.load, "churn", 0);
    return voters > VOTERS_MIN - 1 && !world->quiet &&
           prng_chance(&k->worker.client->prng, (uint64_t)percent, 100);
}

/* Replicas that are gone are listed for a while: is one alive that fetched then? */
static bool is_alive(const struct wire_describe_quorum_response_topics_partitions *p,
                     int64_t fetched_ms)
{
    int64_t newest_ms = 0;
    for (int32_t i = 0; i < p->current_voters_count; i++) {
        newest_ms = max_i64(newest_ms, p->current_voters[i].last_fetch_timestamp);
    }
    return fetched_ms >= newest_ms - ALIVE_MS;
}

static bool are_all_voters(const struct keeper *k,
                           const struct wire_describe_quorum_response_topics_partitions *p)
{
    for (int32_t i = 0; i < p->current_voters_count; i++) {
        if (!is_alive(p, p->current_voters[i].last_fetch_timestamp)) {
            return false;
        }
    }
    return p->current_voters_count == k->worker.client->world->scenario->controllers;
}

static void decide(struct keeper *k,
                   const struct wire_describe_quorum_response_topics_partitions *p)
{
    int voters = p->current_voters_count;
    k->whole = are_all_voters(k, p);
    for (int32_t i = 0; i < p->observers_count; i++) {
        int32_t id = p->observers[i].replica_id;
        if (id < SIM_CONTROLLER_ID_FIRST || !is_alive(p, p->observers[i].last_fetch_timestamp)) {
            continue;
        }
        for (int32_t n = 0; n < voters; n++) {
            const struct wire_describe_quorum_response_topics_partitions_current_voters *v =
                &p->current_voters[n];
            if (v->replica_id == id) {
                if (v->last_fetch_timestamp >=
                    p->observers[i].last_fetch_timestamp - ALIVE_MS / 2) {
                    rest(k); /* one of the two is gone; wait which */
                    return;
                }
                remove_voter(k, id, v->replica_directory_id);
                return;
            }
        }
        add_voter(k, id, p->observers[i].replica_directory_id);
        return;
    }
    if (may_remove(k, voters)) {
        const struct wire_describe_quorum_response_topics_partitions_current_voters *v =
            &p->current_voters[prng_below(&k->worker.client->prng, (uint64_t)voters)];
        remove_voter(k, v->replica_id, v->replica_directory_id);
        return;
    }
    rest(k);
}

static void on_described(void *arg, enum err e, const void *response, struct net_response *raw)
{
    (void)raw;
    struct keeper *k = arg;
    const struct wire_describe_quorum_response *r = response;
    k->worker.call = NULL;
    if (e == ERR_NONE && r->error_code == 0 && r->topics_count == 1 &&
        r->topics[0].partitions_count == 1 && r->topics[0].partitions[0].error_code == 0) {
        decide(k, &r->topics[0].partitions[0]);
    } else {
        rest(k);
    }
}

static void describe(void *arg)
{
    struct keeper *k = arg;
    struct wire_describe_quorum_request_topics_partitions partition = {0};
    struct wire_describe_quorum_request_topics topic = {slice_str("__cluster_metadata"), &partition,
                                                        1};
    struct wire_describe_quorum_request request = {&topic, 1};
    ask(k, WIRE_API_DESCRIBE_QUORUM, DESCRIBE_VERSION, &request, on_described);
}

/* ---- life ---- */

static void start(struct sim_worker *w)
{
    rest((struct keeper *)w);
}

/* It keeps asking what it knows; a question may wait in a broker whose connection to the controller
 * is stalled, for as long as request.timeout.ms. */
static bool is_idle(const struct sim_worker *w)
{
    return ((const struct keeper *)w)->whole;
}

static const char *const options[] = {"every", "churn", NULL};

const struct sim_load_kind sim_load_quorum = {
    .name = "quorum",
    .options = options,
    .size = sizeof(struct keeper),
    .start = start,
    .tick = describe,
    .is_idle = is_idle,
};
