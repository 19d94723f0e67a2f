/* Majorities: what is committed, and who is elected. */
#ifndef RAFT_QUORUM_H
#define RAFT_QUORUM_H

#include "raft/raft.h"

/* ⌊n/2⌋ + 1. */
int raft_quorum_majority(int voters);

/* The largest offset that a majority of the `n` ≥ 1 offsets has reached. Reorders the array. */
int64_t raft_quorum_offset(int64_t *offsets, int n);

enum raft_verdict { RAFT_VERDICT_OPEN, RAFT_VERDICT_WON, RAFT_VERDICT_LOST };

/* An election among the voters of the moment it began; bit i is voters.voters[i]. */
struct raft_ballot {
    struct raft_voter_set voters;
    uint32_t granted;
    uint32_t rejected;
};

enum raft_verdict raft_ballot_verdict(const struct raft_ballot *ballot);

#endif
