/* Log lines: their form, and that a peer cannot forge one. */
#include "base/log.h"

#include "tests/unit/unit.h"

#include <stdio.h>
#include <unistd.h>

enum { LONG = 5000 };

struct sink {
    struct log log;
    int lines;
    enum log_level level;
    char last[2 * LONG];
};

static void keep(void *arg, enum log_level level, const char *line)
{
    struct sink *sink = arg;
    sink->lines++;
    sink->level = level;
    snprintf(sink->last, sizeof sink->last, "%s", line);
}

static void sink_init(struct sink *sink, enum log_level level)
{
    *sink = (struct sink){.log = {.level = level, .write = keep, .arg = sink}};
}

static int evaluated(int *count)
{
    return ++*count;
}

START_TEST(what_is_below_the_level_is_not_even_formatted)
{
    struct sink sink;
    sink_init(&sink, LOG_WARN);
    int count = 0;
    log_info(&sink.log, "raft", "quiet", "n=%d", evaluated(&count));
    log_debug(&sink.log, "raft", "quiet", "n=%d", evaluated(&count));
    ck_assert_int_eq(sink.lines, 0);
    ck_assert_int_eq(count, 0);
    log_warn(&sink.log, "raft", "loud", "n=%d", evaluated(&count));
    log_error(&sink.log, "raft", "loud", "n=%d", evaluated(&count));
    ck_assert_int_eq(sink.lines, 2);
    ck_assert_int_eq(sink.level, LOG_ERROR);
}
END_TEST

START_TEST(no_sink_is_a_sink)
{
    ck_assert(!log_wants(NULL, LOG_ERROR));
    log_error(NULL, "raft", "nobody listens", "n=%d", 1);
}
END_TEST

START_TEST(a_line_has_its_form)
{
    struct sink sink;
    sink_init(&sink, LOG_TRACE);
    log_info(&sink.log, "raft", "became leader", "epoch=%d votes=%d", 7, 2);
    ck_assert_str_eq(sink.last, "INFO  raft: became leader epoch=7 votes=2");
    log_trace(&sink.log, "net", "closed", "%s", "");
    ck_assert_str_eq(sink.last, "TRACE net: closed ");
}
END_TEST

START_TEST(a_peer_cannot_forge_a_line)
{
    struct sink sink;
    sink_init(&sink, LOG_INFO);
    log_info(&sink.log, "net", "hello", "client=\"%s\"", "x\r\n\tERROR net: \x1b[31m\x7f");
    ck_assert_str_eq(sink.last, "INFO  net: hello client=\"x???ERROR net: ?[31m?\"");
}
END_TEST

START_TEST(long_lines_are_cut)
{
    static char text[LONG];
    memset(text, 'x', sizeof text - 1);
    struct sink sink;
    sink_init(&sink, LOG_INFO);
    log_info(&sink.log, "net", "long", "value=%s", text);
    ck_assert_uint_lt(strlen(sink.last), 1024);
    ck_assert(strncmp(sink.last, "INFO  net: long value=xxx", 25) == 0);
    log_info(&sink.log, "net", text, "value=%s", text);
    ck_assert_uint_lt(strlen(sink.last), 1024);
    ck_assert_int_eq(sink.lines, 2);
}
END_TEST

/* What log_to_stderr() writes, read through a pipe. */
static size_t written(const char *line, char *out, size_t size)
{
    int ends[2];
    ck_assert_int_eq(pipe(ends), 0);
    int saved = dup(STDERR_FILENO);
    dup2(ends[1], STDERR_FILENO);
    log_to_stderr(NULL, LOG_INFO, line);
    dup2(saved, STDERR_FILENO);
    close(saved);
    close(ends[1]);
    ssize_t got = read(ends[0], out, size);
    close(ends[0]);
    ck_assert_int_gt(got, 0);
    return (size_t)got;
}

START_TEST(stderr_gets_the_time_and_one_newline)
{
    char out[2 * LONG];
    size_t len = written("INFO  raft: x", out, sizeof out);
    ck_assert_uint_eq(len, strlen("2026-11-21T13:00:00.123Z INFO  raft: x\n"));
    ck_assert(out[4] == '-' && out[10] == 'T' && out[19] == '.' && out[23] == 'Z');
    ck_assert(memcmp(out + 24, " INFO  raft: x\n", 15) == 0);
    static char text[LONG];
    memset(text, 'x', sizeof text - 1);
    len = written(text, out, sizeof out);
    ck_assert_uint_lt(len, LONG);
    ck_assert_msg(out[len - 1] == '\n', "a line that is cut ends, too");
}
END_TEST

UNIT_MAIN("log", what_is_below_the_level_is_not_even_formatted, no_sink_is_a_sink,
          a_line_has_its_form, a_peer_cannot_forge_a_line, long_lines_are_cut,
          stderr_gets_the_time_and_one_newline)
