/* Who leads a partition now, for clients that asked the wrong broker (KIP-951). */
#ifndef BROKER_LEADER_HINT_H
#define BROKER_LEADER_HINT_H

#include "broker/broker.h"

struct broker_leader_hint {
    int32_t leader_id; /* −1: nothing to tell */
    int32_t leader_epoch;
};

/* The leader by the newest image when `error` is one that a new leader mends
 * (NOT_LEADER_OR_FOLLOWER, FENCED_LEADER_EPOCH), else {−1, −1}. */
struct broker_leader_hint broker_leader_hint(const struct broker *broker, struct uuid topic_id,
                                             int32_t index, enum err error);

/* Leaders already told in a response, each once. */
struct broker_hinted {
    int32_t *ids; /* from the arena, room for `max` */
    int count;
    int max;
};

/* Notes a leader whose address the response should carry. */
void broker_hinted_add(struct broker_hinted *hinted, struct arena *arena, int32_t leader_id);

#endif
