/* DescribeConfigs: settings in effect, from the newest image and this broker's file. */
#include "broker/api/api.h"
#include "wire/wire.h"

void broker_api_describe_configs(void *broker, struct net_request *req)
{
    struct wire_describe_configs_response response;
    struct settings_view view = broker_settings_view(broker);
    wire_init(wire_response(WIRE_API_DESCRIBE_CONFIGS), &response);
    metadata_describe_configs(&view, req->body, req->header.api_version, &req->arena, &response);
    net_reply(req, &response);
}
