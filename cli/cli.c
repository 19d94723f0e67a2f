/* What commands say: complaints on stderr, results on stdout. See cli.h. */
#include "cli/cli.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

void cli_fini(struct cli *cli)
{
    buf_fini(&cli->why);
    arena_fini(&cli->arena);
}

/* ---- complaints ---- */

/* The command as it was called. */
static void put_name(const struct cli *cli)
{
    const struct cli_verb *verb = cli->verb;
    bool is_tool = cli->args.style == ARGS_KAFKA;
    fprintf(stderr, "%s%s%s%s", is_tool ? "" : "craft ", verb->noun, verb->name == NULL ? "" : " ",
            verb->name == NULL ? "" : verb->name);
}

static void complain(const struct cli *cli, const char *fmt, va_list args)
{
    put_name(cli);
    fputs(": ", stderr);
    vfprintf(stderr, fmt, args);
    fputc('\n', stderr);
}

void cli_complain(const struct cli *cli, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    complain(cli, fmt, args);
    va_end(args);
}

enum cli_exit cli_fail(const struct cli *cli, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    complain(cli, fmt, args);
    va_end(args);
    return CLI_FAILED;
}

enum cli_exit cli_misuse(const struct cli *cli, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    complain(cli, fmt, args);
    va_end(args);
    fputs("See ", stderr);
    put_name(cli);
    fputs(" --help.\n", stderr);
    return CLI_USAGE;
}

enum cli_exit cli_fail_with(const struct cli *cli, const char *about, enum err e,
                            struct slice message)
{
    bool has_message = message.len > 0;
    return cli_fail(cli, "%s: %s%s%.*s", about, has_message ? err_name(e) : err_text(e),
                    has_message ? ": " : "", has_message ? (int)message.len : 0,
                    has_message ? (const char *)message.data : "");
}

enum cli_exit cli_refuse(const struct cli *cli)
{
    return cli_misuse(cli, "%.*s", SLICE_ARG(buf_slice(&cli->why)));
}

bool cli_number(struct cli *cli, const char *name, struct args_range range, int64_t *out)
{
    return args_number(&cli->args, name, range, out, &cli->why) == ERR_NONE;
}

/* ---- results ---- */

/* Who stops reading, as head does, knows it. */
static void complain_output(void)
{
    if (errno != EPIPE) {
        fprintf(stderr, "craft: the output could not be written: %s\n", strerror(errno));
    }
}

bool cli_put(struct buf *out)
{
    struct slice text = buf_slice(out);
    buf_reset(out);
    if (fwrite(text.data, 1, text.len, stdout) == text.len && fflush(stdout) == 0) {
        return true;
    }
    complain_output();
    return false;
}

enum cli_exit cli_print(struct buf *out)
{
    bool good = cli_put(out);
    buf_fini(out);
    return good ? CLI_OK : CLI_FAILED;
}

enum cli_exit cli_flush(enum cli_exit code)
{
    bool was_told = ferror(stdout) != 0;
    if (fflush(stdout) != 0 && !was_told) {
        complain_output();
    }
    return ferror(stdout) != 0 && code == CLI_OK ? CLI_FAILED : code;
}
