/* What a large metadata image costs: `make bench-metadata`.
 *
 *     metadata [--partitions N] [--seconds S] [--dir DIR]
 *
 * 1. Replay: N partition records, encoded and in batches as they stand in the log, into an image.
 *    At N = 1,000,000: at most 1 s (the best of three) and 200 MB.
 * 2. Delta: one partition of that image changes; the next image is made, compared with the last,
 *    and the last is let go, as a broker does for each batch. At most 5 ms, the worst of many.
 *    Nothing waits in 1 and 2: they are timed by the processor time that they take, so that other
 *    programs on the machine do not count.
 * 3. Commits: a controller's node with a real log (fdatasync) commits small records one after the
 *    other, for S seconds alone and for S seconds while snapshots of the image are written one
 *    after the other. A snapshot may delay a commit by at most 5 ms: the 99th percentiles are
 *    compared, and the longest time that the loop itself was held up is told.
 *
 * The exit status is 1 if a limit is missed, so that a larger machine can be held to it. */
#include <getopt.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/mem.h"
#include "metadata/metadata.h"
#include "net/net.h"
#include "raft/node/node.h"
#include "store/store.h"

enum {
    BROKERS = 100,
    TOPIC_PARTITIONS = 100,
    BATCH_RECORDS = 1000,
    REPLAYS = 3,
    DELTAS = 2000,
    REPLAY_MS_MAX = 1000,
    MEMORY_MB_MAX = 200,
    DELTA_US_MAX = 5000,
    DELAY_US_MAX = 5000,
};

struct bench {
    int32_t partitions;
    int seconds;
    const char *dir;
    struct metadata_image *image;
    bool missed;
};

static int64_t clock_us(clockid_t clock)
{
    struct timespec ts;
    clock_gettime(clock, &ts);
    return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

static int64_t now_us(void)
{
    return clock_us(CLOCK_MONOTONIC);
}

static int64_t cpu_us(void)
{
    return clock_us(CLOCK_THREAD_CPUTIME_ID);
}

static size_t heap_bytes(void)
{
    struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

static void judge(struct bench *b, const char *what, double value, double limit, const char *unit)
{
    bool ok = value <= limit;
    printf("%-44s %10.2f %-3s (limit %.0f)%s\n", what, value, unit, limit, ok ? "" : "  MISSED");
    b->missed |= !ok;
}

/* ---- the records ---- */

/* One batch of the log. */
struct batch {
    struct buf bytes;
    struct slice *values;
    int count;
};

struct log_text {
    struct batch *batches;
    int count;
    int cap;
};

static void put(struct log_text *text, const struct metadata_record *record)
{
    struct batch *batch = text->count == 0 ? NULL : &text->batches[text->count - 1];
    if (batch == NULL || batch->count == BATCH_RECORDS) {
        if (text->count == text->cap) {
            text->cap = text->cap == 0 ? 64 : text->cap * 2;
            text->batches = mem_realloc(text->batches, (size_t)text->cap * sizeof *text->batches);
        }
        batch = &text->batches[text->count++];
        *batch = (struct batch){.values = mem_zalloc(BATCH_RECORDS, sizeof(struct slice))};
    }
    size_t start = batch->bytes.len;
    metadata_record_encode(record, &batch->bytes);
    /* Only the length for now: the bytes move while they grow. */
    batch->values[batch->count++] = slice_of(NULL, batch->bytes.len - start);
}

static void settle(struct log_text *text)
{
    for (int i = 0; i < text->count; i++) {
        const uint8_t *at = text->batches[i].bytes.data;
        for (int k = 0; k < text->batches[i].count; k++) {
            text->batches[i].values[k].data = at;
            at += text->batches[i].values[k].len;
        }
    }
}

static struct uuid dir_of(int32_t broker)
{
    return (struct uuid){0x5eed, (uint64_t)broker + 100};
}

static void put_brokers(struct log_text *text)
{
    for (int32_t id = 0; id < BROKERS; id++) {
        struct uuid dir = dir_of(id);
        put(text,
            &(struct metadata_record){.type = METADATA_RECORD_REGISTER_BROKER,
                                      .register_broker = {.broker_id = id,
                                                          .broker_epoch = id + 1,
                                                          .incarnation_id = {1, (uint64_t)id + 1},
                                                          .rack = SLICE_NULL,
                                                          .log_dirs = {&dir, 1}}});
    }
}

static void put_partition(struct log_text *text, struct uuid topic, int32_t index, int32_t number)
{
    int32_t replicas[3];
    struct uuid dirs[3];
    for (int i = 0; i < 3; i++) {
        replicas[i] = (number * 7 + i * 13) % BROKERS;
        dirs[i] = dir_of(replicas[i]);
    }
    put(text, &(struct metadata_record){.type = METADATA_RECORD_PARTITION,
                                        .partition = {.partition_id = index,
                                                      .topic_id = topic,
                                                      .replicas = {replicas, 3},
                                                      .isr = {replicas, 3},
                                                      .directories = {dirs, 3},
                                                      .leader = replicas[0]}});
}

static void put_topics(struct log_text *text, int32_t partitions)
{
    struct uuid topic = {0};
    for (int32_t i = 0; i < partitions; i++) {
        if (i % TOPIC_PARTITIONS == 0) {
            char name[32];
            snprintf(name, sizeof name, "topic-%06d", i / TOPIC_PARTITIONS);
            topic = (struct uuid){(uint64_t)i * 0x9e3779b97f4a7c15u | 1, (uint64_t)i + 1000};
            put(text,
                &(struct metadata_record){.type = METADATA_RECORD_TOPIC,
                                          .topic = {.name = slice_str(name), .topic_id = topic}});
        }
        put_partition(text, topic, i % TOPIC_PARTITIONS, i);
    }
}

static void free_text(struct log_text *text)
{
    for (int i = 0; i < text->count; i++) {
        buf_fini(&text->batches[i].bytes);
        mem_free(text->batches[i].values);
    }
    mem_free(text->batches);
}

/* ---- 1. replay ---- */

static struct metadata_image *apply(const struct metadata_image *image, const struct batch *batch,
                                    int64_t offset)
{
    struct metadata_batch records = {.base_offset = offset,
                                     .last_offset = offset + batch->count - 1,
                                     .epoch = 1,
                                     .timestamp_ms = 1,
                                     .values = batch->values,
                                     .count = batch->count};
    struct metadata_image *next;
    struct buf why = {0};
    if (metadata_replay_batch(image, &records, &next, &why) != ERR_NONE) {
        fprintf(stderr, "%.*s\n", (int)why.len, (const char *)why.data);
        exit(2);
    }
    return next;
}

static struct metadata_image *replay_all(const struct log_text *text)
{
    struct metadata_image *image = metadata_image_new(slice_str("bench"));
    int64_t offset = 0;
    for (int i = 0; i < text->count; i++) {
        struct metadata_image *next = apply(image, &text->batches[i], offset);
        offset += text->batches[i].count;
        metadata_image_unref(image);
        image = next;
    }
    return image;
}

static void replay(struct bench *b)
{
    struct log_text text = {0};
    put_brokers(&text);
    put_topics(&text, b->partitions);
    settle(&text);
    size_t before = heap_bytes();
    struct metadata_image *image = NULL;
    int64_t took_us = INT64_MAX;
    for (int i = 0; i < REPLAYS; i++) {
        metadata_image_unref(image);
        int64_t start_us = cpu_us();
        image = replay_all(&text);
        took_us = min_i64(took_us, cpu_us() - start_us);
    }
    size_t bytes = heap_bytes() - before;
    double share = b->partitions / 1e6;
    printf("%d partitions in %zu topics, 3 replicas each, %d brokers\n", b->partitions,
           metadata_topic_count(image), BROKERS);
    judge(b, "replay of the partition records", (double)took_us / 1000, REPLAY_MS_MAX * share,
          "ms");
    judge(b, "memory of the image", (double)bytes / 1e6, MEMORY_MB_MAX * share, "MB");
    b->image = image;
    free_text(&text);
}

/* ---- 2. a delta ---- */

static void count_partition(void *arg, const struct metadata_partition_diff *diff)
{
    (void)diff;
    (*(int *)arg)++;
}

static int compare_us(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a;
    int64_t y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static void change_one(struct bench *b, int32_t number, int64_t *took_us)
{
    struct log_text text = {0};
    char name[32];
    snprintf(name, sizeof name, "topic-%06d", number / TOPIC_PARTITIONS);
    const struct metadata_topic *topic = metadata_topic_by_name(b->image, slice_str(name));
    struct metadata_ids replicas =
        metadata_replicas(metadata_partition(topic, number % TOPIC_PARTITIONS));
    int32_t isr[2] = {replicas.items[1], replicas.items[2]};
    struct metadata_record record = {
        .type = METADATA_RECORD_PARTITION_CHANGE,
        .partition_change = METADATA_PARTITION_CHANGE(topic->id, number % TOPIC_PARTITIONS)};
    record.partition_change.has_isr = true;
    record.partition_change.isr = (struct metadata_ids){isr, 2};
    record.partition_change.leader = isr[0];
    put(&text, &record);
    settle(&text);

    int changes = 0;
    struct metadata_visitor visitor = {.arg = &changes, .partition = count_partition};
    int64_t start_us = cpu_us();
    struct metadata_image *next =
        apply(b->image, &text.batches[0], metadata_image_offset(b->image) + 1);
    metadata_diff(b->image, next, &visitor);
    metadata_image_unref(b->image);
    *took_us = cpu_us() - start_us;
    b->image = next;
    ASSERT(changes == 1);
    free_text(&text);
}

static void deltas(struct bench *b)
{
    int64_t *took_us = mem_zalloc(DELTAS, sizeof *took_us);
    for (int i = 0; i < DELTAS; i++) {
        change_one(b, (int32_t)((int64_t)i * 7919 % b->partitions), &took_us[i]);
    }
    qsort(took_us, DELTAS, sizeof *took_us, compare_us);
    printf("%-44s %10.3f ms\n", "one delta, median", (double)took_us[DELTAS / 2] / 1000);
    judge(b, "one delta, the slowest", (double)took_us[DELTAS - 1] / 1000, DELTA_US_MAX / 1000.0,
          "ms");
    mem_free(took_us);
}

/* ---- 3. commits ---- */

struct commits {
    struct bench *bench;
    struct net_loop *loop;
    struct node *node;
    int32_t claimed;
    int64_t next;
    int32_t last_epoch;
    int64_t appended; /* offset of the record under way, −1: none */
    int64_t appended_us;
    int64_t *samples;
    int count;
    int cap;
    int64_t stall_us; /* the longest turn of the loop but for waiting */
    bool snapshots;
    bool writing;
    int written;
    struct metadata_snapshot *source;
    struct buf value;
};

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

static void maybe_snapshot(struct commits *c)
{
    if (!c->snapshots || c->writing) {
        return;
    }
    struct node_snapshot_place place = {c->next, c->last_epoch, 1};
    c->source = metadata_snapshot_begin(c->bench->image);
    c->writing = true;
    enum err e = node_snapshot_write(
        c->node, &place,
        &(struct node_snapshot_source){
            .arg = c, .next = next_value, .close = close_source, .done = written});
    ASSERT(e == ERR_NONE);
}

static void append_one(struct commits *c)
{
    struct slice value = slice_str("a small record of some fifty bytes, as most are....");
    struct node_records records = {&value, 1, net_wall_ms(c->loop)};
    c->appended_us = now_us();
    enum err e = node_append(c->node, c->claimed, &records, &c->appended);
    ASSERT(e == ERR_NONE);
}

static void on_commit(void *arg, const struct node_batch *batch)
{
    struct commits *c = arg;
    c->next = batch->last_offset + 1;
    c->last_epoch = batch->epoch;
    if (c->appended < 0 || batch->base_offset != c->appended) {
        return;
    }
    if (c->count == c->cap) {
        c->cap = c->cap == 0 ? 4096 : c->cap * 2;
        c->samples = mem_realloc(c->samples, (size_t)c->cap * sizeof *c->samples);
    }
    c->samples[c->count++] = now_us() - c->appended_us;
    c->appended = -1;
}

static void on_claim(void *arg, int32_t epoch, int64_t next_offset)
{
    (void)next_offset;
    ((struct commits *)arg)->claimed = epoch;
}

static void open_node(struct commits *c, struct log *log)
{
    struct node_voter self = {.id = 1, .host = "127.0.0.1", .port = 19999};
    struct node_options options = {
        .loop = c->loop,
        .fs = store_fs_posix(),
        .dir = c->bench->dir,
        .node_id = 1,
        .cluster_id = "bench",
        .is_controller = true,
        .voters = &self,
        .voter_count = 1,
        .timers = {.election_timeout_ms = 50},
        .log = log,
        .listener = {.arg = c, .on_commit = on_commit, .on_claim = on_claim}};
    c->appended = -1;
    if (node_new(&options, &c->node) != ERR_NONE) {
        exit(2);
    }
    node_start(c->node);
    while (c->claimed == 0) {
        net_loop_step(c->loop, 10);
    }
}

/* One record after the other; the percentiles go to `out`: 50, 99, 99.9, worst. */
static void measure(struct commits *c, bool snapshots, int64_t out[4])
{
    int64_t until_us = now_us() + (int64_t)c->bench->seconds * 1000000;
    c->count = 0;
    c->stall_us = 0;
    c->snapshots = snapshots;
    while (now_us() < until_us || c->writing || c->appended >= 0) {
        bool over = now_us() >= until_us;
        c->snapshots = snapshots && !over;
        maybe_snapshot(c);
        if (c->appended < 0 && !over) {
            append_one(c);
        }
        net_loop_step(c->loop, 0);
        int64_t start_us = now_us();
        net_loop_step(c->loop, 0);
        c->stall_us = max_i64(c->stall_us, now_us() - start_us);
    }
    qsort(c->samples, (size_t)c->count, sizeof *c->samples, compare_us);
    static const double at[4] = {0.5, 0.99, 0.999, 1};
    for (int i = 0; i < 4; i++) {
        out[i] = c->samples[(size_t)((double)(c->count - 1) * at[i])];
    }
}

static void commits(struct bench *b)
{
    struct log log = {LOG_ERROR, log_to_stderr, NULL};
    struct commits c = {.bench = b, .loop = net_loop_new(NULL)};
    int64_t alone[4];
    int64_t beside[4];
    open_node(&c, &log);
    measure(&c, false, alone);
    int count = c.count;
    measure(&c, true, beside);
    printf("%-44s %8s %8s %8s %8s  us\n", "commits", "p50", "p99", "p99.9", "worst");
    printf("  %-42s %8" PRId64 " %8" PRId64 " %8" PRId64 " %8" PRId64 "  of %d\n", "alone",
           alone[0], alone[1], alone[2], alone[3], count);
    printf("  %-42s %8" PRId64 " %8" PRId64 " %8" PRId64 " %8" PRId64 "  of %d\n",
           "while snapshots are written", beside[0], beside[1], beside[2], beside[3], c.count);
    printf("%-44s %10d, longest turn of the loop %.2f ms\n", "snapshots written", c.written,
           (double)c.stall_us / 1000);
    judge(b, "delay of a commit, at the median", (double)(beside[0] - alone[0]) / 1000,
          DELAY_US_MAX / 1000.0, "ms");
    judge(b, "delay of a commit, at the 99th percentile", (double)(beside[1] - alone[1]) / 1000,
          DELAY_US_MAX / 1000.0, "ms");
    node_free(c.node);
    for (int i = 0; i < 20; i++) {
        net_loop_step(c.loop, 1);
    }
    net_loop_free(c.loop);
    buf_fini(&c.value);
    mem_free(c.samples);
}

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
                                            {NULL, 0, NULL, 0}};
    struct bench b = {.partitions = 1000000, .seconds = 10};
    char dir[] = "build/bench-metadata-XXXXXX";
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
        default:
            fprintf(stderr, "usage: %s [--partitions N] [--seconds S] [--dir DIR]\n", argv[0]);
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
    replay(&b);
    deltas(&b);
    commits(&b);
    metadata_image_unref(b.image);
    if (made) {
        (void)!store_fs_remove_tree(store_fs_posix(), b.dir);
    }
    return b.missed ? 1 : 0;
}
