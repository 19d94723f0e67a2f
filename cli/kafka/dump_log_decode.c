/* kafka-dump-log: keys and values as text; see dump_log.h. */
#include <jansson.h>

#include "base/mem.h"
#include "cli/kafka/dump_log.h"
#include "cli/kafka/metadata_record.h"
#include "metadata/metadata.h"

/* ---- classes ---- */

/* What is no UTF-8 becomes U+FFFD, as Java's strings do. */
static void put_text(struct buf *out, struct slice bytes)
{
    json_t *json = table_json_text(bytes);
    buf_put(out, json_string_value(json), json_string_length(json));
    json_decref(json);
}

static bool decode_number(struct slice bytes, size_t size, const char *name, struct buf *out)
{
    if (bytes.len != size) {
        buf_printf(out, "%s takes %zu bytes, not %zu", name, size, bytes.len);
        return false;
    }
    buf_printf(out, "%" PRId64,
               size == 4 ? (int32_t)load_u32(bytes.data) : (int64_t)load_u64(bytes.data));
    return true;
}

static bool string_key(const struct wire_record *record, struct dump_log_text *out)
{
    put_text(&out->key, record->key);
    return out->has_key = true;
}

static bool string_value(const struct wire_record *record, struct dump_log_text *out)
{
    put_text(&out->payload, record->value);
    return out->has_payload = true;
}

/* A complaint is in `payload`. */
static bool number_key(const struct wire_record *record, size_t size, const char *name,
                       struct dump_log_text *out)
{
    out->has_key = decode_number(record->key, size, name, &out->key);
    if (!out->has_key) {
        buf_put_slice(&out->payload, buf_slice(&out->key));
    }
    return out->has_key;
}

static bool integer_key(const struct wire_record *record, struct dump_log_text *out)
{
    return number_key(record, 4, "IntegerDecoder", out);
}

static bool long_key(const struct wire_record *record, struct dump_log_text *out)
{
    return number_key(record, 8, "LongDecoder", out);
}

static bool integer_value(const struct wire_record *record, struct dump_log_text *out)
{
    return out->has_payload = decode_number(record->value, 4, "IntegerDecoder", &out->payload);
}

static bool long_value(const struct wire_record *record, struct dump_log_text *out)
{
    return out->has_payload = decode_number(record->value, 8, "LongDecoder", &out->payload);
}

static const struct {
    const char *name;
    dump_log_decoder *key;
    dump_log_decoder *value;
} classes[] = {
    {"StringDecoder", string_key, string_value},
    {"IntegerDecoder", integer_key, integer_value},
    {"LongDecoder", long_key, long_value},
};

dump_log_decoder *dump_log_class(struct slice name, bool of_key)
{
    static const char *const packages[] = {"org.apache.kafka.tools.api.", "kafka.serializer."};
    for (size_t i = 0; i < ARRAY_LEN(packages); i++) {
        size_t len = strlen(packages[i]);
        if (name.len <= len || memcmp(name.data, packages[i], len) != 0) {
            continue;
        }
        struct slice rest = slice_of(name.data + len, name.len - len);
        for (size_t k = 0; k < ARRAY_LEN(classes); k++) {
            if (slice_eq_str(rest, classes[k].name)) {
                return of_key ? classes[k].key : classes[k].value;
            }
        }
    }
    return NULL;
}

/* ---- messages ---- */

/* All of `bytes` in this version; NULL: they are none. */
static void *read_message(const struct wire_message *m, int16_t version, struct slice bytes,
                          struct arena *arena)
{
    void *message = wire_new(m, arena);
    struct reader r = reader_of(bytes);
    bool is_good = version >= wire_version_min(m) && version <= wire_version_max(m) &&
                   wire_decode_prefix(m, version, &r, arena, message) == ERR_NONE;
    return is_good && reader_left(&r) == 0 ? message : NULL;
}

/* A message behind its version; `*version` −1: there is none. */
static void *read_versioned(const struct wire_message *m, struct slice bytes, struct arena *arena,
                            int16_t *version)
{
    struct reader r = reader_of(bytes);
    *version = reader_i16(&r);
    return r.bad ? NULL : read_message(m, *version, slice_of(r.p, reader_left(&r)), arena);
}

/* Puts what consumers wrote into a field of a member in the place of its bytes; what is not of
 * their form stays. */
static void open_field(json_t *member, const char *field, const struct wire_message *m,
                       struct slice bytes)
{
    struct arena arena = {0};
    struct buf text = {0};
    int16_t version;
    const void *message = read_versioned(m, bytes, &arena, &version);
    if (message != NULL) {
        wire_print_json(m, version, message, &text);
        json_object_set_new(member, field, json_loadb((const char *)text.data, text.len, 0, NULL));
    }
    buf_fini(&text);
    arena_fini(&arena);
}

/* A classic group of consumers: its members with subscription and assignment opened. */
static void put_group_metadata(const struct wire_group_metadata_value *group, int16_t version,
                               struct buf *out)
{
    struct buf text = {0};
    wire_print_json(&wire_msg_group_metadata_value, version, group, &text);
    json_t *json = json_loadb((const char *)text.data, text.len, 0, NULL);
    json_t *members = json_object_get(json, "members");
    for (int32_t i = 0; i < group->members_count && json_is_array(members); i++) {
        json_t *member = json_array_get(members, (size_t)i);
        open_field(member, "subscription", &wire_msg_consumer_protocol_subscription,
                   group->members[i].subscription);
        open_field(member, "assignment", &wire_msg_consumer_protocol_assignment,
                   group->members[i].assignment);
    }
    char *compact = json_dumps(json, JSON_COMPACT);
    buf_put_str(out, compact == NULL ? "null" : compact);
    mem_free(compact);
    json_decref(json);
    buf_fini(&text);
}

static void put_value(const struct wire_record_type *row, int16_t version, const void *value,
                      struct buf *out)
{
    const struct wire_group_metadata_value *group = value;
    buf_printf(out, "{\"version\":\"%d\",\"data\":", version);
    if (row->value == &wire_msg_group_metadata_value &&
        slice_eq_str(group->protocol_type, "consumer")) {
        put_group_metadata(group, version, out);
    } else {
        wire_print_json(row->value, version, value, out);
    }
    buf_put_str(out, "}");
}

/* ---- topics of coordinators ---- */

static void decode_pair(const struct wire_record *record, const struct wire_record_type *row,
                        struct arena *arena, struct dump_log_text *out)
{
    int16_t type;
    int16_t version = 0;
    const void *key = read_versioned(row->key, record->key, arena, &type);
    const void *value = slice_is_null(record->value)
                            ? NULL
                            : read_versioned(row->value, record->value, arena, &version);
    if (key == NULL || (value == NULL && !slice_is_null(record->value))) {
        buf_printf(&out->key, "Error at offset %" PRId64 ", skipping. The %s of %s cannot be read",
                   record->offset, key == NULL ? "key" : "value", row->name);
        return;
    }
    buf_printf(&out->key, "{\"type\":\"%d\",\"data\":", type);
    wire_print_json(row->key, type, key, &out->key);
    buf_put_str(&out->key, "}");
    out->has_payload = true;
    if (value == NULL) {
        buf_put_str(&out->payload, "<DELETE>");
    } else {
        put_value(row, version, value, &out->payload);
    }
}

static bool decode_coordinator(const struct wire_record *record,
                               const struct wire_record_type *rows, struct dump_log_text *out)
{
    struct reader r = reader_of(record->key);
    int16_t type = reader_i16(&r);
    if (slice_is_null(record->key)) {
        buf_printf(&out->payload,
                   "Failed to decode message at offset %" PRId64
                   " using the decoder of its topic (message had a missing key)",
                   record->offset);
        return false;
    }
    const struct wire_record_type *row = r.bad ? NULL : wire_record_type_find(rows, type);
    out->has_key = true;
    if (row == NULL) {
        buf_printf(&out->key, "Unknown record type %d at offset %" PRId64 ", skipping.", type,
                   record->offset);
        return true;
    }
    struct arena arena = {0};
    decode_pair(record, row, &arena, out);
    arena_fini(&arena);
    return true;
}

bool dump_log_decode_group(const struct wire_record *record, struct dump_log_text *out)
{
    return decode_coordinator(record, wire_group_records, out);
}

bool dump_log_decode_transaction(const struct wire_record *record, struct dump_log_text *out)
{
    return decode_coordinator(record, wire_transaction_records, out);
}

bool dump_log_decode_share(const struct wire_record *record, struct dump_log_text *out)
{
    return decode_coordinator(record, wire_share_records, out);
}

/* ---- __cluster_metadata ---- */

/* A record as Kafka writes it: frame version 1, type, version, fields. */
static bool decode_kafka(struct slice value, struct arena *arena, struct kafka_record *out,
                         struct buf *why)
{
    struct reader r = reader_of(value);
    uint32_t frame = reader_uvarint(&r);
    uint32_t type = reader_uvarint(&r);
    uint32_t version = reader_uvarint(&r);
    if (r.bad || frame != 1 || type > INT16_MAX || version > INT16_MAX) {
        buf_put_str(why, "This is no record of metadata.");
        return false;
    }
    out->type = wire_record_type_find(wire_metadata_records, (int16_t)type);
    if (out->type == NULL) {
        buf_printf(why, "Unknown metadata type %" PRIu32, type);
        return false;
    }
    out->version = (int16_t)version;
    out->value =
        read_message(out->type->value, out->version, slice_of(r.p, reader_left(&r)), arena);
    if (out->value == NULL) {
        buf_printf(why, "A %s of version %d cannot be read.", out->type->name, out->version);
    }
    return out->value != NULL;
}

/* Ours are inside of what Kafka takes for a NO_OP_RECORD. */
static bool decode_ours(struct slice value, struct arena *arena, struct kafka_record *out)
{
    struct metadata_record record;
    if (metadata_record_decode(value, arena, &record, NULL) != ERR_NONE) {
        return false;
    }
    *out = kafka_record_of(&record, arena);
    return true;
}

bool dump_log_decode_metadata(const struct wire_record *record, struct dump_log_text *out)
{
    struct arena arena = {0};
    struct buf why = {0};
    struct kafka_record found;
    out->has_payload = true;
    if (decode_ours(record->value, &arena, &found) ||
        decode_kafka(record->value, &arena, &found, &why)) {
        kafka_record_print(&found, &out->payload);
    } else {
        buf_printf(&out->payload, "Error at %" PRId64 ", skipping. %.*s", record->offset,
                   SLICE_ARG(buf_slice(&why)));
    }
    buf_fini(&why);
    arena_fini(&arena);
    return true;
}

/* ---- control records ---- */

static const struct {
    const char *title;
    const struct wire_message *message;
} controls[] = {
    [WIRE_CONTROL_LEADER_CHANGE] = {" LeaderChange: ", &wire_msg_leader_change_message},
    [WIRE_CONTROL_SNAPSHOT_HEADER] = {" SnapshotHeader ", &wire_msg_snapshot_header_record},
    [WIRE_CONTROL_SNAPSHOT_FOOTER] = {" SnapshotFooter ", &wire_msg_snapshot_footer_record},
    [WIRE_CONTROL_KRAFT_VERSION] = {" KRaftVersion ", &wire_msg_kraft_version_record},
    [WIRE_CONTROL_KRAFT_VOTERS] = {" KRaftVoters ", &wire_msg_voters_record},
};

/* Each begins with its version as an int16, which is a field of it, too. Of a version that is not
 * known what is known is shown. */
static bool put_control_message(struct buf *out, int16_t type, struct slice value,
                                struct arena *arena)
{
    const struct wire_message *m = controls[type].message;
    struct reader r = reader_of(value);
    int16_t version = reader_i16(&r);
    version = version < 0 ? 0 : version > wire_version_max(m) ? wire_version_max(m) : version;
    void *message = wire_new(m, arena);
    r = reader_of(value);
    if (wire_decode_prefix(m, version, &r, arena, message) != ERR_NONE) {
        return false;
    }
    buf_put_str(out, controls[type].title);
    wire_print_json(m, version, message, out);
    return true;
}

bool dump_log_put_control(struct buf *out, const struct wire_record *record)
{
    int16_t type;
    if (wire_control_key_decode(record->key, &type) != ERR_NONE) {
        return false;
    }
    if (type == WIRE_CONTROL_ABORT || type == WIRE_CONTROL_COMMIT) {
        int32_t epoch;
        if (wire_txn_marker_decode(record->value, &epoch) != ERR_NONE) {
            return false;
        }
        buf_printf(out, " endTxnMarker: %s coordinatorEpoch: %" PRId32,
                   type == WIRE_CONTROL_ABORT ? "ABORT" : "COMMIT", epoch);
        return true;
    }
    if (type < 0 || (size_t)type >= ARRAY_LEN(controls)) {
        buf_printf(out, " controlType: UNKNOWN(%d)", type);
        return true;
    }
    struct arena arena = {0};
    bool is_good = put_control_message(out, type, record->value, &arena);
    arena_fini(&arena);
    return is_good;
}
