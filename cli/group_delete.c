/* craft group delete, delete-offsets: groups and offsets that nobody needs any more. */
#include <stdio.h>

#include "cli/coordinator.h"
#include "cli/selection.h"

/* ---- groups ---- */

static enum cli_exit run_delete(struct cli *cli)
{
    enum cli_exit code;
    struct client *client = client_open(cli, &code);
    for (int i = 0; client != NULL && i < cli->args.word_count; i++) {
        const char *name = cli->args.words[i];
        enum err e = coordinator_delete_group(client, slice_str(name));
        bool is_gone = e == ERR_GROUP_ID_NOT_FOUND && args_has(&cli->args, "if-exists");
        if (e == ERR_NONE) {
            printf("deleted %s\n", name);
        } else if (!is_gone) {
            code = group_fail(cli, client, name, e);
        }
    }
    client_close(client);
    return code;
}

static const struct args_option delete_options[] = {
    {"if-exists", NULL, "a group that does not exist is no failure"}, {0}};

const struct cli_verb cli_group_delete = {
    .noun = "group",
    .name = "delete",
    .words = "GROUP…",
    .words_min = 1,
    .words_max = CLI_WORDS_ANY,
    .uses = CLI_USES_CLUSTER,
    .about = "Deletes groups without members, and their offsets",
    .examples = "craft group delete billing --bootstrap-server 127.0.0.1:9092",
    .options = delete_options,
    .run = run_delete,
};

/* ---- offsets ---- */

static const struct table_column columns[] = {
    {"TOPIC", "topic", TABLE_TEXT},
    {"PARTITION", "partition", TABLE_NUMBER},
    {"STATUS", "status", TABLE_TEXT},
};

static enum cli_exit print(struct cli *cli, const struct coordinator_offset *items, int32_t count)
{
    struct table t;
    struct buf out = {0};
    bool all_good = true;
    table_init(&t, columns, ARRAY_LEN(columns));
    for (int32_t i = 0; i < count; i++) {
        table_text(&t, items[i].topic);
        table_number(&t, items[i].partition);
        table_text(&t,
                   slice_str(items[i].error == ERR_NONE ? "deleted" : err_name(items[i].error)));
        all_good = all_good && items[i].error == ERR_NONE;
    }
    table_print(&t, cli->format, &out);
    table_fini(&t);
    enum cli_exit code = cli_print(&out);
    return all_good ? code : cli_fail(cli, "some offsets were not deleted");
}

static enum cli_exit forget(struct cli *cli, struct cluster *cluster,
                            struct group_partitions *partitions,
                            const struct group_partitions *topics)
{
    const char *name = cli->args.words[0];
    struct slice missing;
    enum err e = selection_add_topics(cluster, topics, &cli->arena, partitions, &missing);
    if (e != ERR_NONE) {
        return cluster_fail_topic(cli, cluster, arena_str(&cli->arena, missing), e);
    }
    struct coordinator_offset *items = selection_offsets(partitions, &cli->arena);
    e = coordinator_forget(cluster->client, slice_str(name), items, partitions->count);
    return e == ERR_NONE ? print(cli, items, partitions->count)
                         : group_fail(cli, cluster->client, name, e);
}

static enum cli_exit run_delete_offsets(struct cli *cli)
{
    struct group_partitions partitions;
    struct group_partitions topics;
    if (selection_of_option(cli, &partitions, &topics) != ERR_NONE) {
        return cli_refuse(cli);
    }
    if (partitions.count == 0 && topics.count == 0) {
        return cli_misuse(cli, "--topic TOPIC[:PARTITION,…] is missing");
    }
    struct cluster cluster;
    enum cli_exit code = cluster_open(&cluster, cli);
    if (code == CLI_OK) {
        code = forget(cli, &cluster, &partitions, &topics);
        cluster_close(&cluster);
    }
    return code;
}

static const struct args_option offsets_options[] = {
    {"topic", "TOPIC[:P,…]", "all partitions of a topic, or those named; may be repeated"}, {0}};

const struct cli_verb cli_group_delete_offsets = {
    .noun = "group",
    .name = "delete-offsets",
    .words = "GROUP",
    .words_min = 1,
    .words_max = 1,
    .uses = CLI_USES_CLUSTER | CLI_USES_FORMAT,
    .about = "Forgets the offsets of a group for topics that it does not consume",
    .examples = "craft group delete-offsets billing --topic clicks --topic orders:0,1 "
                "--bootstrap-server 127.0.0.1:9092",
    .options = offsets_options,
    .run = run_delete_offsets,
};
