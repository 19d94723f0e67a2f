/* DescribeBrokers, an API of ours: which brokers serve, and of those that do not, since when and
 * why; and how far each is behind. */
#include "controller/api.h"
#include "controller/server_struct.h"

/* Values of the field State. */
enum { STATE_FENCED = 0, STATE_SERVING = 1, STATE_SHUTTING_DOWN = 2 };

static bool is_wanted(const struct wire_describe_brokers_request *request, int32_t id)
{
    for (int32_t i = 0; i < request->broker_ids_count; i++) {
        if (request->broker_ids[i] == id) {
            return true;
        }
    }
    return request->broker_ids_count < 0; /* null: all */
}

static int8_t state_of(const struct metadata_broker *broker)
{
    if (broker->fenced) {
        return STATE_FENCED;
    }
    return broker->in_controlled_shutdown ? STATE_SHUTTING_DOWN : STATE_SERVING;
}

static void add_endpoints(const struct metadata_broker *broker,
                          struct wire_describe_brokers_response_brokers *out, struct arena *arena)
{
    int32_t count = (int32_t)broker->endpoints.count;
    out->endpoints =
        wire_new_array(&wire_msg_describe_brokers_response_brokers_endpoints, arena, count);
    out->endpoints_count = count;
    for (int32_t i = 0; i < count; i++) {
        out->endpoints[i].name = broker->endpoints.items[i].name;
        out->endpoints[i].host = broker->endpoints.items[i].host;
        out->endpoints[i].port = broker->endpoints.items[i].port;
    }
}

static struct slice cause_bytes(const struct metadata_cause *cause, struct arena *arena)
{
    struct buf bytes = {0};
    metadata_cause_encode(cause, &bytes);
    struct slice copy = arena_dup(arena, buf_slice(&bytes));
    buf_fini(&bytes);
    return copy;
}

static void add_broker(struct rpc *rpc, const struct metadata_broker *broker,
                       struct wire_describe_brokers_response_brokers *out)
{
    struct arena *arena = controller_rpc_arena(rpc);
    struct heartbeat_view heartbeats =
        controller_heartbeats_view(&rpc->server->heartbeats, broker->id);
    out->broker_id = broker->id;
    out->broker_epoch = broker->epoch;
    out->rack = broker->rack;
    add_endpoints(broker, out, arena);
    out->state = state_of(broker);
    if (broker->since.timestamp_ms >= 0) {
        out->since_ms = broker->since.timestamp_ms;
        out->cause = cause_bytes(&broker->since.cause, arena);
    }
    out->heartbeat_age_ms = heartbeats.age_ms;
    out->metadata_offset = heartbeats.metadata_offset;
    out->behind_ms = heartbeats.behind_ms;
}

void controller_serve_describe_brokers(struct rpc *rpc)
{
    const struct metadata_image *image = controller_committed(rpc->server->controller);
    struct wire_describe_brokers_response response;
    wire_init(&wire_msg_describe_brokers_response, &response);
    response.controller_id = rpc->server->config.node_id;
    response.metadata_offset = metadata_image_offset(image);
    response.brokers =
        wire_new_array(&wire_msg_describe_brokers_response_brokers, controller_rpc_arena(rpc),
                       (int32_t)metadata_broker_count(image));
    struct metadata_iter it = metadata_brokers(image);
    const struct metadata_broker *broker;
    while ((broker = metadata_broker_next(&it)) != NULL) {
        if (is_wanted(rpc->body, broker->id)) {
            add_broker(rpc, broker, &response.brokers[response.brokers_count++]);
        }
    }
    controller_rpc_reply(rpc, &response);
}
