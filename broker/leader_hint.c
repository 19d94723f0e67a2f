/* New leaders told along with errors. */
#include "broker/leader_hint.h"

struct broker_leader_hint broker_leader_hint(const struct broker *broker, struct uuid topic_id,
                                             int32_t index, enum err error)
{
    struct broker_leader_hint none = {-1, -1};
    if (error != ERR_NOT_LEADER_OR_FOLLOWER && error != ERR_FENCED_LEADER_EPOCH) {
        return none;
    }
    const struct metadata_topic *topic = metadata_topic_by_id(broker->image, topic_id);
    if (topic == NULL || index < 0 || index >= topic->partition_count) {
        return none;
    }
    const struct metadata_partition *p = metadata_partition(topic, index);
    if (p->leader < 0 || p->leader == broker->id) {
        return none;
    }
    return (struct broker_leader_hint){p->leader, p->leader_epoch};
}

void broker_hinted_add(struct broker_hinted *hinted, struct arena *arena, int32_t leader_id)
{
    for (int i = 0; i < hinted->count; i++) {
        if (hinted->ids[i] == leader_id) {
            return;
        }
    }
    if (hinted->count == hinted->max) {
        int max = hinted->max == 0 ? 4 : hinted->max * 2;
        int32_t *ids = arena_array(arena, (size_t)max, sizeof *ids);
        if (hinted->count > 0) {
            memcpy(ids, hinted->ids, (size_t)hinted->count * sizeof *ids);
        }
        hinted->ids = ids;
        hinted->max = max;
    }
    hinted->ids[hinted->count++] = leader_id;
}
