/* The core's messages as Kafka's requests and responses. Each API has one topic with one partition;
 * errors of the envelope (cluster, topic) stand at the top of a response, those of the quorum in
 * the partition. */
#include "raft/node/codec.h"

int16_t node_rpc_api(enum raft_rpc rpc)
{
    switch (rpc) {
    case RAFT_RPC_VOTE:
        return WIRE_API_VOTE;
    case RAFT_RPC_BEGIN_EPOCH:
        return WIRE_API_BEGIN_QUORUM_EPOCH;
    case RAFT_RPC_END_EPOCH:
        return WIRE_API_END_QUORUM_EPOCH;
    case RAFT_RPC_FETCH:
        return WIRE_API_FETCH;
    case RAFT_RPC_FETCH_SNAPSHOT:
        return WIRE_API_FETCH_SNAPSHOT;
    }
    UNREACHABLE();
}

int16_t node_rpc_version_max(enum raft_rpc rpc)
{
    switch (rpc) {
    case RAFT_RPC_VOTE:
        return 2; /* pre-vote */
    case RAFT_RPC_BEGIN_EPOCH:
    case RAFT_RPC_END_EPOCH:
    case RAFT_RPC_FETCH_SNAPSHOT:
        return 1; /* directory ids and endpoints */
    case RAFT_RPC_FETCH:
        return 18; /* the follower's high watermark */
    }
    UNREACHABLE();
}

const void *node_encode_request(struct node *node, const struct raft_request *request,
                                int16_t version, struct arena *arena)
{
    switch (request->rpc) {
    case RAFT_RPC_VOTE:
        return codec_vote_request(node, request, arena);
    case RAFT_RPC_BEGIN_EPOCH:
        return codec_begin_request(node, request, arena);
    case RAFT_RPC_END_EPOCH:
        return codec_end_request(node, request, arena);
    case RAFT_RPC_FETCH:
        return codec_fetch_request(node, request, version, arena);
    case RAFT_RPC_FETCH_SNAPSHOT:
        return codec_snapshot_request(node, request, arena);
    }
    UNREACHABLE();
}

void node_decode_response(struct node *node, enum raft_rpc rpc, const void *wire,
                          struct raft_response *out, struct slice *records)
{
    *out = (struct raft_response){.rpc = rpc, .leader_epoch = -1, .leader_id = RAFT_NOBODY};
    *records = SLICE_NULL;
    switch (rpc) {
    case RAFT_RPC_VOTE:
        codec_vote_response_read(node, wire, out);
        break;
    case RAFT_RPC_BEGIN_EPOCH:
        codec_begin_response_read(node, wire, out);
        break;
    case RAFT_RPC_END_EPOCH:
        codec_end_response_read(node, wire, out);
        break;
    case RAFT_RPC_FETCH:
        codec_fetch_response_read(node, wire, out, records);
        break;
    case RAFT_RPC_FETCH_SNAPSHOT:
        codec_snapshot_response_read(node, wire, out, records);
        break;
    }
}

enum err node_decode_request(struct node *node, const struct net_request *request,
                             struct raft_request *out, int32_t *bytes_max)
{
    *out = (struct raft_request){.leader_id = RAFT_NOBODY};
    *bytes_max = 0;
    switch (request->header.api_key) {
    case WIRE_API_VOTE:
        return codec_vote_request_read(node, request->body, out);
    case WIRE_API_BEGIN_QUORUM_EPOCH:
        return codec_begin_request_read(node, request->body, out);
    case WIRE_API_END_QUORUM_EPOCH:
        return codec_end_request_read(node, request->body, out);
    case WIRE_API_FETCH:
        return codec_fetch_request_read(node, request, out, bytes_max);
    case WIRE_API_FETCH_SNAPSHOT:
        return codec_snapshot_request_read(node, request->body, out, bytes_max);
    default:
        UNREACHABLE();
    }
}

void node_reply(struct node *node, struct net_request *request,
                const struct raft_response *response, struct slice records)
{
    switch (response->rpc) {
    case RAFT_RPC_VOTE:
        codec_vote_reply(node, request, response);
        break;
    case RAFT_RPC_BEGIN_EPOCH:
        codec_begin_reply(node, request, response);
        break;
    case RAFT_RPC_END_EPOCH:
        codec_end_reply(node, request, response);
        break;
    case RAFT_RPC_FETCH:
        codec_fetch_reply(node, request, response, records);
        break;
    case RAFT_RPC_FETCH_SNAPSHOT:
        codec_snapshot_reply(node, request, response, NULL);
        break;
    }
}

/* Every response of these APIs has its error code at the same place, as it must for one that failed
 * before anything of it was understood; the arrays stay empty. */
void node_reply_error(struct net_request *request, enum err error)
{
    const struct wire_message *message = wire_response(request->header.api_key);
    void *response = wire_new(message, &request->arena);
    int16_t code = err_wire(error);
    switch (request->header.api_key) {
    case WIRE_API_VOTE:
        ((struct wire_vote_response *)response)->error_code = code;
        break;
    case WIRE_API_BEGIN_QUORUM_EPOCH:
        ((struct wire_begin_quorum_epoch_response *)response)->error_code = code;
        break;
    case WIRE_API_END_QUORUM_EPOCH:
        ((struct wire_end_quorum_epoch_response *)response)->error_code = code;
        break;
    case WIRE_API_FETCH:
        ((struct wire_fetch_response *)response)->error_code = code;
        break;
    case WIRE_API_FETCH_SNAPSHOT:
        if (error == ERR_UNKNOWN_TOPIC_OR_PARTITION) {
            codec_snapshot_refuse_topic(request);
            return;
        }
        ((struct wire_fetch_snapshot_response *)response)->error_code = code;
        break;
    case WIRE_API_DESCRIBE_QUORUM:
        ((struct wire_describe_quorum_response *)response)->error_code = code;
        break;
    default:
        UNREACHABLE();
    }
    net_reply(request, response);
}

/* ---- what the APIs share ---- */

enum err codec_check(const struct node *node, struct slice cluster_id, bool is_metadata)
{
    if (!slice_is_null(cluster_id) && node->options.cluster_id != NULL &&
        !slice_eq_str(cluster_id, node->options.cluster_id)) {
        return ERR_INCONSISTENT_CLUSTER_ID;
    }
    return is_metadata ? ERR_NONE : ERR_INVALID_REQUEST;
}

bool codec_open(struct raft_response *out, int16_t error_code, bool has_one)
{
    out->error = (enum err)error_code;
    if (out->error == ERR_NONE && !has_one) {
        out->error = ERR_MALFORMED;
    }
    return out->error == ERR_NONE;
}

bool codec_endpoint(const struct node *node, int32_t leader_id, struct node_endpoint *out)
{
    const struct node_address *address =
        leader_id < 0 ? NULL : node_address_find(&node->addresses, leader_id);
    if (address == NULL) {
        return false;
    }
    *out = (struct node_endpoint){slice_str(address->host), address->port};
    return true;
}

bool codec_reply_endpoint(const struct node *node, const struct net_request *request,
                          int32_t leader_id, struct node_endpoint *out)
{
    /* KIP-853. */
    int16_t first = request->header.api_key == WIRE_API_FETCH ? 16 : 1;
    return request->header.api_version >= first && codec_endpoint(node, leader_id, out);
}

struct slice codec_cluster_id(const struct node *node)
{
    return slice_str(node->options.cluster_id);
}
