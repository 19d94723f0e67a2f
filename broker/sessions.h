/* Fetch sessions (KIP-227): a client names its partitions once and then only what changed.
 *
 * api/fetch.c asks here which partitions a request means and works on the entries in their order;
 * what an entry remembers of its last answer decides whether an incremental answer repeats it. A
 * request without a session gets one of its own that ends with it, so that there is one kind of
 * work only.
 *
 * A session costs what happens in it, not what it names: entries that an answer would not name, and
 * could not until something happens to their replica, are at rest; all others are due, and only
 * those are looked at. broker/session_entry.c keeps the two apart. At most
 * max.incremental.fetch.session.cache.slots sessions: unused ones (2 minutes) go first, then
 * consumers' before followers', smaller before larger. */
#ifndef BROKER_SESSIONS_H
#define BROKER_SESSIONS_H

#include "base/map.h"
#include "broker/replica.h"
#include "wire/messages.h"

/* A partition of a session. */
struct fetch_entry {
    struct fetch_session *session;
    struct list node;     /* in session->entries */
    struct list due_node; /* in session->due; alone: at rest */
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
    /* Where it reads: told of what happens there. */
    struct replica *watched; /* NULL: nowhere */
    struct replica_wait wait;
};

struct fetch_session {
    int32_t id;         /* 0: ends with its request */
    int32_t epoch;      /* of the next request */
    bool incremental;   /* answer only what changed */
    int32_t replica_id; /* of the follower whose it is; −1: a consumer's */
    bool by_id;         /* topics are named by id */
    int64_t last_used_ms;
    int64_t created_ms;
    struct list entries; /* struct fetch_entry */
    size_t count;
    struct list due; /* those to be looked at, the longest due first */
    size_t due_count;
    struct map by_key;
    struct list node; /* in the cache, least recently used first */
    /* The request that works or is parked on it; how to make it answer at once, and how to tell it
     * that there may be more to read. */
    void *parked;
    void (*hurry)(void *parked);
    void (*woken)(void *parked);
};

static inline bool fetch_session_is_follower(const struct fetch_session *session)
{
    return session->replica_id >= 0;
}

struct broker_sessions *broker_sessions_new(struct broker *broker);
void broker_sessions_free(struct broker_sessions *sessions);

/* The session that the request means, with its partitions brought up to date.
 * Errors: FETCH_SESSION_ID_NOT_FOUND, INVALID_FETCH_SESSION_EPOCH, FETCH_SESSION_TOPIC_ID_ERROR. */
enum err broker_session_open(struct broker_sessions *sessions,
                             const struct wire_fetch_request *request, int16_t version,
                             struct fetch_session **out) MUST_USE;

/* ---- entries (broker/session_entry.c) ---- */

/* The entry is to be looked at. */
void fetch_entry_due(struct fetch_entry *entry);

/* From now on `r`, where the entry was found to read, makes it due again. NULL: nothing does. */
void fetch_entry_watch(struct fetch_entry *entry, struct replica *r);

/* Nothing is to be said of it, nor of a follower noted, until something happens where it reads,
 * which must be watched. A follower that rests asks for the end of the log. */
void fetch_entry_rest(struct fetch_entry *entry);

/* ---- the end of a request ---- */

/* The request was answered: a session without an id ends, another waits for its next request. */
void broker_session_done(struct broker_sessions *sessions, struct fetch_session *session);

#endif
