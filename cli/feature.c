/* craft feature: the levels of the cluster's features (KIP-584), the second step of an upgrade. */
#include <stdio.h>

#include "cli/client.h"
#include "cli/nodes.h"
#include "metadata/metadata.h"

enum { UPGRADE = 1, SAFE_DOWNGRADE = 2, UNSAFE_DOWNGRADE = 3 };
enum { API_VERSIONS_VERSION = 4, UPDATE_VERSION = 2, UPDATES_MAX = 100 };

/* ---- describe ---- */

static const struct table_column columns[] = {
    {"FEATURE", "feature", TABLE_TEXT},
    {"SUPPORTED MIN", "supportedMin", TABLE_NUMBER},
    {"SUPPORTED MAX", "supportedMax", TABLE_NUMBER},
    {"FINALIZED", "finalized", TABLE_NUMBER},
    {"NAME", "finalizedName", TABLE_TEXT},
    {"EPOCH", "epoch", TABLE_NUMBER},
};

static enum err ask_versions(struct client *client, const struct wire_api_versions_response **out)
{
    struct wire_api_versions_request request;
    const void *answer;
    wire_init(&wire_msg_api_versions_request, &request);
    request.client_software_name = slice_str("craft");
    request.client_software_version = slice_str(CLI_VERSION);
    TRY(client_call(
        client,
        &(struct client_call){CLIENT_ANY, WIRE_API_API_VERSIONS, API_VERSIONS_VERSION, &request, 0},
        &answer));
    *out = answer;
    return (enum err)(*out)->error_code;
}

/* 0: the cluster has not finalized it. */
static int16_t finalized_level(const struct wire_api_versions_response *response,
                               struct slice feature)
{
    for (int32_t i = 0; i < response->finalized_features_count; i++) {
        if (slice_eq(response->finalized_features[i].name, feature)) {
            return response->finalized_features[i].max_version_level;
        }
    }
    return 0;
}

static void add_row(struct table *t, const struct wire_api_versions_response *response,
                    const struct wire_api_versions_response_supported_features *feature)
{
    int16_t level = finalized_level(response, feature->name);
    bool has_names = slice_eq_str(feature->name, METADATA_VERSION_FEATURE);
    table_text(t, feature->name);
    table_number(t, feature->min_version);
    table_number(t, feature->max_version);
    table_number(t, level);
    table_text(t, has_names ? slice_str(metadata_level_name(level)) : SLICE_NULL);
    table_number(t, response->finalized_features_epoch);
}

static enum cli_exit run_describe(struct cli *cli)
{
    enum cli_exit code;
    const struct wire_api_versions_response *response;
    struct client *client = client_open(cli, &code);
    if (client == NULL) {
        return code;
    }
    enum err e = ask_versions(client, &response);
    if (e != ERR_NONE) {
        code = client_fail(cli, client, e);
    } else {
        struct table t;
        struct buf out = {0};
        table_init(&t, columns, ARRAY_LEN(columns));
        for (int32_t i = 0; i < response->supported_features_count; i++) {
            add_row(&t, response, &response->supported_features[i]);
        }
        table_sort(&t);
        table_print(&t, cli->format, &out);
        table_fini(&t);
        code = cli_print(&out);
    }
    client_close(client);
    return code;
}

const struct cli_verb cli_feature_describe = {
    .noun = "feature",
    .name = "describe",
    .words = "",
    .uses = CLI_USES_CLUSTER | CLI_USES_CONTROLLERS | CLI_USES_FORMAT,
    .about = "Shows the levels of features: what the node asked supports, what the cluster uses",
    .more = "EPOCH is the offset of the metadata as of which the node answers.",
    .examples = "craft feature describe --bootstrap-server 127.0.0.1:9092\n"
                "craft feature describe --bootstrap-controller 127.0.0.1:10092 --format json",
    .run = run_describe,
};

/* ---- upgrade and downgrade ---- */

struct update {
    struct wire_update_features_request request;
    struct wire_update_features_request_feature_updates items[UPDATES_MAX];
};

/* "group.version=1", "metadata.version=4.0-IV3". */
static bool parse_item(struct cli *cli, const char *word,
                       struct wire_update_features_request_feature_updates *out)
{
    struct slice name;
    struct slice value;
    if (!args_pair(word, &name, &value)) {
        (void)!cli_misuse(cli, "\"%s\" is no FEATURE=LEVEL like metadata.version=25", word);
        return false;
    }
    bool has_names = slice_eq_str(name, METADATA_VERSION_FEATURE);
    int64_t number;
    int16_t level = -1;
    if (args_parse_number(value, &number) && number >= 0 && number <= INT16_MAX) {
        level = (int16_t)number;
    } else if (!has_names || !metadata_level_parse(value, &level)) {
        (void)!cli_misuse(cli, "\"%s\" is no level of a feature", word);
        return false;
    }
    out->feature = name;
    out->max_version_level = level;
    return true;
}

static bool parse_items(struct cli *cli, int8_t type, struct update *out)
{
    wire_init(&wire_msg_update_features_request, &out->request);
    out->request.feature_updates = out->items;
    out->request.validate_only = args_has(&cli->args, "dry-run");
    for (int i = 0; i < cli->args.word_count; i++) {
        struct wire_update_features_request_feature_updates *item = &out->items[i];
        wire_init(&wire_msg_update_features_request_feature_updates, item);
        if (!parse_item(cli, cli->args.words[i], item)) {
            return false;
        }
        item->upgrade_type = type;
        out->request.feature_updates_count++;
    }
    return true;
}

/* --latest: everything that the node asked supports. */
static enum err take_latest(struct client *client, struct update *out)
{
    const struct wire_api_versions_response *response;
    TRY(ask_versions(client, &response));
    for (int32_t i = 0; i < response->supported_features_count; i++) {
        const struct wire_api_versions_response_supported_features *feature =
            &response->supported_features[i];
        bool of_quorum = slice_eq_str(feature->name, "kraft.version");
        if (of_quorum || finalized_level(response, feature->name) >= feature->max_version) {
            continue;
        }
        struct wire_update_features_request_feature_updates *item =
            &out->items[out->request.feature_updates_count++];
        wire_init(&wire_msg_update_features_request_feature_updates, item);
        item->feature = feature->name;
        item->max_version_level = feature->max_version;
        item->upgrade_type = UPGRADE;
    }
    return ERR_NONE;
}

static enum err ask_update(struct client *client, const struct update *update,
                           const struct wire_update_features_response **out)
{
    struct client_call call = {CLIENT_ANY, WIRE_API_UPDATE_FEATURES, UPDATE_VERSION,
                               &update->request, 0};
    const void *answer;
    if (client_asks_controllers(client)) {
        TRY(nodes_find_active(client, &call.node));
        TRY(client_call_once(client, &call, &answer));
    } else {
        TRY(client_call(client, &call, &answer));
    }
    *out = answer;
    return (enum err)(*out)->error_code;
}

static enum cli_exit tell_done(const struct update *update)
{
    struct buf out = {0};
    for (int32_t i = 0; i < update->request.feature_updates_count; i++) {
        buf_printf(&out, "%.*s is %s level %d\n", SLICE_ARG(update->items[i].feature),
                   update->request.validate_only ? "not changed; it could be at" : "at",
                   update->items[i].max_version_level);
    }
    if (update->request.feature_updates_count == 0) {
        buf_put_str(&out, "every feature is at the highest level already\n");
    }
    return cli_print(&out);
}

static enum cli_exit update(struct cli *cli, struct client *client, struct update *u)
{
    const struct wire_update_features_response *response = NULL;
    enum err e = ERR_NONE;
    if (u->request.feature_updates_count == 0) { /* --latest */
        e = take_latest(client, u);
    }
    while (e == ERR_NONE && u->request.feature_updates_count > 0) {
        e = ask_update(client, u, &response);
        if (e == ERR_NONE || !client_retry(client, e)) {
            break;
        }
        client_turn(client);
        e = ERR_NONE;
    }
    if (e == ERR_NONE) {
        return tell_done(u);
    }
    if (response != NULL && response->error_code != 0) {
        return cli_fail_with(cli, "features", e, response->error_message);
    }
    return client_fail(cli, client, e);
}

static enum cli_exit run_update(struct cli *cli, int8_t type)
{
    struct update u;
    enum cli_exit code;
    if (!parse_items(cli, type, &u)) {
        return CLI_USAGE;
    }
    struct client *client = client_open(cli, &code);
    if (client == NULL) {
        return code;
    }
    code = update(cli, client, &u);
    client_close(client);
    return code;
}

static enum cli_exit run_upgrade(struct cli *cli)
{
    if (args_has(&cli->args, "latest") != (cli->args.word_count == 0)) {
        return cli_misuse(cli, "name FEATURE=LEVEL, or say --latest");
    }
    return run_update(cli, UPGRADE);
}

static enum cli_exit run_downgrade(struct cli *cli)
{
    return run_update(cli, args_has(&cli->args, "unsafe") ? UNSAFE_DOWNGRADE : SAFE_DOWNGRADE);
}

static const struct args_option upgrade_options[] = {
    {"latest", NULL,
     "every feature to the highest level that the node asked supports,\nbut kraft.version"},
    {"dry-run", NULL, "only ask whether it could be done"},
    {0}};

const struct cli_verb cli_feature_upgrade = {
    .noun = "feature",
    .name = "upgrade",
    .words = "[FEATURE=LEVEL…]",
    .words_max = UPDATES_MAX,
    .uses = CLI_USES_CLUSTER | CLI_USES_CONTROLLERS,
    .about = "Raises levels of features, when all nodes run the new release",
    .more = "All or none. It is refused while a registered node does not support the level. From\n"
            "then on nodes of older releases are refused, and stop. Levels of metadata.version\n"
            "have names, too: 25 is 4.0-IV3, and 4.0 means the last of that release.\n"
            "kraft.version=1 makes the voters of controller.quorum.voters records of the log, so\n"
            "that they can change (craft quorum add); there is no way back.",
    .examples = "craft feature upgrade --latest --bootstrap-server 127.0.0.1:9092\n"
                "craft feature upgrade metadata.version=4.0-IV3 group.version=1 "
                "--bootstrap-controller 127.0.0.1:10092",
    .options = upgrade_options,
    .run = run_upgrade,
};

static const struct args_option downgrade_options[] = {
    {"unsafe", NULL, "even if something would be lost, where the feature allows that"},
    {"dry-run", NULL, "only ask whether it could be done"},
    {0}};

const struct cli_verb cli_feature_downgrade = {
    .noun = "feature",
    .name = "downgrade",
    .words = "FEATURE=LEVEL…",
    .words_min = 1,
    .words_max = UPDATES_MAX,
    .uses = CLI_USES_CLUSTER | CLI_USES_CONTROLLERS,
    .about = "Lowers levels of features, before nodes go back to an older release",
    .more = "metadata.version is lowered only if nothing in the metadata needs the higher level.\n"
            "Every node then writes a snapshot at once, so that an older release that is started\n"
            "in its place finds nothing that it does not know.",
    .examples = "craft feature downgrade metadata.version=24 --bootstrap-server 127.0.0.1:9092",
    .options = downgrade_options,
    .run = run_downgrade,
};
