/* Moving a replica to another log directory of this broker (KIP-113, KIP-858).
 *
 * Beside the log a *future* one grows in the other directory, "<topic>-<n>.<hex>-future", by
 * copying the log piece by piece on a thread of its own. When it has everything and that is
 * durable, the controller is told of the new directory; when the metadata say so, too, the future
 * log takes the place of the old one, whose directory is removed. Reading and writing go on all the
 * while. A move survives a restart and is given up when the other directory fails.
 *
 *     WAITING → COPYING → (told to the controller) → TELLING → (in the metadata) → over
 *
 * What happens to the log meanwhile must be told here: appends, truncations, changed metadata. */
#ifndef BROKER_REPLICA_MOVE_H
#define BROKER_REPLICA_MOVE_H

#include "broker/dirs.h"
#include "broker/replica.h"

/* Copied side by side; others wait their turn. */
enum { REPLICA_MOVES_MAX = 8 };

/* Begins to move the replica, which is online, to `to`, or goes on if it is on its way there. A
 * move to another directory is given up, and that is all if the log is in `to` already.
 * Errors: KAFKA_STORAGE_ERROR. */
enum err replica_move_to(struct replica *r, struct broker_dir *to) MUST_USE;

/* Gives the move up, if there is one, and removes what was copied; `keep` leaves the files alone,
 * as when their disk has failed. */
void replica_move_give_up(struct replica *r, bool keep);

/* The log has more; it was cut, or begun anew at its log start; the metadata of the partition or
 * its settings may be others. Cheap when nothing moves. */
void replica_move_appended(struct replica *r);
void replica_move_cut(struct replica *r);
void replica_move_changed(struct replica *r);

/* The directory that the metadata should name: that of the log, or of a future log that has
 * everything. */
struct uuid replica_move_wanted_dir(const struct replica *r);

/* What is known of a future log. False: there is none. */
struct replica_move_view {
    struct broker_dir *to;
    int64_t start_offset;
    int64_t end_offset;
    int64_t recovery_point;
    uint64_t size; /* bytes */
};
bool replica_move_view(const struct replica *r, struct replica_move_view *out);

/* ---- start and end of the broker ---- */

/* Finds future logs in a directory. One whose partition is nowhere else, in the directory that the
 * metadata name, becomes the log: the move was almost over, and the old disk is gone. */
void replica_moves_find(struct broker_dir *dir, const struct metadata_image *image);

/* Goes on with those whose partition has been opened; the others are set aside. */
void replica_moves_resume(struct broker *broker, const struct metadata_image *image);

/* Waits for work under way, flushes and closes the future logs; notes in their directories if one
 * could not be closed cleanly. What is known of them stays for the checkpoints. */
void replica_moves_close(struct broker *broker);

/* Frees everything; future logs stay on disk. */
void replica_moves_free(struct broker *broker);

#endif
