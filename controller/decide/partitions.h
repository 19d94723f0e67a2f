/* More partitions for topics that exist (KIP-195). */
#ifndef CONTROLLER_DECIDE_PARTITIONS_H
#define CONTROLLER_DECIDE_PARTITIONS_H

#include "controller/decide/decision.h"
#include "wire/messages.h"

/* Answers each topic by itself; the new partitions of a topic are one batch. Per topic:
 * INVALID_REQUEST (twice in the request), UNKNOWN_TOPIC_OR_PARTITION, INVALID_PARTITIONS (not more
 * than there are), INVALID_REPLICA_ASSIGNMENT, INVALID_REPLICATION_FACTOR; POLICY_VIOLATION for all
 * when the request asks for more than DECIDE_PARTITIONS_MAX partitions. */
void decide_create_partitions(const struct decide_input *in,
                              const struct wire_create_partitions_request *request,
                              struct decision *out);

#endif
