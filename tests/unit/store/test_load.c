/* What a crash leaves half done in a partition's directory, and old message formats. */
#include <check.h>
#include <stdlib.h>
#include <zlib.h>

#include "tests/lib/log_bench.h"

enum { BIG = 1 << 30 };

static void open_filled(struct log_bench *b)
{
    log_bench_init(b, 1);
    b->options.config.segment_bytes = 1000;
    ck_assert_int_eq(log_bench_open(b, true), ERR_NONE);
    for (int i = 0; i < 40; i++) {
        ck_assert_int_eq(log_bench_append(b, 3, 1, 1000 + i), ERR_NONE);
    }
}

static struct buf path_of(const char *name)
{
    struct buf path = {0};
    buf_printf(&path, "%s/%s", LOG_BENCH_DIR, name);
    buf_put(&path, "", 1);
    return path;
}

static void put_file(struct log_bench *b, const char *name, struct slice content)
{
    struct buf path = path_of(name);
    ck_assert_int_eq(store_fs_write_file(b->fs, (const char *)path.data, content, false), ERR_NONE);
    buf_fini(&path);
}

static bool has_file(struct log_bench *b, const char *name)
{
    struct buf path = path_of(name);
    bool has = store_fs_exists(b->fs, (const char *)path.data);
    buf_fini(&path);
    return has;
}

START_TEST(leftovers_go)
{
    struct log_bench b;
    open_filled(&b);
    log_bench_close(&b);
    put_file(&b, "00000000000000000500.log.deleted", slice_str("x"));
    put_file(&b, "00000000000000000500.timeindex.deleted", slice_str("x"));
    put_file(&b, "00000000000000000012.log.cleaned", slice_str("x"));
    put_file(&b, "00000000000000000024.log.swap", slice_str("x"));
    put_file(&b, "00000000000000000700.index", slice_str(""));
    put_file(&b, "00000000000000000700-0000000001.checkpoint", slice_str("x"));
    put_file(&b, "something else", slice_str("x"));
    ck_assert_int_eq(log_bench_open(&b, true), ERR_NONE);
    ck_assert(!has_file(&b, "00000000000000000500.log.deleted"));
    ck_assert(!has_file(&b, "00000000000000000500.timeindex.deleted"));
    ck_assert(!has_file(&b, "00000000000000000012.log.cleaned"));
    ck_assert(!has_file(&b, "00000000000000000024.log.swap"));
    ck_assert(!has_file(&b, "00000000000000000700.index"));
    ck_assert(has_file(&b, "00000000000000000700-0000000001.checkpoint"));
    ck_assert(has_file(&b, "something else"));
    ck_assert_int_eq(store_log_end_offset(b.log), 120);
    log_bench_fini(&b);
}
END_TEST

/* Compaction had made one segment of the first three and was about to put it in their place. */
START_TEST(a_swap_takes_the_place_of_what_it_was_made_of)
{
    struct log_bench b;
    struct buf compacted = {0};
    open_filled(&b);
    uint32_t before = store_log_segment_count(b.log);
    log_bench_close(&b);
    struct batch_spec first = {2, 1, 1, 1000, 40};
    struct batch_spec last = {35, 1, 1, 1000, 40};
    batch_put(&compacted, &first);
    batch_put(&compacted, &last);
    put_file(&b, "00000000000000000000.log.swap", buf_slice(&compacted));
    ck_assert_int_eq(log_bench_open(&b, true), ERR_NONE);
    ck_assert_uint_eq(store_log_segment_count(b.log), before - 2);
    ck_assert(!has_file(&b, "00000000000000000000.log.swap"));
    ck_assert(!has_file(&b, "00000000000000000012.log"));
    ck_assert(!has_file(&b, "00000000000000000024.log"));
    struct store_read read;
    struct store_read_query query = {3, BIG, BIG, true};
    ck_assert_int_eq(store_log_read(b.log, &query, &read), ERR_NONE);
    ck_assert_int_eq(read.base_offset, 35);
    store_read_done(&read);
    query.offset = 36;
    ck_assert_int_eq(store_log_read(b.log, &query, &read), ERR_NONE);
    ck_assert_int_eq(read.base_offset, 36);
    store_read_done(&read);
    buf_fini(&compacted);
    log_bench_fini(&b);
}
END_TEST

/* The owner does not know that the topic was compacted once; the gaps inside of a segment tell. */
START_TEST(gaps_of_compaction_are_no_holes)
{
    struct log_bench b;
    struct buf compacted = {0};
    open_filled(&b);
    log_bench_close(&b);
    struct batch_spec first = {2, 1, 1, 1000, 40};
    struct batch_spec last = {7, 1, 1, 1000, 40};
    batch_put(&compacted, &first);
    b.options.gapless = true;
    b.options.recovery_point = 0;
    for (int i = 0; i < 2; i++) {
        batch_put(&compacted, &last);
        put_file(&b, "00000000000000000000.log", buf_slice(&compacted));
        ck_assert_int_eq(log_bench_open(&b, false), ERR_NONE);
        ck_assert_int_eq(store_log_end_offset(b.log), i == 0 ? 120 : 3);
        ck_assert_int_eq(store_log_recovery(b.log)->cut_offset, i == 0 ? -1 : 3);
        store_log_abandon(b.log);
        b.log = NULL;
        /* Without a gap inside: a hole behind offset 2. */
        buf_reset(&compacted);
        last = (struct batch_spec){0, 3, 1, 1000, 40};
    }
    buf_fini(&compacted);
    log_bench_fini(&b);
}
END_TEST

START_TEST(a_log_that_ends_before_its_start_begins_anew)
{
    struct log_bench b;
    open_filled(&b);
    log_bench_close(&b);
    b.options.log_start_offset = 500;
    ck_assert_int_eq(log_bench_open(&b, true), ERR_NONE);
    ck_assert_int_eq(store_log_start_offset(b.log), 500);
    ck_assert_int_eq(store_log_end_offset(b.log), 500);
    ck_assert_uint_eq(store_log_segment_count(b.log), 1);
    log_bench_fini(&b);
}
END_TEST

START_TEST(a_new_log_begins_at_its_start)
{
    struct log_bench b;
    log_bench_init(&b, 1);
    b.options.log_start_offset = 77;
    ck_assert_int_eq(log_bench_open(&b, false), ERR_NONE);
    ck_assert_int_eq(store_log_end_offset(b.log), 77);
    ck_assert(has_file(&b, "00000000000000000077.log"));
    ck_assert_int_eq(log_bench_append(&b, 1, 0, 1), ERR_NONE);
    log_bench_fini(&b);
}
END_TEST

/* A crash of Kafka leaves indexes extended with zeroes. */
START_TEST(preallocated_indexes_are_rebuilt)
{
    struct log_bench b;
    open_filled(&b);
    log_bench_close(&b);
    uint8_t zeroes[4096] = {0};
    put_file(&b, "00000000000000000000.index", slice_of(zeroes, sizeof zeroes));
    put_file(&b, "00000000000000000000.timeindex", slice_of(zeroes, 4092));
    b.options.recovery_point = 0;
    ck_assert_int_eq(log_bench_open(&b, false), ERR_NONE);
    ck_assert_int_eq(store_log_end_offset(b.log), 120);
    struct store_batch batch;
    struct store_read read;
    bool found = false;
    ck_assert_int_eq(store_log_find_timestamp(b.log, 1002, &batch, &read, &found), ERR_NONE);
    ck_assert(found);
    ck_assert_int_eq(batch.base_offset, 6);
    store_read_done(&read);
    log_bench_fini(&b);
}
END_TEST

/* ---- magic 0 and 1 ---- */

static void put_legacy(struct buf *out, int64_t offset, int8_t magic, int64_t timestamp)
{
    struct buf body = {0};
    buf_put_i8(&body, magic);
    buf_put_i8(&body, 0);
    if (magic == 1) {
        buf_put_i64(&body, timestamp);
    }
    buf_put_i32(&body, -1);
    buf_put_i32(&body, 5);
    buf_put_str(&body, "value");
    buf_put_i64(out, offset);
    buf_put_i32(out, (int32_t)body.len + 4);
    buf_put_u32(out, (uint32_t)crc32(0, body.data, (uInt)body.len));
    buf_put_slice(out, buf_slice(&body));
    buf_fini(&body);
}

START_TEST(old_formats_can_be_read_over)
{
    struct log_bench b;
    struct buf old = {0};
    struct buf back = {0};
    log_bench_init(&b, 1);
    ck_assert_int_eq(store_fs_mkdir(b.fs, LOG_BENCH_DIR), ERR_NONE);
    for (int64_t offset = 0; offset < 40; offset++) {
        put_legacy(&old, offset, offset % 2 == 0 ? 0 : 1, 5000 + offset);
    }
    size_t good = old.len;
    put_legacy(&old, 40, 1, 1);
    old.data[old.len - 1] ^= 1;
    put_file(&b, "00000000000000000000.log", buf_slice(&old));
    ck_assert_int_eq(log_bench_open(&b, false), ERR_NONE);
    ck_assert_int_eq(store_log_end_offset(b.log), 40);
    ck_assert_uint_eq(store_log_size(b.log), good);
    ck_assert_int_eq(store_log_latest_epoch(b.log), -1);
    log_bench_read_all(&b, 0, &back);
    ck_assert(slice_eq(buf_slice(&back), slice_of(old.data, good)));
    struct store_batch batch;
    struct store_read read;
    bool found = false;
    ck_assert_int_eq(store_log_find_timestamp(b.log, 5010, &batch, &read, &found), ERR_NONE);
    ck_assert(found);
    ck_assert_int_eq(batch.last_offset, 11);
    store_read_done(&read);
    /* The new format goes on behind it. */
    ck_assert_int_eq(log_bench_append(&b, 2, 3, 6000), ERR_NONE);
    log_bench_close(&b);
    ck_assert_int_eq(log_bench_open(&b, true), ERR_NONE);
    ck_assert_int_eq(store_log_end_offset(b.log), 42);
    ck_assert_int_eq(store_log_latest_epoch(b.log), 3);
    buf_fini(&old);
    buf_fini(&back);
    log_bench_fini(&b);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("load");
    TCase *tc = tcase_create("load");
    tcase_add_test(tc, leftovers_go);
    tcase_add_test(tc, a_swap_takes_the_place_of_what_it_was_made_of);
    tcase_add_test(tc, gaps_of_compaction_are_no_holes);
    tcase_add_test(tc, a_log_that_ends_before_its_start_begins_anew);
    tcase_add_test(tc, a_new_log_begins_at_its_start);
    tcase_add_test(tc, preallocated_indexes_are_rebuilt);
    tcase_add_test(tc, old_formats_can_be_read_over);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
