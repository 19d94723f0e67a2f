/* AllocateProducerIds; see producer_ids.h. */
#include "controller/decide/producer_ids.h"

#include "controller/decide/isr.h"

void decide_allocate_producer_ids(const struct decide_input *in,
                                  const struct wire_allocate_producer_ids_request *request,
                                  struct decision *out)
{
    struct wire_allocate_producer_ids_response *response =
        ARENA_NEW(in->arena, struct wire_allocate_producer_ids_response);
    out->response = response;
    enum err e = decide_check_epoch(in, request->broker_id, request->broker_epoch);
    int64_t start = metadata_next_producer_id(in->image);
    if (e == ERR_NONE && start > INT64_MAX - DECIDE_PRODUCER_ID_BLOCK) {
        e = ERR_UNKNOWN_SERVER_ERROR;
    }
    response->error_code = err_wire(e);
    if (e != ERR_NONE) {
        return;
    }
    response->producer_id_start = start;
    response->producer_id_len = DECIDE_PRODUCER_ID_BLOCK;
    decision_add(out, METADATA_RECORD_PRODUCER_IDS)->producer_ids = (struct metadata_producer_ids){
        request->broker_id, request->broker_epoch, start + DECIDE_PRODUCER_ID_BLOCK};
}
