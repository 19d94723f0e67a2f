/* The text of --help, made of the tables of commands and options. */
#ifndef CLI_HELP_H
#define CLI_HELP_H

#include <stdio.h>

#include "cli/cli.h"

/* All commands, a line each. */
void help_print_all(FILE *out);

/* The commands that begin with the first `count` arguments. */
void help_print_some(FILE *out, char **argv, int count);

/* One command with its options (`tables` ends with NULL) and examples. */
void help_print_verb(FILE *out, const struct cli_verb *verb,
                     const struct args_option *const *tables);

/* A tool without examples. */
void help_print_tool(FILE *out, const struct cli_verb *tool,
                     const struct args_option *const *tables);

#endif
