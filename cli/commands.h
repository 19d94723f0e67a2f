/* All commands of `craft`, and the options that each of them takes. */
#ifndef CLI_COMMANDS_H
#define CLI_COMMANDS_H

#include "cli/cli.h"

/* In the order of --help; NULL ends them. */
extern const struct cli_verb *const commands[];

enum { COMMANDS_TABLES_MAX = 6 };

/* The options of a command, its own and the shared ones; NULL ends them. */
void commands_tables(const struct cli_verb *verb,
                     const struct args_option *tables[COMMANDS_TABLES_MAX]);

/* The command that the arguments begin with, and how many of them name it; NULL: none. */
const struct cli_verb *commands_find(char **argv, int *words);

/* How many arguments from the first on are words of some command's name. */
int commands_prefix(char **argv);

/* Do the first `count` arguments begin this command? */
bool commands_begins(const struct cli_verb *verb, char **argv, int count);

#endif
