/* What the checks remember. Private to check*.c. */
#ifndef SIM_CLUSTER_CHECK_STATE_H
#define SIM_CLUSTER_CHECK_STATE_H

#include "broker/partition/partition.h"
#include "sim/cluster/check.h"
#include "store/store.h"

enum {
    CHECK_IMAGES = 512, /* the newest images, one for each batch */
    CHECK_EPOCHS_MAX = 100000
};

/* A batch of a log, as far as it must be the same everywhere. The CRC stands for its bytes. */
struct check_batch {
    int64_t base_offset;
    int64_t last_offset;
    int32_t epoch;
    uint32_t crc;
};

/* What is committed of a log, in order. */
struct check_log {
    struct check_batch *at;
    int64_t count;
    int64_t cap;
    int64_t end; /* offset behind the last one */
};

/* A member of the quorum, voter or observer. */
struct check_node {
    bool fresh; /* nothing was seen of this life yet */
    int32_t epoch;
    int64_t high_watermark;
    int64_t flushed;    /* as last seen, in this life or the one before */
    bool keeps_flushed; /* its disk has not failed */
    int64_t checked_to; /* committed records that were compared */
    int64_t log_start;
    int64_t image_us; /* when its image was compared last */
    int64_t snapshot; /* the newest that was looked at */
    /* Its newest quorum-state, of all its lives with this directory. */
    struct uuid directory_id;
    int32_t saved_epoch;
    int32_t saved_vote; /* −1: none */
};

struct check_leader {
    int32_t node_id; /* 0: nobody yet */
    uint32_t life;
};

/* One partition of one topic. */
struct check_partition {
    struct uuid topic_id;
    int32_t index;
    struct check_log log;
    int64_t checked_to[SIM_MACHINES_MAX];
    int64_t deleted_to;   /* where a leader's log began */
    int64_t unknown_from; /* `log` has no batches for some offsets of this range */
    int64_t unknown_to;
    bool left[SIM_MACHINES_MAX]; /* was no replica for a while: its log may be another one */
    int64_t high_watermark[SIM_MACHINES_MAX]; /* as a leader, of leader_epoch */
    int32_t leader_epoch[SIM_MACHINES_MAX];
    uint32_t known_life[SIM_MACHINES_MAX]; /* the process whose directory was looked at */
};

struct check_image {
    int64_t offset;
    struct metadata_image *image;
};

struct sim_checks {
    struct sim_world *world;
    struct check_node nodes[SIM_MACHINES_MAX];
    struct check_log log;         /* of the metadata */
    struct check_leader *leaders; /* by epoch */
    int32_t leader_count;

    struct metadata_image *image; /* all that is committed */
    struct check_image images[CHECK_IMAGES];
    size_t image_count; /* ever */

    char lack[256]; /* what convergence waits for */
    struct check_partition **partitions;
    int partition_count;
};

/* Adds the batch, which begins where the log ends. */
void check_log_add(struct check_log *log, const struct check_batch *batch);

/* The batch that holds the offset; NULL: there is none. */
const struct check_batch *check_log_find(const struct check_log *log, int64_t offset);

/* Is `b` what is known to be committed at its place? */
bool check_log_has(const struct check_log *log, const struct check_batch *b);

/* Reads of the machine's disk bypass its faults until check_look_done(). */
void check_look(struct sim_machine *m);
void check_look_done(struct sim_machine *m);

/* The whole batch from its file into `bytes`, with its CRC checked; `out` borrows. */
enum err check_read_batch(const struct store_batch *batch, struct buf *bytes,
                          struct wire_batch *out) MUST_USE;

/* No leader epoch of the log begins behind its end (KAFKA-10706), nor at its end, if `strict`.
 * False: one does, at *start. */
bool check_epochs_within(const struct store_log *log, bool strict, int64_t *start);

/* ---- check_raft.c ---- */
void check_raft_begin(struct sim_checks *checks, struct sim_machine *m);
void check_raft_event(struct sim_checks *checks, struct sim_machine *m);

/* After an event in whose middle its disk stood still: what it claims since counts no more. */
void check_raft_dying(struct sim_checks *checks, const struct sim_machine *m);
void check_raft_end(struct sim_checks *checks);

/* ---- check_metadata.c ---- */
void check_metadata_init(struct sim_checks *checks);
void check_metadata_fini(struct sim_checks *checks);

/* The next committed batch, whole. */
void check_metadata_commit(struct sim_checks *checks, const struct wire_batch *batch);

/* Compares the image of a node with the one made here. */
void check_metadata_node(struct sim_checks *checks, struct sim_machine *m);

/* ---- check_partition.c ---- */

/* A change of the partition is committed; its leader has not heard of it. */
void check_partition_commit(struct sim_checks *checks, const struct metadata_partition_diff *d);
void check_partition_begin(struct sim_checks *checks, struct sim_machine *m);
/* The committed replicas have changed. */
void check_partition_moved(struct sim_checks *checks, const struct metadata_partition_diff *d);
void check_partition_sweep(struct sim_checks *checks);
void check_partition_end(struct sim_checks *checks);
void check_partition_fini(struct sim_checks *checks);

#endif
