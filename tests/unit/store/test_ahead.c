/* Room that is written ahead: what the file has, what a start makes of it, what readers take it
 * for. */
#include "store/ahead.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/lib/log_bench.h"

enum { ROOM = 32 << 10, FAR = 1 << 30 };

static void open_with_room(struct log_bench *b, uint64_t seed)
{
    log_bench_init(b, seed);
    b->options.gapless = true;
    b->options.config.segment_bytes = 1 << 20;
    b->options.config.ahead_bytes = ROOM;
    ck_assert_int_eq(log_bench_open(b, true), ERR_NONE);
}

static void fill(struct log_bench *b, int count)
{
    for (int i = 0; i < count; i++) {
        ck_assert_int_eq(log_bench_append(b, 3, 1, 1000), ERR_NONE);
    }
}

static void segment_path(char path[128], int64_t base)
{
    snprintf(path, 128, LOG_BENCH_DIR "/%020" PRId64 ".log", base);
}

static uint64_t file_size(struct log_bench *b, int64_t base)
{
    char path[128];
    struct store_stat st;
    segment_path(path, base);
    ck_assert_int_eq(store_fs_stat(b->fs, path, &st), ERR_NONE);
    return st.size;
}

static void read_file(struct log_bench *b, int64_t base, struct buf *out)
{
    char path[128];
    segment_path(path, base);
    buf_reset(out);
    ck_assert_int_eq(store_fs_read_file(b->fs, path, FAR, out), ERR_NONE);
}

static void write_file(struct log_bench *b, int64_t base, uint64_t at, struct slice bytes)
{
    char path[128];
    int fd = -1;
    segment_path(path, base);
    ck_assert_int_eq(store_fs_open(b->fs, path, STORE_OPEN_WRITE, &fd), ERR_NONE);
    ck_assert_int_eq(store_fs_pwrite(b->fs, fd, bytes, at), ERR_NONE);
    store_fs_close(b->fs, fd);
}

static void reopen(struct log_bench *b, enum fault_crash how, int64_t recovery_point)
{
    log_bench_crash(b, how, recovery_point);
    enum err e = log_bench_open(b, false);
    ck_assert_msg(e == ERR_NONE, "%s", b->why.text);
}

static void check_uncut(struct log_bench *b, int64_t end)
{
    ck_assert_int_eq(store_log_end_offset(b->log), end);
    ck_assert_ptr_null(store_log_recovery(b->log)->reason);
    ck_assert_uint_eq(store_log_recovery(b->log)->bytes_cut, 0);
}

/* ---- the file ---- */

START_TEST(appends_go_into_the_room)
{
    struct log_bench b;
    struct buf bytes = {0};
    open_with_room(&b, 1);
    fill(&b, 1);
    uint64_t first = file_size(&b, 0);
    uint64_t batch = store_log_size(b.log);
    ck_assert_uint_ge(first, batch + (16 << 10));
    while (store_log_size(b.log) + batch + STORE_AHEAD_MARK <= first) {
        fill(&b, 1);
        ck_assert_uint_eq(file_size(&b, 0), first);
    }
    fill(&b, 1);
    uint64_t second = file_size(&b, 0);
    ck_assert_uint_gt(second, first);
    ck_assert_uint_le(second, store_log_size(b.log) + ROOM);
    /* Behind the batches: the mark, then nothing but zeroes. */
    read_file(&b, 0, &bytes);
    const uint8_t *room = bytes.data + store_log_size(b.log);
    const uint8_t *end = bytes.data + bytes.len;
    ck_assert_int_eq((int64_t)load_u64(room), -1);
    ck_assert_int_eq((int32_t)load_u32(room + 8), INT32_MAX);
    for (const uint8_t *at = room + STORE_AHEAD_MARK; at < end; at++) {
        ck_assert_uint_eq(*at, 0);
    }
    buf_fini(&bytes);
    log_bench_fini(&b);
}
END_TEST

START_TEST(a_large_batch_makes_no_room)
{
    struct log_bench b;
    struct buf bytes = {0};
    open_with_room(&b, 1);
    struct batch_spec spec = {0, 20, 1, 1000, 500};
    batch_put(&bytes, &spec);
    struct slice part = buf_slice(&bytes);
    ck_assert_int_eq(store_log_append(b.log, &part, 1, 1000), ERR_NONE);
    ck_assert_uint_eq(file_size(&b, 0), bytes.len);
    buf_fini(&bytes);
    log_bench_fini(&b);
}
END_TEST

START_TEST(room_ends_with_the_segment)
{
    struct log_bench b;
    log_bench_init(&b, 1);
    b.options.config.segment_bytes = 5000;
    b.options.config.ahead_bytes = ROOM;
    ck_assert_int_eq(log_bench_open(&b, true), ERR_NONE);
    fill(&b, 1);
    ck_assert_uint_eq(file_size(&b, 0), 5000);
    uint64_t batch = store_log_size(b.log);
    while (store_log_segment_count(b.log) == 1) {
        fill(&b, 1);
    }
    ck_assert_uint_eq(file_size(&b, 0), store_log_size(b.log) - batch);
    ck_assert_uint_eq(file_size(&b, store_log_active_base(b.log)), 5000);
    log_bench_fini(&b);
}
END_TEST

START_TEST(a_truncation_takes_the_room_along)
{
    struct log_bench b;
    open_with_room(&b, 1);
    fill(&b, 10);
    ck_assert_int_eq(store_log_truncate_to(b.log, 12), ERR_NONE);
    ck_assert_uint_eq(file_size(&b, 0), store_log_size(b.log));
    fill(&b, 1);
    ck_assert_uint_gt(file_size(&b, 0), store_log_size(b.log));
    reopen(&b, FAULT_CRASH_PROCESS, 0);
    check_uncut(&b, 15);
    log_bench_fini(&b);
}
END_TEST

START_TEST(a_close_or_a_stop_takes_it_away)
{
    struct log_bench b;
    open_with_room(&b, 1);
    fill(&b, 10);
    uint64_t size = store_log_size(b.log);
    ck_assert_int_eq(store_log_cut_ahead(b.log), ERR_NONE);
    ck_assert_uint_eq(file_size(&b, 0), size);
    fill(&b, 1);
    ck_assert_uint_gt(file_size(&b, 0), store_log_size(b.log));
    size = store_log_size(b.log);
    log_bench_close(&b);
    store_files_free(b.files);
    fault_fs_crash(b.disk, FAULT_CRASH_LOSE);
    b.files = store_files_new(b.fs, 4);
    b.options.files = b.files;
    ck_assert_uint_eq(file_size(&b, 0), size);
    ck_assert_int_eq(log_bench_open(&b, true), ERR_NONE);
    check_uncut(&b, 33);
    log_bench_fini(&b);
}
END_TEST

/* ---- starts ---- */

START_TEST(a_start_takes_room_for_no_damage)
{
    struct log_bench b;
    struct buf live = {0};
    struct buf back = {0};
    open_with_room(&b, 1);
    fill(&b, 7);
    log_bench_read_all(&b, 0, &live);
    reopen(&b, FAULT_CRASH_PROCESS, 0);
    check_uncut(&b, 21);
    ck_assert_uint_eq(file_size(&b, 0), live.len);
    log_bench_read_all(&b, 0, &back);
    ck_assert(slice_eq(buf_slice(&live), buf_slice(&back)));
    fill(&b, 1);
    ck_assert_int_eq(store_log_end_offset(b.log), 24);
    buf_fini(&live);
    buf_fini(&back);
    log_bench_fini(&b);
}
END_TEST

/* A power cut that tore the mark off, and Kafka's log.preallocate. */
START_TEST(zeroes_without_a_mark_are_room_too)
{
    struct log_bench b;
    open_with_room(&b, 1);
    fill(&b, 7);
    uint64_t size = store_log_size(b.log);
    log_bench_crash(&b, FAULT_CRASH_PROCESS, 0);
    static const uint8_t none[STORE_AHEAD_MARK];
    write_file(&b, 0, size, slice_of(none, sizeof none));
    ck_assert_int_eq(log_bench_open(&b, false), ERR_NONE);
    check_uncut(&b, 21);
    log_bench_fini(&b);
}
END_TEST

START_TEST(who_writes_no_room_cuts_it_and_says_so)
{
    struct log_bench b;
    open_with_room(&b, 1);
    fill(&b, 7);
    log_bench_crash(&b, FAULT_CRASH_PROCESS, 0);
    b.options.config.ahead_bytes = 0;
    ck_assert_int_eq(log_bench_open(&b, false), ERR_NONE);
    ck_assert_int_eq(store_log_end_offset(b.log), 21);
    ck_assert_ptr_nonnull(store_log_recovery(b.log)->reason);
    log_bench_fini(&b);
}
END_TEST

/* Of a batch some sectors arrived, in any order: behind it is room all the same. */
START_TEST(a_batch_torn_in_the_room_is_cut)
{
    struct log_bench b;
    struct buf whole = {0};
    open_with_room(&b, 1);
    fill(&b, 6);
    uint64_t before = store_log_size(b.log);
    fill(&b, 1);
    size_t batch = store_log_size(b.log) - before;
    log_bench_crash(&b, FAULT_CRASH_PROCESS, 0);
    read_file(&b, 0, &whole);
    for (size_t lost = 0; lost < batch; lost++) {
        uint8_t byte = 0;
        write_file(&b, 0, 0, buf_slice(&whole));
        /* From one byte on, up to another, and a single one. */
        size_t count = lost % 3 == 0 ? batch - lost : lost % 3 == 1 ? lost + 1 : 1;
        size_t from = lost % 3 == 1 ? 0 : lost;
        bool same = true;
        for (size_t i = from; i < from + count; i++) {
            same = same && whole.data[before + i] == 0;
            write_file(&b, 0, before + i, slice_of(&byte, 1));
        }
        ck_assert_int_eq(log_bench_open(&b, false), ERR_NONE);
        bool uncovered = from >= 12 && from + count <= 16; /* the leader epoch */
        if (!same && !uncovered) {
            ck_assert_int_eq(store_log_end_offset(b.log), 18);
            ck_assert_uint_eq(file_size(&b, 0), before);
        }
        store_log_abandon(b.log);
        b.log = NULL;
    }
    buf_fini(&whole);
    log_bench_fini(&b);
}
END_TEST

/* A power cut that undoes the cut of a segment that was rolled: the next segment stays. */
START_TEST(room_between_segments_hides_nothing)
{
    struct log_bench b;
    struct buf bytes = {0};
    open_with_room(&b, 1);
    fill(&b, 5);
    read_file(&b, 0, &bytes);
    uint64_t size = store_log_size(b.log);
    ck_assert_int_eq(store_log_flush(b.log), ERR_NONE);
    ck_assert_int_eq(store_log_roll(b.log, 1000), ERR_NONE);
    ck_assert_uint_eq(file_size(&b, 0), size);
    fill(&b, 5);
    /* _i 0: the recovery point is where the first segment ends. 1: it is unknown. */
    int64_t point = _i == 0 ? store_log_recovery_point(b.log) : 0;
    ck_assert_int_eq(point, _i == 0 ? 15 : 0);
    log_bench_crash(&b, FAULT_CRASH_PROCESS, point);
    write_file(&b, 0, size, slice_of(bytes.data + size, bytes.len - size));
    ck_assert_int_eq(log_bench_open(&b, false), ERR_NONE);
    check_uncut(&b, 30);
    ck_assert_uint_eq(file_size(&b, 0), size);
    buf_reset(&bytes);
    log_bench_read_all(&b, 0, &bytes);
    ck_assert_uint_eq(bytes.len, store_log_size(b.log));
    buf_fini(&bytes);
    log_bench_fini(&b);
}
END_TEST

/* A flush behind a roll makes the cut durable. */
START_TEST(a_flush_keeps_the_cut_of_a_roll)
{
    struct log_bench b;
    open_with_room(&b, 1);
    fill(&b, 5);
    uint64_t size = store_log_size(b.log);
    ck_assert_int_eq(store_log_flush(b.log), ERR_NONE);
    ck_assert_int_eq(store_log_roll(b.log, 1000), ERR_NONE);
    fill(&b, 5);
    ck_assert_int_eq(store_log_flush(b.log), ERR_NONE);
    log_bench_crash(&b, FAULT_CRASH_LOSE, 30);
    ck_assert_uint_eq(file_size(&b, 0), size);
    ck_assert_int_eq(log_bench_open(&b, false), ERR_NONE);
    check_uncut(&b, 30);
    log_bench_fini(&b);
}
END_TEST

/* ---- full disks ---- */

START_TEST(without_space_for_room_the_append_succeeds)
{
    struct log_bench b;
    open_with_room(&b, 1);
    fault_fs_fail(b.disk, FAULT_WRITE, 0, ERR_NO_SPACE, 1);
    fill(&b, 3);
    ck_assert(fault_fs_struck(b.disk));
    ck_assert_uint_eq(file_size(&b, 0), store_log_size(b.log));
    ck_assert_int_eq(store_log_end_offset(b.log), 9);
    reopen(&b, FAULT_CRASH_PROCESS, 0);
    check_uncut(&b, 9);
    fill(&b, 1);
    ck_assert_uint_gt(file_size(&b, 0), store_log_size(b.log));
    log_bench_fini(&b);
}
END_TEST

START_TEST(a_failed_append_in_the_room_is_taken_back)
{
    struct log_bench b;
    open_with_room(&b, 1);
    fill(&b, 3);
    fault_fs_fail(b.disk, FAULT_WRITE, 0, ERR_IO, 1);
    ck_assert_int_eq(log_bench_append(&b, 3, 1, 1000), ERR_IO);
    ck_assert_int_eq(store_log_end_offset(b.log), 9);
    ck_assert_uint_eq(file_size(&b, 0), store_log_size(b.log));
    fill(&b, 2);
    reopen(&b, FAULT_CRASH_PROCESS, 0);
    check_uncut(&b, 15);
    log_bench_fini(&b);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("store ahead");
    TCase *file = tcase_create("the file");
    tcase_add_test(file, appends_go_into_the_room);
    tcase_add_test(file, a_large_batch_makes_no_room);
    tcase_add_test(file, room_ends_with_the_segment);
    tcase_add_test(file, a_truncation_takes_the_room_along);
    tcase_add_test(file, a_close_or_a_stop_takes_it_away);
    suite_add_tcase(suite, file);
    TCase *start = tcase_create("starts");
    tcase_add_test(start, a_start_takes_room_for_no_damage);
    tcase_add_test(start, zeroes_without_a_mark_are_room_too);
    tcase_add_test(start, who_writes_no_room_cuts_it_and_says_so);
    tcase_add_test(start, a_batch_torn_in_the_room_is_cut);
    tcase_add_loop_test(start, room_between_segments_hides_nothing, 0, 2);
    tcase_add_test(start, a_flush_keeps_the_cut_of_a_roll);
    suite_add_tcase(suite, start);
    TCase *full = tcase_create("full disks");
    tcase_add_test(full, without_space_for_room_the_append_succeeds);
    tcase_add_test(full, a_failed_append_in_the_room_is_taken_back);
    suite_add_tcase(suite, full);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
