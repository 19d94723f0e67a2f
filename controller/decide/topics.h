/* Creating and deleting topics (KIP-4, KIP-516). */
#ifndef CONTROLLER_DECIDE_TOPICS_H
#define CONTROLLER_DECIDE_TOPICS_H

#include "controller/decide/decision.h"
#include "wire/messages.h"

/* Answers each topic by itself; the records of one topic are one batch: topic, configurations,
 * partitions. Per topic: INVALID_REQUEST (twice in the request; internal name),
 * INVALID_TOPIC_EXCEPTION, TOPIC_ALREADY_EXISTS, INVALID_PARTITIONS, INVALID_REPLICATION_FACTOR,
 * INVALID_REPLICA_ASSIGNMENT, INVALID_CONFIG; POLICY_VIOLATION for all when the request asks for
 * more than DECIDE_PARTITIONS_MAX partitions. */
void decide_create_topics(const struct decide_input *in,
                          const struct wire_create_topics_request *request, struct decision *out);

/* Per topic: INVALID_REQUEST (twice in the request; name and id both or neither given),
 * UNKNOWN_TOPIC_ID, UNKNOWN_TOPIC_OR_PARTITION, TOPIC_DELETION_DISABLED. */
void decide_delete_topics(const struct decide_input *in,
                          const struct wire_delete_topics_request *request, struct decision *out);

#endif
