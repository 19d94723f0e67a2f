/* One line an event: level, module, event, key=value.
 *
 * A `struct log` is a sink handed to whoever speaks; there is no global one. Pure code may log: the
 * sink adds the time. NULL is a valid log that drops everything. The same line is the operator's
 * log, a simulation's trace and a test's oracle, so keep events short and stable:
 *
 *     log_info(log, "raft", "became leader", "epoch=%d votes=%d", epoch, votes);
 *     2026-11-21T13:00:00.123Z INFO  raft: became leader epoch=7 votes=2
 *
 * Values with spaces are quoted by the caller ("reason=\"%s\""). Quiet when idle: nothing that
 * repeats without a cause is logged above DEBUG. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/base.h"

enum log_level { LOG_TRACE, LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

struct log {
    enum log_level level; /* lines below it are dropped before they are formatted */
    /* Called with the whole line without time and newline, e.g. "INFO  raft: became leader …". */
    void (*write)(void *arg, enum log_level level, const char *line);
    void *arg;
};

void log_line(const struct log *log, enum log_level level, const char *module, const char *event,
              const char *fmt, ...) PRINTF_LIKE(5, 6);

static inline bool log_wants(const struct log *log, enum log_level level)
{
    return log != NULL && level >= log->level;
}

#define LOG_AT(log, level, ...) \
    (log_wants(log, level) ? log_line(log, level, __VA_ARGS__) : (void)0)
#define log_trace(log, ...) LOG_AT(log, LOG_TRACE, __VA_ARGS__)
#define log_debug(log, ...) LOG_AT(log, LOG_DEBUG, __VA_ARGS__)
#define log_info(log, ...) LOG_AT(log, LOG_INFO, __VA_ARGS__)
#define log_warn(log, ...) LOG_AT(log, LOG_WARN, __VA_ARGS__)
#define log_error(log, ...) LOG_AT(log, LOG_ERROR, __VA_ARGS__)

/* A sink for `struct log.write` that prepends the UTC time and writes to stderr in one call. */
void log_to_stderr(void *arg, enum log_level level, const char *line);

#endif
