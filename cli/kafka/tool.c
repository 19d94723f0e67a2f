/* How Kafka's tools complain and connect; see tool.h. */
#include "cli/kafka/tool.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "metadata/settings_file.h"
#include "store/store.h"

enum {
    TIMEOUT_MS = 60000, /* default.api.timeout.ms */
    CONFIG_BYTES_MAX = 1 << 20,
};

/* ---- complaints ---- */

static void complain(const char *fmt, va_list args)
{
    fflush(stdout); /* what was printed before stands before */
    vfprintf(stderr, fmt, args);
    fputc('\n', stderr);
}

enum cli_exit tool_fail(const struct cli *cli, const char *fmt, ...)
{
    (void)cli;
    va_list args;
    va_start(args, fmt);
    complain(fmt, args);
    va_end(args);
    return CLI_FAILED;
}

enum cli_exit tool_misuse(const struct cli *cli, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    complain(fmt, args);
    va_end(args);
    fprintf(stderr, "See %s --help.\n", cli->verb->noun);
    return CLI_FAILED;
}

enum cli_exit tool_refuse(const struct cli *cli)
{
    return tool_misuse(cli, "%.*s", SLICE_ARG(buf_slice(&cli->why)));
}

/* ---- the command line ---- */

bool tool_has(const struct cli *cli, const char *option)
{
    return args_has(&cli->args, option);
}

static bool has_slice(const struct cli *cli, struct slice name)
{
    char text[64] = {0};
    ASSERT(name.len < sizeof text);
    memcpy(text, name.data, name.len);
    return args_has(&cli->args, text);
}

int tool_count(const struct cli *cli, const char *options)
{
    struct slice rest = slice_str(options);
    struct slice name;
    int count = 0;
    while (args_item(&rest, ',', &name)) {
        count += has_slice(cli, name);
    }
    return count;
}

bool tool_allows(struct cli *cli, const char *option, const char *others)
{
    struct slice rest = slice_str(others);
    struct slice name;
    while (tool_has(cli, option) && args_item(&rest, ',', &name)) {
        if (has_slice(cli, name)) {
            buf_printf(&cli->why, "Option \"[%s]\" can't be used with option \"[%.*s]\"", option,
                       SLICE_ARG(name));
            return false;
        }
    }
    return true;
}

bool tool_requires(struct cli *cli, const char *options)
{
    struct slice rest = slice_str(options);
    struct slice name;
    while (args_item(&rest, ',', &name)) {
        if (!has_slice(cli, name)) {
            buf_printf(&cli->why, "Missing required argument \"[%.*s]\"", SLICE_ARG(name));
            return false;
        }
    }
    return true;
}

bool tool_long(struct cli *cli, const char *option, int64_t *out)
{
    const char *text = args_text(&cli->args, option);
    if (text != NULL && !args_parse_number(slice_str(text), out)) {
        buf_printf(&cli->why, "Cannot parse argument '%s' of option %s", text, option);
        return false;
    }
    return true;
}

bool tool_int(struct cli *cli, const char *option, int32_t *out)
{
    int64_t value = *out;
    if (!tool_long(cli, option, &value)) {
        return false;
    }
    if (value < INT32_MIN || value > INT32_MAX) {
        buf_printf(&cli->why, "Cannot parse argument '%" PRId64 "' of option %s", value, option);
        return false;
    }
    *out = (int32_t)value;
    return true;
}

/* ---- the properties of the client ---- */

struct config {
    struct cli *cli;
    const char *path;
    struct client_options *options;
};

/* A file that asks for what we cannot do must not pass: it is meant to protect something. */
static enum err take_pair(void *arg, int line, struct slice key, struct slice value)
{
    struct config *config = arg;
    struct buf *why = &config->cli->why;
    if (slice_eq_str(key, "security.protocol") && !slice_eq_str(value, "PLAINTEXT")) {
        buf_printf(why, "%s:%d: security.protocol=%.*s is not supported, only PLAINTEXT",
                   config->path, line, SLICE_ARG(value));
        return ERR_CONFIG;
    }
    if (slice_eq_str(key, "default.api.timeout.ms") &&
        (!args_parse_number(value, &config->options->timeout_ms) ||
         config->options->timeout_ms < 1)) {
        buf_printf(why, "%s:%d: default.api.timeout.ms=%.*s is no number of milliseconds",
                   config->path, line, SLICE_ARG(value));
        return ERR_CONFIG;
    }
    return ERR_NONE;
}

static enum err bad_line(void *arg, int line)
{
    struct config *config = arg;
    buf_printf(&config->cli->why, "%s:%d: a NUL, or a wrong \\u escape", config->path, line);
    return ERR_CONFIG;
}

static bool read_config(struct cli *cli, const char *path, struct client_options *options)
{
    struct config config = {cli, path, options};
    struct settings_file_sink sink = {&config, take_pair, bad_line};
    struct buf text = {0};
    enum err e = store_fs_read_file(store_fs_posix(), path, CONFIG_BYTES_MAX, &text);
    if (e != ERR_NONE) {
        buf_printf(&cli->why, "%s: %s", path,
                   e == ERR_NOT_FOUND ? "there is no such file" : strerror(errno));
    } else {
        e = settings_file_read(buf_slice(&text), &sink);
    }
    buf_fini(&text);
    return e == ERR_NONE;
}

/* The file may be given by one of several names. */
static const char *config_path(const struct cli *cli)
{
    static const char *const names[] = {"command-config", "admin.config", "producer.config",
                                        "consumer.config"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        for (const struct args_option *row = cli->verb->options; row->name != NULL; row++) {
            if (strcmp(row->name, names[i]) == 0 && tool_has(cli, names[i])) {
                return args_text(&cli->args, names[i]);
            }
        }
    }
    return NULL;
}

struct client *tool_open(struct cli *cli, enum cli_exit *code)
{
    bool may_ask_controllers = (cli->verb->uses & CLI_USES_CONTROLLERS) != 0;
    struct client_options options = {.timeout_ms = TIMEOUT_MS, .tells_of_waiting = true};
    options.controllers = may_ask_controllers && tool_has(cli, "bootstrap-controller");
    options.name = options.controllers ? "bootstrap-controller" : "bootstrap-server";
    options.servers = args_text(&cli->args, options.name);
    *code = CLI_FAILED;
    if (options.servers == NULL) {
        buf_printf(&cli->why, "Missing required argument \"[%s]\"", options.name);
        tool_refuse(cli);
        return NULL;
    }
    const char *path = config_path(cli);
    struct client *client = NULL;
    if (path == NULL || read_config(cli, path, &options)) {
        client = client_new(cli, &options);
    }
    if (client == NULL) {
        tool_refuse(cli);
        return NULL;
    }
    *code = CLI_OK;
    return client;
}

/* ---- errors ---- */

const char *tool_sentence(struct cli *cli, const struct client *client,
                          const struct admin_result *result)
{
    if (client_why(client)[0] != '\0') {
        return client_why(client);
    }
    return result->message.len > 0 ? arena_str(&cli->arena, result->message)
                                   : tool_error_text(result->error);
}
