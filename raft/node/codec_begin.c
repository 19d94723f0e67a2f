/* BeginQuorumEpoch (KIP-595; 1: directory ids and endpoints, KIP-853). */
#include "raft/node/codec.h"

const void *codec_begin_request(struct node *node, const struct raft_request *request,
                                struct arena *arena)
{
    struct wire_begin_quorum_epoch_request *wire =
        wire_new(&wire_msg_begin_quorum_epoch_request, arena);
    wire->cluster_id = codec_cluster_id(node);
    wire->voter_id = request->u.begin.voter.id;
    wire->topics = wire_new_array(&wire_msg_begin_quorum_epoch_request_topics, arena, 1);
    wire->topics_count = 1;
    wire->topics->topic_name = slice_str(NODE_TOPIC);
    wire->topics->partitions =
        wire_new_array(&wire_msg_begin_quorum_epoch_request_topics_partitions, arena, 1);
    wire->topics->partitions_count = 1;
    struct wire_begin_quorum_epoch_request_topics_partitions *partition = wire->topics->partitions;
    partition->leader_id = request->leader_id;
    partition->leader_epoch = request->epoch;
    partition->voter_directory_id = request->u.begin.voter.directory_id;
    struct node_endpoint endpoint;
    if (codec_endpoint(node, request->leader_id, &endpoint)) {
        wire->leader_endpoints =
            wire_new_array(&wire_msg_begin_quorum_epoch_request_leader_endpoints, arena, 1);
        wire->leader_endpoints_count = 1;
        *wire->leader_endpoints = (struct wire_begin_quorum_epoch_request_leader_endpoints){
            slice_str(node->options.listener_name), endpoint.host, endpoint.port};
    }
    return wire;
}

enum err codec_begin_request_read(struct node *node,
                                  const struct wire_begin_quorum_epoch_request *wire,
                                  struct raft_request *out)
{
    TRY(codec_check(node, wire->cluster_id, CODEC_IS_METADATA(wire)));
    const struct wire_begin_quorum_epoch_request_topics_partitions *partition =
        wire->topics->partitions;
    CODEC_LEARN_LEADER(node, wire, partition->leader_id);
    out->rpc = RAFT_RPC_BEGIN_EPOCH;
    out->epoch = partition->leader_epoch;
    out->leader_id = partition->leader_id;
    out->u.begin.voter = (struct raft_key){wire->voter_id, partition->voter_directory_id};
    return ERR_NONE;
}

void codec_begin_response_read(struct node *node,
                               const struct wire_begin_quorum_epoch_response *wire,
                               struct raft_response *out)
{
    CODEC_LEARN_NODES(node, wire);
    if (!codec_open(out, wire->error_code, CODEC_HAS_ONE(wire->topics, wire->topics_count))) {
        return;
    }
    out->error = (enum err)wire->topics->partitions->error_code;
    out->leader_id = wire->topics->partitions->leader_id;
    out->leader_epoch = wire->topics->partitions->leader_epoch;
}

void codec_begin_reply(struct node *node, struct net_request *request,
                       const struct raft_response *response)
{
    struct arena *arena = &request->arena;
    struct wire_begin_quorum_epoch_response *wire =
        wire_new(&wire_msg_begin_quorum_epoch_response, arena);
    wire->topics = wire_new_array(&wire_msg_begin_quorum_epoch_response_topics, arena, 1);
    wire->topics_count = 1;
    wire->topics->topic_name = slice_str(NODE_TOPIC);
    wire->topics->partitions =
        wire_new_array(&wire_msg_begin_quorum_epoch_response_topics_partitions, arena, 1);
    wire->topics->partitions_count = 1;
    *wire->topics->partitions = (struct wire_begin_quorum_epoch_response_topics_partitions){
        .error_code = err_wire(response->error),
        .leader_id = response->leader_id,
        .leader_epoch = response->leader_epoch,
    };
    struct node_endpoint endpoint;
    if (codec_reply_endpoint(node, request, response->leader_id, &endpoint)) {
        wire->node_endpoints =
            wire_new_array(&wire_msg_begin_quorum_epoch_response_node_endpoints, arena, 1);
        wire->node_endpoints_count = 1;
        *wire->node_endpoints = (struct wire_begin_quorum_epoch_response_node_endpoints){
            response->leader_id, endpoint.host, endpoint.port};
    }
    net_reply(request, wire);
}
