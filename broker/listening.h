/* The listeners of a broker: what the settings say of them, and the sockets behind them.
 *
 * `listeners`, `advertised.listeners`, `listener.security.protocol.map` and the limits of
 * connections may change while the broker runs (KIP-226): new sockets are opened, those that are
 * not named any more are closed with their connections, and the cluster is told the new addresses.
 * What cannot be done is logged and leaves everything as it was. */
#ifndef BROKER_LISTENING_H
#define BROKER_LISTENING_H

#include "broker/broker.h"

/* Reads and checks the settings. Errors: ERR_CONFIG. */
enum err broker_listening_read(struct broker *broker, struct buf *why) MUST_USE;

/* Binds the sockets; nothing is accepted yet. Errors: as net_listen(). */
enum err broker_listening_bind(struct broker *broker, struct buf *why) MUST_USE;

/* Accepts connections from now on. */
void broker_listening_open(struct broker *broker);

/* Follows broker->settings. True: the addresses that clients are told have changed. */
bool broker_listening_update(struct broker *broker);

/* The port of the first listener. */
int broker_listening_port(const struct broker *broker);

/* Closes the sockets and their connections, for good. */
void broker_listening_close(struct broker *broker);

/* NULL-safe. */
void broker_listening_free(struct broker *broker);

#endif
