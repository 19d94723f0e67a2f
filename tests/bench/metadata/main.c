/* What a large metadata image costs: `make bench-metadata`.
 *
 *     metadata [--partitions N] [--seconds S] [--dir DIR] [--only replay,restart,deltas,commits]
 *
 * 1. replay: N partition records, encoded and in batches as they stand in the log, into an image.
 *    At N = 1,000,000: at most 1 s (the best of three) and 200 MB.
 * 2. restart: the same from a log on disk, by a controller's node that starts: recovery (every
 *    batch is read and its CRC checked), then reading again what is committed, decoding, applying.
 *    At most 1 s, all threads together.
 * 3. deltas: one partition of that image changes; the next image is made, compared with the last,
 *    and the last is let go, as a broker does for each batch. At most 5 ms, the worst of many.
 * 4. commits: a controller's node with a real log (fdatasync) commits one change after the other,
 *    alone and while snapshots of the image are written, for S seconds each at least. A snapshot
 *    may delay a commit by at most 5 ms.
 *
 * What waits for nothing is timed by the processor time that it takes, so that other programs on
 * the machine do not count. The exit status is 1 if a limit is missed. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "store/store.h"
#include "tests/bench/metadata/bench.h"

void bench_judge(struct bench *b, const char *what, double value, double limit, const char *unit)
{
    bool ok = value <= limit;
    printf("%-44s %10.2f %-3s (limit %.0f)%s\n", what, value, unit, limit, ok ? "" : "  MISSED");
    fflush(stdout);
    b->missed |= !ok;
}

int bench_compare(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a;
    int64_t y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static const struct {
    const char *name;
    void (*run)(struct bench *b);
} parts[] = {
    {"replay", bench_replay}, /* makes the image of the later ones */
    {"restart", bench_restart},
    {"deltas", bench_deltas},
    {"commits", bench_commits},
};

/* 0 for what is no number of that size. */
static int32_t read_number(const char *text)
{
    char *end;
    long long value = strtoll(text, &end, 10);
    return *end != '\0' || value < 0 || value > 100000000 ? 0 : (int32_t)value;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {{"partitions", required_argument, NULL, 'p'},
                                            {"seconds", required_argument, NULL, 's'},
                                            {"dir", required_argument, NULL, 'd'},
                                            {"only", required_argument, NULL, 'o'},
                                            {NULL, 0, NULL, 0}};
    struct bench b = {.partitions = 1000000, .seconds = 10};
    char dir[] = "build/bench-metadata-XXXXXX";
    const char *only = NULL;
    int option;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (option) {
        case 'p':
            b.partitions = read_number(optarg);
            break;
        case 's':
            b.seconds = read_number(optarg);
            break;
        case 'd':
            b.dir = optarg;
            break;
        case 'o':
            only = optarg;
            break;
        default:
            fprintf(stderr, "usage: %s [--partitions N] [--seconds S] [--dir DIR] [--only PARTS]\n",
                    argv[0]);
            return 2;
        }
    }
    bool made = b.dir == NULL;
    b.dir = made ? mkdtemp(dir) : b.dir;
    if (b.dir == NULL || b.partitions < TOPIC_PARTITIONS || b.seconds < 1) {
        fprintf(stderr, "metadata: no directory, fewer than %d partitions, or no time\n",
                TOPIC_PARTITIONS);
        return 2;
    }
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        if (i == 0 || only == NULL || strstr(only, parts[i].name) != NULL) {
            parts[i].run(&b);
        }
    }
    metadata_image_unref(b.image);
    if (made) {
        (void)!store_fs_remove_tree(store_fs_posix(), b.dir);
    }
    return b.missed ? 1 : 0;
}
