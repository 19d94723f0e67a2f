/* kafka-reassign-partitions --generate, --execute, --cancel: what is to be moved, and moved. */
#include <stdio.h>
#include <stdlib.h>

#include "cli/kafka/reassign.h"
#include "cli/move_plan.h"
#include "cli/topics.h"
#include "store/store.h"

enum { FILE_BYTES_MAX = 64 << 20 };

/* ---- generate ---- */

/* The names in {"topics": [{"topic": …}]}. False: the sentence is in cli->why. */
static bool read_topics(struct reassign_tool *tool, struct slice **out, size_t *count)
{
    struct cli *cli = tool->cli;
    const char *path = args_text(&cli->args, "topics-to-move-json-file");
    struct buf text = {0};
    enum err e = store_fs_read_file(store_fs_posix(), path, FILE_BYTES_MAX, &text);
    json_error_t where;
    json_t *root = e == ERR_NONE ? json_loadb((const char *)text.data, text.len, 0, &where) : NULL;
    const json_t *list = json_object_get(root, "topics");
    *count = 0;
    *out = ARENA_ARRAY(&cli->arena, json_array_size(list) + 1, struct slice);
    if (e != ERR_NONE) {
        buf_printf(&cli->why, "%s: %s", path,
                   e == ERR_NOT_FOUND ? "there is no such file" : err_text(e));
    } else if (root == NULL) {
        buf_put_str(&cli->why, "The input string is not a valid JSON");
    }
    for (size_t i = 0; i < json_array_size(list) && cli->why.len == 0; i++) {
        const json_t *name = json_object_get(json_array_get(list, i), "topic");
        if (!json_is_string(name)) {
            buf_printf(&cli->why, "%s: item %zu of \"topics\" has no \"topic\"", path, i + 1);
            break;
        }
        (*out)[(*count)++] =
            arena_dup(&cli->arena, slice_of(json_string_value(name), json_string_length(name)));
    }
    json_decref(root);
    buf_fini(&text);
    return cli->why.len == 0;
}

static bool read_brokers(struct reassign_tool *tool, struct move_plan *plan)
{
    struct cli *cli = tool->cli;
    const struct wire_metadata_response *metadata = tool->cluster.metadata;
    struct slice rest = slice_str(args_text(&cli->args, "broker-list"));
    struct move_broker *brokers = ARENA_ARRAY(&cli->arena, rest.len + 1, struct move_broker);
    plan->brokers = brokers;
    struct slice item;
    while (args_item(&rest, ',', &item)) {
        int64_t id;
        if (!args_parse_number(item, &id)) {
            buf_printf(&cli->why, "For input string: \"%.*s\"", SLICE_ARG(item));
            return false;
        }
        for (int32_t i = 0; i < plan->broker_count; i++) {
            if (brokers[i].id == id) {
                buf_printf(&cli->why, "Broker list contains duplicate entries: [%" PRId64 "]", id);
                return false;
            }
        }
        for (int32_t i = 0; i < metadata->brokers_count; i++) {
            if (metadata->brokers[i].node_id == id) {
                brokers[plan->broker_count++] = (struct move_broker){
                    (int32_t)id,
                    tool_has(cli, "disable-rack-aware") ? SLICE_NULL : metadata->brokers[i].rack};
            }
        }
    }
    return true;
}

static void add_partitions(struct reassign_tool *tool, struct slice name, struct move_plan *plan)
{
    const struct wire_metadata_response_topics *topic = cluster_topic(&tool->cluster, name);
    const struct wire_metadata_response_topics_partitions **at =
        topics_partitions(topic, &tool->cli->arena);
    for (; *at != NULL; at++) {
        plan->partitions[plan->partition_count++] =
            (struct move_partition){.topic = topic->name,
                                    .partition = (*at)->partition_index,
                                    .replicas = (*at)->replica_nodes,
                                    .replica_count = (*at)->replica_nodes_count};
    }
}

static void print_plan(struct reassign_tool *tool, const struct move_plan *plan, bool proposed)
{
    struct reassign_row *rows =
        ARENA_ARRAY(&tool->cli->arena, (size_t)plan->partition_count + 1, struct reassign_row);
    for (int32_t i = 0; i < plan->partition_count; i++) {
        const struct move_partition *part = &plan->partitions[i];
        rows[i] = (struct reassign_row){part->topic, part->partition,
                                        proposed ? part->target : part->replicas,
                                        proposed ? part->target_count : part->replica_count};
    }
    reassign_print_json(rows, plan->partition_count);
}

static int compare_names(const void *a, const void *b)
{
    const struct slice *x = a;
    const struct slice *y = b;
    return slice_cmp(*x, *y);
}

/* Kafka's tool draws lots; ours moves as little as it can. */
enum cli_exit reassign_generate(struct reassign_tool *tool)
{
    struct cli *cli = tool->cli;
    struct slice *names;
    size_t count;
    struct move_plan plan = {0};
    if (!read_topics(tool, &names, &count)) {
        return reassign_error(tool, "%.*s", SLICE_ARG(buf_slice(&cli->why)));
    }
    enum err e = cluster_refresh(&tool->cluster, names, (int32_t)count);
    if (e != ERR_NONE) {
        return reassign_fail(tool, e);
    }
    if (!read_brokers(tool, &plan)) {
        return reassign_error(tool, "%.*s", SLICE_ARG(buf_slice(&cli->why)));
    }
    qsort(names, count, sizeof *names, compare_names);
    size_t total = 0;
    for (size_t i = 1; i < count; i++) {
        if (slice_eq(names[i], names[i - 1])) {
            return reassign_error(tool,
                                  "List of topics to reassign contains duplicate entries: [%.*s]",
                                  SLICE_ARG(names[i]));
        }
    }
    for (size_t i = 0; i < count; i++) {
        const struct wire_metadata_response_topics *topic = cluster_topic(&tool->cluster, names[i]);
        if (topic == NULL || topic->error_code != 0) {
            return reassign_error(tool,
                                  "org.apache.kafka.common.errors."
                                  "UnknownTopicOrPartitionException: Topic %.*s not found.",
                                  SLICE_ARG(names[i]));
        }
        total += (size_t)topic->partitions_count;
    }
    plan.partitions = ARENA_ARRAY(&cli->arena, total + 1, struct move_partition);
    for (size_t i = 0; i < count; i++) {
        add_partitions(tool, names[i], &plan);
    }
    if (move_plan_make(&plan, &cli->arena, &cli->why) != ERR_NONE) {
        return reassign_error(tool, "%.*s", SLICE_ARG(buf_slice(&cli->why)));
    }
    puts("Current partition replica assignment");
    print_plan(tool, &plan, false);
    puts("\nProposed partition reassignment configuration");
    print_plan(tool, &plan, true);
    return CLI_OK;
}

/* ---- execute ---- */

static bool is_broker(const struct reassign_tool *tool, int32_t id)
{
    for (int32_t i = 0; i < tool->cluster.metadata->brokers_count; i++) {
        if (tool->cluster.metadata->brokers[i].node_id == id) {
            return true;
        }
    }
    return false;
}

static bool check_item(const struct reassign_tool *tool, const struct partition_file_item *item,
                       struct buf *why)
{
    if (item->replica_count == 0) {
        buf_put_str(why, "Partition replica list cannot be empty");
        return false;
    }
    for (int32_t k = 0; k < item->replica_count; k++) {
        for (int32_t n = 0; n < k; n++) {
            if (item->replicas[k] == item->replicas[n]) {
                buf_printf(why,
                           "Partition replica lists may not contain duplicate entries: "
                           "%.*s-%" PRId32 " contains multiple entries for %" PRId32,
                           SLICE_ARG(item->topic), item->partition, item->replicas[k]);
                return false;
            }
        }
        if (!is_broker(tool, item->replicas[k])) {
            buf_printf(why, "Unknown broker id %" PRId32, item->replicas[k]);
            return false;
        }
    }
    return true;
}

static bool check_file(const struct reassign_tool *tool, struct buf *why)
{
    const struct partition_file_item *twice = partition_file_duplicate(&tool->file);
    if (tool->file.count == 0) {
        buf_put_str(why, "Partition reassignment list cannot be empty");
        return false;
    }
    if (twice != NULL) {
        buf_printf(why, "Partition reassignment contains duplicate topic partitions: %.*s-%" PRId32,
                   SLICE_ARG(twice->topic), twice->partition);
        return false;
    }
    for (int32_t i = 0; i < tool->file.count; i++) {
        if (!check_item(tool, &tool->file.items[i], why)) {
            return false;
        }
    }
    return true;
}

/* Topics, then partitions, as Kafka's tool looks for them. */
static bool check_partitions(const struct reassign_tool *tool, struct buf *why)
{
    for (int32_t i = 0; i < tool->file.count; i++) {
        const struct wire_metadata_response_topics *topic =
            cluster_topic(&tool->cluster, tool->file.items[i].topic);
        if (topic == NULL || topic->error_code != 0) {
            buf_printf(why,
                       "org.apache.kafka.common.errors.UnknownTopicOrPartitionException: Topic "
                       "%.*s not found.",
                       SLICE_ARG(tool->file.items[i].topic));
            return false;
        }
    }
    for (int32_t i = 0; i < tool->file.count; i++) {
        if (reassign_partition(tool, &tool->file.items[i]) == NULL) {
            buf_printf(why, "%s%.*s-%" PRId32,
                       why->len == 0 ? "org.apache.kafka.common.errors."
                                       "UnknownTopicOrPartitionException: Unable to find "
                                       "partition: "
                                     : ", ",
                       SLICE_ARG(tool->file.items[i].topic), tool->file.items[i].partition);
        }
    }
    return why->len == 0;
}

static void print_current(struct reassign_tool *tool)
{
    struct reassign_row *rows =
        ARENA_ARRAY(&tool->cli->arena, (size_t)tool->file.count + 1, struct reassign_row);
    for (int32_t i = 0; i < tool->file.count; i++) {
        const struct wire_metadata_response_topics_partitions *p =
            reassign_partition(tool, &tool->file.items[i]);
        rows[i] = (struct reassign_row){tool->file.items[i].topic, p->partition_index,
                                        p->replica_nodes, p->replica_nodes_count};
    }
    puts("Current partition replica assignment\n");
    reassign_print_json(rows, tool->file.count);
    puts("\nSave this to use as the --reassignment-json-file option during rollback");
}

/* The rows that failed. */
static void print_failed(const struct reassignment *rows, int32_t count)
{
    for (int32_t i = 0; i < count; i++) {
        if (rows[i].result.error != ERR_NONE) {
            struct slice message = rows[i].result.message;
            printf("%.*s-%" PRId32 ": %.*s\n", SLICE_ARG(rows[i].topic), rows[i].partition,
                   SLICE_ARG(message.len > 0 ? message
                                             : slice_str(tool_error_text(rows[i].result.error))));
        }
    }
}

static int32_t count_failed(const struct reassignment *rows, int32_t count)
{
    int32_t failed = 0;
    for (int32_t i = 0; i < count; i++) {
        failed += rows[i].result.error != ERR_NONE;
    }
    return failed;
}

static void print_names(const struct reassignment *rows, int32_t count)
{
    for (int32_t i = 0; i < count; i++) {
        printf("%s%.*s-%" PRId32, i == 0 ? "" : ",", SLICE_ARG(rows[i].topic), rows[i].partition);
    }
    puts("");
}

static enum cli_exit begin_moves(struct reassign_tool *tool)
{
    int32_t count = tool->file.count;
    struct reassignment *rows =
        ARENA_ARRAY(&tool->cli->arena, (size_t)count + 1, struct reassignment);
    for (int32_t i = 0; i < count; i++) {
        rows[i] = (struct reassignment){.topic = tool->file.items[i].topic,
                                        .partition = tool->file.items[i].partition,
                                        .replicas = tool->file.items[i].replicas,
                                        .replica_count = tool->file.items[i].replica_count};
    }
    bool may_resize = !tool_has(tool->cli, "disallow-replication-factor-change");
    enum err e = reassignments_alter(tool->cluster.client, rows, count, may_resize);
    if (e != ERR_NONE) {
        return reassign_fail(tool, e);
    }
    if (count_failed(rows, count) > 0) {
        puts("Error reassigning partition(s):");
        print_failed(rows, count);
        return CLI_FAILED;
    }
    printf("Successfully started partition reassignment%s for ", count == 1 ? "" : "s");
    print_names(rows, count);
    return CLI_OK;
}

enum cli_exit reassign_execute(struct reassign_tool *tool)
{
    struct cli *cli = tool->cli;
    enum cli_exit code = CLI_OK;
    if (!reassign_load(tool, &code)) {
        return code;
    }
    if (!tool_has(cli, "additional") && tool->moves->topics_count > 0 &&
        check_file(tool, &cli->why)) {
        return reassign_terse(tool,
                              "Cannot execute because there is an existing partition assignment.  "
                              "Use --additional to override this and create a new partition "
                              "assignment in addition to the existing one. The --additional flag "
                              "can also be used to change the throttle by resubmitting the "
                              "current reassignment.");
    }
    buf_reset(&cli->why);
    if (!check_file(tool, &cli->why) || !check_partitions(tool, &cli->why)) {
        return reassign_error(tool, "%.*s", SLICE_ARG(buf_slice(&cli->why)));
    }
    print_current(tool);
    code = reassign_set_throttles(tool);
    if (code == CLI_OK) {
        code = begin_moves(tool);
    }
    int32_t count;
    const struct log_dir_move *moves = reassign_dir_moves(tool, &count);
    return code == CLI_OK && count > 0 ? reassign_move_dirs(tool, moves, count) : code;
}

/* ---- cancel ---- */

/* The partitions of the file that move. */
static struct reassignment *moving_rows(struct reassign_tool *tool, int32_t *count)
{
    struct reassignment *rows =
        ARENA_ARRAY(&tool->cli->arena, (size_t)tool->file.count + 1, struct reassignment);
    *count = 0;
    for (int32_t i = 0; i < tool->file.count; i++) {
        struct reassignment_move move;
        const struct partition_file_item *item = &tool->file.items[i];
        if (reassignments_find(tool->moves, item->topic, item->partition, &move)) {
            rows[(*count)++] =
                (struct reassignment){.topic = item->topic, .partition = item->partition};
        }
    }
    return rows;
}

enum cli_exit reassign_cancel(struct reassign_tool *tool)
{
    enum cli_exit code = CLI_OK;
    if (!reassign_load(tool, &code)) {
        return code;
    }
    int32_t count;
    struct reassignment *rows = moving_rows(tool, &count);
    if (count == 0) {
        puts("None of the specified partition reassignments are active.");
    } else {
        enum err e = reassignments_alter(tool->cluster.client, rows, count, true);
        if (e != ERR_NONE) {
            return reassign_fail(tool, e);
        }
        int32_t failed = count_failed(rows, count);
        if (failed > 0) {
            printf("Error cancelling partition reassignment%s for:\n", failed == 1 ? "" : "s");
            print_failed(rows, count);
            return CLI_FAILED;
        }
        printf("Successfully cancelled partition reassignment%s for: ", count == 1 ? "" : "s");
        print_names(rows, count);
    }
    code = reassign_cancel_dirs(tool);
    if (code == CLI_OK && !tool_has(tool->cli, "preserve-throttles")) {
        code = reassign_clear_throttles(tool);
    }
    return code;
}
