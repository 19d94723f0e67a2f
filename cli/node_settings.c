/* Reading the settings of a node. */
#include "cli/node_settings.h"

#include "store/store.h"

enum { CONFIG_BYTES_MAX = 1 << 20 };

enum err node_settings_load(struct cli *cli, const char *config, struct settings *settings)
{
    struct buf text = {0};
    struct store_error problem = {""};
    enum err e = store_fs_read_file(store_fs_posix(), config, CONFIG_BYTES_MAX, &text);
    if (e != ERR_NONE) {
        (void)store_fail_errno(&problem, e, "read", config);
        buf_put_str(&cli->why, problem.text);
    } else {
        e = settings_parse(settings, buf_slice(&text), config, &cli->why);
    }
    buf_fini(&text);
    return e;
}

enum err node_settings_read(struct cli *cli, struct settings *settings)
{
    enum err e = node_settings_load(cli, args_text(&cli->args, "config"), settings);
    const char *pair;
    int at = 0;
    while (e == ERR_NONE && (pair = args_next(&cli->args, "override", &at)) != NULL) {
        e = settings_set_pair(settings, pair, &cli->why);
    }
    return e;
}
