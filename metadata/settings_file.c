/* Reading Java's properties syntax. */
#include "metadata/settings_file.h"

struct scanner {
    const uint8_t *p;
    const uint8_t *end;
    int line; /* of *p, from 1 */
};

enum char_kind {
    CHAR_PLAIN,
    CHAR_ESCAPED, /* the character has lost its meaning */
    CHAR_LINE_END,
    CHAR_BAD, /* a wrong escape, or NUL */
};

/* One character of a logical line, as UTF-8. */
struct character {
    enum char_kind kind;
    char bytes[4];
    uint8_t len;
};

static bool at_line_end(const struct scanner *s)
{
    return s->p == s->end || *s->p == '\n' || *s->p == '\r';
}

static bool at_blank(const struct scanner *s)
{
    return s->p < s->end && (*s->p == ' ' || *s->p == '\t' || *s->p == '\f');
}

static void skip_blanks(struct scanner *s)
{
    while (at_blank(s)) {
        s->p++;
    }
}

static void skip_line_end(struct scanner *s)
{
    if (s->p < s->end) {
        bool crlf = *s->p == '\r' && s->p + 1 < s->end && s->p[1] == '\n';
        s->p += crlf ? 2 : 1;
        s->line++;
    }
}

/* Four hexadecimal digits. */
static bool read_hex(struct scanner *s, uint32_t *unit)
{
    *unit = 0;
    for (int i = 0; i < 4; i++) {
        int c = s->p < s->end ? *s->p : 0;
        int digit = c >= '0' && c <= '9'   ? c - '0'
                    : c >= 'a' && c <= 'f' ? c - 'a' + 10
                    : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                           : -1;
        if (digit < 0) {
            return false;
        }
        *unit = *unit << 4 | (uint32_t)digit;
        s->p++;
    }
    return true;
}

static struct character utf8(uint32_t code)
{
    struct character c = {.kind = CHAR_ESCAPED};
    if (code < 0x80) {
        c.len = 1;
        c.bytes[0] = (char)code;
        return c;
    }
    c.len = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    for (int i = c.len - 1; i > 0; i--) {
        c.bytes[i] = (char)(0x80 | (code & 0x3f));
        code >>= 6;
    }
    static const uint8_t lead[] = {0, 0, 0xc0, 0xe0, 0xf0};
    c.bytes[0] = (char)(lead[c.len] | code);
    return c;
}

/* What follows \u: a UTF-16 unit, or two of them for what lies beyond 16 bits. */
static struct character read_unicode(struct scanner *s)
{
    static const struct character bad = {.kind = CHAR_BAD};
    uint32_t high;
    uint32_t low;
    if (!read_hex(s, &high) || high == 0) {
        return bad;
    }
    if (high < 0xd800 || high > 0xdfff) {
        return utf8(high);
    }
    if (high > 0xdbff || s->end - s->p < 2 || s->p[0] != '\\' || s->p[1] != 'u') {
        return bad;
    }
    s->p += 2;
    if (!read_hex(s, &low) || low < 0xdc00 || low > 0xdfff) {
        return bad;
    }
    return utf8(0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00));
}

/* What follows a backslash that does not end the line. */
static struct character read_escape(struct scanner *s)
{
    uint8_t c = *s->p++;
    switch (c) {
    case 'u':
        return read_unicode(s);
    case 't':
        return utf8('\t');
    case 'n':
        return utf8('\n');
    case 'r':
        return utf8('\r');
    case 'f':
        return utf8('\f');
    default:
        return (struct character){.kind = CHAR_ESCAPED, .bytes = {(char)c}, .len = 1};
    }
}

static struct character read_char(struct scanner *s)
{
    while (s->p < s->end && *s->p == '\\') {
        s->p++;
        if (!at_line_end(s)) {
            return read_escape(s);
        }
        skip_line_end(s);
        skip_blanks(s);
    }
    if (at_line_end(s)) {
        return (struct character){.kind = CHAR_LINE_END};
    }
    uint8_t c = *s->p++;
    return (struct character){
        .kind = c == '\0' ? CHAR_BAD : CHAR_PLAIN, .bytes = {(char)c}, .len = 1};
}

/* Appends characters up to an unescaped one of `until` or the end of the line; returns it, or 0 for
 * the end, or -1 for a bad character. */
static int read_until(struct scanner *s, const char *until, struct buf *out)
{
    for (;;) {
        struct character c = read_char(s);
        if (c.kind == CHAR_LINE_END) {
            return 0;
        }
        if (c.kind == CHAR_BAD) {
            return -1;
        }
        if (c.kind == CHAR_PLAIN && strchr(until, c.bytes[0]) != NULL) {
            return c.bytes[0];
        }
        buf_put(out, c.bytes, c.len);
    }
}

/* key [blanks] [= or :] [blanks] value. False: a bad character. */
static bool read_pair(struct scanner *s, struct buf *key, struct buf *value)
{
    int stop = read_until(s, "=: \t\f", key);
    if (stop > 0) {
        skip_blanks(s);
        if (stop != '=' && stop != ':' && s->p < s->end && (*s->p == '=' || *s->p == ':')) {
            s->p++;
            skip_blanks(s);
        }
        stop = read_until(s, "", value);
    }
    return stop == 0;
}

enum err settings_file_read(struct slice text, const struct settings_file_sink *sink)
{
    struct scanner s = {.p = text.data, .end = text.data + text.len, .line = 1};
    struct buf key = {0};
    struct buf value = {0};
    enum err err = ERR_NONE;
    while (err == ERR_NONE && s.p < s.end) {
        skip_blanks(&s);
        int line = s.line;
        if (s.p < s.end && (*s.p == '#' || *s.p == '!')) {
            while (!at_line_end(&s)) {
                s.p++;
            }
        } else if (!at_line_end(&s)) {
            buf_reset(&key);
            buf_reset(&value);
            bool good = read_pair(&s, &key, &value);
            err = good ? sink->pair(sink->arg, line, buf_slice(&key), buf_slice(&value))
                       : sink->bad(sink->arg, s.line);
        }
        skip_line_end(&s);
    }
    buf_fini(&key);
    buf_fini(&value);
    return err;
}
