/* Who belongs to a cluster: DescribeCluster, of brokers and of controllers. */
#ifndef CLI_NODES_H
#define CLI_NODES_H

#include "cli/client.h"

enum nodes_kind {
    NODES_BROKERS,            /* that serve */
    NODES_BROKERS_AND_FENCED, /* asks for version 2 (Kafka 4.0) */
    NODES_CONTROLLERS,
};

/* Asks `node` (CLIENT_ANY: whoever answers). Errors: of client_call(), or the answer's as a whole.
 */
enum err nodes_ask(struct client *client, int32_t node, enum nodes_kind kind,
                   const struct wire_describe_cluster_response **out) MUST_USE;

/* The same with a single attempt, as client_call_once(). */
enum err nodes_ask_once(struct client *client, int32_t node, enum nodes_kind kind,
                        const struct wire_describe_cluster_response **out) MUST_USE;

/* Makes the nodes of an answer known to the client. */
void nodes_learn(struct client *client, const struct wire_describe_cluster_response *response);

/* Asks one of the controllers which of them is active, and makes all of them known to the client.
 * Errors: those of nodes_ask(); NOT_CONTROLLER: nobody is known to be. */
enum err nodes_find_active(struct client *client, int32_t *out) MUST_USE;

#endif
