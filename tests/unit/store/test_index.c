/* Sparse indexes: floor searches against brute force, over file and tail. */
#include "store/index.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/prng.h"
#include "tests/lib/fault_fs.h"

enum { BYTES_MAX = 64 << 10 };

static const char *const dir = "/d";

struct bench {
    struct fault_fs *disk;
    struct store_files *files;
    struct index index;
};

static void setup(struct bench *b, uint64_t seed)
{
    b->disk = fault_fs_new(seed);
    b->files = store_files_new(fault_fs_store(b->disk), 2);
    ck_assert_int_eq(store_fs_mkdir(fault_fs_store(b->disk), dir), ERR_NONE);
    index_init(&b->index, store_file_new(b->files, &dir, 7, ".index"), INDEX_OFFSET_ENTRY);
}

static void teardown(struct bench *b)
{
    index_fini(&b->index);
    store_files_free(b->files);
    fault_fs_free(b->disk);
}

static void add(struct index *x, uint32_t key, uint32_t value)
{
    uint8_t entry[INDEX_OFFSET_ENTRY];
    store_u32(entry, key);
    store_u32(entry + 4, value);
    index_add(x, entry);
}

START_TEST(a_missing_file_is_said)
{
    struct bench b;
    setup(&b, 1);
    ck_assert_int_eq(index_load(&b.index), ERR_NOT_FOUND);
    teardown(&b);
}
END_TEST

static void write_raw(struct bench *b, size_t size, uint32_t last_position)
{
    uint8_t bytes[64] = {0};
    store_u32(bytes, 5);
    store_u32(bytes + 4, 100);
    store_u32(bytes + 12, last_position);
    ck_assert_int_eq(store_fs_write_file(fault_fs_store(b->disk), "/d/00000000000000000007.index",
                                         slice_of(bytes, size), false),
                     ERR_NONE);
}

START_TEST(a_piece_of_an_entry_is_corrupt)
{
    struct bench b;
    setup(&b, 1);
    write_raw(&b, 13, 200);
    ck_assert_int_eq(index_load(&b.index), ERR_CORRUPT);
    teardown(&b);
}
END_TEST

START_TEST(zeroes_at_the_end_are_corrupt)
{
    struct bench b;
    setup(&b, 1);
    write_raw(&b, 16, 0);
    ck_assert_int_eq(index_load(&b.index), ERR_CORRUPT);
    teardown(&b);
}
END_TEST

/* The number of keys ≤ `key`, minus one. */
static int64_t brute(const uint32_t *keys, uint32_t count, int64_t key)
{
    int64_t slot = -1;
    for (uint32_t i = 0; i < count && keys[i] <= key; i++) {
        slot = i;
    }
    return slot;
}

static void check_searches(struct bench *b, struct prng *p, const uint32_t *keys, uint32_t count)
{
    int64_t top = count == 0 ? 10 : keys[count - 1] + 5;
    for (int i = 0; i < 40; i++) {
        int64_t slot = -2;
        int64_t key = prng_range(p, -1, top);
        ck_assert_int_eq(index_floor(&b->index, key, &slot), ERR_NONE);
        ck_assert_int_eq(slot, brute(keys, count, key));
        uint8_t entry[INDEX_OFFSET_ENTRY];
        if (slot >= 0) {
            ck_assert_int_eq(index_get(&b->index, (uint32_t)slot, entry), ERR_NONE);
            ck_assert_uint_eq(load_u32(entry), keys[slot]);
        }
    }
}

START_TEST(searches_agree_with_brute_force)
{
    uint64_t seed = (uint64_t)_i + 1;
    struct prng p;
    struct bench b;
    prng_init(&p, seed);
    setup(&b, seed);
    index_clear(&b.index);
    uint32_t keys[3000];
    uint32_t count = 0;
    uint32_t key = 0;
    uint32_t wanted = (uint32_t)prng_below(&p, ARRAY_LEN(keys));
    while (count < wanted) {
        key += 1 + (uint32_t)prng_below(&p, 9);
        add(&b.index, key, count + 1);
        keys[count++] = key;
        if (prng_chance(&p, 1, 50)) {
            ck_assert_int_eq(index_maybe_write(&b.index, BYTES_MAX), ERR_NONE);
            check_searches(&b, &p, keys, count);
        }
        if (prng_chance(&p, 1, 300)) {
            count = (uint32_t)prng_below(&p, count + 1u);
            index_truncate(&b.index, count);
            key = count == 0 ? 0 : keys[count - 1];
            wanted = wanted > 20 ? wanted - 20 : 0;
        }
    }
    ck_assert_int_eq(index_finish(&b.index), ERR_NONE);
    check_searches(&b, &p, keys, count);

    /* The file has these entries and nothing else. */
    struct store_stat st;
    ck_assert_int_eq(store_fs_stat(fault_fs_store(b.disk), "/d/00000000000000000007.index", &st),
                     ERR_NONE);
    ck_assert_uint_eq(st.size, count * INDEX_OFFSET_ENTRY);
    index_fini(&b.index);
    index_init(&b.index, store_file_new(b.files, &dir, 7, ".index"), INDEX_OFFSET_ENTRY);
    ck_assert_int_eq(index_load(&b.index), ERR_NONE);
    ck_assert_uint_eq(index_count(&b.index), count);
    check_searches(&b, &p, keys, count);
    teardown(&b);
}
END_TEST

START_TEST(is_extended_while_written_and_cut_at_the_end)
{
    struct bench b;
    struct store_stat st;
    const char *path = "/d/00000000000000000007.index";
    setup(&b, 1);
    index_clear(&b.index);
    for (uint32_t i = 1; i <= INDEX_TAIL_MAX; i++) {
        ck_assert_int_eq(index_maybe_write(&b.index, 1003), ERR_NONE);
        ck_assert(!store_fs_exists(fault_fs_store(b.disk), path));
        add(&b.index, i, i);
    }
    ck_assert_int_eq(index_maybe_write(&b.index, 1003), ERR_NONE);
    ck_assert_int_eq(store_fs_stat(fault_fs_store(b.disk), path, &st), ERR_NONE);
    ck_assert_uint_eq(st.size, 1000);
    ck_assert_int_eq(index_finish(&b.index), ERR_NONE);
    ck_assert_int_eq(store_fs_stat(fault_fs_store(b.disk), path, &st), ERR_NONE);
    ck_assert_uint_eq(st.size, INDEX_TAIL_MAX * INDEX_OFFSET_ENTRY);
    teardown(&b);
}
END_TEST

START_TEST(a_full_disk_loses_no_entry)
{
    struct bench b;
    setup(&b, 1);
    index_clear(&b.index);
    for (uint32_t i = 1; i <= 100; i++) {
        add(&b.index, i, i);
    }
    fault_fs_fail(b.disk, FAULT_WRITE, 0, ERR_NO_SPACE, 1);
    ck_assert_int_eq(index_maybe_write(&b.index, BYTES_MAX), ERR_NO_SPACE);
    ck_assert_uint_eq(index_count(&b.index), 100);
    ck_assert_int_eq(index_finish(&b.index), ERR_NONE);
    int64_t slot = -1;
    ck_assert_int_eq(index_floor(&b.index, 77, &slot), ERR_NONE);
    ck_assert_int_eq(slot, 76);
    teardown(&b);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("index");
    TCase *tc = tcase_create("index");
    tcase_add_test(tc, a_missing_file_is_said);
    tcase_add_test(tc, a_piece_of_an_entry_is_corrupt);
    tcase_add_test(tc, zeroes_at_the_end_are_corrupt);
    tcase_add_loop_test(tc, searches_agree_with_brute_force, 0, 50);
    tcase_add_test(tc, is_extended_while_written_and_cut_at_the_end);
    tcase_add_test(tc, a_full_disk_loses_no_entry);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
