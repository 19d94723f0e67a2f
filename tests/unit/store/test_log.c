/* The log: what it refuses and reads, when it rolls, what is removed. */
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

/* ---- refusals ---- */

static enum err append_bytes(struct log_bench *b, const void *data, size_t len)
{
    struct slice part = slice_of(data, len);
    return store_log_append(b->log, &part, 1, 0);
}

START_TEST(refuses_what_is_no_batch)
{
    struct log_bench b;
    struct buf bytes = {0};
    open_new(&b);
    struct batch_spec spec = {0, 2, 1, 5, 10};
    size_t size = batch_put(&bytes, &spec);
    for (size_t len = 1; len < size; len++) {
        ck_assert_int_eq(append_bytes(&b, bytes.data, len), ERR_CORRUPT_MESSAGE);
    }
    bytes.data[16] = 1;
    ck_assert_int_eq(append_bytes(&b, bytes.data, size), ERR_CORRUPT_MESSAGE);
    ck_assert_int_eq(store_log_end_offset(b.log), 0);
    ck_assert_uint_eq(store_log_size(b.log), 0);
    buf_fini(&bytes);
    log_bench_fini(&b);
}
END_TEST

START_TEST(refuses_offsets_that_go_back)
{
    struct log_bench b;
    struct buf bytes = {0};
    open_new(&b);
    fill(&b, 2);
    struct batch_spec spec = {5, 1, 1, 5, 10};
    batch_put(&bytes, &spec);
    ck_assert_int_eq(append_bytes(&b, bytes.data, bytes.len), ERR_OFFSET_OUT_OF_RANGE);

    /* Inside of one append, too. */
    buf_reset(&bytes);
    spec.base_offset = 6;
    batch_put(&bytes, &spec);
    batch_put(&bytes, &spec);
    ck_assert_int_eq(append_bytes(&b, bytes.data, bytes.len), ERR_OFFSET_OUT_OF_RANGE);
    ck_assert_int_eq(store_log_end_offset(b.log), 6);
    buf_fini(&bytes);
    log_bench_fini(&b);
}
END_TEST

START_TEST(refuses_reads_outside)
{
    struct log_bench b;
    struct store_read read;
    open_new(&b);
    fill(&b, 2);
    ck_assert_int_eq(store_log_set_start(b.log, 7), ERR_OFFSET_OUT_OF_RANGE);
    ck_assert_int_eq(store_log_set_start(b.log, 3), ERR_NONE);
    struct store_read_query query = {7, FAR, FAR, true};
    ck_assert_int_eq(store_log_read(b.log, &query, &read), ERR_OFFSET_OUT_OF_RANGE);
    query.offset = 2;
    ck_assert_int_eq(store_log_read(b.log, &query, &read), ERR_OFFSET_OUT_OF_RANGE);
    query.offset = 6;
    ck_assert_int_eq(store_log_read(b.log, &query, &read), ERR_NONE);
    ck_assert_ptr_null(read.file);
    log_bench_fini(&b);
}
END_TEST

/* ---- reads ---- */

START_TEST(the_first_batch_comes_whole_only_if_asked)
{
    struct log_bench b;
    struct store_read read;
    open_new(&b);
    fill(&b, 2);
    struct store_read_query query = {4, 6, 10, false};
    ck_assert_int_eq(store_log_read(b.log, &query, &read), ERR_NONE);
    ck_assert_ptr_null(read.file);
    query.min_one = true;
    ck_assert_int_eq(store_log_read(b.log, &query, &read), ERR_NONE);
    ck_assert_int_eq(read.base_offset, 3);
    ck_assert_uint_eq(read.position, store_log_size(b.log) / 2);
    ck_assert_uint_eq(read.length, store_log_size(b.log) / 2);
    store_read_done(&read);
    log_bench_fini(&b);
}
END_TEST

START_TEST(nothing_above_the_end_offset_is_read)
{
    struct log_bench b;
    struct store_read read;
    open_new(&b);
    fill(&b, 10);
    uint64_t batch = store_log_size(b.log) / 10;
    for (int64_t end = 0; end <= 30; end++) {
        struct store_read_query query = {0, end, FAR, true};
        ck_assert_int_eq(store_log_read(b.log, &query, &read), ERR_NONE);
        ck_assert_uint_eq(read.length, (uint64_t)(end / 3) * batch);
        store_read_done(&read);
    }
    log_bench_fini(&b);
}
END_TEST

START_TEST(a_piece_outlives_its_segment)
{
    struct log_bench b;
    struct store_read read;
    uint8_t bytes[4096];
    open_new(&b);
    fill(&b, 3);
    struct store_read_query query = {0, FAR, FAR, true};
    ck_assert_int_eq(store_log_read(b.log, &query, &read), ERR_NONE);
    ck_assert_int_eq(store_log_truncate_fully(b.log, 50), ERR_NONE);
    log_bench_close(&b);
    ck_assert_uint_le(read.length, sizeof bytes);
    ck_assert_int_eq(store_read_copy(&read, bytes), ERR_NONE);
    ck_assert_uint_eq(load_u64(bytes), 0);
    store_read_done(&read);
    log_bench_fini(&b);
}
END_TEST

/* ---- rolling ---- */

static int64_t rolled_at;

static void on_roll(void *arg, int64_t base_offset)
{
    (void)arg;
    rolled_at = base_offset;
}

START_TEST(rolls_when_full)
{
    struct log_bench b;
    log_bench_init(&b, 1);
    b.options.on_roll = on_roll;
    b.options.config.segment_bytes = 1000;
    ck_assert_int_eq(log_bench_open(&b, true), ERR_NONE);
    rolled_at = -1;
    fill(&b, 12);
    uint64_t batch = store_log_size(b.log) / 12;
    uint64_t fit = 1000 / batch;
    ck_assert_uint_eq(store_log_segment_count(b.log), (12 + fit - 1) / fit);
    ck_assert_int_eq(rolled_at, store_log_active_base(b.log));
    log_bench_fini(&b);
}
END_TEST

START_TEST(rolls_by_the_clock_of_the_batches)
{
    struct log_bench b;
    log_bench_init(&b, 1);
    b.options.config.segment_ms = 100;
    ck_assert_int_eq(log_bench_open(&b, true), ERR_NONE);
    ck_assert_int_eq(log_bench_append(&b, 1, 1, 1000), ERR_NONE);
    ck_assert_int_eq(log_bench_append(&b, 1, 1, 1100), ERR_NONE);
    ck_assert_uint_eq(store_log_segment_count(b.log), 1);
    ck_assert_int_eq(log_bench_append(&b, 1, 1, 1101), ERR_NONE);
    ck_assert_uint_eq(store_log_segment_count(b.log), 2);
    ck_assert_int_eq(store_log_active_base(b.log), 2);
    log_bench_fini(&b);
}
END_TEST

START_TEST(rolls_when_the_index_is_full)
{
    struct log_bench b;
    log_bench_init(&b, 1);
    b.options.config.index_bytes_max = 5 * 12;
    b.options.config.index_interval_bytes = 0;
    ck_assert_int_eq(log_bench_open(&b, true), ERR_NONE);
    /* The first batch gets no entry; the time index keeps one for the close. */
    fill(&b, 5);
    ck_assert_uint_eq(store_log_segment_count(b.log), 1);
    ck_assert_int_eq(log_bench_append(&b, 1, 1, 2000), ERR_NONE);
    ck_assert_uint_eq(store_log_segment_count(b.log), 2);
    log_bench_fini(&b);
}
END_TEST

static enum err append_at(struct log_bench *b, int64_t base)
{
    struct buf bytes = {0};
    struct batch_spec spec = {base, 1, 1, 5, 10};
    batch_put(&bytes, &spec);
    enum err e = append_bytes(b, bytes.data, bytes.len);
    buf_fini(&bytes);
    return e;
}

START_TEST(offsets_too_far_for_an_index_roll)
{
    struct log_bench b;
    open_new(&b);
    int64_t far = (INT64_C(1) << 31) + 10;
    fill(&b, 1);
    fault_fs_fail(b.disk, FAULT_WRITE, 0, ERR_NO_SPACE, 1);
    ck_assert_int_eq(append_at(&b, far), ERR_NO_SPACE);
    ck_assert_int_eq(store_log_end_offset(b.log), 3);
    ck_assert_int_eq(append_at(&b, far), ERR_NONE);
    ck_assert_int_eq(store_log_active_base(b.log), far);
    ck_assert_int_eq(append_at(&b, far + 1), ERR_NONE);

    /* A read in the gap gets what follows it. */
    struct store_read read;
    struct store_read_query query = {5, INT64_MAX, FAR, true};
    ck_assert_int_eq(store_log_read(b.log, &query, &read), ERR_NONE);
    ck_assert_int_eq(read.base_offset, far);
    store_read_done(&read);
    log_bench_close(&b);
    ck_assert_int_eq(log_bench_open(&b, true), ERR_NONE);
    ck_assert_int_eq(store_log_end_offset(b.log), far + 2);
    log_bench_fini(&b);
}
END_TEST

START_TEST(one_append_may_fill_many_segments)
{
    struct log_bench b;
    struct buf bytes = {0};
    struct buf back = {0};
    log_bench_init(&b, 1);
    b.options.config.segment_bytes = 700;
    ck_assert_int_eq(log_bench_open(&b, true), ERR_NONE);
    for (int64_t i = 0; i < 50; i++) {
        struct batch_spec spec = {i, 1, 1, 5, 100};
        batch_put(&bytes, &spec);
    }
    struct slice parts[2] = {slice_of(bytes.data, bytes.len / 2),
                             slice_of(bytes.data + bytes.len / 2, bytes.len / 2)};
    /* When the 30th write fails, the 29 before are taken back. */
    fault_fs_fail(b.disk, FAULT_WRITE, 29, ERR_NO_SPACE, 1);
    ck_assert_int_eq(store_log_append(b.log, parts, 2, 0), ERR_NO_SPACE);
    ck_assert(fault_fs_struck(b.disk));
    ck_assert_int_eq(store_log_end_offset(b.log), 0);
    ck_assert_uint_eq(store_log_segment_count(b.log), 1);

    ck_assert_int_eq(store_log_append(b.log, parts, 2, 0), ERR_NONE);
    ck_assert_int_eq(store_log_end_offset(b.log), 50);
    ck_assert_uint_gt(store_log_segment_count(b.log), 10);
    log_bench_read_all(&b, 0, &back);
    ck_assert(slice_eq(buf_slice(&back), buf_slice(&bytes)));
    buf_fini(&bytes);
    buf_fini(&back);
    log_bench_fini(&b);
}
END_TEST

/* ---- removal ---- */

START_TEST(retention_by_size_and_time)
{
    struct log_bench b;
    uint32_t removed = 0;
    log_bench_init(&b, 1);
    b.options.config.segment_bytes = 1000;
    ck_assert_int_eq(log_bench_open(&b, true), ERR_NONE);
    fill(&b, 40);
    uint32_t segments = store_log_segment_count(b.log);
    struct store_retention r = {-1, -1, FAR, 5000};
    ck_assert_int_eq(store_log_retain(b.log, &r, &removed), ERR_NONE);
    ck_assert_uint_eq(removed, 0);

    /* By size, but only what consumers may have seen. */
    r.bytes = (int64_t)store_log_size(b.log) - 1000;
    r.high_watermark = 0;
    ck_assert_int_eq(store_log_retain(b.log, &r, &removed), ERR_NONE);
    ck_assert_uint_eq(removed, 0);
    r.high_watermark = FAR;
    ck_assert_int_eq(store_log_retain(b.log, &r, &removed), ERR_NONE);
    ck_assert_uint_eq(removed, 1);
    ck_assert_uint_eq(store_log_segment_count(b.log), segments - 1);
    ck_assert_int_gt(store_log_start_offset(b.log), 0);

    /* By time: all of it, so that the active one is rolled. */
    r = (struct store_retention){-1, 100, FAR, 9000};
    ck_assert_int_eq(store_log_retain(b.log, &r, &removed), ERR_NONE);
    ck_assert_uint_eq(removed, segments - 1);
    ck_assert_int_eq(store_log_start_offset(b.log), 120);
    ck_assert_int_eq(store_log_end_offset(b.log), 120);
    ck_assert_uint_eq(store_log_size(b.log), 0);
    log_bench_fini(&b);
}
END_TEST

static void count_name(void *arg, const char *name)
{
    (void)name;
    (*(int *)arg)++;
}

START_TEST(removed_files_wait_in_the_trash)
{
    struct log_bench b;
    int before = 0;
    int after = 0;
    log_bench_init(&b, 1);
    b.options.config.segment_bytes = 1000;
    ck_assert_int_eq(log_bench_open(&b, true), ERR_NONE);
    fill(&b, 40);
    ck_assert_int_eq(store_log_set_start(b.log, 118), ERR_NONE);
    ck_assert_int_eq(store_fs_list(b.fs, LOG_BENCH_DIR, count_name, &before), ERR_NONE);
    struct store_trash *trash = store_log_take_trash(b.log);
    ck_assert_ptr_nonnull(trash);
    ck_assert_ptr_null(store_log_take_trash(b.log));
    store_trash_empty(trash);
    ck_assert_int_eq(store_fs_list(b.fs, LOG_BENCH_DIR, count_name, &after), ERR_NONE);
    ck_assert_int_gt(before, 20);
    ck_assert_int_le(after, 5);
    log_bench_fini(&b);
}
END_TEST

START_TEST(delete_renames_and_removes)
{
    struct log_bench b;
    char *path = NULL;
    open_new(&b);
    fill(&b, 5);
    struct uuid unique = {0x1234, 0xabcd};
    ck_assert_int_eq(store_log_delete(b.log, unique, &path), ERR_NONE);
    b.log = NULL;
    ck_assert_str_eq(path, "/data/topic-0.0000000000001234000000000000abcd-delete");
    ck_assert(!store_fs_exists(b.fs, LOG_BENCH_DIR));
    ck_assert_int_eq(store_fs_remove_tree(b.fs, path), ERR_NONE);
    ck_assert(!store_fs_exists(b.fs, path));
    free(path);
    log_bench_fini(&b);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("log");
    TCase *tc = tcase_create("log");
    tcase_add_test(tc, refuses_what_is_no_batch);
    tcase_add_test(tc, refuses_offsets_that_go_back);
    tcase_add_test(tc, refuses_reads_outside);
    tcase_add_test(tc, the_first_batch_comes_whole_only_if_asked);
    tcase_add_test(tc, nothing_above_the_end_offset_is_read);
    tcase_add_test(tc, a_piece_outlives_its_segment);
    tcase_add_test(tc, rolls_when_full);
    tcase_add_test(tc, rolls_by_the_clock_of_the_batches);
    tcase_add_test(tc, rolls_when_the_index_is_full);
    tcase_add_test(tc, offsets_too_far_for_an_index_roll);
    tcase_add_test(tc, one_append_may_fill_many_segments);
    tcase_add_test(tc, retention_by_size_and_time);
    tcase_add_test(tc, removed_files_wait_in_the_trash);
    tcase_add_test(tc, delete_renames_and_removes);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
