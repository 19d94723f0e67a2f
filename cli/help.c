/* The text of --help; see help.h. */
#include "cli/help.h"

#include "cli/commands.h"

enum { COMMAND_WIDTH = 31, OPTION_WIDTH = 34 };

/* How many columns the text takes that are not one byte each. */
static int extra_bytes(const char *text)
{
    int extra = 0;
    for (; *text != '\0'; text++) {
        extra += ((unsigned char)*text & 0xc0) == 0x80;
    }
    return extra;
}

static void print_line(FILE *out, const struct cli_verb *verb)
{
    char command[128];
    snprintf(command, sizeof command, "%s%s%s%s%s", verb->noun, verb->name == NULL ? "" : " ",
             verb->name == NULL ? "" : verb->name, verb->words[0] == '\0' ? "" : " ", verb->words);
    fprintf(out, "  %-*s  %s\n", COMMAND_WIDTH + extra_bytes(command), command, verb->about);
}

void help_print_all(FILE *out)
{
    fputs("usage: craft COMMAND [OPTIONS]\n\n", out);
    for (const struct cli_verb *const *at = commands; *at != NULL; at++) {
        print_line(out, *at);
    }
    fputs(
        "\n`craft COMMAND --help` tells options and gives examples. Exit codes: 0 done, 1 failed,\n"
        "2 wrong usage. `craft --version` names the version.\n",
        out);
}

void help_print_some(FILE *out, char **argv, int count)
{
    struct buf path = {0};
    for (int i = 0; i < count; i++) {
        buf_printf(&path, "%s%s", i == 0 ? "" : " ", argv[i]);
    }
    struct slice text = buf_slice(&path);
    fprintf(out, "usage: craft %.*s COMMAND [OPTIONS]\n\n", SLICE_ARG(text));
    for (const struct cli_verb *const *at = commands; *at != NULL; at++) {
        if (commands_begins(*at, argv, count)) {
            print_line(out, *at);
        }
    }
    fprintf(out, "\n`craft %.*s COMMAND --help` tells options and gives examples.\n",
            SLICE_ARG(text));
    buf_fini(&path);
}

static void print_option(FILE *out, const struct args_option *option)
{
    char head[128];
    const char *second = strchr(option->name, ',');
    const char *dashes = second == NULL ? "" : strlen(second) > 2 ? ", --" : ", -";
    snprintf(head, sizeof head, "--%.*s%s%s%s%s", SLICE_ARG(args_name(option)), dashes,
             second == NULL ? "" : second + 1, option->value == NULL ? "" : " ",
             option->value == NULL ? "" : option->value);
    int width = OPTION_WIDTH + extra_bytes(head);
    bool is_first = strlen(head) <= (size_t)width; /* else the text begins below */
    fprintf(out, "  %-*s%s", width, head, is_first ? " " : "\n");
    struct slice rest = slice_str(option->help);
    struct slice line;
    while (args_item(&rest, '\n', &line)) {
        fprintf(out, "%*s%.*s\n", is_first ? 0 : OPTION_WIDTH + 3, "", SLICE_ARG(line));
        is_first = false;
    }
}

static void print_options(FILE *out, const struct args_option *const *tables)
{
    fputs("\nOptions:\n", out);
    for (; *tables != NULL; tables++) {
        for (const struct args_option *row = *tables; row->name != NULL; row++) {
            print_option(out, row);
        }
    }
}

void help_print_tool(FILE *out, const struct cli_verb *tool,
                     const struct args_option *const *tables)
{
    fprintf(out, "usage: %s%s%s [OPTIONS]\n\n%s.\n", tool->noun, tool->words[0] == '\0' ? "" : " ",
            tool->words, tool->about);
    print_options(out, tables);
}

void help_print_verb(FILE *out, const struct cli_verb *verb,
                     const struct args_option *const *tables)
{
    fprintf(out, "usage: craft %s%s%s%s%s [OPTIONS]\n\n%s.\n", verb->noun,
            verb->name == NULL ? "" : " ", verb->name == NULL ? "" : verb->name,
            verb->words[0] == '\0' ? "" : " ", verb->words, verb->about);
    if (verb->more != NULL) {
        fprintf(out, "%s\n", verb->more);
    }
    print_options(out, tables);
    fputs("\nExamples:\n", out);
    struct slice rest = slice_str(verb->examples);
    struct slice line;
    while (args_item(&rest, '\n', &line)) {
        fprintf(out, "  %.*s\n", SLICE_ARG(line));
    }
}
