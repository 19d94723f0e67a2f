/* craft-dev: a whole cluster in one process, for development; what `craft dev` runs. */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/standard_files.h"
#include "base/uuid.h"
#include "dev/cluster.h"
#include "net/net.h"
#include "store/store.h"

enum { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, NO_EXIT = -1 };

static const char usage[] =
    "usage: craft dev [--dir DIR] [--brokers N] [--controllers N] [--override NAME=VALUE]...\n"
    "\n"
    "Runs a cluster in this process, until it is told to stop (SIGINT, SIGTERM). When it serves,\n"
    "one line of JSON on stdout says where.\n"
    "\n"
    "  --dir DIR              where its data is; default: a new directory, removed at the end\n"
    "  --brokers N            default: 1\n"
    "  --controllers N        default: 1\n"
    "  --override NAME=VALUE  a setting of every node (docs/settings.md); may be given again\n"
    "  --verbose              log lines on stderr\n"
    "  --help\n"
    "\n"
    "Example:\n"
    "  craft dev --brokers 3\n";

struct dev {
    struct log log;
    struct net_loop *loop;
    struct dev_cluster *cluster;
    struct dev_options options;
    const char **overrides;
    int override_count;
    char temporary[64]; /* "": the user's own directory */
    bool stopping;
    int exit_code;
};

/* ---- command line ---- */

static int complain(const char *text)
{
    fprintf(stderr, "craft dev: %s\n", text);
    return EXIT_USAGE;
}

static bool read_count(const char *text, int *out)
{
    char *end;
    long value = strtol(text, &end, 10);
    *out = (int)value;
    return *text != '\0' && *end == '\0' && value >= 1 && value <= DEV_NODES_MAX;
}

static int read_option(struct dev *d, int option)
{
    switch (option) {
    case 'd':
        d->options.dir = optarg;
        return NO_EXIT;
    case 'b':
        return read_count(optarg, &d->options.brokers) ? NO_EXIT
                                                       : complain("--brokers takes 1 to 15");
    case 'c':
        return read_count(optarg, &d->options.controllers)
                   ? NO_EXIT
                   : complain("--controllers takes 1 to 15");
    case 'o':
        d->overrides[d->override_count++] = optarg;
        return NO_EXIT;
    case 'v':
        d->log.level = LOG_INFO;
        return NO_EXIT;
    case 'h':
        fputs(usage, stdout);
        return EXIT_OK;
    default:
        fputs("Try craft dev --help.\n", stderr);
        return EXIT_USAGE;
    }
}

static int read_command_line(struct dev *d, int argc, char **argv)
{
    static const struct option options[] = {{"dir", required_argument, NULL, 'd'},
                                            {"brokers", required_argument, NULL, 'b'},
                                            {"controllers", required_argument, NULL, 'c'},
                                            {"override", required_argument, NULL, 'o'},
                                            {"verbose", no_argument, NULL, 'v'},
                                            {"help", no_argument, NULL, 'h'},
                                            {0}};
    int code = NO_EXIT;
    int option;
    while (code == NO_EXIT && (option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        code = read_option(d, option);
    }
    if (code == NO_EXIT && optind < argc) {
        fprintf(stderr, "craft dev: %s is not an option; see --help\n", argv[optind]);
        code = EXIT_USAGE;
    }
    return code;
}

/* ---- the directory ---- */

static bool make_dir(struct dev *d)
{
    if (d->options.dir == NULL) {
        const char *base = getenv("TMPDIR");
        snprintf(d->temporary, sizeof d->temporary, "%s/craft-dev-XXXXXX",
                 base != NULL && strlen(base) < 32 ? base : "/tmp");
        d->options.dir = mkdtemp(d->temporary);
        if (d->options.dir == NULL) {
            perror("craft dev: no temporary directory can be made; give --dir");
            return false;
        }
        return true;
    }
    enum err e = store_fs_mkdir(store_fs_posix(), d->options.dir);
    if (e != ERR_NONE && e != ERR_EXISTS) {
        fprintf(stderr, "craft dev: --dir %s cannot be made: %s\n", d->options.dir, err_text(e));
        return false;
    }
    return true;
}

/* ---- running ---- */

static void on_ready(void *arg)
{
    const struct dev *d = arg;
    printf("{\"bootstrap\":\"%s\",\"controllers\":\"%s\",\"dir\":\"%s\",\"pid\":%d}\n",
           dev_cluster_brokers(d->cluster), dev_cluster_controllers(d->cluster), d->options.dir,
           (int)getpid());
    fflush(stdout);
}

static void on_failed(void *arg, const char *what)
{
    struct dev *d = arg;
    complain(what);
    d->exit_code = EXIT_FAILED;
    net_loop_stop(d->loop);
}

static void on_stopped(void *arg)
{
    net_loop_stop(((struct dev *)arg)->loop);
}

static void on_signal(void *arg)
{
    struct dev *d = arg;
    if (d->stopping || d->temporary[0] != '\0') {
        net_loop_stop(d->loop); /* asked twice, or nothing is kept: no more waiting */
        return;
    }
    d->stopping = true;
    dev_cluster_stop(d->cluster, on_stopped, d);
}

static void run(struct dev *d)
{
    struct buf why = {0};
    struct net_loop_options loop_options = {.log = &d->log};
    d->loop = net_loop_new(&loop_options);
    d->options.loop = d->loop;
    d->options.log = &d->log;
    d->options.seed = uuid_random().lo;
    d->options.overrides = d->overrides;
    enum err e = dev_cluster_new(&d->options, &d->cluster, &why);
    if (e == ERR_NONE) {
        net_signal(d->loop, SIGTERM, on_signal, d);
        net_signal(d->loop, SIGINT, on_signal, d);
        dev_cluster_start(d->cluster);
        net_loop_run(d->loop);
        dev_cluster_free(d->cluster);
    } else {
        fprintf(stderr, "craft dev: %.*s\n", (int)why.len, (const char *)why.data);
        d->exit_code = e == ERR_CONFIG ? EXIT_USAGE : EXIT_FAILED;
    }
    net_loop_free(d->loop);
    buf_fini(&why);
}

int main(int argc, char **argv)
{
    standard_files_keep();
    struct dev d = {
        .log = {.level = LOG_WARN, .write = log_to_stderr},
        .options = {.controllers = 1, .brokers = 1, .ready = on_ready, .failed = on_failed}};
    d.options.arg = &d;
    d.overrides = mem_zalloc((size_t)argc + 1, sizeof *d.overrides);
    d.exit_code = read_command_line(&d, argc, argv);
    if (d.exit_code == NO_EXIT) {
        d.exit_code = EXIT_FAILED;
        if (make_dir(&d)) {
            d.exit_code = EXIT_OK;
            run(&d);
        }
        if (d.temporary[0] != '\0' &&
            store_fs_remove_tree(store_fs_posix(), d.options.dir) != ERR_NONE) {
            fprintf(stderr, "craft dev: %s could not be removed\n", d.options.dir);
        }
    }
    mem_free(d.overrides);
    return d.exit_code;
}
