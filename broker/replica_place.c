/* Placement of replicas over the log directories. */
#include "broker/replica_place.h"

#include "base/mem.h"
#include "broker/replicas_private.h"

char *replica_path_in(const struct replica *r, const struct broker_dir *dir)
{
    struct store_dir_text name = store_dir_format(slice_str(r->topic), r->index);
    struct buf path = {0};
    buf_printf(&path, "%s/%s%c", dir->path, name.text, '\0');
    return (char *)path.data;
}

struct uuid replica_dir_of(const struct replica *r, int32_t broker_id)
{
    const struct metadata_image *image = r->broker->image;
    const struct metadata_topic *topic = metadata_topic_by_id(image, r->topic_id);
    const struct metadata_partition *p = topic == NULL ? NULL : metadata_partition(topic, r->index);
    return p == NULL ? METADATA_DIR_UNASSIGNED : metadata_directory_of(image, p, broker_id);
}

struct uuid replica_assigned_dir(const struct replica *r)
{
    return replica_dir_of(r, r->broker->id);
}

/* Is there a directory of this very partition? One of another topic of that name is no such. */
static bool holds(const struct replica *r, const struct broker_dir *dir)
{
    const struct store_fs *fs = r->broker->fs;
    char *path = replica_path_in(r, dir);
    struct uuid id;
    bool found = store_fs_exists(fs, path);
    if (found && store_partition_meta_read(fs, path, &id, NULL) == ERR_NONE) {
        found = uuid_eq(id, r->topic_id);
    }
    mem_free(path);
    return found;
}

/* A crash between the two renames that end a move leaves both. The metadata know of the new one
 * since before. */
static struct broker_dir *choose(struct replica *r, struct broker_dir *a, struct broker_dir *b)
{
    bool second = uuid_eq(b->id, replica_assigned_dir(r));
    struct broker_dir *loser = second ? a : b;
    char *path = replica_path_in(r, loser);
    log_warn(r->broker->log, "replicas", "partition is in two directories",
             "partition=%s-%d kept=%s other=%s", r->topic, r->index, (second ? b : a)->path,
             loser->path);
    enum err ignored = replicas_set_aside(r->broker, path); /* logged there */
    (void)ignored;
    mem_free(path);
    return second ? b : a;
}

static struct broker_dir *find(struct replica *r)
{
    const struct broker_dirs *dirs = r->broker->dirs;
    struct broker_dir *found = NULL;
    for (size_t i = 0; i < dirs->count; i++) {
        struct broker_dir *dir = dirs->items[i];
        if (dir->online && holds(r, dir)) {
            found = found == NULL ? dir : choose(r, found, dir);
        }
    }
    return found;
}

/* Metadata's words for "anywhere" (KIP-858). */
static bool is_anywhere(struct uuid id)
{
    return uuid_eq(id, METADATA_DIR_UNASSIGNED) || uuid_eq(id, METADATA_DIR_MIGRATING);
}

static struct broker_dir *take_preferred(struct replica *r)
{
    struct map *map = &r->broker->replicas->preferred;
    struct replica_preference *wanted = map_remove(map, slice_of(r->key, sizeof r->key));
    struct broker_dir *dir = wanted == NULL ? NULL : wanted->dir;
    mem_free(wanted);
    return dir != NULL && dir->online ? dir : NULL;
}

enum err replica_place(struct replica *r, struct broker_dir **out)
{
    struct broker *broker = r->broker;
    *out = broker->dirs->count == 1 ? broker->dirs->items[0] : find(r);
    if (*out != NULL) {
        return (*out)->online ? ERR_NONE : ERR_KAFKA_STORAGE_ERROR;
    }
    struct uuid assigned = replica_assigned_dir(r);
    *out = broker_dir_by_id(broker, assigned);
    if (*out != NULL && (*out)->online) {
        return ERR_NONE;
    }
    if (!is_anywhere(assigned) && !broker_dirs_are_whole(broker)) {
        return ERR_KAFKA_STORAGE_ERROR;
    }
    *out = take_preferred(r);
    if (*out == NULL) {
        *out = broker_dir_emptiest(broker);
    }
    return *out == NULL ? ERR_KAFKA_STORAGE_ERROR : ERR_NONE;
}

void replica_place_prefer(struct broker *broker, struct uuid topic_id, int32_t index,
                          struct broker_dir *dir)
{
    struct replica_preference *preference = MEM_NEW(struct replica_preference);
    replica_make_key(topic_id, index, preference->key);
    preference->dir = dir;
    struct map *map = &broker->replicas->preferred;
    if (map->count >= PREFERENCES_MAX) {
        size_t at = 0;
        struct replica_preference *oldest = map_next(map, &at);
        map_remove(map, slice_of(oldest->key, sizeof oldest->key));
        mem_free(oldest);
    }
    mem_free(map_put(map, slice_of(preference->key, sizeof preference->key), preference));
}
