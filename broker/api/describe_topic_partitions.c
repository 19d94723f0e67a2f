/* DescribeTopicPartitions (KIP-966): topics in the order of their names, so many partitions at a
 * time, and a cursor to where the next request goes on. */
#include <stdlib.h>

#include "broker/api/api.h"
#include "broker/api/operations.h"
#include "broker/api/topic_view.h"
#include "wire/wire.h"

#define TOPIC struct wire_describe_topic_partitions_response_topics
#define PARTITION struct wire_describe_topic_partitions_response_topics_partitions
#define CURSOR struct wire_describe_topic_partitions_response_next_cursor

struct describing {
    struct broker *broker;
    struct net_request *req;
    struct slice listener;
    struct slice from_topic; /* of the cursor; empty: from the beginning */
    int32_t from_partition;
    int32_t room; /* partitions that still fit */
    int32_t topics_cap;
    struct wire_describe_topic_partitions_response out;
};

static void fill_partition(const struct describing *d, const struct metadata_partition *p,
                           int32_t index, PARTITION *out)
{
    struct arena *arena = &d->req->arena;
    out->partition_index = index;
    out->leader_id = topic_view_leader(d->broker, p, d->listener);
    out->leader_epoch = p->leader_epoch;
    out->replica_nodes = topic_view_ids(arena, metadata_replicas(p), &out->replica_nodes_count);
    out->isr_nodes = topic_view_ids(arena, metadata_isr(p), &out->isr_nodes_count);
    out->eligible_leader_replicas =
        topic_view_ids(arena, metadata_elr(p), &out->eligible_leader_replicas_count);
    out->last_known_elr =
        topic_view_ids(arena, metadata_last_known_elr(p), &out->last_known_elr_count);
    out->offline_replicas =
        topic_view_offline(d->broker, p, d->listener, arena, &out->offline_replicas_count);
}

/* The array grows: how many topics fit depends on their partitions. */
static TOPIC *add_topic(struct describing *d, struct slice name)
{
    if (d->out.topics_count == d->topics_cap) {
        d->topics_cap = d->topics_cap == 0 ? 16 : 2 * d->topics_cap;
        TOPIC *more = wire_new_array(&wire_msg_describe_topic_partitions_response_topics,
                                     &d->req->arena, d->topics_cap);
        if (d->out.topics_count > 0) {
            memcpy(more, d->out.topics, (size_t)d->out.topics_count * sizeof *more);
        }
        d->out.topics = more;
    }
    TOPIC *topic = &d->out.topics[d->out.topics_count++];
    topic->name = name;
    topic->topic_authorized_operations = OPERATIONS_TOPIC;
    return topic;
}

static void set_cursor(struct describing *d, struct slice topic, int32_t partition)
{
    d->out.next_cursor =
        wire_new(&wire_msg_describe_topic_partitions_response_next_cursor, &d->req->arena);
    d->out.next_cursor->topic_name = topic;
    d->out.next_cursor->partition_index = partition;
}

static void describe(struct describing *d, const struct metadata_topic *topic)
{
    int32_t from = slice_eq(topic->name, d->from_topic) ? d->from_partition : 0;
    int32_t left = (int32_t)max_i64(0, (int64_t)topic->partition_count - from);
    int32_t count = (int32_t)min_i64(left, d->room);
    TOPIC *out = add_topic(d, topic->name);
    out->topic_id = topic->id;
    out->is_internal = broker_topic_is_internal(topic->name);
    out->partitions = wire_new_array(&wire_msg_describe_topic_partitions_response_topics_partitions,
                                     &d->req->arena, count);
    out->partitions_count = count;
    for (int32_t i = 0; i < count; i++) {
        fill_partition(d, metadata_partition(topic, from + i), from + i, &out->partitions[i]);
    }
    if (count < left) {
        set_cursor(d, topic->name, from + count);
    }
    d->room -= count;
}

/* No room for this one: the cursor points to it, unless it points into the one before. */
static bool stops_before(struct describing *d, struct slice topic)
{
    if (d->room == 0 && d->out.next_cursor == NULL) {
        set_cursor(d, topic, 0);
    }
    return d->out.next_cursor != NULL;
}

static void describe_all(struct describing *d)
{
    struct metadata_iter it = metadata_topics_from(d->broker->image, d->from_topic);
    const struct metadata_topic *topic;
    while ((topic = metadata_topic_next(&it)) != NULL && !stops_before(d, topic->name)) {
        describe(d, topic);
    }
}

static void refuse_topic(struct describing *d, struct slice name)
{
    add_topic(d, name)->error_code = topic_view_name_is_legal(name) ? ERR_UNKNOWN_TOPIC_OR_PARTITION
                                                                    : ERR_INVALID_TOPIC_EXCEPTION;
}

static int by_name(const void *a, const void *b)
{
    const struct wire_describe_topic_partitions_request_topics *x = a;
    const struct wire_describe_topic_partitions_request_topics *y = b;
    return slice_cmp(x->name, y->name);
}

static void describe_named(struct describing *d,
                           struct wire_describe_topic_partitions_request *request)
{
    qsort(request->topics, (size_t)request->topics_count, sizeof request->topics[0], by_name);
    for (int32_t i = 0; i < request->topics_count; i++) {
        struct slice name = request->topics[i].name;
        bool repeated = i > 0 && slice_eq(name, request->topics[i - 1].name);
        if (repeated || slice_cmp(name, d->from_topic) < 0) {
            continue;
        }
        if (stops_before(d, name)) {
            return;
        }
        const struct metadata_topic *topic = metadata_topic_by_name(d->broker->image, name);
        if (topic != NULL) {
            describe(d, topic);
        } else {
            refuse_topic(d, name);
        }
    }
}

static bool names_topic(const struct wire_describe_topic_partitions_request *request,
                        struct slice name)
{
    for (int32_t i = 0; i < request->topics_count; i++) {
        if (slice_eq(request->topics[i].name, name)) {
            return true;
        }
    }
    return request->topics_count == 0;
}

/* A wrong cursor: the response has a place for errors beside topics only. */
static void refuse(struct describing *d,
                   const struct wire_describe_topic_partitions_request *request)
{
    for (int32_t i = 0; i < request->topics_count; i++) {
        add_topic(d, request->topics[i].name)->error_code = ERR_INVALID_REQUEST;
    }
}

void broker_api_describe_topic_partitions(void *arg, struct net_request *req)
{
    struct wire_describe_topic_partitions_request *request = req->body;
    struct describing d = {.broker = arg,
                           .req = req,
                           .listener = slice_str(net_conn_listener(req->conn)),
                           .from_topic = slice_str("")};
    int32_t limit = settings_int(d.broker->settings, "max.request.partition.size.limit");
    d.room = (int32_t)max_i64(1, min_i64(limit, request->response_partition_limit));
    wire_init(wire_response(WIRE_API_DESCRIBE_TOPIC_PARTITIONS), &d.out);
    if (request->cursor != NULL) {
        d.from_topic = request->cursor->topic_name;
        d.from_partition = request->cursor->partition_index;
    }
    bool wrong =
        request->cursor != NULL && (d.from_partition < 0 || !names_topic(request, d.from_topic));
    if (wrong) {
        refuse(&d, request);
    } else if (request->topics_count > 0) {
        describe_named(&d, request);
    } else {
        describe_all(&d);
    }
    net_reply(req, &d.out);
}
