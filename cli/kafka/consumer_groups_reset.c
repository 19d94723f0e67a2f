/* kafka-consumer-groups --reset-offsets. */
#include <stdio.h>

#include "cli/coordinator.h"
#include "cli/kafka/consumer_groups.h"
#include "cli/kafka/java_order.h"
#include "cli/reset.h"
#include "cli/selection.h"
#include "cli/times.h"
#include "store/store.h"

enum { FILE_BYTES_MAX = 64 << 20 };

/* ---- the command line ---- */

static const struct {
    const char *option;
    enum reset_kind kind;
} ways[] = {
    /* In the order in which Kafka looks for them. */
    {"to-offset", RESET_TO_OFFSET}, {"to-earliest", RESET_TO_EARLIEST},
    {"to-latest", RESET_TO_LATEST}, {"shift-by", RESET_SHIFT_BY},
    {"to-datetime", RESET_TO_TIME}, {"by-duration", RESET_TO_TIME},
    {"from-file", RESET_FROM_FILE}, {"to-current", RESET_TO_CURRENT},
};

bool groups_check_reset(struct cli *cli)
{
    if (!tool_has(cli, "reset-offsets")) {
        return true;
    }
    if (tool_count(cli, "dry-run,execute") == 2) {
        buf_put_str(&cli->why,
                    "Option [reset-offsets] only accepts one of [execute] and [dry-run]");
        return false;
    }
    if (tool_count(cli, "dry-run,execute") == 0) {
        fputs("WARN: No action will be performed as the --execute option is missing. In a future "
              "major release, the default behavior of this command will be to prompt the user "
              "before executing the reset rather than doing a dry run. You should add the "
              "--dry-run option explicitly if you are scripting this command and want to keep the "
              "current default behavior without prompting.\n",
              stderr);
    }
    if (tool_count(cli, "group,all-groups") == 0) {
        buf_put_str(&cli->why,
                    "Option [reset-offsets] takes one of these options: [all-groups], [group]");
        return false;
    }
    for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
        for (size_t k = 0; k < ARRAY_LEN(ways); k++) {
            if (i != k && !tool_allows(cli, ways[i].option, ways[k].option)) {
                return false;
            }
        }
    }
    return true;
}

static enum cli_exit fail_time(const char *text)
{
    return strchr(text, 'T') == NULL
               ? groups_error("Executing consumer group command failed due to "
                              "java.text.ParseException: Error parsing timestamp. It does not "
                              "contain a 'T' according to ISO8601 format")
               : groups_error("Executing consumer group command failed due to "
                              "java.text.ParseException: Unparseable date: \"%s\"",
                              text);
}

/* False: it makes no sense, which is told; `*code` is the exit code. */
static bool read_way(struct groups_tool *tool, struct reset *reset, enum cli_exit *code)
{
    struct cli *cli = tool->cli;
    for (size_t i = ARRAY_LEN(ways); i-- > 0;) {
        reset->kind = tool_has(cli, ways[i].option) ? ways[i].kind : reset->kind;
    }
    if (reset->kind != RESET_FROM_FILE && tool_count(cli, "topic,all-topics") == 0) {
        *code =
            tool_misuse(cli, "One of the reset scopes should be defined: --all-topics, --topic.");
        return false;
    }
    if (reset->kind == RESET_NONE) {
        *code = tool_misuse(cli, "Option '[reset-offsets]' requires one of the following "
                                 "scenarios: [[to-offset], [to-current], [to-datetime], "
                                 "[from-file], [by-duration], [to-earliest], [to-latest], "
                                 "[shift-by]]");
        return false;
    }
    if (!tool_long(cli, "to-offset", &reset->number) ||
        !tool_long(cli, "shift-by", &reset->number)) {
        *code = groups_refuse(cli);
        return false;
    }
    const char *date = args_text(&cli->args, "to-datetime");
    const char *span = args_text(&cli->args, "by-duration");
    if (date != NULL && !times_parse_date(slice_str(date), &reset->number)) {
        *code = fail_time(date);
        return false;
    }
    if (span != NULL && !times_parse_duration(slice_str(span), &reset->number)) {
        *code = groups_error("Executing consumer group command failed due to Text cannot be "
                             "parsed to a Duration");
        return false;
    }
    if (span != NULL) {
        reset->number = net_wall_ms(client_loop(tool->cluster.client)) - reset->number;
    }
    return true;
}

/* ---- what is reset ---- */

struct plan {
    struct slice group;
    struct reset_rows rows;
    const size_t *order; /* of the rows */
};

static bool read_file(struct groups_tool *tool, struct reset_rows *out, enum cli_exit *code)
{
    struct cli *cli = tool->cli;
    const char *path = args_text(&cli->args, "from-file");
    bool with_groups = args_times(&cli->args, "group") != 1;
    struct buf text = {0};
    enum err e = store_fs_read_file(store_fs_posix(), path, FILE_BYTES_MAX, &text);
    if (e != ERR_NONE) {
        *code = groups_error("Executing consumer group command failed due to java.io.IOException: "
                             "Unable to read file %s",
                             path);
    } else if ((e = reset_read_csv(arena_dup(&cli->arena, buf_slice(&text)), with_groups,
                                   &cli->arena, out, &cli->why)) != ERR_NONE) {
        *code = groups_error("Executing consumer group command failed due to %s: %.*s", path,
                             SLICE_ARG(buf_slice(&cli->why)));
    }
    buf_fini(&text);
    return e == ERR_NONE;
}

static bool rows_of_file(struct groups_tool *tool, struct plan *plan, enum cli_exit *code)
{
    struct reset_rows all;
    if (!read_file(tool, &all, code)) {
        return false;
    }
    plan->rows.items = ARENA_ARRAY(&tool->cli->arena, (size_t)all.count + 1, struct reset_row);
    for (int32_t i = 0; i < all.count; i++) {
        if (slice_is_null(all.items[i].group) || slice_eq(all.items[i].group, plan->group)) {
            plan->rows.items[plan->rows.count++] = all.items[i];
        }
    }
    if (plan->rows.count == 0) {
        groups_error("No reset plan for group %.*s found", SLICE_ARG(plan->group));
    }
    return true;
}

static bool rows_of_scope(struct groups_tool *tool, const struct group *group, struct plan *plan,
                          enum cli_exit *code)
{
    struct cli *cli = tool->cli;
    struct group_partitions partitions = {0};
    struct group_partitions topics = {0};
    if (tool_has(cli, "all-topics")) {
        partitions.items =
            ARENA_ARRAY(&cli->arena, (size_t)group->offset_count + 1, struct group_partition);
        for (int32_t i = 0; i < group->offset_count; i++) {
            partitions.items[partitions.count++] =
                (struct group_partition){group->offsets[i].topic, group->offsets[i].partition};
        }
    }
    if (!tool_has(cli, "all-topics") &&
        selection_of_option(cli, &partitions, &topics) != ERR_NONE) {
        *code = tool_refuse(cli);
        return false;
    }
    struct slice missing;
    enum err e = selection_add_topics(&tool->cluster, &topics, &cli->arena, &partitions, &missing);
    if (e != ERR_NONE) {
        *code = groups_fail(tool, e, SLICE_NULL, false);
        return false;
    }
    plan->rows = reset_rows_of(&partitions, &cli->arena);
    return true;
}

static void set_order(struct groups_tool *tool, struct plan *plan)
{
    size_t count = (size_t)plan->rows.count;
    uint32_t *hashes = ARENA_ARRAY(&tool->cli->arena, count + 1, uint32_t);
    for (size_t i = 0; i < count; i++) {
        hashes[i] = java_hash_partition(plan->rows.items[i].topic, plan->rows.items[i].partition);
    }
    plan->order = java_order(hashes, count, JAVA_CAPACITY, &tool->cli->arena);
}

static bool fail_plan(struct groups_tool *tool, enum err e, enum cli_exit *code)
{
    struct cli *cli = tool->cli;
    *code = e == ERR_INVALID_REQUEST && client_why(tool->cluster.client)[0] == '\0'
                ? tool_refuse(cli)
                : groups_fail(tool, e, SLICE_NULL, true);
    return false;
}

/* Offsets that are not as they were asked for, as Kafka tells it. */
static void tell_notes(const struct plan *plan)
{
    for (int32_t i = 0; i < plan->rows.count; i++) {
        const struct reset_row *row = &plan->rows.items[i];
        fflush(stdout);
        if (row->note == RESET_NO_SUCH_TIME) {
            printf("\nWarn: Partition %" PRId32
                   " from topic %.*s is empty. Falling back to latest known offset.\n",
                   row->partition, SLICE_ARG(row->topic));
        } else if (row->note != RESET_AS_ASKED) {
            fprintf(stderr,
                    "WARN New offset is %s offset for topic partition %.*s-%" PRId32
                    ". Value will be set to %" PRId64 "\n",
                    row->note == RESET_CUT_TO_END ? "higher than latest" : "lower than earliest",
                    SLICE_ARG(row->topic), row->partition, row->target);
        }
    }
}

/* The offsets of one group. False: failed, and told. */
static bool make_plan(struct groups_tool *tool, const struct reset *reset, struct plan *plan,
                      enum cli_exit *code)
{
    struct cli *cli = tool->cli;
    struct group group;
    enum err e = group_describe(tool->cluster.client, plan->group, &cli->arena, &group);
    bool is_new = e == ERR_GROUP_ID_NOT_FOUND;
    if (e == ERR_NONE && !slice_eq_str(group.state, "Empty") &&
        !slice_eq_str(group.state, "Dead")) {
        groups_error("Assignments can only be reset if the group '%.*s' is inactive, but the "
                     "current state is %.*s.",
                     SLICE_ARG(plan->group), SLICE_ARG(group.state));
        return true;
    }
    if (e == ERR_NONE || is_new) {
        e = group_add_offsets(tool->cluster.client, &cli->arena, &group);
    }
    if (e != ERR_NONE) {
        *code = groups_fail(tool, e, group.message, true);
        return false;
    }
    bool has_rows = reset->kind == RESET_FROM_FILE ? rows_of_file(tool, plan, code)
                                                   : rows_of_scope(tool, &group, plan, code);
    if (!has_rows) {
        return false;
    }
    reset_take_committed(&plan->rows, &group);
    e = reset_plan(&tool->cluster, reset, &plan->rows, &cli->why);
    if (e != ERR_NONE) {
        return fail_plan(tool, e, code);
    }
    set_order(tool, plan);
    tell_notes(plan);
    return true;
}

static bool commit(struct groups_tool *tool, const struct plan *plan, enum cli_exit *code)
{
    int32_t count = plan->rows.count;
    struct coordinator_offset *items =
        ARENA_ARRAY(&tool->cli->arena, (size_t)count + 1, struct coordinator_offset);
    for (int32_t i = 0; i < count; i++) {
        items[i] = (struct coordinator_offset){.topic = plan->rows.items[i].topic,
                                               .partition = plan->rows.items[i].partition,
                                               .offset = plan->rows.items[i].target};
    }
    enum err e = coordinator_commit(tool->cluster.client, plan->group, items, count);
    for (int32_t i = 0; i < count && e == ERR_NONE; i++) {
        e = items[i].error;
    }
    if (e != ERR_NONE) {
        *code = groups_fail(tool, e, SLICE_NULL, true);
    }
    return e == ERR_NONE;
}

/* ---- printing ---- */

static void print_csv(struct groups_tool *tool, const struct plan *plans)
{
    bool with_groups = args_times(&tool->cli->args, "group") != 1;
    struct buf out = {0};
    for (int32_t i = 0; i < tool->count; i++) {
        for (int32_t k = 0; k < plans[i].rows.count; k++) {
            reset_put_csv(&plans[i].rows.items[plans[i].order[k]],
                          with_groups ? plans[i].group : SLICE_NULL, &out);
        }
    }
    printf("%.*s\n", SLICE_ARG(buf_slice(&out)));
    buf_fini(&out);
}

static void print_table(struct groups_tool *tool, const struct plan *plans)
{
    if (tool->count > 0) {
        printf("\n%-30s %-30s %-10s %-15s", "GROUP", "TOPIC", "PARTITION", "NEW-OFFSET");
    }
    for (int32_t i = 0; i < tool->count; i++) {
        for (int32_t k = 0; k < plans[i].rows.count; k++) {
            const struct reset_row *row = &plans[i].rows.items[plans[i].order[k]];
            printf("\n%-30.*s %-30.*s %-10" PRId32 " %-15" PRId64, SLICE_ARG(plans[i].group),
                   SLICE_ARG(row->topic), row->partition, row->target);
        }
    }
    puts("");
}

enum cli_exit groups_reset(struct groups_tool *tool)
{
    struct cli *cli = tool->cli;
    struct reset reset = {0};
    enum cli_exit code = CLI_OK;
    if (!read_way(tool, &reset, &code)) {
        return code;
    }
    struct plan *plans = ARENA_ARRAY(&cli->arena, (size_t)tool->count + 1, struct plan);
    for (int32_t i = 0; i < tool->count; i++) {
        client_restart_clock(tool->cluster.client);
        plans[i].group = tool->names[i];
        if (!make_plan(tool, &reset, &plans[i], &code) ||
            (tool_has(cli, "execute") && plans[i].rows.count > 0 &&
             !commit(tool, &plans[i], &code))) {
            return code;
        }
    }
    if (tool_has(cli, "export")) {
        print_csv(tool, plans);
    } else {
        print_table(tool, plans);
    }
    return code;
}
