/* Linearizable reads of real nodes: who may answer, and when. */
#include "tests/unit/raft/node/quorum.h"
#include "tests/unit/unit.h"

struct answer {
    struct member *member;
    int calls;
    enum err error;
    int64_t next; /* what the member had been told when it was answered */
};

static void on_read(void *arg, enum err e)
{
    struct answer *answer = arg;
    answer->calls++;
    answer->error = e;
    answer->next = answer->member->next;
}

static void ask(struct answer *answer, struct member *member)
{
    *answer = (struct answer){.member = member};
    node_read(member->node, on_read, answer);
    ck_assert_int_eq(answer->calls, 0);
}

static struct member *follower(struct quorum *q)
{
    for (int i = 0; i < q->voters; i++) {
        if (&q->members[i] != leader(q)) {
            return &q->members[i];
        }
    }
    return NULL;
}

START_TEST(test_the_leader_answers_with_all_that_is_committed)
{
    struct quorum q;
    struct answer answer;
    quorum_open(&q, 3, 1, false);
    for (int i = 0; i < q.count; i++) {
        start(&q.members[i]);
    }
    int64_t offset = append(&q, "a");
    UNTIL(&q, all_have(&q, offset));
    ask(&answer, leader(&q));
    UNTIL(&q, answer.calls == 1);
    ck_assert_int_eq(answer.error, ERR_NONE);
    ck_assert_int_gt(answer.next, offset);
    ask(&answer, follower(&q));
    UNTIL(&q, answer.calls == 1);
    ck_assert_int_eq(answer.error, ERR_NOT_CONTROLLER);
    ask(&answer, &q.members[3]); /* a broker */
    UNTIL(&q, answer.calls == 1);
    ck_assert_int_eq(answer.error, ERR_NOT_CONTROLLER);
    quorum_close(&q);
}
END_TEST

START_TEST(test_a_leader_without_a_quorum_refuses)
{
    struct quorum q;
    struct answer answers[2];
    quorum_open(&q, 3, 0, false);
    for (int i = 0; i < q.count; i++) {
        start(&q.members[i]);
    }
    int64_t offset = append(&q, "a");
    UNTIL(&q, all_have(&q, offset));
    struct member *last = leader(&q);
    for (int i = 0; i < q.count; i++) {
        if (&q.members[i] != last) {
            drop(&q.members[i]);
        }
    }
    ask(&answers[0], last);
    UNTIL(&q, answers[0].calls == 1);
    ck_assert_int_eq(answers[0].error, ERR_NOT_CONTROLLER);
    ask(&answers[0], last);
    ask(&answers[1], last);
    drop(last);
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(answers[i].calls, 1);
        ck_assert_int_eq(answers[i].error, ERR_NOT_CONTROLLER);
    }
    quorum_close(&q);
}
END_TEST

UNIT_MAIN("read", test_the_leader_answers_with_all_that_is_committed,
          test_a_leader_without_a_quorum_refuses)
