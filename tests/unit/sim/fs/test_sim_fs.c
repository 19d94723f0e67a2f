/* The simulated disk: like a real one while nothing fails, and what is left when something does. */
#include "sim/fs/sim_fs.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/map.h"
#include "base/mem.h"
#include "tests/unit/unit.h"

static const uint32_t create = STORE_OPEN_WRITE | STORE_OPEN_CREATE;

struct bench {
    struct sim_fs *world;
    struct sim_disk *disk;
    const struct store_fs *fs;
};

static struct bench setup(uint64_t seed)
{
    struct bench b = {.world = sim_fs_new(&(struct sim_fs_options){0})};
    b.disk = sim_disk_new(b.world, seed);
    b.fs = sim_disk_store(b.disk);
    return b;
}

static void teardown(struct bench *b)
{
    sim_disk_free(b->disk);
    sim_fs_free(b->world);
}

static int open_file(struct bench *b, const char *path)
{
    int fd = -1;
    ck_assert_int_eq(store_fs_open(b->fs, path, create, &fd), ERR_NONE);
    return fd;
}

static void put(struct bench *b, int fd, uint64_t offset, uint8_t byte, size_t len)
{
    uint8_t *bytes = mem_alloc(len);
    memset(bytes, byte, len);
    ck_assert_int_eq(store_fs_pwrite(b->fs, fd, slice_of(bytes, len), offset), ERR_NONE);
    mem_free(bytes);
}

static uint64_t size_of(struct bench *b, const char *path)
{
    struct store_stat st;
    return store_fs_stat(b->fs, path, &st) == ERR_NONE ? st.size : UINT64_MAX;
}

static uint8_t byte_at(struct bench *b, const char *path, uint64_t offset)
{
    uint8_t byte = 0xff;
    size_t got = 0;
    int fd = -1;
    ck_assert_int_eq(store_fs_open(b->fs, path, STORE_OPEN_READ, &fd), ERR_NONE);
    ck_assert_int_eq(store_fs_pread(b->fs, fd, store_room(&byte, 1), offset, &got), ERR_NONE);
    ck_assert_uint_eq(got, 1);
    store_fs_close(b->fs, fd);
    return byte;
}

/* ---- against the real one ---- */

enum { PATHS = 9, FDS = 4, STEPS = 4000, FILE_MAX = 20000 };

static const char *const paths[PATHS] = {"/a", "/b",   "/d",     "/d/a",   "/d/b",
                                         "/e", "/e/d", "/e/d/x", "/none/x"};

struct pair {
    struct bench b;
    struct prng p;
    char root[64];
    int fds[FDS][2];
};

static void join(char out[128], struct pair *pair, const char *path)
{
    snprintf(out, 128, "%s%s", pair->root, path);
}

static void count_name(void *arg, const char *name)
{
    uint64_t *sum = arg;
    *sum += map_hash(slice_str(name));
}

static void compare_names(struct pair *pair, const char *path, const char *real)
{
    uint64_t sums[2] = {0};
    enum err ours = store_fs_list(pair->b.fs, path, count_name, &sums[0]);
    enum err theirs = store_fs_list(store_fs_posix(), real, count_name, &sums[1]);
    ck_assert_int_eq(ours == ERR_NONE, theirs == ERR_NONE);
    ck_assert_uint_eq(sums[0], sums[1]);
}

/* A call on a path, to both. */
static void step_path(struct pair *pair)
{
    const char *path = paths[prng_below(&pair->p, PATHS)];
    const char *other = paths[prng_below(&pair->p, PATHS)];
    const struct store_fs *fs = pair->b.fs;
    const struct store_fs *posix = store_fs_posix();
    struct store_stat st[2] = {{0}};
    char real[128];
    char real_other[128];
    join(real, pair, path);
    join(real_other, pair, other);
    switch (prng_below(&pair->p, 6)) {
    case 0:
        ck_assert_int_eq(store_fs_mkdir(fs, path), store_fs_mkdir(posix, real));
        break;
    case 1:
        ck_assert_int_eq(store_fs_rmdir(fs, path), store_fs_rmdir(posix, real));
        break;
    case 2:
        ck_assert_int_eq(store_fs_unlink(fs, path), store_fs_unlink(posix, real));
        break;
    case 3:
        /* Into itself or over what holds it: the codes differ between systems. */
        if (strncmp(path, other, min_size(strlen(path), strlen(other))) != 0) {
            ck_assert_int_eq(store_fs_rename(fs, path, other),
                             store_fs_rename(posix, real, real_other));
        }
        break;
    case 4:
        compare_names(pair, path, real);
        break;
    default:
        ck_assert_int_eq(store_fs_stat(fs, path, &st[0]), store_fs_stat(posix, real, &st[1]));
        ck_assert_int_eq(st[0].is_dir, st[1].is_dir);
        if (!st[0].is_dir) {
            ck_assert_uint_eq(st[0].size, st[1].size);
        }
        break;
    }
}

static void step_open(struct pair *pair, int *fds)
{
    const char *path = paths[prng_below(&pair->p, PATHS)];
    char real[128];
    struct store_stat st;
    uint32_t flags = STORE_OPEN_WRITE | (uint32_t)prng_below(&pair->p, 8) << 1;
    join(real, pair, path);
    if (store_fs_stat(pair->b.fs, path, &st) == ERR_NONE && st.is_dir) {
        return;
    }
    if ((flags & STORE_OPEN_CREATE) == 0) {
        flags &= ~(uint32_t)STORE_OPEN_EXCLUSIVE;
    }
    enum err e = store_fs_open(pair->b.fs, path, flags, &fds[0]);
    ck_assert_int_eq(e, store_fs_open(store_fs_posix(), real, flags, &fds[1]));
    fds[0] = e == ERR_NONE ? fds[0] : -1;
}

/* A call on a descriptor, to both. */
static void step_fd(struct pair *pair, int *fds)
{
    const struct store_fs *fs = pair->b.fs;
    const struct store_fs *posix = store_fs_posix();
    uint64_t offset = prng_below(&pair->p, FILE_MAX);
    uint8_t bytes[2][6000];
    size_t len = (size_t)prng_below(&pair->p, sizeof bytes[0]);
    size_t got[2];
    uint64_t size[2];
    switch (prng_below(&pair->p, 5)) {
    case 0:
        memset(bytes[0], (int)prng_below(&pair->p, 256), len);
        ck_assert_int_eq(store_fs_pwrite(fs, fds[0], slice_of(bytes[0], len), offset), ERR_NONE);
        ck_assert_int_eq(store_fs_pwrite(posix, fds[1], slice_of(bytes[0], len), offset), ERR_NONE);
        break;
    case 1:
        ck_assert_int_eq(store_fs_truncate(fs, fds[0], offset), ERR_NONE);
        ck_assert_int_eq(store_fs_truncate(posix, fds[1], offset), ERR_NONE);
        break;
    case 2:
        ck_assert_int_eq(store_fs_sync(fs, fds[0]), ERR_NONE);
        break;
    case 3:
        store_fs_close(fs, fds[0]);
        store_fs_close(posix, fds[1]);
        fds[0] = -1;
        break;
    default:
        for (int i = 0; i < 2; i++) {
            const struct store_fs *each = i == 0 ? fs : posix;
            ck_assert_int_eq(
                store_fs_pread(each, fds[i], store_room(bytes[i], len), offset, &got[i]), ERR_NONE);
            ck_assert_int_eq(store_fs_size(each, fds[i], &size[i]), ERR_NONE);
        }
        ck_assert_uint_eq(size[0], size[1]);
        ck_assert_uint_eq(got[0], got[1]);
        ck_assert_mem_eq(bytes[0], bytes[1], got[0]);
        break;
    }
}

START_TEST(it_does_what_the_real_one_does)
{
    struct pair pair = {.b = setup((uint64_t)_i), .root = "/tmp/craft-sim-XXXXXX"};
    prng_init(&pair.p, (uint64_t)_i);
    memset(pair.fds, -1, sizeof pair.fds);
    ck_assert_ptr_nonnull(mkdtemp(pair.root));
    for (int i = 0; i < STEPS; i++) {
        int *fds = pair.fds[prng_below(&pair.p, FDS)];
        if (prng_chance(&pair.p, 1, 2)) {
            step_path(&pair);
        } else if (fds[0] < 0) {
            step_open(&pair, fds);
        } else {
            step_fd(&pair, fds);
        }
        if (prng_chance(&pair.p, 1, 50)) {
            sim_disk_write_back(pair.b.disk); /* nobody sees a difference */
        }
    }
    for (int i = 0; i < FDS; i++) {
        if (pair.fds[i][0] >= 0) {
            store_fs_close(pair.b.fs, pair.fds[i][0]);
            store_fs_close(store_fs_posix(), pair.fds[i][1]);
        }
    }
    ck_assert_int_eq(store_fs_remove_tree(store_fs_posix(), pair.root), ERR_NONE);
    ck_assert_uint_eq(sim_disk_open_count(pair.b.disk), 0);
    for (int i = PATHS - 1; i >= 0; i--) {
        struct store_stat st;
        if (store_fs_stat(pair.b.fs, paths[i], &st) == ERR_NONE) {
            ck_assert_int_eq(st.is_dir ? store_fs_remove_tree(pair.b.fs, paths[i])
                                       : store_fs_unlink(pair.b.fs, paths[i]),
                             ERR_NONE);
        }
    }
    ck_assert_int_eq(store_fs_sync_dir(pair.b.fs, "/"), ERR_NONE);
    ck_assert_uint_eq(sim_disk_used(pair.b.disk), 0);
    teardown(&pair.b);
}
END_TEST

/* ---- crashes ---- */

START_TEST(a_kill_keeps_every_write)
{
    struct bench b = setup(1);
    int fd = open_file(&b, "/f");
    put(&b, fd, 0, 'x', 10000);
    sim_disk_halt(b.disk);
    ck_assert_int_eq(store_fs_pwrite(b.fs, fd, slice_str("late"), 0), ERR_IO);
    sim_disk_crash(b.disk, SIM_DISK_KILL);
    ck_assert_int_eq(store_fs_sync(b.fs, fd), ERR_IO); /* of a process that is gone */
    store_fs_close(b.fs, fd);
    ck_assert_uint_eq(size_of(&b, "/f"), 10000);
    ck_assert_uint_eq(byte_at(&b, "/f", 9999), 'x');
    teardown(&b);
}
END_TEST

START_TEST(what_is_synced_survives_every_power_cut)
{
    struct bench b = setup((uint64_t)_i);
    int fd = open_file(&b, "/f");
    put(&b, fd, 0, 'x', 10000);
    ck_assert_int_eq(store_fs_sync(b.fs, fd), ERR_NONE);
    ck_assert_int_eq(store_fs_sync_dir(b.fs, "/"), ERR_NONE);
    put(&b, fd, 10000, 'y', 10000); /* behind it, in a page of it too */
    store_fs_close(b.fs, fd);
    sim_disk_crash(b.disk, SIM_DISK_POWER);
    ck_assert_uint_ge(size_of(&b, "/f"), 10000);
    ck_assert_uint_le(size_of(&b, "/f"), 20000);
    ck_assert_uint_eq(byte_at(&b, "/f", 0), 'x');
    ck_assert_uint_eq(byte_at(&b, "/f", 9999), 'x');
    teardown(&b);
}
END_TEST

/* Over many power cuts everything that may happen to one write does. */
START_TEST(a_write_is_kept_lost_or_torn)
{
    int kept = 0;
    int lost = 0;
    int torn = 0;
    for (uint64_t seed = 0; seed < 200; seed++) {
        struct bench b = setup(seed);
        int fd = open_file(&b, "/f");
        put(&b, fd, 0, 'x', 4096);
        ck_assert_int_eq(store_fs_sync(b.fs, fd), ERR_NONE);
        ck_assert_int_eq(store_fs_sync_dir(b.fs, "/"), ERR_NONE);
        put(&b, fd, 0, 'y', 4096);
        store_fs_close(b.fs, fd);
        sim_disk_crash(b.disk, SIM_DISK_POWER);
        int new_bytes = 0;
        for (uint64_t at = 0; at < 4096; at += 512) {
            new_bytes += byte_at(&b, "/f", at) == 'y';
        }
        kept += new_bytes == 8;
        lost += new_bytes == 0;
        torn += new_bytes > 0 && new_bytes < 8;
        teardown(&b);
    }
    ck_assert_int_gt(kept, 20);
    ck_assert_int_gt(lost, 20);
    ck_assert_int_gt(torn, 20);
}
END_TEST

START_TEST(a_name_needs_its_directory_synced)
{
    int there = 0;
    for (uint64_t seed = 0; seed < 100; seed++) {
        struct bench b = setup(seed);
        int fd = open_file(&b, "/f");
        put(&b, fd, 0, 'x', 100);
        ck_assert_int_eq(store_fs_sync(b.fs, fd), ERR_NONE);
        store_fs_close(b.fs, fd);
        sim_disk_crash(b.disk, seed % 2 == 0 ? SIM_DISK_POWER : SIM_DISK_LOSE);
        bool is_there = size_of(&b, "/f") != UINT64_MAX;
        ck_assert(!is_there || size_of(&b, "/f") == 100);
        ck_assert(!is_there || seed % 2 == 0);
        there += is_there;
        teardown(&b);
    }
    ck_assert_int_gt(there, 10);
    ck_assert_int_lt(there, 50);
}
END_TEST

START_TEST(a_rename_is_there_or_not)
{
    for (uint64_t seed = 0; seed < 100; seed++) {
        struct bench b = setup(seed);
        ck_assert_int_eq(store_fs_write_file(b.fs, "/f", slice_str("old"), true), ERR_NONE);
        enum err e = store_fs_write_file(b.fs, "/f", slice_str("newer"), seed % 2 == 0);
        ck_assert_int_eq(e, ERR_NONE);
        sim_disk_crash(b.disk, SIM_DISK_POWER);
        struct buf back = {0};
        ck_assert_int_eq(store_fs_read_file(b.fs, "/f", 100, &back), ERR_NONE);
        bool is_new = slice_eq_str(buf_slice(&back), "newer");
        ck_assert(is_new || seed % 2 == 1); /* not durable: anything, even an empty file */
        buf_fini(&back);
        teardown(&b);
    }
}
END_TEST

/* A cut comes back with all that was behind it, or what was written behind it is of the new file.
 */
START_TEST(a_cut_is_journalled_before_what_follows)
{
    int back = 0;
    for (uint64_t seed = 0; seed < 200; seed++) {
        struct bench b = setup(seed);
        int fd = open_file(&b, "/f");
        put(&b, fd, 0, 'x', 20000);
        ck_assert_int_eq(store_fs_sync(b.fs, fd), ERR_NONE);
        ck_assert_int_eq(store_fs_sync_dir(b.fs, "/"), ERR_NONE);
        ck_assert_int_eq(store_fs_truncate(b.fs, fd, 5000), ERR_NONE);
        put(&b, fd, 5000, 'y', 10000);
        store_fs_close(b.fs, fd);
        if (seed % 4 == 0) {
            sim_disk_write_back(b.disk);
        }
        sim_disk_crash(b.disk, SIM_DISK_POWER);
        uint64_t size = size_of(&b, "/f");
        bool is_old = size == 20000;
        ck_assert(is_old || (size >= 5000 && size <= 15000));
        ck_assert_uint_eq(byte_at(&b, "/f", 4999), 'x');
        for (uint64_t at = 5000; at < size; at += 499) {
            uint8_t byte = byte_at(&b, "/f", at);
            ck_assert(is_old ? byte == 'x' : byte == 'y' || byte == 0);
        }
        back += is_old;
        teardown(&b);
    }
    ck_assert_int_gt(back, 20);
    ck_assert_int_lt(back, 180);
}
END_TEST

START_TEST(a_halt_strikes_within_a_write)
{
    int partial = 0;
    for (uint64_t seed = 0; seed < 50; seed++) {
        struct bench b = setup(seed);
        int fd = open_file(&b, "/f");
        put(&b, fd, 0, 'x', 10);
        sim_disk_halt_after(b.disk, 2, NULL, NULL);
        put(&b, fd, 10, 'x', 10);
        uint8_t more[100] = {0};
        ck_assert_int_eq(store_fs_pwrite(b.fs, fd, slice_of(more, 100), 20), ERR_IO);
        ck_assert_int_eq(store_fs_pwrite(b.fs, fd, slice_of(more, 100), 120), ERR_IO);
        ck_assert_int_eq(store_fs_unlink(b.fs, "/f"), ERR_IO);
        store_fs_close(b.fs, fd);
        sim_disk_crash(b.disk, SIM_DISK_KILL);
        ck_assert_uint_le(size_of(&b, "/f"), 120);
        partial += size_of(&b, "/f") > 20 && size_of(&b, "/f") < 120;
        fd = open_file(&b, "/f"); /* the next process is well */
        put(&b, fd, 0, 'z', 10);
        store_fs_close(b.fs, fd);
        teardown(&b);
    }
    ck_assert_int_gt(partial, 20);
}
END_TEST

/* ---- faults ---- */

START_TEST(rules_strike_what_they_name)
{
    struct bench b = setup(1);
    int log = open_file(&b, "/a.log");
    int index = open_file(&b, "/a.index");
    ck_assert(sim_disk_fail(b.disk, &(struct sim_rule){.ops = SIM_OP_WRITE | SIM_OP_SYNC,
                                                       .after = 1,
                                                       .times = 2,
                                                       .error = ERR_IO,
                                                       .path = ".log"}));
    put(&b, index, 0, 'x', 10);
    put(&b, log, 0, 'x', 10);
    ck_assert_int_eq(store_fs_pwrite(b.fs, log, slice_str("late"), 0), ERR_IO);
    put(&b, index, 0, 'x', 10);
    ck_assert_int_eq(store_fs_sync(b.fs, log), ERR_IO);
    ck_assert_int_eq(store_fs_sync(b.fs, log), ERR_NONE);
    ck_assert_uint_eq(sim_disk_struck(b.disk), 2);
    ck_assert_uint_eq(sim_fs_fault_count(b.world, SIM_FAULT_SYNC_ERROR), 1);
    store_fs_close(b.fs, log);
    store_fs_close(b.fs, index);
    teardown(&b);
}
END_TEST

/* The trap of fsync: it fails once, the next one says that all is well, the bytes are gone. */
START_TEST(a_failed_sync_drops_pages_for_good)
{
    int gone = 0;
    for (uint64_t seed = 0; seed < 60; seed++) {
        struct bench b = setup(seed);
        int fd = open_file(&b, "/f");
        ck_assert_int_eq(store_fs_sync_dir(b.fs, "/"), ERR_NONE);
        put(&b, fd, 0, 'x', 100);
        ck_assert(sim_disk_fail(
            b.disk, &(struct sim_rule){.ops = SIM_OP_SYNC, .times = 1, .error = ERR_IO}));
        ck_assert_int_eq(store_fs_sync(b.fs, fd), ERR_IO);
        ck_assert_int_eq(store_fs_sync(b.fs, fd), ERR_NONE);
        store_fs_close(b.fs, fd);
        sim_disk_crash(b.disk, SIM_DISK_POWER);
        gone += byte_at(&b, "/f", 0) != 'x';
        teardown(&b);
    }
    ck_assert_int_gt(gone, 20);
    ck_assert_int_lt(gone, 60);
}
END_TEST

START_TEST(a_full_disk_takes_what_fits)
{
    struct bench b = setup(1);
    int fd = open_file(&b, "/f");
    struct store_space space;
    uint8_t bytes[3 * 4096] = {0};
    sim_disk_set_free(b.disk, 2 * 4096);
    ck_assert_int_eq(store_fs_pwrite(b.fs, fd, slice_of(bytes, sizeof bytes), 0), ERR_NO_SPACE);
    ck_assert_uint_eq(size_of(&b, "/f"), 2 * 4096);
    ck_assert_int_eq(store_fs_pwrite(b.fs, fd, slice_of(bytes, 100), 0), ERR_NONE); /* in place */
    ck_assert_int_eq(store_fs_space(b.fs, "/", &space), ERR_NONE);
    ck_assert_uint_eq(space.free_bytes, 0);
    ck_assert_int_eq(store_fs_truncate(b.fs, fd, 0), ERR_NONE);
    ck_assert_int_eq(store_fs_pwrite(b.fs, fd, slice_of(bytes, 4096), 0), ERR_NONE);
    sim_disk_heal(b.disk);
    ck_assert_int_eq(store_fs_pwrite(b.fs, fd, slice_of(bytes, sizeof bytes), 0), ERR_NONE);
    store_fs_close(b.fs, fd);
    teardown(&b);
}
END_TEST

START_TEST(rot_flips_one_bit_of_what_was_named)
{
    struct bench b = setup(1);
    int fd = open_file(&b, "/a.log");
    put(&b, fd, 0, 0, 10000);
    int other = open_file(&b, "/b.index");
    put(&b, other, 0, 0, 10000);
    struct sim_spot spot;
    ck_assert(!sim_disk_choose(b.disk, ".timeindex", &spot));
    ck_assert(sim_disk_choose(b.disk, ".log", &spot));
    ck_assert_str_eq(spot.path, "/a.log");
    ck_assert(sim_spot_rot(&spot));
    int bits = 0;
    for (uint64_t at = 0; at < 10000; at++) {
        bits += __builtin_popcount(byte_at(&b, "/a.log", at));
        ck_assert_uint_eq(byte_at(&b, "/b.index", at), 0);
    }
    ck_assert_int_eq(bits, 1);
    store_fs_close(b.fs, fd);
    store_fs_close(b.fs, other);
    teardown(&b);
}
END_TEST

START_TEST(a_bad_sector_is_good_again_when_it_is_written)
{
    struct bench b = setup(1);
    int fd = open_file(&b, "/f");
    uint8_t byte;
    size_t got;
    put(&b, fd, 0, 'x', 4096);
    struct sim_spot spot;
    ck_assert(sim_disk_choose(b.disk, NULL, &spot));
    ck_assert(sim_spot_spoil(&spot));
    ck_assert_int_eq(store_fs_pread(b.fs, fd, store_room(&byte, 1), 0, &got), ERR_IO);
    put(&b, fd, 0, 'y', 4096);
    ck_assert_int_eq(store_fs_pread(b.fs, fd, store_room(&byte, 1), 0, &got), ERR_NONE);
    store_fs_close(b.fs, fd);
    teardown(&b);
}
END_TEST

START_TEST(holes_take_no_room)
{
    struct bench b = setup(1);
    int fd = open_file(&b, "/f");
    ck_assert_int_eq(store_fs_truncate(b.fs, fd, 10 << 20), ERR_NONE);
    ck_assert_uint_eq(sim_disk_used(b.disk), 0);
    ck_assert_uint_eq(byte_at(&b, "/f", 5 << 20), 0);
    struct sim_spot hole;
    ck_assert(sim_disk_choose(b.disk, NULL, &hole));
    ck_assert(!sim_spot_rot(&hole));
    ck_assert(!sim_spot_spoil(&hole));
    put(&b, fd, 100, 'x', 8);
    ck_assert_uint_eq(sim_disk_used(b.disk), 4096);
    store_fs_close(b.fs, fd);
    teardown(&b);
}
END_TEST

START_TEST(a_wiped_disk_is_empty_and_locks_end_with_their_process)
{
    struct bench b = setup(1);
    int lock = -1;
    int second = -1;
    ck_assert_int_eq(store_fs_lock(b.fs, "/.lock", &lock), ERR_NONE);
    ck_assert_int_eq(store_fs_lock(b.fs, "/.lock", &second), ERR_LOCKED);
    sim_disk_crash(b.disk, SIM_DISK_KILL);
    ck_assert_int_eq(store_fs_lock(b.fs, "/.lock", &second), ERR_NONE);
    store_fs_close(b.fs, lock); /* the dead server's; it must not open the new one's lock */
    ck_assert_int_eq(store_fs_lock(b.fs, "/.lock", &lock), ERR_LOCKED);
    store_fs_close(b.fs, second);
    sim_disk_wipe(b.disk);
    ck_assert(!store_fs_exists(b.fs, "/.lock"));
    teardown(&b);
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("sim_fs");
    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, it_does_what_the_real_one_does, 0, 20);
    tcase_add_loop_test(tc, what_is_synced_survives_every_power_cut, 0, 50);
    const TTest *const tests[] = {a_kill_keeps_every_write,
                                  a_write_is_kept_lost_or_torn,
                                  a_name_needs_its_directory_synced,
                                  a_rename_is_there_or_not,
                                  a_cut_is_journalled_before_what_follows,
                                  a_halt_strikes_within_a_write,
                                  rules_strike_what_they_name,
                                  a_failed_sync_drops_pages_for_good,
                                  a_full_disk_takes_what_fits,
                                  rot_flips_one_bit_of_what_was_named,
                                  a_bad_sector_is_good_again_when_it_is_written,
                                  holes_take_no_room,
                                  a_wiped_disk_is_empty_and_locks_end_with_their_process};
    unit_add(tc, tests, ARRAY_LEN(tests), 0);
    return unit_run(suite_create("sim_fs"), tc);
}
