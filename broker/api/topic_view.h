/* What several APIs tell of topics and partitions in the same words. */
#ifndef BROKER_API_TOPIC_VIEW_H
#define BROKER_API_TOPIC_VIEW_H

#include "base/arena.h"
#include "broker/broker.h"

/* May a topic have this name? */
bool topic_view_name_is_legal(struct slice name);

/* Unfenced, and to be reached through that listener? */
bool topic_view_is_alive(const struct broker *broker, int32_t id, struct slice listener);

/* The leader if it is alive, else −1. */
int32_t topic_view_leader(const struct broker *broker, const struct metadata_partition *p,
                          struct slice listener);

/* A copy, as responses want it. */
int32_t *topic_view_ids(struct arena *arena, struct metadata_ids ids, int32_t *count);

/* The replicas whose broker is not alive or whose directory has failed (KIP-858). */
int32_t *topic_view_offline(const struct broker *broker, const struct metadata_partition *p,
                            struct slice listener, struct arena *arena, int32_t *count);

#endif
