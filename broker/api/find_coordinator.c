/* FindCoordinator: who leads the __consumer_offsets partition of a group. */
#include "broker/api/api.h"
#include "broker/forward.h"
#include "broker/group/group.h"
#include "wire/wire.h"

enum { KEY_GROUP = 0, KEY_TRANSACTION = 1, FIND_VERSION_BATCHED = 4 };

#define OFFSETS_TOPIC "__consumer_offsets"
#define COORDINATOR struct wire_find_coordinator_response_coordinators

static enum err find_group(struct broker *broker, const struct net_request *req, struct slice key,
                           COORDINATOR *out)
{
    const struct metadata_topic *topic =
        metadata_topic_by_name(broker->image, slice_str(OFFSETS_TOPIC));
    if (topic == NULL) {
        broker_forward_create_topic(broker->forward, slice_str(OFFSETS_TOPIC));
        return ERR_COORDINATOR_NOT_AVAILABLE;
    }
    const struct metadata_partition *p =
        metadata_partition(topic, group_partition_for(key, topic->partition_count));
    const struct metadata_broker *leader = metadata_broker(broker->image, p->leader);
    const struct metadata_endpoint *endpoint =
        broker_endpoint(broker, p->leader, slice_str(net_conn_listener(req->conn)));
    if (leader == NULL || leader->fenced || endpoint == NULL) {
        return ERR_COORDINATOR_NOT_AVAILABLE;
    }
    out->node_id = leader->id;
    out->host = endpoint->host;
    out->port = endpoint->port;
    return ERR_NONE;
}

static void find(struct broker *broker, const struct net_request *req, struct slice key,
                 COORDINATOR *out)
{
    const struct wire_find_coordinator_request *request = req->body;
    out->key = key;
    out->node_id = -1;
    out->host = slice_str("");
    out->port = -1;
    enum err e = ERR_INVALID_REQUEST;
    if (request->key_type == KEY_GROUP) {
        e = find_group(broker, req, key, out);
    } else if (request->key_type == KEY_TRANSACTION) {
        e = ERR_UNSUPPORTED_VERSION;
        out->error_message = slice_str("transactions are not supported");
    }
    out->error_code = err_wire(e);
    if (e != ERR_NONE && slice_is_null(out->error_message)) {
        out->error_message = slice_str(err_text(e));
    }
}

void broker_api_find_coordinator(void *broker, struct net_request *req)
{
    const struct wire_find_coordinator_request *request = req->body;
    struct wire_find_coordinator_response response;
    wire_init(wire_response(WIRE_API_FIND_COORDINATOR), &response);
    if (req->header.api_version < FIND_VERSION_BATCHED) {
        COORDINATOR one;
        wire_init(&wire_msg_find_coordinator_response_coordinators, &one);
        find(broker, req, request->key, &one);
        response.node_id = one.node_id;
        response.host = one.host;
        response.port = one.port;
        response.error_code = one.error_code;
        response.error_message = one.error_message;
    } else {
        int32_t count = request->coordinator_keys_count;
        response.coordinators =
            wire_new_array(&wire_msg_find_coordinator_response_coordinators, &req->arena, count);
        response.coordinators_count = count;
        for (int32_t i = 0; i < count; i++) {
            find(broker, req, request->coordinator_keys[i], &response.coordinators[i]);
        }
    }
    net_reply(req, &response);
}
