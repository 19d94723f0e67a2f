/* Records as text: one line for people, one JSON object for programs. */
#include "metadata/record.h"

#include "metadata/quote.h"

/* Both forms come from one walk over the fields. */
struct printer {
    struct buf *out;
    bool json;
    bool first;
};

const char *metadata_record_type_name(enum metadata_record_type type)
{
    switch (type) {
    case METADATA_RECORD_REGISTER_BROKER:
        return "REGISTER_BROKER_RECORD";
    case METADATA_RECORD_UNREGISTER_BROKER:
        return "UNREGISTER_BROKER_RECORD";
    case METADATA_RECORD_TOPIC:
        return "TOPIC_RECORD";
    case METADATA_RECORD_PARTITION:
        return "PARTITION_RECORD";
    case METADATA_RECORD_CONFIG:
        return "CONFIG_RECORD";
    case METADATA_RECORD_PARTITION_CHANGE:
        return "PARTITION_CHANGE_RECORD";
    case METADATA_RECORD_REMOVE_TOPIC:
        return "REMOVE_TOPIC_RECORD";
    case METADATA_RECORD_FEATURE_LEVEL:
        return "FEATURE_LEVEL_RECORD";
    case METADATA_RECORD_PRODUCER_IDS:
        return "PRODUCER_IDS_RECORD";
    case METADATA_RECORD_BROKER_REGISTRATION_CHANGE:
        return "BROKER_REGISTRATION_CHANGE_RECORD";
    case METADATA_RECORD_NO_OP:
        return "NO_OP_RECORD";
    case METADATA_RECORD_BEGIN_TRANSACTION:
        return "BEGIN_TRANSACTION_RECORD";
    case METADATA_RECORD_END_TRANSACTION:
        return "END_TRANSACTION_RECORD";
    case METADATA_RECORD_ABORT_TRANSACTION:
        return "ABORT_TRANSACTION_RECORD";
    case METADATA_RECORD_REGISTER_CONTROLLER:
        return "REGISTER_CONTROLLER_RECORD";
    }
    return "UNKNOWN";
}

static void put_text(struct printer *p, struct slice s)
{
    if (slice_is_null(s)) {
        buf_put_str(p->out, "null");
        return;
    }
    bool plain = !p->json && s.len > 0;
    for (size_t i = 0; plain && i < s.len; i++) {
        plain = s.data[i] > ' ' && s.data[i] != '"' && s.data[i] != '\\' && s.data[i] != 0x7f;
    }
    if (plain) {
        buf_put_slice(p->out, s);
    } else {
        metadata_quote(p->out, s);
    }
}

static void put_name(struct printer *p, const char *name)
{
    if (p->json) {
        buf_printf(p->out, "%s\"%s\":", p->first ? "" : ",", name);
    } else {
        buf_printf(p->out, " %s=", name);
    }
    p->first = false;
}

static void field_number(struct printer *p, const char *name, int64_t value)
{
    put_name(p, name);
    buf_printf(p->out, "%" PRId64, value);
}

static void field_bool(struct printer *p, const char *name, bool value)
{
    put_name(p, name);
    buf_put_str(p->out, value ? "true" : "false");
}

static void field_text(struct printer *p, const char *name, struct slice value)
{
    put_name(p, name);
    put_text(p, value);
}

static void put_uuid(struct printer *p, struct uuid id)
{
    buf_printf(p->out, p->json ? "\"%s\"" : "%s", uuid_text(id).text);
}

static void field_uuid(struct printer *p, const char *name, struct uuid value)
{
    put_name(p, name);
    put_uuid(p, value);
}

static void field_ids(struct printer *p, const char *name, struct metadata_ids ids)
{
    put_name(p, name);
    buf_put_str(p->out, "[");
    for (size_t i = 0; i < ids.count; i++) {
        buf_printf(p->out, "%s%" PRId32, i > 0 ? "," : "", ids.items[i]);
    }
    buf_put_str(p->out, "]");
}

/* Left out of the line when there is none. */
static void field_rare_ids(struct printer *p, const char *name, struct metadata_ids ids)
{
    if (p->json || ids.count > 0) {
        field_ids(p, name, ids);
    }
}

static void field_dirs(struct printer *p, const char *name, struct metadata_dirs dirs)
{
    put_name(p, name);
    buf_put_str(p->out, "[");
    for (size_t i = 0; i < dirs.count; i++) {
        buf_put_str(p->out, i > 0 ? "," : "");
        put_uuid(p, dirs.items[i]);
    }
    buf_put_str(p->out, "]");
}

static void field_endpoints(struct printer *p, const char *name, struct metadata_endpoints list)
{
    put_name(p, name);
    buf_put_str(p->out, "[");
    for (size_t i = 0; i < list.count; i++) {
        const struct metadata_endpoint *e = &list.items[i];
        buf_put_str(p->out, i > 0 ? "," : "");
        if (p->json) {
            struct printer inner = {.out = p->out, .json = true, .first = true};
            buf_put_str(p->out, "{");
            field_text(&inner, "name", e->name);
            field_text(&inner, "host", e->host);
            field_number(&inner, "port", e->port);
            field_number(&inner, "securityProtocol", e->security_protocol);
            buf_put_str(p->out, "}");
        } else {
            put_text(p, e->name);
            buf_put_str(p->out, "://");
            put_text(p, e->host);
            buf_printf(p->out, ":%u", e->port);
        }
    }
    buf_put_str(p->out, "]");
}

static void field_features(struct printer *p, struct metadata_feature_ranges list)
{
    put_name(p, "features");
    buf_put_str(p->out, "[");
    for (size_t i = 0; i < list.count; i++) {
        const struct metadata_feature_range *f = &list.items[i];
        buf_put_str(p->out, i > 0 ? "," : "");
        if (p->json) {
            struct printer inner = {.out = p->out, .json = true, .first = true};
            buf_put_str(p->out, "{");
            field_text(&inner, "name", f->name);
            field_number(&inner, "minSupportedVersion", f->min_version);
            field_number(&inner, "maxSupportedVersion", f->max_version);
            buf_put_str(p->out, "}");
        } else {
            put_text(p, f->name);
            buf_printf(p->out, ":%d-%d", f->min_version, f->max_version);
        }
    }
    buf_put_str(p->out, "]");
}

static void field_since(struct printer *p, const struct metadata_since *since)
{
    field_number(p, "sinceMs", since->timestamp_ms);
    put_name(p, "cause");
    if (p->json) {
        metadata_cause_print_json(&since->cause, p->out);
        return;
    }
    struct buf text = {0};
    metadata_cause_print(&since->cause, &text);
    metadata_quote(p->out, buf_slice(&text));
    buf_fini(&text);
}

static void print_register_broker(struct printer *p, const struct metadata_register_broker *r)
{
    field_number(p, "brokerId", r->broker_id);
    field_bool(p, "isMigratingZkBroker", r->is_migrating_zk_broker);
    field_uuid(p, "incarnationId", r->incarnation_id);
    field_number(p, "brokerEpoch", r->broker_epoch);
    field_endpoints(p, "endPoints", r->endpoints);
    field_features(p, r->features);
    field_text(p, "rack", r->rack);
    field_bool(p, "fenced", r->fenced);
    field_bool(p, "inControlledShutdown", r->in_controlled_shutdown);
    field_dirs(p, "logDirs", r->log_dirs);
    if (r->since != NULL) {
        field_since(p, r->since);
    }
}

static void print_registration_change(struct printer *p,
                                      const struct metadata_broker_registration_change *r)
{
    field_number(p, "brokerId", r->broker_id);
    field_number(p, "brokerEpoch", r->broker_epoch);
    if (r->fenced != 0) {
        field_number(p, "fenced", r->fenced);
    }
    if (r->in_controlled_shutdown != 0) {
        field_number(p, "inControlledShutdown", r->in_controlled_shutdown);
    }
    if (r->has_log_dirs) {
        field_dirs(p, "logDirs", r->log_dirs);
    }
}

static void print_partition(struct printer *p, const struct metadata_partition_record *r)
{
    field_uuid(p, "topicId", r->topic_id);
    field_number(p, "partitionId", r->partition_id);
    field_ids(p, "replicas", r->replicas);
    field_ids(p, "isr", r->isr);
    field_rare_ids(p, "removingReplicas", r->removing_replicas);
    field_rare_ids(p, "addingReplicas", r->adding_replicas);
    field_number(p, "leader", r->leader);
    if (p->json || r->leader_recovery != METADATA_RECOVERED) {
        field_number(p, "leaderRecoveryState", (int64_t)r->leader_recovery);
    }
    field_number(p, "leaderEpoch", r->leader_epoch);
    field_number(p, "partitionEpoch", r->partition_epoch);
    field_dirs(p, "directories", r->directories);
    field_rare_ids(p, "eligibleLeaderReplicas", r->elr);
    field_rare_ids(p, "lastKnownElr", r->last_known_elr);
}

/* What does not change is left out of both forms. */
static void print_partition_change(struct printer *p, const struct metadata_partition_change *r)
{
    field_uuid(p, "topicId", r->topic_id);
    field_number(p, "partitionId", r->partition_id);
    if (r->leader != METADATA_LEADER_UNCHANGED) {
        field_number(p, "leader", r->leader);
    }
    if (r->leader_recovery != METADATA_RECOVERY_UNCHANGED) {
        field_number(p, "leaderRecoveryState", (int64_t)r->leader_recovery);
    }
    const struct {
        const char *name;
        bool present;
        struct metadata_ids ids;
    } lists[] = {
        {"isr", r->has_isr, r->isr},
        {"replicas", r->has_replicas, r->replicas},
        {"removingReplicas", r->has_removing_replicas, r->removing_replicas},
        {"addingReplicas", r->has_adding_replicas, r->adding_replicas},
        {"eligibleLeaderReplicas", r->has_elr, r->elr},
        {"lastKnownElr", r->has_last_known_elr, r->last_known_elr},
    };
    for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
        if (lists[i].present) {
            field_ids(p, lists[i].name, lists[i].ids);
        }
    }
    if (r->has_directories) {
        field_dirs(p, "directories", r->directories);
    }
}

static void print_config(struct printer *p, const struct metadata_config_record *r)
{
    field_number(p, "resourceType", r->resource_type);
    field_text(p, "resourceName", r->resource_name);
    field_text(p, "name", r->name);
    field_text(p, "value", r->value);
}

static void print_producer_ids(struct printer *p, const struct metadata_producer_ids *r)
{
    field_number(p, "brokerId", r->broker_id);
    field_number(p, "brokerEpoch", r->broker_epoch);
    field_number(p, "nextProducerId", r->next_producer_id);
}

static void print_register_controller(struct printer *p,
                                      const struct metadata_register_controller *r)
{
    field_number(p, "controllerId", r->controller_id);
    field_uuid(p, "incarnationId", r->incarnation_id);
    field_bool(p, "zkMigrationReady", r->zk_migration_ready);
    field_endpoints(p, "endPoints", r->endpoints);
    field_features(p, r->features);
}

static void print_fields(struct printer *p, const struct metadata_record *r)
{
    switch (r->type) {
    case METADATA_RECORD_REGISTER_BROKER:
        return print_register_broker(p, &r->register_broker);
    case METADATA_RECORD_UNREGISTER_BROKER:
        field_number(p, "brokerId", r->unregister_broker.broker_id);
        return field_number(p, "brokerEpoch", r->unregister_broker.broker_epoch);
    case METADATA_RECORD_TOPIC:
        field_text(p, "name", r->topic.name);
        return field_uuid(p, "topicId", r->topic.topic_id);
    case METADATA_RECORD_PARTITION:
        return print_partition(p, &r->partition);
    case METADATA_RECORD_CONFIG:
        return print_config(p, &r->config);
    case METADATA_RECORD_PARTITION_CHANGE:
        return print_partition_change(p, &r->partition_change);
    case METADATA_RECORD_REMOVE_TOPIC:
        return field_uuid(p, "topicId", r->remove_topic.topic_id);
    case METADATA_RECORD_FEATURE_LEVEL:
        field_text(p, "name", r->feature_level.name);
        return field_number(p, "featureLevel", r->feature_level.level);
    case METADATA_RECORD_PRODUCER_IDS:
        return print_producer_ids(p, &r->producer_ids);
    case METADATA_RECORD_BROKER_REGISTRATION_CHANGE:
        return print_registration_change(p, &r->broker_registration_change);
    case METADATA_RECORD_REGISTER_CONTROLLER:
        return print_register_controller(p, &r->register_controller);
    case METADATA_RECORD_BEGIN_TRANSACTION:
        return field_text(p, "name", r->begin_transaction.name);
    case METADATA_RECORD_ABORT_TRANSACTION:
        return field_text(p, "reason", r->abort_transaction.reason);
    case METADATA_RECORD_NO_OP:
    case METADATA_RECORD_END_TRANSACTION:
        return;
    }
    UNREACHABLE();
}

void metadata_record_print(const struct metadata_record *record, struct buf *out)
{
    struct printer p = {.out = out, .json = false, .first = true};
    buf_put_str(out, metadata_record_type_name(record->type));
    print_fields(&p, record);
}

void metadata_record_print_json(const struct metadata_record *record, struct buf *out)
{
    struct printer p = {.out = out, .json = true, .first = true};
    buf_printf(out, "{\"type\":\"%s\",\"data\":{", metadata_record_type_name(record->type));
    print_fields(&p, record);
    buf_put_str(out, "}}");
}
