/* The active controller; see controllers.h. */
#include "cli/controllers.h"

enum { ENDPOINT_CONTROLLERS = 2 };

enum err controllers_find_active(struct client *client, int32_t *out)
{
    struct wire_describe_cluster_request request;
    wire_init(&wire_msg_describe_cluster_request, &request);
    request.endpoint_type = ENDPOINT_CONTROLLERS;
    const void *answer;
    TRY(client_call(client,
                    &(struct client_call){CLIENT_ANY, WIRE_API_DESCRIBE_CLUSTER, 1, &request, 0},
                    &answer));
    const struct wire_describe_cluster_response *response = answer;
    for (int32_t i = 0; i < response->brokers_count; i++) {
        const struct wire_describe_cluster_response_brokers *node = &response->brokers[i];
        client_set_node(client, node->broker_id, node->host, node->port);
    }
    *out = response->controller_id;
    if (response->error_code == 0 && !client_has_node(client, *out)) {
        return ERR_NOT_CONTROLLER;
    }
    return (enum err)response->error_code;
}
