/* Records as text: one line for people, which metadata_record_parse() reads back, and one JSON
 * object for programs. */
#include "metadata/cause_fields.h"
#include "metadata/quote.h"
#include "metadata/record_fields.h"

/* Both forms come from one walk over the fields. */
struct printer {
    struct buf *out;
    bool json;
    bool first;
};

static void put_text(struct printer *p, struct slice s)
{
    if (slice_is_null(s)) {
        buf_put_str(p->out, "null");
    } else if (!p->json && metadata_is_word(s)) {
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

static void put_number(struct printer *p, const char *name, int64_t value)
{
    put_name(p, name);
    buf_printf(p->out, "%" PRId64, value);
}

static void put_named_text(struct printer *p, const char *name, struct slice value)
{
    put_name(p, name);
    put_text(p, value);
}

static void put_uuid(struct printer *p, struct uuid id)
{
    buf_printf(p->out, p->json ? "\"%s\"" : "%s", uuid_text(id).text);
}

/* ---- lists ---- */

static void put_ids(struct printer *p, const struct metadata_ids *ids)
{
    buf_put_str(p->out, "[");
    for (size_t i = 0; i < ids->count; i++) {
        buf_printf(p->out, "%s%" PRId32, i > 0 ? "," : "", ids->items[i]);
    }
    buf_put_str(p->out, "]");
}

static void put_dirs(struct printer *p, const struct metadata_dirs *dirs)
{
    buf_put_str(p->out, "[");
    for (size_t i = 0; i < dirs->count; i++) {
        buf_put_str(p->out, i > 0 ? "," : "");
        put_uuid(p, dirs->items[i]);
    }
    buf_put_str(p->out, "]");
}

/* CONTROLLER://host:9093, and for what is not PLAINTEXT the number of its protocol: …:9093/1 */
static void put_endpoint(struct printer *p, const struct metadata_endpoint *e)
{
    if (p->json) {
        struct printer inner = {.out = p->out, .json = true, .first = true};
        buf_put_str(p->out, "{");
        put_named_text(&inner, "name", e->name);
        put_named_text(&inner, "host", e->host);
        put_number(&inner, "port", e->port);
        put_number(&inner, "securityProtocol", e->security_protocol);
        buf_put_str(p->out, "}");
        return;
    }
    put_text(p, e->name);
    buf_put_str(p->out, "://");
    put_text(p, e->host);
    buf_printf(p->out, ":%u", e->port);
    if (e->security_protocol != METADATA_PLAINTEXT) {
        buf_printf(p->out, "/%d", e->security_protocol);
    }
}

static void put_endpoints(struct printer *p, const struct metadata_endpoints *list)
{
    buf_put_str(p->out, "[");
    for (size_t i = 0; i < list->count; i++) {
        buf_put_str(p->out, i > 0 ? "," : "");
        put_endpoint(p, &list->items[i]);
    }
    buf_put_str(p->out, "]");
}

static void put_feature(struct printer *p, const struct metadata_feature_range *f)
{
    if (p->json) {
        struct printer inner = {.out = p->out, .json = true, .first = true};
        buf_put_str(p->out, "{");
        put_named_text(&inner, "name", f->name);
        put_number(&inner, "minSupportedVersion", f->min_version);
        put_number(&inner, "maxSupportedVersion", f->max_version);
        buf_put_str(p->out, "}");
        return;
    }
    put_text(p, f->name);
    buf_printf(p->out, ":%d-%d", f->min_version, f->max_version);
}

static void put_features(struct printer *p, const struct metadata_feature_ranges *list)
{
    buf_put_str(p->out, "[");
    for (size_t i = 0; i < list->count; i++) {
        buf_put_str(p->out, i > 0 ? "," : "");
        put_feature(p, &list->items[i]);
    }
    buf_put_str(p->out, "]");
}

/* ---- fields ---- */

/* In the line, the cause is (name=value …) with the names of JSON. */
static void put_since(struct printer *p, const struct metadata_since *since)
{
    put_number(p, "sinceMs", since->timestamp_ms);
    put_name(p, "cause");
    if (p->json) {
        metadata_cause_print_json(&since->cause, p->out);
    } else {
        metadata_cause_print_fields(&since->cause, p->out);
    }
}

static int64_t number_at(const struct metadata_field *field, const void *at)
{
    switch (field->kind) {
    case METADATA_FIELD_BOOL:
        return *(const bool *)at;
    case METADATA_FIELD_INT8:
        return *(const int8_t *)at;
    case METADATA_FIELD_INT16:
        return *(const int16_t *)at;
    case METADATA_FIELD_INT32:
        return *(const int32_t *)at;
    case METADATA_FIELD_INT64:
        return *(const int64_t *)at;
    case METADATA_FIELD_TEXT:
    case METADATA_FIELD_UUID:
    case METADATA_FIELD_IDS:
    case METADATA_FIELD_DIRS:
    case METADATA_FIELD_ENDPOINTS:
    case METADATA_FIELD_FEATURES:
    case METADATA_FIELD_SINCE:
        break;
    }
    UNREACHABLE();
}

static bool says_nothing(const struct metadata_field *field, const void *at)
{
    if (field->kind == METADATA_FIELD_IDS) {
        return ((const struct metadata_ids *)at)->count == 0;
    }
    return number_at(field, at) == field->usual;
}

static bool is_shown(const struct printer *p, const struct metadata_field *field,
                     const struct metadata_record *r, const void *at)
{
    if (field->has != 0 && !*(const bool *)((const char *)r + field->has)) {
        return false;
    }
    if (field->kind == METADATA_FIELD_SINCE) {
        return *(const struct metadata_since *const *)at != NULL;
    }
    if (field->shown == METADATA_SHOWN_IF_SAID ||
        (field->shown == METADATA_SHOWN_IN_JSON && !p->json)) {
        return !says_nothing(field, at);
    }
    return true;
}

static void put_value(struct printer *p, const struct metadata_field *field, const void *at)
{
    switch (field->kind) {
    case METADATA_FIELD_BOOL:
        buf_put_str(p->out, *(const bool *)at ? "true" : "false");
        break;
    case METADATA_FIELD_INT8:
    case METADATA_FIELD_INT16:
    case METADATA_FIELD_INT32:
    case METADATA_FIELD_INT64:
        buf_printf(p->out, "%" PRId64, number_at(field, at));
        break;
    case METADATA_FIELD_TEXT:
        put_text(p, *(const struct slice *)at);
        break;
    case METADATA_FIELD_UUID:
        put_uuid(p, *(const struct uuid *)at);
        break;
    case METADATA_FIELD_IDS:
        put_ids(p, at);
        break;
    case METADATA_FIELD_DIRS:
        put_dirs(p, at);
        break;
    case METADATA_FIELD_ENDPOINTS:
        put_endpoints(p, at);
        break;
    case METADATA_FIELD_FEATURES:
        put_features(p, at);
        break;
    case METADATA_FIELD_SINCE:
        UNREACHABLE();
    }
}

static void put_fields(struct printer *p, const struct metadata_record *r)
{
    const struct metadata_field *field = metadata_record_fields(r->type);
    ASSERT(field != NULL);
    for (; field->name != NULL; field++) {
        const void *at = (const char *)r + field->offset;
        if (!is_shown(p, field, r, at)) {
            continue;
        }
        if (field->kind == METADATA_FIELD_SINCE) {
            put_since(p, *(const struct metadata_since *const *)at);
        } else {
            put_name(p, field->name);
            put_value(p, field, at);
        }
    }
}

void metadata_record_print(const struct metadata_record *record, struct buf *out)
{
    struct printer p = {.out = out, .json = false, .first = true};
    buf_put_str(out, metadata_record_type_name(record->type));
    put_fields(&p, record);
}

void metadata_record_print_json(const struct metadata_record *record, struct buf *out)
{
    struct printer p = {.out = out, .json = true, .first = true};
    buf_printf(out, "{\"type\":\"%s\",\"data\":{", metadata_record_type_name(record->type));
    put_fields(&p, record);
    buf_put_str(out, "}}");
}

/* ---- differences ---- */

/* The value as in the line; empty if it is left out there. */
static void put_field(const struct metadata_field *field, const struct metadata_record *r,
                      struct buf *out)
{
    struct printer p = {.out = out, .json = false, .first = true};
    const void *at = (const char *)r + field->offset;
    if (!is_shown(&p, field, r, at)) {
        return;
    }
    if (field->kind == METADATA_FIELD_SINCE) {
        const struct metadata_since *since = *(const struct metadata_since *const *)at;
        buf_printf(out, "%" PRId64 " ", since->timestamp_ms);
        metadata_cause_print_fields(&since->cause, out);
    } else {
        put_value(&p, field, at);
    }
}

void metadata_record_print_changes(const struct metadata_record *before,
                                   const struct metadata_record *after, struct buf *out)
{
    const struct metadata_record *either = before != NULL ? before : after;
    const struct metadata_field *field = metadata_record_fields(either->type);
    struct buf texts[2] = {{0}};
    for (; field->name != NULL; field++) {
        buf_reset(&texts[0]);
        buf_reset(&texts[1]);
        if (before != NULL) {
            put_field(field, before, &texts[0]);
        }
        if (after != NULL) {
            put_field(field, after, &texts[1]);
        }
        if (slice_eq(buf_slice(&texts[0]), buf_slice(&texts[1]))) {
            continue;
        }
        buf_printf(out, " %s=%.*s", field->name, SLICE_ARG(buf_slice(&texts[0])));
        if (before != NULL && after != NULL) {
            buf_put_str(out, " -> ");
        }
        buf_put_slice(out, buf_slice(&texts[1]));
    }
    buf_fini(&texts[1]);
    buf_fini(&texts[0]);
}
