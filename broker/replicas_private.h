/* What the files of broker/replicas.h share: checkpoints, strays, delayed deletion. */
#ifndef BROKER_REPLICAS_PRIVATE_H
#define BROKER_REPLICAS_PRIVATE_H

#include "base/map.h"
#include "broker/dirs.h"
#include "broker/idle_files.h"
#include "broker/replicas.h"

/* Segment files kept open; the process's limit is raised far above it at start. */
enum { REPLICAS_OPEN_FILES_MAX = 4096 };

/* Wishes for partitions that are not here yet; the oldest goes when there are too many. */
enum { PREFERENCES_MAX = 10000 };

struct replica_preference {
    uint8_t key[REPLICA_KEY_LEN];
    struct broker_dir *dir;
};

/* What the checkpoint files said about a partition at start. */
struct replicas_checkpoint {
    char *name;   /* "<topic>-<partition>" */
    bool used;    /* its log was opened, or is gone: not to be believed, nor written again */
    int64_t gone; /* number of its going, of broker_dir.checkpoints_gone; 0: it is there */
    int64_t high_watermark;
    int64_t recovery_point;
    int64_t log_start;
};

struct broker_replicas {
    struct broker *broker;
    struct map by_key; /* struct replica */
    struct store_files *files;
    struct idle_files idle_files;
    struct net_work_queue *queue; /* flushes and removals: one thread, in order */
    bool ending;                  /* being freed: what fails now is nobody's business */
    bool scanned;                 /* the first image was applied */
    struct net_timer checkpoint_timer;
    bool checkpoint_deferred;
    struct net_timer expiry_timer;
    struct net_timer reopen_timer; /* set while there are logs that a full disk had no room for */
    struct list flushes;           /* struct replica_flush under way */
    struct list removals;          /* directories that wait for file.delete.delay.ms */
    struct list moves;             /* struct replica_move */
    struct net_work_queue *move_queue; /* copies, apart from flushes; NULL before the first */
    struct buf futures;                /* paths found at the start, each with its NUL */
    struct map preferred;              /* struct replica_preference */
};

void replica_make_key(struct uuid topic_id, int32_t index, uint8_t key[REPLICA_KEY_LEN]);

/* ---- checkpoints: broker/replicas_checkpoint.c ---- */

enum err replicas_checkpoints_read(struct broker_dir *dir) MUST_USE;
void replicas_checkpoints_start(struct broker *broker);
void replicas_checkpoints_stop(struct broker *broker);
enum err replicas_checkpoints_write(struct broker_dir *dir) MUST_USE;

/* Writes them at the end of this turn of the loop, before anything else is appended. */
void replicas_checkpoints_soon(struct broker *broker);

/* A log of that name has left the directory. The files are written without it in the background. */
void replicas_checkpoint_gone(struct broker_dir *dir, const char *name);

/* To be called before a log of that name is made. Nothing in the files says which log they mean,
 * and a crash would let the new one have the old one's recovery point, high watermark and start: if
 * they may still speak of an old one, they are written now. */
enum err replicas_checkpoint_forget(struct broker_dir *dir, const char *name) MUST_USE;

/* Before any log is opened: forgets partitions that have no directory here. */
void replicas_checkpoints_prune(struct broker_dir *dir);

/* Writes what has moved now rather than at the next turn of the timer, in the background. */
void replicas_checkpoints_hurry(struct broker *broker);
void replicas_checkpoints_fini(struct broker_dir *dir);

/* What was checkpointed for the name of a partition's directory, or NULL. */
struct replicas_checkpoint *replicas_checkpoint_find(const struct broker_dir *dir,
                                                     const char *name);

/* ---- directories of partitions: broker/replicas_dirs.c ---- */

/* Renames every partition directory that `image` does not place on this broker, future ones too. */
void replicas_set_strays_aside(struct broker_dir *dir, const struct metadata_image *image);

/* Removes what an earlier process had renamed for deletion. */
void replicas_remove_deleted(struct broker_dir *dir);

/* Removes a renamed directory later; takes `path` (mem_free()). */
void replicas_remove_later(struct broker *broker, char *take_path);

/* Unlinks files later; NULL is allowed. */
void replicas_empty_later(struct broker *broker, struct store_trash *take_trash, int64_t delay_ms);

/* Forgets removals that wait; they are found again at the next start. No removal may be running. */
void replicas_removals_drop(struct broker *broker);

/* Renames a partition directory so that nobody takes it for a partition again. */
enum err replicas_set_aside(struct broker *broker, const char *path) MUST_USE;

#endif
