/* Followers pull: one fetch loop per leader this broker follows, with an incremental session.
 *
 * A partition is given to its leader's fetcher when this broker becomes its follower and taken away
 * when that ends. A response's batches are appended straight from the received frame. Divergence is
 * found by LastFetchedEpoch (Fetch v12+) and cut by partition_diverged(). */
#ifndef BROKER_FETCHER_H
#define BROKER_FETCHER_H

#include "broker/replica.h"

void broker_fetchers_start(struct broker *broker);

/* Follow (or follow anew, in a newer leader epoch) the leader in r->part.state. */
void broker_fetcher_add(struct replica *r);

/* Stop following; nothing of a response under way is appended any more. Harmless when not
 * followed. */
void broker_fetcher_remove(struct replica *r);

/* Leaders' addresses may have changed. */
void broker_fetchers_brokers_changed(struct broker *broker);

void broker_fetchers_free(struct broker *broker);

#endif
