/* What craft group shows of one consumer group. */
#ifndef CLI_GROUP_H
#define CLI_GROUP_H

#include "cli/cluster.h"

/* A partition that the group has committed an offset of, or that a member consumes. */
struct group_offset {
    struct slice topic;
    int32_t partition;
    int64_t committed; /* −1: none */
    int64_t log_end;   /* −1: not known */
    enum err error;    /* why not */
    struct slice metadata;
    const struct wire_describe_groups_response_groups_members *member; /* NULL: nobody */
};

struct group {
    const struct wire_describe_groups_response_groups *wire;
    int32_t coordinator;
    struct group_offset *offsets; /* by topic and partition */
    int32_t offset_count;
};

/* The partitions that a member was given, by the embedded protocol of consumers; nothing if the
 * bytes are of another protocol. Arrays come from the arena. Pure. */
void group_assignment(struct slice bytes, struct arena *arena,
                      struct wire_consumer_protocol_assignment *out);

/* Asks coordinator and leaders. Everything lives as long as client and arena. */
enum err group_find(struct cluster *cluster, struct slice name, struct arena *arena,
                    struct group *out) MUST_USE;

void group_print(const struct group *group, enum table_format format, struct buf *out);

#endif
