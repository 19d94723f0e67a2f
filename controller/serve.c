/* APIs that are answered from what this node knows, and those of the quorum itself. */
#include "controller/api.h"
#include "controller/server_struct.h"
#include "metadata/describe_configs.h"
#include "raft/node/change.h"

void controller_serve_node(struct rpc *rpc)
{
    node_handle(rpc->server->node, rpc->request);
}

void controller_serve_api_versions(struct rpc *rpc)
{
    struct wire_api_versions_response response;
    struct arena *arena = controller_rpc_arena(rpc);
    net_request_api_versions(rpc->request, ERR_NONE, &response);
    metadata_describe_features(
        &(struct metadata_features_view){.supported = &rpc->server->config.supported,
                                         .image = controller_committed(rpc->server->controller),
                                         .kraft_version = node_kraft_version(rpc->server->node)},
        rpc->header.api_version, arena, &response);
    controller_rpc_reply(rpc, &response);
}

void controller_serve_describe_configs(struct rpc *rpc)
{
    struct wire_describe_configs_response response;
    struct settings_view view = {
        .settings = rpc->server->options.settings,
        .image = controller_committed(rpc->server->controller),
        .broker_id = rpc->server->config.node_id,
    };
    wire_init(&wire_msg_describe_configs_response, &response);
    metadata_describe_configs(&view, rpc->body, rpc->header.api_version, controller_rpc_arena(rpc),
                              &response);
    controller_rpc_reply(rpc, &response);
}

bool controller_standby_describes_configs(const struct rpc *rpc)
{
    const struct wire_describe_configs_request *request = rpc->body;
    struct slice self =
        decide_text(controller_rpc_arena(rpc), "%" PRId32, rpc->server->config.node_id);
    for (int32_t i = 0; i < request->resources_count; i++) {
        if (request->resources[i].resource_type != METADATA_CONFIG_BROKER ||
            !slice_eq(request->resources[i].resource_name, self)) {
            return false;
        }
    }
    return true;
}
