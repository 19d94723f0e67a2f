/* A load: replicas move (KIP-455), and some moves are called off. In the end none may be under way.
 */
#include <stdio.h>

#include "base/mem.h"
#include "sim/cluster/load.h"

enum { ALTER_VERSION = 0, LIST_VERSION = 0, TIMEOUT_MS = 5000, CANCEL_PERCENT = 15 };

struct mover {
    struct sim_worker worker;
    bool none_left; /* as the controller said last, when all was quiet */
};

static void rest(struct mover *m)
{
    net_timer_set(&m->worker.timer, sim_load_draw_ms(&m->worker, "every", "500ms..5s"));
}

struct net_call *sim_ask_reassignment(struct sim_client *c, const struct sim_reassignment *r,
                                      net_call_done *done, void *arg)
{
    struct wire_alter_partition_reassignments_request_topics_partitions partition = {
        r->partition, (int32_t *)r->replicas, r->count};
    struct wire_alter_partition_reassignments_request_topics topic = {slice_str(r->topic),
                                                                      &partition, 1};
    struct wire_alter_partition_reassignments_request request;
    wire_init(&wire_msg_alter_partition_reassignments_request, &request);
    request.timeout_ms = TIMEOUT_MS;
    request.topics = &topic;
    request.topics_count = 1;
    return sim_client_ask(sim_client_any(c),
                          &(struct sim_ask){WIRE_API_ALTER_PARTITION_REASSIGNMENTS, ALTER_VERSION,
                                            &request, done, arg});
}

/* ---- moves ---- */

static void on_asked(void *arg, enum err e, const void *response, struct net_response *raw)
{
    (void)raw;
    struct mover *m = arg;
    const struct wire_alter_partition_reassignments_response *r = response;
    m->worker.call = NULL;
    if (e == ERR_NONE && r->error_code == 0 && r->responses_count == 1 &&
        r->responses[0].partitions[0].error_code == 0) {
        sim_tally(m->worker.client->world->report, "load reassignments", 1);
    }
    rest(m);
}

/* The first `count` of all brokers, in a random order. */
static void draw_replicas(struct mover *m, int32_t *replicas, int32_t count)
{
    const struct wire_metadata_response *all = m->worker.client->metadata;
    int32_t ids[SIM_MACHINES_MAX];
    int32_t left = all->brokers_count < SIM_MACHINES_MAX ? all->brokers_count : SIM_MACHINES_MAX;
    for (int32_t i = 0; i < left; i++) {
        ids[i] = all->brokers[i].node_id;
    }
    for (int32_t i = 0; i < count; i++) {
        uint64_t at = prng_below(&m->worker.client->prng, (uint64_t)left);
        replicas[i] = ids[at];
        ids[at] = ids[--left];
    }
}

static void move(struct mover *m)
{
    struct sim_client *c = m->worker.client;
    const struct wire_metadata_response *all = c->metadata;
    int32_t replicas[SIM_MACHINES_MAX];
    char name[SIM_TOPIC_MAX];
    if (all == NULL || all->topics_count == 0) {
        rest(m);
        return;
    }
    const struct wire_metadata_response_topics *t =
        &all->topics[prng_below(&c->prng, (uint64_t)all->topics_count)];
    if (t->error_code != 0 || t->partitions_count == 0) {
        rest(m);
        return;
    }
    const struct wire_metadata_response_topics_partitions *p =
        &t->partitions[prng_below(&c->prng, (uint64_t)t->partitions_count)];
    bool cancel = prng_chance(&c->prng, CANCEL_PERCENT, 100);
    int32_t count =
        p->replica_nodes_count < all->brokers_count ? p->replica_nodes_count : all->brokers_count;
    if (count == 0) {
        rest(m);
        return;
    }
    draw_replicas(m, replicas, count);
    snprintf(name, sizeof name, "%.*s", SLICE_ARG(t->name));
    m->worker.call = sim_ask_reassignment(
        c, &(struct sim_reassignment){name, p->partition_index, replicas, cancel ? -1 : count},
        on_asked, m);
}

/* ---- the end ---- */

static void on_listed(void *arg, enum err e, const void *response, struct net_response *raw)
{
    (void)raw;
    struct mover *m = arg;
    const struct wire_list_partition_reassignments_response *r = response;
    m->worker.call = NULL;
    if (e == ERR_NONE && r->error_code == 0) { /* else a broker cannot ask the controller now */
        m->none_left = r->topics_count == 0;
    }
    rest(m);
}

static void list(struct mover *m)
{
    struct wire_list_partition_reassignments_request request;
    wire_init(&wire_msg_list_partition_reassignments_request, &request);
    request.timeout_ms = TIMEOUT_MS;
    request.topics_count = -1; /* all */
    m->worker.call = sim_client_ask(sim_client_any(m->worker.client),
                                    &(struct sim_ask){WIRE_API_LIST_PARTITION_REASSIGNMENTS,
                                                      LIST_VERSION, &request, on_listed, m});
}

static void tick(void *arg)
{
    struct mover *m = arg;
    if (m->worker.client->world->quiet) {
        list(m);
    } else {
        move(m);
    }
}

/* ---- life ---- */

static void start(struct sim_worker *w)
{
    rest((struct mover *)w);
}

static bool is_idle(const struct sim_worker *w)
{
    return ((const struct mover *)w)->none_left;
}

static const char *const options[] = {"every", NULL};

const struct sim_load_kind sim_load_reassign = {
    .name = "reassign",
    .options = options,
    .size = sizeof(struct mover),
    .start = start,
    .tick = tick,
    .is_idle = is_idle,
};
