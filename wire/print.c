/* Messages for people: one line of text, or JSON. */
#include "wire/table.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { DOUBLE_DIGITS = 17 }; /* enough for every double */

struct printer {
    struct buf *out;
    int16_t version;
    bool json;
};

static void print_struct(struct printer *p, const struct wire_message *m, const void *in);

/* Length of the UTF-8 sequence that begins at `at`; 0 if there is none. */
static size_t utf8_length(struct slice s, size_t at)
{
    uint8_t first = s.data[at];
    size_t len = first < 0x80 ? 1 : first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    if (first > 0xf4 || len == 0 || len > s.len - at) {
        return 0;
    }
    for (size_t i = 1; i < len; i++) {
        if ((s.data[at + i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    uint8_t second = len > 1 ? s.data[at + 1] : 0;
    bool overlong = (first == 0xe0 && second < 0xa0) || (first == 0xf0 && second < 0x90);
    bool surrogate = first == 0xed && second >= 0xa0;
    bool beyond = first == 0xf4 && second >= 0x90;
    return overlong || surrogate || beyond ? 0 : len;
}

static void print_control(struct printer *p, uint8_t c)
{
    static const char letters[] = {
        ['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r'};
    if (c < sizeof letters && letters[c] != 0) {
        buf_printf(p->out, "\\%c", letters[c]);
    } else {
        buf_printf(p->out, "\\u%04X", c);
    }
}

/* Quoted, with JSON's escapes; bytes that are not UTF-8 become U+FFFD. */
static void print_string(struct printer *p, struct slice s)
{
    buf_put_str(p->out, "\"");
    for (size_t at = 0; at < s.len;) {
        size_t len = utf8_length(s, at);
        uint8_t c = s.data[at];
        if (len == 0) {
            buf_put_str(p->out, "\\ufffd");
        } else if (c == '"' || c == '\\') {
            buf_printf(p->out, "\\%c", c);
        } else if (c < 0x20 || (c == 0x7f && !p->json)) {
            print_control(p, c);
        } else {
            buf_put(p->out, s.data + at, len);
        }
        at += len == 0 ? 1 : len;
    }
    buf_put_str(p->out, "\"");
}

static void print_base64(struct printer *p, struct slice s)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    buf_put_str(p->out, "\"");
    for (size_t at = 0; at < s.len; at += 3) {
        size_t n = min_size(3, s.len - at);
        uint32_t bits = (uint32_t)s.data[at] << 16;
        bits |= n > 1 ? (uint32_t)s.data[at + 1] << 8 : 0;
        bits |= n > 2 ? s.data[at + 2] : 0;
        for (size_t i = 0; i < 4; i++) {
            buf_put_i8(p->out, i <= n ? digits[(bits >> (18 - 6 * i)) & 63] : '=');
        }
    }
    buf_put_str(p->out, "\"");
}

static void print_slice(struct printer *p, const struct wire_field *f, struct slice s)
{
    if (slice_is_null(s)) {
        buf_put_str(p->out, "null");
    } else if (f->type == WIRE_STRING) {
        print_string(p, s);
    } else if (p->json && f->type == WIRE_BYTES) {
        print_base64(p, s);
    } else {
        buf_printf(p->out, p->json ? "\"%zu bytes\"" : "<%zu bytes>", s.len);
    }
}

/* Writes d.ddde±xx with the fewest digits that are this number and no other; returns how many. */
static int print_digits(double value, char *out, size_t size)
{
    int digits = 1;
    for (; digits < DOUBLE_DIGITS; digits++) {
        snprintf(out, size, "%.*e", digits - 1, value);
        if (strtod(out, NULL) == value) {
            return digits;
        }
    }
    snprintf(out, size, "%.*e", digits - 1, value);
    return digits;
}

/* As Java writes it: 1.0, 0.001, 1.0E-4, 1.5E7. */
static void print_float(struct printer *p, double value)
{
    char text[40];
    if (isnan(value)) {
        buf_put_str(p->out, "\"NaN\"");
        return;
    }
    if (isinf(value)) {
        buf_put_str(p->out, value < 0 ? "\"-Infinity\"" : "\"Infinity\"");
        return;
    }
    int digits = print_digits(value, text, sizeof text);
    char *e = strchr(text, 'e');
    int exponent = (int)strtol(e + 1, NULL, 10);
    if (exponent >= -3 && exponent < 7) {
        int behind = digits - 1 - exponent;
        buf_printf(p->out, "%.*f", behind < 1 ? 1 : behind, value);
    } else {
        *e = '\0';
        buf_printf(p->out, "%s%sE%d", text, digits == 1 ? ".0" : "", exponent);
    }
}

static void print_value(struct printer *p, const struct wire_field *f, const void *in)
{
    struct buf *out = p->out;
    switch ((enum wire_type)f->type) {
    case WIRE_BOOL:
        buf_put_str(out, *(const bool *)in ? "true" : "false");
        return;
    case WIRE_INT8:
        buf_printf(out, "%d", *(const int8_t *)in);
        return;
    case WIRE_INT16:
        buf_printf(out, "%d", *(const int16_t *)in);
        return;
    case WIRE_UINT16:
        buf_printf(out, "%u", *(const uint16_t *)in);
        return;
    case WIRE_INT32:
        buf_printf(out, "%" PRId32, *(const int32_t *)in);
        return;
    case WIRE_INT64:
        buf_printf(out, "%" PRId64, *(const int64_t *)in);
        return;
    case WIRE_FLOAT64:
        print_float(p, *(const double *)in);
        return;
    case WIRE_UUID:
        buf_printf(out, p->json ? "\"%s\"" : "%s", uuid_text(*(const struct uuid *)in).text);
        return;
    case WIRE_STRING:
    case WIRE_BYTES:
    case WIRE_RECORDS:
        print_slice(p, f, *(const struct slice *)in);
        return;
    case WIRE_STRUCT:
        print_struct(p, f->nested, in);
        return;
    }
    UNREACHABLE();
}

static void print_array(struct printer *p, const struct wire_field *f, const void *in)
{
    struct wire_items a = wire_items_get(f, in);
    if (a.count < 0) {
        buf_put_str(p->out, "null");
        return;
    }
    size_t size = wire_element_size((enum wire_type)f->type, f->nested);
    buf_put_str(p->out, "[");
    for (int32_t i = 0; i < a.count; i++) {
        buf_put_str(p->out, i == 0 ? "" : p->json ? "," : ", ");
        print_value(p, f, (const char *)a.items + (size_t)i * size);
    }
    buf_put_str(p->out, "]");
}

static void print_field(struct printer *p, const struct wire_field *f, const void *in)
{
    if ((f->flags & WIRE_SECRET) != 0) {
        buf_put_str(p->out, p->json ? "\"***\"" : "***");
    } else if ((f->flags & WIRE_ARRAY) != 0) {
        print_array(p, f, in);
    } else if ((f->flags & WIRE_POINTER) == 0) {
        print_value(p, f, (const char *)in + f->offset);
    } else if (wire_pointer_get(f, in) == NULL) {
        buf_put_str(p->out, "null");
    } else {
        print_struct(p, f->nested, wire_pointer_get(f, in));
    }
}

/* The schema's order is that of the structure; the table has tags ascending. */
static const struct wire_field *next_in_order(const struct wire_message *m,
                                              const struct wire_field *before)
{
    const struct wire_field *next = NULL;
    for (uint16_t i = 0; i < m->field_count; i++) {
        const struct wire_field *f = &m->fields[i];
        if ((before == NULL || f->offset > before->offset) &&
            (next == NULL || f->offset < next->offset)) {
            next = f;
        }
    }
    return next;
}

static bool is_shown(const struct printer *p, const struct wire_message *m,
                     const struct wire_field *f, const void *in)
{
    return wire_in_range(f->versions, p->version) &&
           (!p->json || !wire_is_tagged(f, p->version) || wire_is_written(m, f, in));
}

static void print_struct(struct printer *p, const struct wire_message *m, const void *in)
{
    const char *separator = "";
    const struct wire_field *f = NULL;
    buf_put_str(p->out, "{");
    while ((f = next_in_order(m, f)) != NULL) {
        if (!is_shown(p, m, f, in)) {
            continue;
        }
        if (p->json) {
            buf_printf(p->out, "%s\"%c%s\":", separator, tolower((unsigned char)f->name[0]),
                       f->name + 1);
        } else {
            buf_printf(p->out, "%s%s=", separator, f->name);
        }
        print_field(p, f, in);
        separator = p->json ? "," : ", ";
    }
    buf_put_str(p->out, "}");
}

void wire_print(const struct wire_message *m, int16_t version, const void *in, struct buf *out)
{
    struct printer p = {out, version, false};
    print_struct(&p, m, in);
}

void wire_print_json(const struct wire_message *m, int16_t version, const void *in, struct buf *out)
{
    struct printer p = {out, version, true};
    print_struct(&p, m, in);
}
