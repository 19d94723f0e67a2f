/* Partitions by what they have in common: the reverse of "who are the replicas of this partition".
 *
 * A set is a persistent set of 64-bit numbers, so one membership costs about 9 bytes. */
#include "metadata/private.h"

#include "base/mem.h"

static int member_compare(const void *key, const void *item)
{
    uintptr_t a = (uintptr_t)key;
    uintptr_t b = (uintptr_t)item;
    return a < b ? -1 : a > b;
}

static const void *member_key(const void *item)
{
    return item;
}

static const struct pmap_ops member_ops = {.compare = member_compare, .key = member_key};

/* The set in the image, ours alone; made if it is not there. */
static struct metadata_set *own_set(struct metadata_image *image, int64_t id)
{
    struct metadata_set **slot = (struct metadata_set **)pmap_edit(&image->sets, &id);
    if (slot != NULL && !ref_shared(&(*slot)->refs)) {
        return *slot;
    }
    struct metadata_set *set = MEM_NEW(struct metadata_set);
    ref_init(&set->refs);
    set->id = id;
    if (slot != NULL) {
        set->members = pmap_copy(&(*slot)->members);
        metadata_set_ops.unref(*slot);
        *slot = set;
    } else {
        pmap_init(&set->members, &member_ops);
        pmap_put(&image->sets, set);
    }
    return set;
}

static struct metadata_set **recent_set(struct metadata_delta *d, int64_t id)
{
    return &metadata_recent(d)->sets[(uint64_t)id % METADATA_RECENT];
}

static struct metadata_set *set_edit(struct metadata_delta *d, int64_t id)
{
    struct metadata_set **recent = recent_set(d, id);
    if (*recent == NULL || (*recent)->id != id) {
        *recent = own_set(d->image, id);
    }
    return *recent;
}

static void set_add(struct metadata_delta *d, int64_t id, uint64_t member)
{
    pmap_put(&set_edit(d, id)->members, (void *)(uintptr_t)member);
}

static void set_remove(struct metadata_delta *d, int64_t id, uint64_t member)
{
    struct metadata_set *set = set_edit(d, id);
    bool was_there = pmap_remove(&set->members, (void *)(uintptr_t)member);
    ASSERT(was_there);
    if (set->members.count == 0) {
        *recent_set(d, id) = NULL;
        pmap_remove(&d->image->sets, &id);
    }
}

static bool has_no_leader(const struct metadata_partition *p)
{
    return p->leader == METADATA_NO_LEADER;
}

static bool is_not_preferred(const struct metadata_partition *p)
{
    return p->leader != METADATA_NO_LEADER && p->leader != metadata_replicas(p).items[0];
}

static bool is_reassigning(const struct metadata_partition *p)
{
    return p->adding_count > 0 || p->removing_count > 0;
}

static const struct {
    int64_t id;
    bool (*holds)(const struct metadata_partition *p);
} conditions[] = {
    {METADATA_SET_NO_LEADER, has_no_leader},
    {METADATA_SET_NOT_PREFERRED, is_not_preferred},
    {METADATA_SET_REASSIGNING, is_reassigning},
};

void metadata_sets_update(struct metadata_delta *d, uint64_t member,
                          const struct metadata_partition *before,
                          const struct metadata_partition *after)
{
    struct metadata_ids none = {0};
    struct metadata_ids old = before == NULL ? none : metadata_replicas(before);
    struct metadata_ids new = after == NULL ? none : metadata_replicas(after);
    for (size_t i = 0; i < old.count; i++) {
        if (!metadata_ids_contain(new, old.items[i])) {
            set_remove(d, METADATA_SET_BROKER(old.items[i]), member);
        }
    }
    for (size_t i = 0; i < new.count; i++) {
        if (!metadata_ids_contain(old, new.items[i])) {
            set_add(d, METADATA_SET_BROKER(new.items[i]), member);
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(conditions); i++) {
        bool was = before != NULL && conditions[i].holds(before);
        bool is = after != NULL && conditions[i].holds(after);
        if (was && !is) {
            set_remove(d, conditions[i].id, member);
        } else if (is && !was) {
            set_add(d, conditions[i].id, member);
        }
    }
}

struct metadata_partition_iter metadata_partition_set(const struct metadata_image *image,
                                                      int64_t set)
{
    struct metadata_partition_iter it = {.image = image};
    const struct metadata_set *found = pmap_get(&image->sets, &set);
    if (found != NULL) {
        it.at = pmap_first(&found->members);
    }
    return it;
}

const struct metadata_partition *metadata_partition_set_next(struct metadata_partition_iter *it)
{
    void *item;
    if (!pmap_next(&it->at, &item)) {
        return NULL;
    }
    uint64_t number = (uintptr_t)item >> 24;
    if (it->topic == NULL || it->topic->identity->number != number) {
        const struct metadata_identity *id = pmap_get(&it->image->topics_by_number, &number);
        ASSERT(id != NULL);
        it->topic = metadata_topic_by_id(it->image, id->id);
        ASSERT(it->topic != NULL);
    }
    it->index = (int32_t)((uintptr_t)item & (METADATA_PARTITIONS_MAX - 1));
    return metadata_partition(it->topic, it->index);
}

size_t metadata_partition_set_count(const struct metadata_image *image, int64_t set)
{
    const struct metadata_set *found = pmap_get(&image->sets, &set);
    return found == NULL ? 0 : found->members.count;
}
