/* The identity of an idempotent producer (KIP-98): with it, and a number for each batch, a leader
 * recognises a batch that is sent again. */
#ifndef CLI_PRODUCER_ID_H
#define CLI_PRODUCER_ID_H

#include "cli/client.h"

struct producer_id {
    int64_t id; /* −1: none */
    int16_t epoch;
};

/* A new one. Errors: of client_call(), or the answer's; then there is none. */
enum err producer_id_get(struct client *client, struct producer_id *out) MUST_USE;

#endif
