/* Finding replicas, who waits on them, and obeying the replication core. */
#include "broker/replica.h"

#include "broker/dirs.h"
#include "broker/isr.h"
#include "broker/replica_place.h"
#include "broker/replica_trim.h"
#include "broker/replicas.h"
#include "metadata/metadata.h"

bool replica_is_online(const struct replica *r)
{
    return r->log != NULL && r->dir->online && !store_log_is_offline(r->log);
}

bool replica_is_disk_error(const struct replica *r, enum err e)
{
    return store_log_is_offline(r->log) || e == ERR_IO || e == ERR_NOT_FOUND;
}

static enum err find_in_topic(struct broker *broker, const struct metadata_topic *topic,
                              int32_t index, struct replica **out)
{
    if (index < 0 || index >= topic->partition_count) {
        return ERR_UNKNOWN_TOPIC_OR_PARTITION;
    }
    *out = broker_replica(broker, topic->id, index);
    if (*out == NULL) {
        return ERR_NOT_LEADER_OR_FOLLOWER;
    }
    return replica_is_online(*out) ? ERR_NONE : ERR_KAFKA_STORAGE_ERROR;
}

enum err broker_replica_find(struct broker *broker, struct slice topic, int32_t index,
                             struct replica **out)
{
    *out = NULL;
    const struct metadata_topic *found = metadata_topic_by_name(broker->image, topic);
    if (found == NULL) {
        return ERR_UNKNOWN_TOPIC_OR_PARTITION;
    }
    return find_in_topic(broker, found, index, out);
}

enum err broker_replica_find_id(struct broker *broker, struct uuid topic_id, int32_t index,
                                struct replica **out)
{
    *out = NULL;
    const struct metadata_topic *found = metadata_topic_by_id(broker->image, topic_id);
    if (found == NULL) {
        return ERR_UNKNOWN_TOPIC_ID;
    }
    return find_in_topic(broker, found, index, out);
}

enum err replica_check_leader(const struct replica *r, int32_t current_leader_epoch)
{
    /* The epoch first: a client with newer or older metadata must learn that, not that we do not
     * lead (KIP-320). */
    TRY(partition_check_epoch(&r->part, current_leader_epoch));
    return r->part.role == PARTITION_ROLE_LEADER ? ERR_NONE : ERR_NOT_LEADER_OR_FOLLOWER;
}

/* ---- waiting for acknowledgement ---- */

static enum err ack_error(enum partition_ack state)
{
    return state == PARTITION_ACK_DONE ? ERR_NONE : ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND;
}

bool replica_wait_acked(struct replica *r, struct replica_ack *ack, int64_t required_offset,
                        enum err *e)
{
    ASSERT(r->part.role == PARTITION_ROLE_LEADER);
    ack->required_offset = required_offset;
    list_init(&ack->node);
    enum partition_ack state = partition_acked(&r->part, required_offset);
    if (state != PARTITION_ACK_WAIT) {
        *e = ack_error(state);
        return true;
    }
    /* Writes are appended in order, so the new one usually goes last. */
    struct list *before = &r->acks_waiting;
    while (before->prev != &r->acks_waiting &&
           LIST_ENTRY(before->prev, struct replica_ack, node)->required_offset > required_offset) {
        before = before->prev;
    }
    list_add_before(before, &ack->node);
    return false;
}

static void complete_acks(struct replica *r)
{
    while (!list_empty(&r->acks_waiting)) {
        struct replica_ack *ack = LIST_ENTRY(r->acks_waiting.next, struct replica_ack, node);
        enum partition_ack state = partition_acked(&r->part, ack->required_offset);
        if (state == PARTITION_ACK_WAIT) {
            return;
        }
        list_remove(&ack->node);
        ack->done(ack, ack_error(state));
    }
}

static void fail_acks(struct replica *r, enum err e)
{
    while (!list_empty(&r->acks_waiting)) {
        struct replica_ack *ack = LIST_ENTRY(r->acks_waiting.next, struct replica_ack, node);
        list_remove(&ack->node);
        ack->done(ack, e);
    }
}

/* ---- waiting for data ---- */

void replica_wait_data(struct replica *r, struct replica_wait *wait, bool for_consumer)
{
    wait->for_consumer = for_consumer;
    list_add_tail(&r->data_waiting, &wait->node);
}

/* What happened, to whom. */
enum told { NOT_TOLD, NOTED, WOKEN };

/* None of them reads or waits again before the turn is over, so the list does not grow here. */
static void tell(struct replica *r, enum told followers, enum told consumers)
{
    LIST_EACH(node, &r->data_waiting)
    {
        struct replica_wait *wait = LIST_ENTRY(node, struct replica_wait, node);
        enum told told = wait->for_consumer ? consumers : followers;
        if (told == WOKEN) {
            list_remove(node);
            wait->wake(wait);
        } else if (told == NOTED) {
            wait->note(wait);
        }
    }
}

void replica_data_appended(struct replica *r)
{
    tell(r, WOKEN, NOT_TOLD);
}

void replica_log_start_moved(struct replica *r)
{
    tell(r, WOKEN, NOTED);
}

void replica_state_changed(struct replica *r)
{
    tell(r, NOTED, NOTED);
}

void replica_obey(struct replica *r, const struct partition_effects *effects)
{
    if (effects->high_watermark_moved) {
        complete_acks(r);
        tell(r, NOTED, WOKEN);
    }
    if (effects->isr_wanted) {
        broker_isr_queue(r);
    }
    if (effects->log_starts_moved) {
        replica_check_low(r);
    }
}

void replica_end_waits(struct replica *r, enum err e)
{
    fail_acks(r, e);
    replica_fail_lows(r, e);
    tell(r, WOKEN, WOKEN);
}

void replica_offline(struct replica *r, const char *why)
{
    log_error(r->broker->log, "replica", "log is offline", "partition=%s-%d dir=%s reason=\"%s\"",
              r->topic, r->index, r->dir->path, why);
    broker_dir_fail(r->dir, why);
}

/* ---- eligibility ---- */

/* A broker whose directory of this replica has failed is as good as gone. */
static bool may_join_isr(void *arg, int32_t broker_id, int64_t *broker_epoch)
{
    const struct replica *r = arg;
    const struct metadata_broker *known = metadata_broker(r->broker->image, broker_id);
    *broker_epoch = known == NULL ? -1 : known->epoch;
    return known != NULL && metadata_broker_is_active(known) &&
           metadata_broker_dir_online(known, replica_dir_of(r, broker_id));
}

struct partition_eligibility replica_eligibility(const struct replica *r)
{
    return (struct partition_eligibility){may_join_isr, (void *)(uintptr_t)r};
}
