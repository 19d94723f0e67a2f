/* Records of batches, decoded as far as they are Kafka's or ours; see dump.h. */
#include "cli/dump.h"
#include "cli/record_print.h"
#include "metadata/metadata.h"
#include "metadata/redact.h"
#include "wire/batch.h"
#include "wire/wire.h"

enum { RECORDS_BYTES_MAX = 1 << 30 };

/* ---- messages ---- */

/* The JSON of printed text, which must be an object; a string if it is none. */
static json_t *json_of(const struct buf *text)
{
    json_t *json = json_loadb((const char *)buf_slice(text).data, text->len, 0, NULL);
    return json != NULL ? json : table_json_text(buf_slice(text));
}

/* Kafka's name of a message and its fields; null when the bytes are not of that form. */
static json_t *message_json(const struct wire_message *m, int16_t version, struct slice bytes)
{
    struct arena arena = {0};
    struct buf text = {0};
    void *decoded = arena_alloc(&arena, wire_size(m));
    json_t *json = NULL;
    if (version > wire_version_max(m)) {
        version = wire_version_max(m);
    }
    struct reader r = reader_of(bytes);
    if (wire_decode_prefix(m, version, &r, &arena, decoded) == ERR_NONE) {
        wire_print_json(m, version, decoded, &text);
        json = json_of(&text);
    }
    buf_fini(&text);
    arena_fini(&arena);
    return json != NULL ? json : json_null();
}

/* A message behind its own version, as in keys and values of internal topics. */
static json_t *versioned_json(const struct wire_message *m, struct slice bytes)
{
    struct reader r = reader_of(bytes);
    int16_t version = reader_i16(&r);
    if (slice_is_null(bytes) || r.bad || version < 0) {
        return json_null();
    }
    return message_json(m, version, slice_of(r.p, reader_left(&r)));
}

/* ---- control records ---- */

static const char *control_name(int16_t type)
{
    static const char *const names[] = {"ABORT",           "COMMIT",          "LEADER_CHANGE",
                                        "SNAPSHOT_HEADER", "SNAPSHOT_FOOTER", "KRAFT_VERSION",
                                        "KRAFT_VOTERS"};
    return type >= 0 && (size_t)type < ARRAY_LEN(names) ? names[type] : "UNKNOWN";
}

static json_t *control_json(int16_t type, struct slice value)
{
    static const struct wire_message *const messages[] = {
        [WIRE_CONTROL_LEADER_CHANGE] = &wire_msg_leader_change_message,
        [WIRE_CONTROL_SNAPSHOT_HEADER] = &wire_msg_snapshot_header_record,
        [WIRE_CONTROL_SNAPSHOT_FOOTER] = &wire_msg_snapshot_footer_record,
        [WIRE_CONTROL_KRAFT_VERSION] = &wire_msg_kraft_version_record,
        [WIRE_CONTROL_KRAFT_VOTERS] = &wire_msg_voters_record,
    };
    int32_t epoch;
    if ((type == WIRE_CONTROL_ABORT || type == WIRE_CONTROL_COMMIT) &&
        wire_txn_marker_decode(value, &epoch) == ERR_NONE) {
        json_t *json = json_object();
        json_object_set_new(json, "coordinatorEpoch", json_integer(epoch));
        return json;
    }
    if (type < WIRE_CONTROL_LEADER_CHANGE || (size_t)type >= ARRAY_LEN(messages)) {
        return record_json_bytes(value);
    }
    /* Each begins with its version as an int16, which is a field of it, too. */
    struct reader r = reader_of(value);
    int16_t version = reader_i16(&r);
    return message_json(messages[type], version < 0 ? 0 : version, value);
}

static void put_control(json_t *json, const struct wire_record *record)
{
    int16_t type = -1;
    if (wire_control_key_decode(record->key, &type) != ERR_NONE) {
        type = -1;
    }
    json_object_set_new(json, "type", json_string(control_name(type)));
    json_object_set_new(json, "data", control_json(type, record->value));
}

/* ---- records of internal topics ---- */

/* Why the batch was written; with its first record. */
static void put_cause(json_t *json, struct slice value, struct arena *arena)
{
    struct buf text = {0};
    struct metadata_cause cause;
    bool got;
    if (metadata_cause_find(value, arena, &cause, &got) == ERR_NONE && got) {
        metadata_cause_print_json(&cause, &text);
        json_object_set_new(json, "cause", json_of(&text));
    }
    buf_fini(&text);
}

static void put_metadata(const struct dump *dump, json_t *json, struct slice value)
{
    struct arena arena = {0};
    struct buf text = {0};
    struct metadata_record record;
    if (metadata_record_decode(value, &arena, &record, &text) == ERR_NONE) {
        buf_reset(&text);
        if (!dump->with_secrets) {
            metadata_record_redact(&record);
        }
        metadata_record_print_json(&record, &text);
        json_t *decoded = json_of(&text);
        json_object_update(json, decoded);
        json_decref(decoded);
        put_cause(json, value, &arena);
    } else {
        json_object_set_new(json, "value", record_json_bytes(value));
        json_object_set_new(json, "note", table_json_text(buf_slice(&text)));
    }
    buf_fini(&text);
    arena_fini(&arena);
}

/* False: not one of the list. */
static bool put_internal(json_t *json, const struct wire_record *record,
                         const struct wire_record_type *rows)
{
    struct reader r = reader_of(record->key);
    int16_t type = reader_i16(&r);
    const struct wire_record_type *row = r.bad ? NULL : wire_record_type_find(rows, type);
    if (row == NULL) {
        return false;
    }
    json_object_set_new(json, "type", json_string(row->name));
    json_object_set_new(json, "key", versioned_json(row->key, record->key));
    json_object_set_new(json, "value", versioned_json(row->value, record->value));
    return true;
}

/* ---- any record ---- */

static void put_payload(const struct dump *dump, json_t *json, const struct wire_batch *batch,
                        const struct wire_record *record)
{
    if (wire_batch_has(batch, WIRE_BATCH_CONTROL)) {
        put_control(json, record);
        return;
    }
    if (dump->is_metadata && !slice_is_null(record->value)) {
        put_metadata(dump, json, record->value);
        return;
    }
    if ((dump->is_offsets && put_internal(json, record, wire_group_records)) ||
        (dump->is_transactions && put_internal(json, record, wire_transaction_records))) {
        return;
    }
    json_object_set_new(json, "key", record_json_bytes(record->key));
    json_object_set_new(json, "value", record_json_bytes(record->value));
    if (record->header_count > 0) {
        json_object_set_new(json, "headers", record_json_headers(record));
    }
}

static enum err each_record(struct dump *dump, const struct wire_batch *batch, struct arena *arena)
{
    struct wire_records it;
    TRY(wire_records_open(&it, batch, RECORDS_BYTES_MAX, arena));
    while (!dump->is_unread) {
        struct wire_record record;
        bool got;
        TRY(wire_record_next(&it, &record, &got));
        if (!got) {
            break;
        }
        json_t *json = json_object();
        json_object_set_new(json, "offset", json_integer(record.offset));
        json_object_set_new(json, "timestamp", json_integer(record.timestamp));
        put_payload(dump, json, batch, &record);
        dump_item(dump, "record", json);
    }
    return ERR_NONE;
}

void dump_records(struct dump *dump, const struct wire_batch *batch, int64_t position)
{
    struct arena arena = {0};
    enum err e = each_record(dump, batch, &arena);
    if (e != ERR_NONE) {
        dump_error(dump, position, "the records of the batch at offset %" PRId64 ": %s",
                   batch->base_offset, err_text(e));
    }
    arena_fini(&arena);
}
