/* What the files of broker/fetcher.h share: one source per leader, one entry per partition. */
#ifndef BROKER_FETCHER_PRIVATE_H
#define BROKER_FETCHER_PRIVATE_H

#include "base/arena.h"
#include "broker/fetcher.h"
#include "wire/messages.h"

enum {
    FETCH_VERSION = 15,        /* topic ids, broker epoch (KIP-903) */
    FETCH_LIST_VERSION = 6,    /* ListOffsets with leader epochs */
    FETCH_BACKOFF_MIN_MS = 20, /* a new leader needs a moment to learn that it leads */
    FETCH_NO_SESSION = 0,
    FETCH_EPOCH_FULL = 0 /* session epoch of a request that begins a session */
};

/* What a request asks for at most; none of these settings changes while a broker runs. */
struct fetch_limits {
    int32_t wait_ms_max;
    int32_t bytes_min;
    int32_t bytes_max;
    int32_t partition_bytes_max;
};

/* A leader and what is fetched from it. */
struct fetch_source {
    struct broker *broker;
    struct fetch_limits limits;
    int32_t leader_id;
    struct net_client *client; /* NULL while its address is unknown */
    struct list partitions;    /* struct fetch_partition */
    struct list changed;       /* those that the next request must name */
    struct buf forgotten;      /* keys (REPLICA_KEY_LEN each) to take out of the session */
    int32_t session_id;
    int32_t session_epoch;
    bool in_flight;
    bool send_deferred;
    bool has_new;      /* a partition joined since the last request */
    bool answered;     /* since the session was reset: what there is to know of it is known */
    bool hurried;      /* the request before the one in flight is still to be answered */
    uint64_t requests; /* sent ever */
    struct net_timer retry_timer;
    int64_t backoff_ms;
};

/* A partition that follows. Whatever was asked for is compared with the log when the answer comes:
 * only an answer to exactly the present position is used. */
struct fetch_partition {
    struct fetch_source *source;
    struct replica *replica;
    struct list node;    /* in source->partitions */
    struct list changed; /* in source->changed; alone: not changed */
    bool in_session;     /* the leader's session names it */
    int64_t sent_offset; /* as the session knows; −1 never sent */
    int32_t sent_epoch;
    uint64_t sent_in; /* the request that named it last, by its number */
    int64_t backoff_ms;
    struct net_timer backoff_timer; /* set: left out of requests until it fires */
    bool resolving;                 /* a ListOffsets is under way */
};

/* The session epoch behind `epoch`. */
static inline int32_t fetch_next_epoch(int32_t epoch)
{
    return epoch == INT32_MAX ? 1 : epoch + 1;
}

/* The partition must be named again: its position changed. */
void fetch_partition_changed(struct fetch_partition *p);

/* The partition comes, or comes back: it does not wait for the end of the poll under way. */
void fetch_partition_join(struct fetch_partition *p);

/* Takes the partition out of the leader's session. */
void fetch_partition_leave(struct fetch_partition *p);

/* Leaves the partition alone for a while, longer each time in a row. */
void fetch_partition_back_off(struct fetch_partition *p);

/* Leaves the partition alone while the rate of throttled replicas is used up and it is one of them
 * that is not in sync; true: it pauses. */
bool fetch_partition_maybe_pause(struct fetch_partition *p);

/* fetcher_request.c: builds the request into `out`; false: there is nothing to ask for. */
bool fetch_request_build(struct fetch_source *source, struct arena *arena,
                         struct wire_fetch_request *out);

/* fetcher_response.c: uses what the leader answered to that request. */
void fetch_response_apply(struct fetch_source *source, const struct wire_fetch_response *response,
                          uint64_t request);

/* fetcher_range.c: our offset is not in the leader's log: ask for its range and cut or restart. */
void fetch_partition_resolve(struct fetch_partition *p);

#endif
