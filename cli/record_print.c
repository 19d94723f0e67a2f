/* Records as text; see record_print.h. */
#include "cli/record_print.h"

#include "base/mem.h"

/* ---- JSON ---- */

static void put_base64(struct slice bytes, struct buf *out)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < bytes.len; i += 3) {
        size_t left = bytes.len - i;
        uint32_t group = (uint32_t)bytes.data[i] << 16;
        group |= left > 1 ? (uint32_t)bytes.data[i + 1] << 8 : 0;
        group |= left > 2 ? bytes.data[i + 2] : 0;
        for (size_t k = 0; k < 4; k++) {
            bool is_padding = k > left;
            char c = is_padding ? '=' : alphabet[(group >> (18 - 6 * k)) & 63];
            buf_put(out, &c, 1);
        }
    }
}

json_t *record_json_bytes(struct slice bytes)
{
    if (slice_is_null(bytes) || table_is_utf8(bytes)) {
        return table_json_text(bytes);
    }
    struct buf text = {0};
    put_base64(bytes, &text);
    json_t *json = json_object();
    json_object_set_new(json, "base64", json_stringn((const char *)text.data, text.len));
    buf_fini(&text);
    return json;
}

json_t *record_json_headers(const struct wire_record *record)
{
    json_t *list = json_array();
    struct reader r = reader_of(record->headers);
    for (int32_t i = 0; i < record->header_count; i++) {
        struct wire_record_header header = wire_record_header_next(&r);
        json_t *pair = json_object();
        json_object_set_new(pair, "key", table_json_text(header.key));
        json_object_set_new(pair, "value", record_json_bytes(header.value));
        json_array_append_new(list, pair);
    }
    return list;
}

static void print_json(const struct puller_record *found, struct buf *out)
{
    const struct wire_record *record = &found->record;
    json_t *root = json_object();
    json_object_set_new(root, "topic", table_json_text(found->topic));
    json_object_set_new(root, "partition", json_integer(found->partition));
    json_object_set_new(root, "offset", json_integer(record->offset));
    json_object_set_new(root, "timestamp", json_integer(record->timestamp));
    json_object_set_new(root, "timestampType",
                        json_string(found->is_append_time ? "LogAppendTime" : "CreateTime"));
    json_object_set_new(root, "key", record_json_bytes(record->key));
    json_object_set_new(root, "value", record_json_bytes(record->value));
    json_object_set_new(root, "headers", record_json_headers(record));
    char *text = json_dumps(root, JSON_COMPACT);
    ASSERT(text != NULL);
    buf_put_str(out, text);
    buf_put_str(out, "\n");
    mem_free(text);
    json_decref(root);
}

/* ---- the others ---- */

void record_print_head(const struct record_format *format, struct buf *out)
{
    if (format->format == TABLE_TSV) {
        buf_put_str(out, "partition\toffset\ttimestamp\tkey\tvalue\ttopic\n");
    }
}

static void print_tsv(const struct puller_record *found, struct buf *out)
{
    buf_printf(out, "%" PRId32 "\t%" PRId64 "\t%" PRId64 "\t", found->partition,
               found->record.offset, found->record.timestamp);
    table_put_escaped(out, found->record.key);
    buf_put_str(out, "\t");
    table_put_escaped(out, found->record.value);
    buf_put_str(out, "\t");
    table_put_escaped(out, found->topic);
    buf_put_str(out, "\n");
}

static void print_text(const struct record_format *format, struct slice bytes, struct buf *out)
{
    buf_put_slice(out, slice_is_null(bytes) ? format->null_text : bytes);
}

static void print_for_people(const struct record_format *format, const struct puller_record *found,
                             struct buf *out)
{
    if (format->print != NULL) {
        record_template_print(format->print, found, out);
        return;
    }
    if (!slice_is_null(format->key_separator)) {
        print_text(format, found->record.key, out);
        buf_put_slice(out, format->key_separator);
    }
    print_text(format, found->record.value, out);
    buf_put_str(out, "\n");
}

void record_print(const struct record_format *format, const struct puller_record *record,
                  struct buf *out)
{
    switch (format->format) {
    case TABLE_JSON:
        print_json(record, out);
        break;
    case TABLE_TSV:
        print_tsv(record, out);
        break;
    case TABLE_FOR_PEOPLE:
        print_for_people(format, record, out);
        break;
    }
}
