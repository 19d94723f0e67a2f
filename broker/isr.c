/* AlterPartition: proposals batched into one request at a time, and the search for laggards. */
#include "broker/isr.h"

#include "base/mem.h"
#include "broker/channel.h"
#include "broker/replicas.h"
#include "wire/messages.h"

enum {
    ISR_REQUEST_TIMEOUT_MS = 5000,
    ISR_RETRY_MS = 50,    /* after an error that time mends */
    ISR_BATCH_MAX = 1000, /* partitions in a request: bounds it and the controller's operation */
    ALTER_PARTITION_VERSION = 3
};

/* A partition of the request in flight. The replica is looked up again when the answer comes: it
 * may have gone. */
struct isr_sent {
    struct uuid topic_id;
    int32_t index;
    int32_t leader_epoch;
};

struct broker_isr {
    struct broker *broker;
    struct list queue; /* struct replica.in_isr_queue */
    bool flush_deferred;
    bool in_flight;
    struct isr_sent sent[ISR_BATCH_MAX];
    int sent_count;
    struct net_timer retry_timer;
    struct net_timer lag_timer;
};

static void flush(void *arg);

static void want_flush(struct broker_isr *isr)
{
    if (!isr->flush_deferred && !isr->in_flight && !net_timer_is_set(&isr->retry_timer) &&
        !list_empty(&isr->queue)) {
        isr->flush_deferred = true;
        net_defer(isr->broker->loop, flush, isr);
    }
}

void broker_isr_queue(struct replica *r)
{
    struct broker_isr *isr = r->broker->isr;
    if (list_empty(&r->in_isr_queue)) {
        list_add_tail(&isr->queue, &r->in_isr_queue);
    }
    want_flush(isr);
}

void broker_isr_forget(struct replica *r)
{
    list_remove(&r->in_isr_queue);
}

static void retry_now(void *arg)
{
    want_flush(arg);
}

static void retry_later(struct broker_isr *isr)
{
    if (!net_timer_is_set(&isr->retry_timer)) {
        net_timer_set(&isr->retry_timer, ISR_RETRY_MS);
    }
}

/* ---- the answer ---- */

static struct partition_state
answered_state(const struct replica *r,
               const struct wire_alter_partition_response_topics_partitions *p)
{
    struct partition_state state = r->part.state; /* the replicas are not in the answer */
    state.leader = p->leader_id;
    state.leader_epoch = p->leader_epoch;
    state.partition_epoch = p->partition_epoch;
    state.recovering = p->leader_recovery_state == METADATA_RECOVERING;
    state.isr_count = (int)min_i64(p->isr_count, PARTITION_REPLICAS_MAX);
    for (int i = 0; i < state.isr_count; i++) {
        state.isr[i] = p->isr[i];
    }
    return state;
}

static void take_answer(struct broker_isr *isr, const struct isr_sent *sent, enum err error,
                        const struct wire_alter_partition_response_topics_partitions *p)
{
    struct replica *r = broker_replica(isr->broker, sent->topic_id, sent->index);
    if (r == NULL || !r->part.proposal_in_flight ||
        r->part.proposal.leader_epoch != sent->leader_epoch) {
        return;
    }
    struct partition_effects effects;
    struct partition_state state;
    if (error == ERR_NONE) {
        state = answered_state(r, p);
    }
    enum partition_isr_outcome outcome =
        partition_isr_answered(&r->part, error, error == ERR_NONE ? &state : NULL,
                               net_now_ms(isr->broker->loop), &effects);
    log_debug(isr->broker->log, "isr", "answered", "partition=%s-%d error=%s isr_count=%d",
              r->topic, r->index, err_name(error), r->part.state.isr_count);
    replica_obey(r, &effects);
    replica_state_changed(r);
    if (outcome == PARTITION_ISR_RETRY) {
        list_remove(&r->in_isr_queue);
        list_add_tail(&isr->queue, &r->in_isr_queue);
        retry_later(isr);
    }
}

static const struct wire_alter_partition_response_topics_partitions *
find_answer(const struct wire_alter_partition_response *response, const struct isr_sent *sent)
{
    for (int t = 0; t < response->topics_count; t++) {
        const struct wire_alter_partition_response_topics *topic = &response->topics[t];
        for (int i = 0; uuid_eq(topic->topic_id, sent->topic_id) && i < topic->partitions_count;
             i++) {
            if (topic->partitions[i].partition_index == sent->index) {
                return &topic->partitions[i];
            }
        }
    }
    return NULL;
}

static void on_answer(void *arg, enum err e, const void *response, struct net_response *raw)
{
    (void)raw;
    struct broker_isr *isr = arg;
    const struct wire_alter_partition_response *answer = response;
    isr->in_flight = false;
    if (e == ERR_NONE) {
        e = (enum err)answer->error_code;
    }
    for (int i = 0; i < isr->sent_count; i++) {
        const struct wire_alter_partition_response_topics_partitions *p =
            e == ERR_NONE ? find_answer(answer, &isr->sent[i]) : NULL;
        enum err error = e != ERR_NONE ? e
                         : p == NULL   ? ERR_UNKNOWN_SERVER_ERROR
                                       : (enum err)p->error_code;

        take_answer(isr, &isr->sent[i], error, p);
    }
    isr->sent_count = 0;
    want_flush(isr);
}

static bool not_controller(const void *response)
{
    return ((const struct wire_alter_partition_response *)response)->error_code ==
           ERR_NOT_CONTROLLER;
}

/* ---- the request ---- */

static void fill_partition(const struct replica *r, const struct partition_proposal *proposal,
                           struct wire_alter_partition_request_topics_partitions *out,
                           struct arena *arena)
{
    out->partition_index = r->index;
    out->leader_epoch = proposal->leader_epoch;
    out->partition_epoch = proposal->partition_epoch;
    out->leader_recovery_state = METADATA_RECOVERED;
    out->new_isr_with_epochs =
        arena_array(arena, (size_t)proposal->isr_count, sizeof out->new_isr_with_epochs[0]);
    out->new_isr_with_epochs_count = proposal->isr_count;
    for (int i = 0; i < proposal->isr_count; i++) {
        out->new_isr_with_epochs[i].broker_id = proposal->isr[i];
        out->new_isr_with_epochs[i].broker_epoch = proposal->broker_epochs[i];
    }
}

/* The proposal to send: a new one, or the one that an error left in place. */
static bool proposal_of(struct replica *r, struct partition_proposal *out)
{
    if (r->part.role == PARTITION_ROLE_LEADER && r->part.proposal_in_flight) {
        partition_repeat_proposal(&r->part, out);
        return true;
    }
    struct partition_eligibility may_join = replica_eligibility(r);
    return partition_propose_isr(&r->part, net_now_ms(r->broker->loop), &may_join, out);
}

/* Builds the request from the queue; one `topics` entry a partition, which is what the protocol
 * allows and what keeps this simple. */
static void fill_request(struct broker_isr *isr, struct arena *arena,
                         struct wire_alter_partition_request *request)
{
    request->broker_id = isr->broker->id;
    request->broker_epoch = isr->broker->epoch;
    request->topics = arena_array(arena, ISR_BATCH_MAX, sizeof request->topics[0]);
    while (!list_empty(&isr->queue) && isr->sent_count < ISR_BATCH_MAX) {
        struct replica *r = LIST_ENTRY(isr->queue.next, struct replica, in_isr_queue);
        list_remove(&r->in_isr_queue);
        struct partition_proposal proposal;
        if (!proposal_of(r, &proposal)) {
            continue;
        }
        struct wire_alter_partition_request_topics *topic =
            &request->topics[request->topics_count++];
        topic->topic_id = r->topic_id;
        topic->partitions = arena_array(arena, 1, sizeof topic->partitions[0]);
        topic->partitions_count = 1;
        fill_partition(r, &proposal, &topic->partitions[0], arena);
        isr->sent[isr->sent_count++] =
            (struct isr_sent){r->topic_id, r->index, proposal.leader_epoch};
        log_debug(isr->broker->log, "isr", "proposing",
                  "partition=%s-%d isr_count=%d partition_epoch=%d", r->topic, r->index,
                  proposal.isr_count, proposal.partition_epoch);
    }
}

static void flush(void *arg)
{
    struct broker_isr *isr = arg;
    isr->flush_deferred = false;
    if (isr->in_flight || isr->broker->epoch < 0) {
        return;
    }
    ASSERT(isr->sent_count == 0);
    struct arena arena = {0};
    struct wire_alter_partition_request request = {0};
    fill_request(isr, &arena, &request);
    if (isr->sent_count > 0) {
        isr->in_flight = true;
        struct broker_channel_call call = {.line = BROKER_CHANNEL_REQUESTS,
                                           .api = WIRE_API_ALTER_PARTITION,
                                           .version = ALTER_PARTITION_VERSION,
                                           .request = &request,
                                           .timeout_ms = ISR_REQUEST_TIMEOUT_MS,
                                           .not_controller = not_controller,
                                           .once = true, /* the core wants to know of each copy */
                                           .done = on_answer,
                                           .arg = isr};
        broker_channel_send(isr->broker->channel, &call);
    }
    arena_fini(&arena);
}

/* ---- laggards ---- */

/* Twice per lag time, as a laggard may be found late by half of it (KIP-16). */
static void check_lag(void *arg)
{
    struct broker_isr *isr = arg;
    struct broker *broker = isr->broker;
    int64_t now_ms = net_now_ms(broker->loop);
    size_t at = 0;
    for (struct replica *r = broker_replicas_next(broker, &at); r != NULL;
         r = broker_replicas_next(broker, &at)) {
        /* A leader with a broken log serves no fetch: its followers only seem to lag. */
        if (r->part.role == PARTITION_ROLE_LEADER && replica_is_online(r)) {
            struct partition_eligibility may_join = replica_eligibility(r);
            struct partition_effects effects;
            partition_check_lag(&r->part, now_ms, &may_join, &effects);
            replica_obey(r, &effects);
        }
    }
    net_timer_set(&isr->lag_timer, settings_long(broker->settings, "replica.lag.time.max.ms") / 2);
}

void broker_isr_start(struct broker *broker)
{
    struct broker_isr *isr = MEM_NEW(struct broker_isr);
    isr->broker = broker;
    list_init(&isr->queue);
    net_timer_init(&isr->retry_timer, broker->loop, retry_now, isr);
    net_timer_init(&isr->lag_timer, broker->loop, check_lag, isr);
    broker->isr = isr;
    net_timer_set(&isr->lag_timer, settings_long(broker->settings, "replica.lag.time.max.ms") / 2);
}

void broker_isr_free(struct broker *broker)
{
    struct broker_isr *isr = broker->isr;
    if (isr == NULL) {
        return;
    }
    if (isr->in_flight) {
        broker_channel_cancel(broker->channel, isr);
    }
    while (!list_empty(&isr->queue)) {
        list_remove(isr->queue.next);
    }
    net_timer_stop(&isr->retry_timer);
    net_timer_stop(&isr->lag_timer);
    net_undefer(broker->loop, flush, isr);
    mem_free(isr);
    broker->isr = NULL;
}
