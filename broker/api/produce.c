/* Produce: append each partition's batch, answer when the acks asked for are there.
 *
 * Versions 0 to 2 are advertised because librdkafka looks for them before it compresses
 * (KAFKA-18659), but their message formats are not accepted (KIP-896). */
#include "broker/api/api.h"
#include "broker/client.h"
#include "broker/leader_hint.h"
#include "broker/replica.h"
#include "wire/batch.h"
#include "wire/wire.h"

enum {
    PRODUCE_VERSION_MIN = 3,
    PRODUCE_VERSION_ZSTD = 7,
    PRODUCE_VERSION_HINTS = 10,
    PRODUCE_VERSION_IDS = 13
};

struct produce;

/* One partition of the request. */
struct produce_part {
    struct replica_ack ack;
    struct produce *produce;
    struct wire_produce_response_responses_partition_responses *answer;
    struct uuid topic_id;
};

/* A request from its arrival to its answer; lives in the request's arena. */
struct produce {
    struct broker *broker;
    struct net_request *req;
    struct wire_produce_response response;
    struct produce_part *parts;
    int parts_count;
    int waiting; /* parts that are not acknowledged yet */
    struct net_timer timer;
};

/* ---- the answer ---- */

static void add_hints(struct produce *produce)
{
    struct broker *broker = produce->broker;
    struct arena *arena = &produce->req->arena;
    struct slice listener = slice_str(net_conn_listener(produce->req->conn));
    struct broker_hinted hinted = {0};
    for (int i = 0; i < produce->parts_count; i++) {
        struct produce_part *part = &produce->parts[i];
        struct broker_leader_hint hint = broker_leader_hint(
            broker, part->topic_id, part->answer->index, (enum err)part->answer->error_code);
        part->answer->current_leader.leader_id = hint.leader_id;
        part->answer->current_leader.leader_epoch = hint.leader_epoch;
        if (hint.leader_id >= 0) {
            broker_hinted_add(&hinted, arena, hint.leader_id);
        }
    }
    produce->response.node_endpoints =
        arena_array(arena, (size_t)hinted.count, sizeof produce->response.node_endpoints[0]);
    for (int i = 0; i < hinted.count; i++) {
        const struct metadata_endpoint *endpoint = broker_endpoint(broker, hinted.ids[i], listener);
        if (endpoint != NULL) {
            struct wire_produce_response_node_endpoints *out =
                &produce->response.node_endpoints[produce->response.node_endpoints_count++];
            out->node_id = hinted.ids[i];
            out->host = endpoint->host;
            out->port = endpoint->port;
        }
    }
}

static bool failed(const struct produce *produce)
{
    for (int i = 0; i < produce->parts_count; i++) {
        if (produce->parts[i].answer->error_code != ERR_NONE) {
            return true;
        }
    }
    return false;
}

/* Is the leader elsewhere, and the answer of a version that cannot say where? */
static bool must_seek(const struct produce *produce)
{
    for (int i = 0; i < produce->parts_count; i++) {
        if (produce->parts[i].answer->error_code == ERR_NOT_LEADER_OR_FOLLOWER) {
            return produce->req->header.api_version < PRODUCE_VERSION_HINTS;
        }
    }
    return false;
}

static void answer(struct produce *produce)
{
    const struct wire_produce_request *request = produce->req->body;
    net_timer_stop(&produce->timer);
    bool has_error = failed(produce);
    if (has_error && produce->req->header.api_version >= PRODUCE_VERSION_HINTS) {
        add_hints(produce);
    }
    if (request != NULL && request->acks == 0) {
        /* No answer is expected; closing is how a client learns that it must look for the leader
         * again. */
        if (has_error) {
            net_request_close(produce->req);
        } else {
            net_reply_none(produce->req);
        }
        return;
    }
    if (has_error && must_seek(produce)) {
        broker_client_must_seek(produce->req->conn);
    }
    net_reply(produce->req, &produce->response);
}

/* ---- waiting ---- */

static void set_error(struct produce_part *part, enum err e)
{
    part->answer->error_code = err_wire(e);
    if (e != ERR_NONE) {
        part->answer->base_offset = -1;
    }
}

static void on_acked(struct replica_ack *ack, enum err e)
{
    struct produce_part *part = container_of(ack, struct produce_part, ack);
    struct produce *produce = part->produce;
    set_error(part, e);
    ASSERT(produce->waiting > 0);
    if (--produce->waiting == 0) {
        answer(produce);
    }
}

static void give_up(struct produce *produce, enum err e)
{
    for (int i = 0; i < produce->parts_count; i++) {
        struct produce_part *part = &produce->parts[i];
        if (part->ack.node.next != NULL && !list_empty(&part->ack.node)) {
            list_remove(&part->ack.node);
            set_error(part, e);
        }
    }
    answer(produce);
}

static void on_timeout(void *arg)
{
    give_up(arg, ERR_REQUEST_TIMED_OUT);
}

static void on_gone(void *arg)
{
    give_up(arg, ERR_NETWORK_EXCEPTION);
}

/* The frame can be large and is not needed while we wait; names that the answer repeats are. */
static void park(struct produce *produce, int32_t timeout_ms)
{
    struct arena *arena = &produce->req->arena;
    for (int i = 0; i < produce->response.responses_count; i++) {
        struct wire_produce_response_responses *topic = &produce->response.responses[i];
        topic->name = arena_dup(arena, topic->name);
    }
    net_request_drop_body(produce->req);
    net_request_on_close(produce->req, on_gone, produce);
    net_timer_set(&produce->timer, timeout_ms);
}

/* ---- appending ---- */

static enum err find_replica(struct produce *produce,
                             const struct wire_produce_request_topic_data *topic, int32_t index,
                             struct replica **out)
{
    return produce->req->header.api_version >= PRODUCE_VERSION_IDS
               ? broker_replica_find_id(produce->broker, topic->topic_id, index, out)
               : broker_replica_find(produce->broker, topic->name, index, out);
}

/* Clients that speak less than version 7 may not know zstd (KIP-110). */
static enum err check_codec(const struct produce *produce, struct slice records)
{
    struct wire_batch batch;
    bool old = produce->req->header.api_version < PRODUCE_VERSION_ZSTD;
    return old && wire_batch_parse(records, &batch) == ERR_NONE &&
                   wire_batch_compression(&batch) == WIRE_COMPRESSION_ZSTD
               ? ERR_UNSUPPORTED_COMPRESSION_TYPE
               : ERR_NONE;
}

static enum err append(struct produce *produce, struct produce_part *part, struct replica *r,
                       struct slice records)
{
    const struct wire_produce_request *request = produce->req->body;
    struct replica_append append = {.batches = records, .acks = request->acks, .from_client = true};
    TRY(check_codec(produce, records));
    enum err e = replica_append(r, &append);
    if (append.message != NULL) {
        part->answer->error_message = arena_dup(&produce->req->arena, slice_str(append.message));
    }
    TRY(e);
    part->answer->base_offset = append.base_offset;
    part->answer->log_append_time_ms = append.log_append_time_ms;
    part->answer->log_start_offset = r->part.log_start_offset;
    if (request->acks == -1 && !replica_wait_acked(r, &part->ack, append.required_offset, &e)) {
        produce->waiting++;
    }
    return e;
}

static void produce_partition(struct produce *produce, struct produce_part *part,
                              const struct wire_produce_request_topic_data *topic,
                              const struct wire_produce_request_topic_data_partition_data *data)
{
    const struct wire_produce_request *request = produce->req->body;
    struct replica *r = NULL;
    enum err e = ERR_NONE;
    if (request->acks < -1 || request->acks > 1) {
        e = ERR_INVALID_REQUIRED_ACKS;
    } else if (produce->req->header.api_version < PRODUCE_VERSION_MIN) {
        e = ERR_UNSUPPORTED_FOR_MESSAGE_FORMAT;
    } else if (!slice_is_null(request->transactional_id)) {
        e = ERR_UNSUPPORTED_VERSION;
        part->answer->error_message = slice_str("transactions are not supported");
    } else {
        e = find_replica(produce, topic, data->index, &r);
    }
    if (r != NULL && broker_topic_is_internal(slice_str(r->topic))) {
        e = ERR_INVALID_TOPIC_EXCEPTION; /* the coordinators' own */
    }
    if (r != NULL) {
        part->topic_id = r->topic_id;
    } else if (e != ERR_NONE) {
        const struct metadata_topic *known =
            metadata_topic_by_name(produce->broker->image, topic->name);
        part->topic_id = known == NULL ? topic->topic_id : known->id;
    }
    set_error(part, e != ERR_NONE ? e : append(produce, part, r, data->records));
}

static int count_partitions(const struct wire_produce_request *request)
{
    int count = 0;
    for (int t = 0; t < request->topic_data_count; t++) {
        count += request->topic_data[t].partition_data_count;
    }
    return count;
}

static void produce_topic(struct produce *produce,
                          const struct wire_produce_request_topic_data *topic)
{
    struct wire_produce_response_responses *out =
        &produce->response.responses[produce->response.responses_count++];
    out->name = topic->name;
    out->topic_id = topic->topic_id;
    out->partition_responses =
        arena_array(&produce->req->arena, (size_t)topic->partition_data_count,
                    sizeof out->partition_responses[0]);
    for (int i = 0; i < topic->partition_data_count; i++) {
        struct produce_part *part = &produce->parts[produce->parts_count++];
        part->produce = produce;
        part->ack.done = on_acked;
        part->answer = &out->partition_responses[out->partition_responses_count++];
        wire_init(&wire_msg_produce_response_responses_partition_responses, part->answer);
        part->answer->index = topic->partition_data[i].index;
        part->answer->base_offset = -1;
        produce_partition(produce, part, topic, &topic->partition_data[i]);
    }
}

void broker_api_produce(void *broker, struct net_request *req)
{
    const struct wire_produce_request *request = req->body;
    struct produce *produce = ARENA_NEW(&req->arena, struct produce);
    produce->broker = broker;
    produce->req = req;
    net_timer_init(&produce->timer, req->loop, on_timeout, produce);
    wire_init(wire_response(WIRE_API_PRODUCE), &produce->response);
    produce->parts =
        ARENA_ARRAY(&req->arena, (size_t)count_partitions(request), struct produce_part);
    produce->response.responses = arena_array(&req->arena, (size_t)request->topic_data_count,
                                              sizeof produce->response.responses[0]);
    /* Held above zero until all partitions are appended, so that none answers early. */
    produce->waiting = 1;
    for (int t = 0; t < request->topic_data_count; t++) {
        produce_topic(produce, &request->topic_data[t]);
    }
    if (--produce->waiting > 0) {
        park(produce, request->timeout_ms);
        return;
    }
    answer(produce);
}
