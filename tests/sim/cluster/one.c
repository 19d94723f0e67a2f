/* One run, with its trace if asked for. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "store/store.h"
#include "tests/sim/cluster/command.h"

enum { FILE_MAX_BYTES = 1 << 20, TAIL_LINES = 60, TAIL_LINE_MAX = 400 };

/* The last lines of the trace, for runs that fail and were not asked to tell all. */
struct tail {
    bool all;
    int64_t count;
    char lines[TAIL_LINES][TAIL_LINE_MAX];
};

static void on_line(void *arg, const char *line)
{
    struct tail *tail = arg;
    if (tail->all) {
        puts(line);
    } else {
        snprintf(tail->lines[tail->count++ % TAIL_LINES], TAIL_LINE_MAX, "%s", line);
    }
}

static void print_tail(const struct tail *tail)
{
    for (int64_t i = max_i64(0, tail->count - TAIL_LINES); i < tail->count; i++) {
        puts(tail->lines[i % TAIL_LINES]);
    }
}

enum err command_scenario(const struct command *c, uint64_t seed, struct sim_scenario *s,
                          struct buf *why)
{
    struct buf text = {0};
    if (c->file == NULL) {
        sim_draw(s, seed);
        return ERR_NONE;
    }
    sim_scenario_init(s, 1);
    enum err e = store_fs_read_file(store_fs_posix(), c->file, FILE_MAX_BYTES, &text);
    if (e != ERR_NONE) {
        buf_printf(why, "%s: %s", c->file, err_text(e));
    } else {
        e = sim_scenario_parse(s, buf_slice(&text), why);
    }
    s->seed = seed == 0 ? s->seed : seed;
    buf_fini(&text);
    return e;
}

static enum err run(const struct command *c, const struct sim_scenario *s, struct tail *tail,
                    struct sim_cluster_report *report, struct buf *why)
{
    struct sim_cluster_options options = {
        .scenario = s, .trace = on_line, .trace_arg = tail, .debug = c->verbose > 1};
    return sim_cluster_run(&options, report, why);
}

static int print(const struct sim_scenario *s)
{
    struct buf text = {0};
    sim_scenario_print(s, &text);
    fwrite(text.data, 1, text.len, stdout);
    buf_fini(&text);
    return 0;
}

int command_one(const struct command *c)
{
    struct sim_scenario s = {0};
    struct sim_cluster_report *report = calloc(1, sizeof *report);
    struct tail *tail = calloc(1, sizeof *tail);
    struct buf why = {0};
    int status = 0;
    tail->all = c->verbose > 0;
    enum err e = command_scenario(c, c->first, &s, &why);
    if (e == ERR_NONE && c->print) {
        print(&s);
    } else if (e == ERR_NONE) {
        e = run(c, &s, tail, report, &why);
        printf("trace %016" PRIx64 "\n", report->hash);
    }
    if (e != ERR_NONE) {
        fprintf(stderr, "%.*s\n", SLICE_ARG(buf_slice(&why)));
        status = 2;
    } else if (report->failed) {
        print_tail(tail);
        command_tell_failure(c, s.seed, report);
        status = 1;
    } else if (!c->print) {
        command_report(report, 0);
    }
    buf_fini(&why);
    sim_scenario_fini(&s);
    free(tail);
    free(report);
    return status;
}

void command_tell_failure(const struct command *c, uint64_t seed,
                          const struct sim_cluster_report *report)
{
    printf("seed %" PRIu64 ": at %.6f s: %s\n", seed, (double)report->failed_us / 1e6,
           report->failure);
    printf("replay: %s%s%s --seed %" PRIu64 " -v\n", c->program,
           c->file != NULL ? " --scenario " : "", c->file != NULL ? c->file : "", seed);
}
