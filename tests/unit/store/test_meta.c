/* meta.properties, locks, partition.metadata, the clean mark, checkpoints, directory names,
 * producer snapshots. */
#include <check.h>
#include <stdlib.h>

#include "base/mem.h"
#include "store/store.h"
#include "tests/lib/fault_fs.h"

struct bench {
    struct fault_fs *disk;
    const struct store_fs *fs;
    struct store_error why;
};

static struct bench setup(void)
{
    struct bench b = {.disk = fault_fs_new(1)};
    b.fs = fault_fs_store(b.disk);
    ck_assert_int_eq(store_fs_mkdir(b.fs, "/d"), ERR_NONE);
    return b;
}

static void put(struct bench *b, const char *path, const char *content)
{
    ck_assert_int_eq(store_fs_write_file(b->fs, path, slice_str(content), true), ERR_NONE);
}

static void expect(struct bench *b, const char *path, const char *content)
{
    struct buf got = {0};
    ck_assert_int_eq(store_fs_read_file(b->fs, path, 1 << 20, &got), ERR_NONE);
    ck_assert_msg(slice_eq_str(buf_slice(&got), content), "%s has: %.*s", path, (int)got.len,
                  (const char *)got.data);
    buf_fini(&got);
}

/* ---- meta.properties ---- */

START_TEST(bad_meta_properties_are_explained)
{
    static const struct {
        const char *content;
        const char *word;
    } cases[] = {
        {"", "no version"},
        {"broker.id=1\n", "no version"},
        {"version=2\n", "line 1"},
        {"version=x\n", "line 1"},
        {"version=1\n", "no node.id"},
        {"version=1\nnode.id=3\n", "no cluster.id"},
        {"#c\nversion=1\nnode.id=-3\n", "line 3"},
        {"version=1\nnode.id=99999999999\n", "line 2"},
        {"version=1\nnode.id=3\ncluster.id=\n", "line 3"},
        {"version=0\ndirectory.id=short\n", "line 2"},
    };
    struct bench b = setup();
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct store_meta meta;
        put(&b, "/d/meta.properties", cases[i].content);
        ck_assert_int_eq(store_meta_read(b.fs, "/d", &meta, &b.why), ERR_CORRUPT);
        ck_assert_msg(strstr(b.why.text, cases[i].word) != NULL, "%s", b.why.text);
        ck_assert_ptr_nonnull(strstr(b.why.text, "/d/meta.properties"));
        store_meta_fini(&meta);
    }
    struct store_meta meta;
    ck_assert_int_eq(store_meta_read(b.fs, "/other", &meta, &b.why), ERR_NOT_FOUND);
    fault_fs_free(b.disk);
}
END_TEST

START_TEST(meta_of_zookeeper_mode_keeps_its_version)
{
    struct bench b = setup();
    struct store_meta meta;
    put(&b, "/d/meta.properties",
        "#\n#Sat Nov 21 11:21:13 UTC 2026\nbroker.id=1\nversion=0\r\n"
        "cluster.id = 1Q5dovxRSKKneSW\\-mWyJbw\nfoo.bar: baz\n");
    ck_assert_int_eq(store_meta_read(b.fs, "/d", &meta, &b.why), ERR_NONE);
    ck_assert_int_eq(meta.version, 0);
    ck_assert_int_eq(meta.node_id, 1);
    ck_assert_str_eq(meta.cluster_id, "1Q5dovxRSKKneSW-mWyJbw");
    ck_assert(uuid_is_zero(meta.directory_id));
    ck_assert(uuid_parse(slice_str("Qs7EXfAMRZ-7V9JqZzPHOA"), &meta.directory_id));
    ck_assert_int_eq(store_meta_write(b.fs, "/d", &meta, &b.why), ERR_NONE);
    expect(&b, "/d/meta.properties",
           "version=0\ncluster.id=1Q5dovxRSKKneSW-mWyJbw\nbroker.id=1\n"
           "directory.id=Qs7EXfAMRZ-7V9JqZzPHOA\nfoo.bar: baz\n");
    store_meta_fini(&meta);
    ck_assert_int_eq(store_meta_read(b.fs, "/d", &meta, &b.why), ERR_NONE);
    ck_assert_str_eq(uuid_text(meta.directory_id).text, "Qs7EXfAMRZ-7V9JqZzPHOA");
    ck_assert_str_eq(meta.other, "foo.bar: baz\n");
    store_meta_fini(&meta);
    fault_fs_free(b.disk);
}
END_TEST

START_TEST(a_lock_has_one_holder)
{
    struct bench b = setup();
    int first = -1;
    int second = -1;
    ck_assert_int_eq(store_lock(b.fs, "/d", &first, &b.why), ERR_NONE);
    ck_assert_int_eq(store_lock(b.fs, "/d", &second, &b.why), ERR_LOCKED);
    ck_assert_ptr_nonnull(strstr(b.why.text, "process id"));
    store_fs_close(b.fs, first);
    ck_assert_int_eq(store_lock(b.fs, "/d", &second, &b.why), ERR_NONE);
    store_fs_close(b.fs, second);
    fault_fs_free(b.disk);
}
END_TEST

START_TEST(partition_metadata)
{
    struct bench b = setup();
    struct uuid id;
    ck_assert_int_eq(store_partition_meta_read(b.fs, "/d", &id, &b.why), ERR_NOT_FOUND);
    put(&b, "/d/partition.metadata", "version: 1\ntopic_id: Qs7EXfAMRZ-7V9JqZzPHOA");
    ck_assert_int_eq(store_partition_meta_read(b.fs, "/d", &id, &b.why), ERR_CORRUPT);
    put(&b, "/d/partition.metadata", "version: 0\ntopic_id: Qs7EXfAMRZ-7V9JqZzPHO");
    ck_assert_int_eq(store_partition_meta_read(b.fs, "/d", &id, &b.why), ERR_CORRUPT);
    ck_assert(uuid_parse(slice_str("Qs7EXfAMRZ-7V9JqZzPHOA"), &id));
    ck_assert_int_eq(store_partition_meta_write(b.fs, "/d", id), ERR_NONE);
    expect(&b, "/d/partition.metadata", "version: 0\ntopic_id: Qs7EXfAMRZ-7V9JqZzPHOA");
    struct uuid back;
    ck_assert_int_eq(store_partition_meta_read(b.fs, "/d", &back, &b.why), ERR_NONE);
    ck_assert(uuid_eq(id, back));
    fault_fs_free(b.disk);
}
END_TEST

START_TEST(the_clean_mark_counts_once)
{
    struct bench b = setup();
    bool clean = true;
    int64_t epoch = 0;
    ck_assert_int_eq(store_clean_mark_take(b.fs, "/d", &clean, &epoch), ERR_NONE);
    ck_assert(!clean);
    ck_assert_int_eq(epoch, -1);
    ck_assert_int_eq(store_clean_mark_put(b.fs, "/d", 41), ERR_NONE);
    expect(&b, "/d/.kafka_cleanshutdown", "{\"version\":0,\"brokerEpoch\":41}");
    fault_fs_crash(b.disk, FAULT_CRASH_LOSE);
    ck_assert(!store_fs_exists(b.fs, "/d")); /* the directory itself was never synced */
    ck_assert_int_eq(store_fs_mkdir(b.fs, "/d"), ERR_NONE);
    ck_assert_int_eq(store_fs_sync_dir(b.fs, "/"), ERR_NONE);
    ck_assert_int_eq(store_clean_mark_put(b.fs, "/d", 41), ERR_NONE);
    fault_fs_crash(b.disk, FAULT_CRASH_LOSE);
    ck_assert_int_eq(store_clean_mark_take(b.fs, "/d", &clean, &epoch), ERR_NONE);
    ck_assert(clean);
    ck_assert_int_eq(epoch, 41);
    fault_fs_crash(b.disk, FAULT_CRASH_LOSE);
    ck_assert_int_eq(store_clean_mark_take(b.fs, "/d", &clean, &epoch), ERR_NONE);
    ck_assert(!clean);
    put(&b, "/d/.kafka_cleanshutdown", "");
    ck_assert_int_eq(store_clean_mark_take(b.fs, "/d", &clean, &epoch), ERR_NONE);
    ck_assert(clean);
    ck_assert_int_eq(epoch, -1);
    fault_fs_free(b.disk);
}
END_TEST

/* ---- checkpoints ---- */

static void sum_entry(void *arg, struct slice topic, int32_t partition, int64_t offset)
{
    int64_t *sum = arg;
    *sum += offset + partition * 1000 + (int64_t)topic.len * 1000000;
}

START_TEST(bad_checkpoints_are_explained)
{
    static const char *const cases[] = {
        "1\n0\n",
        "x",
        "0\nx\n",
        "0\n1\n",
        "0\n0\na 1 2\n",
        "0\n1\na 1\n",
        "0\n1\na -1 2\n",
        "0\n1\na 1 2 3\n",
        "0\n-1\n",
        "0\n1\na b c",
        "0\n1\na 1 9999999999999999999\n",
    };
    struct bench b = setup();
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        int64_t sum = 0;
        put(&b, "/d/c", cases[i]);
        ck_assert_int_eq(store_checkpoint_read(b.fs, "/d/c", sum_entry, &sum, &b.why), ERR_CORRUPT);
        ck_assert_ptr_nonnull(strstr(b.why.text, "/d/c"));
    }
    fault_fs_free(b.disk);
}
END_TEST

START_TEST(checkpoints_round_trip)
{
    struct bench b = setup();
    struct store_checkpoint c = {0};
    int64_t sum = 0;
    ck_assert_int_eq(store_checkpoint_read(b.fs, "/d/c", sum_entry, &sum, &b.why), ERR_NONE);
    store_checkpoint_add(&c, slice_str("orders"), 3, 17);
    store_checkpoint_add(&c, slice_str("a.b-c_d"), 0, 5);
    ck_assert_int_eq(store_checkpoint_write(b.fs, "/d/c", &c, &b.why), ERR_NONE);
    expect(&b, "/d/c", "0\n2\norders 3 17\na.b-c_d 0 5\n");
    ck_assert_int_eq(store_checkpoint_read(b.fs, "/d/c", sum_entry, &sum, &b.why), ERR_NONE);
    ck_assert_int_eq(sum, 6003017 + 7000005);

    /* A failed write leaves the old one. */
    store_checkpoint_add(&c, slice_str("more"), 1, 1);
    fault_fs_fail(b.disk, FAULT_WRITE, 0, ERR_NO_SPACE, 1);
    ck_assert_int_eq(store_checkpoint_write(b.fs, "/d/c", &c, &b.why), ERR_NO_SPACE);
    ck_assert_ptr_nonnull(strstr(b.why.text, "make room"));
    expect(&b, "/d/c", "0\n2\norders 3 17\na.b-c_d 0 5\n");
    ck_assert(!store_fs_exists(b.fs, "/d/c.tmp"));
    store_checkpoint_fini(&c);
    fault_fs_free(b.disk);
}
END_TEST

/* ---- directory names ---- */

START_TEST(directory_names)
{
    static const struct {
        const char *name;
        enum store_dir_kind kind;
        const char *topic;
        int32_t partition;
    } cases[] = {
        {"orders-0", STORE_DIR_PARTITION, "orders", 0},
        {"a-b-c-12", STORE_DIR_PARTITION, "a-b-c", 12},
        {"my.topic-delete-7", STORE_DIR_PARTITION, "my.topic-delete", 7},
        {"orders", STORE_DIR_UNKNOWN, "", -1},
        {"orders-", STORE_DIR_UNKNOWN, "", -1},
        {"-3", STORE_DIR_UNKNOWN, "", -1},
        {"orders-x", STORE_DIR_UNKNOWN, "", -1},
        {"orders-99999999999", STORE_DIR_UNKNOWN, "", -1},
        {"a.b-c-3.0123456789abcdef0123456789abcdef-delete", STORE_DIR_DELETE, "a.b-c", 3},
        {"t-0.0123456789abcdef0123456789abcdef-future", STORE_DIR_FUTURE, "t", 0},
        {"t-0.0123456789abcdef0123456789abcdef-stray", STORE_DIR_STRAY, "t", 0},
        {"t-0-delete", STORE_DIR_UNKNOWN, "", -1},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct store_dir_name name;
        store_dir_parse(cases[i].name, &name);
        ck_assert_msg(name.kind == cases[i].kind, "%s", cases[i].name);
        if (name.kind != STORE_DIR_UNKNOWN) {
            ck_assert_str_eq(name.topic, cases[i].topic);
            ck_assert_int_eq(name.partition, cases[i].partition);
        }
    }
}
END_TEST

START_TEST(long_names_fit_the_file_system)
{
    struct store_dir_name name;
    char topic[STORE_TOPIC_MAX + 1];
    memset(topic, 'x', STORE_TOPIC_MAX);
    topic[STORE_TOPIC_MAX] = 0;
    struct store_dir_text text = store_dir_format(slice_str(topic), 12345);
    store_dir_parse(text.text, &name);
    ck_assert_int_eq(name.kind, STORE_DIR_PARTITION);
    ck_assert_int_eq(name.partition, 12345);
    text = store_dir_format_as(&name, STORE_DIR_DELETE, (struct uuid){1, 2});
    ck_assert_uint_eq(strlen(text.text), STORE_NAME_MAX);
    store_dir_parse(text.text, &name);
    ck_assert_int_eq(name.kind, STORE_DIR_DELETE);
    ck_assert_int_eq(name.partition, 12345);
}
END_TEST

static void join(void *arg, const char *path, const struct store_dir_name *name)
{
    buf_printf(arg, "%s=%d ", path, (int)name->kind);
}

START_TEST(scan_lists_directories_in_order)
{
    struct bench b = setup();
    struct buf got = {0};
    ck_assert_int_eq(store_fs_mkdir(b.fs, "/d/zeta-0"), ERR_NONE);
    ck_assert_int_eq(store_fs_mkdir(b.fs, "/d/alpha-1"), ERR_NONE);
    ck_assert_int_eq(store_fs_mkdir(b.fs, "/d/lost+found"), ERR_NONE);
    put(&b, "/d/file-0", "not a directory");
    ck_assert_int_eq(store_dir_scan(b.fs, "/d", join, &got), ERR_NONE);
    ck_assert(slice_eq_str(buf_slice(&got), "/d/alpha-1=0 /d/lost+found=4 /d/zeta-0=0 "));
    ck_assert_int_eq(store_dir_scan(b.fs, "/e", join, &got), ERR_NOT_FOUND);
    buf_fini(&got);
    fault_fs_free(b.disk);
}
END_TEST

/* ---- producer snapshots ---- */

static void write_snapshot(struct bench *b, int64_t offset)
{
    struct store_producer_entry entries[2] = {
        {.producer_id = 7, .last_offset = offset - 1, .txn_first_offset = -1},
        {.producer_id = 8, .last_offset = offset - 5, .txn_first_offset = 3, .last_sequence = 9}};
    ck_assert_int_eq(store_snapshot_write(b->fs, "/d", offset, entries, 2), ERR_NONE);
}

START_TEST(the_newest_whole_snapshot_is_loaded)
{
    struct bench b = setup();
    struct store_snapshot s;
    ck_assert_int_eq(store_snapshot_load(b.fs, "/d", 100, &s), ERR_NONE);
    ck_assert_int_eq(s.offset, -1);
    write_snapshot(&b, 10);
    write_snapshot(&b, 20);
    write_snapshot(&b, 30);
    write_snapshot(&b, 200);
    put(&b, "/d/00000000000000000030.snapshot", "torn");
    ck_assert_int_eq(store_snapshot_load(b.fs, "/d", 100, &s), ERR_NONE);
    ck_assert_int_eq(s.offset, 20);
    ck_assert_uint_eq(s.count, 2);
    ck_assert_int_eq(s.entries[1].producer_id, 8);
    ck_assert_int_eq(s.entries[1].last_offset, 15);
    ck_assert_int_eq(s.entries[1].txn_first_offset, 3);
    ck_assert_int_eq(s.entries[1].last_sequence, 9);
    mem_free(s.entries);
    ck_assert(!store_fs_exists(b.fs, "/d/00000000000000000030.snapshot"));
    ck_assert_int_eq(store_snapshot_remove(b.fs, "/d", 15, 300), ERR_NONE);
    ck_assert_int_eq(store_snapshot_load(b.fs, "/d", 1000, &s), ERR_NONE);
    ck_assert_int_eq(s.offset, 10);
    mem_free(s.entries);
    fault_fs_free(b.disk);
}
END_TEST

START_TEST(a_snapshot_with_any_bit_flipped_is_corrupt)
{
    struct bench b = setup();
    struct store_producer_entry *entries = NULL;
    size_t count = 0;
    struct buf whole = {0};
    const char *path = "/d/00000000000000000010.snapshot";
    write_snapshot(&b, 10);
    ck_assert_int_eq(store_fs_read_file(b.fs, path, 4096, &whole), ERR_NONE);
    for (size_t i = 0; i < whole.len; i++) {
        whole.data[i] ^= 4;
        ck_assert_int_eq(store_fs_write_file(b.fs, path, buf_slice(&whole), false), ERR_NONE);
        ck_assert_int_eq(store_snapshot_read(b.fs, "/d", 10, &entries, &count), ERR_CORRUPT);
        ck_assert_ptr_null(entries);
        whole.data[i] ^= 4;
    }
    buf_fini(&whole);
    fault_fs_free(b.disk);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("meta");
    TCase *tc = tcase_create("meta");
    tcase_add_test(tc, bad_meta_properties_are_explained);
    tcase_add_test(tc, meta_of_zookeeper_mode_keeps_its_version);
    tcase_add_test(tc, a_lock_has_one_holder);
    tcase_add_test(tc, partition_metadata);
    tcase_add_test(tc, the_clean_mark_counts_once);
    tcase_add_test(tc, bad_checkpoints_are_explained);
    tcase_add_test(tc, checkpoints_round_trip);
    tcase_add_test(tc, directory_names);
    tcase_add_test(tc, long_names_fit_the_file_system);
    tcase_add_test(tc, scan_lists_directories_in_order);
    tcase_add_test(tc, the_newest_whole_snapshot_is_loaded);
    tcase_add_test(tc, a_snapshot_with_any_bit_flipped_is_corrupt);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
