/* Names, leaders and replicas as clients are told of them. */
#include "broker/api/topic_view.h"

bool topic_view_name_is_legal(struct slice name)
{
    static const char legal[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    for (size_t i = 0; i < name.len; i++) {
        if (name.data[i] == '\0' || strchr(legal, name.data[i]) == NULL) {
            return false;
        }
    }
    return name.len > 0 && name.len <= STORE_TOPIC_MAX && !slice_eq_str(name, ".") &&
           !slice_eq_str(name, "..");
}

bool topic_view_is_alive(const struct broker *broker, int32_t id, struct slice listener)
{
    const struct metadata_broker *known = metadata_broker(broker->image, id);
    return known != NULL && !known->fenced &&
           metadata_endpoint_find(known->endpoints, listener) != NULL;
}

int32_t topic_view_leader(const struct broker *broker, const struct metadata_partition *p,
                          struct slice listener)
{
    return p->leader >= 0 && topic_view_is_alive(broker, p->leader, listener) ? p->leader : -1;
}

int32_t *topic_view_ids(struct arena *arena, struct metadata_ids ids, int32_t *count)
{
    int32_t *copy = arena_array(arena, ids.count, sizeof *copy);
    if (ids.count > 0) {
        memcpy(copy, ids.items, ids.count * sizeof *copy);
    }
    *count = (int32_t)ids.count;
    return copy;
}

int32_t *topic_view_offline(const struct broker *broker, const struct metadata_partition *p,
                            struct slice listener, struct arena *arena, int32_t *count)
{
    struct metadata_ids replicas = metadata_replicas(p);
    int32_t *offline = arena_array(arena, replicas.count, sizeof *offline);
    *count = 0;
    for (size_t i = 0; i < replicas.count; i++) {
        int32_t id = replicas.items[i];
        if (!topic_view_is_alive(broker, id, listener) ||
            !metadata_broker_dir_online(metadata_broker(broker->image, id),
                                        metadata_directory(broker->image, p, i))) {
            offline[(*count)++] = id;
        }
    }
    return offline;
}
