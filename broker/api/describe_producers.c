/* DescribeProducers (KIP-664): the idempotent producers that a partition's leader remembers. */
#include "broker/api/api.h"
#include "broker/api/topic_view.h"
#include "broker/replica.h"
#include "wire/wire.h"

#define ANSWER struct wire_describe_producers_response_topics_partitions
#define PRODUCER struct wire_describe_producers_response_topics_partitions_active_producers

static void fill_producer(const struct producer *producer, PRODUCER *out)
{
    out->producer_id = producer->id;
    out->producer_epoch = producer->epoch;
    out->coordinator_epoch = -1; /* no transaction of it has ended here */
    if (producer->batches_count > 0) {
        const struct producer_batch *last = &producer->batches[producer->batches_count - 1];
        out->last_sequence = last->last_sequence;
        out->last_timestamp = last->timestamp_ms;
    }
}

static enum err fill_partition(struct broker *broker, struct arena *arena, struct slice topic,
                               ANSWER *out)
{
    struct replica *r;
    if (!topic_view_name_is_legal(topic)) {
        return ERR_INVALID_TOPIC_EXCEPTION;
    }
    TRY(broker_replica_find(broker, topic, out->partition_index, &r));
    TRY(replica_check_leader(r, -1));
    out->active_producers =
        wire_new_array(&wire_msg_describe_producers_response_topics_partitions_active_producers,
                       arena, (int32_t)r->producers.by_id.count);
    size_t at = 0;
    for (const struct producer *producer = producers_next(&r->producers, &at); producer != NULL;
         producer = producers_next(&r->producers, &at)) {
        fill_producer(producer, &out->active_producers[out->active_producers_count++]);
    }
    return ERR_NONE;
}

void broker_api_describe_producers(void *broker, struct net_request *req)
{
    const struct wire_describe_producers_request *request = req->body;
    struct wire_describe_producers_response response;
    wire_init(wire_response(WIRE_API_DESCRIBE_PRODUCERS), &response);
    response.topics = wire_new_array(&wire_msg_describe_producers_response_topics, &req->arena,
                                     request->topics_count);
    response.topics_count = request->topics_count;
    for (int32_t t = 0; t < request->topics_count; t++) {
        const struct wire_describe_producers_request_topics *topic = &request->topics[t];
        struct wire_describe_producers_response_topics *out = &response.topics[t];
        out->name = topic->name;
        out->partitions = wire_new_array(&wire_msg_describe_producers_response_topics_partitions,
                                         &req->arena, topic->partition_indexes_count);
        out->partitions_count = topic->partition_indexes_count;
        for (int32_t i = 0; i < topic->partition_indexes_count; i++) {
            ANSWER *answer = &out->partitions[i];
            answer->partition_index = topic->partition_indexes[i];
            enum err e = fill_partition(broker, &req->arena, topic->name, answer);
            answer->error_code = err_wire(e);
            answer->error_message = e == ERR_NONE ? SLICE_NULL : slice_str(err_text(e));
        }
    }
    net_reply(req, &response);
}
