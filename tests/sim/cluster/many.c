/* Many runs: processes that take turns at the seeds, and the sum of what they saw.
 *
 * A worker that dies (an assertion, a sanitizer) says nothing itself: the parent knows which seed
 * it was at from memory that they share. */
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/sim/cluster/command.h"

/* Of so many seeds, one is run again: its trace must be the same. */
enum { TWICE_EVERY = 20, JOBS_MAX = 64 };

/* One worker's part of the shared memory. */
struct worker {
    pid_t pid;
    uint64_t seed; /* being run */
    bool failed;
    struct sim_cluster_report sum;
};

struct shared {
    _Atomic uint64_t next;
    _Atomic bool stop;
    struct worker workers[JOBS_MAX];
};

static double now_s(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* ---- a worker ---- */

static void run_seed(const struct command *c, uint64_t seed, struct worker *w)
{
    struct sim_scenario s;
    struct buf why = {0};
    struct sim_cluster_options options = {.scenario = &s};
    enum err e = command_scenario(c, seed, &s, &why);
    e = e == ERR_NONE ? sim_cluster_run(&options, &w->sum, &why) : e;
    uint64_t hash = w->sum.hash;
    if (e == ERR_NONE && !w->sum.failed && (c->twice || seed % TWICE_EVERY == 0)) {
        e = sim_cluster_run(&options, &w->sum, &why);
        if (e == ERR_NONE && w->sum.hash != hash) {
            w->sum.failed = true;
            snprintf(w->sum.failure, sizeof w->sum.failure, "two runs of the seed differ");
        }
    }
    if (e != ERR_NONE) {
        w->sum.failed = true;
        snprintf(w->sum.failure, sizeof w->sum.failure, "%.*s", SLICE_ARG(buf_slice(&why)));
    }
    sim_scenario_fini(&s);
    buf_fini(&why);
}

static void work(const struct command *c, struct shared *shared, struct worker *w, double until_s)
{
    while (!shared->stop && (c->seconds == 0 || now_s() < until_s)) {
        uint64_t number = shared->next++;
        if (number >= c->count) {
            break;
        }
        w->seed = c->first + number;
        run_seed(c, w->seed, w);
        if (w->sum.failed) {
            w->failed = true;
            shared->stop = true;
            command_tell_failure(c, w->seed, &w->sum);
            break;
        }
    }
}

/* ---- the parent ---- */

static void add_report(struct sim_cluster_report *sum, const struct sim_cluster_report *one)
{
    sum->runs += one->runs;
    sum->simulated_us += one->simulated_us;
    sum->events += one->events;
    sum->checks += one->checks;
    sum->converged_us_max = max_i64(sum->converged_us_max, one->converged_us_max);
    for (int i = 0; i < one->tally_count; i++) {
        sim_tally(sum, one->tallies[i].name, one->tallies[i].count);
    }
}

static bool end_of(const struct command *c, struct shared *shared, pid_t pid, int status)
{
    struct worker *w = shared->workers;
    while (w->pid != pid) {
        w++;
    }
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
        return !w->failed;
    }
    shared->stop = true;
    w->sum.failed_us = 0;
    snprintf(w->sum.failure, sizeof w->sum.failure, "the process ended: %s",
             WIFSIGNALED(status) ? strsignal(WTERMSIG(status)) : "see above");
    command_tell_failure(c, w->seed, &w->sum);
    return false;
}

static bool wait_for_all(const struct command *c, struct shared *shared)
{
    bool ok = true;
    for (uint64_t left = c->jobs; left > 0; left--) {
        int status = 0;
        pid_t pid = wait(&status);
        ok = end_of(c, shared, pid, status) && ok;
    }
    return ok;
}

int command_many(const struct command *c)
{
    struct command fixed = *c;
    fixed.jobs = c->jobs < JOBS_MAX ? c->jobs : JOBS_MAX;
    struct shared *shared =
        mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED) {
        perror("mmap");
        return 1;
    }
    double begin_s = now_s();
    for (uint64_t i = 0; i < fixed.jobs; i++) {
        struct worker *w = &shared->workers[i];
        fflush(stdout);
        pid_t pid = fork();
        if (pid == 0) {
            work(&fixed, shared, w, begin_s + (double)c->seconds);
            exit(0);
        }
        w->pid = pid;
    }
    bool ok = wait_for_all(&fixed, shared);
    struct sim_cluster_report *sum = calloc(1, sizeof *sum);
    for (uint64_t i = 0; i < fixed.jobs; i++) {
        add_report(sum, &shared->workers[i].sum);
    }
    bool enough = command_report(sum, now_s() - begin_s);
    free(sum);
    munmap(shared, sizeof *shared);
    return ok && enough ? 0 : 1;
}
