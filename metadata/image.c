/* The image: its life, and looking things up in it. */
#include "metadata/private.h"

#include "base/mem.h"

/* Every map of an image with the operations of its items: the one list that making, copying and
 * freeing an image go through. */
#define IMAGE_MAPS(X) \
    X(features, metadata_feature_ops) \
    X(controllers, metadata_controller_ops) \
    X(brokers, metadata_broker_ops) \
    X(topics, metadata_topic_ops) \
    X(topics_by_name, metadata_topic_name_ops) \
    X(topics_by_number, metadata_topic_number_ops) \
    X(configs, metadata_config_ops) \
    X(sets, metadata_set_ops) \
    X(dirs_by_id, metadata_dir_id_ops) \
    X(dirs_by_number, metadata_dir_number_ops)

struct metadata_image *metadata_image_new(struct slice cluster_id)
{
    struct metadata_image *image = MEM_NEW(struct metadata_image);
    ref_init(&image->refs);
    image->offset = -1;
    image->epoch = -1;
    image->timestamp_ms = -1;
    image->next_topic_number = 1; /* members of sets must not be 0 */
    image->cluster_id = mem_alloc(sizeof(struct metadata_text) + cluster_id.len);
    ref_init(&image->cluster_id->refs);
    image->cluster_id->len = cluster_id.len;
    if (cluster_id.len > 0) {
        memcpy(image->cluster_id->bytes, cluster_id.data, cluster_id.len);
    }
#define INIT(map, ops) pmap_init(&image->map, &ops);
    IMAGE_MAPS(INIT)
#undef INIT
    return image;
}

struct metadata_image *metadata_image_copy(const struct metadata_image *image)
{
    struct metadata_image *copy = mem_alloc(sizeof *copy);
    *copy = *image;
    ref_init(&copy->refs);
    ref_get(&copy->cluster_id->refs);
    if (copy->before_transaction != NULL) {
        ref_get(&copy->before_transaction->refs);
    }
#define COPY(map, ops) copy->map = pmap_copy(&image->map);
    IMAGE_MAPS(COPY)
#undef COPY
    return copy;
}

void metadata_image_restore(struct metadata_image *image, const struct metadata_image *from)
{
    struct metadata_image *copy = metadata_image_copy(from);
    copy->offset = image->offset;
    copy->epoch = image->epoch;
    copy->timestamp_ms = image->timestamp_ms;
    struct metadata_image old = *image;
    *image = *copy;
    *copy = old;
    metadata_image_unref(copy);
}

struct metadata_image *metadata_image_ref(const struct metadata_image *image)
{
    struct metadata_image *shared = (struct metadata_image *)image;
    ref_get(&shared->refs);
    return shared;
}

void metadata_image_unref(const struct metadata_image *image)
{
    struct metadata_image *shared = (struct metadata_image *)image;
    if (shared == NULL || !ref_put(&shared->refs)) {
        return;
    }
#define FINI(map, ops) pmap_fini(&shared->map);
    IMAGE_MAPS(FINI)
#undef FINI
    if (ref_put(&shared->cluster_id->refs)) {
        mem_free(shared->cluster_id);
    }
    metadata_image_unref(shared->before_transaction);
    mem_free(shared);
}

struct slice metadata_image_cluster_id(const struct metadata_image *image)
{
    return slice_of(image->cluster_id->bytes, image->cluster_id->len);
}

int64_t metadata_image_offset(const struct metadata_image *image)
{
    return image->offset;
}

int32_t metadata_image_epoch(const struct metadata_image *image)
{
    return image->epoch;
}

int64_t metadata_image_timestamp_ms(const struct metadata_image *image)
{
    return image->timestamp_ms;
}

const struct metadata_image *metadata_image_stable(const struct metadata_image *image)
{
    return image->before_transaction == NULL ? image : image->before_transaction;
}

bool metadata_image_in_transaction(const struct metadata_image *image)
{
    return image->before_transaction != NULL;
}

/* ---- brokers and controllers ---- */

const struct metadata_broker *metadata_broker(const struct metadata_image *image, int32_t id)
{
    return pmap_get(&image->brokers, &id);
}

const struct metadata_controller *metadata_controller(const struct metadata_image *image,
                                                      int32_t id)
{
    return pmap_get(&image->controllers, &id);
}

size_t metadata_broker_count(const struct metadata_image *image)
{
    return image->brokers.count;
}

const struct metadata_endpoint *metadata_endpoint_find(struct metadata_endpoints endpoints,
                                                       struct slice listener)
{
    for (size_t i = 0; i < endpoints.count; i++) {
        if (slice_eq(endpoints.items[i].name, listener)) {
            return &endpoints.items[i];
        }
    }
    return NULL;
}

bool metadata_broker_dir_online(const struct metadata_broker *broker, struct uuid dir)
{
    if (uuid_eq(dir, METADATA_DIR_UNASSIGNED) || uuid_eq(dir, METADATA_DIR_MIGRATING)) {
        return true;
    }
    if (uuid_eq(dir, METADATA_DIR_LOST)) {
        return false;
    }
    for (size_t i = 0; i < broker->log_dirs.count; i++) {
        if (uuid_eq(broker->log_dirs.items[i], dir)) {
            return true;
        }
    }
    return broker->log_dirs.count == 0;
}

/* ---- topics and partitions ---- */

const struct metadata_topic *metadata_topic_by_id(const struct metadata_image *image,
                                                  struct uuid id)
{
    return pmap_get(&image->topics, &id);
}

const struct metadata_topic *metadata_topic_by_name(const struct metadata_image *image,
                                                    struct slice name)
{
    const struct metadata_identity *identity = pmap_get(&image->topics_by_name, &name);
    return identity == NULL ? NULL : metadata_topic_by_id(image, identity->id);
}

size_t metadata_topic_count(const struct metadata_image *image)
{
    return image->topics.count;
}

size_t metadata_partition_count(const struct metadata_image *image)
{
    return image->partition_count;
}

/* ---- configuration, features, producer ids ---- */

const struct metadata_config_resource *metadata_config_resource(const struct metadata_image *image,
                                                                int8_t type, struct slice name)
{
    struct metadata_config_key key = {.type = type, .name = name};
    return pmap_get(&image->configs, &key);
}

struct slice metadata_config_get(const struct metadata_image *image, int8_t type,
                                 struct slice resource, struct slice name)
{
    const struct metadata_config_resource *r = metadata_config_resource(image, type, resource);
    size_t low = 0;
    size_t high = r == NULL ? 0 : r->count;
    while (low < high) {
        size_t mid = (low + high) / 2;
        int order = slice_cmp(name, r->entries[mid].name);
        if (order == 0) {
            return r->entries[mid].value;
        }
        if (order < 0) {
            high = mid;
        } else {
            low = mid + 1;
        }
    }
    return SLICE_NULL;
}

int16_t metadata_feature_level(const struct metadata_image *image, struct slice name)
{
    const struct metadata_feature *feature = pmap_get(&image->features, &name);
    return feature == NULL ? 0 : feature->level;
}

int64_t metadata_next_producer_id(const struct metadata_image *image)
{
    return image->next_producer_id;
}

/* ---- iteration ---- */

static void *next(struct metadata_iter *it)
{
    void *item;
    return pmap_next(&it->at, &item) ? item : NULL;
}

struct metadata_iter metadata_topics(const struct metadata_image *image)
{
    return (struct metadata_iter){.image = image, .at = pmap_first(&image->topics_by_name)};
}

struct metadata_iter metadata_topics_from(const struct metadata_image *image, struct slice name)
{
    return (struct metadata_iter){.image = image, .at = pmap_seek(&image->topics_by_name, &name)};
}

const struct metadata_topic *metadata_topic_next(struct metadata_iter *it)
{
    const struct metadata_identity *identity = next(it);
    return identity == NULL ? NULL : metadata_topic_by_id(it->image, identity->id);
}

struct metadata_iter metadata_brokers(const struct metadata_image *image)
{
    return (struct metadata_iter){.image = image, .at = pmap_first(&image->brokers)};
}

const struct metadata_broker *metadata_broker_next(struct metadata_iter *it)
{
    return next(it);
}

struct metadata_iter metadata_controllers(const struct metadata_image *image)
{
    return (struct metadata_iter){.image = image, .at = pmap_first(&image->controllers)};
}

const struct metadata_controller *metadata_controller_next(struct metadata_iter *it)
{
    return next(it);
}

struct metadata_iter metadata_configs(const struct metadata_image *image)
{
    return (struct metadata_iter){.image = image, .at = pmap_first(&image->configs)};
}

const struct metadata_config_resource *metadata_config_next(struct metadata_iter *it)
{
    return next(it);
}

struct metadata_iter metadata_features(const struct metadata_image *image)
{
    return (struct metadata_iter){.image = image, .at = pmap_first(&image->features)};
}

const struct metadata_feature *metadata_feature_next(struct metadata_iter *it)
{
    return next(it);
}
