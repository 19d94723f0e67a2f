/* The settings a server was started with. */
#include "metadata/settings.h"

#include <ctype.h>
#include <stdio.h>

#include "base/map.h"
#include "base/mem.h"
#include "metadata/settings_file.h"
#include "metadata/settings_rows.h"

/* What the operator gave for one name. */
struct given {
    char *name; /* only of settings for one listener */
    char *text;
    char *file; /* NULL: not from a file */
    int line;   /* of the file */
};

struct settings {
    struct given *values; /* one per row of the server's table; text NULL: not given */
    struct map listeners; /* by name in lower case: settings for one listener (struct given) */
    struct buf notes;
};

/* Where a pair came from. */
struct origin {
    const char *text;
    int line; /* 0: not from a file */
};

struct settings *settings_new(void)
{
    struct settings *s = MEM_NEW(struct settings);
    s->values = mem_zalloc(settings_server_rows_count, sizeof *s->values);
    return s;
}

static void given_fini(struct given *g)
{
    mem_free(g->name);
    mem_free(g->text);
    mem_free(g->file);
}

void settings_free(struct settings *s)
{
    if (s == NULL) {
        return;
    }
    for (size_t i = 0; i < settings_server_rows_count; i++) {
        given_fini(&s->values[i]);
    }
    size_t at = 0;
    for (struct given *g; (g = map_next(&s->listeners, &at)) != NULL;) {
        given_fini(g);
        mem_free(g);
    }
    map_fini(&s->listeners);
    mem_free(s->values);
    buf_fini(&s->notes);
    mem_free(s);
}

struct slice settings_notes(const struct settings *s)
{
    return buf_slice(&s->notes);
}

/* ---- setting ---- */

static void put_origin(struct buf *out, struct origin origin)
{
    buf_put_str(out, origin.text);
    if (origin.line > 0) {
        buf_printf(out, ":%d", origin.line);
    }
    buf_put_str(out, ": ");
}

static void note_unknown(struct settings *s, struct slice name, struct origin origin)
{
    const char *nearest = settings_nearest(SETTINGS_SERVER, name);
    put_origin(&s->notes, origin);
    buf_printf(&s->notes, "%.*s is not a known setting and is ignored", SLICE_ARG(name));
    if (nearest != NULL) {
        buf_printf(&s->notes, "; did you mean %s?", nearest);
    }
    buf_put_str(&s->notes, "\n");
}

static void note(struct settings *s, struct slice name, struct origin origin, const char *what)
{
    put_origin(&s->notes, origin);
    buf_printf(&s->notes, "%.*s %s\n", SLICE_ARG(name), what);
}

/* The settings of one listener: what is behind `listener.name.<listener>.`, with or without a SASL
 * mechanism. NULL if that is no known setting. */
static const struct setting *find_for_listener(struct slice name)
{
    static const char prefix[] = "listener.name.";
    size_t at = sizeof prefix - 1;
    if (name.len <= at || memcmp(name.data, prefix, at) != 0) {
        return NULL;
    }
    for (int skipped = 0; skipped < 2; skipped++) {
        const uint8_t *dot = memchr(name.data + at, '.', name.len - at);
        if (dot == NULL) {
            return NULL;
        }
        at = (size_t)(dot - name.data) + 1;
        const struct setting *row =
            settings_find(SETTINGS_SERVER, slice_of(name.data + at, name.len - at));
        if (row != NULL) {
            return row;
        }
    }
    return NULL;
}

static char *lower_case(struct slice text)
{
    char *copy = slice_dup_str(text);
    for (char *c = copy; *c != '\0'; c++) {
        *c = (char)tolower((unsigned char)*c);
    }
    return copy;
}

static struct given *given_for_listener(struct settings *s, struct slice name)
{
    char *key = lower_case(name);
    struct given *g = map_get(&s->listeners, slice_str(key));
    if (g != NULL) {
        mem_free(key);
        return g;
    }
    g = MEM_NEW(struct given);
    g->name = key;
    map_put(&s->listeners, slice_str(key), g);
    return g;
}

static enum err refuse(const struct setting *row, struct slice value, struct origin origin,
                       struct buf *message)
{
    struct slice shown = row->type == SETTINGS_PASSWORD ? slice_str("[hidden]") : value;
    put_origin(message, origin);
    buf_printf(message, "%s = %.*s is wrong: it must be ", row->name, SLICE_ARG(shown));
    settings_describe_allowed(row, message);
    return ERR_CONFIG;
}

static enum err set(struct settings *s, struct slice name, struct slice value, struct origin origin,
                    struct buf *message)
{
    const struct setting *row = settings_find(SETTINGS_SERVER, name);
    bool for_listener = row == NULL;
    if (for_listener) {
        row = find_for_listener(name);
    }
    if (row == NULL) {
        note_unknown(s, name, origin);
        return ERR_NONE;
    }
    if (!settings_value_allowed(row, value)) {
        return refuse(row, value, origin, message);
    }
    struct given *g =
        for_listener ? given_for_listener(s, name) : &s->values[row - settings_server_rows];
    if (g->text != NULL && g->file != NULL && origin.line > 0 &&
        strcmp(g->file, origin.text) == 0) {
        note(s, name, origin, "is set again; the last value counts");
    }
    if (!row->has_effect) {
        note(s, name, origin,
             row->doc[0] == '\0' ? "is a setting of Apache Kafka that has no effect here"
                                 : "is accepted but has no effect yet");
    }
    mem_free(g->text);
    mem_free(g->file);
    g->text = slice_dup_str(value);
    g->file = origin.line > 0 ? mem_strdup(origin.text) : NULL;
    g->line = origin.line;
    return ERR_NONE;
}

enum err settings_set(struct settings *s, struct slice name, struct slice value, const char *origin,
                      struct buf *message)
{
    return set(s, settings_trim(name), settings_trim(value), (struct origin){.text = origin},
               message);
}

enum err settings_set_pair(struct settings *s, const char *pair, struct buf *message)
{
    const char *equals = strchr(pair, '=');
    if (equals == NULL || equals == pair) {
        buf_printf(message, "--override %s: it must have the form name=value", pair);
        return ERR_CONFIG;
    }
    return settings_set(s, slice_of(pair, (size_t)(equals - pair)), slice_str(equals + 1),
                        "--override", message);
}

/* ---- dynamic values over them ---- */

static void copy_given(struct given *to, const struct given *from)
{
    mem_free(to->text);
    mem_free(to->file);
    to->text = from->text == NULL ? NULL : mem_strdup(from->text);
    to->file = from->file == NULL ? NULL : mem_strdup(from->file);
    to->line = from->line;
}

static void overlay(struct settings *s, const struct metadata_config_resource *dynamic)
{
    for (size_t i = 0; dynamic != NULL && i < dynamic->count; i++) {
        struct slice name = dynamic->entries[i].name;
        struct slice value = settings_trim(dynamic->entries[i].value);
        const struct setting *row = settings_find(SETTINGS_SERVER, name);
        bool for_listener = row == NULL;
        row = for_listener ? find_for_listener(name) : row;
        bool of_all = dynamic->key.name.len == 0;
        if (row == NULL || row->mode == SETTINGS_READ_ONLY ||
            (of_all && row->mode == SETTINGS_PER_BROKER) || !settings_value_allowed(row, value)) {
            continue;
        }
        struct given *g =
            for_listener ? given_for_listener(s, name) : &s->values[row - settings_server_rows];
        mem_free(g->text);
        mem_free(g->file);
        g->text = slice_dup_str(value);
        g->file = NULL;
        g->line = 0;
    }
}

struct settings *settings_in_effect(const struct settings *given,
                                    const struct metadata_image *image, int32_t server_id)
{
    struct settings *s = settings_new();
    char id[16];
    for (size_t i = 0; i < settings_server_rows_count; i++) {
        copy_given(&s->values[i], &given->values[i]);
    }
    size_t at = 0;
    for (const struct given *g; (g = map_next(&given->listeners, &at)) != NULL;) {
        copy_given(given_for_listener(s, slice_str(g->name)), g);
    }
    snprintf(id, sizeof id, "%" PRId32, server_id);
    overlay(s, metadata_config_resource(image, METADATA_CONFIG_BROKER, slice_str("")));
    overlay(s, metadata_config_resource(image, METADATA_CONFIG_BROKER, slice_str(id)));
    return s;
}

/* ---- reading a file ---- */

struct parse {
    struct settings *settings;
    const char *file_name;
    struct buf *message;
};

static enum err on_pair(void *arg, int line, struct slice key, struct slice value)
{
    struct parse *p = arg;
    struct origin origin = {.text = p->file_name, .line = line};
    return set(p->settings, settings_trim(key), settings_trim(value), origin, p->message);
}

static enum err on_bad(void *arg, int line)
{
    struct parse *p = arg;
    put_origin(p->message, (struct origin){.text = p->file_name, .line = line});
    buf_put_str(p->message, "a NUL, or a \\u that is not followed by the four hexadecimal digits "
                            "of a character");
    return ERR_CONFIG;
}

enum err settings_parse(struct settings *s, struct slice text, const char *file_name,
                        struct buf *message)
{
    struct parse p = {.settings = s, .file_name = file_name, .message = message};
    struct settings_file_sink sink = {.arg = &p, .pair = on_pair, .bad = on_bad};
    return settings_file_read(text, &sink);
}

/* ---- reading values ---- */

const char *settings_given(const struct settings *s, const struct setting *row)
{
    return s->values[row - settings_server_rows].text;
}

static const struct setting *server_row(const char *name)
{
    const struct setting *row = settings_find(SETTINGS_SERVER, slice_str(name));
    ASSERT(row != NULL);
    return row;
}

static const struct setting *fallback_of(const struct setting *row)
{
    return row->fallback == NULL ? NULL : server_row(row->fallback);
}

/* The text in effect and the row it came from: given values first, then defaults. */
static const char *text_of(const struct settings *s, const struct setting *row,
                           const struct setting **from)
{
    for (*from = row; *from != NULL; *from = fallback_of(*from)) {
        if (settings_given(s, *from) != NULL) {
            return settings_given(s, *from);
        }
    }
    for (*from = row; *from != NULL; *from = fallback_of(*from)) {
        if ((*from)->default_text != NULL) {
            return (*from)->default_text;
        }
    }
    *from = row;
    return NULL;
}

bool settings_is_set(const struct settings *s, const char *name)
{
    for (const struct setting *row = server_row(name); row != NULL; row = fallback_of(row)) {
        if (settings_given(s, row) != NULL) {
            return true;
        }
    }
    return false;
}

void settings_put_origin(const struct settings *s, const char *name, struct buf *out)
{
    for (const struct setting *row = server_row(name); row != NULL; row = fallback_of(row)) {
        const struct given *g = &s->values[row - settings_server_rows];
        if (g->text != NULL) {
            if (g->file != NULL) {
                put_origin(out, (struct origin){.text = g->file, .line = g->line});
            }
            return;
        }
    }
}

const char *settings_str(const struct settings *s, const char *name)
{
    const struct setting *from;
    return text_of(s, server_row(name), &from);
}

static int64_t number_of(const struct settings *s, const struct setting *row)
{
    const struct setting *from;
    const char *text = text_of(s, row, &from);
    int64_t value = 0;
    ASSERT(from->type == SETTINGS_INT || from->type == SETTINGS_SHORT ||
           from->type == SETTINGS_LONG);
    if (text == NULL) {
        return 0;
    }
    bool good = settings_parse_long(slice_str(text), &value);
    ASSERT(good); /* it was looked at when it was set */
    return from == row ? value : settings_scale(value, from->name, row->name);
}

int64_t settings_long(const struct settings *s, const char *name)
{
    return number_of(s, server_row(name));
}

int32_t settings_int(const struct settings *s, const char *name)
{
    const struct setting *row = server_row(name);
    ASSERT(row->type == SETTINGS_INT || row->type == SETTINGS_SHORT);
    /* A fallback in hours may not fit when converted. */
    return (int32_t)min_i64(number_of(s, row), INT32_MAX);
}

bool settings_bool(const struct settings *s, const char *name)
{
    const char *text = settings_str(s, name);
    ASSERT(server_row(name)->type == SETTINGS_BOOLEAN);
    return text != NULL && strcasecmp(text, "true") == 0;
}

char **settings_list(const struct settings *s, const char *name, struct arena *arena)
{
    struct slice rest = slice_str(settings_str(s, name));
    struct slice item;
    size_t count = 0;
    for (struct slice r = rest; settings_next_item(&r, &item);) {
        count++;
    }
    char **list = ARENA_ARRAY(arena, count + 1, char *);
    for (size_t i = 0; settings_next_item(&rest, &item); i++) {
        list[i] = arena_str(arena, item);
    }
    return list;
}

const char *settings_listener_str(const struct settings *s, const char *listener, const char *name)
{
    struct buf full = {0};
    buf_printf(&full, "listener.name.%s.%s", listener, name);
    char *key = lower_case(buf_slice(&full));
    const struct given *g = map_get(&s->listeners, slice_str(key));
    mem_free(key);
    buf_fini(&full);
    if (g != NULL) {
        return g->text;
    }
    bool known = settings_find(SETTINGS_SERVER, slice_str(name)) != NULL;
    return known ? settings_str(s, name) : NULL;
}
