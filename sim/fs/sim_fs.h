/* sim/fs/: the disks of a simulated cluster, in memory, behind store/fs.h.
 *
 * A `struct sim_fs` is what all hosts of a world share: one space of file descriptors and one count
 * of the faults. Each host has a `struct sim_disk`, which it sees as a whole file system:
 *
 *     struct sim_fs *world = sim_fs_new(&options);
 *     struct sim_disk *disk = sim_disk_new(world, seed);
 *     const struct store_fs *fs = sim_disk_store(disk);       // for the servers of the host
 *     sim_disk_fail(disk, &(struct sim_rule){.ops = SIM_OP_SYNC, .times = 1, .error = ERR_IO});
 *     sim_disk_halt_after(disk, 17);      // the host dies in its 17th change of the disk from now
 *     … free the server; sim_disk_crash(disk, SIM_DISK_POWER); … start a new one
 *
 * What a power cut leaves. Bytes wait in pages of 4 KiB until sync, and the disk may have got to
 * any of them before, in sectors of 512 bytes: each page is as it was synced, as it was written
 * last, or torn. The size of a file and a cut of it are journalled: a cut that did not get there
 * takes with it everything that was written behind it. Names are journalled directory by
 * directory: some first of the changes since sync_dir are there. It is stricter than ext4: no file
 * has its name for certain before sync_dir. kill -9 loses nothing.
 *
 * A sync that fails leaves pages that are lost, as Linux does: they can be read for a while, no
 * later sync writes them, and a power cut shows what is on the disk.
 *
 * Everything random comes from the disk's seed. Nothing here depends on addresses, so that a
 * simulation replays. One thread at a time; no globals. */
#ifndef SIM_FS_SIM_FS_H
#define SIM_FS_SIM_FS_H

#include "base/prng.h"
#include "store/fs.h"

struct sim_fs;
struct sim_disk;

enum sim_op {
    SIM_OP_OPEN = 1 << 0,
    SIM_OP_READ = 1 << 1,
    SIM_OP_WRITE = 1 << 2, /* when it fails some first bytes of it may have arrived */
    SIM_OP_SYNC = 1 << 3,
    SIM_OP_TRUNCATE = 1 << 4,
    SIM_OP_RENAME = 1 << 5,
    SIM_OP_UNLINK = 1 << 6, /* rmdir too */
    SIM_OP_MKDIR = 1 << 7,
    SIM_OP_LIST = 1 << 8,
    SIM_OP_SYNC_DIR = 1 << 9,
    SIM_OP_ALL = (1 << 10) - 1,
};

/* What has gone wrong on purpose, for the report of a run. */
enum sim_disk_fault {
    SIM_FAULT_KILLED,       /* processes ended with every write kept */
    SIM_FAULT_POWER_CUT,    /* machines that lost their power */
    SIM_FAULT_HALTED,       /* of both: in the middle of a change */
    SIM_FAULT_LOST_PAGE,    /* written, not synced, not there after a power cut */
    SIM_FAULT_TORN_PAGE,    /* some sectors of it are there */
    SIM_FAULT_LOST_CUT,     /* a truncation that a power cut took back */
    SIM_FAULT_LOST_NAME,    /* names made, changed or removed that a power cut took back */
    SIM_FAULT_READ_ERROR,   /* EIO by a rule */
    SIM_FAULT_BAD_SECTOR,   /* EIO of a page that went bad */
    SIM_FAULT_WRITE_ERROR,  /* EIO, of any change that is no sync */
    SIM_FAULT_SYNC_ERROR,   /* a failed sync */
    SIM_FAULT_DROPPED_PAGE, /* pages lost by one */
    SIM_FAULT_NO_SPACE,
    SIM_FAULT_BIT_ROT,
    SIM_FAULT_WIPED,
    SIM_FAULT_SLOW, /* calls that took slow_us */
    SIM_FAULT_KINDS
};

/* "lost page", "torn page", …: for reports. */
const char *sim_disk_fault_name(enum sim_disk_fault fault);

/* ---- the world ---- */

/* Members may be NULL. */
struct sim_fs_options {
    int64_t (*wall_ms)(void *arg);        /* the time of modification */
    void (*spend)(void *arg, int64_t us); /* a call of a slow disk takes so long */
    void *arg;
};

struct sim_fs *sim_fs_new(const struct sim_fs_options *options);

/* After all its disks. */
void sim_fs_free(struct sim_fs *fs);

/* Reads an open file of any host: how the simulated network sends ranges of files. */
enum err sim_fs_read(struct sim_fs *fs, int fd, struct store_room into, uint64_t offset,
                     size_t *got) MUST_USE;

uint64_t sim_fs_fault_count(const struct sim_fs *fs, enum sim_disk_fault fault);

/* The points at which calls can fail: one for each kind of call. How many of its calls failed by a
 * rule, and in how many the process or the machine ended; false: there is no such point. */
struct sim_fs_point {
    const char *name; /* "write", "sync", … */
    uint64_t failed;
    uint64_t died; /* of those that change something */
};
bool sim_fs_point_at(const struct sim_fs *fs, size_t at, struct sim_fs_point *out);
void sim_fs_fault_add(struct sim_fs *fs, enum sim_disk_fault fault, uint64_t times);

/* ---- one host's disk ---- */

struct sim_disk *sim_disk_new(struct sim_fs *fs, uint64_t seed);
void sim_disk_free(struct sim_disk *disk);
const struct store_fs *sim_disk_store(struct sim_disk *disk);

/* How many descriptors are open, those of processes that crashed excepted. */
uint32_t sim_disk_open_count(const struct sim_disk *disk);

/* Bytes that its files take in memory; a hole takes none. */
uint64_t sim_disk_used(const struct sim_disk *disk);

/* ---- faults ---- */

enum { SIM_RULES_MAX = 8, SIM_FOR_EVER = 0x7fffffff };

/* Calls of kinds `ops` on paths that contain `path` (NULL: any): `after` of them pass, then `times`
 * fail with `error`. */
struct sim_rule {
    uint32_t ops;
    uint32_t after;
    uint32_t times;
    enum err error;
    const char *path; /* copied */
};

/* False: there are SIM_RULES_MAX rules already. A rule that has run out makes room. */
bool sim_disk_fail(struct sim_disk *disk, const struct sim_rule *rule);

/* How many calls rules have failed since the beginning. */
uint64_t sim_disk_struck(const struct sim_disk *disk);

/* Takes all rules and halts to come back, makes room and makes the disk fast again; bad sectors
 * stay until they are written. */
void sim_disk_heal(struct sim_disk *disk);

/* From now on `bytes` more can be written. */
void sim_disk_set_free(struct sim_disk *disk, uint64_t bytes);

/* A byte of a file, until the disk changes. */
struct sim_spot {
    struct sim_inode *file;
    uint64_t byte;
    char path[256];
};

/* A random byte of all files whose paths contain `path` (NULL: any); false: none holds a byte. */
bool sim_disk_choose(struct sim_disk *disk, const char *path, struct sim_spot *out);

/* Flips a bit of it; false: it is in a hole. */
bool sim_spot_rot(const struct sim_spot *spot);

/* Its page cannot be read until it is written whole; false: it is in a hole. */
bool sim_spot_spoil(const struct sim_spot *spot);

/* Each sync and each read takes between the two. */
void sim_disk_set_speed(struct sim_disk *disk, int64_t us_min, int64_t us_max);

/* Calls meet no fault and take no time: somebody looks who is not part of the simulation. */
void sim_disk_observe(struct sim_disk *disk, bool observed);

/* The kernel writes some pages and names back by itself. */
void sim_disk_write_back(struct sim_disk *disk);

/* ---- crashes ---- */

/* The process or machine dies within the `changes`-th call from now that changes the disk: that
 * call gets some way, and every call after it fails with ERR_IO without effect. `halted` is then
 * called once, from within; it may note that the host is dead, no more. */
void sim_disk_halt_after(struct sim_disk *disk, uint32_t changes, void (*halted)(void *arg),
                         void *arg);

/* Now: nothing that a dying server still calls has an effect. */
void sim_disk_halt(struct sim_disk *disk);

enum sim_disk_crash {
    SIM_DISK_KILL,  /* the process: the system still has every write */
    SIM_DISK_LOSE,  /* the power: nothing is there but what was synced */
    SIM_DISK_POWER, /* the power: of the rest, whatever the disk got to */
};

/* What is left of the disk, for the next server. Descriptors and locks are gone: a use of an old
 * descriptor fails with ERR_IO. Rules and halts are gone too. */
void sim_disk_crash(struct sim_disk *disk, enum sim_disk_crash how);

/* A new disk. No descriptor may be open. */
void sim_disk_wipe(struct sim_disk *disk);

#endif
