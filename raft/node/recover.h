/* When the majority of the voters is gone for good: a voter set by force, and looking at logs of
 * nodes that do not run.
 *
 *     TRY(node_new(&options, &node));         not started: nothing is sent
 *     TRY(node_force_voter(node, &forced, &why));
 *     node_free(node);
 *
 * What this log lacks is lost, also if it had been committed. So it has to be done once, on the log
 * that has the most, and no other voter may come back with its old directory. */
#ifndef RAFT_NODE_RECOVER_H
#define RAFT_NODE_RECOVER_H

#include "raft/node/change.h"
#include "raft/node/node.h"
#include "raft/raft.h"

struct arena;
struct store_error;
struct store_fs;
struct wire_batch;

/* ---- a log as it lies there ---- */

struct node_survey {
    int64_t start_offset;
    int64_t end_offset;
    int32_t last_epoch;            /* of the last record; 0: there is none */
    int64_t last_timestamp_ms;     /* of the last batch; −1 */
    uint64_t unread_bytes;         /* behind the first batch that is not whole, in its segment */
    struct raft_position snapshot; /* the newest that is finished, {0, 0}: none */
};

/* Who is shown each batch, in order; the batch lives until the call returns. */
struct node_survey_visitor {
    void (*each)(void *arg, const struct wire_batch *batch, const char *path, int64_t position);
    void *arg;
};

/* Reads the segments in `log_dir` (…/__cluster_metadata-0) up to the first batch that is not whole,
 * and writes nothing. `visitor` may be NULL. Errors: NOT_FOUND (no such directory, or no log in
 * it), IO. */
enum err node_survey_log(const struct store_fs *fs, const char *log_dir,
                         const struct node_survey_visitor *visitor, struct node_survey *out,
                         struct store_error *why) MUST_USE;

struct node_survey_voters {
    struct node_voter *items; /* in the arena; `host` NULL: the record has no address */
    int count;                /* 0: no record says who votes (kraft.version 0) */
};

/* The voters by the newest record in `log_dir`, in the log or a snapshot, at the addresses of
 * `listener` (or their first). Writes nothing. Errors as node_survey_log(). */
enum err node_survey_read_voters(const struct store_fs *fs, const char *log_dir,
                                 const char *listener, struct arena *arena,
                                 struct node_survey_voters *out) MUST_USE;

/* ---- the voter set by force ---- */

/* Nobody's log may have records of the epoch in which the set is forced. The lost voters may have
 * elected leaders that this node has not heard of, and brokers may have their records; so many
 * elections there were not. */
enum { NODE_FORCED_EPOCHS = 10000 };

struct node_forced {
    const struct node_advertised *listeners; /* where this controller is reached */
    int listener_count;
    const struct slice *records; /* values that go into the log behind the set: who, when, why */
    int record_count;
};

/* Makes this controller the only voter: appends the set in a new epoch, and saves the epoch, both
 * synced. The node must not have been started, nor be afterwards. Errors: UNSUPPORTED (the voters
 * are static), MESSAGE_TOO_LARGE, IO, NO_SPACE. After an error it may be tried again. */
enum err node_force_voter(struct node *node, const struct node_forced *forced,
                          struct store_error *why) MUST_USE;

#endif
