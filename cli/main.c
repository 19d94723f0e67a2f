/* craft: the command-line tool. Finds the command, reads its arguments, runs it. */
#include <stdio.h>

#include "cli/cli.h"
#include "cli/help.h"

/* In the order of --help. */
/* clang-format off */
static const struct cli_verb *const verbs[] = {
    &cli_format,
    &cli_quorum_status,
    &cli_broker_list,
    &cli_topic_create,
    &cli_topic_list,
    &cli_topic_describe,
    &cli_topic_delete,
    &cli_group_list,
    &cli_group_describe,
    &cli_produce,
    &cli_consume,
    &cli_log_dump,
    NULL,
};
/* clang-format on */

static const struct args_option format_options[] = {
    {"format", "table|json|tsv", "how to print; default: table"}, {0}};
static const struct args_option cluster_options[] = {
    {"bootstrap-server", "HOST:PORT,…", "brokers to ask, one after the other until one answers"},
    {"timeout", "SECONDS", "how long to try; default: 10"},
    {0}};
static const struct args_option controller_options[] = {
    {"bootstrap-controller", "HOST:PORT,…", "controllers to ask in place of brokers"}, {0}};
static const struct args_option help_options[] = {{"help", NULL, "this text"}, {0}};

enum { TABLES_MAX = 6 };

static void collect_tables(const struct cli_verb *verb,
                           const struct args_option *tables[TABLES_MAX])
{
    int count = 0;
    if (verb->options != NULL) {
        tables[count++] = verb->options;
    }
    if ((verb->uses & CLI_USES_CLUSTER) != 0) {
        tables[count++] = cluster_options;
    }
    if ((verb->uses & CLI_USES_CONTROLLERS) != 0) {
        tables[count++] = controller_options;
    }
    if ((verb->uses & CLI_USES_FORMAT) != 0) {
        tables[count++] = format_options;
    }
    tables[count++] = help_options;
    tables[count] = NULL;
}

/* ---- running ---- */

static enum cli_exit check_words(const struct cli *cli)
{
    const struct cli_verb *verb = cli->verb;
    if (cli->args.word_count < verb->words_min) {
        return cli_misuse(cli, "%s is missing", verb->words);
    }
    if (cli->args.word_count > verb->words_max) {
        return cli_misuse(cli, "\"%s\" is one argument too many", cli->args.words[verb->words_max]);
    }
    return CLI_OK;
}

static enum cli_exit run(struct cli *cli, char **argv)
{
    const struct args_option *tables[TABLES_MAX];
    collect_tables(cli->verb, tables);
    if (args_parse(&cli->args, tables, argv, &cli->arena, &cli->why) != ERR_NONE) {
        return cli_refuse(cli);
    }
    if (args_has(&cli->args, "help")) {
        help_print_verb(stdout, cli->verb, tables);
        return CLI_OK;
    }
    if ((cli->verb->uses & CLI_USES_FORMAT) != 0) {
        const char *format = args_text(&cli->args, "format");
        if (format != NULL && !table_format_parse(format, &cli->format)) {
            return cli_misuse(cli, "--format is table, json or tsv, not \"%s\"", format);
        }
    }
    enum cli_exit code = check_words(cli);
    return code == CLI_OK ? cli->verb->run(cli) : code;
}

static const struct cli_verb *find_verb(const char *noun, const char *name)
{
    for (const struct cli_verb *const *at = verbs; *at != NULL; at++) {
        if (strcmp((*at)->noun, noun) == 0 &&
            ((*at)->name == NULL || (name != NULL && strcmp((*at)->name, name) == 0))) {
            return *at;
        }
    }
    return NULL;
}

static bool is_noun(const char *text)
{
    for (const struct cli_verb *const *at = verbs; *at != NULL; at++) {
        if (strcmp((*at)->noun, text) == 0) {
            return true;
        }
    }
    return false;
}

static bool asks_for_help(const char *text)
{
    return text != NULL &&
           (strcmp(text, "--help") == 0 || strcmp(text, "-h") == 0 || strcmp(text, "help") == 0);
}

/* No command was named, or none that there is. */
static enum cli_exit no_verb(const char *noun, const char *name)
{
    if (noun == NULL) {
        help_print_all(stderr, verbs);
    } else if (!is_noun(noun)) {
        fprintf(stderr, "craft: there is no \"%s\"; see craft --help.\n", noun);
    } else if (name == NULL) {
        help_print_noun(stderr, verbs, noun);
    } else {
        fprintf(stderr, "craft %s: there is no \"%s\"; see craft %s --help.\n", noun, name, noun);
    }
    return CLI_USAGE;
}

int main(int argc, char **argv)
{
    (void)argc;
    const char *noun = argv[0] == NULL ? NULL : argv[1];
    const char *name = noun == NULL ? NULL : argv[2];
    const struct cli_verb *verb = noun == NULL ? NULL : find_verb(noun, name);
    if (verb != NULL) {
        struct cli cli = {.verb = verb};
        enum cli_exit code = run(&cli, argv + (verb->name == NULL ? 2 : 3));
        buf_fini(&cli.why);
        arena_fini(&cli.arena);
        return (int)cli_flush(code);
    }
    if (asks_for_help(noun)) {
        help_print_all(stdout, verbs);
        return (int)cli_flush(CLI_OK);
    }
    if (noun != NULL && strcmp(noun, "--version") == 0) {
        puts("craft 0.1.0");
        return (int)cli_flush(CLI_OK);
    }
    if (noun != NULL && is_noun(noun) && asks_for_help(name)) {
        help_print_noun(stdout, verbs, noun);
        return (int)cli_flush(CLI_OK);
    }
    return (int)no_verb(noun, name);
}
