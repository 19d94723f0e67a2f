/* The range assignor; see range.h. */
#include "cli/range.h"

#include <stdlib.h>

static int compare_members(const void *a, const void *b)
{
    const struct range_member *x = a;
    const struct range_member *y = b;
    bool x_is_static = !slice_is_null(x->instance_id);
    bool y_is_static = !slice_is_null(y->instance_id);
    if (x_is_static && y_is_static) {
        return slice_cmp(x->instance_id, y->instance_id);
    }
    return x_is_static != y_is_static ? y_is_static - x_is_static : slice_cmp(x->id, y->id);
}

static bool wants(const struct range_member *member, struct slice topic)
{
    for (int32_t i = 0; i < member->topic_count; i++) {
        if (slice_eq(member->topics[i], topic)) {
            return true;
        }
    }
    return false;
}

static void assign_topic(struct range_member *members, int32_t member_count,
                         const struct range_topic *topic)
{
    int32_t consumers = 0;
    for (int32_t i = 0; i < member_count; i++) {
        consumers += wants(&members[i], topic->name);
    }
    int32_t next = 0;
    int32_t consumer = 0;
    for (int32_t i = 0; i < member_count; i++) {
        if (!wants(&members[i], topic->name)) {
            continue;
        }
        int32_t share =
            topic->partition_count / consumers + (consumer++ < topic->partition_count % consumers);
        struct group_partitions *assigned = &members[i].assigned;
        for (; share > 0; share--) {
            assigned->items[assigned->count++] = (struct group_partition){topic->name, next++};
        }
    }
}

void range_assign(struct range_member *members, int32_t member_count,
                  const struct range_topic *topics, int32_t topic_count, struct arena *arena)
{
    size_t total = 0;
    for (int32_t i = 0; i < topic_count; i++) {
        total += (size_t)topics[i].partition_count;
    }
    qsort(members, (size_t)member_count, sizeof *members, compare_members);
    for (int32_t i = 0; i < member_count; i++) {
        members[i].assigned =
            (struct group_partitions){ARENA_ARRAY(arena, total + 1, struct group_partition), 0};
    }
    for (int32_t i = 0; i < topic_count; i++) {
        assign_topic(members, member_count, &topics[i]);
    }
}
