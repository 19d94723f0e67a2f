/* Settings in effect, for DescribeConfigs. */
#include "metadata/describe_configs.h"

#define RESULT struct wire_describe_configs_response_results
#define CONFIG struct wire_describe_configs_response_results_configs

struct describing {
    const struct settings_view *view;
    const struct wire_describe_configs_request *request;
    int16_t version;
    const struct wire_describe_configs_request_resources *resource;
    enum settings_scope scope;
    struct arena *arena;
    RESULT *result;
};

static bool is_wanted(const struct describing *d, const struct setting *row)
{
    if (row->internal) {
        return false;
    }
    if (d->resource->configuration_keys_count < 0) {
        return true;
    }
    for (int i = 0; i < d->resource->configuration_keys_count; i++) {
        if (slice_eq_str(d->resource->configuration_keys[i], row->name)) {
            return true;
        }
    }
    return false;
}

static struct slice shown(const struct setting *row, const char *value)
{
    /* A password is never told, not even that it is empty. */
    return row->type == SETTINGS_PASSWORD ? SLICE_NULL : slice_str(value);
}

static void add_synonyms(const struct describing *d, const struct settings_chain *chain,
                         CONFIG *config)
{
    config->synonyms = wire_new_array(&wire_msg_describe_configs_response_results_configs_synonyms,
                                      d->arena, (int32_t)chain->count);
    config->synonyms_count = (int32_t)chain->count;
    for (size_t i = 0; i < chain->count; i++) {
        config->synonyms[i].name = slice_str(chain->links[i].source_name);
        config->synonyms[i].value = shown(chain->links[i].row, chain->links[i].source_text);
        config->synonyms[i].source = (int8_t)chain->links[i].source;
    }
}

static void add_config(const struct describing *d, const struct setting *row)
{
    struct settings_chain chain =
        settings_chain(d->view, d->scope, d->resource->resource_name, row->name, d->arena);
    const struct settings_effective *effective = &chain.links[0];
    CONFIG *config = &d->result->configs[d->result->configs_count++];
    config->name = slice_str(row->name);
    config->value = shown(row, effective->value);
    config->read_only = row->mode == SETTINGS_READ_ONLY;
    config->config_source = (int8_t)effective->source;
    config->is_default = d->version == 0 && effective->source == SETTINGS_SOURCE_DEFAULT;
    config->is_sensitive = row->type == SETTINGS_PASSWORD;
    config->config_type = (int8_t)row->type;
    if (d->request->include_documentation) {
        config->documentation = slice_str(row->doc);
    }
    if (d->request->include_synonyms) {
        add_synonyms(d, &chain, config);
    }
}

static void add_all(const struct describing *d)
{
    int32_t rows = 0;
    size_t at = 0;
    while (settings_next(d->scope, &at) != NULL) {
        rows++;
    }
    d->result->configs =
        wire_new_array(&wire_msg_describe_configs_response_results_configs, d->arena, rows);
    at = 0;
    for (const struct setting *row = settings_next(d->scope, &at); row != NULL;
         row = settings_next(d->scope, &at)) {
        if (is_wanted(d, row)) {
            add_config(d, row);
        }
    }
}

static enum err refuse(RESULT *result, enum err e, const char *message)
{
    result->error_message = slice_str(message);
    return e;
}

static enum err describe(struct describing *d)
{
    struct slice name = d->resource->resource_name;
    char *self = arena_printf(d->arena, "%d", d->view->broker_id);
    switch (d->resource->resource_type) {
    case METADATA_CONFIG_TOPIC:
        if (metadata_topic_by_name(d->view->image, name) == NULL) {
            return refuse(d->result, ERR_UNKNOWN_TOPIC_OR_PARTITION, "there is no such topic");
        }
        d->scope = SETTINGS_TOPIC;
        break;
    case METADATA_CONFIG_BROKER:
        if (name.len > 0 && !slice_eq_str(name, self)) {
            return refuse(d->result, ERR_INVALID_REQUEST,
                          "a node only knows its own settings: ask that broker");
        }
        d->scope = SETTINGS_SERVER;
        break;
    case METADATA_CONFIG_GROUP:
        d->scope = SETTINGS_GROUP;
        break;
    default:
        return refuse(d->result, ERR_INVALID_REQUEST,
                      "only the configuration of topics, groups and brokers is described");
    }
    add_all(d);
    return ERR_NONE;
}

void metadata_describe_configs(const struct settings_view *view,
                               const struct wire_describe_configs_request *request, int16_t version,
                               struct arena *arena, struct wire_describe_configs_response *out)
{
    out->results = wire_new_array(&wire_msg_describe_configs_response_results, arena,
                                  request->resources_count);
    out->results_count = request->resources_count;
    for (int i = 0; i < request->resources_count; i++) {
        struct describing d = {.view = view,
                               .request = request,
                               .version = version,
                               .resource = &request->resources[i],
                               .arena = arena,
                               .result = &out->results[i]};
        d.result->resource_type = d.resource->resource_type;
        d.result->resource_name = d.resource->resource_name;
        d.result->error_code = err_wire(describe(&d));
    }
}
