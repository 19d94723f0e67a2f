/* InitProducerId without a transaction; see producer_id.h. */
#include "cli/producer_id.h"

enum { INIT_VERSION = 4 };

enum err producer_id_get(struct client *client, struct producer_id *out)
{
    struct wire_init_producer_id_request request;
    wire_init(&wire_msg_init_producer_id_request, &request);
    request.transactional_id = SLICE_NULL;
    request.transaction_timeout_ms = INT32_MAX; /* counts for transactions only */
    struct client_call call = {CLIENT_ANY, WIRE_API_INIT_PRODUCER_ID, INIT_VERSION, &request, 0};
    *out = (struct producer_id){-1, -1};
    enum err e;
    do {
        const void *answer;
        TRY(client_call(client, &call, &answer));
        const struct wire_init_producer_id_response *response = answer;
        e = (enum err)response->error_code;
        if (e == ERR_NONE) {
            *out = (struct producer_id){response->producer_id, response->producer_epoch};
        }
    } while (client_retry(client, e));
    return e;
}
