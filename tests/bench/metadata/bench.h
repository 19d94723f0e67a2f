/* What the parts of the bench of large metadata images share. */
#ifndef TESTS_BENCH_METADATA_BENCH_H
#define TESTS_BENCH_METADATA_BENCH_H

#include <time.h>

#include "metadata/metadata.h"

enum { TOPIC_PARTITIONS = 100, BROKERS = 100 };

struct bench {
    int32_t partitions;
    int seconds; /* of each half of the commits */
    const char *dir;
    struct metadata_image *image; /* of replay, for those that come later */
    bool missed;                  /* a limit, any of them */
};

/* Prints the figure, and whether it is within its limit. */
void bench_judge(struct bench *b, const char *what, double value, double limit, const char *unit);

static inline int64_t bench_clock_us(clockid_t clock)
{
    struct timespec ts;
    clock_gettime(clock, &ts);
    return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

/* Ascending, for qsort() of int64_t. */
int bench_compare(const void *a, const void *b);

/* ---- records (records.c) ---- */

/* Records as they stand in the log, a batch at a time. */
struct bench_batch {
    struct buf bytes;
    struct slice *values;
    int count;
};

struct bench_log {
    struct bench_batch *batches;
    int count;
    int cap;
};

/* Brokers, topics and their partitions, three replicas each. */
void bench_log_fill(struct bench_log *log, int32_t partitions);

/* Another leader and a smaller ISR for one of those partitions, by the image that has it. */
void bench_log_change(struct bench_log *log, const struct metadata_image *image, int32_t number);

void bench_log_fini(struct bench_log *log);

/* metadata_replay_batch_onto(); exits if the records do not fit. */
void bench_apply_onto(struct metadata_image **image, const struct slice *values, int count,
                      int64_t base_offset);

/* The next image, the caller's; `image` stays. */
struct metadata_image *bench_apply(const struct metadata_image *image, const struct slice *values,
                                   int count);

/* ---- the measurements, in this order ---- */

void bench_replay(struct bench *b);  /* replay.c */
void bench_restart(struct bench *b); /* restart.c */
void bench_deltas(struct bench *b);  /* replay.c */
void bench_commits(struct bench *b); /* commits.c */

#endif
