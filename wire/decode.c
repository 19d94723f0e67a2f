/* Decodes every message by walking its table; all checks of bounds are here. */
#include "wire/table.h"

/* The least bytes of one element of an array on the wire. */
static size_t element_bytes_min(const struct wire_field *f)
{
    switch ((enum wire_type)f->type) {
    case WIRE_STRING:
    case WIRE_BYTES:
    case WIRE_RECORDS:
        return 1;
    case WIRE_STRUCT:
        return f->nested->bytes_min;
    case WIRE_BOOL:
    case WIRE_INT8:
    case WIRE_INT16:
    case WIRE_UINT16:
    case WIRE_INT32:
    case WIRE_INT64:
    case WIRE_FLOAT64:
    case WIRE_UUID:
        return wire_element_size((enum wire_type)f->type, NULL);
    }
    UNREACHABLE();
}

/* Anything wrong sets r.bad; it is looked at after each field and element. */
struct decoder {
    struct reader r;
    struct arena *arena;
    int16_t version;
    bool flexible;
    size_t memory_left; /* for arrays and structures behind pointers */
    bool too_large;     /* it was not enough */
};

/* Memory for what the bytes announce, or NULL. */
static void *take_memory(struct decoder *d, size_t count, size_t size)
{
    if (size > 0 && count > d->memory_left / size) {
        d->too_large = true;
        d->r.bad = true;
        return NULL;
    }
    d->memory_left -= count * size;
    return arena_array(d->arena, count, size);
}

static void decode_struct(struct decoder *d, const struct wire_message *m, void *out);

/* The length in front of a string (`is_short`), bytes or array; -1 means null. */
static int64_t decode_length(struct decoder *d, const struct wire_field *f, bool is_short)
{
    int64_t len;
    if (d->flexible && (f->flags & WIRE_INFLEXIBLE) == 0) {
        len = (int64_t)reader_uvarint(&d->r) - 1;
    } else {
        len = is_short ? reader_i16(&d->r) : reader_i32(&d->r);
    }
    if (len < -1) {
        d->r.bad = true;
    }
    return len;
}

static struct slice decode_slice(struct decoder *d, const struct wire_field *f, bool is_element)
{
    bool is_string = f->type == WIRE_STRING;
    int64_t len = decode_length(d, f, is_string);
    bool nullable = !is_element && wire_in_range(f->nullable, d->version);
    if (d->r.bad || (len == -1 && !nullable) || (is_string && len > WIRE_STRING_MAX)) {
        d->r.bad = true;
        return SLICE_NULL;
    }
    return len == -1 ? SLICE_NULL : reader_bytes(&d->r, (size_t)len);
}

static double decode_float(struct decoder *d)
{
    uint64_t bits = reader_u64(&d->r);
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* One value, or one element of an array; elements are never null. */
static void decode_value(struct decoder *d, const struct wire_field *f, bool is_element, void *out)
{
    switch ((enum wire_type)f->type) {
    case WIRE_BOOL:
        *(bool *)out = reader_i8(&d->r) != 0;
        return;
    case WIRE_INT8:
        *(int8_t *)out = reader_i8(&d->r);
        return;
    case WIRE_INT16:
        *(int16_t *)out = reader_i16(&d->r);
        return;
    case WIRE_UINT16:
        *(uint16_t *)out = reader_u16(&d->r);
        return;
    case WIRE_INT32:
        *(int32_t *)out = reader_i32(&d->r);
        return;
    case WIRE_INT64:
        *(int64_t *)out = reader_i64(&d->r);
        return;
    case WIRE_FLOAT64:
        *(double *)out = decode_float(d);
        return;
    case WIRE_UUID:
        ((struct uuid *)out)->hi = reader_u64(&d->r);
        ((struct uuid *)out)->lo = reader_u64(&d->r);
        return;
    case WIRE_STRING:
    case WIRE_BYTES:
    case WIRE_RECORDS:
        *(struct slice *)out = decode_slice(d, f, is_element);
        return;
    case WIRE_STRUCT:
        decode_struct(d, f->nested, out);
        return;
    }
    UNREACHABLE();
}

static void decode_array(struct decoder *d, const struct wire_field *f, void *out)
{
    int64_t count = decode_length(d, f, false);
    if (d->r.bad || (count == -1 && !wire_in_range(f->nullable, d->version)) ||
        (count > 0 && (uint64_t)count > reader_left(&d->r) / element_bytes_min(f)) ||
        count > INT32_MAX) {
        d->r.bad = true;
        return;
    }
    struct wire_items a = {NULL, (int32_t)count};
    if (count > 0) {
        size_t size = wire_element_size((enum wire_type)f->type, f->nested);
        a.items = take_memory(d, (size_t)count, size);
        for (int32_t i = 0; i < a.count && !d->r.bad; i++) {
            decode_value(d, f, true, (char *)a.items + (size_t)i * size);
        }
    }
    wire_items_set(f, out, a);
}

/* In front of a structure that may be null: an int8 that is negative for null; among the tagged
 * fields an unsigned varint that is 0 for null. */
static bool decode_is_null(struct decoder *d, const struct wire_field *f)
{
    return wire_is_tagged(f, d->version) ? reader_uvarint(&d->r) == 0 : reader_i8(&d->r) < 0;
}

static void decode_pointer(struct decoder *d, const struct wire_field *f, void *out)
{
    if (wire_in_range(f->nullable, d->version) && decode_is_null(d, f)) {
        wire_pointer_set(f, out, NULL);
        return;
    }
    if (f->nested->bytes_min > reader_left(&d->r)) {
        d->r.bad = true;
        return;
    }
    void *nested = take_memory(d, 1, f->nested->size);
    if (nested != NULL) {
        decode_struct(d, f->nested, nested);
        wire_pointer_set(f, out, nested);
    }
}

static void decode_field(struct decoder *d, const struct wire_field *f, void *out)
{
    if ((f->flags & WIRE_ARRAY) != 0) {
        decode_array(d, f, out);
    } else if ((f->flags & WIRE_POINTER) != 0) {
        decode_pointer(d, f, out);
    } else {
        decode_value(d, f, false, (char *)out + f->offset);
    }
}

static const struct wire_field *find_tagged(const struct wire_message *m, uint32_t tag,
                                            int16_t version)
{
    for (uint16_t i = m->tags_from; i < m->field_count; i++) {
        const struct wire_field *f = &m->fields[i];
        if (wire_is_tagged(f, version) && (uint32_t)f->tag == tag) {
            return f;
        }
    }
    return NULL;
}

/* A structure among the tagged fields that is absent is its default, an empty one; null is said. */
static void set_tagged_defaults(struct decoder *d, const struct wire_message *m, void *out)
{
    for (uint16_t i = m->tags_from; i < m->field_count; i++) {
        const struct wire_field *f = &m->fields[i];
        if ((f->flags & WIRE_POINTER) != 0 && wire_is_tagged(f, d->version)) {
            wire_pointer_set(f, out, wire_new(f->nested, d->arena));
        }
    }
}

/* Kafka takes tags in any order and the last of several; so do we. */
static void decode_tagged(struct decoder *d, const struct wire_message *m, void *out)
{
    set_tagged_defaults(d, m, out);
    uint32_t count = reader_uvarint(&d->r);
    for (uint32_t i = 0; i < count && !d->r.bad; i++) {
        uint32_t tag = reader_uvarint(&d->r);
        struct slice bytes = reader_bytes(&d->r, reader_uvarint(&d->r));
        const struct wire_field *f = find_tagged(m, tag, d->version);
        if (d->r.bad || f == NULL) {
            continue;
        }
        struct reader behind = d->r;
        d->r = reader_of(bytes);
        decode_field(d, f, out);
        behind.bad = d->r.bad || reader_left(&d->r) > 0;
        d->r = behind;
    }
}

static void decode_struct(struct decoder *d, const struct wire_message *m, void *out)
{
    wire_init(m, out);
    for (uint16_t i = 0; i < m->field_count && !d->r.bad; i++) {
        const struct wire_field *f = &m->fields[i];
        if (wire_in_range(f->versions, d->version) &&
            (i < m->tags_from || !wire_is_tagged(f, d->version))) {
            decode_field(d, f, out);
        }
    }
    if (d->flexible && !d->r.bad) {
        decode_tagged(d, m, out);
    }
}

static enum err decode(const struct wire_message *m, struct decoder *d, void *out)
{
    if (!wire_in_range(m->versions, d->version)) {
        wire_init(m, out);
        return ERR_UNSUPPORTED_VERSION;
    }
    decode_struct(d, m, out);
    if (d->r.bad) {
        wire_init(m, out);
        return d->too_large ? ERR_MESSAGE_TOO_LARGE : ERR_MALFORMED;
    }
    return ERR_NONE;
}

static struct decoder decoder_of(const struct wire_message *m, int16_t version, struct reader r,
                                 struct arena *arena, size_t memory_max)
{
    return (struct decoder){.r = r,
                            .arena = arena,
                            .version = version,
                            .flexible = version >= m->flexible,
                            .memory_left = memory_max};
}

enum err wire_decode_prefix(const struct wire_message *m, int16_t version, struct reader *r,
                            struct arena *arena, void *out)
{
    struct decoder d = decoder_of(m, version, *r, arena, SIZE_MAX);
    TRY(decode(m, &d, out));
    *r = d.r;
    return ERR_NONE;
}

enum err wire_decode_within(const struct wire_message *m, const struct wire_input *in,
                            struct arena *arena, void *out)
{
    struct decoder d = decoder_of(m, in->version, reader_of(in->bytes), arena, in->memory_max);
    return decode(m, &d, out);
}

enum err wire_decode(const struct wire_message *m, int16_t version, struct slice in,
                     struct arena *arena, void *out)
{
    struct reader r = reader_of(in);
    TRY(wire_decode_prefix(m, version, &r, arena, out));
    if (reader_left(&r) > 0) {
        wire_init(m, out);
        return ERR_MALFORMED;
    }
    return ERR_NONE;
}
