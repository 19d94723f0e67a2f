/* A file system in memory that fails on purpose.
 *
 * It remembers, for each file and each directory, what was synced and what was only written, so
 * that a crash can take away anything that nobody promised: writes are lost one by one or torn,
 * names vanish in the reverse order of their making. It is stricter than ext4: a name is only safe
 * after store_fs_sync_dir() of its directory. Everything random comes from the seed.
 *
 *     struct fault_fs *disk = fault_fs_new(seed);
 *     const struct store_fs *fs = fault_fs_store(disk);
 *     fault_fs_fail(disk, FAULT_WRITE, 3, ERR_NO_SPACE, 1);    // the 4th write from now
 *     … fault_fs_crash(disk, FAULT_CRASH_RANDOM); …            // then open everything anew
 *
 * One thread at a time. */
#ifndef TESTS_LIB_FAULT_FS_H
#define TESTS_LIB_FAULT_FS_H

#include "store/fs.h"

struct fault_fs;

enum fault_op {
    FAULT_OPEN = 1 << 0,
    FAULT_READ = 1 << 1,
    FAULT_WRITE = 1 << 2, /* some first bytes of it may arrive */
    FAULT_SYNC = 1 << 3,
    FAULT_TRUNCATE = 1 << 4,
    FAULT_RENAME = 1 << 5,
    FAULT_UNLINK = 1 << 6,
    FAULT_MKDIR = 1 << 7,
    FAULT_LIST = 1 << 8,
    FAULT_SYNC_DIR = 1 << 9,
    FAULT_ALL = (1 << 10) - 1,
};

enum fault_crash {
    FAULT_CRASH_PROCESS, /* kill -9: the system still has every write */
    FAULT_CRASH_LOSE,    /* power cut: only what was synced is there */
    FAULT_CRASH_RANDOM,  /* power cut: of the rest, whatever the disk got to */
};

enum { FAULT_FOREVER = 0x7fffffff };

struct fault_fs *fault_fs_new(uint64_t seed);
void fault_fs_free(struct fault_fs *disk);
const struct store_fs *fault_fs_store(struct fault_fs *disk);

/* Lets `after` more calls of these kinds pass, then fails `times` of them with `e`. One rule at a
 * time: a second call replaces it. */
void fault_fs_fail(struct fault_fs *disk, uint32_t ops, uint32_t after, enum err e, uint32_t times);
void fault_fs_heal(struct fault_fs *disk);

/* Has the rule struck? */
bool fault_fs_struck(const struct fault_fs *disk);

/* How many calls of these kinds there were. */
uint64_t fault_fs_calls(const struct fault_fs *disk, enum fault_op op);

/* Descriptors and locks are gone (the old ones give ERR_IO), rules too. */
void fault_fs_crash(struct fault_fs *disk, enum fault_crash how);

/* What new modification times say. */
void fault_fs_set_time(struct fault_fs *disk, int64_t now_ms);

uint32_t fault_fs_open_count(const struct fault_fs *disk);

#endif
