/* A node begins again with a log of all those records: it reads, checks, decodes and applies. */
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "net/net.h"
#include "raft/node/node.h"
#include "store/store.h"
#include "tests/bench/metadata/bench.h"

enum { RESTART_MS_MAX = 1000 };

struct starter {
    struct net_loop *loop;
    struct log log;
    struct node *node;
    const char *dir;
    bool applies; /* else only the end of the log is of interest */
    struct metadata_image *image;
    int32_t claimed;
    int64_t next;
};

static void on_commit(void *arg, const struct node_batch *batch)
{
    struct starter *r = arg;
    r->next = batch->last_offset + 1;
    if (r->applies && !batch->control) {
        bench_apply_onto(&r->image, batch->record_values, batch->count, batch->base_offset);
    }
}

static void on_claim(void *arg, int32_t epoch, int64_t next_offset)
{
    (void)next_offset;
    ((struct starter *)arg)->claimed = epoch;
}

/* Opens the only voter, and waits until it leads, which it does when it knows the whole log. */
static void open_node(struct starter *r)
{
    struct node_voter self = {.id = 1, .host = "127.0.0.1", .port = 19999};
    struct node_options options = {
        .loop = r->loop,
        .fs = store_fs_posix(),
        .dir = r->dir,
        .node_id = 1,
        .cluster_id = "bench",
        .is_controller = true,
        .voters = &self,
        .voter_count = 1,
        .timers = {.election_timeout_ms = 10},
        .log = &r->log,
        .listener = {.arg = r, .on_commit = on_commit, .on_claim = on_claim}};
    r->claimed = 0;
    if (node_new(&options, &r->node) != ERR_NONE) {
        exit(2);
    }
    node_start(r->node);
    while (r->claimed == 0) {
        net_loop_step(r->loop, 10);
    }
}

static void close_node(struct starter *r)
{
    node_free(r->node);
    net_loop_step(r->loop, 0);
}

static void append_all(struct starter *r, const struct bench_log *log)
{
    int64_t end = 0;
    for (int i = 0; i < log->count; i++) {
        const struct bench_batch *batch = &log->batches[i];
        struct node_records records = {batch->values, batch->count, net_wall_ms(r->loop)};
        enum err e;
        while ((e = node_append(r->node, r->claimed, &records, &end)) == ERR_BUSY) {
            net_loop_step(r->loop, 10);
        }
        ASSERT(e == ERR_NONE);
        end += batch->count;
    }
    while (r->next < end) {
        net_loop_step(r->loop, 10);
    }
}

void bench_restart(struct bench *b)
{
    struct bench_log log = {0};
    char dir[256];
    snprintf(dir, sizeof dir, "%s/restart", b->dir);
    enum err made = store_fs_mkdir(store_fs_posix(), dir);
    ASSERT(made == ERR_NONE);
    struct starter r = {
        .loop = net_loop_new(NULL), .log = {LOG_ERROR, log_to_stderr, NULL}, .dir = dir};
    bench_log_fill(&log, b->partitions);
    open_node(&r);
    append_all(&r, &log);
    close_node(&r);
    bench_log_fini(&log);

    r.applies = true;
    r.image = metadata_image_new(slice_str("bench"));
    int64_t cpu_us = bench_clock_us(CLOCK_PROCESS_CPUTIME_ID);
    open_node(&r);
    cpu_us = bench_clock_us(CLOCK_PROCESS_CPUTIME_ID) - cpu_us;
    ASSERT(metadata_partition_count(r.image) == (size_t)b->partitions);
    bench_judge(b, "a node begins with that log", (double)cpu_us / 1000,
                RESTART_MS_MAX * (b->partitions / 1e6), "ms");
    metadata_image_unref(r.image);
    close_node(&r);
    net_loop_free(r.loop);
    (void)!store_fs_remove_tree(store_fs_posix(), dir);
}
