/* Requests for changes of the voters. Only for the tests of this folder. */
#ifndef TESTS_UNIT_RAFT_NODE_ASK_H
#define TESTS_UNIT_RAFT_NODE_ASK_H

#include "raft/node/change.h"
#include "tests/unit/raft/node/quorum.h"

struct answer {
    struct arena arena;
    bool there;
    enum err error;
    char why[512];
    char accepted[128];
};

static inline void note_accepted(void *arg, const char *what)
{
    struct answer *answer = arg;
    ck_assert(!answer->there);
    snprintf(answer->accepted, sizeof answer->accepted, "%s", what);
}

static inline void answered(void *arg, const void *response, enum err e)
{
    struct answer *answer = arg;
    ck_assert(!answer->there);
    answer->there = true;
    answer->error = e;
    const struct wire_add_raft_voter_response *add = response; /* laid out as the removal's */
    if (!slice_is_null(add->error_message)) {
        snprintf(answer->why, sizeof answer->why, "%.*s", SLICE_ARG(add->error_message));
    }
}

static inline void begin_add(struct member *leader, const struct node_voter *voter,
                             const char *listener, struct answer *out)
{
    *out = (struct answer){0};
    struct wire_add_raft_voter_request *request =
        wire_new(&wire_msg_add_raft_voter_request, &out->arena);
    request->cluster_id = slice_str("quorum-test");
    request->timeout_ms = WAIT_MS;
    request->voter_id = voter->id;
    request->voter_directory_id = voter->directory_id;
    request->listeners = wire_new_array(&wire_msg_add_raft_voter_request_listeners, &out->arena, 1);
    request->listeners_count = 1;
    request->listeners[0] = (struct wire_add_raft_voter_request_listeners){
        slice_str(listener), slice_str(voter->host), voter->port};
    node_change(leader->node,
                &(struct node_change_call){WIRE_API_ADD_RAFT_VOTER, request, &out->arena, answered,
                                           out, note_accepted});
}

static inline void begin_remove(struct member *leader, const struct node_voter *voter,
                                const char *cluster, struct answer *out)
{
    *out = (struct answer){0};
    struct wire_remove_raft_voter_request *request =
        wire_new(&wire_msg_remove_raft_voter_request, &out->arena);
    request->cluster_id = slice_str(cluster);
    request->voter_id = voter->id;
    request->voter_directory_id = voter->directory_id;
    node_change(leader->node,
                &(struct node_change_call){WIRE_API_REMOVE_RAFT_VOTER, request, &out->arena,
                                           answered, out, note_accepted});
}

static inline void expect(struct quorum *q, struct answer *answer, enum err error, const char *why)
{
    UNTIL(q, answer->there);
    ck_assert_msg(answer->error == error, "%s: %s", err_name(answer->error), answer->why);
    ck_assert_msg(why == NULL ? answer->why[0] == '\0' : strstr(answer->why, why) != NULL, "%s",
                  answer->why);
    /* What is refused leaves no trace in the log; what is done says so first. */
    ck_assert_int_eq(answer->accepted[0] != '\0', error == ERR_NONE);
    arena_fini(&answer->arena);
}

/* As soon as the leader has heard that it is caught up. */
static inline void must_add(struct quorum *q, const struct node_voter *voter)
{
    struct answer answer;
    do {
        net_loop_step(q->loop, 10);
        begin_add(leader(q), voter, "CONTROLLER", &answer);
        UNTIL(q, answer.there);
        arena_fini(&answer.arena);
    } while (strstr(answer.why, "caught up") != NULL);
    ck_assert_msg(answer.error == ERR_NONE, "%s", answer.why);
}

/* ---- voters ---- */

static inline int voter_count(const struct quorum *q, int index)
{
    const struct node_voter *voters;
    return node_voters(q->members[index].node, &voters);
}

static inline bool all_count(const struct quorum *q, int voters)
{
    bool all = true;
    for (int i = 0; i < q->count; i++) {
        all &= q->members[i].node == NULL || voter_count(q, i) == voters;
    }
    return all;
}

/* Somebody's disk is gone; what comes back is another replica. */
static inline void wipe(struct member *member)
{
    drop(member);
    const struct store_fs *fs = store_fs_posix();
    ck_assert_int_eq(store_fs_remove_tree(fs, member->dir), ERR_NONE);
    ck_assert_int_eq(store_fs_mkdir(fs, member->dir), ERR_NONE);
    member->self.directory_id.hi++;
}

#endif
