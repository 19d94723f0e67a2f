/* Registrations and heartbeats of brokers: where decisions meet the sessions. */
#include "controller/api.h"
#include "controller/decide/isr.h"
#include "controller/server_struct.h"

static int64_t committed_offset(const struct rpc *rpc)
{
    return metadata_image_offset(controller_committed(rpc->server->controller));
}

/* ---- BrokerRegistration ---- */

void controller_decide_registration(struct rpc *rpc, const struct decide_input *in,
                                    struct decision *out)
{
    const struct wire_broker_registration_request *request = rpc->body;
    struct slice why;
    bool live = controller_heartbeats_is_live(&rpc->server->heartbeats, request->broker_id);
    decide_register_broker(in, request, live, out, &why);
    if (!slice_is_null(why)) {
        const struct wire_broker_registration_response *response = out->response;
        log_warn(rpc->server->options.log, "controller", "registration refused",
                 "broker=%d peer=%s code=%d reason=\"%.*s\"", request->broker_id,
                 net_conn_peer(rpc->request->conn), response->error_code, SLICE_ARG(why));
    }
}

void controller_after_registration(struct rpc *rpc, enum err e)
{
    const struct wire_broker_registration_request *request = rpc->body;
    const struct wire_broker_registration_response *response = rpc->op.decision.response;
    if (e != ERR_NONE || response->error_code != 0) {
        return;
    }
    const struct metadata_broker *broker =
        metadata_broker(controller_latest(rpc->server->controller), request->broker_id);
    if (broker == NULL || broker->epoch != response->broker_epoch) {
        return; /* gone, or another incarnation, by now */
    }
    controller_heartbeats_touch(&rpc->server->heartbeats,
                                &(struct heartbeat_contact){broker->id, broker->epoch, -1,
                                                            committed_offset(rpc),
                                                            rpc->request->conn});
    controller_heartbeats_set_state(&rpc->server->heartbeats, broker->id,
                                    decide_broker_state(broker), rpc->op.offset);
    log_info(rpc->server->options.log, "controller", "broker registered",
             "broker=%d epoch=%" PRId64, broker->id, broker->epoch);
}

/* ---- BrokerHeartbeat ---- */

void controller_decide_heartbeat(struct rpc *rpc, const struct decide_input *in,
                                 struct decision *out)
{
    const struct wire_broker_heartbeat_request *request = rpc->body;
    struct heartbeats *heartbeats = &rpc->server->heartbeats;
    struct decide_heartbeat_soft soft = {0};
    if (decide_check_epoch(in, request->broker_id, request->broker_epoch) == ERR_NONE) {
        /* Now, not when the answer leaves: the broker lives even if the log is slow. */
        controller_heartbeats_touch(
            heartbeats, &(struct heartbeat_contact){request->broker_id, request->broker_epoch,
                                                    request->current_metadata_offset,
                                                    committed_offset(rpc), rpc->request->conn});
    }
    if (request->want_shut_down) {
        soft = controller_heartbeats_soft(heartbeats, request->broker_id);
    }
    decide_heartbeat(in, request, &soft, out, &rpc->next_state);
}

static const char *state_name(enum decide_broker_state state)
{
    switch (state) {
    case DECIDE_BROKER_FENCED:
        return "fenced";
    case DECIDE_BROKER_UNFENCED:
        return "unfenced";
    case DECIDE_BROKER_CONTROLLED_SHUTDOWN:
        return "shutting down";
    case DECIDE_BROKER_SHUTDOWN_NOW:
        return "down";
    }
    UNREACHABLE();
}

void controller_after_heartbeat(struct rpc *rpc, enum err e)
{
    const struct wire_broker_heartbeat_request *request = rpc->body;
    const struct wire_broker_heartbeat_response *response = rpc->op.decision.response;
    if (e != ERR_NONE || response->error_code != 0) {
        return;
    }
    if (rpc->op.decision.count > 0) {
        log_info(rpc->server->options.log, "controller", "broker changed state",
                 "broker=%d state=\"%s\" records=%zu", request->broker_id,
                 state_name(rpc->next_state), rpc->op.decision.count);
    }
    const struct metadata_broker *broker =
        metadata_broker(controller_latest(rpc->server->controller), request->broker_id);
    if (broker != NULL && broker->epoch == request->broker_epoch) {
        controller_heartbeats_set_state(&rpc->server->heartbeats, request->broker_id,
                                        decide_broker_state(broker), rpc->op.offset);
    }
}

void controller_after_unregistration(struct rpc *rpc, enum err e)
{
    const struct wire_unregister_broker_request *request = rpc->body;
    const struct wire_unregister_broker_response *response = rpc->op.decision.response;
    if (e == ERR_NONE && response->error_code == 0) {
        controller_heartbeats_forget(&rpc->server->heartbeats, request->broker_id);
    }
}
