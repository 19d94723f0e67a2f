/* InitProducerId for idempotent producers; transactional ones are refused. */
#include "broker/api/api.h"
#include "broker/producer_ids.h"
#include "wire/wire.h"

static enum err check(const struct wire_init_producer_id_request *request)
{
    /* An id comes with its epoch; which, does not matter: idempotent producers get a new one. */
    if ((request->producer_id == -1) != (request->producer_epoch == -1)) {
        return ERR_INVALID_REQUEST;
    }
    if (slice_is_null(request->transactional_id)) {
        return ERR_NONE;
    }
    /* An empty transactional id is a mistake, any other asks for what is not there. */
    return request->transactional_id.len == 0 ? ERR_INVALID_REQUEST : ERR_UNSUPPORTED_VERSION;
}

void broker_api_init_producer_id(void *arg, struct net_request *req)
{
    struct broker *broker = arg;
    enum err e = check(req->body);
    if (e == ERR_NONE) {
        broker_producer_ids_answer(broker->producer_ids, req);
        return;
    }
    struct wire_init_producer_id_response response;
    wire_init(wire_response(WIRE_API_INIT_PRODUCER_ID), &response);
    response.error_code = err_wire(e);
    response.producer_id = -1;
    response.producer_epoch = -1;
    net_reply(req, &response);
}
