/* The offsets of a group: topic, partition, what is committed, how much is undecided. */
#include "broker/group/private.h"

bool group_offset_exists(const struct group_offset *o)
{
    return o->committed || o->pending > 0;
}

struct group_offset *group_offset_find(const struct group *g, struct slice topic, int32_t partition)
{
    const struct group_topic *t = map_get(&g->topics, topic);
    return t == NULL ? NULL : map_get(&t->offsets, MAP_KEY(partition));
}

struct group_offset *group_offset_find_or_create(struct group *g, struct slice topic,
                                                 int32_t partition)
{
    struct group_topic *t = map_get(&g->topics, topic);
    if (t == NULL) {
        t = MEM_NEW(struct group_topic);
        t->name = group_own(topic);
        map_put(&g->topics, t->name, t);
    }
    struct group_offset *o = map_get(&t->offsets, MAP_KEY(partition));
    if (o == NULL) {
        o = MEM_NEW(struct group_offset);
        o->partition = partition;
        map_put(&t->offsets, MAP_KEY(o->partition), o);
    }
    return o;
}

static void topic_free(struct group_topic *t)
{
    map_fini(&t->offsets);
    group_disown(&t->name);
    mem_free(t);
}

static void offset_free(struct group_shard *shard, struct group_offset *o)
{
    if (o->committed) {
        shard->offsets_count--;
    }
    group_disown(&o->metadata);
    mem_free(o);
}

void group_offset_maybe_drop(struct group *g, struct slice topic, int32_t partition)
{
    struct group_topic *t = map_get(&g->topics, topic);
    struct group_offset *o = t == NULL ? NULL : map_get(&t->offsets, MAP_KEY(partition));
    if (o == NULL || group_offset_exists(o)) {
        return;
    }
    map_remove(&t->offsets, MAP_KEY(o->partition));
    offset_free(g->shard, o);
    if (t->offsets.count == 0) {
        map_remove(&g->topics, t->name);
        topic_free(t);
    }
}

void group_offsets_free(struct group *g)
{
    size_t at = 0;
    for (struct group_topic *t; (t = map_next(&g->topics, &at)) != NULL;) {
        size_t o_at = 0;
        for (struct group_offset *o; (o = map_next(&t->offsets, &o_at)) != NULL;) {
            offset_free(g->shard, o);
        }
        topic_free(t);
    }
    map_fini(&g->topics);
}
