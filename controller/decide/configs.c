/* IncrementalAlterConfigs and AlterConfigs; see configs.h. */
#include "controller/decide/configs.h"

#include <stdlib.h>

#include "base/map.h"

enum alter_op { OP_SET = 0, OP_DELETE = 1, OP_APPEND = 2, OP_SUBTRACT = 3 };

/* What is being configured. */
struct resource {
    int8_t type; /* enum metadata_config_type */
    struct slice name;
    enum settings_scope scope;
};

/* ---- resources ---- */

static bool parse_id(struct slice text, int32_t *id)
{
    if (text.len == 0 || text.len > 9) {
        return false;
    }
    int32_t value = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] < '0' || text.data[i] > '9') {
            return false;
        }
        value = value * 10 + (text.data[i] - '0');
    }
    *id = value;
    return true;
}

static enum err check_broker(const struct decide_input *in, struct slice name, struct slice *why)
{
    int32_t id = -1;
    if (name.len == 0) {
        return ERR_NONE; /* the default of all brokers */
    }
    if (!parse_id(name, &id)) {
        *why = decide_text(in->arena, "Unable to parse broker name '%.*s' as a base 10 number.",
                           SLICE_ARG(name));
        return ERR_INVALID_REQUEST;
    }
    if (metadata_broker(in->image, id) == NULL && metadata_controller(in->image, id) == NULL) {
        *why = decide_text(in->arena, "No broker with id %d found.", id);
        return ERR_BROKER_ID_NOT_REGISTERED;
    }
    return ERR_NONE;
}

static enum err check_resource(const struct decide_input *in, struct resource *resource,
                               struct slice *why)
{
    switch (resource->type) {
    case METADATA_CONFIG_TOPIC:
        resource->scope = SETTINGS_TOPIC;
        if (metadata_topic_by_name(in->image, resource->name) == NULL) {
            *why = decide_text(in->arena, "The topic '%.*s' does not exist.",
                               SLICE_ARG(resource->name));
            return ERR_UNKNOWN_TOPIC_OR_PARTITION;
        }
        return ERR_NONE;
    case METADATA_CONFIG_BROKER:
        resource->scope = SETTINGS_SERVER;
        return check_broker(in, resource->name, why);
    case METADATA_CONFIG_GROUP:
        resource->scope = SETTINGS_GROUP;
        if (resource->name.len == 0) {
            *why = slice_str("Default group resources are not allowed.");
            return ERR_INVALID_REQUEST;
        }
        return ERR_NONE;
    default:
        *why = decide_text(in->arena,
                           "Resource type %d cannot be configured: there are settings of topics "
                           "(2), brokers (4) and groups (32).",
                           resource->type);
        return ERR_INVALID_REQUEST;
    }
}

/* ---- values ---- */

/* The row of a setting; `listener.name.<listener>.<setting>` has the row of the setting. */
static const struct setting *row_of(enum settings_scope scope, struct slice name)
{
    static const char prefix[] = "listener.name.";
    size_t skip = sizeof prefix - 1;
    const struct setting *row = settings_find(scope, name);
    if (row != NULL || scope != SETTINGS_SERVER || name.len <= skip ||
        memcmp(name.data, prefix, skip) != 0) {
        return row;
    }
    const uint8_t *dot = memchr(name.data + skip, '.', name.len - skip);
    if (dot == NULL) {
        return NULL;
    }
    size_t used = (size_t)(dot - name.data) + 1;
    return settings_find(scope, slice_of(name.data + used, name.len - used));
}

/* Addresses are checked here, as the broker that they are for hears of them when it is too late to
 * refuse. */
static enum err check_addresses(struct arena *arena, struct slice name, struct slice value,
                                struct slice *why)
{
    static const char *const checked[] = {"listeners", "advertised.listeners"};
    bool is_advertised = slice_eq_str(name, checked[1]);
    if (!slice_eq_str(name, checked[0]) && !is_advertised) {
        return ERR_NONE;
    }
    struct settings *settings = settings_new();
    struct buf message = {0};
    struct metadata_listener *listeners;
    int count;
    enum err e = ERR_NONE;
    for (int i = 0; i <= (is_advertised ? 1 : 0) && e == ERR_NONE; i++) {
        e = settings_set(settings, slice_str(checked[i]), value, "", &message);
    }
    if (e == ERR_NONE) {
        e = metadata_listeners_read(settings, arena, &listeners, &count, &message);
    }
    if (e != ERR_NONE) {
        *why = arena_dup(arena, buf_slice(&message));
    }
    buf_fini(&message);
    settings_free(settings);
    return e == ERR_NONE ? ERR_NONE : ERR_INVALID_CONFIG;
}

enum err decide_config_check(struct arena *arena, enum settings_scope scope, struct slice name,
                             struct slice value, struct slice *why)
{
    if (value.len > DECIDE_CONFIG_BYTES_MAX) {
        *why = decide_text(arena,
                           "The configuration value cannot be added because it exceeds the maximum "
                           "value size of %d bytes.",
                           DECIDE_CONFIG_BYTES_MAX);
        return ERR_INVALID_CONFIG;
    }
    const struct setting *row = row_of(scope, name);
    struct buf message = {0};
    enum err e =
        settings_validate(scope, row == NULL ? name : slice_str(row->name), value, &message);
    if (e != ERR_NONE) {
        *why = arena_dup(arena, buf_slice(&message));
    }
    buf_fini(&message);
    TRY(e);
    return scope == SETTINGS_SERVER ? check_addresses(arena, name, value, why) : ERR_NONE;
}

static enum err check_mode(const struct decide_input *in, const struct resource *resource,
                           struct slice name, struct slice *why)
{
    const struct setting *row = row_of(resource->scope, name);
    if (row == NULL || resource->scope != SETTINGS_SERVER) {
        return ERR_NONE;
    }
    if (row->mode == SETTINGS_READ_ONLY) {
        *why = decide_text(in->arena, "Cannot update these configs dynamically: %.*s",
                           SLICE_ARG(name));
        return ERR_INVALID_REQUEST;
    }
    if (row->mode == SETTINGS_PER_BROKER && resource->name.len == 0) {
        *why = decide_text(in->arena,
                           "Cannot update the default of all brokers, only that of one broker: "
                           "%.*s",
                           SLICE_ARG(name));
        return ERR_INVALID_REQUEST;
    }
    return ERR_NONE;
}

/* What APPEND and SUBTRACT begin with: the value in effect. */
static struct slice value_in_effect(const struct decide_input *in, const struct resource *resource,
                                    const struct setting *row, struct slice name)
{
    struct slice own = metadata_config_get(in->image, resource->type, resource->name, name);
    if (!slice_is_null(own)) {
        return own;
    }
    if (resource->scope == SETTINGS_TOPIC) {
        struct settings_view view = {in->settings, in->image, in->node_id};
        return slice_str(
            settings_topic_effective(&view, resource->name, row->name, in->arena).value);
    }
    struct slice all = metadata_config_get(in->image, resource->type, slice_str(""), name);
    return slice_is_null(all) ? slice_str(row->default_text) : all;
}

/* The next item of a comma-separated list, trimmed; false at the end. */
static bool next_item(struct slice *rest, struct slice *item)
{
    if (rest->len == 0) {
        return false;
    }
    const uint8_t *comma = memchr(rest->data, ',', rest->len);
    size_t len = comma == NULL ? rest->len : (size_t)(comma - rest->data);
    *item = slice_of(rest->data, len);
    size_t used = comma == NULL ? len : len + 1;
    *rest = slice_of(rest->data + used, rest->len - used);
    while (item->len > 0 && item->data[0] == ' ') {
        *item = slice_of(item->data + 1, item->len - 1);
    }
    while (item->len > 0 && item->data[item->len - 1] == ' ') {
        item->len--;
    }
    return true;
}

static bool list_has(struct slice list, struct slice wanted)
{
    struct slice item;
    while (next_item(&list, &item)) {
        if (slice_eq(item, wanted)) {
            return true;
        }
    }
    return false;
}

/* Appends the items of `list` that are (or are not) in `filter`. */
static void put_items(struct buf *out, struct slice list, struct slice filter, bool wanted)
{
    struct slice item;
    while (next_item(&list, &item)) {
        if (item.len == 0 || list_has(filter, item) != wanted || list_has(buf_slice(out), item)) {
            continue;
        }
        if (out->len > 0) {
            buf_put(out, ",", 1);
        }
        buf_put_slice(out, item);
    }
}

static struct slice change_list(struct arena *arena, enum alter_op op, struct slice now,
                                struct slice items)
{
    struct buf text = {0};
    if (op == OP_APPEND) {
        put_items(&text, now, SLICE_NULL, false);
        put_items(&text, items, SLICE_NULL, false);
    } else {
        put_items(&text, now, items, false);
    }
    struct slice value = arena_dup(arena, buf_slice(&text));
    buf_fini(&text);
    return value;
}

/* ---- one key ---- */

struct alteration {
    struct slice name;
    int8_t op; /* enum alter_op, as it came */
    struct slice value;
};

/* The new value; null: the key is deleted. */
static enum err new_value(const struct decide_input *in, const struct resource *resource,
                          const struct alteration *a, struct slice *value, struct slice *why)
{
    *value = SLICE_NULL;
    if (a->op == OP_DELETE) {
        return ERR_NONE;
    }
    if (slice_is_null(a->value)) {
        *why = decide_text(in->arena, "Null value not supported for : %.*s", SLICE_ARG(a->name));
        return ERR_INVALID_REQUEST;
    }
    if (a->op == OP_SET) {
        *value = a->value;
        return ERR_NONE;
    }
    if (a->op != OP_APPEND && a->op != OP_SUBTRACT) {
        *why = decide_text(in->arena, "Unknown operation %d for %.*s.", a->op, SLICE_ARG(a->name));
        return ERR_INVALID_REQUEST;
    }
    const struct setting *row = row_of(resource->scope, a->name);
    if (row == NULL || row->type != SETTINGS_LIST) {
        *why = decide_text(in->arena, "Can't %s to key %.*s because its type is not LIST.",
                           a->op == OP_APPEND ? "APPEND" : "SUBTRACT", SLICE_ARG(a->name));
        return ERR_INVALID_CONFIG;
    }
    if (a->value.len > DECIDE_CONFIG_BYTES_MAX) {
        *why = decide_text(in->arena, "The value for %.*s is too long.", SLICE_ARG(a->name));
        return ERR_INVALID_CONFIG;
    }
    struct slice now = value_in_effect(in, resource, row, a->name);
    *value = change_list(in->arena, (enum alter_op)a->op, now, a->value);
    return ERR_NONE;
}

/* A group's own times keep within what the servers allow: the brokers would cut them silently. */
static enum err check_group_time(const struct decide_input *in, struct slice name,
                                 struct slice value, struct slice *why)
{
    static const struct {
        const char *name;
        const char *min;
        const char *max;
    } rows[] = {{"consumer.session.timeout.ms", "group.consumer.min.session.timeout.ms",
                 "group.consumer.max.session.timeout.ms"},
                {"consumer.heartbeat.interval.ms", "group.consumer.min.heartbeat.interval.ms",
                 "group.consumer.max.heartbeat.interval.ms"}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (!slice_eq_str(name, rows[i].name)) {
            continue;
        }
        /* decide_config_check() has found it to be a number of 32 bits. */
        int64_t ms = strtoll(arena_str(in->arena, value), NULL, 10);
        bool is_low = ms < settings_int(in->settings, rows[i].min);
        if (is_low || ms > settings_int(in->settings, rows[i].max)) {
            *why = decide_text(in->arena, "%s must be %s than or equal to %s", rows[i].name,
                               is_low ? "greater" : "less", is_low ? rows[i].min : rows[i].max);
            return ERR_INVALID_CONFIG;
        }
    }
    return ERR_NONE;
}

static enum err alter_key(const struct decide_input *in, const struct resource *resource,
                          const struct alteration *a, struct decision *out, struct slice *why)
{
    struct slice value;
    TRY(check_mode(in, resource, a->name, why));
    TRY(new_value(in, resource, a, &value, why));
    if (!slice_is_null(value)) {
        TRY(decide_config_check(in->arena, resource->scope, a->name, value, why));
        TRY(resource->scope == SETTINGS_GROUP ? check_group_time(in, a->name, value, why)
                                              : ERR_NONE);
    }
    struct slice now = metadata_config_get(in->image, resource->type, resource->name, a->name);
    if (!slice_eq(value, now)) {
        decision_add(out, METADATA_RECORD_CONFIG)->config =
            (struct metadata_config_record){resource->type, resource->name, a->name, value};
    }
    return ERR_NONE;
}

/* ---- one resource ---- */

struct alterations {
    struct alteration *items;
    size_t count;
};

static enum err alter_resource(const struct decide_input *in, struct resource *resource,
                               struct alterations list, struct decision *out, struct slice *why)
{
    TRY(check_resource(in, resource, why));
    struct map names = {0};
    enum err e = ERR_NONE;
    for (size_t i = 0; i < list.count && e == ERR_NONE; i++) {
        if (map_put(&names, list.items[i].name, &list.items[i]) != NULL) {
            *why = decide_text(in->arena, "Error due to duplicate config keys: %.*s",
                               SLICE_ARG(list.items[i].name));
            e = ERR_INVALID_REQUEST;
        } else {
            e = alter_key(in, resource, &list.items[i], out, why);
        }
    }
    map_fini(&names);
    return e;
}

/* Which resources of a request were seen: key is type and name. */
static bool seen_before(struct map *seen, struct arena *arena, const struct resource *resource)
{
    uint8_t *key = arena_alloc(arena, resource->name.len + 1);
    key[0] = (uint8_t)resource->type;
    if (resource->name.len > 0) {
        memcpy(key + 1, resource->name.data, resource->name.len);
    }
    return map_put(seen, slice_of(key, resource->name.len + 1), key) != NULL;
}

struct outcome {
    enum err error;
    struct slice why;
};

static struct outcome alter(const struct decide_input *in, struct resource resource,
                            struct alterations list, struct map *seen, struct decision *out)
{
    struct outcome outcome = {ERR_NONE, SLICE_NULL};
    size_t before = out->count;
    decision_atomic_begin(out);
    if (seen_before(seen, in->arena, &resource)) {
        outcome.error = ERR_INVALID_REQUEST;
        outcome.why = slice_str("Each resource must appear at most once.");
    } else {
        outcome.error = alter_resource(in, &resource, list, out, &outcome.why);
    }
    decision_atomic_end(out);
    if (outcome.error != ERR_NONE) {
        decision_cut(out, before);
    }
    return outcome;
}

void decide_incremental_alter_configs(const struct decide_input *in,
                                      const struct wire_incremental_alter_configs_request *request,
                                      struct decision *out)
{
    size_t count = (size_t)max_i64(request->resources_count, 0);
    struct wire_incremental_alter_configs_response *response =
        ARENA_NEW(in->arena, struct wire_incremental_alter_configs_response);
    response->responses =
        ARENA_ARRAY(in->arena, count, struct wire_incremental_alter_configs_response_responses);
    response->responses_count = (int32_t)count;
    out->response = response;
    struct map seen = {0};
    for (size_t i = 0; i < count; i++) {
        const struct wire_incremental_alter_configs_request_resources *wanted =
            &request->resources[i];
        struct alterations list = {0};
        list.count = (size_t)max_i64(wanted->configs_count, 0);
        list.items = ARENA_ARRAY(in->arena, list.count, struct alteration);
        for (size_t k = 0; k < list.count; k++) {
            list.items[k] =
                (struct alteration){wanted->configs[k].name, wanted->configs[k].config_operation,
                                    wanted->configs[k].value};
        }
        struct resource resource = {wanted->resource_type, wanted->resource_name, SETTINGS_SERVER};
        struct outcome outcome = alter(in, resource, list, &seen, out);
        response->responses[i] = (struct wire_incremental_alter_configs_response_responses){
            .error_code = err_wire(outcome.error),
            .error_message = outcome.why,
            .resource_type = wanted->resource_type,
            .resource_name = wanted->resource_name,
        };
    }
    map_fini(&seen);
    if (request->validate_only) {
        decision_cut(out, 0);
    }
}

/* The keys that are configured now and not in the list are deleted. */
static void add_deletions(const struct decide_input *in, const struct resource *resource,
                          struct alterations *list)
{
    const struct metadata_config_resource *now =
        metadata_config_resource(in->image, resource->type, resource->name);
    size_t given = list->count;
    for (size_t i = 0; now != NULL && i < now->count; i++) {
        bool named = false;
        for (size_t k = 0; k < given && !named; k++) {
            named = slice_eq(list->items[k].name, now->entries[i].name);
        }
        if (!named) {
            list->items[list->count++] =
                (struct alteration){now->entries[i].name, OP_DELETE, SLICE_NULL};
        }
    }
}

void decide_alter_configs(const struct decide_input *in,
                          const struct wire_alter_configs_request *request, struct decision *out)
{
    size_t count = (size_t)max_i64(request->resources_count, 0);
    struct wire_alter_configs_response *response =
        ARENA_NEW(in->arena, struct wire_alter_configs_response);
    response->responses =
        ARENA_ARRAY(in->arena, count, struct wire_alter_configs_response_responses);
    response->responses_count = (int32_t)count;
    out->response = response;
    struct map seen = {0};
    for (size_t i = 0; i < count; i++) {
        const struct wire_alter_configs_request_resources *wanted = &request->resources[i];
        struct resource resource = {wanted->resource_type, wanted->resource_name, SETTINGS_SERVER};
        const struct metadata_config_resource *now =
            metadata_config_resource(in->image, resource.type, resource.name);
        struct alterations list = {0};
        size_t given = (size_t)max_i64(wanted->configs_count, 0);
        size_t room = given + (now == NULL ? 0 : now->count);
        list.items = ARENA_ARRAY(in->arena, room, struct alteration);
        for (size_t k = 0; k < given; k++) {
            list.items[list.count++] =
                (struct alteration){wanted->configs[k].name, OP_SET, wanted->configs[k].value};
        }
        add_deletions(in, &resource, &list);
        struct outcome outcome = alter(in, resource, list, &seen, out);
        response->responses[i] = (struct wire_alter_configs_response_responses){
            .error_code = err_wire(outcome.error),
            .error_message = outcome.why,
            .resource_type = wanted->resource_type,
            .resource_name = wanted->resource_name,
        };
    }
    map_fini(&seen);
    if (request->validate_only) {
        decision_cut(out, 0);
    }
}
