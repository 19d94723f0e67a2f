/* Lines of metadata_record_print() back to records. */
#include "metadata/cause_fields.h"
#include "metadata/quote.h"
#include "metadata/record_fields.h"

/* A list has no more; an image refuses long before. */
enum { LIST_MAX = 100000 };

struct parser {
    struct reader r;
    struct arena *arena;
};

static bool take(struct parser *p, char c)
{
    if (reader_left(&p->r) == 0 || *p->r.p != (uint8_t)c) {
        return false;
    }
    p->r.p++;
    return true;
}

static bool take_str(struct parser *p, const char *text)
{
    for (; *text != '\0'; text++) {
        if (!take(p, *text)) {
            return false;
        }
    }
    return true;
}

/* Letters, digits and '_': names of types and fields. */
static struct slice take_name(struct parser *p)
{
    const uint8_t *start = p->r.p;
    while (reader_left(&p->r) > 0 && ((*p->r.p >= 'a' && *p->r.p <= 'z') ||
                                      (*p->r.p >= 'A' && *p->r.p <= 'Z') || *p->r.p == '_')) {
        p->r.p++;
    }
    return slice_of(start, (size_t)(p->r.p - start));
}

static bool take_number(struct parser *p, int64_t low, int64_t high, int64_t *out)
{
    bool negative = take(p, '-');
    int64_t value = 0;
    int digits = 0;
    for (; reader_left(&p->r) > 0 && *p->r.p >= '0' && *p->r.p <= '9'; p->r.p++, digits++) {
        int64_t digit = *p->r.p - '0';
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, negative ? -digit : digit, &value)) {
            return false;
        }
    }
    *out = value;
    return digits > 0 && value >= low && value <= high;
}

static bool take_uuid(struct parser *p, struct uuid *out)
{
    size_t len = min_size(UUID_TEXT_LEN, reader_left(&p->r));
    if (!uuid_parse(slice_of(p->r.p, len), out)) {
        return false;
    }
    p->r.p += len;
    return true;
}

/* ---- lists: "[" item "," item … "]" ---- */

static bool take_id(struct parser *p, void *out)
{
    int64_t value;
    if (!take_number(p, INT32_MIN, INT32_MAX, &value)) {
        return false;
    }
    *(int32_t *)out = (int32_t)value;
    return true;
}

static bool take_dir(struct parser *p, void *out)
{
    return take_uuid(p, out);
}

static bool take_endpoint(struct parser *p, void *out)
{
    struct metadata_endpoint *e = out;
    int64_t port;
    int64_t protocol = METADATA_PLAINTEXT;
    if (!metadata_read_text(&p->r, p->arena, &e->name) || !take_str(p, "://") ||
        !metadata_read_text(&p->r, p->arena, &e->host) || !take(p, ':') ||
        !take_number(p, 0, UINT16_MAX, &port) ||
        (take(p, '/') && !take_number(p, INT16_MIN, INT16_MAX, &protocol))) {
        return false;
    }
    e->port = (uint16_t)port;
    e->security_protocol = (int16_t)protocol;
    return true;
}

static bool take_feature(struct parser *p, void *out)
{
    struct metadata_feature_range *f = out;
    int64_t low;
    int64_t high;
    if (!metadata_read_text(&p->r, p->arena, &f->name) || !take(p, ':') ||
        !take_number(p, INT16_MIN, INT16_MAX, &low) || !take(p, '-') ||
        !take_number(p, INT16_MIN, INT16_MAX, &high)) {
        return false;
    }
    f->min_version = (int16_t)low;
    f->max_version = (int16_t)high;
    return true;
}

/* Items of `size` bytes, in the arena; an empty list has none. */
static bool take_list(struct parser *p, size_t size, bool (*item)(struct parser *p, void *out),
                      const void **items, size_t *count)
{
    size_t cap = 0;
    char *list = NULL;
    size_t n = 0;
    if (!take(p, '[')) {
        return false;
    }
    for (bool more = !take(p, ']'); more; more = take(p, ',')) {
        if (n == cap) {
            cap = cap == 0 ? 4 : 2 * cap;
            char *larger = arena_array(p->arena, cap, size);
            if (n > 0) {
                memcpy(larger, list, n * size);
            }
            list = larger;
        }
        if (n == LIST_MAX || !item(p, list + n * size)) {
            return false;
        }
        n++;
    }
    *items = list;
    *count = n;
    return n == 0 || take(p, ']');
}

/* ---- values ---- */

static bool take_small(struct parser *p, enum metadata_field_kind kind, void *at)
{
    int64_t number;
    if (kind == METADATA_FIELD_INT8) {
        if (!take_number(p, INT8_MIN, INT8_MAX, &number)) {
            return false;
        }
        *(int8_t *)at = (int8_t)number;
        return true;
    }
    if (!take_number(p, INT16_MIN, INT16_MAX, &number)) {
        return false;
    }
    *(int16_t *)at = (int16_t)number;
    return true;
}

/* The lists of records are a pointer and a count, whatever they are of. */
#define TAKE_LIST(p, list, item_type, take_item, at) \
    take_list(p, sizeof(item_type), take_item, \
              (const void **)(void *)&((struct list *)(at))->items, &((struct list *)(at))->count)

static bool take_into(struct parser *p, const struct metadata_field *field, void *at)
{
    switch (field->kind) {
    case METADATA_FIELD_BOOL:
        *(bool *)at = take_str(p, "true");
        return *(bool *)at || take_str(p, "false");
    case METADATA_FIELD_INT8:
    case METADATA_FIELD_INT16:
        return take_small(p, field->kind, at);
    case METADATA_FIELD_INT32:
        return take_id(p, at);
    case METADATA_FIELD_INT64:
        return take_number(p, INT64_MIN, INT64_MAX, at);
    case METADATA_FIELD_TEXT:
        return metadata_read_text(&p->r, p->arena, at);
    case METADATA_FIELD_UUID:
        return take_uuid(p, at);
    case METADATA_FIELD_IDS:
        return TAKE_LIST(p, metadata_ids, int32_t, take_id, at);
    case METADATA_FIELD_DIRS:
        return TAKE_LIST(p, metadata_dirs, struct uuid, take_dir, at);
    case METADATA_FIELD_ENDPOINTS:
        return TAKE_LIST(p, metadata_endpoints, struct metadata_endpoint, take_endpoint, at);
    case METADATA_FIELD_FEATURES:
        return TAKE_LIST(p, metadata_feature_ranges, struct metadata_feature_range, take_feature,
                         at);
    case METADATA_FIELD_SINCE:
        break;
    }
    UNREACHABLE();
}

/* sinceMs=… cause=(…) */
static bool take_since(struct parser *p, const struct metadata_since **out)
{
    struct metadata_since *since = ARENA_NEW(p->arena, struct metadata_since);
    *out = since;
    return take_number(p, 0, INT64_MAX, &since->timestamp_ms) && take_str(p, " cause=") &&
           metadata_cause_parse_fields(&p->r, p->arena, &since->cause);
}

static const char *name_of(const struct metadata_field *field)
{
    return field->kind == METADATA_FIELD_SINCE ? "sinceMs" : field->name;
}

/* ---- the line ---- */

static enum err refuse(struct buf *why, const char *what, struct slice about)
{
    if (why != NULL) {
        buf_printf(why, "%s \"%.*s\"", what, SLICE_ARG(about));
    }
    return ERR_MALFORMED;
}

static void set_absent(const struct metadata_field *field, struct metadata_record *out)
{
    void *at = (char *)out + field->offset;
    if (field->usual == 0) {
        return;
    }
    ASSERT(field->kind == METADATA_FIELD_INT32);
    *(int32_t *)at = field->usual;
}

static bool may_be_absent(const struct metadata_field *field)
{
    return field->has != 0 || field->shown != METADATA_SHOWN_ALWAYS ||
           field->kind == METADATA_FIELD_SINCE;
}

/* The fields come in the order of the table, so that a record has one line only. */
static enum err parse_fields(struct parser *p, struct metadata_record *out, struct buf *why)
{
    const struct metadata_field *field = metadata_record_fields(out->type);
    bool named = false;
    struct slice name = SLICE_NULL;
    for (; field->name != NULL; field++) {
        if (!named && reader_left(&p->r) > 0) {
            const uint8_t *start = p->r.p;
            if (!take(p, ' ') || (name = take_name(p)).len == 0 || !take(p, '=')) {
                return refuse(why, "no field NAME=VALUE at",
                              slice_of(start, (size_t)(p->r.end - start)));
            }
            named = true;
        }
        if (!named || !slice_eq_str(name, name_of(field))) {
            if (!may_be_absent(field)) {
                return refuse(why, "the field is missing", slice_str(field->name));
            }
            set_absent(field, out);
            continue;
        }
        named = false;
        const uint8_t *start = p->r.p;
        bool ok = field->kind == METADATA_FIELD_SINCE
                      ? take_since(p, &out->register_broker.since)
                      : take_into(p, field, (char *)out + field->offset);
        if (!ok || (reader_left(&p->r) > 0 && *p->r.p != ' ')) {
            return refuse(why, field->name, slice_of(start, (size_t)(p->r.end - start)));
        }
        if (field->has != 0) {
            *(bool *)((char *)out + field->has) = true;
        }
    }
    return named ? refuse(why, "no such field here", name)
           : reader_left(&p->r) > 0
               ? refuse(why, "text behind the last field", slice_of(p->r.p, reader_left(&p->r)))
               : ERR_NONE;
}

enum err metadata_record_parse(struct slice line, struct arena *arena, struct metadata_record *out,
                               struct buf *why)
{
    struct parser p = {.r = reader_of(line), .arena = arena};
    struct slice type = take_name(&p);
    *out = (struct metadata_record){0};
    if (!metadata_record_type_parse(type, &out->type)) {
        return refuse(why, "no kind of record is called", type);
    }
    return parse_fields(&p, out, why);
}
