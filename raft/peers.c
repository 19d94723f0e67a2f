/* Requests in flight. */
#include "raft/peers.h"

struct raft_peer *raft_peers_get(struct raft_peers *peers, int32_t id)
{
    struct raft_peer *oldest = NULL;
    for (int i = 0; i < peers->count; i++) {
        struct raft_peer *peer = &peers->items[i];
        if (peer->id == id) {
            return peer;
        }
        if (oldest == NULL || peer->sent_ms < oldest->sent_ms) {
            oldest = peer;
        }
    }
    struct raft_peer *fresh =
        peers->count < RAFT_PEERS_MAX ? &peers->items[peers->count++] : oldest;
    *fresh = (struct raft_peer){.id = id};
    return fresh;
}

static void fail(const struct raft_peers *peers, struct raft_peer *peer, int64_t now_ms)
{
    peer->request_id = 0;
    int exponent = peer->failures < 10 ? peer->failures : 10;
    peer->failures++;
    peer->ready_ms =
        now_ms + min_i64((int64_t)peers->backoff_ms << exponent, peers->backoff_max_ms);
}

int64_t raft_peers_ready_ms(struct raft_peers *peers, int32_t id, int64_t now_ms)
{
    struct raft_peer *peer = raft_peers_get(peers, id);
    if (peer->request_id != 0) {
        int64_t expires_ms = peer->sent_ms + peers->request_timeout_ms;
        if (expires_ms > now_ms) {
            return expires_ms;
        }
        fail(peers, peer, now_ms);
    }
    return peer->ready_ms;
}

uint64_t raft_peers_sent(struct raft_peers *peers, int32_t id, enum raft_rpc rpc, int64_t now_ms)
{
    struct raft_peer *peer = raft_peers_get(peers, id);
    ASSERT(peer->request_id == 0);
    peer->request_id = ++peers->last_request_id;
    peer->rpc = rpc;
    peer->sent_ms = now_ms;
    return peer->request_id;
}

bool raft_peers_succeeded(struct raft_peers *peers, int32_t id, uint64_t request_id)
{
    struct raft_peer *peer = raft_peers_get(peers, id);
    if (request_id == 0 || peer->request_id != request_id) {
        return false;
    }
    peer->request_id = 0;
    peer->ready_ms = 0;
    peer->failures = 0;
    return true;
}

bool raft_peers_failed(struct raft_peers *peers, int32_t id, uint64_t request_id, int64_t now_ms)
{
    struct raft_peer *peer = raft_peers_get(peers, id);
    if (request_id == 0 || peer->request_id != request_id) {
        return false;
    }
    fail(peers, peer, now_ms);
    return true;
}

void raft_peers_back_off(struct raft_peers *peers, int32_t id, int64_t now_ms)
{
    raft_peers_get(peers, id)->ready_ms = now_ms + peers->backoff_ms;
}

void raft_peers_hurry(struct raft_peers *peers, int32_t id)
{
    raft_peers_get(peers, id)->ready_ms = 0;
}

void raft_peers_give_up(struct raft_peers *peers)
{
    for (int i = 0; i < peers->count; i++) {
        peers->items[i].request_id = 0;
    }
}
