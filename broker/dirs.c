/* Log directories: whose they are, and which one is which. */
#include "broker/dirs.h"

#include <limits.h>
#include <unistd.h>

#include "base/mem.h"
#include "broker/replicas_private.h"

#define REFUSE(why, e, ...) (buf_printf(why, __VA_ARGS__), (e))

/* What the directories must agree on. */
struct opening {
    struct broker *broker;
    const char *metadata_dir;
    char cluster_id[STORE_CLUSTER_ID_MAX + 1]; /* "": not read yet */
    struct buf *why;
};

/* ---- paths ---- */

/* As Java's File.getAbsolutePath() gives it: tools and clients compare such texts. */
static char *absolute(const char *path)
{
    char here[PATH_MAX];
    struct buf out = {0};
    if (path[0] != '/' && getcwd(here, sizeof here) != NULL) {
        buf_put_str(&out, here);
    }
    for (const char *at = path; *at != '\0';) {
        while (*at == '/') {
            at++;
        }
        size_t len = strcspn(at, "/");
        if (len > 0) {
            buf_put_str(&out, "/");
            buf_put(&out, at, len);
        }
        at += len;
    }
    if (out.len == 0) {
        buf_put_str(&out, "/");
    }
    buf_put(&out, "", 1);
    return (char *)out.data;
}

/* ---- the table ---- */

struct broker_dir *broker_dir_by_id(const struct broker *broker, struct uuid id)
{
    for (size_t i = 0; i < broker->dirs->count; i++) {
        if (uuid_eq(broker->dirs->items[i]->id, id)) {
            return broker->dirs->items[i];
        }
    }
    return NULL;
}

struct broker_dir *broker_dir_by_path(const struct broker *broker, struct slice path)
{
    for (size_t i = 0; i < broker->dirs->count; i++) {
        if (slice_eq_str(path, broker->dirs->items[i]->path)) {
            return broker->dirs->items[i];
        }
    }
    return NULL;
}

struct broker_dir *broker_dir_emptiest(const struct broker *broker)
{
    struct broker_dir *best = NULL;
    for (size_t i = 0; i < broker->dirs->count; i++) {
        struct broker_dir *dir = broker->dirs->items[i];
        if (dir->online && (best == NULL || dir->logs < best->logs)) {
            best = dir;
        }
    }
    return best;
}

bool broker_dirs_are_whole(const struct broker *broker)
{
    for (size_t i = 0; i < broker->dirs->count; i++) {
        if (!broker->dirs->items[i]->online) {
            return false;
        }
    }
    return true;
}

struct metadata_dirs broker_dirs_ids(const struct broker *broker, bool online, struct arena *arena)
{
    struct uuid *ids = ARENA_ARRAY(arena, broker->dirs->count, struct uuid);
    size_t count = 0;
    for (size_t i = 0; i < broker->dirs->count; i++) {
        const struct broker_dir *dir = broker->dirs->items[i];
        if (dir->online == online && !uuid_is_zero(dir->id)) {
            ids[count++] = dir->id;
        }
    }
    return (struct metadata_dirs){ids, count};
}

static struct broker_dir *add(struct broker *broker, char *take_path)
{
    struct broker_dirs *dirs = broker->dirs;
    struct broker_dir *dir = MEM_NEW(struct broker_dir);
    dir->broker = broker;
    dir->path = take_path;
    dir->previous_epoch = -1;
    dir->lock_fd = -1;
    dirs->items = mem_realloc(dirs->items, (dirs->count + 1) * sizeof(struct broker_dir *));
    dirs->items[dirs->count++] = dir;
    return dir;
}

struct broker_dir *broker_dirs_add(struct broker *broker, const char *path, struct uuid id)
{
    if (broker->dirs == NULL) {
        broker->dirs = MEM_NEW(struct broker_dirs);
    }
    struct broker_dir *dir = add(broker, mem_strdup(path));
    dir->id = id;
    dir->online = true;
    return dir;
}

/* ---- whose they are ---- */

static enum err check_owner(struct opening *o, const char *path, const struct store_meta *meta)
{
    struct broker *broker = o->broker;
    if (meta->node_id != broker->id) {
        return REFUSE(o->why, ERR_CONFIG,
                      "%s/meta.properties is of node %d but node.id is %d: give the node its own "
                      "log.dirs, or set node.id=%d",
                      path, meta->node_id, broker->id, meta->node_id);
    }
    if (o->cluster_id[0] == '\0') {
        memcpy(o->cluster_id, meta->cluster_id, sizeof o->cluster_id);
    }
    if (strcmp(meta->cluster_id, o->cluster_id) != 0) {
        return REFUSE(o->why, ERR_CONFIG,
                      "%s/meta.properties is of cluster %s, another directory of log.dirs of "
                      "cluster %s: they must not be mixed",
                      path, meta->cluster_id, o->cluster_id);
    }
    return ERR_NONE;
}

static enum err read_meta(struct opening *o, const char *path, struct uuid *id)
{
    struct store_error problem = {""};
    struct store_meta meta;
    enum err e = store_meta_read(o->broker->fs, path, &meta, &problem);
    if (e == ERR_NOT_FOUND) {
        return e;
    }
    if (e != ERR_NONE) {
        return REFUSE(o->why, e, "%s", problem.text);
    }
    e = check_owner(o, path, &meta);
    if (e == ERR_NONE && uuid_is_zero(meta.directory_id)) {
        /* Written by a release before directories had ids. */
        meta.directory_id = uuid_random();
        if (store_meta_write(o->broker->fs, path, &meta, &problem) != ERR_NONE) {
            e = REFUSE(o->why, ERR_IO, "%s", problem.text);
        }
    }
    *id = meta.directory_id;
    store_meta_fini(&meta);
    return e;
}

static bool is_metadata_dir(const struct opening *o, const struct broker_dir *dir)
{
    return strcmp(dir->path, o->metadata_dir) == 0;
}

/* A new disk that was added to log.dirs becomes this broker's by being named there. */
static enum err make_ready(struct opening *o, struct broker_dir *dir)
{
    const struct store_fs *fs = o->broker->fs;
    struct store_error problem = {""};
    struct store_meta meta = {
        .version = 1, .node_id = o->broker->id, .directory_id = uuid_random()};
    memcpy(meta.cluster_id, o->cluster_id, sizeof o->cluster_id);
    dir->id = meta.directory_id;
    dir->is_new = true;
    enum err e = store_fs_mkdir(fs, dir->path);
    if (e == ERR_NONE || e == ERR_EXISTS) {
        e = store_meta_write(fs, dir->path, &meta, &problem);
    }
    if (e != ERR_NONE) {
        return REFUSE(o->why, e, "%s cannot be made a log directory: %s", dir->path,
                      problem.text[0] != '\0' ? problem.text : err_text(e));
    }
    log_info(o->broker->log, "dirs", "new log directory", "dir=%s id=%s", dir->path,
             uuid_text(dir->id).text);
    return ERR_NONE;
}

static enum err lock_dir(struct opening *o, struct broker_dir *dir)
{
    struct store_error problem = {""};
    enum err e = store_lock(o->broker->fs, dir->path, &dir->lock_fd, &problem);
    return e == ERR_NONE ? e : REFUSE(o->why, e, "%s", problem.text);
}

static enum err open_one(struct opening *o, struct broker_dir *dir)
{
    enum err e = read_meta(o, dir->path, &dir->id);
    if (e == ERR_NOT_FOUND) {
        if (is_metadata_dir(o, dir) || o->cluster_id[0] == '\0') {
            return REFUSE(o->why, ERR_CONFIG,
                          "%s has no meta.properties: run `craft format --config FILE "
                          "--cluster-id ID` first",
                          dir->path);
        }
        e = make_ready(o, dir);
    }
    return e == ERR_NONE ? lock_dir(o, dir) : e;
}

/* Is the disk ill, and not the operator's mind? Then the others go on without it. */
static bool is_of_disk(enum err e)
{
    return e == ERR_IO || e == ERR_NO_SPACE || e == ERR_NOT_FOUND;
}

static enum err open_or_give_up(struct opening *o, struct broker_dir *dir)
{
    enum err e = open_one(o, dir);
    dir->online = e == ERR_NONE;
    if (e == ERR_NONE || is_metadata_dir(o, dir) || !is_of_disk(e)) {
        return e;
    }
    buf_put(o->why, "", 1);
    log_error(o->broker->log, "dirs", "log directory is offline", "dir=%s reason=\"%s\"", dir->path,
              (const char *)o->why->data);
    buf_reset(o->why);
    return ERR_NONE;
}

static enum err check_unique(struct opening *o)
{
    const struct broker_dirs *dirs = o->broker->dirs;
    for (size_t i = 0; i < dirs->count; i++) {
        for (size_t k = 0; k < i; k++) {
            const struct broker_dir *a = dirs->items[k];
            const struct broker_dir *b = dirs->items[i];
            if (strcmp(a->path, b->path) == 0) {
                return REFUSE(o->why, ERR_CONFIG, "log.dirs names %s twice", a->path);
            }
            if (!uuid_is_zero(a->id) && uuid_eq(a->id, b->id)) {
                return REFUSE(o->why, ERR_CONFIG,
                              "%s and %s have the same directory.id %s in meta.properties: one "
                              "is a copy of the other, remove the line from it",
                              a->path, b->path, uuid_text(a->id).text);
            }
        }
    }
    return ERR_NONE;
}

/* The directory of the metadata log may be none of log.dirs. */
static enum err open_metadata_dir(struct opening *o)
{
    struct broker *broker = o->broker;
    const struct broker_dir *dir = broker_dir_by_path(broker, slice_str(o->metadata_dir));
    broker->metadata_dir = o->metadata_dir;
    broker->metadata_dir_is_data = dir != NULL;
    if (dir != NULL) {
        broker->metadata_directory_id = dir->id;
        return ERR_NONE;
    }
    enum err e = read_meta(o, o->metadata_dir, &broker->metadata_directory_id);
    return e == ERR_NOT_FOUND ? REFUSE(o->why, ERR_CONFIG,
                                       "%s has no meta.properties: run `craft format --config "
                                       "FILE --cluster-id ID` first",
                                       o->metadata_dir)
                              : e;
}

/* That of the metadata log first: it names the cluster for those that are new. */
static enum err open_all(struct opening *o)
{
    const struct broker_dirs *dirs = o->broker->dirs;
    TRY(check_unique(o));
    for (int metadata_first = 1; metadata_first >= 0; metadata_first--) {
        for (size_t i = 0; i < dirs->count; i++) {
            if (is_metadata_dir(o, dirs->items[i]) == (metadata_first != 0)) {
                TRY(open_or_give_up(o, dirs->items[i]));
            }
        }
        if (metadata_first) {
            TRY(open_metadata_dir(o));
        }
    }
    TRY(check_unique(o));
    for (size_t i = 0; i < dirs->count; i++) {
        if (dirs->items[i]->online) {
            return ERR_NONE;
        }
    }
    return REFUSE(o->why, ERR_IO, "none of log.dirs can be used; the lines before say why");
}

enum err broker_dirs_open(struct broker *broker, char **paths, const char *metadata_dir,
                          struct buf *why)
{
    broker->dirs = MEM_NEW(struct broker_dirs);
    for (size_t i = 0; paths[i] != NULL; i++) {
        if (i == BROKER_DIRS_MAX) {
            return REFUSE(why, ERR_CONFIG, "log.dirs names more than %d directories",
                          BROKER_DIRS_MAX);
        }
        add(broker, absolute(paths[i]));
    }
    char *metadata = absolute(metadata_dir != NULL ? metadata_dir : paths[0]);
    struct opening o = {.broker = broker, .metadata_dir = metadata, .why = why};
    broker->dirs->metadata_dir = metadata;
    TRY(open_all(&o));
    memcpy(broker->dirs->cluster_id, o.cluster_id, sizeof o.cluster_id);
    broker->cluster_id = slice_str(broker->dirs->cluster_id);
    return ERR_NONE;
}

void broker_dirs_free(struct broker *broker)
{
    struct broker_dirs *dirs = broker->dirs;
    if (dirs == NULL) {
        return;
    }
    broker_dirs_failures_stop(broker);
    for (size_t i = 0; i < dirs->count; i++) {
        struct broker_dir *dir = dirs->items[i];
        if (dir->lock_fd >= 0) {
            store_fs_close(broker->fs, dir->lock_fd);
        }
        replicas_checkpoints_fini(dir);
        mem_free(dir->path);
        mem_free(dir);
    }
    mem_free(dirs->metadata_dir);
    mem_free(dirs->items);
    mem_free(dirs);
    broker->dirs = NULL;
}
