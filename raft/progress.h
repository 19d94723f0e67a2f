/* What the leader knows of each replica, and the fetch it has parked for it.
 *
 * Sorted by id, so that a leader with thousands of observers finds one quickly. A voter's entry
 * exists from the election on; an observer's from its first fetch until it is forgotten. */
#ifndef RAFT_PROGRESS_H
#define RAFT_PROGRESS_H

#include "raft/raft.h"

struct raft_progress {
    struct raft_key key;
    bool voter;
    struct uuid directory_id; /* it last fetched from there; `key` of a static voter has none */
    int64_t end_offset;       /* −1: not known. Everything before it is synced there */
    int64_t last_fetch_ms;
    int64_t last_caught_up_ms;
    int64_t log_end_at_fetch; /* the leader's, when the last fetch came */
    bool contacted;           /* since the check-quorum timer was reset */
    bool begin_due;           /* voters: owed a BeginQuorumEpoch */
    uint64_t read_asked;      /* the last read when the last BeginQuorumEpoch was sent */
    uint64_t read_confirmed;  /* the same of the last one that was answered */

    /* A fetch with nothing to give, held until there is something or the time is up. */
    bool parked;
    uint64_t token;
    int64_t parked_high_watermark; /* what the follower knows */
    int64_t parked_until_ms;
};

struct raft_progress_table {
    struct raft_progress *items;
    int count;
    int cap;
};

void raft_progress_fini(struct raft_progress_table *table);

/* Forgets all, then tracks exactly the voters; nobody may be parked. */
void raft_progress_reset(struct raft_progress_table *table, const struct raft_voter_set *voters);

/* These are the voters from now on: their entries exist, others are observers'. An entry without a
 * directory id gets that of the voter. Makes pointers to entries invalid. */
void raft_progress_set_voters(struct raft_progress_table *table,
                              const struct raft_voter_set *voters);

/* NULL if not tracked. */
struct raft_progress *raft_progress_find(const struct raft_progress_table *table,
                                         struct raft_key key);

/* The entry of `key`, made as an observer's if there is none; NULL if the limit is reached. Makes
 * pointers to other entries invalid. */
struct raft_progress *raft_progress_track(struct raft_progress_table *table, struct raft_key key);

/* Forgets observers that last fetched before `before_ms` and are not parked. */
void raft_progress_forget(struct raft_progress_table *table, int64_t before_ms);

#endif
