/* What the files of sim/fs/ know of a disk. Private to sim/fs/. */
#ifndef SIM_FS_DISK_H
#define SIM_FS_DISK_H

#include "sim/fs/inode.h"

enum { SIM_OP_COUNT = 10 };

struct sim_fd {
    struct sim_inode *inode; /* NULL: free, or its process is gone */
    struct sim_disk *disk;   /* NULL: free */
    char *path;              /* as it was opened, for rules */
    bool holds_lock;
};

struct sim_fs {
    struct sim_fs_options options;
    struct sim_fd *fds;
    uint32_t fd_count;
    uint32_t fd_used;
    uint32_t fd_next; /* where to look for a free one: numbers come back late */
    uint64_t faults[SIM_FAULT_KINDS];
    uint64_t failed[SIM_OP_COUNT]; /* calls of each kind */
    uint64_t died[SIM_OP_COUNT];   /* in which the process or machine ended */
};

struct sim_disk {
    struct store_fs store;
    struct sim_fs *fs;
    struct prng prng;
    struct sim_inode *root;
    struct list dirty; /* inodes with something to lose */
    uint64_t used_pages;
    uint64_t pages_max; /* UINT64_MAX: no end */
    uint32_t open_count;
    struct sim_rule rules[SIM_RULES_MAX];
    uint64_t struck;
    int64_t us_min;
    int64_t us_max;
    uint32_t halt_after;
    bool observed;
    bool halts; /* `halt_after` counts */
    bool halted;
    void (*on_halted)(void *arg);
    void *on_halted_arg;
};

/* Sets errno to what `e` stands for. */
enum err sim_disk_error(enum err e);

/* Before each call: asks the rules and the halt. */
enum err sim_disk_pass(struct sim_disk *disk, enum sim_op op, const char *path);

void sim_rules_clear(struct sim_disk *disk);

/* The calls of store/fs.h. */
extern const struct store_fs_ops sim_disk_ops;

static inline void sim_fault(struct sim_disk *disk, enum sim_disk_fault fault)
{
    disk->fs->faults[fault]++;
}

#endif
