/* Formats log lines and writes them to stderr. */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "base/system.h"

enum { LOG_LINE_MAX = 1024 }; /* longer lines are cut */

static const char *level_name(enum log_level level)
{
    switch (level) {
    case LOG_TRACE:
        return "TRACE";
    case LOG_DEBUG:
        return "DEBUG";
    case LOG_INFO:
        return "INFO ";
    case LOG_WARN:
        return "WARN ";
    case LOG_ERROR:
        return "ERROR";
    }
    UNREACHABLE();
}

/* A line must stay one line whatever a peer sent us. */
static void mask_control_bytes(char *text)
{
    for (; *text != '\0'; text++) {
        if ((unsigned char)*text < 0x20 || *text == 0x7f) {
            *text = '?';
        }
    }
}

void log_line(const struct log *log, enum log_level level, const char *module, const char *event,
              const char *fmt, ...)
{
    char line[LOG_LINE_MAX];
    int len = snprintf(line, sizeof line, "%s %s: %s", level_name(level), module, event);
    ASSERT(len > 0);
    if (fmt[0] != '\0' && (size_t)len + 2 < sizeof line) {
        line[len++] = ' ';
        va_list args;
        va_start(args, fmt);
        vsnprintf(line + len, sizeof line - (size_t)len, fmt, args);
        va_end(args);
    }
    mask_control_bytes(line);
    log->write(log->arg, level, line);
}

void log_to_stderr(void *arg, enum log_level level, const char *line)
{
    (void)arg;
    (void)level;
    int64_t now_ms = system_wall_ms();
    time_t seconds = now_ms / 1000;
    struct tm utc;
    gmtime_r(&seconds, &utc);
    char out[LOG_LINE_MAX + 64];
    size_t at = strftime(out, sizeof out, "%Y-%m-%dT%H:%M:%S", &utc);
    int len = snprintf(out + at, sizeof out - at, ".%03ldZ %s", (long)(now_ms % 1000), line);
    at = min_size(at + (size_t)max_i64(len, 0), sizeof out - 1);
    out[at] = '\n'; /* in place of the NUL: a line that was cut is one, too */
    ssize_t ignored = write(STDERR_FILENO, out, at + 1);
    (void)ignored;
}
