/* Moving partitions: AlterPartitionReassignments and ListPartitionReassignments (KIP-455, KIP-860).
 *
 * A partition that is being moved from the replicas C to T has the replicas T ++ (C − T), of which
 * T − C are `adding` and C − T are `removing`. Brokers follow that list: added ones make a log and
 * catch up. The change that brings the last of T into the ISR ends the move (decide/elect.h): the
 * removing ones are dropped, and the leader with them if it is one of them.
 *
 * A new target replaces the one under way: C is then what the partition had before any move. What
 * was only being added for the old target is dropped at once. Where the new target is C itself,
 * that is the end of the move. */
#ifndef CONTROLLER_DECIDE_REASSIGN_H
#define CONTROLLER_DECIDE_REASSIGN_H

#include "controller/decide/decision.h"
#include "wire/messages.h"

/* One atomic batch for the whole request; partitions that are refused do not stop the others.
 *
 * Errors: top level POLICY_VIOLATION (more than DECIDE_RECORDS_MAX partitions); per partition
 * UNKNOWN_TOPIC_OR_PARTITION, INVALID_REPLICA_ASSIGNMENT, INVALID_REPLICATION_FACTOR (not the
 * present number, and the request does not allow that), NO_REASSIGNMENT_IN_PROGRESS (a
 * cancellation), INVALID_REQUEST (named twice). A cancellation that would leave only replicas that
 * are not in sync is refused unless the topic allows unclean elections. */
void decide_alter_reassignments(const struct decide_input *in,
                                const struct wire_alter_partition_reassignments_request *request,
                                struct decision *out);

/* What is being moved: of the partitions named, or everywhere. No records. What does not exist and
 * what does not move is left out. */
void decide_list_reassignments(const struct decide_input *in,
                               const struct wire_list_partition_reassignments_request *request,
                               struct decision *out);

#endif
