/* craft group: consumer groups. */
#include "cli/group.h"

/* ---- list ---- */

static const struct table_column columns[] = {
    {"GROUP", "groupId", TABLE_TEXT},
    {"TYPE", "type", TABLE_TEXT},
    {"STATE", "state", TABLE_TEXT},
    {"PROTOCOL TYPE", "protocolType", TABLE_TEXT},
    {"COORDINATOR", "coordinator", TABLE_NUMBER},
};

static void put(struct table *t, struct slice text)
{
    table_text(t, text.len == 0 ? SLICE_NULL : text);
}

static enum cli_exit run_list(struct cli *cli)
{
    enum cli_exit code;
    struct client *client = client_open(cli, &code);
    if (client == NULL) {
        return code;
    }
    struct group_list list = {0};
    enum err e = group_list(client, &cli->arena, &list);
    if (e != ERR_NONE && list.failed_broker < 0) {
        code = client_fail(cli, client, e);
    } else if (e != ERR_NONE) {
        code = cli_fail(cli, "the groups of broker %" PRId32 " are missing: %s", list.failed_broker,
                        client_why(client)[0] == '\0' ? err_text(e) : client_why(client));
    }
    if (code == CLI_OK || list.count > 0) {
        struct table t;
        struct buf out = {0};
        table_init(&t, columns, ARRAY_LEN(columns));
        for (int32_t i = 0; i < list.count; i++) {
            const struct group_listing *group = &list.items[i];
            table_text(&t, group->name);
            put(&t, group->type);
            put(&t, group->state);
            table_text(&t, group->protocol_type);
            table_number(&t, group->coordinator);
        }
        table_print(&t, cli->format, &out);
        table_fini(&t);
        cli_print(&out);
    }
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

enum cli_exit group_fail(const struct cli *cli, const struct client *client, const char *name,
                         enum err e)
{
    if (client_why(client)[0] != '\0') {
        return client_fail(cli, client, e);
    }
    return cli_fail_with(cli, name, e, SLICE_NULL);
}

static enum cli_exit run_describe(struct cli *cli)
{
    bool members = args_has(&cli->args, "members");
    bool offsets = args_has(&cli->args, "offsets");
    if (members && offsets) {
        return cli_misuse(cli, "give --members or --offsets; without them both are shown");
    }
    struct cluster cluster;
    enum cli_exit code = cluster_open(&cluster, cli);
    if (code != CLI_OK) {
        return code;
    }
    struct group group;
    const char *name = cli->args.words[0];
    enum err e = group_find(&cluster, slice_str(name), &cli->arena, &group);
    if (e == ERR_NONE) {
        struct buf out = {0};
        enum group_view view = members ? GROUP_MEMBERS : offsets ? GROUP_OFFSETS : GROUP_ALL;
        group_print(&group, view, cli->format, &out);
        code = cli_print(&out);
    } else {
        code = group_fail(cli, cluster.client, name, e);
    }
    cluster_close(&cluster);
    return code;
}

static const struct args_option describe_options[] = {
    {"members", NULL, "only the members, with the partitions that they have"},
    {"offsets", NULL, "only the offsets"},
    {0}};

const struct cli_verb cli_group_describe = {
    .noun = "group",
    .name = "describe",
    .words = "GROUP",
    .words_min = 1,
    .words_max = 1,
    .uses = CLI_USES_CLUSTER | CLI_USES_FORMAT,
    .about = "Shows the members of a group, its offsets and how far it is behind",
    .examples = "craft group describe billing --bootstrap-server 127.0.0.1:9092\n"
                "craft group describe billing --members --bootstrap-server 127.0.0.1:9092 "
                "--format tsv",
    .options = describe_options,
    .run = run_describe,
};
