/* Disks that fail and processes that end: what the log promises then. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/prng.h"
#include "tests/lib/log_bench.h"

enum { FAR = 1 << 30, RANDOM_SEEDS = 60 };

static void open_new(struct log_bench *b, uint64_t seed)
{
    log_bench_init(b, seed);
    ck_assert_int_eq(log_bench_open(b, true), ERR_NONE);
}

static void fill(struct log_bench *b, int count)
{
    int32_t epoch = (int32_t)max_i64(1, store_log_latest_epoch(b->log));
    for (int i = 0; i < count; i++) {
        ck_assert_int_eq(log_bench_append(b, 3, epoch + i / 10, 1000 + i), ERR_NONE);
    }
}

static const char *segment_path(void)
{
    return LOG_BENCH_DIR "/00000000000000000000.log";
}

static void cut_file(struct log_bench *b, uint64_t size)
{
    int fd = -1;
    ck_assert_int_eq(store_fs_open(b->fs, segment_path(), STORE_OPEN_WRITE, &fd), ERR_NONE);
    ck_assert_int_eq(store_fs_truncate(b->fs, fd, size), ERR_NONE);
    store_fs_close(b->fs, fd);
}

/* ---- torn tails ---- */

START_TEST(a_tail_torn_at_any_byte_is_cut)
{
    struct log_bench b;
    open_new(&b, 1);
    fill(&b, 4);
    uint64_t size = store_log_size(b.log);
    uint64_t batch = size / 4;
    log_bench_crash(&b, FAULT_CRASH_PROCESS, 0);
    for (uint64_t cut = 1; cut < batch; cut++) {
        cut_file(&b, size - cut);
        ck_assert_int_eq(log_bench_open(&b, false), ERR_NONE);
        const struct store_recovery *r = store_log_recovery(b.log);
        ck_assert_int_eq(store_log_end_offset(b.log), 9);
        ck_assert_uint_eq(store_log_size(b.log), size - batch);
        ck_assert_int_eq(r->cut_offset, 9);
        ck_assert_uint_eq(r->bytes_cut, batch - cut);
        ck_assert_ptr_nonnull(r->reason);
        /* The log goes on where it was cut. */
        ck_assert_int_eq(log_bench_append(&b, 3, 1, 1003), ERR_NONE);
        ck_assert_uint_eq(store_log_size(b.log), size);
        log_bench_crash(&b, FAULT_CRASH_PROCESS, 0);
    }
    log_bench_fini(&b);
}
END_TEST

START_TEST(a_flipped_bit_anywhere_is_found)
{
    struct log_bench b;
    uint8_t byte = 0;
    size_t got = 0;
    int fd = -1;
    open_new(&b, 1);
    fill(&b, 3);
    uint64_t batch = store_log_size(b.log) / 3;
    log_bench_crash(&b, FAULT_CRASH_PROCESS, 0);
    ck_assert_int_eq(store_fs_open(b.fs, segment_path(), STORE_OPEN_WRITE, &fd), ERR_NONE);
    struct buf whole = {0};
    ck_assert_int_eq(store_fs_read_file(b.fs, segment_path(), FAR, &whole), ERR_NONE);
    for (uint64_t at = 0; at < batch; at++) {
        if (at >= 12 && at < 16) {
            continue; /* the leader epoch is not covered, it is stamped by the leader */
        }
        uint64_t position = batch + at;
        ck_assert_int_eq(store_fs_pread(b.fs, fd, store_room(&byte, 1), position, &got), ERR_NONE);
        byte ^= 0x40;
        ck_assert_int_eq(store_fs_pwrite(b.fs, fd, slice_of(&byte, 1), position), ERR_NONE);
        ck_assert_int_eq(log_bench_open(&b, false), ERR_NONE);
        /* A base offset may rise without notice: it is not covered either. */
        ck_assert_int_ge(store_log_end_offset(b.log), 3);
        if (at >= 8) {
            ck_assert_int_eq(store_log_end_offset(b.log), 3);
        }
        store_log_abandon(b.log);
        b.log = NULL;
        ck_assert_int_eq(store_fs_pwrite(b.fs, fd, buf_slice(&whole), 0), ERR_NONE);
    }
    store_fs_close(b.fs, fd);
    buf_fini(&whole);
    log_bench_fini(&b);
}
END_TEST

START_TEST(segments_behind_the_cut_go)
{
    struct log_bench b;
    log_bench_init(&b, 1);
    b.options.config.segment_bytes = 1000;
    ck_assert_int_eq(log_bench_open(&b, true), ERR_NONE);
    fill(&b, 40);
    uint32_t segments = store_log_segment_count(b.log);
    log_bench_crash(&b, FAULT_CRASH_PROCESS, 0);
    cut_file(&b, 300);
    ck_assert_int_eq(log_bench_open(&b, false), ERR_NONE);
    ck_assert_int_eq(store_log_end_offset(b.log), 3);
    ck_assert_uint_eq(store_log_segment_count(b.log), 1);
    ck_assert_uint_eq(store_log_recovery(b.log)->segments_deleted, segments - 1);
    ck_assert_int_eq(store_log_latest_epoch(b.log), 1);
    log_bench_fini(&b);
}
END_TEST

/* A byte in the fifth batch flips: what was promised behind it is not cut away. */
START_TEST(what_was_promised_is_not_cut)
{
    struct log_bench b;
    struct buf before = {0};
    struct buf after = {0};
    uint8_t byte = 0;
    int fd = -1;
    size_t got = 0;
    log_bench_init(&b, 1);
    b.options.config.segment_bytes = 1000;
    ck_assert_int_eq(log_bench_open(&b, true), ERR_NONE);
    fill(&b, 20);
    log_bench_crash(&b, FAULT_CRASH_PROCESS, 0);
    ck_assert_int_eq(store_fs_open(b.fs, segment_path(), STORE_OPEN_WRITE, &fd), ERR_NONE);
    ck_assert_int_eq(store_fs_pread(b.fs, fd, store_room(&byte, 1), 500, &got), ERR_NONE);
    byte ^= 1;
    ck_assert_int_eq(store_fs_pwrite(b.fs, fd, slice_of(&byte, 1), 500), ERR_NONE);
    store_fs_close(b.fs, fd);
    ck_assert_int_eq(store_fs_read_file(b.fs, segment_path(), FAR, &before), ERR_NONE);
    b.options.promised_end = 60;
    for (int i = 0; i < 2; i++) { /* it stays so */
        ck_assert_int_eq(log_bench_open(&b, false), ERR_CORRUPT);
        ck_assert_ptr_nonnull(strstr(b.why.text, "Nothing was cut"));
        ck_assert_ptr_nonnull(strstr(b.why.text, "wrong checksum"));
    }
    ck_assert_int_eq(store_fs_read_file(b.fs, segment_path(), FAR, &after), ERR_NONE);
    ck_assert(slice_eq(buf_slice(&before), buf_slice(&after)));
    /* Nothing promised is behind the damage. */
    b.options.promised_end = 3;
    ck_assert_int_eq(log_bench_open(&b, false), ERR_NONE);
    int64_t end = store_log_end_offset(b.log);
    ck_assert_int_ge(end, 3);
    ck_assert_int_lt(end, 30);
    ck_assert_uint_eq(store_log_segment_count(b.log), 1);
    buf_fini(&before);
    buf_fini(&after);
    log_bench_fini(&b);
}
END_TEST

START_TEST(below_the_recovery_point_nothing_is_read)
{
    struct log_bench b;
    log_bench_init(&b, 1);
    b.options.config.segment_bytes = 1000;
    ck_assert_int_eq(log_bench_open(&b, true), ERR_NONE);
    fill(&b, 40);
    ck_assert_int_eq(store_log_flush(b.log), ERR_NONE);
    fill(&b, 1);
    int64_t point = store_log_recovery_point(b.log);
    ck_assert_int_eq(point, 120);
    log_bench_crash(&b, FAULT_CRASH_LOSE, point);
    ck_assert_int_eq(log_bench_open(&b, false), ERR_NONE);
    ck_assert_uint_eq(store_log_recovery(b.log)->segments_scanned, 1);
    ck_assert_int_eq(store_log_end_offset(b.log), 120);
    ck_assert_int_eq(store_log_latest_epoch(b.log), 4);
    log_bench_fini(&b);
}
END_TEST

START_TEST(clean_and_yet_torn_is_recovered)
{
    struct log_bench b;
    open_new(&b, 1);
    fill(&b, 30);
    uint64_t size = store_log_size(b.log);
    log_bench_close(&b);
    cut_file(&b, size - 7);
    ck_assert_int_eq(log_bench_open(&b, true), ERR_NONE);
    ck_assert_int_eq(store_log_end_offset(b.log), 87);
    ck_assert_int_eq(store_log_recovery(b.log)->cut_offset, 87);
    log_bench_fini(&b);
}
END_TEST

/* Every file that the log can do without is broken in turn. */
START_TEST(broken_side_files_are_rebuilt)
{
    static const char *const names[] = {
        "00000000000000000000.index", "00000000000000000000.timeindex", "leader-epoch-checkpoint"};
    struct log_bench b;
    struct buf before = {0};
    struct buf path = {0};
    open_new(&b, 1);
    fill(&b, 60);
    log_bench_read_all(&b, 0, &before);
    log_bench_close(&b);
    buf_printf(&path, "%s/%s", LOG_BENCH_DIR, names[_i / 2]);
    buf_put(&path, "", 1);
    const char *file = (const char *)path.data;
    struct buf content = {0};
    struct buf again = {0};
    ck_assert_int_eq(store_fs_read_file(b.fs, file, FAR, &content), ERR_NONE);
    if (_i % 2 == 0) {
        ck_assert_int_eq(store_fs_write_file(b.fs, file, slice_str("123"), false), ERR_NONE);
    } else {
        ck_assert_int_eq(store_fs_unlink(b.fs, file), ERR_NONE);
    }
    ck_assert_int_eq(log_bench_open(&b, names[_i / 2][0] == '0'), ERR_NONE);
    ck_assert_int_eq(store_log_end_offset(b.log), 180);
    ck_assert_int_eq(store_log_latest_epoch(b.log), 6);
    struct store_read read;
    struct store_read_query query = {100, FAR, FAR, true};
    ck_assert_int_eq(store_log_read(b.log, &query, &read), ERR_NONE);
    ck_assert_int_eq(read.base_offset, 99);
    store_read_done(&read);
    ck_assert_int_eq(log_bench_append(&b, 3, 6, 2000), ERR_NONE);
    ck_assert_int_eq(store_log_truncate_to(b.log, 180), ERR_NONE);
    log_bench_close(&b);
    ck_assert_int_eq(store_fs_read_file(b.fs, file, FAR, &again), ERR_NONE);
    ck_assert_uint_ge(again.len, content.len);
    ck_assert(memcmp(again.data, content.data, content.len) == 0);
    buf_fini(&again);
    buf_fini(&content);
    buf_fini(&before);
    buf_fini(&path);
    log_bench_fini(&b);
}
END_TEST

/* ---- full and failing disks ---- */

/* Appends until the rule strikes; afterwards the log is as before the failed call and goes on. */
START_TEST(a_full_disk_at_any_write_loses_nothing)
{
    struct log_bench b;
    struct buf before = {0};
    struct buf after = {0};
    log_bench_init(&b, (uint64_t)_i + 1);
    b.options.config.segment_bytes = 2000;
    b.options.config.index_interval_bytes = 0;
    ck_assert_int_eq(log_bench_open(&b, true), ERR_NONE);
    uint32_t kinds = FAULT_WRITE | FAULT_OPEN;
    fault_fs_fail(b.disk, kinds, (uint32_t)_i, _i % 2 == 0 ? ERR_NO_SPACE : ERR_IO, 1);
    for (int i = 0; i < 60 && !fault_fs_struck(b.disk); i++) {
        int64_t end = store_log_end_offset(b.log);
        uint64_t size = store_log_size(b.log);
        enum err e = log_bench_append(&b, 3, 1 + i / 10, 1000 + i);
        ck_assert_int_eq(store_log_end_offset(b.log), e == ERR_NONE ? end + 3 : end);
        ck_assert(e == ERR_NONE || store_log_size(b.log) == size);
    }
    ck_assert(fault_fs_struck(b.disk));
    ck_assert(!store_log_is_offline(b.log));
    fill(&b, 20);
    log_bench_read_all(&b, 0, &before);
    ck_assert_uint_eq(before.len, store_log_size(b.log));
    int64_t end = store_log_end_offset(b.log);
    log_bench_crash(&b, FAULT_CRASH_PROCESS, 0);
    ck_assert_int_eq(log_bench_open(&b, false), ERR_NONE);
    ck_assert_int_eq(store_log_end_offset(b.log), end);
    log_bench_read_all(&b, 0, &after);
    ck_assert(slice_eq(buf_slice(&before), buf_slice(&after)));
    buf_fini(&before);
    buf_fini(&after);
    log_bench_fini(&b);
}
END_TEST

START_TEST(a_write_that_cannot_be_taken_back_puts_the_log_offline)
{
    struct log_bench b;
    struct store_read read;
    open_new(&b, 1);
    fill(&b, 3);
    fault_fs_fail(b.disk, FAULT_WRITE | FAULT_TRUNCATE, 0, ERR_IO, FAULT_FOREVER);
    ck_assert_int_eq(log_bench_append(&b, 3, 1, 1), ERR_IO);
    ck_assert(store_log_is_offline(b.log));
    fault_fs_heal(b.disk);
    /* Not as if nothing had happened. */
    struct store_read_query query = {0, 3, FAR, true};
    ck_assert_int_eq(log_bench_append(&b, 3, 1, 1), ERR_IO);
    ck_assert_int_eq(store_log_read(b.log, &query, &read), ERR_IO);
    ck_assert_int_eq(store_log_flush(b.log), ERR_IO);
    ck_assert_int_eq(store_log_truncate_to(b.log, 3), ERR_IO);
    ck_assert_int_eq(store_log_truncate_fully(b.log, 3), ERR_IO);
    ck_assert_int_eq(store_log_set_start(b.log, 3), ERR_IO);
    ck_assert_int_eq(store_log_roll(b.log, 0), ERR_IO);
    ck_assert_int_eq(store_log_close(b.log), ERR_IO);
    b.log = NULL;
    log_bench_fini(&b);
}
END_TEST

START_TEST(a_failed_sync_is_never_tried_again)
{
    struct log_bench b;
    struct store_flush flush;
    open_new(&b, 1);
    fill(&b, 3);
    fault_fs_fail(b.disk, _i == 0 ? FAULT_SYNC : FAULT_SYNC_DIR, 0, ERR_IO, 1);
    ck_assert_int_eq(store_log_flush_begin(b.log, &flush), ERR_NONE);
    store_flush_run(&flush);
    ck_assert_int_eq(store_log_flush_done(b.log, &flush), ERR_IO);
    ck_assert_int_eq(store_log_recovery_point(b.log), 0);
    ck_assert(store_log_is_offline(b.log));
    uint64_t syncs = fault_fs_calls(b.disk, FAULT_SYNC);
    ck_assert_int_eq(store_log_flush(b.log), ERR_IO);
    ck_assert_int_eq(store_log_close(b.log), ERR_IO);
    ck_assert_uint_eq(fault_fs_calls(b.disk, FAULT_SYNC), syncs);
    b.log = NULL;
    log_bench_fini(&b);
}
END_TEST

START_TEST(a_truncation_during_a_flush_holds_the_recovery_point)
{
    struct log_bench b;
    struct store_flush flush;
    open_new(&b, 1);
    fill(&b, 10);
    ck_assert_int_eq(store_log_flush_begin(b.log, &flush), ERR_NONE);
    ck_assert_int_eq(store_log_truncate_to(b.log, 6), ERR_NONE);
    fill(&b, 10);
    store_flush_run(&flush);
    ck_assert_int_eq(store_log_flush_done(b.log, &flush), ERR_NONE);
    ck_assert_int_eq(store_log_recovery_point(b.log), 0);
    log_bench_fini(&b);
}
END_TEST

/* ---- random crashes ---- */

struct world {
    struct log_bench b;
    struct prng p;
    bool truncates;
    int32_t epoch;
    int64_t flushed; /* all below is durable … */
    size_t bytes;    /* … that is so many bytes */
    int64_t point;   /* the checkpoint that was written last */
    struct buf live; /* the bytes of the log, as they were appended */
};

static void append_random(struct world *w)
{
    struct buf bytes = {0};
    w->epoch += prng_chance(&w->p, 1, 20) ? 1 : 0;
    struct batch_spec spec = {store_log_end_offset(w->b.log), (int32_t)prng_range(&w->p, 1, 9),
                              w->epoch, 1000, (uint32_t)prng_below(&w->p, 700)};
    batch_put(&bytes, &spec);
    struct slice part = buf_slice(&bytes);
    ck_assert_int_eq(store_log_append(w->b.log, &part, 1, 1000), ERR_NONE);
    buf_put_slice(&w->live, part);
    buf_fini(&bytes);
}

/* A new leader whose log is shorter. */
static void truncate_random(struct world *w)
{
    int64_t end = store_log_end_offset(w->b.log);
    int64_t to = prng_range(&w->p, max_i64(0, end - 60), end);
    ck_assert_int_eq(store_log_truncate_to(w->b.log, to), ERR_NONE);
    w->epoch++;
    w->live.len = store_log_size(w->b.log);
    w->bytes = min_size(w->bytes, w->live.len);
    w->flushed = min_i64(w->flushed, store_log_end_offset(w->b.log));
    w->point = min_i64(w->point, store_log_recovery_point(w->b.log));
}

/* Offsets without a hole, epochs that do not go back, as in a log that never crashed. */
static void check_order(struct world *w, struct slice bytes)
{
    int64_t next = 0;
    int32_t epoch = -1;
    while (bytes.len > 0) {
        struct wire_batch batch;
        ck_assert_int_eq(wire_batch_parse(bytes, &batch), ERR_NONE);
        ck_assert_int_eq(wire_batch_check_crc(&batch), ERR_NONE);
        ck_assert_int_eq(batch.base_offset, next);
        ck_assert_int_ge(batch.leader_epoch, epoch);
        next = wire_batch_last_offset(&batch) + 1;
        epoch = batch.leader_epoch;
        ck_assert_int_eq(store_log_epoch_at(w->b.log, batch.base_offset), epoch);
        bytes = slice_of(bytes.data + batch.bytes.len, bytes.len - batch.bytes.len);
    }
    ck_assert_int_eq(store_log_latest_epoch(w->b.log), epoch);
}

/* The log has what was promised, and no byte that was not written. (A truncation may be undone, as
 * long as nothing of it was flushed.) */
static void check_promise(struct world *w)
{
    struct buf back = {0};
    log_bench_read_all(&w->b, 0, &back);
    ck_assert_int_ge(store_log_end_offset(w->b.log), w->flushed);
    ck_assert_uint_ge(back.len, w->bytes);
    size_t same = w->truncates ? w->bytes : back.len;
    ck_assert_uint_le(same, w->live.len);
    ck_assert(same == 0 || memcmp(back.data, w->live.data, same) == 0);
    check_order(w, buf_slice(&back));
    buf_reset(&w->live);
    buf_put_slice(&w->live, buf_slice(&back));
    buf_fini(&back);
}

static void note_durable(struct world *w)
{
    w->flushed = store_log_end_offset(w->b.log);
    w->bytes = w->live.len;
}

static void step(struct world *w)
{
    uint64_t what = prng_below(&w->p, 100);
    if (what < 67) {
        append_random(w);
    } else if (what < 70 && w->truncates) {
        truncate_random(w);
    } else if (what < 78) {
        ck_assert_int_eq(store_log_flush(w->b.log), ERR_NONE);
        note_durable(w);
    } else if (what < 85) {
        w->point = store_log_recovery_point(w->b.log);
    } else if (what < 90) {
        ck_assert_int_eq(store_log_roll(w->b.log, 1000), ERR_NONE);
    } else if (what < 93) {
        log_bench_close(&w->b);
        ck_assert_int_eq(log_bench_open(&w->b, true), ERR_NONE);
        note_durable(w);
        w->point = w->flushed;
    } else {
        log_bench_crash(&w->b, FAULT_CRASH_RANDOM, w->point);
        enum err e = log_bench_open(&w->b, false);
        ck_assert_msg(e == ERR_NONE, "%s", w->b.why.text);
        check_promise(w);
    }
}

static void run_world(uint64_t seed, bool truncates)
{
    struct world w = {.truncates = truncates};
    prng_init(&w.p, seed);
    log_bench_init(&w.b, seed);
    w.b.options.gapless = true;
    w.b.options.config.segment_bytes = (int32_t)prng_range(&w.p, 1000, 9000);
    w.b.options.config.index_interval_bytes = (int32_t)prng_range(&w.p, 0, 2000);
    w.b.options.config.ahead_bytes = prng_chance(&w.p, 1, 2) ? (int32_t)seed * 150 : 0;
    ck_assert_int_eq(log_bench_open(&w.b, true), ERR_NONE);
    for (int i = 0; i < 150; i++) {
        step(&w);
    }
    check_promise(&w);
    buf_fini(&w.live);
    log_bench_fini(&w.b);
}

START_TEST(what_was_flushed_survives_any_crash)
{
    run_world((uint64_t)_i + 1, false);
}
END_TEST

START_TEST(truncations_and_crashes_mix_no_timelines)
{
    run_world((uint64_t)_i + 1, true);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("recover");
    TCase *tc = tcase_create("recover");
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, a_tail_torn_at_any_byte_is_cut);
    tcase_add_test(tc, a_flipped_bit_anywhere_is_found);
    tcase_add_test(tc, segments_behind_the_cut_go);
    tcase_add_test(tc, what_was_promised_is_not_cut);
    tcase_add_test(tc, below_the_recovery_point_nothing_is_read);
    tcase_add_test(tc, clean_and_yet_torn_is_recovered);
    tcase_add_loop_test(tc, broken_side_files_are_rebuilt, 0, 6);
    tcase_add_loop_test(tc, a_full_disk_at_any_write_loses_nothing, 0, 60);
    tcase_add_test(tc, a_write_that_cannot_be_taken_back_puts_the_log_offline);
    tcase_add_loop_test(tc, a_failed_sync_is_never_tried_again, 0, 2);
    tcase_add_test(tc, a_truncation_during_a_flush_holds_the_recovery_point);
    tcase_add_loop_test(tc, what_was_flushed_survives_any_crash, 0, RANDOM_SEEDS);
    tcase_add_loop_test(tc, truncations_and_crashes_mix_no_timelines, 0, RANDOM_SEEDS);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
