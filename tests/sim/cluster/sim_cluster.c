/* sim_cluster: simulates whole clusters, one per seed, and checks them. See sim/cluster/cluster.h.
 *
 *     sim_cluster --seeds 200               seeds 1 to 200
 *     sim_cluster --seconds 60 --jobs 2     as many seeds as fit, on two cores
 *     sim_cluster --seed 17 -v              one seed with its trace; -vv: with all logs
 *     sim_cluster --seed 17 --print-scenario
 *     sim_cluster --scenario FILE [-v]
 *     sim_cluster --scenario FILE --seeds 20      with other seeds than its own
 *
 * Now and then a seed is run a second time and must leave the same trace; --twice does it always.
 * Exit status 1 and one command that replays it when a run fails; status 2 for a wrong command. */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "sim/cluster/cluster.h"
#include "store/store.h"
#include "tests/sim/cluster/command.h"

static int usage(const char *program)
{
    fprintf(stderr,
            "usage: %s [--seed FIRST] [--seeds COUNT | --seconds S] [--jobs N] [--twice]\n"
            "       %s [--scenario FILE] [--seed N] [--print-scenario] [-v[v]]\n",
            program, program);
    return 2;
}

static const struct option options[] = {
    {"seed", required_argument, NULL, 's'},     {"seeds", required_argument, NULL, 'n'},
    {"seconds", required_argument, NULL, 'd'},  {"jobs", required_argument, NULL, 'j'},
    {"scenario", required_argument, NULL, 'f'}, {"print-scenario", no_argument, NULL, 'p'},
    {"twice", no_argument, NULL, 't'},          {NULL, 0, NULL, 0}};

static bool read_number(const char *text, uint64_t *out)
{
    char *end = NULL;
    *out = strtoull(text, &end, 10);
    return end != text && *end == '\0';
}

/* False: unknown or wrong. */
static bool take_option(struct command *c, int option, const char *text)
{
    switch (option) {
    case 's':
        return read_number(text, &c->first);
    case 'n':
        return read_number(text, &c->count);
    case 'd':
        c->count = UINT64_MAX;
        return read_number(text, &c->seconds);
    case 'j':
        return read_number(text, &c->jobs) && c->jobs > 0;
    case 'f':
        c->file = text;
        return true;
    case 'p':
        c->print = true;
        return true;
    case 't':
        c->twice = true;
        return true;
    case 'v':
        c->verbose++;
        return true;
    default:
        return false;
    }
}

int main(int argc, char **argv)
{
    struct command c = {.program = argv[0], .count = 0, .jobs = 1};
    int option;
    setvbuf(stdout, NULL, _IOLBF, 0);
    while ((option = getopt_long(argc, argv, "v", options, NULL)) != -1) {
        if (!take_option(&c, option, optarg)) {
            return usage(argv[0]);
        }
    }
    c.first = c.first == 0 && (c.file == NULL || c.count > 0) ? 1 : c.first;
    if (c.count == 0 && (c.file != NULL || c.print || c.verbose > 0)) {
        return command_one(&c);
    }
    c.count = c.count == 0 ? 1 : c.count;
    return command_many(&c);
}
