/* APIs that are answered from what this node knows, and those of the quorum itself. */
#include "controller/api.h"
#include "controller/server_struct.h"
#include "metadata/describe_configs.h"
#include "raft/node/change.h"

void controller_serve_node(struct rpc *rpc)
{
    node_handle(rpc->server->node, rpc->request);
}

/* The feature of the quorum itself, which is no metadata record. */
#define KRAFT_VERSION "kraft.version"

/* Clients of versions before 4 cannot read a lowest level of 0 (KAFKA-17011). */
enum { VERSION_WITH_LEVEL_0 = 4 };

static void add_supported_features(struct wire_api_versions_response *response, int16_t version,
                                   struct arena *arena)
{
    int16_t least = version >= VERSION_WITH_LEVEL_0 ? 0 : 1;
    int32_t count = 0;
    while (metadata_supported_feature((size_t)count) != NULL) {
        count++;
    }
    response->supported_features =
        wire_new_array(&wire_msg_api_versions_response_supported_features, arena, count + 1);
    response->supported_features_count = count + 1;
    response->supported_features[count] = (struct wire_api_versions_response_supported_features){
        slice_str(KRAFT_VERSION), least, NODE_KRAFT_VERSION_MAX};
    for (int32_t i = 0; i < count; i++) {
        const struct metadata_supported_feature *row = metadata_supported_feature((size_t)i);
        response->supported_features[i].name = slice_str(row->name);
        response->supported_features[i].min_version = row->min < least ? least : row->min;
        response->supported_features[i].max_version = row->max;
    }
}

static void add_finalized_features(struct wire_api_versions_response *response, struct arena *arena,
                                   const struct metadata_image *image, int16_t kraft_version)
{
    int32_t count = 0;
    struct metadata_iter it = metadata_features(image);
    while (metadata_feature_next(&it) != NULL) {
        count++;
    }
    response->finalized_features =
        wire_new_array(&wire_msg_api_versions_response_finalized_features, arena, count + 1);
    response->finalized_features_count = count;
    if (kraft_version > 0) {
        response->finalized_features[response->finalized_features_count++] =
            (struct wire_api_versions_response_finalized_features){slice_str(KRAFT_VERSION),
                                                                   kraft_version, kraft_version};
    }
    response->finalized_features_epoch = metadata_image_offset(image);
    it = metadata_features(image);
    for (int32_t i = response->finalized_features_count - count;
         i < response->finalized_features_count; i++) {
        const struct metadata_feature *feature = metadata_feature_next(&it);
        response->finalized_features[i].name = feature->name;
        response->finalized_features[i].min_version_level = feature->level;
        response->finalized_features[i].max_version_level = feature->level;
    }
}

void controller_serve_api_versions(struct rpc *rpc)
{
    struct wire_api_versions_response response;
    struct arena *arena = controller_rpc_arena(rpc);
    net_request_api_versions(rpc->request, ERR_NONE, &response);
    add_supported_features(&response, rpc->header.api_version, arena);
    add_finalized_features(&response, arena, controller_committed(rpc->server->controller),
                           node_kraft_version(rpc->server->node));
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
