/* Scenarios: what happens to a simulated cluster, as text that people can read and change.
 *
 *     seed 17                       all chance that the lines leave open
 *     controllers 3                 machines controller-1 …, node ids from 3001
 *     voters 3                      the first voters, in the log (KIP-853); without it, the voters
 *                                   are all controllers, for good (controller.quorum.voters)
 *     brokers 3                     broker-1 …, node ids from 1
 *     clients 2                     client-1 …
 *     set broker-1 log.flush.interval.messages=1      also: set brokers, set controllers, set all
 *     converge 60s                  how long the healed cluster may take
 *     at 2.5s crash broker-2 power
 *     at 7s cut controller-1 -> broker-2
 *     at 60s heal
 *
 * Lines that begin with # are comments. Times and durations: 2s, 2.5s, 150ms, 20us, 3m. What an
 * order may be is said in orders.h. A seed is drawn as a scenario, too (draw.h), so that a seed
 * that fails can be printed, cut down and kept. */
#ifndef SIM_CLUSTER_SCENARIO_H
#define SIM_CLUSTER_SCENARIO_H

#include "base/buf.h"
#include "base/err.h"

enum { SIM_ARGS_MAX = 16 };

/* One line `at TIME …`. */
struct sim_order {
    int64_t at_us;
    int line; /* in its file; 0: drawn */
    int argc;
    char *argv[SIM_ARGS_MAX + 1]; /* NULL at the end */
};

struct sim_setting {
    char *who;
    char *pair; /* name=value */
};

struct sim_scenario {
    uint64_t seed;
    int controllers;
    int voters; /* 0: static */
    int brokers;
    int clients;
    int64_t converge_us;
    struct sim_setting *settings;
    int setting_count;
    struct sim_order *orders; /* by time; those of the same time as they were given */
    int order_count;
};

/* Three controllers, three brokers, two clients, nothing happens. */
void sim_scenario_init(struct sim_scenario *s, uint64_t seed);
void sim_scenario_fini(struct sim_scenario *s);

/* Reads a whole file into an initialised scenario. ERR_CONFIG: `why` says line and reason. What the
 * orders mean is checked when the world is made. */
enum err sim_scenario_parse(struct sim_scenario *s, struct slice text, struct buf *why) MUST_USE;

/* As sim_scenario_parse() reads it. */
void sim_scenario_print(const struct sim_scenario *s, struct buf *out);

void sim_scenario_set(struct sim_scenario *s, const char *who, const char *fmt, ...)
    PRINTF_LIKE(3, 4);

/* Adds `at AT …` behind the other orders of the same time. */
void sim_scenario_at(struct sim_scenario *s, int64_t at_us, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* "150ms"; false: that is none. */
bool sim_parse_time(const char *text, int64_t *us);

/* "1ms..5ms", or "5ms" for both. */
bool sim_parse_times(const char *text, int64_t *low_us, int64_t *high_us);

/* A whole number from 0 on. */
bool sim_parse_number(const char *text, int64_t *out);

/* The shortest text that sim_parse_time() reads back as the same. */
void sim_print_time(int64_t us, struct buf *out);

#endif
