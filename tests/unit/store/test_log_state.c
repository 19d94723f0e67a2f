/* The log: what an idle one costs, leader epochs, aborted transactions. */
#include "store/log.h"

#include <check.h>
#include <stdlib.h>

#include "tests/lib/log_bench.h"

enum { FAR = 1 << 30 };

static void open_new(struct log_bench *b)
{
    log_bench_init(b, 1);
    ck_assert_int_eq(log_bench_open(b, true), ERR_NONE);
}

static void fill(struct log_bench *b, int count)
{
    for (int i = 0; i < count; i++) {
        ck_assert_int_eq(log_bench_append(b, 3, 1, 1000 + i), ERR_NONE);
    }
}

/* ---- another name ---- */

START_TEST(a_renamed_log_goes_on)
{
    struct log_bench b;
    struct buf before = {0};
    struct buf after = {0};
    log_bench_init(&b, 1);
    b.options.config.segment_bytes = 1000;
    ck_assert_int_eq(log_bench_open(&b, true), ERR_NONE);
    fill(&b, 50);
    log_bench_read_all(&b, 0, &before);
    ck_assert_int_eq(store_log_rename(b.log, "/nowhere/other-0"), ERR_NOT_FOUND);
    ck_assert_str_eq(store_log_dir(b.log), LOG_BENCH_DIR);
    ck_assert_int_eq(store_log_rename(b.log, "/data/other-0"), ERR_NONE);
    ck_assert_str_eq(store_log_dir(b.log), "/data/other-0");
    ck_assert(!store_fs_exists(b.fs, LOG_BENCH_DIR));
    log_bench_read_all(&b, 0, &after);
    ck_assert(slice_eq(buf_slice(&before), buf_slice(&after)));
    fill(&b, 50);
    /* The new name is durable with the next flush. */
    ck_assert_int_eq(store_log_flush(b.log), ERR_NONE);
    int64_t end = store_log_end_offset(b.log);
    b.options.dir = "/data/other-0";
    log_bench_crash(&b, FAULT_CRASH_LOSE, end);
    ck_assert_int_eq(log_bench_open(&b, false), ERR_NONE);
    ck_assert_int_eq(store_log_end_offset(b.log), end);
    buf_fini(&before);
    buf_fini(&after);
    log_bench_fini(&b);
}
END_TEST

/* ---- what idle costs ---- */

START_TEST(descriptors_stay_below_the_cap)
{
    struct log_bench b;
    log_bench_init(&b, 1);
    b.options.config.segment_bytes = 1000;
    ck_assert_int_eq(log_bench_open(&b, true), ERR_NONE);
    fill(&b, 100);
    ck_assert_uint_le(store_files_open_count(b.files), 4);
    ck_assert_uint_eq(fault_fs_open_count(b.disk), store_files_open_count(b.files));
    log_bench_fini(&b);
}
END_TEST

START_TEST(an_idle_log_is_small_and_closes_without_a_write)
{
    struct log_bench b;
    open_new(&b);
    fill(&b, 10);
    log_bench_close(&b);
    ck_assert_int_eq(log_bench_open(&b, true), ERR_NONE);
    ck_assert_uint_le(store_log_memory(b.log), 2048);
    store_log_assign_epoch(b.log, 7);
    uint64_t writes = fault_fs_calls(b.disk, FAULT_WRITE);
    uint64_t syncs = fault_fs_calls(b.disk, FAULT_SYNC) + fault_fs_calls(b.disk, FAULT_SYNC_DIR);
    log_bench_close(&b);
    ck_assert_uint_eq(fault_fs_calls(b.disk, FAULT_WRITE), writes);
    ck_assert_uint_eq(fault_fs_calls(b.disk, FAULT_SYNC) + fault_fs_calls(b.disk, FAULT_SYNC_DIR),
                      syncs);
    log_bench_fini(&b);
}
END_TEST

START_TEST(tailing_reads_do_not_touch_the_disk)
{
    struct log_bench b;
    struct store_read read;
    open_new(&b);
    fill(&b, 20);
    uint64_t reads = fault_fs_calls(b.disk, FAULT_READ);
    for (int64_t offset = 30; offset < 60; offset++) {
        struct store_read_query query = {offset, 57, FAR, true};
        ck_assert_int_eq(store_log_read(b.log, &query, &read), ERR_NONE);
        ck_assert_int_eq(read.base_offset, offset >= 57 ? offset : offset / 3 * 3);
        store_read_done(&read);
    }
    ck_assert_uint_eq(fault_fs_calls(b.disk, FAULT_READ), reads);
    log_bench_fini(&b);
}
END_TEST

/* ---- leader epochs ---- */

static void check_epoch_end(struct log_bench *b, int32_t asked, int32_t epoch, int64_t end)
{
    struct store_epoch_end got = store_log_epoch_end(b->log, asked);
    ck_assert_int_eq(got.epoch, epoch);
    ck_assert_int_eq(got.end_offset, end);
}

START_TEST(epoch_ends_follow_kip_101)
{
    struct log_bench b;
    open_new(&b);
    check_epoch_end(&b, 0, -1, -1);
    ck_assert_int_eq(log_bench_append(&b, 5, 2, 1), ERR_NONE);
    ck_assert_int_eq(log_bench_append(&b, 5, 4, 1), ERR_NONE);
    store_log_assign_epoch(b.log, 6);
    for (int round = 0; round < 2; round++) {
        check_epoch_end(&b, 1, 1, 0);
        check_epoch_end(&b, 2, 2, 5);
        check_epoch_end(&b, 3, 2, 5);
        check_epoch_end(&b, 4, 4, 10);
        check_epoch_end(&b, 5, round == 0 ? 4 : -1, round == 0 ? 10 : -1);
        check_epoch_end(&b, 6, round == 0 ? 6 : -1, round == 0 ? 10 : -1);
        check_epoch_end(&b, 7, -1, -1);
        /* An epoch without a batch is not worth remembering. */
        log_bench_close(&b);
        ck_assert_int_eq(log_bench_open(&b, true), ERR_NONE);
    }
    ck_assert_int_eq(store_log_epoch_at(b.log, 4), 2);
    ck_assert_int_eq(store_log_epoch_at(b.log, 5), 4);
    ck_assert_int_eq(store_log_truncate_to(b.log, 7), ERR_NONE);
    ck_assert_int_eq(store_log_end_offset(b.log), 5);
    ck_assert_int_eq(store_log_latest_epoch(b.log), 2);
    log_bench_fini(&b);
}
END_TEST

/* ---- aborted transactions ---- */

static void sum_aborted(void *arg, const struct store_aborted_txn *txn)
{
    *(int64_t *)arg += txn->producer_id;
}

static int64_t aborted(struct log_bench *b, int64_t from, int64_t to)
{
    int64_t sum = 0;
    ck_assert_int_eq(store_log_aborted(b->log, from, to, sum_aborted, &sum), ERR_NONE);
    return sum;
}

START_TEST(aborted_transactions_are_found_and_truncated)
{
    struct log_bench b;
    open_new(&b);
    fill(&b, 20);
    struct store_aborted_txn one = {1, 3, 10, 11};
    struct store_aborted_txn two = {100, 12, 20, 30};
    ck_assert_int_eq(store_log_add_aborted(b.log, &one), ERR_NONE);
    ck_assert_int_eq(store_log_add_aborted(b.log, &two), ERR_NONE);
    ck_assert_int_eq(store_log_add_aborted(b.log, &one), ERR_NONE);
    ck_assert_int_eq(aborted(&b, 0, 60), 101);
    ck_assert_int_eq(aborted(&b, 0, 12), 1);
    ck_assert_int_eq(aborted(&b, 11, 60), 100);
    ck_assert_int_eq(aborted(&b, 21, 60), 0);
    log_bench_close(&b);
    ck_assert_int_eq(log_bench_open(&b, true), ERR_NONE);
    ck_assert_int_eq(aborted(&b, 0, 60), 101);
    ck_assert_int_eq(store_log_truncate_to(b.log, 18), ERR_NONE);
    ck_assert_int_eq(aborted(&b, 0, 60), 1);
    log_bench_fini(&b);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("log state");
    TCase *tc = tcase_create("log state");
    tcase_add_test(tc, a_renamed_log_goes_on);
    tcase_add_test(tc, descriptors_stay_below_the_cap);
    tcase_add_test(tc, an_idle_log_is_small_and_closes_without_a_write);
    tcase_add_test(tc, tailing_reads_do_not_touch_the_disk);
    tcase_add_test(tc, epoch_ends_follow_kip_101);
    tcase_add_test(tc, aborted_transactions_are_found_and_truncated);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
