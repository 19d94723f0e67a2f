/* Texts inside of a line; see quote.h. */
#include "metadata/quote.h"

void metadata_quote(struct buf *out, struct slice s)
{
    buf_put_str(out, "\"");
    for (size_t i = 0; i < s.len; i++) {
        uint8_t c = s.data[i];
        if (c == '"' || c == '\\') {
            buf_printf(out, "\\%c", c);
        } else if (c < 0x20 || c == 0x7f) {
            buf_printf(out, "\\u%04x", c);
        } else {
            buf_put(out, &c, 1);
        }
    }
    buf_put_str(out, "\"");
}

static bool is_plain(uint8_t c)
{
    return c > ' ' && c != 0x7f && strchr("\"\\,:=[](){}/", c) == NULL;
}

bool metadata_is_word(struct slice s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (!is_plain(s.data[i])) {
            return false;
        }
    }
    return s.len > 0 && !slice_eq_str(s, "null");
}

static int hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Behind "\u". */
static bool read_escape(struct reader *r, uint8_t *out)
{
    int value = 0;
    if (reader_left(r) < 4) {
        return false;
    }
    for (int i = 0; i < 4; i++) {
        int digit = hex_digit(*r->p++);
        if (digit < 0) {
            return false;
        }
        value = value * 16 + digit;
    }
    *out = (uint8_t)value;
    return value <= UINT8_MAX;
}

/* Behind the backslash. */
static bool read_escaped(struct reader *r, uint8_t *out)
{
    static const char names[] = "\"\\/bfnrt";
    static const char meant[] = "\"\\/\b\f\n\r\t";
    if (reader_left(r) == 0) {
        return false;
    }
    uint8_t c = *r->p++;
    if (c == 'u') {
        return read_escape(r, out);
    }
    const char *at = c == '\0' ? NULL : strchr(names, c);
    if (at == NULL) {
        return false;
    }
    *out = (uint8_t)meant[at - names];
    return true;
}

/* Reads what metadata_quote() wrote (or any JSON string whose \u escapes are below 256), the
 * cursor at its first quotation mark. The text is in the arena. False: it is none. */
static bool unquote(struct reader *r, struct arena *arena, struct slice *out)
{
    if (reader_left(r) == 0 || *r->p != '"') {
        return false;
    }
    r->p++;
    uint8_t *text = arena_alloc(arena, reader_left(r) + 1);
    size_t len = 0;
    while (reader_left(r) > 0) {
        uint8_t c = *r->p++;
        if (c == '"') {
            *out = slice_of(text, len);
            return true;
        }
        if (c < 0x20 || (c == '\\' && !read_escaped(r, &c))) {
            return false;
        }
        text[len++] = c;
    }
    return false;
}

bool metadata_read_text(struct reader *r, struct arena *arena, struct slice *out)
{
    if (reader_left(r) > 0 && *r->p == '"') {
        return unquote(r, arena, out);
    }
    const uint8_t *start = r->p;
    while (reader_left(r) > 0 && is_plain(*r->p)) {
        r->p++;
    }
    *out = slice_of(start, (size_t)(r->p - start));
    if (slice_eq_str(*out, "null")) {
        *out = SLICE_NULL;
        return true;
    }
    return out->len > 0;
}
