/* Files and directories of a simulated disk: what is there, and what a power cut would leave.
 * Private to sim/fs/. */
#ifndef SIM_FS_INODE_H
#define SIM_FS_INODE_H

#include "base/list.h"
#include "base/map.h"
#include "base/prng.h"
#include "sim/fs/sim_fs.h"

enum { SIM_PAGE = 4096, SIM_SECTOR = 512 };

enum sim_page_state {
    SIM_PAGE_CLEAN,  /* the disk has it */
    SIM_PAGE_DIRTY,  /* the disk has `old`, the next sync writes `live` */
    SIM_PAGE_DROPPED /* a sync failed: the disk has `old` and no sync will write it */
};

struct sim_page {
    uint8_t *live; /* NULL: zeroes */
    uint8_t *old;  /* NULL: zeroes, or clean */
    uint8_t state;
    bool bad; /* cannot be read */
};

/* A name in a directory. */
struct sim_entry {
    char *name;
    struct sim_inode *inode;
};

/* A change of a directory that was not synced: `removed` goes, then `added` comes. */
struct sim_naming {
    char *removed; /* NULL: nothing */
    char *added;   /* NULL: nothing */
    struct sim_inode *inode;
};

struct sim_inode {
    uint32_t refs; /* names, descriptors, changes of names */
    bool is_dir;
    bool locked;
    int64_t modified_ms;
    struct sim_disk *disk;
    struct list dirty_link; /* in disk->dirty; alone: the disk has it all */
    /* Files. */
    struct sim_page *pages;
    uint32_t page_count;
    uint32_t *touched; /* pages that are not clean */
    uint32_t touched_count;
    uint32_t touched_cap;
    uint64_t size;
    uint64_t synced_size;
    uint64_t cut; /* the lowest truncation since the last sync; UINT64_MAX: none */
    /* Directories. */
    struct map names;        /* struct sim_entry */
    struct map synced_names; /* struct sim_entry; only in use while there are namings */
    struct sim_naming *namings;
    uint32_t naming_count;
};

struct sim_inode *sim_inode_new(struct sim_disk *disk, bool is_dir);
struct sim_inode *sim_inode_ref(struct sim_inode *inode);
void sim_inode_unref(struct sim_inode *inode);

/* ---- files: sim/fs/pages.c ---- */

/* ERR_IO at a page that is bad. */
enum err sim_file_read(const struct sim_inode *file, uint64_t offset, struct store_room into,
                       size_t *got);

/* How many bytes of `data` fit on the disk; fewer than it has when the disk is full. */
size_t sim_file_write(struct sim_inode *file, uint64_t offset, struct slice data);
void sim_file_truncate(struct sim_inode *file, uint64_t size);
void sim_file_sync(struct sim_inode *file);

/* A sync that failed. */
void sim_file_drop(struct sim_inode *file, struct prng *p);
void sim_file_write_back(struct sim_inode *file, struct prng *p);

/* What a power cut leaves; `keep` of 100 pages had been written. */
void sim_file_crash(struct sim_inode *file, struct prng *p, uint32_t keep);

/* Flips a bit on the disk and in memory. Both: false: there is a hole. */
bool sim_file_rot(struct sim_inode *file, uint64_t byte, uint32_t bit);
bool sim_file_spoil(struct sim_inode *file, uint64_t byte);
void sim_file_fini(struct sim_inode *file);

/* ---- directories: sim/fs/names.c ---- */

/* Borrowed, or NULL. */
struct sim_inode *sim_dir_find(const struct sim_inode *dir, struct slice name);

/* Takes `remove` (may be null) out and adds `inode` (NULL: nothing) as `name`, in one step. */
void sim_dir_change(struct sim_inode *dir, struct slice remove, struct slice name,
                    struct sim_inode *inode);
void sim_dir_sync(struct sim_inode *dir);

/* The first changes, as many as chance has it, become durable. */
void sim_dir_write_back(struct sim_inode *dir, struct prng *p);
void sim_dir_crash(struct sim_inode *dir, struct prng *p, uint32_t keep);
void sim_dir_fini(struct sim_inode *dir);

#endif
