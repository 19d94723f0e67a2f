/* Rates of replication for replicas that are being moved (KIP-73).
 *
 * A topic names the replicas that are throttled (leader.replication.throttled.replicas,
 * follower.replication.throttled.replicas), a broker the bytes a second that it serves or fetches
 * for all of them together (leader.replication.throttled.rate,
 * follower.replication.throttled.rate). Only replicas that are not in sync are held up, so that a
 * rate that is too low slows moves down and nothing else.
 *
 * Bytes are taken from an allowance that grows with time, up to that of one second. Taking may
 * make it negative; until it is not, nothing more is to be taken. */
#ifndef BROKER_THROTTLE_H
#define BROKER_THROTTLE_H

#include "base/base.h"

struct broker_throttle {
    int64_t rate; /* bytes a second; INT64_MAX: no limit */
    int64_t allowance;
    int64_t at_ms; /* when `allowance` was true */
};

void broker_throttle_set_rate(struct broker_throttle *throttle, int64_t rate);

/* Must nothing be taken now? */
bool broker_throttle_exceeded(struct broker_throttle *throttle, int64_t now_ms);

void broker_throttle_take(struct broker_throttle *throttle, int64_t bytes, int64_t now_ms);

#endif
