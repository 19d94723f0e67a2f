/* A load: an idempotent producer with acks=all and several batches in flight.
 *
 * Batches of a partition are sent in order. When one of them is not answered well, nothing more is
 * sent until all that is in flight has been answered or given up; then the batches are sent again
 * from the first, with the sequence numbers that they have: the broker knows those it has. */
#include "sim/cluster/ledger.h"
#include "sim/cluster/load.h"

#include "base/list.h"
#include "base/mem.h"
#include "wire/batch.h"

enum {
    IN_FLIGHT_MAX = 5, /* of one partition, as the broker remembers five batches */
    QUEUE_MAX = 10,
    PARTITIONS_MAX = 16,
    BATCH_RECORDS_MAX = 64,
    PRODUCE_TIMEOUT_MS = 3000,
    BACKOFF_MS = 100,
    VERSION_MIN = 7,
    VERSION_BY_ID = 13,
};

struct batch {
    struct list link; /* in partition->batches, in order */
    struct partition *partition;
    struct net_call *call; /* NULL: not in flight */
    int64_t first_value;
    int32_t count;
    int32_t sequence;
    int64_t number; /* of the batch, in its partition */
};

struct partition {
    struct producer *producer;
    int32_t index;
    int log; /* in the ledger */
    struct list batches;
    int queued;
    int in_flight;
    int32_t first_acked; /* the lowest sequence number that was acknowledged; INT32_MAX: none */
    bool draining;       /* one failed: no more until nothing is in flight */
    int32_t next_sequence;
    int64_t next_number;
    struct net_timer retry;
};

struct producer {
    struct sim_worker worker;
    const char *topic;
    int16_t version;
    struct uuid topic_id;
    int64_t producer_id; /* −1: not known yet */
    int16_t producer_epoch;
    struct partition partitions[PARTITIONS_MAX];
    int partition_count;
};

static void send_more(struct partition *p);
static void retry(void *arg);

/* ---- life ---- */

static void start(struct sim_worker *w)
{
    struct producer *p = (struct producer *)w;
    p->topic = sim_load_str(w->load, "topic", "a");
    p->version = (int16_t)prng_range(&w->client->prng, VERSION_MIN, VERSION_BY_ID);
    p->producer_id = -1;
    net_timer_set(&w->timer, sim_load_draw_ms(w, "every", "20ms..200ms"));
}

static void free_batch(struct batch *b)
{
    if (b->call != NULL) {
        net_call_cancel(b->call);
    }
    list_remove(&b->link);
    mem_free(b);
}

static void fini(struct sim_worker *w)
{
    struct producer *p = (struct producer *)w;
    for (int i = 0; i < p->partition_count; i++) {
        net_timer_stop(&p->partitions[i].retry);
        LIST_EACH(at, &p->partitions[i].batches)
        {
            free_batch(LIST_ENTRY(at, struct batch, link));
        }
    }
}

static bool is_idle(const struct sim_worker *w)
{
    const struct producer *p = (const struct producer *)w;
    for (int i = 0; i < p->partition_count; i++) {
        if (p->partitions[i].queued > 0) {
            return false;
        }
    }
    return true;
}

/* ---- who and where ---- */

static void on_producer_id(void *arg, enum err e, const void *response, struct net_response *raw)
{
    (void)raw;
    struct producer *p = arg;
    const struct wire_init_producer_id_response *r = response;
    p->worker.call = NULL;
    if (e == ERR_NONE && r->error_code == 0) {
        p->producer_id = r->producer_id;
        p->producer_epoch = r->producer_epoch;
        sim_net_trace(p->worker.client->world->net, "producer id %" PRId64, p->producer_id);
    }
}

static void ask_producer_id(struct producer *p)
{
    struct wire_init_producer_id_request request;
    wire_init(&wire_msg_init_producer_id_request, &request);
    request.transactional_id = SLICE_NULL;
    request.transaction_timeout_ms = 60000;
    p->worker.call = sim_client_ask(
        sim_client_any(p->worker.client),
        &(struct sim_ask){WIRE_API_INIT_PRODUCER_ID, 4, &request, on_producer_id, p});
}

/* Partitions may grow. A topic of another id is another topic: this one is gone. */
static bool learn_topic(struct producer *p)
{
    struct sim_client *c = p->worker.client;
    const struct wire_metadata_response_topics *t = sim_client_topic(c, p->topic);
    if (t == NULL || t->error_code != 0) {
        sim_client_refresh(c);
        return p->partition_count > 0;
    }
    if (p->partition_count == 0) {
        p->topic_id = t->topic_id;
    }
    if (!uuid_eq(p->topic_id, t->topic_id)) {
        return false;
    }
    while (p->partition_count < t->partitions_count && p->partition_count < PARTITIONS_MAX) {
        struct partition *part = &p->partitions[p->partition_count];
        *part = (struct partition){
            .producer = p, .index = p->partition_count++, .first_acked = INT32_MAX};
        part->log = sim_ledger_log(c->world->ledger, p->topic_id, p->topic, part->index);
        list_init(&part->batches);
        net_timer_init(&part->retry, c->loop, retry, part);
    }
    return true;
}

/* ---- batches ---- */

static void encode(const struct batch *b, struct buf *out)
{
    const struct producer *p = b->partition->producer;
    struct buf value = {0};
    struct wire_builder builder;
    struct wire_builder_options options = {WIRE_BUILDER_DEFAULTS};
    options.producer_id = p->producer_id;
    options.producer_epoch = p->producer_epoch;
    options.base_sequence = b->sequence;
    wire_builder_init(&builder, &options, out);
    size_t size = (size_t)sim_load_int(p->worker.load, "size", SIM_VALUE_MIN);
    for (int32_t i = 0; i < b->count; i++) {
        buf_reset(&value);
        sim_value_encode(b->first_value + i, size, &value);
        /* Of one attempt as of the next: the bytes are the same. */
        wire_builder_add(&builder, &(struct wire_record){.timestamp = 1000 + b->first_value,
                                                         .value = buf_slice(&value)});
    }
    wire_builder_finish(&builder);
    buf_fini(&value);
}

static void add_batch(struct partition *p)
{
    struct producer *producer = p->producer;
    struct sim_client *c = producer->worker.client;
    struct batch *b = MEM_NEW(struct batch);
    int64_t count_max = sim_load_int(producer->worker.load, "batch", 4);
    b->partition = p;
    b->count = (int32_t)prng_range(&c->prng, 1, min_i64(max_i64(count_max, 1), BATCH_RECORDS_MAX));
    b->sequence = p->next_sequence;
    p->next_sequence += b->count;
    b->number = p->next_number++;
    for (int32_t i = 0; i < b->count; i++) {
        int64_t value = sim_ledger_send(c->world->ledger, p->log);
        b->first_value = i == 0 ? value : b->first_value;
    }
    list_add_tail(&p->batches, &b->link);
    p->queued++;
}

static void batch_done(struct batch *b)
{
    b->partition->queued--;
    free_batch(b);
}

static void batch_acked(struct batch *b, int64_t base_offset)
{
    struct sim_ledger *ledger = b->partition->producer->worker.client->world->ledger;
    int32_t first = b->partition->first_acked;
    b->partition->first_acked = b->sequence < first ? b->sequence : first;
    for (int32_t i = 0; i < b->count; i++) {
        sim_ledger_acked(ledger, b->first_value + i, base_offset < 0 ? -1 : base_offset + i);
    }
    batch_done(b);
}

static void batch_not_written(struct batch *b)
{
    struct sim_ledger *ledger = b->partition->producer->worker.client->world->ledger;
    for (int32_t i = 0; i < b->count; i++) {
        sim_ledger_refused(ledger, b->first_value + i);
    }
    batch_done(b);
}

/* The first batch that is not acknowledged must always be the next one for the leader: if it says
 * otherwise it has lost what it acknowledged, or taken what it should not.
 *
 * One case is Kafka's own: a leader takes any sequence number of a producer that it does not know.
 * When the first batches were refused for a passing reason, a later one may have been taken. */
static void batch_refused(struct batch *b, enum err e)
{
    struct producer *p = b->partition->producer;
    if (err_class(e) == ERR_CLASS_RETRY || e == ERR_TIMED_OUT) {
        return;
    }
    bool is_first = b->partition->batches.next == &b->link;
    if (e == ERR_OUT_OF_ORDER_SEQUENCE_NUMBER && !is_first) {
        return;
    }
    if (e == ERR_OUT_OF_ORDER_SEQUENCE_NUMBER && b->sequence < b->partition->first_acked) {
        batch_not_written(b);
        return;
    }
    sim_fail(p->worker.client->world, "ProducerState: a batch that is due was refused",
             "%s-%d producer %" PRId64 " sequence %d: %s", p->topic, b->partition->index,
             p->producer_id, b->sequence, err_name(e));
}

static void on_produced(void *arg, enum err e, const void *response, struct net_response *raw)
{
    (void)raw;
    struct batch *b = arg;
    struct partition *p = b->partition;
    const struct wire_produce_response *r = response;
    int64_t offset = -1;
    b->call = NULL;
    p->in_flight--;
    if (e == ERR_NONE) {
        const struct wire_produce_response_responses_partition_responses *answer =
            &r->responses[0].partition_responses[0];
        e = (enum err)answer->error_code;
        offset = answer->base_offset;
    }
    log_debug(&p->producer->worker.client->machine->log, "produce", "answered",
              "partition=%s-%d sequence=%d count=%d error=%s offset=%" PRId64, p->producer->topic,
              p->index, b->sequence, b->count, err_name(e), offset);
    if (e == ERR_NONE || e == ERR_DUPLICATE_SEQUENCE_NUMBER) {
        batch_acked(b, e == ERR_NONE ? offset : -1);
    } else {
        batch_refused(b, e);
        p->draining = true;
        sim_client_refresh(p->producer->worker.client);
    }
    if (p->in_flight == 0 && p->draining) {
        p->draining = false;
        net_timer_set(&p->retry, BACKOFF_MS);
    } else {
        send_more(p);
    }
}

static void retry(void *arg)
{
    send_more(arg);
}

static void send_batch(struct partition *p, struct batch *b, const struct sim_leader *leader)
{
    struct producer *producer = p->producer;
    struct buf records = {0};
    encode(b, &records);
    struct wire_produce_request_topic_data_partition_data data = {p->index, buf_slice(&records)};
    struct wire_produce_request_topic_data topic = {.partition_data = &data,
                                                    .partition_data_count = 1};
    if (producer->version < VERSION_BY_ID) {
        topic.name = slice_str(producer->topic);
    } else {
        topic.topic_id = producer->topic_id;
    }
    struct wire_produce_request request;
    wire_init(&wire_msg_produce_request, &request);
    request.acks = -1;
    request.timeout_ms = PRODUCE_TIMEOUT_MS;
    request.topic_data = &topic;
    request.topic_data_count = 1;
    p->in_flight++;
    log_debug(&producer->worker.client->machine->log, "produce", "sent",
              "partition=%s-%d sequence=%d count=%d to=%d", producer->topic, p->index, b->sequence,
              b->count, leader->id);
    b->call = sim_client_ask(leader->net, &(struct sim_ask){WIRE_API_PRODUCE, producer->version,
                                                            &request, on_produced, b});
    buf_fini(&records);
}

static void send_more(struct partition *p)
{
    struct sim_leader leader;
    if (p->draining || net_timer_is_set(&p->retry) || p->queued == 0) {
        return;
    }
    if (!sim_client_leader(p->producer->worker.client, p->producer->topic, p->index, &leader)) {
        net_timer_set(&p->retry, BACKOFF_MS);
        return;
    }
    /* The broker knows the last five batches: behind the first that may have to be sent again,
     * there are never more, acknowledged ones included. */
    int64_t first = LIST_ENTRY(p->batches.next, struct batch, link)->number;
    LIST_EACH(at, &p->batches)
    {
        struct batch *b = LIST_ENTRY(at, struct batch, link);
        if (b->number >= first + IN_FLIGHT_MAX) {
            return;
        }
        if (b->call == NULL) {
            send_batch(p, b, &leader);
        }
    }
}

static void tick(void *arg)
{
    struct producer *p = arg;
    struct sim_client *c = p->worker.client;
    bool known = learn_topic(p);
    if (p->producer_id < 0 && p->worker.call == NULL) {
        ask_producer_id(p);
    }
    if (known && p->partition_count > 0 && p->producer_id >= 0 && !c->world->quiet) {
        struct partition *part = &p->partitions[prng_below(&c->prng, (uint64_t)p->partition_count)];
        if (part->queued < QUEUE_MAX) {
            add_batch(part);
            send_more(part);
        }
    }
    net_timer_set(&p->worker.timer, sim_load_draw_ms(&p->worker, "every", "20ms..200ms"));
}

static const char *const options[] = {"topic", "every", "batch", "size", NULL};

const struct sim_load_kind sim_load_produce = {
    .name = "produce",
    .options = options,
    .size = sizeof(struct producer),
    .start = start,
    .tick = tick,
    .is_idle = is_idle,
    .fini = fini,
};
