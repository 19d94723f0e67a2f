/* Regular expressions; see pattern.h. */
#include "cli/pattern.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "base/mem.h"

struct pattern {
    pcre2_code *code;
    pcre2_match_data *data;
};

struct pattern *pattern_new(struct slice text, struct buf *why)
{
    int error;
    PCRE2_SIZE at;
    const uint8_t *data = text.len == 0 ? (const uint8_t *)"" : text.data;
    uint32_t options = PCRE2_ANCHORED | PCRE2_ENDANCHORED | PCRE2_NEVER_BACKSLASH_C;
    pcre2_code *code = pcre2_compile(data, text.len, options, &error, &at, NULL);
    if (code == NULL) {
        PCRE2_UCHAR said[256];
        pcre2_get_error_message(error, said, sizeof said);
        if (why != NULL) {
            buf_printf(why, "%s at %zu", (const char *)said, (size_t)at);
        }
        return NULL;
    }
    struct pattern *pattern = MEM_NEW(struct pattern);
    pattern->code = code;
    pattern->data = pcre2_match_data_create_from_pattern(code, NULL);
    ASSERT(pattern->data != NULL);
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
    struct pattern *pattern = pattern_new(rest, NULL);
    buf_fini(&clean);
    return pattern;
}

void pattern_free(struct pattern *pattern)
{
    if (pattern != NULL) {
        pcre2_match_data_free(pattern->data);
        pcre2_code_free(pattern->code);
        mem_free(pattern);
    }
}

bool pattern_matches(const struct pattern *pattern, struct slice name)
{
    if (pattern == NULL) {
        return true;
    }
    const uint8_t *data = name.len == 0 ? (const uint8_t *)"" : name.data;
    return pcre2_match(pattern->code, data, name.len, 0, 0, pattern->data, NULL) >= 0;
}
