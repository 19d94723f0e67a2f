/* What is known of the program at the other end of a connection (KIP-511), and what follows from
 * it.
 *
 * librdkafka, told by an answer of Produce that the leader is elsewhere, asks where no sooner than
 * topic.metadata.refresh.fast.interval.ms later (250 ms, its default for years) and tries the old
 * leader again meanwhile. But when a connection closes it asks at once. So the connection is
 * finished a moment behind such an answer, as it is for acks=0 with every client: a planned move of
 * a leader costs its producers retry.backoff.ms (100 ms) instead of three times that. A connection
 * younger than 11 s is left alone: many leaders that move one after the other would make the client
 * stay away for up to 10 s. Newer ones read the leader from the answer (KIP-951) and keep their
 * connection. */
#ifndef BROKER_CLIENT_H
#define BROKER_CLIENT_H

#include "net/net.h"
#include "wire/messages.h"

/* The client has said who it is. */
void broker_client_seen(struct net_conn *conn, const struct wire_api_versions_request *request);

/* The client was told that a leader is elsewhere, and not where. */
void broker_client_must_seek(struct net_conn *conn);

#endif
