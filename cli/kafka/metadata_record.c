/* From our records to Kafka's; see metadata_record.h. */
#include "cli/kafka/metadata_record.h"

enum { REGISTER_BROKER_VERSION = 3 };

/* Structures of wire/ have no const; these are only printed. */
static void *unconst(const void *items)
{
    void *plain;
    memcpy(&plain, &items, sizeof plain);
    return plain;
}

#define TAKE_LIST(to, field, list) \
    do { \
        (to)->field = unconst((list).items); \
        (to)->field##_count = (int32_t)(list).count; \
    } while (0)

/* A list that is null where nothing changes. */
#define TAKE_CHANGED(to, field, from, name) \
    do { \
        if ((from)->has_##name) { \
            TAKE_LIST(to, field, (from)->name); \
        } \
    } while (0)

#define TAKE_ENDPOINTS(to, from, arena) \
    do { \
        (to)->end_points_count = (int32_t)(from)->endpoints.count; \
        (to)->end_points = \
            arena_array(arena, (from)->endpoints.count + 1, sizeof *(to)->end_points); \
        for (size_t i = 0; i < (from)->endpoints.count; i++) { \
            const struct metadata_endpoint *e = &(from)->endpoints.items[i]; \
            (to)->end_points[i].name = e->name; \
            (to)->end_points[i].host = e->host; \
            (to)->end_points[i].port = e->port; \
            (to)->end_points[i].security_protocol = e->security_protocol; \
        } \
        (to)->features_count = (int32_t)(from)->features.count; \
        (to)->features = arena_array(arena, (from)->features.count + 1, sizeof *(to)->features); \
        for (size_t i = 0; i < (from)->features.count; i++) { \
            const struct metadata_feature_range *f = &(from)->features.items[i]; \
            (to)->features[i].name = f->name; \
            (to)->features[i].min_supported_version = f->min_version; \
            (to)->features[i].max_supported_version = f->max_version; \
        } \
    } while (0)

/* ---- brokers and controllers ---- */

static int16_t take_register_broker(void *to, const struct metadata_record *record,
                                    struct arena *arena)
{
    struct wire_register_broker_record *out = to;
    const struct metadata_register_broker *from = &record->register_broker;
    out->broker_id = from->broker_id;
    out->is_migrating_zk_broker = from->is_migrating_zk_broker;
    out->incarnation_id = from->incarnation_id;
    out->broker_epoch = from->broker_epoch;
    TAKE_ENDPOINTS(out, from, arena);
    out->rack = from->rack;
    out->fenced = from->fenced;
    out->in_controlled_shutdown = from->in_controlled_shutdown;
    TAKE_LIST(out, log_dirs, from->log_dirs);
    return REGISTER_BROKER_VERSION;
}

static int16_t take_unregister_broker(void *to, const struct metadata_record *record,
                                      struct arena *arena)
{
    (void)arena;
    struct wire_unregister_broker_record *out = to;
    out->broker_id = record->unregister_broker.broker_id;
    out->broker_epoch = record->unregister_broker.broker_epoch;
    return 0;
}

static int16_t take_registration_change(void *to, const struct metadata_record *record,
                                        struct arena *arena)
{
    (void)arena;
    struct wire_broker_registration_change_record *out = to;
    const struct metadata_broker_registration_change *from = &record->broker_registration_change;
    out->broker_id = from->broker_id;
    out->broker_epoch = from->broker_epoch;
    out->fenced = from->fenced;
    out->in_controlled_shutdown = from->in_controlled_shutdown;
    TAKE_CHANGED(out, log_dirs, from, log_dirs);
    return from->has_log_dirs ? 2 : from->in_controlled_shutdown != 0 ? 1 : 0;
}

static int16_t take_register_controller(void *to, const struct metadata_record *record,
                                        struct arena *arena)
{
    struct wire_register_controller_record *out = to;
    const struct metadata_register_controller *from = &record->register_controller;
    out->controller_id = from->controller_id;
    out->incarnation_id = from->incarnation_id;
    out->zk_migration_ready = from->zk_migration_ready;
    TAKE_ENDPOINTS(out, from, arena);
    return 0;
}

/* ---- topics ---- */

static int16_t take_topic(void *to, const struct metadata_record *record, struct arena *arena)
{
    (void)arena;
    struct wire_topic_record *out = to;
    out->name = record->topic.name;
    out->topic_id = record->topic.topic_id;
    return 0;
}

static int16_t take_remove_topic(void *to, const struct metadata_record *record,
                                 struct arena *arena)
{
    (void)arena;
    ((struct wire_remove_topic_record *)to)->topic_id = record->remove_topic.topic_id;
    return 0;
}

static int16_t take_partition(void *to, const struct metadata_record *record, struct arena *arena)
{
    (void)arena;
    struct wire_partition_record *out = to;
    const struct metadata_partition_record *from = &record->partition;
    out->partition_id = from->partition_id;
    out->topic_id = from->topic_id;
    TAKE_LIST(out, replicas, from->replicas);
    TAKE_LIST(out, isr, from->isr);
    TAKE_LIST(out, removing_replicas, from->removing_replicas);
    TAKE_LIST(out, adding_replicas, from->adding_replicas);
    out->leader = from->leader;
    out->leader_recovery_state = (int8_t)from->leader_recovery;
    out->leader_epoch = from->leader_epoch;
    out->partition_epoch = from->partition_epoch;
    TAKE_LIST(out, directories, from->directories);
    if (from->elr.count > 0) {
        TAKE_LIST(out, eligible_leader_replicas, from->elr);
    }
    if (from->last_known_elr.count > 0) {
        TAKE_LIST(out, last_known_elr, from->last_known_elr);
    }
    return from->elr.count + from->last_known_elr.count > 0 ? 2 : from->directories.count > 0;
}

static int16_t take_partition_change(void *to, const struct metadata_record *record,
                                     struct arena *arena)
{
    (void)arena;
    struct wire_partition_change_record *out = to;
    const struct metadata_partition_change *from = &record->partition_change;
    out->partition_id = from->partition_id;
    out->topic_id = from->topic_id;
    out->leader = from->leader;
    out->leader_recovery_state = (int8_t)from->leader_recovery;
    TAKE_CHANGED(out, isr, from, isr);
    TAKE_CHANGED(out, replicas, from, replicas);
    TAKE_CHANGED(out, removing_replicas, from, removing_replicas);
    TAKE_CHANGED(out, adding_replicas, from, adding_replicas);
    TAKE_CHANGED(out, directories, from, directories);
    TAKE_CHANGED(out, last_known_elr, from, last_known_elr);
    if (from->has_elr) {
        TAKE_LIST(out, eligible_leader_replicas, from->elr);
    }
    return from->has_elr || from->has_last_known_elr ? 2 : from->has_directories;
}

/* ---- the others ---- */

static int16_t take_config(void *to, const struct metadata_record *record, struct arena *arena)
{
    (void)arena;
    struct wire_config_record *out = to;
    out->resource_type = record->config.resource_type;
    out->resource_name = record->config.resource_name;
    out->name = record->config.name;
    out->value = record->config.value;
    return 0;
}

static int16_t take_feature_level(void *to, const struct metadata_record *record,
                                  struct arena *arena)
{
    (void)arena;
    struct wire_feature_level_record *out = to;
    out->name = record->feature_level.name;
    out->feature_level = record->feature_level.level;
    return 0;
}

static int16_t take_producer_ids(void *to, const struct metadata_record *record,
                                 struct arena *arena)
{
    (void)arena;
    struct wire_producer_ids_record *out = to;
    out->broker_id = record->producer_ids.broker_id;
    out->broker_epoch = record->producer_ids.broker_epoch;
    out->next_producer_id = record->producer_ids.next_producer_id;
    return 0;
}

static int16_t take_begin_transaction(void *to, const struct metadata_record *record,
                                      struct arena *arena)
{
    (void)arena;
    ((struct wire_begin_transaction_record *)to)->name = record->begin_transaction.name;
    return 0;
}

static int16_t take_abort_transaction(void *to, const struct metadata_record *record,
                                      struct arena *arena)
{
    (void)arena;
    ((struct wire_abort_transaction_record *)to)->reason = record->abort_transaction.reason;
    return 0;
}

static int16_t take_nothing(void *to, const struct metadata_record *record, struct arena *arena)
{
    (void)to;
    (void)record;
    (void)arena;
    return 0;
}

static const struct {
    enum metadata_record_type type;
    int16_t (*take)(void *to, const struct metadata_record *record, struct arena *arena);
} rows[] = {
    {METADATA_RECORD_REGISTER_BROKER, take_register_broker},
    {METADATA_RECORD_UNREGISTER_BROKER, take_unregister_broker},
    {METADATA_RECORD_TOPIC, take_topic},
    {METADATA_RECORD_PARTITION, take_partition},
    {METADATA_RECORD_CONFIG, take_config},
    {METADATA_RECORD_PARTITION_CHANGE, take_partition_change},
    {METADATA_RECORD_REMOVE_TOPIC, take_remove_topic},
    {METADATA_RECORD_FEATURE_LEVEL, take_feature_level},
    {METADATA_RECORD_PRODUCER_IDS, take_producer_ids},
    {METADATA_RECORD_BROKER_REGISTRATION_CHANGE, take_registration_change},
    {METADATA_RECORD_NO_OP, take_nothing},
    {METADATA_RECORD_BEGIN_TRANSACTION, take_begin_transaction},
    {METADATA_RECORD_END_TRANSACTION, take_nothing},
    {METADATA_RECORD_ABORT_TRANSACTION, take_abort_transaction},
    {METADATA_RECORD_REGISTER_CONTROLLER, take_register_controller},
};

struct kafka_record kafka_record_of(const struct metadata_record *record, struct arena *arena)
{
    struct kafka_record out = {
        .type = wire_record_type_find(wire_metadata_records, (int16_t)record->type)};
    ASSERT(out.type != NULL);
    out.value = wire_new(out.type->value, arena);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (rows[i].type == record->type) {
            out.version = rows[i].take(out.value, record, arena);
            return out;
        }
    }
    UNREACHABLE();
}

void kafka_record_print(const struct kafka_record *record, struct buf *out)
{
    buf_printf(out, "{\"type\":\"%s\",\"version\":%d,\"data\":", record->type->name,
               record->version);
    wire_print_json(record->type->value, record->version, record->value, out);
    buf_put_str(out, "}");
}
