/* Calls to the other members. */
#include "raft/node/private.h"

#include "base/mem.h"

/* The core decides when to ask again; a client that dials must not wait on top of that. */
enum { DIAL_BACKOFF_MS = 1, DIAL_BACKOFF_MAX_MS = 20 };

struct node_call {
    struct list node;
    struct node_peer *peer;
    struct net_client *client;
    uint64_t id;
    enum raft_rpc rpc;
};

/* ---- destinations ---- */

static struct node_peer *find_peer(const struct node_peers *peers, int32_t id)
{
    for (int i = 0; i < peers->count; i++) {
        if (peers->items[i]->id == id) {
            return peers->items[i];
        }
    }
    return NULL;
}

/* Where destination `id` is; false: not known. */
static bool locate(const struct node *node, int32_t id, const char **host, uint16_t *port)
{
    if (id <= RAFT_BOOTSTRAP_FIRST) {
        const struct node_voter *server = &node->bootstrap[RAFT_BOOTSTRAP_FIRST - id];
        *host = server->host;
        *port = server->port;
        return true;
    }
    const struct node_address *address = node_address_find(&node->addresses, id);
    if (address == NULL) {
        return false;
    }
    *host = address->host;
    *port = address->port;
    return true;
}

/* The connection on which a fetch to the leader is nearly always parked: its end is news. */
static void on_closed(void *arg, enum err why)
{
    struct node_peer *peer = arg;
    (void)why;
    if (!peer->node->closed && peer->id >= 0) {
        node_connection_lost(peer->node, peer->id);
    }
}

static struct net_client *make_client(struct node_peer *peer, const char *host, uint16_t port,
                                      void (*closed)(void *arg, enum err why))
{
    struct node *node = peer->node;
    return net_client_new(node->options.loop, &(struct net_client_options){
                                                  .host = host,
                                                  .port = port,
                                                  .client_id = "craft-raft",
                                                  .log = node->options.log,
                                                  .backoff_ms = DIAL_BACKOFF_MS,
                                                  .backoff_max_ms = DIAL_BACKOFF_MAX_MS,
                                                  .api_versions = true,
                                                  .on_closed = closed,
                                                  .arg = peer,
                                              });
}

static struct node_peer *get_peer(struct node *node, int32_t id)
{
    struct node_peers *peers = &node->peers;
    struct node_peer *peer = find_peer(peers, id);
    const char *host;
    uint16_t port;
    if (peer != NULL || !locate(node, id, &host, &port)) {
        return peer;
    }
    peer = MEM_NEW(struct node_peer);
    peer->node = node;
    peer->id = id;
    list_init(&peer->calls);
    peer->fetch = make_client(peer, host, port, on_closed);
    peer->other = make_client(peer, host, port, NULL);
    if (peers->count == peers->cap) {
        peers->cap = peers->cap == 0 ? 8 : peers->cap * 2;
        peers->items = mem_realloc(peers->items, (size_t)peers->cap * sizeof(struct node_peer *));
    }
    peers->items[peers->count++] = peer;
    return peer;
}

/* Where controller.quorum.voters says that it is; NULL: it does not say. */
static const struct node_voter *find_configured(const struct node *node, int32_t id)
{
    for (int i = 0; i < node->options.voter_count && id >= 0; i++) {
        if (node->options.voters[i].id == id) {
            return &node->options.voters[i];
        }
    }
    return NULL;
}

/* Nobody answers. All voters may have moved, so that the log, which only a leader could correct,
 * misleads everybody; then the settings, which the operator has changed, are right. In turn. */
static void try_other_address(struct node_peer *peer)
{
    struct node *node = peer->node;
    const struct node_voter *configured = find_configured(node, peer->id);
    const struct node_address *known = node_address_find(&node->addresses, peer->id);
    if (configured == NULL || known == NULL || net_client_is_open(peer->fetch) ||
        net_client_is_open(peer->other) ||
        (known->port == configured->port && strcmp(known->host, configured->host) == 0)) {
        return;
    }
    peer->configured = !peer->configured;
    const char *host = peer->configured ? configured->host : known->host;
    uint16_t port = peer->configured ? configured->port : known->port;
    net_client_set_address(peer->fetch, host, port);
    net_client_set_address(peer->other, host, port);
}

/* The address of a member has changed. */
static void move_peer(struct node *node, int32_t id)
{
    struct node_peer *peer = find_peer(&node->peers, id);
    const char *host;
    uint16_t port;
    if (peer != NULL && locate(node, id, &host, &port)) {
        peer->configured = false;
        net_client_set_address(peer->fetch, host, port);
        net_client_set_address(peer->other, host, port);
    }
}

void node_peers_fini(struct node *node)
{
    struct node_peers *peers = &node->peers;
    for (int i = 0; i < peers->count; i++) {
        net_client_free(peers->items[i]->fetch);
        net_client_free(peers->items[i]->other);
        ASSERT(list_empty(&peers->items[i]->calls));
        mem_free(peers->items[i]);
    }
    mem_free(peers->items);
    *peers = (struct node_peers){0};
}

/* ---- answers ---- */

enum { BATCHES_MAX = 1 << 16 }; /* of a fetch; smaller than 128 bytes each they cannot be useful */

/* Checks the batches and lists them for the core. Errors: CORRUPT_MESSAGE and the like. */
static enum err list_batches(struct slice records, struct arena *arena,
                             struct raft_fetch_response *fetch)
{
    struct wire_batches it = wire_batches_of(records);
    struct raft_batch *batches = NULL;
    int cap = 0;
    while (fetch->batch_count < BATCHES_MAX) {
        struct wire_batch batch;
        struct raft_voters_at voters;
        struct slice value;
        bool got;
        TRY(wire_batch_next(&it, &batch, &got));
        if (!got) {
            break;
        }
        TRY(wire_batch_check_crc(&batch));
        TRY(node_voters_find(&batch, &voters, &value, arena));
        if (fetch->batch_count == cap) {
            cap = cap == 0 ? 16 : cap * 2;
            struct raft_batch *more = ARENA_ARRAY(arena, (size_t)cap, struct raft_batch);
            if (batches != NULL) {
                memcpy(more, batches, (size_t)fetch->batch_count * sizeof *more);
            }
            batches = more;
        }
        struct raft_batch *entry = &batches[fetch->batch_count++];
        *entry = (struct raft_batch){.base_offset = batch.base_offset,
                                     .last_offset = wire_batch_last_offset(&batch),
                                     .epoch = batch.leader_epoch};
        if (!slice_is_null(value)) {
            struct raft_voter_set *set = ARENA_NEW(arena, struct raft_voter_set);
            *set = voters.set;
            entry->voters = set;
            entry->voters_offset = voters.offset;
        }
    }
    fetch->batches = batches;
    return ERR_NONE;
}

static void on_response(struct node *node, const struct node_call *call, const void *wire)
{
    struct arena arena = {0};
    struct raft_response response;
    struct slice records;
    node_decode_response(node, call->rpc, wire, &response, &records);
    if (response.error == ERR_NONE && call->rpc == RAFT_RPC_FETCH && !slice_is_null(records)) {
        response.error = list_batches(records, &arena, &response.u.fetch);
        if (response.error == ERR_UNSUPPORTED) {
            node_break(node, response.error, NODE_TOO_NEW);
            arena_fini(&arena);
            return;
        }
    }
    if (response.error == ERR_INCONSISTENT_CLUSTER_ID || response.error == ERR_CORRUPT_MESSAGE) {
        log_warn(node->options.log, "raft", "peer is of no use", "node=%d peer=%d error=%s",
                 node->options.node_id, call->peer->id, err_name(response.error));
    }
    struct raft_event event = {.type = RAFT_EVENT_RESPONSE,
                               .u.response = {call->peer->id, call->id, &response}};
    node_step(node, &event, records);
    arena_fini(&arena);
}

/* The message will not be answered. The core is busy while its effects are obeyed, and hears of it
 * behind them, from node_pump(). */
static void fail(struct node *node, int32_t peer, uint64_t id, bool closed)
{
    struct raft_event event = {.type = RAFT_EVENT_FAILED, .u.failed = {peer, id, closed}};
    if (!node->obeying) {
        node_step(node, &event, SLICE_NULL);
        return;
    }
    if (node->failed_count == node->failed_cap) {
        node->failed_cap = node->failed_cap == 0 ? 8 : node->failed_cap * 2;
        node->failed = mem_realloc(node->failed, (size_t)node->failed_cap * sizeof *node->failed);
    }
    node->failed[node->failed_count++] = event;
}

static void on_done(void *arg, enum err e, const void *wire, struct net_response *raw)
{
    struct node_call *call = arg;
    struct node *node = call->peer->node;
    (void)raw;
    list_remove(&call->node);
    if (node->closed) {
        mem_free(call);
        return;
    }
    if (e == ERR_NONE) {
        on_response(node, call, wire);
    } else if (e == ERR_UNSUPPORTED && call->rpc == RAFT_RPC_VOTE) {
        /* The peer is from before KIP-996: the core must know that it cannot ask for pre-votes. */
        struct raft_response response = {.rpc = RAFT_RPC_VOTE,
                                         .error = ERR_UNSUPPORTED_VERSION,
                                         .leader_epoch = -1,
                                         .leader_id = RAFT_NOBODY};
        struct raft_event event = {.type = RAFT_EVENT_RESPONSE,
                                   .u.response = {call->peer->id, call->id, &response}};
        node_step(node, &event, SLICE_NULL);
    } else {
        try_other_address(call->peer);
        /* Maybe in the middle of it: a new address closes the connection to the old one. */
        fail(node, call->peer->id, call->id, e == ERR_CLOSED);
    }
    mem_free(call);
}

/* ---- calls ---- */

static int16_t choose_version(const struct net_client *client, const struct raft_request *request)
{
    int16_t ours = node_rpc_version_max(request->rpc);
    int16_t theirs = net_client_max_version(client, node_rpc_api(request->rpc));
    bool pre_vote = request->rpc == RAFT_RPC_VOTE && request->u.vote.pre_vote;
    return theirs < 0 || theirs > ours || pre_vote ? ours : theirs;
}

void node_send(struct node *node, const struct raft_message *message)
{
    const struct raft_request *request = &message->request;
    struct node_peer *peer = get_peer(node, message->to);
    if (peer == NULL) {
        fail(node, message->to, message->id, false);
        return;
    }
    struct node_call *call = MEM_NEW(struct node_call);
    call->peer = peer;
    call->id = message->id;
    call->rpc = request->rpc;
    bool fetches = request->rpc == RAFT_RPC_FETCH || request->rpc == RAFT_RPC_FETCH_SNAPSHOT;
    call->client = fetches ? peer->fetch : peer->other;
    list_add_tail(&peer->calls, &call->node);

    struct arena arena = {0};
    int16_t version = choose_version(call->client, request);
    struct net_call_args args = {
        .api = node_rpc_api(request->rpc),
        .version = version,
        .request = node_encode_request(node, request, version, &arena),
        .timeout_ms = node->options.timers.request_timeout_ms,
        .done = on_done,
        .arg = call,
    };
    net_call(call->client, &args);
    arena_fini(&arena);
}

void node_learn_address(struct node *node, int32_t id, struct slice host, int32_t port)
{
    if (id == node->options.node_id || !node_address_learn(&node->addresses, id, host, port)) {
        return;
    }
    move_peer(node, id);
    if (id == node->view.leader_id) {
        node_notify(node);
    }
}
