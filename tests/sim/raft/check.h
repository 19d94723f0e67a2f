/* The invariants: one file each, called after every step of a core.
 *
 * Names are those of Kafka's RaftEventSimulationTest and of the TLA+ specifications of KRaft, where
 * they have one. */
#ifndef TESTS_SIM_RAFT_CHECK_H
#define TESTS_SIM_RAFT_CHECK_H

#include "tests/sim/raft/world.h"

/* A vote that was given, by which disk and to which, in an epoch. */
struct check_vote {
    int32_t epoch;
    int voter;
    int candidate;
};

/* What the checks remember of the whole cluster. */
struct check_state {
    int *leaders; /* SingleLeader: by epoch, disk + 1 */
    int leader_cap;

    /* VoteOnce. */
    struct check_vote *votes;
    int vote_count;
    int vote_cap;

    /* ConsistentCommittedData: everything ever committed, and the epoch that committed it. */
    struct sim_log committed;
    int32_t *commit_epochs;
    int commit_epoch_cap;

    /* LogMatching: (epoch, offset) → prefix; open addressing. */
    struct {
        int32_t epoch; /* 0: free */
        int64_t base_offset;
        uint64_t prefix;
    } * batches;
    int batch_count;
    int batch_slots;
};

void check_init(struct sim_world *world);
void check_fini(struct sim_world *world);

/* After a step, once its effects are in the queue. */
void check_step(struct sim_node *node);

/* The moments at which something becomes visible. */
void check_boot(struct sim_node *node);
void check_appended(struct sim_node *node, const struct sim_batch *batch);
void check_truncate(struct sim_node *node, int64_t to);
void check_change(struct sim_node *node, const struct raft_voter_set *set);
void check_upgrade(struct sim_node *node, const struct raft_voter_set *set);
void check_message(struct sim_node *node, const struct raft_message *message);
void check_answer(struct sim_node *node, const struct sim_token *token,
                  const struct raft_answer *answer);

/* ---- one file each ---- */

void check_monotonic_epoch(struct sim_node *node);
void check_single_leader(struct sim_node *node);
void check_elected_by_majority(struct sim_node *node);
void check_leader_completeness(struct sim_node *node);
void check_monotonic_high_watermark(struct sim_node *node);
void check_majority_reached_high_watermark(struct sim_node *node);
void check_consistent_committed_data(struct sim_node *node);
void check_voters_in_force(struct sim_node *node);
void check_leader_is_voter(struct sim_node *node);
void check_leader_has_contact(struct sim_node *node);
void check_not_busy(struct sim_node *node);
int64_t check_committed_end(const struct sim_world *world);
void check_linearizable_read(struct sim_node *node, const struct sim_read *read, int64_t offset);
void check_log_matching(struct sim_node *node, const struct sim_batch *batch);
void check_vote_once(struct sim_node *node, int candidate, int32_t epoch);
void check_fetch_is_synced(struct sim_node *node, const struct raft_fetch_request *fetch);
void check_truncation(struct sim_node *node, int64_t to);

/* check_snapshot.c */
void check_snapshot(struct sim_node *node, const struct sim_snapshot *snapshot);
void check_log_start(struct sim_node *node);
void check_piece(struct sim_node *node, const struct sim_piece *piece,
                 const struct raft_download *download);
void check_install(struct sim_node *node, const struct sim_snapshot *snapshot);
void check_log_agrees(struct sim_node *node);
void check_voters_before(struct sim_node *node, const struct sim_snapshot *snapshot);
void check_offer(struct sim_node *node, const struct raft_fetch_response *fetch);

#endif
