/* The kinds of things an image's maps hold: their order, and how they are shared and freed. */
#include "metadata/private.h"

#include "base/mem.h"

/* Every item begins with its reference count. */
static void item_ref(void *item)
{
    ref_get((struct ref *)item);
}

static void item_unref(void *item)
{
    if (ref_put((struct ref *)item)) {
        mem_free(item);
    }
}

static int compare_i64(int64_t a, int64_t b)
{
    return a < b ? -1 : a > b;
}

/* The functions of a map whose key is the member `field` of `type`. */
#define KEY_FUNCTIONS(name, type, field, key_type, order) \
    _Static_assert(offsetof(struct type, refs) == 0, "an item begins with its references"); \
    static int name##_compare(const void *key, const void *item) \
    { \
        return order(*(const key_type *)key, ((const struct type *)item)->field); \
    } \
    static const void *name##_key(const void *item) \
    { \
        return &((const struct type *)item)->field; \
    }

KEY_FUNCTIONS(feature, metadata_feature, name, struct slice, slice_cmp)
KEY_FUNCTIONS(controller, metadata_controller, id, int32_t, compare_i64)
KEY_FUNCTIONS(broker, metadata_broker, id, int32_t, compare_i64)
KEY_FUNCTIONS(topic, metadata_topic, id, struct uuid, uuid_cmp)
KEY_FUNCTIONS(topic_name, metadata_identity, name, struct slice, slice_cmp)
KEY_FUNCTIONS(topic_number, metadata_identity, number, uint64_t, compare_i64)
KEY_FUNCTIONS(set, metadata_set, id, int64_t, compare_i64)
KEY_FUNCTIONS(dir_id, metadata_dir, id, struct uuid, uuid_cmp)
KEY_FUNCTIONS(dir_number, metadata_dir, number, int32_t, compare_i64)
KEY_FUNCTIONS(chunk, metadata_chunk, number, uint32_t, compare_i64)

static int config_order(struct metadata_config_key a, struct metadata_config_key b)
{
    return a.type != b.type ? a.type - b.type : slice_cmp(a.name, b.name);
}

KEY_FUNCTIONS(config, metadata_config_resource, key, struct metadata_config_key, config_order)

static void broker_unref(void *item)
{
    struct metadata_broker *broker = item;
    if (ref_put(&broker->refs)) {
        arena_fini(&broker->memory);
        mem_free(broker);
    }
}

static void controller_unref(void *item)
{
    struct metadata_controller *controller = item;
    if (ref_put(&controller->refs)) {
        arena_fini(&controller->memory);
        mem_free(controller);
    }
}

static void topic_unref(void *item)
{
    struct metadata_topic *topic = item;
    if (ref_put(&topic->refs)) {
        pmap_fini(&topic->chunks);
        item_unref(topic->identity);
        mem_free(topic);
    }
}

static void set_unref(void *item)
{
    struct metadata_set *set = item;
    if (ref_put(&set->refs)) {
        pmap_fini(&set->members);
        mem_free(set);
    }
}

#define OPS(name, unref_function) \
    const struct pmap_ops metadata_##name##_ops = {name##_compare, name##_key, item_ref, \
                                                   unref_function}

OPS(feature, item_unref);
OPS(controller, controller_unref);
OPS(broker, broker_unref);
OPS(topic, topic_unref);
OPS(topic_name, item_unref);
OPS(topic_number, item_unref);
OPS(config, item_unref);
OPS(set, set_unref);
OPS(dir_id, item_unref);
OPS(dir_number, item_unref);
OPS(chunk, item_unref);
