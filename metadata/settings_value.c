/* What a setting's type and range allow, and saying so. */
#include <stdlib.h>

#include "metadata/settings_rows.h"

static bool is_space(uint8_t c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

struct slice settings_trim(struct slice text)
{
    while (text.len > 0 && is_space(text.data[0])) {
        text.data++;
        text.len--;
    }
    while (text.len > 0 && is_space(text.data[text.len - 1])) {
        text.len--;
    }
    return text;
}

/* What is before the first `separator` of *rest, which is then behind it; false at the end. */
static bool split(struct slice *rest, char separator, struct slice *part)
{
    if (rest->data == NULL) {
        return false;
    }
    const uint8_t *end = rest->len == 0 ? NULL : memchr(rest->data, separator, rest->len);
    if (end == NULL) {
        *part = *rest;
        *rest = SLICE_NULL;
        return true;
    }
    size_t len = (size_t)(end - rest->data);
    *part = slice_of(rest->data, len);
    *rest = slice_of(end + 1, rest->len - len - 1);
    return true;
}

bool settings_next_item(struct slice *rest, struct slice *item)
{
    while (split(rest, ',', item)) {
        *item = settings_trim(*item);
        if (item->len > 0) {
            return true;
        }
    }
    return false;
}

/* ---- numbers ---- */

bool settings_parse_long(struct slice text, int64_t *out)
{
    bool negative = text.len > 0 && text.data[0] == '-';
    size_t at = negative || (text.len > 0 && text.data[0] == '+') ? 1 : 0;
    if (at == text.len) {
        return false;
    }
    int64_t value = 0; /* kept negative: there is one negative number more */
    for (; at < text.len; at++) {
        int digit = text.data[at] - '0';
        if (digit < 0 || digit > 9 || __builtin_mul_overflow(value, 10, &value) ||
            __builtin_sub_overflow(value, digit, &value)) {
            return false;
        }
    }
    if (!negative && value == INT64_MIN) {
        return false;
    }
    *out = negative ? value : -value;
    return true;
}

/* Java writes the largest double with 23 characters. */
enum { DOUBLE_TEXT_MAX = 63 };

/* A finite decimal number. */
static bool parse_double(struct slice text, double *out)
{
    char copy[DOUBLE_TEXT_MAX + 1];
    if (text.len == 0 || text.len > DOUBLE_TEXT_MAX) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) { /* no hexadecimal, no names */
        if (strchr("0123456789+-.eE", text.data[i]) == NULL || text.data[i] == '\0') {
            return false;
        }
    }
    memcpy(copy, text.data, text.len);
    copy[text.len] = '\0';
    char *end;
    *out = strtod(copy, &end);
    return *end == '\0' && *out - *out == 0; /* not infinite */
}

/* One alternative of a range of numbers: "5", "1..", "1..9". */
struct interval {
    struct slice low;
    struct slice high; /* null: no bound; equal to low: one number */
};

static struct interval interval_of(struct slice text)
{
    const uint8_t *dots = text.len < 2 ? NULL : memmem(text.data, text.len, "..", 2);
    if (dots == NULL) {
        return (struct interval){.low = text, .high = text};
    }
    size_t low = (size_t)(dots - text.data);
    size_t high = text.len - low - 2;
    return (struct interval){.low = slice_of(text.data, low),
                             .high = high == 0 ? SLICE_NULL : slice_of(dots + 2, high)};
}

static bool long_within(int64_t value, struct interval in)
{
    int64_t low = 0;
    int64_t high = INT64_MAX;
    bool good = settings_parse_long(in.low, &low) &&
                (slice_is_null(in.high) || settings_parse_long(in.high, &high));
    ASSERT(good); /* our own table */
    return value >= low && value <= high;
}

static bool double_within(double value, struct interval in)
{
    double low = 0;
    double high = 0;
    bool good =
        parse_double(in.low, &low) && (slice_is_null(in.high) || parse_double(in.high, &high));
    ASSERT(good);
    return value >= low && (slice_is_null(in.high) || value <= high);
}

static bool whole_allowed(const struct setting *row, struct slice value)
{
    int64_t number;
    if (!settings_parse_long(value, &number) ||
        (row->type == SETTINGS_INT && number != (int32_t)number) ||
        (row->type == SETTINGS_SHORT && number != (int16_t)number)) {
        return false;
    }
    struct slice rest = slice_str(row->range);
    struct slice part;
    while (split(&rest, '|', &part)) {
        if (long_within(number, interval_of(part))) {
            return true;
        }
    }
    return row->range == NULL;
}

static bool double_allowed(const struct setting *row, struct slice value)
{
    double number;
    return parse_double(value, &number) &&
           (row->range == NULL || double_within(number, interval_of(slice_str(row->range))));
}

/* ---- words and lists ---- */

static bool same_word(struct slice a, struct slice b, bool any_case)
{
    if (!any_case) {
        return slice_eq(a, b);
    }
    return a.len == b.len && strncasecmp((const char *)a.data, (const char *)b.data, a.len) == 0;
}

static bool word_allowed(const char *range, struct slice word)
{
    bool any_case = range[0] == '~';
    struct slice rest = slice_str(range + (any_case ? 1 : 0));
    struct slice part;
    while (split(&rest, '|', &part)) {
        if (same_word(part, word, any_case)) {
            return true;
        }
    }
    return false;
}

static bool number_within(struct slice text, int64_t low, int64_t high)
{
    int64_t value;
    return settings_parse_long(text, &value) && value >= low && value <= high;
}

/* "host:port"; the last colon counts, so that "[::1]:9092" works. */
static bool is_server(struct slice item)
{
    const uint8_t *colon = item.len == 0 ? NULL : memrchr(item.data, ':', item.len);
    if (colon == NULL || colon == item.data) {
        return false;
    }
    size_t host = (size_t)(colon - item.data);
    return number_within(slice_of(colon + 1, item.len - host - 1), 0, UINT16_MAX);
}

static bool is_voter(struct slice item)
{
    struct slice id;
    return split(&item, '@', &id) && number_within(id, 0, INT32_MAX) && is_server(item);
}

static bool is_throttled(struct slice item)
{
    struct slice partition;
    return split(&item, ':', &partition) && number_within(partition, 0, INT32_MAX) &&
           number_within(item, 0, INT32_MAX);
}

/* "127.0.0.1:5" or "[::1]:5"; that it is an address is seen where it is used. */
static bool is_count(struct slice item)
{
    const uint8_t *colon = item.len == 0 ? NULL : memrchr(item.data, ':', item.len);
    if (colon == NULL || colon == item.data) {
        return false;
    }
    size_t host = (size_t)(colon - item.data);
    return number_within(slice_of(colon + 1, item.len - host - 1), 0, INT32_MAX);
}

static bool items_allowed(const struct setting *row, struct slice value)
{
    struct slice item;
    while (settings_next_item(&value, &item)) {
        bool good = strcmp(row->range, "@voters") == 0      ? is_voter(item)
                    : strcmp(row->range, "@servers") == 0   ? is_server(item)
                    : strcmp(row->range, "@throttled") == 0 ? is_throttled(item)
                    : strcmp(row->range, "@counts") == 0    ? is_count(item)
                                                            : word_allowed(row->range, item);
        if (!good) {
            return false;
        }
    }
    return true;
}

static bool text_allowed(const struct setting *row, struct slice value)
{
    if (row->range == NULL) {
        return true;
    }
    if (strcmp(row->range, "!") == 0) {
        return value.len > 0;
    }
    if (row->type != SETTINGS_LIST && row->range[0] != '@') {
        return word_allowed(row->range, value);
    }
    return (strcmp(row->range, "@throttled") == 0 && slice_eq_str(value, "*")) ||
           items_allowed(row, value);
}

bool settings_value_allowed(const struct setting *row, struct slice value)
{
    if (slice_is_null(value) || memchr(value.data, '\0', value.len) != NULL) {
        return false;
    }
    switch ((enum settings_type)row->type) {
    case SETTINGS_BOOLEAN:
        return word_allowed("~true|false", value);
    case SETTINGS_INT:
    case SETTINGS_SHORT:
    case SETTINGS_LONG:
        return whole_allowed(row, value);
    case SETTINGS_DOUBLE:
        return double_allowed(row, value);
    case SETTINGS_STRING:
    case SETTINGS_LIST:
    case SETTINGS_CLASS:
    case SETTINGS_PASSWORD:
        return text_allowed(row, value);
    }
    UNREACHABLE();
}

/* ---- saying what is allowed ---- */

static void describe_number(const struct setting *row, struct buf *out)
{
    const char *kind = row->type == SETTINGS_DOUBLE ? "a number" : "a whole number";
    struct slice rest = slice_str(row->range);
    struct slice part;
    for (bool first = true; split(&rest, '|', &part); first = false) {
        struct interval in = interval_of(part);
        buf_put_str(out, first ? "" : " or ");
        if (slice_is_null(in.high)) {
            buf_printf(out, "%s of at least %.*s", kind, SLICE_ARG(in.low));
        } else if (in.low.data == in.high.data) {
            buf_put_slice(out, in.low);
        } else {
            buf_printf(out, "%s from %.*s to %.*s", kind, SLICE_ARG(in.low), SLICE_ARG(in.high));
        }
    }
    if (row->range == NULL) {
        buf_put_str(out, kind);
        buf_put_str(out, row->type == SETTINGS_INT     ? " from -2147483648 to 2147483647"
                         : row->type == SETTINGS_SHORT ? " from -32768 to 32767"
                                                       : "");
    }
}

static void describe_text(const struct setting *row, struct buf *out)
{
    if (row->range == NULL) {
        buf_put_str(out, "any text");
    } else if (strcmp(row->range, "!") == 0) {
        buf_put_str(out, "text that is not empty");
    } else if (strcmp(row->range, "@voters") == 0) {
        buf_put_str(out, "a list of id@host:port");
    } else if (strcmp(row->range, "@servers") == 0) {
        buf_put_str(out, "a list of host:port");
    } else if (strcmp(row->range, "@throttled") == 0) {
        buf_put_str(out, "* or a list of partition:broker");
    } else if (strcmp(row->range, "@counts") == 0) {
        buf_put_str(out, "a list of address:number");
    } else {
        struct slice rest = slice_str(row->range + (row->range[0] == '~' ? 1 : 0));
        struct slice part;
        buf_put_str(out, row->type == SETTINGS_LIST ? "a list of any of " : "one of ");
        for (bool first = true; split(&rest, '|', &part); first = false) {
            buf_printf(out, "%s%.*s", first ? "" : ", ", SLICE_ARG(part));
        }
    }
}

void settings_describe_allowed(const struct setting *row, struct buf *out)
{
    switch ((enum settings_type)row->type) {
    case SETTINGS_BOOLEAN:
        buf_put_str(out, "true or false");
        return;
    case SETTINGS_INT:
    case SETTINGS_SHORT:
    case SETTINGS_LONG:
    case SETTINGS_DOUBLE:
        describe_number(row, out);
        return;
    case SETTINGS_STRING:
    case SETTINGS_LIST:
    case SETTINGS_CLASS:
    case SETTINGS_PASSWORD:
        describe_text(row, out);
        return;
    }
    UNREACHABLE();
}
