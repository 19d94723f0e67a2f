/* An image as records, one at a time. */
#include "metadata/snapshot.h"

#include "base/mem.h"
#include "metadata/private.h"

enum stage {
    STAGE_VERSION, /* metadata.version, before everything else */
    STAGE_FEATURES,
    STAGE_CONTROLLERS,
    STAGE_BROKERS,
    STAGE_TOPICS,
    STAGE_PARTITIONS, /* of `topic`; goes back to STAGE_TOPICS */
    STAGE_CONFIGS,
    STAGE_PRODUCER_IDS,
    STAGE_END,
};

struct metadata_snapshot {
    const struct metadata_image *image;
    enum stage stage;
    struct metadata_iter iter; /* of the stage, or of the topics */
    const struct metadata_topic *topic;
    int32_t partition;
    const struct metadata_config_resource *config;
    size_t entry;
    struct uuid dirs[METADATA_REPLICAS_MAX];
};

static struct slice version_name(void)
{
    return slice_str("metadata.version");
}

struct metadata_snapshot *metadata_snapshot_begin(const struct metadata_image *image)
{
    struct metadata_snapshot *s = MEM_NEW(struct metadata_snapshot);
    s->image = metadata_image_ref(metadata_image_stable(image));
    return s;
}

void metadata_snapshot_end(struct metadata_snapshot *s)
{
    metadata_image_unref(s->image);
    mem_free(s);
}

/* ---- records of single objects ---- */

struct metadata_record metadata_record_of_controller(const struct metadata_controller *c)
{
    struct metadata_record record = {.type = METADATA_RECORD_REGISTER_CONTROLLER};
    record.register_controller = (struct metadata_register_controller){
        .controller_id = c->id,
        .incarnation_id = c->incarnation_id,
        .zk_migration_ready = c->zk_migration_ready,
        .endpoints = c->endpoints,
        .features = c->features,
    };
    return record;
}

struct metadata_record metadata_record_of_broker(const struct metadata_broker *b)
{
    struct metadata_record record = {.type = METADATA_RECORD_REGISTER_BROKER};
    record.register_broker = (struct metadata_register_broker){
        .broker_id = b->id,
        .is_migrating_zk_broker = b->is_migrating_zk_broker,
        .incarnation_id = b->incarnation_id,
        .broker_epoch = b->epoch,
        .endpoints = b->endpoints,
        .features = b->features,
        .rack = b->rack,
        .fenced = b->fenced,
        .in_controlled_shutdown = b->in_controlled_shutdown,
        .log_dirs = b->log_dirs,
        .since = b->since.timestamp_ms < 0 ? NULL : &b->since,
    };
    return record;
}

struct metadata_record metadata_record_of_partition(const struct metadata_image *image,
                                                    const struct metadata_topic *topic,
                                                    int32_t index, struct uuid *dirs)
{
    const struct metadata_partition *p = metadata_partition(topic, index);
    ASSERT(p != NULL);
    struct metadata_partition_state state = metadata_partition_unpack(p);
    for (size_t i = 0; i < state.dirs.count; i++) {
        dirs[i] = metadata_directory(image, p, i);
    }
    struct metadata_record record = {.type = METADATA_RECORD_PARTITION};
    record.partition = (struct metadata_partition_record){
        .partition_id = index,
        .topic_id = topic->id,
        .replicas = state.replicas,
        .isr = state.isr,
        .removing_replicas = state.removing,
        .adding_replicas = state.adding,
        .leader = state.leader,
        .leader_recovery = state.recovering ? METADATA_RECOVERING : METADATA_RECOVERED,
        .leader_epoch = state.leader_epoch,
        .partition_epoch = state.partition_epoch,
        .directories = {.items = dirs, .count = state.dirs.count},
        .elr = state.elr,
        .last_known_elr = state.last_known_elr,
    };
    return record;
}

/* ---- the stages ---- */

/* Each of the following yields a record of its stage, or says that the stage is over. */

static bool next_version(struct metadata_snapshot *s, struct metadata_record *out)
{
    int16_t level = metadata_feature_level(s->image, version_name());
    s->stage = STAGE_FEATURES;
    s->iter = metadata_features(s->image);
    out->type = METADATA_RECORD_FEATURE_LEVEL;
    out->feature_level = (struct metadata_feature_level){.name = version_name(), .level = level};
    return level != 0;
}

static bool next_feature(struct metadata_snapshot *s, struct metadata_record *out)
{
    const struct metadata_feature *f = metadata_feature_next(&s->iter);
    if (f != NULL && slice_eq(f->name, version_name())) {
        f = metadata_feature_next(&s->iter);
    }
    if (f == NULL) {
        s->stage = STAGE_CONTROLLERS;
        s->iter = metadata_controllers(s->image);
        return false;
    }
    out->type = METADATA_RECORD_FEATURE_LEVEL;
    out->feature_level = (struct metadata_feature_level){.name = f->name, .level = f->level};
    return true;
}

static bool next_controller(struct metadata_snapshot *s, struct metadata_record *out)
{
    const struct metadata_controller *c = metadata_controller_next(&s->iter);
    if (c == NULL) {
        s->stage = STAGE_BROKERS;
        s->iter = metadata_brokers(s->image);
        return false;
    }
    *out = metadata_record_of_controller(c);
    return true;
}

static bool next_broker(struct metadata_snapshot *s, struct metadata_record *out)
{
    const struct metadata_broker *b = metadata_broker_next(&s->iter);
    if (b == NULL) {
        s->stage = STAGE_TOPICS;
        s->iter = metadata_topics(s->image);
        return false;
    }
    *out = metadata_record_of_broker(b);
    return true;
}

static bool next_topic(struct metadata_snapshot *s, struct metadata_record *out)
{
    s->topic = metadata_topic_next(&s->iter);
    s->partition = 0;
    if (s->topic == NULL) {
        s->stage = STAGE_CONFIGS;
        s->iter = metadata_configs(s->image);
        s->config = NULL;
        return false;
    }
    s->stage = STAGE_PARTITIONS;
    out->type = METADATA_RECORD_TOPIC;
    out->topic = (struct metadata_topic_record){.name = s->topic->name, .topic_id = s->topic->id};
    return true;
}

static bool next_partition(struct metadata_snapshot *s, struct metadata_record *out)
{
    const struct metadata_partition *p = metadata_partition(s->topic, s->partition);
    if (p == NULL) {
        s->stage = STAGE_TOPICS;
        return false;
    }
    *out = metadata_record_of_partition(s->image, s->topic, s->partition++, s->dirs);
    return true;
}

static bool next_config(struct metadata_snapshot *s, struct metadata_record *out)
{
    if (s->config == NULL || s->entry == s->config->count) {
        s->config = metadata_config_next(&s->iter);
        s->entry = 0;
    }
    if (s->config == NULL) {
        s->stage = STAGE_PRODUCER_IDS;
        return false;
    }
    const struct metadata_config_entry *e = &s->config->entries[s->entry++];
    out->type = METADATA_RECORD_CONFIG;
    out->config = (struct metadata_config_record){
        .resource_type = s->config->key.type,
        .resource_name = s->config->key.name,
        .name = e->name,
        .value = e->value,
    };
    return true;
}

static bool next_producer_ids(struct metadata_snapshot *s, struct metadata_record *out)
{
    s->stage = STAGE_END;
    out->type = METADATA_RECORD_PRODUCER_IDS;
    out->producer_ids = (struct metadata_producer_ids){
        .broker_id = -1,
        .broker_epoch = -1,
        .next_producer_id = s->image->next_producer_id,
    };
    return s->image->next_producer_id > 0;
}

bool metadata_snapshot_next(struct metadata_snapshot *s, struct metadata_record *out)
{
    static bool (*const stages[])(struct metadata_snapshot *, struct metadata_record *) = {
        [STAGE_VERSION] = next_version,        [STAGE_FEATURES] = next_feature,
        [STAGE_CONTROLLERS] = next_controller, [STAGE_BROKERS] = next_broker,
        [STAGE_TOPICS] = next_topic,           [STAGE_PARTITIONS] = next_partition,
        [STAGE_CONFIGS] = next_config,         [STAGE_PRODUCER_IDS] = next_producer_ids,
    };
    while (s->stage != STAGE_END) {
        if (stages[s->stage](s, out)) {
            return true;
        }
    }
    return false;
}
