/* Consumer groups (KIP-848): the coordinator assigns, members reconcile. Private to broker/group/.
 *
 * A `struct group` has a `struct consumer_group` while its members speak this protocol; offsets and
 * the group's name stay where they are, so that a group can change its protocol and keep them.
 *
 * Three epochs: the group's (something that matters changed), the target assignment's (computed for
 * that group epoch), a member's (how far it has got). A heartbeat may move all three:
 *
 *     subscribe.c   did the member's subscription, or a topic it reads, change?  → group epoch + 1
 *     target.c      is the target older than the group?   → assign_*.c, target epoch = group epoch
 *     reconcile.c   one member, one step towards its target: first give up, then take what is free
 *
 * No partition is ever given to a member while another one may still read it: `owners` has every
 * partition that is assigned to a member or being revoked from it.
 *
 * Memory changes at once, the records are written in one batch (change.c), the answer waits until
 * they are committed. An answer without records waits for the group's last batch on its way, as it
 * may tell what that batch says. If a batch fails, memory is ahead of the log: the whole group is
 * written with the next change or answer, so that no member is told of an epoch or a partition that
 * another coordinator would not know of.
 *
 * Members of the classic protocol live in such a group, too, while its members are migrated
 * (classic.c); convert.c changes the protocol of a whole group. */
#ifndef BROKER_GROUP_CONSUMER_CONSUMER_H
#define BROKER_GROUP_CONSUMER_CONSUMER_H

#include "base/uuid.h"
#include "broker/group/private.h"

/* ---- sets of partitions (partitions.c) ---- */

/* No padding: its bytes are a key. */
struct consumer_partition {
    struct uuid topic;
    int64_t index;
};

/* Sorted, each once. Zeroed: empty. Owned: consumer_set_free(). */
struct consumer_set {
    struct consumer_partition *at;
    size_t count;
    size_t cap;
};

int consumer_partition_cmp(const void *a, const void *b);
/* Adds at the end; consumer_set_sort() must follow before any other use. */
void consumer_set_add(struct consumer_set *set, struct uuid topic, int32_t index);
void consumer_set_sort(struct consumer_set *set);
void consumer_set_free(struct consumer_set *set);
bool consumer_set_has(const struct consumer_set *set, const struct consumer_partition *p);
bool consumer_set_eq(const struct consumer_set *a, const struct consumer_set *b);
/* Is all of `part` in `whole`? */
bool consumer_set_within(const struct consumer_set *part, const struct consumer_set *whole);
/* Has something of the other? */
bool consumer_set_meets(const struct consumer_set *a, const struct consumer_set *b);
struct consumer_set consumer_set_copy(const struct consumer_set *set);
struct consumer_set consumer_set_and(const struct consumer_set *a, const struct consumer_set *b);
struct consumer_set consumer_set_minus(const struct consumer_set *a, const struct consumer_set *b);
/* How many of one topic follow from `at` on. */
size_t consumer_set_run(const struct consumer_set *set, size_t at);

/* ---- members and groups ---- */

enum {
    CONSUMER_EPOCH_JOIN = 0,
    CONSUMER_EPOCH_LEAVE = -1,
    CONSUMER_EPOCH_STATIC_LEAVE = -2, /* a static member that means to come back */
};

/* The numbers are Kafka's, on disk. */
enum consumer_member_state {
    CONSUMER_MEMBER_STABLE = 0,
    CONSUMER_MEMBER_UNREVOKED = 1,  /* must first give up partitions */
    CONSUMER_MEMBER_UNRELEASED = 2, /* waits for partitions that others give up */
    CONSUMER_MEMBER_UNKNOWN = 127,  /* written by a later version */
};

/* What a member is given time for (its rebalance timeout). */
enum consumer_awaited { CONSUMER_AWAIT_REVOKE, CONSUMER_AWAIT_JOIN, CONSUMER_AWAIT_SYNC };

struct consumer_member {
    struct consumer_group *group;
    struct slice id;
    struct slice instance_id; /* null: dynamic */
    struct slice rack_id;     /* null: none */
    struct slice client_id;
    struct slice client_host;
    int32_t rebalance_timeout_ms;
    struct slice *topics; /* subscribed by name, sorted, each once */
    size_t topics_count;
    struct slice regex;    /* null: none */
    struct slice assignor; /* null: any */
    /* Of a member that speaks the classic protocol; else NULL. */
    struct group_protocols *classic_protocols;
    int32_t classic_session_timeout_ms;
    int32_t epoch;
    int32_t previous_epoch;
    enum consumer_member_state state;
    struct consumer_set assigned;
    struct consumer_set revoking; /* told to give up, not confirmed yet */
    struct consumer_set target;
    struct group_timer session;
    struct group_timer rebalance;
    enum consumer_awaited awaited;
    int32_t awaited_epoch; /* of the member or the group when `rebalance` was armed */
};

/* A regular expression that members subscribe to, and the topics it means. */
struct consumer_regex {
    struct slice text;
    struct slice *topics; /* sorted */
    size_t topics_count;
    size_t members;         /* that have it */
    uint64_t metadata_seen; /* shard->metadata_serial it was resolved for; 0: never */
};

struct consumer_owner {
    struct consumer_partition partition;
    struct consumer_member *member;
};

struct consumer_group {
    struct group *group;
    int32_t epoch;
    int32_t target_epoch;
    int64_t metadata_hash;  /* of the topics subscribed to, for the group epoch */
    uint64_t metadata_seen; /* shard->metadata_serial that the hash was compared with */
    struct map members;     /* by id */
    struct map statics;     /* by instance id */
    struct map owners;      /* struct consumer_owner by partition */
    struct map regexes;     /* struct consumer_regex by text */
    bool rewrite;           /* a batch was lost: memory is ahead of the log */
    uint64_t last_append;   /* id of the group's newest batch on its way; 0: none */
};

/* group.c */
struct consumer_group *consumer_group_new(struct group *g);
void consumer_group_free(struct consumer_group *cg);
/* In ms: the group's own setting (consumer.session.timeout.ms …) within the broker's bounds, else
 * the broker's. */
int32_t consumer_group_session_timeout(const struct consumer_group *cg);
int32_t consumer_group_heartbeat_interval(const struct consumer_group *cg);
/* The shard is loaded: sessions begin. */
void consumer_group_loaded(struct step *s, struct consumer_group *cg);
/* No member, target epoch behind, members behind, all well: "Empty" … "Stable". */
const char *consumer_group_state(const struct consumer_group *cg);
/* The most wanted assignor of the members, else the first of the configuration. */
struct slice consumer_group_assignor(const struct consumer_group *cg);
bool consumer_group_subscribes(const struct consumer_group *cg, struct slice topic);

/* member.c */
struct consumer_member *consumer_member_new(struct slice id);
void consumer_member_free(struct consumer_member *m);
struct consumer_member *consumer_member_find(const struct consumer_group *cg, struct slice id);
struct consumer_member *consumer_member_of_instance(const struct consumer_group *cg,
                                                    struct slice instance_id);
void consumer_member_add(struct consumer_group *cg, struct consumer_member *m);
/* Takes it out and frees it; its partitions are free. */
void consumer_member_remove(struct consumer_member *m);
/* Replaces what the member has; keeps `owners` true. */
void consumer_member_set_partitions(struct consumer_member *m, struct consumer_set take_assigned,
                                    struct consumer_set take_revoking);
void consumer_member_set_epoch(struct consumer_member *m, int32_t epoch);
void consumer_member_set_text(struct slice *field, struct slice value);
/* Sorts and removes what comes twice; true if that differs from what it had. */
bool consumer_member_set_topics(struct consumer_member *m, const struct slice *names, size_t count);
/* Takes the new regular expression, counted in the group; null: none. True if it differs. */
bool consumer_member_set_regex(struct consumer_member *m, struct slice regex);
bool consumer_member_is_reconciled(const struct consumer_member *m);
void consumer_member_touch(struct step *s, struct consumer_member *m);
void consumer_member_await(struct step *s, struct consumer_member *m, enum consumer_awaited what);
void consumer_member_session_expired(struct step *s, struct consumer_member *m);
void consumer_member_rebalance_expired(struct step *s, struct consumer_member *m);

/* ---- one change (change.c) ---- */

struct consumer_change {
    struct step *s;
    struct consumer_group *cg;
    struct group_pending_append *append;
};

void consumer_change_begin(struct consumer_change *c, struct step *s, struct group *g);
/* Writes the records, and the whole group if a batch of it was lost; the answer `body` (in
 * c->append's arena) waits for them, or for those before them. `rq` NULL: nobody waits for an
 * answer. */
void consumer_change_finish(struct consumer_change *c, const struct group_request *rq, void *body);
/* Forgets the change; there must be no record in it. */
void consumer_change_drop(struct consumer_change *c);

/* Take part in a change and write the records of it: */
void consumer_change_member(struct consumer_change *c, const struct consumer_member *m);
void consumer_change_current(struct consumer_change *c, const struct consumer_member *m);
/* Removes the member with its records; the group's epoch moves. */
void consumer_change_remove(struct consumer_change *c, struct consumer_member *m);
/* After members were removed: an all-classic rest goes back to the classic protocol. */
void consumer_change_maybe_downgrade(struct consumer_change *c);

/* ---- the rules ---- */

/* subscribe.c: resolves regular expressions; true if what the members subscribe to is not what the
 * present target epoch was computed for. Errors of expressions: consumer_regex_check(). */
bool consumer_subscriptions_changed(struct consumer_group *cg);
/* INVALID_REGULAR_EXPRESSION with a text made in `arena`. */
enum err consumer_regex_check(struct slice regex, struct arena *arena, struct slice *why);
/* The topics of a member that exist, each once, sorted by id. */
struct consumer_topic {
    struct uuid id;
    int32_t partitions;
};
struct consumer_topic *consumer_member_topics(const struct consumer_member *m, struct arena *arena,
                                              size_t *count);

/* target.c: computes the target for the group's epoch, writes what changed. */
void consumer_target_update(struct consumer_change *c);

/* reconcile.c: one step of the member towards its target. `owned` NULL: the member did not say what
 * it owns. True if anything changed. */
bool consumer_reconcile(struct consumer_member *m, const struct consumer_set *owned);

/* assign_uniform.c, assign_range.c. Members are in the order of their ids. */
struct consumer_subscriber {
    struct slice name;                   /* instance id, else member id */
    const struct consumer_topic *topics; /* sorted by id */
    size_t topics_count;
    const struct consumer_set *before; /* the former target */
    struct consumer_set target;        /* out: filled, not sorted */
};
struct consumer_assignor {
    const char *name;
    void (*assign)(struct consumer_subscriber *members, size_t count);
};
void consumer_assign_uniform(struct consumer_subscriber *members, size_t count);
void consumer_assign_range(struct consumer_subscriber *members, size_t count);
/* NULL: no such. Names as in configurations ("uniform", or the class name that Kafka takes too). */
const struct consumer_assignor *consumer_assignor_find(struct slice name);
/* Every topic of the members once, sorted by id. */
struct consumer_topic *consumer_topics_of_all(const struct consumer_subscriber *members,
                                              size_t count, struct arena *arena, size_t *topics);
bool consumer_subscriber_reads(const struct consumer_subscriber *m, struct uuid topic);

/* ---- records (records.c): written in `arena`, applied at load ---- */

struct group_record consumer_record_group(const struct consumer_group *cg, struct arena *arena);
struct group_record consumer_record_member(const struct consumer_member *m, struct arena *arena);
struct group_record consumer_record_target_epoch(const struct consumer_group *cg,
                                                 struct arena *arena);
struct group_record consumer_record_target(const struct consumer_member *m, struct arena *arena);
struct group_record consumer_record_current(const struct consumer_member *m, struct arena *arena);
/* Tombstones of the member's three records, of the group's two. */
void consumer_tombstones_member(const struct consumer_member *m, struct group_pending_append *p);
void consumer_tombstones_group(struct slice group_id, struct group_pending_append *p);
void consumer_record_all(const struct consumer_group *cg, struct group_pending_append *p);
/* replay.c. `type` is the version of the key. Errors: CORRUPT. */
enum err MUST_USE consumer_replay(struct group_shard *shard, int16_t type,
                                  struct group_record record);

/* ---- requests ---- */

void consumer_heartbeat_handle(struct step *s, const struct group_request *rq);

/* admit.c: creates the member, or finds it and checks its epoch. `*why` says what is wrong.
 * Errors: UNKNOWN_MEMBER_ID, FENCED_MEMBER_EPOCH, FENCED_INSTANCE_ID, UNRELEASED_INSTANCE_ID,
 * GROUP_MAX_SIZE_REACHED. */
struct consumer_joiner {
    struct slice member_id;
    struct slice instance_id; /* null: dynamic */
    int32_t epoch;
    const struct consumer_set *owned; /* NULL: not said */
    bool joins;                       /* may be made */
    bool classic;                     /* by JoinGroup, which has no epoch */
};
enum err consumer_member_admit(struct consumer_change *c, const struct consumer_joiner *j,
                               struct consumer_member **out, struct slice *why);

/* The steps after a member's subscription: epoch, target, reconciliation, with their records. */
void consumer_change_advance(struct consumer_change *c, struct consumer_member *m,
                             const struct consumer_set *owned, bool bump);

/* classic.c: members of the classic protocol in a group that has consumer members. */
void consumer_classic_join(struct step *s, const struct group_request *rq, struct group *g);
void consumer_classic_sync(struct step *s, const struct group_request *rq, struct group *g);
void consumer_classic_heartbeat(struct step *s, const struct group_request *rq, struct group *g);
void consumer_classic_leave(struct step *s, const struct group_request *rq, struct group *g);

/* group.c: may this member commit, or fetch, offsets of the group? Errors: UNKNOWN_MEMBER_ID,
 * STALE_MEMBER_EPOCH, ILLEGAL_GENERATION. */
enum err consumer_offsets_allowed(const struct consumer_group *cg, struct slice member_id,
                                  int32_t epoch);

/* protocol.c: the opaque bytes of classic consumers. Errors: INCONSISTENT_GROUP_PROTOCOL. */
enum err MUST_USE consumer_read_subscription(struct slice bytes, struct arena *arena,
                                             struct wire_consumer_protocol_subscription *out);
enum err MUST_USE consumer_read_assignment(struct slice bytes, const struct group_shard *shard,
                                           struct consumer_set *out);
struct consumer_set
consumer_owned_of(const struct wire_consumer_protocol_subscription *subscription,
                  const struct group_shard *shard);
/* In the version that the member's own bytes have. */
struct slice consumer_write_assignment(const struct consumer_member *m, struct arena *arena);

/* convert.c: a classic group takes its first member of the new protocol. Errors:
 * GROUP_ID_NOT_FOUND. */
enum err MUST_USE consumer_upgrade(struct consumer_change *c, struct group *g, struct slice *why);
/* A group without members forgets the protocol it had. */
void consumer_forget_empty_classic(struct consumer_change *c, struct group *g);
void consumer_forget_empty_consumer(struct step *s, struct group *g);

/* verify.c */
void consumer_group_verify(const struct consumer_group *cg);

#endif
