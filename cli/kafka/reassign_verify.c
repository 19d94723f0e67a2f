/* kafka-reassign-partitions --verify, and throttles. */
#include <stdio.h>
#include <stdlib.h>

#include "cli/configs.h"
#include "cli/kafka/reassign.h"

/* ---- how far the moves are ---- */

static void put_ids(const int32_t *ids, int32_t count)
{
    for (int32_t i = 0; i < count; i++) {
        printf("%s%" PRId32, i == 0 ? "" : ",", ids[i]);
    }
}

static void print_state(const struct reassign_tool *tool, const struct partition_file_item *item)
{
    struct reassignment_move move;
    if (reassignments_find(tool->moves, item->topic, item->partition, &move)) {
        printf("Reassignment of partition %.*s-%" PRId32 " is still in progress.\n",
               SLICE_ARG(item->topic), item->partition);
        return;
    }
    const struct wire_metadata_response_topics_partitions *p = reassign_partition(tool, item);
    int32_t count = p == NULL ? 0 : p->replica_nodes_count;
    bool is_done = count == item->replica_count &&
                   (count == 0 || memcmp(p->replica_nodes, item->replicas,
                                         (size_t)count * sizeof *item->replicas) == 0);
    if (is_done) {
        printf("Reassignment of partition %.*s-%" PRId32 " is completed.\n", SLICE_ARG(item->topic),
               item->partition);
        return;
    }
    printf("There is no active reassignment of partition %.*s-%" PRId32 ", but replica set is ",
           SLICE_ARG(item->topic), item->partition);
    put_ids(p == NULL ? NULL : p->replica_nodes, count);
    fputs(" rather than ", stdout);
    put_ids(item->replicas, item->replica_count);
    puts(".");
}

/* ---- how far the moves between directories are ---- */

/* True: it is still on its way. */
static bool print_dir_state(const struct reassign_dir_state *state)
{
    const struct log_dir_move *move = &state->move;
    struct slice now = state->now;
    struct slice future = state->future;
    if (slice_is_null(now)) {
        printf("Partition %.*s-%" PRId32 " is not found in any live log dir on broker %" PRId32
               ". There is likely an offline log directory on the broker.\n",
               SLICE_ARG(move->topic), move->partition, move->broker);
        return false;
    }
    if (!slice_is_null(future)) {
        if (slice_eq(future, move->path)) {
            printf("Reassignment of replica %.*s-%" PRId32 "-%" PRId32 " is still in progress.\n",
                   SLICE_ARG(move->topic), move->partition, move->broker);
        } else {
            printf("Partition %.*s-%" PRId32 " on broker %" PRId32
                   " is being moved to log dir %.*s instead of %.*s.\n",
                   SLICE_ARG(move->topic), move->partition, move->broker, SLICE_ARG(future),
                   SLICE_ARG(move->path));
        }
        return true;
    }
    if (slice_eq(now, move->path)) {
        printf("Reassignment of replica %.*s-%" PRId32 "-%" PRId32 " completed successfully.\n",
               SLICE_ARG(move->topic), move->partition, move->broker);
    } else {
        printf("Partition %.*s-%" PRId32 " on broker %" PRId32
               " is not being moved from log dir %.*s to %.*s.\n",
               SLICE_ARG(move->topic), move->partition, move->broker, SLICE_ARG(now),
               SLICE_ARG(move->path));
    }
    return false;
}

static enum err print_dir_states(struct reassign_tool *tool, bool *moves_on)
{
    int32_t count;
    struct reassign_dir_state *states;
    TRY(reassign_dir_states(tool, &states, &count));
    for (int32_t i = 0; i < count; i++) {
        *moves_on = print_dir_state(&states[i]) || *moves_on;
    }
    fputs(count == 0 ? "\n" : "", stdout);
    return ERR_NONE;
}

enum cli_exit reassign_verify(struct reassign_tool *tool)
{
    enum cli_exit code = CLI_OK;
    if (!reassign_load(tool, &code)) {
        return code;
    }
    puts("Status of partition reassignment:");
    for (int32_t i = 0; i < tool->file.count; i++) {
        print_state(tool, &tool->file.items[i]);
    }
    bool moves_on = tool->moves->topics_count > 0;
    enum err e = print_dir_states(tool, &moves_on);
    if (e != ERR_NONE) {
        return reassign_fail(tool, e);
    }
    if (!moves_on && !tool_has(tool->cli, "preserve-throttles")) {
        code = reassign_clear_throttles(tool);
    }
    return code;
}

/* ---- throttles ---- */

static const char *const broker_throttles[] = {"leader.replication.throttled.rate",
                                               "follower.replication.throttled.rate",
                                               "replica.alter.log.dirs.io.max.bytes.per.second"};
static const char *const topic_throttles[] = {"leader.replication.throttled.replicas",
                                              "follower.replication.throttled.replicas"};

static enum err alter(struct reassign_tool *tool, struct configs_resource resource,
                      const struct configs_change *items, int32_t count)
{
    struct configs_changes changes = {.resource = resource, .items = items, .count = count};
    struct admin_result result;
    enum err e = configs_alter(tool->cluster.client, &changes, &result);
    tool->message = result.message;
    return e;
}

static struct configs_resource broker_resource(struct reassign_tool *tool, int32_t id)
{
    return (struct configs_resource){METADATA_CONFIG_BROKER,
                                     slice_str(arena_printf(&tool->cli->arena, "%" PRId32, id))};
}

static int compare_ids(const void *a, const void *b)
{
    const int32_t *x = a;
    const int32_t *y = b;
    return *x < *y ? -1 : *x > *y;
}

static int32_t unique(int32_t *ids, int32_t count)
{
    int32_t kept = 0;
    qsort(ids, (size_t)count, sizeof *ids, compare_ids);
    for (int32_t i = 0; i < count; i++) {
        if (kept == 0 || ids[i] != ids[kept - 1]) {
            ids[kept++] = ids[i];
        }
    }
    return kept;
}

/* The brokers of the cluster (if they are known) and of the file. */
static int32_t *all_brokers(struct reassign_tool *tool, bool of_cluster, int32_t *count)
{
    size_t total = 0;
    const struct wire_metadata_response *metadata = tool->cluster.metadata;
    bool has_metadata = of_cluster && metadata != NULL;
    for (int32_t i = 0; i < tool->file.count; i++) {
        total += (size_t)tool->file.items[i].replica_count;
    }
    total += has_metadata ? (size_t)metadata->brokers_count : 0;
    int32_t *ids = ARENA_ARRAY(&tool->cli->arena, total + 1, int32_t);
    *count = 0;
    for (int32_t i = 0; has_metadata && i < metadata->brokers_count; i++) {
        ids[(*count)++] = metadata->brokers[i].node_id;
    }
    for (int32_t i = 0; i < tool->file.count; i++) {
        for (int32_t k = 0; k < tool->file.items[i].replica_count; k++) {
            ids[(*count)++] = tool->file.items[i].replicas[k];
        }
    }
    *count = unique(ids, *count);
    return ids;
}

/* Topics of the file, which is sorted. */
static int32_t all_topics(struct reassign_tool *tool, struct slice **out)
{
    int32_t count = 0;
    *out = ARENA_ARRAY(&tool->cli->arena, (size_t)tool->file.count + 1, struct slice);
    for (int32_t i = 0; i < tool->file.count; i++) {
        if (count == 0 || !slice_eq((*out)[count - 1], tool->file.items[i].topic)) {
            (*out)[count++] = tool->file.items[i].topic;
        }
    }
    return count;
}

enum cli_exit reassign_clear_throttles(struct reassign_tool *tool)
{
    int32_t count;
    const int32_t *ids = all_brokers(tool, true, &count);
    struct configs_change changes[ARRAY_LEN(broker_throttles)];
    for (size_t i = 0; i < ARRAY_LEN(broker_throttles); i++) {
        changes[i] =
            (struct configs_change){slice_str(broker_throttles[i]), CONFIGS_DELETE, SLICE_NULL};
    }
    printf("Clearing broker-level throttles on broker%s ", count == 1 ? "" : "s");
    put_ids(ids, count);
    puts("");
    for (int32_t i = 0; i < count; i++) {
        enum err e = alter(tool, broker_resource(tool, ids[i]), changes, ARRAY_LEN(changes));
        if (e != ERR_NONE) {
            return reassign_fail(tool, e);
        }
    }
    struct slice *topics;
    int32_t topic_count = all_topics(tool, &topics);
    printf("Clearing topic-level throttles on topic%s ", topic_count == 1 ? "" : "s");
    for (int32_t i = 0; i < topic_count; i++) {
        printf("%s%.*s", i == 0 ? "" : ",", SLICE_ARG(topics[i]));
    }
    puts("");
    for (size_t i = 0; i < ARRAY_LEN(topic_throttles); i++) {
        changes[i].name = slice_str(topic_throttles[i]);
    }
    for (int32_t i = 0; i < topic_count; i++) {
        struct configs_resource resource = {METADATA_CONFIG_TOPIC, topics[i]};
        enum err e = alter(tool, resource, changes, ARRAY_LEN(topic_throttles));
        if (e != ERR_NONE) {
            return reassign_fail(tool, e);
        }
    }
    return CLI_OK;
}

static bool contains(const int32_t *ids, int32_t count, int32_t id)
{
    for (int32_t i = 0; i < count; i++) {
        if (ids[i] == id) {
            return true;
        }
    }
    return false;
}

/* "0:1,0:2": the partitions of a topic with the brokers that send (or receive). */
static struct slice throttled_replicas(struct reassign_tool *tool, struct slice topic, bool senders)
{
    struct buf text = {0};
    for (int32_t i = 0; i < tool->file.count; i++) {
        const struct partition_file_item *item = &tool->file.items[i];
        const struct wire_metadata_response_topics_partitions *p = reassign_partition(tool, item);
        if (p == NULL || !slice_eq(item->topic, topic)) {
            continue;
        }
        const int32_t *ids = senders ? p->replica_nodes : item->replicas;
        int32_t count = senders ? p->replica_nodes_count : item->replica_count;
        for (int32_t k = 0; k < count; k++) {
            if (senders || !contains(p->replica_nodes, p->replica_nodes_count, ids[k])) {
                buf_printf(&text, "%s%" PRId32 ":%" PRId32, text.len == 0 ? "" : ",",
                           item->partition, ids[k]);
            }
        }
    }
    struct slice kept = arena_dup(&tool->cli->arena, buf_slice(&text));
    buf_fini(&text);
    return kept;
}

static enum err throttle_topics(struct reassign_tool *tool)
{
    struct slice *topics;
    int32_t count = all_topics(tool, &topics);
    for (int32_t i = 0; i < count; i++) {
        struct configs_change changes[] = {
            {slice_str(topic_throttles[0]), CONFIGS_SET, throttled_replicas(tool, topics[i], true)},
            {slice_str(topic_throttles[1]), CONFIGS_SET,
             throttled_replicas(tool, topics[i], false)}};
        struct configs_resource resource = {METADATA_CONFIG_TOPIC, topics[i]};
        TRY(alter(tool, resource, changes, ARRAY_LEN(changes)));
    }
    return ERR_NONE;
}

/* The brokers that send or receive. */
static enum err throttle_brokers(struct reassign_tool *tool, const char *rate)
{
    int32_t count;
    int32_t *ids = all_brokers(tool, false, &count);
    size_t room = (size_t)count;
    for (int32_t i = 0; i < tool->file.count; i++) {
        const struct wire_metadata_response_topics_partitions *p =
            reassign_partition(tool, &tool->file.items[i]);
        room += (size_t)p->replica_nodes_count;
    }
    int32_t *all = ARENA_ARRAY(&tool->cli->arena, room + 1, int32_t);
    memcpy(all, ids, (size_t)count * sizeof *ids);
    for (int32_t i = 0; i < tool->file.count; i++) {
        const struct wire_metadata_response_topics_partitions *p =
            reassign_partition(tool, &tool->file.items[i]);
        for (int32_t k = 0; k < p->replica_nodes_count; k++) {
            all[count++] = p->replica_nodes[k];
        }
    }
    count = unique(all, count);
    struct configs_change changes[] = {
        {slice_str(broker_throttles[0]), CONFIGS_SET, slice_str(rate)},
        {slice_str(broker_throttles[1]), CONFIGS_SET, slice_str(rate)}};
    for (int32_t i = 0; i < count; i++) {
        TRY(alter(tool, broker_resource(tool, all[i]), changes, ARRAY_LEN(changes)));
    }
    return ERR_NONE;
}

static enum err throttle_dirs(struct reassign_tool *tool, const char *rate)
{
    int32_t count;
    const struct log_dir_move *moves = reassign_dir_moves(tool, &count);
    struct configs_change change = {slice_str(broker_throttles[2]), CONFIGS_SET, slice_str(rate)};
    for (int32_t i = 0; i < count; i++) {
        TRY(alter(tool, broker_resource(tool, moves[i].broker), &change, 1));
    }
    return ERR_NONE;
}

enum cli_exit reassign_set_throttles(struct reassign_tool *tool)
{
    struct cli *cli = tool->cli;
    int64_t between_brokers = -1;
    int64_t between_dirs = -1;
    if (!tool_long(cli, "throttle", &between_brokers) ||
        !tool_long(cli, "replica-alter-log-dirs-throttle", &between_dirs)) {
        return tool_refuse(cli);
    }
    if (between_brokers < 0 && between_dirs < 0) {
        return CLI_OK;
    }
    puts("Warning: You must run --verify periodically, until the reassignment completes, to "
         "ensure the throttle is removed.");
    enum err e = ERR_NONE;
    if (between_brokers >= 0) {
        e = throttle_topics(tool);
        if (e == ERR_NONE) {
            e = throttle_brokers(tool, args_text(&cli->args, "throttle"));
        }
        if (e == ERR_NONE) {
            printf("The inter-broker throttle limit was set to %" PRId64 " B/s\n", between_brokers);
        }
    }
    if (e == ERR_NONE && between_dirs >= 0) {
        e = throttle_dirs(tool, args_text(&cli->args, "replica-alter-log-dirs-throttle"));
        if (e == ERR_NONE) {
            printf("The replica-alter-dir throttle limit was set to %" PRId64 " B/s\n",
                   between_dirs);
        }
    }
    return e == ERR_NONE ? CLI_OK : reassign_fail(tool, e);
}
