/* Records to bytes: the frame and the protobuf message in it. */
#include "metadata/record.h"

#include "base/mem.h"
#include "metadata/record_cause.h"
#include "metadata/record_frame.h"

/* Borrows; protobuf-c only reads what it packs, though its structures are not const. */
static ProtobufCBinaryData bytes_of(struct slice s)
{
    return (ProtobufCBinaryData){.len = s.len, .data = (uint8_t *)s.data};
}

static ProtobufCBinaryData dirs_of(struct metadata_dirs dirs, struct arena *arena)
{
    uint8_t *data = arena_array(arena, dirs.count, 16);
    for (size_t i = 0; i < dirs.count; i++) {
        store_u64(data + 16 * i, dirs.items[i].hi);
        store_u64(data + 16 * i + 8, dirs.items[i].lo);
    }
    return (ProtobufCBinaryData){.len = 16 * dirs.count, .data = data};
}

static ProtobufCBinaryData uuid_of(struct uuid id, struct arena *arena)
{
    return dirs_of((struct metadata_dirs){&id, 1}, arena);
}

/* An array of pointers to initialised messages, as protobuf-c wants repeated messages. */
static Craft__Endpoint **endpoints_of(struct metadata_endpoints from, struct arena *arena)
{
    Craft__Endpoint **list = ARENA_ARRAY(arena, from.count, Craft__Endpoint *);
    for (size_t i = 0; i < from.count; i++) {
        list[i] = ARENA_NEW(arena, Craft__Endpoint);
        craft__endpoint__init(list[i]);
        list[i]->name = bytes_of(from.items[i].name);
        list[i]->host = bytes_of(from.items[i].host);
        list[i]->port = from.items[i].port;
        list[i]->security_protocol = from.items[i].security_protocol;
    }
    return list;
}

static Craft__FeatureRange **features_of(struct metadata_feature_ranges from, struct arena *arena)
{
    Craft__FeatureRange **list = ARENA_ARRAY(arena, from.count, Craft__FeatureRange *);
    for (size_t i = 0; i < from.count; i++) {
        list[i] = ARENA_NEW(arena, Craft__FeatureRange);
        craft__feature_range__init(list[i]);
        list[i]->name = bytes_of(from.items[i].name);
        list[i]->min_version = from.items[i].min_version;
        list[i]->max_version = from.items[i].max_version;
    }
    return list;
}

static Craft__BrokerIds *ids_of(bool present, struct metadata_ids from, struct arena *arena)
{
    if (!present) {
        return NULL;
    }
    Craft__BrokerIds *ids = ARENA_NEW(arena, Craft__BrokerIds);
    craft__broker_ids__init(ids);
    ids->n_ids = from.count;
    ids->ids = (int32_t *)from.items;
    return ids;
}

#define SET_IDS(msg, field, from) \
    ((msg)->n_##field = (from).count, (msg)->field = (int32_t *)(from).items)

/* Each of the following fills one kind of the message; the message is in the arena. */
#define NEW_MESSAGE(var, Type, type, kind_constant, member) \
    Craft__##Type *var = ARENA_NEW(arena, Craft__##Type); \
    craft__##type##__init(var); \
    out->kind_case = CRAFT__METADATA_RECORD__KIND_##kind_constant; \
    out->member = var

static void fill_register_broker(const struct metadata_register_broker *from,
                                 Craft__MetadataRecord *out, struct arena *arena)
{
    NEW_MESSAGE(m, RegisterBroker, register_broker, REGISTER_BROKER, register_broker);
    m->broker_id = from->broker_id;
    m->is_migrating_zk_broker = from->is_migrating_zk_broker;
    m->incarnation_id = uuid_of(from->incarnation_id, arena);
    m->broker_epoch = from->broker_epoch;
    m->n_endpoints = from->endpoints.count;
    m->endpoints = endpoints_of(from->endpoints, arena);
    m->n_features = from->features.count;
    m->features = features_of(from->features, arena);
    if (!slice_is_null(from->rack)) {
        m->maybe_rack_case = CRAFT__REGISTER_BROKER__MAYBE_RACK_RACK;
        m->rack = bytes_of(from->rack);
    }
    m->fenced = from->fenced;
    m->in_controlled_shutdown = from->in_controlled_shutdown;
    m->log_dirs = dirs_of(from->log_dirs, arena);
    if (from->since != NULL) {
        m->since = ARENA_NEW(arena, Craft__BrokerSince);
        craft__broker_since__init(m->since);
        m->since->timestamp_ms = from->since->timestamp_ms;
        m->since->cause = ARENA_NEW(arena, Craft__Cause);
        metadata_cause_fill(&from->since->cause, m->since->cause);
    }
}

static void fill_unregister_broker(const struct metadata_unregister_broker *from,
                                   Craft__MetadataRecord *out, struct arena *arena)
{
    NEW_MESSAGE(m, UnregisterBroker, unregister_broker, UNREGISTER_BROKER, unregister_broker);
    m->broker_id = from->broker_id;
    m->broker_epoch = from->broker_epoch;
}

static void fill_registration_change(const struct metadata_broker_registration_change *from,
                                     Craft__MetadataRecord *out, struct arena *arena)
{
    NEW_MESSAGE(m, BrokerRegistrationChange, broker_registration_change, BROKER_REGISTRATION_CHANGE,
                broker_registration_change);
    m->broker_id = from->broker_id;
    m->broker_epoch = from->broker_epoch;
    m->fenced = from->fenced;
    m->in_controlled_shutdown = from->in_controlled_shutdown;
    if (from->has_log_dirs) {
        m->maybe_log_dirs_case = CRAFT__BROKER_REGISTRATION_CHANGE__MAYBE_LOG_DIRS_LOG_DIRS;
        m->log_dirs = dirs_of(from->log_dirs, arena);
    }
}

static void fill_topic(const struct metadata_topic_record *from, Craft__MetadataRecord *out,
                       struct arena *arena)
{
    NEW_MESSAGE(m, TopicRecord, topic_record, TOPIC, topic);
    m->name = bytes_of(from->name);
    m->topic_id = uuid_of(from->topic_id, arena);
}

static void fill_partition(const struct metadata_partition_record *from, Craft__MetadataRecord *out,
                           struct arena *arena)
{
    NEW_MESSAGE(m, PartitionRecord, partition_record, PARTITION, partition);
    m->partition_id = from->partition_id;
    m->topic_id = uuid_of(from->topic_id, arena);
    SET_IDS(m, replicas, from->replicas);
    SET_IDS(m, isr, from->isr);
    SET_IDS(m, removing_replicas, from->removing_replicas);
    SET_IDS(m, adding_replicas, from->adding_replicas);
    m->leader = from->leader;
    m->leader_recovery = (int32_t)from->leader_recovery;
    m->leader_epoch = from->leader_epoch;
    m->partition_epoch = from->partition_epoch;
    m->directories = dirs_of(from->directories, arena);
    SET_IDS(m, eligible_leader_replicas, from->elr);
    SET_IDS(m, last_known_elr, from->last_known_elr);
}

static void fill_partition_change(const struct metadata_partition_change *from,
                                  Craft__MetadataRecord *out, struct arena *arena)
{
    NEW_MESSAGE(m, PartitionChange, partition_change, PARTITION_CHANGE, partition_change);
    m->partition_id = from->partition_id;
    m->topic_id = uuid_of(from->topic_id, arena);
    if (from->leader != METADATA_LEADER_UNCHANGED) {
        m->maybe_leader_case = CRAFT__PARTITION_CHANGE__MAYBE_LEADER_LEADER;
        m->leader = from->leader;
    }
    if (from->leader_recovery != METADATA_RECOVERY_UNCHANGED) {
        m->maybe_leader_recovery_case =
            CRAFT__PARTITION_CHANGE__MAYBE_LEADER_RECOVERY_LEADER_RECOVERY;
        m->leader_recovery = (int32_t)from->leader_recovery;
    }
    if (from->has_directories) {
        m->maybe_directories_case = CRAFT__PARTITION_CHANGE__MAYBE_DIRECTORIES_DIRECTORIES;
        m->directories = dirs_of(from->directories, arena);
    }
    m->isr = ids_of(from->has_isr, from->isr, arena);
    m->replicas = ids_of(from->has_replicas, from->replicas, arena);
    m->removing_replicas = ids_of(from->has_removing_replicas, from->removing_replicas, arena);
    m->adding_replicas = ids_of(from->has_adding_replicas, from->adding_replicas, arena);
    m->eligible_leader_replicas = ids_of(from->has_elr, from->elr, arena);
    m->last_known_elr = ids_of(from->has_last_known_elr, from->last_known_elr, arena);
}

static void fill_remove_topic(const struct metadata_remove_topic *from, Craft__MetadataRecord *out,
                              struct arena *arena)
{
    NEW_MESSAGE(m, RemoveTopic, remove_topic, REMOVE_TOPIC, remove_topic);
    m->topic_id = uuid_of(from->topic_id, arena);
}

static void fill_config(const struct metadata_config_record *from, Craft__MetadataRecord *out,
                        struct arena *arena)
{
    NEW_MESSAGE(m, ConfigRecord, config_record, CONFIG, config);
    m->resource_type = from->resource_type;
    m->resource_name = bytes_of(from->resource_name);
    m->name = bytes_of(from->name);
    if (!slice_is_null(from->value)) {
        m->maybe_value_case = CRAFT__CONFIG_RECORD__MAYBE_VALUE_VALUE;
        m->value = bytes_of(from->value);
    }
}

static void fill_feature_level(const struct metadata_feature_level *from,
                               Craft__MetadataRecord *out, struct arena *arena)
{
    NEW_MESSAGE(m, FeatureLevel, feature_level, FEATURE_LEVEL, feature_level);
    m->name = bytes_of(from->name);
    m->level = from->level;
}

static void fill_producer_ids(const struct metadata_producer_ids *from, Craft__MetadataRecord *out,
                              struct arena *arena)
{
    NEW_MESSAGE(m, ProducerIds, producer_ids, PRODUCER_IDS, producer_ids);
    m->broker_id = from->broker_id;
    m->broker_epoch = from->broker_epoch;
    m->next_producer_id = from->next_producer_id;
}

static void fill_register_controller(const struct metadata_register_controller *from,
                                     Craft__MetadataRecord *out, struct arena *arena)
{
    NEW_MESSAGE(m, RegisterController, register_controller, REGISTER_CONTROLLER,
                register_controller);
    m->controller_id = from->controller_id;
    m->incarnation_id = uuid_of(from->incarnation_id, arena);
    m->zk_migration_ready = from->zk_migration_ready;
    m->n_endpoints = from->endpoints.count;
    m->endpoints = endpoints_of(from->endpoints, arena);
    m->n_features = from->features.count;
    m->features = features_of(from->features, arena);
}

static void fill_begin(const struct metadata_begin_transaction *from, Craft__MetadataRecord *out,
                       struct arena *arena)
{
    NEW_MESSAGE(m, BeginTransaction, begin_transaction, BEGIN_TRANSACTION, begin_transaction);
    if (!slice_is_null(from->name)) {
        m->maybe_name_case = CRAFT__BEGIN_TRANSACTION__MAYBE_NAME_NAME;
        m->name = bytes_of(from->name);
    }
}

static void fill_end(Craft__MetadataRecord *out, struct arena *arena)
{
    NEW_MESSAGE(m, EndTransaction, end_transaction, END_TRANSACTION, end_transaction);
}

static void fill_abort(const struct metadata_abort_transaction *from, Craft__MetadataRecord *out,
                       struct arena *arena)
{
    NEW_MESSAGE(m, AbortTransaction, abort_transaction, ABORT_TRANSACTION, abort_transaction);
    if (!slice_is_null(from->reason)) {
        m->maybe_reason_case = CRAFT__ABORT_TRANSACTION__MAYBE_REASON_REASON;
        m->reason = bytes_of(from->reason);
    }
}

static void fill(const struct metadata_record *r, Craft__MetadataRecord *out, struct arena *arena)
{
    switch (r->type) {
    case METADATA_RECORD_REGISTER_BROKER:
        return fill_register_broker(&r->register_broker, out, arena);
    case METADATA_RECORD_UNREGISTER_BROKER:
        return fill_unregister_broker(&r->unregister_broker, out, arena);
    case METADATA_RECORD_BROKER_REGISTRATION_CHANGE:
        return fill_registration_change(&r->broker_registration_change, out, arena);
    case METADATA_RECORD_TOPIC:
        return fill_topic(&r->topic, out, arena);
    case METADATA_RECORD_PARTITION:
        return fill_partition(&r->partition, out, arena);
    case METADATA_RECORD_PARTITION_CHANGE:
        return fill_partition_change(&r->partition_change, out, arena);
    case METADATA_RECORD_REMOVE_TOPIC:
        return fill_remove_topic(&r->remove_topic, out, arena);
    case METADATA_RECORD_CONFIG:
        return fill_config(&r->config, out, arena);
    case METADATA_RECORD_FEATURE_LEVEL:
        return fill_feature_level(&r->feature_level, out, arena);
    case METADATA_RECORD_PRODUCER_IDS:
        return fill_producer_ids(&r->producer_ids, out, arena);
    case METADATA_RECORD_REGISTER_CONTROLLER:
        return fill_register_controller(&r->register_controller, out, arena);
    case METADATA_RECORD_BEGIN_TRANSACTION:
        return fill_begin(&r->begin_transaction, out, arena);
    case METADATA_RECORD_END_TRANSACTION:
        return fill_end(out, arena);
    case METADATA_RECORD_ABORT_TRANSACTION:
        return fill_abort(&r->abort_transaction, out, arena);
    case METADATA_RECORD_NO_OP:
        break; /* has no message */
    }
    UNREACHABLE();
}

void metadata_record_encode(const struct metadata_record *record, struct buf *out)
{
    struct arena arena = {0};
    struct metadata_frame frame = {0};
    if (record->type != METADATA_RECORD_NO_OP) {
        Craft__MetadataRecord message = CRAFT__METADATA_RECORD__INIT;
        fill(record, &message, &arena);
        size_t size = craft__metadata_record__get_packed_size(&message);
        uint8_t *bytes = arena_alloc(&arena, size);
        size_t packed = craft__metadata_record__pack(&message, bytes);
        ASSERT(packed == size);
        frame.record = slice_of(bytes, size);
    }
    metadata_frame_put(&frame, out);
    arena_fini(&arena);
}
