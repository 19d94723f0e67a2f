/* craft group: consumer groups. */
#include "cli/group.h"

#include <stdio.h>

enum { LIST_VERSION = 5 };

/* ---- list ---- */

static const struct table_column columns[] = {
    {"GROUP", "groupId", TABLE_TEXT},
    {"TYPE", "type", TABLE_TEXT},
    {"STATE", "state", TABLE_TEXT},
    {"PROTOCOL TYPE", "protocolType", TABLE_TEXT},
    {"COORDINATOR", "coordinator", TABLE_NUMBER},
};

static enum err list_of(struct client *client, int32_t broker, struct table *t)
{
    struct wire_list_groups_request request;
    wire_init(&wire_msg_list_groups_request, &request);
    const struct wire_list_groups_response *response;
    enum err e;
    do {
        const void *answer;
        TRY(client_call(
            client, &(struct client_call){broker, WIRE_API_LIST_GROUPS, LIST_VERSION, &request, 0},
            &answer));
        response = answer;
        e = (enum err)response->error_code;
    } while (client_retry(client, e));
    for (int32_t i = 0; i < response->groups_count && e == ERR_NONE; i++) {
        const struct wire_list_groups_response_groups *group = &response->groups[i];
        table_text(t, group->group_id);
        table_text(t, group->group_type);
        table_text(t, group->group_state);
        table_text(t, group->protocol_type);
        table_number(t, broker);
    }
    return e;
}

/* Each broker knows the groups that it coordinates. */
static enum cli_exit list_all(struct cli *cli, struct client *client, struct table *t)
{
    struct cluster cluster = {.client = client};
    enum err e = cluster_refresh(&cluster, &SLICE_NULL, 0);
    enum cli_exit code = e == ERR_NONE ? CLI_OK : client_fail(cli, client, e);
    for (int32_t i = 0; e == ERR_NONE && i < cluster.metadata->brokers_count; i++) {
        int32_t broker = cluster.metadata->brokers[i].node_id;
        enum err error = list_of(client, broker, t);
        if (error != ERR_NONE) {
            code = cli_fail(cli, "the groups of broker %" PRId32 " are missing: %s", broker,
                            client_why(client)[0] == '\0' ? err_text(error) : client_why(client));
        }
        client_restart_clock(client);
    }
    cluster_fini(&cluster);
    return code;
}

static enum cli_exit run_list(struct cli *cli)
{
    enum cli_exit code;
    struct client *client = client_open(cli, &code);
    if (client == NULL) {
        return code;
    }
    struct table t;
    table_init(&t, columns, ARRAY_LEN(columns));
    code = list_all(cli, client, &t);
    if (code == CLI_OK || t.count > 0) {
        struct buf out = {0};
        table_sort(&t);
        table_print(&t, cli->format, &out);
        cli_print(&out);
    }
    table_fini(&t);
    client_close(client);
    return code;
}

const struct cli_verb cli_group_list = {
    .noun = "group",
    .name = "list",
    .words = "",
    .uses = CLI_USES_CLUSTER | CLI_USES_FORMAT,
    .about = "Lists the consumer groups",
    .examples = "craft group list --bootstrap-server 127.0.0.1:9092\n"
                "craft group list --bootstrap-server 127.0.0.1:9092 --format json",
    .run = run_list,
};

/* ---- describe ---- */

static enum cli_exit run_describe(struct cli *cli)
{
    enum cli_exit code;
    struct client *client = client_open(cli, &code);
    if (client == NULL) {
        return code;
    }
    struct cluster cluster = {.client = client};
    struct group group;
    const char *name = cli->args.words[0];
    enum err e = group_find(&cluster, slice_str(name), &cli->arena, &group);
    if (e == ERR_NONE) {
        struct buf out = {0};
        group_print(&group, cli->format, &out);
        code = cli_print(&out);
    } else if (client_why(client)[0] != '\0') {
        code = client_fail(cli, client, e);
    } else {
        code = cli_fail_with(cli, name, e, SLICE_NULL);
    }
    cluster_fini(&cluster);
    client_close(client);
    return code;
}

const struct cli_verb cli_group_describe = {
    .noun = "group",
    .name = "describe",
    .words = "GROUP",
    .words_min = 1,
    .words_max = 1,
    .uses = CLI_USES_CLUSTER | CLI_USES_FORMAT,
    .about = "Shows the members of a group, its offsets and how far it is behind",
    .examples = "craft group describe billing --bootstrap-server 127.0.0.1:9092\n"
                "craft group describe billing --bootstrap-server 127.0.0.1:9092 --format tsv",
    .run = run_describe,
};
