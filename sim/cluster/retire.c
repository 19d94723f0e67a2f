/* A load: an operator takes a broker out of the cluster, and later a new one comes in its place.
 *
 * First its replicas go to others; then it is stopped in order and unregistered; after a while a
 * machine with that id and an empty disk joins. Whatever goes wrong is tried again until the faults
 * end; then the broker comes back as it is. */
#include <stdio.h>

#include "base/mem.h"
#include "sim/cluster/load.h"

enum { UNREGISTER_VERSION = 0, PAUSE_MS = 300 };

enum phase { PHASE_DRAIN, PHASE_STOP, PHASE_UNREGISTER, PHASE_AWAY, PHASE_DONE };

/* Outlives the process. */
struct memory {
    struct sim_machine *broker;
    enum phase phase;
    int64_t back_us; /* when the new one comes */
};

struct retirer {
    struct sim_worker worker;
    struct memory *memory;
};

static void rest(struct retirer *r)
{
    net_timer_set(&r->worker.timer, PAUSE_MS);
}

/* ---- its replicas ---- */

static void on_moved(void *arg, enum err e, const void *response, struct net_response *raw)
{
    (void)raw;
    (void)e;
    (void)response;
    struct retirer *r = arg;
    r->worker.call = NULL;
    rest(r);
}

static bool has(const int32_t *ids, int32_t count, int32_t id)
{
    for (int32_t i = 0; i < count; i++) {
        if (ids[i] == id) {
            return true;
        }
    }
    return false;
}

/* The replicas without the broker, with the first other one in its place; 0: there is none. */
static int32_t without(const struct retirer *r,
                       const struct wire_metadata_response_topics_partitions *p, int32_t *out)
{
    const struct wire_metadata_response *all = r->worker.client->metadata;
    int32_t id = r->memory->broker->node_id;
    int32_t count = 0;
    for (int32_t i = 0; i < p->replica_nodes_count && i < SIM_MACHINES_MAX; i++) {
        if (p->replica_nodes[i] != id) {
            out[count++] = p->replica_nodes[i];
        }
    }
    for (int32_t i = 0; i < all->brokers_count; i++) {
        int32_t other = all->brokers[i].node_id;
        if (other != id && !has(out, count, other)) {
            out[count++] = other;
            return count;
        }
    }
    return 0;
}

/* True: a partition of the broker was asked to move. */
static bool drain_one(struct retirer *r, const struct wire_metadata_response_topics *t)
{
    int32_t replicas[SIM_MACHINES_MAX + 1];
    char name[SIM_TOPIC_MAX];
    for (int32_t i = 0; i < t->partitions_count; i++) {
        const struct wire_metadata_response_topics_partitions *p = &t->partitions[i];
        if (!has(p->replica_nodes, p->replica_nodes_count, r->memory->broker->node_id)) {
            continue;
        }
        int32_t count = without(r, p, replicas);
        if (count == 0) {
            rest(r);
            return true;
        }
        snprintf(name, sizeof name, "%.*s", SLICE_ARG(t->name));
        r->worker.call = sim_ask_reassignment(
            r->worker.client, &(struct sim_reassignment){name, p->partition_index, replicas, count},
            on_moved, r);
        sim_client_refresh(r->worker.client);
        return true;
    }
    return false;
}

static void drain(struct retirer *r)
{
    const struct wire_metadata_response *all = r->worker.client->metadata;
    if (all == NULL || all->topics_count == 0) {
        sim_client_refresh(r->worker.client);
        rest(r);
        return;
    }
    for (int32_t i = 0; i < all->topics_count; i++) {
        if (drain_one(r, &all->topics[i])) {
            return;
        }
    }
    r->memory->phase = PHASE_STOP;
    rest(r);
}

/* ---- its process ---- */

/* Outside of every machine. */
static void stop_broker(void *arg)
{
    struct sim_machine *m = arg;
    if (m->world->healed_us < 0 && !m->paused && !m->stopping) {
        m->held = true;
        sim_machine_stop(m);
    }
}

static void join(void *arg)
{
    struct sim_machine *m = arg;
    if (m->world->healed_us < 0 && !sim_machine_is_up(m)) {
        sim_machine_join(m);
    }
}

static void stop(struct retirer *r)
{
    struct sim_machine *m = r->memory->broker;
    if (sim_machine_is_up(m)) {
        sim_net_at(m->world->net, sim_now_us(m->world), stop_broker, m);
    } else {
        r->memory->phase = PHASE_UNREGISTER;
    }
    rest(r);
}

static void on_unregistered(void *arg, enum err e, const void *response, struct net_response *raw)
{
    (void)raw;
    struct retirer *r = arg;
    struct sim_world *world = r->worker.client->world;
    const struct wire_unregister_broker_response *answer = response;
    r->worker.call = NULL;
    e = e == ERR_NONE ? (enum err)answer->error_code : e;
    if (e == ERR_NONE || e == ERR_BROKER_ID_NOT_REGISTERED) {
        sim_tally(world->report, "brokers unregistered", 1);
        r->memory->phase = PHASE_AWAY;
        r->memory->back_us =
            sim_now_us(world) + sim_load_draw_ms(&r->worker, "away", "1s..10s") * SIM_MS;
    }
    rest(r);
}

static void unregister(struct retirer *r)
{
    if (sim_machine_is_up(r->memory->broker)) {
        r->memory->phase = PHASE_STOP; /* somebody has started it again */
        rest(r);
        return;
    }
    struct wire_unregister_broker_request request = {r->memory->broker->node_id};
    r->worker.call =
        sim_client_ask(sim_client_any(r->worker.client),
                       &(struct sim_ask){WIRE_API_UNREGISTER_BROKER, UNREGISTER_VERSION, &request,
                                         on_unregistered, r});
}

static void wait_for_new_one(struct retirer *r)
{
    struct sim_machine *m = r->memory->broker;
    if (sim_now_us(m->world) >= r->memory->back_us) {
        sim_net_at(m->world->net, sim_now_us(m->world), join, m);
        r->memory->phase = PHASE_DONE;
    }
    rest(r);
}

static void tick(void *arg)
{
    struct retirer *r = arg;
    static void (*const steps[])(struct retirer * r) = {
        [PHASE_DRAIN] = drain,
        [PHASE_STOP] = stop,
        [PHASE_UNREGISTER] = unregister,
        [PHASE_AWAY] = wait_for_new_one,
    };
    if (!r->worker.client->world->quiet && r->memory->phase != PHASE_DONE) {
        steps[r->memory->phase](r);
    }
}

/* ---- life ---- */

static void start(struct sim_worker *w)
{
    struct retirer *r = (struct retirer *)w;
    if (w->load->memory == NULL) {
        struct memory *memory = MEM_NEW(struct memory);
        memory->broker =
            sim_machine_find(w->client->world, sim_load_str(w->load, "broker", "broker-1"));
        memory->phase = memory->broker == NULL ? PHASE_DONE : PHASE_DRAIN;
        w->load->memory = memory;
    }
    r->memory = w->load->memory;
    rest(r);
}

static const char *const options[] = {"broker", "away", NULL};

const struct sim_load_kind sim_load_retire = {
    .name = "retire",
    .options = options,
    .size = sizeof(struct retirer),
    .start = start,
    .tick = tick,
};
