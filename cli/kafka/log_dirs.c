/* kafka-log-dirs. */
#include <stdio.h>
#include <stdlib.h>

#include "cli/kafka/java_order.h"
#include "cli/kafka/tool.h"
#include "base/mem.h"
#include "cli/log_dirs.h"

struct dirs_tool {
    struct cli *cli;
    struct client *client;
    int32_t *brokers;
    int32_t count;
};

/* ---- which brokers ---- */

static int compare_ids(const void *a, const void *b)
{
    const int32_t *x = a;
    const int32_t *y = b;
    return *x < *y ? -1 : *x > *y;
}

static bool read_brokers(struct dirs_tool *tool)
{
    struct cli *cli = tool->cli;
    struct slice rest = slice_str(args_text(&cli->args, "broker-list"));
    tool->brokers = ARENA_ARRAY(&cli->arena, rest.len + 1, int32_t);
    struct slice item;
    while (args_item(&rest, ',', &item)) {
        int64_t id;
        if (item.len == 0) {
            continue;
        }
        if (!args_parse_number(item, &id) || id < INT32_MIN || id > INT32_MAX) {
            buf_printf(&cli->why, "For input string: \"%.*s\"", SLICE_ARG(item));
            return false;
        }
        tool->brokers[tool->count++] = (int32_t)id;
    }
    qsort(tool->brokers, (size_t)tool->count, sizeof *tool->brokers, compare_ids);
    int32_t given = tool->count;
    tool->count = 0;
    for (int32_t i = 0; i < given; i++) { /* each once */
        if (i == 0 || tool->brokers[i] != tool->brokers[tool->count - 1]) {
            tool->brokers[tool->count++] = tool->brokers[i];
        }
    }
    return true;
}

static void put_ids(struct buf *out, const int32_t *ids, int32_t count)
{
    for (int32_t i = 0; i < count; i++) {
        buf_printf(out, "%s%" PRId32, i == 0 ? "" : ",", ids[i]);
    }
}

/* Those that are asked for must be there; none asked for: all. */
static bool check_brokers(struct dirs_tool *tool, const struct wire_metadata_response *metadata)
{
    struct cli *cli = tool->cli;
    int32_t total = metadata->brokers_count;
    int32_t *all = ARENA_ARRAY(&cli->arena, (size_t)max_i64(total, 0) + 1, int32_t);
    struct buf missing = {0};
    for (int32_t i = 0; i < total; i++) {
        all[i] = metadata->brokers[i].node_id;
    }
    qsort(all, (size_t)total, sizeof *all, compare_ids);
    for (int32_t i = 0; i < tool->count; i++) {
        if (bsearch(&tool->brokers[i], all, (size_t)total, sizeof *all, compare_ids) == NULL) {
            buf_printf(&missing, "%s%" PRId32, missing.len == 0 ? "" : ",", tool->brokers[i]);
        }
    }
    bool is_good = missing.len == 0;
    if (!is_good) {
        buf_printf(&cli->why,
                   "ERROR: The given brokers do not exist from --broker-list: %.*s. Current "
                   "existent brokers: ",
                   SLICE_ARG(buf_slice(&missing)));
        put_ids(&cli->why, all, total);
    } else if (tool->count == 0) {
        tool->brokers = all;
        tool->count = total;
    }
    buf_fini(&missing);
    return is_good;
}

/* ---- printing ---- */

static bool is_wanted(const struct cli *cli, struct slice topic)
{
    struct slice rest = slice_str(args_text(&cli->args, "topic-list"));
    struct slice item;
    bool has_any = false;
    while (args_item(&rest, ',', &item)) {
        if (item.len > 0 && slice_eq(item, topic)) {
            return true;
        }
        has_any = has_any || item.len > 0;
    }
    return !has_any;
}

/* In the order of Java's map. */
static json_t *partitions_json(struct cli *cli, const struct log_dir *dir)
{
    size_t count = 0;
    const struct log_dir_partition **rows = ARENA_ARRAY(
        &cli->arena, (size_t)dir->partition_count + 1, const struct log_dir_partition *);
    uint32_t *hashes = ARENA_ARRAY(&cli->arena, (size_t)dir->partition_count + 1, uint32_t);
    for (int32_t i = 0; i < dir->partition_count; i++) {
        const struct log_dir_partition *p = &dir->partitions[i];
        if (is_wanted(cli, p->topic)) {
            hashes[count] = java_hash_partition(p->topic, p->partition);
            rows[count++] = p;
        }
    }
    const size_t *order = java_order(hashes, count, JAVA_CAPACITY, &cli->arena);
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++) {
        const struct log_dir_partition *p = rows[order[i]];
        const char *name =
            arena_printf(&cli->arena, "%.*s-%" PRId32, SLICE_ARG(p->topic), p->partition);
        json_t *row = json_object();
        json_object_set_new(row, "partition", table_json_text(slice_str(name)));
        json_object_set_new(row, "size", json_integer(p->size));
        json_object_set_new(row, "offsetLag", json_integer(p->offset_lag));
        json_object_set_new(row, "isFuture", json_boolean(p->is_future));
        json_array_append_new(list, row);
    }
    return list;
}

static json_t *broker_json(struct cli *cli, const struct log_dirs *dirs)
{
    json_t *list = json_array();
    for (int32_t i = 0; i < dirs->count; i++) {
        const struct log_dir *dir = &dirs->items[i];
        json_t *row = json_object();
        json_object_set_new(row, "partitions", partitions_json(cli, dir));
        const char *exception = dir->error == ERR_NONE
                                    ? NULL
                                    : arena_printf(&cli->arena, "org.apache.kafka.common.errors.%s",
                                                   tool_error_class(dir->error));
        json_object_set_new(row, "error", table_json_text(slice_str(exception)));
        json_object_set_new(row, "logDir", table_json_text(dir->path));
        json_array_append_new(list, row);
    }
    json_t *broker = json_object();
    json_object_set_new(broker, "broker", json_integer(dirs->broker));
    json_object_set_new(broker, "logDirs", list);
    return broker;
}

/* ---- the command ---- */

static enum err ask(struct dirs_tool *tool, json_t *brokers)
{
    for (int32_t i = 0; i < tool->count; i++) {
        struct log_dirs dirs;
        TRY(log_dirs_describe(tool->client, tool->brokers[i], &tool->cli->arena, &dirs));
        json_array_append_new(brokers, broker_json(tool->cli, &dirs));
    }
    return ERR_NONE;
}

static enum cli_exit describe(struct dirs_tool *tool)
{
    struct cli *cli = tool->cli;
    struct cluster cluster = {.client = tool->client};
    enum err e = cluster_refresh(&cluster, &SLICE_NULL, 0);
    bool is_good = e == ERR_NONE && check_brokers(tool, cluster.metadata);
    cluster_fini(&cluster);
    if (e == ERR_NONE && !is_good) {
        return tool_fail(cli, "%.*s", SLICE_ARG(buf_slice(&cli->why)));
    }
    json_t *root = json_object();
    json_t *brokers = json_array();
    json_object_set_new(root, "brokers", brokers);
    json_object_set_new(root, "version", json_integer(1));
    if (e == ERR_NONE) {
        puts("Querying brokers for log directories information");
        e = ask(tool, brokers);
    }
    enum cli_exit code = CLI_OK;
    if (e == ERR_NONE) {
        struct buf ids = {0};
        char *text = json_dumps(root, JSON_COMPACT);
        put_ids(&ids, tool->brokers, tool->count);
        printf("Received log directory information from brokers %.*s\n%s\n",
               SLICE_ARG(buf_slice(&ids)), text);
        mem_free(text);
        buf_fini(&ids);
    } else {
        struct admin_result result = {e, SLICE_NULL};
        code = tool_fail(cli, "%s", tool_sentence(cli, tool->client, &result));
    }
    json_decref(root);
    return code;
}

static enum cli_exit run(struct cli *cli)
{
    struct dirs_tool tool = {.cli = cli};
    if (!tool_requires(cli, "bootstrap-server,describe") || !read_brokers(&tool)) {
        return tool_refuse(cli);
    }
    enum cli_exit code;
    tool.client = tool_open(cli, &code);
    if (tool.client != NULL) {
        code = describe(&tool);
        client_close(tool.client);
    }
    return code;
}

static const struct args_option options[] = {
    {"bootstrap-server", "SERVERS", "host:port,… of brokers"},
    {"command-config", "FILE", "properties of the client"},
    {"describe", NULL, "show the log directories"},
    {"topic-list", "NAMES", "only these topics; default: all"},
    {"broker-list", "IDS", "only these brokers; default: all"},
    {0}};

const struct cli_verb kafka_log_dirs = {
    .noun = "kafka-log-dirs",
    .words = "",
    .about = "Shows the log directories of brokers, as JSON",
    .options = options,
    .run = run,
};
