/* AssignReplicasToDirs: a broker tells in which of its log directories replicas are (KIP-858). */
#ifndef CONTROLLER_DECIDE_DIRS_H
#define CONTROLLER_DECIDE_DIRS_H

#include "controller/decide/decision.h"
#include "wire/messages.h"

/* Answers each partition by itself: UNKNOWN_TOPIC_ID, UNKNOWN_TOPIC_OR_PARTITION,
 * NOT_LEADER_OR_FOLLOWER (the broker has no replica of it). A replica in a directory that is not
 * registered (it has failed meanwhile) leaves the ISR and does not lead. */
void decide_assign_replicas_to_dirs(const struct decide_input *in,
                                    const struct wire_assign_replicas_to_dirs_request *request,
                                    struct decision *out);

#endif
