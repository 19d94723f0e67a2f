/* kafka-leader-election. */
#include <stdio.h>
#include <strings.h>

#include "cli/election.h"
#include "cli/kafka/java_order.h"
#include "cli/kafka/tool.h"
#include "cli/partition_file.h"

/* ---- the command line ---- */

static bool check(struct cli *cli)
{
    static const char *const required[] = {"bootstrap-server", "election-type"};
    struct buf *why = &cli->why;
    for (size_t i = 0; i < ARRAY_LEN(required); i++) {
        if (!tool_has(cli, required[i])) {
            buf_printf(why, "%s%s", why->len == 0 ? "Missing required option(s): " : ", ",
                       required[i]);
        }
    }
    if (why->len > 0) {
        return false;
    }
    if (tool_count(cli, "topic,all-topic-partitions,path-to-json-file") != 1) {
        buf_put_str(why, "One and only one of the following options is required: topic, "
                         "all-topic-partitions, path-to-json-file");
        return false;
    }
    if (tool_has(cli, "topic") && !tool_has(cli, "partition")) {
        buf_put_str(why, "Missing required option(s): partition");
        return false;
    }
    if (!tool_has(cli, "topic") && tool_has(cli, "partition")) {
        buf_put_str(why, "Option partition is only allowed if topic is used");
        return false;
    }
    return true;
}

static bool read_type(struct cli *cli, bool *is_unclean)
{
    const char *text = args_text(&cli->args, "election-type");
    *is_unclean = strcasecmp(text, "unclean") == 0;
    if (!*is_unclean && strcasecmp(text, "preferred") != 0) {
        buf_printf(&cli->why, "Value [%s] must be one of [preferred, unclean]", text);
        return false;
    }
    return true;
}

/* `out` has no items for all partitions. */
static bool read_partitions(struct cli *cli, struct group_partitions *out)
{
    const char *path = args_text(&cli->args, "path-to-json-file");
    const char *topic = args_text(&cli->args, "topic");
    if (topic != NULL) {
        out->items = ARENA_NEW(&cli->arena, struct group_partition);
        out->items->topic = slice_str(topic);
        out->count = 1;
        return tool_int(cli, "partition", &out->items->partition);
    }
    if (path == NULL) {
        return true;
    }
    struct partition_file file;
    if (partition_file_load(path, 0, &cli->arena, &file, &cli->why) != ERR_NONE) {
        return false;
    }
    const struct partition_file_item *twice = partition_file_duplicate(&file);
    if (twice != NULL) {
        buf_printf(&cli->why,
                   "Replica election data contains duplicate partitions: [%.*s-%" PRId32 "]",
                   SLICE_ARG(twice->topic), twice->partition);
        return false;
    }
    out->items = ARENA_ARRAY(&cli->arena, (size_t)file.count + 1, struct group_partition);
    for (int32_t i = 0; i < file.count; i++) {
        out->items[out->count++] =
            (struct group_partition){file.items[i].topic, file.items[i].partition};
    }
    return true;
}

/* ---- the answer ---- */

enum outcome { SUCCEEDED, NOT_NEEDED, FAILED };

static enum outcome outcome_of(const struct election_row *row)
{
    enum err e = row->result.error;
    return e == ERR_NONE ? SUCCEEDED : e == ERR_ELECTION_NOT_NEEDED ? NOT_NEEDED : FAILED;
}

/* The rows that ended so, in the order of Java's map. */
static struct election_row **rows_of(const struct election *election, enum outcome outcome,
                                     struct arena *arena, size_t *count)
{
    size_t total = (size_t)election->count;
    struct election_row **rows = ARENA_ARRAY(arena, total + 1, struct election_row *);
    struct election_row **sorted = ARENA_ARRAY(arena, total + 1, struct election_row *);
    uint32_t *hashes = ARENA_ARRAY(arena, total + 1, uint32_t);
    *count = 0;
    for (size_t i = 0; i < total; i++) {
        struct election_row *row = &election->rows[i];
        if (outcome_of(row) == outcome) {
            hashes[*count] = java_hash_partition(row->topic, row->partition);
            rows[(*count)++] = row;
        }
    }
    const size_t *order = java_order(hashes, *count, JAVA_CAPACITY, arena);
    for (size_t i = 0; i < *count; i++) {
        sorted[i] = rows[order[i]];
    }
    return sorted;
}

static void print_list(const char *title, struct election_row *const *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        printf("%s%.*s-%" PRId32, i == 0 ? title : ", ", SLICE_ARG(rows[i]->topic),
               rows[i]->partition);
    }
    fputs(count > 0 ? "\n" : "", stdout);
}

static enum cli_exit print(struct cli *cli, const struct election *election)
{
    const char *type = election->is_unclean ? "UNCLEAN" : "PREFERRED";
    struct arena *arena = &cli->arena;
    size_t count;
    struct election_row **rows = rows_of(election, SUCCEEDED, arena, &count);
    print_list(
        arena_printf(arena, "Successfully completed leader election (%s) for partitions ", type),
        rows, count);
    rows = rows_of(election, NOT_NEEDED, arena, &count);
    print_list("Valid replica already elected for partitions ", rows, count);
    rows = rows_of(election, FAILED, arena, &count);
    for (size_t i = 0; i < count; i++) {
        struct slice message = rows[i]->result.message;
        printf("Error completing leader election (%s) for partition: %.*s-%" PRId32
               ": org.apache.kafka.common.errors.%s: %s\n",
               type, SLICE_ARG(rows[i]->topic), rows[i]->partition,
               tool_error_class(rows[i]->result.error),
               message.len > 0 ? arena_str(arena, message)
                               : tool_error_text(rows[i]->result.error));
    }
    return count == 0 ? CLI_OK : tool_fail(cli, "%zu replica(s) could not be elected", count);
}

static enum cli_exit run(struct cli *cli)
{
    struct group_partitions partitions = {0};
    struct election election = {0};
    if (!check(cli) || !read_type(cli, &election.is_unclean) ||
        !read_partitions(cli, &partitions)) {
        return tool_refuse(cli);
    }
    enum cli_exit code;
    struct client *client = tool_open(cli, &code);
    if (client == NULL) {
        return code;
    }
    election.partitions = tool_has(cli, "all-topic-partitions") ? NULL : &partitions;
    enum err e = election_hold(client, &cli->arena, &election);
    if (e == ERR_NONE) {
        code = print(cli, &election);
    } else {
        struct admin_result result = {e, SLICE_NULL};
        code = tool_fail(cli, "%s", tool_sentence(cli, client, &result));
    }
    client_close(client);
    return code;
}

static const struct args_option options[] = {
    {"bootstrap-server", "SERVERS", "host:port,… of brokers"},
    {"admin.config", "FILE", "properties of the client"},
    {"election-type", "TYPE", "preferred, or unclean: a replica that is not in sync may lead"},
    {"topic", "NAME", "the topic"},
    {"partition", "N", "its partition"},
    {"all-topic-partitions", NULL, "all partitions"},
    {"path-to-json-file", "FILE", "{\"partitions\": [{\"topic\": \"t\", \"partition\": 0}]}"},
    {0}};

const struct cli_verb kafka_leader_election = {
    .noun = "kafka-leader-election",
    .words = "",
    .about = "Elects leaders of partitions",
    .options = options,
    .run = run,
};
