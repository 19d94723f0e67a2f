/* Raising log starts, and waiting for the low watermark. */
#include "broker/replica_trim.h"

#include "broker/replica_move.h"
#include "broker/replicas_private.h"

/* ---- raising ---- */

/* Segments that lie wholly below are renamed now; to unlink large files takes long, and somebody
 * may just be reading them. */
static enum err raise_start(struct replica *r, int64_t offset)
{
    struct settings_view view = broker_settings_view(r->broker);
    int64_t delay_ms = settings_topic_long(&view, slice_str(r->topic), "file.delete.delay.ms");
    enum err e = store_log_set_start(r->log, offset);
    replicas_empty_later(r->broker, store_log_take_trash(r->log), delay_ms);
    if (e != ERR_NONE) {
        return e;
    }
    r->part.log_start_offset = offset;
    r->part.high_watermark = max_i64(r->part.high_watermark, offset);
    replica_move_changed(r);
    replicas_checkpoints_hurry(r->broker);
    return ERR_NONE;
}

static enum err lead_start(struct replica *r, int64_t offset)
{
    enum err e = raise_start(r, offset);
    if (e == ERR_NONE) {
        replica_log_start_moved(r);
        return ERR_NONE;
    }
    if (replica_is_disk_error(r, e)) {
        replica_offline(r, err_text(e));
    }
    return ERR_KAFKA_STORAGE_ERROR;
}

enum err replica_trim(struct replica *r, int64_t *offset)
{
    TRY(replica_check_leader(r, -1));
    if (!r->config.delete) {
        return ERR_POLICY_VIOLATION;
    }
    if (*offset == REPLICA_TRIM_TO_HIGH_WATERMARK) {
        *offset = r->part.high_watermark;
    }
    if (*offset < 0 || *offset > r->part.high_watermark) {
        return ERR_OFFSET_OUT_OF_RANGE;
    }
    if (*offset > r->part.log_start_offset) {
        log_info(r->broker->log, "replica", "records deleted",
                 "partition=%s-%d from=%" PRId64 " to=%" PRId64, r->topic, r->index,
                 r->part.log_start_offset, *offset);
        return lead_start(r, *offset);
    }
    return ERR_NONE;
}

enum err replica_follow_start(struct replica *r, int64_t leader_start)
{
    return raise_start(r, leader_start);
}

/* ---- waiting ---- */

int64_t replica_low_watermark(const struct replica *r)
{
    struct partition_eligibility alive = replica_eligibility(r);
    return partition_low_watermark(&r->part, &alive);
}

void replica_wait_low(struct replica *r, struct replica_low *low, int64_t required_offset)
{
    ASSERT(replica_low_watermark(r) < required_offset);
    low->required_offset = required_offset;
    list_add_tail(&r->starts_waiting, &low->node);
}

/* What is told may end the waits of others, so the search begins anew each time. */
static struct replica_low *next_done(const struct replica *r, int64_t low_watermark)
{
    LIST_EACH(node, &r->starts_waiting)
    {
        struct replica_low *low = LIST_ENTRY(node, struct replica_low, node);
        if (low->required_offset <= low_watermark) {
            return low;
        }
    }
    return NULL;
}

void replica_check_low(struct replica *r)
{
    if (list_empty(&r->starts_waiting)) {
        return;
    }
    int64_t low_watermark = replica_low_watermark(r);
    for (struct replica_low *low = next_done(r, low_watermark); low != NULL;
         low = next_done(r, low_watermark)) {
        list_remove(&low->node);
        low->done(low, ERR_NONE, low_watermark);
    }
}

void broker_replicas_check_low(struct broker *broker)
{
    size_t at = 0;
    for (struct replica *r = broker_replicas_next(broker, &at); r != NULL;
         r = broker_replicas_next(broker, &at)) {
        replica_check_low(r);
    }
}

void replica_fail_lows(struct replica *r, enum err e)
{
    while (!list_empty(&r->starts_waiting)) {
        struct replica_low *low = LIST_ENTRY(r->starts_waiting.next, struct replica_low, node);
        list_remove(&low->node);
        low->done(low, e, -1);
    }
}
