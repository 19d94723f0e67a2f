/* A quorum of real nodes in one process: one loop, loopback, directories that are removed at the
 * end. Only for the tests of this folder. */
#ifndef TESTS_UNIT_RAFT_NODE_QUORUM_H
#define TESTS_UNIT_RAFT_NODE_QUORUM_H

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "net/net.h"
#include "raft/node/change.h"
#include "raft/node/node.h"
#include "store/store.h"

enum { MEMBERS_MAX = 5, WAIT_MS = 20000 };

struct member {
    struct quorum *quorum;
    int index;
    char dir[256];
    struct net_server *server;
    struct net_listener *listener;
    struct node *node;
    struct node_voter self;
    bool auto_join;
    bool old; /* does not know kraft.version */

    /* What it was told. */
    int64_t next;         /* the next offset due */
    struct buf committed; /* the values, one per line */
    int32_t last_epoch;   /* of the batch before `next` */
    int64_t last_append_ms;
    int snapshot_records; /* of the bootstrap snapshot */
    int loads;            /* of other snapshots */
    bool loading;
    int32_t leader_id;
    int32_t claimed; /* epoch, 0: none */
    int claims;
    int64_t claim_next;
    int fatal;
    bool shut;
};

struct quorum {
    struct net_loop *loop;
    const struct store_fs *fs; /* of the nodes */
    char dir[128];
    struct member members[MEMBERS_MAX];
    int voters;      /* at first */
    int controllers; /* with those that are no voters yet */
    int count;
    bool dynamic; /* voters in the bootstrap snapshot */
    bool named;   /* … and where they are in the settings, too */
    struct log log;
    struct node_timers timers;
    struct node_retention retention;
};

static inline void log_quietly(void *arg, enum log_level level, const char *line)
{
    (void)arg;
    if (level >= LOG_ERROR || getenv("CRAFT_TEST_LOG") != NULL) {
        fprintf(stderr, "%s\n", line);
    }
}

/* ---- what members hear ---- */

static inline void add_lines(struct member *member, const struct node_batch *batch)
{
    for (int i = 0; i < batch->count; i++) {
        buf_put_slice(&member->committed, batch->record_values[i]);
        buf_put_str(&member->committed, "\n");
    }
}

/* A snapshot of these tests has one record for each line. */
static inline void heard_snapshot_begin(void *arg, const struct node_snapshot_place *place)
{
    struct member *member = arg;
    ck_assert(place->end_offset > member->next || member->next == 0);
    ck_assert_int_eq(member->claimed, 0);
    buf_reset(&member->committed);
    member->loading = true;
}

static inline void heard_snapshot(void *arg, const struct node_batch *batch)
{
    struct member *member = arg;
    ck_assert(member->loading);
    ck_assert(!batch->control);
    add_lines(member, batch);
}

static inline void heard_snapshot_end(void *arg, const struct node_snapshot_place *place)
{
    struct member *member = arg;
    ck_assert(member->loading);
    member->loading = false;
    member->next = place->end_offset;
    member->last_epoch = place->epoch;
    member->last_append_ms = place->append_timestamp_ms;
    if (place->end_offset > 0) {
        ck_assert(place->append_timestamp_ms > 0);
        member->loads++;
        return;
    }
    for (size_t i = 0; i < member->committed.len; i++) {
        member->snapshot_records += member->committed.data[i] == '\n';
    }
    buf_reset(&member->committed);
}

static inline void heard_commit(void *arg, const struct node_batch *batch)
{
    struct member *member = arg;
    ck_assert_int_eq(batch->base_offset, member->next);
    ck_assert(batch->append_timestamp_ms > 0);
    ck_assert(!batch->control || batch->count == 0);
    ck_assert(batch->control || batch->count == batch->last_offset - batch->base_offset + 1);
    ck_assert(!member->loading);
    member->next = batch->last_offset + 1;
    member->last_epoch = batch->epoch;
    member->last_append_ms = batch->append_timestamp_ms;
    add_lines(member, batch);
}

static inline void heard_leader(void *arg, int32_t leader_id, int32_t epoch, const char *host,
                                uint16_t port)
{
    struct member *member = arg;
    (void)epoch;
    member->leader_id = leader_id;
    ck_assert(leader_id < 0 || host == NULL || port != 0);
}

static inline void heard_claim(void *arg, int32_t epoch, int64_t next_offset)
{
    struct member *member = arg;
    ck_assert_int_eq(member->claimed, 0);
    ck_assert_int_eq(next_offset, member->next);
    member->claimed = epoch;
    member->claims++;
    member->claim_next = next_offset;
}

static inline void heard_resign(void *arg, int32_t epoch)
{
    struct member *member = arg;
    ck_assert_int_eq(member->claimed, epoch);
    member->claimed = 0;
}

static inline void heard_fatal(void *arg, enum err error, const char *what)
{
    (void)error;
    (void)what;
    ((struct member *)arg)->fatal++;
}

static inline void heard_shutdown(void *arg)
{
    ((struct member *)arg)->shut = true;
}

/* ---- requests ---- */

static inline void serve(void *arg, struct net_request *request)
{
    struct member *member = arg;
    if (member->node == NULL) {
        net_request_close(request);
        return;
    }
    node_handle(member->node, request);
}

static inline void serve_api_versions(void *arg, struct net_request *request)
{
    struct wire_api_versions_response response;
    net_request_api_versions(request, ERR_NONE, &response);
    struct wire_api_versions_response_supported_features feature = {
        slice_str("kraft.version"), 0, ((struct member *)arg)->old ? 0 : NODE_KRAFT_VERSION_MAX};
    response.supported_features = &feature;
    response.supported_features_count = 1;
    net_reply(request, &response);
}

static inline void reply_change(void *arg, const void *response, enum err e)
{
    (void)e;
    net_reply(arg, response);
}

static inline void serve_change(void *arg, struct net_request *request)
{
    struct member *member = arg;
    node_change(member->node,
                &(struct node_change_call){request->header.api_key, request->body, &request->arena,
                                           reply_change, request, NULL});
}

static const struct net_api apis[] = {
    {.key = WIRE_API_FETCH, .min_version = 12, .max_version = 18, .handle = serve},
    {.key = WIRE_API_API_VERSIONS, .max_version = 4, .handle = serve_api_versions},
    {.key = WIRE_API_VOTE, .max_version = 2, .handle = serve},
    {.key = WIRE_API_BEGIN_QUORUM_EPOCH, .max_version = 1, .handle = serve},
    {.key = WIRE_API_END_QUORUM_EPOCH, .max_version = 1, .handle = serve},
    {.key = WIRE_API_DESCRIBE_QUORUM, .max_version = 2, .handle = serve},
    {.key = WIRE_API_FETCH_SNAPSHOT, .max_version = 1, .handle = serve},
    {.key = WIRE_API_ADD_RAFT_VOTER, .handle = serve_change},
    {.key = WIRE_API_REMOVE_RAFT_VOTER, .handle = serve_change},
    {.key = WIRE_API_UPDATE_RAFT_VOTER, .handle = serve_change},
};

/* ---- members ---- */

static inline void listen_as(struct member *member)
{
    struct quorum *q = member->quorum;
    struct net_server_options options = {
        .log = &q->log, .apis = apis, .api_count = ARRAY_LEN(apis), .arg = member};
    member->server = net_server_new(&options);
    struct net_listener_options listener = {.name = "CONTROLLER",
                                            .host = "127.0.0.1",
                                            .port = member->self.port,
                                            .server = member->server};
    struct net_error why = {{0}};
    enum err e = net_listen(q->loop, &listener, &member->listener, &why);
    ck_assert_msg(e == ERR_NONE, "%s", why.text);
    member->self.port = (uint16_t)net_listener_port(member->listener);
}

static inline struct node_options options_of(struct member *member, struct node_voter *voters)
{
    struct quorum *q = member->quorum;
    for (int i = 0; i < q->voters; i++) {
        voters[i] = q->members[i].self;
        voters[i].directory_id = UUID_ZERO;
        if (q->dynamic && !q->named) {
            voters[i].id = -1; /* bootstrap servers */
        }
    }
    return (struct node_options){
        .loop = q->loop,
        .fs = q->fs,
        .dir = member->dir,
        .node_id = member->self.id,
        .directory_id = member->self.directory_id,
        .cluster_id = "quorum-test",
        .is_controller = member->index < q->controllers,
        .auto_join = member->auto_join,
        .voters = voters,
        .voter_count = q->voters,
        .timers = q->timers,
        .retention = q->retention,
        .seed = 1000 + (uint64_t)member->index,
        .log = &q->log,
        .listener = {.arg = member,
                     .on_snapshot_begin = heard_snapshot_begin,
                     .on_snapshot = heard_snapshot,
                     .on_snapshot_end = heard_snapshot_end,
                     .on_commit = heard_commit,
                     .on_leader = heard_leader,
                     .on_claim = heard_claim,
                     .on_resign = heard_resign,
                     .on_fatal = heard_fatal},
    };
}

static inline enum err try_start(struct member *member)
{
    struct node_voter voters[MEMBERS_MAX];
    struct node_options options = options_of(member, voters);
    member->next = 0;
    member->claimed = 0;
    member->leader_id = -1;
    member->snapshot_records = 0;
    member->loads = 0;
    member->loading = false;
    member->shut = false;
    buf_reset(&member->committed);
    enum err e = node_new(&options, &member->node);
    if (e == ERR_NONE) {
        struct node_advertised self = {"CONTROLLER", member->self.host, member->self.port};
        node_advertise(member->node, &self, 1);
        node_start(member->node);
    }
    return e;
}

static inline void start(struct member *member)
{
    if (member->listener == NULL) {
        listen_as(member);
    }
    ck_assert_int_eq(try_start(member), ERR_NONE);
}

/* As kill -9 does: sockets close, nothing is said. */
static inline void drop(struct member *member)
{
    struct node *node = member->node;
    member->node = NULL;
    net_listener_free(member->listener);
    net_server_free(member->server);
    member->listener = NULL;
    member->server = NULL;
    node_free(node);
}

static inline void quorum_open(struct quorum *q, int voters, int observers, bool dynamic)
{
    *q = (struct quorum){
        .voters = voters, .controllers = voters, .count = voters + observers, .dynamic = dynamic};
    q->log = (struct log){LOG_DEBUG, log_quietly, NULL};
    q->timers = (struct node_timers){.election_timeout_ms = 300, .fetch_timeout_ms = 1000};
    q->loop = net_loop_new(NULL);
    q->fs = store_fs_posix();
    snprintf(q->dir, sizeof q->dir, "%s/craft-node-XXXXXX",
             getenv("TMPDIR") == NULL ? "/tmp" : getenv("TMPDIR"));
    ck_assert_ptr_nonnull(mkdtemp(q->dir));
    for (int i = 0; i < q->count; i++) {
        struct member *member = &q->members[i];
        member->quorum = q;
        member->index = i;
        member->self = (struct node_voter){
            .id = i + 1, .directory_id = {9, (uint64_t)i + 1}, .host = "127.0.0.1"};
        snprintf(member->dir, sizeof member->dir, "%s/%d", q->dir, i + 1);
        ck_assert_int_eq(store_fs_mkdir(store_fs_posix(), member->dir), ERR_NONE);
        listen_as(member);
    }
}

static inline void format(struct quorum *q, int index)
{
    struct node_voter voters[MEMBERS_MAX];
    for (int i = 0; i < q->voters; i++) {
        voters[i] = q->members[i].self;
    }
    struct slice records[] = {slice_str("level-1"), slice_str("level-2")};
    struct node_format_options options = {.fs = store_fs_posix(),
                                          .dir = q->members[index].dir,
                                          .voters = voters,
                                          .voter_count = q->voters,
                                          .records = records,
                                          .record_count = 2,
                                          .now_ms = 1700000000000};
    ck_assert_int_eq(node_format(&options), ERR_NONE);
    ck_assert_int_eq(node_format(&options), ERR_EXISTS);
}

static inline void quorum_close(struct quorum *q)
{
    for (int i = 0; i < q->count; i++) {
        if (q->members[i].listener != NULL) {
            drop(&q->members[i]);
        }
        ck_assert_int_eq(q->members[i].fatal, 0);
        buf_fini(&q->members[i].committed);
    }
    for (int i = 0; i < 20; i++) {
        net_loop_step(q->loop, 1); /* what was under way on the disk */
    }
    net_loop_free(q->loop);
    ck_assert_int_eq(store_fs_remove_tree(store_fs_posix(), q->dir), ERR_NONE);
}

/* ---- waiting ---- */

/* Runs the loop until `cond`, at most WAIT_MS. */
#define UNTIL(q, cond) \
    do { \
        int64_t until_ms_ = net_now_ms((q)->loop) + WAIT_MS; \
        while (!(cond)) { \
            ck_assert_msg(net_now_ms((q)->loop) < until_ms_, "never: %s", #cond); \
            net_loop_step((q)->loop, 10); \
        } \
    } while (0)

/* The member that has claimed leadership, or NULL. */
static inline struct member *leader(struct quorum *q)
{
    struct member *found = NULL;
    for (int i = 0; i < q->controllers; i++) {
        struct member *member = &q->members[i];
        if (member->node != NULL && member->claimed > (found == NULL ? 0 : found->claimed)) {
            found = member;
        }
    }
    return found;
}

static inline struct member *a_follower(struct quorum *q)
{
    return leader(q) == &q->members[0] ? &q->members[1] : &q->members[0];
}

static inline enum err append_text(struct member *member, int32_t epoch, const char *text,
                                   int64_t *offset)
{
    struct slice value = slice_str(text);
    struct node_records records = {
        .values = &value, .count = 1, .timestamp_ms = net_wall_ms(member->quorum->loop)};
    return node_append(member->node, epoch, &records, offset);
}

/* Appends the value under whoever leads; retries when leadership moves. Returns its offset. */
static inline int64_t append(struct quorum *q, const char *text)
{
    int64_t offset = -1;
    for (;;) {
        UNTIL(q, leader(q) != NULL);
        struct member *member = leader(q);
        if (append_text(member, member->claimed, text, &offset) == ERR_NONE) {
            return offset;
        }
        net_loop_step(q->loop, 10);
    }
}

static inline bool all_have(const struct quorum *q, int64_t offset)
{
    for (int i = 0; i < q->count; i++) {
        if (q->members[i].node != NULL && q->members[i].next <= offset) {
            return false;
        }
    }
    return true;
}

/* Appends, and waits until everybody who runs has it committed. */
static inline int64_t commit(struct quorum *q, const char *text)
{
    int64_t offset = append(q, text);
    UNTIL(q, all_have(q, offset));
    return offset;
}

static inline bool same_commits(const struct member *a, const struct member *b)
{
    return slice_eq(buf_slice(&a->committed), buf_slice(&b->committed));
}

#endif
