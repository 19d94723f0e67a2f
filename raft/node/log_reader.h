/* The batches of a metadata log read from its files without a node, for those who look at the
 * metadata of a node that does not run, or from beside one that does.
 *
 *     struct node_log_reader *reader;
 *     TRY(node_log_reader_open(fs, dir, &reader, &why));
 *     node_log_reader_seek(reader, offset);
 *     for (;;) {
 *         struct node_batch batch;
 *         bool got;
 *         TRY(node_log_reader_next(reader, &batch, &got));
 *         if (!got) break;
 *         …
 *     }
 *     node_log_reader_close(reader);
 *
 * Nothing is written. The files do not say what is committed: batches at the end may not be. One
 * that is not whole at the very end is none (a node may be writing it). */
#ifndef RAFT_NODE_LOG_READER_H
#define RAFT_NODE_LOG_READER_H

#include "base/err.h"
#include "raft/node/node.h"

struct store_error;
struct store_fs;

struct node_log_reader;

/* `dir` is that of the log (…/__cluster_metadata-0). `why` (may be NULL) says what is wrong.
 * Errors: NOT_FOUND, IO. */
enum err node_log_reader_open(const struct store_fs *fs, const char *dir,
                              struct node_log_reader **out, struct store_error *why) MUST_USE;
void node_log_reader_close(struct node_log_reader *reader); /* NULL is allowed */

/* Where the log begins; -1: it has no segment. */
int64_t node_log_reader_start(const struct node_log_reader *reader);

/* The next batch is the first that ends at `offset` or behind it. */
void node_log_reader_seek(struct node_log_reader *reader, int64_t offset);

/* The next batch, its CRC and its offset checked; valid until the next call. A control batch has
 * count 0. `*got` false: the end. Errors: CORRUPT (the text of node_log_reader_problem() says where
 * and why), IO. */
enum err node_log_reader_next(struct node_log_reader *reader, struct node_batch *batch,
                              bool *got) MUST_USE;

/* One sentence about the last error. */
const char *node_log_reader_problem(const struct node_log_reader *reader);

#endif
