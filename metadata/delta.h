/* From one image to the next: the one replay of records, and the difference of two images.
 *
 * A delta is a private, changeable copy of an image (made in O(1)); it belongs to one thread. The
 * base is never touched. Replay fails only on a record that contradicts the state (an unknown
 * topic, an epoch that goes back): whoever wrote it had another state, so the log or our code is
 * broken. An active controller and a standby stop on it, a broker keeps its last image and says so.
 */
#ifndef METADATA_DELTA_H
#define METADATA_DELTA_H

#include "base/arena.h"
#include "metadata/image.h"

struct metadata_delta;

/* Takes a reference to `base` until finish or drop. */
struct metadata_delta *metadata_delta_begin(const struct metadata_image *base);

/* The records that are replayed from now on were written then, for that reason; its texts are
 * borrowed until the next call or the end of the delta. Without this they say neither. */
void metadata_delta_batch(struct metadata_delta *delta, int64_t timestamp_ms,
                          const struct metadata_cause *cause);

/* Applies one record at `offset`, which must not be lower than the image's (asserted; equal is for
 * snapshots, whose records all have the snapshot's last offset).
 * Errors: ERR_CORRUPT, ERR_UNSUPPORTED; metadata_delta_error() has the sentence. After an error the
 * delta can only be dropped. */
enum err MUST_USE metadata_delta_replay(struct metadata_delta *delta, int64_t offset,
                                        const struct metadata_record *record);

/* Says how far the log was read: last offset of a batch (control batches too), its leader epoch and
 * append time. Offset and epoch may not go back (asserted); of the times the latest counts. */
void metadata_delta_advance(struct metadata_delta *delta, int64_t offset, int32_t epoch,
                            int64_t timestamp_ms);

/* The sentence of the last failed replay, "" when there was none. */
const char *metadata_delta_error(const struct metadata_delta *delta);

/* The state so far. Pointers reached through it are valid until the next replay only. */
const struct metadata_image *metadata_delta_image(const struct metadata_delta *delta);

/* Ends the delta; the caller owns one reference of the new image. */
struct metadata_image *metadata_delta_finish(struct metadata_delta *delta);

/* Ends the delta and forgets it; NULL is allowed. */
void metadata_delta_drop(struct metadata_delta *delta);

/* ---- what is different ---- */

struct metadata_partition_diff {
    const struct metadata_topic *topic; /* after's, or before's if the topic is gone */
    int32_t index;
    const struct metadata_partition *before;
    const struct metadata_partition *after;
};

/* Called with before = NULL for what is new and after = NULL for what is gone. Members may be NULL.
 * Nothing is called for what is equal. */
struct metadata_visitor {
    void *arg;
    void (*feature)(void *arg, const struct metadata_feature *before,
                    const struct metadata_feature *after);
    void (*controller)(void *arg, const struct metadata_controller *before,
                       const struct metadata_controller *after);
    void (*broker)(void *arg, const struct metadata_broker *before,
                   const struct metadata_broker *after);
    /* A topic that was deleted, created, or has a changed partition. A topic that was deleted and
     * created again under its name is two calls, the ids being different. */
    void (*topic)(void *arg, const struct metadata_topic *before,
                  const struct metadata_topic *after);
    /* Right after its topic's call; all partitions of created and deleted topics too. */
    void (*partition)(void *arg, const struct metadata_partition_diff *diff);
    void (*config)(void *arg, const struct metadata_config_resource *before,
                   const struct metadata_config_resource *after);
    void (*producer_ids)(void *arg, int64_t before, int64_t after);
};

/* Walks what differs, in the order of the visitor's members, in O(changes · log n) when `after`
 * came from `before` by deltas and in O(n) otherwise (a snapshot was loaded). Deleted topics come
 * before all others, so that a name is free before it is taken again. */
void metadata_diff(const struct metadata_image *before, const struct metadata_image *after,
                   const struct metadata_visitor *visitor);

/* What a broker must do to its replicas after a publication, in this order: drop the deleted, lead
 * the leaders, follow the followers. */
struct metadata_local_change {
    struct uuid topic_id;
    struct slice topic; /* name */
    int32_t index;
    bool topic_deleted;        /* deletes only: the topic is gone, not just the replica */
    bool leader_epoch_changed; /* leaders: newly elected; followers: fetch anew */
    const struct metadata_partition *before; /* NULL: was not a replica here */
    const struct metadata_partition *after;  /* NULL in deletes */
};

struct metadata_local_changes {
    struct metadata_local_change *deletes;
    size_t delete_count;
    struct metadata_local_change *leaders;
    size_t leader_count;
    struct metadata_local_change *followers;
    size_t follower_count;
};

/* Arrays from `arena`; names and partitions borrow from the two images. */
struct metadata_local_changes metadata_local_changes(const struct metadata_image *before,
                                                     const struct metadata_image *after,
                                                     int32_t broker_id, struct arena *arena);

#endif
