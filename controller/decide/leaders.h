/* Who leads, when nobody failed: the balance of preferred leaders, leaders for partitions without
 * one, and ElectLeaders (KIP-460). */
#ifndef CONTROLLER_DECIDE_LEADERS_H
#define CONTROLLER_DECIDE_LEADERS_H

#include "controller/decide/decision.h"
#include "wire/messages.h"

/* Elections of one periodic run; the next run follows at once when this many were needed. */
enum { DECIDE_ELECTIONS_MAX = 1000 };

/* Partitions that are led by another than their first replica, where that one is fit to lead. */
void decide_balance_leaders(const struct decide_input *in, struct decision *out);

/* Partitions without a leader, by the election that their topic allows. */
void decide_elect_unled(const struct decide_input *in, struct decision *out);

/* Errors: top level INVALID_REQUEST (unknown type); per partition UNKNOWN_TOPIC_OR_PARTITION,
 * ELECTION_NOT_NEEDED, PREFERRED_LEADER_NOT_AVAILABLE, ELIGIBLE_LEADERS_NOT_AVAILABLE. */
void decide_elect_leaders(const struct decide_input *in,
                          const struct wire_elect_leaders_request *request, struct decision *out);

#endif
