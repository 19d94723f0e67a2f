/* When a node writes a snapshot of its metadata, and how: Kafka's rule (KIP-630), the same for
 * controllers and brokers.
 *
 * After every committed batch the owner says so. When
 * metadata.log.max.record.bytes.between.snapshots of records have been committed since the last
 * snapshot, or it is older than metadata.log.max.snapshot.interval.ms and anything was committed
 * since, or metadata.version was lowered (an older release that is started next must not have to
 * read what was before), the newest committed image is handed to the node, which writes it on a
 * worker thread; the image is immutable and shared by reference, so that requests go on meanwhile.
 * Not while a metadata transaction is open, not while the one before is being written, and never
 * again after something could not be replayed: a state that nobody can explain must not replace the
 * log that led to it. One that could not be written, as on a full disk, is tried again after a
 * minute.
 *
 * One thread; the loop of the node. */
#ifndef DAEMON_SNAPSHOTS_H
#define DAEMON_SNAPSHOTS_H

#include "metadata/image.h"

struct log;
struct net_loop;
struct node;
struct node_batch;
struct node_retention;
struct settings;

/* Embedded in its owner, which must outlive the node. */
struct daemon_snapshots {
    struct net_loop *loop;
    const struct log *log;
    int64_t bytes_max;
    int64_t interval_ms; /* 0: only by size */
    int64_t bytes;       /* of records committed since the last one was begun */
    int64_t since_ms;    /* when that was; net_now_ms() */
    int16_t level;       /* of metadata.version in the last image; 0: none yet */
    bool lowered;        /* and it was higher before, and no snapshot has been begun since */
    const char *begun;   /* why the last one was begun */
    const char *failed;  /* why the last one was begun, if it could not be written; else NULL */
    int64_t retry_ms;    /* when it is tried again */
    bool disabled;
};

/* Reads the settings. */
void daemon_snapshots_init(struct daemon_snapshots *snapshots, struct net_loop *loop,
                           const struct settings *settings, const struct log *log);

/* How long snapshots and the log behind them are kept, for struct node_options. Errors: CONFIG (two
 * settings contradict each other), with a sentence in `why`. */
enum err daemon_snapshots_retention(const struct settings *settings, struct node_retention *out,
                                    struct buf *why) MUST_USE;

/* The batch is in `image`, the newest committed one; may begin a snapshot of it. */
void daemon_snapshots_committed(struct daemon_snapshots *snapshots, struct node *node,
                                const struct node_batch *batch, const struct metadata_image *image);

/* The owner has loaded a snapshot: there is one as new as its image. */
void daemon_snapshots_loaded(struct daemon_snapshots *snapshots);

/* The owner's image cannot be trusted. */
void daemon_snapshots_disable(struct daemon_snapshots *snapshots);

#endif
