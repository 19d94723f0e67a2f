/* Asks a broker's listener whether its process lives; see reach.h. */
#include "controller/reach.h"

enum {
    CALL_TIMEOUT_MS = 1000,
    BACKOFF_MS = 20,
    BACKOFF_MAX_MS = 500,
    /* A broker listens as soon as it has heard that it is unfenced: some 8 s for that. */
    ATTEMPTS = 20
};

static void call(struct reach *reach);

static void answered(void *arg, enum err e, const void *response, struct net_response *raw)
{
    struct reach *reach = arg;
    (void)response;
    (void)raw;
    reach->calling = false;
    if (e == ERR_NONE) {
        reach->answered = true;
        reach->lost = false;
        net_client_disconnect(reach->client);
    } else if (reach->lost && reach->answered) {
        if (net_client_is_refused(reach->client)) {
            reach->lost = false;
            reach->gone(reach->arg);
        } else if (e == ERR_CLOSED) {
            /* A process that ends closes what it has accepted before, or after, its listeners. */
            call(reach);
        }
    } else if (!reach->answered && --reach->attempts_left > 0) {
        call(reach);
    }
}

static void call(struct reach *reach)
{
    struct wire_api_versions_request request;
    wire_init(&wire_msg_api_versions_request, &request);
    reach->calling = true;
    net_call(reach->client, &(struct net_call_args){.api = WIRE_API_API_VERSIONS,
                                                    .version = 0,
                                                    .request = &request,
                                                    .timeout_ms = CALL_TIMEOUT_MS,
                                                    .done = answered,
                                                    .arg = reach});
}

void controller_reach_begin(struct reach *reach, struct net_loop *loop, const char *host, int port)
{
    controller_reach_end(reach);
    reach->client = net_client_new(loop, &(struct net_client_options){
                                             .host = host,
                                             .port = port,
                                             .client_id = "controller-reach",
                                             .connect_timeout_ms = CALL_TIMEOUT_MS,
                                             .backoff_ms = BACKOFF_MS,
                                             .backoff_max_ms = BACKOFF_MAX_MS,
                                         });
    reach->attempts_left = ATTEMPTS;
    call(reach);
}

void controller_reach_lost(struct reach *reach)
{
    if (reach->client == NULL || !reach->answered) {
        return;
    }
    reach->lost = true;
    if (!reach->calling) {
        call(reach);
    }
}

void controller_reach_back(struct reach *reach)
{
    reach->lost = false;
}

/* The failing calls of a client that is freed are told, which must not start others. */
void controller_reach_end(struct reach *reach)
{
    struct net_client *client = reach->client;
    reach->client = NULL;
    reach->lost = false;
    reach->answered = false;
    reach->attempts_left = 0;
    net_client_free(client);
    reach->calling = false;
}
