/* Replay of registrations: brokers and controllers. */
#include "metadata/private.h"

#include <stdlib.h>

#include "base/mem.h"

static struct metadata_endpoints copy_endpoints(struct arena *a, struct metadata_endpoints from)
{
    struct metadata_endpoint *items = ARENA_ARRAY(a, from.count, struct metadata_endpoint);
    for (size_t i = 0; i < from.count; i++) {
        items[i] = from.items[i];
        items[i].name = arena_dup(a, from.items[i].name);
        items[i].host = arena_dup(a, from.items[i].host);
    }
    return (struct metadata_endpoints){.items = items, .count = from.count};
}

static int compare_ranges(const void *a, const void *b)
{
    const struct metadata_feature_range *x = a;
    const struct metadata_feature_range *y = b;
    return slice_cmp(x->name, y->name);
}

/* Sorted, so that equal registrations are equal arrays whatever order they were sent in. */
static struct metadata_feature_ranges copy_features(struct arena *a,
                                                    struct metadata_feature_ranges from)
{
    struct metadata_feature_range *items =
        ARENA_ARRAY(a, from.count, struct metadata_feature_range);
    for (size_t i = 0; i < from.count; i++) {
        items[i] = from.items[i];
        items[i].name = arena_dup(a, from.items[i].name);
    }
    if (from.count > 1) {
        qsort(items, from.count, sizeof *items, compare_ranges);
    }
    return (struct metadata_feature_ranges){.items = items, .count = from.count};
}

static int compare_uuids(const void *a, const void *b)
{
    return uuid_cmp(*(const struct uuid *)a, *(const struct uuid *)b);
}

static struct metadata_dirs copy_dirs(struct arena *a, struct metadata_dirs from)
{
    struct uuid *items = ARENA_ARRAY(a, from.count, struct uuid);
    if (from.count > 0) {
        memcpy(items, from.items, from.count * sizeof *items);
        qsort(items, from.count, sizeof *items, compare_uuids);
    }
    return (struct metadata_dirs){.items = items, .count = from.count};
}

static struct metadata_since copy_since(struct arena *a, const struct metadata_since *from)
{
    return (struct metadata_since){from->timestamp_ms, metadata_cause_dup(&from->cause, a)};
}

/* When the broker came into its state: now, if that is another one than before. */
static struct metadata_since since_of(const struct metadata_delta *d,
                                      struct metadata_broker *broker,
                                      const struct metadata_broker *before)
{
    bool same = before != NULL && broker->epoch == before->epoch &&
                broker->fenced == before->fenced &&
                broker->in_controlled_shutdown == before->in_controlled_shutdown;
    return copy_since(&broker->memory, same ? &before->since : &d->now);
}

enum err metadata_replay_register_broker(struct metadata_delta *d,
                                         const struct metadata_register_broker *r)
{
    const struct metadata_broker *before = metadata_broker(d->image, r->broker_id);
    if (r->broker_id < 0) {
        return metadata_delta_fail(d, ERR_CORRUPT, "broker id %" PRId32 " is registered",
                                   r->broker_id);
    }
    if (before != NULL && r->broker_epoch < before->epoch) {
        return metadata_delta_fail(d, ERR_CORRUPT,
                                   "broker %" PRId32 " is registered with epoch %" PRId64
                                   ", but has %" PRId64,
                                   r->broker_id, r->broker_epoch, before->epoch);
    }
    struct metadata_broker *broker = MEM_NEW(struct metadata_broker);
    struct arena *memory = &broker->memory;
    ref_init(&broker->refs);
    broker->id = r->broker_id;
    broker->epoch = r->broker_epoch;
    broker->incarnation_id = r->incarnation_id;
    broker->endpoints = copy_endpoints(memory, r->endpoints);
    broker->features = copy_features(memory, r->features);
    broker->rack = arena_dup(memory, r->rack);
    broker->log_dirs = copy_dirs(memory, r->log_dirs);
    broker->fenced = r->fenced;
    broker->in_controlled_shutdown = r->in_controlled_shutdown;
    broker->is_migrating_zk_broker = r->is_migrating_zk_broker;
    broker->registration_offset = d->offset;
    broker->since = r->since != NULL ? copy_since(memory, r->since) : since_of(d, broker, before);
    pmap_put(&d->image->brokers, broker);
    return ERR_NONE;
}

/* The registration that a record speaks of, whose epoch must be the same. */
static enum err find_broker(struct metadata_delta *d, int32_t id, int64_t epoch,
                            const struct metadata_broker **out)
{
    *out = metadata_broker(d->image, id);
    if (*out == NULL) {
        return metadata_delta_fail(d, ERR_CORRUPT, "broker %" PRId32 " is changed, but not known",
                                   id);
    }
    if ((*out)->epoch != epoch) {
        return metadata_delta_fail(
            d, ERR_CORRUPT, "broker %" PRId32 " is changed in epoch %" PRId64 ", but has %" PRId64,
            id, epoch, (*out)->epoch);
    }
    return ERR_NONE;
}

enum err metadata_replay_unregister_broker(struct metadata_delta *d,
                                           const struct metadata_unregister_broker *r)
{
    const struct metadata_broker *broker;
    TRY(find_broker(d, r->broker_id, r->broker_epoch, &broker));
    pmap_remove(&d->image->brokers, &r->broker_id);
    return ERR_NONE;
}

enum err metadata_replay_registration_change(struct metadata_delta *d,
                                             const struct metadata_broker_registration_change *r)
{
    const struct metadata_broker *before;
    TRY(find_broker(d, r->broker_id, r->broker_epoch, &before));
    if (r->fenced < -1 || r->fenced > 1 || r->in_controlled_shutdown < 0 ||
        r->in_controlled_shutdown > 1) {
        return metadata_delta_fail(
            d, ERR_CORRUPT, "broker %" PRId32 " is changed to an unknown state", r->broker_id);
    }
    struct metadata_broker *broker = MEM_NEW(struct metadata_broker);
    struct arena *memory = &broker->memory;
    *broker = *before;
    broker->memory = (struct arena){0};
    ref_init(&broker->refs);
    broker->endpoints = copy_endpoints(memory, before->endpoints);
    broker->features = copy_features(memory, before->features);
    broker->rack = arena_dup(memory, before->rack);
    broker->log_dirs = copy_dirs(memory, r->has_log_dirs ? r->log_dirs : before->log_dirs);
    broker->fenced = r->fenced == 0 ? before->fenced : r->fenced > 0;
    broker->in_controlled_shutdown =
        before->in_controlled_shutdown || r->in_controlled_shutdown > 0;
    broker->since = since_of(d, broker, before);
    pmap_put(&d->image->brokers, broker);
    return ERR_NONE;
}

enum err metadata_replay_register_controller(struct metadata_delta *d,
                                             const struct metadata_register_controller *r)
{
    if (r->controller_id < 0) {
        return metadata_delta_fail(d, ERR_CORRUPT, "controller id %" PRId32 " is registered",
                                   r->controller_id);
    }
    struct metadata_controller *controller = MEM_NEW(struct metadata_controller);
    ref_init(&controller->refs);
    controller->id = r->controller_id;
    controller->incarnation_id = r->incarnation_id;
    controller->zk_migration_ready = r->zk_migration_ready;
    controller->endpoints = copy_endpoints(&controller->memory, r->endpoints);
    controller->features = copy_features(&controller->memory, r->features);
    pmap_put(&d->image->controllers, controller);
    return ERR_NONE;
}
