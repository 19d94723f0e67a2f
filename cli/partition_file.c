/* Files of partitions; see partition_file.h. */
#include "cli/partition_file.h"

#include <jansson.h>

#include "base/map.h"
#include "store/store.h"

enum { FILE_BYTES_MAX = 256 << 20 };

struct reading {
    unsigned needs;
    struct arena *arena;
    struct buf *why;
    size_t index; /* of the item */
};

static enum err refuse(const struct reading *r, const char *what)
{
    buf_printf(r->why, "item %zu of \"partitions\" %s", r->index + 1, what);
    return ERR_INVALID_REQUEST;
}

static bool is_id(const json_t *value)
{
    return json_is_integer(value) && json_integer_value(value) >= 0 &&
           json_integer_value(value) <= INT32_MAX;
}

static enum err read_replicas(const struct reading *r, const json_t *json,
                              struct partition_file_item *item)
{
    const json_t *list = json_object_get(json, "replicas");
    size_t count = json_array_size(list);
    if (!json_is_array(list)) {
        return refuse(r, "has no list \"replicas\"");
    }
    item->replicas = ARENA_ARRAY(r->arena, count + 1, int32_t);
    for (size_t i = 0; i < count; i++) {
        const json_t *id = json_array_get(list, i);
        if (!is_id(id)) {
            return refuse(r, "has something in \"replicas\" that is no broker's id");
        }
        item->replicas[item->replica_count++] = (int32_t)json_integer_value(id);
    }
    const json_t *dirs = json_object_get(json, "log_dirs");
    if (dirs == NULL) {
        return ERR_NONE;
    }
    if (!json_is_array(dirs) || json_array_size(dirs) != count) {
        return refuse(r, "has not as many \"log_dirs\" as \"replicas\"");
    }
    item->log_dirs = ARENA_ARRAY(r->arena, count + 1, struct slice);
    for (size_t i = 0; i < count; i++) {
        const json_t *dir = json_array_get(dirs, i);
        if (!json_is_string(dir)) {
            return refuse(r, "has something in \"log_dirs\" that is no text");
        }
        item->log_dirs[i] =
            arena_dup(r->arena, slice_of(json_string_value(dir), json_string_length(dir)));
    }
    return ERR_NONE;
}

static enum err read_item(const struct reading *r, const json_t *json,
                          struct partition_file_item *item)
{
    const json_t *topic = json_object_get(json, "topic");
    const json_t *partition = json_object_get(json, "partition");
    const json_t *offset = json_object_get(json, "offset");
    if (!json_is_string(topic) || json_string_length(topic) == 0) {
        return refuse(r, "has no \"topic\"");
    }
    if (!is_id(partition)) {
        return refuse(r, "has no \"partition\" that is a number");
    }
    item->topic =
        arena_dup(r->arena, slice_of(json_string_value(topic), json_string_length(topic)));
    item->partition = (int32_t)json_integer_value(partition);
    if ((r->needs & PARTITION_FILE_OFFSET) != 0) {
        if (!json_is_integer(offset)) {
            return refuse(r, "has no \"offset\" that is a number");
        }
        item->offset = json_integer_value(offset);
    }
    return (r->needs & PARTITION_FILE_REPLICAS) != 0 ? read_replicas(r, json, item) : ERR_NONE;
}

static enum err read_root(struct reading *r, const json_t *root, struct partition_file *out)
{
    const json_t *version = json_object_get(root, "version");
    const json_t *list = json_object_get(root, "partitions");
    if (version != NULL && json_integer_value(version) != 1) {
        buf_put_str(r->why, "\"version\" must be 1");
        return ERR_INVALID_REQUEST;
    }
    if (!json_is_array(list)) {
        buf_put_str(r->why, "there is no list \"partitions\"");
        return ERR_INVALID_REQUEST;
    }
    *out = (struct partition_file){
        .items = ARENA_ARRAY(r->arena, json_array_size(list) + 1, struct partition_file_item)};
    for (r->index = 0; r->index < json_array_size(list); r->index++) {
        TRY(read_item(r, json_array_get(list, r->index), &out->items[out->count]));
        out->count++;
    }
    return ERR_NONE;
}

/* Reads a text. Everything comes from the arena. Errors: INVALID_REQUEST with a sentence in `why`.
 * Pure. */
static enum err read_text(struct slice text, unsigned needs, struct arena *arena,
                          struct partition_file *out, struct buf *why)
{
    json_error_t where;
    json_t *root = json_loadb((const char *)text.data, text.len, 0, &where);
    if (root == NULL) {
        buf_printf(why, "line %d is no JSON: %s", where.line, where.text);
        return ERR_INVALID_REQUEST;
    }
    struct reading reading = {.needs = needs, .arena = arena, .why = why};
    enum err e = read_root(&reading, root, out);
    json_decref(root);
    return e;
}

enum err partition_file_load(const char *path, unsigned needs, struct arena *arena,
                             struct partition_file *out, struct buf *why)
{
    struct buf text = {0};
    enum err e = store_fs_read_file(store_fs_posix(), path, FILE_BYTES_MAX, &text);
    buf_printf(why, "%s: ", path);
    if (e != ERR_NONE) {
        buf_put_str(why, e == ERR_NOT_FOUND ? "there is no such file" : err_text(e));
        e = ERR_INVALID_REQUEST;
    } else {
        e = read_text(buf_slice(&text), needs, arena, out, why);
    }
    buf_fini(&text);
    if (e == ERR_NONE) {
        buf_reset(why);
    }
    return e;
}

const struct partition_file_item *partition_file_duplicate(const struct partition_file *file)
{
    struct arena arena = {0};
    struct map seen = {0};
    const struct partition_file_item *found = NULL;
    for (int32_t i = 0; i < file->count && found == NULL; i++) {
        const struct partition_file_item *item = &file->items[i];
        const char *key =
            arena_printf(&arena, "%.*s-%" PRId32, SLICE_ARG(item->topic), item->partition);
        found = map_put(&seen, slice_str(key), (void *)item) != NULL ? item : NULL;
    }
    map_fini(&seen);
    arena_fini(&arena);
    return found;
}
