/* Registration of this controller; see registration.h. */
#include "controller/registration.h"

#include "controller/decide/brokers.h"

enum { RETRY_MS = 500, TIMEOUT_MS = 5000 };

static bool is_registered(const struct registration *r)
{
    const struct metadata_controller *self =
        metadata_controller(controller_committed(r->controller), r->config->node_id);
    return self != NULL && uuid_eq(self->incarnation_id, r->incarnation_id);
}

static void build_request(struct registration *r)
{
    struct wire_controller_registration_request *request = &r->request;
    const struct metadata_supported *supported = &r->config->supported;
    wire_init(&wire_msg_controller_registration_request, request);
    request->controller_id = r->config->node_id;
    request->incarnation_id = r->incarnation_id;
    request->listeners_count = r->config->listener_count;
    request->listeners = wire_new_array(&wire_msg_controller_registration_request_listeners,
                                        &r->arena, request->listeners_count);
    for (int i = 0; i < r->config->listener_count; i++) {
        const struct metadata_listener *l = &r->config->listeners[i];
        request->listeners[i].name = slice_str(l->name);
        request->listeners[i].host = slice_str(l->advertised.host);
        request->listeners[i].port = (uint16_t)l->advertised.port;
        request->listeners[i].security_protocol = METADATA_PLAINTEXT;
    }
    request->features_count = (int32_t)supported->count;
    request->features = wire_new_array(&wire_msg_controller_registration_request_features,
                                       &r->arena, request->features_count);
    for (size_t i = 0; i < supported->count; i++) {
        const struct metadata_supported_feature *row = &supported->rows[i];
        request->features[i].name = slice_str(row->name);
        request->features[i].min_supported_version = row->min;
        request->features[i].max_supported_version = row->max;
    }
}

/* An attempt ended. When it succeeded, the committed image will show it, and poke ends it all. */
static void attempt_done(struct registration *r, enum err e, int16_t code)
{
    r->asking = false;
    if (r->closing) {
        return;
    }
    if (e != ERR_NONE || code != 0) {
        log_debug(r->log, "controller", "registration failed", "error=%s code=%d", err_name(e),
                  code);
    }
    if (!is_registered(r)) {
        net_timer_set(&r->timer, RETRY_MS);
    }
}

static void decide_self(struct controller_op *op, const struct decide_input *in,
                        struct decision *out)
{
    decide_register_controller(in, &container_of(op, struct registration, op)->request, out);
}

static void self_done(struct controller_op *op, enum err e)
{
    struct registration *r = container_of(op, struct registration, op);
    const struct wire_controller_registration_response *response = op->decision.response;
    attempt_done(r, e, e == ERR_NONE ? response->error_code : 0);
    arena_fini(&r->op_arena);
}

static void call_done(void *arg, enum err e, const void *response, struct net_response *raw)
{
    const struct wire_controller_registration_response *answer = response;
    (void)raw;
    attempt_done(arg, e, e == ERR_NONE ? answer->error_code : 0);
}

void controller_registration_poke(struct registration *r)
{
    if (r->asking || r->closing) {
        return;
    }
    if (is_registered(r)) {
        net_timer_stop(&r->timer);
        net_client_free(r->client);
        r->client = NULL;
        return;
    }
    if (controller_is_active(r->controller)) {
        r->asking = true;
        r->op = (struct controller_op){
            .decide = decide_self,
            .done = self_done,
            .arena = &r->op_arena,
            .unconfirmed = true,
            .cause = metadata_cause_of(METADATA_EVENT_CONTROLLER_START, r->config->node_id)};
        controller_submit(r->controller, &r->op);
    } else if (r->client != NULL) {
        r->asking = true;
        net_call(r->client, &(struct net_call_args){.api = WIRE_API_CONTROLLER_REGISTRATION,
                                                    .version = 0,
                                                    .request = &r->request,
                                                    .timeout_ms = TIMEOUT_MS,
                                                    .done = call_done,
                                                    .arg = r});
    }
}

static void on_timer(void *arg)
{
    controller_registration_poke(arg);
}

void controller_registration_init(struct registration *r)
{
    net_timer_init(&r->timer, r->loop, on_timer, r);
    build_request(r);
}

void controller_registration_fini(struct registration *r)
{
    r->closing = true;
    net_timer_stop(&r->timer);
    net_client_free(r->client);
    r->client = NULL;
    arena_fini(&r->arena);
    arena_fini(&r->op_arena);
}

void controller_registration_leader(struct registration *r, const char *host, uint16_t port)
{
    net_client_free(r->client);
    r->client = NULL;
    if (host != NULL && !is_registered(r)) {
        r->client = net_client_new(
            r->loop, &(struct net_client_options){.host = host, .port = port, .log = r->log});
        controller_registration_poke(r);
    }
}
