/* Disks: their life, their damage and their crashes. */
#include "sim/fs/disk.h"

#include <errno.h>
#include <stdio.h>

#include "base/mem.h"

/* ---- inodes ---- */

struct sim_inode *sim_inode_new(struct sim_disk *disk, bool is_dir)
{
    struct sim_inode *inode = MEM_NEW(struct sim_inode);
    inode->refs = 1;
    inode->is_dir = is_dir;
    inode->disk = disk;
    inode->cut = UINT64_MAX;
    list_init(&inode->dirty_link);
    return inode;
}

struct sim_inode *sim_inode_ref(struct sim_inode *inode)
{
    inode->refs++;
    return inode;
}

void sim_inode_unref(struct sim_inode *inode)
{
    if (--inode->refs > 0) {
        return;
    }
    list_remove(&inode->dirty_link);
    sim_file_fini(inode);
    sim_dir_fini(inode);
    mem_free(inode);
}

/* ---- the world ---- */

const char *sim_disk_fault_name(enum sim_disk_fault fault)
{
    static const char *const names[] = {
        [SIM_FAULT_KILLED] = "killed",
        [SIM_FAULT_POWER_CUT] = "power cut",
        [SIM_FAULT_HALTED] = "halted in a write",
        [SIM_FAULT_LOST_PAGE] = "lost page",
        [SIM_FAULT_TORN_PAGE] = "torn page",
        [SIM_FAULT_LOST_CUT] = "lost truncation",
        [SIM_FAULT_LOST_NAME] = "lost name",
        [SIM_FAULT_READ_ERROR] = "read error",
        [SIM_FAULT_BAD_SECTOR] = "bad sector read",
        [SIM_FAULT_WRITE_ERROR] = "write error",
        [SIM_FAULT_SYNC_ERROR] = "failed sync",
        [SIM_FAULT_DROPPED_PAGE] = "page dropped by a failed sync",
        [SIM_FAULT_NO_SPACE] = "full disk",
        [SIM_FAULT_BIT_ROT] = "bit rot",
        [SIM_FAULT_WIPED] = "wiped disk",
        [SIM_FAULT_SLOW] = "slow call",
    };
    ASSERT(fault < SIM_FAULT_KINDS);
    return names[fault];
}

struct sim_fs *sim_fs_new(const struct sim_fs_options *options)
{
    struct sim_fs *fs = MEM_NEW(struct sim_fs);
    fs->options = *options;
    return fs;
}

void sim_fs_free(struct sim_fs *fs)
{
    ASSERT(fs->fd_used == 0);
    mem_free(fs->fds);
    mem_free(fs);
}

uint64_t sim_fs_fault_count(const struct sim_fs *fs, enum sim_disk_fault fault)
{
    return fs->faults[fault];
}

void sim_fs_fault_add(struct sim_fs *fs, enum sim_disk_fault fault, uint64_t times)
{
    fs->faults[fault] += times;
}

/* ---- a disk ---- */

struct sim_disk *sim_disk_new(struct sim_fs *fs, uint64_t seed)
{
    struct sim_disk *disk = MEM_NEW(struct sim_disk);
    disk->store = (struct store_fs){&sim_disk_ops, disk};
    disk->fs = fs;
    disk->pages_max = UINT64_MAX;
    prng_init(&disk->prng, seed);
    list_init(&disk->dirty);
    disk->root = sim_inode_new(disk, true);
    return disk;
}

/* Descriptors of processes that are gone. */
static void forget_fds(struct sim_disk *disk)
{
    struct sim_fs *fs = disk->fs;
    for (uint32_t i = 0; i < fs->fd_count; i++) {
        struct sim_fd *fd = &fs->fds[i];
        if (fd->disk == disk && fd->inode != NULL) {
            fd->inode->locked = fd->inode->locked && !fd->holds_lock;
            sim_inode_unref(fd->inode);
            fd->inode = NULL;
            disk->open_count--;
        }
    }
}

void sim_disk_free(struct sim_disk *disk)
{
    if (disk == NULL) {
        return;
    }
    forget_fds(disk);
    for (uint32_t i = 0; i < disk->fs->fd_count; i++) {
        struct sim_fd *fd = &disk->fs->fds[i];
        if (fd->disk == disk) {
            mem_free(fd->path);
            *fd = (struct sim_fd){0};
            disk->fs->fd_used--;
        }
    }
    sim_rules_clear(disk);
    sim_inode_unref(disk->root);
    mem_free(disk);
}

const struct store_fs *sim_disk_store(struct sim_disk *disk)
{
    return &disk->store;
}

uint32_t sim_disk_open_count(const struct sim_disk *disk)
{
    return disk->open_count;
}

uint64_t sim_disk_used(const struct sim_disk *disk)
{
    return disk->used_pages * SIM_PAGE;
}

void sim_disk_heal(struct sim_disk *disk)
{
    sim_rules_clear(disk);
    disk->halts = false;
    disk->pages_max = UINT64_MAX;
    disk->us_min = 0;
    disk->us_max = 0;
}

void sim_disk_set_free(struct sim_disk *disk, uint64_t bytes)
{
    disk->pages_max = disk->used_pages + bytes / SIM_PAGE;
}

void sim_disk_observe(struct sim_disk *disk, bool observed)
{
    disk->observed = observed;
}

void sim_disk_set_speed(struct sim_disk *disk, int64_t us_min, int64_t us_max)
{
    disk->us_min = us_min;
    disk->us_max = us_max;
}

/* ---- damage ---- */

struct victim {
    const char *wanted;
    struct prng *prng;
    struct sim_spot *spot; /* chosen so far */
    uint64_t bytes;        /* seen so far */
};

/* One byte of all is chosen, whichever file it is in. */
static void consider(struct sim_inode *inode, struct buf *path, struct victim *victim)
{
    buf_put(path, "", 1);
    bool wanted = victim->wanted == NULL || strstr((char *)path->data, victim->wanted) != NULL;
    path->len--;
    if (!inode->is_dir) {
        if (wanted && inode->size > 0) {
            victim->bytes += inode->size;
            if (prng_below(victim->prng, victim->bytes) < inode->size) {
                victim->spot->file = inode;
                snprintf(victim->spot->path, sizeof victim->spot->path, "%.*s", (int)path->len,
                         (char *)path->data);
            }
        }
        return;
    }
    size_t len = path->len;
    size_t at = 0;
    for (struct sim_entry *e = map_next(&inode->names, &at); e != NULL;
         e = map_next(&inode->names, &at)) {
        buf_printf(path, "/%s", e->name);
        consider(e->inode, path, victim);
        path->len = len;
    }
}

bool sim_disk_choose(struct sim_disk *disk, const char *path, struct sim_spot *out)
{
    struct victim victim = {.wanted = path, .prng = &disk->prng, .spot = out};
    struct buf name = {0};
    *out = (struct sim_spot){.file = NULL};
    consider(disk->root, &name, &victim);
    buf_fini(&name);
    if (out->file != NULL) {
        out->byte = prng_below(&disk->prng, out->file->size);
    }
    return out->file != NULL;
}

bool sim_spot_rot(const struct sim_spot *spot)
{
    struct sim_disk *disk = spot->file->disk;
    uint32_t bit = (uint32_t)prng_below(&disk->prng, 8);
    if (!sim_file_rot(spot->file, spot->byte, bit)) {
        return false;
    }
    sim_fault(disk, SIM_FAULT_BIT_ROT);
    return true;
}

bool sim_spot_spoil(const struct sim_spot *spot)
{
    return sim_file_spoil(spot->file, spot->byte);
}

void sim_disk_wipe(struct sim_disk *disk)
{
    ASSERT(disk->open_count == 0);
    sim_inode_unref(disk->root);
    disk->root = sim_inode_new(disk, true);
    sim_fault(disk, SIM_FAULT_WIPED);
}

/* ---- crashes ---- */

void sim_disk_halt_after(struct sim_disk *disk, uint32_t changes, void (*halted)(void *arg),
                         void *arg)
{
    ASSERT(changes > 0);
    disk->halts = true;
    disk->halt_after = changes;
    disk->on_halted = halted;
    disk->on_halted_arg = arg;
}

void sim_disk_halt(struct sim_disk *disk)
{
    disk->halted = true;
    disk->halts = false;
}

/* Calls `fn` for everything that the disk does not have; what goes meanwhile is skipped. */
static void each_dirty(struct sim_disk *disk, void (*fn)(struct sim_inode *inode, void *arg),
                       void *arg)
{
    struct list work;
    list_init(&work);
    while (!list_empty(&disk->dirty)) {
        struct list *link = disk->dirty.next;
        list_remove(link);
        list_add_tail(&work, link);
    }
    while (!list_empty(&work)) {
        struct sim_inode *inode = LIST_ENTRY(work.next, struct sim_inode, dirty_link);
        list_remove(&inode->dirty_link);
        list_add_tail(&disk->dirty, &inode->dirty_link);
        fn(sim_inode_ref(inode), arg);
        sim_inode_unref(inode);
    }
}

static void write_back(struct sim_inode *inode, void *arg)
{
    struct prng *p = arg;
    if (inode->is_dir) {
        sim_dir_write_back(inode, p);
    } else {
        sim_file_write_back(inode, p);
    }
}

void sim_disk_write_back(struct sim_disk *disk)
{
    each_dirty(disk, write_back, &disk->prng);
}

static void cut_power(struct sim_inode *inode, void *arg)
{
    const uint32_t *keep = arg;
    struct prng *p = &inode->disk->prng;
    if (inode->is_dir) {
        sim_dir_crash(inode, p, *keep);
    } else {
        sim_file_crash(inode, p, *keep);
    }
}

void sim_disk_crash(struct sim_disk *disk, enum sim_disk_crash how)
{
    if (disk->halted) {
        sim_fault(disk, SIM_FAULT_HALTED);
    }
    forget_fds(disk);
    sim_disk_heal(disk);
    disk->halted = false;
    disk->halts = false;
    if (how == SIM_DISK_KILL) {
        sim_fault(disk, SIM_FAULT_KILLED);
        return;
    }
    sim_fault(disk, SIM_FAULT_POWER_CUT);
    /* How much the disk had got to differs more between power cuts than between pages. */
    uint32_t keep = how == SIM_DISK_LOSE ? 0 : (uint32_t)prng_below(&disk->prng, 5) * 25;
    each_dirty(disk, cut_power, &keep);
    ASSERT(list_empty(&disk->dirty));
}
