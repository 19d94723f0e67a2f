/* DescribeConfigs and IncrementalAlterConfigs; see configs.h. */
#include "cli/configs.h"

enum { DESCRIBE_VERSION = 4, ALTER_VERSION = 1 };

/* Sources that other clusters have. */
enum { SETTINGS_SOURCE_LOGGER = 6, SETTINGS_SOURCE_CLIENT_METRICS = 7 };

/* A broker answers for itself; any broker, or the active controller, for the rest. */
static int32_t node_for(const struct configs_resource *resource)
{
    bool is_of_broker = resource->name.len > 0 && (resource->type == METADATA_CONFIG_BROKER ||
                                                   resource->type == METADATA_CONFIG_BROKER_LOGGER);
    int64_t id;
    return is_of_broker && args_parse_number(resource->name, &id) ? (int32_t)id : CLIENT_ANY;
}

const char *configs_source(int8_t source)
{
    static const char *const names[] = {
        [SETTINGS_SOURCE_UNKNOWN] = "unknown", [SETTINGS_SOURCE_TOPIC] = "topic",
        [SETTINGS_SOURCE_BROKER] = "broker",   [SETTINGS_SOURCE_CLUSTER] = "defaults",
        [SETTINGS_SOURCE_STATIC] = "file",     [SETTINGS_SOURCE_DEFAULT] = "default",
        [SETTINGS_SOURCE_LOGGER] = "logger",   [SETTINGS_SOURCE_CLIENT_METRICS] = "client metrics",
        [SETTINGS_SOURCE_GROUP] = "group",
    };
    bool is_known = source >= 0 && (size_t)source < ARRAY_LEN(names) && names[source] != NULL;
    return is_known ? names[source] : "unknown";
}

enum err configs_describe(struct client *client, const struct configs_question *question,
                          const struct wire_describe_configs_response **out)
{
    struct arena arena = {0};
    struct wire_describe_configs_request request;
    wire_init(&wire_msg_describe_configs_request, &request);
    request.include_synonyms = question->with_synonyms;
    request.include_documentation = question->with_documentation;
    request.resources =
        wire_new_array(&wire_msg_describe_configs_request_resources, &arena, question->count);
    request.resources_count = question->count;
    for (int32_t i = 0; i < question->count; i++) {
        request.resources[i].resource_type = question->resources[i].type;
        request.resources[i].resource_name = question->resources[i].name;
        request.resources[i].configuration_keys_count = -1; /* all */
    }
    const void *answer = NULL;
    int32_t node = question->count == 0 ? CLIENT_ANY : node_for(question->resources);
    enum err e = ERR_NONE;
    if (node == CLIENT_ANY) {
        struct admin_call call = {WIRE_API_DESCRIBE_CONFIGS, DESCRIBE_VERSION, &request};
        e = admin_call(client, &call, &answer);
    } else {
        struct client_call call = {node, WIRE_API_DESCRIBE_CONFIGS, DESCRIBE_VERSION, &request, 0};
        e = client_has_node(client, node) ? ERR_NONE : admin_learn_nodes(client);
        e = e == ERR_NONE ? client_call(client, &call, &answer) : e;
    }
    arena_fini(&arena);
    *out = answer;
    if (e == ERR_NONE && (*out)->results_count != question->count) {
        return ERR_MALFORMED;
    }
    return e;
}

/* Brokers of Kafka take the settings of a broker from itself only; one that is not there may be
 * changed nevertheless, by anybody of ours. */
static enum err send(struct client *client, const struct configs_resource *resource,
                     const struct wire_incremental_alter_configs_request *request,
                     const void **answer)
{
    int32_t node = client_asks_controllers(client) ? CLIENT_ANY : node_for(resource);
    if (node != CLIENT_ANY && !client_has_node(client, node)) {
        TRY(admin_learn_nodes(client));
    }
    if (node != CLIENT_ANY && client_has_node(client, node)) {
        struct client_call call = {node, WIRE_API_INCREMENTAL_ALTER_CONFIGS, ALTER_VERSION, request,
                                   0};
        return client_call(client, &call, answer);
    }
    struct admin_call call = {WIRE_API_INCREMENTAL_ALTER_CONFIGS, ALTER_VERSION, request};
    return admin_call(client, &call, answer);
}

enum err configs_alter(struct client *client, const struct configs_changes *changes,
                       struct admin_result *result)
{
    struct arena arena = {0};
    struct wire_incremental_alter_configs_request_resources resource = {
        .resource_type = changes->resource.type, .resource_name = changes->resource.name};
    struct wire_incremental_alter_configs_request request = {
        .resources = &resource, .resources_count = 1, .validate_only = changes->validate_only};
    resource.configs = wire_new_array(&wire_msg_incremental_alter_configs_request_resources_configs,
                                      &arena, changes->count);
    resource.configs_count = changes->count;
    for (int32_t i = 0; i < changes->count; i++) {
        resource.configs[i].name = changes->items[i].name;
        resource.configs[i].config_operation = (int8_t)changes->items[i].operation;
        resource.configs[i].value = changes->items[i].value;
    }
    *result = (struct admin_result){ERR_NONE, SLICE_NULL};
    enum err e;
    do {
        const void *answer;
        e = send(client, &changes->resource, &request, &answer);
        const struct wire_incremental_alter_configs_response *response = answer;
        if (e == ERR_NONE && response->responses_count != 1) {
            e = ERR_MALFORMED;
        } else if (e == ERR_NONE) {
            *result = (struct admin_result){(enum err)response->responses->error_code,
                                            response->responses->error_message};
            e = result->error;
        }
    } while (client_why(client)[0] == '\0' && admin_retry(client, e));
    arena_fini(&arena);
    return e;
}
