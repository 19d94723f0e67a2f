/* The table of hosted partitions, and following the metadata. */
#include "broker/replicas.h"

#include "base/mem.h"
#include "broker/fetcher.h"
#include "broker/groups.h"
#include "broker/isr.h"
#include "broker/replica_flush.h"
#include "broker/replica_log.h"
#include "broker/replica_trim.h"
#include "broker/replicas_private.h"

#define OFFSETS_TOPIC "__consumer_offsets"

static void make_key(struct uuid topic_id, int32_t index, uint8_t key[REPLICA_KEY_LEN])
{
    store_u64(key, topic_id.hi);
    store_u64(key + 8, topic_id.lo);
    store_u32(key + 16, (uint32_t)index);
}

struct replica *broker_replica(struct broker *broker, struct uuid topic_id, int32_t index)
{
    uint8_t key[REPLICA_KEY_LEN];
    make_key(topic_id, index, key);
    return map_get(&broker->replicas->by_key, slice_of(key, sizeof key));
}

struct replica *broker_replicas_next(const struct broker *broker, size_t *at)
{
    /* There are none yet when a start has failed early. */
    return broker->replicas == NULL ? NULL : map_next(&broker->replicas->by_key, at);
}

int64_t broker_replicas_previous_epoch(const struct broker *broker)
{
    return broker->replicas->previous_epoch;
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
    make_key(c->topic_id, c->index, r->key);
    map_put(&broker->replicas->by_key, slice_of(r->key, sizeof r->key), r);
    struct partition_config config = {.min_insync_replicas = 1, .replica_lag_time_max_ms = 0};
    partition_init(&r->part, broker->id, &config);
    replica_log_configure(r);
    enum err e = replica_log_open(r);
    if (e != ERR_NONE) {
        replica_offline(r, err_text(e));
    }
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
    replica_check_low(r); /* a replica that has gone is not waited for */
}

void broker_replicas_apply(struct broker *broker, const struct metadata_image *before,
                           const struct metadata_image *after)
{
    struct arena arena = {0};
    struct metadata_local_changes changes =
        metadata_local_changes(before, after, broker->id, &arena);
    if (!broker->replicas->scanned) {
        replicas_set_strays_aside(broker, after);
        broker->replicas->scanned = true;
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
    arena_fini(&arena);
}

void broker_replicas_settings_changed(struct broker *broker)
{
    size_t at = 0;
    for (struct replica *r = broker_replicas_next(broker, &at); r != NULL;
         r = broker_replicas_next(broker, &at)) {
        replica_log_configure(r);
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

enum err broker_replicas_start(struct broker *broker)
{
    struct broker_replicas *replicas = MEM_NEW(struct broker_replicas);
    broker->replicas = replicas;
    replicas->broker = broker;
    replicas->previous_epoch = -1;
    list_init(&replicas->flushes);
    list_init(&replicas->removals);
    replicas->files = store_files_new(broker->fs, REPLICAS_OPEN_FILES_MAX);
    replicas->queue = net_work_queue_new(broker->loop, "craft-disk", 1);
    TRY(replicas_checkpoints_read(broker));
    bool clean;
    TRY(store_clean_mark_take(broker->fs, broker->dir, &clean, &replicas->previous_epoch));
    replicas->clean = clean;
    replicas_remove_deleted(broker);
    replicas_checkpoints_start(broker);
    net_timer_init(&replicas->expiry_timer, broker->loop, expire_producers, broker);
    set_expiry_timer(broker);
    return ERR_NONE;
}

/* Closes every log; true if all of them are clean now. */
static bool close_logs(struct broker *broker)
{
    bool clean = true;
    size_t at = 0;
    for (struct replica *r = broker_replicas_next(broker, &at); r != NULL;
         r = broker_replicas_next(broker, &at)) {
        broker_fetcher_remove(r);
        stop_serving(r, ERR_NOT_LEADER_OR_FOLLOWER);
        clean = replica_log_close(r) == ERR_NONE && clean;
    }
    return clean;
}

void broker_replicas_close(struct broker *broker)
{
    struct broker_replicas *replicas = broker->replicas;
    if (!replicas->scanned) {
        /* No log was opened: they are as clean as the last process left them. */
        if (replicas->clean &&
            store_clean_mark_put(broker->fs, broker->dir, replicas->previous_epoch) != ERR_NONE) {
            log_warn(broker->log, "replicas", "clean mark not put back", "dir=%s", broker->dir);
        }
        return;
    }
    replicas_checkpoints_stop(broker);
    bool clean = close_logs(broker) && replicas_checkpoints_write(broker) == ERR_NONE;
    if (clean) {
        clean = store_clean_mark_put(broker->fs, broker->dir, broker->epoch) == ERR_NONE;
    }
    log_info(broker->log, "replicas", "closed", "clean=%d", clean);
}

void broker_replicas_free(struct broker *broker)
{
    struct broker_replicas *replicas = broker->replicas;
    if (replicas == NULL) {
        return;
    }
    replicas_checkpoints_stop(broker);
    if (replicas->expiry_timer.loop != NULL) {
        net_timer_stop(&replicas->expiry_timer);
    }
    net_work_queue_free(replicas->queue);
    replica_flushes_drop(broker);
    replicas_removals_drop(broker);
    size_t at = 0;
    for (struct replica *r = broker_replicas_next(broker, &at); r != NULL;
         r = broker_replicas_next(broker, &at)) {
        if (r->log != NULL) {
            replica_flush_detach(r);
            store_log_abandon(r->log);
        }
        free_replica(r);
    }
    map_fini(&replicas->by_key);
    replicas_checkpoints_fini(broker);
    store_files_free(replicas->files);
    mem_free(replicas);
    broker->replicas = NULL;
}
