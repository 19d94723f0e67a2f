/* Fetch sessions (KIP-227): a client names its partitions once and then only what changed.
 *
 * api/fetch.c asks here for the list of partitions that a request means, and which of the answers
 * are worth sending. At most max.incremental.fetch.session.cache.slots sessions; followers are
 * preferred over consumers, larger over smaller, unused ones (2 min) go first. */
#ifndef BROKER_SESSIONS_H
#define BROKER_SESSIONS_H

#include "broker/broker.h"

struct broker_sessions *broker_sessions_new(struct broker *broker);
void broker_sessions_free(struct broker_sessions *sessions);

#endif
