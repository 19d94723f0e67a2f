/* Templates; see record_template.h. */
#include "cli/record_template.h"

#include "cli/escapes.h"

typedef void put_fn(const struct record_template *t, const struct puller_record *record,
                    struct buf *out);

/* A piece of the template: a field, or bytes as they are. */
struct piece {
    put_fn *put; /* NULL: `bytes` */
    struct slice bytes;
};

struct record_template {
    struct slice null_text;
    struct piece *pieces;
    size_t count;
};

/* ---- fields ---- */

static void put_bytes(const struct record_template *t, struct slice bytes, struct buf *out)
{
    buf_put_slice(out, slice_is_null(bytes) ? t->null_text : bytes);
}

static int64_t length(struct slice bytes)
{
    return slice_is_null(bytes) ? -1 : (int64_t)bytes.len;
}

static void put_topic(const struct record_template *t, const struct puller_record *r,
                      struct buf *out)
{
    put_bytes(t, r->topic, out);
}

static void put_partition(const struct record_template *t, const struct puller_record *r,
                          struct buf *out)
{
    (void)t;
    buf_printf(out, "%" PRId32, r->partition);
}

static void put_offset(const struct record_template *t, const struct puller_record *r,
                       struct buf *out)
{
    (void)t;
    buf_printf(out, "%" PRId64, r->record.offset);
}

static void put_time(const struct record_template *t, const struct puller_record *r,
                     struct buf *out)
{
    (void)t;
    buf_printf(out, "%" PRId64, r->record.timestamp);
}

static void put_key(const struct record_template *t, const struct puller_record *r, struct buf *out)
{
    put_bytes(t, r->record.key, out);
}

static void put_key_length(const struct record_template *t, const struct puller_record *r,
                           struct buf *out)
{
    (void)t;
    buf_printf(out, "%" PRId64, length(r->record.key));
}

static void put_value(const struct record_template *t, const struct puller_record *r,
                      struct buf *out)
{
    put_bytes(t, r->record.value, out);
}

static void put_value_length(const struct record_template *t, const struct puller_record *r,
                             struct buf *out)
{
    (void)t;
    buf_printf(out, "%" PRId64, length(r->record.value));
}

static void put_value_length_bytes(const struct record_template *t, const struct puller_record *r,
                                   struct buf *out)
{
    (void)t;
    buf_put_i32(out, (int32_t)length(r->record.value));
}

static void put_headers(const struct record_template *t, const struct puller_record *r,
                        struct buf *out)
{
    struct reader reader = reader_of(r->record.headers);
    for (int32_t i = 0; i < r->record.header_count; i++) {
        struct wire_record_header header = wire_record_header_next(&reader);
        buf_put_str(out, i == 0 ? "" : ",");
        buf_put_slice(out, header.key);
        buf_put_str(out, "=");
        put_bytes(t, header.value, out);
    }
}

static const struct {
    char name;
    put_fn *put;
} fields[] = {
    {'t', put_topic},        {'p', put_partition},
    {'o', put_offset},       {'T', put_time},
    {'h', put_headers},      {'k', put_key},
    {'K', put_key_length},   {'s', put_value},
    {'S', put_value_length}, {'R', put_value_length_bytes},
};

/* ---- templates ---- */

static put_fn *find_field(uint8_t name)
{
    for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
        if ((uint8_t)fields[i].name == name) {
            return fields[i].put;
        }
    }
    return NULL;
}

/* Reads the piece at the begin of `rest`; returns its length, 0: it is none. */
static size_t read_piece(struct slice rest, struct arena *arena, struct piece *out)
{
    *out = (struct piece){.bytes = slice_of(rest.data, 1)};
    if (rest.data[0] == '\\') {
        char *byte = arena_alloc(arena, 1);
        out->bytes = slice_of(byte, 1);
        return escapes_take(rest, byte);
    }
    if (rest.data[0] != '%') {
        size_t len = 1;
        while (len < rest.len && rest.data[len] != '%' && rest.data[len] != '\\') {
            len++;
        }
        out->bytes.len = len;
        return len;
    }
    if (rest.len < 2) {
        return 0;
    }
    out->put = find_field(rest.data[1]);
    return out->put != NULL || rest.data[1] == '%' ? 2 : 0;
}

struct record_template *record_template_new(const char *text, struct slice null_text,
                                            struct arena *arena, struct buf *why)
{
    struct slice rest = slice_str(text);
    struct record_template *t = ARENA_NEW(arena, struct record_template);
    t->null_text = null_text;
    t->pieces = ARENA_ARRAY(arena, rest.len + 1, struct piece);
    while (rest.len > 0) {
        size_t len = read_piece(rest, arena, &t->pieces[t->count++]);
        if (len == 0) {
            buf_printf(why,
                       "\"%.*s\" is neither one of %%t %%p %%o %%T %%h %%k %%K %%s %%S %%R %%%% "
                       "nor of \\n \\r \\t \\0 \\\\ \\xNN",
                       (int)min_size(rest.len, rest.data[0] == '%' ? 2 : 4), rest.data);
            return NULL;
        }
        rest = slice_of(rest.data + len, rest.len - len);
    }
    return t;
}

void record_template_print(const struct record_template *t, const struct puller_record *record,
                           struct buf *out)
{
    for (size_t i = 0; i < t->count; i++) {
        const struct piece *piece = &t->pieces[i];
        if (piece->put != NULL) {
            piece->put(t, record, out);
        } else {
            buf_put_slice(out, piece->bytes);
        }
    }
}
