/* The life of a broker: registered (fenced), unfenced, in controlled shutdown, gone (KIP-631).
 *
 *   state                event                                              next state
 *   -------------------  -------------------------------------------------  -------------------
 *   (absent)             registration                                       FENCED
 *   FENCED               heartbeat: wants to shut down                      SHUTDOWN_NOW
 *                        heartbeat: has read its own registration           UNFENCED
 *   UNFENCED             heartbeat: wants to be fenced                      FENCED
 *                        heartbeat: wants to shut down, leads partitions    CONTROLLED_SHUTDOWN
 *                        heartbeat: wants to shut down, leads none          SHUTDOWN_NOW
 *                        no heartbeat for a session, connection lost        FENCED
 *   CONTROLLED_SHUTDOWN  leads none, and all active brokers know            SHUTDOWN_NOW
 *
 * Fencing moves leadership and ISRs first and marks the broker last; unfencing marks it first and
 * then elects. So at every point of the log the leaders are brokers that may lead. */
#ifndef CONTROLLER_DECIDE_BROKERS_H
#define CONTROLLER_DECIDE_BROKERS_H

#include "controller/decide/decision.h"
#include "wire/messages.h"

enum decide_broker_state {
    DECIDE_BROKER_FENCED,
    DECIDE_BROKER_UNFENCED,
    DECIDE_BROKER_CONTROLLED_SHUTDOWN,
    DECIDE_BROKER_SHUTDOWN_NOW,
};

/* What the image says of a registered broker. */
enum decide_broker_state decide_broker_state(const struct metadata_broker *broker);

/* `live`: the broker registered under this id has a session (its process seems to be there).
 * The broker epoch of a new incarnation is the offset of its registration record. Errors in the
 * response: INCONSISTENT_CLUSTER_ID, DUPLICATE_BROKER_REGISTRATION, UNSUPPORTED_VERSION,
 * INVALID_REGISTRATION; *why then has a sentence for our log (the response has no place for it). */
void decide_register_broker(const struct decide_input *in,
                            const struct wire_broker_registration_request *request, bool live,
                            struct decision *out, struct slice *why);

/* What only the active controller remembers of the brokers' heartbeats. */
struct decide_heartbeat_soft {
    int64_t shutdown_offset;      /* end of the op that began the controlled shutdown */
    int64_t lowest_active_offset; /* lowest metadata offset that an active broker reported */
};

/* *next receives the state after the records. Errors in the response: STALE_BROKER_EPOCH. */
void decide_heartbeat(const struct decide_input *in,
                      const struct wire_broker_heartbeat_request *request,
                      const struct decide_heartbeat_soft *soft, struct decision *out,
                      enum decide_broker_state *next);

/* The broker is silent. No response; no records if it is fenced already. */
void decide_fence(const struct decide_input *in, int32_t broker_id, struct decision *out);

/* Errors in the response: BROKER_ID_NOT_REGISTERED. */
void decide_unregister_broker(const struct decide_input *in,
                              const struct wire_unregister_broker_request *request,
                              struct decision *out);

/* A controller tells its endpoints. No record when nothing is new. Errors in the response:
 * UNSUPPORTED_VERSION. */
void decide_register_controller(const struct decide_input *in,
                                const struct wire_controller_registration_request *request,
                                struct decision *out);

#endif
