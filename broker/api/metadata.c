/* Metadata: brokers, topics, leaders; creates topics that are asked for, if that is allowed. */
#include "broker/api/api.h"
#include "broker/api/operations.h"
#include "broker/api/topic_view.h"
#include "broker/forward.h"
#include "wire/wire.h"

enum { METADATA_VERSION_NULL_IS_ALL = 1, METADATA_VERSION_MAY_REFUSE_CREATION = 4 };

#define TOPIC struct wire_metadata_response_topics
#define PARTITION struct wire_metadata_response_topics_partitions

struct answering {
    struct broker *broker;
    struct net_request *req;
    struct slice listener;
    struct wire_metadata_response *out;
};

/* ---- brokers ---- */

static void fill_brokers(struct answering *a)
{
    const struct metadata_image *image = a->broker->image;
    a->out->brokers = wire_new_array(&wire_msg_metadata_response_brokers, &a->req->arena,
                                     (int32_t)metadata_broker_count(image));
    struct metadata_iter it = metadata_brokers(image);
    for (const struct metadata_broker *b = metadata_broker_next(&it); b != NULL;
         b = metadata_broker_next(&it)) {
        if (!topic_view_is_alive(a->broker, b->id, a->listener)) {
            continue;
        }
        const struct metadata_endpoint *endpoint =
            metadata_endpoint_find(b->endpoints, a->listener);
        struct wire_metadata_response_brokers *out = &a->out->brokers[a->out->brokers_count++];
        out->node_id = b->id;
        out->host = endpoint->host;
        out->port = endpoint->port;
        out->rack = b->rack;
    }
    /* Clients send to "the controller" what any broker forwards: name one at random, as Kafka
     * does, so that the load is spread. */
    if (a->out->brokers_count > 0) {
        int32_t pick = a->req->header.correlation_id % a->out->brokers_count;
        a->out->controller_id = a->out->brokers[pick < 0 ? 0 : pick].node_id;
    }
}

/* ---- topics ---- */

static void fill_partition(struct answering *a, const struct metadata_partition *p, int32_t index,
                           PARTITION *out)
{
    struct arena *arena = &a->req->arena;
    out->partition_index = index;
    out->leader_id = topic_view_leader(a->broker, p, a->listener);
    out->leader_epoch = p->leader_epoch;
    out->replica_nodes = topic_view_ids(arena, metadata_replicas(p), &out->replica_nodes_count);
    out->isr_nodes = topic_view_ids(arena, metadata_isr(p), &out->isr_nodes_count);
    out->offline_replicas =
        topic_view_offline(a->broker, p, a->listener, arena, &out->offline_replicas_count);
    out->error_code = out->leader_id < 0 ? ERR_LEADER_NOT_AVAILABLE : ERR_NONE;
}

static void fill_topic(struct answering *a, const struct metadata_topic *topic, TOPIC *out)
{
    const struct wire_metadata_request *request = a->req->body;
    out->name = topic->name;
    out->topic_id = topic->id;
    out->is_internal = broker_topic_is_internal(topic->name);
    if (request->include_topic_authorized_operations) {
        out->topic_authorized_operations = OPERATIONS_TOPIC;
    }
    out->partitions = wire_new_array(&wire_msg_metadata_response_topics_partitions, &a->req->arena,
                                     topic->partition_count);
    out->partitions_count = topic->partition_count;
    for (int32_t i = 0; i < topic->partition_count; i++) {
        fill_partition(a, metadata_partition(topic, i), i, &out->partitions[i]);
    }
}

static void fill_all(struct answering *a)
{
    const struct metadata_image *image = a->broker->image;
    int32_t count = (int32_t)metadata_topic_count(image);
    a->out->topics = wire_new_array(&wire_msg_metadata_response_topics, &a->req->arena, count);
    a->out->topics_count = count;
    struct metadata_iter it = metadata_topics(image);
    for (int32_t i = 0; i < count; i++) {
        fill_topic(a, metadata_topic_next(&it), &a->out->topics[i]);
    }
}

static bool may_create(const struct answering *a)
{
    const struct wire_metadata_request *request = a->req->body;
    bool asked = a->req->header.api_version < METADATA_VERSION_MAY_REFUSE_CREATION ||
                 request->allow_auto_topic_creation;
    return asked && settings_bool(a->broker->settings, "auto.create.topics.enable");
}

static enum err missing_topic(struct answering *a, struct slice name)
{
    if (!topic_view_name_is_legal(name)) {
        return ERR_INVALID_TOPIC_EXCEPTION;
    }
    if (!may_create(a)) {
        return ERR_UNKNOWN_TOPIC_OR_PARTITION;
    }
    broker_forward_create_topic(a->broker->forward, name);
    return ERR_LEADER_NOT_AVAILABLE; /* ask again in a moment */
}

static void fill_named(struct answering *a, const struct wire_metadata_request_topics *wanted,
                       TOPIC *out)
{
    const struct metadata_image *image = a->broker->image;
    /* Java clients that name an id leave the name empty, others null. */
    bool by_id = slice_is_null(wanted->name) || !uuid_is_zero(wanted->topic_id);
    const struct metadata_topic *topic = by_id ? metadata_topic_by_id(image, wanted->topic_id)
                                               : metadata_topic_by_name(image, wanted->name);
    if (topic != NULL) {
        fill_topic(a, topic, out);
        return;
    }
    out->name = wanted->name;
    out->topic_id = wanted->topic_id;
    out->error_code = err_wire(by_id ? ERR_UNKNOWN_TOPIC_ID : missing_topic(a, wanted->name));
}

static bool wants_all(const struct net_request *req)
{
    const struct wire_metadata_request *request = req->body;
    return request->topics_count < 0 ||
           (request->topics_count == 0 && req->header.api_version < METADATA_VERSION_NULL_IS_ALL);
}

void broker_api_metadata(void *broker, struct net_request *req)
{
    const struct wire_metadata_request *request = req->body;
    struct wire_metadata_response response;
    struct answering a = {.broker = broker,
                          .req = req,
                          .listener = slice_str(net_conn_listener(req->conn)),
                          .out = &response};
    wire_init(wire_response(WIRE_API_METADATA), &response);
    response.cluster_id = a.broker->cluster_id;
    fill_brokers(&a);
    if (request->include_cluster_authorized_operations) {
        response.cluster_authorized_operations = OPERATIONS_CLUSTER;
    }
    if (wants_all(req)) {
        fill_all(&a);
    } else {
        response.topics =
            wire_new_array(&wire_msg_metadata_response_topics, &req->arena, request->topics_count);
        response.topics_count = request->topics_count;
        for (int32_t i = 0; i < request->topics_count; i++) {
            fill_named(&a, &request->topics[i], &response.topics[i]);
        }
    }
    net_reply(req, &response);
}
