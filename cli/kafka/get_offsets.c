/* kafka-get-offsets: where partitions begin and end, and where a time is in them. */
#include <stdio.h>
#include <stdlib.h>

#include "cli/kafka/tool.h"
#include "cli/kafka/topics.h"

/* Kafka's special timestamps. */
enum { EARLIEST_LOCAL = -4, LATEST_TIERED = -5 };

/* A rule of --topic-partitions, or what --topic and --partitions say. */
struct rule {
    struct pattern *topics;
    int64_t from;      /* partitions from … */
    int64_t to;        /* … and before this one */
    struct slice list; /* --partitions "0,2": only these; null: `from` and `to` count */
};

struct offsets_tool {
    struct cli *cli;
    struct cluster cluster;
    struct rule *rules;
    int rule_count;
    int64_t timestamp;
    struct cluster_offset *items;
    const char **names; /* "topic-partition" of each item: they are printed in this order */
    int32_t count;
};

/* ---- what is asked for ---- */

static bool read_time(struct offsets_tool *tool)
{
    static const struct {
        const char *name;
        int64_t timestamp;
    } rows[] = {{"latest", CLUSTER_LATEST},
                {"earliest", CLUSTER_EARLIEST},
                {"max-timestamp", CLUSTER_MAX_TIMESTAMP},
                {"earliest-local", EARLIEST_LOCAL},
                {"latest-tiered", LATEST_TIERED}};
    const char *text = args_text(&tool->cli->args, "time");
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (strcmp(text == NULL ? "latest" : text, rows[i].name) == 0) {
            tool->timestamp = rows[i].timestamp;
            return true;
        }
    }
    if (!args_parse_number(slice_str(text), &tool->timestamp)) {
        buf_printf(&tool->cli->why,
                   "Malformed time argument %s. Please use -1 or latest / -2 or earliest / -3 or "
                   "max-timestamp / -4 or earliest-local / -5 or latest-tiered, or a specified "
                   "long format timestamp",
                   text);
        return false;
    }
    return true;
}

/* "orders:0", "orders:1-3", "orders:2-", "orders:-3", "orders", ":0". */
static bool read_rule(struct slice text, struct rule *rule, struct buf *why)
{
    struct slice rest = text;
    struct slice topic;
    struct slice numbers;
    (void)args_item(&rest, ':', &topic);
    *rule = (struct rule){.from = 0, .to = INT64_MAX, .list = SLICE_NULL};
    bool is_good = true;
    if (args_item(&rest, ':', &numbers) && numbers.len > 0) {
        struct slice first;
        (void)args_item(&numbers, '-', &first);
        bool is_one = slice_is_null(numbers);
        is_good = slice_is_null(rest) &&
                  (first.len == 0 || args_parse_number(first, &rule->from)) &&
                  (is_one || numbers.len == 0 || args_parse_number(numbers, &rule->to));
        rule->to = is_one ? rule->from + 1 : rule->to;
    }
    rule->topics = pattern_new_topics(topic.len == 0 ? slice_str(".*") : topic);
    if (!is_good || rule->topics == NULL) {
        buf_printf(why, "org.apache.kafka.tools.TerseException: Invalid rule specification: %.*s",
                   SLICE_ARG(text));
        return false;
    }
    return true;
}

static bool read_rules(struct offsets_tool *tool)
{
    struct cli *cli = tool->cli;
    struct slice rest = slice_str(args_text(&cli->args, "topic-partitions"));
    if (!slice_is_null(rest) && tool_count(cli, "topic,partitions") > 0) {
        buf_put_str(&cli->why, "--topic-partitions cannot be used with --topic or --partitions");
        return false;
    }
    tool->rules = ARENA_ARRAY(&cli->arena, rest.len + 2, struct rule);
    struct slice item;
    while (args_item(&rest, ',', &item)) {
        if (!read_rule(item, &tool->rules[tool->rule_count++], &cli->why)) {
            return false;
        }
    }
    if (tool->rule_count > 0) {
        return true;
    }
    const char *topic = args_text(&cli->args, "topic");
    struct rule *rule = &tool->rules[tool->rule_count++];
    *rule = (struct rule){.topics = pattern_new_topics(slice_str(topic == NULL ? ".*" : topic)),
                          .to = INT64_MAX,
                          .list = slice_str(args_text(&cli->args, "partitions"))};
    if (rule->topics == NULL) {
        buf_printf(&cli->why, "%s is an invalid regex.", topic);
        return false;
    }
    while (rule->list.len > 0 && rule->list.data[rule->list.len - 1] == ',') {
        rule->list.len--; /* as Java's split() leaves them out */
    }
    if (rule->list.len == 0) {
        rule->list = SLICE_NULL;
    }
    struct slice numbers = rule->list;
    int64_t number;
    while (args_item(&numbers, ',', &item)) {
        if (!args_parse_number(item, &number)) {
            buf_printf(&cli->why,
                       "--partitions expects a comma separated list of numeric partition ids, but "
                       "received: %.*s",
                       SLICE_ARG(rule->list));
            return false;
        }
    }
    return true;
}

static bool rule_allows(const struct rule *rule, struct slice topic, int32_t partition)
{
    if (!pattern_matches(rule->topics, topic)) {
        return false;
    }
    struct slice numbers = rule->list;
    struct slice item;
    int64_t number;
    if (numbers.len == 0) {
        return partition >= rule->from && partition < rule->to;
    }
    while (args_item(&numbers, ',', &item)) {
        if (args_parse_number(item, &number) && number == partition) {
            return true;
        }
    }
    return false;
}

static bool is_wanted(const struct offsets_tool *tool, struct slice topic, int32_t partition)
{
    for (int i = 0; i < tool->rule_count; i++) {
        if (rule_allows(&tool->rules[i], topic, partition)) {
            return true;
        }
    }
    return false;
}

/* ---- the answer ---- */

static void choose(struct offsets_tool *tool)
{
    struct cli *cli = tool->cli;
    int32_t total = 0;
    const struct wire_metadata_response *metadata = tool->cluster.metadata;
    for (int32_t i = 0; i < metadata->topics_count; i++) {
        total += metadata->topics[i].partitions_count;
    }
    tool->items = ARENA_ARRAY(&cli->arena, (size_t)total + 1, struct cluster_offset);
    for (int32_t i = 0; i < metadata->topics_count; i++) {
        const struct wire_metadata_response_topics *topic = &metadata->topics[i];
        bool excluded = tool_has(cli, "exclude-internal-topics") && topics_is_internal(topic->name);
        for (int32_t k = 0; k < topic->partitions_count && !excluded; k++) {
            int32_t partition = topic->partitions[k].partition_index;
            if (is_wanted(tool, topic->name, partition)) {
                tool->items[tool->count++] = (struct cluster_offset){
                    .topic = topic->name, .partition = partition, .timestamp = tool->timestamp};
            }
        }
    }
}

struct printed {
    const char *name;
    const struct cluster_offset *item;
};

static int compare_names(const void *a, const void *b)
{
    const struct printed *x = a;
    const struct printed *y = b;
    return strcmp(x->name, y->name);
}

static void print(struct offsets_tool *tool)
{
    struct cli *cli = tool->cli;
    struct printed *rows = ARENA_ARRAY(&cli->arena, (size_t)tool->count + 1, struct printed);
    for (int32_t i = 0; i < tool->count; i++) {
        const struct cluster_offset *item = &tool->items[i];
        rows[i] = (struct printed){
            arena_printf(&cli->arena, "%.*s-%" PRId32, SLICE_ARG(item->topic), item->partition),
            item};
    }
    qsort(rows, (size_t)tool->count, sizeof *rows, compare_names);
    for (int32_t i = 0; i < tool->count; i++) {
        const struct cluster_offset *item = rows[i].item;
        if (item->error != ERR_NONE) {
            fprintf(stderr,
                    "Skip getting offsets for topic-partition %s due to error: "
                    "org.apache.kafka.common.errors.%s: %s\n",
                    rows[i].name, tool_error_class(item->error), tool_error_text(item->error));
        } else if (item->offset >= 0) {
            printf("%.*s:%" PRId32 ":%" PRId64 "\n", SLICE_ARG(item->topic), item->partition,
                   item->offset);
        }
    }
}

static enum cli_exit get(struct offsets_tool *tool)
{
    struct cli *cli = tool->cli;
    enum err e = cluster_refresh(&tool->cluster, NULL, 0);
    if (e == ERR_NONE) {
        choose(tool);
        if (tool->count == 0) {
            return tool_fail(cli, "Error occurred: Could not match any topic-partitions with the "
                                  "specified filters");
        }
        e = cluster_offsets(&tool->cluster, tool->items, tool->count);
    }
    if (e != ERR_NONE) {
        struct admin_result result = {e, SLICE_NULL};
        return tool_fail(cli, "Error occurred: %s",
                         tool_sentence(cli, tool->cluster.client, &result));
    }
    print(tool);
    return CLI_OK;
}

/* ---- the command line ---- */

static enum cli_exit run(struct cli *cli)
{
    struct offsets_tool tool = {.cli = cli};
    if (!tool_requires(cli, "bootstrap-server")) {
        return tool_refuse(cli);
    }
    enum cli_exit code = CLI_OK;
    if (!read_time(&tool) || !read_rules(&tool)) {
        code = tool_fail(cli, "Error occurred: %.*s", SLICE_ARG(buf_slice(&cli->why)));
    } else if ((tool.cluster.client = tool_open(cli, &code)) != NULL) {
        code = get(&tool);
        cluster_close(&tool.cluster);
    }
    for (int i = 0; i < tool.rule_count; i++) {
        pattern_free(tool.rules[i].topics);
    }
    return code;
}

static const struct args_option options[] = {
    {"bootstrap-server", "SERVERS", "host:port,… of brokers"},
    {"command-config", "FILE", "properties of the client"},
    {"topic", "REGEX", "topics; default: all"},
    {"partitions", "N,…", "only these partitions"},
    {"topic-partitions", "RULES", "e.g. orders:0,clicks:1-3,users:5-,:-3 (the last one: of all)"},
    {"time", "TIME",
     "milliseconds, latest (-1), earliest (-2), max-timestamp (-3), "
     "earliest-local (-4),\nlatest-tiered (-5); default: latest"},
    {"exclude-internal-topics", NULL, "leave internal topics out"},
    {0}};

const struct cli_verb kafka_get_offsets = {
    .noun = "kafka-get-offsets",
    .words = "",
    .more = "Error occurred: ",
    .about = "Shows offsets of partitions: the end, the begin, or those of a time",
    .options = options,
    .run = run,
};
