/* The value in effect: dynamic over static over default, topic over server. */
#include <stdio.h>

#include "metadata/settings_rows.h"

/* Milliseconds of the unit that a name ends with. */
static int64_t unit_of(const char *name)
{
    size_t len = strlen(name);
    if (len > 6 && strcmp(name + len - 6, ".hours") == 0) {
        return 3600 * 1000;
    }
    return len > 8 && strcmp(name + len - 8, ".minutes") == 0 ? 60 * 1000 : 1;
}

int64_t settings_scale(int64_t value, const char *from, const char *to)
{
    int64_t factor = unit_of(from) / unit_of(to);
    int64_t scaled;
    /* -1 means "never" or "no limit" in every unit. */
    if (value < 0 || factor <= 1) {
        return value;
    }
    return __builtin_mul_overflow(value, factor, &scaled) ? INT64_MAX : scaled;
}

/* No setting has more server settings behind it. */
enum { FALLBACKS_MAX = 4 };

/* What a chain is made from. */
struct builder {
    const struct settings_view *view;
    const struct setting *row; /* what was asked for */
    struct arena *arena;
    const struct setting *servers[FALLBACKS_MAX]; /* the server settings behind it, in order */
    size_t server_count;
    size_t wanted; /* links at most */
    struct settings_chain chain;
};

static bool is_done(const struct builder *b)
{
    return b->chain.count == b->wanted;
}

static void add(struct builder *b, enum settings_source source, const struct setting *from,
                const char *text)
{
    int64_t number;
    const char *value = text;
    if (text != NULL && unit_of(from->name) != unit_of(b->row->name) &&
        settings_parse_long(slice_str(text), &number)) {
        value =
            arena_printf(b->arena, "%" PRId64, settings_scale(number, from->name, b->row->name));
    }
    b->chain.links[b->chain.count++] = (struct settings_effective){
        .row = b->row,
        .value = value,
        .source = source,
        .source_name = from->name,
        .source_text = text,
    };
}

static void add_dynamic(struct builder *b, enum settings_source source, int8_t type,
                        struct slice resource, const struct setting *row)
{
    if (b->view->image == NULL || is_done(b)) {
        return;
    }
    struct slice value = metadata_config_get(b->view->image, type, resource, slice_str(row->name));
    value = settings_trim(value);
    if (!slice_is_null(value) && settings_value_allowed(row, value)) {
        add(b, source, row, arena_str(b->arena, value));
    }
}

static void add_servers(struct builder *b)
{
    char id[16] = "";
    if (!is_done(b)) {
        snprintf(id, sizeof id, "%" PRId32, b->view->broker_id);
    }
    for (size_t i = 0; i < b->server_count; i++) {
        add_dynamic(b, SETTINGS_SOURCE_BROKER, METADATA_CONFIG_BROKER, slice_str(id),
                    b->servers[i]);
    }
    for (size_t i = 0; i < b->server_count; i++) {
        add_dynamic(b, SETTINGS_SOURCE_CLUSTER, METADATA_CONFIG_BROKER, slice_str(""),
                    b->servers[i]);
    }
    for (size_t i = 0; i < b->server_count && !is_done(b); i++) {
        const char *text = settings_given(b->view->settings, b->servers[i]);
        if (text != NULL) {
            add(b, SETTINGS_SOURCE_STATIC, b->servers[i], text);
        }
    }
    for (size_t i = 0; i < b->server_count && !is_done(b); i++) {
        if (b->servers[i]->default_text != NULL) {
            add(b, SETTINGS_SOURCE_DEFAULT, b->servers[i], b->servers[i]->default_text);
        }
    }
}

static void find_servers(struct builder *b, enum settings_scope scope)
{
    const char *name = scope == SETTINGS_SERVER ? b->row->name : b->row->fallback;
    while (name != NULL) {
        const struct setting *row = settings_find(SETTINGS_SERVER, slice_str(name));
        ASSERT(row != NULL);
        ASSERT(b->server_count < FALLBACKS_MAX);
        b->servers[b->server_count++] = row;
        name = row->fallback;
    }
}

static void build(struct builder *b, enum settings_scope scope, struct slice resource)
{
    find_servers(b, scope);
    b->wanted = min_size(b->wanted, 2 + 4 * b->server_count);
    b->chain.links = ARENA_ARRAY(b->arena, b->wanted, struct settings_effective);
    if (scope == SETTINGS_TOPIC) {
        add_dynamic(b, SETTINGS_SOURCE_TOPIC, METADATA_CONFIG_TOPIC, resource, b->row);
    } else if (scope == SETTINGS_GROUP) {
        add_dynamic(b, SETTINGS_SOURCE_GROUP, METADATA_CONFIG_GROUP, resource, b->row);
    }
    add_servers(b);
    if (!is_done(b) && (b->chain.count == 0 ||
                        b->chain.links[b->chain.count - 1].source != SETTINGS_SOURCE_DEFAULT)) {
        add(b, SETTINGS_SOURCE_DEFAULT, b->row, b->row->default_text);
    }
}

static struct builder builder_of(const struct settings_view *view, enum settings_scope scope,
                                 const char *name, struct arena *arena)
{
    const struct setting *row = settings_find(scope, slice_str(name));
    ASSERT(row != NULL);
    return (struct builder){.view = view, .row = row, .arena = arena, .wanted = SIZE_MAX};
}

struct settings_chain settings_chain(const struct settings_view *view, enum settings_scope scope,
                                     struct slice resource, const char *name, struct arena *arena)
{
    struct builder b = builder_of(view, scope, name, arena);
    build(&b, scope, resource);
    return b.chain;
}

struct settings_effective settings_topic_effective(const struct settings_view *view,
                                                   struct slice topic, const char *name,
                                                   struct arena *arena)
{
    struct builder b = builder_of(view, SETTINGS_TOPIC, name, arena);
    b.wanted = 1;
    build(&b, SETTINGS_TOPIC, topic);
    return b.chain.links[0];
}

/* ---- typed ---- */

int64_t settings_topic_long(const struct settings_view *view, struct slice topic, const char *name)
{
    struct arena arena = {0};
    int64_t value = 0;
    const char *text = settings_topic_effective(view, topic, name, &arena).value;
    bool good = text == NULL || settings_parse_long(slice_str(text), &value);
    ASSERT(good);
    arena_fini(&arena);
    return value;
}

bool settings_topic_bool(const struct settings_view *view, struct slice topic, const char *name)
{
    struct arena arena = {0};
    const char *text = settings_topic_effective(view, topic, name, &arena).value;
    bool value = text != NULL && strcasecmp(text, "true") == 0;
    arena_fini(&arena);
    return value;
}

bool settings_topic_has(const struct settings_view *view, struct slice topic, const char *name,
                        const char *item)
{
    struct arena arena = {0};
    struct slice rest = slice_str(settings_topic_effective(view, topic, name, &arena).value);
    struct slice each;
    bool found = false;
    while (!found && settings_next_item(&rest, &each)) {
        found = slice_eq_str(each, item);
    }
    arena_fini(&arena);
    return found;
}
