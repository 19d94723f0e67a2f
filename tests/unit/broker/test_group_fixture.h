/* A driver of one group shard for the tests: a log of records in memory, requests and replies that
 * go through the wire codec of their version, the invariants checked after every step. */
#ifndef TEST_GROUP_FIXTURE_H
#define TEST_GROUP_FIXTURE_H

#include <check.h>
#include <stdlib.h>

#include "base/mem.h"
#include "broker/group/group.h"
#include "wire/wire.h"

enum { FIX_MAX = 4096 };

struct fix_record {
    struct slice key;
    struct slice value;
    int64_t producer_id;
};

struct fix_append {
    uint64_t id;
    size_t first; /* in `written` */
    size_t count;
    bool open;
};

struct fix {
    struct group_config config;
    struct group_shard *shard;
    struct group_time now;
    struct group_effects out;
    struct arena arena;
    bool hold; /* appends stay open until fix_commit() or fix_fail() */
    struct fix_record written[FIX_MAX];
    size_t written_count;
    bool lost[FIX_MAX]; /* the record did not get into the log */
    struct fix_append appends[FIX_MAX];
    size_t appends_count;
    const void *replies[FIX_MAX]; /* by token */
    int16_t reply_api[FIX_MAX];
    size_t tokens;
};

static inline void fix_absorb(struct fix *f);

static inline void fix_settle(struct fix *f, struct fix_append *a, enum err error)
{
    ck_assert(a->open);
    a->open = false;
    for (size_t i = 0; error != ERR_NONE && i < a->count; i++) {
        f->lost[a->first + i] = true;
    }
    group_shard_append_done(f->shard, a->id, error, f->now, &f->out);
    group_shard_verify(f->shard);
    fix_absorb(f);
}

static inline void fix_take_reply(struct fix *f, const struct group_reply *reply)
{
    size_t token = (size_t)(uintptr_t)reply->token;
    ck_assert_uint_lt(token, f->tokens);
    ck_assert_msg(f->replies[token] == NULL, "token %zu is answered twice", token);
    const struct wire_message *m = wire_response(reply->api_key);
    struct buf bytes = {0};
    ck_assert_int_eq(wire_encode(m, reply->version, reply->body, &bytes), ERR_NONE);
    struct slice copy = arena_dup(&f->arena, buf_slice(&bytes));
    void *body = wire_new(m, &f->arena);
    ck_assert_int_eq(wire_decode(m, reply->version, copy, &f->arena, body), ERR_NONE);
    f->replies[token] = body;
    f->reply_api[token] = reply->api_key;
    buf_fini(&bytes);
}

static inline void fix_take_append(struct fix *f, const struct group_append *append)
{
    ck_assert_uint_lt(f->appends_count, FIX_MAX);
    ck_assert_uint_gt(append->records_count, 0);
    struct fix_append *a = &f->appends[f->appends_count++];
    *a = (struct fix_append){append->id, f->written_count, append->records_count, true};
    for (size_t i = 0; i < append->records_count; i++) {
        ck_assert_uint_lt(f->written_count, FIX_MAX);
        f->written[f->written_count++] = (struct fix_record){
            arena_dup(&f->arena, append->records[i].key),
            arena_dup(&f->arena, append->records[i].value), append->producer_id};
    }
}

/* Obeys the effects as a driver would. */
static inline void fix_absorb(struct fix *f)
{
    struct group_append *append = f->out.appends;
    struct group_reply *reply = f->out.replies;
    for (; append != NULL; append = append->next) {
        fix_take_append(f, append);
    }
    for (; reply != NULL; reply = reply->next) {
        fix_take_reply(f, reply);
    }
    group_effects_clear(&f->out);
    for (size_t i = 0; !f->hold && i < f->appends_count; i++) {
        if (f->appends[i].open) {
            fix_settle(f, &f->appends[i], ERR_NONE);
        }
    }
}

/* All open appends get their fate, in log order. */
static inline void fix_decide(struct fix *f, enum err error)
{
    size_t count = f->appends_count;
    for (size_t i = 0; i < count; i++) {
        if (f->appends[i].open) {
            fix_settle(f, &f->appends[i], error);
        }
    }
}

static inline struct fix *fix_raw(void)
{
    struct fix *f = MEM_NEW(struct fix);
    f->config = group_config_defaults();
    f->config.initial_rebalance_delay_ms = 0;
    f->config.seed = 1;
    f->now = (struct group_time){.mono_ms = 1000, .wall_ms = INT64_C(1700000000000)};
    f->tokens = 1;
    return f;
}

static inline void fix_start(struct fix *f)
{
    f->shard = group_shard_new(&f->config, NULL);
    for (size_t i = 0; i < f->written_count; i++) {
        if (!f->lost[i]) {
            ck_assert_int_eq(group_shard_replay(f->shard, f->written[i].producer_id,
                                                f->written[i].key, f->written[i].value),
                             ERR_NONE);
        }
    }
    group_shard_loaded(f->shard, f->now, &f->out);
    group_shard_verify(f->shard);
    fix_absorb(f);
}

static inline struct fix *fix_new(void)
{
    struct fix *f = fix_raw();
    fix_start(f);
    return f;
}

static inline void fix_stop(struct fix *f)
{
    group_shard_unload(f->shard, &f->out);
    f->hold = true;
    fix_absorb(f);
    f->hold = false;
    group_shard_free(f->shard);
    f->shard = NULL;
    for (size_t i = 0; i < f->appends_count; i++) {
        f->appends[i].open = false; /* what was written stays in the log */
    }
}

/* Another coordinator takes over with what is in the log. */
static inline void fix_failover(struct fix *f)
{
    fix_stop(f);
    f->config.seed++;
    fix_start(f);
}

static inline void fix_free(struct fix *f)
{
    if (f->shard != NULL) {
        fix_stop(f);
    }
    arena_fini(&f->arena);
    mem_free(f);
}

/* Time passes, with a tick at every deadline on the way. */
static inline void fix_pass(struct fix *f, int64_t ms)
{
    int64_t end = f->now.mono_ms + ms;
    for (;;) {
        int64_t next = min_i64(group_shard_deadline(f->shard), end);
        next = max_i64(next, f->now.mono_ms);
        f->now.wall_ms += next - f->now.mono_ms;
        f->now.mono_ms = next;
        group_shard_tick(f->shard, f->now, &f->out);
        group_shard_verify(f->shard);
        fix_absorb(f);
        if (f->now.mono_ms == end && group_shard_deadline(f->shard) > end) {
            return;
        }
    }
}

/* Through the codec, so that the shard sees what a client of that version can say. */
static inline size_t fix_send(struct fix *f, enum wire_api api, int16_t version, const void *body)
{
    const struct wire_message *m = wire_request((int16_t)api);
    struct buf bytes = {0};
    ck_assert_int_eq(wire_encode(m, version, body, &bytes), ERR_NONE);
    struct arena arena = {0};
    void *decoded = wire_new(m, &arena);
    ck_assert_int_eq(wire_decode(m, version, buf_slice(&bytes), &arena, decoded), ERR_NONE);
    ck_assert_uint_lt(f->tokens, FIX_MAX);
    size_t token = f->tokens++;
    struct group_request rq = {.token = (void *)(uintptr_t)token,
                               .api_key = (int16_t)api,
                               .version = version,
                               .client_id = slice_str("client"),
                               .client_host = slice_str("/127.0.0.1"),
                               .body = decoded};
    group_shard_request(f->shard, &rq, f->now, &f->out);
    group_shard_verify(f->shard);
    arena_fini(&arena);
    buf_fini(&bytes);
    fix_absorb(f);
    return token;
}

static inline const void *fix_reply(const struct fix *f, size_t token, enum wire_api api)
{
    if (f->replies[token] != NULL) {
        ck_assert_int_eq(f->reply_api[token], api);
    }
    return f->replies[token];
}

/* ---- requests in short ---- */

struct fix_join {
    const char *group;     /* "g" */
    const char *member;    /* "" */
    const char *instance;  /* none */
    const char *type;      /* "consumer" */
    const char *protocols; /* "range", or several with commas */
    const char *topics;    /* subscribed topic, "t" */
    int32_t session_ms;    /* 10000 */
    int32_t rebalance_ms;  /* 60000 */
    int version;           /* 9 */
    bool version_0;        /* really 0 */
};

static inline struct slice fix_subscription(struct fix *f, const char *topic)
{
    struct slice names[1] = {slice_str(topic)};
    struct wire_consumer_protocol_subscription s;
    wire_init(&wire_msg_consumer_protocol_subscription, &s);
    s.topics = names;
    s.topics_count = 1;
    struct buf bytes = {0};
    buf_put_i16(&bytes, 1);
    ck_assert_int_eq(wire_encode(&wire_msg_consumer_protocol_subscription, 1, &s, &bytes),
                     ERR_NONE);
    struct slice copy = arena_dup(&f->arena, buf_slice(&bytes));
    buf_fini(&bytes);
    return copy;
}

static inline size_t fix_join_now(struct fix *f, struct fix_join a)
{
    struct wire_join_group_request body;
    wire_init(&wire_msg_join_group_request, &body);
    body.group_id = slice_str(a.group == NULL ? "g" : a.group);
    body.member_id = slice_str(a.member == NULL ? "" : a.member);
    body.group_instance_id = slice_str(a.instance);
    body.protocol_type = slice_str(a.type == NULL ? "consumer" : a.type);
    body.session_timeout_ms = a.session_ms == 0 ? 10000 : a.session_ms;
    body.rebalance_timeout_ms = a.rebalance_ms == 0 ? 60000 : a.rebalance_ms;
    struct wire_join_group_request_protocols protocols[8];
    const char *names = a.protocols == NULL ? "range" : a.protocols;
    body.protocols = protocols;
    body.protocols_count = 0;
    while (*names != '\0') {
        size_t len = strcspn(names, ",");
        protocols[body.protocols_count++] = (struct wire_join_group_request_protocols){
            slice_of(names, len), fix_subscription(f, a.topics == NULL ? "t" : a.topics)};
        names += len + (names[len] == ',');
    }
    int version = a.version_0 ? 0 : a.version == 0 ? 9 : a.version;
    return fix_send(f, WIRE_API_JOIN_GROUP, (int16_t)version, &body);
}

static inline const struct wire_join_group_response *fix_joined(const struct fix *f, size_t token)
{
    return fix_reply(f, token, WIRE_API_JOIN_GROUP);
}

/* A NUL-terminated copy that lives as long as the fixture. */
static inline const char *fix_str(struct fix *f, struct slice s)
{
    return arena_str(&f->arena, s);
}

/* The id that JoinGroup v4 gives out first. */
static inline const char *fix_member_id(struct fix *f, const char *group)
{
    size_t token = fix_join_now(f, (struct fix_join){.group = group});
    const struct wire_join_group_response *r = fix_joined(f, token);
    ck_assert_ptr_nonnull(r);
    ck_assert_int_eq(r->error_code, ERR_MEMBER_ID_REQUIRED);
    return fix_str(f, r->member_id);
}

struct fix_who {
    const char *group; /* "g" */
    const char *member;
    const char *instance;
    int32_t generation;
};

static inline struct slice fix_group(struct fix_who w)
{
    return slice_str(w.group == NULL ? "g" : w.group);
}

/* `assignments`: "member=bytes" pairs, NULL at the end. */
static inline size_t fix_sync(struct fix *f, struct fix_who w, const char *const *assignments)
{
    struct wire_sync_group_request body;
    wire_init(&wire_msg_sync_group_request, &body);
    body.group_id = fix_group(w);
    body.member_id = slice_str(w.member);
    body.group_instance_id = slice_str(w.instance);
    body.generation_id = w.generation;
    body.protocol_type = slice_str("consumer");
    body.protocol_name = slice_str("range");
    struct wire_sync_group_request_assignments list[16];
    body.assignments = list;
    body.assignments_count = 0;
    for (size_t i = 0; assignments != NULL && assignments[i] != NULL; i += 2) {
        list[body.assignments_count++] = (struct wire_sync_group_request_assignments){
            slice_str(assignments[i]), slice_str(assignments[i + 1])};
    }
    return fix_send(f, WIRE_API_SYNC_GROUP, 5, &body);
}

static inline const struct wire_sync_group_response *fix_synced(const struct fix *f, size_t token)
{
    return fix_reply(f, token, WIRE_API_SYNC_GROUP);
}

static inline int fix_heartbeat(struct fix *f, struct fix_who w)
{
    struct wire_heartbeat_request body;
    wire_init(&wire_msg_heartbeat_request, &body);
    body.group_id = fix_group(w);
    body.member_id = slice_str(w.member);
    body.group_instance_id = slice_str(w.instance);
    body.generation_id = w.generation;
    const struct wire_heartbeat_response *r =
        fix_reply(f, fix_send(f, WIRE_API_HEARTBEAT, 4, &body), WIRE_API_HEARTBEAT);
    ck_assert_ptr_nonnull(r);
    return r->error_code;
}

/* The error of one member. */
static inline int fix_leave(struct fix *f, struct fix_who w)
{
    struct wire_leave_group_request body;
    wire_init(&wire_msg_leave_group_request, &body);
    body.group_id = fix_group(w);
    struct wire_leave_group_request_members who = {slice_str(w.member), slice_str(w.instance),
                                                   slice_str("test")};
    body.members = &who;
    body.members_count = 1;
    const struct wire_leave_group_response *r =
        fix_reply(f, fix_send(f, WIRE_API_LEAVE_GROUP, 5, &body), WIRE_API_LEAVE_GROUP);
    ck_assert_ptr_nonnull(r);
    return r->error_code != 0 ? r->error_code : r->members[0].error_code;
}

struct fix_commit {
    struct fix_who who;
    const char *topic; /* "t" */
    int32_t partition;
    int64_t offset;
    const char *metadata;
    int64_t retention_ms; /* 0: none */
    int version;          /* 9 */
};

static inline size_t fix_commit_send(struct fix *f, struct fix_commit c)
{
    struct wire_offset_commit_request body;
    wire_init(&wire_msg_offset_commit_request, &body);
    int version = c.version == 0 ? 9 : c.version;
    body.group_id = fix_group(c.who);
    body.generation_id_or_member_epoch = c.who.generation;
    body.member_id = slice_str(c.who.member == NULL ? "" : c.who.member);
    body.group_instance_id = slice_str(c.who.instance);
    if (c.retention_ms != 0) {
        body.retention_time_ms = c.retention_ms;
    }
    struct wire_offset_commit_request_topics_partitions p;
    wire_init(&wire_msg_offset_commit_request_topics_partitions, &p);
    p.partition_index = c.partition;
    p.committed_offset = c.offset;
    p.committed_metadata = slice_str(c.metadata);
    struct wire_offset_commit_request_topics t;
    wire_init(&wire_msg_offset_commit_request_topics, &t);
    t.name = slice_str(c.topic == NULL ? "t" : c.topic);
    t.partitions = &p;
    t.partitions_count = 1;
    body.topics = &t;
    body.topics_count = 1;
    return fix_send(f, WIRE_API_OFFSET_COMMIT, (int16_t)version, &body);
}

/* The error of the partition; 999 while there is no answer. */
static inline int fix_commit_error(const struct fix *f, size_t token)
{
    const struct wire_offset_commit_response *r = fix_reply(f, token, WIRE_API_OFFSET_COMMIT);
    return r == NULL ? 999 : r->topics[0].partitions[0].error_code;
}

static inline int fix_commit(struct fix *f, struct fix_commit c)
{
    return fix_commit_error(f, fix_commit_send(f, c));
}

/* The committed offset; -1: none; -1000 - code: an error. */
static inline int64_t fix_fetch(const struct fix *f, const char *group, const char *topic,
                                int32_t partition, bool require_stable)
{
    struct wire_offset_fetch_request_groups_topics t = {
        .name = slice_str(topic), .partition_indexes = &partition, .partition_indexes_count = 1};
    struct wire_offset_fetch_request_groups rq = {
        .group_id = slice_str(group), .member_epoch = -1, .topics = &t, .topics_count = 1};
    struct wire_offset_fetch_response_groups r;
    struct arena arena = {0};
    group_shard_offset_fetch(f->shard, &rq, require_stable, &arena, &r);
    int16_t error = r.error_code != 0 ? r.error_code : r.topics[0].partitions[0].error_code;
    int64_t offset = error != 0 ? -1000 - error : r.topics[0].partitions[0].committed_offset;
    arena_fini(&arena);
    return offset;
}

/* The state of the group as DescribeGroups names it. */
static inline const char *fix_state(struct fix *f, const char *group)
{
    struct wire_describe_groups_response_groups d;
    group_shard_describe(f->shard, slice_str(group), 5, &f->arena, &d);
    return fix_str(f, d.group_state);
}

/* A member in a Stable group of its own; its id. */
static inline const char *fix_stable_member(struct fix *f, const char *group)
{
    const char *id = fix_member_id(f, group);
    size_t token = fix_join_now(f, (struct fix_join){.group = group, .member = id});
    const struct wire_join_group_response *r = fix_joined(f, token);
    ck_assert_ptr_nonnull(r);
    ck_assert_int_eq(r->error_code, 0);
    const char *assignment[] = {id, "A", NULL};
    token =
        fix_sync(f, (struct fix_who){.group = group, .member = id, .generation = r->generation_id},
                 assignment);
    ck_assert_ptr_nonnull(fix_synced(f, token));
    ck_assert_int_eq(fix_synced(f, token)->error_code, 0);
    return id;
}

static inline int fix_run(TCase *tc)
{
    Suite *suite = suite_create("group");
    tcase_set_timeout(tc, 120);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

#endif
