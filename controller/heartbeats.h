/* Sessions of brokers. SOFT STATE: it lives in the memory of the active controller, is not in the
 * log, and begins anew with each leader of the quorum, who grants every unfenced broker some time
 * to find it. What follows from it (a broker is fenced) is decided on the image and is in the log.
 *
 * An unfenced broker is stale
 *   - when it has been silent for broker.session.timeout.ms, or
 *   - when the connection that carried its heartbeats closed and no heartbeat came on another one
 *     within craft.broker.disconnect.grace.ms. A killed process closes its connections at once, so
 *     this finds most failures long before the session ends; and at once, without the grace, when
 *     the broker's own address refuses a new connection (reach.h).
 * All that are hints about time only: what keeps a broker from acting after it was fenced are
 * epochs.
 *
 * Fenced brokers have a session without a deadline. */
#ifndef CONTROLLER_HEARTBEATS_H
#define CONTROLLER_HEARTBEATS_H

#include "base/map.h"
#include "controller/decide/brokers.h"
#include "net/net.h"

struct heartbeats {
    struct net_loop *loop;
    const struct log *log;
    int64_t session_timeout_ms;
    int64_t grace_ms;
    int64_t discovery_ms; /* how long a living broker may take to find a new active controller */
    /* A broker is stale; from the loop. It counts as fenced from then on. `event`: SESSION_ENDED,
     * CONNECTION_LOST or BROKER_GONE. */
    void (*stale)(void *arg, int32_t broker_id, enum metadata_event event);
    /* A broker said that it has applied more, or its session ended; may be NULL. */
    void (*progress)(void *arg);
    /* Where that broker listens, borrowed until the loop turns; NULL: it is not known. */
    const struct metadata_endpoint *(*address)(void *arg, int32_t broker_id);
    void *arg;

    /* Private. */
    struct map sessions; /* by broker id */
    struct list silent;  /* tracked sessions by last contact, oldest first */
    struct list lost;    /* tracked sessions whose connection closed, by when, oldest first */
    struct net_timer timer;
    int64_t due_ms; /* when the timer should fire */
};

/* The caller has set the members above the private ones. */
void controller_heartbeats_init(struct heartbeats *h);
void controller_heartbeats_fini(struct heartbeats *h);

/* This controller became active: all unfenced brokers of the image have a session from now on. */
void controller_heartbeats_begin(struct heartbeats *h, const struct metadata_image *image);

/* It is not active any more: all sessions are forgotten. */
void controller_heartbeats_clear(struct heartbeats *h);

/* A heartbeat or registration of a registered broker came over `conn`. */
struct heartbeat_contact {
    int32_t broker_id;
    int64_t broker_epoch;
    int64_t metadata_offset; /* that the broker has applied; -1: it did not say */
    int64_t committed;       /* the last offset that is committed now */
    struct net_conn *conn;
};
void controller_heartbeats_touch(struct heartbeats *h, const struct heartbeat_contact *contact);

/* The state of a broker as of now; `offset`: end of the operation that brought it there. */
void controller_heartbeats_set_state(struct heartbeats *h, int32_t broker_id,
                                     enum decide_broker_state state, int64_t offset);

/* The broker could not be fenced just now: it is reported again after the grace. */
void controller_heartbeats_retry(struct heartbeats *h, int32_t broker_id);

/* The broker is unregistered. */
void controller_heartbeats_forget(struct heartbeats *h, int32_t broker_id);

/* Is a process there behind this unfenced broker's session: is its connection open? */
bool controller_heartbeats_is_live(const struct heartbeats *h, int32_t broker_id);

/* What is known of a broker's heartbeats; -1 where nothing is. */
struct heartbeat_view {
    int64_t age_ms;          /* since the last one */
    int64_t metadata_offset; /* that it has applied */
    int64_t behind_ms;       /* since it last had all that was committed */
};
struct heartbeat_view controller_heartbeats_view(const struct heartbeats *h, int32_t broker_id);

/* How far unfenced brokers have applied the log, one after the other: `size_t at = 0`; false at the
 * end. */
struct heartbeat_progress {
    int32_t broker_id;
    int64_t metadata_offset; /* -1: it has not said yet */
};
bool controller_heartbeats_next(const struct heartbeats *h, size_t *at,
                                struct heartbeat_progress *out);

/* What a decision about a heartbeat of this broker must know. */
struct decide_heartbeat_soft controller_heartbeats_soft(const struct heartbeats *h,
                                                        int32_t broker_id);

#endif
