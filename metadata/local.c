/* What a publication means for the replicas of one broker. */
#include "metadata/delta.h"

/* A list that grows in an arena. */
struct list {
    struct metadata_local_change *items;
    size_t count;
    size_t capacity;
};

struct local {
    int32_t broker_id;
    struct arena *arena;
    bool topic_deleted;
    struct list deletes;
    struct list leaders;
    struct list followers;
};

static struct metadata_local_change *list_add(struct list *list, struct arena *arena)
{
    if (list->count == list->capacity) {
        size_t capacity = max_size(16, list->capacity * 2);
        struct metadata_local_change *items =
            ARENA_ARRAY(arena, capacity, struct metadata_local_change);
        if (list->count > 0) {
            memcpy(items, list->items, list->count * sizeof *items);
        }
        list->items = items;
        list->capacity = capacity;
    }
    return &list->items[list->count++];
}

static void on_topic(void *arg, const struct metadata_topic *before,
                     const struct metadata_topic *after)
{
    (void)before;
    ((struct local *)arg)->topic_deleted = after == NULL;
}

static bool is_replica(const struct metadata_partition *p, int32_t broker_id)
{
    return p != NULL && metadata_ids_contain(metadata_replicas(p), broker_id);
}

static void on_partition(void *arg, const struct metadata_partition_diff *diff)
{
    struct local *l = arg;
    bool was = is_replica(diff->before, l->broker_id);
    bool is = is_replica(diff->after, l->broker_id);
    if (!was && !is) {
        return;
    }
    struct list *list = !is                                   ? &l->deletes
                        : diff->after->leader == l->broker_id ? &l->leaders
                                                              : &l->followers;
    *list_add(list, l->arena) = (struct metadata_local_change){
        .topic_id = diff->topic->id,
        .topic = diff->topic->name,
        .index = diff->index,
        .topic_deleted = l->topic_deleted,
        .leader_epoch_changed =
            is && (!was || diff->before->leader_epoch != diff->after->leader_epoch),
        .before = was ? diff->before : NULL,
        .after = is ? diff->after : NULL,
    };
}

struct metadata_local_changes metadata_local_changes(const struct metadata_image *before,
                                                     const struct metadata_image *after,
                                                     int32_t broker_id, struct arena *arena)
{
    struct local l = {.broker_id = broker_id, .arena = arena};
    struct metadata_visitor visitor = {.arg = &l, .topic = on_topic, .partition = on_partition};
    metadata_diff(before, after, &visitor);
    return (struct metadata_local_changes){
        .deletes = l.deletes.items,
        .delete_count = l.deletes.count,
        .leaders = l.leaders.items,
        .leader_count = l.leaders.count,
        .followers = l.followers.items,
        .follower_count = l.followers.count,
    };
}
