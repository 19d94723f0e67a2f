/* What the files of this folder share: the structures of a shard and the steps on them.
 *
 * Ownership: a shard owns its groups, a group its members, pending ids and offsets; every slice in
 * these structures is owned by the structure (group_own / group_disown). Replies and records copy
 * what they need, so that nothing in the effects points into state. */
#ifndef BROKER_GROUP_PRIVATE_H
#define BROKER_GROUP_PRIVATE_H

#include "base/arena.h"
#include "base/err.h"
#include "base/list.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/prng.h"
#include "broker/group/group.h"
#include "broker/group/timers.h"
#include "wire/messages.h"

struct consumer_group;
struct group_key;
struct metadata_image;

/* A new member cannot send heartbeats before its JoinGroup is answered, and its connection is not
 * read meanwhile; so its first join ends after this time, whatever its session timeout. */
enum { GROUP_NEW_MEMBER_TIMEOUT_MS = 5 * 60 * 1000 };

/* Member ids given out (JoinGroup v4) and not used yet, for each group. Each costs memory for a
 * session timeout and is had for one small request, so that a client in a loop must be stopped. */
enum { GROUP_PENDING_MEMBERS_MAX = 10000 };

/* Protocols of one member. Clients have up to four; looking through them is linear. */
enum { GROUP_PROTOCOLS_MAX = 100 };

/* Tombstones in one append; keeps a batch well under message.max.bytes. */
enum { GROUP_TOMBSTONES_PER_APPEND = 1000 };

enum group_state {
    GROUP_STATE_EMPTY,
    GROUP_STATE_PREPARING_REBALANCE,
    GROUP_STATE_COMPLETING_REBALANCE,
    GROUP_STATE_STABLE,
    GROUP_STATE_DEAD, /* its tombstone is being written */
};
enum { GROUP_STATES = 5 };

/* A request that waits for its answer. */
struct group_parked {
    bool waiting;
    void *token;
    int16_t version;
    uint64_t append_id; /* a join that waits for this append, not for a rebalance; else 0 */
};

struct group_protocol {
    struct slice name;
    struct slice metadata;
};

/* What a member can speak, most wanted first; one block of memory with its strings. */
struct group_protocols {
    size_t count;
    struct group_protocol at[];
};

struct group_member {
    struct group *group;
    struct slice id;
    struct slice instance_id; /* null: a dynamic member */
    struct slice client_id;
    struct slice client_host;
    int32_t rebalance_timeout_ms;
    int32_t session_timeout_ms;
    struct group_protocols *protocols;
    struct slice assignment;
    struct group_parked join;
    struct group_parked sync;
    bool is_new;       /* has never got an answer to JoinGroup */
    bool sync_missing; /* has the generation and did not ask for its assignment yet */
    struct group_timer session;
};

/* A member id that JoinGroup v4 gave out and nobody came back with yet. */
struct group_pending_member {
    struct group *group;
    struct slice id;
    struct group_timer timer;
};

/* How many members support a protocol. */
struct group_protocol_count {
    struct slice name;
    size_t members;
};

struct group_offset {
    int32_t partition;
    uint32_t pending; /* records of it in the log, or in a transaction, with no fate yet */
    bool committed;   /* the fields below are valid */
    int32_t leader_epoch;
    int64_t offset;
    int64_t commit_ms;
    int64_t expire_ms; /* -1: by the group's retention */
    struct slice metadata;
    uint64_t sequence; /* of the newest record applied here, tombstones included */
};

struct group_topic {
    struct slice name;
    struct map offsets; /* by partition */
};

struct group {
    struct group_shard *shard;
    struct slice id;
    enum group_state state;
    enum group_state previous;
    int64_t state_since_ms;     /* wall clock; -1: unknown (old records) */
    struct slice protocol_type; /* null: never had a member */
    struct slice protocol_name; /* of this generation; null: none */
    int32_t generation;
    struct group_member *leader; /* NULL: no members */
    struct map members;          /* by id */
    struct map statics;          /* the static ones by instance id */
    struct map pending;          /* struct group_pending_member by id */
    struct map protocols;        /* struct group_protocol_count by name */
    size_t joins_waiting;        /* members with a parked join */
    size_t syncs_missing;        /* members with sync_missing */
    uint64_t assign_append_id;   /* of the leader's assignment, on its way; else 0 */
    bool subscribed_known;       /* the members' subscriptions could be read */
    struct map subscribed;       /* the set of those topics, by name */
    bool persisted;              /* there is, or may be, a record of it in the log */
    bool new_member_added;       /* since the initial delay began */
    int64_t initial_delay_ms;    /* the running part of the initial delay */
    int64_t initial_left_ms;     /* what may still be added to it */
    struct group_timer join_timer;
    struct group_timer sync_timer;
    struct map topics; /* struct group_topic by name */
    /* Of a consumer group, else NULL. Then there are no `members` above, and `state` is Empty, or
     * Dead as for every group; the state that is told is the consumer group's own. */
    struct consumer_group *consumer;
    struct group_pending_append *lost; /* tombstones of lost batches; NULL: none */
};

/* A record that a transaction holds back. */
struct group_txn_record {
    struct list node;
    uint64_t sequence;
    struct slice key;
    struct slice value;
};

struct group_txn {
    int64_t producer_id;
    struct list records;
};

enum group_shard_phase { GROUP_SHARD_LOADING, GROUP_SHARD_ACTIVE, GROUP_SHARD_UNLOADED };

struct group_shard {
    struct group_config config;
    const struct log *log;
    enum group_shard_phase phase;
    struct prng prng;
    struct map groups;
    struct map transactions; /* struct group_txn by producer id */
    struct group_timers timers;
    struct group_timer expiry;
    struct list appends; /* struct group_pending_append, oldest first */
    uint64_t next_append_id;
    uint64_t next_sequence; /* of records, in log order */
    size_t parked;          /* tokens taken and not answered */
    size_t offsets_count;   /* committed */
    uint64_t rebalances;
    uint64_t offset_commits;
    uint64_t offsets_expired;
    const struct metadata_image *image; /* NULL: not told yet */
    uint64_t metadata_serial;           /* grows when its topics change */
};

/* One call from outside: the shard, the time, and where effects go. */
struct step {
    struct group_shard *shard;
    struct group_time now;
    struct group_effects *out;
};

/* ---- appends (append.c) ---- */

/* An append on its way. When its fate is known its records are settled (append.c); `answer`, unless
 * NULL, runs once: after that, or before with REQUEST_TIMED_OUT when the fate takes too long for
 * the client. */
struct group_pending_append {
    struct list node;
    struct group_pending_append *next_spent;
    struct group_shard *shard;
    uint64_t id;
    uint64_t sequence; /* of its first record */
    struct arena arena;
    struct group_append effect;
    size_t records_cap;
    bool answered;
    struct group_timer timer;
    void (*answer)(struct step *s, struct group_pending_append *p, enum err error);
    /* Runs first when the fate is known; may be NULL. */
    void (*settled)(struct step *s, struct group_pending_append *p, enum err error);
    struct list waiters; /* appends without records, whose answers come after this one's */
    /* For `answer`: */
    struct group_parked reply; /* a token that this append answers */
    int16_t api_key;
    void *body; /* the response to send if all goes well */
    struct slice group_id;
    struct slice member_id;
    void *extra;
};

struct group_pending_append *group_append_new(struct group_shard *shard);
/* Adds a record, made by records.h in p->arena. */
void group_append_record(struct group_pending_append *p, struct group_record record);
/* Hands it to the driver. It must have a record. */
void group_append_submit(struct step *s, struct group_pending_append *p);
/* With records the answer `body` (in p->arena) waits for them: as it is if all goes well, else with
 * the error in all its places. Without a record it is sent now. */
void group_append_submit_or_answer(struct step *s, const struct group_request *rq,
                                   struct group_pending_append *take, void *body);
/* Nothing is written: the answer waits for the fate of the append `before`, or is sent at once if
 * that is known. */
void group_append_answer_after(struct step *s, uint64_t before, const struct group_request *rq,
                               struct group_pending_append *take, void *body);
void group_append_timeout(struct step *s, struct group_pending_append *p);
/* Its fate is known: settles, answers, forgets. */
void group_append_finish(struct step *s, uint64_t append_id, enum err error);
void group_append_unload_all(struct step *s);
void group_append_free(struct group_pending_append *p);
/* It has no record and is not needed; its arena lives as long as the effects. */
void group_append_discard(struct step *s, struct group_pending_append *p);
/* A lost batch removed something: its tombstones are kept with the group ... */
void group_lost_keep(struct group *g, const struct group_pending_append *p);
/* ... and written with the next records of it. They stay with the group until forgotten. */
void group_lost_write(const struct group *g, struct group_pending_append *p);
void group_lost_forget(struct group *g);
/* They are `p`'s now; if that is lost, too, the group keeps them and what else it removes. */
void group_lost_take(struct group *g, struct group_pending_append *p);
/* Adds the record of a classic group, behind what was lost. */
void group_append_classic(struct group *g, struct group_pending_append *p);
/* What a client is told when its append failed. */
enum err group_append_client_error(enum err error);

/* ---- group.c ---- */

/* Why a shard that is not ACTIVE answers nothing. */
enum err group_shard_phase_error(const struct group_shard *shard);

struct slice group_own(struct slice s);
void group_disown(struct slice *s);
/* All of them, and the array. */
void group_disown_array(struct slice **items, size_t *count);
struct group *group_find(const struct group_shard *shard, struct slice id);
struct group *group_find_or_create(struct group_shard *shard, struct slice id);
/* Forgets a group of which nothing is left worth knowing. */
void group_maybe_forget(struct group *g);
/* Everything but its offsets, which have records of their own: no member, no protocol. */
void group_make_blank(struct group *g);
/* Nobody is a member, of either protocol. */
bool group_has_no_members(const struct group *g);
void group_become(struct step *s, struct group *g, enum group_state state);
const char *group_state_name(enum group_state state);
bool group_is_consumer(const struct group *g);

/* ---- reply.c ---- */

/* Sends `body` and counts the token as answered; clears `parked`. */
void group_reply_send(struct step *s, struct group_parked *parked, int16_t api_key,
                      const void *body);
void group_reply_now(struct step *s, const struct group_request *rq, const void *body);
void group_reply_join_error(struct step *s, struct group_parked *parked, struct slice member_id,
                            enum err error);
void group_reply_sync_error(struct step *s, struct group_parked *parked, enum err error);
struct group_parked group_reply_park(const struct group_request *rq);

/* ---- member.c ---- */

struct group_member *group_member_find(const struct group *g, struct slice id);
struct group_member *group_member_of_instance(const struct group *g, struct slice instance_id);
/* The member takes its place in the group; its protocols must fit. */
void group_member_add(struct group *g, struct group_member *m);
/* Takes it out and frees it; whatever it waits for is answered with UNKNOWN_MEMBER_ID. */
void group_member_remove(struct step *s, struct group_member *m);
/* Static membership: the instance is now known by `new_id`; answers of the old id are fenced. */
void group_member_rename(struct step *s, struct group_member *m, struct slice new_id);
void group_member_free(struct group_member *m);
/* Answers what it waits for with an error; JoinGroup's answer names `told_id`. */
void group_member_refuse(struct step *s, struct group_member *m, struct slice told_id,
                         enum err error);
void group_member_park_join(struct step *s, struct group_member *m, struct group_parked parked);
void group_member_park_sync(struct step *s, struct group_member *m, struct group_parked parked);
void group_member_set_protocols(struct group_member *m, struct group_protocols *take_protocols);
/* Its session begins anew. */
void group_member_touch(struct step *s, struct group_member *m);
void group_member_clear_sync_missing(struct step *s, struct group_member *m);
/* The session ended: a timer fired. */
void group_member_session_expired(struct step *s, struct group_member *m);
/* Errors: UNKNOWN_MEMBER_ID, FENCED_INSTANCE_ID. */
enum err MUST_USE group_member_validate(const struct group *g, struct slice member_id,
                                        struct slice instance_id);
struct slice group_member_new_id(struct step *s, const struct group_request *rq,
                                 struct slice instance_id);

void group_pending_member_add(struct step *s, struct group *g, struct slice id, int32_t timeout_ms);
struct group_pending_member *group_pending_member_find(const struct group *g, struct slice id);
void group_pending_member_remove(struct group_pending_member *p);
void group_pending_member_expired(struct step *s, struct group_pending_member *p);

/* ---- protocols.c ---- */

struct group_protocols *group_protocols_copy(const struct wire_join_group_request *body);
struct group_protocols *group_protocols_clone(const struct group_protocols *p);
struct group_protocols *group_protocols_one(struct slice name, struct slice metadata);
bool group_protocols_equal(const struct group_protocols *p,
                           const struct wire_join_group_request *body);
struct slice group_protocols_metadata(const struct group_protocols *p, struct slice name);
void group_protocols_count(struct group *g, const struct group_protocols *p, int change);
/* Whether the group could have a member with these. */
bool group_protocols_fit(const struct group *g, const struct wire_join_group_request *body);
/* The protocol that most members want among those that all support; owned by a member. */
struct slice group_protocols_select(const struct group *g);
/* Reads the topics of all members' subscriptions (protocol type "consumer"). */
void group_subscriptions_update(struct group *g);
bool group_subscriptions_include(const struct group *g, struct slice topic);
void group_subscriptions_clear(struct group *g);

/* ---- rebalance.c ---- */

void group_rebalance_prepare(struct step *s, struct group *g, const char *reason);
void group_rebalance_prepare_or_complete(struct step *s, struct group *g, const char *reason);
void group_rebalance_maybe_complete(struct step *s, struct group *g);
void group_rebalance_complete_join(struct step *s, struct group *g);
bool group_rebalance_all_joined(const struct group *g);
void group_rebalance_initial_timer(struct step *s, struct group *g);
void group_rebalance_sync_timer(struct step *s, struct group *g);
/* Answers the member's parked join with the present generation. */
struct join_answer {
    struct slice leader_id;
    bool with_members;    /* for the leader */
    bool skip_assignment; /* KIP-814: a leader that came back need not assign */
};
void group_rebalance_answer_join(struct step *s, struct group_member *m, struct join_answer answer);
/* Gives every parked sync the member's assignment, or the error. */
void group_rebalance_propagate(struct step *s, struct group *g, enum err error);

/* ---- one request each ---- */

void group_join_handle(struct step *s, const struct group_request *rq);
/* Answers a parked SyncGroup with the member's assignment. */
void group_sync_answer(struct step *s, const struct group_member *m, struct group_parked *parked);
void group_sync_handle(struct step *s, const struct group_request *rq);
void group_heartbeat_handle(struct step *s, const struct group_request *rq);
/* Who leaves: to version 2 the request has one member and no list. */
const struct wire_leave_group_request_members *group_leavers(const struct group_request *rq,
                                                             struct arena *arena, size_t *count);
void group_leave_handle(struct step *s, const struct group_request *rq);
void group_offset_commit_handle(struct step *s, const struct group_request *rq);
void group_txn_offset_commit_handle(struct step *s, const struct group_request *rq);
void group_offset_delete_handle(struct step *s, const struct group_request *rq);
void group_delete_groups_handle(struct step *s, const struct group_request *rq);
/* The error in the form of the request's API; owned by `arena`. */
const void *group_refusal_body(const struct group_request *rq, enum err error, struct arena *arena);
/* `body`, a response of a request that writes, with every NONE replaced by the error. */
void group_refusal_spoil(int16_t api_key, void *body, enum err error);

/* ---- offsets.c ---- */

struct group_offset *group_offset_find(const struct group *g, struct slice topic,
                                       int32_t partition);
struct group_offset *group_offset_find_or_create(struct group *g, struct slice topic,
                                                 int32_t partition);
/* Drops an entry that says nothing any more, then its topic. */
void group_offset_maybe_drop(struct group *g, struct slice topic, int32_t partition);
void group_offsets_free(struct group *g);
/* Whether it is there, or may be there when all is decided. */
bool group_offset_exists(const struct group_offset *o);

/* ---- replay.c, txn.c ---- */

enum err MUST_USE group_replay_record(struct group_shard *shard, int64_t producer_id,
                                      uint64_t sequence, struct group_record record);
enum err MUST_USE group_txn_hold(struct group_shard *shard, int64_t producer_id, uint64_t sequence,
                                 struct group_record record);
void group_txn_free(struct group_txn *t);

/* ---- expire.c ---- */

void group_expire_schedule(struct step *s);
void group_expire_run(struct step *s);

/* ---- tombstones.c ---- */

/* Tombstones in as many appends as it takes: `append` is the one being filled, NULL if none is. */
struct tombstones {
    struct step *s;
    struct group_pending_append *append;
};
void group_tombstone_offset(struct tombstones *t, const struct group_key *key);
/* Adds the tombstones of the group's own records; it is Dead until they are settled. */
void group_tombstone_group(struct tombstones *t, struct group *g);
/* Submits what is begun. */
void group_tombstones_finish(struct tombstones *t);

#endif
