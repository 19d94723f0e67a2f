/* Requests that change a cluster or ask its controller: sent to whoever can carry them out.
 *
 *     do {
 *         TRY(admin_call(client, WIRE_API_…, version, &request, &response));
 *         e = (enum err)response->…error_code;
 *     } while (admin_retry(client, e)); */
#ifndef CLI_ADMIN_H
#define CLI_ADMIN_H

#include "cli/client.h"

/* How one item of a request ended. */
struct admin_result {
    enum err error;
    struct slice message; /* the server's own sentence; null or empty: none */
};

struct admin_call {
    int16_t api;
    int16_t version; /* the highest wanted */
    const void *request;
};

/* Asks any broker, which forwards what is the controller's; a client that asks controllers asks the
 * active one. Errors: of client_call(). */
enum err admin_call(struct client *client, const struct admin_call *call,
                    const void **response) MUST_USE;

/* Makes the brokers known to the client, or the controllers to one that asks controllers. Errors:
 * of client_call(). */
enum err admin_learn_nodes(struct client *client) MUST_USE;

/* True, after a pause, if the answer `e` says that somebody else must be asked, or the same one
 * later, and there is time. What does not exist is not waited for. */
bool admin_retry(struct client *client, enum err e);

#endif
