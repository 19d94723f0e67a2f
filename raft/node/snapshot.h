/* Snapshots of the metadata log as files (KIP-630), read without a node: for `craft log dump`, for
 * whoever looks at the metadata of a node that does not run, and for the node itself.
 *
 *     struct node_snapshot_reader *reader;
 *     TRY(node_snapshot_open(fs, path, &reader, &why));
 *     for (;;) {
 *         struct node_batch batch;
 *         bool got;
 *         TRY(node_snapshot_next(reader, &batch, &got));
 *         if (!got) break;
 *         … batch.record_values[0 … batch.count) …
 *     }
 *     node_snapshot_close(reader);
 *
 * A snapshot is a file "<end offset>-<epoch>.checkpoint" of record batches with offsets of their
 * own from 0 on: a control batch with SnapshotHeader (and KRaftVersion, KRaftVoters), the records
 * of the state, a control batch with SnapshotFooter. Without the footer it is torn. */
#ifndef RAFT_NODE_SNAPSHOT_H
#define RAFT_NODE_SNAPSHOT_H

#include "base/err.h"
#include "raft/node/node.h"
#include "raft/raft.h"

struct store_error;
struct store_fs;
struct buf;

/* ---- names ---- */

enum { NODE_SNAPSHOT_NAME_MAX = 48 };

/* "00000000000000000500-0000000003.checkpoint" */
void node_snapshot_name(struct raft_position place, char name[NODE_SNAPSHOT_NAME_MAX]);

/* False: `name` is not that of a finished snapshot. */
bool node_snapshot_parse_name(const char *name, struct raft_position *place);

struct node_snapshot_list {
    struct raft_position *items; /* by offset, then epoch; oldest first */
    int count;
    int cap;
};

/* The snapshots in `dir` (…/__cluster_metadata-0), the voters' bootstrap snapshot {0, 0} included;
 * nothing of them is read. */
enum err node_snapshot_list(const struct store_fs *fs, const char *dir,
                            struct node_snapshot_list *out) MUST_USE;
void node_snapshot_list_fini(struct node_snapshot_list *list);

/* ---- contents ---- */

struct node_snapshot_reader;

/* Opens the file at `path`; `why` (may be NULL) says what is wrong. Errors: NOT_FOUND, IO. */
enum err node_snapshot_open(const struct store_fs *fs, const char *path,
                            struct node_snapshot_reader **out, struct store_error *why) MUST_USE;
void node_snapshot_close(struct node_snapshot_reader *reader); /* NULL is allowed */

/* The next batch, its CRC and its place checked; valid until the next call. A control batch has
 * count 0. `*got` false: the end, after the footer. Errors: CORRUPT (the text of
 * node_snapshot_problem() says where and why), IO. */
enum err node_snapshot_next(struct node_snapshot_reader *reader, struct node_batch *batch,
                            bool *got) MUST_USE;

/* One sentence about the last error. */
const char *node_snapshot_problem(const struct node_snapshot_reader *reader);

/* From the header, after the first batch: the append time of the last record contained, −1 before.
 */
int64_t node_snapshot_timestamp_ms(const struct node_snapshot_reader *reader);

/* The voters in force at that place, from the header batch; NULL: it has none. */
const struct raft_voter_set *node_snapshot_voters(const struct node_snapshot_reader *reader);

int64_t node_snapshot_size(const struct node_snapshot_reader *reader); /* of the file, in bytes */

/* ---- making one ---- */

struct node_snapshot_contents {
    struct node_snapshot_place place; /* end_offset > 0; the time is written into all batches */
    const struct slice *values;
    size_t count;
};

/* Writes the snapshot into the directory of a log (…/__cluster_metadata-0) whose node does not run,
 * synced, with the voters that it was formatted with. The same contents give the same bytes. A log
 * that has nothing else begins there. Errors: IO, NO_SPACE, CORRUPT; `why` (may be NULL) says what
 * is wrong. */
enum err node_snapshot_create(const struct store_fs *fs, const char *dir,
                              const struct node_snapshot_contents *contents,
                              struct store_error *why) MUST_USE;

#endif
