/* Requests to the active controller.
 *
 * The observer of the metadata log tells who leads the quorum; requests go there. Answers come in
 * the order of the requests, so there are three pipelined connections: for heartbeats, for what the
 * broker itself asks, and for what it forwards for clients, whose answers may wait for a while.
 * While nobody leads, requests wait until their deadline. A connection that closes is told to the
 * observer as a hint. */
#ifndef BROKER_CHANNEL_H
#define BROKER_CHANNEL_H

#include "broker/broker.h"

enum broker_channel_line {
    BROKER_CHANNEL_HEARTBEAT,
    BROKER_CHANNEL_REQUESTS,
    BROKER_CHANNEL_FORWARDED,
};

struct broker_channel_call {
    enum broker_channel_line line;
    int16_t api;
    int16_t version;
    const void *request; /* struct wire_…_request; encoded before the call returns */
    int64_t timeout_ms;  /* retries included */
    /* Looks at the response: true if it says that this is not the active controller; then it is
     * found again and the request is sent again within the deadline. */
    bool (*not_controller)(const void *response);
    bool once; /* a closed connection ends it: the request may have arrived, or arrive yet */
    net_call_done *done; /* once; ERR_TIMED_OUT when the deadline passes, ERR_CLOSED at the end */
    void *arg;
};

struct broker_channel *broker_channel_new(struct broker *broker);
void broker_channel_free(struct broker_channel *channel);

void broker_channel_send(struct broker_channel *channel, const struct broker_channel_call *call);

/* Fails all calls of `arg` without calling `done`. */
void broker_channel_cancel(struct broker_channel *channel, void *arg);

/* From the observer: the quorum's leader and where it listens (host NULL: unknown). */
void broker_channel_leader(struct broker_channel *channel, int32_t id, const char *host,
                           uint16_t port);

#endif
