/* Handing out producer ids (KIP-98, KIP-730). */
#include "broker/producer_ids.h"

#include "base/mem.h"
#include "broker/channel.h"
#include "wire/wire.h"

enum { ALLOCATE_VERSION = 0, ALLOCATE_TIMEOUT_MS = 5000, WAITING_MAX = 10000 };

/* A client that waits for the next block. */
struct waiting_client {
    struct list node;
    struct net_request *req;
};

struct broker_producer_ids {
    struct broker *broker;
    int64_t next;
    int64_t end; /* behind the last id of the block */
    bool in_flight;
    struct list waiting;
    int waiting_count;
};

static void answer(struct net_request *req, enum err e, int64_t producer_id)
{
    struct wire_init_producer_id_response response;
    wire_init(wire_response(WIRE_API_INIT_PRODUCER_ID), &response);
    response.error_code = err_wire(e);
    response.producer_id = e == ERR_NONE ? producer_id : -1;
    response.producer_epoch = e == ERR_NONE ? 0 : -1;
    net_reply(req, &response);
}

static void answer_waiting(struct broker_producer_ids *ids, enum err e)
{
    while (!list_empty(&ids->waiting) && (e != ERR_NONE || ids->next < ids->end)) {
        struct waiting_client *client = LIST_ENTRY(ids->waiting.next, struct waiting_client, node);
        list_remove(&client->node);
        ids->waiting_count--;
        answer(client->req, e, e == ERR_NONE ? ids->next++ : -1);
        mem_free(client);
    }
}

static bool not_controller(const void *response)
{
    return ((const struct wire_allocate_producer_ids_response *)response)->error_code ==
           ERR_NOT_CONTROLLER;
}

static void allocate(struct broker_producer_ids *ids);

static void on_block(void *arg, enum err e, const void *response, struct net_response *raw)
{
    (void)raw;
    struct broker_producer_ids *ids = arg;
    const struct wire_allocate_producer_ids_response *block = response;
    ids->in_flight = false;
    if (e == ERR_NONE) {
        e = (enum err)block->error_code;
    }
    if (e == ERR_NONE) {
        ids->next = block->producer_id_start;
        ids->end = block->producer_id_start + block->producer_id_len;
        answer_waiting(ids, ERR_NONE);
    } else {
        log_warn(ids->broker->log, "producer_ids", "no block of producer ids", "error=%s",
                 err_name(e));
        /* Clients ask again on this one. */
        answer_waiting(ids, ERR_COORDINATOR_LOAD_IN_PROGRESS);
    }
    if (!list_empty(&ids->waiting)) {
        allocate(ids);
    }
}

static void allocate(struct broker_producer_ids *ids)
{
    if (ids->in_flight) {
        return;
    }
    struct wire_allocate_producer_ids_request request;
    wire_init(wire_request(WIRE_API_ALLOCATE_PRODUCER_IDS), &request);
    request.broker_id = ids->broker->id;
    request.broker_epoch = ids->broker->epoch;
    struct broker_channel_call call = {.line = BROKER_CHANNEL_REQUESTS,
                                       .api = WIRE_API_ALLOCATE_PRODUCER_IDS,
                                       .version = ALLOCATE_VERSION,
                                       .request = &request,
                                       .timeout_ms = ALLOCATE_TIMEOUT_MS,
                                       .not_controller = not_controller,
                                       .done = on_block,
                                       .arg = ids};
    ids->in_flight = true;
    broker_channel_send(ids->broker->channel, &call);
}

void broker_producer_ids_answer(struct broker_producer_ids *ids, struct net_request *req)
{
    if (ids->next < ids->end) {
        answer(req, ERR_NONE, ids->next++);
        return;
    }
    if (ids->waiting_count == WAITING_MAX) {
        answer(req, ERR_COORDINATOR_LOAD_IN_PROGRESS, -1);
        return;
    }
    struct waiting_client *client = MEM_NEW(struct waiting_client);
    client->req = req;
    list_add_tail(&ids->waiting, &client->node);
    ids->waiting_count++;
    allocate(ids);
}

struct broker_producer_ids *broker_producer_ids_new(struct broker *broker)
{
    struct broker_producer_ids *ids = MEM_NEW(struct broker_producer_ids);
    ids->broker = broker;
    list_init(&ids->waiting);
    return ids;
}

void broker_producer_ids_free(struct broker_producer_ids *ids)
{
    if (ids == NULL) {
        return;
    }
    if (ids->in_flight) {
        broker_channel_cancel(ids->broker->channel, ids);
    }
    answer_waiting(ids, ERR_COORDINATOR_NOT_AVAILABLE);
    mem_free(ids);
}
