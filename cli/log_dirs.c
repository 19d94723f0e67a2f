/* DescribeLogDirs; see log_dirs.h. */
#include "cli/log_dirs.h"

#include <stdlib.h>

enum { DESCRIBE_VERSION = 4, MOVE_VERSION = 2 };

static int compare_partitions(const void *a, const void *b)
{
    const struct log_dir_partition *x = a;
    const struct log_dir_partition *y = b;
    int order = slice_cmp(x->topic, y->topic);
    return order != 0 ? order : x->partition - y->partition;
}

static void take_dir(const struct wire_describe_log_dirs_response_results *from,
                     struct arena *arena, struct log_dir *out)
{
    int32_t total = 0;
    for (int32_t i = 0; i < from->topics_count; i++) {
        total += from->topics[i].partitions_count;
    }
    *out = (struct log_dir){.path = from->log_dir,
                            .error = (enum err)from->error_code,
                            .total_bytes = from->total_bytes,
                            .usable_bytes = from->usable_bytes,
                            .partitions =
                                ARENA_ARRAY(arena, (size_t)total + 1, struct log_dir_partition)};
    for (int32_t i = 0; i < from->topics_count; i++) {
        for (int32_t k = 0; k < from->topics[i].partitions_count; k++) {
            const struct wire_describe_log_dirs_response_results_topics_partitions *p =
                &from->topics[i].partitions[k];
            out->partitions[out->partition_count++] =
                (struct log_dir_partition){.topic = from->topics[i].name,
                                           .partition = p->partition_index,
                                           .size = p->partition_size,
                                           .offset_lag = p->offset_lag,
                                           .is_future = p->is_future_key};
        }
    }
    qsort(out->partitions, (size_t)total, sizeof *out->partitions, compare_partitions);
}

enum err log_dirs_describe(struct client *client, int32_t broker, struct arena *arena,
                           struct log_dirs *out)
{
    struct wire_describe_log_dirs_request request;
    wire_init(&wire_msg_describe_log_dirs_request, &request);
    request.topics_count = -1; /* all */
    const void *answer;
    struct client_call call = {broker, WIRE_API_DESCRIBE_LOG_DIRS, DESCRIBE_VERSION, &request, 0};
    TRY(client_call(client, &call, &answer));
    const struct wire_describe_log_dirs_response *response = answer;
    size_t count = (size_t)max_i64(response->results_count, 0);
    *out = (struct log_dirs){.broker = broker,
                             .items = ARENA_ARRAY(arena, count + 1, struct log_dir),
                             .count = (int32_t)count};
    for (size_t i = 0; i < count; i++) {
        take_dir(&response->results[i], arena, &out->items[i]);
    }
    return (enum err)response->error_code;
}

enum err log_dirs_move(struct client *client, const struct log_dir_move *move)
{
    int32_t partition = move->partition;
    struct wire_alter_replica_log_dirs_request_dirs_topics topic = {
        .name = move->topic, .partitions = &partition, .partitions_count = 1};
    struct wire_alter_replica_log_dirs_request_dirs dir = {
        .path = move->path, .topics = &topic, .topics_count = 1};
    struct wire_alter_replica_log_dirs_request request = {.dirs = &dir, .dirs_count = 1};
    const void *answer;
    struct client_call call = {move->broker, WIRE_API_ALTER_REPLICA_LOG_DIRS, MOVE_VERSION,
                               &request, 0};
    TRY(client_call(client, &call, &answer));
    const struct wire_alter_replica_log_dirs_response *response = answer;
    if (response->results_count != 1 || response->results->partitions_count != 1) {
        return ERR_MALFORMED;
    }
    return (enum err)response->results->partitions->error_code;
}
