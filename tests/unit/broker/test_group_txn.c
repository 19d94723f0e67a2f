/* TxnOffsetCommit: offsets that wait for the marker of their transaction. */
#include "tests/unit/broker/test_group_fixture.h"

static int txn_commit(struct fix *f, int64_t producer, int32_t partition, int64_t offset)
{
    struct wire_txn_offset_commit_request_topics_partitions p;
    wire_init(&wire_msg_txn_offset_commit_request_topics_partitions, &p);
    p.partition_index = partition;
    p.committed_offset = offset;
    struct wire_txn_offset_commit_request_topics t = {slice_str("t"), &p, 1};
    struct wire_txn_offset_commit_request body;
    wire_init(&wire_msg_txn_offset_commit_request, &body);
    body.transactional_id = slice_str("tx");
    body.group_id = slice_str("g");
    body.producer_id = producer;
    body.producer_epoch = 0;
    body.generation_id = -1;
    body.member_id = slice_str("");
    body.topics = &t;
    body.topics_count = 1;
    const struct wire_txn_offset_commit_response *r =
        fix_reply(f, fix_send(f, WIRE_API_TXN_OFFSET_COMMIT, 3, &body), WIRE_API_TXN_OFFSET_COMMIT);
    return r == NULL ? 999 : r->topics[0].partitions[0].error_code;
}

static void end(struct fix *f, int64_t producer, bool commit)
{
    group_shard_end_transaction(f->shard, producer, commit);
    group_shard_verify(f->shard);
}

static int64_t plain_commit(struct fix *f, int64_t offset)
{
    return fix_commit(f, (struct fix_commit){.who = {.generation = -1}, .offset = offset});
}

START_TEST(refuses_who_has_no_producer_id)
{
    struct fix *f = fix_new();
    ck_assert_int_eq(txn_commit(f, -1, 0, 5), ERR_INVALID_PRODUCER_ID_MAPPING);
    fix_free(f);
}
END_TEST

START_TEST(marker_decides)
{
    struct fix *f = fix_new();
    ck_assert_int_eq(txn_commit(f, 7, 0, 5), ERR_NONE);
    ck_assert_int_eq(f->written[0].producer_id, 7);
    ck_assert_int_eq(fix_fetch(f, "g", "t", 0, false), -1);
    ck_assert_int_eq(fix_fetch(f, "g", "t", 0, true), -1000 - ERR_UNSTABLE_OFFSET_COMMIT);
    end(f, 8, true); /* somebody else's */
    ck_assert_int_eq(fix_fetch(f, "g", "t", 0, false), -1);
    end(f, 7, true);
    ck_assert_int_eq(fix_fetch(f, "g", "t", 0, true), 5);
    ck_assert_int_eq(txn_commit(f, 7, 0, 6), ERR_NONE);
    end(f, 7, false);
    ck_assert_int_eq(fix_fetch(f, "g", "t", 0, true), 5);
    fix_free(f);
}
END_TEST

START_TEST(aborted_first_commit_leaves_no_group)
{
    struct fix *f = fix_new();
    txn_commit(f, 7, 0, 5);
    end(f, 7, false);
    ck_assert_str_eq(fix_state(f, "g"), "Dead");
    fix_free(f);
}
END_TEST

START_TEST(open_transaction_survives_a_reload)
{
    struct fix *f = fix_new();
    txn_commit(f, 7, 0, 5);
    txn_commit(f, 9, 1, 6);
    fix_failover(f);
    ck_assert_int_eq(fix_fetch(f, "g", "t", 0, true), -1000 - ERR_UNSTABLE_OFFSET_COMMIT);
    end(f, 7, true);
    end(f, 9, false);
    ck_assert_int_eq(fix_fetch(f, "g", "t", 0, true), 5);
    ck_assert_int_eq(fix_fetch(f, "g", "t", 1, true), -1);
    fix_free(f);
}
END_TEST

START_TEST(the_newer_record_wins)
{
    struct fix *f = fix_new();
    txn_commit(f, 7, 0, 5);
    ck_assert_int_eq(plain_commit(f, 100), ERR_NONE);
    ck_assert_int_eq(fix_fetch(f, "g", "t", 0, false), 100);
    end(f, 7, true);
    ck_assert_msg(fix_fetch(f, "g", "t", 0, false) == 100, "its record is the later one");
    txn_commit(f, 7, 0, 200);
    end(f, 7, true);
    ck_assert_int_eq(fix_fetch(f, "g", "t", 0, false), 200);
    fix_free(f);
}
END_TEST

START_TEST(deleted_offsets_stay_deleted)
{
    struct fix *f = fix_new();
    plain_commit(f, 1);
    txn_commit(f, 7, 0, 5);
    struct slice name = slice_str("g");
    struct wire_delete_groups_request body = {&name, 1};
    fix_send(f, WIRE_API_DELETE_GROUPS, 2, &body);
    end(f, 7, true);
    ck_assert_int_eq(fix_fetch(f, "g", "t", 0, false), -1);
    ck_assert_str_eq(fix_state(f, "g"), "Dead");
    fix_free(f);
}
END_TEST

START_TEST(open_transaction_keeps_an_offset_from_expiring)
{
    struct fix *f = fix_new();
    plain_commit(f, 1);
    txn_commit(f, 7, 0, 5);
    fix_pass(f, INT64_C(8) * 86400000);
    ck_assert_int_eq(fix_fetch(f, "g", "t", 0, false), 1);
    end(f, 7, false);
    fix_pass(f, 600000);
    ck_assert_int_eq(fix_fetch(f, "g", "t", 0, false), -1);
    fix_free(f);
}
END_TEST

START_TEST(members_of_the_group_are_checked)
{
    struct fix *f = fix_new();
    const char *a = fix_stable_member(f, "g");
    ck_assert_msg(txn_commit(f, 7, 0, 5) == ERR_NONE, "old producers cannot say who they are");
    struct wire_txn_offset_commit_request body;
    wire_init(&wire_msg_txn_offset_commit_request, &body);
    body.transactional_id = slice_str("tx");
    body.group_id = slice_str("g");
    body.producer_id = 7;
    body.member_id = slice_str(a);
    body.generation_id = 2;
    struct wire_txn_offset_commit_request_topics_partitions p;
    wire_init(&wire_msg_txn_offset_commit_request_topics_partitions, &p);
    struct wire_txn_offset_commit_request_topics t = {slice_str("t"), &p, 1};
    body.topics = &t;
    body.topics_count = 1;
    const struct wire_txn_offset_commit_response *r =
        fix_reply(f, fix_send(f, WIRE_API_TXN_OFFSET_COMMIT, 3, &body), WIRE_API_TXN_OFFSET_COMMIT);
    ck_assert_int_eq(r->topics[0].partitions[0].error_code, ERR_ILLEGAL_GENERATION);
    body.generation_id = 1;
    body.member_id = slice_str("ghost");
    r = fix_reply(f, fix_send(f, WIRE_API_TXN_OFFSET_COMMIT, 3, &body), WIRE_API_TXN_OFFSET_COMMIT);
    ck_assert_int_eq(r->topics[0].partitions[0].error_code, ERR_UNKNOWN_MEMBER_ID);
    fix_free(f);
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("txn");
    tcase_add_test(tc, refuses_who_has_no_producer_id);
    tcase_add_test(tc, marker_decides);
    tcase_add_test(tc, aborted_first_commit_leaves_no_group);
    tcase_add_test(tc, open_transaction_survives_a_reload);
    tcase_add_test(tc, the_newer_record_wins);
    tcase_add_test(tc, deleted_offsets_stay_deleted);
    tcase_add_test(tc, open_transaction_keeps_an_offset_from_expiring);
    tcase_add_test(tc, members_of_the_group_are_checked);
    return fix_run(tc);
}
