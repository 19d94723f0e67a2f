/* craft: the command-line tool. Finds the command, reads its arguments, runs it. */
#include <stdio.h>

#include "base/standard_files.h"
#include "cli/commands.h"
#include "cli/help.h"
#include "cli/kafka/tools.h"

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
    const struct args_option *tables[COMMANDS_TABLES_MAX];
    commands_tables(cli->verb, tables);
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

static bool asks_for_help(const char *text)
{
    return text != NULL &&
           (strcmp(text, "--help") == 0 || strcmp(text, "-h") == 0 || strcmp(text, "help") == 0);
}

/* No command was named, or none that there is. */
static enum cli_exit no_verb(char **argv)
{
    int known = commands_prefix(argv);
    if (argv[0] == NULL) {
        help_print_all(stderr);
    } else if (argv[known] == NULL) {
        help_print_some(stderr, argv, known);
    } else {
        fputs("craft", stderr);
        for (int i = 0; i < known; i++) {
            fprintf(stderr, " %s", argv[i]);
        }
        fprintf(stderr, ": there is no \"%s\"; see craft", argv[known]);
        for (int i = 0; i < known; i++) {
            fprintf(stderr, " %s", argv[i]);
        }
        fputs(" --help.\n", stderr);
    }
    return CLI_USAGE;
}

static enum cli_exit craft(char **argv)
{
    int words;
    const struct cli_verb *verb = commands_find(argv, &words);
    if (verb != NULL) {
        struct cli cli = {.verb = verb};
        enum cli_exit code = run(&cli, argv + words);
        cli_fini(&cli);
        return code;
    }
    if (asks_for_help(argv[0])) {
        help_print_all(stdout);
        return CLI_OK;
    }
    if (argv[0] != NULL && strcmp(argv[0], "--version") == 0) {
        puts("craft " CLI_VERSION);
        return CLI_OK;
    }
    int known = commands_prefix(argv);
    if (known > 0 && asks_for_help(argv[known])) {
        help_print_some(stdout, argv, known);
        return CLI_OK;
    }
    return no_verb(argv);
}

int main(int argc, char **argv)
{
    standard_files_keep();
    if (argc == 0) {
        return CLI_USAGE;
    }
    const struct cli_verb *tool = kafka_tools_find(argv[0]);
    enum cli_exit code = tool != NULL ? kafka_tools_run(tool, argv + 1) : craft(argv + 1);
    return (int)cli_flush(code);
}
