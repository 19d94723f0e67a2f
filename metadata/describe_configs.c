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
    bool of_all; /* the dynamic default of all brokers */
    struct arena *arena;
    RESULT *result;
};

static bool is_wanted(const struct describing *d, const struct setting *row)
{
    struct slice name = slice_str(row->name);
    if (row->internal) {
        return false;
    }
    if (d->of_all && slice_is_null(metadata_config_get(d->view->image, METADATA_CONFIG_BROKER,
                                                       slice_str(""), name))) {
        return false; /* only what is set there is there */
    }
    if (d->resource->configuration_keys_count < 0) {
        return true;
    }
    for (int i = 0; i < d->resource->configuration_keys_count; i++) {
        if (slice_eq(d->resource->configuration_keys[i], name)) {
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

/* The default of all brokers knows nothing of any one broker. */
static bool is_told(const struct describing *d, const struct settings_effective *link)
{
    return !d->of_all || link->source == SETTINGS_SOURCE_CLUSTER;
}

static void add_synonyms(const struct describing *d, const struct settings_chain *chain,
                         CONFIG *config)
{
    config->synonyms = wire_new_array(&wire_msg_describe_configs_response_results_configs_synonyms,
                                      d->arena, (int32_t)chain->count);
    for (size_t i = 0; i < chain->count; i++) {
        if (is_told(d, &chain->links[i])) {
            struct wire_describe_configs_response_results_configs_synonyms *synonym =
                &config->synonyms[config->synonyms_count++];
            synonym->name = slice_str(chain->links[i].source_name);
            synonym->value = shown(chain->links[i].row, chain->links[i].source_text);
            synonym->source = (int8_t)chain->links[i].source;
        }
    }
}

/* What a setting means, and whether it means it here. */
static struct slice documentation_of(const struct describing *d, const struct setting *row)
{
    if (row->has_effect) {
        return slice_str(row->doc);
    }
    if (row->doc[0] == '\0') {
        return slice_str("A setting of Apache Kafka that has no effect here.");
    }
    return slice_str(arena_printf(d->arena, "%s It has no effect here yet.", row->doc));
}

static void add_config(const struct describing *d, const struct setting *row)
{
    struct settings_chain chain =
        settings_chain(d->view, d->scope, d->resource->resource_name, row->name, d->arena);
    size_t at = 0;
    while (at < chain.count && !is_told(d, &chain.links[at])) {
        at++;
    }
    if (at == chain.count) {
        return; /* what is stored there is not allowed in this version */
    }
    const struct settings_effective *effective = &chain.links[at];
    CONFIG *config = &d->result->configs[d->result->configs_count++];
    config->name = slice_str(row->name);
    config->value = shown(row, effective->value);
    config->read_only = row->mode == SETTINGS_READ_ONLY;
    config->config_source = (int8_t)effective->source;
    config->is_default = d->version == 0 && effective->source == SETTINGS_SOURCE_DEFAULT;
    config->is_sensitive = row->type == SETTINGS_PASSWORD;
    config->config_type = (int8_t)row->type;
    if (d->request->include_documentation) {
        config->documentation = documentation_of(d, row);
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

static enum err refuse(const struct describing *d, enum err e, const char *message)
{
    d->result->error_message = slice_str(message);
    return e;
}

static enum err check_topic(const struct describing *d)
{
    return metadata_topic_by_name(d->view->image, d->resource->resource_name) == NULL
               ? refuse(d, ERR_UNKNOWN_TOPIC_OR_PARTITION, "There is no such topic.")
               : ERR_NONE;
}

static enum err check_broker(struct describing *d)
{
    struct slice name = d->resource->resource_name;
    d->of_all = name.len == 0;
    if (d->of_all || slice_eq_str(name, arena_printf(d->arena, "%d", d->view->broker_id))) {
        return ERR_NONE;
    }
    return refuse(d, ERR_INVALID_REQUEST,
                  arena_printf(d->arena,
                               "Unexpected broker id, expected %d or empty string, but received "
                               "%.*s: a node knows only its own settings.",
                               d->view->broker_id, SLICE_ARG(name)));
}

static enum err check_group(const struct describing *d)
{
    return d->resource->resource_name.len == 0
               ? refuse(d, ERR_INVALID_REQUEST, "Group name must not be empty.")
               : ERR_NONE;
}

static enum err check_resource(struct describing *d)
{
    switch (d->resource->resource_type) {
    case METADATA_CONFIG_TOPIC:
        d->scope = SETTINGS_TOPIC;
        return check_topic(d);
    case METADATA_CONFIG_BROKER:
        d->scope = SETTINGS_SERVER;
        return check_broker(d);
    case METADATA_CONFIG_GROUP:
        d->scope = SETTINGS_GROUP;
        return check_group(d);
    default:
        return refuse(
            d, ERR_INVALID_REQUEST,
            "Unsupported resource type: there are settings of topics (2), brokers (4) and "
            "groups (32).");
    }
}

static enum err describe(struct describing *d)
{
    TRY(check_resource(d));
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
