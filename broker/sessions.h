/* Fetch sessions (KIP-227): a client names its partitions once and then only what changed.
 *
 * api/fetch.c asks here which partitions a request means and works on the entries in their order;
 * what an entry remembers of its last answer decides whether an incremental answer repeats it. A
 * request without a session gets one of its own that ends with it, so that there is one kind of
 * work only. At most max.incremental.fetch.session.cache.slots sessions: unused ones (2 minutes) go
 * first, then consumers' before followers', smaller before larger. */
#ifndef BROKER_SESSIONS_H
#define BROKER_SESSIONS_H

#include "base/map.h"
#include "broker/replica.h"
#include "wire/messages.h"

/* A partition of a session. */
struct fetch_entry {
    struct list node;     /* in session->entries */
    struct slice key;     /* topic id or name, then index: as the client names it; owned */
    struct uuid topic_id; /* by id; by name: zero */
    struct slice topic;   /* by name: inside `key`; by id: null */
    int32_t index;
    /* What is asked. */
    int64_t fetch_offset;
    int32_t current_leader_epoch;
    int32_t last_fetched_epoch;
    int64_t log_start_offset;
    int32_t max_bytes;
    /* What was answered last. */
    int64_t answered_hw;
    int64_t answered_log_start;
    bool answered_error;
};

struct fetch_session {
    int32_t id;       /* 0: ends with its request */
    int32_t epoch;    /* of the next request */
    bool incremental; /* answer only what changed */
    bool follower;
    bool by_id; /* topics are named by id */
    int64_t last_used_ms;
    int64_t created_ms;
    struct list entries; /* struct fetch_entry */
    size_t count;
    struct map by_key;
    struct list node; /* in the cache, least recently used first */
    /* The request that is parked on it, and how to make it answer at once. */
    void *parked;
    void (*hurry)(void *parked);
};

struct broker_sessions *broker_sessions_new(struct broker *broker);
void broker_sessions_free(struct broker_sessions *sessions);

/* The session that the request means, with its partitions brought up to date.
 * Errors: FETCH_SESSION_ID_NOT_FOUND, INVALID_FETCH_SESSION_EPOCH, FETCH_SESSION_TOPIC_ID_ERROR. */
enum err broker_session_open(struct broker_sessions *sessions,
                             const struct wire_fetch_request *request, int16_t version,
                             struct fetch_session **out) MUST_USE;

/* The request was answered: a session without an id ends, another waits for its next request. */
void broker_session_done(struct broker_sessions *sessions, struct fetch_session *session);

#endif
