/* Sending of records; see sender.h. */
#include "cli/sender.h"

#include <stdio.h>

#include "base/mem.h"
#include "base/prng.h"
#include "base/uuid.h"
#include "cli/lines.h"
#include "cli/outgoing.h"

enum {
    PRODUCE_VERSION = 9,
    BATCH_BYTES = 128 << 10, /* below any sensible max.message.bytes */
    REQUEST_BYTES_MAX = 4 << 20,
    PAUSE_MS = 100,
    COMPLAINTS_MAX = 10,
};

struct partition {
    struct list batches; /* the first may be under way, the last may be open */
    int32_t id;
    int32_t leader;
    int32_t sequence;      /* of the next record that is sent */
    struct flight *flight; /* what is under way; NULL: nothing */
};

/* A request to one leader, and the batches in it. */
struct flight {
    struct list link;
    struct sender *sender;
    struct net_call *call;
    int32_t leader;
};

struct sender {
    struct sender_options options;
    struct slice topic;
    struct net_loop *loop;
    struct partition *partitions;
    int32_t partition_count;
    struct list flights;
    struct producer_id producer;
    bool wants_producer; /* another one: who knows what was written by this one */
    struct prng prng;
    int32_t picked; /* partition for records without a key */
    size_t waiting_bytes;
    struct sender_counts counts;
    bool is_stale; /* the leaders may be others */
    int64_t refresh_ms;
    int complaints;
    char reason[160]; /* of the last failure that is tried again */
};

/* ---- life ---- */

static void learn_leaders(struct sender *s, const struct wire_metadata_response_topics *topic)
{
    for (int32_t i = 0; i < s->partition_count; i++) {
        const struct wire_metadata_response_topics_partitions *p = cluster_partition(topic, i);
        s->partitions[i].leader = p == NULL ? -1 : p->leader_id;
    }
}

struct sender *sender_new(const struct sender_options *options)
{
    struct sender *s = MEM_NEW(struct sender);
    s->options = *options;
    s->options.batch_bytes = options->batch_bytes == 0 ? BATCH_BYTES : options->batch_bytes;
    s->topic = options->topic->name;
    s->loop = client_loop(options->cluster->client);
    s->partition_count = options->topic->partitions_count;
    s->partitions = mem_zalloc((size_t)s->partition_count, sizeof *s->partitions);
    s->picked = -1;
    s->producer.id = -1;
    s->wants_producer = options->acks == -1;
    list_init(&s->flights);
    prng_init(&s->prng, uuid_random().lo);
    for (int32_t i = 0; i < s->partition_count; i++) {
        s->partitions[i].id = i;
        list_init(&s->partitions[i].batches);
    }
    learn_leaders(s, options->topic);
    return s;
}

static void free_batch(struct sender *s, struct outgoing *batch)
{
    s->waiting_bytes -= batch->bytes.len;
    list_remove(&batch->link);
    outgoing_free(batch);
}

void sender_free(struct sender *s)
{
    if (s == NULL) {
        return;
    }
    LIST_EACH(at, &s->flights)
    {
        struct flight *flight = LIST_ENTRY(at, struct flight, link);
        net_call_cancel(flight->call);
        mem_free(flight);
    }
    for (int32_t i = 0; i < s->partition_count; i++) {
        LIST_EACH(at, &s->partitions[i].batches)
        {
            free_batch(s, LIST_ENTRY(at, struct outgoing, link));
        }
    }
    mem_free(s->partitions);
    mem_free(s);
}

int32_t sender_partition_count(const struct sender *s)
{
    return s->partition_count;
}

size_t sender_waiting_bytes(const struct sender *s)
{
    return s->waiting_bytes;
}

struct sender_counts sender_counts(const struct sender *s)
{
    return s->counts;
}

bool sender_is_idle(const struct sender *s)
{
    return s->waiting_bytes == 0;
}

/* ---- batches ---- */

static struct outgoing *first_batch(const struct partition *p)
{
    return list_empty(&p->batches) ? NULL : LIST_ENTRY(p->batches.next, struct outgoing, link);
}

static struct outgoing *last_batch(const struct partition *p)
{
    return list_empty(&p->batches) ? NULL : LIST_ENTRY(p->batches.prev, struct outgoing, link);
}

static struct outgoing *open_batch(struct sender *s, struct partition *p)
{
    struct outgoing *batch = last_batch(p);
    if (batch != NULL && !batch->is_full) {
        return batch;
    }
    batch = outgoing_new(s->options.compression, net_now_ms(s->loop) + s->options.timeout_ms);
    s->waiting_bytes += batch->bytes.len;
    list_add_tail(&p->batches, &batch->link);
    return batch;
}

static void close_batch(struct sender *s, struct partition *p, struct outgoing *batch)
{
    if (!batch->is_closed) {
        s->waiting_bytes -= batch->bytes.len;
        outgoing_close(batch, &s->producer, p->sequence);
        s->waiting_bytes += batch->bytes.len;
        p->sequence = (int32_t)((p->sequence + batch->records) & INT32_MAX);
    }
}

void sender_add(struct sender *s, int32_t partition, const struct wire_record *record)
{
    ASSERT(partition >= 0 && partition < s->partition_count);
    struct partition *p = &s->partitions[partition];
    struct outgoing *batch = open_batch(s, p);
    size_t size = record->key.len + record->value.len + record->headers.len;
    if (batch->records > 0 && wire_builder_size(&batch->builder) + size > s->options.batch_bytes) {
        batch->is_full = true;
        batch = open_batch(s, p);
    }
    size_t before = batch->bytes.len;
    struct wire_record stamped = *record;
    stamped.timestamp = record->timestamp == -1 ? net_wall_ms(s->loop) : record->timestamp;
    outgoing_add(batch, &stamped);
    s->waiting_bytes += batch->bytes.len - before;
}

/* Partitions without a leader are passed over while there are others. */
static int32_t pick(struct sender *s)
{
    if (s->picked >= 0) {
        const struct outgoing *batch = last_batch(&s->partitions[s->picked]);
        if (batch != NULL && !batch->is_full &&
            wire_builder_size(&batch->builder) < s->options.batch_bytes) {
            return s->picked;
        }
    }
    int32_t next = s->picked >= 0 ? s->picked + 1
                                  : (int32_t)prng_below(&s->prng, (uint64_t)s->partition_count);
    for (int32_t i = 0; i < s->partition_count; i++) {
        int32_t at = (next + i) % s->partition_count;
        if (s->partitions[at].leader >= 0) {
            next = at;
            break;
        }
    }
    s->picked = next % s->partition_count;
    return s->picked;
}

int32_t sender_partition_of(struct sender *s, struct slice key)
{
    return slice_is_null(key) ? pick(s) : lines_partition(key, s->partition_count);
}

/* ---- results ---- */

static void succeed(struct sender *s, struct partition *p)
{
    struct outgoing *batch = first_batch(p);
    s->counts.records += batch->records;
    s->counts.bytes += batch->payload;
    free_batch(s, batch);
}

static void give_up(struct sender *s, const struct partition *p, const char *why)
{
    struct outgoing *batch = first_batch(p);
    s->counts.failed += batch->records;
    s->wants_producer = s->wants_producer || (batch->attempts > 0 && s->producer.id >= 0);
    if (s->options.failed != NULL) {
        s->options.failed(s->options.arg, p->id, batch->records, why);
    } else if (s->complaints++ < COMPLAINTS_MAX) {
        cli_complain(s->options.cli, "%.*s-%" PRId32 ": %" PRId64 " records were not written: %s",
                     SLICE_ARG(s->topic), p->id, batch->records, why);
    }
    free_batch(s, batch);
}

/* The first batch was refused as it is: its records go into one or two others. */
static void rebuild(struct sender *s, struct partition *p, int parts)
{
    struct outgoing *whole = first_batch(p);
    struct list *next = whole->link.next;
    if (whole->producer == s->producer.id) {
        p->sequence = whole->sequence; /* nobody has taken these numbers */
    }
    for (int i = 0; i < parts; i++) {
        struct outgoing *part = outgoing_part(whole, i, parts);
        s->waiting_bytes += part->bytes.len;
        list_add_before(next, &part->link);
    }
    free_batch(s, whole);
}

static void try_again(struct sender *s, const char *what)
{
    snprintf(s->reason, sizeof s->reason, "%s", what);
    if (!s->is_stale) {
        s->is_stale = true;
        s->refresh_ms = net_now_ms(s->loop) + PAUSE_MS;
    }
}

static void take_result(struct sender *s,
                        const struct wire_produce_response_responses_partition_responses *result,
                        struct partition *p)
{
    enum err e = (enum err)result->error_code;
    if (e == ERR_NONE || e == ERR_DUPLICATE_SEQUENCE_NUMBER) {
        succeed(s, p);
    } else if (err_class(e) == ERR_CLASS_RETRY) {
        try_again(s, err_text(e));
    } else if (e == ERR_MESSAGE_TOO_LARGE && first_batch(p)->records > 1) {
        rebuild(s, p, 2);
    } else if (e == ERR_OUT_OF_ORDER_SEQUENCE_NUMBER || e == ERR_UNKNOWN_PRODUCER_ID) {
        s->wants_producer = true; /* the leader has forgotten this one */
        rebuild(s, p, 1);
    } else {
        char why[512];
        bool has_message = result->error_message.len > 0;
        snprintf(why, sizeof why, "%s%s%.*s", err_name(e), has_message ? ": " : "",
                 has_message ? (int)result->error_message.len : 0,
                 has_message ? (const char *)result->error_message.data : "");
        give_up(s, p, why);
    }
}

static void take_response(struct flight *flight, const struct wire_produce_response *response)
{
    struct sender *s = flight->sender;
    for (int32_t i = 0; i < response->responses_count; i++) {
        for (int32_t k = 0; k < response->responses[i].partition_responses_count; k++) {
            const struct wire_produce_response_responses_partition_responses *result =
                &response->responses[i].partition_responses[k];
            if (result->index < 0 || result->index >= s->partition_count ||
                s->partitions[result->index].flight != flight) {
                continue; /* not asked for */
            }
            struct partition *p = &s->partitions[result->index];
            p->flight = NULL;
            take_result(s, result, p);
        }
    }
}

static void answered(void *arg, enum err e, const void *response, struct net_response *raw)
{
    (void)raw;
    struct flight *flight = arg;
    struct sender *s = flight->sender;
    if (e == ERR_NONE) {
        take_response(flight, response);
    } else {
        struct net_client *net = client_node_net(s->options.cluster->client, flight->leader);
        const char *failure = net == NULL ? NULL : net_client_failure(net);
        try_again(s, failure != NULL ? failure : err_text(e));
    }
    for (int32_t i = 0; i < s->partition_count; i++) {
        if (s->partitions[i].flight == flight) {
            s->partitions[i].flight = NULL; /* no word about it: it is sent again */
            if (e == ERR_NONE) {
                try_again(s, "the answer is not complete");
            }
        }
    }
    list_remove(&flight->link);
    mem_free(flight);
}

/* ---- sending ---- */

static bool is_busy(const struct sender *s, int32_t leader)
{
    LIST_EACH(at, &s->flights)
    {
        if (LIST_ENTRY(at, struct flight, link)->leader == leader) {
            return true;
        }
    }
    return false;
}

/* Puts one batch of each partition that `leader` leads into the request. */
static void fill(struct sender *s, struct flight *flight, struct arena *arena,
                 struct wire_produce_request_topic_data *topic)
{
    size_t bytes = 0;
    topic->partition_data = wire_new_array(&wire_msg_produce_request_topic_data_partition_data,
                                           arena, s->partition_count);
    for (int32_t i = 0; i < s->partition_count && bytes < REQUEST_BYTES_MAX; i++) {
        struct partition *p = &s->partitions[i];
        struct outgoing *batch = first_batch(p);
        if (p->leader != flight->leader || p->flight != NULL || batch == NULL) {
            continue;
        }
        close_batch(s, p, batch);
        batch->attempts++;
        topic->partition_data[topic->partition_data_count++] =
            (struct wire_produce_request_topic_data_partition_data){
                .index = i, .records = buf_slice(&batch->bytes)};
        bytes += batch->bytes.len;
        p->flight = flight;
    }
}

static void send_to(struct sender *s, int32_t leader)
{
    struct arena arena = {0};
    struct flight *flight = MEM_NEW(struct flight);
    flight->sender = s;
    flight->leader = leader;
    list_add_tail(&s->flights, &flight->link);
    struct wire_produce_request_topic_data topic = {.name = s->topic};
    fill(s, flight, &arena, &topic);
    struct wire_produce_request request;
    wire_init(&wire_msg_produce_request, &request);
    request.acks = s->options.acks;
    request.timeout_ms = (int32_t)s->options.timeout_ms;
    request.topic_data = &topic;
    request.topic_data_count = 1;
    struct net_call_args args = {.api = WIRE_API_PRODUCE,
                                 .version = PRODUCE_VERSION,
                                 .request = &request,
                                 .timeout_ms = s->options.timeout_ms,
                                 .done = answered,
                                 .arg = flight};
    flight->call = net_call(client_node_net(s->options.cluster->client, leader), &args);
    arena_fini(&arena);
}

/* What waited too long is given up, so that the command ends. */
static void drop_expired(struct sender *s)
{
    char why[256];
    snprintf(why, sizeof why, "not within %" PRId64 " s: %s", s->options.timeout_ms / 1000,
             s->reason[0] == '\0' ? "the partition has no leader" : s->reason);
    for (int32_t i = 0; i < s->partition_count; i++) {
        struct partition *p = &s->partitions[i];
        struct outgoing *batch;
        while (p->flight == NULL && (batch = first_batch(p)) != NULL &&
               batch->deadline_ms <= net_now_ms(s->loop)) {
            give_up(s, p, why);
        }
    }
}

static void maybe_refresh(struct sender *s)
{
    if (!s->is_stale || s->refresh_ms > net_now_ms(s->loop)) {
        return;
    }
    struct cluster *cluster = s->options.cluster;
    s->is_stale = false;
    client_restart_clock(cluster->client);
    enum err e = cluster_refresh(cluster, &s->topic, 1);
    const struct wire_metadata_response_topics *topic = NULL;
    if (e == ERR_NONE) {
        topic = cluster_topic(cluster, s->topic);
    }
    if (topic != NULL && topic->error_code == 0) {
        learn_leaders(s, topic);
    } else {
        try_again(s, e != ERR_NONE   ? client_why(cluster->client)
                     : topic == NULL ? "the topic is gone"
                                     : err_text((enum err)topic->error_code));
    }
}

/* Without an identity, which a cluster may not give, a record may be written twice. Batches that
 * have a number keep it, and the old identity. False: there is none for the moment. */
static bool maybe_get_producer(struct sender *s)
{
    if (!s->wants_producer || s->waiting_bytes == 0) {
        return true;
    }
    client_restart_clock(s->options.cluster->client);
    enum err e = producer_id_get(s->options.cluster->client, &s->producer);
    s->wants_producer = err_class(e) == ERR_CLASS_RETRY;
    for (int32_t i = 0; i < s->partition_count; i++) {
        s->partitions[i].sequence = 0;
    }
    return !s->wants_producer;
}

void sender_step(struct sender *s)
{
    bool is_ready = maybe_get_producer(s);
    maybe_refresh(s);
    drop_expired(s);
    for (int32_t i = 0; i < s->partition_count && is_ready && !s->is_stale; i++) {
        const struct partition *p = &s->partitions[i];
        if (first_batch(p) == NULL || p->flight != NULL) {
            continue;
        }
        if (!client_has_node(s->options.cluster->client, p->leader)) {
            try_again(s, "the partition has no leader");
        } else if (!is_busy(s, p->leader)) {
            send_to(s, p->leader);
        }
    }
}
