/* The text of --help, made of the tables of commands and options. */
#ifndef CLI_HELP_H
#define CLI_HELP_H

#include <stdio.h>

#include "cli/cli.h"

/* All commands, a line each. The list ends with NULL. */
void help_print_all(FILE *out, const struct cli_verb *const *verbs);

/* The commands of one noun. */
void help_print_noun(FILE *out, const struct cli_verb *const *verbs, const char *noun);

/* One command with its options (`tables` ends with NULL) and examples. */
void help_print_verb(FILE *out, const struct cli_verb *verb,
                     const struct args_option *const *tables);

#endif
