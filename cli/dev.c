/* craft dev: hands over to craft-dev, the program beside this one that holds both daemons. */
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"

/* Where this program is, with the name of the other one; false: unknown. */
static bool find_program(char out[PATH_MAX])
{
    ssize_t len = readlink("/proc/self/exe", out, PATH_MAX - sizeof "-dev");
    if (len <= 0) {
        return false;
    }
    memcpy(out + len, "-dev", sizeof "-dev");
    return true;
}

static void add_option(const struct cli *cli, const char *name, const char **argv, int *argc)
{
    int at = 0;
    for (const char *value; (value = args_next(&cli->args, name, &at)) != NULL;) {
        argv[(*argc)++] = arena_printf((struct arena *)(uintptr_t)&cli->arena, "--%s", name);
        if (value[0] != '\0') {
            argv[(*argc)++] = value;
        }
    }
}

static enum cli_exit run_dev(struct cli *cli)
{
    static const char *const names[] = {"dir", "brokers", "controllers", "override", "verbose"};
    char path[PATH_MAX];
    const char **argv =
        ARENA_ARRAY(&cli->arena, 2 * (size_t)cli->args.given_count + 2, const char *);
    int argc = 0;
    argv[argc++] = "craft dev";
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        add_option(cli, names[i], argv, &argc);
    }
    if (find_program(path)) {
        execv(path, (char *const *)(uintptr_t)argv);
    }
    return cli_fail(cli, "the program craft-dev is not there: it must be beside craft");
}

static const struct args_option options[] = {
    {"dir", "DIR", "where its data is; default: a new directory, removed at the end"},
    {"brokers", "N", "default: 1"},
    {"controllers", "N", "default: 1"},
    {"override", "NAME=VALUE", "a setting of every node; may be repeated"},
    {"verbose", NULL, "log lines on stderr"},
    {0}};

const struct cli_verb cli_dev = {
    .noun = "dev",
    .words = "",
    .about = "Runs a whole cluster in one process, for development",
    .more = "No files are needed: ports are free ones, and without --dir nothing is left behind. "
            "When the\ncluster serves, one line of JSON on stdout says where: bootstrap, "
            "controllers, dir, pid.\nCtrl-C or SIGTERM ends it.",
    .examples = "craft dev\n"
                "craft dev --brokers 3 --controllers 3 --dir ./data",
    .options = options,
    .run = run_dev,
};
