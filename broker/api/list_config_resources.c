/* ListConfigResources (KIP-1142; version 0 is KIP-1000's ListClientMetricsResources): what there is
 * that could have dynamic settings, and, for groups and client metrics, what has some. */
#include "broker/api/api.h"
#include "wire/wire.h"

enum { VERSION_TYPES = 1 };

struct listing {
    const struct broker *broker;
    struct arena *arena;
    struct wire_list_config_resources_response *out;
    int32_t cap;
};

static void add(struct listing *l, int8_t type, struct slice name)
{
    if (l->out->config_resources_count == l->cap) {
        l->cap = l->cap == 0 ? 16 : 2 * l->cap;
        struct wire_list_config_resources_response_config_resources *more = wire_new_array(
            &wire_msg_list_config_resources_response_config_resources, l->arena, l->cap);
        if (l->out->config_resources_count > 0) {
            memcpy(more, l->out->config_resources,
                   (size_t)l->out->config_resources_count * sizeof *more);
        }
        l->out->config_resources = more;
    }
    l->out->config_resources[l->out->config_resources_count++] =
        (struct wire_list_config_resources_response_config_resources){name, type};
}

static void add_topics(struct listing *l, int8_t type)
{
    struct metadata_iter it = metadata_topics(l->broker->image);
    const struct metadata_topic *topic;
    while ((topic = metadata_topic_next(&it)) != NULL) {
        add(l, type, topic->name);
    }
}

static void add_brokers(struct listing *l, int8_t type)
{
    struct metadata_iter it = metadata_brokers(l->broker->image);
    const struct metadata_broker *broker;
    while ((broker = metadata_broker_next(&it)) != NULL) {
        if (!broker->fenced) {
            add(l, type, slice_str(arena_printf(l->arena, "%" PRId32, broker->id)));
        }
    }
}

static void add_configured(struct listing *l, int8_t type)
{
    struct metadata_iter it = metadata_configs(l->broker->image);
    const struct metadata_config_resource *resource;
    while ((resource = metadata_config_next(&it)) != NULL) {
        if (resource->key.type == type) {
            add(l, type, resource->key.name);
        }
    }
}

static const struct {
    int8_t type;
    int16_t since;
    void (*add)(struct listing *l, int8_t type);
} kinds[] = {
    {METADATA_CONFIG_TOPIC, VERSION_TYPES, add_topics},
    {METADATA_CONFIG_BROKER, VERSION_TYPES, add_brokers},
    {METADATA_CONFIG_BROKER_LOGGER, VERSION_TYPES, add_brokers},
    {METADATA_CONFIG_CLIENT_METRICS, 0, add_configured},
    {METADATA_CONFIG_GROUP, VERSION_TYPES, add_configured},
};

static bool is_known(int8_t type, int16_t version)
{
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        if (kinds[i].type == type) {
            return version >= kinds[i].since;
        }
    }
    return false;
}

static bool is_wanted(const struct wire_list_config_resources_request *request, int8_t type)
{
    for (int32_t i = 0; i < request->resource_types_count; i++) {
        if (request->resource_types[i] == type) {
            return true;
        }
    }
    return request->resource_types_count == 0;
}

void broker_api_list_config_resources(void *broker, struct net_request *req)
{
    const struct wire_list_config_resources_request *request = req->body;
    int16_t version = req->header.api_version;
    struct wire_list_config_resources_response response;
    wire_init(wire_response(WIRE_API_LIST_CONFIG_RESOURCES), &response);
    struct listing listing = {.broker = broker, .arena = &req->arena, .out = &response};
    for (int32_t i = 0; i < request->resource_types_count; i++) {
        if (!is_known(request->resource_types[i], version)) {
            response.error_code = ERR_UNSUPPORTED_VERSION; /* Kafka's word for a type unknown */
        }
    }
    for (size_t i = 0; response.error_code == ERR_NONE && i < ARRAY_LEN(kinds); i++) {
        if (is_known(kinds[i].type, version) && is_wanted(request, kinds[i].type)) {
            kinds[i].add(&listing, kinds[i].type);
        }
    }
    net_reply(req, &response);
}
