/* Vote (KIP-595; 1: directory ids, KIP-853; 2: pre-vote, KIP-996). */
#include "raft/node/codec.h"

const void *codec_vote_request(struct node *node, const struct raft_request *request,
                               struct arena *arena)
{
    const struct raft_vote_request *vote = &request->u.vote;
    struct wire_vote_request *wire = wire_new(&wire_msg_vote_request, arena);
    wire->cluster_id = codec_cluster_id(node);
    wire->voter_id = vote->voter.id;
    wire->topics = wire_new_array(&wire_msg_vote_request_topics, arena, 1);
    wire->topics_count = 1;
    wire->topics->topic_name = slice_str(NODE_TOPIC);
    wire->topics->partitions = wire_new_array(&wire_msg_vote_request_topics_partitions, arena, 1);
    wire->topics->partitions_count = 1;
    *wire->topics->partitions = (struct wire_vote_request_topics_partitions){
        .replica_epoch = request->epoch,
        .replica_id = vote->candidate.id,
        .replica_directory_id = vote->candidate.directory_id,
        .voter_directory_id = vote->voter.directory_id,
        .last_offset_epoch = vote->last_epoch,
        .last_offset = vote->last_offset,
        .pre_vote = vote->pre_vote,
    };
    return wire;
}

enum err codec_vote_request_read(struct node *node, const struct wire_vote_request *wire,
                                 struct raft_request *out)
{
    TRY(codec_check(node, wire->cluster_id, CODEC_IS_METADATA(wire)));
    const struct wire_vote_request_topics_partitions *partition = wire->topics->partitions;
    out->rpc = RAFT_RPC_VOTE;
    out->epoch = partition->replica_epoch;
    out->u.vote = (struct raft_vote_request){
        .candidate = {partition->replica_id, partition->replica_directory_id},
        .voter = {wire->voter_id, partition->voter_directory_id},
        .last_offset = partition->last_offset,
        .last_epoch = partition->last_offset_epoch,
        .pre_vote = partition->pre_vote,
    };
    return ERR_NONE;
}

void codec_vote_response_read(struct node *node, const struct wire_vote_response *wire,
                              struct raft_response *out)
{
    CODEC_LEARN_NODES(node, wire);
    if (!codec_open(out, wire->error_code, CODEC_HAS_ONE(wire->topics, wire->topics_count))) {
        return;
    }
    const struct wire_vote_response_topics_partitions *partition = wire->topics->partitions;
    out->error = (enum err)partition->error_code;
    out->leader_id = partition->leader_id;
    out->leader_epoch = partition->leader_epoch;
    out->u.vote.granted = partition->vote_granted;
}

void codec_vote_reply(struct node *node, struct net_request *request,
                      const struct raft_response *response)
{
    struct arena *arena = &request->arena;
    struct wire_vote_response *wire = wire_new(&wire_msg_vote_response, arena);
    wire->topics = wire_new_array(&wire_msg_vote_response_topics, arena, 1);
    wire->topics_count = 1;
    wire->topics->topic_name = slice_str(NODE_TOPIC);
    wire->topics->partitions = wire_new_array(&wire_msg_vote_response_topics_partitions, arena, 1);
    wire->topics->partitions_count = 1;
    *wire->topics->partitions = (struct wire_vote_response_topics_partitions){
        .error_code = err_wire(response->error),
        .leader_id = response->leader_id,
        .leader_epoch = response->leader_epoch,
        .vote_granted = response->u.vote.granted,
    };
    struct node_endpoint endpoint;
    if (codec_reply_endpoint(node, request, response->leader_id, &endpoint)) {
        wire->node_endpoints = wire_new_array(&wire_msg_vote_response_node_endpoints, arena, 1);
        wire->node_endpoints_count = 1;
        *wire->node_endpoints = (struct wire_vote_response_node_endpoints){
            response->leader_id, endpoint.host, endpoint.port};
    }
    net_reply(request, wire);
}
