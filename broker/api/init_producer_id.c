/* InitProducerId for idempotent producers; transactional ones are refused. */
#include "broker/api/api.h"
#include "broker/producer_ids.h"
#include "wire/wire.h"

void broker_api_init_producer_id(void *arg, struct net_request *req)
{
    struct broker *broker = arg;
    const struct wire_init_producer_id_request *request = req->body;
    if (slice_is_null(request->transactional_id)) {
        broker_producer_ids_answer(broker->producer_ids, req);
        return;
    }
    struct wire_init_producer_id_response response;
    wire_init(wire_response(WIRE_API_INIT_PRODUCER_ID), &response);
    /* An empty transactional id is a mistake, any other asks for what is not there. */
    response.error_code =
        request->transactional_id.len == 0 ? ERR_INVALID_REQUEST : ERR_UNSUPPORTED_VERSION;
    response.producer_id = -1;
    response.producer_epoch = -1;
    net_reply(req, &response);
}
