/* The metadata log of a directory, read without a node: the state at any point of it, and what came
 * after. Nothing is written; a node may run meanwhile, and then the end may be seen a little early.
 *
 *     struct history h;
 *     if (!history_open(cli, dir, &h)) return CLI_FAILED;      the complaint is printed
 *     struct metadata_image *image = history_image(&h, point); the state at a point, or
 *     image = history_replay(&h, &walk);                       all that happened on the way there
 *     history_close(&h);
 *
 * The log of a directory knows no high watermark: what stands at its end may not be committed. */
#ifndef CLI_HISTORY_H
#define CLI_HISTORY_H

#include "cli/cli.h"
#include "metadata/metadata.h"
#include "raft/node/node.h"
#include "raft/node/snapshot.h"
#include "store/store.h"

struct history {
    struct cli *cli;
    const struct store_fs *fs;
    const char *dir; /* …/__cluster_metadata-0 */
    struct slice cluster_id;
    struct node_snapshot_list snapshots;
    const char *temporary; /* a directory that history_close() removes; NULL: none */
};

/* `dir`: that of the log, or one of log.dirs that has it. False: it cannot be read, and that is
 * told. */
bool history_open(struct cli *cli, const char *dir, struct history *out);
void history_close(struct history *h);

/* A point of the log: after all batches that begin at `offset` or before it, or that were written
 * at `time_ms` or before; the end of the log if neither is set. */
struct history_point {
    int64_t offset;  /* -1: not set */
    int64_t time_ms; /* -1: not set */
};

#define HISTORY_END ((struct history_point){-1, -1})

/* "1234" or a time as times_parse_date() reads it. */
bool history_parse_point(struct slice text, struct history_point *out);

/* A batch and what it did. */
struct history_step {
    const struct node_batch *batch;
    const struct metadata_cause *cause; /* event UNKNOWN: it has none */
    const struct metadata_image *before;
    const struct metadata_image *after;
};

/* Sees a step; everything is borrowed for the call. */
typedef void history_fn(void *arg, const struct history_step *step);

struct history_walk {
    struct history_point from; /* steps before it are not shown; HISTORY_END: all are */
    struct history_point to;
    history_fn *see;       /* NULL: nobody looks */
    history_fn *see_start; /* the state to begin with, as `after`, the rest NULL; may be NULL */
    void *arg;
};

/* Replays the log up to `to` and returns the image there, one reference of it the caller's. It
 * begins with the newest snapshot before `from` (or, if nobody looks, before `to`), else with the
 * oldest, or with the beginning of the log if that is there. NULL: there is a gap, damage, or a
 * record that cannot be applied; told. */
struct metadata_image *history_replay(struct history *h, const struct history_walk *walk);

/* The image at a point. */
struct metadata_image *history_image(struct history *h, struct history_point at);

#endif
