/* The table of hosted partitions, and following the metadata. */
#include "broker/replicas.h"

#include "base/mem.h"
#include "broker/assign.h"
#include "broker/fetcher.h"
#include "broker/groups.h"
#include "broker/isr.h"
#include "broker/replica_flush.h"
#include "broker/replica_log.h"
#include "broker/replica_move.h"
#include "broker/replica_trim.h"
#include "broker/replicas_private.h"

#define OFFSETS_TOPIC "__consumer_offsets"

enum { REOPEN_MS = 5000 };

void replica_make_key(struct uuid topic_id, int32_t index, uint8_t key[REPLICA_KEY_LEN])
{
    store_u64(key, topic_id.hi);
    store_u64(key + 8, topic_id.lo);
    store_u32(key + 16, (uint32_t)index);
}

struct replica *broker_replica(struct broker *broker, struct uuid topic_id, int32_t index)
{
    uint8_t key[REPLICA_KEY_LEN];
    replica_make_key(topic_id, index, key);
    return map_get(&broker->replicas->by_key, slice_of(key, sizeof key));
}

struct replica *broker_replicas_next(const struct broker *broker, size_t *at)
{
    /* There are none yet when a start has failed early. */
    return broker->replicas == NULL ? NULL : map_next(&broker->replicas->by_key, at);
}

/* All directories must have been closed cleanly, by the same process. New ones do not count. */
int64_t broker_replicas_previous_epoch(const struct broker *broker)
{
    int64_t epoch = -1;
    for (size_t i = 0; i < broker->dirs->count; i++) {
        const struct broker_dir *dir = broker->dirs->items[i];
        if (!dir->online || dir->is_new) {
            continue;
        }
        if (dir->previous_epoch < 0 || (epoch >= 0 && dir->previous_epoch != epoch)) {
            return -1;
        }
        epoch = dir->previous_epoch;
    }
    return epoch;
}

void broker_replicas_set_epoch(struct broker *broker, int64_t epoch)
{
    broker->epoch = epoch;
    size_t at = 0;
    for (struct replica *r = broker_replicas_next(broker, &at); r != NULL;
         r = broker_replicas_next(broker, &at)) {
        r->part.local_broker_epoch = epoch;
    }
}

/* ---- coming and going ---- */

/* Without room for a new log only this partition stays offline, until there is. */
static void open_replica(struct replica *r)
{
    enum err e = replica_log_open(r);
    if (r->no_room) {
        net_timer_set(&r->broker->replicas->reopen_timer, REOPEN_MS);
    } else if (e != ERR_NONE && r->dir != NULL) {
        replica_offline(r, err_text(e));
    }
}

static struct replica *add_replica(struct broker *broker, const struct metadata_local_change *c)
{
    struct replica *r = MEM_NEW(struct replica);
    r->broker = broker;
    r->topic_id = c->topic_id;
    r->topic = slice_dup_str(c->topic);
    r->index = c->index;
    list_init(&r->acks_waiting);
    list_init(&r->data_waiting);
    list_init(&r->starts_waiting);
    list_init(&r->in_isr_queue);
    list_init(&r->in_assign_queue);
    replica_make_key(c->topic_id, c->index, r->key);
    map_put(&broker->replicas->by_key, slice_of(r->key, sizeof r->key), r);
    struct partition_config config = {.min_insync_replicas = 1, .replica_lag_time_max_ms = 0};
    partition_init(&r->part, broker->id, &config);
    replica_log_configure(r);
    open_replica(r);
    return r;
}

static bool is_offsets_topic(const struct replica *r)
{
    return strcmp(r->topic, OFFSETS_TOPIC) == 0;
}

/* Nobody serves or fetches through `r` any more under what was so until now. */
static void stop_serving(struct replica *r, enum err e)
{
    broker_isr_forget(r);
    replica_end_waits(r, e);
    if (is_offsets_topic(r)) {
        broker_groups_resigned(r->broker->groups, r->index);
    }
}

static void free_replica(struct replica *r)
{
    broker_fetcher_remove(r);
    broker_isr_forget(r);
    broker_assign_forget(r);
    if (r->dir != NULL) {
        r->dir->logs--;
    }
    map_remove(&r->broker->replicas->by_key, slice_of(r->key, sizeof r->key));
    producers_fini(&r->producers);
    mem_free(r->topic);
    mem_free(r);
}

static void delete_replica(struct broker *broker, const struct metadata_local_change *c)
{
    struct replica *r = broker_replica(broker, c->topic_id, c->index);
    if (r == NULL) {
        return;
    }
    log_info(broker->log, "replicas", "partition deleted", "partition=%s-%d topic_deleted=%d",
             r->topic, r->index, c->topic_deleted);
    broker_fetcher_remove(r);
    stop_serving(r, c->topic_deleted ? ERR_UNKNOWN_TOPIC_OR_PARTITION : ERR_NOT_LEADER_OR_FOLLOWER);
    replica_move_give_up(r, false);
    replica_log_delete(r);
    free_replica(r);
}

/* ---- leading and following ---- */

_Static_assert(PARTITION_REPLICAS_MAX >= METADATA_REPLICAS_MAX, "what the image has must fit");

static struct partition_state state_of(const struct metadata_partition *p)
{
    struct metadata_ids replicas = metadata_replicas(p);
    struct metadata_ids isr = metadata_isr(p);
    struct partition_state state = {.leader = p->leader,
                                    .leader_epoch = p->leader_epoch,
                                    .partition_epoch = p->partition_epoch,
                                    .recovering = p->recovering != 0};
    ASSERT(replicas.count <= PARTITION_REPLICAS_MAX);
    ASSERT(isr.count <= PARTITION_REPLICAS_MAX);
    memcpy(state.replicas, replicas.items, replicas.count * sizeof state.replicas[0]);
    memcpy(state.isr, isr.items, isr.count * sizeof state.isr[0]);
    state.replicas_count = (int)replicas.count;
    state.isr_count = (int)isr.count;
    return state;
}

/* `led`: this broker led the epoch before, too (a reassignment ended); what waits for replication
 * is still in the log and goes on waiting. */
static void became_leader(struct replica *r, bool led)
{
    const struct partition *p = &r->part;
    if (!led) {
        broker_fetcher_remove(r);
        stop_serving(r, ERR_NOT_LEADER_OR_FOLLOWER);
    }
    r->part.local_broker_epoch = r->broker->epoch;
    store_log_assign_epoch(r->log, p->state.leader_epoch);
    log_debug(r->broker->log, "replicas", "leading", "partition=%s-%d epoch=%d from=%" PRId64,
              r->topic, r->index, p->state.leader_epoch, p->log_end_offset);
    if (is_offsets_topic(r)) {
        broker_groups_elected(r->broker->groups, r);
    }
}

static void became_follower(struct replica *r)
{
    stop_serving(r, ERR_NOT_LEADER_OR_FOLLOWER);
    log_debug(r->broker->log, "replicas", "following",
              "partition=%s-%d leader=%d epoch=%d from=%" PRId64, r->topic, r->index,
              r->part.state.leader, r->part.state.leader_epoch, r->part.log_end_offset);
    broker_fetcher_add(r);
}

/* Where the metadata say that the replica is may be news, too. */
static void after_change(struct replica *r)
{
    broker_assign_check(r);
    replica_move_changed(r);
}

static void apply_change(struct broker *broker, const struct metadata_local_change *c)
{
    struct replica *r = broker_replica(broker, c->topic_id, c->index);
    if (r == NULL) {
        r = add_replica(broker, c);
    }
    if (!replica_is_online(r)) {
        return; /* every request says so */
    }
    struct partition_state state = state_of(c->after);
    struct partition_effects effects;
    bool led = r->part.role == PARTITION_ROLE_LEADER;
    switch (partition_apply(&r->part, &state, net_now_ms(broker->loop), &effects)) {
    case PARTITION_CHANGE_NONE:
        after_change(r);
        return;
    case PARTITION_CHANGE_NEW_LEADER:
        became_leader(r, led);
        break;
    case PARTITION_CHANGE_NEW_FOLLOWER:
        became_follower(r);
        break;
    case PARTITION_CHANGE_OFFLINE:
        broker_fetcher_remove(r);
        stop_serving(r, ERR_NOT_LEADER_OR_FOLLOWER);
        break;
    case PARTITION_CHANGE_SAME_EPOCH:
        break;
    }
    replica_obey(r, &effects);
    replica_state_changed(r);
    replica_check_low(r); /* a replica that has gone is not waited for */
    after_change(r);
}

/* Logs that there was no room for. */
static void reopen(void *arg)
{
    struct broker *broker = arg;
    size_t at = 0;
    for (struct replica *r = broker_replicas_next(broker, &at); r != NULL;
         r = broker_replicas_next(broker, &at)) {
        const struct metadata_topic *topic = metadata_topic_by_id(broker->image, r->topic_id);
        if (!r->no_room || topic == NULL || r->index >= topic->partition_count) {
            continue;
        }
        r->dir->logs--;
        open_replica(r);
        struct metadata_local_change change = {.topic_id = r->topic_id,
                                               .topic = topic->name,
                                               .index = r->index,
                                               .after = metadata_partition(topic, r->index)};
        apply_change(broker, &change);
    }
}

/* Before any log is opened: what does not belong here, and moves that the last process began. */
static void scan_dirs(struct broker *broker, const struct metadata_image *image)
{
    broker->replicas->scanned = true;
    for (size_t i = 0; i < broker->dirs->count; i++) {
        struct broker_dir *dir = broker->dirs->items[i];
        if (dir->online) {
            replicas_set_strays_aside(dir, image);
        }
    }
    for (size_t i = 0; broker->dirs->count > 1 && i < broker->dirs->count; i++) {
        struct broker_dir *dir = broker->dirs->items[i];
        if (dir->online) {
            replica_moves_find(dir, image);
        }
    }
    for (size_t i = 0; i < broker->dirs->count; i++) {
        struct broker_dir *dir = broker->dirs->items[i];
        if (dir->online) {
            replicas_checkpoints_prune(dir);
        }
    }
}

void broker_replicas_apply(struct broker *broker, const struct metadata_image *before,
                           const struct metadata_image *after)
{
    struct arena arena = {0};
    struct metadata_local_changes changes =
        metadata_local_changes(before, after, broker->id, &arena);
    bool first = !broker->replicas->scanned;
    if (first) {
        scan_dirs(broker, after);
    }
    for (size_t i = 0; i < changes.delete_count; i++) {
        delete_replica(broker, &changes.deletes[i]);
    }
    for (size_t i = 0; i < changes.leader_count; i++) {
        apply_change(broker, &changes.leaders[i]);
    }
    for (size_t i = 0; i < changes.follower_count; i++) {
        apply_change(broker, &changes.followers[i]);
    }
    if (first) {
        replica_moves_resume(broker, after);
    }
    arena_fini(&arena);
}

/* ---- a directory fails ---- */

static void take_offline(struct replica *r)
{
    broker_fetcher_remove(r);
    stop_serving(r, ERR_KAFKA_STORAGE_ERROR);
    broker_assign_forget(r);
    replica_move_give_up(r, true); /* what was copied may be all that is left */
    replica_log_give_up(r);
}

void broker_replicas_dirs_failed(struct broker *broker)
{
    size_t at = 0;
    for (struct replica *r = broker_replicas_next(broker, &at); r != NULL;
         r = broker_replicas_next(broker, &at)) {
        struct replica_move_view future;
        if (r->dir != NULL && !r->dir->online) {
            take_offline(r);
        } else if (replica_move_view(r, &future) && !future.to->online) {
            replica_move_give_up(r, true);
            broker_assign_check(r);
        }
    }
}

/* A smaller min.insync.replicas lets the high watermark go on at once. */
static void configure(struct replica *r)
{
    replica_log_configure(r);
    if (r->part.role == PARTITION_ROLE_LEADER && replica_is_online(r)) {
        struct partition_eligibility may_join = replica_eligibility(r);
        struct partition_effects effects;
        partition_check_lag(&r->part, net_now_ms(r->broker->loop), &may_join, &effects);
        replica_obey(r, &effects);
    }
}

void broker_replicas_settings_changed(struct broker *broker)
{
    size_t at = 0;
    for (struct replica *r = broker_replicas_next(broker, &at); r != NULL;
         r = broker_replicas_next(broker, &at)) {
        configure(r);
    }
}

void broker_replicas_topic_changed(struct broker *broker, struct slice topic)
{
    const struct metadata_topic *known = metadata_topic_by_name(broker->image, topic);
    for (int32_t i = 0; known != NULL && i < known->partition_count; i++) {
        struct replica *r = broker_replica(broker, known->id, i);
        if (r != NULL) {
            configure(r);
        }
    }
}

/* ---- producers that have gone away ---- */

static void set_expiry_timer(struct broker *broker)
{
    net_timer_set(&broker->replicas->expiry_timer,
                  settings_int(broker->settings, "producer.id.expiration.check.interval.ms"));
}

static void expire_producers(void *arg)
{
    struct broker *broker = arg;
    int64_t before_ms =
        net_wall_ms(broker->loop) - settings_int(broker->settings, "producer.id.expiration.ms");
    size_t at = 0;
    for (struct replica *r = broker_replicas_next(broker, &at); r != NULL;
         r = broker_replicas_next(broker, &at)) {
        producers_expire(&r->producers, before_ms);
    }
    set_expiry_timer(broker);
}

/* ---- start and end ---- */

static void start_dir(struct broker_dir *dir)
{
    const struct broker *broker = dir->broker;
    enum err e = replicas_checkpoints_read(dir);
    if (e == ERR_NONE) {
        e = store_clean_mark_take(broker->fs, dir->path, &dir->clean, &dir->previous_epoch);
    }
    if (e != ERR_NONE) {
        broker_dir_fail(dir, err_text(e));
        return;
    }
    replicas_remove_deleted(dir);
}

void broker_replicas_start(struct broker *broker)
{
    struct broker_replicas *replicas = MEM_NEW(struct broker_replicas);
    broker->replicas = replicas;
    replicas->broker = broker;
    list_init(&replicas->flushes);
    list_init(&replicas->removals);
    list_init(&replicas->moves);
    replicas->files = store_files_new(broker->fs, REPLICAS_OPEN_FILES_MAX);
    broker_idle_files_start(&replicas->idle_files, broker->loop, replicas->files);
    replicas->queue = net_work_queue_new(broker->loop, "craft-disk", 1);
    for (size_t i = 0; i < broker->dirs->count; i++) {
        if (broker->dirs->items[i]->online) {
            start_dir(broker->dirs->items[i]);
        }
    }
    replicas_checkpoints_start(broker);
    net_timer_init(&replicas->expiry_timer, broker->loop, expire_producers, broker);
    net_timer_init(&replicas->reopen_timer, broker->loop, reopen, broker);
    set_expiry_timer(broker);
}

static void close_logs(struct broker *broker)
{
    size_t at = 0;
    for (struct replica *r = broker_replicas_next(broker, &at); r != NULL;
         r = broker_replicas_next(broker, &at)) {
        broker_fetcher_remove(r);
        stop_serving(r, ERR_NOT_LEADER_OR_FOLLOWER);
        if (replica_log_close(r) != ERR_NONE && r->dir != NULL) {
            r->dir->left_dirty = true;
        }
    }
}

/* The mark of a clean shutdown, where everything was closed; what was never opened is as clean as
 * the last process left it. */
static void close_dir(struct broker_dir *dir)
{
    const struct broker *broker = dir->broker;
    bool opened = broker->replicas->scanned;
    bool clean =
        opened ? !dir->left_dirty && replicas_checkpoints_write(dir) == ERR_NONE : dir->clean;
    if (clean) {
        int64_t epoch = opened ? broker->epoch : dir->previous_epoch;
        clean = store_clean_mark_put(broker->fs, dir->path, epoch) == ERR_NONE;
    }
    log_info(broker->log, "replicas", "closed", "dir=%s clean=%d", dir->path, clean);
}

void broker_replicas_close(struct broker *broker)
{
    struct broker_replicas *replicas = broker->replicas;
    if (replicas->scanned) {
        replicas_checkpoints_stop(broker);
        replica_moves_close(broker);
        close_logs(broker);
    }
    for (size_t i = 0; i < broker->dirs->count; i++) {
        if (broker->dirs->items[i]->online) {
            close_dir(broker->dirs->items[i]);
        }
    }
}

static void free_preferences(struct map *map)
{
    size_t at = 0;
    for (void *wish = map_next(map, &at); wish != NULL; wish = map_next(map, &at)) {
        mem_free(wish);
    }
    map_fini(map);
}

void broker_replicas_free(struct broker *broker)
{
    struct broker_replicas *replicas = broker->replicas;
    if (replicas == NULL) {
        return;
    }
    replicas_checkpoints_stop(broker);
    net_timer_stop(&replicas->expiry_timer);
    broker_idle_files_stop(&replicas->idle_files);
    net_timer_stop(&replicas->reopen_timer);
    replicas->ending = true;
    replica_flushes_detach(broker);
    net_work_queue_free(replicas->queue);
    replica_moves_free(broker);
    replicas_removals_drop(broker);
    size_t at = 0;
    for (struct replica *r = broker_replicas_next(broker, &at); r != NULL;
         r = broker_replicas_next(broker, &at)) {
        replica_log_give_up(r);
        free_replica(r);
    }
    map_fini(&replicas->by_key);
    free_preferences(&replicas->preferred);
    store_files_free(replicas->files);
    mem_free(replicas);
    broker->replicas = NULL;
}
