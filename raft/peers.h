/* One request at a time per destination, with a timeout, and a backoff that grows while nothing
 * comes back. */
#ifndef RAFT_PEERS_H
#define RAFT_PEERS_H

#include "raft/raft.h"

/* Destinations are voters, bootstrap addresses and now and then a leader outside the voter set. A
 * full table forgets the one unused for longest. */
enum { RAFT_PEERS_MAX = RAFT_VOTERS_MAX + RAFT_BOOTSTRAP_MAX + 1 };

struct raft_peer {
    int32_t id;
    uint64_t request_id; /* of the request in flight; 0: none */
    enum raft_rpc rpc;   /* of that request */
    int64_t sent_ms;
    int64_t ready_ms; /* backing off until then */
    int failures;     /* in a row */
};

struct raft_peers {
    struct raft_peer items[RAFT_PEERS_MAX];
    int count;
    uint64_t last_request_id;
    int32_t request_timeout_ms;
    int32_t backoff_ms;
    int32_t backoff_max_ms;
};

/* The entry of `id`, made if there is none. */
struct raft_peer *raft_peers_get(struct raft_peers *peers, int32_t id);

/* From when on a request may be sent; `now_ms` or earlier means at once. A request in flight for
 * longer than the timeout counts as failed here. */
int64_t raft_peers_ready_ms(struct raft_peers *peers, int32_t id, int64_t now_ms);

/* Notes that a request is on its way; returns its id. */
uint64_t raft_peers_sent(struct raft_peers *peers, int32_t id, enum raft_rpc rpc, int64_t now_ms);

/* Takes note of the end of request `request_id`; false if that is not the one in flight (late, or
 * given up), which then must have no effect. */
bool raft_peers_succeeded(struct raft_peers *peers, int32_t id, uint64_t request_id);
bool raft_peers_failed(struct raft_peers *peers, int32_t id, uint64_t request_id, int64_t now_ms);

/* An answer came, but one that is no reason to ask again at once. */
void raft_peers_back_off(struct raft_peers *peers, int32_t id, int64_t now_ms);

/* Asks again without waiting. */
void raft_peers_hurry(struct raft_peers *peers, int32_t id);

/* Gives up all that is in flight: the role for which it was asked is gone. */
void raft_peers_give_up(struct raft_peers *peers);

#endif
