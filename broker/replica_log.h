/* A replica's log on disk: open, producer state beside it, settings, close, delete, truncate. */
#ifndef BROKER_REPLICA_LOG_H
#define BROKER_REPLICA_LOG_H

#include "broker/replica.h"

/* Finds the partition's directory or makes it (replica_place.h), checks that it is of this topic id
 * (another topic's is set aside as a stray, never written), rebuilds the producer state, and tells
 * the replication core the offsets. On an error r->log is NULL and the log says why; r->dir is NULL
 * if there is no directory to blame. */
enum err replica_log_open(struct replica *r) MUST_USE;

/* Resolves the topic's settings again. */
void replica_log_configure(struct replica *r);

/* Cuts the log at `offset` and rebuilds the producer state. A follower only. */
enum err replica_log_truncate(struct replica *r, int64_t offset) MUST_USE;

/* The leader's log begins behind our end: starts anew at `offset`. A follower only. */
enum err replica_log_restart(struct replica *r, int64_t offset) MUST_USE;

/* Notes the producer state of batches that were appended. */
void replica_log_note_producers(struct replica *r, struct slice batches);

/* Flushes, writes the producer snapshot, closes; r->log is NULL afterwards. */
enum err replica_log_close(struct replica *r) MUST_USE;

/* Renames the directory and removes it after file.delete.delay.ms; r->log is NULL afterwards. */
void replica_log_delete(struct replica *r);

/* The directory has failed: frees the log as it is; r->log is NULL afterwards. */
void replica_log_give_up(struct replica *r);

/* Opens the future log of a move; it is the caller's. `base` ≥ 0: a new one that begins there. */
enum err replica_log_open_future(struct replica *r, const char *path, int64_t base,
                                 struct store_log **out, struct store_error *why) MUST_USE;

/* `log`, which has everything that r->log has, takes its place under the partition's name in `to`;
 * the old directory is removed. On an error nothing has changed and `log` is still the caller's. */
enum err replica_log_replace(struct replica *r, struct store_log *log,
                             struct broker_dir *to) MUST_USE;

#endif
