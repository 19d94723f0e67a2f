/* The inside of the core: its state, and what its files call of each other.
 *
 * raft.c dispatches events; role.c changes roles; election.c asks for votes, vote.c gives them;
 * append.c is the follower, replicate.c the leader; change.c changes the voters, upgrade.c makes
 * records of static ones; read.c confirms reads; beat.c keeps the leader honest (heartbeats,
 * check-quorum) and hands over; download.c gets a snapshot where the leader's log does not reach
 * back far enough, snapshot.c has the rest about snapshots. */
#ifndef RAFT_PRIVATE_H
#define RAFT_PRIVATE_H

#include "base/prng.h"
#include "raft/peers.h"
#include "raft/progress.h"
#include "raft/quorum.h"
#include "raft/raft.h"
#include "raft/trail.h"
#include "raft/voters.h"

#define RAFT_NEVER INT64_MAX

enum {
    /* A follower whose leader is gone waits this long at most before it asks for pre-votes, so that
     * not all ask at the same moment; about the time a vote takes. */
    RAFT_RUSH_MS = 30,
    /* One that has just granted somebody else's pre-vote lets that one go first. */
    RAFT_YIELD_MS = 150,
    /* The first term of the backoff between elections, doubled with every loss (KIP-595). */
    RAFT_ELECTION_BACKOFF_MS = 100,
    /* A node without a leader asks somebody at random who leads: often at first, as an election
     * does not take long, then more and more seldom. */
    RAFT_DISCOVER_MS = 10,
    RAFT_DISCOVER_MAX_MS = 200,
    /* A leader forgets an observer that has not fetched for this long. */
    RAFT_OBSERVER_TTL_MS = 300 * 1000,
    /* A snapshot that turns out damaged is large, and will not be better at once: the first pause
     * before another attempt, doubled with every failure. */
    RAFT_LOAD_BACKOFF_MS = 250,
    RAFT_LOAD_BACKOFF_MAX_MS = 60 * 1000,
};

/* FOLLOWER; `leader_lost` also while PROSPECTIVE. */
struct raft_follow {
    int64_t fetch_deadline_ms;
    int64_t rush_ms; /* campaign then, without waiting for the timer; RAFT_NEVER: do wait */
    bool fetched;    /* successfully, from this leader */
    /* The leader's connection dropped, or it said that it does not lead, and no fetch has succeeded
     * since: pre-votes are granted, and the next failure starts a campaign. */
    bool leader_lost;
};

/* A read that waits for a majority. */
struct raft_read {
    uint64_t token;
    uint64_t number; /* 1, 2, … of this leadership */
    int64_t log_end; /* when it came */
};

/* A snapshot being fetched from the leader of `epoch`. It begins as FOLLOWER and lasts as long as
 * the epoch: only the same leader has the same bytes under the same name. */
struct raft_loading {
    bool active;
    bool checking; /* all bytes are here; the driver looks at them */
    struct raft_position snapshot;
    int64_t position;    /* of the next piece */
    int64_t size;        /* −1: not known */
    int64_t keep_off_ms; /* no fetch before that: signs of life are enough while there is nothing
                            to get */
    int failures;        /* in a row */
    int64_t again_ms;    /* no other attempt before that */
};

/* LEADER. */
struct raft_lead {
    struct raft_progress_table replicas;
    int64_t epoch_start; /* offset of this epoch's leader-change record */
    int64_t check_quorum_ms;
    int64_t heartbeat_ms;
    int64_t forget_ms;
    int parked;              /* how many replicas have a parked fetch */
    struct raft_read *reads; /* by number */
    int read_count;
    int read_cap;
    uint64_t last_read;
};

/* RESIGNED. */
struct raft_resign {
    struct raft_voter_set voters; /* to be told */
    uint32_t told;
    struct raft_key successors[RAFT_VOTERS_MAX]; /* best first */
    int successor_count;
};

struct raft {
    struct raft_options options;
    struct prng prng;
    int64_t now_ms;
    int64_t deadline_ms;
    const char *broken;         /* why no step is possible any more */
    struct raft_update *update; /* during a step */

    enum raft_role role;
    struct raft_hard_state hard;

    struct raft_trail trail;
    struct raft_voters voters;
    struct raft_position snapshot; /* the newest here */
    int64_t log_end;
    int64_t flushed;
    int64_t high_watermark;

    struct raft_peers peers;
    /* UNATTACHED, PROSPECTIVE, RESIGNED: the timer of the role. CANDIDATE: also the end of the
     * backoff after a lost election. */
    int64_t election_ms;
    bool backing_off;
    int losses;                /* elections and pre-votes lost in a row */
    struct raft_ballot ballot; /* PROSPECTIVE, CANDIDATE */
    struct raft_follow follow;
    struct raft_loading loading;
    struct raft_lead lead;
    struct raft_resign resign;
    int64_t discover_ms;
    int discoveries;     /* questions in a row */
    int64_t shutdown_ms; /* give up waiting then; RAFT_NEVER: not shutting down */
    bool shutdown_waits; /* for another leader to appear */
    bool unsaved;        /* the hard state of the boot differs from what is on disk */
};

/* ---- raft.c ---- */

/* The protocol is broken: this step and all others fail. */
void raft_break(struct raft *raft, const char *why);

static inline bool raft_shutting_down(const struct raft *raft)
{
    return raft->shutdown_ms != RAFT_NEVER;
}

/* ---- update.c ---- */

void raft_update_reset(struct raft_update *update);

/* Sends `request` to `to`, which must be ready. */
void raft_send(struct raft *raft, int32_t to, const struct raft_request *request);

/* An answer to be filled in, with what every answer tells: epoch and leader. Valid until the next.
 */
struct raft_response *raft_answer(struct raft *raft, uint64_t token, enum raft_rpc rpc,
                                  enum err error);

/* The verdict of a READ event. */
void raft_answer_read(struct raft *raft, uint64_t token, enum err error, int64_t offset);

/* ---- role.c ---- */

void raft_become_unattached(struct raft *raft, int32_t epoch);
void raft_become_prospective(struct raft *raft);
void raft_become_candidate(struct raft *raft);
void raft_become_leader(struct raft *raft);
void raft_become_follower(struct raft *raft, int32_t epoch, int32_t leader_id);
void raft_become_resigned(struct raft *raft, const char *why);

/* The pre-votes were not given: back to what it was. */
void raft_give_up_campaign(struct raft *raft);

/* The same, for somebody else's sake; it begins again at `until_ms`. */
void raft_withdraw_campaign(struct raft *raft, int64_t until_ms);

/* Votes for `candidate` in the present epoch. */
void raft_cast_vote(struct raft *raft, struct raft_key candidate);

/* A peer said that `leader_id` (or RAFT_NOBODY) leads `epoch`. False if that contradicts what is
 * known: another leader of the same epoch. */
bool raft_learn(struct raft *raft, int32_t epoch, int32_t leader_id) MUST_USE;

/* [timeout, 2 × timeout) from now. */
int64_t raft_draw_election_ms(struct raft *raft);

/* ---- election.c, vote.c ---- */

int64_t raft_poll_unattached(struct raft *raft);
int64_t raft_poll_campaign(struct raft *raft);
void raft_on_vote_response(struct raft *raft, int32_t from, const struct raft_response *response);
void raft_on_vote_failed(struct raft *raft, int32_t peer, bool closed);
void raft_on_vote_request(struct raft *raft, uint64_t token, const struct raft_request *request);

/* ---- append.c ---- */

int64_t raft_poll_follower(struct raft *raft);
int64_t raft_poll_discover(struct raft *raft);
void raft_on_fetch_response(struct raft *raft, int32_t from, const struct raft_response *response);
void raft_on_fetch_failed(struct raft *raft, int32_t peer, bool closed);
void raft_on_connection_lost(struct raft *raft, int32_t peer);

/* The leader answered as a leader does: it lives, and this node is its follower. */
void raft_note_fetched(struct raft *raft);

/* Is this an answer of the leader that this node follows? An error is dealt with here, and no
 * reason to go on. */
bool raft_is_leaders_answer(struct raft *raft, int32_t from, const struct raft_response *response);
void raft_on_begin_request(struct raft *raft, uint64_t token, const struct raft_request *request);
void raft_on_end_request(struct raft *raft, uint64_t token, const struct raft_request *request);

/* ---- download.c ---- */

/* The leader wants this node to load a snapshot. */
void raft_on_offer(struct raft *raft, struct raft_position snapshot);
void raft_on_fetch_snapshot_response(struct raft *raft, int32_t from,
                                     const struct raft_response *response);
void raft_on_snapshot_checked(struct raft *raft, const struct raft_event *event);

/* Asks the leader for the next piece. */
void raft_send_fetch_snapshot(struct raft *raft);

/* Gives up what is being loaded, if anything is. */
void raft_drop_download(struct raft *raft);

/* ---- snapshot.c ---- */

/* True if the follower needs a snapshot to go on; it has been told so then. */
bool raft_answer_offer(struct raft *raft, uint64_t token, const struct raft_fetch_request *fetch);
void raft_on_fetch_snapshot_request(struct raft *raft, uint64_t token,
                                    const struct raft_request *request);
void raft_on_snapshot_taken(struct raft *raft, struct raft_position snapshot);
void raft_on_trim(struct raft *raft, struct raft_position to);

/* ---- replicate.c ---- */

/* May a replica of that epoch fetch here? */
enum err raft_check_fetch_epoch(const struct raft *raft, int32_t epoch) MUST_USE;

void raft_lead_init(struct raft *raft);
void raft_on_append(struct raft *raft, int32_t epoch, int count);
void raft_on_fetch_request(struct raft *raft, uint64_t token, const struct raft_request *request);
void raft_advance_high_watermark(struct raft *raft);

/* Answers the parked fetches that have something to get, or (all) every one. */
void raft_serve_parked(struct raft *raft, bool all);

/* When the first parked fetch is due; serves those whose time is up. */
int64_t raft_poll_parked(struct raft *raft);

/* ---- change.c ---- */

void raft_on_change(struct raft *raft, const struct raft_change *change);

/* The set is appended, and in force. `kind`: VOTERS or UPGRADE. */
void raft_append_voters(struct raft *raft, enum raft_append_kind kind,
                        const struct raft_voter_set *set);

/* Could the set commit anything, its own record to begin with? */
bool raft_has_live_majority(const struct raft *raft, const struct raft_voter_set *set,
                            int64_t now_ms);

/* A voter; or one whose removal may not be committed: until it is, its vote may be needed, and its
 * log may be the only one that can win (Raft thesis §4.2.2). It does not count itself then. */
bool raft_may_campaign(const struct raft *raft);

/* The set that this leader is not in is committed: its work is done. */
bool raft_is_removed(const struct raft *raft);

/* ---- upgrade.c ---- */

void raft_on_upgrade(struct raft *raft, const struct raft_voter_set *voters);

/* ---- read.c ---- */

void raft_on_read(struct raft *raft, uint64_t token);

/* A BeginQuorumEpoch was sent to the voter; it has acknowledged it. */
void raft_note_read_asked(struct raft *raft, struct raft_progress *replica);
void raft_note_read_confirmed(struct raft *raft, struct raft_progress *replica);

/* Answers the reads that are confirmed; after the high watermark moved. */
void raft_serve_reads(struct raft *raft);

/* This node leads no more. */
void raft_fail_reads(struct raft *raft);

/* ---- beat.c ---- */

/* A majority has its time again to make contact, e.g. when it is another majority. */
void raft_reset_check_quorum(struct raft *raft);

int64_t raft_poll_leader(struct raft *raft);
int64_t raft_poll_resigned(struct raft *raft);
void raft_note_contact(struct raft *raft, struct raft_progress *replica);

/* The replica asked for something, from which nothing follows about its log. */
void raft_note_seen(struct raft *raft, struct raft_progress *replica);
void raft_on_begin_response(struct raft *raft, int32_t from, const struct raft_response *response);
void raft_on_begin_failed(struct raft *raft, int32_t peer);
void raft_on_end_response(struct raft *raft, int32_t from, const struct raft_response *response);

/* The other voters, the one with the most of the log first. */
void raft_order_successors(struct raft *raft);

#endif
