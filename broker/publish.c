/* Replaying the metadata log and publishing images. */
#include "broker/publish.h"

#include <stdio.h>

#include "base/mem.h"
#include "broker/dynamic.h"
#include "broker/fetcher.h"
#include "broker/groups.h"
#include "broker/lifecycle.h"
#include "broker/replica_trim.h"
#include "broker/replicas.h"
#include "raft/node/node.h"

struct broker_publisher {
    struct broker *broker;
    struct metadata_image *loaded; /* newest replayed; ≥ the published one */
    struct metadata_load *load;    /* a snapshot that is being loaded; NULL: none */
    bool failed;                   /* a batch could not be applied: none after it is */
    bool open;
    bool deferred;
    net_fn *published;
    void *published_arg;
};

/* ---- replay ---- */

/* Our code and the log disagree: serving on would be guessing. */
static void fail(struct broker_publisher *publisher, enum err e, struct slice why)
{
    publisher->failed = true;
    log_error(publisher->broker->log, "publish", "stops", "error=%s reason=\"%.*s\"", err_name(e),
              SLICE_ARG(why));
    publisher->broker->failed(publisher->broker->failed_arg,
                              "metadata could not be applied; the line before says what");
}

static void publish(void *arg);

static void want_publish(struct broker_publisher *publisher)
{
    if (publisher->open && !publisher->deferred) {
        publisher->deferred = true;
        net_defer(publisher->broker->loop, publish, publisher);
    }
}

void broker_publisher_snapshot_begin(void *arg, const struct node_snapshot_place *place)
{
    struct broker_publisher *publisher = arg;
    metadata_load_drop(publisher->load); /* one that was overtaken */
    publisher->load = metadata_load_begin(publisher->broker->cluster_id, place->end_offset);
}

void broker_publisher_snapshot(void *arg, const struct node_batch *batch)
{
    struct broker_publisher *publisher = arg;
    struct buf why = {0};
    enum err e = publisher->failed ? ERR_NONE
                                   : metadata_load_values(publisher->load, batch->record_values,
                                                          batch->count, &why);
    if (e != ERR_NONE) {
        fail(publisher, e, buf_slice(&why));
    }
    buf_fini(&why);
}

void broker_publisher_snapshot_end(void *arg, const struct node_snapshot_place *place)
{
    struct broker_publisher *publisher = arg;
    if (publisher->failed) {
        return;
    }
    struct buf why = {0};
    struct metadata_image *image =
        metadata_load_end(publisher->load, place->epoch, place->append_timestamp_ms);
    publisher->load = NULL;
    enum err e = metadata_supported_check(&publisher->broker->supported, image, &why);
    if (e == ERR_NONE) {
        metadata_image_unref(publisher->loaded);
        publisher->loaded = image;
        want_publish(publisher);
    } else {
        metadata_image_unref(image);
        fail(publisher, e, buf_slice(&why));
    }
    buf_fini(&why);
}

void broker_publisher_commit(void *arg, const struct node_batch *batch)
{
    struct broker_publisher *publisher = arg;
    if (publisher->failed) {
        return;
    }
    struct buf why = {0};
    struct metadata_batch records = {.base_offset = batch->base_offset,
                                     .last_offset = batch->last_offset,
                                     .epoch = batch->epoch,
                                     .timestamp_ms = batch->append_timestamp_ms,
                                     .values = batch->record_values,
                                     .count = batch->count,
                                     .supported = &publisher->broker->supported};
    enum err e = metadata_replay_batch_onto(&publisher->loaded, &records, &why);
    if (e == ERR_NONE) {
        want_publish(publisher);
    } else {
        fail(publisher, e, buf_slice(&why));
    }
    buf_fini(&why);
}

const struct metadata_image *broker_publisher_image(const struct broker_publisher *publisher)
{
    return publisher->failed ? NULL : publisher->loaded;
}

int64_t broker_publisher_offset(const struct broker_publisher *publisher)
{
    return metadata_image_offset(publisher->loaded);
}

/* ---- publication ---- */

struct changes {
    struct broker *broker;
    const struct metadata_image *before;
    bool brokers;
    bool configs;
    bool own_configs; /* of this broker, or of all */
    bool topics;      /* some are new, gone, or have more partitions */
    bool partitions;  /* some are new, gone, or led by somebody else */
};

/* From that level on the controller keeps the directories that a broker registers. */
static void see_feature(void *arg, const struct metadata_feature *before,
                        const struct metadata_feature *after)
{
    struct changes *changes = arg;
    if (before != NULL && after != NULL && slice_eq_str(after->name, METADATA_VERSION_FEATURE) &&
        before->level < METADATA_LEVEL_3_7_IV2 && after->level >= METADATA_LEVEL_3_7_IV2) {
        broker_lifecycle_register_again(changes->broker->lifecycle);
    }
}

static void see_broker(void *arg, const struct metadata_broker *before,
                       const struct metadata_broker *after)
{
    (void)before;
    (void)after;
    ((struct changes *)arg)->brokers = true;
}

static void see_config(void *arg, const struct metadata_config_resource *before,
                       const struct metadata_config_resource *after)
{
    struct changes *changes = arg;
    struct metadata_config_key key = after == NULL ? before->key : after->key;
    changes->configs = true;
    if (key.type == METADATA_CONFIG_BROKER) {
        char id[16];
        snprintf(id, sizeof id, "%" PRId32, changes->broker->id);
        changes->own_configs |= key.name.len == 0 || slice_eq_str(key.name, id);
    } else if (key.type == METADATA_CONFIG_TOPIC &&
               metadata_topic_by_name(changes->before, key.name) != NULL) {
        /* Those of a new topic were seen when its replicas were made. */
        broker_replicas_topic_changed(changes->broker, key.name);
    }
}

static void see_topic(void *arg, const struct metadata_topic *before,
                      const struct metadata_topic *after)
{
    struct changes *changes = arg;
    changes->topics = changes->topics || before == NULL || after == NULL ||
                      before->partition_count != after->partition_count;
    if (after == NULL) {
        broker_groups_topic_deleted(changes->broker->groups, before->name, before->id);
    }
}

static void see_partition(void *arg, const struct metadata_partition_diff *diff)
{
    struct changes *changes = arg;
    changes->partitions = changes->partitions || diff->before == NULL || diff->after == NULL ||
                          diff->before->leader_epoch != diff->after->leader_epoch;
}

static void publish(void *arg)
{
    struct broker_publisher *publisher = arg;
    struct broker *broker = publisher->broker;
    publisher->deferred = false;
    if (publisher->failed) {
        return; /* the image may have a part of a batch */
    }
    const struct metadata_image *before = broker->image;
    const struct metadata_image *after = metadata_image_stable(publisher->loaded);
    if (after == before && publisher->published == NULL) {
        return;
    }
    broker->image = metadata_image_ref(after);
    struct changes changes = {.broker = broker, .before = before};
    struct metadata_visitor visitor = {.arg = &changes,
                                       .feature = see_feature,
                                       .broker = see_broker,
                                       .topic = see_topic,
                                       .partition = see_partition,
                                       .config = see_config};
    broker_replicas_apply(broker, before, after);
    metadata_diff(before, after, &visitor);
    broker_groups_publish(broker->groups, changes.topics);
    if (changes.own_configs) {
        broker_dynamic_apply(broker);
    }
    if (changes.brokers) {
        broker_fetchers_brokers_changed(broker);
        broker_replicas_check_low(broker);
    }
    if (changes.configs || changes.partitions) {
        /* Whoever asked for this is answered when the controller knows that it has happened. */
        broker_lifecycle_heartbeat_now(broker->lifecycle);
    }
    metadata_image_unref(before);
    if (publisher->published != NULL) {
        net_fn *published = publisher->published;
        publisher->published = NULL;
        published(publisher->published_arg);
    }
}

void broker_publisher_open(struct broker_publisher *publisher, net_fn *published, void *arg)
{
    publisher->open = true;
    publisher->published = published;
    publisher->published_arg = arg;
    want_publish(publisher);
}

struct broker_publisher *broker_publisher_new(struct broker *broker)
{
    struct broker_publisher *publisher = MEM_NEW(struct broker_publisher);
    publisher->broker = broker;
    publisher->loaded = metadata_image_new(broker->cluster_id);
    broker->image = metadata_image_ref(publisher->loaded);
    return publisher;
}

void broker_publisher_free(struct broker_publisher *publisher)
{
    if (publisher == NULL) {
        return;
    }
    metadata_image_unref(publisher->broker->image);
    publisher->broker->image = NULL;
    metadata_load_drop(publisher->load);
    metadata_image_unref(publisher->loaded);
    net_undefer(publisher->broker->loop, publish, publisher);
    mem_free(publisher);
}
