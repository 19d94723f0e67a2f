/* How Kafka's tools complain and connect; see tool.h. */
#include "cli/kafka/tool.h"

#include <stdarg.h>
#include <stdio.h>

#include "cli/kafka/properties.h"

enum { TIMEOUT_MS = 60000 }; /* default.api.timeout.ms */

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

/* ---- the cluster ---- */

/* The option that names the file of properties, if one was given. */
static const char *config_option(const struct cli *cli)
{
    static const char *const names[] = {"command-config", "admin.config", "producer.config",
                                        "consumer.config"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        for (const struct args_option *row = cli->verb->options; row->name != NULL; row++) {
            if (strcmp(row->name, names[i]) == 0 && tool_has(cli, names[i])) {
                return names[i];
            }
        }
    }
    return NULL;
}

/* A file that asks for what we cannot do must not pass: it is meant to protect something. */
static bool read_config(struct cli *cli, struct client_options *options)
{
    static const char *const refused[] = {NULL};
    const char *option = config_option(cli);
    struct properties properties = {.cli = cli};
    return option == NULL ||
           (properties_add_file(&properties, option) && properties_check(&properties, refused) &&
            properties_number(&properties, "default.api.timeout.ms", 1, &options->timeout_ms));
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
    struct client *client = read_config(cli, &options) ? client_new(cli, &options) : NULL;
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
