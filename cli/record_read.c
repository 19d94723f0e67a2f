/* JSON as records; see record_read.h. */
#include "cli/record_read.h"

#include <jansson.h>

/* ---- bytes ---- */

static int sextet(char c)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *at = c == '\0' ? NULL : strchr(alphabet, c);
    return at == NULL ? -1 : (int)(at - alphabet);
}

/* Groups of four, the last one perhaps filled up with '='. */
static bool read_base64(const char *text, size_t len, struct arena *arena, struct slice *out)
{
    if (len % 4 != 0) {
        return false;
    }
    size_t padding = len == 0 ? 0 : (text[len - 1] == '=') + (text[len - 2] == '=');
    uint8_t *bytes = arena_alloc(arena, len / 4 * 3 + 1);
    size_t count = 0;
    uint32_t group = 0;
    for (size_t i = 0; i < len; i++) {
        int value = i >= len - padding ? 0 : sextet(text[i]);
        if (value < 0) {
            return false;
        }
        group = group << 6 | (uint32_t)value;
        if (i % 4 == 3) {
            bytes[count++] = (uint8_t)(group >> 16);
            bytes[count++] = (uint8_t)(group >> 8);
            bytes[count++] = (uint8_t)group;
        }
    }
    *out = slice_of(bytes, count - padding);
    return true;
}

/* Null, a string or {"base64": "…"}; what is missing is null. */
static bool read_bytes(const json_t *json, struct arena *arena, struct slice *out)
{
    *out = SLICE_NULL;
    if (json == NULL || json_is_null(json)) {
        return true;
    }
    const json_t *text = json_is_object(json) ? json_object_get(json, "base64") : json;
    if (!json_is_string(text)) {
        return false;
    }
    const char *chars = json_string_value(text);
    size_t len = json_string_length(text);
    if (text != json) {
        return read_base64(chars, len, arena, out);
    }
    *out = arena_dup(arena, slice_of(chars, len));
    return true;
}

/* ---- records ---- */

static bool read_headers(const json_t *json, struct arena *arena, struct wire_record *out)
{
    struct buf bytes = {0};
    bool is_good = json == NULL || json_is_array(json);
    for (size_t i = 0; is_good && i < json_array_size(json); i++) {
        const json_t *pair = json_array_get(json, i);
        const json_t *key = json_object_get(pair, "key");
        struct slice value;
        is_good = json_is_string(key) && read_bytes(json_object_get(pair, "value"), arena, &value);
        if (is_good) {
            wire_record_header_put(
                &bytes, slice_of(json_string_value(key), json_string_length(key)), value);
            out->header_count++;
        }
    }
    out->headers = arena_dup(arena, buf_slice(&bytes));
    buf_fini(&bytes);
    return is_good;
}

/* A number that may be missing. */
static bool read_number(const json_t *json, int64_t max, int64_t *out)
{
    if (json == NULL) {
        return true;
    }
    *out = json_integer_value(json);
    return json_is_integer(json) && *out >= -1 && *out <= max;
}

static enum err refuse(struct buf *why, const char *what)
{
    buf_put_str(why, what);
    return ERR_INVALID_REQUEST;
}

static enum err read_fields(const json_t *root, struct arena *arena, struct record_read *out,
                            struct buf *why)
{
    int64_t partition = -1;
    if (!json_is_object(root)) {
        return refuse(why, "is no JSON object");
    }
    if (!read_bytes(json_object_get(root, "key"), arena, &out->record.key)) {
        return refuse(why, "has a \"key\" that is no string, {\"base64\": \"…\"} or null");
    }
    if (!read_bytes(json_object_get(root, "value"), arena, &out->record.value)) {
        return refuse(why, "has a \"value\" that is no string, {\"base64\": \"…\"} or null");
    }
    if (!read_headers(json_object_get(root, "headers"), arena, &out->record)) {
        return refuse(why, "has \"headers\" that are no array of {\"key\": …, \"value\": …}");
    }
    if (!read_number(json_object_get(root, "timestamp"), INT64_MAX, &out->record.timestamp)) {
        return refuse(why, "has a \"timestamp\" that is no number of milliseconds");
    }
    if (!read_number(json_object_get(root, "partition"), INT32_MAX, &partition)) {
        return refuse(why, "has a \"partition\" that is no number");
    }
    out->partition = (int32_t)partition;
    return ERR_NONE;
}

enum err record_read_json(struct slice line, struct arena *arena, struct record_read *out,
                          struct buf *why)
{
    *out = (struct record_read){.record = {.timestamp = -1}, .partition = -1};
    json_error_t error;
    json_t *root = json_loadb((const char *)line.data, line.len,
                              JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
    if (root == NULL) {
        buf_printf(why, "is no JSON: %s (column %d)", error.text, error.column);
        return ERR_INVALID_REQUEST;
    }
    enum err e = read_fields(root, arena, out, why);
    json_decref(root);
    return e;
}
