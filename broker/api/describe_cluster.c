/* DescribeCluster (KIP-700, KIP-919): the brokers; controllers are asked on their own listener. */
#include "broker/api/api.h"
#include "broker/api/operations.h"
#include "wire/wire.h"

enum { ENDPOINT_BROKERS = 1, ENDPOINT_CONTROLLERS = 2 };

static void fill_brokers(const struct broker *broker, struct net_request *req,
                         struct wire_describe_cluster_response *out)
{
    const struct wire_describe_cluster_request *request = req->body;
    struct slice listener = slice_str(net_conn_listener(req->conn));
    out->brokers = wire_new_array(&wire_msg_describe_cluster_response_brokers, &req->arena,
                                  (int32_t)metadata_broker_count(broker->image));
    struct metadata_iter it = metadata_brokers(broker->image);
    for (const struct metadata_broker *b = metadata_broker_next(&it); b != NULL;
         b = metadata_broker_next(&it)) {
        const struct metadata_endpoint *endpoint = metadata_endpoint_find(b->endpoints, listener);
        if (endpoint == NULL || (b->fenced && !request->include_fenced_brokers)) {
            continue;
        }
        struct wire_describe_cluster_response_brokers *row = &out->brokers[out->brokers_count++];
        row->broker_id = b->id;
        row->host = endpoint->host;
        row->port = endpoint->port;
        row->rack = b->rack;
        row->is_fenced = b->fenced;
    }
    if (out->brokers_count > 0) {
        int32_t pick = req->header.correlation_id % out->brokers_count;
        out->controller_id = out->brokers[pick < 0 ? 0 : pick].broker_id;
    }
}

void broker_api_describe_cluster(void *arg, struct net_request *req)
{
    const struct broker *broker = arg;
    const struct wire_describe_cluster_request *request = req->body;
    struct wire_describe_cluster_response response;
    wire_init(wire_response(WIRE_API_DESCRIBE_CLUSTER), &response);
    response.cluster_id = broker->cluster_id;
    if (request->endpoint_type == ENDPOINT_BROKERS) {
        fill_brokers(broker, req, &response);
        if (request->include_cluster_authorized_operations) {
            response.cluster_authorized_operations = OPERATIONS_CLUSTER;
        }
    } else {
        response.error_code = request->endpoint_type == ENDPOINT_CONTROLLERS
                                  ? ERR_MISMATCHED_ENDPOINT_TYPE
                                  : ERR_UNSUPPORTED_ENDPOINT_TYPE;
        response.error_message = slice_str("this is a broker's listener: ask a controller's");
    }
    net_reply(req, &response);
}
