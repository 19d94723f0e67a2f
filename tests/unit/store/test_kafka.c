/* Directories that Apache Kafka wrote (fixtures/README.md): we read them, leave them as they are,
 * and write the same bytes for the same batches. */
#include <check.h>
#include <stdlib.h>

#include "base/mem.h"
#include "store/store.h"
#include "tests/lib/fault_fs.h"

#define FIXTURES "tests/unit/store/fixtures/kafka-3.9.1"

static const char *const partitions[] = {"clicks.v1-1", "customers-0", "payments-0"};
static const int64_t ends[] = {2997, 2242, 147};

struct bench {
    struct fault_fs *disk;
    const struct store_fs *fs;
    struct store_files *files;
    struct store_error why;
};

/* ---- a copy of the fixtures in memory ---- */

struct copying {
    struct bench *b;
    const char *from;
    const char *to;
};

static void copy_file(void *arg, const char *name)
{
    const struct copying *c = arg;
    struct buf from = {0};
    struct buf to = {0};
    struct buf content = {0};
    buf_printf(&from, "%s/%s", c->from, name);
    buf_put(&from, "", 1);
    buf_printf(&to, "%s/%s", c->to, name);
    buf_put(&to, "", 1);
    struct store_stat st;
    const char *path = (const char *)from.data;
    ck_assert_int_eq(store_fs_stat(store_fs_posix(), path, &st), ERR_NONE);
    if (!st.is_dir) {
        ck_assert_int_eq(store_fs_read_file(store_fs_posix(), path, 1 << 20, &content), ERR_NONE);
        ck_assert_int_eq(
            store_fs_write_file(c->b->fs, (const char *)to.data, buf_slice(&content), true),
            ERR_NONE);
    }
    buf_fini(&content);
    buf_fini(&to);
    buf_fini(&from);
}

/* Copies the files of one directory of the fixtures to "/<name>". */
static void copy_dir(struct bench *b, const char *name)
{
    struct buf from = {0};
    struct buf to = {0};
    buf_printf(&from, "%s/%s", FIXTURES, name);
    buf_put(&from, "", 1);
    buf_printf(&to, "/%s", name);
    buf_put(&to, "", 1);
    struct copying c = {b, (const char *)from.data, (const char *)to.data};
    enum err e = store_fs_mkdir(b->fs, c.to);
    ck_assert(e == ERR_NONE || e == ERR_EXISTS);
    ck_assert_int_eq(store_fs_list(store_fs_posix(), c.from, copy_file, &c), ERR_NONE);
    buf_fini(&to);
    buf_fini(&from);
}

static struct bench setup(const char *dir)
{
    struct bench b = {.disk = fault_fs_new(1)};
    b.fs = fault_fs_store(b.disk);
    b.files = store_files_new(b.fs, 8);
    copy_dir(&b, dir);
    return b;
}

static void teardown(struct bench *b)
{
    store_files_free(b->files);
    fault_fs_free(b->disk);
}

/* ---- comparing with the originals ---- */

struct comparing {
    struct bench *b;
    const char *name; /* of the directory */
    const char *dir;  /* where ours is */
    const char *suffix;
    uint32_t count;
};

static void compare_file(void *arg, const char *name)
{
    struct comparing *c = arg;
    const char *dot = strchr(name, '.');
    if (c->suffix != NULL && (dot == NULL || strcmp(dot, c->suffix) != 0)) {
        return;
    }
    struct buf path = {0};
    struct buf theirs = {0};
    struct buf ours = {0};
    buf_printf(&path, "%s/%s/%s", FIXTURES, c->name, name);
    buf_put(&path, "", 1);
    ck_assert_int_eq(
        store_fs_read_file(store_fs_posix(), (const char *)path.data, 1 << 20, &theirs), ERR_NONE);
    buf_reset(&path);
    buf_printf(&path, "%s/%s", c->dir, name);
    buf_put(&path, "", 1);
    enum err e = store_fs_read_file(c->b->fs, (const char *)path.data, 1 << 20, &ours);
    ck_assert_msg(e == ERR_NONE, "%s: %s", (const char *)path.data, err_name(e));
    ck_assert_msg(slice_eq(buf_slice(&theirs), buf_slice(&ours)), "%s differs from Kafka's",
                  (const char *)path.data);
    c->count++;
    buf_fini(&ours);
    buf_fini(&theirs);
    buf_fini(&path);
}

/* All files of the fixture (or those with the suffix) are in `dir`, with the same bytes. */
static uint32_t compare_dir(struct bench *b, const char *name, const char *dir, const char *suffix)
{
    struct buf path = {0};
    struct comparing c = {b, name, dir, suffix, 0};
    buf_printf(&path, "%s/%s", FIXTURES, name);
    buf_put(&path, "", 1);
    ck_assert_int_eq(store_fs_list(store_fs_posix(), (const char *)path.data, compare_file, &c),
                     ERR_NONE);
    buf_fini(&path);
    return c.count;
}

static struct store_log *open_log(struct bench *b, const char *dir, bool clean)
{
    struct store_log *log = NULL;
    struct store_log_options options = {
        .files = b->files, .dir = dir, .config = STORE_LOG_CONFIG_DEFAULT, .clean = clean};
    options.config.segment_ms = INT64_MAX;
    enum err e = store_log_open(&options, &log, &b->why);
    ck_assert_msg(e == ERR_NONE, "%s", b->why.text);
    return log;
}

static struct buf root_path(const char *name)
{
    struct buf path = {0};
    buf_printf(&path, "/%s", name);
    buf_put(&path, "", 1);
    return path;
}

/* ---- tests ---- */

START_TEST(a_clean_directory_is_given_back_as_it_was)
{
    struct bench b = setup(partitions[_i]);
    struct buf path = root_path(partitions[_i]);
    const char *dir = (const char *)path.data;
    struct store_log *log = open_log(&b, dir, true);
    ck_assert_int_eq(store_log_end_offset(log), ends[_i]);
    ck_assert_int_eq(store_log_latest_epoch(log), 0);
    ck_assert_uint_eq(store_log_recovery(log)->indexes_rebuilt, 0);
    ck_assert_int_eq(store_log_close(log), ERR_NONE);
    ck_assert_uint_ge(compare_dir(&b, partitions[_i], dir, NULL), 6);
    buf_fini(&path);
    teardown(&b);
}
END_TEST

/* After a crash: indexes stretched, nothing trusted. What is rebuilt is what Kafka had built. */
START_TEST(recovery_builds_the_same_indexes)
{
    struct bench b = setup(partitions[_i]);
    struct buf path = root_path(partitions[_i]);
    const char *dir = (const char *)path.data;
    struct buf file = {0};
    uint8_t zeroes[1200] = {0};
    buf_printf(&file, "%s/00000000000000000000.timeindex", dir);
    buf_put(&file, "", 1);
    ck_assert_int_eq(
        store_fs_write_file(b.fs, (const char *)file.data, slice_of(zeroes, sizeof zeroes), true),
        ERR_NONE);
    buf_reset(&file);
    buf_printf(&file, "%s/00000000000000000000.index", dir);
    buf_put(&file, "", 1);
    ck_assert_int_eq(store_fs_unlink(b.fs, (const char *)file.data), ERR_NONE);
    buf_reset(&file);
    buf_printf(&file, "%s/leader-epoch-checkpoint", dir);
    buf_put(&file, "", 1);
    ck_assert_int_eq(store_fs_unlink(b.fs, (const char *)file.data), ERR_NONE);

    struct store_log *log = open_log(&b, dir, false);
    ck_assert_int_eq(store_log_end_offset(log), ends[_i]);
    ck_assert_uint_eq(store_log_recovery(log)->bytes_cut, 0);
    ck_assert_int_eq(store_log_close(log), ERR_NONE);
    compare_dir(&b, partitions[_i], dir, ".log");
    compare_dir(&b, partitions[_i], dir, ".index");
    compare_dir(&b, partitions[_i], dir, ".timeindex");
    compare_dir(&b, partitions[_i], dir, ".snapshot");
    buf_fini(&file);
    buf_fini(&path);
    teardown(&b);
}
END_TEST

struct copy {
    struct store_log *from;
    struct store_log *to;
    int64_t roll_at; /* where Kafka's second segment begins */
};

static bool append_copy(void *arg, const struct store_batch *batch)
{
    struct copy *c = arg;
    uint8_t *bytes = mem_alloc(batch->size);
    ck_assert_int_eq(store_file_pread(batch->file, store_room(bytes, batch->size), batch->position),
                     ERR_NONE);
    if (batch->base_offset >= c->roll_at && store_log_active_base(c->to) < c->roll_at) {
        ck_assert_int_eq(store_log_roll(c->to, 0), ERR_NONE);
    }
    struct slice part = slice_of(bytes, batch->size);
    ck_assert_int_eq(store_log_append(c->to, &part, 1, 0), ERR_NONE);
    mem_free(bytes);
    return true;
}

START_TEST(the_same_appends_give_the_same_files)
{
    struct bench b = setup(partitions[_i]);
    struct buf path = root_path(partitions[_i]);
    struct copy c = {.from = open_log(&b, (const char *)path.data, true),
                     .to = open_log(&b, "/copy-0", true),
                     .roll_at = INT64_MAX};
    if (store_log_segment_count(c.from) > 1) {
        c.roll_at = store_log_active_base(c.from);
    }
    ck_assert_int_eq(store_log_scan(c.from, 0, append_copy, &c), ERR_NONE);
    ck_assert_int_eq(store_log_close(c.from), ERR_NONE);
    ck_assert_int_eq(store_log_close(c.to), ERR_NONE);
    ck_assert_uint_ge(compare_dir(&b, partitions[_i], "/copy-0", ".log"), 1);
    ck_assert_uint_ge(compare_dir(&b, partitions[_i], "/copy-0", ".index"), 1);
    ck_assert_uint_ge(compare_dir(&b, partitions[_i], "/copy-0", ".timeindex"), 1);
    buf_fini(&path);
    teardown(&b);
}
END_TEST

START_TEST(snapshots_and_partition_metadata_are_written_alike)
{
    struct bench b = setup(partitions[_i]);
    struct buf path = root_path(partitions[_i]);
    const char *dir = (const char *)path.data;
    struct store_snapshot s;
    ck_assert_int_eq(store_snapshot_load(b.fs, dir, INT64_MAX, &s), ERR_NONE);
    ck_assert_int_eq(s.offset, ends[_i]);
    ck_assert_uint_ge(s.count, 1);
    ck_assert_int_lt(s.entries[0].last_offset, ends[_i]);
    ck_assert_int_eq(store_snapshot_write(b.fs, dir, s.offset, s.entries, s.count), ERR_NONE);
    mem_free(s.entries);
    struct uuid topic_id;
    ck_assert_int_eq(store_partition_meta_read(b.fs, dir, &topic_id, &b.why), ERR_NONE);
    ck_assert_int_eq(store_partition_meta_write(b.fs, dir, topic_id), ERR_NONE);
    compare_dir(&b, partitions[_i], dir, NULL);
    buf_fini(&path);
    teardown(&b);
}
END_TEST

static void keep_aborted(void *arg, const struct store_aborted_txn *txn)
{
    *(struct store_aborted_txn *)arg = *txn;
}

START_TEST(aborted_transactions_are_read_and_written)
{
    struct bench b = setup("payments-0");
    struct store_aborted_txn txn = {0};
    struct store_log *log = open_log(&b, "/payments-0", true);
    ck_assert_int_eq(store_log_aborted(log, 0, 147, keep_aborted, &txn), ERR_NONE);
    ck_assert_int_eq(txn.producer_id, 8);
    ck_assert_int_eq(txn.first_offset, 49);
    ck_assert_int_eq(txn.last_offset, 97);
    ck_assert_int_eq(txn.last_stable_offset, 98);
    ck_assert_int_eq(store_fs_unlink(b.fs, "/payments-0/00000000000000000000.txnindex"), ERR_NONE);
    ck_assert_int_eq(store_log_add_aborted(log, &txn), ERR_NONE);
    ck_assert_int_eq(store_log_close(log), ERR_NONE);
    ck_assert_uint_eq(compare_dir(&b, "payments-0", "/payments-0", ".txnindex"), 1);
    teardown(&b);
}
END_TEST

static bool check_time(void *arg, const struct store_batch *batch)
{
    struct store_log *log = arg;
    struct store_batch hit;
    struct store_read read;
    bool found = false;
    ck_assert_int_eq(store_log_find_timestamp(log, batch->max_timestamp, &hit, &read, &found),
                     ERR_NONE);
    ck_assert(found);
    ck_assert_int_le(hit.base_offset, batch->base_offset);
    ck_assert_int_ge(hit.max_timestamp, batch->max_timestamp);
    store_read_done(&read);
    return true;
}

START_TEST(kafkas_time_index_is_used)
{
    struct bench b = setup(partitions[_i]);
    struct buf path = root_path(partitions[_i]);
    struct store_log *log = open_log(&b, (const char *)path.data, true);
    ck_assert_int_eq(store_log_scan(log, 0, check_time, log), ERR_NONE);
    ck_assert_int_eq(store_log_close(log), ERR_NONE);
    buf_fini(&path);
    teardown(&b);
}
END_TEST

/* ---- the root of the log directory ---- */

static void add_again(void *arg, struct slice topic, int32_t partition, int64_t offset)
{
    store_checkpoint_add(arg, topic, partition, offset);
}

START_TEST(root_files)
{
    static const char *const names[] = {STORE_RECOVERY_POINT_FILE, STORE_HIGH_WATERMARK_FILE,
                                        STORE_LOG_START_FILE, STORE_CLEANER_FILE};
    struct bench b = setup(".");
    struct store_meta meta;
    bool clean = false;
    int64_t epoch = 0;
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct store_checkpoint c = {0};
        struct buf path = root_path(names[i]);
        const char *file = (const char *)path.data;
        ck_assert_int_eq(store_checkpoint_read(b.fs, file, add_again, &c, &b.why), ERR_NONE);
        ck_assert_uint_gt(c.count, 0);
        ck_assert_int_eq(store_checkpoint_write(b.fs, file, &c, &b.why), ERR_NONE);
        store_checkpoint_fini(&c);
        buf_fini(&path);
    }
    struct comparing all = {&b, ".", "", NULL, 0};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        compare_file(&all, names[i]);
    }
    ck_assert_int_eq(store_meta_read(b.fs, "", &meta, &b.why), ERR_NONE);
    ck_assert_int_eq(meta.version, 0);
    ck_assert_int_eq(meta.node_id, 1);
    ck_assert_str_eq(meta.cluster_id, "1Q5dovxRSKKneSW-mWyJbw");
    ck_assert_ptr_null(meta.other);
    store_meta_fini(&meta);
    ck_assert_int_eq(store_clean_mark_take(b.fs, "/", &clean, &epoch), ERR_NONE);
    ck_assert(clean);
    ck_assert_int_eq(epoch, -1);
    ck_assert_int_eq(store_clean_mark_put(b.fs, "/", -1), ERR_NONE);
    compare_file(&all, STORE_CLEAN_FILE);
    teardown(&b);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("kafka");
    TCase *tc = tcase_create("kafka");
    tcase_add_loop_test(tc, a_clean_directory_is_given_back_as_it_was, 0, 3);
    tcase_add_loop_test(tc, recovery_builds_the_same_indexes, 0, 3);
    tcase_add_loop_test(tc, the_same_appends_give_the_same_files, 0, 3);
    tcase_add_loop_test(tc, snapshots_and_partition_metadata_are_written_alike, 0, 3);
    tcase_add_test(tc, aborted_transactions_are_read_and_written);
    tcase_add_loop_test(tc, kafkas_time_index_is_used, 0, 3);
    tcase_add_test(tc, root_files);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
