/* craft-controller: a voter of the metadata quorum. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "base/uuid.h"
#include "controller/server.h"
#include "metadata/settings.h"
#include "net/net.h"
#include "store/store.h"

static const char usage_text[] =
    "usage: craft-controller --config FILE [--override NAME=VALUE]…\n"
    "\n"
    "Runs a controller: a voter of the quorum that keeps the metadata of a cluster.\n"
    "\n"
    "  --config FILE           settings in Kafka's names, e.g. controller.properties\n"
    "  --override NAME=VALUE   a setting that counts more than the file's; may be given again\n"
    "  --version\n"
    "  --help\n"
    "\n"
    "The directory of the metadata log must have been formatted (craft format). SIGTERM and "
    "SIGINT\n"
    "end it in order: an active controller hands over first.\n";

/* Exit codes: a supervisor may restart after FAILED, but not after USAGE. */
enum { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

struct daemon {
    struct log log;
    struct settings *settings;
    struct net_loop *loop;
    struct controller_server *server;
    bool stopping;
    int exit_code;
};

/* One line on stderr, beginning with who speaks. */
static int refuse(const struct buf *why)
{
    fprintf(stderr, "craft-controller: %.*s\n", (int)why->len, (const char *)why->data);
    return EXIT_USAGE;
}

/* ---- settings ---- */

static enum err read_file(struct settings *settings, const char *path, struct buf *why)
{
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        buf_printf(why, "--config: cannot open %s: %s", path, strerror(errno));
        return ERR_CONFIG;
    }
    struct buf text = {0};
    size_t got;
    do {
        got = fread(buf_room(&text, 4096), 1, 4096, file);
        text.len += got;
    } while (got > 0);
    bool bad = ferror(file) != 0;
    (void)fclose(file);
    enum err e = ERR_CONFIG;
    if (bad) {
        buf_printf(why, "--config: cannot read %s", path);
    } else {
        e = settings_parse(settings, buf_slice(&text), path, why);
    }
    buf_fini(&text);
    return e;
}

/* The value of an option "--name VALUE" or "--name=VALUE" at argv[*at], or NULL. */
static const char *option(char **argv, int *at, const char *name)
{
    size_t len = strlen(name);
    if (strncmp(argv[*at], name, len) != 0) {
        return NULL;
    }
    if (argv[*at][len] == '=') {
        return argv[*at] + len + 1;
    }
    if (argv[*at][len] != '\0' || argv[*at + 1] == NULL) {
        return NULL;
    }
    (*at)++;
    return argv[*at];
}

/* The file first, wherever it stands: overrides count more. */
static enum err read_settings(struct settings *settings, char **argv, struct buf *why)
{
    const char *path = NULL;
    const char *value;
    for (int i = 1; argv[i] != NULL; i++) {
        if ((value = option(argv, &i, "--config")) != NULL) {
            path = value;
        } else if (option(argv, &i, "--override") == NULL) {
            buf_printf(why, "%s is not an option, or lacks its value; see --help", argv[i]);
            return ERR_CONFIG;
        }
    }
    if (path == NULL) {
        buf_put_str(why, "no --config FILE given; see --help");
        return ERR_CONFIG;
    }
    TRY(read_file(settings, path, why));
    for (int i = 1; argv[i] != NULL; i++) {
        if (option(argv, &i, "--config") == NULL) {
            TRY(settings_set_pair(settings, option(argv, &i, "--override"), why));
        }
    }
    return ERR_NONE;
}

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

/* ---- running ---- */

static void raise_file_limit(const struct log *log)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max) {
        return;
    }
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0) {
        log_warn(log, "controller", "open files stay limited", "reason=\"%s\"", strerror(errno));
    }
}

static void stopped(void *arg)
{
    struct daemon *d = arg;
    net_loop_stop(d->loop);
}

static void on_signal(void *arg)
{
    struct daemon *d = arg;
    if (d->stopping) {
        net_loop_stop(d->loop); /* asked twice: no more waiting */
        return;
    }
    d->stopping = true;
    log_info(&d->log, "controller", "stopping", "reason=signal");
    controller_server_stop(d->server, stopped, d);
}

static void failed(void *arg, const char *what)
{
    struct daemon *d = arg;
    log_error(&d->log, "controller", "stopping", "reason=\"%s\"", what);
    d->exit_code = EXIT_FAILED;
    net_loop_stop(d->loop);
}

static uint64_t random_seed(void)
{
    struct uuid id = uuid_random();
    return id.hi ^ id.lo;
}

static int run(struct daemon *d, struct buf *why)
{
    d->loop = net_loop_new(&(struct net_loop_options){.log = &d->log});
    struct controller_server_options options = {
        .loop = d->loop,
        .fs = store_fs_posix(),
        .settings = d->settings,
        .log = &d->log,
        .seed = random_seed(),
        .failed = failed,
        .arg = d,
    };
    enum err e = controller_server_new(&options, &d->server, why);
    if (e != ERR_NONE) {
        net_loop_free(d->loop);
        (void)refuse(why);
        return e == ERR_CONFIG ? EXIT_USAGE : EXIT_FAILED;
    }
    net_signal(d->loop, SIGTERM, on_signal, d);
    net_signal(d->loop, SIGINT, on_signal, d);
    controller_server_start(d->server);
    net_loop_run(d->loop);
    controller_server_free(d->server);
    net_loop_free(d->loop);
    log_info(&d->log, "controller", "stopped", "code=%d", d->exit_code);
    return d->exit_code;
}

int main(int argc, char **argv)
{
    struct daemon d = {.log = {.level = LOG_INFO, .write = log_to_stderr}, .exit_code = EXIT_OK};
    struct buf why = {0};
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            fputs(usage_text, stdout);
            return EXIT_OK;
        }
        if (strcmp(argv[i], "--version") == 0) {
            puts("craft-controller 0.1.0");
            return EXIT_OK;
        }
    }
    d.settings = settings_new();
    int code = EXIT_USAGE;
    if (read_settings(d.settings, argv, &why) != ERR_NONE) {
        code = refuse(&why);
    } else {
        log_notes(&d);
        raise_file_limit(&d.log);
        code = run(&d, &why);
    }
    settings_free(d.settings);
    buf_fini(&why);
    return code;
}
