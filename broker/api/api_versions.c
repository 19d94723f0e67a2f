/* ApiVersions: the dispatch table, and the cluster's features (KIP-584). */
#include "broker/api/api.h"
#include "broker/client.h"
#include "wire/wire.h"

static void fill_supported(struct arena *arena, struct wire_api_versions_response *out)
{
    int32_t count = 0;
    while (metadata_supported_feature((size_t)count) != NULL) {
        count++;
    }
    out->supported_features =
        wire_new_array(&wire_msg_api_versions_response_supported_features, arena, count);
    out->supported_features_count = count;
    for (int32_t i = 0; i < count; i++) {
        const struct metadata_supported_feature *row = metadata_supported_feature((size_t)i);
        out->supported_features[i].name = slice_str(row->name);
        out->supported_features[i].min_version = row->min;
        out->supported_features[i].max_version = row->max;
    }
}

static void fill_finalized(const struct metadata_image *image, struct arena *arena,
                           struct wire_api_versions_response *out)
{
    struct metadata_iter it = metadata_features(image);
    int32_t count = 0;
    while (metadata_feature_next(&it) != NULL) {
        count++;
    }
    out->finalized_features =
        wire_new_array(&wire_msg_api_versions_response_finalized_features, arena, count);
    out->finalized_features_count = count;
    it = metadata_features(image);
    for (int32_t i = 0; i < count; i++) {
        const struct metadata_feature *feature = metadata_feature_next(&it);
        out->finalized_features[i].name = feature->name;
        out->finalized_features[i].min_version_level = feature->level;
        out->finalized_features[i].max_version_level = feature->level;
    }
    out->finalized_features_epoch = metadata_image_offset(image);
}

void broker_api_api_versions(void *arg, struct net_request *req)
{
    struct broker *broker = arg;
    struct wire_api_versions_response response;
    broker_client_seen(req->conn, req->body);
    net_request_api_versions(req, ERR_NONE, &response);
    fill_supported(&req->arena, &response);
    fill_finalized(broker->image, &req->arena, &response);
    net_reply(req, &response);
}
