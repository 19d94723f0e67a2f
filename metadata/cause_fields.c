/* Causes as (name=value …) inside of a record's line, and back. */
#include "metadata/cause_fields.h"

#include <stddef.h>
#include <stdio.h>

#include "metadata/quote.h"

#define AT(member) (uint16_t) offsetof(struct metadata_cause, member)

/* `absent` is what a number is that is left out. */
static const struct {
    const char *name;
    uint16_t at;
    int32_t absent;
} numbers[] = {{"controller", AT(controller), -1},
               {"node", AT(node), -1},
               {"correlationId", AT(correlation_id), 0}};

static const struct {
    const char *name;
    uint16_t at;
} small_numbers[] = {{"apiKey", AT(api_key)}, {"apiVersion", AT(api_version)}};

static const struct {
    const char *name;
    uint16_t at;
} texts[] = {{"clientId", AT(client_id)},
             {"through", AT(via)},
             {"principal", AT(principal)},
             {"host", AT(host)},
             {"reason", AT(reason)}};

void metadata_cause_print_fields(const struct metadata_cause *cause, struct buf *out)
{
    const char *name = metadata_event_name(cause->event);
    if (name == NULL) {
        buf_printf(out, "(event=%d", (int)cause->event);
    } else {
        buf_printf(out, "(event=%s", name);
    }
    for (size_t i = 0; i < ARRAY_LEN(small_numbers); i++) {
        int16_t value = *(const int16_t *)((const char *)cause + small_numbers[i].at);
        if (value != 0) {
            buf_printf(out, " %s=%d", small_numbers[i].name, value);
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        int32_t value = *(const int32_t *)((const char *)cause + numbers[i].at);
        if (value != numbers[i].absent) {
            buf_printf(out, " %s=%" PRId32, numbers[i].name, value);
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct slice value = *(const struct slice *)((const char *)cause + texts[i].at);
        if (!slice_is_null(value)) {
            buf_printf(out, " %s=", texts[i].name);
            metadata_quote(out, value);
        }
    }
    buf_put_str(out, ")");
}

static bool read_number(struct slice text, int64_t low, int64_t high, int64_t *out)
{
    char digits[24];
    char tail;
    if (text.len == 0 || text.len >= sizeof digits) {
        return false;
    }
    memcpy(digits, text.data, text.len);
    digits[text.len] = '\0';
    return sscanf(digits, "%" SCNd64 "%c", out, &tail) == 1 && *out >= low && *out <= high;
}

static bool read_event(struct slice text, struct metadata_cause *out)
{
    int64_t number;
    if (metadata_event_parse(text, &out->event)) {
        return true;
    }
    if (!read_number(text, INT32_MIN, INT32_MAX, &number)) {
        return false;
    }
    out->event = (enum metadata_event)number;
    return true;
}

static bool read_field(struct slice name, struct slice value, struct metadata_cause *out)
{
    int64_t number;
    for (size_t i = 0; i < ARRAY_LEN(small_numbers); i++) {
        if (slice_eq_str(name, small_numbers[i].name)) {
            bool ok = read_number(value, INT16_MIN, INT16_MAX, &number);
            *(int16_t *)((char *)out + small_numbers[i].at) = ok ? (int16_t)number : 0;
            return ok;
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        if (slice_eq_str(name, numbers[i].name)) {
            bool ok = read_number(value, INT32_MIN, INT32_MAX, &number);
            *(int32_t *)((char *)out + numbers[i].at) = ok ? (int32_t)number : 0;
            return ok;
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        if (slice_eq_str(name, texts[i].name)) {
            *(struct slice *)((char *)out + texts[i].at) = value;
            return true;
        }
    }
    return slice_eq_str(name, "event") && read_event(value, out);
}

bool metadata_cause_parse_fields(struct reader *r, struct arena *arena, struct metadata_cause *out)
{
    *out = metadata_cause_of(METADATA_EVENT_REQUEST, -1);
    if (reader_left(r) == 0 || *r->p++ != '(') {
        return false;
    }
    for (;;) {
        struct slice name;
        struct slice value;
        if (!metadata_read_text(r, arena, &name) || reader_left(r) == 0 || *r->p++ != '=' ||
            !metadata_read_text(r, arena, &value) || reader_left(r) == 0 ||
            !read_field(name, value, out)) {
            return false;
        }
        uint8_t next = *r->p++;
        if (next != ' ') {
            return next == ')';
        }
    }
}
