/* Settings as commands show and change them. */
#ifndef CLI_CONFIG_H
#define CLI_CONFIG_H

#include "cli/configs.h"

/* Prints the settings of a resource: those in `names` (count 0: those that were set for it, or with
 * --all all of them). Returns the exit code; complaints are printed. */
enum cli_exit config_show(struct cli *cli, struct client *client,
                          const struct configs_resource *resource, const char *const *names,
                          int count);

/* Changes them. `what` names the resource in complaints. */
enum cli_exit config_change(struct cli *cli, struct client *client,
                            const struct configs_changes *changes, const char *what);

#endif
