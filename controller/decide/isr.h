/* AlterPartition: a leader tells which replicas are in sync (KIP-497, KIP-704, KIP-903). */
#ifndef CONTROLLER_DECIDE_ISR_H
#define CONTROLLER_DECIDE_ISR_H

#include "controller/decide/decision.h"
#include "wire/messages.h"

/* Answers each partition by itself. The checks are made in the order of Kafka's controller, as the
 * leader draws conclusions from which error it gets. */
void decide_alter_partition(const struct decide_input *in,
                            const struct wire_alter_partition_request *request,
                            struct decision *out);

/* The broker is registered under that epoch. Errors: ERR_STALE_BROKER_EPOCH. */
enum err MUST_USE decide_check_epoch(const struct decide_input *in, int32_t broker_id,
                                     int64_t epoch);

#endif
