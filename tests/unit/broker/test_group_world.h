/* The world of test_group_random.c: clients that follow the protocol, the log, the promises that
 * every generation must keep. */
#ifndef TEST_GROUP_WORLD_H
#define TEST_GROUP_WORLD_H

#include <stdio.h>

#include "base/list.h"
#include "base/map.h"
#include "base/prng.h"
#include "tests/unit/broker/test_group_fixture.h"

enum {
    CLIENTS = 9,
    GROUPS = 3,
    PARTITIONS = 4,
    STEP_MS = 50,
};

enum client_state { DOWN, WANT_JOIN, JOINING, WANT_SYNC, SYNCING, MEMBER };

struct client {
    int number;
    char instance[32]; /* "": dynamic */
    int16_t join_version;
    const char *protocols;
    enum client_state state;
    int life; /* answers to a former life are nobody's */
    char member_id[128];
    int32_t generation;
    char protocol[32];
    bool leader;
    bool skip_assignment;
    char others[CLIENTS * 2][128]; /* the members that a leader assigns to */
    int others_count;
    int64_t wake_ms;      /* when it does something next */
    int64_t heartbeat_ms; /* a member's next heartbeat */
    size_t waiting;       /* token */
};

/* A request's token: answered exactly once. */
struct token {
    int client;
    int life;
    int answers;
    enum wire_api api;
    int64_t offset; /* of an OffsetCommit */
    int partition;
};

struct open_append {
    struct list node;
    uint64_t id;
    int64_t due_ms;
    size_t count;
    struct group_record *records; /* owned, with their bytes */
};

struct logged {
    struct slice key;
    struct slice value;
};

/* What one generation of one group must agree upon. */
struct promise {
    char key[64];
    char text[64];
};

struct world {
    struct prng prng;
    struct group_config config;
    struct group_shard *shard;
    int coordinator; /* counts take-overs */
    struct group_time now;
    struct group_effects out;
    struct arena arena;
    bool wild;
    struct client clients[CLIENTS];
    struct token *tokens;
    size_t tokens_count;
    size_t tokens_cap;
    struct list appends; /* struct open_append */
    struct logged *log;
    size_t log_count;
    size_t log_cap;
    int lives[GROUPS];         /* of each group: deletions */
    int32_t persisted[GROUPS]; /* the newest generation in the log */
    struct map promises;
    uint64_t assignments;
    size_t stable_syncs;
    size_t commits;
};

static const char *group_name(int client)
{
    static const char *const NAMES[GROUPS] = {"red", "green", "blue"};
    return NAMES[client % GROUPS];
}

static int group_number(struct slice name)
{
    return slice_eq_str(name, "red") ? 0 : slice_eq_str(name, "green") ? 1 : 2;
}

static bool chance(struct world *w, uint64_t per_mille)
{
    return w->wild && prng_chance(&w->prng, per_mille, 1000);
}

/* The same key always gets the same text. */
static void promise(struct world *w, const char *key, const char *text)
{
    struct promise *p = map_get(&w->promises, slice_str(key));
    if (p == NULL) {
        p = ARENA_NEW(&w->arena, struct promise);
        snprintf(p->key, sizeof p->key, "%s", key);
        snprintf(p->text, sizeof p->text, "%s", text);
        map_put(&w->promises, slice_str(p->key), p);
    }
    ck_assert_msg(strcmp(p->text, text) == 0, "%s was %s, is %s", key, p->text, text);
}

/* ---- the log ---- */

static void absorb(struct world *w);

static void log_record(struct world *w, struct group_record r)
{
    if (w->log_count == w->log_cap) {
        w->log_cap = max_size(1024, w->log_cap * 2);
        w->log = mem_realloc(w->log, w->log_cap * sizeof *w->log);
    }
    w->log[w->log_count++] =
        (struct logged){arena_dup(&w->arena, r.key), arena_dup(&w->arena, r.value)};
    struct reader key = reader_of(r.key);
    if (reader_i16(&key) != 2) {
        return;
    }
    int g = group_number(reader_bytes(&key, (size_t)reader_i16(&key)));
    if (slice_is_null(r.value)) {
        w->lives[g]++;
        w->persisted[g] = 0;
        return;
    }
    struct arena arena = {0};
    struct reader value = reader_of(r.value);
    int16_t version = reader_i16(&value);
    struct wire_group_metadata_value v;
    ck_assert_int_eq(
        wire_decode_prefix(&wire_msg_group_metadata_value, version, &value, &arena, &v), ERR_NONE);
    ck_assert_msg(v.generation >= w->persisted[g], "generation %d after %d", v.generation,
                  w->persisted[g]);
    w->persisted[g] = v.generation;
    arena_fini(&arena);
}

static void free_append(struct open_append *a)
{
    list_remove(&a->node);
    for (size_t i = 0; i < a->count; i++) {
        mem_free((void *)(uintptr_t)a->records[i].key.data);
        mem_free((void *)(uintptr_t)a->records[i].value.data);
    }
    mem_free(a->records);
    mem_free(a);
}

static struct slice own(struct slice s)
{
    return slice_of(slice_dup_str(s), s.len);
}

static void take_append(struct world *w, const struct group_append *from)
{
    struct open_append *a = MEM_NEW(struct open_append);
    a->id = from->id;
    a->due_ms = w->now.mono_ms + (int64_t)prng_below(&w->prng, chance(w, 20) ? 8000 : 100);
    a->count = from->records_count;
    a->records = mem_zalloc(a->count, sizeof *a->records);
    for (size_t i = 0; i < a->count; i++) {
        a->records[i] =
            (struct group_record){own(from->records[i].key), own(from->records[i].value)};
    }
    list_add_tail(&w->appends, &a->node);
}

static void commit_append(struct world *w, struct open_append *a, bool tell)
{
    for (size_t i = 0; i < a->count; i++) {
        log_record(w, a->records[i]);
    }
    uint64_t id = a->id;
    free_append(a);
    if (tell) {
        group_shard_append_done(w->shard, id, ERR_NONE, w->now, &w->out);
        group_shard_verify(w->shard);
        absorb(w);
    }
}

/* Commits go in order; a refusal comes at once. */
static void run_log(struct world *w)
{
    while (!list_empty(&w->appends)) {
        struct open_append *a = LIST_ENTRY(w->appends.next, struct open_append, node);
        if (a->due_ms > w->now.mono_ms) {
            return;
        }
        commit_append(w, a, true);
    }
}

static void refuse_append(struct world *w)
{
    struct open_append *a = LIST_ENTRY(w->appends.prev, struct open_append, node);
    uint64_t id = a->id;
    free_append(a);
    group_shard_append_done(w->shard, id, ERR_NOT_ENOUGH_REPLICAS, w->now, &w->out);
    group_shard_verify(w->shard);
    absorb(w);
}

/* ---- requests ---- */

static size_t send(struct world *w, struct client *c, enum wire_api api, int16_t version,
                   const void *body)
{
    if (w->tokens_count == w->tokens_cap) {
        w->tokens_cap = max_size(1024, w->tokens_cap * 2);
        w->tokens = mem_realloc(w->tokens, w->tokens_cap * sizeof *w->tokens);
    }
    size_t token = w->tokens_count++;
    w->tokens[token] = (struct token){.client = c->number, .life = c->life, .api = api};
    char name[16];
    snprintf(name, sizeof name, "c%d", c->number);
    struct group_request rq = {.token = (void *)(uintptr_t)token,
                               .api_key = (int16_t)api,
                               .version = version,
                               .client_id = slice_str(name),
                               .client_host = slice_str("/sim"),
                               .body = body};
    group_shard_request(w->shard, &rq, w->now, &w->out);
    group_shard_verify(w->shard);
    return token;
}

static struct slice instance_of(const struct client *c)
{
    return c->instance[0] == '\0' ? SLICE_NULL : slice_str(c->instance);
}

static void send_join(struct world *w, struct client *c)
{
    struct wire_join_group_request body;
    wire_init(&wire_msg_join_group_request, &body);
    body.group_id = slice_str(group_name(c->number));
    body.member_id = slice_str(c->member_id);
    body.group_instance_id = instance_of(c);
    body.protocol_type = slice_str("consumer");
    body.session_timeout_ms = 10000;
    body.rebalance_timeout_ms = 20000;
    struct wire_join_group_request_protocols protocols[4];
    body.protocols = protocols;
    body.protocols_count = 0;
    char metadata[32];
    snprintf(metadata, sizeof metadata, "%d", chance(w, 50) ? c->life : 0);
    for (const char *p = c->protocols; *p != '\0'; p++) {
        protocols[body.protocols_count++] =
            (struct wire_join_group_request_protocols){slice_of(p, 1), slice_str(metadata)};
    }
    c->state = JOINING;
    c->wake_ms = w->now.mono_ms + 30000; /* then it asks again */
    c->waiting = send(w, c, WIRE_API_JOIN_GROUP, c->join_version, &body);
    absorb(w);
}

static void send_sync(struct world *w, struct client *c)
{
    struct wire_sync_group_request body;
    wire_init(&wire_msg_sync_group_request, &body);
    body.group_id = slice_str(group_name(c->number));
    body.member_id = slice_str(c->member_id);
    body.group_instance_id = instance_of(c);
    body.generation_id = c->generation;
    body.protocol_type = slice_str("consumer");
    body.protocol_name = slice_str(c->protocol);
    struct wire_sync_group_request_assignments list[CLIENTS * 2];
    char text[64];
    body.assignments = list;
    body.assignments_count = 0;
    if (c->leader && !c->skip_assignment) {
        snprintf(text, sizeof text, "assignment %" PRIu64, ++w->assignments);
        for (int i = 0; i < c->others_count; i++) {
            list[body.assignments_count++] = (struct wire_sync_group_request_assignments){
                slice_str(c->others[i]), slice_str(text)};
        }
    }
    c->state = SYNCING;
    c->wake_ms = w->now.mono_ms + 30000;
    c->waiting = send(w, c, WIRE_API_SYNC_GROUP, 5, &body);
    absorb(w);
}

static void send_heartbeat(struct world *w, struct client *c)
{
    struct wire_heartbeat_request body = {slice_str(group_name(c->number)), c->generation,
                                          slice_str(c->member_id), instance_of(c)};
    c->heartbeat_ms = w->now.mono_ms + 3000;
    send(w, c, WIRE_API_HEARTBEAT, 4, &body);
    absorb(w);
}

static void send_commit(struct world *w, struct client *c)
{
    struct wire_offset_commit_request_topics_partitions p;
    wire_init(&wire_msg_offset_commit_request_topics_partitions, &p);
    p.partition_index = (int32_t)prng_below(&w->prng, PARTITIONS);
    p.committed_offset = (int64_t)w->tokens_count;
    struct wire_offset_commit_request_topics t;
    wire_init(&wire_msg_offset_commit_request_topics, &t);
    t.name = slice_str("t");
    t.partitions = &p;
    t.partitions_count = 1;
    struct wire_offset_commit_request body;
    wire_init(&wire_msg_offset_commit_request, &body);
    body.group_id = slice_str(group_name(c->number));
    body.member_id = slice_str(c->member_id);
    body.group_instance_id = instance_of(c);
    body.generation_id_or_member_epoch = c->generation;
    body.topics = &t;
    body.topics_count = 1;
    size_t token = send(w, c, WIRE_API_OFFSET_COMMIT, 9, &body);
    w->tokens[token].offset = p.committed_offset;
    w->tokens[token].partition = p.partition_index;
    absorb(w);
}

static void send_leave(struct world *w, struct client *c)
{
    struct wire_leave_group_request_members who = {slice_str(c->member_id), instance_of(c),
                                                   SLICE_NULL};
    struct wire_leave_group_request body = {
        .group_id = slice_str(group_name(c->number)), .members = &who, .members_count = 1};
    send(w, c, WIRE_API_LEAVE_GROUP, 5, &body);
    absorb(w);
}

static void send_delete(struct world *w, struct client *c)
{
    struct slice name = slice_str(group_name(c->number));
    struct wire_delete_groups_request body = {&name, 1};
    send(w, c, WIRE_API_DELETE_GROUPS, 2, &body);
    absorb(w);
}

/* ---- answers ---- */

static void begin_again(struct world *w, struct client *c, bool forget_id)
{
    if (forget_id) {
        c->member_id[0] = '\0';
    }
    c->state = WANT_JOIN;
    c->wake_ms = w->now.mono_ms + (int64_t)prng_below(&w->prng, 500);
}

static bool id_is_lost(int16_t error)
{
    return error == ERR_UNKNOWN_MEMBER_ID || error == ERR_FENCED_INSTANCE_ID ||
           error == ERR_ILLEGAL_GENERATION;
}

static void copy_text(char *to, size_t size, struct slice from)
{
    snprintf(to, size, "%.*s", SLICE_ARG(from));
}

static void joined(struct world *w, struct client *c, const struct wire_join_group_response *r)
{
    if (r->error_code == ERR_MEMBER_ID_REQUIRED) {
        copy_text(c->member_id, sizeof c->member_id, r->member_id);
        c->state = WANT_JOIN;
        c->wake_ms = w->now.mono_ms;
        return;
    }
    if (r->error_code != 0) {
        ck_assert_int_ne(r->error_code, ERR_INCONSISTENT_GROUP_PROTOCOL);
        begin_again(w, c, id_is_lost(r->error_code));
        return;
    }
    copy_text(c->member_id, sizeof c->member_id, r->member_id);
    copy_text(c->protocol, sizeof c->protocol, r->protocol_name);
    c->generation = r->generation_id;
    c->leader = slice_eq(r->leader, r->member_id);
    c->skip_assignment = r->skip_assignment;
    c->others_count = 0;
    bool listed = false;
    for (int i = 0; i < r->members_count; i++) {
        listed = listed || slice_eq(r->members[i].member_id, r->member_id);
        copy_text(c->others[c->others_count++], sizeof c->others[0], r->members[i].member_id);
    }
    ck_assert_int_eq(listed, c->leader);
    char key[64];
    snprintf(key, sizeof key, "protocol %d %s %d %d", w->coordinator, group_name(c->number),
             w->lives[c->number % GROUPS], c->generation);
    promise(w, key, c->protocol);
    c->state = WANT_SYNC;
    c->wake_ms = w->now.mono_ms + (int64_t)prng_below(&w->prng, 300);
}

static void synced(struct world *w, struct client *c, const struct wire_sync_group_response *r,
                   int32_t generation)
{
    if (r->error_code != 0) {
        begin_again(w, c, id_is_lost(r->error_code));
        return;
    }
    char key[64];
    char text[64];
    snprintf(key, sizeof key, "assignment %s %d %d", group_name(c->number),
             w->lives[c->number % GROUPS], generation);
    copy_text(text, sizeof text, r->assignment);
    ck_assert_msg(text[0] != '\0', "an assignment for everybody");
    promise(w, key, text);
    w->stable_syncs++;
    c->state = MEMBER;
    c->heartbeat_ms = w->now.mono_ms + 3000;
}

static void heartbeat_answered(struct world *w, struct client *c, int16_t error)
{
    if (c->state != MEMBER || error == 0) {
        return;
    }
    if (error == ERR_REBALANCE_IN_PROGRESS || id_is_lost(error)) {
        begin_again(w, c, id_is_lost(error));
    }
}

static void answer(struct world *w, const struct group_reply *reply)
{
    struct token *t = &w->tokens[(size_t)(uintptr_t)reply->token];
    ck_assert_int_eq(t->answers, 0);
    t->answers++;
    ck_assert_int_eq(reply->api_key, t->api);
    struct buf bytes = {0};
    ck_assert_int_eq(
        wire_encode(wire_response(reply->api_key), reply->version, reply->body, &bytes), ERR_NONE);
    buf_fini(&bytes);
    struct client *c = &w->clients[t->client];
    size_t token = (size_t)(uintptr_t)reply->token;
    if (t->life != c->life) {
        return;
    }
    if (t->api == WIRE_API_JOIN_GROUP && c->state == JOINING && c->waiting == token) {
        joined(w, c, reply->body);
    } else if (t->api == WIRE_API_SYNC_GROUP && c->state == SYNCING && c->waiting == token) {
        synced(w, c, reply->body, c->generation);
    } else if (t->api == WIRE_API_HEARTBEAT) {
        heartbeat_answered(w, c, ((const struct wire_heartbeat_response *)reply->body)->error_code);
    } else if (t->api == WIRE_API_OFFSET_COMMIT) {
        const struct wire_offset_commit_response *r = reply->body;
        w->commits += r->topics[0].partitions[0].error_code == 0;
    }
}

static void absorb(struct world *w)
{
    struct group_effects out = w->out;
    w->out = (struct group_effects){0};
    for (const struct group_append *a = out.appends; a != NULL; a = a->next) {
        take_append(w, a);
    }
    bool refuse = out.appends != NULL && chance(w, 30);
    for (const struct group_reply *r = out.replies; r != NULL; r = r->next) {
        answer(w, r);
    }
    group_effects_clear(&out);
    if (refuse && !list_empty(&w->appends)) {
        refuse_append(w);
    }
}

#endif
