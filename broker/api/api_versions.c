/* ApiVersions: the dispatch table, and the cluster's features (KIP-584). */
#include "broker/api/api.h"
#include "broker/client.h"
#include "raft/node/change.h"
#include "wire/wire.h"

void broker_api_api_versions(void *arg, struct net_request *req)
{
    struct broker *broker = arg;
    struct wire_api_versions_response response;
    broker_client_seen(req->conn, req->body);
    net_request_api_versions(req, ERR_NONE, &response);
    metadata_describe_features(
        &(struct metadata_features_view){.supported = &broker->supported,
                                         .image = broker->image,
                                         .kraft_version = node_kraft_version(broker->node)},
        req->header.api_version, &req->arena, &response);
    net_reply(req, &response);
}
