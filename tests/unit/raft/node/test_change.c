/* Voters that change, with real nodes: who is refused and why, who is called before it is added,
 * what a voter does about its own address (raft/node/change.c, probe.c, own_entry.c). */
#include "tests/unit/raft/node/ask.h"

static void add(struct quorum *q, const struct node_voter *voter, enum err error, const char *why)
{
    struct answer answer;
    begin_add(leader(q), voter, "CONTROLLER", &answer);
    expect(q, &answer, error, why);
}

static void remove_voter(struct quorum *q, const struct node_voter *voter, enum err error,
                         const char *why)
{
    struct answer answer;
    begin_remove(leader(q), voter, "quorum-test", &answer);
    expect(q, &answer, error, why);
    char wanted[128];
    snprintf(wanted, sizeof wanted, "removes voter %d (directory %s)", voter->id,
             uuid_text(voter->directory_id).text);
    ck_assert_str_eq(answer.accepted, error == ERR_NONE ? wanted : "");
}

/* ---- fixtures ---- */

static bool is_caught_up(const struct node_state *state, int controllers)
{
    bool all = state->voter_count + state->observer_count == controllers;
    for (int i = 0; i < state->voter_count; i++) {
        all &= state->voters[i].log_end_offset == state->log_end_offset;
    }
    for (int i = 0; i < state->observer_count; i++) {
        all &= state->observers[i].log_end_offset == state->log_end_offset;
    }
    return all;
}

/* Has the leader heard so from everybody? */
static bool all_caught_up(struct quorum *q)
{
    struct node_state state;
    node_describe(leader(q)->node, &state);
    return is_caught_up(&state, q->controllers);
}

/* `voters` of `controllers` are formatted as such, all run and have caught up. */
static void open_quorum(struct quorum *q, int voters, int controllers)
{
    quorum_open(q, voters, controllers - voters, true);
    q->controllers = controllers;
    for (int i = 0; i < q->count; i++) {
        if (i < q->voters) {
            format(q, i);
        }
        start(&q->members[i]);
    }
    commit(q, "a");
    UNTIL(q, all_caught_up(q));
}

/* The voter's port and directory, as member `index` knows them. */
static const struct node_voter *known(const struct quorum *q, int index, int32_t id)
{
    const struct node_voter *voters;
    int count = node_voters(q->members[index].node, &voters);
    for (int i = 0; i < count; i++) {
        if (voters[i].id == id) {
            return &voters[i];
        }
    }
    return NULL;
}

/* ---- refused ---- */

START_TEST(test_refusals_say_why)
{
    struct quorum q;
    open_quorum(&q, 2, 3);
    struct member *follower = a_follower(&q);
    struct member *spare = &q.members[2];
    struct answer answer;
    begin_remove(follower, &follower->self, "quorum-test", &answer);
    expect(&q, &answer, ERR_NOT_LEADER_OR_FOLLOWER, "does not lead");
    begin_remove(leader(&q), &follower->self, "another", &answer);
    expect(&q, &answer, ERR_INCONSISTENT_CLUSTER_ID, "another cluster");
    remove_voter(&q, &spare->self, ERR_VOTER_NOT_FOUND, "not a voter");
    struct node_voter wrong = follower->self;
    wrong.directory_id.hi++;
    remove_voter(&q, &wrong, ERR_VOTER_NOT_FOUND, "another directory id");
    add(&q, &follower->self, ERR_DUPLICATE_VOTER, "already");
    begin_add(leader(&q), &spare->self, "OTHER", &answer);
    expect(&q, &answer, ERR_INVALID_REQUEST, "no address for the listener CONTROLLER");
    wrong = (struct node_voter){.id = 9, .directory_id = {9, 9}, .host = "127.0.0.1", .port = 1};
    add(&q, &wrong, ERR_REQUEST_TIMED_OUT, "caught up");
    ck_assert(all_count(&q, 2));
    commit(&q, "c");
    quorum_close(&q);
}
END_TEST

START_TEST(test_addresses_are_called)
{
    struct quorum q;
    open_quorum(&q, 2, 3);
    struct member *follower = a_follower(&q);
    struct member *spare = &q.members[2];
    struct node_voter wrong = spare->self;
    wrong.port = 1;
    add(&q, &wrong, ERR_REQUEST_TIMED_OUT, "cannot be reached: 127.0.0.1:1: Connection refused");
    wrong.port = follower->self.port;
    add(&q, &wrong, ERR_INVALID_REQUEST, "is another node");
    wrong.port = spare->self.port;
    wrong.host = "no-such-host.invalid";
    add(&q, &wrong, ERR_REQUEST_TIMED_OUT, "no-such-host.invalid");
    spare->old = true;
    add(&q, &spare->self, ERR_INVALID_REQUEST, "kraft.version 0 to 0");
    spare->old = false;
    ck_assert(all_count(&q, 2));
    must_add(&q, &spare->self);
    UNTIL(&q, all_count(&q, 3));
    quorum_close(&q);
}
END_TEST

START_TEST(test_a_second_change_is_refused)
{
    struct quorum q;
    open_quorum(&q, 2, 4);
    struct answer first;
    struct answer second;
    begin_add(leader(&q), &q.members[2].self, "CONTROLLER", &first);
    begin_add(leader(&q), &q.members[3].self, "CONTROLLER", &second);
    ck_assert(second.there);
    expect(&q, &second, ERR_REQUEST_TIMED_OUT, "another change of the voters is under way");
    expect(&q, &first, ERR_NONE, NULL);
    must_add(&q, &q.members[3].self);
    UNTIL(&q, all_count(&q, 4));
    quorum_close(&q);
}
END_TEST

START_TEST(test_static_voters_are_refused)
{
    struct quorum q;
    quorum_open(&q, 1, 1, false);
    q.controllers = 2;
    start(&q.members[0]);
    start(&q.members[1]);
    commit(&q, "a");
    add(&q, &q.members[1].self, ERR_UNSUPPORTED_VERSION, "controller.quorum.voters");
    ck_assert_int_eq(node_kraft_version(q.members[0].node), 0);
    quorum_close(&q);
}
END_TEST

/* A request that is under way when the node ends is answered. */
START_TEST(test_an_end_in_the_middle)
{
    struct quorum q;
    open_quorum(&q, 2, 3);
    struct answer answer;
    begin_add(leader(&q), &q.members[2].self, "CONTROLLER", &answer);
    drop(leader(&q));
    expect(&q, &answer, ERR_BROKER_NOT_AVAILABLE, "stopping");
    quorum_close(&q);
}
END_TEST

/* ---- done ---- */

START_TEST(test_one_voter_becomes_three)
{
    struct quorum q;
    open_quorum(&q, 1, 3);
    ck_assert_int_eq(node_kraft_version(q.members[2].node), 1);
    must_add(&q, &q.members[1].self);
    must_add(&q, &q.members[2].self);
    UNTIL(&q, all_count(&q, 3));
    /* They are voters after a restart, too, and can do without the first. */
    for (int i = 0; i < 3; i++) {
        drop(&q.members[i]);
    }
    for (int i = 1; i < 3; i++) {
        start(&q.members[i]);
    }
    commit(&q, "c");
    ck_assert_ptr_ne(leader(&q), &q.members[0]);
    start(&q.members[0]);
    commit(&q, "d");
    ck_assert(same_commits(&q.members[0], &q.members[2]));
    quorum_close(&q);
}
END_TEST

START_TEST(test_the_leader_is_removed)
{
    struct quorum q;
    open_quorum(&q, 3, 3);
    struct member *old = leader(&q);
    remove_voter(&q, &old->self, ERR_NONE, NULL);
    UNTIL(&q, leader(&q) != NULL && leader(&q) != old);
    ck_assert_int_eq(old->claimed, 0);
    commit(&q, "c"); /* which it follows */
    ck_assert(all_count(&q, 2));
    must_add(&q, &old->self);
    UNTIL(&q, all_count(&q, 3));
    quorum_close(&q);
}
END_TEST

START_TEST(test_a_lost_disk_is_replaced)
{
    struct quorum q;
    open_quorum(&q, 3, 3);
    struct member *lost = a_follower(&q);
    struct node_voter former = lost->self;
    wipe(lost);
    start(lost);
    commit(&q, "c");
    add(&q, &lost->self, ERR_DUPLICATE_VOTER, "remove that one first");
    remove_voter(&q, &former, ERR_NONE, NULL);
    must_add(&q, &lost->self);
    UNTIL(&q, all_count(&q, 3));
    ck_assert(uuid_eq(known(&q, 2, lost->self.id)->directory_id, lost->self.directory_id));
    drop(leader(&q) == lost ? &q.members[2] : leader(&q)); /* it counts */
    commit(&q, "d");
    quorum_close(&q);
}
END_TEST

/* ---- by themselves ---- */

START_TEST(test_controllers_join_by_themselves)
{
    struct quorum q;
    quorum_open(&q, 1, 2, true);
    q.controllers = 3;
    format(&q, 0);
    q.members[1].auto_join = q.members[2].auto_join = true;
    for (int i = 0; i < q.count; i++) {
        start(&q.members[i]);
    }
    UNTIL(&q, all_count(&q, 3));
    struct member *lost = leader(&q) == &q.members[1] ? &q.members[2] : &q.members[1];
    wipe(lost);
    start(lost);
    UNTIL(&q, known(&q, 0, lost->self.id) != NULL &&
                  uuid_eq(known(&q, 0, lost->self.id)->directory_id, lost->self.directory_id));
    UNTIL(&q, all_count(&q, 3));
    commit(&q, "c");
    quorum_close(&q);
}
END_TEST

/* Each voter moves in turn, the leader, too: the others learn it from the log (KAFKA-17608). */
START_TEST(test_addresses_change)
{
    struct quorum q;
    open_quorum(&q, 3, 3);
    for (int i = 0; i < 3; i++) {
        struct member *member = &q.members[i];
        drop(member);
        member->self.port = 0; /* another one */
        start(member);
        for (int k = 0; k < 3; k++) {
            UNTIL(&q, known(&q, k, member->self.id)->port == member->self.port);
        }
        commit(&q, "c");
    }
    ck_assert(all_count(&q, 3));
    quorum_close(&q);
}
END_TEST

/* All at once, so that nobody is where the log says: the settings are tried, too. */
START_TEST(test_all_addresses_change)
{
    struct quorum q;
    open_quorum(&q, 3, 3);
    for (int i = 0; i < 3; i++) {
        drop(&q.members[i]);
    }
    for (int i = 0; i < 3; i++) {
        q.members[i].self.port = 0;
        listen_as(&q.members[i]);
    }
    q.named = true;
    for (int i = 0; i < 3; i++) {
        start(&q.members[i]);
    }
    commit(&q, "c");
    for (int i = 0; i < 3; i++) {
        for (int k = 0; k < 3; k++) {
            UNTIL(&q, known(&q, k, q.members[i].self.id)->port == q.members[i].self.port);
        }
    }
    quorum_close(&q);
}
END_TEST

/* A name that nobody knows is no reason to stop: it is asked for again at the next dial. */
START_TEST(test_names_that_do_not_resolve)
{
    struct quorum q;
    quorum_open(&q, 3, 0, _i == 1);
    for (int i = 0; i < q.count; i++) {
        if (q.dynamic) {
            format(&q, i);
        }
    }
    q.members[2].self.host = "no-such-host.invalid";
    q.members[2].self.port = 9;
    start(&q.members[0]);
    start(&q.members[1]);
    commit(&q, "a");
    quorum_close(&q);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("voters change");
    TCase *tc = tcase_create("change");
    tcase_set_timeout(tc, 90);
    tcase_add_test(tc, test_refusals_say_why);
    tcase_add_test(tc, test_addresses_are_called);
    tcase_add_test(tc, test_a_second_change_is_refused);
    tcase_add_test(tc, test_static_voters_are_refused);
    tcase_add_test(tc, test_an_end_in_the_middle);
    tcase_add_test(tc, test_one_voter_becomes_three);
    tcase_add_test(tc, test_the_leader_is_removed);
    tcase_add_test(tc, test_a_lost_disk_is_replaced);
    tcase_add_test(tc, test_controllers_join_by_themselves);
    tcase_add_test(tc, test_addresses_change);
    tcase_add_test(tc, test_all_addresses_change);
    tcase_add_loop_test(tc, test_names_that_do_not_resolve, 0, 2);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
