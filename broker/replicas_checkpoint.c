/* High watermarks, recovery points and log starts of all partitions, in Kafka's checkpoint files.
 *
 * Written every replica.high.watermark.checkpoint.interval.ms if something moved, in one go for all
 * partitions; an idle broker writes nothing. */
#include <pthread.h>

#include "base/mem.h"
#include "broker/replicas_private.h"

/* ---- reading ---- */

enum column { HIGH_WATERMARK, RECOVERY_POINT, LOG_START };
enum { COLUMNS = LOG_START + 1 };

struct reading {
    struct broker_replicas *replicas;
    enum column column;
};

static void read_line(void *arg, struct slice topic, int32_t partition, int64_t offset)
{
    struct reading *reading = arg;
    struct store_dir_text name = store_dir_format(topic, partition);
    struct map *map = &reading->replicas->checkpoints;
    struct replicas_checkpoint *c = map_get(map, slice_str(name.text));
    if (c == NULL) {
        c = MEM_NEW(struct replicas_checkpoint);
        c->name = mem_strdup(name.text);
        map_put(map, slice_str(c->name), c);
    }
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

static char *path_of(const struct broker *broker, enum column column)
{
    struct buf path = {0};
    buf_printf(&path, "%s/%s%c", broker->dir, file_names[column], '\0');
    return (char *)path.data;
}

enum err replicas_checkpoints_read(struct broker *broker)
{
    for (enum column column = HIGH_WATERMARK; column <= LOG_START; column++) {
        struct reading reading = {broker->replicas, column};
        struct store_error why = {""};
        char *path = path_of(broker, column);
        enum err e = store_checkpoint_read(broker->fs, path, read_line, &reading, &why);
        mem_free(path);
        if (e == ERR_CORRUPT) {
            /* All three only save work or are found again from the leader. */
            log_warn(broker->log, "replicas", "checkpoint is damaged, its rest is not used",
                     "reason=\"%s\"", why.text);
        } else if (e != ERR_NONE) {
            log_error(broker->log, "replicas", "checkpoint not read", "reason=\"%s\"", why.text);
            return e;
        }
    }
    return ERR_NONE;
}

const struct replicas_checkpoint *replicas_checkpoint_find(struct broker *broker, const char *name)
{
    return map_get(&broker->replicas->checkpoints, slice_str(name));
}

/* ---- writing ---- */

/* A log that was just closed has everything flushed. */
static int64_t recovery_point_of(const struct replica *r)
{
    return r->log == NULL ? r->part.log_end_offset : store_log_recovery_point(r->log);
}

/* What is known of a partition whose log could not be opened stays as it was read. */
static int64_t value_read(const struct replicas_checkpoint *c, enum column column)
{
    if (c == NULL) {
        return 0;
    }
    return column == HIGH_WATERMARK   ? c->high_watermark
           : column == RECOVERY_POINT ? c->recovery_point
                                      : c->log_start;
}

static int64_t value_of(const struct replica *r, enum column column)
{
    if (r->never_opened) {
        struct store_dir_text name = store_dir_format(slice_str(r->topic), r->index);
        return value_read(replicas_checkpoint_find(r->broker, name.text), column);
    }
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

static void fill_column(struct broker *broker, enum column column, struct store_checkpoint *out)
{
    size_t at = 0;
    for (struct replica *r = broker_replicas_next(broker, &at); r != NULL;
         r = broker_replicas_next(broker, &at)) {
        int64_t value = value_of(r, column);
        if (value > 0 || column == HIGH_WATERMARK) {
            store_checkpoint_add(out, slice_str(r->topic), r->index, value);
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
    struct broker *broker;
    pthread_mutex_t lock;
    bool cancelled;
    bool wanted[COLUMNS];
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
    for (enum column column = HIGH_WATERMARK; column <= LOG_START; column++) {
        pthread_mutex_lock(&job->lock);
        if (!job->cancelled && job->wanted[column]) {
            /* A failure is logged; the checkpoint that is there stays valid, only older. */
            enum err ignored = write_file(job->broker->fs, job->broker->log, job->paths[column],
                                          &job->contents[column]);
            (void)ignored;
        }
        pthread_mutex_unlock(&job->lock);
    }
}

static void job_done(void *arg)
{
    struct replicas_checkpoint_job *job = arg;
    job->broker->replicas->checkpoint_job = NULL;
    job_free(job);
}

static void job_start(struct broker *broker, const bool wanted[COLUMNS])
{
    struct replicas_checkpoint_job *job = MEM_NEW(struct replicas_checkpoint_job);
    job->broker = broker;
    pthread_mutex_init(&job->lock, NULL);
    for (enum column column = HIGH_WATERMARK; column <= LOG_START; column++) {
        job->wanted[column] = wanted[column];
        if (wanted[column]) {
            job->paths[column] = path_of(broker, column);
            fill_column(broker, column, &job->contents[column]);
        }
    }
    broker->replicas->checkpoint_job = job;
    net_work_on(broker->replicas->queue, job_work, job_done, job);
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

enum err replicas_checkpoints_write(struct broker *broker)
{
    job_cancel(broker->replicas->checkpoint_job);
    enum err e = ERR_NONE;
    for (enum column column = HIGH_WATERMARK; e == ERR_NONE && column <= LOG_START; column++) {
        struct store_checkpoint content = {0};
        char *path = path_of(broker, column);
        fill_column(broker, column, &content);
        e = write_file(broker->fs, broker->log, path, &content);
        mem_free(path);
        store_checkpoint_fini(&content);
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
    enum err ignored = replicas_checkpoints_write(broker); /* logged there */
    (void)ignored;
}

void replicas_checkpoints_soon(struct broker *broker)
{
    if (!broker->replicas->checkpoint_deferred) {
        broker->replicas->checkpoint_deferred = true;
        net_defer(broker->loop, write_deferred, broker);
    }
}

static void on_timer(void *arg)
{
    struct broker *broker = arg;
    bool moved[COLUMNS] = {false};
    size_t at = 0;
    replicas_checkpoints_start(broker);
    if (broker->replicas->checkpoint_job != NULL) {
        return; /* the disk is slow: next time */
    }
    for (struct replica *r = broker_replicas_next(broker, &at); r != NULL;
         r = broker_replicas_next(broker, &at)) {
        note_moved(r, moved);
    }
    if (moved[HIGH_WATERMARK] || moved[RECOVERY_POINT] || moved[LOG_START]) {
        job_start(broker, moved);
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
}

void replicas_checkpoints_fini(struct broker *broker)
{
    if (broker->replicas->checkpoint_job != NULL) {
        job_free(broker->replicas->checkpoint_job); /* the queue has ended without its completion */
    }
    struct map *map = &broker->replicas->checkpoints;
    size_t at = 0;
    for (struct replicas_checkpoint *c = map_next(map, &at); c != NULL; c = map_next(map, &at)) {
        mem_free(c->name);
        mem_free(c);
    }
    map_fini(map);
}
