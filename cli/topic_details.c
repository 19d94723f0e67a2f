/* Topics in detail; see topic_details.h. */
#include "cli/topic_details.h"

#include <stdlib.h>

#include "base/map.h"

enum { DETAILS_VERSION = 0, METADATA_VERSION = 12 };

struct gathering {
    struct map topics; /* by name: struct topic_detail in `out` */
    struct arena *arena;
};

static int compare_partitions(const void *a, const void *b)
{
    const struct partition_detail *x = a;
    const struct partition_detail *y = b;
    return x->index < y->index ? -1 : x->index > y->index;
}

/* Room for more partitions of a topic. */
static struct partition_detail *grow(struct gathering *g, struct topic_detail *topic, int32_t more)
{
    int32_t old = topic->partition_count;
    int32_t total = old + (int32_t)max_i64(more, 0);
    struct partition_detail *all =
        ARENA_ARRAY(g->arena, (size_t)total + 1, struct partition_detail);
    if (old > 0) {
        memcpy(all, topic->partitions, (size_t)old * sizeof *all);
    }
    topic->partitions = all;
    topic->partition_count = total;
    return all + old;
}

/* ---- DescribeTopicPartitions ---- */

static void take_page(struct gathering *g,
                      const struct wire_describe_topic_partitions_response *page)
{
    for (int32_t i = 0; i < page->topics_count; i++) {
        const struct wire_describe_topic_partitions_response_topics *from = &page->topics[i];
        struct topic_detail *topic = map_get(&g->topics, from->name);
        if (topic == NULL) {
            continue;
        }
        topic->error = (enum err)from->error_code;
        topic->id = from->topic_id;
        topic->is_internal = from->is_internal;
        struct partition_detail *to = grow(g, topic, from->partitions_count);
        for (int32_t k = 0; k < from->partitions_count; k++) {
            const struct wire_describe_topic_partitions_response_topics_partitions *p =
                &from->partitions[k];
            to[k] = (struct partition_detail){
                .index = p->partition_index,
                .leader = p->leader_id,
                .leader_epoch = p->leader_epoch,
                .replicas = {p->replica_nodes, p->replica_nodes_count},
                .isr = {p->isr_nodes, p->isr_nodes_count},
                .elr = {p->eligible_leader_replicas, p->eligible_leader_replicas_count},
                .last_known_elr = {p->last_known_elr, p->last_known_elr_count},
                .offline = {p->offline_replicas, p->offline_replicas_count}};
        }
    }
}

/* Answers come in pages. */
static enum err ask_details(struct client *client, struct gathering *g, const struct slice *names,
                            int32_t count)
{
    struct arena arena = {0};
    struct wire_describe_topic_partitions_request request;
    wire_init(&wire_msg_describe_topic_partitions_request, &request);
    request.topics =
        wire_new_array(&wire_msg_describe_topic_partitions_request_topics, &arena, count);
    request.topics_count = count;
    for (int32_t i = 0; i < count; i++) {
        request.topics[i].name = names[i];
    }
    struct wire_describe_topic_partitions_request_cursor cursor;
    enum err e;
    do {
        const void *answer;
        struct client_call call = {CLIENT_ANY, WIRE_API_DESCRIBE_TOPIC_PARTITIONS, DETAILS_VERSION,
                                   &request, 0};
        e = client_call(client, &call, &answer);
        const struct wire_describe_topic_partitions_response *page = answer;
        request.cursor = NULL;
        if (e == ERR_NONE) {
            take_page(g, page);
        }
        if (e == ERR_NONE && page->next_cursor != NULL) {
            cursor.topic_name = page->next_cursor->topic_name;
            cursor.partition_index = page->next_cursor->partition_index;
            request.cursor = &cursor;
        }
    } while (request.cursor != NULL);
    arena_fini(&arena);
    return e;
}

/* ---- Metadata ---- */

static void take_metadata(struct gathering *g, const struct wire_metadata_response *response)
{
    static const struct broker_ids unknown = {NULL, -1};
    for (int32_t i = 0; i < response->topics_count; i++) {
        const struct wire_metadata_response_topics *from = &response->topics[i];
        struct topic_detail *topic = map_get(&g->topics, from->name);
        if (topic == NULL) {
            continue;
        }
        topic->error = (enum err)from->error_code;
        topic->id = from->topic_id;
        topic->is_internal = from->is_internal;
        struct partition_detail *to = grow(g, topic, from->partitions_count);
        for (int32_t k = 0; k < from->partitions_count; k++) {
            const struct wire_metadata_response_topics_partitions *p = &from->partitions[k];
            to[k] = (struct partition_detail){
                .index = p->partition_index,
                .leader = p->leader_id,
                .leader_epoch = p->leader_epoch,
                .replicas = {p->replica_nodes, p->replica_nodes_count},
                .isr = {p->isr_nodes, p->isr_nodes_count},
                .elr = unknown,
                .last_known_elr = unknown,
                .offline = {p->offline_replicas, p->offline_replicas_count}};
        }
    }
}

static enum err ask_metadata(struct client *client, struct gathering *g, const struct slice *names,
                             int32_t count)
{
    struct arena arena = {0};
    struct wire_metadata_request request;
    wire_init(&wire_msg_metadata_request, &request);
    request.allow_auto_topic_creation = false;
    request.topics = wire_new_array(&wire_msg_metadata_request_topics, &arena, count);
    request.topics_count = count;
    for (int32_t i = 0; i < count; i++) {
        request.topics[i].name = names[i];
    }
    const void *answer;
    struct client_call call = {CLIENT_ANY, WIRE_API_METADATA, METADATA_VERSION, &request, 0};
    enum err e = client_call(client, &call, &answer);
    arena_fini(&arena);
    if (e == ERR_NONE) {
        take_metadata(g, answer);
    }
    return e;
}

enum err topic_details(struct client *client, const struct slice *names, int32_t count,
                       struct arena *arena, struct topic_detail *out)
{
    struct gathering g = {.arena = arena};
    for (int32_t i = 0; i < count; i++) {
        out[i] = (struct topic_detail){.name = names[i], .error = ERR_UNKNOWN_TOPIC_OR_PARTITION};
        map_put(&g.topics, out[i].name, &out[i]);
    }
    enum err e = count == 0 ? ERR_NONE : ask_details(client, &g, names, count);
    if (e == ERR_UNSUPPORTED_VERSION) {
        e = ask_metadata(client, &g, names, count);
    }
    map_fini(&g.topics);
    for (int32_t i = 0; i < count && e == ERR_NONE; i++) {
        if (out[i].partition_count > 0) {
            qsort(out[i].partitions, (size_t)out[i].partition_count, sizeof *out[i].partitions,
                  compare_partitions);
        }
    }
    return e;
}
