/* craft config get, set, unset: settings of topics, brokers and groups, and the brokers' defaults.
 */
#include "cli/config.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- which resource ---- */

static const struct {
    const char *name;
    int8_t type;
    bool has_name;
    const char *of_name;
} kinds[] = {
    {"topic", METADATA_CONFIG_TOPIC, true, "NAME"},
    {"broker", METADATA_CONFIG_BROKER, true, "ID"},
    {"group", METADATA_CONFIG_GROUP, true, "NAME"},
    {"defaults", METADATA_CONFIG_BROKER, false, ""},
};

/* What the words say. */
struct target {
    struct configs_resource resource;
    const char *text;         /* for complaints: "topic clicks" */
    const char *const *items; /* the words behind it */
    int count;
};

static bool read_target(struct cli *cli, struct target *out)
{
    const char *kind = cli->args.words[0];
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        if (strcmp(kind, kinds[i].name) != 0) {
            continue;
        }
        int used = kinds[i].has_name ? 2 : 1;
        if (cli->args.word_count < used) {
            buf_printf(&cli->why, "%s %s is missing", kind, kinds[i].of_name);
            return false;
        }
        const char *name = kinds[i].has_name ? cli->args.words[1] : "";
        int64_t id;
        if (kinds[i].type == METADATA_CONFIG_BROKER && kinds[i].has_name &&
            (!args_parse_number(slice_str(name), &id) || id < 0 || id > INT32_MAX)) {
            buf_printf(&cli->why, "a broker is named by its id, not \"%s\"", name);
            return false;
        }
        *out = (struct target){
            .resource = {kinds[i].type, slice_str(name)},
            .text = arena_printf(&cli->arena, "%s%s%s", kind, name[0] == '\0' ? "" : " ", name),
            .items = cli->args.words + used,
            .count = cli->args.word_count - used};
        return true;
    }
    buf_printf(&cli->why, "settings are those of a topic, broker, group, or defaults, not \"%s\"",
               kind);
    return false;
}

#define ABOUT_RESOURCES \
    "RESOURCE is `topic NAME`, `broker ID`, `group NAME` or `defaults`: the settings of all " \
    "brokers,\nand so of all topics that do not set their own."

/* ---- get ---- */

static const struct table_column columns[] = {
    {"NAME", "name", TABLE_TEXT},           {"VALUE", "value", TABLE_TEXT},
    {"SOURCE", "source", TABLE_TEXT},       {"READ ONLY", "readOnly", TABLE_BOOL},
    {"MEANING", "description", TABLE_TEXT},
};

/* The source that means: it was set for this resource. */
static int8_t own_source(const struct configs_resource *resource)
{
    switch (resource->type) {
    case METADATA_CONFIG_TOPIC:
        return SETTINGS_SOURCE_TOPIC;
    case METADATA_CONFIG_GROUP:
        return SETTINGS_SOURCE_GROUP;
    default:
        return resource->name.len == 0 ? SETTINGS_SOURCE_CLUSTER : SETTINGS_SOURCE_BROKER;
    }
}

static bool is_named(struct slice name, const char *const *names, int count)
{
    for (int i = 0; i < count; i++) {
        if (slice_eq_str(name, names[i])) {
            return true;
        }
    }
    return false;
}

static void put_row(struct table *t, const struct wire_describe_configs_response_results_configs *c,
                    bool with_docs)
{
    table_text(t, c->name);
    table_text(t, c->is_sensitive ? SLICE_NULL : c->value);
    table_text(t, slice_str(configs_source(c->config_source)));
    table_bool(t, c->read_only);
    if (with_docs) {
        table_text(t, c->documentation);
    }
}

static enum cli_exit print(struct cli *cli,
                           const struct wire_describe_configs_response_results *result,
                           const struct configs_resource *resource, const char *const *names,
                           int count)
{
    struct table t;
    struct buf out = {0};
    bool all = args_has(&cli->args, "all");
    bool with_docs = args_has(&cli->args, "docs");
    int found = 0;
    table_init(&t, columns, ARRAY_LEN(columns) - (with_docs ? 0 : 1));
    for (int32_t i = 0; i < result->configs_count; i++) {
        const struct wire_describe_configs_response_results_configs *c = &result->configs[i];
        bool named = is_named(c->name, names, count);
        found += named;
        if (named || (count == 0 && (all || c->config_source == own_source(resource)))) {
            put_row(&t, c, with_docs);
        }
    }
    table_sort(&t);
    table_print(&t, cli->format, &out);
    table_fini(&t);
    enum cli_exit code = cli_print(&out);
    return found < count ? cli_fail(cli, "some of these settings do not exist") : code;
}

/* Prints the settings of a resource: those in `names` (count 0: those that were set for it, or with
 * --all all of them). Returns the exit code; complaints are printed. */
static enum cli_exit show(struct cli *cli, struct client *client,
                          const struct configs_resource *resource, const char *const *names,
                          int count)
{
    struct configs_question question = {
        .resources = resource, .count = 1, .with_documentation = args_has(&cli->args, "docs")};
    const struct wire_describe_configs_response *response;
    enum err e = configs_describe(client, &question, &response);
    if (e != ERR_NONE) {
        return client_fail(cli, client, e);
    }
    const struct wire_describe_configs_response_results *result = response->results;
    if (result->error_code != 0) {
        const char *name = arena_str(&cli->arena, resource->name);
        return cli_fail_with(cli, name[0] == '\0' ? "defaults" : name, (enum err)result->error_code,
                             result->error_message);
    }
    return print(cli, result, resource, names, count);
}

static enum cli_exit run_get(struct cli *cli)
{
    struct target target;
    if (!read_target(cli, &target)) {
        return cli_refuse(cli);
    }
    enum cli_exit code;
    struct client *client = client_open(cli, &code);
    if (client != NULL) {
        code = show(cli, client, &target.resource, target.items, target.count);
        client_close(client);
    }
    return code;
}

static const struct args_option get_options[] = {
    {"all", NULL, "also what nobody has set"}, {"docs", NULL, "with what each setting means"}, {0}};

const struct cli_verb cli_config_get = {
    .noun = "config",
    .name = "get",
    .words = "RESOURCE [SETTING…]",
    .words_min = 1,
    .words_max = CLI_WORDS_ANY,
    .uses = CLI_USES_CLUSTER | CLI_USES_CONTROLLERS | CLI_USES_FORMAT,
    .about = "Shows settings and where their values come from",
    .more = ABOUT_RESOURCES " Without the name of a setting those are shown\nthat were set while "
                            "the cluster runs.",
    .examples = "craft config get topic clicks --bootstrap-server 127.0.0.1:9092\n"
                "craft config get broker 1 --all --docs --bootstrap-server 127.0.0.1:9092\n"
                "craft config get topic clicks retention.ms --format tsv --bootstrap-server "
                "127.0.0.1:9092",
    .options = get_options,
    .run = run_get,
};

/* ---- set, unset ---- */

enum cli_exit config_change(struct cli *cli, struct client *client,
                            const struct configs_changes *changes, const char *what)
{
    struct admin_result result;
    enum err e = configs_alter(client, changes, &result);
    if (e == ERR_NONE) {
        return CLI_OK;
    }
    return client_why(client)[0] != '\0' ? client_fail(cli, client, e)
                                         : cli_fail_with(cli, what, e, result.message);
}

static bool read_changes(struct cli *cli, const struct target *target,
                         enum configs_operation operation, struct configs_changes *out)
{
    struct configs_change *items =
        ARENA_ARRAY(&cli->arena, (size_t)target->count + 1, struct configs_change);
    *out = (struct configs_changes){.resource = target->resource,
                                    .items = items,
                                    .validate_only = args_has(&cli->args, "validate-only")};
    for (; out->count < target->count; out->count++) {
        struct configs_change *item = &items[out->count];
        const char *text = target->items[out->count];
        *item = (struct configs_change){slice_str(text), operation, SLICE_NULL};
        if (operation == CONFIGS_SET && !args_pair(text, &item->name, &item->value)) {
            buf_printf(&cli->why, "\"%s\" is not NAME=VALUE", text);
            return false;
        }
    }
    if (out->count == 0) {
        buf_put_str(&cli->why,
                    operation == CONFIGS_SET ? "NAME=VALUE is missing" : "SETTING is missing");
    }
    return out->count > 0;
}

static enum cli_exit change(struct cli *cli, enum configs_operation operation)
{
    struct target target;
    struct configs_changes changes;
    if (!read_target(cli, &target) || !read_changes(cli, &target, operation, &changes)) {
        return cli_refuse(cli);
    }
    enum cli_exit code;
    struct client *client = client_open(cli, &code);
    if (client != NULL) {
        code = config_change(cli, client, &changes, target.text);
        client_close(client);
    }
    if (code == CLI_OK) {
        printf("%s %s\n", changes.validate_only ? "valid for" : "changed", target.text);
    }
    return code;
}

static enum cli_exit run_set(struct cli *cli)
{
    return change(cli, CONFIGS_SET);
}

static enum cli_exit run_unset(struct cli *cli)
{
    return change(cli, CONFIGS_DELETE);
}

static const struct args_option change_options[] = {
    {"validate-only", NULL, "find out whether it could be changed"}, {0}};

const struct cli_verb cli_config_set = {
    .noun = "config",
    .name = "set",
    .words = "RESOURCE SETTING=VALUE…",
    .words_min = 1,
    .words_max = CLI_WORDS_ANY,
    .uses = CLI_USES_CLUSTER | CLI_USES_CONTROLLERS,
    .about = "Changes settings, all of them or none",
    .more = ABOUT_RESOURCES,
    .examples = "craft config set topic clicks retention.ms=86400000 cleanup.policy=compact "
                "--bootstrap-server 127.0.0.1:9092\n"
                "craft config set defaults log.retention.hours=24 --validate-only "
                "--bootstrap-server 127.0.0.1:9092",
    .options = change_options,
    .run = run_set,
};

const struct cli_verb cli_config_unset = {
    .noun = "config",
    .name = "unset",
    .words = "RESOURCE SETTING…",
    .words_min = 1,
    .words_max = CLI_WORDS_ANY,
    .uses = CLI_USES_CLUSTER | CLI_USES_CONTROLLERS,
    .about = "Takes settings back, so that the defaults count",
    .more = ABOUT_RESOURCES,
    .examples = "craft config unset topic clicks retention.ms --bootstrap-server 127.0.0.1:9092",
    .options = change_options,
    .run = run_unset,
};

/* ---- the settings of a topic, for short ---- */

static enum cli_exit run_topic_configs(struct cli *cli)
{
    enum cli_exit code;
    struct client *client = client_open(cli, &code);
    if (client != NULL) {
        struct configs_resource resource = {METADATA_CONFIG_TOPIC, slice_str(cli->args.words[0])};
        code = show(cli, client, &resource, cli->args.words + 1, cli->args.word_count - 1);
        client_close(client);
    }
    return code;
}

const struct cli_verb cli_topic_configs = {
    .noun = "topic",
    .name = "configs",
    .words = "NAME [SETTING…]",
    .words_min = 1,
    .words_max = CLI_WORDS_ANY,
    .uses = CLI_USES_CLUSTER | CLI_USES_FORMAT,
    .about = "Shows the settings of a topic and where their values come from",
    .examples = "craft topic configs clicks --all --bootstrap-server 127.0.0.1:9092",
    .options = get_options,
    .run = run_topic_configs,
};
