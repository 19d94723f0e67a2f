/* Kafka's formatters; see message_formatter.h. */
#include "cli/kafka/message_formatter.h"

#include "cli/kafka/internal_records.h"

#define SERIALIZATION "org.apache.kafka.common.serialization."

enum field { TIMESTAMP, PARTITION, OFFSET, DELIVERY, EPOCH, HEADERS, KEY, VALUE, FIELDS };

struct message_formatter {
    bool (*print)(const struct message_formatter *f, const struct puller_record *record,
                  struct buf *out, struct buf *why);
    bool shows[FIELDS];
    struct slice key_separator;
    struct slice line_separator;
    struct slice headers_separator;
    struct slice null_literal;
    const struct deserializer *of_key; /* NULL: the bytes as they are */
    const struct deserializer *of_value;
    const struct deserializer *of_headers;
};

/* ---- deserializers ---- */

/* How the bytes of a field become text. False: they are not of that form; the sentence is in
 * `why`. */
struct deserializer {
    const char *name; /* of the class, without "Deserializer" */
    size_t size;      /* that the bytes must have; 0: any */
    bool (*put)(struct slice bytes, struct buf *out, struct buf *why);
};

static bool put_bytes(struct slice bytes, struct buf *out, struct buf *why)
{
    (void)why;
    buf_put_slice(out, bytes);
    return true;
}

static bool put_number(struct slice bytes, struct buf *out, struct buf *why)
{
    (void)why;
    struct reader r = reader_of(bytes);
    int64_t number = bytes.len == sizeof(int16_t)   ? reader_i16(&r)
                     : bytes.len == sizeof(int32_t) ? reader_i32(&r)
                                                    : reader_i64(&r);
    buf_printf(out, "%" PRId64, number);
    return true;
}

static bool put_boolean(struct slice bytes, struct buf *out, struct buf *why)
{
    if (bytes.data[0] > 1) {
        buf_printf(why, "Unexpected byte received by BooleanDeserializer: %d",
                   (int8_t)bytes.data[0]);
        return false;
    }
    buf_put_str(out, bytes.data[0] == 1 ? "true" : "false");
    return true;
}

static const struct deserializer deserializers[] = {
    {"String", 0, put_bytes},   {"ByteArray", 0, put_bytes}, {"Short", 2, put_number},
    {"Integer", 4, put_number}, {"Long", 8, put_number},     {"Boolean", 1, put_boolean},
};

static bool find_deserializer(const struct properties *p, const char *property,
                              const struct deserializer **out)
{
    struct slice name = properties_get(p, property);
    *out = NULL;
    if (slice_is_null(name)) {
        return true;
    }
    for (size_t i = 0; i < ARRAY_LEN(deserializers); i++) {
        char known[128];
        (void)snprintf(known, sizeof known, SERIALIZATION "%sDeserializer", deserializers[i].name);
        if (slice_eq_str(name, known)) {
            *out = &deserializers[i];
            return true;
        }
    }
    buf_printf(&p->cli->why,
               "%s=%.*s is not supported, only String, ByteArray, Short, Integer, Long and "
               "BooleanDeserializer of " SERIALIZATION "*",
               property, SLICE_ARG(name));
    return false;
}

static bool put(const struct message_formatter *f, const struct deserializer *how,
                struct slice bytes, struct buf *out, struct buf *why)
{
    bytes = slice_is_null(bytes) ? f->null_literal : bytes;
    if (how == NULL) {
        return put_bytes(bytes, out, why);
    }
    if (how->size != 0 && bytes.len != how->size) {
        buf_printf(why, "Size of data received by %sDeserializer is not %zu", how->name, how->size);
        return false;
    }
    return how->put(bytes, out, why);
}

/* ---- the default ---- */

static bool put_headers(const struct message_formatter *f, const struct wire_record *record,
                        struct buf *out, struct buf *why)
{
    struct reader r = reader_of(record->headers);
    buf_put_str(out, record->header_count == 0 ? "NO_HEADERS" : "");
    for (int32_t i = 0; i < record->header_count; i++) {
        struct wire_record_header header = wire_record_header_next(&r);
        if (i > 0) {
            buf_put_slice(out, f->headers_separator);
        }
        buf_put_slice(out, header.key);
        buf_put_str(out, ":");
        if (!put(f, f->of_headers, header.value, out, why)) {
            return false;
        }
    }
    return true;
}

static bool put_field(const struct message_formatter *f, enum field field,
                      const struct puller_record *r, struct buf *out, struct buf *why)
{
    switch (field) {
    case TIMESTAMP:
        buf_printf(out, "%s:%" PRId64, r->is_append_time ? "LogAppendTime" : "CreateTime",
                   r->record.timestamp);
        return true;
    case PARTITION:
        buf_printf(out, "Partition:%" PRId32, r->partition);
        return true;
    case OFFSET:
        buf_printf(out, "Offset:%" PRId64, r->record.offset);
        return true;
    case DELIVERY: /* of share groups */
        buf_put_str(out, "Delivery:NOT_PRESENT");
        return true;
    case EPOCH: /* the console consumer does not hand it on */
        buf_put_str(out, "Epoch:NOT_PRESENT");
        return true;
    case HEADERS:
        return put_headers(f, &r->record, out, why);
    case KEY:
        return put(f, f->of_key, r->record.key, out, why);
    case VALUE:
        return put(f, f->of_value, r->record.value, out, why);
    case FIELDS:
        break;
    }
    return true;
}

static bool shows_more(const struct message_formatter *f, size_t after)
{
    for (size_t i = after + 1; i < FIELDS; i++) {
        if (f->shows[i]) {
            return true;
        }
    }
    return false;
}

static bool print_fields(const struct message_formatter *f, const struct puller_record *record,
                         struct buf *out, struct buf *why)
{
    for (size_t i = 0; i < FIELDS; i++) {
        if (!f->shows[i]) {
            continue;
        }
        if (!put_field(f, (enum field)i, record, out, why)) {
            return false;
        }
        buf_put_slice(out, shows_more(f, i) ? f->key_separator : f->line_separator);
    }
    return true;
}

static void set_text(const struct properties *p, const char *name, const char *usual,
                     struct slice *out)
{
    struct slice value = properties_get(p, name);
    *out = slice_is_null(value) ? slice_str(usual) : value;
}

static bool read_properties(struct message_formatter *f, const struct properties *p)
{
    static const char *const names[FIELDS] = {[TIMESTAMP] = "print.timestamp",
                                              [PARTITION] = "print.partition",
                                              [OFFSET] = "print.offset",
                                              [DELIVERY] = "print.delivery",
                                              [EPOCH] = "print.epoch",
                                              [HEADERS] = "print.headers",
                                              [KEY] = "print.key",
                                              [VALUE] = "print.value"};
    for (size_t i = 0; i < FIELDS; i++) {
        f->shows[i] = properties_is_true(p, names[i], i == VALUE);
    }
    set_text(p, "key.separator", "\t", &f->key_separator);
    set_text(p, "line.separator", "\n", &f->line_separator);
    set_text(p, "headers.separator", ",", &f->headers_separator);
    set_text(p, "null.literal", "null", &f->null_literal);
    return find_deserializer(p, "key.deserializer", &f->of_key) &&
           find_deserializer(p, "value.deserializer", &f->of_value) &&
           find_deserializer(p, "headers.deserializer", &f->of_headers);
}

/* ---- the others ---- */

static bool print_nothing(const struct message_formatter *f, const struct puller_record *record,
                          struct buf *out, struct buf *why)
{
    (void)f;
    (void)record;
    (void)out;
    (void)why;
    return true;
}

static bool print_offsets(const struct message_formatter *f, const struct puller_record *record,
                          struct buf *out, struct buf *why)
{
    (void)f;
    (void)why;
    internal_records_print(&record->record, INTERNAL_OFFSETS, out);
    return true;
}

static bool print_groups(const struct message_formatter *f, const struct puller_record *record,
                         struct buf *out, struct buf *why)
{
    (void)f;
    (void)why;
    internal_records_print(&record->record, INTERNAL_GROUPS, out);
    return true;
}

static bool print_transactions(const struct message_formatter *f,
                               const struct puller_record *record, struct buf *out, struct buf *why)
{
    (void)f;
    (void)why;
    internal_records_print(&record->record, INTERNAL_TRANSACTIONS, out);
    return true;
}

static const struct {
    const char *name;
    bool (*print)(const struct message_formatter *f, const struct puller_record *record,
                  struct buf *out, struct buf *why);
} formatters[] = {
    {"DefaultMessageFormatter", print_fields},
    {"LoggingMessageFormatter", print_fields},
    {"NoOpMessageFormatter", print_nothing},
    {"OffsetsMessageFormatter", print_offsets},
    {"GroupMetadataMessageFormatter", print_groups},
    {"TransactionLogMessageFormatter", print_transactions},
};

struct message_formatter *message_formatter_new(const char *class_name, const struct properties *p)
{
    static const char package[] = "org.apache.kafka.tools.consumer.";
    struct message_formatter *f = ARENA_NEW(&p->cli->arena, struct message_formatter);
    const char *name = class_name;
    if (name != NULL && strncmp(name, package, sizeof package - 1) == 0) {
        name += sizeof package - 1;
    }
    for (size_t i = 0; i < ARRAY_LEN(formatters) && f->print == NULL; i++) {
        if (name == NULL || (name != class_name && strcmp(name, formatters[i].name) == 0)) {
            f->print = formatters[i].print;
        }
    }
    if (f->print == NULL) {
        buf_printf(&p->cli->why, "--formatter %s is not supported, only %s…: ", class_name,
                   package);
        for (size_t i = 0; i < ARRAY_LEN(formatters); i++) {
            buf_printf(&p->cli->why, "%s%s", i == 0 ? "" : ", ", formatters[i].name);
        }
        return NULL;
    }
    return read_properties(f, p) ? f : NULL;
}

bool message_formatter_print(const struct message_formatter *f, const struct puller_record *record,
                             struct buf *out, struct buf *why)
{
    return f->print(f, record, out, why);
}
