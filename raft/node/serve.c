/* Requests of the other members, and those who look at the quorum. */
#include "raft/node/private.h"

#include "base/mem.h"

bool node_handles(int16_t api_key)
{
    switch (api_key) {
    case WIRE_API_FETCH:
    case WIRE_API_VOTE:
    case WIRE_API_BEGIN_QUORUM_EPOCH:
    case WIRE_API_END_QUORUM_EPOCH:
    case WIRE_API_DESCRIBE_QUORUM:
    case WIRE_API_FETCH_SNAPSHOT:
        return true;
    default:
        return false;
    }
}

static void pass_to_core(struct node *node, struct net_request *request)
{
    struct raft_request decoded;
    int32_t bytes_max;
    enum err e = node_decode_request(node, request, &decoded, &bytes_max);
    if (e != ERR_NONE) {
        if (e == ERR_INCONSISTENT_CLUSTER_ID) {
            log_warn(node->options.log, "raft", "refuses a member of another cluster", "peer=%s",
                     net_conn_peer(request->conn));
        }
        node_reply_error(request, e);
        return;
    }
    net_request_drop_body(request); /* it may be parked for long */
    struct node_parked *parked = MEM_NEW(struct node_parked);
    *parked = (struct node_parked){++node->last_token, request, bytes_max};
    map_put(&node->parked, MAP_KEY(parked->token), parked);
    struct raft_event event = {.type = RAFT_EVENT_REQUEST, .u.request = {parked->token, &decoded}};
    node_step(node, &event, SLICE_NULL);
}

void node_handle(struct node *node, struct net_request *request)
{
    ASSERT(node_handles(request->header.api_key));
    if (!node->started || node->broken) {
        node_reply_error(request, ERR_BROKER_NOT_AVAILABLE);
        return;
    }
    switch (request->header.api_key) {
    case WIRE_API_DESCRIBE_QUORUM:
        node_serve_describe(node, request);
        break;
    case WIRE_API_FETCH_SNAPSHOT:
        node_serve_snapshot(node, request);
        break;
    default:
        pass_to_core(node, request);
        break;
    }
}

void node_answer(struct node *node, const struct raft_answer *answer)
{
    struct node_parked *parked = map_remove(&node->parked, MAP_KEY(answer->token));
    ASSERT(parked != NULL);
    const struct raft_response *response = &answer->response;
    struct slice records = SLICE_NULL;
    if (response->rpc == RAFT_RPC_FETCH && response->error == ERR_NONE) {
        uint32_t bytes_max = (uint32_t)min_i64(max_i64(parked->bytes_max, 0), NODE_READ_BYTES);
        enum err e =
            node_log_read(node, response->u.fetch.from, response->u.fetch.to, bytes_max, &records);
        if (e != ERR_NONE) {
            node_reply_error(parked->request, ERR_UNKNOWN_SERVER_ERROR);
            mem_free(parked);
            node_break(node, e, "the metadata log cannot be read");
            return;
        }
    }
    node_reply(node, parked->request, response, records);
    mem_free(parked);
}

void node_serve_snapshot(struct node *node, struct net_request *request)
{
    const struct wire_fetch_snapshot_request *wire = request->body;
    struct arena *arena = &request->arena;
    if (!slice_is_null(wire->cluster_id) &&
        !slice_eq_str(wire->cluster_id, node->options.cluster_id)) {
        node_reply_error(request, ERR_INCONSISTENT_CLUSTER_ID);
        return;
    }
    if (wire->topics_count != 1 || wire->topics->partitions_count != 1) {
        node_reply_error(request, ERR_INVALID_REQUEST);
        return;
    }
    /* The log is whole: there is no snapshot but the bootstrap's, which is never served. */
    const struct wire_fetch_snapshot_request_topics_partitions *asked = wire->topics->partitions;
    struct wire_fetch_snapshot_response *response =
        wire_new(&wire_msg_fetch_snapshot_response, arena);
    response->topics = wire_new_array(&wire_msg_fetch_snapshot_response_topics, arena, 1);
    response->topics_count = 1;
    response->topics->name = wire->topics->name;
    response->topics->partitions =
        wire_new_array(&wire_msg_fetch_snapshot_response_topics_partitions, arena, 1);
    response->topics->partitions_count = 1;
    struct wire_fetch_snapshot_response_topics_partitions *partition = response->topics->partitions;
    bool leads = raft_role(node->raft) == RAFT_ROLE_LEADER;
    partition->index = asked->partition;
    partition->error_code = err_wire(leads ? ERR_SNAPSHOT_NOT_FOUND : ERR_NOT_LEADER_OR_FOLLOWER);
    partition->snapshot_id.end_offset = asked->snapshot_id.end_offset;
    partition->snapshot_id.epoch = asked->snapshot_id.epoch;
    partition->current_leader.leader_id = raft_leader(node->raft);
    partition->current_leader.leader_epoch = raft_epoch(node->raft);
    partition->unaligned_records = slice_of("", 0);
    net_reply(request, response);
}
