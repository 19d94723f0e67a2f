/* Records of internal topics; see internal_records.h. */
#include "cli/kafka/internal_records.h"

#include "wire/wire.h"

enum { OFFSET_COMMIT_OLD = 0, OFFSET_COMMIT = 1, GROUP_METADATA = 2, TRANSACTION = 0 };

/* Appends the fields of a message that stands behind its version; false: it cannot be read. */
static bool put_message(const struct wire_message *m, int16_t version, struct reader *r,
                        struct buf *out)
{
    struct arena arena = {0};
    void *decoded = arena_alloc(&arena, wire_size(m));
    bool is_good = version >= 0 && version <= wire_version_max(m) &&
                   wire_decode_prefix(m, version, r, &arena, decoded) == ERR_NONE;
    if (is_good) {
        wire_print_json(m, version, decoded, out);
    }
    arena_fini(&arena);
    return is_good;
}

/* The type stands where a version would, in front of the key; keys have one version. */
static bool put_key(const struct wire_record_type *row, struct reader *r, struct buf *out)
{
    buf_printf(out, "{\"key\":{\"type\":%d,\"data\":", row->type);
    return put_message(row->key, wire_version_max(row->key), r, out);
}

static void put_value(const struct wire_record_type *row, struct slice value, struct buf *out)
{
    if (slice_is_null(value)) {
        buf_put_str(out, "null");
        return;
    }
    struct reader r = reader_of(value);
    int16_t version = reader_i16(&r);
    buf_printf(out, "{\"version\":%d,\"data\":", version);
    if (!put_message(row->value, version, &r, out)) {
        buf_put_str(out, "\"unknown\"");
    }
    buf_put_str(out, "}");
}

static bool is_of_kind(enum internal_kind kind, int16_t type)
{
    switch (kind) {
    case INTERNAL_OFFSETS:
        return type == OFFSET_COMMIT_OLD || type == OFFSET_COMMIT;
    case INTERNAL_GROUPS:
        return type == GROUP_METADATA;
    case INTERNAL_TRANSACTIONS:
        return type == TRANSACTION;
    }
    return false;
}

void internal_records_print(const struct wire_record *record, enum internal_kind kind,
                            struct buf *out)
{
    const struct wire_record_type *rows =
        kind == INTERNAL_TRANSACTIONS ? wire_transaction_records : wire_group_records;
    struct reader r = reader_of(record->key);
    int16_t type = reader_i16(&r);
    const struct wire_record_type *row =
        r.bad || !is_of_kind(kind, type) ? NULL : wire_record_type_find(rows, type);
    size_t start = out->len;
    if (row == NULL) {
        return;
    }
    if (!put_key(row, &r, out)) {
        out->len = start;
        return;
    }
    buf_put_str(out, "},\"value\":");
    put_value(row, record->value, out);
    buf_put_str(out, "}");
}
