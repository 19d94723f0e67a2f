/* Requests that only the active controller can answer: wrapped in Envelope with the client's
 * principal and address, answered with what comes back (KIP-590). */
#ifndef BROKER_FORWARD_H
#define BROKER_FORWARD_H

#include "broker/broker.h"

struct broker_forward;

struct broker_forward *broker_forward_new(struct broker *broker);
void broker_forward_free(struct broker_forward *forward);

/* Takes over `req`. When no controller answers within request.timeout.ms the client's connection is
 * closed, which it takes as a reason to try again. */
void broker_forward(struct broker_forward *forward, struct net_request *req);

/* Creates topics on this broker's own account (auto.create.topics.enable, __consumer_offsets).
 * Requests for a name that is being created already are dropped. Nobody is told the outcome: it
 * shows in the metadata. */
void broker_forward_create_topic(struct broker_forward *forward, struct slice name);

#endif
