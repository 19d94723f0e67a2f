/* Commits of a controller's node, alone and while snapshots of the large image are written.
 *
 * One record after the other, each of them a change of a partition: made into the next image, as
 * the active controller does, appended, synced, committed. Both halves come in turn, a snapshot and
 * then as long without one, so that what other programs do to the machine falls on both.
 *
 * A commit waits for the loop and for the disk. Both are told apart: the processor time of the
 * loop's longest turn, in which nobody else counts, and the longest sync of the log. */
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "net/net.h"
#include "raft/node/node.h"
#include "store/store.h"
#include "tests/bench/metadata/bench.h"

enum { DELAY_MS_MAX = 5, FILES_MAX = 4096 };

/* The file system, with an eye on the syncs of the log. */
struct watched_fs {
    struct store_fs fs;
    struct store_fs_ops ops;
    bool is_log[FILES_MAX]; /* by descriptor */
    int64_t sync_us_max;
};

/* What one half is about. */
struct half {
    int64_t *samples; /* µs from append to commit */
    int count;
    int cap;
    int64_t took_us;
    int64_t turn_us_max; /* of processor time */
    int64_t sync_us_max;
};

struct commits {
    struct bench *bench;
    struct net_loop *loop;
    struct node *node;
    struct watched_fs disk;
    struct metadata_image *latest;
    int32_t claimed;
    int64_t next;
    int32_t last_epoch;
    int32_t number;   /* of the partition that is changed next */
    int64_t appended; /* offset of the record under way, −1: none */
    int64_t appended_us;
    struct half *half;
    bool writing;
    int written;
    struct metadata_snapshot *source;
    struct buf value;
};

static int64_t now_us(void)
{
    return bench_clock_us(CLOCK_MONOTONIC);
}

/* ---- the disk ---- */

static enum err watched_open(void *state, const char *path, uint32_t flags, int *fd)
{
    struct watched_fs *disk = state;
    size_t len = strlen(path);
    enum err e = store_fs_posix()->ops->open(store_fs_posix()->state, path, flags, fd);
    if (e == ERR_NONE && *fd < FILES_MAX) {
        disk->is_log[*fd] = len > 4 && strcmp(path + len - 4, ".log") == 0;
    }
    return e;
}

/* On the thread that writes the log, which is one. */
static enum err watched_sync(void *state, int fd)
{
    struct watched_fs *disk = state;
    int64_t start_us = now_us();
    enum err e = store_fs_posix()->ops->sync(store_fs_posix()->state, fd);
    int64_t took_us = now_us() - start_us;
    if (fd < FILES_MAX && disk->is_log[fd] &&
        took_us > __atomic_load_n(&disk->sync_us_max, __ATOMIC_RELAXED)) {
        __atomic_store_n(&disk->sync_us_max, took_us, __ATOMIC_RELAXED);
    }
    return e;
}

/* The real one has no state, so that ours can take its place. */
static void watch(struct watched_fs *disk)
{
    ASSERT(store_fs_posix()->state == NULL);
    disk->ops = *store_fs_posix()->ops;
    disk->ops.open = watched_open;
    disk->ops.sync = watched_sync;
    disk->fs = (struct store_fs){&disk->ops, disk};
}

/* ---- snapshots ---- */

static bool next_value(void *arg, struct slice *value)
{
    struct commits *c = arg;
    struct metadata_record record;
    if (!metadata_snapshot_next(c->source, &record)) {
        return false;
    }
    buf_reset(&c->value);
    metadata_record_encode(&record, &c->value);
    *value = buf_slice(&c->value);
    return true;
}

static void close_source(void *arg)
{
    metadata_snapshot_end(((struct commits *)arg)->source);
}

static void written(void *arg, enum err e)
{
    struct commits *c = arg;
    ASSERT(e == ERR_NONE);
    c->writing = false;
    c->written++;
}

static void begin_snapshot(struct commits *c)
{
    struct node_snapshot_place place = {c->next, c->last_epoch, 1};
    c->source = metadata_snapshot_begin(c->latest);
    c->writing = true;
    enum err e = node_snapshot_write(
        c->node, &place,
        &(struct node_snapshot_source){
            .arg = c, .next = next_value, .close = close_source, .done = written});
    ASSERT(e == ERR_NONE);
}

/* ---- commits ---- */

static void append_one(struct commits *c)
{
    struct bench_log log = {0};
    c->number = (c->number + 7919) % c->bench->partitions;
    bench_log_change(&log, c->latest, c->number);
    const struct bench_batch *batch = &log.batches[0];
    c->appended_us = now_us();
    struct metadata_image *next = bench_apply(c->latest, batch->values, 1);
    metadata_image_unref(c->latest);
    c->latest = next;
    struct node_records records = {batch->values, 1, net_wall_ms(c->loop)};
    enum err e = node_append(c->node, c->claimed, &records, &c->appended);
    ASSERT(e == ERR_NONE);
    bench_log_fini(&log);
}

static void on_commit(void *arg, const struct node_batch *batch)
{
    struct commits *c = arg;
    c->next = batch->last_offset + 1;
    c->last_epoch = batch->epoch;
    if (c->appended < 0 || batch->base_offset != c->appended) {
        return;
    }
    struct half *half = c->half;
    if (half->count == half->cap) {
        half->cap = half->cap == 0 ? 4096 : half->cap * 2;
        half->samples = mem_realloc(half->samples, (size_t)half->cap * sizeof *half->samples);
    }
    half->samples[half->count++] = now_us() - c->appended_us;
    c->appended = -1;
}

static void turn(struct commits *c)
{
    int64_t start_us = bench_clock_us(CLOCK_THREAD_CPUTIME_ID);
    if (c->appended < 0) {
        append_one(c);
    }
    net_loop_step(c->loop, 10);
    int64_t took_us = bench_clock_us(CLOCK_THREAD_CPUTIME_ID) - start_us;
    c->half->turn_us_max = max_i64(c->half->turn_us_max, took_us);
}

/* Until the snapshot is written, or without one for `for_us`. */
static void run(struct commits *c, struct half *half, bool snapshot, int64_t for_us)
{
    int64_t start_us = now_us();
    c->half = half;
    __atomic_store_n(&c->disk.sync_us_max, 0, __ATOMIC_RELAXED);
    if (snapshot) {
        begin_snapshot(c);
    }
    while (snapshot ? c->writing : now_us() - start_us < for_us) {
        turn(c);
    }
    while (c->appended >= 0) {
        net_loop_step(c->loop, 10);
    }
    half->took_us += now_us() - start_us;
    half->sync_us_max =
        max_i64(half->sync_us_max, __atomic_load_n(&c->disk.sync_us_max, __ATOMIC_RELAXED));
}

/* ---- the figures ---- */

static double at_ms(const struct half *half, double share)
{
    return (double)half->samples[(size_t)((double)(half->count - 1) * share)] / 1000;
}

static void print_half(const char *name, const struct half *half)
{
    printf("  %-26s %8.2f %8.2f %8.2f %8.2f %8.2f %8.2f  ms, of %d\n", name, at_ms(half, 0.5),
           at_ms(half, 0.99), at_ms(half, 0.999), at_ms(half, 1), (double)half->turn_us_max / 1000,
           (double)half->sync_us_max / 1000, half->count);
}

/* Where even the log alone makes somebody wait for longer than the limit, the longest delay says
 * something of the machine only. */
static void judge(struct bench *b, const struct half *alone, const struct half *beside)
{
    bench_judge(b, "delay by a snapshot, at the median", at_ms(beside, 0.5) - at_ms(alone, 0.5),
                DELAY_MS_MAX, "ms");
    bench_judge(b, "delay by a snapshot, at the 99th percentile",
                at_ms(beside, 0.99) - at_ms(alone, 0.99), DELAY_MS_MAX, "ms");
    bench_judge(b, "longest turn of the loop, processor time", (double)beside->turn_us_max / 1000,
                DELAY_MS_MAX, "ms");
    double longest = at_ms(beside, 1) - at_ms(alone, 1);
    if (at_ms(alone, 1) <= DELAY_MS_MAX) {
        bench_judge(b, "delay by a snapshot, the longest", longest, DELAY_MS_MAX, "ms");
    } else {
        printf("%-44s %10.2f ms  (a busy machine: %.0f ms without a snapshot)\n",
               "delay by a snapshot, the longest", longest, at_ms(alone, 1));
    }
}

static void on_claim(void *arg, int32_t epoch, int64_t next_offset)
{
    (void)next_offset;
    ((struct commits *)arg)->claimed = epoch;
}

static void open_node(struct commits *c, const char *dir, struct log *log)
{
    struct node_voter self = {.id = 1, .host = "127.0.0.1", .port = 19999};
    struct node_options options = {
        .loop = c->loop,
        .fs = &c->disk.fs,
        .dir = dir,
        .node_id = 1,
        .cluster_id = "bench",
        .is_controller = true,
        .voters = &self,
        .voter_count = 1,
        .timers = {.election_timeout_ms = 50},
        .log = log,
        .listener = {.arg = c, .on_commit = on_commit, .on_claim = on_claim}};
    if (node_new(&options, &c->node) != ERR_NONE) {
        exit(2);
    }
    node_start(c->node);
    while (c->claimed == 0) {
        net_loop_step(c->loop, 10);
    }
}

void bench_commits(struct bench *b)
{
    char dir[256];
    snprintf(dir, sizeof dir, "%s/commits", b->dir);
    enum err made = store_fs_mkdir(store_fs_posix(), dir);
    ASSERT(made == ERR_NONE);
    struct log log = {LOG_ERROR, log_to_stderr, NULL};
    struct commits *c = MEM_NEW(struct commits);
    struct half alone = {0};
    struct half beside = {0};
    *c = (struct commits){.bench = b, .loop = net_loop_new(NULL), .appended = -1};
    c->latest = metadata_image_ref(b->image);
    watch(&c->disk);
    open_node(c, dir, &log);
    while (beside.took_us < (int64_t)b->seconds * 1000000) {
        run(c, &beside, true, 0);
        run(c, &alone, false, beside.took_us - alone.took_us);
    }
    qsort(alone.samples, (size_t)alone.count, sizeof *alone.samples, bench_compare);
    qsort(beside.samples, (size_t)beside.count, sizeof *beside.samples, bench_compare);
    printf("%-28s %8s %8s %8s %8s %8s %8s\n", "commits", "p50", "p99", "p99.9", "longest", "turn",
           "sync");
    print_half("alone", &alone);
    print_half("while one is written", &beside);
    printf("%-44s %10d in %.1f s\n", "snapshots written", c->written, (double)beside.took_us / 1e6);
    judge(b, &alone, &beside);
    node_free(c->node);
    net_loop_step(c->loop, 0);
    net_loop_free(c->loop);
    metadata_image_unref(c->latest);
    buf_fini(&c->value);
    mem_free(alone.samples);
    mem_free(beside.samples);
    mem_free(c);
    (void)!store_fs_remove_tree(store_fs_posix(), dir);
}
