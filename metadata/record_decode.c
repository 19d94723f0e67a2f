/* Bytes to records. Everything here reads what others wrote: nothing is trusted, nothing asserted.
 */
#include "metadata/record.h"

#include "metadata/record_cause.h"
#include "metadata/record_frame.h"
#include "metadata/record_partition.h"

/* What the functions below share: where memory comes from, and the sentence about the first thing
 * that is wrong. */
struct decoder {
    struct arena *arena;
    struct buf *why;
    bool bad;
};

static void complain(struct decoder *d, const char *what)
{
    if (!d->bad && d->why != NULL) {
        buf_put_str(d->why, what);
    }
    d->bad = true;
}

/* protobuf-c copies what it reads; the copies live in the arena. */
static void *arena_malloc(void *arena, size_t size)
{
    return arena_alloc(arena, size);
}

static void arena_nofree(void *arena, void *ptr)
{
    (void)arena;
    (void)ptr;
}

static struct slice slice_from(ProtobufCBinaryData b)
{
    return slice_of(b.data == NULL ? (const uint8_t *)"" : b.data, b.len);
}

static struct metadata_ids ids_from(const int32_t *items, size_t count)
{
    return (struct metadata_ids){.items = items, .count = count};
}

static struct metadata_dirs dirs_from(struct decoder *d, ProtobufCBinaryData b)
{
    if (b.len % 16 != 0) {
        complain(d, "a list of 128-bit ids has a length that is no multiple of 16");
        return (struct metadata_dirs){0};
    }
    size_t count = b.len / 16;
    struct uuid *items = ARENA_ARRAY(d->arena, count, struct uuid);
    for (size_t i = 0; i < count; i++) {
        items[i].hi = load_u64(b.data + 16 * i);
        items[i].lo = load_u64(b.data + 16 * i + 8);
    }
    return (struct metadata_dirs){.items = items, .count = count};
}

static struct uuid uuid_from(struct decoder *d, ProtobufCBinaryData b)
{
    struct metadata_dirs one = dirs_from(d, b);
    if (one.count > 1) {
        complain(d, "an id has more than 128 bits");
    }
    return one.count == 1 ? one.items[0] : UUID_ZERO;
}

/* A protobuf int32 whose value must fit a smaller type. */
static int32_t ranged(struct decoder *d, int32_t value, int32_t low, int32_t high)
{
    if (value < low || value > high) {
        complain(d, "a number is out of the range of its field");
        return low;
    }
    return value;
}

static struct metadata_endpoints endpoints_from(struct decoder *d, Craft__Endpoint **list,
                                                size_t count)
{
    struct metadata_endpoint *items = ARENA_ARRAY(d->arena, count, struct metadata_endpoint);
    for (size_t i = 0; i < count; i++) {
        items[i].name = slice_from(list[i]->name);
        items[i].host = slice_from(list[i]->host);
        if (list[i]->port > UINT16_MAX) {
            complain(d, "a port is larger than 65535");
        }
        items[i].port = (uint16_t)list[i]->port;
        items[i].security_protocol =
            (int16_t)ranged(d, list[i]->security_protocol, INT16_MIN, INT16_MAX);
    }
    return (struct metadata_endpoints){.items = items, .count = count};
}

static struct metadata_feature_ranges features_from(struct decoder *d, Craft__FeatureRange **list,
                                                    size_t count)
{
    struct metadata_feature_range *items =
        ARENA_ARRAY(d->arena, count, struct metadata_feature_range);
    for (size_t i = 0; i < count; i++) {
        items[i].name = slice_from(list[i]->name);
        items[i].min_version = (int16_t)ranged(d, list[i]->min_version, 0, INT16_MAX);
        items[i].max_version = (int16_t)ranged(d, list[i]->max_version, 0, INT16_MAX);
    }
    return (struct metadata_feature_ranges){.items = items, .count = count};
}

static const struct metadata_since *since_from(struct decoder *d, const Craft__BrokerSince *m)
{
    if (m == NULL || m->cause == NULL) {
        return NULL;
    }
    struct metadata_since *since = ARENA_NEW(d->arena, struct metadata_since);
    since->timestamp_ms = m->timestamp_ms;
    since->cause = metadata_cause_read(m->cause);
    return since;
}

static void read_register_broker(struct decoder *d, const Craft__RegisterBroker *m,
                                 struct metadata_record *out)
{
    bool rack = m->maybe_rack_case == CRAFT__REGISTER_BROKER__MAYBE_RACK_RACK;
    out->type = METADATA_RECORD_REGISTER_BROKER;
    out->register_broker = (struct metadata_register_broker){
        .broker_id = m->broker_id,
        .is_migrating_zk_broker = m->is_migrating_zk_broker,
        .incarnation_id = uuid_from(d, m->incarnation_id),
        .broker_epoch = m->broker_epoch,
        .endpoints = endpoints_from(d, m->endpoints, m->n_endpoints),
        .features = features_from(d, m->features, m->n_features),
        .rack = rack ? slice_from(m->rack) : SLICE_NULL,
        .fenced = m->fenced,
        .in_controlled_shutdown = m->in_controlled_shutdown,
        .log_dirs = dirs_from(d, m->log_dirs),
        .since = since_from(d, m->since),
    };
}

static void read_registration_change(struct decoder *d, const Craft__BrokerRegistrationChange *m,
                                     struct metadata_record *out)
{
    bool dirs =
        m->maybe_log_dirs_case == CRAFT__BROKER_REGISTRATION_CHANGE__MAYBE_LOG_DIRS_LOG_DIRS;
    out->type = METADATA_RECORD_BROKER_REGISTRATION_CHANGE;
    out->broker_registration_change = (struct metadata_broker_registration_change){
        .broker_id = m->broker_id,
        .broker_epoch = m->broker_epoch,
        .fenced = (int8_t)ranged(d, m->fenced, -1, 1),
        .in_controlled_shutdown = (int8_t)ranged(d, m->in_controlled_shutdown, 0, 1),
        .has_log_dirs = dirs,
        .log_dirs = dirs ? dirs_from(d, m->log_dirs) : (struct metadata_dirs){0},
    };
}

static void read_partition(struct decoder *d, const Craft__PartitionRecord *m,
                           struct metadata_record *out)
{
    out->type = METADATA_RECORD_PARTITION;
    out->partition = (struct metadata_partition_record){
        .partition_id = m->partition_id,
        .topic_id = uuid_from(d, m->topic_id),
        .replicas = ids_from(m->replicas, m->n_replicas),
        .isr = ids_from(m->isr, m->n_isr),
        .removing_replicas = ids_from(m->removing_replicas, m->n_removing_replicas),
        .adding_replicas = ids_from(m->adding_replicas, m->n_adding_replicas),
        .leader = m->leader,
        .leader_recovery = (enum metadata_recovery)ranged(d, m->leader_recovery, 0, 1),
        .leader_epoch = m->leader_epoch,
        .partition_epoch = m->partition_epoch,
        .directories = dirs_from(d, m->directories),
        .elr = ids_from(m->eligible_leader_replicas, m->n_eligible_leader_replicas),
        .last_known_elr = ids_from(m->last_known_elr, m->n_last_known_elr),
    };
}

static void read_ids(const Craft__BrokerIds *m, bool *present, struct metadata_ids *ids)
{
    *present = m != NULL;
    *ids = m == NULL ? (struct metadata_ids){0} : ids_from(m->ids, m->n_ids);
}

static void read_partition_change(struct decoder *d, const Craft__PartitionChange *m,
                                  struct metadata_record *out)
{
    out->type = METADATA_RECORD_PARTITION_CHANGE;
    struct metadata_partition_change *c = &out->partition_change;
    *c = METADATA_PARTITION_CHANGE(uuid_from(d, m->topic_id), m->partition_id);
    if (m->maybe_leader_case == CRAFT__PARTITION_CHANGE__MAYBE_LEADER_LEADER) {
        c->leader = ranged(d, m->leader, METADATA_NO_LEADER, INT32_MAX);
    }
    if (m->maybe_leader_recovery_case ==
        CRAFT__PARTITION_CHANGE__MAYBE_LEADER_RECOVERY_LEADER_RECOVERY) {
        c->leader_recovery = (enum metadata_recovery)ranged(d, m->leader_recovery, 0, 1);
    }
    if (m->maybe_directories_case == CRAFT__PARTITION_CHANGE__MAYBE_DIRECTORIES_DIRECTORIES) {
        c->has_directories = true;
        c->directories = dirs_from(d, m->directories);
    }
    read_ids(m->isr, &c->has_isr, &c->isr);
    read_ids(m->replicas, &c->has_replicas, &c->replicas);
    read_ids(m->removing_replicas, &c->has_removing_replicas, &c->removing_replicas);
    read_ids(m->adding_replicas, &c->has_adding_replicas, &c->adding_replicas);
    read_ids(m->eligible_leader_replicas, &c->has_elr, &c->elr);
    read_ids(m->last_known_elr, &c->has_last_known_elr, &c->last_known_elr);
}

static void read_config(struct decoder *d, const Craft__ConfigRecord *m,
                        struct metadata_record *out)
{
    bool value = m->maybe_value_case == CRAFT__CONFIG_RECORD__MAYBE_VALUE_VALUE;
    out->type = METADATA_RECORD_CONFIG;
    out->config = (struct metadata_config_record){
        .resource_type = (int8_t)ranged(d, m->resource_type, 0, INT8_MAX),
        .resource_name = slice_from(m->resource_name),
        .name = slice_from(m->name),
        .value = value ? slice_from(m->value) : SLICE_NULL,
    };
}

static void read_register_controller(struct decoder *d, const Craft__RegisterController *m,
                                     struct metadata_record *out)
{
    out->type = METADATA_RECORD_REGISTER_CONTROLLER;
    out->register_controller = (struct metadata_register_controller){
        .controller_id = m->controller_id,
        .incarnation_id = uuid_from(d, m->incarnation_id),
        .zk_migration_ready = m->zk_migration_ready,
        .endpoints = endpoints_from(d, m->endpoints, m->n_endpoints),
        .features = features_from(d, m->features, m->n_features),
    };
}

static void read_transaction(const Craft__MetadataRecord *m, struct metadata_record *out)
{
    if (m->kind_case == CRAFT__METADATA_RECORD__KIND_END_TRANSACTION) {
        out->type = METADATA_RECORD_END_TRANSACTION;
    } else if (m->kind_case == CRAFT__METADATA_RECORD__KIND_BEGIN_TRANSACTION) {
        const Craft__BeginTransaction *begin = m->begin_transaction;
        bool name = begin->maybe_name_case == CRAFT__BEGIN_TRANSACTION__MAYBE_NAME_NAME;
        out->type = METADATA_RECORD_BEGIN_TRANSACTION;
        out->begin_transaction.name = name ? slice_from(begin->name) : SLICE_NULL;
    } else {
        const Craft__AbortTransaction *abort = m->abort_transaction;
        bool reason = abort->maybe_reason_case == CRAFT__ABORT_TRANSACTION__MAYBE_REASON_REASON;
        out->type = METADATA_RECORD_ABORT_TRANSACTION;
        out->abort_transaction.reason = reason ? slice_from(abort->reason) : SLICE_NULL;
    }
}

static void read_small(struct decoder *d, const Craft__MetadataRecord *m,
                       struct metadata_record *out)
{
    if (m->kind_case == CRAFT__METADATA_RECORD__KIND_UNREGISTER_BROKER) {
        out->type = METADATA_RECORD_UNREGISTER_BROKER;
        out->unregister_broker.broker_id = m->unregister_broker->broker_id;
        out->unregister_broker.broker_epoch = m->unregister_broker->broker_epoch;
    } else if (m->kind_case == CRAFT__METADATA_RECORD__KIND_TOPIC) {
        out->type = METADATA_RECORD_TOPIC;
        out->topic.name = slice_from(m->topic->name);
        out->topic.topic_id = uuid_from(d, m->topic->topic_id);
    } else if (m->kind_case == CRAFT__METADATA_RECORD__KIND_REMOVE_TOPIC) {
        out->type = METADATA_RECORD_REMOVE_TOPIC;
        out->remove_topic.topic_id = uuid_from(d, m->remove_topic->topic_id);
    } else if (m->kind_case == CRAFT__METADATA_RECORD__KIND_FEATURE_LEVEL) {
        out->type = METADATA_RECORD_FEATURE_LEVEL;
        out->feature_level.name = slice_from(m->feature_level->name);
        out->feature_level.level = (int16_t)ranged(d, m->feature_level->level, 0, INT16_MAX);
    } else {
        out->type = METADATA_RECORD_PRODUCER_IDS;
        out->producer_ids.broker_id = m->producer_ids->broker_id;
        out->producer_ids.broker_epoch = m->producer_ids->broker_epoch;
        out->producer_ids.next_producer_id = m->producer_ids->next_producer_id;
    }
}

/* The message has no kind that this version knows. */
static enum err refuse_unknown(struct decoder *d, const Craft__MetadataRecord *m)
{
    if (m->base.n_unknown_fields == 0) {
        complain(d, "the message holds no record");
        return ERR_CORRUPT;
    }
    if (d->why != NULL) {
        buf_printf(d->why, "record kind %u is not known to this version; upgrade it",
                   m->base.unknown_fields[0].tag - 1);
    }
    return ERR_UNSUPPORTED;
}

static enum err read_message(struct decoder *d, const Craft__MetadataRecord *m,
                             struct metadata_record *out)
{
    switch (m->kind_case) {
    case CRAFT__METADATA_RECORD__KIND_REGISTER_BROKER:
        read_register_broker(d, m->register_broker, out);
        break;
    case CRAFT__METADATA_RECORD__KIND_BROKER_REGISTRATION_CHANGE:
        read_registration_change(d, m->broker_registration_change, out);
        break;
    case CRAFT__METADATA_RECORD__KIND_PARTITION:
        read_partition(d, m->partition, out);
        break;
    case CRAFT__METADATA_RECORD__KIND_PARTITION_CHANGE:
        read_partition_change(d, m->partition_change, out);
        break;
    case CRAFT__METADATA_RECORD__KIND_CONFIG:
        read_config(d, m->config, out);
        break;
    case CRAFT__METADATA_RECORD__KIND_REGISTER_CONTROLLER:
        read_register_controller(d, m->register_controller, out);
        break;
    case CRAFT__METADATA_RECORD__KIND_BEGIN_TRANSACTION:
    case CRAFT__METADATA_RECORD__KIND_END_TRANSACTION:
    case CRAFT__METADATA_RECORD__KIND_ABORT_TRANSACTION:
        read_transaction(m, out);
        break;
    case CRAFT__METADATA_RECORD__KIND_UNREGISTER_BROKER:
    case CRAFT__METADATA_RECORD__KIND_TOPIC:
    case CRAFT__METADATA_RECORD__KIND_REMOVE_TOPIC:
    case CRAFT__METADATA_RECORD__KIND_FEATURE_LEVEL:
    case CRAFT__METADATA_RECORD__KIND_PRODUCER_IDS:
        read_small(d, m, out);
        break;
    case CRAFT__METADATA_RECORD__KIND__NOT_SET:
    case _CRAFT__METADATA_RECORD__KIND__CASE_IS_INT_SIZE:
        return refuse_unknown(d, m);
    }
    return d->bad ? ERR_CORRUPT : ERR_NONE;
}

enum err metadata_record_decode(struct slice value, struct arena *arena,
                                struct metadata_record *out, struct buf *why)
{
    struct decoder d = {.arena = arena, .why = why};
    struct metadata_frame frame;
    *out = (struct metadata_record){.type = METADATA_RECORD_NO_OP};
    TRY(metadata_frame_open(value, &frame, why));
    if (slice_is_null(frame.record)) {
        return ERR_NONE;
    }
    if (metadata_partition_read(frame.record, arena, &out->partition)) {
        out->type = METADATA_RECORD_PARTITION;
        return ERR_NONE;
    }
    *out = (struct metadata_record){.type = METADATA_RECORD_NO_OP};
    ProtobufCAllocator allocator = {arena_malloc, arena_nofree, arena};
    const Craft__MetadataRecord *message =
        craft__metadata_record__unpack(&allocator, frame.record.len, frame.record.data);
    if (message == NULL) {
        complain(&d, "broken protobuf");
        return ERR_CORRUPT;
    }
    return read_message(&d, message, out);
}
