/* DescribeLogDirs (KIP-113, KIP-827): what is in each log directory, how large it is, and how far
 * behind. */
#include <stdlib.h>

#include "broker/api/api.h"
#include "broker/replica_move.h"
#include "broker/replicas.h"
#include "wire/wire.h"

#define RESULT struct wire_describe_log_dirs_response_results
#define TOPIC struct wire_describe_log_dirs_response_results_topics
#define PARTITION struct wire_describe_log_dirs_response_results_topics_partitions

/* A log in a directory. */
struct found_log {
    struct slice topic;
    PARTITION partition;
};

struct describing {
    struct broker *broker;
    struct net_request *req;
    bool all;
    struct map wanted; /* partitions asked for, as "topic-index" */
    struct found_log *found;
    size_t count;
};

static char *name_of(const struct describing *d, struct slice topic, int32_t index)
{
    return arena_printf(&d->req->arena, "%.*s-%" PRId32, SLICE_ARG(topic), index);
}

static void note_wanted(struct describing *d)
{
    const struct wire_describe_log_dirs_request *request = d->req->body;
    d->all = request->topics_count < 0;
    for (int32_t t = 0; t < request->topics_count; t++) {
        for (int32_t i = 0; i < request->topics[t].partitions_count; i++) {
            char *name = name_of(d, request->topics[t].topic, request->topics[t].partitions[i]);
            map_put(&d->wanted, slice_str(name), name);
        }
    }
}

static void add(struct describing *d, const struct replica *r, PARTITION partition)
{
    partition.partition_index = r->index;
    d->found[d->count++] = (struct found_log){slice_str(r->topic), partition};
}

static void find_in(struct describing *d, const struct broker_dir *dir)
{
    d->found = ARENA_ARRAY(&d->req->arena, dir->logs, struct found_log);
    d->count = 0;
    size_t at = 0;
    for (const struct replica *r = broker_replicas_next(d->broker, &at); r != NULL;
         r = broker_replicas_next(d->broker, &at)) {
        struct replica_move_view future;
        bool moves = replica_move_view(r, &future) && future.to == dir;
        bool here = r->dir == dir && replica_is_online(r);
        if (!here && !moves) {
            continue;
        }
        if (!d->all &&
            map_get(&d->wanted, slice_str(name_of(d, slice_str(r->topic), r->index))) == NULL) {
            continue;
        }
        if (here) {
            int64_t lag = max_i64(0, r->part.high_watermark - r->part.log_end_offset);
            add(d, r,
                (PARTITION){.partition_size = (int64_t)store_log_size(r->log), .offset_lag = lag});
        }
        if (moves) {
            add(d, r,
                (PARTITION){.partition_size = (int64_t)future.size,
                            .offset_lag = r->part.log_end_offset - future.end_offset,
                            .is_future_key = true});
        }
    }
}

static int by_name(const void *a, const void *b)
{
    const struct found_log *x = a;
    const struct found_log *y = b;
    int order = slice_cmp(x->topic, y->topic);
    return order != 0 ? order : x->partition.partition_index - y->partition.partition_index;
}

static void fill_topics(const struct describing *d, RESULT *out)
{
    struct arena *arena = &d->req->arena;
    PARTITION *all = ARENA_ARRAY(arena, d->count, PARTITION);
    out->topics = ARENA_ARRAY(arena, d->count, TOPIC);
    for (size_t i = 0; i < d->count; i++) {
        bool same = i > 0 && slice_eq(d->found[i].topic, d->found[i - 1].topic);
        if (!same) {
            TOPIC *topic = &out->topics[out->topics_count++];
            topic->name = d->found[i].topic;
            topic->partitions = &all[i];
        }
        all[i] = d->found[i].partition;
        out->topics[out->topics_count - 1].partitions_count++;
    }
}

static void describe(struct describing *d, const struct broker_dir *dir, RESULT *out)
{
    struct store_space space;
    out->log_dir = slice_str(dir->path);
    if (!dir->online || store_fs_space(d->broker->fs, dir->path, &space) != ERR_NONE) {
        out->error_code = ERR_KAFKA_STORAGE_ERROR;
        return;
    }
    out->total_bytes = (int64_t)space.total_bytes;
    out->usable_bytes = (int64_t)space.free_bytes;
    find_in(d, dir);
    qsort(d->found, d->count, sizeof d->found[0], by_name);
    fill_topics(d, out);
}

void broker_api_describe_log_dirs(void *broker, struct net_request *req)
{
    struct wire_describe_log_dirs_response response;
    struct describing d = {.broker = broker, .req = req};
    const struct broker_dirs *dirs = d.broker->dirs;
    wire_init(wire_response(WIRE_API_DESCRIBE_LOG_DIRS), &response);
    note_wanted(&d);
    response.results = wire_new_array(&wire_msg_describe_log_dirs_response_results, &req->arena,
                                      (int32_t)dirs->count);
    response.results_count = (int32_t)dirs->count;
    for (size_t i = 0; i < dirs->count; i++) {
        describe(&d, dirs->items[i], &response.results[i]);
    }
    map_fini(&d.wanted);
    net_reply(req, &response);
}
