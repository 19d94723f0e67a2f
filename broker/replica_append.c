/* Appending as the leader: check, stamp, one write, note. */
#include "broker/replica.h"
#include "broker/replica_flush.h"
#include "broker/replica_log.h"
#include "broker/replica_move.h"
#include "broker/validate.h"

/* An idempotent producer's retry is answered from what is known of the first attempt. */
static enum err check_producer(struct replica *r, const struct wire_batch *batch,
                               struct replica_append *append, bool *duplicate)
{
    *duplicate = false;
    if (batch->producer_id < 0) {
        return ERR_NONE;
    }
    struct producer_batch wanted = {.producer_id = batch->producer_id,
                                    .producer_epoch = batch->producer_epoch,
                                    .first_sequence = batch->base_sequence,
                                    .last_sequence = wire_batch_last_sequence(batch)};
    const struct producer_batch *known;
    enum err e = producer_check(&r->producers, &wanted, &known);
    if (e == ERR_DUPLICATE_SEQUENCE_NUMBER) {
        *duplicate = true;
        append->base_offset = known->first_offset;
        append->required_offset = known->last_offset + 1;
        append->log_append_time_ms = r->config.log_append_time ? known->timestamp_ms : -1;
        return ERR_NONE;
    }
    if (e == ERR_OUT_OF_ORDER_SEQUENCE_NUMBER) {
        log_debug(r->broker->log, "replica", "sequence out of order",
                  "partition=%s-%d producer=%" PRId64 " epoch=%d sequence=%d", r->topic, r->index,
                  batch->producer_id, batch->producer_epoch, batch->base_sequence);
    }
    return e;
}

/* Gives the batches the next offsets, in place: the bytes are ours by contract. */
static void stamp(struct replica *r, struct replica_append *append, struct slice batches,
                  int64_t now_ms)
{
    int64_t next = store_log_end_offset(r->log);
    bool append_time = append->from_client && r->config.log_append_time;
    append->base_offset = next;
    append->log_append_time_ms = append_time ? now_ms : -1;
    for (size_t at = 0; at < batches.len;) {
        uint8_t *bytes = (uint8_t *)(uintptr_t)batches.data + at;
        struct wire_batch batch;
        enum err e = wire_batch_parse(slice_of(bytes, batches.len - at), &batch);
        ASSERT(e == ERR_NONE);
        wire_batch_stamp(bytes, next, r->part.state.leader_epoch);
        if (append_time) {
            wire_batch_stamp_time(bytes, now_ms);
        }
        next += batch.last_offset_delta + 1;
        at += batch.bytes.len;
    }
    append->required_offset = next;
}

static void after_append(struct replica *r, struct slice batches)
{
    struct partition_eligibility may_join = replica_eligibility(r);
    struct partition_effects effects;
    replica_log_note_producers(r, batches);
    partition_appended(&r->part, store_log_end_offset(r->log), net_now_ms(r->broker->loop),
                       &may_join, &effects);
    replica_data_appended(r);
    replica_move_appended(r);
    replica_obey(r, &effects);
}

/* Told once per stretch of failures: a full disk refuses every request. */
static enum err append_failed(struct replica *r, enum err e)
{
    if (!r->append_fails) {
        log_error(r->broker->log, "replica", "append failed", "partition=%s-%d dir=%s error=%s",
                  r->topic, r->index, store_log_dir(r->log), err_name(e));
    }
    r->append_fails = true;
    bool disk = replica_is_disk_error(r, e);
    if (disk) {
        replica_offline(r, err_text(e));
    }
    return disk || e == ERR_NO_SPACE ? ERR_KAFKA_STORAGE_ERROR : e;
}

static enum err write_batches(struct replica *r, struct replica_append *append,
                              struct slice batches, int64_t now_ms)
{
    stamp(r, append, batches, now_ms);
    enum err e = store_log_append(r->log, &batches, 1, now_ms);
    if (e == ERR_NONE) {
        e = replica_flush_appended(r);
    }
    if (e != ERR_NONE) {
        return append_failed(r, e);
    }
    r->append_fails = false;
    after_append(r, batches);
    return ERR_NONE;
}

static enum err append_from_client(struct replica *r, struct replica_append *append, int64_t now_ms)
{
    struct wire_batch batch;
    bool duplicate;
    TRY(broker_validate_client_batch(r, append->batches, now_ms, &batch, &append->message));
    TRY(check_producer(r, &batch, append, &duplicate));
    if (duplicate) {
        return ERR_NONE;
    }
    if (!broker_needs_recompression(r, &batch)) {
        return write_batches(r, append, append->batches, now_ms);
    }
    struct buf recompressed = {0};
    enum err e = broker_recompress(r, &batch, &recompressed);
    if (e == ERR_NONE) {
        e = write_batches(r, append, buf_slice(&recompressed), now_ms);
    }
    buf_fini(&recompressed);
    return e;
}

enum err replica_append(struct replica *r, struct replica_append *append)
{
    append->message = NULL;
    append->log_append_time_ms = -1;
    TRY(replica_check_leader(r, -1));
    if (append->acks == -1) {
        TRY(partition_check_min_isr(&r->part));
    }
    int64_t now_ms = net_wall_ms(r->broker->loop);
    return append->from_client ? append_from_client(r, append, now_ms)
                               : write_batches(r, append, append->batches, now_ms);
}
