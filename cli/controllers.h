/* Finding the active controller among controllers. */
#ifndef CLI_CONTROLLERS_H
#define CLI_CONTROLLERS_H

#include "cli/client.h"

/* Asks one of the controllers which of them is active, and makes all of them known to the client.
 * Errors: those of client_call() and of the answer; NOT_CONTROLLER: nobody is known to be. */
enum err controllers_find_active(struct client *client, int32_t *out) MUST_USE;

#endif
