/* FetchSnapshot: a piece of a snapshot's file (KIP-630; 1: directory ids and endpoints, KIP-853).
 */
#include "raft/node/codec.h"

const void *codec_snapshot_request(struct node *node, const struct raft_request *request,
                                   struct arena *arena)
{
    const struct raft_fetch_snapshot_request *fetch = &request->u.fetch_snapshot;
    struct wire_fetch_snapshot_request *wire = wire_new(&wire_msg_fetch_snapshot_request, arena);
    wire->cluster_id = codec_cluster_id(node);
    wire->replica_id = fetch->replica.id;
    wire->max_bytes = NODE_READ_BYTES;
    wire->topics = wire_new_array(&wire_msg_fetch_snapshot_request_topics, arena, 1);
    wire->topics_count = 1;
    wire->topics->name = slice_str(NODE_TOPIC);
    wire->topics->partitions =
        wire_new_array(&wire_msg_fetch_snapshot_request_topics_partitions, arena, 1);
    wire->topics->partitions_count = 1;
    struct wire_fetch_snapshot_request_topics_partitions *partition = wire->topics->partitions;
    partition->current_leader_epoch = request->epoch;
    partition->snapshot_id.end_offset = fetch->snapshot.offset;
    partition->snapshot_id.epoch = fetch->snapshot.epoch;
    partition->position = fetch->position;
    partition->replica_directory_id = fetch->replica.directory_id;
    return wire;
}

enum err codec_snapshot_request_read(struct node *node,
                                     const struct wire_fetch_snapshot_request *wire,
                                     struct raft_request *out, int32_t *bytes_max)
{
    bool has_one = CODEC_HAS_ONE(wire->topics, wire->topics_count);
    TRY(codec_check(node, wire->cluster_id, has_one && wire->max_bytes > 0));
    if (!slice_eq_str(wire->topics->name, NODE_TOPIC) || wire->topics->partitions->partition != 0) {
        return ERR_UNKNOWN_TOPIC_OR_PARTITION;
    }
    const struct wire_fetch_snapshot_request_topics_partitions *partition =
        wire->topics->partitions;
    out->rpc = RAFT_RPC_FETCH_SNAPSHOT;
    out->epoch = partition->current_leader_epoch;
    out->u.fetch_snapshot = (struct raft_fetch_snapshot_request){
        .replica = {wire->replica_id, partition->replica_directory_id},
        .snapshot = {partition->snapshot_id.end_offset, partition->snapshot_id.epoch},
        .position = partition->position,
    };
    *bytes_max = wire->max_bytes;
    return ERR_NONE;
}

void codec_snapshot_response_read(struct node *node,
                                  const struct wire_fetch_snapshot_response *wire,
                                  struct raft_response *out, struct slice *piece)
{
    CODEC_LEARN_NODES(node, wire);
    if (!codec_open(out, wire->error_code, CODEC_HAS_ONE(wire->topics, wire->topics_count))) {
        return;
    }
    const struct wire_fetch_snapshot_response_topics_partitions *partition =
        wire->topics->partitions;
    out->error = (enum err)partition->error_code;
    out->leader_id = partition->current_leader.leader_id;
    out->leader_epoch = partition->current_leader.leader_epoch;
    out->u.fetch_snapshot = (struct raft_fetch_snapshot_response){
        .snapshot = {partition->snapshot_id.end_offset, partition->snapshot_id.epoch},
        .position = partition->position,
        .size = partition->size,
        .length = (int64_t)partition->unaligned_records.len,
    };
    *piece = partition->unaligned_records;
}

/* With its only topic and partition, to be filled in. */
static struct wire_fetch_snapshot_response *new_response(struct arena *arena)
{
    struct wire_fetch_snapshot_response *wire = wire_new(&wire_msg_fetch_snapshot_response, arena);
    wire->topics = wire_new_array(&wire_msg_fetch_snapshot_response_topics, arena, 1);
    wire->topics_count = 1;
    wire->topics->name = slice_str(NODE_TOPIC);
    wire->topics->partitions =
        wire_new_array(&wire_msg_fetch_snapshot_response_topics_partitions, arena, 1);
    wire->topics->partitions_count = 1;
    return wire;
}

void codec_snapshot_refuse_topic(struct net_request *request)
{
    const struct wire_fetch_snapshot_request *asked = request->body;
    struct wire_fetch_snapshot_response *wire = new_response(&request->arena);
    wire->topics->name = asked->topics->name;
    wire->topics->partitions->index = asked->topics->partitions->partition;
    wire->topics->partitions->error_code = err_wire(ERR_UNKNOWN_TOPIC_OR_PARTITION);
    net_reply(request, wire);
}

void codec_snapshot_reply(struct node *node, struct net_request *request,
                          const struct raft_response *response, const struct net_file *piece)
{
    struct arena *arena = &request->arena;
    const struct raft_fetch_snapshot_response *fetch = &response->u.fetch_snapshot;
    struct wire_fetch_snapshot_response *wire = new_response(arena);
    struct wire_fetch_snapshot_response_topics_partitions *partition = wire->topics->partitions;
    partition->error_code = err_wire(response->error);
    partition->snapshot_id.end_offset = fetch->snapshot.offset;
    partition->snapshot_id.epoch = fetch->snapshot.epoch;
    partition->current_leader.leader_id = response->leader_id;
    partition->current_leader.leader_epoch = response->leader_epoch;
    partition->size = fetch->size;
    partition->position = fetch->position;
    partition->unaligned_records =
        piece == NULL ? slice_of("", 0) : slice_of(WIRE_EXTERNAL, piece->len);
    struct node_endpoint endpoint;
    if (codec_reply_endpoint(node, request, response->leader_id, &endpoint)) {
        wire->node_endpoints =
            wire_new_array(&wire_msg_fetch_snapshot_response_node_endpoints, arena, 1);
        wire->node_endpoints_count = 1;
        wire->node_endpoints->node_id = response->leader_id;
        wire->node_endpoints->host = endpoint.host;
        wire->node_endpoints->port = endpoint.port;
    }
    if (piece == NULL) {
        net_reply(request, wire);
    } else {
        net_reply_files(request, wire, piece, 1);
    }
}
