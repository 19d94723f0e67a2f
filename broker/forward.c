/* Forwarding to the active controller. */
#include "broker/forward.h"

#include <arpa/inet.h>

#include "base/mem.h"
#include "broker/channel.h"
#include "wire/wire.h"

enum {
    ENVELOPE_VERSION = 0,
    PRINCIPAL_VERSION = 0,
    CREATE_TOPICS_VERSION = 7,
    CREATE_TIMEOUT_MS = 10000
};

#define OFFSETS_TOPIC "__consumer_offsets"

struct forwarded {
    struct list node;
    struct broker_forward *forward;
    struct net_request *req;
};

struct creation {
    struct list node;
    struct broker_forward *forward;
    char *name;
};

struct broker_forward {
    struct broker *broker;
    struct list requests;  /* struct forwarded */
    struct list creations; /* struct creation */
};

/* ---- clients' requests ---- */

static void forwarded_free(struct forwarded *f)
{
    list_remove(&f->node);
    mem_free(f);
}

static bool not_controller(const void *response)
{
    return ((const struct wire_envelope_response *)response)->error_code == ERR_NOT_CONTROLLER;
}

/* The inner response begins with its own header; the answer to the client gets a header of its own
 * with the client's correlation id. */
static enum err unwrap(const struct net_request *req, struct slice data, struct slice *body)
{
    struct reader r = reader_of(data);
    int32_t correlation_id;
    TRY(wire_response_header_decode(&r, req->header.api_key, req->header.api_version,
                                    &correlation_id));
    *body = slice_of(r.p, reader_left(&r));
    return ERR_NONE;
}

static void on_answer(void *arg, enum err e, const void *response, struct net_response *raw)
{
    (void)raw;
    struct forwarded *f = arg;
    const struct wire_envelope_response *envelope = response;
    struct slice body;
    if (e == ERR_NONE) {
        e = (enum err)envelope->error_code;
    }
    if (e == ERR_NONE) {
        e = unwrap(f->req, envelope->response_data, &body);
    }
    if (e == ERR_NONE) {
        net_reply_raw(f->req, body);
    } else {
        const struct wire_api_info *api = wire_api(f->req->header.api_key);
        log_warn(f->forward->broker->log, "forward", "the controller did not answer",
                 "api=%s client=%s error=%s", api->name, net_conn_peer(f->req->conn), err_name(e));
        net_request_close(f->req);
    }
    forwarded_free(f);
}

/* Without authentication everybody is ANONYMOUS. */
static void put_principal(struct buf *out)
{
    struct wire_default_principal_data principal;
    wire_init(&wire_msg_default_principal_data, &principal);
    principal.type = slice_str("User");
    principal.name = slice_str("ANONYMOUS");
    buf_put_i16(out, PRINCIPAL_VERSION);
    enum err e = wire_encode(&wire_msg_default_principal_data, PRINCIPAL_VERSION, &principal, out);
    ASSERT(e == ERR_NONE);
}

static size_t put_address(const char *host, uint8_t out[16])
{
    if (inet_pton(AF_INET, host, out) == 1) {
        return 4;
    }
    if (inet_pton(AF_INET6, host, out) == 1) {
        return 16;
    }
    memset(out, 0, 4);
    return 4;
}

void broker_forward(struct broker_forward *forward, struct net_request *req)
{
    struct forwarded *f = MEM_NEW(struct forwarded);
    f->forward = forward;
    f->req = req;
    list_add_tail(&forward->requests, &f->node);
    struct wire_envelope_request envelope;
    struct buf principal = {0};
    uint8_t address[16];
    wire_init(wire_request(WIRE_API_ENVELOPE), &envelope);
    put_principal(&principal);
    envelope.request_data = req->frame;
    envelope.request_principal = buf_slice(&principal);
    envelope.client_host_address =
        slice_of(address, put_address(net_conn_peer_host(req->conn), address));
    struct broker_channel_call call = {
        .line = BROKER_CHANNEL_FORWARDED,
        .api = WIRE_API_ENVELOPE,
        .version = ENVELOPE_VERSION,
        .request = &envelope,
        .timeout_ms = settings_int(forward->broker->settings, "request.timeout.ms"),
        .not_controller = not_controller,
        .done = on_answer,
        .arg = f};
    broker_channel_send(forward->broker->channel, &call);
    buf_fini(&principal);
}

/* ---- topics on our own account ---- */

static void creation_free(struct creation *creation)
{
    list_remove(&creation->node);
    mem_free(creation->name);
    mem_free(creation);
}

static bool creation_not_controller(const void *response)
{
    const struct wire_create_topics_response *answer = response;
    return answer->topics_count > 0 && answer->topics[0].error_code == ERR_NOT_CONTROLLER;
}

static void on_created(void *arg, enum err e, const void *response, struct net_response *raw)
{
    (void)raw;
    struct creation *creation = arg;
    const struct wire_create_topics_response *answer = response;
    struct slice why = SLICE_NULL;
    if (e == ERR_NONE && answer->topics_count == 1) {
        e = (enum err)answer->topics[0].error_code;
        why = answer->topics[0].error_message;
    }
    if (e == ERR_NONE) {
        log_info(creation->forward->broker->log, "forward", "topic created", "topic=%s",
                 creation->name);
    } else if (e != ERR_TOPIC_ALREADY_EXISTS) {
        log_warn(creation->forward->broker->log, "forward", "topic not created",
                 "topic=%s error=%s reason=\"%.*s\"", creation->name, err_name(e), SLICE_ARG(why));
    }
    creation_free(creation);
}

struct topic_config {
    const char *name;
    const char *value;
};

/* How Kafka makes the topic of committed offsets (GroupCoordinator.groupMetadataTopicConfigs). */
static const struct topic_config offsets_configs[] = {
    {"cleanup.policy", "compact"}, {"compression.type", "producer"}, {"segment.bytes", NULL}};

static void fill_offsets_topic(struct broker *broker, struct arena *arena,
                               struct wire_create_topics_request_topics *topic)
{
    const struct settings *settings = broker->settings;
    topic->num_partitions = settings_int(settings, "offsets.topic.num.partitions");
    topic->replication_factor = (int16_t)settings_int(settings, "offsets.topic.replication.factor");
    int32_t count = (int32_t)ARRAY_LEN(offsets_configs);
    topic->configs = wire_new_array(&wire_msg_create_topics_request_topics_configs, arena, count);
    topic->configs_count = count;
    for (int i = 0; i < count; i++) {
        const char *value = offsets_configs[i].value;
        topic->configs[i].name = slice_str(offsets_configs[i].name);
        topic->configs[i].value = slice_str(
            value != NULL ? value : settings_str(settings, "offsets.topic.segment.bytes"));
    }
}

void broker_forward_create_topic(struct broker_forward *forward, struct slice name)
{
    LIST_EACH(node, &forward->creations)
    {
        if (slice_eq_str(name, LIST_ENTRY(node, struct creation, node)->name)) {
            return;
        }
    }
    struct creation *creation = MEM_NEW(struct creation);
    creation->forward = forward;
    creation->name = slice_dup_str(name);
    list_add_tail(&forward->creations, &creation->node);
    struct arena arena = {0};
    struct wire_create_topics_request request;
    struct wire_create_topics_request_topics topic;
    wire_init(wire_request(WIRE_API_CREATE_TOPICS), &request);
    wire_init(&wire_msg_create_topics_request_topics, &topic);
    topic.name = name;
    topic.num_partitions = -1;
    topic.replication_factor = -1;
    if (slice_eq_str(name, OFFSETS_TOPIC)) {
        fill_offsets_topic(forward->broker, &arena, &topic);
    }
    request.topics = &topic;
    request.topics_count = 1;
    request.timeout_ms = 0; /* whoever needs it waits for the metadata */
    struct broker_channel_call call = {.line = BROKER_CHANNEL_REQUESTS,
                                       .api = WIRE_API_CREATE_TOPICS,
                                       .version = CREATE_TOPICS_VERSION,
                                       .request = &request,
                                       .timeout_ms = CREATE_TIMEOUT_MS,
                                       .not_controller = creation_not_controller,
                                       .done = on_created,
                                       .arg = creation};
    broker_channel_send(forward->broker->channel, &call);
    arena_fini(&arena);
}

/* ---- life ---- */

struct broker_forward *broker_forward_new(struct broker *broker)
{
    struct broker_forward *forward = MEM_NEW(struct broker_forward);
    forward->broker = broker;
    list_init(&forward->requests);
    list_init(&forward->creations);
    return forward;
}

void broker_forward_free(struct broker_forward *forward)
{
    if (forward == NULL) {
        return;
    }
    LIST_EACH(node, &forward->requests)
    {
        struct forwarded *f = LIST_ENTRY(node, struct forwarded, node);
        broker_channel_cancel(forward->broker->channel, f);
        net_request_close(f->req);
        forwarded_free(f);
    }
    LIST_EACH(node, &forward->creations)
    {
        struct creation *creation = LIST_ENTRY(node, struct creation, node);
        broker_channel_cancel(forward->broker->channel, creation);
        creation_free(creation);
    }
    mem_free(forward);
}
