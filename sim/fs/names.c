/* The names in a simulated directory, and what the disk has of them. */
#include "base/mem.h"
#include "sim/fs/disk.h"

/* ---- entries ---- */

static void entry_put(struct map *names, const char *name, struct sim_inode *inode)
{
    struct sim_entry *entry = MEM_NEW(struct sim_entry);
    *entry = (struct sim_entry){mem_strdup(name), sim_inode_ref(inode)};
    (void)map_put(names, slice_str(entry->name), entry);
}

static void entry_free(struct sim_entry *entry)
{
    sim_inode_unref(entry->inode);
    mem_free(entry->name);
    mem_free(entry);
}

static void entry_remove(struct map *names, const char *name)
{
    struct sim_entry *entry = map_remove(names, slice_str(name));
    if (entry != NULL) {
        entry_free(entry);
    }
}

static void entries_clear(struct map *names)
{
    struct map old = *names;
    *names = (struct map){0};
    size_t at = 0;
    for (struct sim_entry *e = map_next(&old, &at); e != NULL; e = map_next(&old, &at)) {
        entry_free(e);
    }
    map_fini(&old);
}

static void entries_copy(struct map *to, const struct map *from)
{
    size_t at = 0;
    for (struct sim_entry *e = map_next(from, &at); e != NULL; e = map_next(from, &at)) {
        entry_put(to, e->name, e->inode);
    }
}

static void apply(struct map *names, const struct sim_naming *n)
{
    if (n->removed != NULL) {
        entry_remove(names, n->removed);
    }
    if (n->added != NULL) {
        entry_remove(names, n->added);
        entry_put(names, n->added, n->inode);
    }
}

static void naming_fini(struct sim_naming *n)
{
    mem_free(n->removed);
    mem_free(n->added);
    if (n->inode != NULL) {
        sim_inode_unref(n->inode);
    }
}

/* ---- calls ---- */

struct sim_inode *sim_dir_find(const struct sim_inode *dir, struct slice name)
{
    struct sim_entry *entry = map_get(&dir->names, name);
    return entry == NULL ? NULL : entry->inode;
}

void sim_dir_change(struct sim_inode *dir, struct slice remove, struct slice name,
                    struct sim_inode *inode)
{
    struct sim_naming n = {.removed = slice_dup_str(remove)};
    if (inode != NULL) {
        n.added = slice_dup_str(name);
        n.inode = sim_inode_ref(inode);
    }
    if (dir->naming_count == 0) {
        entries_copy(&dir->synced_names, &dir->names);
        list_add_tail(&dir->disk->dirty, &dir->dirty_link);
    }
    dir->namings = mem_realloc(dir->namings, (dir->naming_count + 1) * sizeof n);
    dir->namings[dir->naming_count++] = n;
    apply(&dir->names, &n);
}

/* The first `count` changes are on the disk. */
static void settle(struct sim_inode *dir, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (count < dir->naming_count) {
            apply(&dir->synced_names, &dir->namings[i]);
        }
        naming_fini(&dir->namings[i]);
    }
    dir->naming_count -= count;
    if (dir->naming_count > 0) {
        memmove(dir->namings, dir->namings + count, dir->naming_count * sizeof *dir->namings);
        return;
    }
    mem_free(dir->namings);
    dir->namings = NULL;
    entries_clear(&dir->synced_names);
    list_remove(&dir->dirty_link);
}

void sim_dir_sync(struct sim_inode *dir)
{
    settle(dir, dir->naming_count);
}

void sim_dir_write_back(struct sim_inode *dir, struct prng *p)
{
    settle(dir, (uint32_t)prng_below(p, dir->naming_count + 1u));
}

void sim_dir_crash(struct sim_inode *dir, struct prng *p, uint32_t keep)
{
    uint32_t kept = dir->naming_count;
    if (!prng_chance(p, keep, 100)) {
        kept = keep > 0 ? (uint32_t)prng_below(p, dir->naming_count + 1u) : 0;
    }
    sim_fs_fault_add(dir->disk->fs, SIM_FAULT_LOST_NAME, dir->naming_count - kept);
    settle(dir, kept);
    if (dir->naming_count == 0) {
        return;
    }
    struct map lost = dir->names;
    dir->names = dir->synced_names;
    dir->synced_names = lost;
    settle(dir, dir->naming_count);
}

void sim_dir_fini(struct sim_inode *dir)
{
    if (dir->naming_count > 0) {
        settle(dir, dir->naming_count);
    }
    entries_clear(&dir->names);
}
