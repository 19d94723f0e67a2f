/* Future logs: made, found again after a restart, closed. */
#include "base/mem.h"
#include "broker/assign.h"
#include "broker/replica_log.h"
#include "broker/replica_move_private.h"
#include "broker/replica_place.h"

/* ---- making ---- */

enum err move_first_offset(struct replica *r, int64_t *base)
{
    struct store_read_query query = {.offset = r->part.log_start_offset,
                                     .end_offset = r->part.log_end_offset,
                                     .max_bytes = 1,
                                     .min_one = true};
    struct store_read read;
    TRY(store_log_read(r->log, &query, &read));
    *base = read.length > 0 ? read.base_offset : r->part.log_end_offset;
    if (read.length > 0) {
        store_read_done(&read);
    }
    return ERR_NONE;
}

static enum err make_log(struct replica *r, const char *path, struct store_log **out)
{
    int64_t base;
    struct store_error why = {""};
    TRY(move_first_offset(r, &base));
    enum err e = replica_log_open_future(r, path, base, out, &why);
    if (e != ERR_NONE) {
        log_error(r->broker->log, "move", "future log not made", "dir=%s error=%s reason=\"%s\"",
                  path, err_name(e), why.text);
    }
    return e;
}

static char *future_path(const struct replica *r, const struct broker_dir *to)
{
    char *plain = replica_path_in(r, to);
    struct store_dir_name name;
    store_dir_parse(strrchr(plain, '/') + 1, &name);
    mem_free(plain);
    struct store_dir_text text = store_dir_format_as(&name, STORE_DIR_FUTURE, uuid_random());
    struct buf path = {0};
    buf_printf(&path, "%s/%s%c", to->path, text.text, '\0');
    return (char *)path.data;
}

enum err replica_move_to(struct replica *r, struct broker_dir *to)
{
    if (r->move != NULL && r->move->view.to == to) {
        return ERR_NONE;
    }
    replica_move_give_up(r, false);
    broker_assign_check(r);
    if (r->dir == to) {
        return ERR_NONE;
    }
    char *path = future_path(r, to);
    struct store_log *log = NULL;
    enum err e = make_log(r, path, &log);
    mem_free(path);
    if (e == ERR_NONE) {
        move_add(r, to, log);
        return ERR_NONE;
    }
    store_log_abandon(log);
    if (e == ERR_IO || e == ERR_NOT_FOUND) {
        broker_dir_fail(to, "a future log cannot be made");
    }
    return ERR_KAFKA_STORAGE_ERROR;
}

/* ---- finding ---- */

struct finding {
    struct broker_dir *dir;
    const struct metadata_image *image;
    struct buf paths; /* each with its NUL */
};

static void note_future(void *arg, const char *path, const struct store_dir_name *name)
{
    struct finding *f = arg;
    if (name->kind == STORE_DIR_FUTURE) {
        buf_put(&f->paths, path, strlen(path) + 1);
    }
}

/* The directory that the metadata name for this broker's replica. */
static struct uuid assigned_dir(const struct finding *f, const struct store_dir_name *name)
{
    const struct metadata_topic *topic = metadata_topic_by_name(f->image, slice_str(name->topic));
    ASSERT(topic != NULL); /* strays were set aside before */
    const struct metadata_partition *p = metadata_partition(topic, name->partition);
    return metadata_directory_of(f->image, p, f->dir->broker->id);
}

static char *plain_path(const struct broker_dir *dir, const struct store_dir_name *name)
{
    struct buf path = {0};
    struct store_dir_text text = store_dir_format(slice_str(name->topic), name->partition);
    buf_printf(&path, "%s/%s%c", dir->path, text.text, '\0');
    return (char *)path.data;
}

static bool is_anywhere(const struct broker *broker, const struct store_dir_name *name)
{
    bool found = false;
    for (size_t i = 0; i < broker->dirs->count; i++) {
        const struct broker_dir *dir = broker->dirs->items[i];
        char *path = plain_path(dir, name);
        found = found || (dir->online && store_fs_exists(broker->fs, path));
        mem_free(path);
    }
    return found;
}

static void look_at_future(struct finding *f, const char *path)
{
    struct broker *broker = f->dir->broker;
    struct store_dir_name name;
    store_dir_parse(strrchr(path, '/') + 1, &name);
    if (is_anywhere(broker, &name) || !uuid_eq(assigned_dir(f, &name), f->dir->id)) {
        buf_put(&broker->replicas->futures, path, strlen(path) + 1);
        return;
    }
    char *plain = plain_path(f->dir, &name);
    enum err e = store_fs_rename(broker->fs, path, plain);
    log_warn(broker->log, "move", "future log takes the place of one that is gone",
             "dir=%s as=%s error=%s", path, plain, err_name(e));
    mem_free(plain);
}

void replica_moves_find(struct broker_dir *dir, const struct metadata_image *image)
{
    struct finding f = {.dir = dir, .image = image};
    if (store_dir_scan(dir->broker->fs, dir->path, note_future, &f) != ERR_NONE) {
        broker_dir_fail(dir, "it cannot be read");
    }
    for (size_t at = 0; at < f.paths.len;) {
        const char *path = (const char *)f.paths.data + at;
        look_at_future(&f, path);
        at += strlen(path) + 1;
    }
    buf_fini(&f.paths);
}

/* ---- going on ---- */

static struct broker_dir *dir_of(const struct broker *broker, const char *path)
{
    return broker_dir_by_path(broker, slice_of(path, (size_t)(strrchr(path, '/') - path)));
}

/* The log may have been cut while the future one could not be. Then it is copied anew: an epoch
 * that ends elsewhere here and there tells. */
static enum err settle(struct replica *r, struct store_log *future)
{
    int32_t epoch = store_log_latest_epoch(future);
    int64_t end = store_log_end_offset(future);
    struct store_epoch_end own = store_log_epoch_end(r->log, epoch);
    bool same = store_log_size(future) == 0 || (own.epoch == epoch && own.end_offset >= end);
    if (same && end <= r->part.log_end_offset) {
        return ERR_NONE;
    }
    int64_t base;
    TRY(move_first_offset(r, &base));
    return store_log_truncate_fully(future, base);
}

static enum err resume(struct replica *r, struct broker_dir *to, const char *path)
{
    struct store_log *log = NULL;
    struct store_error why = {""};
    enum err e = replica_log_open_future(r, path, -1, &log, &why);
    if (e == ERR_NONE) {
        e = settle(r, log);
    }
    if (e == ERR_NONE) {
        move_add(r, to, log);
    } else {
        log_warn(r->broker->log, "move", "not resumed", "dir=%s error=%s reason=\"%s\"", path,
                 err_name(e), why.text);
        store_log_abandon(log);
    }
    return e;
}

static struct replica *replica_of(struct broker *broker, const struct metadata_image *image,
                                  const char *path)
{
    struct store_dir_name name;
    store_dir_parse(strrchr(path, '/') + 1, &name);
    const struct metadata_topic *topic = metadata_topic_by_name(image, slice_str(name.topic));
    return topic == NULL ? NULL : broker_replica(broker, topic->id, name.partition);
}

void replica_moves_resume(struct broker *broker, const struct metadata_image *image)
{
    struct buf *futures = &broker->replicas->futures;
    for (size_t at = 0; at < futures->len;) {
        const char *path = (const char *)futures->data + at;
        struct replica *r = replica_of(broker, image, path);
        struct broker_dir *to = dir_of(broker, path);
        bool wanted = r != NULL && replica_is_online(r) && r->move == NULL && r->dir != to;
        if (!wanted || resume(r, to, path) != ERR_NONE) {
            enum err ignored = replicas_set_aside(broker, path); /* logged there */
            (void)ignored;
        }
        at += strlen(path) + 1;
    }
    buf_fini(futures);
}

/* ---- the end ---- */

/* The work is done, its completion will not be heard. */
static bool close_log(struct replica_move *move)
{
    enum err e = move->busy ? move->result : ERR_NONE;
    if (move->busy && move->flushing) {
        e = store_log_flush_done(move->log, &move->flush);
    }
    enum err closed = store_log_close(move->log);
    move->log = NULL;
    move->busy = false;
    move->closed = true;
    return e == ERR_NONE && closed == ERR_NONE;
}

/* What is under way comes to its end, and nothing follows from it. */
static void end_queue(struct broker_replicas *replicas)
{
    LIST_EACH(node, &replicas->moves)
    {
        LIST_ENTRY(node, struct replica_move, node)->closed = true;
    }
    net_work_queue_free(replicas->move_queue);
    replicas->move_queue = NULL;
}

void replica_moves_close(struct broker *broker)
{
    struct broker_replicas *replicas = broker->replicas;
    end_queue(replicas);
    LIST_EACH(node, &replicas->moves)
    {
        struct replica_move *move = LIST_ENTRY(node, struct replica_move, node);
        struct broker_dir *to = move->view.to;
        net_timer_stop(&move->timer);
        move_note_log(move);
        if (close_log(move)) {
            move->view.recovery_point = move->view.end_offset;
        } else {
            to->left_dirty = true;
        }
    }
}

void replica_moves_free(struct broker *broker)
{
    struct broker_replicas *replicas = broker->replicas;
    end_queue(replicas);
    while (!list_empty(&replicas->moves)) {
        struct replica_move *move = LIST_ENTRY(replicas->moves.next, struct replica_move, node);
        if (move->replica != NULL) {
            move->replica->move = NULL;
        }
        net_timer_stop(&move->timer);
        store_flush_drop(&move->flush);
        store_log_abandon(move->log);
        list_remove(&move->node);
        mem_free(move);
    }
    buf_fini(&replicas->futures);
}
