/* Encodes every message by walking its table. */
#include "wire/table.h"

const uint8_t wire_external[1] = {0};

/* The first error stays in `err`; what is appended after it is taken back at the end. */
struct encoder {
    struct buf *out;
    struct wire_gaps *gaps; /* NULL: none allowed */
    int16_t version;
    bool flexible;
    enum err err;
};

static void encode_struct(struct encoder *e, const struct wire_message *m, const void *in);

static void fail(struct encoder *e, enum err err)
{
    if (e->err == ERR_NONE) {
        e->err = err;
    }
}

/* `len` -1 means null. */
static void encode_length(struct encoder *e, const struct wire_field *f, bool is_short, int64_t len)
{
    if (len > (is_short ? WIRE_STRING_MAX : INT32_MAX)) {
        fail(e, ERR_MESSAGE_TOO_LARGE);
    } else if (e->flexible && (f->flags & WIRE_INFLEXIBLE) == 0) {
        buf_put_uvarint(e->out, (uint32_t)(len + 1));
    } else if (is_short) {
        buf_put_i16(e->out, (int16_t)len);
    } else {
        buf_put_i32(e->out, (int32_t)len);
    }
}

static void note_gap(struct encoder *e, size_t len)
{
    struct wire_gaps *gaps = e->gaps;
    ASSERT(gaps != NULL);
    if (gaps->count == gaps->capacity) {
        size_t capacity = max_size(8, gaps->capacity * 2);
        struct wire_gap *items = ARENA_ARRAY(gaps->arena, capacity, struct wire_gap);
        if (gaps->count > 0) {
            memcpy(items, gaps->items, gaps->count * sizeof *items);
        }
        gaps->items = items;
        gaps->capacity = capacity;
    }
    gaps->items[gaps->count++] = (struct wire_gap){e->out->len, len};
    gaps->bytes += len;
}

static void encode_slice(struct encoder *e, const struct wire_field *f, bool is_element,
                         struct slice s)
{
    bool is_null = slice_is_null(s) && !is_element && wire_in_range(f->nullable, e->version);
    encode_length(e, f, f->type == WIRE_STRING, is_null ? -1 : (int64_t)s.len);
    if (e->err != ERR_NONE) {
        return;
    }
    if (s.data == WIRE_EXTERNAL) {
        ASSERT(f->type == WIRE_RECORDS);
        note_gap(e, s.len);
    } else {
        buf_put_slice(e->out, s);
    }
}

static void encode_float(struct encoder *e, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    buf_put_u64(e->out, bits);
}

/* One value, or one element of an array; elements are never null. */
static void encode_value(struct encoder *e, const struct wire_field *f, bool is_element,
                         const void *in)
{
    switch ((enum wire_type)f->type) {
    case WIRE_BOOL:
        buf_put_i8(e->out, *(const bool *)in);
        return;
    case WIRE_INT8:
        buf_put_i8(e->out, *(const int8_t *)in);
        return;
    case WIRE_INT16:
        buf_put_i16(e->out, *(const int16_t *)in);
        return;
    case WIRE_UINT16:
        buf_put_u16(e->out, *(const uint16_t *)in);
        return;
    case WIRE_INT32:
        buf_put_i32(e->out, *(const int32_t *)in);
        return;
    case WIRE_INT64:
        buf_put_i64(e->out, *(const int64_t *)in);
        return;
    case WIRE_FLOAT64:
        encode_float(e, *(const double *)in);
        return;
    case WIRE_UUID:
        buf_put_u64(e->out, ((const struct uuid *)in)->hi);
        buf_put_u64(e->out, ((const struct uuid *)in)->lo);
        return;
    case WIRE_STRING:
    case WIRE_BYTES:
    case WIRE_RECORDS:
        encode_slice(e, f, is_element, *(const struct slice *)in);
        return;
    case WIRE_STRUCT:
        encode_struct(e, f->nested, in);
        return;
    }
    UNREACHABLE();
}

static void encode_array(struct encoder *e, const struct wire_field *f, const void *in)
{
    struct wire_items a = wire_items_get(f, in);
    ASSERT(a.count >= -1);
    if (a.count == -1 && !wire_in_range(f->nullable, e->version)) {
        fail(e, ERR_UNSUPPORTED_VERSION);
        return;
    }
    ASSERT(a.items != NULL || a.count <= 0);
    encode_length(e, f, false, a.count);
    size_t size = wire_element_size((enum wire_type)f->type, f->nested);
    for (int32_t i = 0; i < a.count && e->err == ERR_NONE; i++) {
        encode_value(e, f, true, (const char *)a.items + (size_t)i * size);
    }
}

static void encode_pointer(struct encoder *e, const struct wire_field *f, const void *in)
{
    const void *nested = wire_pointer_get(f, in);
    if (wire_in_range(f->nullable, e->version)) {
        int8_t null = wire_is_tagged(f, e->version) ? 0 : -1;
        buf_put_i8(e->out, nested == NULL ? null : 1);
    } else if (nested == NULL) {
        fail(e, ERR_UNSUPPORTED_VERSION);
    }
    if (nested != NULL) {
        encode_struct(e, f->nested, nested);
    }
}

static void encode_field(struct encoder *e, const struct wire_field *f, const void *in)
{
    if ((f->flags & WIRE_ARRAY) != 0) {
        encode_array(e, f, in);
    } else if ((f->flags & WIRE_POINTER) != 0) {
        encode_pointer(e, f, in);
    } else {
        encode_value(e, f, false, (const char *)in + f->offset);
    }
}

static bool is_default(const struct wire_message *m, const struct wire_field *f, const void *in);

static bool is_default_struct(const struct wire_message *m, const void *in)
{
    for (uint16_t i = 0; i < m->field_count; i++) {
        if (!is_default(m, &m->fields[i], in)) {
            return false;
        }
    }
    return true;
}

static bool is_default(const struct wire_message *m, const struct wire_field *f, const void *in)
{
    const char *value = (const char *)in + f->offset;
    const char *expected = (const char *)m->defaults + f->offset;
    if ((f->flags & WIRE_ARRAY) != 0) {
        return wire_items_get(f, in).count == wire_items_get(f, m->defaults).count &&
               wire_items_get(f, in).count <= 0;
    }
    if ((f->flags & WIRE_POINTER) != 0) {
        return wire_pointer_get(f, in) == NULL;
    }
    switch ((enum wire_type)f->type) {
    case WIRE_STRING:
    case WIRE_BYTES:
    case WIRE_RECORDS: {
        struct slice s = *(const struct slice *)(const void *)value;
        bool never_null = f->nullable.last < f->nullable.first;
        return (never_null && s.len == 0) ||
               slice_eq(s, *(const struct slice *)(const void *)expected);
    }
    case WIRE_STRUCT:
        return is_default_struct(f->nested, value);
    case WIRE_BOOL:
    case WIRE_INT8:
    case WIRE_INT16:
    case WIRE_UINT16:
    case WIRE_INT32:
    case WIRE_INT64:
    case WIRE_FLOAT64:
    case WIRE_UUID:
        return memcmp(value, expected, wire_element_size((enum wire_type)f->type, NULL)) == 0;
    }
    UNREACHABLE();
}

/* May a version without this field carry the structure? Null and empty both say nothing. */
static bool may_drop(const struct wire_message *m, const struct wire_field *f, const void *in)
{
    if ((f->flags & WIRE_IGNORABLE) != 0 || is_default(m, f, in)) {
        return true;
    }
    if ((f->flags & WIRE_ARRAY) != 0) {
        return wire_items_get(f, in).count <= 0;
    }
    bool is_slice = f->type == WIRE_STRING || f->type == WIRE_BYTES || f->type == WIRE_RECORDS;
    return is_slice &&
           ((const struct slice *)(const void *)((const char *)in + f->offset))->len == 0;
}

/* Null is Kafka's default of no nullable structure that is tagged (in ClassicMemberMetadata it is
 * an empty structure), so there null is written too. */
bool wire_is_written(const struct wire_message *m, const struct wire_field *f, const void *in)
{
    if ((f->flags & WIRE_POINTER) != 0) {
        const void *nested = wire_pointer_get(f, in);
        return nested == NULL || !is_default_struct(f->nested, nested);
    }
    return !is_default(m, f, in);
}

/* The length comes first but is known last: the bytes move behind it. */
static void encode_sized(struct encoder *e, const struct wire_field *f, const void *in)
{
    struct buf *out = e->out;
    size_t gaps_before = e->gaps == NULL ? 0 : e->gaps->count;
    size_t start = out->len;
    encode_field(e, f, in);
    if (e->err != ERR_NONE) {
        return;
    }
    size_t len = out->len - start;
    if (len > INT32_MAX) {
        fail(e, ERR_MESSAGE_TOO_LARGE);
        return;
    }
    ASSERT(e->gaps == NULL || e->gaps->count == gaps_before);
    size_t prefix = uvarint_size((uint32_t)len);
    buf_extend(out, prefix);
    memmove(out->data + start + prefix, out->data + start, len);
    out->len = start;
    buf_put_uvarint(out, (uint32_t)len);
    out->len = start + prefix + len;
}

static void encode_tagged(struct encoder *e, const struct wire_message *m, const void *in)
{
    uint32_t count = 0;
    for (uint16_t i = m->tags_from; i < m->field_count; i++) {
        const struct wire_field *f = &m->fields[i];
        count += wire_is_tagged(f, e->version) && wire_is_written(m, f, in);
    }
    buf_put_uvarint(e->out, count);
    for (uint16_t i = m->tags_from; i < m->field_count && count > 0 && e->err == ERR_NONE; i++) {
        const struct wire_field *f = &m->fields[i];
        if (wire_is_tagged(f, e->version) && wire_is_written(m, f, in)) {
            buf_put_uvarint(e->out, (uint32_t)f->tag);
            encode_sized(e, f, in);
        }
    }
}

static void encode_struct(struct encoder *e, const struct wire_message *m, const void *in)
{
    for (uint16_t i = 0; i < m->field_count && e->err == ERR_NONE; i++) {
        const struct wire_field *f = &m->fields[i];
        if (!wire_in_range(f->versions, e->version)) {
            if (!may_drop(m, f, in)) {
                fail(e, ERR_UNSUPPORTED_VERSION);
            }
        } else if (i < m->tags_from || !wire_is_tagged(f, e->version)) {
            encode_field(e, f, in);
        }
    }
    if (e->flexible && e->err == ERR_NONE) {
        encode_tagged(e, m, in);
    }
}

enum err wire_encode_gaps(const struct wire_message *m, int16_t version, const void *in,
                          struct buf *out, struct wire_gaps *gaps)
{
    if (!wire_in_range(m->versions, version)) {
        return ERR_UNSUPPORTED_VERSION;
    }
    struct encoder e = {out, gaps, version, version >= m->flexible, ERR_NONE};
    size_t start = out->len;
    struct wire_gaps gaps_before = gaps == NULL ? (struct wire_gaps){0} : *gaps;
    encode_struct(&e, m, in);
    size_t outside = gaps == NULL ? 0 : gaps->bytes - gaps_before.bytes;
    if (e.err == ERR_NONE && out->len - start + outside > INT32_MAX) {
        e.err = ERR_MESSAGE_TOO_LARGE;
    }
    if (e.err != ERR_NONE) {
        out->len = start;
        if (gaps != NULL) {
            *gaps = gaps_before;
        }
    }
    return e.err;
}

enum err wire_encode(const struct wire_message *m, int16_t version, const void *in, struct buf *out)
{
    return wire_encode_gaps(m, version, in, out, NULL);
}
