/* craft partition reassign plan: where replicas should move. */
#include <stdio.h>

#include "cli/cluster.h"
#include "cli/move_plan.h"
#include "cli/topics.h"

enum { REPLICAS_MAX = 1000 };

struct job {
    struct cli *cli;
    struct cluster cluster;
    struct move_plan plan;
    int64_t replication_factor;
};

/* ---- brokers ---- */

static bool is_listed(const struct cli *cli, const char *option, int32_t id)
{
    struct slice rest = slice_str(args_text(&cli->args, option));
    struct slice item;
    int64_t number;
    while (args_item(&rest, ',', &item)) {
        if (args_parse_number(item, &number) && number == id) {
            return true;
        }
    }
    return false;
}

/* Lists of ids. False: one is no id, or unknown; the sentence is in cli->why. */
static bool check_ids(struct job *job, const char *option)
{
    struct cli *cli = job->cli;
    struct slice rest = slice_str(args_text(&cli->args, option));
    struct slice item;
    while (args_item(&rest, ',', &item)) {
        int64_t id;
        bool is_known = false;
        if (!args_parse_number(item, &id)) {
            buf_printf(&cli->why, "--%s takes ids of brokers, not \"%.*s\"", option,
                       SLICE_ARG(item));
            return false;
        }
        for (int32_t i = 0; i < job->cluster.metadata->brokers_count; i++) {
            is_known = is_known || job->cluster.metadata->brokers[i].node_id == id;
        }
        if (!is_known && strcmp(option, "brokers") == 0) {
            buf_printf(&cli->why, "broker %" PRId64 " does not serve", id);
            return false;
        }
    }
    return true;
}

static void choose_brokers(struct job *job)
{
    struct cli *cli = job->cli;
    const struct wire_metadata_response *metadata = job->cluster.metadata;
    struct move_broker *brokers =
        ARENA_ARRAY(&cli->arena, (size_t)metadata->brokers_count + 1, struct move_broker);
    bool all = !args_has(&cli->args, "brokers");
    bool with_racks = !args_has(&cli->args, "ignore-racks");
    for (int32_t i = 0; i < metadata->brokers_count; i++) {
        int32_t id = metadata->brokers[i].node_id;
        if ((all || is_listed(cli, "brokers", id)) && !is_listed(cli, "drain", id)) {
            brokers[job->plan.broker_count++] =
                (struct move_broker){id, with_racks ? metadata->brokers[i].rack : SLICE_NULL};
        }
    }
    job->plan.brokers = brokers;
}

/* ---- partitions ---- */

static bool is_named(const struct cli *cli, struct slice topic)
{
    for (int i = 0; i < cli->args.word_count; i++) {
        if (slice_eq_str(topic, cli->args.words[i])) {
            return true;
        }
    }
    return cli->args.word_count == 0;
}

static enum cli_exit choose_partitions(struct job *job)
{
    struct cli *cli = job->cli;
    for (int i = 0; i < cli->args.word_count; i++) {
        if (cluster_topic(&job->cluster, slice_str(cli->args.words[i])) == NULL) {
            return cli_fail_with(cli, cli->args.words[i], ERR_UNKNOWN_TOPIC_OR_PARTITION,
                                 SLICE_NULL);
        }
    }
    int32_t total = 0;
    const struct wire_metadata_response_topics **topics = topics_sorted(&job->cluster, &cli->arena);
    for (int32_t i = 0; topics[i] != NULL; i++) {
        total += topics[i]->partitions_count;
    }
    job->plan.partitions = ARENA_ARRAY(&cli->arena, (size_t)total + 1, struct move_partition);
    for (int32_t i = 0; topics[i] != NULL; i++) {
        if (!is_named(cli, topics[i]->name)) {
            continue;
        }
        const struct wire_metadata_response_topics_partitions **at =
            topics_partitions(topics[i], &cli->arena);
        for (; *at != NULL; at++) {
            job->plan.partitions[job->plan.partition_count++] =
                (struct move_partition){.topic = topics[i]->name,
                                        .partition = (*at)->partition_index,
                                        .replicas = (*at)->replica_nodes,
                                        .replica_count = (*at)->replica_nodes_count};
        }
    }
    return CLI_OK;
}

/* ---- printing ---- */

static bool changes(const struct move_partition *part)
{
    return part->target_count != part->replica_count ||
           memcmp(part->target, part->replicas,
                  (size_t)part->target_count * sizeof *part->target) != 0;
}

static const struct table_column columns[] = {
    {"TOPIC", "topic", TABLE_TEXT},     {"PARTITION", "partition", TABLE_NUMBER},
    {"NOW", "current", TABLE_LIST},     {"THEN", "replicas", TABLE_LIST},
    {"COPIES", "copies", TABLE_NUMBER},
};

/* The file of `apply`, which is that of kafka-reassign-partitions. */
static void print_file(const struct job *job, struct buf *out)
{
    json_t *list = json_array();
    for (int32_t i = 0; i < job->plan.partition_count; i++) {
        const struct move_partition *part = &job->plan.partitions[i];
        if (!changes(part)) {
            continue;
        }
        json_t *replicas = json_array();
        for (int32_t k = 0; k < part->target_count; k++) {
            json_array_append_new(replicas, json_integer(part->target[k]));
        }
        json_t *row = json_object();
        json_object_set_new(row, "topic", table_json_text(part->topic));
        json_object_set_new(row, "partition", json_integer(part->partition));
        json_object_set_new(row, "replicas", replicas);
        json_array_append_new(list, row);
    }
    json_t *root = json_object();
    json_object_set_new(root, "version", json_integer(1));
    json_object_set_new(root, "partitions", list);
    table_print_json(root, out);
}

static void print_table(const struct job *job, struct buf *out)
{
    struct table t;
    table_init(&t, columns, ARRAY_LEN(columns));
    for (int32_t i = 0; i < job->plan.partition_count; i++) {
        const struct move_partition *part = &job->plan.partitions[i];
        if (changes(part)) {
            table_text(&t, part->topic);
            table_number(&t, part->partition);
            table_list(&t, part->replicas, part->replica_count);
            table_list(&t, part->target, part->target_count);
            table_number(&t, move_plan_copies(part));
        }
    }
    table_print(&t, job->cli->format, out);
    table_fini(&t);
}

static enum cli_exit print(const struct job *job)
{
    struct buf out = {0};
    if (job->cli->format == TABLE_JSON) {
        print_file(job, &out);
    } else {
        print_table(job, &out);
    }
    return cli_print(&out);
}

/* ---- the command ---- */

static enum cli_exit make_plan(struct job *job)
{
    struct cli *cli = job->cli;
    enum err e = cluster_refresh(&job->cluster, NULL, 0);
    if (e != ERR_NONE) {
        return client_fail(cli, job->cluster.client, e);
    }
    if (!check_ids(job, "brokers") || !check_ids(job, "drain")) {
        return cli_refuse(cli);
    }
    choose_brokers(job);
    job->plan.replication_factor = (int32_t)job->replication_factor;
    enum cli_exit code = choose_partitions(job);
    if (code == CLI_OK && move_plan_make(&job->plan, &cli->arena, &cli->why) != ERR_NONE) {
        return cli_fail(cli, "%.*s", SLICE_ARG(buf_slice(&cli->why)));
    }
    return code == CLI_OK ? print(job) : code;
}

static enum cli_exit run_plan(struct cli *cli)
{
    struct job job = {.cli = cli};
    const struct args_range counts = {1, REPLICAS_MAX};
    if (!cli_number(cli, "replication-factor", counts, &job.replication_factor)) {
        return cli_refuse(cli);
    }
    enum cli_exit code = cluster_open(&job.cluster, cli);
    if (code == CLI_OK) {
        code = make_plan(&job);
        cluster_close(&job.cluster);
    }
    return code;
}

static const struct args_option options[] = {
    {"brokers", "ID,…", "only these may have replicas; default: all that serve"},
    {"drain", "ID,…", "these shall have none"},
    {"replication-factor", "N", "so many replicas; default: as many as there are"},
    {"ignore-racks", NULL, "replicas of a partition may share a rack"},
    {0}};

const struct cli_verb cli_partition_reassign_plan = {
    .noun = "partition",
    .name = "reassign plan",
    .words = "[TOPIC…]",
    .words_max = CLI_WORDS_ANY,
    .uses = CLI_USES_CLUSTER | CLI_USES_FORMAT,
    .about = "Proposes moves that give brokers equal shares; changes nothing",
    .more = "Without a topic all are meant. As few replicas are copied as can be, and those of a "
            "partition are\nspread over racks. --format json prints the file for `craft partition "
            "reassign apply`.",
    .examples = "craft partition reassign plan --drain 3 --bootstrap-server 127.0.0.1:9092\n"
                "craft partition reassign plan clicks --replication-factor 3 --format json "
                "--bootstrap-server 127.0.0.1:9092 > plan.json",
    .options = options,
    .run = run_plan,
};
