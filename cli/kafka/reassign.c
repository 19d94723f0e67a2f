/* kafka-reassign-partitions: its options, the list, and what the actions share. */
#include "cli/kafka/reassign.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"

/* ---- complaints ---- */

enum cli_exit reassign_error(const struct reassign_tool *tool, const char *fmt, ...)
{
    (void)tool;
    va_list args;
    va_start(args, fmt);
    fputs("Error: ", stdout);
    vprintf(fmt, args);
    fputc('\n', stdout);
    va_end(args);
    return CLI_FAILED;
}

enum cli_exit reassign_terse(const struct reassign_tool *tool, const char *fmt, ...)
{
    (void)tool;
    va_list args;
    va_start(args, fmt);
    vprintf(fmt, args);
    fputc('\n', stdout);
    va_end(args);
    return CLI_FAILED;
}

enum cli_exit reassign_fail(const struct reassign_tool *tool, enum err e)
{
    struct admin_result result = {e, tool->message};
    const char *text = tool_sentence(tool->cli, tool->cluster.client, &result);
    if (client_why(tool->cluster.client)[0] != '\0') {
        return reassign_error(tool, "%s", text);
    }
    return reassign_error(tool, "org.apache.kafka.common.errors.%s: %s", tool_error_class(e), text);
}

/* ---- the file ---- */

static int compare_items(const void *a, const void *b)
{
    const struct partition_file_item *x = a;
    const struct partition_file_item *y = b;
    int order = slice_cmp(x->topic, y->topic);
    return order != 0 ? order : x->partition < y->partition ? -1 : x->partition > y->partition;
}

bool reassign_load(struct reassign_tool *tool, enum cli_exit *code)
{
    struct cli *cli = tool->cli;
    const char *path = args_text(&cli->args, "reassignment-json-file");
    if (partition_file_load(path, PARTITION_FILE_REPLICAS, &cli->arena, &tool->file, &cli->why) !=
        ERR_NONE) {
        *code = reassign_error(tool, "%.*s", SLICE_ARG(buf_slice(&cli->why)));
        return false;
    }
    qsort(tool->file.items, (size_t)tool->file.count, sizeof *tool->file.items, compare_items);
    struct slice *names = ARENA_ARRAY(&cli->arena, (size_t)tool->file.count + 1, struct slice);
    for (int32_t i = 0; i < tool->file.count; i++) {
        names[i] = tool->file.items[i].topic;
    }
    enum err e = ERR_NONE;
    if (!client_asks_controllers(tool->cluster.client)) { /* a controller does not know leaders */
        e = cluster_refresh(&tool->cluster, names, tool->file.count);
    }
    if (e == ERR_NONE) {
        e = reassignments_list(tool->cluster.client, &tool->moves);
    }
    if (e != ERR_NONE) {
        *code = reassign_fail(tool, e);
    }
    return e == ERR_NONE;
}

const struct wire_metadata_response_topics_partitions *
reassign_partition(const struct reassign_tool *tool, const struct partition_file_item *item)
{
    const struct wire_metadata_response_topics *topic = cluster_topic(&tool->cluster, item->topic);
    return topic == NULL ? NULL : cluster_partition(topic, item->partition);
}

struct log_dir_move *reassign_dir_moves(struct reassign_tool *tool, int32_t *count)
{
    int32_t total = 0;
    for (int32_t i = 0; i < tool->file.count; i++) {
        total += tool->file.items[i].replica_count;
    }
    struct log_dir_move *moves =
        ARENA_ARRAY(&tool->cli->arena, (size_t)total + 1, struct log_dir_move);
    *count = 0;
    for (int32_t i = 0; i < tool->file.count; i++) {
        const struct partition_file_item *item = &tool->file.items[i];
        for (int32_t k = 0; item->log_dirs != NULL && k < item->replica_count; k++) {
            if (!slice_eq_str(item->log_dirs[k], "any")) {
                moves[(*count)++] = (struct log_dir_move){item->topic, item->partition,
                                                          item->replicas[k], item->log_dirs[k]};
            }
        }
    }
    return moves;
}

void reassign_print_json(const struct reassign_row *rows, int32_t count)
{
    json_t *list = json_array();
    for (int32_t i = 0; i < count; i++) {
        json_t *replicas = json_array();
        json_t *dirs = json_array();
        for (int32_t k = 0; k < rows[i].replica_count; k++) {
            json_array_append_new(replicas, json_integer(rows[i].replicas[k]));
            json_array_append_new(dirs, json_string("any"));
        }
        json_t *row = json_object();
        json_object_set_new(row, "topic", table_json_text(rows[i].topic));
        json_object_set_new(row, "partition", json_integer(rows[i].partition));
        json_object_set_new(row, "replicas", replicas);
        json_object_set_new(row, "log_dirs", dirs);
        json_array_append_new(list, row);
    }
    json_t *root = json_object();
    json_object_set_new(root, "version", json_integer(1));
    json_object_set_new(root, "partitions", list);
    char *text = json_dumps(root, JSON_COMPACT);
    puts(text);
    mem_free(text);
    json_decref(root);
}

/* ---- list ---- */

static void print_ids(const char *title, const struct broker_ids *ids)
{
    if (ids->count == 0) {
        return;
    }
    printf(" %s: ", title);
    for (int32_t i = 0; i < ids->count; i++) {
        printf("%s%" PRId32, i == 0 ? "" : ",", ids->ids[i]);
    }
    fputs(".", stdout);
}

struct named_move {
    struct slice topic;
    int32_t partition;
};

static int compare_moves(const void *a, const void *b)
{
    const struct named_move *x = a;
    const struct named_move *y = b;
    int order = slice_cmp(x->topic, y->topic);
    return order != 0 ? order : x->partition < y->partition ? -1 : x->partition > y->partition;
}

static enum cli_exit list(struct reassign_tool *tool)
{
    enum err e = reassignments_list(tool->cluster.client, &tool->moves);
    if (e != ERR_NONE) {
        return reassign_fail(tool, e);
    }
    size_t count = 0;
    size_t total = 0;
    for (int32_t i = 0; i < tool->moves->topics_count; i++) {
        total += (size_t)tool->moves->topics[i].partitions_count;
    }
    struct named_move *rows = ARENA_ARRAY(&tool->cli->arena, total + 1, struct named_move);
    for (int32_t i = 0; i < tool->moves->topics_count; i++) {
        for (int32_t k = 0; k < tool->moves->topics[i].partitions_count; k++) {
            rows[count++] = (struct named_move){
                tool->moves->topics[i].name, tool->moves->topics[i].partitions[k].partition_index};
        }
    }
    qsort(rows, count, sizeof *rows, compare_moves);
    puts(count == 0 ? "No partition reassignments found." : "Current partition reassignments:");
    for (size_t i = 0; i < count; i++) {
        struct reassignment_move move;
        (void)reassignments_find(tool->moves, rows[i].topic, rows[i].partition, &move);
        printf("%.*s-%" PRId32 ":", SLICE_ARG(rows[i].topic), rows[i].partition);
        print_ids("replicas", &move.replicas);
        print_ids("adding", &move.adding);
        print_ids("removing", &move.removing);
        puts("");
    }
    return CLI_OK;
}

/* ---- the command line ---- */

static const struct action {
    const char *option;
    const char *required;
    const char *permitted; /* beside these, and the servers */
    bool by_controllers;
    enum cli_exit (*run)(struct reassign_tool *tool);
} actions[] = {
    {"generate", "topics-to-move-json-file,broker-list", "command-config,disable-rack-aware", false,
     reassign_generate},
    {"execute", "reassignment-json-file",
     "additional,command-config,throttle,replica-alter-log-dirs-throttle,timeout,"
     "disallow-replication-factor-change",
     false, reassign_execute},
    {"verify", "reassignment-json-file", "command-config,preserve-throttles", false,
     reassign_verify},
    {"cancel", "reassignment-json-file", "command-config,preserve-throttles,timeout", true,
     reassign_cancel},
    {"list", "", "command-config", true, list},
};

static bool is_in(struct slice name, const char *list_)
{
    struct slice rest = slice_str(list_);
    struct slice item;
    while (args_item(&rest, ',', &item)) {
        if (slice_eq(item, name)) {
            return true;
        }
    }
    return false;
}

/* Every option must be one of the action's. */
static bool check_permitted(struct cli *cli, const struct action *action)
{
    for (int i = 0; i < cli->args.given_count; i++) {
        struct slice name = args_name(cli->args.given[i].option);
        bool is_server = slice_eq_str(name, "bootstrap-server") ||
                         (action->by_controllers && slice_eq_str(name, "bootstrap-controller"));
        if (!slice_eq_str(name, action->option) && !is_server && !is_in(name, action->required) &&
            !is_in(name, action->permitted)) {
            buf_printf(&cli->why, "Option \"[%.*s]\" can't be used with action \"[%s]\"",
                       SLICE_ARG(name), action->option);
            return false;
        }
    }
    return true;
}

static const struct action *check(struct cli *cli)
{
    if (tool_count(cli, "generate,execute,verify,cancel,list") != 1) {
        buf_put_str(&cli->why, "Command must include exactly one action: --generate, --execute, "
                               "--verify, --cancel, --list");
        return NULL;
    }
    const struct action *action = actions;
    while (!tool_has(cli, action->option)) {
        action++;
    }
    int servers = tool_count(cli, "bootstrap-server,bootstrap-controller");
    if (servers != 1) {
        buf_put_str(&cli->why, servers == 2 ? "Please don't specify both --bootstrap-server and "
                                              "--bootstrap-controller"
                                            : "Please specify either --bootstrap-server or "
                                              "--bootstrap-controller");
        return NULL;
    }
    bool is_good = (action->required[0] == '\0' || tool_requires(cli, action->required)) &&
                   check_permitted(cli, action);
    return is_good ? action : NULL;
}

/* Before anything moves. */
static bool check_numbers(struct cli *cli)
{
    static const char *const names[] = {"throttle", "replica-alter-log-dirs-throttle", "timeout"};
    int64_t number;
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (!tool_long(cli, names[i], &number)) {
            return false;
        }
    }
    return true;
}

static enum cli_exit run(struct cli *cli)
{
    const struct action *action = check(cli);
    if (action == NULL) {
        return tool_refuse(cli);
    }
    enum cli_exit code;
    struct reassign_tool tool = {.cli = cli, .cluster.client = tool_open(cli, &code)};
    if (tool.cluster.client != NULL) {
        code = check_numbers(cli) ? action->run(&tool)
                                  : reassign_error(&tool, "%.*s", SLICE_ARG(buf_slice(&cli->why)));
        cluster_close(&tool.cluster);
    }
    return code;
}

static const struct args_option options[] = {
    {"bootstrap-server", "[SERVERS]", "host:port,… of brokers"},
    {"bootstrap-controller", "[SERVERS]", "host:port,… of controllers; for --list and --cancel"},
    {"command-config", "FILE", "properties of the client"},
    {"generate", NULL, "propose moves"},
    {"execute", NULL, "begin moves"},
    {"verify", NULL, "show how far they are; clear throttles when they are complete"},
    {"cancel", NULL, "give moves up"},
    {"list", NULL, "show the moves under way"},
    {"reassignment-json-file", "FILE",
     "{\"version\": 1, \"partitions\": [{\"topic\": \"t\", \"partition\": 0,\n\"replicas\": "
     "[1, 2], \"log_dirs\": [\"any\", \"/data\"]}]}"},
    {"topics-to-move-json-file", "FILE", "{\"version\": 1, \"topics\": [{\"topic\": \"t\"}]}"},
    {"broker-list", "IDS", "where replicas may go"},
    {"disable-rack-aware", NULL, "replicas of a partition may share a rack"},
    {"additional", NULL, "though other moves are under way"},
    {"disallow-replication-factor-change", NULL, "the number of replicas must stay"},
    {"throttle", "BYTES", "a second between brokers"},
    {"replica-alter-log-dirs-throttle", "BYTES", "a second between directories"},
    {"preserve-throttles", NULL, "leave throttles as they are"},
    {"timeout", "MS", "how long moves between directories may take to begin; default: 10000"},
    {0}};

const struct cli_verb kafka_reassign_partitions = {
    .noun = "kafka-reassign-partitions",
    .words = "",
    .uses = CLI_USES_CONTROLLERS,
    .about = "Moves replicas to other brokers and directories",
    .options = options,
    .run = run,
};
