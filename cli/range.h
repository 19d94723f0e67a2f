/* Kafka's range assignor: of each topic, every member gets partitions that lie side by side, and
 * the first members one more if they do not come out even. Pure. */
#ifndef CLI_RANGE_H
#define CLI_RANGE_H

#include "cli/group.h"

struct range_member {
    struct slice id;
    struct slice instance_id; /* null: none; who has one comes first */
    const struct slice *topics;
    int32_t topic_count;
    struct group_partitions assigned; /* the answer */
};

struct range_topic {
    struct slice name;
    int32_t partition_count;
};

/* Orders the members and fills `assigned`, from the arena. A member's topic that is none of
 * `topics` has no partitions. */
void range_assign(struct range_member *members, int32_t member_count,
                  const struct range_topic *topics, int32_t topic_count, struct arena *arena);

#endif
