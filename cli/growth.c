/* New partitions; see growth.h. */
#include "cli/growth.h"

#include "base/mem.h"

enum { METADATA_VERSION = 12, ANSWER_MS = 30000 };

struct watched {
    struct slice topic;
    int32_t known;
    int32_t found; /* as the last answer has it */
};

struct growth {
    struct cluster *cluster;
    struct net_loop *loop;
    int64_t every_ms;
    int64_t next_ms;
    struct net_call *call; /* NULL: none is under way */
    struct watched *topics;
    int32_t count;
    int32_t turn; /* of the brokers, each is asked in its turn */
    bool is_fresh;
};

struct growth *growth_new(struct cluster *cluster, int64_t every_ms)
{
    struct growth *g = MEM_NEW(struct growth);
    g->cluster = cluster;
    g->loop = client_loop(cluster->client);
    g->every_ms = every_ms;
    g->next_ms = net_now_ms(g->loop) + every_ms;
    return g;
}

void growth_free(struct growth *g)
{
    if (g == NULL) {
        return;
    }
    if (g->call != NULL) {
        net_call_cancel(g->call);
    }
    mem_free(g->topics);
    mem_free(g);
}

void growth_add(struct growth *g, struct slice topic, int32_t partition_count)
{
    g->topics = mem_realloc(g->topics, (size_t)(g->count + 1) * sizeof *g->topics);
    g->topics[g->count++] = (struct watched){topic, partition_count, partition_count};
}

/* Unlike cluster_refresh(), nothing is kept of the answer: this goes on for days. */
static void answered(void *arg, enum err e, const void *answer, struct net_response *raw)
{
    (void)raw;
    struct growth *g = arg;
    const struct wire_metadata_response *response = answer;
    g->call = NULL;
    for (int32_t i = 0; e == ERR_NONE && i < response->topics_count; i++) {
        for (int32_t k = 0; k < g->count; k++) {
            if (response->topics[i].error_code == 0 &&
                slice_eq(response->topics[i].name, g->topics[k].topic)) {
                g->topics[k].found = response->topics[i].partitions_count;
            }
        }
    }
    for (int32_t k = 0; k < g->count; k++) {
        g->is_fresh = g->is_fresh || g->topics[k].found > g->topics[k].known;
    }
}

static struct net_client *next_broker(struct growth *g)
{
    const struct wire_metadata_response *metadata = g->cluster->metadata;
    if (metadata == NULL || metadata->brokers_count == 0) {
        return NULL;
    }
    int32_t at = g->turn++ % metadata->brokers_count;
    return client_node_net(g->cluster->client, metadata->brokers[at].node_id);
}

static void ask(struct growth *g)
{
    struct net_client *net = next_broker(g);
    g->next_ms = net_now_ms(g->loop) + g->every_ms;
    if (net == NULL) {
        return;
    }
    struct arena arena = {0};
    struct wire_metadata_request request;
    wire_init(&wire_msg_metadata_request, &request);
    request.allow_auto_topic_creation = false;
    request.topics = wire_new_array(&wire_msg_metadata_request_topics, &arena, g->count);
    request.topics_count = g->count;
    for (int32_t i = 0; i < g->count; i++) {
        request.topics[i].name = g->topics[i].topic;
    }
    struct net_call_args args = {.api = WIRE_API_METADATA,
                                 .version = METADATA_VERSION,
                                 .request = &request,
                                 .timeout_ms = ANSWER_MS,
                                 .done = answered,
                                 .arg = g};
    g->call = net_call(net, &args);
    arena_fini(&arena);
}

/* The cluster learns of the new partitions. */
static void refresh(struct growth *g)
{
    struct slice *names = mem_zalloc((size_t)g->count, sizeof *names);
    for (int32_t i = 0; i < g->count; i++) {
        names[i] = g->topics[i].topic;
    }
    client_restart_clock(g->cluster->client);
    g->is_fresh = cluster_refresh(g->cluster, names, g->count) != ERR_NONE;
    mem_free(names);
}

bool growth_step(struct growth *g, struct growth_partition *out)
{
    if (g->is_fresh) {
        refresh(g);
    }
    for (int32_t i = 0; i < g->count && !g->is_fresh; i++) {
        struct watched *w = &g->topics[i];
        if (w->found > w->known) {
            *out = (struct growth_partition){w->topic, w->known++};
            return true;
        }
    }
    if (g->call == NULL && g->count > 0 && net_now_ms(g->loop) >= g->next_ms) {
        ask(g);
    }
    return false;
}
