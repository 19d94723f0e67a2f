/* Group coordinators: one pure group_shard (broker/group/) per led partition of
 * __consumer_offsets, with its loading, its writes and its timers. */
#ifndef BROKER_GROUPS_H
#define BROKER_GROUPS_H

#include "broker/replica.h"

struct broker_groups *broker_groups_new(struct broker *broker);
void broker_groups_free(struct broker_groups *groups);

/* This broker became leader of / stopped leading a partition of __consumer_offsets. */
void broker_groups_elected(struct broker_groups *groups, struct replica *r);
void broker_groups_resigned(struct broker_groups *groups, int32_t partition);

/* There is a new image; topics_changed as in group_shard_set_image(). */
void broker_groups_publish(struct broker_groups *groups, bool topics_changed);

/* Topics were deleted: their committed offsets go. */
void broker_groups_topic_deleted(struct broker_groups *groups, struct slice topic,
                                 struct uuid topic_id);

#endif
