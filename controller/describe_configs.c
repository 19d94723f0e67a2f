/* DescribeConfigs on a controller: topics, groups, the defaults of all brokers, and this node. */
#include <stdio.h>

#include "controller/api.h"
#include "controller/server_struct.h"

enum { SYNONYMS_SINCE = 1 };

/* What is asked for, and what the answers are computed from. */
struct question {
    const struct rpc *rpc;
    const struct wire_describe_configs_request *request;
    const struct wire_describe_configs_request_resources *resource;
    struct settings_view view;
    struct arena *arena;
};

static bool is_wanted(const struct question *q, const char *name)
{
    for (int32_t i = 0; i < q->resource->configuration_keys_count; i++) {
        if (slice_eq_str(q->resource->configuration_keys[i], name)) {
            return true;
        }
    }
    return q->resource->configuration_keys_count < 0;
}

static struct slice shown(const struct setting *row, const char *value)
{
    return row->type == SETTINGS_PASSWORD ? SLICE_NULL : slice_str(value);
}

static void add_synonyms(const struct question *q, const struct setting *row,
                         const struct settings_chain *chain,
                         struct wire_describe_configs_response_results_configs *config)
{
    if (q->rpc->header.api_version < SYNONYMS_SINCE || !q->request->include_synonyms) {
        return;
    }
    config->synonyms = wire_new_array(&wire_msg_describe_configs_response_results_configs_synonyms,
                                      q->arena, (int32_t)chain->count);
    config->synonyms_count = (int32_t)chain->count;
    for (size_t i = 0; i < chain->count; i++) {
        config->synonyms[i].name = slice_str(chain->links[i].source_name);
        config->synonyms[i].value = shown(row, chain->links[i].value);
        config->synonyms[i].source = (int8_t)chain->links[i].source;
    }
}

/* One setting; the strongest value of the chain is in effect. */
static void add_config(const struct question *q, const struct setting *row,
                       const struct settings_chain *chain,
                       struct wire_describe_configs_response_results *result)
{
    struct wire_describe_configs_response_results_configs *config =
        &result->configs[result->configs_count++];
    config->name = slice_str(row->name);
    config->value = shown(row, chain->links[0].value);
    config->read_only = row->mode == SETTINGS_READ_ONLY;
    config->is_default = chain->links[0].source == SETTINGS_SOURCE_DEFAULT;
    config->config_source = (int8_t)chain->links[0].source;
    config->is_sensitive = row->type == SETTINGS_PASSWORD;
    config->config_type = (int8_t)row->type;
    if (q->request->include_documentation) {
        config->documentation = slice_str(row->doc);
    }
    add_synonyms(q, row, chain, config);
}

static void make_room(const struct question *q, enum settings_scope scope,
                      struct wire_describe_configs_response_results *result)
{
    int32_t rows = 0;
    for (size_t at = 0; settings_next(scope, &at) != NULL; rows++) {
    }
    result->configs =
        wire_new_array(&wire_msg_describe_configs_response_results_configs, q->arena, rows);
}

/* All settings of a scope with the values in effect for the resource. */
static enum err describe_all(const struct question *q, enum settings_scope scope,
                             struct wire_describe_configs_response_results *result)
{
    make_room(q, scope, result);
    size_t at = 0;
    const struct setting *row;
    while ((row = settings_next(scope, &at)) != NULL) {
        if (!row->internal && is_wanted(q, row->name)) {
            struct settings_chain chain =
                settings_chain(&q->view, scope, q->resource->resource_name, row->name, q->arena);
            add_config(q, row, &chain, result);
        }
    }
    return ERR_NONE;
}

/* The default of all brokers: only what is set, as it has no value of its own elsewhere. */
static enum err describe_default(const struct question *q,
                                 struct wire_describe_configs_response_results *result)
{
    make_room(q, SETTINGS_SERVER, result);
    size_t at = 0;
    const struct setting *row;
    while ((row = settings_next(SETTINGS_SERVER, &at)) != NULL) {
        struct slice value = metadata_config_get(q->view.image, METADATA_CONFIG_BROKER,
                                                 slice_str(""), slice_str(row->name));
        if (!slice_is_null(value) && is_wanted(q, row->name)) {
            struct settings_effective link = {.row = row,
                                              .value = arena_str(q->arena, value),
                                              .source = SETTINGS_SOURCE_CLUSTER,
                                              .source_name = row->name};
            add_config(q, row, &(struct settings_chain){&link, 1}, result);
        }
    }
    return ERR_NONE;
}

static enum err describe_node(const struct question *q,
                              struct wire_describe_configs_response_results *result)
{
    if (q->resource->resource_name.len == 0) {
        return describe_default(q, result);
    }
    char self[16];
    int len = snprintf(self, sizeof self, "%d", q->view.broker_id);
    if (!slice_eq(q->resource->resource_name, slice_of(self, (size_t)len))) {
        result->error_message =
            decide_text(q->arena, "Unexpected broker id, expected %s, but received %.*s", self,
                        SLICE_ARG(q->resource->resource_name));
        return ERR_INVALID_REQUEST;
    }
    return describe_all(q, SETTINGS_SERVER, result);
}

static enum err describe(const struct question *q,
                         struct wire_describe_configs_response_results *result)
{
    switch (q->resource->resource_type) {
    case METADATA_CONFIG_TOPIC:
        if (metadata_topic_by_name(q->view.image, q->resource->resource_name) == NULL) {
            return ERR_UNKNOWN_TOPIC_OR_PARTITION;
        }
        return describe_all(q, SETTINGS_TOPIC, result);
    case METADATA_CONFIG_BROKER:
        return describe_node(q, result);
    case METADATA_CONFIG_GROUP:
        return describe_all(q, SETTINGS_GROUP, result);
    default:
        result->error_message = slice_str("Resource type cannot be described here.");
        return ERR_INVALID_REQUEST;
    }
}

void controller_serve_describe_configs(struct rpc *rpc)
{
    const struct wire_describe_configs_request *request = rpc->body;
    struct wire_describe_configs_response response;
    int32_t count = request->resources_count < 0 ? 0 : request->resources_count;
    wire_init(&wire_msg_describe_configs_response, &response);
    response.results = wire_new_array(&wire_msg_describe_configs_response_results,
                                      controller_rpc_arena(rpc), count);
    response.results_count = count;
    struct question q = {
        .rpc = rpc,
        .request = request,
        .view = {rpc->server->options.settings, controller_committed(rpc->server->controller),
                 rpc->server->config.node_id},
        .arena = controller_rpc_arena(rpc),
    };
    for (int32_t i = 0; i < count; i++) {
        struct wire_describe_configs_response_results *result = &response.results[i];
        q.resource = &request->resources[i];
        result->resource_type = q.resource->resource_type;
        result->resource_name = q.resource->resource_name;
        result->error_code = err_wire(describe(&q, result));
    }
    controller_rpc_reply(rpc, &response);
}
