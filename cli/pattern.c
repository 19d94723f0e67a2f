/* Regular expressions; see pattern.h. */
#include "cli/pattern.h"

#include <regex.h>

#include "base/buf.h"
#include "base/mem.h"

struct pattern {
    regex_t regex;
};

/* What Java writes in another way than POSIX. */
static void put_posix(struct slice text, struct buf *out)
{
    bool in_set = false;
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.data[i];
        uint8_t next = i + 1 < text.len ? text.data[i + 1] : '\0';
        if (c == '\\' && next == 'd') {
            buf_put_str(out, in_set ? "0-9" : "[0-9]");
            i++;
        } else if (c == '\\' && in_set && next != '\0') { /* POSIX has no escapes there */
            buf_printf(out, "[.%c.]", next);
            i++;
        } else if (c == '\\' && next != '\0') {
            buf_put(out, text.data + i, 2);
            i++;
        } else if (c == '(' && i + 2 < text.len && next == '?' && text.data[i + 2] == ':') {
            buf_put_str(out, "(");
            i += 2;
        } else {
            in_set = c == '[' ? true : c == ']' ? false : in_set;
            buf_put(out, &c, 1);
        }
    }
}

struct pattern *pattern_new(struct slice text)
{
    struct buf posix = {0};
    struct pattern *pattern = MEM_NEW(struct pattern);
    buf_put_str(&posix, "^(");
    put_posix(text, &posix);
    buf_put(&posix, ")$", 3);
    int failed = regcomp(&pattern->regex, (const char *)posix.data, REG_EXTENDED | REG_NOSUB);
    buf_fini(&posix);
    if (failed != 0) {
        mem_free(pattern);
        return NULL;
    }
    return pattern;
}

struct pattern *pattern_new_topics(struct slice text)
{
    struct buf clean = {0};
    for (size_t i = 0; i < text.len; i++) {
        char c = text.data[i] == ',' ? '|' : (char)text.data[i];
        buf_put(&clean, &c, c == ' ' ? 0 : 1);
    }
    struct slice rest = buf_slice(&clean);
    while (rest.len > 0 && strchr("\"'", rest.data[0]) != NULL) {
        rest = slice_of(rest.data + 1, rest.len - 1);
    }
    while (rest.len > 0 && strchr("\"'", rest.data[rest.len - 1]) != NULL) {
        rest.len--;
    }
    struct pattern *pattern = pattern_new(rest);
    buf_fini(&clean);
    return pattern;
}

void pattern_free(struct pattern *pattern)
{
    if (pattern != NULL) {
        regfree(&pattern->regex);
        mem_free(pattern);
    }
}

bool pattern_matches(const struct pattern *pattern, struct slice name)
{
    if (pattern == NULL) {
        return true;
    }
    char *text = slice_dup_str(name);
    bool matches = text != NULL && regexec(&pattern->regex, text, 0, NULL, 0) == 0;
    mem_free(text);
    return matches;
}
