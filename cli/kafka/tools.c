/* The list of Kafka's tools, and how one of them is run; see tools.h. */
#include "cli/kafka/tools.h"

#include <stdio.h>

#include "cli/help.h"
#include "cli/kafka/tool.h"

/* The release of Apache Kafka whose tools these are like. */
#define KAFKA_VERSION "4.1.0"

static const struct cli_verb *const tools[] = {
    /* clang-format off */
    &kafka_topics,
    &kafka_consumer_groups,
    &kafka_configs,
    &kafka_reassign_partitions,
    &kafka_leader_election,
    &kafka_delete_records,
    &kafka_log_dirs,
    &kafka_get_offsets,
    &kafka_console_producer,
    &kafka_console_consumer,
    &kafka_metadata_quorum,
    &kafka_dump_log,
    /* clang-format on */
};

const struct cli_verb *kafka_tools_find(const char *path)
{
    const char *slash = strrchr(path, '/');
    struct slice name = slice_str(slash == NULL ? path : slash + 1);
    if (name.len > 3 && memcmp(name.data + name.len - 3, ".sh", 3) == 0) {
        name.len -= 3;
    }
    for (size_t i = 0; i < ARRAY_LEN(tools); i++) {
        if (slice_eq_str(name, tools[i]->noun)) {
            return tools[i];
        }
    }
    return NULL;
}

static const struct args_option common_options[] = {
    {"help,h", NULL, "this text"},
    {"version", NULL, "the release of Kafka that this is like"},
    {0}};

/* Of two values the tool would take one, which may not be the one that was meant. */
static bool check_once(struct cli *cli)
{
    for (int i = 0; i < cli->args.given_count; i++) {
        const struct args_option *option = cli->args.given[i].option;
        struct slice name = args_name(option);
        struct slice rest = slice_str(cli->verb->repeats);
        struct slice item;
        bool may_repeat = option->value == NULL;
        while (!may_repeat && args_item(&rest, ',', &item)) {
            may_repeat = slice_eq(item, name);
        }
        for (int k = 0; k < i && !may_repeat; k++) {
            if (cli->args.given[k].option == option) {
                buf_printf(&cli->why,
                           "Found multiple arguments for option %.*s, but you asked for only one",
                           SLICE_ARG(name));
                return false;
            }
        }
    }
    return true;
}

static enum cli_exit run(struct cli *cli, char **argv)
{
    const struct args_option *tables[] = {cli->verb->options, common_options, NULL};
    if (args_parse(&cli->args, tables, argv, &cli->arena, &cli->why) != ERR_NONE) {
        return tool_misuse(cli, "%s%.*s", cli->verb->more == NULL ? "" : cli->verb->more,
                           SLICE_ARG(buf_slice(&cli->why)));
    }
    if (cli->verb->words_max > 0 && args_has(&cli->args, "help")) {
        help_print_tool(stdout, cli->verb, tables);
        return CLI_OK; /* so it is in Kafka where a tool has commands */
    }
    if (argv[0] == NULL || args_has(&cli->args, "help")) {
        help_print_tool(stderr, cli->verb, tables);
        return CLI_FAILED; /* so it is there */
    }
    if (args_has(&cli->args, "version")) {
        puts(KAFKA_VERSION);
        return CLI_OK;
    }
    if (!check_once(cli)) {
        return tool_refuse(cli);
    }
    enum cli_exit code = cli->verb->run(cli);
    return code == CLI_USAGE ? CLI_FAILED : code;
}

enum cli_exit kafka_tools_run(const struct cli_verb *tool, char **argv)
{
    struct cli cli = {.verb = tool, .args = {.style = ARGS_KAFKA}};
    enum cli_exit code = run(&cli, argv);
    cli_fini(&cli);
    return code;
}
