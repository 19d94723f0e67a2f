/* A leader's answer: append what came, cut where the logs diverge, note who must be asked later. */
#include "broker/fetcher_private.h"
#include "broker/replica_flush.h"
#include "broker/replica_log.h"
#include "broker/replica_move.h"
#include "broker/replica_trim.h"
#include "wire/batch.h"

#define RESPONSE_PARTITION struct wire_fetch_response_responses_partitions

/* Walks the whole batches in `records` (the last one may be cut off by the byte limit) and checks
 * what a broken leader or wire could have done to them. `*len` is where the whole ones end. */
static enum err check_batches(const struct replica *r, struct slice records, size_t *len)
{
    int64_t next = r->part.log_end_offset;
    struct wire_batches it = wire_batches_of(records);
    for (;;) {
        struct wire_batch batch;
        bool got;
        TRY(wire_batch_next(&it, &batch, &got));
        if (!got) {
            *len = records.len - it.rest.len;
            return ERR_NONE;
        }
        if (batch.base_offset < next || batch.leader_epoch > r->part.state.leader_epoch) {
            return ERR_CORRUPT_MESSAGE;
        }
        TRY(wire_batch_check_crc(&batch));
        next = wire_batch_last_offset(&batch) + 1;
    }
}

/* DeleteRecords may have moved the leader's log start into a batch, which comes whole: an empty log
 * that waits for that offset begins with the batch. follow_log_start() goes back to the offset. */
static enum err begin_with_batch(struct replica *r, struct slice records)
{
    struct wire_batches it = wire_batches_of(records);
    struct wire_batch first;
    bool got;
    TRY(wire_batch_next(&it, &first, &got));
    int64_t end = r->part.log_end_offset;
    bool is_empty = r->part.log_start_offset == end;
    if (got && is_empty && first.base_offset < end && wire_batch_last_offset(&first) >= end) {
        return replica_log_restart(r, first.base_offset);
    }
    return ERR_NONE;
}

static enum err append_records(struct fetch_partition *p, const RESPONSE_PARTITION *answer)
{
    struct replica *r = p->replica;
    size_t len = 0;
    if (!slice_is_null(answer->records)) {
        TRY(begin_with_batch(r, answer->records));
        TRY(check_batches(r, answer->records, &len));
    }
    if (len > 0) {
        struct slice whole = slice_of(answer->records.data, len);
        TRY(store_log_append(r->log, &whole, 1, net_wall_ms(r->broker->loop)));
        TRY(replica_flush_appended(r)); /* before the next fetch tells that we have it */
        replica_log_note_producers(r, whole);
        replica_move_appended(r);
        fetch_partition_changed(p);
    }
    struct partition_effects effects;
    partition_follower_appended(&r->part, store_log_end_offset(r->log), answer->high_watermark,
                                &effects);
    replica_obey(r, &effects);
    return ERR_NONE;
}

/* The leader removed the beginning of its log (DeleteRecords, retention): so do we. */
static enum err follow_log_start(struct fetch_partition *p, int64_t leader_start)
{
    struct replica *r = p->replica;
    if (leader_start <= r->part.log_start_offset || leader_start > r->part.log_end_offset) {
        return ERR_NONE;
    }
    TRY(replica_follow_start(r, leader_start));
    fetch_partition_changed(p);
    return ERR_NONE;
}

static enum err cut_divergence(struct fetch_partition *p, const RESPONSE_PARTITION *answer)
{
    struct replica *r = p->replica;
    int32_t epoch = answer->diverging_epoch.epoch;
    struct store_epoch_end own = {-1, r->part.log_end_offset};
    if (epoch >= 0) {
        own = store_log_epoch_end(r->log, epoch);
    }
    struct partition_truncation cut = partition_diverged(
        &r->part, epoch, answer->diverging_epoch.end_offset, own.epoch, own.end_offset);
    fetch_partition_changed(p);
    return replica_log_truncate(r, max_i64(cut.offset, r->part.log_start_offset));
}

static enum err take_answer(struct fetch_partition *p, const RESPONSE_PARTITION *answer)
{
    if (answer->diverging_epoch.end_offset >= 0) {
        return cut_divergence(p, answer);
    }
    TRY(append_records(p, answer));
    return follow_log_start(p, answer->log_start_offset);
}

static void take_error(struct fetch_partition *p, enum err error)
{
    struct replica *r = p->replica;
    if (error == ERR_OFFSET_OUT_OF_RANGE) {
        fetch_partition_resolve(p);
        return;
    }
    log_debug(r->broker->log, "fetcher", "partition refused",
              "partition=%s-%d leader=%d epoch=%d error=%s", r->topic, r->index,
              p->source->leader_id, p->sent_epoch, err_name(error));
    fetch_partition_back_off(p);
}

/* Only an answer to the present position counts: the partition may have been cut, may have got a
 * new leader or another life since the request went out. One that a later request names gets its
 * answer from that. */
static bool is_current(const struct fetch_source *source, const struct fetch_partition *p,
                       uint64_t request)
{
    return p != NULL && p->source == source && p->in_session && !p->resolving &&
           p->sent_in <= request && p->sent_offset == p->replica->part.log_end_offset &&
           p->sent_epoch == p->replica->part.state.leader_epoch;
}

/* Bytes for a replica that is being moved: when the rate is used up it pauses. */
static void count_throttled(struct fetch_partition *p, int64_t bytes)
{
    struct replica *r = p->replica;
    if (bytes > 0 && r->config.follower_throttled) {
        broker_throttle_take(&r->broker->follower_throttle, bytes, net_now_ms(r->broker->loop));
        fetch_partition_maybe_pause(p);
    }
}

static void apply_partition(struct fetch_source *source, struct uuid topic_id,
                            const RESPONSE_PARTITION *answer, uint64_t request)
{
    struct replica *r = broker_replica(source->broker, topic_id, answer->partition_index);
    struct fetch_partition *p = r == NULL ? NULL : r->fetcher_state;
    if (!is_current(source, p, request)) {
        return;
    }
    enum err error = (enum err)answer->error_code;
    if (error != ERR_NONE) {
        take_error(p, error);
        return;
    }
    enum err e = take_answer(p, answer);
    if (e == ERR_NONE) {
        p->backoff_ms = 0;
        count_throttled(p, (int64_t)answer->records.len);
        return;
    }
    log_warn(r->broker->log, "fetcher", "answer not used",
             "partition=%s-%d leader=%d offset=%" PRId64 " error=%s", r->topic, r->index,
             source->leader_id, p->sent_offset, err_name(e));
    if (replica_is_disk_error(r, e)) {
        replica_offline(r, err_text(e));
        broker_fetcher_remove(r);
        return;
    }
    fetch_partition_back_off(p);
}

static void apply_session(struct fetch_source *source, const struct wire_fetch_response *response)
{
    source->session_id = response->session_id;
    if (response->session_id != FETCH_NO_SESSION) {
        source->session_epoch = fetch_next_epoch(source->session_epoch);
    } else {
        /* No room for a session there: everything has to be named in each request. */
        source->session_epoch = FETCH_EPOCH_FULL;
    }
}

void fetch_response_apply(struct fetch_source *source, const struct wire_fetch_response *response,
                          uint64_t request)
{
    if (request == source->requests) {
        apply_session(source, response);
    }
    for (int t = 0; t < response->responses_count; t++) {
        const struct wire_fetch_response_responses *topic = &response->responses[t];
        for (int i = 0; i < topic->partitions_count; i++) {
            apply_partition(source, topic->topic_id, &topic->partitions[i], request);
        }
    }
    if (source->session_id == FETCH_NO_SESSION) {
        LIST_EACH(node, &source->partitions)
        {
            struct fetch_partition *p = LIST_ENTRY(node, struct fetch_partition, node);
            if (!net_timer_is_set(&p->backoff_timer) && !p->resolving) {
                fetch_partition_changed(p);
            }
        }
    }
}
