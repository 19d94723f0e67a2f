/* Room that is written before it is needed.
 *
 * A sync of bytes that made a file longer has to write the file system's journal too; one of bytes
 * that take the place of others does not. So a log that is synced after each append can keep zeroes
 * behind its end and write its batches over them (`ahead_bytes` of store_log_config).
 *
 * Before the zeroes stands a mark: the prefix of a batch that is longer than any segment. Readers
 * of Kafka's format take it for a last batch that is not whole. Kafka's own log.preallocate leaves
 * the zeroes alone, and so does a write that a power cut tore.
 *
 * A closed segment ends with its last batch. */
#ifndef STORE_AHEAD_H
#define STORE_AHEAD_H

#include "base/slice.h"

enum { STORE_AHEAD_MARK = 12 };

/* No batch begins where these bytes are, nor behind them: they are zeroes or the mark. `head` has
 * STORE_AHEAD_MARK bytes, or fewer where the file ends. */
bool store_is_ahead(struct slice head);

#endif
