/* The voter sets of the log, keyed by the offset of the record, truncated with the log.
 *
 * The newest set is in force even before it is committed (KIP-853). The static set counts only
 * while there is no other. */
#ifndef RAFT_VOTERS_H
#define RAFT_VOTERS_H

#include "raft/raft.h"

struct raft_voters {
    struct raft_voter_set fixed;
    struct raft_voters_at *history; /* ascending offsets; the first may be −1 */
    int count;
    int cap;
};

void raft_voters_fini(struct raft_voters *voters);

/* The set in force. */
const struct raft_voter_set *raft_voters_latest(const struct raft_voters *voters);

/* A set stands at `offset`, which is larger than that of any other. */
void raft_voters_add(struct raft_voters *voters, int64_t offset, const struct raft_voter_set *set);

/* A snapshot took the place of the log: its set, that of the record before `end` (NULL: it holds
 * none), is all that is known. */
void raft_voters_reset(struct raft_voters *voters, int64_t end, const struct raft_voter_set *set);

/* The newest set before `end`; NULL: there is none but the fixed one. */
const struct raft_voter_set *raft_voters_find(const struct raft_voters *voters, int64_t end);

/* Forgets sets that were replaced before `start`. */
void raft_voters_trim(struct raft_voters *voters, int64_t start);

/* Forgets sets at `end` or later; the bootstrap snapshot's stays. */
void raft_voters_truncate(struct raft_voters *voters, int64_t end);

/* True if the set in force stands in the bootstrap snapshot only: a leader must write it into the
 * log, since a node that joins without the snapshot learns it from there. */
bool raft_voters_unwritten(const struct raft_voters *voters);

#endif
