/* DescribeQuorum: asked of the quorum's leader in the client's own words; only its answer has the
 * voters' progress. */
#include "broker/api/api.h"
#include "broker/channel.h"
#include "wire/wire.h"

static bool is_not_leader(int16_t error_code)
{
    return error_code == ERR_NOT_LEADER_OR_FOLLOWER || error_code == ERR_NOT_CONTROLLER;
}

static bool not_leader(const void *response)
{
    const struct wire_describe_quorum_response *answer = response;
    if (is_not_leader(answer->error_code)) {
        return true;
    }
    return answer->topics_count == 1 && answer->topics[0].partitions_count == 1 &&
           is_not_leader(answer->topics[0].partitions[0].error_code);
}

static void on_answer(void *arg, enum err e, const void *response, struct net_response *raw)
{
    (void)raw;
    struct net_request *req = arg;
    struct wire_describe_quorum_response refusal;
    if (e != ERR_NONE) {
        wire_init(wire_response(WIRE_API_DESCRIBE_QUORUM), &refusal);
        refusal.error_code = err_wire(e == ERR_TIMED_OUT ? ERR_REQUEST_TIMED_OUT : e);
        response = &refusal;
    }
    net_reply(req, response);
}

void broker_api_describe_quorum(void *arg, struct net_request *req)
{
    struct broker *broker = arg;
    struct broker_channel_call call = {.line = BROKER_CHANNEL_REQUESTS,
                                       .api = WIRE_API_DESCRIBE_QUORUM,
                                       .version = req->header.api_version,
                                       .request = req->body,
                                       .timeout_ms =
                                           settings_int(broker->settings, "request.timeout.ms"),
                                       .not_controller = not_leader,
                                       .done = on_answer,
                                       .arg = req};
    broker_channel_send(broker->channel, &call);
}
