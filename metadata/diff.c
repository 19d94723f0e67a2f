/* The difference of two images. */
#include "metadata/private.h"

/* One walk; `before_topic` and `after_topic` are those whose partitions are being compared. */
struct diff {
    const struct metadata_image *before;
    const struct metadata_image *after;
    const struct metadata_visitor *visitor;
    const struct metadata_topic *before_topic;
    const struct metadata_topic *after_topic;
    bool topic_told;
};

/* ---- equality of what was not shared but may say the same (an image read from a snapshot) ---- */

static bool endpoints_equal(struct metadata_endpoints a, struct metadata_endpoints b)
{
    for (size_t i = 0; i < a.count && i < b.count; i++) {
        if (!slice_eq(a.items[i].name, b.items[i].name) ||
            !slice_eq(a.items[i].host, b.items[i].host) || a.items[i].port != b.items[i].port ||
            a.items[i].security_protocol != b.items[i].security_protocol) {
            return false;
        }
    }
    return a.count == b.count;
}

static bool features_equal(struct metadata_feature_ranges a, struct metadata_feature_ranges b)
{
    for (size_t i = 0; i < a.count && i < b.count; i++) {
        if (!slice_eq(a.items[i].name, b.items[i].name) ||
            a.items[i].min_version != b.items[i].min_version ||
            a.items[i].max_version != b.items[i].max_version) {
            return false;
        }
    }
    return a.count == b.count;
}

static bool dirs_equal(struct metadata_dirs a, struct metadata_dirs b)
{
    for (size_t i = 0; i < a.count && i < b.count; i++) {
        if (!uuid_eq(a.items[i], b.items[i])) {
            return false;
        }
    }
    return a.count == b.count;
}

static bool since_equal(const struct metadata_since *a, const struct metadata_since *b)
{
    return a->timestamp_ms == b->timestamp_ms && metadata_cause_equal(&a->cause, &b->cause);
}

static bool broker_equal(const struct metadata_broker *a, const struct metadata_broker *b)
{
    return a->epoch == b->epoch && uuid_eq(a->incarnation_id, b->incarnation_id) &&
           a->fenced == b->fenced && a->in_controlled_shutdown == b->in_controlled_shutdown &&
           a->is_migrating_zk_broker == b->is_migrating_zk_broker && slice_eq(a->rack, b->rack) &&
           endpoints_equal(a->endpoints, b->endpoints) &&
           features_equal(a->features, b->features) && dirs_equal(a->log_dirs, b->log_dirs) &&
           since_equal(&a->since, &b->since);
}

static bool controller_equal(const struct metadata_controller *a,
                             const struct metadata_controller *b)
{
    return uuid_eq(a->incarnation_id, b->incarnation_id) &&
           a->zk_migration_ready == b->zk_migration_ready &&
           endpoints_equal(a->endpoints, b->endpoints) && features_equal(a->features, b->features);
}

static bool config_equal(const struct metadata_config_resource *a,
                         const struct metadata_config_resource *b)
{
    for (size_t i = 0; i < a->count && i < b->count; i++) {
        if (!slice_eq(a->entries[i].name, b->entries[i].name) ||
            !slice_eq(a->entries[i].value, b->entries[i].value)) {
            return false;
        }
    }
    return a->count == b->count;
}

static bool feature_equal(const struct metadata_feature *a, const struct metadata_feature *b)
{
    return a->level == b->level;
}

/* ---- small things ---- */

/* Passes a pair on to the visitor's member of the same name unless it says the same. */
#define ON_PAIR(name, type) \
    static void on_##name(void *arg, void *before, void *after) \
    { \
        const struct diff *d = arg; \
        const struct type *a = before; \
        const struct type *b = after; \
        if (a == NULL || b == NULL || !name##_equal(a, b)) { \
            d->visitor->name(d->visitor->arg, a, b); \
        } \
    }

ON_PAIR(feature, metadata_feature)
ON_PAIR(controller, metadata_controller)
ON_PAIR(broker, metadata_broker)
ON_PAIR(config, metadata_config_resource)

/* ---- topics ---- */

static void tell_topic(struct diff *d)
{
    if (!d->topic_told && d->visitor->topic != NULL) {
        d->visitor->topic(d->visitor->arg, d->before_topic, d->after_topic);
    }
    d->topic_told = true;
}

/* Partition `i` of a chunk, or NULL. */
static const struct metadata_partition *in_chunk(const struct metadata_chunk *chunk, size_t i)
{
    if (chunk == NULL || i >= chunk->count) {
        return NULL;
    }
    return (const struct metadata_partition *)&chunk->words[chunk->start[i]];
}

static void on_chunk(void *arg, void *before, void *after)
{
    struct diff *d = arg;
    const struct metadata_chunk *either = before != NULL ? before : after;
    for (size_t i = 0; i < METADATA_CHUNK_PARTITIONS; i++) {
        const struct metadata_partition *a = in_chunk(before, i);
        const struct metadata_partition *b = in_chunk(after, i);
        if (a == b ||
            (a != NULL && b != NULL && metadata_partition_equal(d->before, a, d->after, b))) {
            continue;
        }
        tell_topic(d);
        if (d->visitor->partition != NULL) {
            struct metadata_partition_diff diff = {
                .topic = d->after_topic != NULL ? d->after_topic : d->before_topic,
                .index = (int32_t)(either->number * METADATA_CHUNK_PARTITIONS + i),
                .before = a,
                .after = b,
            };
            d->visitor->partition(d->visitor->arg, &diff);
        }
    }
}

static void visit_topic(struct diff *d, const struct metadata_topic *before,
                        const struct metadata_topic *after)
{
    struct pmap none;
    pmap_init(&none, &metadata_chunk_ops);
    d->before_topic = before;
    d->after_topic = after;
    d->topic_told = false;
    if (before == NULL || after == NULL) {
        tell_topic(d);
    }
    pmap_diff(before == NULL ? &none : &before->chunks, after == NULL ? &none : &after->chunks,
              on_chunk, d);
}

static void on_topic_gone(void *arg, void *before, void *after)
{
    if (after == NULL) {
        visit_topic(arg, before, NULL);
    }
}

static void on_topic_there(void *arg, void *before, void *after)
{
    if (after != NULL) {
        visit_topic(arg, before, after);
    }
}

void metadata_diff(const struct metadata_image *before, const struct metadata_image *after,
                   const struct metadata_visitor *visitor)
{
    struct diff d = {.before = before, .after = after, .visitor = visitor};
    if (visitor->feature != NULL) {
        pmap_diff(&before->features, &after->features, on_feature, &d);
    }
    if (visitor->controller != NULL) {
        pmap_diff(&before->controllers, &after->controllers, on_controller, &d);
    }
    if (visitor->broker != NULL) {
        pmap_diff(&before->brokers, &after->brokers, on_broker, &d);
    }
    if (visitor->topic != NULL || visitor->partition != NULL) {
        pmap_diff(&before->topics, &after->topics, on_topic_gone, &d);
        pmap_diff(&before->topics, &after->topics, on_topic_there, &d);
    }
    if (visitor->config != NULL) {
        pmap_diff(&before->configs, &after->configs, on_config, &d);
    }
    if (visitor->producer_ids != NULL && before->next_producer_id != after->next_producer_id) {
        visitor->producer_ids(visitor->arg, before->next_producer_id, after->next_producer_id);
    }
}
