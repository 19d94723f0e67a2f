/* Requests to the controller; see admin.h. */
#include "cli/admin.h"

#include "cli/cluster.h"
#include "cli/nodes.h"

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
        e = nodes_find_active(client, &node);
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
        enum err e = nodes_find_active(client, &active);
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
