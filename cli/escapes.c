/* Escapes; see escapes.h. */
#include "cli/escapes.h"

static int digit(uint8_t c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

size_t escapes_take(struct slice text, char *out)
{
    static const char names[] = "nrt0\\";
    static const char values[] = "\n\r\t\0\\";
    if (text.len >= 2) {
        const char *name = memchr(names, text.data[1], sizeof names - 1);
        if (name != NULL) {
            *out = values[name - names];
            return 2;
        }
    }
    if (text.len >= 4 && text.data[1] == 'x') {
        int high = digit(text.data[2]);
        int low = digit(text.data[3]);
        *out = (char)(high * 16 + low);
        return high >= 0 && low >= 0 ? 4 : 0;
    }
    return 0;
}

enum err escapes_resolve(struct slice text, struct arena *arena, struct slice *out, struct buf *why)
{
    if (slice_is_null(text)) {
        *out = SLICE_NULL;
        return ERR_NONE;
    }
    uint8_t *bytes = arena_alloc(arena, text.len + 1);
    size_t len = 0;
    for (size_t at = 0; at < text.len;) {
        struct slice rest = slice_of(text.data + at, text.len - at);
        size_t taken = 1;
        char byte = (char)rest.data[0];
        if (byte == '\\') {
            taken = escapes_take(rest, &byte);
        }
        if (taken == 0) {
            buf_printf(why, "\"%.*s\" has an escape that is none of \\n \\r \\t \\0 \\\\ \\xNN",
                       SLICE_ARG(text));
            return ERR_INVALID_REQUEST;
        }
        bytes[len++] = (uint8_t)byte;
        at += taken;
    }
    *out = slice_of(bytes, len);
    return ERR_NONE;
}
