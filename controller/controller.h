/* The controller's machine: decide, replay, append, answer at commit.
 *
 * Every controller replays the committed log into the `committed` image. The active one (the leader
 * of the quorum, from on_claim to on_resign) also has the `latest` image, which contains what it
 * appended and is not committed yet. An operation is decided on `latest`; its records are replayed
 * first, so that nothing is ever written that cannot be replayed, and appended then; its answer is
 * parked until they are committed. An operation without records waits, too, while something is
 * pending, because it may have seen what may yet be lost; and until the quorum has confirmed that
 * nobody else was the leader when it was decided, because what it saw may have been old. Losing
 * leadership drops `latest` and fails what is parked with NOT_CONTROLLER.
 *
 *     controller_submit(c, op):   op->decide(…)  →  replay, append  →  op->done(op, ERR_NONE)
 *
 * The log is behind a small table of functions (raft/node in a daemon). One thread. */
#ifndef CONTROLLER_CONTROLLER_H
#define CONTROLLER_CONTROLLER_H

#include "controller/decide/decision.h"
#include "controller/deferred.h"
#include "raft/node/node.h"

struct controller;

/* One operation, embedded in its owner. From controller_submit() until `done` it belongs to the
 * controller; `done` is called exactly once, maybe before controller_submit() returns. */
struct controller_op {
    /* Fills `decision` with records (or none) and a response. Not called when this controller is
     * not active. */
    void (*decide)(struct controller_op *op, const struct decide_input *in, struct decision *out);

    /* ERR_NONE: decision.response may be told. Else nothing may: NOT_CONTROLLER (another controller
     * must be asked; whether the records survive is open), BUSY (the log is behind, try again),
     * POLICY_VIOLATION (too large for one batch), UNKNOWN_SERVER_ERROR. */
    void (*done)(struct controller_op *op, enum err e);

    struct arena *arena; /* memory of the decision; must live until `done` */

    /* Why, for whoever reads the log later; the controller adds its own id and decision.reason.
     * Texts must live until `done`. */
    struct metadata_cause cause;
    int16_t api_version;
    /* Without records, the answer tells nobody what could be old: it need not be confirmed. */
    bool unconfirmed;
    struct decision decision;

    /* Private. */
    struct list node;
    int waits;        /* a commit, a confirmation */
    enum err verdict; /* the first one that is none */
    int64_t offset;
    const struct metadata_image *image; /* what the decision borrows from */
};

/* How the log is written and read; of the active controller only. */
struct controller_log {
    void *arg;
    int64_t (*end_offset)(void *arg); /* what the next append will get */
    enum err (*append)(void *arg, int32_t epoch, const struct node_records *records,
                       int64_t *base_offset);
    void (*resign)(void *arg, int32_t epoch);
    /* As node_read(). */
    void (*read)(void *arg, void (*done)(void *op, enum err e), void *op);
    /* As node_raise_kraft_version(), which has said that it can be done. */
    enum err (*raise_kraft_version)(void *arg, int32_t epoch, int64_t *offset);
};

/* What the rest of the daemon hears. Members may be NULL. */
struct controller_hooks {
    void *arg;
    void (*activated)(void *arg);   /* operations may be submitted */
    void (*deactivated)(void *arg); /* after all parked operations have failed */
    void (*committed)(void *arg);   /* there is a new committed image */
    /* The log cannot be replayed, or the node failed: the process must end. */
    void (*failed)(void *arg, const char *what);
};

struct controller_options {
    int32_t node_id;
    struct slice cluster_id;
    const struct settings *settings;
    const struct metadata_supported *supported;
    uint64_t seed; /* of placement and topic ids; must differ between runs */
    const struct log *log;
    struct controller_log raft;
    struct controller_hooks hooks;
    int64_t (*wall_ms)(void *arg); /* timestamps of batches; `raft.arg` */
};

/* Strings and settings are borrowed for the controller's life. */
struct controller *controller_new(const struct controller_options *options);

/* Fails what is parked with NOT_CONTROLLER. NULL is allowed. */
void controller_free(struct controller *c);

/* ---- from the log (struct node_listener) ---- */

void controller_on_snapshot_begin(struct controller *c, const struct node_snapshot_place *place);
void controller_on_snapshot(struct controller *c, const struct node_batch *batch);
void controller_on_snapshot_end(struct controller *c, const struct node_snapshot_place *place);
void controller_on_commit(struct controller *c, const struct node_batch *batch);
void controller_on_claim(struct controller *c, int32_t epoch, int64_t next_offset);
void controller_on_resign(struct controller *c, int32_t epoch);

/* ---- for the rest of the daemon ---- */

bool controller_is_active(const struct controller *c);
int32_t controller_epoch(const struct controller *c); /* of the leadership; active only */

/* Borrowed until the loop turns. */
const struct metadata_image *controller_committed(const struct controller *c);
const struct metadata_image *controller_latest(const struct controller *c); /* NULL: not active */

/* The committed image with what an open metadata transaction has done in it; what snapshots are
 * made of, when there is none. */
const struct metadata_image *controller_replayed(const struct controller *c);

/* Appends made since the controller became active; for finding out whether the log is idle. */
uint64_t controller_append_count(const struct controller *c);

void controller_submit(struct controller *c, struct controller_op *op);

/* For deferred.c: one of the things that the operation waits for has come, or never will. The
 * operation ends with the last one. */
void controller_op_ready(struct controller_op *op, enum err e);

#endif
