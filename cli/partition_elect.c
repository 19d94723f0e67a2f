/* craft partition elect: other leaders. */
#include <stdio.h>
#include <stdlib.h>

#include "cli/election.h"
#include "cli/partition_file.h"
#include "cli/selection.h"

static bool check(struct cli *cli)
{
    int ways = (cli->args.word_count > 0) + args_has(&cli->args, "all") +
               args_has(&cli->args, "from-file");
    if (ways != 1) {
        buf_put_str(&cli->why, "give TOPIC[:PARTITION,…], --all or --from-file");
    }
    return ways == 1;
}

static enum cli_exit read_file(struct cli *cli, struct group_partitions *out)
{
    struct partition_file file;
    if (partition_file_load(args_text(&cli->args, "from-file"), 0, &cli->arena, &file, &cli->why) !=
        ERR_NONE) {
        return cli_refuse(cli);
    }
    out->items = ARENA_ARRAY(&cli->arena, (size_t)file.count + 1, struct group_partition);
    for (int32_t i = 0; i < file.count; i++) {
        out->items[out->count++] =
            (struct group_partition){file.items[i].topic, file.items[i].partition};
    }
    return CLI_OK;
}

/* ---- the answer ---- */

static const struct table_column columns[] = {
    {"TOPIC", "topic", TABLE_TEXT},
    {"PARTITION", "partition", TABLE_NUMBER},
    {"STATUS", "status", TABLE_TEXT},
    {"REASON", "reason", TABLE_TEXT},
};

static const char *status_of(enum err e)
{
    return e == ERR_NONE ? "elected" : e == ERR_ELECTION_NOT_NEEDED ? "not needed" : "failed";
}

static enum cli_exit print(struct cli *cli, const struct election *election)
{
    struct table t;
    struct buf out = {0};
    int failed = 0;
    table_init(&t, columns, ARRAY_LEN(columns));
    for (int32_t i = 0; i < election->count; i++) {
        const struct election_row *row = &election->rows[i];
        enum err e = row->result.error;
        bool has_failed = e != ERR_NONE && e != ERR_ELECTION_NOT_NEEDED;
        table_text(&t, row->topic);
        table_number(&t, row->partition);
        table_text(&t, slice_str(status_of(e)));
        table_text(&t, !has_failed                   ? SLICE_NULL
                       : row->result.message.len > 0 ? row->result.message
                                                     : slice_str(err_text(e)));
        failed += has_failed;
    }
    table_sort(&t);
    table_print(&t, cli->format, &out);
    table_fini(&t);
    enum cli_exit code = cli_print(&out);
    return failed == 0
               ? code
               : cli_fail(cli, "%d of %" PRId32 " elections failed", failed, election->count);
}

/* ---- the command ---- */

static enum cli_exit run_elect(struct cli *cli)
{
    if (!check(cli)) {
        return cli_refuse(cli);
    }
    struct cluster cluster;
    enum cli_exit code = cluster_open(&cluster, cli);
    if (code != CLI_OK) {
        return code;
    }
    struct group_partitions partitions = {0};
    struct election election = {.is_unclean = args_has(&cli->args, "unclean")};
    if (!args_has(&cli->args, "all")) {
        code = args_has(&cli->args, "from-file") ? read_file(cli, &partitions)
                                                 : selection_of_words(cli, &cluster, &partitions);
        election.partitions = &partitions;
    }
    if (code == CLI_OK) {
        enum err e = election_hold(cluster.client, &cli->arena, &election);
        code = e == ERR_NONE ? print(cli, &election) : client_fail(cli, cluster.client, e);
    }
    cluster_close(&cluster);
    return code;
}

static const struct args_option options[] = {
    {"all", NULL, "all partitions"},
    {"unclean", NULL,
     "of those without a leader: a replica that is not in sync may lead, and\n"
     "records may be lost"},
    {"from-file", "FILE", "JSON, as kafka-leader-election takes it"},
    {0}};

const struct cli_verb cli_partition_elect = {
    .noun = "partition",
    .name = "elect",
    .words = "[TOPIC[:P,…]…]",
    .words_max = CLI_WORDS_ANY,
    .uses = CLI_USES_CLUSTER | CLI_USES_CONTROLLERS | CLI_USES_FORMAT,
    .about = "Lets the preferred replica lead, which is the first of a partition's",
    .examples = "craft partition elect --all --bootstrap-server 127.0.0.1:9092\n"
                "craft partition elect clicks:0 --unclean --bootstrap-server 127.0.0.1:9092",
    .options = options,
    .run = run_elect,
};
