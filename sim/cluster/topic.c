/* A load: makes sure that a topic exists. */
#include "base/mem.h"
#include "sim/cluster/load.h"

enum { PAUSE_MS = 200, VERSION = 5, TIMEOUT_MS = 5000, CONFIGS_MAX = 8 };

struct maker {
    struct sim_worker worker;
    bool exists;
};

static void on_created(void *arg, enum err e, const void *response, struct net_response *raw)
{
    (void)raw;
    struct maker *m = arg;
    const struct wire_create_topics_response *r = response;
    m->worker.call = NULL;
    e = e == ERR_NONE ? (enum err)r->topics[0].error_code : e;
    m->exists = e == ERR_NONE || e == ERR_TOPIC_ALREADY_EXISTS;
    if (!m->exists) {
        net_timer_set(&m->worker.timer, PAUSE_MS);
    }
}

static bool is_config(const char *word)
{
    return strncmp(word, "topic=", 6) != 0 && strncmp(word, "partitions=", 11) != 0 &&
           strncmp(word, "replicas=", 9) != 0;
}

static void create(void *arg)
{
    struct maker *m = arg;
    const struct sim_load *load = m->worker.load;
    struct wire_create_topics_request_topics_configs configs[CONFIGS_MAX];
    struct wire_create_topics_request_topics topic;
    wire_init(&wire_msg_create_topics_request_topics, &topic);
    topic.name = slice_str(sim_load_str(load, "topic", "a"));
    topic.num_partitions = (int32_t)sim_load_int(load, "partitions", 1);
    topic.replication_factor = (int16_t)sim_load_int(load, "replicas", -1);
    topic.configs = configs;
    for (int i = 0; i < load->argc && topic.configs_count < CONFIGS_MAX; i++) {
        const char *equals = strchr(load->argv[i], '=');
        if (is_config(load->argv[i])) {
            configs[topic.configs_count++] = (struct wire_create_topics_request_topics_configs){
                slice_of(load->argv[i], (size_t)(equals - load->argv[i])), slice_str(equals + 1)};
        }
    }
    struct wire_create_topics_request request;
    wire_init(&wire_msg_create_topics_request, &request);
    request.topics = &topic;
    request.topics_count = 1;
    request.timeout_ms = TIMEOUT_MS;
    m->worker.call =
        sim_client_ask(sim_client_any(m->worker.client),
                       &(struct sim_ask){WIRE_API_CREATE_TOPICS, VERSION, &request, on_created, m});
}

static void start(struct sim_worker *w)
{
    net_timer_set(&w->timer, 0);
}

static bool is_idle(const struct sim_worker *w)
{
    return ((const struct maker *)w)->exists;
}

static const char *const options[] = {"*", NULL};

const struct sim_load_kind sim_load_topic = {
    .name = "topic",
    .options = options,
    .size = sizeof(struct maker),
    .start = start,
    .tick = create,
    .is_idle = is_idle,
};
