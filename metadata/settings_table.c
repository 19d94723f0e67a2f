/* Looking settings up in the tables, and judging values that come from clients. */
#include "metadata/settings_rows.h"

struct table {
    const struct setting *rows;
    size_t count;
};

static struct table table_of(enum settings_scope scope)
{
    switch (scope) {
    case SETTINGS_SERVER:
        return (struct table){settings_server_rows, settings_server_rows_count};
    case SETTINGS_TOPIC:
        return (struct table){settings_topic_rows, settings_topic_rows_count};
    case SETTINGS_GROUP:
        return (struct table){settings_group_rows, settings_group_rows_count};
    }
    UNREACHABLE();
}

const struct setting *settings_find(enum settings_scope scope, struct slice name)
{
    struct table table = table_of(scope);
    size_t low = 0;
    size_t high = name.len == 0 ? 0 : table.count;
    while (low < high) {
        size_t mid = (low + high) / 2;
        const char *other = table.rows[mid].name;
        int order = strncmp((const char *)name.data, other, name.len);
        if (order == 0) { /* one is the beginning of the other, or the name has a NUL inside */
            size_t len = strlen(other);
            if (len == name.len) {
                return &table.rows[mid];
            }
            order = name.len < len ? -1 : 1;
        }
        if (order < 0) {
            high = mid;
        } else {
            low = mid + 1;
        }
    }
    return NULL;
}

const struct setting *settings_next(enum settings_scope scope, size_t *at)
{
    struct table table = table_of(scope);
    return *at < table.count ? &table.rows[(*at)++] : NULL;
}

/* ---- the nearest name ---- */

/* Longer than any name; a longer one has no neighbour. */
enum { NAME_MAX_LEN = 80 };

/* Levenshtein's distance: insertions, deletions and replacements from one to the other. */
static size_t distance(struct slice a, struct slice b)
{
    size_t row[NAME_MAX_LEN + 1];
    for (size_t j = 0; j <= b.len; j++) {
        row[j] = j;
    }
    for (size_t i = 1; i <= a.len; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b.len; j++) {
            size_t replaced = diagonal + (a.data[i - 1] != b.data[j - 1]);
            diagonal = row[j];
            row[j] = min_size(replaced, 1 + min_size(row[j], row[j - 1]));
        }
    }
    return row[b.len];
}

const char *settings_nearest(enum settings_scope scope, struct slice name)
{
    if (name.len > NAME_MAX_LEN) {
        return NULL;
    }
    const char *best = NULL;
    size_t least = 2 + name.len / 5; /* what is farther was not meant */
    size_t at = 0;
    for (const struct setting *row; (row = settings_next(scope, &at)) != NULL;) {
        struct slice other = slice_str(row->name);
        ASSERT(other.len <= NAME_MAX_LEN);
        size_t d = row->internal ? SIZE_MAX : distance(name, other);
        if (d < least) {
            least = d;
            best = row->name;
        }
    }
    return best;
}

/* ---- values from clients ---- */

static enum err refuse_unknown(enum settings_scope scope, struct slice name, struct buf *message)
{
    static const char *const kinds[] = {
        [SETTINGS_SERVER] = "broker", [SETTINGS_TOPIC] = "topic", [SETTINGS_GROUP] = "group"};
    const char *nearest = settings_nearest(scope, name);
    buf_printf(message, "Unknown %s config name: %.*s", kinds[scope], SLICE_ARG(name));
    if (nearest != NULL) {
        buf_printf(message, "; did you mean %s?", nearest);
    }
    return ERR_INVALID_CONFIG;
}

enum err settings_validate(enum settings_scope scope, struct slice name, struct slice value,
                           struct buf *message)
{
    const struct setting *row = settings_find(scope, name);
    if (row == NULL) {
        return refuse_unknown(scope, name, message);
    }
    if (settings_value_allowed(row, settings_trim(value))) {
        return ERR_NONE;
    }
    struct slice shown = row->type == SETTINGS_PASSWORD ? slice_str("[hidden]") : value;
    buf_printf(message, "Invalid value %.*s for configuration %s: must be ", SLICE_ARG(shown),
               row->name);
    settings_describe_allowed(row, message);
    return ERR_INVALID_CONFIG;
}
