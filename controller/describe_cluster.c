/* DescribeCluster on a controller: the controllers (KIP-919). Brokers answer for brokers. */
#include "controller/api.h"
#include "controller/server_struct.h"

enum { ENDPOINT_BROKERS = 1, ENDPOINT_CONTROLLERS = 2 };

/* Where to reach a controller over the listener that the question came by. */
static const struct metadata_endpoint *endpoint_of(const struct metadata_controller *controller,
                                                   const char *listener)
{
    const struct metadata_endpoint *endpoint =
        metadata_endpoint_find(controller->endpoints, slice_str(listener));
    if (endpoint == NULL && controller->endpoints.count > 0) {
        endpoint = &controller->endpoints.items[0];
    }
    return endpoint;
}

static void add_controllers(struct rpc *rpc, struct wire_describe_cluster_response *response,
                            const struct metadata_image *image)
{
    int32_t count = 0;
    struct metadata_iter it = metadata_controllers(image);
    while (metadata_controller_next(&it) != NULL) {
        count++;
    }
    response->brokers = wire_new_array(&wire_msg_describe_cluster_response_brokers,
                                       controller_rpc_arena(rpc), count);
    it = metadata_controllers(image);
    const struct metadata_controller *controller;
    while ((controller = metadata_controller_next(&it)) != NULL) {
        const struct metadata_endpoint *endpoint =
            endpoint_of(controller, net_conn_listener(rpc->request->conn));
        if (endpoint == NULL) {
            continue;
        }
        struct wire_describe_cluster_response_brokers *broker =
            &response->brokers[response->brokers_count++];
        broker->broker_id = controller->id;
        broker->host = endpoint->host;
        broker->port = endpoint->port;
    }
}

static enum err check_type(struct rpc *rpc, int8_t type, struct slice *why)
{
    if (type == ENDPOINT_CONTROLLERS) {
        return ERR_NONE;
    }
    if (type == ENDPOINT_BROKERS) {
        *why = slice_str("The request was sent to an endpoint of type CONTROLLER, but we wanted an "
                         "endpoint of type BROKER");
        return ERR_MISMATCHED_ENDPOINT_TYPE;
    }
    *why = decide_text(controller_rpc_arena(rpc), "Unsupported endpoint type %d", type);
    return ERR_UNSUPPORTED_ENDPOINT_TYPE;
}

void controller_serve_describe_cluster(struct rpc *rpc)
{
    const struct wire_describe_cluster_request *request = rpc->body;
    const struct metadata_image *image = controller_committed(rpc->server->controller);
    struct wire_describe_cluster_response response;
    wire_init(&wire_msg_describe_cluster_response, &response);
    enum err e = check_type(rpc, request->endpoint_type, &response.error_message);
    response.error_code = err_wire(e);
    response.cluster_id = metadata_image_cluster_id(image);
    response.endpoint_type = request->endpoint_type;
    if (e == ERR_NONE) {
        response.controller_id = rpc->server->leader_id;
        add_controllers(rpc, &response, image);
    }
    controller_rpc_reply(rpc, &response);
}
