/* The settings of a node, for commands that work on its files. */
#ifndef CLI_NODE_SETTINGS_H
#define CLI_NODE_SETTINGS_H

#include "cli/cli.h"
#include "metadata/settings.h"

/* The rows of these options, for the table of a command. */
#define NODE_SETTINGS_OPTIONS \
    {"config", "FILE", "the settings of the node"}, \
    { \
        "override", "NAME=VALUE", "a setting that counts more than the file's; may be repeated" \
    }

/* Reads --config, which must be given, and --override. Errors: as settings_parse(), with a sentence
 * in cli->why. */
enum err node_settings_read(struct cli *cli, struct settings *settings) MUST_USE;

/* Reads this file. Errors: the same. */
enum err node_settings_load(struct cli *cli, const char *config,
                            struct settings *settings) MUST_USE;

#endif
