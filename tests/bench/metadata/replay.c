/* Records into an image: all of them, and one more. */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "tests/bench/metadata/bench.h"

enum {
    REPLAYS = 3,
    REPLAY_MS_MAX = 1000,
    MEMORY_MB_MAX = 200,
    DELTAS = 2000,
    DELTA_MS_MAX = 5,
};

static int64_t cpu_us(void)
{
    return bench_clock_us(CLOCK_THREAD_CPUTIME_ID);
}

static size_t heap_bytes(void)
{
    struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

static struct metadata_image *replay_all(const struct bench_log *log)
{
    struct metadata_image *image = metadata_image_new(slice_str("bench"));
    int64_t offset = 0;
    for (int i = 0; i < log->count; i++) {
        const struct bench_batch *batch = &log->batches[i];
        bench_apply_onto(&image, batch->values, batch->count, offset);
        offset += batch->count;
    }
    return image;
}

void bench_replay(struct bench *b)
{
    struct bench_log log = {0};
    bench_log_fill(&log, b->partitions);
    size_t before = heap_bytes();
    int64_t took_us = INT64_MAX;
    for (int i = 0; i < REPLAYS; i++) {
        metadata_image_unref(b->image);
        int64_t start_us = cpu_us();
        b->image = replay_all(&log);
        took_us = min_i64(took_us, cpu_us() - start_us);
    }
    size_t bytes = heap_bytes() - before;
    double share = b->partitions / 1e6;
    printf("%d partitions in %zu topics, 3 replicas each, %d brokers\n", b->partitions,
           metadata_topic_count(b->image), BROKERS);
    bench_judge(b, "replay of the partition records", (double)took_us / 1000, REPLAY_MS_MAX * share,
                "ms");
    bench_judge(b, "memory of the image", (double)bytes / 1e6, MEMORY_MB_MAX * share, "MB");
    bench_log_fini(&log);
}

/* ---- a delta ---- */

static void count_partition(void *arg, const struct metadata_partition_diff *diff)
{
    (void)diff;
    (*(int *)arg)++;
}

static int64_t change_one(struct bench *b, int32_t number)
{
    struct bench_log log = {0};
    int changes = 0;
    struct metadata_visitor visitor = {.arg = &changes, .partition = count_partition};
    bench_log_change(&log, b->image, number);
    int64_t start_us = cpu_us();
    struct metadata_image *next = bench_apply(b->image, log.batches[0].values, 1);
    metadata_diff(b->image, next, &visitor);
    metadata_image_unref(b->image);
    int64_t took_us = cpu_us() - start_us;
    b->image = next;
    ASSERT(changes == 1);
    bench_log_fini(&log);
    return took_us;
}

void bench_deltas(struct bench *b)
{
    int64_t *took_us = mem_zalloc(DELTAS, sizeof *took_us);
    for (int i = 0; i < DELTAS; i++) {
        took_us[i] = change_one(b, (int32_t)((int64_t)i * 7919 % b->partitions));
    }
    qsort(took_us, DELTAS, sizeof *took_us, bench_compare);
    printf("%-44s %10.3f ms\n", "one delta, median", (double)took_us[DELTAS / 2] / 1000);
    bench_judge(b, "one delta, the slowest", (double)took_us[DELTAS - 1] / 1000, DELTA_MS_MAX,
                "ms");
    mem_free(took_us);
}
