/* Feeds a sender: reads a file or a pipe on another thread, as nobody knows when something will
 * come, cuts it into pieces, and hands each over when there is room for it and its time has come.
 */
#ifndef CLI_FEEDER_H
#define CLI_FEEDER_H

#include "cli/sender.h"

struct feeder_options {
    struct client *client;
    struct sender *sender; /* what `each` puts its records into */
    int fd;                /* read from here; it stays the caller's */
    struct slice first;    /* what was read from there already */
    struct slice end;      /* of a piece; null: all of the input is one piece */
    int64_t rate;          /* pieces a second at most; 0: as fast as they are taken */
    bool is_one_by_one;    /* a piece is read when the one before is written */
    /* A piece, valid during the call; false: no more of them. */
    bool (*each)(void *arg, struct slice piece);
    void (*turn)(void *arg); /* called in each turn of the loop */
    void *arg;
};

/* Returns when the input has ended, or `each` wants no more, and all records are written or given
 * up. Errors, with a sentence in `why`: IO (the input cannot be read), MESSAGE_TOO_LARGE (a piece
 * is too long for a record). */
enum err feeder_run(const struct feeder_options *options, struct buf *why) MUST_USE;

#endif
