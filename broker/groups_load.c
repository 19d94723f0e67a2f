/* Loading a shard: everything in the partition's log, a piece in each turn of the loop. */
#include "base/mem.h"
#include "broker/groups_private.h"
#include "wire/batch.h"

enum { LOAD_BYTES = 1 << 20, UNFOLDED_BYTES_MAX = 128 << 20 };

/* ---- records ---- */

static enum err replay_control(struct group_host *host, const struct wire_batch *batch,
                               const struct wire_record *record)
{
    int16_t type;
    TRY(wire_control_key_decode(record->key, &type));
    if (type == WIRE_CONTROL_COMMIT || type == WIRE_CONTROL_ABORT) {
        group_shard_end_transaction(host->shard, batch->producer_id, type == WIRE_CONTROL_COMMIT);
    }
    return ERR_NONE;
}

static enum err replay_record(struct group_host *host, const struct wire_batch *batch,
                              const struct wire_record *record)
{
    if (wire_batch_has(batch, WIRE_BATCH_CONTROL)) {
        return replay_control(host, batch, record);
    }
    bool transactional = wire_batch_has(batch, WIRE_BATCH_TRANSACTIONAL);
    /* A record that cannot be read is logged by the shard and left out. */
    enum err ignored = group_shard_replay(host->shard, transactional ? batch->producer_id : -1,
                                          record->key, record->value);
    (void)ignored;
    return ERR_NONE;
}

static enum err replay_batch(struct group_host *host, const struct wire_batch *batch)
{
    struct arena arena = {0};
    struct wire_records records;
    struct wire_record record;
    bool got = true;
    enum err e = wire_records_open(&records, batch, UNFOLDED_BYTES_MAX, &arena);
    while (e == ERR_NONE && got) {
        e = wire_record_next(&records, &record, &got);
        if (e == ERR_NONE && got && record.offset >= host->load_at) {
            e = replay_record(host, batch, &record);
        }
    }
    arena_fini(&arena);
    host->load_at = wire_batch_last_offset(batch) + 1;
    return e;
}

static enum err replay_bytes(struct group_host *host, struct slice bytes)
{
    struct wire_batches it = wire_batches_of(bytes);
    for (;;) {
        struct wire_batch batch;
        bool got;
        TRY(wire_batch_next(&it, &batch, &got));
        if (!got) {
            return ERR_NONE;
        }
        TRY(replay_batch(host, &batch));
    }
}

static enum err load_piece(struct group_host *host, struct replica *r)
{
    struct store_read_query query = {.offset = host->load_at,
                                     .end_offset = host->load_end,
                                     .max_bytes = LOAD_BYTES,
                                     .min_one = true};
    struct store_read read;
    TRY(store_log_read(r->log, &query, &read));
    if (read.length == 0) {
        host->load_at = host->load_end;
        return ERR_NONE;
    }
    uint8_t *bytes = mem_alloc(read.length);
    enum err e = store_read_copy(&read, bytes);
    if (e == ERR_NONE) {
        e = replay_bytes(host, slice_of(bytes, read.length));
    }
    mem_free(bytes);
    store_read_done(&read);
    return e;
}

/* ---- progress ---- */

static void finish(struct group_host *host)
{
    struct broker *broker = host->groups->broker;
    struct group_effects out = {0};
    log_debug(broker->log, "groups", "loaded", "partition=%d records_to=%" PRId64 " ms=%" PRId64,
              host->partition, host->load_end, net_now_ms(broker->loop) - host->load_began_ms);
    group_shard_loaded(host->shard, group_now(broker), &out);
    group_host_obey(host, &out);
}

/* By a timer that is due at once, so that others get their turn. */
static void next_piece(struct group_host *host)
{
    net_timer_set(&host->load_timer, 0);
}

static void load_some(void *arg)
{
    struct group_host *host = arg;
    struct replica *r = broker_replica(host->groups->broker, host->topic_id, host->partition);
    ASSERT(r != NULL); /* a replica that goes resigns first */
    if (host->load_at >= host->load_end) {
        finish(host);
        return;
    }
    enum err e = load_piece(host, r);
    if (e != ERR_NONE) {
        /* The shard stays in loading: clients are told so, operators by this line. */
        log_error(host->groups->broker->log, "groups", "loading failed",
                  "partition=%d offset=%" PRId64 " error=%s", host->partition, host->load_at,
                  err_name(e));
        return;
    }
    next_piece(host);
}

/* Everything from before this epoch is committed: what is replayed now stays. */
static void on_epoch_committed(struct replica_ack *ack, enum err e)
{
    struct group_host *host = container_of(ack, struct group_host, epoch_ack);
    if (e == ERR_NONE || e == ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND) {
        next_piece(host);
    }
}

void group_host_load(struct group_host *host, struct replica *r)
{
    host->load_at = r->part.log_start_offset;
    host->load_end = r->part.epoch_start_offset;
    host->load_began_ms = net_now_ms(r->broker->loop);
    host->epoch_ack.done = on_epoch_committed;
    net_timer_init(&host->load_timer, r->broker->loop, load_some, host);
    enum err e;
    if (replica_wait_acked(r, &host->epoch_ack, host->load_end, &e)) {
        next_piece(host);
    }
}

void group_host_load_stop(struct group_host *host)
{
    list_remove(&host->epoch_ack.node);
    net_timer_stop(&host->load_timer);
}
