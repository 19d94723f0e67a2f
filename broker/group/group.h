/* The group coordinator as a pure step machine; one `struct group_shard` for each partition of
 * `__consumer_offsets` that this broker leads. Groups are classic, or consumer groups (KIP-848,
 * consumer/), and may change from one to the other while they run.
 *
 * PURE: no clock, no socket, no disk, no global. Events go in, effects come out; the driver obeys
 * the effects. Single-threaded: the driver serialises the calls on one shard.
 *
 * Life of a shard:
 *
 *     shard = group_shard_new(&config, log);               LOADING: requests get
 *     group_shard_replay(shard, …) for every record        COORDINATOR_LOAD_IN_PROGRESS
 *         under the high watermark, in log order
 *     group_shard_loaded(shard, now, &out);                ACTIVE
 *     … request, tick, append_done, end_transaction, topics_deleted …
 *     group_shard_unload(shard, &out);                     every parked reply: NOT_COORDINATOR
 *     group_shard_free(shard);
 *
 * A broker that loses the partition unloads and frees; when it leads again it makes a new shard.
 *
 * Obeying the effects (`struct group_effects`), after every call that took `&out`:
 *
 *   1. Append out->appends in the order of the list, each as ONE batch, with acks=all semantics
 *      (transactional when producer_id >= 0). When the high watermark passes the batch, call
 *      group_shard_append_done(id, ERR_NONE). When it is certain that the batch is not in the log
 *      (refused before it was written), call it with the error. Never report a guess: a batch that
 *      was written and is still waiting stays open (the shard itself answers the client after
 *      commit_timeout_ms). When leadership is lost, report nothing and unload. Successes must be
 *      reported in log order. append_done may be called from inside the loop over the list, then
 *      with the same `out`: what it adds comes behind what is there, and must be appended there.
 *   2. Send out->replies (any order): encode `body`, the response structure of `api_key`, at
 *      `version`. Each token is answered exactly once.
 *   3. group_effects_clear(&out).
 *   4. Arrange that group_shard_tick() is called at group_shard_deadline().
 *
 * Decide, record, replay, answer at commit: committed offsets change only when their record has
 * committed, by replaying that very record, so memory is what a reload would give. Memberships,
 * generations in progress and session timers are soft state (KIP-62); the group's record is written
 * when the leader's assignment arrives, when a group becomes empty and when a static member is
 * replaced (KIP-345). DESIGN of the states: docs/groups.md. */
#ifndef BROKER_GROUP_GROUP_H
#define BROKER_GROUP_GROUP_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"
#include "base/slice.h"

struct group_shard;
struct metadata_image;
struct wire_consumer_group_describe_response_groups;
struct wire_describe_groups_response_groups;
struct wire_list_groups_request;
struct wire_list_groups_response_groups;
struct wire_offset_fetch_request;
struct wire_offset_fetch_request_groups;
struct wire_offset_fetch_response;
struct wire_offset_fetch_response_groups;

/* Two clocks: timers run on the monotonic one, so that a step of the wall clock expires nobody;
 * records carry the wall clock. */
struct group_time {
    int64_t mono_ms;
    int64_t wall_ms; /* since 1970 */
};

struct group_config {
    int32_t min_session_timeout_ms;     /* group.min.session.timeout.ms */
    int32_t max_session_timeout_ms;     /* group.max.session.timeout.ms */
    int32_t initial_rebalance_delay_ms; /* group.initial.rebalance.delay.ms */
    int32_t max_size;                   /* group.max.size */
    int32_t offset_metadata_max_bytes;  /* offset.metadata.max.bytes */
    int64_t offsets_retention_ms;       /* offsets.retention.minutes × 60,000 */
    int64_t offsets_retention_check_ms; /* offsets.retention.check.interval.ms */
    int32_t commit_timeout_ms;          /* offsets.commit.timeout.ms */
    /* Consumer groups: */
    int32_t consumer_session_timeout_ms;        /* group.consumer.session.timeout.ms */
    int32_t consumer_heartbeat_interval_ms;     /* group.consumer.heartbeat.interval.ms */
    int32_t consumer_min_session_timeout_ms;    /* group.consumer.min.session.timeout.ms */
    int32_t consumer_max_session_timeout_ms;    /* group.consumer.max.session.timeout.ms */
    int32_t consumer_min_heartbeat_interval_ms; /* group.consumer.min.heartbeat.interval.ms */
    int32_t consumer_max_heartbeat_interval_ms; /* group.consumer.max.heartbeat.interval.ms */
    int32_t consumer_max_size;                  /* group.consumer.max.size */
    const char *consumer_assignor; /* the first of group.consumer.assignors: "uniform", "range" */
    bool consumer_upgrade;         /* group.consumer.migration.policy: BIDIRECTIONAL, UPGRADE */
    bool consumer_downgrade;       /* BIDIRECTIONAL, DOWNGRADE */
    /* For member ids. From the system's random generator, another one for every shard made: ids
     * must not repeat after a failover. */
    uint64_t seed;
};

/* Kafka's defaults; seed 0. */
struct group_config group_config_defaults(void);

/* ---- effects ---- */

struct group_record {
    struct slice key;
    struct slice value; /* null: a tombstone */
};

struct group_append {
    struct group_append *next;
    uint64_t id;            /* for group_shard_append_done() */
    int64_t producer_id;    /* >= 0: a transactional batch of this producer; else -1 */
    int16_t producer_epoch; /* -1 without producer */
    struct group_record *records;
    size_t records_count; /* at least 1 */
};

struct group_reply {
    struct group_reply *next;
    void *token;
    int16_t api_key;
    int16_t version;
    const void *body; /* struct wire_…_response of api_key */
};

/* `struct group_effects out = {0};` … group_effects_clear(&out). Steps only add, so one structure
 * can gather several steps. Everything it points to lives until it is cleared. */
struct group_effects {
    struct group_append *appends;
    struct group_reply *replies;
    struct arena arena;
    /* private */
    struct group_append *appends_last;
    struct group_reply *replies_last;
    struct group_pending_append *spent;
};

void group_effects_clear(struct group_effects *out);

/* ---- life ---- */

/* `log` may be NULL; it and nothing else is borrowed. Never NULL. */
struct group_shard *group_shard_new(const struct group_config *config, const struct log *log);

/* Nothing may be parked: unload first, unless no request was ever given. */
void group_shard_free(struct group_shard *shard);

/* Applies one record of the log while LOADING; value null = tombstone; producer_id -1, or that of
 * its transactional batch. Unknown record types are skipped.
 * Errors: CORRUPT (logged; the shard is unchanged and loading can go on). */
enum err MUST_USE group_shard_replay(struct group_shard *shard, int64_t producer_id,
                                     struct slice key, struct slice value);

/* A transaction marker: at load for every one in the log, later when one has committed. Pending
 * offsets of the producer become committed or vanish. */
void group_shard_end_transaction(struct group_shard *shard, int64_t producer_id, bool commit);

/* All records are replayed: sessions of the loaded members begin now. */
void group_shard_loaded(struct group_shard *shard, struct group_time now,
                        struct group_effects *out);

/* Answers everything parked with NOT_COORDINATOR; later requests get that too. */
void group_shard_unload(struct group_shard *shard, struct group_effects *out);

/* ---- events ---- */

struct group_request {
    void *token; /* the driver's name of the request, given back in the reply */
    int16_t api_key;
    int16_t version;
    struct slice client_id;   /* null is taken as empty */
    struct slice client_host; /* Kafka's form: "/127.0.0.1" */
    const void *body;         /* struct wire_…_request of api_key; borrowed for the call */
};

/* JoinGroup, SyncGroup, Heartbeat, LeaveGroup, ConsumerGroupHeartbeat, OffsetCommit,
 * TxnOffsetCommit, OffsetDelete, DeleteGroups; another api_key is a bug of the caller (asserted).
 * The answer may come in this call's effects or in those of a later event.
 *
 * The caller has already: checked the version, authorised, left out topics that are not authorised
 * or do not exist (and merges its own errors for those into the answer). OffsetCommit v10 names
 * topics by id: the caller fills `name` before; the answer carries both. DeleteGroups for groups
 * of several shards: one request for each shard with its own token; the caller joins the results.
 *
 * Errors go into the response. In ACTIVE they are exactly those of Apache Kafka's coordinator;
 * while LOADING COORDINATOR_LOAD_IN_PROGRESS (Heartbeat: NONE, as Kafka does, so that members do
 * not leave), after unload NOT_COORDINATOR. */
void group_shard_request(struct group_shard *shard, const struct group_request *request,
                         struct group_time now, struct group_effects *out);

/* Answers a request of these APIs with one error for all of it, in the form its version wants. For
 * the driver: no shard here (NOT_COORDINATOR), no authorisation, and so on. */
void group_refuse(const struct group_request *request, enum err error, struct group_effects *out);

/* Runs what is due at `now`: sessions, rebalances, expiry of offsets. */
void group_shard_tick(struct group_shard *shard, struct group_time now, struct group_effects *out);

/* Monotonic time of the next tick; INT64_MAX: none. */
int64_t group_shard_deadline(const struct group_shard *shard);

/* The fate of an append, see above. An unknown id is ignored (the shard was unloaded). */
void group_shard_append_done(struct group_shard *shard, uint64_t append_id, enum err error,
                             struct group_time now, struct group_effects *out);

/* The topics that there are, for consumer groups; takes a reference. Allowed in every phase.
 * topics_changed: since the last image a topic has come, gone, or got partitions; groups look at
 * their subscriptions again at their members' next heartbeats. They do so after the first image in
 * any case. Nothing else of an image matters to them: leaders and racks may change unseen. */
void group_shard_set_image(struct group_shard *shard, const struct metadata_image *image,
                           bool topics_changed);

/* Topics no longer exist: writes tombstones for their offsets in every group. */
void group_shard_topics_deleted(struct group_shard *shard, const struct slice *topics,
                                size_t topics_count, struct group_time now,
                                struct group_effects *out);

/* ---- queries: answered at once, nothing changes; strings are copied to `arena` ---- */

/* One entry of a DescribeGroups response. authorized_operations is left at INT32_MIN for the
 * caller to set. A missing group is "Dead" without error below version 6, GROUP_ID_NOT_FOUND from
 * there on. */
void group_shard_describe(const struct group_shard *shard, struct slice group_id, int16_t version,
                          struct arena *arena, struct wire_describe_groups_response_groups *out);

/* One entry of a ConsumerGroupDescribe response. Errors in it: GROUP_ID_NOT_FOUND (also for classic
 * groups), COORDINATOR_LOAD_IN_PROGRESS, NOT_COORDINATOR. */
void group_shard_describe_consumer(const struct group_shard *shard, struct slice group_id,
                                   struct arena *arena,
                                   struct wire_consumer_group_describe_response_groups *out);

/* Groups of this shard that pass the request's filters (states and types, case-insensitive).
 * Errors: COORDINATOR_LOAD_IN_PROGRESS, NOT_COORDINATOR (the caller skips the shard). */
enum err MUST_USE group_shard_list(const struct group_shard *shard,
                                   const struct wire_list_groups_request *request,
                                   struct arena *arena,
                                   struct wire_list_groups_response_groups **groups,
                                   size_t *groups_count);

/* Committed offsets of one group, in the form of version 8 and up; topics null means all.
 * With require_stable a partition whose commit is not decided yet (an append or a transaction is
 * open) gets UNSTABLE_OFFSET_COMMIT. Version 10 names topics by id: the caller fills `name`
 * before, and the ids of an answer to "all topics". */
void group_shard_offset_fetch(const struct group_shard *shard,
                              const struct wire_offset_fetch_request_groups *request,
                              bool require_stable, struct arena *arena,
                              struct wire_offset_fetch_response_groups *out);

/* A request below version 8 as the one group of version 8, and its answer back again. An error of
 * the group is put into each partition below version 2, as there is no other place. */
void group_offset_fetch_upgrade(const struct wire_offset_fetch_request *request,
                                struct arena *arena, struct wire_offset_fetch_request_groups *out);
void group_offset_fetch_downgrade(const struct wire_offset_fetch_request_groups *request,
                                  const struct wire_offset_fetch_response_groups *answer,
                                  int16_t version, struct arena *arena,
                                  struct wire_offset_fetch_response *out);

/* The partition of `__consumer_offsets` that owns a group: Java's String.hashCode() over UTF-16,
 * absolute (the minimum counts as 0), modulo `partitions`, which must be > 0. */
int32_t group_partition_for(struct slice group_id, int32_t partitions);

/* Numbers for metrics. */
struct group_shard_stats {
    size_t groups;
    size_t groups_by_state[5]; /* Empty, PreparingRebalance, CompletingRebalance, Stable, Dead */
    size_t members;
    size_t offsets;
    size_t parked;           /* requests that wait for an answer */
    uint64_t rebalances;     /* assignments completed since the shard was made */
    uint64_t offset_commits; /* records */
    uint64_t offsets_expired;
};
void group_shard_stats(const struct group_shard *shard, struct group_shard_stats *out);

/* Asserts every invariant of every group (O(all)); for tests and simulations. */
void group_shard_verify(const struct group_shard *shard);

/* A canonical text of everything that a reload restores (groups, members, assignments, offsets),
 * sorted; two shards with equal texts are equal but for soft state. For tests and debugging. */
void group_shard_dump(const struct group_shard *shard, struct buf *out);

#endif
