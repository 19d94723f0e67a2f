/* kafka-consumer-groups --delete and --delete-offsets. */
#include <stdio.h>
#include <stdlib.h>

#include "cli/coordinator.h"
#include "cli/kafka/consumer_groups.h"
#include "cli/kafka/java_order.h"
#include "cli/selection.h"

enum { COLUMN_MIN = 15 };

/* ---- delete ---- */

/* In the order of Java's map of results. */
static const size_t *order_of(struct groups_tool *tool)
{
    uint32_t *hashes = ARENA_ARRAY(&tool->cli->arena, (size_t)tool->count + 1, uint32_t);
    for (int32_t i = 0; i < tool->count; i++) {
        hashes[i] = java_hash(tool->names[i]);
    }
    return java_order(hashes, (size_t)tool->count, JAVA_CAPACITY, &tool->cli->arena);
}

/* The groups whose deletion ended so, between the words that Kafka puts between them. */
static int print_deleted(const struct groups_tool *tool, const enum err *errors,
                         const size_t *order, const char *comma)
{
    int count = 0;
    for (int32_t i = 0; i < tool->count; i++) {
        if (errors[order[i]] == ERR_NONE) {
            printf("%s%.*s", count++ == 0 ? "" : comma, SLICE_ARG(tool->names[order[i]]));
        }
    }
    return count;
}

enum cli_exit groups_delete(struct groups_tool *tool)
{
    struct client *client = tool->cluster.client;
    enum err *errors = ARENA_ARRAY(&tool->cli->arena, (size_t)tool->count + 1, enum err);
    int failed = 0;
    for (int32_t i = 0; i < tool->count; i++) {
        errors[i] = coordinator_delete_group(client, tool->names[i]);
        if (client_why(client)[0] != '\0') {
            return groups_fail(tool, errors[i], SLICE_NULL, true);
        }
        failed += errors[i] != ERR_NONE;
    }
    const size_t *order = order_of(tool);
    if (failed == 0) {
        fputs("Deletion of requested consumer groups ('", stdout);
        (void)print_deleted(tool, errors, order, "', '");
        puts("') was successful.");
        return CLI_OK;
    }
    groups_error("Deletion of some consumer groups failed:");
    for (int32_t i = 0; i < tool->count; i++) {
        enum err e = errors[order[i]];
        if (e != ERR_NONE) {
            printf("* Group '%.*s' could not be deleted due to: "
                   "org.apache.kafka.common.errors.%s: %s\n",
                   SLICE_ARG(tool->names[order[i]]), tool_error_class(e), tool_error_text(e));
        }
    }
    if (failed < tool->count) {
        fputs("\nThese consumer groups were deleted successfully: '", stdout);
        (void)print_deleted(tool, errors, order, "', '");
        puts("'");
    }
    return CLI_OK;
}

/* ---- delete offsets ---- */

static enum cli_exit say_forgotten(struct groups_tool *tool, const char *group, enum err e)
{
    switch ((int)e) {
    case ERR_NONE:
        printf("Request succeeded for deleting offsets from group %s.\n", group);
        return CLI_OK;
    case ERR_INVALID_GROUP_ID:
    case ERR_GROUP_ID_NOT_FOUND:
    case ERR_GROUP_AUTHORIZATION_FAILED:
    case ERR_NON_EMPTY_GROUP:
        return groups_error("%s", tool_error_text(e));
    case ERR_GROUP_SUBSCRIBED_TO_TOPIC:
    case ERR_TOPIC_AUTHORIZATION_FAILED:
    case ERR_UNKNOWN_TOPIC_OR_PARTITION:
        return groups_error("Encountered some partition-level error, see the follow-up details.");
    default:
        return client_why(tool->cluster.client)[0] != '\0'
                   ? groups_fail(tool, e, SLICE_NULL, true)
                   : groups_error("Encountered some unknown error: %s", err_name(e));
    }
}

struct forgotten {
    struct slice topic;
    int32_t partition; /* −1: the topic is not known */
    enum err error;
};

static int compare_forgotten(const void *a, const void *b)
{
    const struct forgotten *x = a;
    const struct forgotten *y = b;
    int order = slice_cmp(x->topic, y->topic);
    return order != 0 ? order : x->partition - y->partition;
}

static void print_forgotten(struct forgotten *rows, int32_t count)
{
    int width = COLUMN_MIN;
    qsort(rows, (size_t)count, sizeof *rows, compare_forgotten);
    for (int32_t i = 0; i < count; i++) {
        width = (int)max_i64(width, (int64_t)rows[i].topic.len);
    }
    printf("\n%-*s %-10s %s", width, "TOPIC", "PARTITION", "STATUS");
    for (int32_t i = 0; i < count; i++) {
        char number[16] = "-";
        if (rows[i].partition >= 0) {
            snprintf(number, sizeof number, "%" PRId32, rows[i].partition);
        }
        printf("\n%-*.*s %-10s ", width, SLICE_ARG(rows[i].topic), number);
        if (rows[i].error == ERR_NONE) {
            fputs("Successful", stdout);
        } else {
            printf("Error: org.apache.kafka.common.errors.%s: %s", tool_error_class(rows[i].error),
                   tool_error_text(rows[i].error));
        }
    }
    puts("");
}

struct forgotten_list {
    struct forgotten *rows;
    int32_t count;
    enum err worst; /* of the request, else of a row */
};

static void add_forgotten(struct forgotten_list *list, struct forgotten row)
{
    list->rows[list->count++] = row;
    list->worst = list->worst == ERR_NONE ? row.error : list->worst;
}

/* Topics that are not known are rows of their own; the others' partitions are asked for. */
static void forget(struct groups_tool *tool, struct group_partitions *partitions,
                   const struct group_partitions *topics, struct forgotten_list *out)
{
    struct arena *arena = &tool->cli->arena;
    struct forgotten *unknown = ARENA_ARRAY(arena, (size_t)topics->count + 1, struct forgotten);
    int32_t unknown_count = 0;
    for (int32_t i = 0; i < topics->count; i++) {
        struct group_partitions one = {&topics->items[i], 1};
        struct slice missing;
        enum err e = selection_add_topics(&tool->cluster, &one, arena, partitions, &missing);
        if (e != ERR_NONE) {
            unknown[unknown_count++] = (struct forgotten){missing, -1, e};
        }
    }
    size_t total = (size_t)partitions->count + 1;
    struct coordinator_offset *items = selection_offsets(partitions, arena);
    const char *group = args_text(&tool->cli->args, "group");
    out->worst =
        coordinator_forget(tool->cluster.client, slice_str(group), items, partitions->count);
    bool is_answered = out->worst == ERR_NONE;
    out->rows = ARENA_ARRAY(arena, total + (size_t)unknown_count, struct forgotten);
    for (int32_t i = 0; i < partitions->count; i++) {
        enum err own = is_answered ? items[i].error : out->worst;
        add_forgotten(out, (struct forgotten){items[i].topic, items[i].partition, own});
    }
    for (int32_t i = 0; i < unknown_count; i++) {
        out->rows[out->count++] = unknown[i];
    }
}

enum cli_exit groups_delete_offsets(struct groups_tool *tool)
{
    struct cli *cli = tool->cli;
    struct group_partitions partitions;
    struct group_partitions topics;
    if (selection_of_option(cli, &partitions, &topics) != ERR_NONE) {
        return tool_refuse(cli);
    }
    struct forgotten_list list = {0};
    forget(tool, &partitions, &topics, &list);
    enum cli_exit code = say_forgotten(tool, args_text(&cli->args, "group"), list.worst);
    print_forgotten(list.rows, list.count);
    return code;
}
