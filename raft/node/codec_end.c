/* EndQuorumEpoch (KIP-595; 1: directory ids and endpoints, KIP-853). */
#include "raft/node/codec.h"

static void encode_successors(const struct raft_end_epoch_request *end,
                              struct wire_end_quorum_epoch_request_topics_partitions *partition,
                              struct arena *arena)
{
    int count = end->successor_count;
    partition->preferred_successors = ARENA_ARRAY(arena, (size_t)count, int32_t);
    partition->preferred_successors_count = count;
    partition->preferred_candidates = wire_new_array(
        &wire_msg_end_quorum_epoch_request_topics_partitions_preferred_candidates, arena, count);
    partition->preferred_candidates_count = count;
    for (int i = 0; i < count; i++) {
        partition->preferred_successors[i] = end->successors[i].id;
        partition->preferred_candidates[i].candidate_id = end->successors[i].id;
        partition->preferred_candidates[i].candidate_directory_id = end->successors[i].directory_id;
    }
}

/* Version 0 has ids only; what is too many for any quorum is left out. */
static void
decode_successors(const struct wire_end_quorum_epoch_request_topics_partitions *partition,
                  struct raft_end_epoch_request *end)
{
    for (int i = 0; i < partition->preferred_candidates_count && i < RAFT_VOTERS_MAX; i++) {
        end->successors[end->successor_count++] =
            (struct raft_key){partition->preferred_candidates[i].candidate_id,
                              partition->preferred_candidates[i].candidate_directory_id};
    }
    for (int i = 0; i < partition->preferred_successors_count && end->successor_count == i &&
                    i < RAFT_VOTERS_MAX;
         i++) {
        end->successors[end->successor_count++] =
            (struct raft_key){partition->preferred_successors[i], UUID_ZERO};
    }
}

const void *codec_end_request(struct node *node, const struct raft_request *request,
                              struct arena *arena)
{
    struct wire_end_quorum_epoch_request *wire =
        wire_new(&wire_msg_end_quorum_epoch_request, arena);
    wire->cluster_id = codec_cluster_id(node);
    wire->topics = wire_new_array(&wire_msg_end_quorum_epoch_request_topics, arena, 1);
    wire->topics_count = 1;
    wire->topics->topic_name = slice_str(NODE_TOPIC);
    wire->topics->partitions =
        wire_new_array(&wire_msg_end_quorum_epoch_request_topics_partitions, arena, 1);
    wire->topics->partitions_count = 1;
    struct wire_end_quorum_epoch_request_topics_partitions *partition = wire->topics->partitions;
    partition->leader_id = request->leader_id;
    partition->leader_epoch = request->epoch;
    encode_successors(&request->u.end, partition, arena);
    struct node_endpoint endpoint;
    if (codec_endpoint(node, request->leader_id, &endpoint)) {
        wire->leader_endpoints =
            wire_new_array(&wire_msg_end_quorum_epoch_request_leader_endpoints, arena, 1);
        wire->leader_endpoints_count = 1;
        *wire->leader_endpoints = (struct wire_end_quorum_epoch_request_leader_endpoints){
            slice_str(node->options.listener_name), endpoint.host, endpoint.port};
    }
    return wire;
}

enum err codec_end_request_read(struct node *node, const struct wire_end_quorum_epoch_request *wire,
                                struct raft_request *out)
{
    TRY(codec_check(node, wire->cluster_id, CODEC_IS_METADATA(wire)));
    const struct wire_end_quorum_epoch_request_topics_partitions *partition =
        wire->topics->partitions;
    CODEC_LEARN_LEADER(node, wire, partition->leader_id);
    out->rpc = RAFT_RPC_END_EPOCH;
    out->epoch = partition->leader_epoch;
    out->leader_id = partition->leader_id;
    decode_successors(partition, &out->u.end);
    return ERR_NONE;
}

void codec_end_response_read(struct node *node, const struct wire_end_quorum_epoch_response *wire,
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

void codec_end_reply(struct node *node, struct net_request *request,
                     const struct raft_response *response)
{
    struct arena *arena = &request->arena;
    struct wire_end_quorum_epoch_response *wire =
        wire_new(&wire_msg_end_quorum_epoch_response, arena);
    wire->topics = wire_new_array(&wire_msg_end_quorum_epoch_response_topics, arena, 1);
    wire->topics_count = 1;
    wire->topics->topic_name = slice_str(NODE_TOPIC);
    wire->topics->partitions =
        wire_new_array(&wire_msg_end_quorum_epoch_response_topics_partitions, arena, 1);
    wire->topics->partitions_count = 1;
    *wire->topics->partitions = (struct wire_end_quorum_epoch_response_topics_partitions){
        .error_code = err_wire(response->error),
        .leader_id = response->leader_id,
        .leader_epoch = response->leader_epoch,
    };
    struct node_endpoint endpoint;
    if (codec_reply_endpoint(node, request, response->leader_id, &endpoint)) {
        wire->node_endpoints =
            wire_new_array(&wire_msg_end_quorum_epoch_response_node_endpoints, arena, 1);
        wire->node_endpoints_count = 1;
        *wire->node_endpoints = (struct wire_end_quorum_epoch_response_node_endpoints){
            response->leader_id, endpoint.host, endpoint.port};
    }
    net_reply(request, wire);
}
