/* craft-broker: one broker as a process. */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "base/mem.h"
#include "base/uuid.h"
#include "broker/server.h"
#include "metadata/metadata.h"
#include "net/net.h"
#include "store/store.h"

enum { EXIT_FAILED = 1, EXIT_USAGE = 2, CONFIG_BYTES_MAX = 1 << 20 };

static const char usage[] =
    "usage: craft-broker --config FILE [--override KEY=VALUE]...\n"
    "\n"
    "Runs a broker. FILE has Kafka's property names; see docs/settings.md.\n"
    "\n"
    "  --config FILE          the settings\n"
    "  --override KEY=VALUE   a setting that counts before the file's; may be repeated\n"
    "  --log-level LEVEL      debug, info (default), warn, error\n"
    "  --help                 this text\n"
    "\n"
    "Example:\n"
    "  craft format --config broker.properties --cluster-id $(craft format --new-id)\n"
    "  craft-broker --config broker.properties --override listeners=PLAINTEXT://127.0.0.1:9092\n";

struct process {
    struct net_loop *loop;
    struct broker_server *server;
    struct log log;
    bool stopping;
    int exit_code;
};

static void on_failed(void *arg, const char *what)
{
    struct process *process = arg;
    log_error(&process->log, "broker", "cannot go on", "reason=\"%s\"", what);
    process->exit_code = EXIT_FAILED;
    net_loop_stop(process->loop);
}

static void on_stopped(void *arg)
{
    net_loop_stop(((struct process *)arg)->loop);
}

/* The first signal stops in order, the second at once. */
static void on_signal(void *arg)
{
    struct process *process = arg;
    if (process->stopping) {
        net_loop_stop(process->loop);
        return;
    }
    process->stopping = true;
    log_info(&process->log, "broker", "stopping", "reason=signal");
    broker_server_stop(process->server, on_stopped, process);
}

static void print_notes(const struct log *log, const struct settings *settings)
{
    struct slice notes = settings_notes(settings);
    while (notes.len > 0) {
        const uint8_t *end = memchr(notes.data, '\n', notes.len);
        size_t len = end == NULL ? notes.len : (size_t)(end - notes.data);
        log_warn(log, "settings", "note", "text=\"%.*s\"", (int)len, (const char *)notes.data);
        len += end != NULL;
        notes = slice_of(notes.data + len, notes.len - len);
    }
}

/* Connections and segment files need descriptors: take all we may have. */
static void raise_file_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static int run(struct process *process, const struct settings *settings)
{
    struct net_loop_options loop_options = {.log = &process->log};
    process->loop = net_loop_new(&loop_options);
    struct broker_server_options options = {.loop = process->loop,
                                            .fs = store_fs_posix(),
                                            .settings = settings,
                                            .log = &process->log,
                                            .seed = uuid_random().lo,
                                            .failed = on_failed,
                                            .arg = process};
    struct buf why = {0};
    enum err e = broker_server_new(&options, &process->server, &why);
    if (e != ERR_NONE) {
        fprintf(stderr, "craft-broker: %.*s\n", (int)why.len, (const char *)why.data);
        process->exit_code = EXIT_FAILED;
    } else {
        net_signal(process->loop, SIGTERM, on_signal, process);
        net_signal(process->loop, SIGINT, on_signal, process);
        broker_server_start(process->server);
        net_loop_run(process->loop);
        broker_server_free(process->server);
    }
    buf_fini(&why);
    net_loop_free(process->loop);
    return process->exit_code;
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

static enum err read_config(const char *path, struct settings *settings, struct buf *message)
{
    struct buf text = {0};
    enum err e = store_fs_read_file(store_fs_posix(), path, CONFIG_BYTES_MAX, &text);
    if (e != ERR_NONE) {
        buf_printf(message, "%s cannot be read: %s", path, err_text(e));
    } else {
        e = settings_parse(settings, buf_slice(&text), path, message);
    }
    buf_fini(&text);
    return e;
}

static int bad_usage(const char *what)
{
    fprintf(stderr, "craft-broker: %s\n%s", what, usage);
    return EXIT_USAGE;
}

/* Reads the command line into `settings`; −1: go on, else the exit code. */
static int read_arguments(int argc, char **argv, struct settings *settings, struct log *log)
{
    static const struct option options[] = {{"config", required_argument, NULL, 'c'},
                                            {"override", required_argument, NULL, 'o'},
                                            {"log-level", required_argument, NULL, 'l'},
                                            {"help", no_argument, NULL, 'h'},
                                            {0}};
    struct buf message = {0};
    enum err e = ERR_NONE;
    bool has_config = false;
    int code = -1;
    for (int pass = 0; pass < 2 && code < 0 && e == ERR_NONE; pass++) {
        /* The file first, whatever the order, so that overrides count. */
        optind = 1;
        int c;
        while (code < 0 && e == ERR_NONE &&
               (c = getopt_long(argc, argv, "", options, NULL)) != -1) {
            if (c == 'c' && pass == 0) {
                has_config = true;
                e = read_config(optarg, settings, &message);
            } else if (c == 'o' && pass == 1) {
                e = settings_set_pair(settings, optarg, &message);
            } else if (c == 'l' && !parse_level(optarg, &log->level)) {
                code = bad_usage("--log-level takes debug, info, warn or error");
            } else if (c == 'h') {
                fputs(usage, stdout);
                code = EXIT_SUCCESS;
            } else if (c == '?') {
                code = bad_usage("unknown option");
            }
        }
    }
    if (e != ERR_NONE) {
        fprintf(stderr, "craft-broker: %.*s\n", (int)message.len, (const char *)message.data);
        code = EXIT_FAILED;
    } else if (code < 0 && (!has_config || optind < argc)) {
        code = bad_usage(has_config ? "too many arguments" : "--config is missing");
    }
    buf_fini(&message);
    return code;
}

int main(int argc, char **argv)
{
    struct process process = {.log = {.level = LOG_INFO, .write = log_to_stderr}};
    struct settings *settings = settings_new();
    int code = read_arguments(argc, argv, settings, &process.log);
    if (code < 0) {
        print_notes(&process.log, settings);
        raise_file_limit();
        code = run(&process, settings);
    }
    settings_free(settings);
    return code;
}
