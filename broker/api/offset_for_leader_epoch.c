/* OffsetForLeaderEpoch (KIP-101, KIP-320): where a leader epoch ends in our log. */
#include "broker/api/api.h"
#include "broker/replica.h"
#include "wire/wire.h"

#define ANSWER struct wire_offset_for_leader_epoch_response_topics_partitions

static enum err
answer_partition(struct broker *broker, struct slice topic,
                 const struct wire_offset_for_leader_epoch_request_topics_partitions *question,
                 ANSWER *out)
{
    struct replica *r;
    TRY(broker_replica_find(broker, topic, question->partition, &r));
    TRY(replica_check_leader(r, question->current_leader_epoch));
    struct store_epoch_end end = store_log_epoch_end(r->log, question->leader_epoch);
    out->leader_epoch = end.epoch;
    out->end_offset = end.end_offset;
    return ERR_NONE;
}

void broker_api_offset_for_leader_epoch(void *broker, struct net_request *req)
{
    const struct wire_offset_for_leader_epoch_request *request = req->body;
    struct wire_offset_for_leader_epoch_response response;
    wire_init(wire_response(WIRE_API_OFFSET_FOR_LEADER_EPOCH), &response);
    response.topics = wire_new_array(&wire_msg_offset_for_leader_epoch_response_topics, &req->arena,
                                     request->topics_count);
    response.topics_count = request->topics_count;
    for (int t = 0; t < request->topics_count; t++) {
        const struct wire_offset_for_leader_epoch_request_topics *topic = &request->topics[t];
        struct wire_offset_for_leader_epoch_response_topics *out = &response.topics[t];
        out->topic = topic->topic;
        out->partitions =
            wire_new_array(&wire_msg_offset_for_leader_epoch_response_topics_partitions,
                           &req->arena, topic->partitions_count);
        out->partitions_count = topic->partitions_count;
        for (int i = 0; i < topic->partitions_count; i++) {
            ANSWER *answer = &out->partitions[i];
            answer->partition = topic->partitions[i].partition;
            enum err e = answer_partition(broker, topic->topic, &topic->partitions[i], answer);
            answer->error_code = err_wire(e);
        }
    }
    net_reply(req, &response);
}
