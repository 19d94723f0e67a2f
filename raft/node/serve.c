/* Requests of the other members, and those who look at the quorum. */
#include "base/mem.h"
#include "raft/node/codec.h"

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
    default:
        pass_to_core(node, request);
        break;
    }
}

/* ---- a piece of a snapshot ---- */

struct lent {
    const struct store_fs *fs;
    int fd;
};

static void give_back(void *arg)
{
    struct lent *lent = arg;
    store_fs_close(lent->fs, lent->fd);
    mem_free(lent);
}

/* Opens what is asked for; the size and what can be wrong with it go into the response. The
 * bootstrap snapshots are nobody else's business. */
static int open_snapshot(struct node *node, struct raft_response *response)
{
    struct raft_fetch_snapshot_response *fetch = &response->u.fetch_snapshot;
    const struct store_fs *fs = node->options.fs;
    char path[NODE_PATH_MAX];
    int fd = -1;
    uint64_t size = 0;
    node_snapshot_path(node, fetch->snapshot, path, NULL);
    bool named = fetch->snapshot.offset > 0 && fetch->snapshot.epoch >= 0;
    enum err e = named ? store_fs_open(fs, path, STORE_OPEN_READ, &fd) : ERR_NOT_FOUND;
    if (e == ERR_NONE) {
        e = store_fs_size(fs, fd, &size);
    }
    fetch->size = (int64_t)size;
    if (e != ERR_NONE) {
        response->error = e == ERR_NOT_FOUND ? ERR_SNAPSHOT_NOT_FOUND : ERR_UNKNOWN_SERVER_ERROR;
    } else if (fetch->position < 0 || fetch->position >= fetch->size) {
        response->error = ERR_POSITION_OUT_OF_RANGE;
    } else {
        return fd;
    }
    if (fd >= 0) {
        store_fs_close(fs, fd);
    }
    return -1;
}

static void answer_piece(struct node *node, const struct node_parked *parked,
                         const struct raft_response *given)
{
    struct raft_response response = *given;
    const struct raft_fetch_snapshot_response *fetch = &response.u.fetch_snapshot;
    int fd = open_snapshot(node, &response);
    if (fd < 0) {
        node_reply(node, parked->request, &response, SLICE_NULL);
        return;
    }
    struct lent *lent = MEM_NEW(struct lent);
    *lent = (struct lent){node->options.fs, fd};
    int64_t length =
        min_i64(fetch->size - fetch->position, min_i64(parked->bytes_max, NODE_FETCH_BYTES_MAX));
    struct net_file piece = {
        .fd = fd, .pos = fetch->position, .len = (size_t)length, .release = give_back, .arg = lent};
    codec_snapshot_reply(node, parked->request, &response, &piece);
}

void node_answer(struct node *node, const struct raft_answer *answer)
{
    struct node_parked *parked = map_remove(&node->parked, MAP_KEY(answer->token));
    ASSERT(parked != NULL);
    const struct raft_response *response = &answer->response;
    struct slice records = SLICE_NULL;
    if (response->rpc == RAFT_RPC_FETCH_SNAPSHOT && response->error == ERR_NONE) {
        answer_piece(node, parked, response);
        mem_free(parked);
        return;
    }
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
