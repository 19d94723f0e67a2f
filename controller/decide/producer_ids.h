/* Blocks of producer ids for brokers (KIP-730). */
#ifndef CONTROLLER_DECIDE_PRODUCER_IDS_H
#define CONTROLLER_DECIDE_PRODUCER_IDS_H

#include "controller/decide/decision.h"
#include "wire/messages.h"

enum { DECIDE_PRODUCER_ID_BLOCK = 1000 };

/* Errors in the response: STALE_BROKER_EPOCH, UNKNOWN_SERVER_ERROR (all 2^63 are given out). */
void decide_allocate_producer_ids(const struct decide_input *in,
                                  const struct wire_allocate_producer_ids_request *request,
                                  struct decision *out);

#endif
