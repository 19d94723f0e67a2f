/* High watermarks, recovery points and log starts of all partitions, in Kafka's checkpoint files.
 *
 * Each log directory has its own, for the logs in it and those that are being moved there. Written
 * every replica.high.watermark.checkpoint.interval.ms if something moved, in one go for all
 * partitions of a directory; an idle broker writes nothing. */
#include <pthread.h>

#include "base/mem.h"
#include "broker/replica_move.h"
#include "broker/replicas_private.h"

/* ---- reading ---- */

enum column { HIGH_WATERMARK, RECOVERY_POINT, LOG_START };
enum { COLUMNS = LOG_START + 1 };

struct reading {
    struct broker_dir *dir;
    enum column column;
};

static struct replicas_checkpoint *find_or_add(struct broker_dir *dir, const char *name)
{
    struct replicas_checkpoint *c = replicas_checkpoint_find(dir, name);
    if (c == NULL) {
        c = MEM_NEW(struct replicas_checkpoint);
        c->name = mem_strdup(name);
        map_put(&dir->checkpoints, slice_str(c->name), c);
    }
    return c;
}

static void read_line(void *arg, struct slice topic, int32_t partition, int64_t offset)
{
    struct reading *reading = arg;
    struct store_dir_text name = store_dir_format(topic, partition);
    struct replicas_checkpoint *c = find_or_add(reading->dir, name.text);
    switch (reading->column) {
    case HIGH_WATERMARK:
        c->high_watermark = offset;
        break;
    case RECOVERY_POINT:
        c->recovery_point = offset;
        break;
    case LOG_START:
        c->log_start = offset;
        break;
    }
}

static const char *const file_names[] = {[HIGH_WATERMARK] = STORE_HIGH_WATERMARK_FILE,
                                         [RECOVERY_POINT] = STORE_RECOVERY_POINT_FILE,
                                         [LOG_START] = STORE_LOG_START_FILE};

static char *path_of(const struct broker_dir *dir, enum column column)
{
    struct buf path = {0};
    buf_printf(&path, "%s/%s%c", dir->path, file_names[column], '\0');
    return (char *)path.data;
}

enum err replicas_checkpoints_read(struct broker_dir *dir)
{
    const struct log *log = dir->broker->log;
    for (enum column column = HIGH_WATERMARK; column <= LOG_START; column++) {
        struct reading reading = {dir, column};
        struct store_error why = {""};
        char *path = path_of(dir, column);
        enum err e = store_checkpoint_read(dir->broker->fs, path, read_line, &reading, &why);
        mem_free(path);
        if (e == ERR_CORRUPT) {
            /* All three only save work or are found again from the leader. */
            log_warn(log, "replicas", "checkpoint is damaged, its rest is not used",
                     "reason=\"%s\"", why.text);
        } else if (e != ERR_NONE) {
            log_error(log, "replicas", "checkpoint not read", "reason=\"%s\"", why.text);
            return e;
        }
    }
    return ERR_NONE;
}

struct replicas_checkpoint *replicas_checkpoint_find(const struct broker_dir *dir, const char *name)
{
    return map_get(&dir->checkpoints, slice_str(name));
}

/* ---- what is gone ---- */

static void note_gone(struct broker_dir *dir, struct replicas_checkpoint *c)
{
    c->used = true;
    c->gone = ++dir->checkpoints_gone;
}

/* The files speak of none any more that went by then. */
static void note_written(struct broker_dir *dir, int64_t gone)
{
    if (gone == dir->checkpoints_gone_written) {
        return;
    }
    dir->checkpoints_gone_written = gone;
    size_t at = 0;
    for (struct replicas_checkpoint *c = map_next(&dir->checkpoints, &at); c != NULL;
         c = map_next(&dir->checkpoints, &at)) {
        if (c->gone > 0 && c->gone <= gone) {
            map_remove(&dir->checkpoints, slice_str(c->name));
            mem_free(c->name);
            mem_free(c);
        }
    }
}

static bool are_stale(const struct broker_dir *dir)
{
    return dir->checkpoints_gone > dir->checkpoints_gone_written;
}

void replicas_checkpoint_gone(struct broker_dir *dir, const char *name)
{
    note_gone(dir, find_or_add(dir, name));
    replicas_checkpoints_hurry(dir->broker);
}

enum err replicas_checkpoint_forget(struct broker_dir *dir, const char *name)
{
    struct replicas_checkpoint *c = replicas_checkpoint_find(dir, name);
    if (c == NULL) {
        return ERR_NONE;
    }
    if (c->gone == 0) {
        note_gone(dir, c);
    }
    return replicas_checkpoints_write(dir);
}

static void note_present(void *arg, const char *path, const struct store_dir_name *name)
{
    (void)path;
    if (name->kind != STORE_DIR_PARTITION && name->kind != STORE_DIR_FUTURE) {
        return;
    }
    struct store_dir_text text = store_dir_format(slice_str(name->topic), name->partition);
    struct replicas_checkpoint *c = replicas_checkpoint_find(arg, text.text);
    if (c != NULL) {
        c->used = false;
    }
}

void replicas_checkpoints_prune(struct broker_dir *dir)
{
    size_t at = 0;
    for (struct replicas_checkpoint *c = map_next(&dir->checkpoints, &at); c != NULL;
         c = map_next(&dir->checkpoints, &at)) {
        c->used = true;
    }
    if (store_dir_scan(dir->broker->fs, dir->path, note_present, dir) != ERR_NONE) {
        broker_dir_fail(dir, "it cannot be read");
        return;
    }
    at = 0;
    for (struct replicas_checkpoint *c = map_next(&dir->checkpoints, &at); c != NULL;
         c = map_next(&dir->checkpoints, &at)) {
        if (c->used) {
            note_gone(dir, c);
            replicas_checkpoints_hurry(dir->broker);
        }
    }
}

/* ---- writing ---- */

/* A log that was just closed has everything flushed. */
static int64_t recovery_point_of(const struct replica *r)
{
    return r->log == NULL ? r->part.log_end_offset : store_log_recovery_point(r->log);
}

static int64_t value_read(const struct replicas_checkpoint *c, enum column column)
{
    switch (column) {
    case HIGH_WATERMARK:
        return c->high_watermark;
    case RECOVERY_POINT:
        return c->recovery_point;
    case LOG_START:
        return c->log_start;
    }
    UNREACHABLE();
}

static int64_t value_of(const struct replica *r, enum column column)
{
    switch (column) {
    case HIGH_WATERMARK:
        return r->part.high_watermark;
    case RECOVERY_POINT:
        return recovery_point_of(r);
    case LOG_START:
        return r->part.log_start_offset;
    }
    UNREACHABLE();
}

static void add_value(const struct replica *r, enum column column, int64_t value,
                      struct store_checkpoint *out)
{
    if (value > 0 || column == HIGH_WATERMARK) {
        store_checkpoint_add(out, slice_str(r->topic), r->index, value);
    }
}

/* What is known of partitions whose logs are not opened yet, or could not be, stays as it was. */
static void add_unopened(const struct broker_dir *dir, enum column column,
                         struct store_checkpoint *out)
{
    size_t at = 0;
    for (const struct replicas_checkpoint *c = map_next(&dir->checkpoints, &at); c != NULL;
         c = map_next(&dir->checkpoints, &at)) {
        int64_t value = value_read(c, column);
        if (!c->used && (value > 0 || column == HIGH_WATERMARK)) {
            struct store_dir_name name;
            store_dir_parse(c->name, &name);
            store_checkpoint_add(out, slice_str(name.topic), name.partition, value);
        }
    }
}

static int64_t future_value_of(const struct replica_move_view *future, enum column column)
{
    switch (column) {
    case HIGH_WATERMARK:
        return future->end_offset;
    case RECOVERY_POINT:
        return future->recovery_point;
    case LOG_START:
        return future->start_offset;
    }
    UNREACHABLE();
}

static void fill_column(const struct broker_dir *dir, enum column column,
                        struct store_checkpoint *out)
{
    size_t at = 0;
    add_unopened(dir, column, out);
    for (struct replica *r = broker_replicas_next(dir->broker, &at); r != NULL;
         r = broker_replicas_next(dir->broker, &at)) {
        struct replica_move_view future;
        if (r->dir == dir && !r->never_opened) {
            add_value(r, column, value_of(r, column), out);
        }
        if (replica_move_view(r, &future) && future.to == dir) {
            add_value(r, column, future_value_of(&future, column), out);
        }
    }
}

static enum err write_file(const struct store_fs *fs, const struct log *log, const char *path,
                           const struct store_checkpoint *content)
{
    struct store_error why = {""};
    enum err e = store_checkpoint_write(fs, path, content, &why);
    if (e != ERR_NONE) {
        log_error(log, "replicas", "checkpoint not written", "reason=\"%s\"", why.text);
    }
    return e;
}

/* ---- in the background: the loop must not wait for the disk every few seconds ---- */

/* One writing of the checkpoints. The lock is held while a file is replaced, so that a newer
 * writing can wait for that and stop the rest. */
struct replicas_checkpoint_job {
    struct broker_dir *dir;
    pthread_mutex_t lock;
    bool cancelled;
    bool wanted[COLUMNS];
    int64_t gone; /* the logs that were gone by then */
    enum err result;
    char *paths[COLUMNS];
    struct store_checkpoint contents[COLUMNS];
};

static void job_free(struct replicas_checkpoint_job *job)
{
    for (enum column column = HIGH_WATERMARK; column <= LOG_START; column++) {
        mem_free(job->paths[column]);
        store_checkpoint_fini(&job->contents[column]);
    }
    pthread_mutex_destroy(&job->lock);
    mem_free(job);
}

static void job_work(void *arg)
{
    struct replicas_checkpoint_job *job = arg;
    const struct broker *broker = job->dir->broker;
    for (enum column column = HIGH_WATERMARK; column <= LOG_START; column++) {
        pthread_mutex_lock(&job->lock);
        if (!job->cancelled && job->wanted[column] && job->result == ERR_NONE) {
            job->result =
                write_file(broker->fs, broker->log, job->paths[column], &job->contents[column]);
        }
        pthread_mutex_unlock(&job->lock);
    }
}

/* On a full disk, or without a descriptor left, the checkpoint that is there stays valid, only
 * older. */
static void note_result(struct broker_dir *dir, enum err e)
{
    if ((e == ERR_IO || e == ERR_NOT_FOUND) && !dir->broker->replicas->ending) {
        broker_dir_fail(dir, "a checkpoint cannot be written");
    }
}

static void job_done(void *arg)
{
    struct replicas_checkpoint_job *job = arg;
    struct broker_dir *dir = job->dir;
    enum err e = job->result;
    if (e == ERR_NONE && !job->cancelled) {
        note_written(dir, job->gone);
    }
    dir->checkpoint_job = NULL;
    job_free(job);
    note_result(dir, e);
    if (e == ERR_NONE && are_stale(dir) &&
        net_timer_is_set(&dir->broker->replicas->checkpoint_timer)) {
        replicas_checkpoints_hurry(dir->broker); /* logs that went meanwhile */
    }
}

static void job_start(struct broker_dir *dir, const bool wanted[COLUMNS])
{
    struct replicas_checkpoint_job *job = MEM_NEW(struct replicas_checkpoint_job);
    job->dir = dir;
    job->gone = dir->checkpoints_gone;
    pthread_mutex_init(&job->lock, NULL);
    for (enum column column = HIGH_WATERMARK; column <= LOG_START; column++) {
        job->wanted[column] = wanted[column];
        if (wanted[column]) {
            job->paths[column] = path_of(dir, column);
            fill_column(dir, column, &job->contents[column]);
        }
    }
    dir->checkpoint_job = job;
    net_work_on(dir->broker->replicas->queue, job_work, job_done, job);
}

/* What a job has not written yet must not replace what is written from now on. */
static void job_cancel(struct replicas_checkpoint_job *job)
{
    if (job != NULL) {
        pthread_mutex_lock(&job->lock);
        job->cancelled = true;
        pthread_mutex_unlock(&job->lock);
    }
}

/* ---- at once ---- */

enum err replicas_checkpoints_write(struct broker_dir *dir)
{
    const struct broker *broker = dir->broker;
    job_cancel(dir->checkpoint_job);
    enum err e = ERR_NONE;
    for (enum column column = HIGH_WATERMARK; e == ERR_NONE && column <= LOG_START; column++) {
        struct store_checkpoint content = {0};
        char *path = path_of(dir, column);
        fill_column(dir, column, &content);
        e = write_file(broker->fs, broker->log, path, &content);
        mem_free(path);
        store_checkpoint_fini(&content);
    }
    if (e == ERR_NONE) {
        note_written(dir, dir->checkpoints_gone);
    }
    return e;
}

/* Notes in `moved` which columns differ from what was written last, and takes them as written. */
static void note_moved(struct replica *r, bool moved[COLUMNS])
{
    int64_t recovery_point = recovery_point_of(r);
    moved[HIGH_WATERMARK] |= r->part.high_watermark != r->checkpointed_hw;
    moved[RECOVERY_POINT] |= recovery_point != r->checkpointed_recovery_point;
    moved[LOG_START] |= r->part.log_start_offset != r->checkpointed_log_start;
    r->checkpointed_hw = r->part.high_watermark;
    r->checkpointed_recovery_point = recovery_point;
    r->checkpointed_log_start = r->part.log_start_offset;
}

static void write_deferred(void *arg)
{
    struct broker *broker = arg;
    broker->replicas->checkpoint_deferred = false;
    for (size_t i = 0; i < broker->dirs->count; i++) {
        struct broker_dir *dir = broker->dirs->items[i];
        if (dir->online) {
            note_result(dir, replicas_checkpoints_write(dir));
        }
    }
}

void replicas_checkpoints_soon(struct broker *broker)
{
    if (!broker->replicas->checkpoint_deferred) {
        broker->replicas->checkpoint_deferred = true;
        net_defer(broker->loop, write_deferred, broker);
    }
}

static void write_moved(struct broker_dir *dir)
{
    bool stale = are_stale(dir);
    bool moved[COLUMNS] = {stale, stale, stale};
    size_t at = 0;
    if (!dir->online || dir->checkpoint_job != NULL) {
        return; /* the disk is slow: next time */
    }
    for (struct replica *r = broker_replicas_next(dir->broker, &at); r != NULL;
         r = broker_replicas_next(dir->broker, &at)) {
        if (r->dir == dir) {
            note_moved(r, moved);
        }
    }
    if (moved[HIGH_WATERMARK] || moved[RECOVERY_POINT] || moved[LOG_START]) {
        job_start(dir, moved);
    }
}

static void on_timer(void *arg)
{
    struct broker *broker = arg;
    replicas_checkpoints_start(broker);
    for (size_t i = 0; i < broker->dirs->count; i++) {
        write_moved(broker->dirs->items[i]);
    }
}

void replicas_checkpoints_start(struct broker *broker)
{
    struct net_timer *timer = &broker->replicas->checkpoint_timer;
    if (timer->loop == NULL) {
        net_timer_init(timer, broker->loop, on_timer, broker);
    }
    int64_t interval =
        settings_long(broker->settings, "replica.high.watermark.checkpoint.interval.ms");
    net_timer_set(timer, interval);
}

void replicas_checkpoints_hurry(struct broker *broker)
{
    net_timer_set(&broker->replicas->checkpoint_timer, 0);
}

void replicas_checkpoints_stop(struct broker *broker)
{
    struct net_timer *timer = &broker->replicas->checkpoint_timer;
    if (timer->loop != NULL) {
        net_timer_stop(timer);
    }
    net_undefer(broker->loop, write_deferred, broker);
    broker->replicas->checkpoint_deferred = false;
}

void replicas_checkpoints_fini(struct broker_dir *dir)
{
    ASSERT(dir->checkpoint_job == NULL);
    size_t at = 0;
    for (struct replicas_checkpoint *c = map_next(&dir->checkpoints, &at); c != NULL;
         c = map_next(&dir->checkpoints, &at)) {
        mem_free(c->name);
        mem_free(c);
    }
    map_fini(&dir->checkpoints);
}
