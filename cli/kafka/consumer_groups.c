/* kafka-consumer-groups: its options; and lists. */
#include "cli/kafka/consumer_groups.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli/pattern.h"

enum { FILTERS_MAX = 16, GROUP_WIDTH_MIN = 15, GROUP_WIDTH_MORE = 10 };

/* ---- complaints ---- */

enum cli_exit groups_error(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    fputs("\nError: ", stdout);
    vprintf(fmt, args);
    fputc('\n', stdout);
    va_end(args);
    return CLI_OK;
}

enum cli_exit groups_fail(struct groups_tool *tool, enum err e, struct slice message,
                          bool exception)
{
    struct admin_result result = {e, message};
    const char *text = tool_sentence(tool->cli, tool->cluster.client, &result);
    if (client_why(tool->cluster.client)[0] != '\0' || !exception) {
        return groups_error("Executing consumer group command failed due to %s", text);
    }
    return groups_error("Executing consumer group command failed due to "
                        "org.apache.kafka.common.errors.%s: %s",
                        tool_error_class(e), text);
}

enum cli_exit groups_refuse(const struct cli *cli)
{
    return groups_error("Executing consumer group command failed due to %.*s",
                        SLICE_ARG(buf_slice(&cli->why)));
}

/* ---- which groups ---- */

static int compare_names(const void *a, const void *b)
{
    const struct slice *x = a;
    const struct slice *y = b;
    return slice_cmp(*x, *y);
}

static enum err find_names(struct groups_tool *tool)
{
    struct cli *cli = tool->cli;
    if (tool_has(cli, "all-groups")) {
        struct group_list list = {0};
        TRY(group_list(tool->cluster.client, &cli->arena, &list));
        tool->names = ARENA_ARRAY(&cli->arena, (size_t)list.count + 1, struct slice);
        for (int32_t i = 0; i < list.count; i++) {
            tool->names[tool->count++] = list.items[i].name;
        }
        return ERR_NONE;
    }
    int count = args_times(&cli->args, "group");
    tool->names = ARENA_ARRAY(&cli->arena, (size_t)count + 1, struct slice);
    int at = 0;
    const char *name;
    while ((name = args_next(&cli->args, "group", &at)) != NULL) {
        tool->names[tool->count++] = slice_str(name);
    }
    qsort(tool->names, (size_t)tool->count, sizeof *tool->names, compare_names);
    tool->count = 0;
    for (int i = 0; i < count; i++) { /* each once */
        if (i == 0 || !slice_eq(tool->names[i], tool->names[tool->count - 1])) {
            tool->names[tool->count++] = tool->names[i];
        }
    }
    return ERR_NONE;
}

/* ---- list ---- */

struct filters {
    struct slice items[FILTERS_MAX];
    int32_t count;
};

static bool eq_ignoring_case(struct slice text, const char *name)
{
    size_t len = strlen(name);
    for (size_t i = 0; i < len && i < text.len; i++) {
        if (tolower(text.data[i]) != tolower((unsigned char)name[i])) {
            return false;
        }
    }
    return text.len == len;
}

/* The values of an option as Kafka writes them. False: one is unknown. */
static bool read_filters(const struct cli *cli, const char *option, const char *const *known,
                         struct filters *out)
{
    struct slice rest = slice_str(args_text(&cli->args, option));
    if (rest.len == 0) {
        return true; /* not given, or without a value: all */
    }
    struct slice item;
    while (args_item(&rest, ',', &item) && out->count < FILTERS_MAX) {
        while (item.len > 0 && item.data[0] == ' ') {
            item = slice_of(item.data + 1, item.len - 1);
        }
        const char *const *at = known;
        while (*at != NULL && !eq_ignoring_case(item, *at)) {
            at++;
        }
        if (*at == NULL) {
            return false;
        }
        out->items[out->count++] = slice_str(*at);
    }
    return true;
}

/* "classic" is shown as "Classic". */
static void print_type(struct slice type)
{
    char text[32] = "Unknown";
    if (type.len > 0 && type.len < sizeof text) {
        memcpy(text, type.data, type.len);
        text[type.len] = '\0';
        text[0] = (char)toupper((unsigned char)text[0]);
    }
    printf(" %-20s", text);
}

static void print_list(const struct cli *cli, const struct group_list *list)
{
    bool with_type = tool_has(cli, "type");
    bool with_state = tool_has(cli, "state");
    int width = GROUP_WIDTH_MIN;
    for (int32_t i = 0; i < list->count; i++) {
        width = (int)max_i64(width, (int64_t)list->items[i].name.len);
    }
    width += GROUP_WIDTH_MORE;
    if (with_type || with_state) {
        printf("%-*s", width, "GROUP");
        printf("%s", with_type ? " TYPE                " : "");
        printf("%s\n", with_state ? " STATE               " : "");
    }
    for (int32_t i = 0; i < list->count; i++) {
        const struct group_listing *group = &list->items[i];
        bool is_of_consumers =
            group->protocol_type.len == 0 || slice_eq_str(group->protocol_type, "consumer");
        if (!is_of_consumers) {
            continue;
        }
        if (!with_type && !with_state) {
            printf("%.*s\n", SLICE_ARG(group->name));
            continue;
        }
        printf("%-*.*s", width, SLICE_ARG(group->name));
        if (with_type) {
            print_type(group->type);
        }
        if (with_state) {
            printf(" %-20.*s", SLICE_ARG(group->state));
        }
        puts("");
    }
}

static enum cli_exit list(struct groups_tool *tool)
{
    static const char *const states[] = {"CompletingRebalance", "Stable",      "Dead",      "Empty",
                                         "PreparingRebalance",  "Reconciling", "Assigning", NULL};
    static const char *const types[] = {"classic", "consumer", NULL};
    struct cli *cli = tool->cli;
    struct filters by_state = {0};
    struct filters by_type = {0};
    if (!read_filters(cli, "type", types, &by_type)) {
        return tool_misuse(cli, "Invalid types list '%s'. Valid types are: Consumer, Classic",
                           args_text(&cli->args, "type"));
    }
    if (!read_filters(cli, "state", states, &by_state)) {
        return tool_misuse(cli,
                           "Invalid state list '%s'. Valid states are: CompletingRebalance, "
                           "Stable, Dead, Empty, PreparingRebalance, Reconciling, Assigning",
                           args_text(&cli->args, "state"));
    }
    struct group_list found = {.states = by_state.items,
                               .state_count = by_state.count,
                               .types = by_type.items,
                               .type_count = by_type.count};
    enum err e = group_list(tool->cluster.client, &cli->arena, &found);
    if (e != ERR_NONE) {
        return groups_fail(tool, e, SLICE_NULL, true);
    }
    print_list(cli, &found);
    return CLI_OK;
}

/* ---- the command line ---- */

static enum cli_exit validate_regex(struct cli *cli)
{
    const char *text = args_text(&cli->args, "validate-regex");
    struct pattern *pattern = pattern_new(slice_str(text), &cli->why);
    if (pattern == NULL) {
        printf("The regular expression `%s` is invalid: %.*s.\n", text,
               SLICE_ARG(buf_slice(&cli->why)));
    } else {
        printf("The regular expression `%s` is valid.\n", text);
    }
    pattern_free(pattern);
    return CLI_OK;
}

static bool check_describe(struct cli *cli)
{
    struct buf *why = &cli->why;
    if (!tool_has(cli, "describe")) {
        return true;
    }
    if (tool_count(cli, "group,all-groups") == 0) {
        buf_put_str(why, "Option [describe] takes one of these options: [all-groups], [group]");
        return false;
    }
    if (tool_count(cli, "members,offsets,state") > 1) {
        buf_put_str(why, "Option [describe] takes at most one of these options: [members], "
                         "[offsets], [state]");
        return false;
    }
    if (tool_has(cli, "state") && args_text(&cli->args, "state")[0] != '\0') {
        buf_put_str(why, "Option [describe] does not take a value for [state]");
        return false;
    }
    return true;
}

static bool check_delete(struct cli *cli)
{
    struct buf *why = &cli->why;
    if (tool_has(cli, "delete") && tool_count(cli, "group,all-groups") == 0) {
        buf_put_str(why, "Option [delete] takes one of these options: [all-groups], [group]");
        return false;
    }
    if (tool_has(cli, "delete") && tool_has(cli, "topic")) {
        buf_put_str(why, "The consumer does not support topic-specific offset deletion from a "
                         "consumer group.");
        return false;
    }
    if (tool_has(cli, "delete-offsets") && tool_count(cli, "group,topic") < 2) {
        buf_put_str(why, "Option [delete-offsets] takes the following options: [topic], [group]");
        return false;
    }
    return true;
}

/* Options that are there only beside others. */
static bool check_available(struct cli *cli)
{
    static const struct {
        const char *option;
        const char *needs;
    } rows[] = {{"members", "describe"},
                {"verbose", "describe"},
                {"offsets", "describe"},
                {"state", "describe,list"},
                {"type", "list"}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (tool_has(cli, rows[i].option) && tool_count(cli, rows[i].needs) == 0) {
            buf_printf(&cli->why,
                       "Option(s) [%s] are unavailable given other options on the command line",
                       rows[i].option);
            return false;
        }
    }
    return true;
}

static bool check(struct cli *cli)
{
    return check_available(cli) &&
           (tool_has(cli, "validate-regex") || tool_requires(cli, "bootstrap-server")) &&
           check_describe(cli) && check_delete(cli) && groups_check_reset(cli) &&
           tool_allows(cli, "group", "all-groups,list") &&
           tool_allows(cli, "topic", "describe,list");
}

static const struct {
    const char *option;
    enum cli_exit (*run)(struct groups_tool *tool);
} actions[] = {{"list", list},
               {"describe", groups_describe},
               {"delete", groups_delete},
               {"reset-offsets", groups_reset},
               {"delete-offsets", groups_delete_offsets}};

static enum cli_exit run(struct cli *cli)
{
    if (!check(cli)) {
        return tool_refuse(cli);
    }
    if (tool_count(cli, "list,describe,delete,reset-offsets,delete-offsets,validate-regex") != 1) {
        return tool_misuse(cli, "Command must include exactly one action: --list, --describe, "
                                "--delete, --reset-offsets, --delete-offsets, --validate-regex");
    }
    if (tool_has(cli, "validate-regex")) {
        return validate_regex(cli);
    }
    int64_t timeout_ms;
    if (!tool_long(cli, "timeout", &timeout_ms)) {
        return groups_refuse(cli);
    }
    enum cli_exit code;
    struct groups_tool tool = {.cli = cli, .cluster.client = tool_open(cli, &code)};
    if (tool.cluster.client == NULL) {
        return code;
    }
    enum err e = tool_has(cli, "list") ? ERR_NONE : find_names(&tool);
    if (e != ERR_NONE) {
        code = groups_fail(&tool, e, SLICE_NULL, true);
    }
    for (size_t i = 0; i < ARRAY_LEN(actions) && e == ERR_NONE; i++) {
        if (tool_has(cli, actions[i].option)) {
            code = actions[i].run(&tool);
        }
    }
    cluster_close(&tool.cluster);
    return code;
}

static const struct args_option options[] = {
    {"bootstrap-server", "SERVERS", "host:port,… of brokers"},
    {"command-config", "FILE", "properties of the client"},
    {"list", NULL, "names of groups"},
    {"describe", NULL, "offsets, members or state of groups"},
    {"delete", NULL, "delete groups"},
    {"reset-offsets", NULL, "commit other offsets"},
    {"delete-offsets", NULL, "forget offsets of a group"},
    {"validate-regex", "REGEX", "is this a regular expression?"},
    {"group", "GROUP", "the group; may be repeated"},
    {"all-groups", NULL, "all groups"},
    {"topic", "TOPIC[:P,…]", "a topic, or some of its partitions; may be repeated"},
    {"all-topics", NULL, "every partition that the group has an offset of"},
    {"members", NULL, "describe the members"},
    {"offsets", NULL, "describe the offsets (the default)"},
    {"state", "[STATES]", "describe the state; or list the groups in these states"},
    {"type", "[TYPES]", "list the groups of these types"},
    {"verbose", NULL, "with epochs and assignments"},
    {"dry-run", NULL, "only show the new offsets"},
    {"execute", NULL, "commit them"},
    {"export", NULL, "print them as CSV"},
    {"to-offset", "N", "this offset"},
    {"from-file", "FILE", "the offsets of a CSV file"},
    {"to-datetime", "TIME", "the first record that is not older: YYYY-MM-DDTHH:mm:SS.sss"},
    {"by-duration", "SPAN", "the same, so long ago: PnDTnHnMnS"},
    {"to-earliest", NULL, "the begin of the log"},
    {"to-latest", NULL, "the end of the log"},
    {"to-current", NULL, "what is committed"},
    {"shift-by", "N", "so many further, or back"},
    {"timeout", "MS", "how long to wait; default: 30000"},
    {0}};

const struct cli_verb kafka_consumer_groups = {
    .noun = "kafka-consumer-groups",
    .words = "",
    .about = "Lists, describes and deletes consumer groups, and sets their offsets",
    .options = options,
    .repeats = "group,topic",
    .run = run,
};
