/* Asking who is there; see nodes.h. */
#include "cli/nodes.h"

enum { ENDPOINT_BROKERS = 1, ENDPOINT_CONTROLLERS = 2 };

static enum err ask(struct client *client, int32_t node, enum nodes_kind kind, bool once,
                    const struct wire_describe_cluster_response **out)
{
    struct wire_describe_cluster_request request;
    wire_init(&wire_msg_describe_cluster_request, &request);
    request.endpoint_type = kind == NODES_CONTROLLERS ? ENDPOINT_CONTROLLERS : ENDPOINT_BROKERS;
    request.include_fenced_brokers = kind == NODES_BROKERS_AND_FENCED;
    struct client_call call = {.node = node,
                               .api = WIRE_API_DESCRIBE_CLUSTER,
                               .version = kind == NODES_BROKERS_AND_FENCED ? 2 : 1,
                               .request = &request};
    const void *answer;
    TRY(once ? client_call_once(client, &call, &answer) : client_call(client, &call, &answer));
    *out = answer;
    return (enum err)(*out)->error_code;
}

enum err nodes_ask(struct client *client, int32_t node, enum nodes_kind kind,
                   const struct wire_describe_cluster_response **out)
{
    return ask(client, node, kind, false, out);
}

enum err nodes_ask_once(struct client *client, int32_t node, enum nodes_kind kind,
                        const struct wire_describe_cluster_response **out)
{
    return ask(client, node, kind, true, out);
}

void nodes_learn(struct client *client, const struct wire_describe_cluster_response *response)
{
    for (int32_t i = 0; i < response->brokers_count; i++) {
        const struct wire_describe_cluster_response_brokers *node = &response->brokers[i];
        client_set_node(client, node->broker_id, node->host, node->port);
    }
}

enum err nodes_find_active(struct client *client, int32_t *out)
{
    const struct wire_describe_cluster_response *response;
    TRY(nodes_ask(client, CLIENT_ANY, NODES_CONTROLLERS, &response));
    nodes_learn(client, response);
    *out = response->controller_id;
    return client_has_node(client, *out) ? ERR_NONE : ERR_NOT_CONTROLLER; /* none is elected yet */
}
