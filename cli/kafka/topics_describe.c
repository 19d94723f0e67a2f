/* kafka-topics --describe. */
#include <stdio.h>

#include "base/uuid.h"
#include "cli/configs.h"
#include "cli/kafka/java_order.h"
#include "cli/kafka/topics.h"
#include "cli/reassignments.h"
#include "cli/topic_details.h"

/* Everything about one topic. */
struct described {
    const struct topic_detail *topic;
    const struct wire_describe_configs_response_results *configs;
    const struct wire_list_partition_reassignments_response *moves; /* NULL: not told */
};

/* ---- settings ---- */

/* Defaults that nobody changed are not shown. */
static bool is_changed(const struct wire_describe_configs_response_results_configs *config)
{
    return config->config_source != SETTINGS_SOURCE_DEFAULT;
}

static bool has_changed(const struct wire_describe_configs_response_results *configs)
{
    for (int32_t i = 0; i < configs->configs_count; i++) {
        if (is_changed(&configs->configs[i])) {
            return true;
        }
    }
    return false;
}

static void put_configs(struct cli *cli,
                        const struct wire_describe_configs_response_results *configs,
                        struct buf *out)
{
    size_t count = (size_t)configs->configs_count;
    uint32_t *hashes = ARENA_ARRAY(&cli->arena, count + 1, uint32_t);
    for (size_t i = 0; i < count; i++) {
        hashes[i] = java_hash(configs->configs[i].name);
    }
    const size_t *order = java_order(hashes, count, JAVA_CAPACITY, &cli->arena);
    const char *comma = "";
    for (size_t i = 0; i < count; i++) {
        const struct wire_describe_configs_response_results_configs *config =
            &configs->configs[order[i]];
        if (is_changed(config)) {
            buf_printf(out, "%s%.*s=%.*s", comma, SLICE_ARG(config->name),
                       SLICE_ARG(config->value));
            comma = ",";
        }
    }
}

static int64_t min_isr(const struct wire_describe_configs_response_results *configs)
{
    int64_t value = 1;
    for (int32_t i = 0; i < configs->configs_count; i++) {
        if (slice_eq_str(configs->configs[i].name, "min.insync.replicas")) {
            (void)args_parse_number(configs->configs[i].value, &value);
        }
    }
    return value;
}

/* ---- partitions ---- */

static bool contains(const struct broker_ids *list, int32_t id)
{
    for (int32_t i = 0; i < list->count; i++) {
        if (list->ids[i] == id) {
            return true;
        }
    }
    return false;
}

/* Those that are only on their way in do not count. */
static int32_t replication_factor(const struct partition_detail *p,
                                  const struct reassignment_move *move)
{
    bool moves = false;
    for (int32_t i = 0; move != NULL && i < p->replicas.count; i++) {
        int32_t id = p->replicas.ids[i];
        moves = moves || contains(&move->adding, id) || contains(&move->removing, id);
    }
    return moves ? move->replicas.count - move->adding.count : p->replicas.count;
}

static void put_ids(struct buf *out, const char *title, const struct broker_ids *list)
{
    buf_printf(out, "\t%s: ", title);
    for (int32_t i = 0; i < list->count; i++) {
        buf_printf(out, "%s%" PRId32, i == 0 ? "" : ",", list->ids[i]);
    }
    buf_put_str(out, list->count < 0 ? "N/A" : "");
}

static void put_partition(const struct described *d, const struct partition_detail *p,
                          const struct reassignment_move *move, struct buf *out)
{
    buf_printf(out, "\tTopic: %.*s\tPartition: %" PRId32 "\tLeader: ", SLICE_ARG(d->topic->name),
               p->index);
    if (p->leader < 0) {
        buf_put_str(out, "none");
    } else {
        buf_printf(out, "%" PRId32, p->leader);
    }
    put_ids(out, "Replicas", &p->replicas);
    put_ids(out, "Isr", &p->isr);
    if (move != NULL) {
        put_ids(out, "Adding Replicas", &move->adding);
        put_ids(out, "Removing Replicas", &move->removing);
    }
    put_ids(out, "Elr", &p->elr);
    put_ids(out, "LastKnownElr", &p->last_known_elr);
    buf_put_str(out, "\n");
}

static bool is_wanted(struct topics_tool *tool, const struct described *d,
                      const struct partition_detail *p, const struct reassignment_move *move)
{
    struct cli *cli = tool->cli;
    if (tool_has(cli, "under-replicated-partitions") &&
        replication_factor(p, move) > p->isr.count) {
        return true;
    }
    if (tool_has(cli, "unavailable-partitions") &&
        (p->leader < 0 || !client_has_node(tool->cluster.client, p->leader))) {
        return true;
    }
    if (tool_has(cli, "under-min-isr-partitions") &&
        (p->leader < 0 || p->isr.count < min_isr(d->configs))) {
        return true;
    }
    return tool_has(cli, "at-min-isr-partitions") && p->isr.count == min_isr(d->configs);
}

/* ---- topics ---- */

static void put_topic(struct topics_tool *tool, const struct described *d, struct buf *out)
{
    const struct topic_detail *topic = d->topic;
    buf_printf(out, "Topic: %.*s", SLICE_ARG(topic->name));
    if (!uuid_is_zero(topic->id)) {
        buf_printf(out, "\tTopicId: %s", uuid_text(topic->id).text);
    }
    struct reassignment_move move;
    int32_t replicas = 0;
    if (topic->partition_count > 0) {
        const struct partition_detail *first = topic->partitions;
        bool moves = reassignments_find(d->moves, topic->name, first->index, &move);
        replicas = replication_factor(first, moves ? &move : NULL);
    }
    buf_printf(out, "\tPartitionCount: %" PRId32 "\tReplicationFactor: %" PRId32 "\tConfigs: ",
               topic->partition_count, replicas);
    put_configs(tool->cli, d->configs, out);
    buf_put_str(out, "\n");
}

static void describe_topic(struct topics_tool *tool, const struct described *d, struct buf *out)
{
    struct cli *cli = tool->cli;
    bool only_some = tool_count(cli, "under-replicated-partitions,unavailable-partitions,"
                                     "under-min-isr-partitions,at-min-isr-partitions") > 0;
    bool only_topics = tool_has(cli, "topics-with-overrides");
    if (!only_some && (!only_topics || has_changed(d->configs))) {
        put_topic(tool, d, out);
    }
    for (int32_t i = 0; i < d->topic->partition_count && !only_topics; i++) {
        const struct partition_detail *p = &d->topic->partitions[i];
        struct reassignment_move found;
        bool moves = reassignments_find(d->moves, d->topic->name, p->index, &found);
        const struct reassignment_move *move = moves ? &found : NULL;
        if (!only_some || is_wanted(tool, d, p, move)) {
            put_partition(d, p, move, out);
        }
    }
}

static enum err ask(struct topics_tool *tool, struct topic_detail *topics,
                    const struct wire_describe_configs_response **configs,
                    const struct wire_list_partition_reassignments_response **moves)
{
    struct client *client = tool->cluster.client;
    struct arena *arena = &tool->cli->arena;
    TRY(topic_details(client, tool->names, tool->count, arena, topics));
    struct configs_resource *resources =
        ARENA_ARRAY(arena, (size_t)tool->count + 1, struct configs_resource);
    for (int32_t i = 0; i < tool->count; i++) {
        TRY(topics[i].error);
        resources[i] = (struct configs_resource){METADATA_CONFIG_TOPIC, tool->names[i]};
    }
    struct configs_question question = {.resources = resources, .count = tool->count};
    TRY(configs_describe(client, &question, configs));
    for (int32_t i = 0; i < (*configs)->results_count; i++) {
        TRY((enum err)(*configs)->results[i].error_code);
    }
    *moves = NULL;
    enum err e = reassignments_list(client, moves);
    bool may_fail = e == ERR_UNSUPPORTED_VERSION || e == ERR_CLUSTER_AUTHORIZATION_FAILED;
    return may_fail ? ERR_NONE : e;
}

/* In the order in which Kafka's tool has them. */
static const size_t *order_of(struct topics_tool *tool)
{
    size_t count = (size_t)tool->count;
    uint32_t *hashes = ARENA_ARRAY(&tool->cli->arena, count + 1, uint32_t);
    for (size_t i = 0; i < count; i++) {
        hashes[i] = java_hash(tool->names[i]);
    }
    return java_order(hashes, count, count, &tool->cli->arena);
}

enum cli_exit topics_describe(struct topics_tool *tool)
{
    struct topic_detail *topics =
        ARENA_ARRAY(&tool->cli->arena, (size_t)tool->count + 1, struct topic_detail);
    const struct wire_describe_configs_response *configs;
    const struct wire_list_partition_reassignments_response *moves;
    enum err e = ask(tool, topics, &configs, &moves);
    if (e != ERR_NONE) {
        return topics_fail(tool, &(struct admin_result){e, SLICE_NULL});
    }
    struct buf out = {0};
    const size_t *order = order_of(tool);
    for (int32_t i = 0; i < tool->count; i++) {
        struct described d = {&topics[order[i]], &configs->results[order[i]], moves};
        describe_topic(tool, &d, &out);
    }
    return cli_print(&out);
}
