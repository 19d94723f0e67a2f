/* What the files of broker/replica_move.h share. */
#ifndef BROKER_REPLICA_MOVE_PRIVATE_H
#define BROKER_REPLICA_MOVE_PRIVATE_H

#include "broker/replica_move.h"
#include "broker/replicas_private.h"

enum {
    MOVE_PIECE_BYTES = 1 << 20,
    MOVE_REST_PIECES = 2 /* copied on the loop at the end */
};

enum move_state {
    MOVE_WAITING, /* for one of REPLICA_MOVES_MAX places */
    MOVE_COPYING,
    MOVE_TELLING /* it had everything once; the metadata do not name the new directory yet */
};

struct replica_move {
    struct list node; /* in the broker's list */
    struct broker *broker;
    struct replica *replica; /* NULL: given up; freed when the work under way is done */
    enum move_state state;
    struct replica_move_view view; /* of the log, as of the last time it was ours */
    struct store_log *log;         /* the thread's while `busy` */
    bool busy;
    bool flushing;  /* and that is what it does */
    bool closed;    /* the broker stops; what is still under way is not heard any more */
    bool keep;      /* given up, and the files are left alone */
    int64_t cut_to; /* the log was cut there meanwhile; INT64_MAX: it was not */
    struct net_timer timer;
    /* The work under way. */
    struct store_read read;
    struct store_flush flush;
    int64_t now_ms;
    enum err result;
    bool read_failed; /* and not the writing */
    bool fresh;       /* the last step ended a moment ago */
};

/* Where a copy of the replica's log has to begin: the base of its first batch. */
enum err move_first_offset(struct replica *r, int64_t *base) MUST_USE;

/* Begins a move with a future log that is open. */
void move_add(struct replica *r, struct broker_dir *to, struct store_log *take_log);

/* Notes what the log says about itself. */
void move_note_log(struct replica_move *move);

#endif
