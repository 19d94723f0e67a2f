/* craft api-versions: what nodes serve. */
#include <stdio.h>

#include "cli/admin.h"

enum { VERSION = 3 };

static const struct table_column columns[] = {
    {"NODE", "node", TABLE_NUMBER},     {"KEY", "key", TABLE_NUMBER},
    {"API", "api", TABLE_TEXT},         {"FROM", "minVersion", TABLE_NUMBER},
    {"TO", "maxVersion", TABLE_NUMBER}, {"KNOWN TO", "knownMaxVersion", TABLE_NUMBER},
};

/* `node` CLIENT_ANY: the first server that answers, which does not say who it is. */
static enum err ask(struct client *client, int32_t node, struct table *t)
{
    struct wire_api_versions_request request = {.client_software_name = slice_str("craft"),
                                                .client_software_version = slice_str(CLI_VERSION)};
    const void *answer;
    TRY(client_call(
        client, &(struct client_call){node, WIRE_API_API_VERSIONS, VERSION, &request, 0}, &answer));
    const struct wire_api_versions_response *response = answer;
    TRY((enum err)response->error_code);
    for (int32_t i = 0; i < response->api_keys_count; i++) {
        const struct wire_api_versions_response_api_keys *row = &response->api_keys[i];
        const struct wire_api_info *known = wire_api(row->api_key);
        if (node == CLIENT_ANY) {
            table_null(t);
        } else {
            table_number(t, node);
        }
        table_number(t, row->api_key);
        table_text(t, slice_str(known == NULL ? NULL : known->name));
        table_number(t, row->min_version);
        table_number(t, row->max_version);
        if (known == NULL) {
            table_null(t);
        } else {
            table_number(t, known->version_max);
        }
    }
    return ERR_NONE;
}

static enum cli_exit ask_nodes(struct cli *cli, struct client *client, struct table *t)
{
    enum err e = cli->args.word_count == 0 ? ask(client, CLIENT_ANY, t) : admin_learn_nodes(client);
    if (e != ERR_NONE) {
        return client_fail(cli, client, e);
    }
    enum cli_exit code = CLI_OK;
    for (int i = 0; i < cli->args.word_count; i++) {
        int64_t id;
        if (!args_parse_number(slice_str(cli->args.words[i]), &id) || id < 0 || id > INT32_MAX) {
            return cli_misuse(cli, "a node is named by its id, not \"%s\"", cli->args.words[i]);
        }
        e = ask(client, (int32_t)id, t);
        if (e != ERR_NONE) {
            code = client_fail(cli, client, e);
        }
    }
    return code;
}

static enum cli_exit run_api_versions(struct cli *cli)
{
    enum cli_exit code;
    struct client *client = client_open(cli, &code);
    if (client == NULL) {
        return code;
    }
    struct table t;
    struct buf out = {0};
    table_init(&t, columns, ARRAY_LEN(columns));
    code = ask_nodes(cli, client, &t);
    if (t.count > 0) {
        table_sort(&t);
        table_print(&t, cli->format, &out);
        cli_print(&out);
    }
    table_fini(&t);
    client_close(client);
    return code;
}

const struct cli_verb cli_api_versions = {
    .noun = "api-versions",
    .words = "[ID…]",
    .words_max = CLI_WORDS_ANY,
    .uses = CLI_USES_CLUSTER | CLI_USES_CONTROLLERS | CLI_USES_FORMAT,
    .about = "Shows the requests that nodes serve, and in which versions",
    .more = "Without an id the first server that answers is asked. KNOWN TO is the newest version "
            "that this\ntool knows.",
    .examples = "craft api-versions --bootstrap-server 127.0.0.1:9092\n"
                "craft api-versions 1 2 3 --format tsv --bootstrap-server 127.0.0.1:9092\n"
                "craft api-versions --bootstrap-controller 127.0.0.1:10092",
    .run = run_api_versions,
};
