/* The frame of a daemon. */
#include "daemon/daemon.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>

#include "base/standard_files.h"
#include "base/uuid.h"
#include "metadata/settings.h"
#include "net/net.h"
#include "store/store.h"

enum { CONFIG_BYTES_MAX = 1 << 20, NO_EXIT = -1 };

static const char version[] = "0.1.0";

static const char usage[] =
    "usage: %s --config FILE [--override NAME=VALUE]...\n"
    "\n"
    "%s\n"
    "\n"
    "  --config FILE           settings in Kafka's names (docs/settings.md)\n"
    "  --override NAME=VALUE   a setting that counts more than the file's; may be given again\n"
    "  --log-level LEVEL       trace, debug, info (default), warn or error\n"
    "  --version\n"
    "  --help\n"
    "\n"
    "The directory must have been formatted (craft format; a controller says there where its "
    "quorum\n"
    "begins, e.g. with --standalone). SIGTERM and SIGINT stop in order, a second signal at once.\n"
    "\n"
    "Example:\n"
    "  craft format --config node.properties --cluster-id \"$(craft format --new-id)\"\n"
    "  %s --config node.properties\n";

struct daemon {
    const struct daemon_program *program;
    struct log log;
    struct settings *settings;
    struct net_loop *loop;
    void *server;
    bool stopping;
    int exit_code;
};

/* One line on stderr, beginning with who speaks. */
static int refuse(const struct daemon *d, const char *why, size_t len)
{
    fprintf(stderr, "%s: %.*s\n", d->program->name, (int)len, why);
    return DAEMON_USAGE;
}

/* ---- command line ---- */

static enum err read_config(const char *path, struct settings *settings, struct buf *why)
{
    struct buf text = {0};
    enum err e = store_fs_read_file(store_fs_posix(), path, CONFIG_BYTES_MAX, &text);
    if (e != ERR_NONE) {
        buf_printf(why, "--config: %s cannot be read: %s", path, err_text(e));
        e = ERR_CONFIG;
    } else {
        e = settings_parse(settings, buf_slice(&text), path, why);
    }
    buf_fini(&text);
    return e;
}

static bool parse_level(const char *text, enum log_level *out)
{
    static const char *const names[] = {[LOG_TRACE] = "trace",
                                        [LOG_DEBUG] = "debug",
                                        [LOG_INFO] = "info",
                                        [LOG_WARN] = "warn",
                                        [LOG_ERROR] = "error"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (strcmp(text, names[i]) == 0) {
            *out = (enum log_level)i;
            return true;
        }
    }
    return false;
}

struct arguments {
    const char *config;
    const char **overrides; /* as many as there are arguments at the most */
    int override_count;
};

static int read_option(struct daemon *d, int option, struct arguments *out)
{
    const char *name = d->program->name;
    static const char bad_level[] = "--log-level takes trace, debug, info, warn or error";
    switch (option) {
    case 'c':
        out->config = optarg;
        return NO_EXIT;
    case 'o':
        out->overrides[out->override_count++] = optarg;
        return NO_EXIT;
    case 'l':
        return parse_level(optarg, &d->log.level) ? NO_EXIT
                                                  : refuse(d, bad_level, sizeof bad_level - 1);
    case 'v':
        printf("%s %s\n", name, version);
        return DAEMON_OK;
    case 'h':
        printf(usage, name, d->program->summary, name);
        return DAEMON_OK;
    default:
        fprintf(stderr, "Try %s --help.\n", name);
        return DAEMON_USAGE;
    }
}

static enum err read_settings(struct daemon *d, const struct arguments *arguments, struct buf *why)
{
    if (arguments->config == NULL) {
        buf_put_str(why, "no --config FILE given; see --help");
        return ERR_CONFIG;
    }
    TRY(read_config(arguments->config, d->settings, why));
    for (int i = 0; i < arguments->override_count; i++) {
        TRY(settings_set_pair(d->settings, arguments->overrides[i], why));
    }
    return ERR_NONE;
}

/* Fills the settings; NO_EXIT: go on. */
static int read_command_line(struct daemon *d, int argc, char **argv)
{
    static const struct option options[] = {{"config", required_argument, NULL, 'c'},
                                            {"override", required_argument, NULL, 'o'},
                                            {"log-level", required_argument, NULL, 'l'},
                                            {"version", no_argument, NULL, 'v'},
                                            {"help", no_argument, NULL, 'h'},
                                            {0}};
    struct arena arena = {0};
    struct buf why = {0};
    struct arguments arguments = {.overrides = ARENA_ARRAY(&arena, (size_t)argc, const char *)};
    int code = NO_EXIT;
    int option;
    while (code == NO_EXIT && (option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        code = read_option(d, option, &arguments);
    }
    if (code == NO_EXIT && optind < argc) {
        buf_printf(&why, "%s is not an option; see --help", argv[optind]);
        code = refuse(d, (const char *)why.data, why.len);
    } else if (code == NO_EXIT && read_settings(d, &arguments, &why) != ERR_NONE) {
        code = refuse(d, (const char *)why.data, why.len);
    }
    buf_fini(&why);
    arena_fini(&arena);
    return code;
}

/* ---- running ---- */

static void log_notes(const struct daemon *d)
{
    struct slice notes = settings_notes(d->settings);
    while (notes.len > 0) {
        const uint8_t *end = memchr(notes.data, '\n', notes.len);
        size_t len = end == NULL ? notes.len : (size_t)(end - notes.data);
        log_warn(&d->log, "settings", "note", "%.*s", (int)len, (const char *)notes.data);
        size_t used = end == NULL ? len : len + 1;
        notes = slice_of(notes.data + used, notes.len - used);
    }
}

/* Connections and segment files need descriptors: take all we may have. */
static void raise_file_limit(const struct log *log)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max) {
        return;
    }
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0) {
        log_warn(log, "daemon", "open files stay limited", "reason=\"%s\"", strerror(errno));
    }
}

static void on_stopped(void *arg)
{
    net_loop_stop(((struct daemon *)arg)->loop);
}

static void on_signal(void *arg)
{
    struct daemon *d = arg;
    if (d->stopping) {
        net_loop_stop(d->loop); /* asked twice: no more waiting */
        return;
    }
    d->stopping = true;
    log_info(&d->log, "daemon", "stopping", "reason=signal");
    d->program->stop(d->server, on_stopped, d);
}

static void on_failed(void *arg, const char *what)
{
    struct daemon *d = arg;
    log_error(&d->log, "daemon", "stopping", "reason=\"%s\"", what);
    d->exit_code = DAEMON_FAILED;
    net_loop_stop(d->loop);
}

static void serve(struct daemon *d)
{
    net_signal(d->loop, SIGTERM, on_signal, d);
    net_signal(d->loop, SIGINT, on_signal, d);
    d->program->start(d->server);
    net_loop_run(d->loop);
    d->program->free_server(d->server);
    log_info(&d->log, "daemon", "stopped", "code=%d", d->exit_code);
}

static void log_formatted(void *arg, const char *line)
{
    const struct daemon *d = arg;
    log_info(&d->log, "daemon", "format", "text=\"%s\"", line);
}

/* A node for development makes its own directory; others are formatted once, by hand. */
static enum err format_if_wanted(struct daemon *d, struct buf *why)
{
    const char *cluster_id = settings_str(d->settings, "craft.format.cluster.id");
    struct arena arena = {0};
    char **voters = settings_list(d->settings, "controller.quorum.voters", &arena);
    struct daemon_format_options options = {.fs = store_fs_posix(),
                                            .settings = d->settings,
                                            .cluster_id = slice_str(cluster_id),
                                            .quorum = voters[0] != NULL ? DAEMON_FORMAT_STATIC
                                                                        : DAEMON_FORMAT_JOIN,
                                            .tell = log_formatted,
                                            .arg = d};
    arena_fini(&arena);
    return cluster_id == NULL ? ERR_NONE : daemon_format(&options, why);
}

static int run(struct daemon *d)
{
    struct net_loop_options loop_options = {.log = &d->log};
    d->loop = net_loop_new(&loop_options);
    struct daemon_context context = {.loop = d->loop,
                                     .fs = store_fs_posix(),
                                     .settings = d->settings,
                                     .log = &d->log,
                                     .seed = uuid_random().lo,
                                     .failed = on_failed,
                                     .arg = d};
    struct buf why = {0};
    enum err e = format_if_wanted(d, &why);
    if (e == ERR_NONE) {
        e = d->program->new_server(&context, &d->server, &why);
    }
    if (e == ERR_NONE) {
        serve(d);
    } else {
        refuse(d, (const char *)why.data, why.len);
        d->exit_code = e == ERR_CONFIG ? DAEMON_USAGE : DAEMON_FAILED;
    }
    buf_fini(&why);
    net_loop_free(d->loop);
    return d->exit_code;
}

char *daemon_metadata_dir(const struct settings *settings, struct arena *arena)
{
    const char *dir = settings_str(settings, "metadata.log.dir");
    char **dirs = settings_list(settings, "log.dirs", arena);
    if ((dir == NULL || dir[0] == '\0') && dirs[0] != NULL) {
        dir = dirs[0];
    }
    if (dir == NULL || dir[0] == '\0') {
        dir = settings_str(settings, "log.dir");
    }
    return dir == NULL || dir[0] == '\0' ? NULL : arena_str(arena, slice_str(dir));
}

int daemon_main(const struct daemon_program *program, int argc, char **argv)
{
    standard_files_keep();
    struct daemon d = {.program = program,
                       .log = {.level = LOG_INFO, .write = log_to_stderr},
                       .settings = settings_new()};
    int code = read_command_line(&d, argc, argv);
    if (code == NO_EXIT) {
        log_notes(&d);
        raise_file_limit(&d.log);
        code = run(&d);
    }
    settings_free(d.settings);
    return code;
}
