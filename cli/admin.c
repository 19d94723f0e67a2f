/* Requests to the controller; see admin.h. */
#include "cli/admin.h"

#include "cli/cluster.h"

enum { DESCRIBE_CLUSTER_VERSION = 1, ENDPOINT_CONTROLLERS = 2 };

/* Makes the controllers known; the active one in `out`. */
static enum err find_controller(struct client *client, int32_t *out)
{
    struct wire_describe_cluster_request request;
    wire_init(&wire_msg_describe_cluster_request, &request);
    request.endpoint_type = ENDPOINT_CONTROLLERS;
    const void *answer;
    TRY(client_call(client,
                    &(struct client_call){CLIENT_ANY, WIRE_API_DESCRIBE_CLUSTER,
                                          DESCRIBE_CLUSTER_VERSION, &request, 0},
                    &answer));
    const struct wire_describe_cluster_response *response = answer;
    for (int32_t i = 0; i < response->brokers_count; i++) {
        const struct wire_describe_cluster_response_brokers *node = &response->brokers[i];
        client_set_node(client, node->broker_id, node->host, node->port);
    }
    *out = response->controller_id;
    if (response->error_code == 0 && !client_has_node(client, response->controller_id)) {
        return ERR_NOT_CONTROLLER; /* none is elected yet */
    }
    return (enum err)response->error_code;
}

enum err admin_call(struct client *client, const struct admin_call *call, const void **response)
{
    if (!client_asks_controllers(client)) {
        return client_call(
            client, &(struct client_call){CLIENT_ANY, call->api, call->version, call->request, 0},
            response);
    }
    enum err e;
    do {
        int32_t node;
        e = find_controller(client, &node);
        if (e == ERR_NONE) {
            e = client_call_once(
                client, &(struct client_call){node, call->api, call->version, call->request, 0},
                response);
        }
    } while (client_retry(client, e));
    return e;
}

enum err admin_learn_nodes(struct client *client)
{
    if (client_asks_controllers(client)) {
        int32_t active;
        enum err e = find_controller(client, &active);
        return e == ERR_NOT_CONTROLLER ? ERR_NONE : e; /* the others are known nevertheless */
    }
    struct cluster cluster = {.client = client};
    enum err e = cluster_refresh(&cluster, &SLICE_NULL, 0);
    cluster_fini(&cluster);
    return e;
}

bool admin_retry(struct client *client, enum err e)
{
    switch ((int)e) {
    case ERR_UNKNOWN_TOPIC_OR_PARTITION:
    case ERR_UNKNOWN_TOPIC_ID:
    case ERR_ELECTION_NOT_NEEDED:
    case ERR_PREFERRED_LEADER_NOT_AVAILABLE:
    case ERR_ELIGIBLE_LEADERS_NOT_AVAILABLE:
        return false;
    default:
        return client_retry(client, e);
    }
}
