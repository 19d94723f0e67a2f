/* DeleteRecords; see records.h. */
#include "cli/records.h"

enum { DELETE_VERSION = 2 };

/* One request to one leader. */
struct question {
    struct cluster *cluster;
    struct records_deletion *items;
    int32_t count;
    int32_t leader;
};

/* Is it this leader's, and still to be done? */
static bool is_open(const struct question *q, struct records_deletion *item)
{
    return item->error != ERR_NONE &&
           cluster_leader(q->cluster, item->topic, item->partition, &item->error) == q->leader;
}

static void take_answer(const struct question *q, const struct wire_delete_records_response *answer)
{
    for (int32_t i = 0; i < answer->topics_count; i++) {
        const struct wire_delete_records_response_topics *topic = &answer->topics[i];
        for (int32_t k = 0; k < topic->partitions_count; k++) {
            for (int32_t n = 0; n < q->count; n++) {
                struct records_deletion *item = &q->items[n];
                if (item->partition == topic->partitions[k].partition_index &&
                    slice_eq(item->topic, topic->name)) {
                    item->error = (enum err)topic->partitions[k].error_code;
                    item->low_watermark = topic->partitions[k].low_watermark;
                }
            }
        }
    }
}

static void ask_leader(const struct question *q)
{
    struct arena arena = {0};
    struct wire_delete_records_request request = {.timeout_ms =
                                                      (int32_t)client_left_ms(q->cluster->client)};
    request.topics = wire_new_array(&wire_msg_delete_records_request_topics, &arena, q->count);
    for (int32_t i = 0; i < q->count; i++) {
        if (is_open(q, &q->items[i])) {
            struct wire_delete_records_request_topics *topic =
                &request.topics[request.topics_count++];
            topic->name = q->items[i].topic;
            topic->partitions =
                wire_new_array(&wire_msg_delete_records_request_topics_partitions, &arena, 1);
            topic->partitions_count = 1;
            topic->partitions->partition_index = q->items[i].partition;
            topic->partitions->offset = q->items[i].before;
        }
    }
    const void *answer;
    struct client_call call = {q->leader, WIRE_API_DELETE_RECORDS, DELETE_VERSION, &request, 0};
    enum err e = client_call_once(q->cluster->client, &call, &answer);
    arena_fini(&arena);
    if (e == ERR_NONE) {
        take_answer(q, answer);
        return;
    }
    for (int32_t i = 0; i < q->count; i++) {
        if (is_open(q, &q->items[i])) {
            q->items[i].error = e;
        }
    }
}

/* Asks every leader of an open item once; returns an error that is worth another attempt. */
static enum err ask_leaders(struct cluster *cluster, struct records_deletion *items, int32_t count)
{
    for (int32_t b = 0; b < cluster->metadata->brokers_count; b++) {
        struct question q = {cluster, items, count, cluster->metadata->brokers[b].node_id};
        bool has_any = false;
        for (int32_t i = 0; i < count && !has_any; i++) {
            has_any = is_open(&q, &items[i]);
        }
        if (has_any) {
            ask_leader(&q);
        }
    }
    for (int32_t i = 0; i < count; i++) {
        if (err_class(items[i].error) == ERR_CLASS_RETRY &&
            items[i].error != ERR_UNKNOWN_TOPIC_OR_PARTITION) {
            return items[i].error;
        }
    }
    return ERR_NONE;
}

enum err records_delete(struct cluster *cluster, struct records_deletion *items, int32_t count)
{
    struct arena arena = {0};
    struct slice *names = ARENA_ARRAY(&arena, (size_t)count + 1, struct slice);
    for (int32_t i = 0; i < count; i++) {
        items[i].error = ERR_LEADER_NOT_AVAILABLE; /* until it is asked */
        items[i].low_watermark = -1;
        names[i] = items[i].topic;
    }
    enum err e;
    enum err passing = ERR_NONE;
    do {
        e = cluster_refresh(cluster, names, count);
        if (e == ERR_NONE) {
            passing = ask_leaders(cluster, items, count);
        }
    } while (e == ERR_NONE && client_retry(cluster->client, passing));
    arena_fini(&arena);
    return e;
}
