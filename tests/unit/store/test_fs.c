/* The operating system's file system, the shared set of open files, and a flush on another thread.
 */
#include <check.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "store/files_private.h"
#include "tests/lib/log_bench.h"

struct bench {
    const struct store_fs *fs;
    char root[64];
    char path[128];
};

static struct bench setup(void)
{
    struct bench b = {.fs = store_fs_posix(), .root = "/tmp/craft-store-XXXXXX"};
    ck_assert_ptr_nonnull(mkdtemp(b.root));
    return b;
}

static void teardown(struct bench *b)
{
    ck_assert_int_eq(store_fs_remove_tree(b->fs, b->root), ERR_NONE);
    ck_assert(!store_fs_exists(b->fs, b->root));
}

static const char *in(struct bench *b, const char *name)
{
    snprintf(b->path, sizeof b->path, "%s/%s", b->root, name);
    return b->path;
}

START_TEST(errors_have_their_codes)
{
    struct bench b = setup();
    struct store_stat st;
    struct store_error why;
    struct buf content = {0};
    int fd = -1;
    ck_assert_int_eq(store_fs_open(b.fs, in(&b, "none"), STORE_OPEN_READ, &fd), ERR_NOT_FOUND);
    ck_assert_int_eq(store_fs_stat(b.fs, in(&b, "none"), &st), ERR_NOT_FOUND);
    ck_assert_int_eq(store_fs_unlink(b.fs, in(&b, "none")), ERR_NOT_FOUND);
    ck_assert_int_eq(store_fs_sync_dir(b.fs, in(&b, "none")), ERR_NOT_FOUND);
    ck_assert_int_eq(store_fs_mkdir(b.fs, b.root), ERR_EXISTS);
    ck_assert_int_eq(store_fs_write_file(b.fs, in(&b, "f"), slice_str("12345"), true), ERR_NONE);
    uint32_t exclusive = STORE_OPEN_WRITE | STORE_OPEN_CREATE | STORE_OPEN_EXCLUSIVE;
    ck_assert_int_eq(store_fs_open(b.fs, in(&b, "f"), exclusive, &fd), ERR_EXISTS);
    ck_assert_int_eq(store_fs_rmdir(b.fs, b.root), ERR_EXISTS);
    ck_assert_int_eq(store_fs_read_file(b.fs, in(&b, "f"), 4, &content), ERR_CORRUPT);
    enum err e = store_fs_open(b.fs, in(&b, "none"), STORE_OPEN_READ, &fd);
    ck_assert_int_eq(store_fail_errno(&why, e, "open", "x"), ERR_NOT_FOUND);
    ck_assert_str_eq(why.text, "cannot open x: No such file or directory");
    buf_fini(&content);
    teardown(&b);
}
END_TEST

START_TEST(many_parts_become_one_file)
{
    struct bench b = setup();
    struct buf back = {0};
    struct slice parts[1000];
    uint8_t bytes[1000];
    int fd = -1;
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        bytes[i] = (uint8_t)(i * 7);
        parts[i] = slice_of(bytes + i, i % 3 == 0 ? 0 : 1);
    }
    ck_assert_int_eq(store_fs_open(b.fs, in(&b, "f"), STORE_OPEN_WRITE | STORE_OPEN_CREATE, &fd),
                     ERR_NONE);
    ck_assert_int_eq(store_fs_pwritev(b.fs, fd, parts, ARRAY_LEN(parts), 5), ERR_NONE);
    uint64_t size = 0;
    ck_assert_int_eq(store_fs_size(b.fs, fd, &size), ERR_NONE);
    ck_assert_uint_eq(size, 5 + 666);
    store_fs_close(b.fs, fd);
    ck_assert_int_eq(store_fs_read_file(b.fs, in(&b, "f"), 4096, &back), ERR_NONE);
    for (size_t i = 0, at = 5; i < ARRAY_LEN(parts); i++) {
        if (i % 3 != 0) {
            ck_assert_uint_eq(back.data[at++], bytes[i]);
        }
    }
    buf_fini(&back);
    teardown(&b);
}
END_TEST

START_TEST(a_lock_keeps_others_out)
{
    struct bench b = setup();
    struct store_error why;
    int first = -1;
    int second = -1;
    char own[32];
    snprintf(own, sizeof own, "process id %ld;", (long)getpid());
    ck_assert_int_eq(store_lock(b.fs, b.root, &first, &why), ERR_NONE);
    ck_assert_int_eq(store_lock(b.fs, b.root, &second, &why), ERR_LOCKED);
    ck_assert_msg(strstr(why.text, own) != NULL, "%s", why.text);
    store_fs_close(b.fs, first);
    ck_assert_int_eq(store_lock(b.fs, b.root, &second, &why), ERR_NONE);
    store_fs_close(b.fs, second);
    teardown(&b);
}
END_TEST

START_TEST(space_is_told)
{
    struct store_space space;
    ck_assert_int_eq(store_fs_space(store_fs_posix(), "/tmp", &space), ERR_NONE);
    ck_assert_uint_gt(space.total_bytes, 0);
    ck_assert_uint_le(space.free_bytes, space.total_bytes);
    ck_assert_int_eq(store_fs_space(store_fs_posix(), "/no/such", &space), ERR_NOT_FOUND);
}
END_TEST

/* ---- open files ---- */

static const char *const data = "/data";

START_TEST(pinned_files_stay_open_and_others_make_room)
{
    struct log_bench b;
    struct store_file *files[10];
    uint32_t create = STORE_OPEN_WRITE | STORE_OPEN_CREATE;
    log_bench_init(&b, 1);
    for (int i = 0; i < 10; i++) {
        files[i] = store_file_new(b.files, &data, i, ".log");
        ck_assert_int_eq(store_file_pin(files[i], create), ERR_NONE);
    }
    ck_assert_uint_eq(store_files_open_count(b.files), 10);
    for (int i = 0; i < 10; i++) {
        store_file_unpin(files[i]);
    }
    ck_assert_uint_eq(store_files_open_count(b.files), 4);
    /* The last ones are still open, the first is opened again. */
    uint64_t opens = fault_fs_calls(b.disk, FAULT_OPEN);
    ck_assert_int_eq(store_file_pin(files[9], STORE_OPEN_WRITE), ERR_NONE);
    ck_assert_uint_eq(fault_fs_calls(b.disk, FAULT_OPEN), opens);
    ck_assert_int_eq(store_file_pin(files[0], STORE_OPEN_WRITE), ERR_NONE);
    ck_assert_uint_eq(fault_fs_calls(b.disk, FAULT_OPEN), opens + 1);
    store_file_unpin(files[9]);
    for (int i = 0; i < 10; i++) {
        store_file_drop(files[i]);
    }
    /* Dropped, but pinned. */
    ck_assert_uint_eq(store_files_open_count(b.files), 1);
    store_file_unpin(files[0]);
    ck_assert_uint_eq(fault_fs_open_count(b.disk), 0);
    log_bench_fini(&b);
}
END_TEST

START_TEST(files_that_nobody_uses_are_closed_in_time)
{
    struct log_bench b;
    struct store_file *files[4];
    uint32_t create = STORE_OPEN_WRITE | STORE_OPEN_CREATE;
    log_bench_init(&b, 4);
    for (int i = 0; i < 4; i++) {
        files[i] = store_file_new(b.files, &data, i, ".log");
        ck_assert_int_eq(store_file_pin(files[i], create), ERR_NONE);
        if (i > 0) {
            store_file_unpin(files[i]);
        }
    }
    /* All of them were used until now. */
    ck_assert(!store_files_close_idle(b.files, 9));
    ck_assert_uint_eq(store_files_open_count(b.files), 4);
    ck_assert_int_eq(store_file_pin(files[2], STORE_OPEN_WRITE), ERR_NONE);
    store_file_unpin(files[2]);
    /* One is pinned, one was used since. */
    ck_assert(store_files_close_idle(b.files, 1));
    ck_assert_uint_eq(store_files_open_count(b.files), 3);
    ck_assert(!store_files_close_idle(b.files, 9));
    ck_assert_uint_eq(store_files_open_count(b.files), 2);
    uint64_t opens = fault_fs_calls(b.disk, FAULT_OPEN);
    ck_assert_int_eq(store_file_pin(files[2], STORE_OPEN_WRITE), ERR_NONE);
    ck_assert_uint_eq(fault_fs_calls(b.disk, FAULT_OPEN), opens);
    store_file_unpin(files[2]);
    store_file_unpin(files[0]);
    ck_assert(!store_files_close_idle(b.files, 9));
    ck_assert(!store_files_close_idle(b.files, 9));
    ck_assert_uint_eq(store_files_open_count(b.files), 0);
    ck_assert_int_eq(store_file_pin(files[3], STORE_OPEN_WRITE), ERR_NONE);
    store_file_unpin(files[3]);
    for (int i = 0; i < 4; i++) {
        store_file_drop(files[i]);
    }
    log_bench_fini(&b);
}
END_TEST

START_TEST(without_descriptors_idle_files_are_closed)
{
    struct log_bench b;
    struct store_file *files[2];
    uint32_t create = STORE_OPEN_WRITE | STORE_OPEN_CREATE;
    log_bench_init(&b, 1);
    for (int i = 0; i < 2; i++) {
        files[i] = store_file_new(b.files, &data, i, ".log");
    }
    ck_assert_int_eq(store_file_pin(files[0], create), ERR_NONE);
    fault_fs_fail(b.disk, FAULT_OPEN, 0, ERR_BUSY, 1);
    ck_assert_int_eq(store_file_pin(files[1], create), ERR_BUSY);
    store_file_unpin(files[0]);
    fault_fs_fail(b.disk, FAULT_OPEN, 0, ERR_BUSY, 1);
    ck_assert_int_eq(store_file_pin(files[1], create), ERR_NONE);
    ck_assert_uint_eq(store_files_open_count(b.files), 1);
    store_file_unpin(files[1]);
    store_file_drop(files[0]);
    store_file_drop(files[1]);
    log_bench_fini(&b);
}
END_TEST

/* ---- a log on the real file system, flushed and read by other threads ---- */

enum { APPENDS = 3000, READERS = 2 };

struct shared {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct store_log *log;
    bool done;
};

static void *flusher(void *arg)
{
    struct shared *s = arg;
    pthread_mutex_lock(&s->lock);
    while (!s->done) {
        struct store_flush flush;
        ck_assert_int_eq(store_log_flush_begin(s->log, &flush), ERR_NONE);
        pthread_mutex_unlock(&s->lock);
        store_flush_run(&flush);
        pthread_mutex_lock(&s->lock);
        ck_assert_int_eq(store_log_flush_done(s->log, &flush), ERR_NONE);
        ck_assert_int_ge(store_log_recovery_point(s->log), flush.offset);
    }
    pthread_mutex_unlock(&s->lock);
    return NULL;
}

/* Reads from the start to the end, copying outside of the lock. */
static void *reader(void *arg)
{
    struct shared *s = arg;
    int64_t next = 0;
    uint8_t *bytes = mem_alloc(8192);
    while (next < APPENDS) {
        struct store_read read;
        pthread_mutex_lock(&s->lock);
        while (store_log_end_offset(s->log) == next) {
            pthread_cond_wait(&s->changed, &s->lock);
        }
        struct store_read_query query = {next, INT64_MAX, 8192, true};
        ck_assert_int_eq(store_log_read(s->log, &query, &read), ERR_NONE);
        pthread_mutex_unlock(&s->lock);
        ck_assert_int_eq(store_read_copy(&read, bytes), ERR_NONE);
        struct wire_batches it = wire_batches_of(slice_of(bytes, read.length));
        struct wire_batch batch;
        bool got = false;
        while (wire_batch_next(&it, &batch, &got) == ERR_NONE && got) {
            ck_assert_int_eq(batch.base_offset, next);
            ck_assert_int_eq(wire_batch_check_crc(&batch), ERR_NONE);
            next = wire_batch_last_offset(&batch) + 1;
        }
        store_read_done(&read);
    }
    mem_free(bytes);
    return NULL;
}

static void append_all(struct shared *s)
{
    struct buf bytes = {0};
    for (int64_t i = 0; i < APPENDS; i++) {
        struct batch_spec spec = {i, 1, 1, i, 100};
        buf_reset(&bytes);
        batch_put(&bytes, &spec);
        struct slice part = buf_slice(&bytes);
        pthread_mutex_lock(&s->lock);
        ck_assert_int_eq(store_log_append(s->log, &part, 1, i), ERR_NONE);
        pthread_cond_broadcast(&s->changed);
        pthread_mutex_unlock(&s->lock);
    }
    buf_fini(&bytes);
}

START_TEST(other_threads_flush_and_read)
{
    struct bench b = setup();
    struct store_files *files = store_files_new(b.fs, 3);
    struct shared s = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
    struct store_log_options options = {.files = files,
                                        .dir = in(&b, "topic-0"),
                                        .config = STORE_LOG_CONFIG_DEFAULT,
                                        .clean = true};
    options.config.segment_bytes = 20000;
    ck_assert_int_eq(store_log_open(&options, &s.log, NULL), ERR_NONE);
    pthread_t threads[READERS + 1];
    pthread_create(&threads[READERS], NULL, flusher, &s);
    for (int i = 0; i < READERS; i++) {
        pthread_create(&threads[i], NULL, reader, &s);
    }
    append_all(&s);
    for (int i = 0; i < READERS; i++) {
        pthread_join(threads[i], NULL);
    }
    pthread_mutex_lock(&s.lock);
    s.done = true;
    pthread_mutex_unlock(&s.lock);
    pthread_join(threads[READERS], NULL);
    ck_assert_int_eq(store_log_close(s.log), ERR_NONE);
    ck_assert_int_eq(store_log_open(&options, &s.log, NULL), ERR_NONE);
    ck_assert_int_eq(store_log_end_offset(s.log), APPENDS);
    ck_assert_int_eq(store_log_close(s.log), ERR_NONE);
    store_files_free(files);
    teardown(&b);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("fs");
    TCase *tc = tcase_create("fs");
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, errors_have_their_codes);
    tcase_add_test(tc, many_parts_become_one_file);
    tcase_add_test(tc, a_lock_keeps_others_out);
    tcase_add_test(tc, space_is_told);
    tcase_add_test(tc, pinned_files_stay_open_and_others_make_room);
    tcase_add_test(tc, files_that_nobody_uses_are_closed_in_time);
    tcase_add_test(tc, without_descriptors_idle_files_are_closed);
    tcase_add_test(tc, other_threads_flush_and_read);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
