/* The log of a replica and the producer state that goes with it. */
#include "broker/replica_log.h"

#include <stdio.h>

#include "base/mem.h"
#include "broker/replica_flush.h"
#include "broker/replica_move.h"
#include "broker/replica_place.h"
#include "broker/replicas_private.h"
#include "wire/compress.h"

enum {
    PRODUCER_TAIL_MAX = 200000,  /* bounds what is read again for the producers' state */
    PRODUCER_SEARCH_MAX = 20000, /* the same, for batches that are not where they were expected */
    NEW_DIR_FLUSH_MS = 1000      /* when a new partition's names are made durable */
};

/* ---- producer state ---- */

static struct producer_batch producer_batch_of(const struct store_batch *b)
{
    return (struct producer_batch){.producer_id = b->producer_id,
                                   .producer_epoch = b->producer_epoch,
                                   .first_sequence = b->base_sequence,
                                   .last_sequence = b->last_sequence,
                                   .first_offset = b->base_offset,
                                   .last_offset = b->last_offset,
                                   .timestamp_ms = b->max_timestamp};
}

static void note_producer(struct replica *r, const struct store_batch *batch)
{
    bool control = (batch->attributes & WIRE_BATCH_CONTROL) != 0;
    if (batch->producer_id < 0 || control || batch->base_sequence < 0) {
        return;
    }
    struct producer_batch noted = producer_batch_of(batch);
    producer_append(&r->producers, &noted, net_wall_ms(r->broker->loop));
}

void replica_log_note_producers(struct replica *r, struct slice batches)
{
    for (size_t at = 0; at < batches.len;) {
        struct store_batch batch;
        enum err e = store_batch_parse(slice_of(batches.data + at, WIRE_BATCH_HEADER), &batch);
        ASSERT(e == ERR_NONE);
        note_producer(r, &batch);
        at += batch.size;
    }
}

static bool note_scanned(void *arg, const struct store_batch *batch)
{
    note_producer(arg, batch);
    return true;
}

static void restore_entry(struct replica *r, const struct store_producer_entry *entry)
{
    int32_t last = entry->last_sequence;
    struct producer_batch batch = {.producer_id = entry->producer_id,
                                   .producer_epoch = entry->producer_epoch,
                                   .last_sequence = last,
                                   .first_sequence = last < 0 ? -1 : last - entry->offset_delta,
                                   .first_offset = entry->last_offset - entry->offset_delta,
                                   .last_offset = entry->last_offset,
                                   .timestamp_ms = entry->timestamp};
    if (last >= 0 && batch.first_sequence < 0) {
        batch.first_sequence = (int32_t)((int64_t)batch.first_sequence + INT32_MAX + 1);
    }
    /* Its age is not known (the timestamp is the client's): it counts from now on. */
    producer_restore(&r->producers, &batch, net_wall_ms(r->broker->loop));
}

/* A snapshot remembers one batch a producer, but a retry may be of any of the last five: those near
 * the end are read again from the log. Where that has to begin: five batches of the size of the
 * last one for every producer that wrote there, at first. */
static int64_t tail_start(const struct replica *r, const struct store_snapshot *snapshot)
{
    int64_t end = store_log_end_offset(r->log);
    int64_t span = 0;
    for (size_t i = 0; i < snapshot->count && span < PRODUCER_TAIL_MAX; i++) {
        const struct store_producer_entry *entry = &snapshot->entries[i];
        if (entry->last_offset >= end - PRODUCER_TAIL_MAX) {
            span += PRODUCER_BATCHES * ((int64_t)entry->offset_delta + 1);
        }
    }
    return end - min_i64(span, PRODUCER_TAIL_MAX);
}

/* Was every producer met that wrote from `lowest` on, and have all all the batches that they may
 * retry? */
static bool has_all_batches(const struct replica *r, const struct store_snapshot *snapshot,
                            int64_t lowest)
{
    for (size_t i = 0; i < snapshot->count; i++) {
        const struct store_producer_entry *entry = &snapshot->entries[i];
        if (entry->last_offset >= lowest && !producer_known(&r->producers, entry->producer_id)) {
            return false;
        }
    }
    size_t at = 0;
    for (const struct producer *p = producers_next(&r->producers, &at); p != NULL;
         p = producers_next(&r->producers, &at)) {
        if (p->batches_count < PRODUCER_BATCHES && p->batches[0].first_sequence != 0) {
            return false;
        }
    }
    return true;
}

/* Batches before the last one may be larger than that: then more is read, as far as is reasonable.
 */
static enum err scan_tail(struct replica *r, const struct store_snapshot *snapshot)
{
    int64_t from = min_i64(snapshot->offset, tail_start(r, snapshot));
    int64_t end = store_log_end_offset(r->log);
    /* Deleted records count, as long as they are there: their producers go on behind them. */
    int64_t base = store_log_base_offset(r->log);
    int64_t lowest = max_i64(base, end - PRODUCER_SEARCH_MAX);
    for (;;) {
        producers_clear(&r->producers);
        from = max_i64(from, base);
        TRY(store_log_scan(r->log, from, note_scanned, r));
        if (from <= lowest || has_all_batches(r, snapshot, lowest)) {
            return ERR_NONE;
        }
        from = max_i64(lowest, end - 4 * (end - from));
    }
}

/* What the log's end says, and the newest usable snapshot for producers that are silent there. */
static enum err load_producers(struct replica *r)
{
    const struct store_fs *fs = r->broker->fs;
    const char *dir = store_log_dir(r->log);
    int64_t end = store_log_end_offset(r->log);
    struct store_snapshot snapshot;
    producers_clear(&r->producers);
    /* One from behind the end is of records that are gone; the log may grow past it again. */
    TRY(store_snapshot_remove(fs, dir, end + 1, INT64_MAX));
    enum err e = store_snapshot_load(fs, dir, end, &snapshot);
    if (e == ERR_NONE) {
        e = scan_tail(r, &snapshot);
    }
    /* If records behind the snapshot are gone, its producers may have written some of those: none
     * is better than one who knows an older sequence number. */
    bool is_current = snapshot.offset >= store_log_base_offset(r->log);
    for (size_t i = 0; e == ERR_NONE && is_current && i < snapshot.count; i++) {
        if (!producer_known(&r->producers, snapshot.entries[i].producer_id)) {
            restore_entry(r, &snapshot.entries[i]);
        }
    }
    mem_free(snapshot.entries);
    return e;
}

static enum err save_producers(struct replica *r, int64_t offset)
{
    if (offset == 0) {
        return ERR_NONE; /* nobody ever wrote: a broker has thousands of such logs to close */
    }
    size_t count = r->producers.by_id.count;
    struct store_producer_entry *entries = mem_zalloc(count + 1, sizeof *entries);
    size_t used = 0;
    size_t at = 0;
    for (const struct producer *p = producers_next(&r->producers, &at); p != NULL;
         p = producers_next(&r->producers, &at)) {
        if (p->batches_count == 0) {
            continue;
        }
        const struct producer_batch *last = &p->batches[p->batches_count - 1];
        entries[used++] = (struct store_producer_entry){
            .producer_id = p->id,
            .last_offset = last->last_offset,
            .timestamp = last->timestamp_ms,
            .txn_first_offset = -1,
            .last_sequence = last->last_sequence,
            .offset_delta = (int32_t)(last->last_offset - last->first_offset),
            .coordinator_epoch = -1,
            .producer_epoch = p->epoch};
    }
    enum err e = store_snapshot_write(r->broker->fs, store_log_dir(r->log), offset, entries, used);
    mem_free(entries);
    return e;
}

/* A snapshot at each segment's base bounds how much has to be scanned after a crash. */
static void on_roll(void *arg, int64_t base_offset)
{
    struct replica *r = arg;
    /* In the middle of an append the producers of its first batches are not noted yet: without a
     * snapshot here a restart only scans more. */
    bool whole = base_offset == r->part.log_end_offset;
    enum err e = whole ? save_producers(r, base_offset) : ERR_NONE;
    if (e != ERR_NONE) {
        log_warn(r->broker->log, "replica", "producer snapshot not written",
                 "partition=%s-%d offset=%" PRId64 " error=%s", r->topic, r->index, base_offset,
                 err_name(e));
    }
    replica_flush_soon(r, 0); /* the segment that is full now */
}

/* ---- settings ---- */

static int64_t topic_long(const struct replica *r, const char *name)
{
    struct settings_view view = broker_settings_view(r->broker);
    return settings_topic_long(&view, slice_str(r->topic), name);
}

static int compression_of(const struct replica *r)
{
    static const char *const names[] = {"uncompressed", "gzip", "snappy", "lz4", "zstd"};
    struct settings_view view = broker_settings_view(r->broker);
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (settings_topic_has(&view, slice_str(r->topic), "compression.type", names[i])) {
            return (int)i;
        }
    }
    return -1;
}

static struct store_log_config log_config(const struct replica *r)
{
    struct store_log_config config = STORE_LOG_CONFIG_DEFAULT;
    config.segment_ms = topic_long(r, "segment.ms");
    config.segment_bytes = (int32_t)topic_long(r, "segment.bytes");
    config.index_interval_bytes = (int32_t)topic_long(r, "index.interval.bytes");
    config.index_bytes_max = (int32_t)topic_long(r, "segment.index.bytes");
    config.flush_messages = topic_long(r, "flush.messages");
    return config;
}

/* "*", or this partition on this broker. */
static bool is_throttled(const struct replica *r, const char *name)
{
    struct settings_view view = broker_settings_view(r->broker);
    struct slice topic = slice_str(r->topic);
    char pair[32];
    snprintf(pair, sizeof pair, "%" PRId32 ":%" PRId32, r->index, r->broker->id);
    return settings_topic_has(&view, topic, name, "*") ||
           settings_topic_has(&view, topic, name, pair);
}

void replica_log_configure(struct replica *r)
{
    struct settings_view view = broker_settings_view(r->broker);
    struct slice topic = slice_str(r->topic);
    r->config = (struct replica_config){
        .max_message_bytes = (int32_t)topic_long(r, "max.message.bytes"),
        .compact = settings_topic_has(&view, topic, "cleanup.policy", "compact"),
        .delete = settings_topic_has(&view, topic, "cleanup.policy", "delete"),
        .log_append_time =
            settings_topic_has(&view, topic, "message.timestamp.type", "LogAppendTime"),
        .timestamp_before_max_ms = topic_long(r, "message.timestamp.before.max.ms"),
        .flush_ms = topic_long(r, "flush.ms"),
        .leader_throttled = is_throttled(r, "leader.replication.throttled.replicas"),
        .follower_throttled = is_throttled(r, "follower.replication.throttled.replicas"),
        .timestamp_after_max_ms = topic_long(r, "message.timestamp.after.max.ms"),
        .compression = compression_of(r)};
    r->part.config = (struct partition_config){
        .min_insync_replicas = (int32_t)topic_long(r, "min.insync.replicas"),
        .replica_lag_time_max_ms = settings_long(r->broker->settings, "replica.lag.time.max.ms")};
    if (r->log != NULL) {
        struct store_log_config config = log_config(r);
        store_log_configure(r->log, &config);
    }
}

/* ---- open ---- */

/* A directory that was made for another topic of that name (deleted and made again while this
 * broker was away) must never be written: it is set aside. So is one that does not say any more
 * whose it is: a power cut has torn its partition.metadata before its first flush, which would have
 * synced that file, too. Nothing in there was promised to be durable. */
static enum err check_topic_id(struct replica *r, const char *dir, bool flushed, bool *is_new,
                               struct store_error *why)
{
    struct uuid found;
    enum err e = store_partition_meta_read(r->broker->fs, dir, &found, why);
    bool torn = e == ERR_CORRUPT && !flushed && !r->dir->clean;
    *is_new = e != ERR_NONE || !uuid_eq(found, r->topic_id);
    if (e == ERR_NOT_FOUND || !*is_new) {
        return ERR_NONE;
    }
    if (e != ERR_NONE && !torn) {
        return e;
    }
    log_warn(r->broker->log, "replica", "directory is of another topic, set aside",
             "dir=%s found=%s wanted=%s", dir, torn ? "torn" : uuid_text(found).text,
             uuid_text(r->topic_id).text);
    return replicas_set_aside(r->broker, dir);
}

/* What the directory's checkpoints said of the partition's log that is there, or NULL. */
static struct replicas_checkpoint *checkpoint_in(const struct replica *r,
                                                 const struct broker_dir *dir)
{
    struct store_dir_text name = store_dir_format(slice_str(r->topic), r->index);
    struct replicas_checkpoint *c = replicas_checkpoint_find(dir, name.text);
    return c == NULL || c->used ? NULL : c;
}

/* Before there is a log in the directory it says whose it is, so that no crash leaves records of
 * nobody knows which topic. And the checkpoints do not speak of one of that name that is gone. */
static enum err make_dir(struct replica *r, struct broker_dir *in, const char *dir,
                         struct store_error *why)
{
    struct store_dir_text name = store_dir_format(slice_str(r->topic), r->index);
    enum err e = replicas_checkpoint_forget(in, name.text);
    if (e != ERR_NONE) {
        return store_fail_errno(why, e, "write the checkpoints before making", dir);
    }
    e = store_fs_mkdir(r->broker->fs, dir);
    if (e == ERR_NONE || e == ERR_EXISTS) {
        e = store_partition_meta_write(r->broker->fs, dir, r->topic_id);
    }
    return e == ERR_NONE ? e : store_fail_errno(why, e, "make the partition directory", dir);
}

/* `known` NULL: it is new, as far as we know. */
static struct store_log_options log_options(struct replica *r, const struct broker_dir *dir,
                                            const char *path,
                                            const struct replicas_checkpoint *known)
{
    return (struct store_log_options){.files = r->broker->replicas->files,
                                      .dir = path,
                                      .config = log_config(r),
                                      .recovery_point = known ? known->recovery_point : 0,
                                      .log_start_offset = known ? known->log_start : 0,
                                      .clean = dir->clean,
                                      .gapless = !r->config.compact,
                                      .now_ms = net_wall_ms(r->broker->loop),
                                      .log = r->broker->log};
}

static enum err open_log(struct replica *r, const char *dir, struct store_error *why)
{
    bool is_new;
    struct replicas_checkpoint *known = checkpoint_in(r, r->dir);
    TRY(check_topic_id(r, dir, known != NULL && known->recovery_point > 0, &is_new, why));
    if (is_new) {
        known = NULL;
        TRY(make_dir(r, r->dir, dir, why));
    }
    struct store_log_options options = log_options(r, r->dir, dir, known);
    options.on_roll = on_roll;
    options.arg = r;
    TRY(store_log_open(&options, &r->log, why));
    if (is_new) {
        replica_flush_soon(r, NEW_DIR_FLUSH_MS);
    } else {
        TRY(load_producers(r));
    }
    partition_set_log(&r->part, store_log_start_offset(r->log), store_log_end_offset(r->log),
                      known == NULL ? 0 : known->high_watermark);
    if (known != NULL) {
        known->used = true;
    }
    return ERR_NONE;
}

enum err replica_log_open(struct replica *r)
{
    struct broker_dir *dir = NULL;
    enum err e = replica_place(r, &dir);
    if (e != ERR_NONE) {
        log_warn(r->broker->log, "replica", "in a log directory that is offline", "partition=%s-%d",
                 r->topic, r->index);
        return e;
    }
    r->dir = dir;
    dir->logs++;
    struct store_error why = {""};
    char *path = replica_path_in(r, dir);
    r->never_opened = true;
    e = open_log(r, path, &why);
    if (e != ERR_NONE) {
        log_error(r->broker->log, "replica", "log not opened", "dir=%s error=%s reason=\"%s\"",
                  path, err_name(e), why.text);
        replica_flush_detach(r);
        store_log_abandon(r->log);
        r->log = NULL;
    }
    r->never_opened = e != ERR_NONE;
    r->no_room = e == ERR_NO_SPACE;
    mem_free(path);
    return e;
}

enum err replica_log_open_future(struct replica *r, const char *path, int64_t base,
                                 struct store_log **out, struct store_error *why)
{
    struct slice root = slice_of(path, (size_t)(strrchr(path, '/') - path));
    struct broker_dir *dir = broker_dir_by_path(r->broker, root);
    struct replicas_checkpoint *known = base < 0 ? checkpoint_in(r, dir) : NULL;
    struct store_log_options options = log_options(r, dir, path, known);
    if (base >= 0) {
        options.log_start_offset = base;
        TRY(make_dir(r, dir, path, why));
    }
    TRY(store_log_open(&options, out, why));
    if (known != NULL) {
        known->used = true;
    }
    return ERR_NONE;
}

/* ---- truncate ---- */

static enum err after_truncation(struct replica *r)
{
    partition_truncated(&r->part, store_log_start_offset(r->log), store_log_end_offset(r->log));
    /* The recovery point may have gone back. On disk it must do so before anything is written where
     * the old records were, or a power cut would leave those unchecked. */
    replicas_checkpoints_soon(r->broker);
    return load_producers(r);
}

enum err replica_log_truncate(struct replica *r, int64_t offset)
{
    log_info(r->broker->log, "replica", "log cut",
             "partition=%s-%d from=%" PRId64 " to=%" PRId64 " hw=%" PRId64 " epoch=%d", r->topic,
             r->index, store_log_end_offset(r->log), offset, r->part.high_watermark,
             r->part.state.leader_epoch);
    TRY(store_log_truncate_to(r->log, offset));
    TRY(after_truncation(r));
    replica_move_cut(r);
    return ERR_NONE;
}

enum err replica_log_restart(struct replica *r, int64_t offset)
{
    log_info(r->broker->log, "replica", "log begun anew at the leader's start",
             "partition=%s-%d from=%" PRId64 " to=%" PRId64, r->topic, r->index,
             store_log_end_offset(r->log), offset);
    TRY(store_log_truncate_fully(r->log, offset));
    TRY(after_truncation(r));
    replica_move_cut(r);
    return ERR_NONE;
}

/* ---- close and delete ---- */

enum err replica_log_close(struct replica *r)
{
    if (r->log == NULL) {
        return ERR_KAFKA_STORAGE_ERROR;
    }
    replica_flush_detach(r);
    enum err saved = save_producers(r, store_log_end_offset(r->log));
    /* The checkpoint of the recovery point is written after this: everything is flushed then. */
    r->part.log_end_offset = store_log_end_offset(r->log);
    enum err closed = store_log_close(r->log);
    r->log = NULL;
    return closed != ERR_NONE ? closed : saved;
}

static void remove_log(struct replica *r, struct store_log *take_log)
{
    char *path = NULL;
    enum err e = store_log_delete(take_log, uuid_random(), &path);
    if (e != ERR_NONE) {
        log_error(r->broker->log, "replica", "directory not renamed for deletion",
                  "partition=%s-%d dir=%s error=%s", r->topic, r->index, r->dir->path, err_name(e));
        mem_free(path);
        return;
    }
    replicas_remove_later(r->broker, path);
    struct store_dir_text name = store_dir_format(slice_str(r->topic), r->index);
    replicas_checkpoint_gone(r->dir, name.text);
}

void replica_log_delete(struct replica *r)
{
    if (r->log == NULL) {
        return;
    }
    replica_flush_detach(r);
    remove_log(r, r->log);
    r->log = NULL;
}

void replica_log_give_up(struct replica *r)
{
    if (r->log != NULL) {
        replica_flush_detach(r);
        store_log_abandon(r->log);
        r->log = NULL;
    }
}

/* ---- into another directory ---- */

enum err replica_log_replace(struct replica *r, struct store_log *log, struct broker_dir *to)
{
    ASSERT(store_log_end_offset(log) == store_log_end_offset(r->log));
    char *path = replica_path_in(r, to);
    enum err e = store_log_rename(log, path);
    mem_free(path);
    TRY(e);
    replica_flush_detach(r);
    /* An epoch without a batch is known to the old log alone. */
    int32_t epoch = store_log_latest_epoch(r->log);
    if (epoch > store_log_latest_epoch(log)) {
        store_log_assign_epoch(log, epoch);
    }
    remove_log(r, r->log);
    r->log = log;
    r->dir->logs--;
    to->logs++;
    r->dir = to;
    store_log_set_owner(log, on_roll, r);
    replica_log_configure(r);
    if (save_producers(r, store_log_end_offset(log)) != ERR_NONE) {
        log_warn(r->broker->log, "replica", "producer snapshot not written", "partition=%s-%d",
                 r->topic, r->index);
    }
    replica_flush_soon(r, 0); /* its name is new */
    return ERR_NONE;
}
