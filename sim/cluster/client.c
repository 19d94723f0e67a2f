/* What all workers of a client process share: brokers and metadata. */
#include "sim/cluster/client.h"

#include <stdio.h>

#include "base/mem.h"
#include "sim/cluster/load.h"

enum { METADATA_VERSION = 12, REFRESH_MS = 3000, SOON_MS = 50, METADATA_CALL_MS = 2000 };

static void refresh_now(void *arg);

static struct net_client *dial(struct sim_client *c, const char *host, int port)
{
    return net_client_new(c->loop, &(struct net_client_options){.host = host,
                                                                .port = port,
                                                                .client_id = c->machine->name,
                                                                .log = &c->machine->log,
                                                                .connect_timeout_ms = 1000});
}

static void add_peer(struct sim_client *c, int32_t id, const char *host, int port)
{
    if (c->peer_count < SIM_PEERS_MAX) {
        c->peers[c->peer_count++] = (struct sim_peer){id, dial(c, host, port)};
    }
}

struct net_client *sim_client_dial(struct sim_client *c, int32_t id)
{
    char host[SIM_NAME_MAX];
    snprintf(host, sizeof host, "broker-%d", id);
    return dial(c, host, SIM_BROKER_PORT);
}

struct sim_client *sim_client_new(struct sim_machine *m, uint64_t seed)
{
    struct sim_client *c = MEM_NEW(struct sim_client);
    c->machine = m;
    c->world = m->world;
    c->loop = m->loop;
    prng_init(&c->prng, seed);
    list_init(&c->workers);
    net_timer_init(&c->refresh, c->loop, refresh_now, c);
    for (int i = 1; i <= c->world->scenario->brokers; i++) {
        char host[SIM_NAME_MAX];
        snprintf(host, sizeof host, "broker-%d", i);
        add_peer(c, -i, host, SIM_BROKER_PORT);
    }
    return c;
}

void sim_client_start(struct sim_client *c)
{
    net_timer_set(&c->refresh, 0);
    sim_load_workers(c);
}

void sim_client_free(struct sim_client *c)
{
    if (c == NULL) {
        return;
    }
    sim_load_workers_free(c);
    for (int i = 0; i < c->peer_count; i++) {
        net_client_free(c->peers[i].net);
    }
    net_timer_stop(&c->refresh); /* calls that failed just now have set it */
    net_kept_free(c->kept);
    mem_free(c->leaders);
    mem_free(c);
}

struct net_client *sim_client_node(struct sim_client *c, int32_t id)
{
    for (int i = 0; i < c->peer_count; i++) {
        if (c->peers[i].id == id) {
            return c->peers[i].net;
        }
    }
    return NULL;
}

struct net_client *sim_client_any(struct sim_client *c)
{
    return c->peers[prng_below(&c->prng, (uint64_t)c->peer_count)].net;
}

struct net_call *sim_client_ask(struct net_client *to, const struct sim_ask *ask)
{
    return net_call(to, &(struct net_call_args){.api = ask->api,
                                                .version = ask->version,
                                                .request = ask->request,
                                                .timeout_ms = SIM_CALL_MS,
                                                .done = ask->done,
                                                .arg = ask->arg});
}

/* ---- metadata ---- */

static void learn_brokers(struct sim_client *c)
{
    for (int32_t i = 0; i < c->metadata->brokers_count; i++) {
        const struct wire_metadata_response_brokers *b = &c->metadata->brokers[i];
        char host[SIM_NAME_MAX];
        snprintf(host, sizeof host, "%.*s", SLICE_ARG(b->host));
        struct net_client *known = sim_client_node(c, b->node_id);
        if (known == NULL) {
            add_peer(c, b->node_id, host, b->port);
        } else {
            net_client_set_address(known, host, b->port);
        }
    }
}

static struct sim_known_leader *find_leader(struct sim_client *c, struct uuid topic_id,
                                            int32_t partition)
{
    for (int i = 0; i < c->leader_count; i++) {
        if (c->leaders[i].partition == partition && uuid_eq(c->leaders[i].topic_id, topic_id)) {
            return &c->leaders[i];
        }
    }
    return NULL;
}

static void learn_leader(struct sim_client *c, struct uuid topic_id,
                         const struct wire_metadata_response_topics_partitions *p)
{
    struct sim_known_leader *known = find_leader(c, topic_id, p->partition_index);
    if (known == NULL) {
        size_t size = ((size_t)c->leader_count + 1) * sizeof *c->leaders;
        c->leaders = mem_realloc(c->leaders, size);
        known = &c->leaders[c->leader_count++];
        *known = (struct sim_known_leader){topic_id, p->partition_index, -1, -1};
    }
    if (p->leader_epoch >= known->epoch) {
        known->leader = p->leader_id;
        known->epoch = p->leader_epoch;
    }
}

static void learn_leaders(struct sim_client *c)
{
    for (int32_t t = 0; t < c->metadata->topics_count; t++) {
        const struct wire_metadata_response_topics *topic = &c->metadata->topics[t];
        for (int32_t i = 0; i < topic->partitions_count; i++) {
            learn_leader(c, topic->topic_id, &topic->partitions[i]);
        }
    }
}

static void on_metadata(void *arg, enum err e, const void *response, struct net_response *raw)
{
    struct sim_client *c = arg;
    c->asking = false;
    const struct wire_metadata_response *metadata = response;
    if (e != ERR_NONE || metadata->brokers_count == 0) {
        net_timer_set(&c->refresh, SOON_MS);
        return;
    }
    net_kept_free(c->kept);
    c->metadata = metadata;
    c->kept = net_response_take(raw);
    learn_brokers(c);
    learn_leaders(c);
    net_timer_set(&c->refresh, REFRESH_MS);
}

static void refresh_now(void *arg)
{
    struct sim_client *c = arg;
    c->soon = false;
    if (c->asking) {
        return;
    }
    struct wire_metadata_request request;
    wire_init(&wire_msg_metadata_request, &request);
    request.topics_count = -1; /* all */
    request.allow_auto_topic_creation = false;
    c->asking = true;
    net_call(sim_client_any(c), &(struct net_call_args){.api = WIRE_API_METADATA,
                                                        .version = METADATA_VERSION,
                                                        .request = &request,
                                                        .timeout_ms = METADATA_CALL_MS,
                                                        .done = on_metadata,
                                                        .arg = c});
}

void sim_client_refresh(struct sim_client *c)
{
    if (!c->asking && !c->soon) {
        c->soon = true;
        net_timer_set(&c->refresh, SOON_MS);
    }
}

const struct wire_metadata_response_topics *sim_client_topic(const struct sim_client *c,
                                                             const char *name)
{
    for (int32_t i = 0; c->metadata != NULL && i < c->metadata->topics_count; i++) {
        if (slice_eq_str(c->metadata->topics[i].name, name)) {
            return &c->metadata->topics[i];
        }
    }
    return NULL;
}

bool sim_client_leader(struct sim_client *c, const char *topic, int32_t partition,
                       struct sim_leader *out)
{
    const struct wire_metadata_response_topics *t = sim_client_topic(c, topic);
    const struct sim_known_leader *known =
        t == NULL ? NULL : find_leader(c, t->topic_id, partition);
    struct net_client *net =
        known == NULL || known->leader < 0 ? NULL : sim_client_node(c, known->leader);
    if (net == NULL) {
        sim_client_refresh(c);
        return false;
    }
    *out = (struct sim_leader){known->leader, known->epoch, t->topic_id, net};
    return true;
}
