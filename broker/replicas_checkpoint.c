/* High watermarks, recovery points and log starts of all partitions, in Kafka's checkpoint files.
 *
 * Written every replica.high.watermark.checkpoint.interval.ms if something moved, in one go for all
 * partitions; an idle broker writes nothing. */
#include "base/mem.h"
#include "broker/replicas_private.h"

/* ---- reading ---- */

enum column { HIGH_WATERMARK, RECOVERY_POINT, LOG_START };

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

void replicas_checkpoints_fini(struct broker *broker)
{
    struct map *map = &broker->replicas->checkpoints;
    size_t at = 0;
    for (struct replicas_checkpoint *c = map_next(map, &at); c != NULL; c = map_next(map, &at)) {
        mem_free(c->name);
        mem_free(c);
    }
    map_fini(map);
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

static enum err write_column(struct broker *broker, enum column column)
{
    struct store_checkpoint checkpoint = {0};
    size_t at = 0;
    for (struct replica *r = broker_replicas_next(broker, &at); r != NULL;
         r = broker_replicas_next(broker, &at)) {
        int64_t value = value_of(r, column);
        if (value > 0 || column == HIGH_WATERMARK) {
            store_checkpoint_add(&checkpoint, slice_str(r->topic), r->index, value);
        }
    }
    struct store_error why = {""};
    char *path = path_of(broker, column);
    enum err e = store_checkpoint_write(broker->fs, path, &checkpoint, &why);
    if (e != ERR_NONE) {
        log_error(broker->log, "replicas", "checkpoint not written", "reason=\"%s\"", why.text);
    }
    mem_free(path);
    store_checkpoint_fini(&checkpoint);
    return e;
}

enum err replicas_checkpoints_write(struct broker *broker)
{
    for (enum column column = HIGH_WATERMARK; column <= LOG_START; column++) {
        TRY(write_column(broker, column));
    }
    return ERR_NONE;
}

static bool moved_since(const struct replica *r)
{
    return r->part.high_watermark != r->checkpointed_hw ||
           recovery_point_of(r) != r->checkpointed_recovery_point ||
           r->part.log_start_offset != r->checkpointed_log_start;
}

static void note_written(struct replica *r)
{
    r->checkpointed_hw = r->part.high_watermark;
    r->checkpointed_recovery_point = recovery_point_of(r);
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
    bool moved = false;
    size_t at = 0;
    for (struct replica *r = broker_replicas_next(broker, &at); r != NULL;
         r = broker_replicas_next(broker, &at)) {
        moved = moved || moved_since(r);
        note_written(r);
    }
    if (moved) {
        /* A failure is logged; the checkpoint that is there stays valid, only older. */
        enum err ignored = replicas_checkpoints_write(broker);
        (void)ignored;
    }
    replicas_checkpoints_start(broker);
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

void replicas_checkpoints_stop(struct broker *broker)
{
    struct net_timer *timer = &broker->replicas->checkpoint_timer;
    if (timer->loop != NULL) {
        net_timer_stop(timer);
    }
}
