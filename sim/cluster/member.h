/* What members of groups of both protocols share: the group's coordinator, and the offsets.
 *
 * A member is a worker that does one thing at a time, a step of its protocol. Steps are numbers:
 * SIM_MEMBER_FIND is to look for the coordinator, and SIM_MEMBER_FOUND comes when it is known.
 * Private to sim/cluster/. */
#ifndef SIM_CLUSTER_MEMBER_H
#define SIM_CLUSTER_MEMBER_H

#include "sim/cluster/load.h"
#include "sim/cluster/reader.h"

enum { SIM_MEMBER_FIND, SIM_MEMBER_FOUND };

enum { SIM_MEMBER_PAUSE_MS = 100, SIM_MEMBER_ID_MAX = 128 };

/* Embedded as the first member of each protocol's own structure. */
struct sim_member {
    struct sim_worker worker;
    struct sim_reader reader;
    const char *group;
    char id[SIM_MEMBER_ID_MAX];
    int32_t epoch; /* the group's generation, or the member's epoch */
    int step;
    int32_t coordinator;
    /* In the ledger; −1: not known. */
    int (*log_of)(const struct sim_member *m, int32_t partition);
    int64_t floors[SIM_READER_PARTITIONS];     /* by partition: committed when it was asked for */
    int64_t committing[SIM_READER_PARTITIONS]; /* by partition */
};

/* `group`: if the load does not say which. The caller sets `log_of`. */
void sim_member_init(struct sim_member *m, const char *group);

void sim_member_go_on(struct sim_member *m, int step, int64_t delay_ms);

/* NULL: the client does not know it (any more). */
struct net_client *sim_member_coordinator(struct sim_member *m);

/* The step SIM_MEMBER_FIND. */
void sim_member_find(struct sim_member *m);

/* Before offsets are asked for: what is committed of the partition by then. */
void sim_member_note_floor(struct sim_member *m, int32_t partition);

/* Reads on from what was said to be committed, which must not have gone back. */
void sim_member_begin_at(struct sim_member *m, int32_t partition, int64_t committed);

/* An OffsetCommit of how far the partitions were read; `request` points into the rest. */
struct sim_commit {
    struct wire_offset_commit_request request;
    struct wire_offset_commit_request_topics topic;
    struct wire_offset_commit_request_topics_partitions partitions[SIM_READER_PARTITIONS];
};

void sim_member_make_commit(struct sim_member *m, const int32_t *partitions, int32_t count,
                            struct sim_commit *out);

/* Tells the ledger what the answer says; the first error of it, or `e`. */
enum err sim_member_committed(struct sim_member *m, enum err e,
                              const struct wire_offset_commit_response *r) MUST_USE;

#endif
