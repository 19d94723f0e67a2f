/* The log directories of a broker, one disk each as a rule (log.dirs; JBOD: KIP-112, KIP-858).
 *
 * Every directory has an id of its own in its meta.properties, which the broker registers and by
 * which the controller knows where each replica is. A directory that fails takes the replicas in it
 * offline and nothing else: the controller is told with the next heartbeat, others lead and follow
 * for them. It is not used again before the next start. The broker ends when no directory is left,
 * when the one of the metadata log fails, or when the controller cannot be told in
 * log.dir.failure.timeout.ms.
 *
 * Everything happens on the broker's loop. */
#ifndef BROKER_DIRS_H
#define BROKER_DIRS_H

#include "base/map.h"
#include "broker/broker.h"

enum { BROKER_DIRS_MAX = 64 };

struct replicas_checkpoint_job;

struct broker_dir {
    struct broker *broker;
    char *path;     /* absolute: clients name it so */
    struct uuid id; /* zero: it could not be read when the broker started */
    bool online;
    bool sent;              /* a heartbeat under way names it as failed */
    bool told;              /* the controller knows that it has failed */
    bool is_new;            /* made ready by this process */
    bool clean;             /* the last process closed all its logs */
    bool left_dirty;        /* this one could not close all of them */
    int64_t previous_epoch; /* that process's broker epoch, −1 unknown */
    int lock_fd;
    size_t logs; /* that are in it, those that are being moved here too */
    /* Of broker/replicas_checkpoint.c: what the files said at the start (struct
     * replicas_checkpoint, by name), how many logs have gone since, how many of those the files do
     * not speak of any more, and the writing under way. */
    struct map checkpoints;
    int64_t checkpoints_gone;
    int64_t checkpoints_gone_written;
    struct replicas_checkpoint_job *checkpoint_job;
    struct net_timer failure_timer; /* set while the controller has to be told */
};

struct broker_dirs {
    struct broker_dir **items; /* in the order of log.dirs */
    size_t count;
    char *metadata_dir; /* absolute */
    char cluster_id[STORE_CLUSTER_ID_MAX + 1];
    bool fail_deferred; /* replicas are to be taken offline at the end of this turn */
};

/* ---- start and end (dirs.c) ---- */

/* Locks the directories and reads whose they are; sets the broker's cluster id and what it knows of
 * the directory of the metadata log. A directory without meta.properties is made ready for this
 * broker, unless it is that of the metadata log. One that cannot be read or written is offline from
 * the beginning. `paths` ends with NULL; `metadata_dir` may be NULL: the first of them.
 * Errors: ERR_CONFIG (another node's or cluster's, named twice, not formatted), ERR_LOCKED,
 * ERR_CORRUPT, ERR_IO (nothing is left); `why` has a sentence. */
enum err broker_dirs_open(struct broker *broker, char **paths, const char *metadata_dir,
                          struct buf *why) MUST_USE;

/* A directory that is known to be good, for those who need no more of a broker (tests). */
struct broker_dir *broker_dirs_add(struct broker *broker, const char *path, struct uuid id);

void broker_dirs_free(struct broker *broker);

/* ---- finding (dirs.c) ---- */

/* NULL: none such. */
struct broker_dir *broker_dir_by_id(const struct broker *broker, struct uuid id);
struct broker_dir *broker_dir_by_path(const struct broker *broker, struct slice path);

/* The online directory with the fewest logs, the first of several; NULL: all have failed, and the
 * broker is about to end. */
struct broker_dir *broker_dir_emptiest(const struct broker *broker);

/* Is no directory offline? */
bool broker_dirs_are_whole(const struct broker *broker);

/* The known ids of those that are online, or of those that are not; from the arena. */
struct metadata_dirs broker_dirs_ids(const struct broker *broker, bool online, struct arena *arena);

/* ---- failure (dir_failure.c) ---- */

/* Stops using the directory. Its replicas answer KAFKA_STORAGE_ERROR from now on; their logs are
 * given up at the end of this turn of the loop. Again is harmless. */
void broker_dir_fail(struct broker_dir *dir, const char *why);

/* Is there one for logs, and the one of the metadata log? Otherwise the broker ends. */
bool broker_dirs_suffice(const struct broker *broker);

/* A request that names all failed directories leaves, and has been answered well. */
void broker_dirs_failures_sent(struct broker *broker);
void broker_dirs_failures_told(struct broker *broker);

/* The broker ends: nothing follows from failures any more. */
void broker_dirs_failures_stop(struct broker *broker);

#endif
