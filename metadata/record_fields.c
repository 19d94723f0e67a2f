/* The tables; see record_fields.h. */
#include "metadata/record_fields.h"

#include <stddef.h>

#define AT(member) .offset = (uint16_t)offsetof(struct metadata_record, member)
#define IF(member) .has = (uint16_t)offsetof(struct metadata_record, member)
#define RARE .shown = METADATA_SHOWN_IN_JSON
#define UNLESS(value) .shown = METADATA_SHOWN_IF_SAID, .usual = (value)

#define BOOL .kind = METADATA_FIELD_BOOL
#define INT8 .kind = METADATA_FIELD_INT8
#define INT16 .kind = METADATA_FIELD_INT16
#define INT32 .kind = METADATA_FIELD_INT32
#define INT64 .kind = METADATA_FIELD_INT64
#define TEXT .kind = METADATA_FIELD_TEXT
#define UUID .kind = METADATA_FIELD_UUID
#define IDS .kind = METADATA_FIELD_IDS
#define DIRS .kind = METADATA_FIELD_DIRS
#define ENDPOINTS .kind = METADATA_FIELD_ENDPOINTS
#define FEATURES .kind = METADATA_FIELD_FEATURES
#define SINCE .kind = METADATA_FIELD_SINCE

static const struct metadata_field register_broker[] = {
    {"brokerId", INT32, AT(register_broker.broker_id)},
    {"isMigratingZkBroker", BOOL, AT(register_broker.is_migrating_zk_broker)},
    {"incarnationId", UUID, AT(register_broker.incarnation_id)},
    {"brokerEpoch", INT64, AT(register_broker.broker_epoch)},
    {"endPoints", ENDPOINTS, AT(register_broker.endpoints)},
    {"features", FEATURES, AT(register_broker.features)},
    {"rack", TEXT, AT(register_broker.rack)},
    {"fenced", BOOL, AT(register_broker.fenced)},
    {"inControlledShutdown", BOOL, AT(register_broker.in_controlled_shutdown)},
    {"logDirs", DIRS, AT(register_broker.log_dirs)},
    {"since", SINCE, AT(register_broker.since)},
    {0}};

static const struct metadata_field unregister_broker[] = {
    {"brokerId", INT32, AT(unregister_broker.broker_id)},
    {"brokerEpoch", INT64, AT(unregister_broker.broker_epoch)},
    {0}};

static const struct metadata_field broker_registration_change[] = {
    {"brokerId", INT32, AT(broker_registration_change.broker_id)},
    {"brokerEpoch", INT64, AT(broker_registration_change.broker_epoch)},
    {"fenced", INT8, AT(broker_registration_change.fenced), UNLESS(0)},
    {"inControlledShutdown", INT8, AT(broker_registration_change.in_controlled_shutdown),
     UNLESS(0)},
    {"logDirs", DIRS, AT(broker_registration_change.log_dirs),
     IF(broker_registration_change.has_log_dirs)},
    {0}};

static const struct metadata_field topic[] = {
    {"name", TEXT, AT(topic.name)}, {"topicId", UUID, AT(topic.topic_id)}, {0}};

static const struct metadata_field partition[] = {
    {"topicId", UUID, AT(partition.topic_id)},
    {"partitionId", INT32, AT(partition.partition_id)},
    {"replicas", IDS, AT(partition.replicas)},
    {"isr", IDS, AT(partition.isr)},
    {"removingReplicas", IDS, AT(partition.removing_replicas), RARE},
    {"addingReplicas", IDS, AT(partition.adding_replicas), RARE},
    {"leader", INT32, AT(partition.leader)},
    {"leaderRecoveryState", INT32, AT(partition.leader_recovery), RARE,
     .usual = METADATA_RECOVERED},
    {"leaderEpoch", INT32, AT(partition.leader_epoch)},
    {"partitionEpoch", INT32, AT(partition.partition_epoch)},
    {"directories", DIRS, AT(partition.directories)},
    {"eligibleLeaderReplicas", IDS, AT(partition.elr), RARE},
    {"lastKnownElr", IDS, AT(partition.last_known_elr), RARE},
    {0}};

static const struct metadata_field partition_change[] = {
    {"topicId", UUID, AT(partition_change.topic_id)},
    {"partitionId", INT32, AT(partition_change.partition_id)},
    {"leader", INT32, AT(partition_change.leader), UNLESS(METADATA_LEADER_UNCHANGED)},
    {"leaderRecoveryState", INT32, AT(partition_change.leader_recovery),
     UNLESS(METADATA_RECOVERY_UNCHANGED)},
    {"isr", IDS, AT(partition_change.isr), IF(partition_change.has_isr)},
    {"replicas", IDS, AT(partition_change.replicas), IF(partition_change.has_replicas)},
    {"removingReplicas", IDS, AT(partition_change.removing_replicas),
     IF(partition_change.has_removing_replicas)},
    {"addingReplicas", IDS, AT(partition_change.adding_replicas),
     IF(partition_change.has_adding_replicas)},
    {"eligibleLeaderReplicas", IDS, AT(partition_change.elr), IF(partition_change.has_elr)},
    {"lastKnownElr", IDS, AT(partition_change.last_known_elr),
     IF(partition_change.has_last_known_elr)},
    {"directories", DIRS, AT(partition_change.directories), IF(partition_change.has_directories)},
    {0}};

static const struct metadata_field remove_topic[] = {{"topicId", UUID, AT(remove_topic.topic_id)},
                                                     {0}};

static const struct metadata_field config[] = {{"resourceType", INT8, AT(config.resource_type)},
                                               {"resourceName", TEXT, AT(config.resource_name)},
                                               {"name", TEXT, AT(config.name)},
                                               {"value", TEXT, AT(config.value)},
                                               {0}};

static const struct metadata_field feature_level[] = {
    {"name", TEXT, AT(feature_level.name)}, {"featureLevel", INT16, AT(feature_level.level)}, {0}};

static const struct metadata_field producer_ids[] = {
    {"brokerId", INT32, AT(producer_ids.broker_id)},
    {"brokerEpoch", INT64, AT(producer_ids.broker_epoch)},
    {"nextProducerId", INT64, AT(producer_ids.next_producer_id)},
    {0}};

static const struct metadata_field register_controller[] = {
    {"controllerId", INT32, AT(register_controller.controller_id)},
    {"incarnationId", UUID, AT(register_controller.incarnation_id)},
    {"zkMigrationReady", BOOL, AT(register_controller.zk_migration_ready)},
    {"endPoints", ENDPOINTS, AT(register_controller.endpoints)},
    {"features", FEATURES, AT(register_controller.features)},
    {0}};

static const struct metadata_field begin_transaction[] = {
    {"name", TEXT, AT(begin_transaction.name)}, {0}};

static const struct metadata_field abort_transaction[] = {
    {"reason", TEXT, AT(abort_transaction.reason)}, {0}};

static const struct metadata_field none[] = {{0}};

static const struct {
    enum metadata_record_type type;
    const char *name;
    const struct metadata_field *fields;
} types[] = {
    {METADATA_RECORD_REGISTER_BROKER, "REGISTER_BROKER_RECORD", register_broker},
    {METADATA_RECORD_UNREGISTER_BROKER, "UNREGISTER_BROKER_RECORD", unregister_broker},
    {METADATA_RECORD_TOPIC, "TOPIC_RECORD", topic},
    {METADATA_RECORD_PARTITION, "PARTITION_RECORD", partition},
    {METADATA_RECORD_CONFIG, "CONFIG_RECORD", config},
    {METADATA_RECORD_PARTITION_CHANGE, "PARTITION_CHANGE_RECORD", partition_change},
    {METADATA_RECORD_REMOVE_TOPIC, "REMOVE_TOPIC_RECORD", remove_topic},
    {METADATA_RECORD_FEATURE_LEVEL, "FEATURE_LEVEL_RECORD", feature_level},
    {METADATA_RECORD_PRODUCER_IDS, "PRODUCER_IDS_RECORD", producer_ids},
    {METADATA_RECORD_BROKER_REGISTRATION_CHANGE, "BROKER_REGISTRATION_CHANGE_RECORD",
     broker_registration_change},
    {METADATA_RECORD_NO_OP, "NO_OP_RECORD", none},
    {METADATA_RECORD_BEGIN_TRANSACTION, "BEGIN_TRANSACTION_RECORD", begin_transaction},
    {METADATA_RECORD_END_TRANSACTION, "END_TRANSACTION_RECORD", none},
    {METADATA_RECORD_ABORT_TRANSACTION, "ABORT_TRANSACTION_RECORD", abort_transaction},
    {METADATA_RECORD_REGISTER_CONTROLLER, "REGISTER_CONTROLLER_RECORD", register_controller},
};

const struct metadata_field *metadata_record_fields(enum metadata_record_type type)
{
    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        if (types[i].type == type) {
            return types[i].fields;
        }
    }
    return NULL;
}

const char *metadata_record_type_name(enum metadata_record_type type)
{
    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        if (types[i].type == type) {
            return types[i].name;
        }
    }
    return "UNKNOWN";
}

bool metadata_record_type_parse(struct slice name, enum metadata_record_type *out)
{
    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        if (slice_eq_str(name, types[i].name)) {
            *out = types[i].type;
            return true;
        }
    }
    return false;
}
