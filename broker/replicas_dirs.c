/* Directories that are no partition's any more: strays and deleted ones. */
#include "base/mem.h"
#include "broker/replicas_private.h"

/* ---- setting aside ---- */

enum err replicas_set_aside(struct broker *broker, const char *path)
{
    const char *slash = strrchr(path, '/');
    ASSERT(slash != NULL);
    struct store_dir_name name;
    store_dir_parse(slash + 1, &name);
    struct store_dir_text stray = store_dir_format_as(&name, STORE_DIR_STRAY, uuid_random());
    struct buf to = {0};
    buf_printf(&to, "%.*s/%s%c", (int)(slash - path), path, stray.text, '\0');
    enum err e = store_fs_rename(broker->fs, path, (const char *)to.data);
    log_warn(broker->log, "replicas", "directory set aside", "dir=%s as=%s error=%s", path,
             stray.text, err_name(e));
    buf_fini(&to);
    return e;
}

struct scan {
    struct broker *broker;
    const struct metadata_image *image;
    struct buf strays; /* paths, each with its NUL */
    struct buf deleted;
};

static bool hosted_here(const struct scan *scan, const char *path,
                        const struct store_dir_name *name)
{
    const struct metadata_topic *topic =
        metadata_topic_by_name(scan->image, slice_str(name->topic));
    if (topic == NULL || name->partition < 0 || name->partition >= topic->partition_count) {
        return false;
    }
    struct uuid id;
    if (store_partition_meta_read(scan->broker->fs, path, &id, NULL) == ERR_NONE &&
        !uuid_eq(id, topic->id)) {
        return false;
    }
    const struct metadata_partition *p = metadata_partition(topic, name->partition);
    return metadata_ids_contain(metadata_replicas(p), scan->broker->id);
}

static void look_for_stray(void *arg, const char *path, const struct store_dir_name *name)
{
    struct scan *scan = arg;
    bool metadata_log = strcmp(name->topic, "__cluster_metadata") == 0;
    bool is_log = name->kind == STORE_DIR_PARTITION || name->kind == STORE_DIR_FUTURE;
    if (is_log && !metadata_log && !hosted_here(scan, path, name)) {
        buf_put(&scan->strays, path, strlen(path) + 1);
    }
}

static void scan_dir(struct broker_dir *dir, store_dir_fn *each, struct scan *scan)
{
    enum err e = store_dir_scan(dir->broker->fs, dir->path, each, scan);
    if (e != ERR_NONE) {
        log_error(dir->broker->log, "replicas", "log directory not read", "dir=%s error=%s",
                  dir->path, err_name(e));
        broker_dir_fail(dir, "it cannot be read");
    }
}

void replicas_set_strays_aside(struct broker_dir *dir, const struct metadata_image *image)
{
    struct scan scan = {.broker = dir->broker, .image = image};
    scan_dir(dir, look_for_stray, &scan);
    for (size_t at = 0; at < scan.strays.len;) {
        const char *path = (const char *)scan.strays.data + at;
        enum err ignored = replicas_set_aside(dir->broker, path); /* logged there */
        (void)ignored;
        at += strlen(path) + 1;
    }
    buf_fini(&scan.strays);
}

/* ---- removal ---- */

/* A directory or some files. */
struct removal {
    struct list node;
    struct broker *broker;
    char *path;                /* NULL: `trash` */
    struct store_trash *trash; /* NULL when done */
    enum err result;
    struct net_timer timer;
};

static void removal_free(struct removal *removal)
{
    list_remove(&removal->node);
    net_timer_stop(&removal->timer);
    store_trash_drop(removal->trash);
    mem_free(removal->path);
    mem_free(removal);
}

static void remove_work(void *arg)
{
    struct removal *removal = arg;
    if (removal->path != NULL) {
        removal->result = store_fs_remove_tree(removal->broker->fs, removal->path);
    }
    store_trash_empty(removal->trash);
    removal->trash = NULL;
}

static void remove_done(void *arg)
{
    struct removal *removal = arg;
    if (removal->result != ERR_NONE) {
        log_warn(removal->broker->log, "replicas", "directory not removed", "dir=%s error=%s",
                 removal->path, err_name(removal->result));
    }
    removal_free(removal);
}

static void remove_now(void *arg)
{
    struct removal *removal = arg;
    net_work_on(removal->broker->replicas->queue, remove_work, remove_done, removal);
}

static struct removal *remove_after(struct broker *broker, int64_t delay_ms)
{
    struct removal *removal = MEM_NEW(struct removal);
    removal->broker = broker;
    list_add_tail(&broker->replicas->removals, &removal->node);
    net_timer_init(&removal->timer, broker->loop, remove_now, removal);
    net_timer_set(&removal->timer, delay_ms);
    return removal;
}

void replicas_empty_later(struct broker *broker, struct store_trash *take_trash, int64_t delay_ms)
{
    if (take_trash != NULL) {
        remove_after(broker, delay_ms)->trash = take_trash;
    }
}

void replicas_remove_later(struct broker *broker, char *take_path)
{
    int64_t delay_ms = settings_long(broker->settings, "log.segment.delete.delay.ms");
    remove_after(broker, delay_ms)->path = take_path;
}

static void look_for_deleted(void *arg, const char *path, const struct store_dir_name *name)
{
    struct scan *scan = arg;
    if (name->kind == STORE_DIR_DELETE) {
        buf_put(&scan->deleted, path, strlen(path) + 1);
    }
}

void replicas_remove_deleted(struct broker_dir *dir)
{
    struct scan scan = {.broker = dir->broker};
    scan_dir(dir, look_for_deleted, &scan);
    for (size_t at = 0; at < scan.deleted.len;) {
        const char *path = (const char *)scan.deleted.data + at;
        remove_after(dir->broker, 0)->path = mem_strdup(path);
        at += strlen(path) + 1;
    }
    buf_fini(&scan.deleted);
}

void replicas_removals_drop(struct broker *broker)
{
    struct list *head = &broker->replicas->removals;
    while (!list_empty(head)) {
        removal_free(LIST_ENTRY(head->next, struct removal, node));
    }
}
