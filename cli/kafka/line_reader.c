/* Kafka's lines; see line_reader.h. */
#include "cli/kafka/line_reader.h"

#define EXCEPTION "org.apache.kafka.common.KafkaException: "

/* ---- how to read ---- */

struct field {
    const char *name;
    struct slice *value;
};

/* The separator of headers is a regular expression in Java. Ours is plain text, in which a
 * backslash makes what follows plain. */
static bool read_pattern(struct slice text, struct arena *arena, struct slice *out, struct buf *why)
{
    uint8_t *bytes = arena_alloc(arena, text.len + 1);
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++) {
        bool is_escape = text.data[i] == '\\' && i + 1 < text.len &&
                         strchr("\\.[]{}()*+-?^$|,:;", text.data[i + 1]) != NULL;
        if (is_escape) {
            i++;
        } else if (strchr("\\.[{()*+?^$|", text.data[i]) != NULL) {
            buf_printf(why,
                       "headers.separator=%.*s is a regular expression; only plain text is "
                       "supported, with a backslash in front of special characters",
                       SLICE_ARG(text));
            return false;
        }
        bytes[len++] = text.data[i];
    }
    *out = slice_of(bytes, len);
    return len > 0;
}

static bool differ(struct field a, struct field b, struct buf *why)
{
    if (slice_is_null(*a.value) || slice_is_null(*b.value) || !slice_eq(*a.value, *b.value)) {
        return true;
    }
    buf_printf(why, EXCEPTION "%s and %s may not be equal", a.name, b.name);
    return false;
}

static bool check(struct line_reader *r, struct buf *why)
{
    struct field key = {"key.separator", &r->key_separator};
    struct field delimiter = {"headers.delimiter", &r->headers_delimiter};
    struct field separator = {"headers.separator", &r->headers_separator};
    struct field key_of_header = {"headers.key.separator", &r->headers_key_separator};
    struct field marker = {"null.marker", &r->null_marker};
    return differ(delimiter, separator, why) && differ(delimiter, key_of_header, why) &&
           differ(separator, key_of_header, why) && differ(marker, key, why) &&
           differ(marker, separator, why) && differ(marker, delimiter, why) &&
           differ(marker, key_of_header, why);
}

static void set(const struct properties *p, const char *name, const char *usual, struct slice *out)
{
    struct slice value = properties_get(p, name);
    *out = slice_is_null(value) ? slice_str(usual) : value;
}

bool line_reader_init(struct line_reader *r, const struct properties *p, struct buf *why)
{
    *r = (struct line_reader){.parses_key = properties_is_true(p, "parse.key", false),
                              .parses_headers = properties_is_true(p, "parse.headers", false),
                              .ignores_errors = properties_is_true(p, "ignore.error", false)};
    set(p, "key.separator", "\t", &r->key_separator);
    set(p, "headers.delimiter", "\t", &r->headers_delimiter);
    set(p, "headers.separator", ",", &r->headers_separator);
    set(p, "headers.key.separator", ":", &r->headers_key_separator);
    set(p, "null.marker", NULL, &r->null_marker);
    return check(r, why) &&
           read_pattern(r->headers_separator, &p->cli->arena, &r->headers_separator, why);
}

void line_reader_fini(struct line_reader *r)
{
    buf_fini(&r->headers);
}

/* ---- lines ---- */

/* Takes the text up to the separator off the front of `rest`; false: the separator is not there. */
static bool take(struct slice *rest, struct slice separator, struct slice *out)
{
    const uint8_t *at = rest->len < separator.len
                            ? NULL
                            : memmem(rest->data, rest->len, separator.data, separator.len);
    if (at == NULL) {
        return false;
    }
    *out = slice_of(rest->data, (size_t)(at - rest->data));
    *rest = slice_of(at + separator.len, rest->len - out->len - separator.len);
    return true;
}

static struct slice or_null(const struct line_reader *r, struct slice text)
{
    bool is_null = !slice_is_null(r->null_marker) && slice_eq(text, r->null_marker);
    return is_null ? SLICE_NULL : text;
}

/* The field in front of the separator. Null: it is not there, which is forgiven. */
static bool take_field(const struct line_reader *r, struct slice *rest, struct slice separator,
                       struct slice *out)
{
    *out = SLICE_NULL;
    return take(rest, separator, out) || r->ignores_errors;
}

static bool refuse_line(const struct line_reader *r, struct slice line, const char *what,
                        struct buf *why)
{
    buf_printf(why, EXCEPTION "No %s found on line number %" PRId64 ": '%.*s'", what,
               r->line_number, SLICE_ARG(line));
    return false;
}

static bool add_header(struct line_reader *r, struct slice pair, struct buf *why)
{
    struct slice value = pair;
    struct slice key;
    if (!take(&value, r->headers_key_separator, &key)) {
        if (r->ignores_errors) {
            wire_record_header_put(&r->headers, pair, SLICE_NULL);
            return true;
        }
        buf_printf(why,
                   EXCEPTION "No header key separator found in pair '%.*s' on line number %" PRId64,
                   SLICE_ARG(pair), r->line_number);
        return false;
    }
    if (slice_is_null(or_null(r, key))) {
        buf_printf(why,
                   EXCEPTION "Header keys should not be equal to the null marker '%.*s' as they "
                             "can't be null",
                   SLICE_ARG(r->null_marker));
        return false;
    }
    wire_record_header_put(&r->headers, key, or_null(r, value));
    return true;
}

/* As Java splits a text: empty pieces at its end do not count. */
static bool add_headers(struct line_reader *r, struct slice text, struct wire_record *out,
                        struct buf *why)
{
    size_t step = r->headers_separator.len;
    while (text.len >= step &&
           memcmp(text.data + text.len - step, r->headers_separator.data, step) == 0) {
        text.len -= step;
        if (text.len == 0) {
            return true;
        }
    }
    struct slice pair;
    bool has_more = true;
    while (has_more) {
        has_more = take(&text, r->headers_separator, &pair);
        if (!add_header(r, has_more ? pair : text, why)) {
            return false;
        }
        out->header_count++;
    }
    return true;
}

bool line_reader_read(struct line_reader *r, struct slice line, struct wire_record *out,
                      struct buf *why)
{
    struct slice rest = line;
    struct slice headers = SLICE_NULL;
    struct slice key = SLICE_NULL;
    r->line_number++;
    buf_reset(&r->headers);
    *out = (struct wire_record){.timestamp = -1, .key = SLICE_NULL};
    if (r->parses_headers && !take_field(r, &rest, r->headers_delimiter, &headers)) {
        return refuse_line(r, line, "headers delimiter", why);
    }
    if (r->parses_key && !take_field(r, &rest, r->key_separator, &key)) {
        return refuse_line(r, line, "key separator", why);
    }
    out->key = slice_is_null(key) ? SLICE_NULL : or_null(r, key);
    out->value = or_null(r, rest);
    if (!slice_is_null(headers) && !slice_is_null(or_null(r, headers)) &&
        !add_headers(r, headers, out, why)) {
        return false;
    }
    out->headers = buf_slice(&r->headers);
    return true;
}
