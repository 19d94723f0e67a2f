/* Making a replica's log durable in the background.
 *
 * Data survives by replication; fsync only bounds what a restart must scan, unless the topic asks
 * for more: a rolled segment is flushed soon, flush.ms flushes
 * that long after an append, and flush.messages before the append is acknowledged. */
#ifndef BROKER_REPLICA_FLUSH_H
#define BROKER_REPLICA_FLUSH_H

#include "broker/replica.h"

/* Flushes after `delay_ms` unless a flush is due earlier. */
void replica_flush_soon(struct replica *r, int64_t delay_ms);

/* After every append: obeys flush.messages (at once, the caller waits for the disk) and flush.ms.
 * An error has put the log offline. */
enum err replica_flush_appended(struct replica *r) MUST_USE;

/* The log is about to be closed or deleted: a flush under way ends without it. */
void replica_flush_detach(struct replica *r);

/* The same for all of them: the broker ends. */
void replica_flushes_detach(struct broker *broker);

#endif
