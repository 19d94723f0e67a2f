/* kafka-configs: its options, and what it shows. */
#include "cli/kafka/configs.h"

#include <stdio.h>
#include <stdlib.h>

#include "cli/group.h"
#include "cli/kafka/java_order.h"
#include "cli/topics.h"

/* ---- entities ---- */

static const struct kind kinds[] = {
    {"topics", "topic", NULL, METADATA_CONFIG_TOPIC, SETTINGS_SOURCE_TOPIC},
    {"clients", "client", "client-defaults", 0, 0},
    {"users", "user", "user-defaults", 0, 0},
    {"brokers", "broker", "broker-defaults", METADATA_CONFIG_BROKER, SETTINGS_SOURCE_BROKER},
    {"ips", "ip", "ip-defaults", 0, 0},
    {"client-metrics", "client-metrics", NULL, METADATA_CONFIG_CLIENT_METRICS, 7},
    {"groups", "group", NULL, METADATA_CONFIG_GROUP, SETTINGS_SOURCE_GROUP},
    {"broker-loggers", "broker-logger", NULL, METADATA_CONFIG_BROKER_LOGGER, 6},
};

static const struct kind *find_kind(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        if (strcmp(kinds[i].name, name) == 0) {
            return &kinds[i];
        }
    }
    return NULL;
}

struct slice configs_tool_singular(const struct kind *kind)
{
    return slice_of(kind->name, strlen(kind->name) - 1);
}

static bool check_types(struct cli *cli, const struct kind *const *types, int count)
{
    for (int i = 1; i < count; i++) {
        if (types[i] == types[i - 1]) {
            buf_printf(&cli->why, "Duplicate entity type(s) specified: %s", types[i]->name);
            return false;
        }
    }
    if (count != 1) {
        buf_put_str(&cli->why, count == 0
                                   ? "At least one entity type must be specified"
                                   : "Only 'users' and 'clients' entity types may be specified "
                                     "together");
    }
    return count == 1;
}

static bool check_flags(struct cli *cli, bool has_flag)
{
    if (has_flag && tool_count(cli, "entity-type,entity-name,entity-default") > 0) {
        buf_put_str(&cli->why, "--entity-{type,name,default} should not be used in conjunction "
                               "with specific entity flags");
        return false;
    }
    return true;
}

/* --entity-type and the options that stand for one. False: the sentence is in cli->why. */
static bool read_entity(struct configs_tool *tool)
{
    struct cli *cli = tool->cli;
    const struct kind **types = ARENA_ARRAY(
        &cli->arena, (size_t)cli->args.given_count + ARRAY_LEN(kinds), const struct kind *);
    int count = 0;
    const char *type;
    int at = 0;
    while ((type = args_next(&cli->args, "entity-type", &at)) != NULL) {
        tool->kind = find_kind(type);
        types[count++] = tool->kind;
        if (tool->kind == NULL) {
            buf_printf(&cli->why,
                       "Invalid entity type %s, the entity type must be one of topics, clients, "
                       "users, brokers, ips, client-metrics, groups, broker-loggers with a "
                       "--bootstrap-server or --bootstrap-controller argument",
                       type);
            return false;
        }
    }
    tool->name = tool_has(cli, "entity-default") ? "" : args_text(&cli->args, "entity-name");
    bool has_flag = false;
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        const struct kind *kind = &kinds[i];
        bool is_default = kind->defaults != NULL && tool_has(cli, kind->defaults);
        if (is_default || tool_has(cli, kind->option)) {
            tool->kind = kind;
            tool->name = is_default ? "" : args_text(&cli->args, kind->option);
            has_flag = true;
            types[count++] = kind;
        }
    }
    return check_types(cli, types, count) && check_flags(cli, has_flag);
}

/* ---- checks ---- */

static bool check_name(struct configs_tool *tool)
{
    struct cli *cli = tool->cli;
    const struct kind *kind = tool->kind;
    bool is_broker =
        kind->type == METADATA_CONFIG_BROKER || kind->type == METADATA_CONFIG_BROKER_LOGGER;
    bool has_name = tool->name != NULL && tool->name[0] != '\0';
    int64_t id;
    if (is_broker && has_name && !args_parse_number(slice_str(tool->name), &id)) {
        buf_printf(&cli->why,
                   "The entity name for %s must be a valid integer broker id, but it is: %s",
                   kind->name, tool->name);
        return false;
    }
    bool has_defaults = kind->defaults != NULL;
    if (tool_has(cli, "describe") && !has_defaults && tool_has(cli, "entity-default")) {
        buf_printf(&cli->why, "--entity-default must not be specified with --describe of %s",
                   kind->name);
        return false;
    }
    if (tool_has(cli, "describe") && kind->type == METADATA_CONFIG_BROKER_LOGGER && !has_name) {
        buf_printf(&cli->why, "An entity name must be specified with --describe of %s", kind->name);
        return false;
    }
    if (tool_has(cli, "alter") && has_defaults && tool->name == NULL) {
        buf_put_str(&cli->why, "An entity-name or default entity must be specified with --alter "
                               "of users, clients, brokers or ips");
        return false;
    }
    if (tool_has(cli, "alter") && !has_defaults && !has_name) {
        buf_printf(&cli->why, "An entity name must be specified with --alter of %s", kind->name);
        return false;
    }
    return true;
}

static bool check(struct configs_tool *tool)
{
    struct cli *cli = tool->cli;
    if (!tool_allows(cli, "describe", "add-config,delete-config") || !read_entity(tool)) {
        return false;
    }
    int connections = tool_count(cli, "bootstrap-server,bootstrap-controller");
    if (connections == 0) {
        buf_put_str(&cli->why, "Either --bootstrap-server or --bootstrap-controller must be "
                               "specified.");
        return false;
    }
    if (connections > 1) {
        buf_put_str(&cli->why, "Only one of --bootstrap-server or --bootstrap-controller can be "
                               "specified");
        return false;
    }
    if (!check_name(tool)) {
        return false;
    }
    if (tool_count(cli, "add-config,add-config-file") == 2) {
        buf_put_str(&cli->why, "Only one of --add-config or --add-config-file must be specified");
        return false;
    }
    if (tool_has(cli, "alter") &&
        tool_count(cli, "add-config,add-config-file,delete-config") == 0) {
        buf_put_str(&cli->why, "At least one of --add-config, --add-config-file, or "
                               "--delete-config must be specified with --alter");
        return false;
    }
    return true;
}

/* ---- failures ---- */

enum cli_exit configs_tool_fail(struct configs_tool *tool, enum err e, struct slice message)
{
    struct cli *cli = tool->cli;
    bool is_far = client_why(tool->cluster.client)[0] != '\0';
    struct admin_result result = {e, message};
    const char *sentence = tool_sentence(cli, tool->cluster.client, &result);
    tool_fail(cli, "Error while executing config command with args '%s'",
              arena_str(&cli->arena, buf_slice(&cli->why)));
    return is_far ? tool_fail(cli, "%s", sentence)
                  : tool_fail(cli, "org.apache.kafka.common.errors.%s: %s", tool_error_class(e),
                              sentence);
}

/* ---- describe ---- */

static const char *source_name(int8_t source)
{
    static const char *const names[] = {
        "UNKNOWN",
        "DYNAMIC_TOPIC_CONFIG",
        "DYNAMIC_BROKER_CONFIG",
        "DYNAMIC_DEFAULT_BROKER_CONFIG",
        "STATIC_BROKER_CONFIG",
        "DEFAULT_CONFIG",
        "DYNAMIC_BROKER_LOGGER_CONFIG",
        "DYNAMIC_CLIENT_METRICS_CONFIG",
        "DYNAMIC_GROUP_CONFIG",
    };
    return source >= 0 && (size_t)source < ARRAY_LEN(names) ? names[source] : names[0];
}

static int compare_configs(const void *a, const void *b)
{
    const struct wire_describe_configs_response_results_configs *x = a;
    const struct wire_describe_configs_response_results_configs *y = b;
    return slice_cmp(x->name, y->name);
}

static void print_config(const struct wire_describe_configs_response_results_configs *config)
{
    printf("  %.*s=%.*s sensitive=%s synonyms={", SLICE_ARG(config->name), SLICE_ARG(config->value),
           config->is_sensitive ? "true" : "false");
    for (int32_t i = 0; i < config->synonyms_count; i++) {
        const struct wire_describe_configs_response_results_configs_synonyms *synonym =
            &config->synonyms[i];
        printf("%s%s:%.*s=%.*s", i == 0 ? "" : ", ", source_name(synonym->source),
               SLICE_ARG(synonym->name), SLICE_ARG(synonym->value));
    }
    puts("}");
}

int8_t configs_tool_source(const struct configs_tool *tool, struct slice name)
{
    bool is_default = tool->kind->type == METADATA_CONFIG_BROKER && name.len == 0;
    return is_default ? SETTINGS_SOURCE_CLUSTER : tool->kind->source;
}

enum err configs_tool_ask(struct configs_tool *tool, struct slice name, bool with_synonyms,
                          const struct wire_describe_configs_response_results **out)
{
    struct configs_resource resource = {tool->kind->type, name};
    struct configs_question question = {
        .resources = &resource, .count = 1, .with_synonyms = with_synonyms};
    const struct wire_describe_configs_response *response;
    TRY(configs_describe(tool->cluster.client, &question, &response));
    *out = response->results;
    return (enum err)response->results->error_code;
}

static enum cli_exit describe_one(struct configs_tool *tool, struct slice name)
{
    struct cli *cli = tool->cli;
    bool all = tool_has(cli, "all");
    if (name.len == 0) {
        printf("Default configs for %s in the cluster are:\n", tool->kind->name);
    } else {
        printf("%s configs for %.*s %.*s are:\n", all ? "All" : "Dynamic",
               SLICE_ARG(configs_tool_singular(tool->kind)), SLICE_ARG(name));
    }
    const struct wire_describe_configs_response_results *result = NULL;
    enum err e = configs_tool_ask(tool, name, true, &result);
    if (e != ERR_NONE) {
        return configs_tool_fail(tool, e, result == NULL ? SLICE_NULL : result->error_message);
    }
    if (result->configs_count > 0) {
        qsort(result->configs, (size_t)result->configs_count, sizeof *result->configs,
              compare_configs);
    }
    bool is_logger = tool->kind->type == METADATA_CONFIG_BROKER_LOGGER;
    for (int32_t i = 0; i < result->configs_count; i++) {
        if (all || is_logger ||
            result->configs[i].config_source == configs_tool_source(tool, name)) {
            print_config(&result->configs[i]);
        }
    }
    return CLI_OK;
}

struct names {
    struct slice *items;
    size_t count;
};

static enum err all_topics(struct configs_tool *tool, struct names *out)
{
    struct arena *arena = &tool->cli->arena;
    TRY(cluster_refresh(&tool->cluster, NULL, 0));
    size_t total = (size_t)max_i64(tool->cluster.metadata->topics_count, 0);
    uint32_t *hashes = ARENA_ARRAY(arena, total + 1, uint32_t);
    out->items = ARENA_ARRAY(arena, total + 1, struct slice);
    const struct wire_metadata_response_topics **topics = topics_sorted(&tool->cluster, arena);
    for (; topics[out->count] != NULL; out->count++) {
        hashes[out->count] = java_hash(topics[out->count]->name);
    }
    const size_t *order = java_order(hashes, out->count, JAVA_CAPACITY, arena);
    for (size_t i = 0; i < out->count; i++) {
        out->items[i] = topics[order[i]]->name;
    }
    return ERR_NONE;
}

/* All brokers, and their default. */
static enum err all_brokers(struct configs_tool *tool, struct names *out)
{
    struct arena *arena = &tool->cli->arena;
    TRY(cluster_refresh(&tool->cluster, &SLICE_NULL, 0));
    const struct wire_metadata_response *metadata = tool->cluster.metadata;
    out->items = ARENA_ARRAY(arena, (size_t)metadata->brokers_count + 1, struct slice);
    for (int32_t i = 0; i < metadata->brokers_count; i++) {
        out->items[out->count++] =
            slice_str(arena_printf(arena, "%" PRId32, metadata->brokers[i].node_id));
    }
    out->items[out->count++] = slice_str("");
    return ERR_NONE;
}

static enum err all_groups(struct configs_tool *tool, struct names *out)
{
    struct group_list list = {0};
    TRY(group_list(tool->cluster.client, &tool->cli->arena, &list));
    out->items = ARENA_ARRAY(&tool->cli->arena, (size_t)list.count + 1, struct slice);
    for (int32_t i = 0; i < list.count; i++) {
        out->items[out->count++] = list.items[i].name;
    }
    return ERR_NONE;
}

static bool contains(const struct names *names, struct slice name)
{
    for (size_t i = 0; i < names->count; i++) {
        if (slice_eq(names->items[i], name)) {
            return true;
        }
    }
    return false;
}

/* A group or a subscription exists by its settings alone, too. */
static bool has_settings(struct configs_tool *tool, struct slice name)
{
    const struct wire_describe_configs_response_results *result = NULL;
    bool is_there = false;
    enum err e = configs_tool_ask(tool, name, false, &result);
    for (int32_t i = 0; e == ERR_NONE && i < result->configs_count; i++) {
        is_there = is_there || result->configs[i].config_source == configs_tool_source(tool, name);
    }
    return is_there;
}

static enum cli_exit say_missing(const struct configs_tool *tool)
{
    printf("The %.*s '%s' doesn't exist and doesn't have dynamic config.\n",
           SLICE_ARG(configs_tool_singular(tool->kind)), tool->name);
    return CLI_OK;
}

static enum cli_exit describe_named(struct configs_tool *tool, const struct names *names)
{
    struct slice name = slice_str(tool->name);
    bool by_settings = tool->kind->type == METADATA_CONFIG_GROUP ||
                       tool->kind->type == METADATA_CONFIG_CLIENT_METRICS;
    if (contains(names, name) || (by_settings && has_settings(tool, name))) {
        return describe_one(tool, name);
    }
    return say_missing(tool);
}

/* Controllers have no list of topics, and tell of no nodes but themselves. */
static enum cli_exit describe_by_controllers(struct configs_tool *tool)
{
    struct client *client = tool->cluster.client;
    int64_t id;
    bool is_node = tool->kind->type == METADATA_CONFIG_BROKER ||
                   tool->kind->type == METADATA_CONFIG_BROKER_LOGGER;
    if (is_node && args_parse_number(slice_str(tool->name), &id)) {
        enum err e = admin_learn_nodes(client);
        if (e != ERR_NONE) {
            return configs_tool_fail(tool, e, SLICE_NULL);
        }
        if (!client_has_node(client, (int32_t)id)) {
            return say_missing(tool);
        }
    }
    return describe_one(tool, slice_str(tool->name));
}

static enum cli_exit describe(struct configs_tool *tool)
{
    if (client_asks_controllers(tool->cluster.client) && tool->name != NULL) {
        return describe_by_controllers(tool);
    }
    struct names names = {0};
    enum err e = ERR_NONE;
    switch (tool->kind->type) {
    case METADATA_CONFIG_TOPIC:
        e = all_topics(tool, &names);
        break;
    case METADATA_CONFIG_BROKER:
    case METADATA_CONFIG_BROKER_LOGGER:
        e = all_brokers(tool, &names);
        break;
    case METADATA_CONFIG_GROUP:
        e = all_groups(tool, &names);
        break;
    default:
        break; /* client metrics: there are none */
    }
    if (e != ERR_NONE) {
        return configs_tool_fail(tool, e, SLICE_NULL);
    }
    if (tool->name != NULL) {
        return describe_named(tool, &names);
    }
    enum cli_exit code = CLI_OK;
    for (size_t i = 0; i < names.count && code == CLI_OK; i++) {
        code = describe_one(tool, names.items[i]);
    }
    return code;
}

/* ---- the command line ---- */

/* As the failure shows it: every option and value, in their order. */
static void keep_call(struct cli *cli)
{
    buf_reset(&cli->why);
    for (int i = 0; i < cli->args.given_count; i++) {
        const struct args_given *given = &cli->args.given[i];
        buf_printf(&cli->why, "%s--%.*s%s%s", i == 0 ? "" : " ",
                   SLICE_ARG(args_name(given->option)), given->value[0] == '\0' ? "" : " ",
                   given->value);
    }
}

static enum cli_exit run(struct cli *cli)
{
    struct configs_tool tool = {.cli = cli};
    if (tool_count(cli, "alter,describe") != 1) {
        return tool_misuse(cli, "Command must include exactly one action: --describe, --alter");
    }
    if (!check(&tool)) {
        return tool_refuse(cli);
    }
    if (tool.kind->type == 0) {
        return tool_fail(cli, "%s: quotas and credentials are not supported by this tool",
                         tool.kind->name);
    }
    enum cli_exit code;
    tool.cluster.client = tool_open(cli, &code);
    if (tool.cluster.client == NULL) {
        return code;
    }
    keep_call(cli);
    code = tool_has(cli, "alter") ? configs_tool_alter(&tool) : describe(&tool);
    cluster_close(&tool.cluster);
    return code;
}

static const struct args_option options[] = {
    {"bootstrap-server", "SERVERS", "host:port,… of brokers"},
    {"bootstrap-controller", "SERVERS", "host:port,… of controllers"},
    {"command-config", "FILE", "properties of the client"},
    {"alter", NULL, "change settings"},
    {"describe", NULL, "show settings that were set"},
    {"all", NULL, "show all settings"},
    {"entity-type", "TYPE", "topics, brokers, groups, broker-loggers or client-metrics"},
    {"entity-name", "NAME", "name of the topic or group, id of the broker"},
    {"entity-default", NULL, "the default of all brokers"},
    {"topic", "NAME", "a topic"},
    {"broker", "ID", "a broker"},
    {"broker-defaults", NULL, "the default of all brokers"},
    {"broker-logger", "ID", "the loggers of a broker"},
    {"group", "NAME", "a group"},
    {"client-metrics", "NAME", "a subscription to metrics of clients"},
    {"client", "ID", "not supported: quotas"},
    {"client-defaults", NULL, "not supported: quotas"},
    {"user", "NAME", "not supported: quotas and credentials"},
    {"user-defaults", NULL, "not supported: quotas and credentials"},
    {"ip", "ADDRESS", "not supported: quotas"},
    {"ip-defaults", NULL, "not supported: quotas"},
    {"add-config", "K=V,…", "settings to set; a value with commas stands in [brackets]"},
    {"add-config-file", "FILE", "settings to set, as properties"},
    {"delete-config", "K,…", "settings to take back"},
    {"force", NULL, "accepted; nothing is asked anyway"},
    {0}};

const struct cli_verb kafka_configs = {
    .noun = "kafka-configs",
    .words = "",
    .uses = CLI_USES_CONTROLLERS,
    .about = "Shows and changes settings of topics, brokers and groups",
    .options = options,
    .repeats = "entity-type,entity-name,delete-config",
    .run = run,
};
