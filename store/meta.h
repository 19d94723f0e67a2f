/* Who a log directory belongs to: meta.properties and .lock in its root, partition.metadata in each
 * partition, the mark of a clean shutdown. */
#ifndef STORE_META_H
#define STORE_META_H

#include "base/uuid.h"
#include "store/fs.h"

#define STORE_META_FILE "meta.properties"
#define STORE_LOCK_FILE ".lock"
#define STORE_CLEAN_FILE ".kafka_cleanshutdown"
#define STORE_PARTITION_META_FILE "partition.metadata"

enum { STORE_CLUSTER_ID_MAX = 128 };

/* version 0 (ZooKeeper mode, broker.id) and 1 (node.id). A directory keeps its version, so that it
 * can be given back to the release that wrote it; new ones are version 1. */
struct store_meta {
    int32_t version;
    int32_t node_id;                           /* −1: not in the file (version 0 may lack it) */
    char cluster_id[STORE_CLUSTER_ID_MAX + 1]; /* "": not in the file */
    struct uuid directory_id;                  /* zero: not in the file */
    char *other; /* lines with keys that we do not know, kept; NULL or mem_free()d by fini */
};

/* ERR_NOT_FOUND: no file (a new directory). ERR_CORRUPT: `why` says what is wrong and how to mend
 * it. Whether cluster and node are the right ones, the caller checks. */
enum err store_meta_read(const struct store_fs *fs, const char *root, struct store_meta *out,
                         struct store_error *why) MUST_USE;
enum err store_meta_write(const struct store_fs *fs, const char *root,
                          const struct store_meta *meta, struct store_error *why) MUST_USE;
void store_meta_fini(struct store_meta *meta);

/* Takes the directory for this process until the descriptor is closed. ERR_LOCKED: `why` names the
 * holder's process id where it is known. */
enum err store_lock(const struct store_fs *fs, const char *root, int *fd,
                    struct store_error *why) MUST_USE;

/* partition.metadata: which topic the directory is of. ERR_NOT_FOUND: written before topic ids.
 * `dir` is the partition's directory. */
enum err store_partition_meta_read(const struct store_fs *fs, const char *dir,
                                   struct uuid *topic_id, struct store_error *why) MUST_USE;
/* Safe against a crash of the process; durable with the log's first flush. */
enum err store_partition_meta_write(const struct store_fs *fs, const char *dir,
                                    struct uuid topic_id) MUST_USE;

/* Reads the mark and removes it (durably), so that it cannot count twice. `*clean` says whether it
 * was there, `*broker_epoch` is −1 when it does not name one. */
enum err store_clean_mark_take(const struct store_fs *fs, const char *root, bool *clean,
                               int64_t *broker_epoch) MUST_USE;

/* Only after every log of the directory was closed without error. −1: the epoch is unknown. */
enum err store_clean_mark_put(const struct store_fs *fs, const char *root,
                              int64_t broker_epoch) MUST_USE;

#endif
