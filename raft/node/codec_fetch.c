/* Fetch of the metadata partition, which is how followers and observers replicate (KIP-595; 13:
 * topic ids; 15: replica state; 16: endpoints; 17: directory ids; 18: high watermark, KIP-1166). */
#include "raft/node/codec.h"

const void *codec_fetch_request(struct node *node, const struct raft_request *request,
                                int16_t version, struct arena *arena)
{
    const struct raft_fetch_request *fetch = &request->u.fetch;
    struct wire_fetch_request *wire = wire_new(&wire_msg_fetch_request, arena);
    wire->cluster_id = codec_cluster_id(node);
    *(version >= 15 ? &wire->replica_state.replica_id : &wire->replica_id) = fetch->replica.id;
    wire->max_wait_ms = fetch->wait_ms_max;
    wire->max_bytes = NODE_FETCH_BYTES_MAX;
    wire->topics = wire_new_array(&wire_msg_fetch_request_topics, arena, 1);
    wire->topics_count = 1;
    wire->topics->topic = slice_str(NODE_TOPIC);
    wire->topics->topic_id = UUID_METADATA_TOPIC;
    wire->topics->partitions = wire_new_array(&wire_msg_fetch_request_topics_partitions, arena, 1);
    wire->topics->partitions_count = 1;
    struct wire_fetch_request_topics_partitions *partition = wire->topics->partitions;
    partition->current_leader_epoch = request->epoch;
    partition->fetch_offset = fetch->offset;
    partition->last_fetched_epoch = fetch->last_epoch;
    partition->partition_max_bytes = NODE_FETCH_BYTES_MAX;
    partition->replica_directory_id = fetch->replica.directory_id;
    partition->high_watermark = fetch->high_watermark;
    return wire;
}

enum err codec_fetch_request_read(struct node *node, const struct net_request *request,
                                  struct raft_request *out, int32_t *bytes_max)
{
    const struct wire_fetch_request *wire = request->body;
    int16_t version = request->header.api_version;
    bool ours = version >= 12 && CODEC_HAS_ONE(wire->topics, wire->topics_count) &&
                wire->topics->partitions->partition == 0 &&
                (version >= 13 ? uuid_eq(wire->topics->topic_id, UUID_METADATA_TOPIC)
                               : slice_eq_str(wire->topics->topic, NODE_TOPIC));
    TRY(codec_check(node, wire->cluster_id, ours));
    const struct wire_fetch_request_topics_partitions *partition = wire->topics->partitions;
    int32_t replica_id = version >= 15 ? wire->replica_state.replica_id : wire->replica_id;
    out->rpc = RAFT_RPC_FETCH;
    out->epoch = partition->current_leader_epoch;
    out->u.fetch = (struct raft_fetch_request){
        .replica = {replica_id, partition->replica_directory_id},
        .offset = partition->fetch_offset,
        .last_epoch = partition->last_fetched_epoch,
        .high_watermark = partition->high_watermark,
        .wait_ms_max = wire->max_wait_ms,
    };
    *bytes_max = partition->partition_max_bytes < wire->max_bytes ? partition->partition_max_bytes
                                                                  : wire->max_bytes;
    return ERR_NONE;
}

void codec_fetch_response_read(struct node *node, const struct wire_fetch_response *wire,
                               struct raft_response *out, struct slice *records)
{
    CODEC_LEARN_NODES(node, wire);
    if (!codec_open(out, wire->error_code, CODEC_HAS_ONE(wire->responses, wire->responses_count))) {
        return;
    }
    const struct wire_fetch_response_responses_partitions *partition = wire->responses->partitions;
    out->error = (enum err)partition->error_code;
    out->leader_id = partition->current_leader.leader_id;
    out->leader_epoch = partition->current_leader.leader_epoch;
    struct raft_fetch_response *fetch = &out->u.fetch;
    fetch->high_watermark = partition->high_watermark;
    fetch->diverging = partition->diverging_epoch.epoch >= 0;
    fetch->diverging_epoch = partition->diverging_epoch.epoch;
    fetch->diverging_end = partition->diverging_epoch.end_offset;
    fetch->offers_snapshot = partition->snapshot_id.end_offset >= 0;
    fetch->snapshot =
        (struct raft_position){partition->snapshot_id.end_offset, partition->snapshot_id.epoch};
    *records = partition->records;
}

void codec_fetch_reply(struct node *node, struct net_request *request,
                       const struct raft_response *response, struct slice records)
{
    struct arena *arena = &request->arena;
    const struct raft_fetch_response *fetch = &response->u.fetch;
    struct wire_fetch_response *wire = wire_new(&wire_msg_fetch_response, arena);
    wire->responses = wire_new_array(&wire_msg_fetch_response_responses, arena, 1);
    wire->responses_count = 1;
    wire->responses->topic = slice_str(NODE_TOPIC);
    wire->responses->topic_id = UUID_METADATA_TOPIC;
    wire->responses->partitions =
        wire_new_array(&wire_msg_fetch_response_responses_partitions, arena, 1);
    wire->responses->partitions_count = 1;
    struct wire_fetch_response_responses_partitions *partition = wire->responses->partitions;
    partition->error_code = err_wire(response->error);
    partition->high_watermark = fetch->high_watermark;
    partition->last_stable_offset = fetch->high_watermark;
    partition->log_start_offset = raft_log_start(node->raft).offset;
    partition->current_leader.leader_id = response->leader_id;
    partition->current_leader.leader_epoch = response->leader_epoch;
    if (fetch->diverging) {
        partition->diverging_epoch.epoch = fetch->diverging_epoch;
        partition->diverging_epoch.end_offset = fetch->diverging_end;
    }
    if (fetch->offers_snapshot) {
        partition->snapshot_id.end_offset = fetch->snapshot.offset;
        partition->snapshot_id.epoch = fetch->snapshot.epoch;
    }
    partition->records = slice_is_null(records) ? slice_of("", 0) : records;
    struct node_endpoint endpoint;
    if (codec_reply_endpoint(node, request, response->leader_id, &endpoint)) {
        wire->node_endpoints = wire_new_array(&wire_msg_fetch_response_node_endpoints, arena, 1);
        wire->node_endpoints_count = 1;
        wire->node_endpoints->node_id = response->leader_id;
        wire->node_endpoints->host = endpoint.host;
        wire->node_endpoints->port = endpoint.port;
    }
    net_reply(request, wire);
}
