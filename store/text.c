/* Lines, words and numbers: see text.h. */
#include "store/text.h"

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\f' || c == '\r';
}

static struct slice skip(struct slice s, size_t n)
{
    return slice_of(s.data + n, s.len - n);
}

bool text_line(struct text_lines *lines, struct slice *line)
{
    struct slice rest = lines->rest;
    if (rest.len == 0) {
        return false;
    }
    const uint8_t *end = memchr(rest.data, '\n', rest.len);
    size_t len = end == NULL ? rest.len : (size_t)(end - rest.data);
    lines->rest = skip(rest, end == NULL ? len : len + 1);
    *line = slice_of(rest.data, len > 0 && rest.data[len - 1] == '\r' ? len - 1 : len);
    return true;
}

struct slice text_trim(struct slice text)
{
    while (text.len > 0 && is_blank(text.data[0])) {
        text = skip(text, 1);
    }
    while (text.len > 0 && is_blank(text.data[text.len - 1])) {
        text.len--;
    }
    return text;
}

bool text_word(struct slice *line, struct slice *word)
{
    struct slice rest = text_trim(*line);
    size_t len = 0;
    while (len < rest.len && !is_blank(rest.data[len])) {
        len++;
    }
    *word = slice_of(rest.data, len);
    *line = skip(rest, len);
    return len > 0;
}

bool text_is_number(struct slice text, int64_t *out)
{
    bool negative = text.len > 0 && text.data[0] == '-';
    size_t i = negative ? 1 : 0;
    if (i == text.len) {
        return false;
    }
    int64_t value = 0;
    for (; i < text.len; i++) {
        if (text.data[i] < '0' || text.data[i] > '9' || __builtin_mul_overflow(value, 10, &value) ||
            __builtin_sub_overflow(value, text.data[i] - '0', &value)) {
            return false;
        }
    }
    /* Counted downwards, as there is one more negative number than positive ones. */
    if (!negative && value == INT64_MIN) {
        return false;
    }
    *out = negative ? value : -value;
    return true;
}

bool text_number(struct slice *line, int64_t *out)
{
    struct slice word;
    return text_word(line, &word) && text_is_number(word, out);
}
