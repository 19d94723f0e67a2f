/* Settings as commands show and change them. */
#ifndef CLI_CONFIG_H
#define CLI_CONFIG_H

#include "cli/configs.h"

/* Changes them. `what` names the resource in complaints. */
enum cli_exit config_change(struct cli *cli, struct client *client,
                            const struct configs_changes *changes, const char *what);

#endif
