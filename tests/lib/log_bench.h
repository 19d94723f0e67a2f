/* A log on a file system that fails on purpose, for tests. */
#ifndef TESTS_LIB_LOG_BENCH_H
#define TESTS_LIB_LOG_BENCH_H

#include "store/store.h"
#include "tests/lib/batches.h"
#include "tests/lib/fault_fs.h"

#define LOG_BENCH_DIR "/data/topic-0"

struct log_bench {
    struct fault_fs *disk;
    const struct store_fs *fs;
    struct store_files *files;
    struct store_log *log; /* NULL: closed */
    struct store_log_options options;
    struct store_error why;
};

/* An empty disk with /data; small segments and indexes. Nothing is opened. */
void log_bench_init(struct log_bench *b, uint64_t seed);
void log_bench_fini(struct log_bench *b);

/* Opens with options.clean as given. */
enum err log_bench_open(struct log_bench *b, bool clean) MUST_USE;
void log_bench_close(struct log_bench *b); /* must succeed */

/* Crash, and open again as after one: with `recovery_point` from the checkpoint. */
void log_bench_crash(struct log_bench *b, enum fault_crash how, int64_t recovery_point);

/* Appends one batch at LEO with the epoch and timestamp. */
enum err log_bench_append(struct log_bench *b, int32_t records, int32_t epoch,
                          int64_t timestamp) MUST_USE;

/* All bytes of the log from `offset` to LEO, batch aligned, into `out`. */
void log_bench_read_all(struct log_bench *b, int64_t offset, struct buf *out);

#endif
