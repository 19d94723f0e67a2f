/* craft partition reassign apply, status, cancel: moves that are carried out. */
#include <stdio.h>

#include "cli/cluster.h"
#include "cli/partition_file.h"
#include "cli/reassignments.h"

enum { PAUSE_MS = 200 };

static bool load(struct cli *cli, const char *path, struct partition_file *file)
{
    return partition_file_load(path, PARTITION_FILE_REPLICAS, &cli->arena, file, &cli->why) ==
           ERR_NONE;
}

static struct reassignment *rows_of(struct cli *cli, const struct partition_file *file)
{
    struct reassignment *rows =
        ARENA_ARRAY(&cli->arena, (size_t)file->count + 1, struct reassignment);
    for (int32_t i = 0; i < file->count; i++) {
        rows[i] = (struct reassignment){.topic = file->items[i].topic,
                                        .partition = file->items[i].partition,
                                        .replicas = file->items[i].replicas,
                                        .replica_count = file->items[i].replica_count};
    }
    return rows;
}

static const struct table_column result_columns[] = {
    {"TOPIC", "topic", TABLE_TEXT},
    {"PARTITION", "partition", TABLE_NUMBER},
    {"STATUS", "status", TABLE_TEXT},
    {"REASON", "reason", TABLE_TEXT},
};

static enum cli_exit print_results(struct cli *cli, const struct reassignment *rows, int32_t count,
                                   const char *done)
{
    struct table t;
    struct buf out = {0};
    int failed = 0;
    table_init(&t, result_columns, ARRAY_LEN(result_columns));
    for (int32_t i = 0; i < count; i++) {
        enum err e = rows[i].result.error;
        table_text(&t, rows[i].topic);
        table_number(&t, rows[i].partition);
        table_text(&t, slice_str(e == ERR_NONE ? done : err_name(e)));
        table_text(&t, rows[i].result.message.len > 0 ? rows[i].result.message : SLICE_NULL);
        failed += e != ERR_NONE;
    }
    table_print(&t, cli->format, &out);
    table_fini(&t);
    enum cli_exit code = cli_print(&out);
    return failed == 0 ? code : cli_fail(cli, "%d of %" PRId32 " partitions failed", failed, count);
}

static enum cli_exit alter(struct cli *cli, struct client *client, struct reassignment *rows,
                           int32_t count)
{
    bool is_apply = count > 0 && rows->replicas != NULL;
    enum err e = reassignments_alter(client, rows, count, true);
    return e == ERR_NONE ? print_results(cli, rows, count, is_apply ? "begun" : "cancelled")
                         : client_fail(cli, client, e);
}

/* ---- apply ---- */

static enum cli_exit run_apply(struct cli *cli)
{
    struct partition_file file;
    if (!load(cli, cli->args.words[0], &file)) {
        return cli_refuse(cli);
    }
    const struct partition_file_item *twice = partition_file_duplicate(&file);
    if (twice != NULL) {
        return cli_misuse(cli, "%s: %.*s-%" PRId32 " stands there twice", cli->args.words[0],
                          SLICE_ARG(twice->topic), twice->partition);
    }
    enum cli_exit code;
    struct client *client = client_open(cli, &code);
    if (client != NULL) {
        code = alter(cli, client, rows_of(cli, &file), file.count);
        client_close(client);
    }
    return code;
}

const struct cli_verb cli_partition_reassign_apply = {
    .noun = "partition",
    .name = "reassign apply",
    .words = "FILE",
    .words_min = 1,
    .words_max = 1,
    .uses = CLI_USES_CLUSTER | CLI_USES_CONTROLLERS | CLI_USES_FORMAT,
    .about = "Begins the moves of a file",
    .more = "The file is JSON as `craft partition reassign plan` and kafka-reassign-partitions "
            "write it. The\nmoves go on when the command has ended: see `craft partition reassign "
            "status`.",
    .examples = "craft partition reassign apply plan.json --bootstrap-server 127.0.0.1:9092",
    .run = run_apply,
};

/* ---- status ---- */

static const struct table_column status_columns[] = {
    {"TOPIC", "topic", TABLE_TEXT},   {"PARTITION", "partition", TABLE_NUMBER},
    {"STATUS", "status", TABLE_TEXT}, {"REPLICAS", "replicas", TABLE_LIST},
    {"ADDING", "adding", TABLE_LIST}, {"REMOVING", "removing", TABLE_LIST},
};

struct status {
    struct cli *cli;
    struct cluster cluster;
    const struct wire_list_partition_reassignments_response *moves;
    int32_t open; /* rows that are not as they should be */
};

static void add_move(struct table *t, struct slice topic, int32_t partition,
                     const struct reassignment_move *move)
{
    table_text(t, topic);
    table_number(t, partition);
    table_text(t, slice_str("moving"));
    table_list(t, move->replicas.ids, move->replicas.count);
    table_list(t, move->adding.ids, move->adding.count);
    table_list(t, move->removing.ids, move->removing.count);
}

static void add_all(struct status *s, struct table *t)
{
    for (int32_t i = 0; i < s->moves->topics_count; i++) {
        for (int32_t k = 0; k < s->moves->topics[i].partitions_count; k++) {
            struct reassignment_move move;
            int32_t partition = s->moves->topics[i].partitions[k].partition_index;
            (void)reassignments_find(s->moves, s->moves->topics[i].name, partition, &move);
            add_move(t, s->moves->topics[i].name, partition, &move);
            s->open++;
        }
    }
}

static bool is_as_wanted(const struct wire_metadata_response_topics_partitions *p,
                         const struct partition_file_item *item)
{
    return p->replica_nodes_count == item->replica_count &&
           memcmp(p->replica_nodes, item->replicas,
                  (size_t)item->replica_count * sizeof *item->replicas) == 0;
}

static void add_item(struct status *s, struct table *t, const struct partition_file_item *item)
{
    struct reassignment_move move;
    if (reassignments_find(s->moves, item->topic, item->partition, &move)) {
        add_move(t, item->topic, item->partition, &move);
        s->open++;
        return;
    }
    const struct wire_metadata_response_topics *topic = cluster_topic(&s->cluster, item->topic);
    const struct wire_metadata_response_topics_partitions *partition =
        topic == NULL ? NULL : cluster_partition(topic, item->partition);
    bool is_done = partition != NULL && is_as_wanted(partition, item);
    table_text(t, item->topic);
    table_number(t, item->partition);
    table_text(t, slice_str(is_done             ? "complete"
                            : partition == NULL ? "unknown partition"
                                                : "not moving"));
    if (partition == NULL) {
        table_null(t);
    } else {
        table_list(t, partition->replica_nodes, partition->replica_nodes_count);
    }
    table_null(t);
    table_null(t);
    s->open += !is_done;
}

static enum err ask(struct status *s, const struct partition_file *file)
{
    struct slice *names = ARENA_ARRAY(&s->cli->arena, (size_t)file->count + 1, struct slice);
    for (int32_t i = 0; i < file->count; i++) {
        names[i] = file->items[i].topic;
    }
    s->open = 0;
    TRY(reassignments_list(s->cluster.client, &s->moves));
    return file->count == 0 ? ERR_NONE : cluster_refresh(&s->cluster, names, file->count);
}

static void pause_for(struct client *client, int64_t ms)
{
    struct net_loop *loop = client_loop(client);
    int64_t until_ms = net_now_ms(loop) + ms;
    while (net_now_ms(loop) < until_ms) {
        net_loop_step(loop, until_ms - net_now_ms(loop));
    }
}

static enum cli_exit show(struct status *s, const struct partition_file *file, struct table *t)
{
    struct cli *cli = s->cli;
    bool waits = args_has(&cli->args, "wait");
    for (;;) {
        enum err e = ask(s, file);
        if (e != ERR_NONE) {
            return client_fail(cli, s->cluster.client, e);
        }
        table_init(t, status_columns, ARRAY_LEN(status_columns));
        for (int32_t i = 0; i < file->count; i++) {
            add_item(s, t, &file->items[i]);
        }
        if (cli->args.word_count == 0) {
            add_all(s, t);
        }
        if (!waits || s->open == 0 || client_left_ms(s->cluster.client) <= PAUSE_MS) {
            break;
        }
        table_fini(t);
        pause_for(s->cluster.client, PAUSE_MS);
    }
    struct buf out = {0};
    table_sort(t);
    table_print(t, cli->format, &out);
    enum cli_exit code = cli_print(&out);
    bool must_be_done = waits || cli->args.word_count > 0;
    return s->open > 0 && must_be_done
               ? cli_fail(cli, "%" PRId32 " partitions are not where they shall be", s->open)
               : code;
}

static enum cli_exit run_status(struct cli *cli)
{
    struct partition_file file = {0};
    if (cli->args.word_count > 0 && !load(cli, cli->args.words[0], &file)) {
        return cli_refuse(cli);
    }
    struct status status = {.cli = cli};
    enum cli_exit code = cluster_open(&status.cluster, cli);
    if (code != CLI_OK) {
        return code;
    }
    struct table t = {0};
    code = show(&status, &file, &t);
    table_fini(&t);
    cluster_close(&status.cluster);
    return code;
}

static const struct args_option status_options[] = {
    {"wait", NULL, "until nothing moves any more, but no longer than --timeout"}, {0}};

const struct cli_verb cli_partition_reassign_status = {
    .noun = "partition",
    .name = "reassign status",
    .words = "[FILE]",
    .words_max = 1,
    .uses = CLI_USES_CLUSTER | CLI_USES_FORMAT,
    .about = "Shows the moves under way, or how far those of a file are",
    .more = "With a file the exit code is 1 until every partition is where the file says.",
    .examples = "craft partition reassign status --bootstrap-server 127.0.0.1:9092\n"
                "craft partition reassign status plan.json --wait --timeout 600 "
                "--bootstrap-server 127.0.0.1:9092",
    .options = status_options,
    .run = run_status,
};

/* ---- cancel ---- */

static struct reassignment *
rows_of_moves(struct cli *cli, const struct wire_list_partition_reassignments_response *moves,
              int32_t *count)
{
    int32_t total = 0;
    for (int32_t i = 0; i < moves->topics_count; i++) {
        total += moves->topics[i].partitions_count;
    }
    struct reassignment *rows = ARENA_ARRAY(&cli->arena, (size_t)total + 1, struct reassignment);
    *count = 0;
    for (int32_t i = 0; i < moves->topics_count; i++) {
        for (int32_t k = 0; k < moves->topics[i].partitions_count; k++) {
            rows[(*count)++] =
                (struct reassignment){.topic = moves->topics[i].name,
                                      .partition = moves->topics[i].partitions[k].partition_index};
        }
    }
    return rows;
}

static enum cli_exit cancel_all(struct cli *cli, struct client *client)
{
    const struct wire_list_partition_reassignments_response *moves;
    enum err e = reassignments_list(client, &moves);
    if (e != ERR_NONE) {
        return client_fail(cli, client, e);
    }
    int32_t count;
    struct reassignment *rows = rows_of_moves(cli, moves, &count);
    return alter(cli, client, rows, count);
}

static enum cli_exit run_cancel(struct cli *cli)
{
    struct partition_file file = {0};
    bool all = args_has(&cli->args, "all");
    if (all == (cli->args.word_count > 0)) {
        return cli_misuse(cli, "give a FILE, or --all");
    }
    if (!all && !load(cli, cli->args.words[0], &file)) {
        return cli_refuse(cli);
    }
    enum cli_exit code;
    struct client *client = client_open(cli, &code);
    if (client == NULL) {
        return code;
    }
    if (all) {
        code = cancel_all(cli, client);
    } else {
        struct reassignment *rows = rows_of(cli, &file);
        for (int32_t i = 0; i < file.count; i++) {
            rows[i].replicas = NULL;
        }
        code = alter(cli, client, rows, file.count);
    }
    client_close(client);
    return code;
}

static const struct args_option cancel_options[] = {{"all", NULL, "every move under way"}, {0}};

const struct cli_verb cli_partition_reassign_cancel = {
    .noun = "partition",
    .name = "reassign cancel",
    .words = "[FILE]",
    .words_max = 1,
    .uses = CLI_USES_CLUSTER | CLI_USES_CONTROLLERS | CLI_USES_FORMAT,
    .about = "Gives moves up: replicas stay where they were",
    .examples = "craft partition reassign cancel plan.json --bootstrap-server 127.0.0.1:9092\n"
                "craft partition reassign cancel --all --bootstrap-server 127.0.0.1:9092",
    .options = cancel_options,
    .run = run_cancel,
};
